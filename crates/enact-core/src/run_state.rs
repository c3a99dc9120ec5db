//! Where a run and each of its changes stand: the one table of transitions, and the fold of a journal.
//!
//! State is never stored: it is the fold of the entries ([`RunState::replay`]). A fact that the table does not allow is a
//! corrupt journal or a fault of ours; either way the run stops.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::approval::ApprovalId;
use crate::change::{Change, ChangeId, Effect};
use crate::confirmation::{Confirmation, Missing};
use crate::criterion::CriterionReport;
use crate::journal::{Choice, Entry, Fact, JournalError, Mismatch, RunId, RunOutcome, Subject};
use crate::plan::{Plan, PlanId};
use crate::principal::Principal;
use crate::procedure::Hold;
use crate::reference::Outputs;
use crate::run_clock::RunClock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Intent,
    Done,
    Adopted,
    NotDone,
    Failed,
    Drifted,
    Unknown,
    Skipped,
    Checked,
    UndoIntent,
    UndoInPart,
    Undone,
    UndoFailed,
    DecidedDone,
    DecidedNotDone,
    Attempted,
    Omitted,
    Held,
    Confirmed,
    Delegated,
    Attested,
    Escalated,
    ChosenAgain,
    ChosenSkip,
    ChosenEnd,
}

impl Step {
    pub(crate) fn of_choice(choice: Choice) -> Self {
        match choice {
            Choice::Retry | Choice::Accept => Self::ChosenAgain,
            Choice::Skip => Self::ChosenSkip,
            Choice::Rollback | Choice::Abort => Self::ChosenEnd,
        }
    }
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
    /// It is not needed.
    Omitted,
    /// It is in somebody else's hands.
    Delegated,
    /// It waits for a person to choose how to go on.
    Escalated,
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
        (S::Started | S::Unknown, Step::Done) | (S::Pending, Step::Adopted) => S::Done,
        (S::Started | S::Unknown, Step::NotDone) => S::Pending,
        (S::Pending | S::Started, Step::Failed) => S::Failed,
        (S::Pending | S::Started, Step::Drifted) => S::Drifted,
        (S::Started | S::Unknown, Step::Unknown) => S::Unknown,
        (S::Pending, Step::Skipped) => S::Skipped,
        (S::Done, Step::Checked) => S::Done,
        (S::Started, Step::Attempted) => S::Started,
        (S::Pending | S::Escalated, Step::Omitted) => S::Omitted,
        (S::Pending, Step::Held | Step::Confirmed) => S::Pending,
        (S::Done, Step::Held | Step::Confirmed) => S::Done,
        (S::Started, Step::Delegated) => S::Delegated,
        (S::Delegated, Step::Attested) => S::Started,
        (S::Pending | S::Started | S::Unknown | S::Delegated, Step::Escalated) => S::Escalated,
        (S::Escalated, Step::ChosenAgain) => S::Pending,
        (S::Escalated | S::Failed, Step::ChosenSkip) => S::Omitted,
        // Pending: instead of a confirmation that the run waits for.
        (S::Pending | S::Escalated | S::Failed | S::Delegated, Step::ChosenEnd) => S::Failed,
        // Everything was done and verification failed: the choice is about the run, and named by its last change.
        (S::Done, Step::ChosenEnd) => S::Done,
        // What failed or is not known may have happened in part.
        (S::Done | S::Stuck | S::Failed | S::Unknown, Step::UndoIntent | Step::UndoInPart)
        | (
            S::Pending | S::Drifted | S::Skipped | S::Omitted | S::Delegated | S::Escalated,
            Step::UndoInPart,
        ) => S::Undoing,
        (S::Undoing, Step::Undone) => S::Undone,
        (S::Undoing, Step::UndoFailed) => S::Stuck,
        (S::Unknown, Step::DecidedDone) => S::Done,
        (S::Unknown, Step::DecidedNotDone) => S::Pending,
        (S::Stuck, Step::DecidedDone) => S::Undone,
        (S::Stuck, Step::DecidedNotDone) => S::Done,
        _ => return None,
    })
}

