//! Where a run and each of its changes stand: the fold of a journal, by the table of `change_state`.
//!
//! State is never stored: it is the fold of the entries ([`RunState::replay`]). A fact that the table does not allow is a
//! corrupt journal or a fault of ours; either way the run stops.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::approval::ApprovalId;
use crate::change::{Change, ChangeId, Effect};
use crate::change_progress::{
    Attestation, ChangeProgress, remember, remember_end, remember_failure, remember_tries,
};
use crate::change_state::{ChangeState, Step, next_state};
use crate::criterion::CriterionReport;
use crate::journal::{Choice, Entry, Fact, JournalError, Mismatch, Note, RunId, RunOutcome, Subject};
use crate::plan::{Plan, PlanId};
use crate::reference::Outputs;
use crate::run_clock::RunClock;

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
    /// The folder that a runbook's relative paths start from in this run, as it was last recorded.
    pub folder: Option<String>,
    /// Which run of its plan it is, from 1, as it was when it began; 0 where nobody counted it.
    pub number: u32,
    /// The run that took this one over. Nothing more happens in this one then.
    pub superseded_by: Option<RunId>,
    /// Why it stopped or paused.
    pub reason: Option<String>,
    /// What a person chose after a failure or an escalation: the newest word on taking things back or leaving them.
    pub ending: Option<Choice>,
    /// Assumptions that a person declared irrelevant for this run.
    pub waived: std::collections::BTreeSet<String>,
    /// Criteria of the whole run, in the order in which they were first judged.
    pub criteria: Vec<CriterionReport>,
    /// What somebody said about criteria.
    pub attested: BTreeMap<String, Attestation>,
    /// When the run began.
    pub started_at: Option<jiff::Timestamp>,
    /// How long it has lasted, with and without the spans in which nobody worked at it.
    pub clock: RunClock,
}

impl RunState {
    /// The change that was done last, whatever became of it since.
    pub fn done_last(&self) -> Option<&ChangeId> {
        let done = self.changes.iter().filter(|(_, progress)| progress.was_done);
        done.max_by_key(|(_, progress)| progress.place)
            .map(|(change_id, _)| change_id)
    }

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

    /// Has this run started any effect? A change that only looks has none, and what was adopted is another run's.
    pub fn wrote(&self, plan: &Plan) -> bool {
        let started = |change: &Change| {
            self.changes
                .get(&change.change_id)
                .is_some_and(|progress| progress.intents > 0)
        };
        plan.changes()
            .iter()
            .any(|change| change.effect != Effect::Read && started(change))
    }

    /// Has a change failed that says to take everything back?
    pub fn takes_back(&self) -> bool {
        let says = |progress: &ChangeProgress| progress.state == ChangeState::Failed && progress.take_back;
        self.changes.values().any(says)
    }

    /// Has anything been done that it goes on from, by this run or by the one that it took over?
    pub fn stands_on_effects(&self, plan: &Plan) -> bool {
        let adopted = |change: &Change| change.effect != Effect::Read && change.adopted.is_some();
        self.wrote(plan) || plan.changes().iter().any(adopted)
    }

    /// How long the run has been at work until `now`, without the spans in which it waited or was stopped.
    pub fn worked(&self, now: jiff::Timestamp) -> std::time::Duration {
        std::time::Duration::from_millis(self.clock.worked_at(now))
    }

    /// Takes one entry in.
    ///
    /// # Errors
    /// [`JournalError::Illegal`]; the state is then unchanged.
    pub fn record(&mut self, entry: &Entry) -> Result<(), JournalError> {
        match entry.fact.step() {
            Some((change_id, step)) => self.record_step(entry, change_id, step),
            None => {
                self.pass_time(entry);
                self.record_run(entry.at, &entry.fact);
                Ok(())
            }
        }
    }

    /// A run that is under way is taken up, or spoken to, only when its process is gone: since then nobody was at it.
    fn pass_time(&mut self, entry: &Entry) {
        let from_outside = matches!(
            entry.fact,
            Fact::Resumed { .. }
                | Fact::Decided { .. }
                | Fact::Chosen { .. }
                | Fact::Attested { .. }
                | Fact::Confirmed { .. }
        );
        let span = if from_outside && self.phase == RunPhase::Running {
            self.clock.pass_unattended(entry.at)
        } else {
            self.clock.pass(entry.at)
        };
        if span == 0 {
            return;
        }
        let is_open =
            |progress: &&mut ChangeProgress| progress.started_ms.is_some() && progress.ended_ms.is_none();
        for progress in self.changes.values_mut().filter(is_open) {
            progress.unattended_ms = progress.unattended_ms.saturating_add(span);
        }
    }

