//! The end of a run of a runbook: one line for the result, what to do now, and the whole report.

use enact_core::criterion::{CriterionReport, CriterionVerdict};
use enact_core::journal::{ChangeState, RunId, RunOutcome, RunPhase, RunState};
use enact_core::plan::Plan;
use enact_runbook::provider::downtime_length;
use enact_runbook::spec::Document;

use super::Painter;
use super::runbook_text::span;
use crate::state;

/// The closing lines on standard error.
pub(crate) fn closing(
    painter: Painter,
    plan: &Plan,
    document: &Document,
    run_id: &RunId,
    state: &RunState,
) -> String {
    let times = times(document, state);
    let word = word(state);
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
pub(crate) fn word(state: &RunState) -> &'static str {
    match (state.outcome, state.phase) {
        (Some(RunOutcome::Verified), _) => "complete",
        (Some(RunOutcome::NotVerified), _) => "not complete: verification failed",
        (Some(RunOutcome::Stale), _) => "not started",
        (Some(RunOutcome::Drift | RunOutcome::Failed), _) => "not complete: failed",
        (Some(RunOutcome::RolledBack), _) => "not complete: failed and rolled back",
        (Some(RunOutcome::Unknown), _) => "not complete: the outcome of a step is unknown",
        (Some(RunOutcome::Stuck), _) => "not complete: an undo failed, the run is stuck",
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
    let changes = plan.changes().iter().map(|change| &change.change_id);
    for change_id in changes {
        let progress = state.changes.get(change_id);
        match state.of(change_id) {
            ChangeState::Escalated => lines.push(format!(
                "decide with: enact decide {run_id} {change_id} retry|accept|rollback|abort --reason …"
            )),
            ChangeState::Unknown => lines.push(format!(
                "settle with: enact decide {run_id} {change_id} done|not-done --reason …, then: enact resume {run_id}"
            )),
            ChangeState::Stuck => lines.push(format!(
                "settle with: enact decide {run_id} {change_id} done|not-done --reason …, then: enact rollback {run_id}"
            )),
            ChangeState::Delegated => lines.push(format!("what to do: enact runs next {run_id}")),
            ChangeState::Failed if state.phase == RunPhase::Paused => lines.push(format!(
                "decide with: enact decide {run_id} {change_id} rollback|abort --reason …"
            )),
            ChangeState::Pending | ChangeState::Done if state.phase == RunPhase::Paused => {
                let waits = progress.and_then(|progress| {
                    let hold = progress.held.as_ref()?;
                    (!progress.satisfies(hold)).then_some(())
                });
                if waits.is_some() {
                    lines.push(format!("confirm with: enact confirm {run_id} {change_id}"));
                }
            }
            ChangeState::Pending
            | ChangeState::Started
            | ChangeState::Done
            | ChangeState::Failed
            | ChangeState::Drifted
            | ChangeState::Skipped
            | ChangeState::Omitted
            | ChangeState::Undoing
            | ChangeState::Undone => {}
        }
    }
    let waiting = state.criteria.iter().filter(|criterion| {
        criterion.verdict == CriterionVerdict::Waiting && state.phase == RunPhase::Paused
    });
    for criterion in waiting {
        lines.push(format!("attest with: enact attest {run_id} {}", criterion.id));
    }
    match (state.outcome, state.phase) {
        (None, RunPhase::Stopped | RunPhase::Running) => {
            lines.push(format!("to go on: enact resume {run_id}"))
        }
        (None, RunPhase::Paused) if lines.is_empty() => {
            lines.push(format!("to go on: enact resume {run_id}"))
        }
        (Some(RunOutcome::Failed | RunOutcome::NotVerified), _) => {
            lines.push(format!(
                "what was done stays done; to take it back: enact rollback {run_id}"
            ));
        }
        _ => {}
    }
    lines.push(format!("report: enact runs report {run_id}"));
    lines
}

/// A criterion's verdict in one word.
pub(crate) fn verdict_word(criterion: &CriterionReport) -> &'static str {
    match criterion.verdict {
        CriterionVerdict::Passed => "passed",
        CriterionVerdict::Failed => "failed",
        CriterionVerdict::Attested => "attested, not verified",
        CriterionVerdict::NotChecked => "not checked",
        CriterionVerdict::Waiting => "waiting",
        CriterionVerdict::NotApplicable => "not applicable",
    }
}
