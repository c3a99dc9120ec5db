//! Whether a run that could go on may: the approvals that it rests on may have run out, or been taken back, since it began to wait.

use enact_core::gate::GateClosed;
use enact_core::journal::{RunId, RunOutcome, RunState};
use enact_core::plan::Plan;
use enact_engine::ANOTHER_APPROVAL;
use enact_engine::installation::Installation;

use super::Context;
use super::runs_next::{Next, waits_at_a_step};
use crate::admission::closed_by_people;
use crate::policy::{Policies, PolicyFlags};
use crate::views::runbook_report::{to_go_on, with_another_approval};

/// The same with what else it needs before `enact resume` would go on with it.
pub(super) fn with_what_is_needed(
    context: &Context,
    installation: &Installation,
    plan: &Plan,
    run: &RunState,
    next: Next,
) -> Next {
    let is_over = !matches!(run.outcome, None | Some(RunOutcome::Unknown));
    // Taking back, and ending it, need no approval that is still good.
    if is_over || run.ending.is_some() || run.is_rolling_back() {
        return next;
    }
    match closed(context, installation, plan, &next.run_id) {
        Some(closed) => said(plan, run, next, &closed),
        None => next,
    }
}

fn closed(context: &Context, installation: &Installation, plan: &Plan, run_id: &str) -> Option<GateClosed> {
    let run_id = RunId(run_id.to_owned());
    let mut policies = Policies::in_force(&context.settings, &PolicyFlags::default()).ok()?;
    closed_by_people(context, installation, plan, Some(&run_id), &mut policies)
}

fn said(plan: &Plan, run: &RunState, mut next: Next, closed: &GateClosed) -> Next {
    let asks = !next.confirmations.is_empty() || !next.open_steps.is_empty() || waits_at_a_step(run);
    let begun = |reason: &String| reason.starts_with(ANOTHER_APPROVAL);
    let mut lines = Vec::new();
    if next.state == "paused" && !asks && next.decided.is_none() && !next.reason.as_ref().is_some_and(begun) {
        next.reason = Some(format!("{ANOTHER_APPROVAL}{closed}"));
    } else {
        lines.push(format!(
            "it does not go on under the approval that it has: {closed}"
        ));
    }
    lines.extend(way_on(plan, run, &next.run_id, closed));
    let resume = to_go_on(&format!("enact resume {}", next.run_id));
    next.advice
        .retain(|line| *line != resume && !lines.contains(line));
    next.advice.splice(0..0, lines);
    next
}

/// What there is to do before it goes on.
fn way_on(plan: &Plan, run: &RunState, run_id: &str, closed: &GateClosed) -> Vec<String> {
    if let GateClosed::Rejected { approval_id, .. } = closed {
        return vec![format!(
            "to go on, once whoever said no takes it back (enact approvals withdraw {approval_id}): enact resume {run_id}"
        )];
    }
    with_another_approval(plan, &RunId(run_id.to_owned()), run)
}
