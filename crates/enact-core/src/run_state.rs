//! Where a run and each of its changes stand: the one table of transitions, and the fold of a journal.
//!
//! State is never stored: it is the fold of the entries ([`RunState::replay`]). A fact that the table does not allow is a
//! corrupt journal or a fault of ours; either way the run stops.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::approval::ApprovalId;
use crate::change::ChangeId;
use crate::journal::{Entry, Fact, JournalError, Mismatch, RunOutcome};
use crate::plan::PlanId;
use crate::reference::Outputs;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Intent,
    Done,
    NotDone,
    Failed,
    Drifted,
    Unknown,
    Skipped,
    Checked,
    UndoIntent,
    Undone,
    UndoFailed,
    DecidedDone,
    DecidedNotDone,
}

/// Where one change stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// Nothing happened yet.
    Pending,
    /// Its effect may be under way.
    Started,
    /// Its effect happened.
    Done,
    /// It failed without effect.
    Failed,
    /// It was stopped by drift.
    Drifted,
    /// Nobody knows.
    Unknown,
    /// It was left out because of another.
    Skipped,
    /// Its undo may be under way.
    Undoing,
    /// It was taken back.
    Undone,
    /// Its undo failed.
    Stuck,
}

impl ChangeState {
    /// May its effect have happened without our knowing?
    pub fn is_open(self) -> bool {
        matches!(self, Self::Started | Self::Unknown | Self::Undoing)
    }
}

/// The one transition table.
fn next_state(from: ChangeState, step: Step) -> Option<ChangeState> {
    use ChangeState as S;
    Some(match (from, step) {
        (S::Pending, Step::Intent) => S::Started,
        (S::Started | S::Unknown, Step::Done) => S::Done,
        (S::Started | S::Unknown, Step::NotDone) => S::Pending,
        (S::Pending | S::Started, Step::Failed) => S::Failed,
        (S::Pending | S::Started, Step::Drifted) => S::Drifted,
        (S::Started | S::Unknown, Step::Unknown) => S::Unknown,
        (S::Pending, Step::Skipped) => S::Skipped,
        (S::Done, Step::Checked) => S::Done,
        (S::Done | S::Stuck, Step::UndoIntent) => S::Undoing,
        (S::Undoing, Step::Undone) => S::Undone,
        (S::Undoing, Step::UndoFailed) => S::Stuck,
        (S::Unknown, Step::DecidedDone) => S::Done,
        (S::Unknown, Step::DecidedNotDone) => S::Pending,
        (S::Stuck, Step::DecidedDone) => S::Undone,
        (S::Stuck, Step::DecidedNotDone) => S::Done,
        _ => return None,
    })
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunPhase {
    /// Under way, or its process died.
    #[default]
    Running,
    /// Stopped at a safe point.
    Stopped,
    /// Waits for a person.
    Paused,
    /// Ended.
    Finished,
}

/// What is known about one change of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeProgress {
    /// Where it stands.
    pub state: ChangeState,
    /// When its effect was last about to start.
    pub intent_at: Option<jiff::Timestamp>,
    /// What went wrong, or why it was skipped.
    pub error: Option<String>,
    /// What differed before its effect.
    pub drift: Vec<Mismatch>,
    /// What differed after the run; `None` when nobody looked.
    pub checked: Option<Vec<Mismatch>>,
    /// Was its outcome found out by looking?
    pub settled: bool,
}

/// What is known about a run: the fold of its entries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunState {
    /// Where it stands.
    pub phase: RunPhase,
    /// Every change something was said about.
    pub changes: BTreeMap<ChangeId, ChangeProgress>,
    /// What finished changes produced.
    pub outputs: Outputs,
    /// Has the pass over all preconditions agreed?
    pub preflight_passed: bool,
    /// What did not agree in that pass.
    pub preflight_mismatches: Vec<Mismatch>,
    /// The plan.
    pub plan_id: Option<PlanId>,
    /// The approvals it spent.
    pub approvals: Vec<ApprovalId>,
    /// How it ended.
    pub outcome: Option<RunOutcome>,
    /// Why it stopped or paused.
    pub reason: Option<String>,
    /// Every change in the order in which it was done, for undo in reverse.
    pub done_order: Vec<ChangeId>,
}

impl RunState {
    /// The state that a run's entries add up to.
    ///
    /// # Errors
    /// [`JournalError::Illegal`] for the first entry that the transition table does not allow.
    pub fn replay<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Self, JournalError> {
        let mut state = Self::default();
        for entry in entries {
            state.record(entry)?;
        }
        Ok(state)
    }

    /// Where a change stands.
    pub fn of(&self, change_id: &ChangeId) -> ChangeState {
        self.changes
            .get(change_id)
            .map_or(ChangeState::Pending, |progress| progress.state)
    }

