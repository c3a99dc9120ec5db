//! From when on and until when an approval counts, what it will not allow, and whether it can ever count: looked at when it
//! is given, so that nobody says yes to nothing.

use std::time::Duration;

use enact_core::approval::{Approval, ApprovalId, Method};
use enact_core::asked::{Asked, asked_by};
use enact_core::condition::step::StepName;
use enact_core::condition::{Condition, duration, duration_in_words};
use enact_core::exit::ExitCode;
use enact_core::gate::{GateClosed, is_kept, tightened};
use enact_core::plan::Plan;
use enact_core::principal::People;
use enact_core::principal::{Principal, PrincipalKind};

use crate::error::CommandError;

/// How long an approval is good that does not say it, from when it counts.
const USUAL: Duration = Duration::from_secs(24 * 3600);

/// Until when an approval is good: as long from now as was said, else a day from when it counts.
///
/// # Errors
/// When it would never count: what was said is no length, or it would be over before it begins.
pub(crate) fn expiry(
    plan: &Plan,
    conditions: &[Condition],
    said: Option<&str>,
    now: jiff::Timestamp,
) -> Result<jiff::Timestamp, CommandError> {
    let asked = asked_by(plan).map_err(|unreadable| CommandError::from(GateClosed::from(unreadable)))?;
    let mut record = draft(plan, conditions, now);
    let (start, _) = enact_core::gate::term(&tightened(record.clone(), &asked));
    let start = start.unwrap_or(now).max(now);
    let end = match said {
        Some(text) => duration(text).and_then(|length| after(now, Duration::from_millis(length.0))),
        None => after(start, USUAL),
    };
    let end = end.ok_or_else(|| no_length(said.unwrap_or_default()))?;
    record.expires_at = Some(end);
    match enact_core::gate::term(&tightened(record, &asked)).1 {
        Some(over) if over <= start => Err(never(start, over, now, &asked)),
        Some(_) | None => Ok(end),
    }
}

/// A plan whose own window is over can be approved by nobody any more, and one whose window has not begun is let run by nobody yet.
///
/// # Errors
/// When it is over, or has not begun.
pub(crate) fn check_window(plan: &Plan, now: jiff::Timestamp) -> Result<(), CommandError> {
    let asked = asked_by(plan).map_err(|unreadable| CommandError::from(GateClosed::from(unreadable)))?;
    let refused = |message: String| CommandError::new(ExitCode::NotApproved, message);
    if let Some(over) = asked.not_after.filter(|over| *over <= now) {
        return Err(refused(format!(
            "the plan's own window ended at {over:.0}: no approval lets it run any more; nothing was done"
        ))
        .hint("have the plan made anew with another window: approvals.window of the runbook"));
    }
    match asked.not_before.filter(|start| *start > now) {
        Some(start) => Err(refused(format!(
            "the plan's own window begins at {start:.0}: no approval lets it run before; nothing was done"
        ))
        .hint(format!(
            "run it from then on; it can be approved beforehand: enact approve {}",
            plan.id().short()
        ))),
        None => Ok(()),
    }
}

/// What of an approval says when it counts.
fn draft(plan: &Plan, conditions: &[Condition], now: jiff::Timestamp) -> Approval {
    let nobody = Principal {
        id: String::new(),
        kind: PrincipalKind::Person,
    };
    Approval {
        decided_at: now,
        conditions: conditions.to_vec(),
        ..Approval::yes(ApprovalId(String::new()), plan.id().clone(), nobody, Method::Flag)
    }
}

fn after(moment: jiff::Timestamp, length: Duration) -> Option<jiff::Timestamp> {
    moment.checked_add(length).ok()
}

fn no_length(text: &str) -> CommandError {
    CommandError::invalid(format!("--expires {text:?} is not a length of time"))
        .hint("for example 30m, 8h or 2d")
}

fn never(start: jiff::Timestamp, over: jiff::Timestamp, now: jiff::Timestamp, asked: &Asked) -> CommandError {
    if over <= now {
        return CommandError::invalid(format!(
            "this approval would count until {over:.0}, which is past; nothing was approved"
        ))
        .hint("name a time that is still to come, or have the plan made anew if it is its own window");
    }
    let refused = CommandError::invalid(format!(
        "this approval would run out at {over:.0}, before it counts from {start:.0}; nothing was approved"
    ));
    match asked.expires {
        Some(length) => refused.hint(format!(
            "the plan lets an approval be good for {} at most: approve it when it may run",
            duration_in_words(length)
        )),
        None => refused.hint("let it be good for longer: --expires"),
    }
}

/// A condition that nothing in the plan could hold a run to makes an approval that can never count.
pub(crate) fn check_kept(
    plan: &Plan,
    conditions: &[Condition],
    steps: &[StepName],
) -> Result<(), CommandError> {
    match not_kept(plan, conditions, steps) {
        None => Ok(()),
        Some(why) => Err(CommandError::invalid(format!("{why}; nothing was approved"))
            .hint("approve it without that, or have the plan revised")),
    }
}

/// Nobody is their own second approver.
pub(crate) fn check_second(
    conditions: &[Condition],
    approver: &str,
    people: &People,
) -> Result<(), CommandError> {
    let themselves = |condition: &Condition| matches!(condition, Condition::SecondApprover { who, .. } if people.is_same(who, approver));
    if !conditions.iter().any(themselves) {
        return Ok(());
    }
    let message = format!("{approver} cannot be the second approver beside themselves; nothing was approved");
    Err(CommandError::invalid(message).hint("name somebody else, or a role: role:NAME"))
}

/// The first condition that nothing in the plan could hold a run to, and why.
pub(crate) fn not_kept(plan: &Plan, conditions: &[Condition], steps: &[StepName]) -> Option<String> {
    let condition = conditions.iter().find(|condition| !is_kept(plan, condition))?;
    let why = match condition {
        Condition::MaxDowntime { .. } => "the plan does not say when its downtime is",
        Condition::ExtraCheck { .. } => "only steps of runbooks that are still to run can be checked",
        Condition::CheckpointBefore { .. } | Condition::SecondApprover { .. } => {
            "the step was done by the run that this plan takes over"
        }
        Condition::CheckpointAfter { .. }
        | Condition::CheckpointBetweenSteps
        | Condition::StopAfter { .. }
        | Condition::Window { .. }
        | Condition::MaxDuration { .. }
        | Condition::DryRunOnly => "the plan has no such step",
    };
    Some(format!(
        "nothing could hold a run of this plan to {:?}: {why}",
        condition.in_words(steps)
    ))
}

/// What the approval does not allow, or not yet.
pub(crate) fn not_allowed(limited: &Approval) -> Vec<String> {
    let (start, _) = enact_core::gate::term(limited);
    let mut lines = Vec::new();
    if let Some(start) = start.filter(|start| *start > limited.decided_at) {
        lines.push(format!(
            "It counts from {start:.0}; until then no run of the plan begins."
        ));
    }
    if limited.conditions.contains(&Condition::DryRunOnly) {
        lines.push("It lets nothing run that has an effect: only run --dry-run.".to_owned());
    }
    lines
}
