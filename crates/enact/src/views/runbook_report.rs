//! The end of a run of a runbook: one line for the result, what to do now, and the whole report.

use enact_core::asked::asked_by;
use enact_core::change::ChangeId;
use enact_core::change_progress::ChangeProgress;
use enact_core::confirmation::Missing;
use enact_core::criterion::{CriterionReport, CriterionVerdict};
use enact_core::journal::{ChangeState, RunId, RunOutcome, RunPhase, RunState};
use enact_core::plan::Plan;
use enact_core::report::has_failed;
use enact_runbook::choices::Stop;
use enact_runbook::provider::downtime_length;
use enact_runbook::spec::Document;

use super::Painter;
use super::runbook_progress::signing;
use super::runbook_text::span;
use crate::open_decisions::{asked_after_failure, decided, next_step, open_hold};
use crate::state;
use crate::way_back::{command_on, flags, would_undo_something};

/// The closing lines on standard error.
pub(crate) fn closing(
    painter: Painter,
    plan: &Plan,
    document: &Document,
    run_id: &RunId,
    state: &RunState,
) -> String {
    let times = times(document, state);
    let word = word(plan, state);
    let word = match state.outcome {
        Some(RunOutcome::Verified) => painter.good(word),
        None => painter.careful(word),
        Some(_) => painter.bad(word),
    };
    let mut text = format!("{}   {word}  {times}\n", painter.strong("RESULT"));
    if state.outcome == Some(RunOutcome::Stale) {
        text.push_str("         nothing has happened: what the plan takes for granted does not hold\n");
    }
    for line in advice(plan, run_id, state) {
        text.push_str(&format!("         {line}\n"));
    }
    text
}

/// How the run stands, in the words of a report.
pub(crate) fn word(plan: &Plan, state: &RunState) -> &'static str {
    match (state.outcome, state.phase) {
        (Some(RunOutcome::Verified), _) => "complete",
        (Some(RunOutcome::NotVerified), _) => "not complete: verification failed",
        (Some(RunOutcome::Stale), _) => "not started",
        (Some(RunOutcome::Drift | RunOutcome::Failed), _) => "not complete: failed",
        (Some(RunOutcome::RolledBack), _) if has_failed(plan, state) => {
            "not complete: failed and rolled back"
        }
        (Some(RunOutcome::RolledBack), _) => "not complete: rolled back",
        (Some(RunOutcome::Unknown), _) => "not complete: the outcome of a step is unknown",
        (Some(RunOutcome::Stuck), _) => "not complete: an undo failed, the run is stuck",
        (Some(RunOutcome::Superseded), _) => "not complete: taken over by a revision",
        (None, RunPhase::Paused) => "waiting",
        (None, RunPhase::Stopped) => "stopped",
        (None, RunPhase::Running | RunPhase::Finished) => "not ended",
    }
}

/// Total and downtime, each beside what was expected.
pub(crate) fn times(document: &Document, state: &RunState) -> String {
    let now = state::now();
    let milliseconds = |length: std::time::Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let mut text = format!("total {}", span(milliseconds(state.worked(now))));
    if let Some(estimate) = document
        .estimate
        .filter(|_| document.settings.show_estimated_time)
    {
        text.push_str(&format!(" (est. {})", span(estimate.likely.0)));
    }
    if let (Some(window), Some(down)) = (&document.downtime, downtime_length(document, state, now)) {
        let mut expected = Vec::new();
        if let Some(estimate) = window.estimate {
            expected.push(format!("est. {}", span(estimate.0)));
        }
        if let Some(limit) = window.limit {
            expected.push(format!("limit {}", span(limit.0)));
        }
        text.push_str(&format!("  downtime {}", span(milliseconds(down))));
        if !expected.is_empty() {
            text.push_str(&format!(" ({})", expected.join(", ")));
        }
    }
    text
}