impl ChangeProgress {
    /// How long its effect took, once it has ended.
    pub fn took_ms(&self) -> Option<u64> {
        Some(self.ended_ms?.saturating_sub(self.started_ms?))
    }
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
    /// May its effect have happened, whole or in part, although it is not done? So it stays until it is done or taken back,
    /// or somebody has looked.
    pub partial: bool,
    /// Is the run to be taken back because it failed?
    pub take_back: bool,
    /// Is it in somebody's hands who has said nothing yet?
    pub handed_over: bool,
    /// Where it stood when taking it back began.
    pub undone_from: Option<ChangeState>,
    /// How often its effect was about to start.
    pub intents: u32,
    /// The number of the entry with which its effect last was about to start, or was done: its place among what is taken back.
    pub place: u64,
    /// When its effect was about to start the last time, in milliseconds of the run's own time.
    pub started_ms: Option<u64>,
    /// When its effect ended, one way or another; likewise.
    pub ended_ms: Option<u64>,
    /// Attempts that failed and were followed by another.
    pub attempts_failed: u32,
    /// What went wrong with the newest of them, until the change is done.
    pub attempt_error: Option<String>,
    /// The assumption that an escalation is about.
    pub assumption: Option<String>,
    /// What somebody said about a delegated change.
    pub attested: Option<Attestation>,
    /// Was it left out because a person chose so?
    pub left_out_by_person: bool,
    /// The newest hold that was opened at it.
    pub held: Option<Hold>,
    /// Who has confirmed it.
    pub confirmed: Vec<Confirmation>,
    /// The run that did it, where this one took that over.
    pub adopted_from: Option<RunId>,
}

/// Somebody's word that something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// Who.
    pub by: Principal,
    /// What they bring forward.
    pub evidence: BTreeMap<String, String>,
}

impl ChangeProgress {
    fn new(state: ChangeState) -> Self {
        Self {
            state,
            intent_at: None,
            error: None,
            drift: Vec::new(),
            checked: None,
            settled: false,
            partial: false,
            take_back: false,
            handed_over: false,
            undone_from: None,
            intents: 0,
            place: 0,
            started_ms: None,
            ended_ms: None,
            attempts_failed: 0,
            attempt_error: None,
            assumption: None,
            attested: None,
            left_out_by_person: false,
            held: None,
            confirmed: Vec::new(),
            adopted_from: None,
        }
    }

    /// Has enough been confirmed for this hold?
    pub fn satisfies(&self, hold: &Hold) -> bool {
        Missing::at(hold, &self.confirmed).is_nobody()
    }
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
    /// The run that took this one over. Nothing more happens in this one then.
    pub superseded_by: Option<RunId>,
    /// Why it stopped or paused.
    pub reason: Option<String>,
    /// Every change in the order in which it was done, for undo in reverse.
    pub done_order: Vec<ChangeId>,
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
                self.clock.pass(entry.at);
                self.record_run(entry.at, &entry.fact);
                Ok(())
            }
        }
    }

    fn record_run(&mut self, at: jiff::Timestamp, fact: &Fact) {
        match fact {
            Fact::RunStarted {
                plan_id,
                approvals,
                folder,
                ..
            } => {
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
            | Fact::Noted(_)
            | Fact::Decided { .. } => {}
        }
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
        self.clock.pass(entry.at);
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
            progress.started_ms = Some(now);
            progress.intents = progress.intents.saturating_add(1);
            progress.place = entry.seq;
            progress.ended_ms = None;
        }
        if matches!(step, Step::Done | Step::Failed | Step::Escalated | Step::Unknown) {
            progress.ended_ms = Some(now);
        }
        if state == ChangeState::Done && from != ChangeState::Done {
            progress.place = entry.seq;
            // A stuck undo that a person settled as not done makes it done again; it keeps only its newest place.
            self.done_order.retain(|earlier| earlier != change_id);
            self.done_order.push(change_id.clone());
        }
        remember(progress, &entry.fact, entry.at, &mut self.outputs);
        if let Fact::Chosen { choice, .. } = &entry.fact {
            self.remember_choice(change_id, *choice);
        }
        Ok(())
    }
}