    /// Has taking it back begun? Then the way on is to take back the rest, not to go on.
    pub fn is_rolling_back(&self) -> bool {
        let undone = |progress: &ChangeProgress| {
            matches!(
                progress.state,
                ChangeState::Undoing | ChangeState::Undone | ChangeState::Stuck
            )
        };
        self.changes.values().any(undone)
    }

    /// Has any effect been started?
    pub fn wrote(&self) -> bool {
        self.changes.values().any(|progress| progress.intent_at.is_some())
    }

    /// Takes one entry in.
    ///
    /// # Errors
    /// [`JournalError::Illegal`]; the state is then unchanged.
    pub fn record(&mut self, entry: &Entry) -> Result<(), JournalError> {
        match entry.fact.step() {
            Some((change_id, step)) => self.record_step(entry, change_id, step),
            None => {
                self.record_run(&entry.fact);
                Ok(())
            }
        }
    }

    fn record_run(&mut self, fact: &Fact) {
        match fact {
            Fact::RunStarted {
                plan_id, approvals, ..
            } => {
                self.plan_id = Some(plan_id.clone());
                self.approvals.clone_from(approvals);
                self.phase = RunPhase::Running;
            }
            Fact::Resumed { .. } => {
                self.phase = RunPhase::Running;
                self.outcome = None;
                self.reason = None;
            }
            Fact::Preflight { mismatches } => {
                self.preflight_passed = mismatches.is_empty();
                self.preflight_mismatches.clone_from(mismatches);
            }
            Fact::Stopped { reason } => {
                self.phase = RunPhase::Stopped;
                self.reason = Some(reason.clone());
            }
            Fact::Paused { reason } => {
                self.phase = RunPhase::Paused;
                self.reason = Some(reason.clone());
            }
            Fact::Finished { outcome } => {
                self.phase = RunPhase::Finished;
                self.outcome = Some(*outcome);
            }
            Fact::Intent { .. }
            | Fact::Done { .. }
            | Fact::NotDone { .. }
            | Fact::Failed { .. }
            | Fact::Drifted { .. }
            | Fact::Unknown { .. }
            | Fact::Skipped { .. }
            | Fact::Checked { .. }
            | Fact::UndoIntent { .. }
            | Fact::Undone { .. }
            | Fact::UndoFailed { .. }
            | Fact::Decided { .. } => {}
        }
    }

    fn record_step(&mut self, entry: &Entry, change_id: &ChangeId, step: Step) -> Result<(), JournalError> {
        let from = self.of(change_id);
        let Some(state) = next_state(from, step) else {
            return Err(JournalError::Illegal {
                run_id: entry.run_id.clone(),
                seq: entry.seq,
                change_id: change_id.clone(),
                state: from,
                step: format!("{step:?}"),
            });
        };
        let progress = self
            .changes
            .entry(change_id.clone())
            .or_insert_with(|| ChangeProgress {
                state,
                intent_at: None,
                error: None,
                drift: Vec::new(),
                checked: None,
                settled: false,
            });
        progress.state = state;
        if step == Step::Intent {
            progress.intent_at = Some(entry.at);
        }
        if state == ChangeState::Done && from != ChangeState::Done {
            // A stuck undo that a person settled as not done makes it done again; it keeps only its newest place.
            self.done_order.retain(|earlier| earlier != change_id);
            self.done_order.push(change_id.clone());
        }
        remember(progress, &entry.fact, &mut self.outputs);
        Ok(())
    }
}

/// Keeps the particulars of a fact about one change.
fn remember(progress: &mut ChangeProgress, fact: &Fact, outputs: &mut Outputs) {
    match fact {
        Fact::Done {
            change_id,
            outputs: made,
            settled,
        } => {
            progress.settled = *settled;
            progress.error = None;
            outputs.insert(change_id.clone(), made.clone());
        }
        Fact::Failed { error, .. } | Fact::Unknown { error, .. } | Fact::UndoFailed { error, .. } => {
            progress.error = Some(error.clone());
        }
        Fact::Skipped { because, .. } => progress.error = Some(because.clone()),
        Fact::Drifted { mismatches, .. } => progress.drift.clone_from(mismatches),
        Fact::Checked { mismatches, .. } => progress.checked = Some(mismatches.clone()),
        Fact::Decided {
            change_id,
            outputs: made,
            ..
        } => {
            progress.error = None;
            if !made.is_empty() {
                outputs.insert(change_id.clone(), made.clone());
            }
        }
        Fact::NotDone { .. } | Fact::Undone { .. } => progress.error = None,
        Fact::Intent { .. }
        | Fact::UndoIntent { .. }
        | Fact::RunStarted { .. }
        | Fact::Resumed { .. }
        | Fact::Preflight { .. }
        | Fact::Stopped { .. }
        | Fact::Paused { .. }
        | Fact::Finished { .. } => {}
    }
}