/// What to do now, each in one line.
pub(crate) fn advice(plan: &Plan, run_id: &RunId, state: &RunState) -> Vec<String> {
    let mut lines = Vec::new();
    let back = flags(plan, state);
    let command = command_on(plan, run_id, state);
    if let Some(by) = &state.superseded_by {
        return vec![
            format!("a revision took it over; go on there: enact runs next {by}"),
            format!("report: enact runs report {run_id}"),
        ];
    }
    let is_open = matches!(state.outcome, None | Some(RunOutcome::Unknown));
    let is_unknown = |progress: &ChangeProgress| progress.state == ChangeState::Unknown;
    let must_settle = state.changes.values().any(is_unknown);
    let asked = asked_after_failure(plan, state);
    let changes = plan.changes().iter().map(|change| &change.change_id);
    for change_id in changes {
        let progress = state.changes.get(change_id);
        match state.of(change_id) {
            ChangeState::Escalated if state.phase != RunPhase::Finished => {
                let stop = Stop::of(plan, change_id, progress, decided(state));
                lines.push(decide_with(run_id, change_id, stop) + back.of_decision);
            }
            ChangeState::Unknown => lines.push(format!(
                "settle with: enact decide {run_id} {change_id} done|not-done --reason …, then: {command}"
            )),
            ChangeState::Stuck => lines.push(format!(
                "settle with: enact decide {run_id} {change_id} done|not-done --reason …, then: enact rollback {run_id}{}",
                back.of_command
            )),
            ChangeState::Delegated if is_open => lines.push(format!("what to do: enact runs next {run_id}")),
            // What may fail is no reason to ask anybody.
            ChangeState::Failed if asked.contains(&change_id) => {
                lines.push(end_with(run_id, change_id.as_str(), back.of_decision));
            }
            ChangeState::Pending
            | ChangeState::Started
            | ChangeState::Done
            | ChangeState::Failed
            | ChangeState::Drifted
            | ChangeState::Skipped
            | ChangeState::Omitted
            | ChangeState::Delegated
            | ChangeState::Escalated
            | ChangeState::Undoing
            | ChangeState::Undone => {}
        }
        let waits = progress.filter(|_| state.phase == RunPhase::Paused);
        lines.extend(waits.and_then(|progress| confirm_with(run_id, change_id, progress)));
    }
    let is_paused = state.phase == RunPhase::Paused;
    for criterion in to_attest(state).filter(|_| is_paused) {
        lines.push(format!("attest with: enact attest {run_id} {}", criterion.id));
    }
    let unmet = |criterion: &&CriterionReport| {
        matches!(
            criterion.verdict,
            CriterionVerdict::Failed | CriterionVerdict::NotChecked
        )
    };
    let asks = state.phase == RunPhase::Paused && decided(state).is_none();
    if asks && state.criteria.iter().any(|criterion| unmet(&criterion)) {
        lines.push(end_with(run_id, "verification", back.of_decision));
    }
    match (state.outcome, state.phase) {
        (None, RunPhase::Paused) if needs_approval(state) => {
            lines.extend(with_another_approval(plan, run_id, state));
        }
        (None, RunPhase::Stopped) if must_settle => {}
        (None, RunPhase::Stopped | RunPhase::Running) => lines.push(to_go_on(&command)),
        (None, RunPhase::Paused) | (Some(RunOutcome::Unknown | RunOutcome::Stuck), _) if lines.is_empty() => {
            lines.push(to_go_on(&command));
        }
        (Some(RunOutcome::Failed | RunOutcome::NotVerified), _) => {
            lines.extend(what_stays(plan, run_id, state, back.of_command));
        }
        _ => {}
    }
    lines.push(format!("report: enact runs report {run_id}"));
    lines
}

/// The criteria that somebody is still to attest.
pub(crate) fn to_attest(state: &RunState) -> impl Iterator<Item = &CriterionReport> {
    state.criteria.iter().filter(|criterion| {
        criterion.verdict == CriterionVerdict::Waiting && !state.attested.contains_key(&criterion.id)
    })
}

