//! The end of a run for people: the origin's counts, what failed, and what was proved.

use enact_core::journal::{RunId, RunOutcome, RunState};
use enact_core::plan::Plan;
use enact_core::report::{ChangeOutcome, ChangeReport, NOTHING_TO_UNDO, RunReport};

use super::runbook_whole::one_line;
use super::{Painter, runbook_report};
use crate::way_back::{flags, would_undo_something};

/// What the report of a run does not say.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// What a run that waits for people needs.
    pub(crate) waits: Vec<String>,
    /// Would taking it back undo anything?
    pub(crate) comes_back: bool,
    /// What `enact rollback RUN` needs besides.
    pub(crate) flag: &'static str,
}

impl Ahead {
    /// What is ahead of a run of this plan.
    pub(crate) fn of(plan: &Plan, run_id: Option<&RunId>, state: &RunState) -> Self {
        Self {
            waits: runbook_report::waits(plan, run_id, state),
            comes_back: would_undo_something(plan, state),
            flag: flags(plan, state).of_command,
        }
    }
}

/// The closing counts, and what to do now.
pub(crate) fn closing(painter: Painter, report: &RunReport, ahead: &Ahead) -> String {
    let result = &report.execution_result;
    let mut text = format!(
        "\n{}\n- Success: {}\n- Failed: {}\n- Skipped: {}\n- Blocked: {}\n",
        painter.strong("Execution complete:"),
        result.success_count,
        result.failure_count,
        result.skipped_count,
        result.blocked_count
    );
    let checked = report.verification;
    let done = checked.verified_count + checked.mismatch_count + checked.unchecked_count;
    if done > 0 {
        let open = match checked.unchecked_count {
            0 => String::new(),
            open => format!(" ({open} not looked at)"),
        };
        let line = format!("- Verified: {} of {done}{open}", checked.verified_count);
        text.push_str(&match (checked.mismatch_count, checked.unchecked_count) {
            (0, 0) => painter.good(&line),
            (0, _) if report.outcome != Some(RunOutcome::NotVerified) => painter.careful(&line),
            (_, _) => painter.bad(&line),
        });
        text.push('\n');
    }
    for change in report
        .changes
        .iter()
        .filter(|change| change.outcome == ChangeOutcome::Done)
    {
        for mismatch in &change.mismatches {
            text.push_str(&format!("  {} {mismatch}\n", painter.bad("not as planned:")));
        }
    }
    if let Some(run_id) = &report.run_id {
        text.push_str(&format!("- Run: {run_id}\n"));
        if ahead.waits.is_empty() {
            text.push_str(&advice(report, run_id, ahead));
        }
        for line in &ahead.waits {
            text.push_str(&format!("- {line}\n"));
        }
    }
    text
}

fn is_going_back(report: &RunReport) -> bool {
    let back = |change: &ChangeReport| matches!(change.outcome, ChangeOutcome::Undone | ChangeOutcome::Stuck);
    report.changes.iter().any(back)
}

/// What was taken back; what the plan calls nothing to take back was not.
fn taken_back(report: &RunReport) -> String {
    let nothing = |change: &&ChangeReport| {
        let reason = change.reason.as_deref().unwrap_or_default();
        change.outcome == ChangeOutcome::Undone && reason.ends_with(NOTHING_TO_UNDO)
    };
    let names: Vec<String> = report
        .changes
        .iter()
        .filter(nothing)
        .map(|change| one_line(&change.resource_name))
        .collect();
    if names.is_empty() {
        return "Everything that was done was taken back.\n".to_owned();
    }
    format!(
        "What has a way back was taken back. Nothing to undo: {}.\n",
        names.join(", ")
    )
}

/// What to do now.
fn advice(report: &RunReport, run_id: &RunId, ahead: &Ahead) -> String {
    match report.outcome {
        Some(RunOutcome::Verified) => String::new(),
        Some(RunOutcome::Stale) => {
            "Nothing was written: the world is not what the plan was based on. Plan again.\n".to_owned()
        }
        Some(RunOutcome::Drift | RunOutcome::Failed | RunOutcome::NotVerified) => {
            let done = report.execution_result.success_count > 0;
            let stays = if done { "What was done stays done. " } else { "" };
            let back = if ahead.comes_back {
                format!(", or `enact rollback {run_id}{}` to take it back", ahead.flag)
            } else {
                String::new()
            };
            format!("{stays}See `enact runs show {run_id}`; plan again to go on{back}.\n")
        }
        Some(RunOutcome::RolledBack) => taken_back(report),
        Some(RunOutcome::Unknown) => format!(
            "Nobody knows what became of some changes. `enact resume {run_id}` looks again; if you know, \
             `enact decide {run_id} CHANGE done|not-done --reason …`.\n"
        ),
        Some(RunOutcome::Stuck) => {
            format!(
                "Some changes could not be taken back. See `enact runs show {run_id}`; `enact rollback {run_id}` goes on, \
             `enact decide` settles what is stuck.\n"
            )
        }
        Some(RunOutcome::Superseded) => "A revision took the run over; see `enact runs list`.\n".to_owned(),
        None if is_going_back(report) => {
            format!(
                "The run has not ended. To take back the rest: enact rollback {run_id}{}\n",
                ahead.flag
            )
        }
        None => format!("The run has not ended. To go on: enact resume {run_id}\n"),
    }
}