    fn record_run(&mut self, at: jiff::Timestamp, fact: &Fact) {
        match fact {
            Fact::RunStarted {
                plan_id,
                approvals,
                folder,
                number,
                ..
            } => {
                self.number = *number;
                self.folder.clone_from(folder);
                self.started_at = Some(at);
                self.plan_id = Some(plan_id.clone());
                self.approvals.clone_from(approvals);
                self.phase = RunPhase::Running;
            }
            Fact::Resumed { folder, back, .. } => {
                if folder.is_some() {
                    self.folder.clone_from(folder);
                }
                if *back {
                    self.ending = Some(Choice::Rollback);
                }
                self.clock.set_waiting(false);
                self.phase = RunPhase::Running;
                self.outcome = None;
                self.reason = None;
            }
            Fact::Preflight { mismatches } => {
                self.preflight_passed = mismatches.is_empty();
                self.preflight_mismatches.clone_from(mismatches);
            }
            Fact::Stopped { reason } => {
                self.clock.set_waiting(true);
                self.phase = RunPhase::Stopped;
                self.reason = Some(reason.clone());
            }
            Fact::Paused { reason } => {
                self.clock.set_waiting(true);
                self.phase = RunPhase::Paused;
                self.reason = Some(reason.clone());
            }
            Fact::Finished { outcome } => {
                self.clock.set_waiting(true);
                self.phase = RunPhase::Finished;
                self.outcome = Some(*outcome);
            }
            Fact::Superseded { run_id, .. } => {
                // It waited or had ended: the clock of its work stands already.
                self.phase = RunPhase::Finished;
                self.outcome = Some(RunOutcome::Superseded);
                self.superseded_by = Some(run_id.clone());
            }
            Fact::Judged { criterion } => {
                match self.criteria.iter_mut().find(|known| known.id == criterion.id) {
                    Some(known) => *known = criterion.clone(),
                    None => self.criteria.push(criterion.clone()),
                }
            }
            Fact::Attested {
                subject: Subject::Criterion(id),
                by,
                evidence,
                ..
            } => {
                let attestation = Attestation {
                    by: by.clone(),
                    evidence: evidence.clone(),
                };
                self.attested.insert(id.clone(), attestation);
            }
            Fact::Intent { .. }
            | Fact::Done { .. }
            | Fact::Adopted { .. }
            | Fact::NotDone { .. }
            | Fact::Failed { .. }
            | Fact::Drifted { .. }
            | Fact::Unknown { .. }
            | Fact::Skipped { .. }
            | Fact::Checked { .. }
            | Fact::UndoIntent { .. }
            | Fact::Undone { .. }
            | Fact::UndoFailed { .. }
            | Fact::Attempted { .. }
            | Fact::Omitted { .. }
            | Fact::Held { .. }
            | Fact::Confirmed { .. }
            | Fact::Delegated { .. }
            | Fact::Attested { .. }
            | Fact::Escalated { .. }
            | Fact::Chosen { .. }
            | Fact::Decided { .. } => {}
            Fact::Noted(note) => self.give_back_time(note),
        }
    }

    /// What a command did while its engine was gone was work: its supervisor measured it.
    fn give_back_time(&mut self, note: &Note) {
        let elapsed = self.clock.elapsed();
        let took = note.detail.get("took_ms").and_then(serde_json::Value::as_u64);
        let progress = note.change_id.as_ref().and_then(|id| self.changes.get_mut(id));
        let (Some(took), Some(progress)) = (took.filter(|_| note.topic == "attempt"), progress) else {
            return;
        };
        let until = progress.ended_ms.unwrap_or(elapsed);
        let span = until.saturating_sub(progress.started_ms.unwrap_or(until));
        let attended = span.saturating_sub(progress.unattended_ms);
        let back = took.saturating_sub(attended).min(progress.unattended_ms);
        progress.unattended_ms -= back;
        self.clock.give_back(back);
    }

    fn remember_choice(&mut self, change_id: &ChangeId, choice: Choice) {
        match choice {
            Choice::Rollback | Choice::Abort => self.ending = Some(choice),
            Choice::Accept => {
                let assumption = self
                    .changes
                    .get(change_id)
                    .and_then(|progress| progress.assumption.clone());
                self.waived.extend(assumption);
            }
            Choice::Retry | Choice::Skip => {}
        }
    }

    /// What may have happened in part can be taken back wherever the change stands.
    fn kind_of_undo(&self, change_id: &ChangeId, step: Step) -> Step {
        let partial = self
            .changes
            .get(change_id)
            .is_some_and(|progress| progress.partial);
        if step == Step::UndoIntent && partial {
            Step::UndoInPart
        } else {
            step
        }
    }

    fn record_step(&mut self, entry: &Entry, change_id: &ChangeId, step: Step) -> Result<(), JournalError> {
        let from = self.of(change_id);
        let step = self.kind_of_undo(change_id, step);
        let Some(state) = next_state(from, step) else {
            return Err(JournalError::Illegal {
                run_id: entry.run_id.clone(),
                seq: entry.seq,
                change_id: change_id.clone(),
                state: from,
                step: format!("{step:?}"),
            });
        };
        self.pass_time(entry);
        let now = self.clock.elapsed();
        let progress = self
            .changes
            .entry(change_id.clone())
            .or_insert_with(|| ChangeProgress::new(state));
        progress.state = state;
        if state == ChangeState::Undoing && from != ChangeState::Stuck {
            progress.undone_from = Some(from);
        }
        if step == Step::Intent {
            progress.intent_at = Some(entry.at);
            progress.starts(now);
            progress.intents = progress.intents.saturating_add(1);
            progress.place = entry.seq;
        }
        let ends = [
            Step::Done,
            Step::Failed,
            Step::Escalated,
            Step::Unknown,
            Step::Omitted,
        ];
        if ends.contains(&step) {
            progress.ended_ms = Some(now);
        }
        if state == ChangeState::Done && from != ChangeState::Done {
            progress.place = entry.seq;
            progress.was_done = true;
        }
        remember(progress, &entry.fact, entry.at, &mut self.outputs);
        remember_failure(progress, from);
        remember_tries(progress, &entry.fact, from, now);
        remember_end(progress, &entry.fact, from);
        if let Fact::Chosen { choice, .. } = &entry.fact {
            self.remember_choice(change_id, *choice);
        }
        Ok(())
    }
}