/// What becomes of what an ended run has done, and how to take it back where that would undo anything.
/// What lets a run go on whose approval counts no more. Where the plan's own window is over nothing does.
pub(crate) fn with_another_approval(plan: &Plan, run_id: &RunId, run: &RunState) -> Vec<String> {
    let window = asked_by(plan).ok().and_then(|asked| asked.not_after);
    let Some(end) = window.filter(|end| *end <= state::now()) else {
        return vec![format!(
            "approve with: enact approve {}, then: enact resume {run_id}",
            plan.id().short()
        )];
    };
    let mut lines = vec![format!(
        "the plan's own window ended at {end:.0}: no approval lets it go on any more"
    )];
    let flags = flags(plan, run);
    if let Some(step) = next_step(plan, run) {
        lines.push(format!(
            "end it as it is: enact decide {run_id} {step} abort --reason …"
        ));
    }
    if would_undo_something(plan, run) {
        lines.push(format!(
            "take it back: enact rollback {run_id}{}",
            flags.of_command
        ));
    }
    lines
}

fn what_stays(plan: &Plan, run_id: &RunId, state: &RunState, flag: &str) -> Option<String> {
    if would_undo_something(plan, state) {
        return Some(format!(
            "what was done stays done; to take it back: enact rollback {run_id}{flag}"
        ));
    }
    let any = state.done_last().is_some();
    any.then(|| "what was done stays done: the plan has no way back for any of it".to_owned())
}

/// The confirmation that is asked for, and of whom where it is not just anybody's.
fn confirm_with(run_id: &RunId, change_id: &ChangeId, progress: &ChangeProgress) -> Option<String> {
    let hold = open_hold(progress)?;
    let missing = Missing::at(hold, &progress.confirmed);
    let of = if hold.is_demanding() {
        format!("  (missing: {missing})")
    } else {
        String::new()
    };
    let signing = signing(hold);
    Some(format!(
        "confirm with: enact confirm {run_id} {change_id}{signing}{of}"
    ))
}

/// The line that names the command with which a run goes on.
pub(crate) fn to_go_on(command: &str) -> String {
    let what = if command.starts_with("enact rollback ") {
        "to take back the rest"
    } else {
        "to go on"
    };
    format!("{what}: {command}")
}

fn needs_approval(state: &RunState) -> bool {
    let reason = state.reason.as_deref().unwrap_or_default();
    reason.starts_with(enact_engine::ANOTHER_APPROVAL)
}

/// The decision whether what was done is taken back or left, and where it is taken.
fn end_with(run_id: &RunId, at: &str, flag: &str) -> String {
    format!("decide with: enact decide {run_id} {at} rollback|abort --reason …{flag}")
}

/// The decisions that are asked for about a failure, one line each.
pub(crate) fn after_failure(plan: &Plan, run_id: &RunId, state: &RunState) -> Vec<String> {
    let flag = flags(plan, state).of_decision;
    let asked = asked_after_failure(plan, state).into_iter();
    asked
        .map(|change_id| end_with(run_id, change_id.as_str(), flag))
        .collect()
}

/// The decision that is asked for, with the choices that are taken.
pub(crate) fn decide_with(run_id: &RunId, change_id: &ChangeId, stop: Stop) -> String {
    let words: Vec<&str> = stop.choices().iter().map(|choice| choice.as_str()).collect();
    format!(
        "decide with: enact decide {run_id} {change_id} {} --reason …",
        words.join("|")
    )
}

/// What a paused run of any plan waits for, in the words of [`advice`]; empty for a run that does not.
pub(crate) fn waits(plan: &Plan, run_id: Option<&RunId>, state: &RunState) -> Vec<String> {
    match run_id.filter(|_| state.phase == RunPhase::Paused) {
        Some(run_id) => advice(plan, run_id, state),
        None => Vec::new(),
    }
}