/// Keeps the particulars of a fact about one change.
fn remember(progress: &mut ChangeProgress, fact: &Fact, at: jiff::Timestamp, outputs: &mut Outputs) {
    match fact {
        Fact::Done {
            change_id,
            outputs: made,
            settled,
        } => {
            progress.settled = *settled;
            progress.error = None;
            progress.attempt_error = None;
            progress.partial = false;
            outputs.insert(change_id.clone(), made.clone());
        }
        Fact::Adopted {
            change_id,
            run_id,
            adopted,
        } => {
            progress.intent_at = Some(adopted.started_at);
            progress.started_ms = Some(0);
            progress.ended_ms = Some(adopted.took_ms);
            progress.adopted_from = Some(run_id.clone());
            outputs.insert(change_id.clone(), adopted.outputs.clone());
        }
        Fact::Failed {
            error,
            partial,
            take_back,
            ..
        } => {
            progress.error = Some(error.clone());
            progress.take_back = *take_back;
            progress.partial |= *partial;
        }
        Fact::Escalated {
            error,
            assumption,
            partial,
            ..
        } => {
            progress.error = Some(error.clone());
            progress.partial |= *partial;
            progress.assumption.clone_from(assumption);
        }
        Fact::Unknown { error, .. } | Fact::UndoFailed { error, .. } => {
            progress.error = Some(error.clone());
        }
        Fact::Attempted { error, partial, .. } => {
            progress.error = Some(error.clone());
            progress.attempt_error = Some(error.clone());
            progress.partial |= *partial;
            progress.attempts_failed += 1;
        }
        Fact::Held { hold, .. } => progress.held = Some(hold.clone()),
        Fact::Confirmed {
            at: moment,
            by,
            roles,
            proof,
            ..
        } => progress.confirmed.push(Confirmation {
            at: *moment,
            by: by.clone(),
            person: by.id.clone(),
            key_id: proof.as_ref().map(|proof| proof.signature.key_id.clone()),
            roles: roles.clone(),
            when: at,
        }),
        Fact::Delegated { .. } => {
            progress.partial = true;
            progress.handed_over = true;
        }
        Fact::Attested { by, evidence, .. } => {
            progress.handed_over = false;
            progress.attested = Some(Attestation {
                by: by.clone(),
                evidence: evidence.clone(),
            });
        }
        Fact::Chosen {
            choice: Choice::Skip,
            reason,
            ..
        } => {
            progress.error = Some(format!("left out: {reason}"));
            progress.left_out_by_person = true;
        }
        Fact::Skipped { because, .. } | Fact::Omitted { because, .. } => {
            progress.error = Some(because.clone());
        }
        Fact::Drifted { mismatches, .. } => progress.drift.clone_from(mismatches),
        Fact::Checked { mismatches, .. } => progress.checked = Some(mismatches.clone()),
        Fact::Decided {
            change_id,
            outputs: made,
            ..
        } => {
            progress.error = None;
            // A person has looked.
            progress.partial = false;
            if !made.is_empty() {
                outputs.insert(change_id.clone(), made.clone());
            }
        }
        Fact::NotDone { partial, .. } => {
            progress.error = None;
            progress.partial |= *partial;
        }
        Fact::Undone { .. } => {
            progress.error = None;
            progress.partial = false;
        }
        // What was attested was about the attempt before.
        Fact::Intent { .. } => progress.attested = None,
        Fact::UndoIntent { .. }
        | Fact::Chosen { .. }
        | Fact::Noted(_)
        | Fact::Judged { .. }
        | Fact::RunStarted { .. }
        | Fact::Resumed { .. }
        | Fact::Preflight { .. }
        | Fact::Stopped { .. }
        | Fact::Paused { .. }
        | Fact::Superseded { .. }
        | Fact::Finished { .. } => {}
    }
}
