//! The journal: what happened, as durable facts in a hash chain, and the one table of transitions.
//!
//! State is never stored: it is the fold of the entries ([`RunState::replay`]). A fact that the table does not allow is a
//! corrupt journal or a fault of ours; either way the run stops.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::approval::ApprovalId;
use crate::canonical::Digest;
use crate::change::ChangeId;
use crate::plan::PlanId;
use crate::principal::Principal;
use crate::reference::Outputs;

/// The name of a run.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct RunId(pub String);

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One difference between what was expected and what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mismatch {
    /// The change it stops.
    pub change_id: ChangeId,
    /// What was looked at: `portal harbor: description`.
    pub subject: String,
    /// What the plan was based on (before an effect), or what the plan set (after it).
    pub expected: Value,
    /// What is there.
    pub found: Value,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: expected {}, found {}",
            self.subject,
            short(&self.expected),
            short(&self.found)
        )
    }
}

/// A value in at most 80 characters, for messages.
fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => format!("{text:?}"),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    if text.chars().count() <= 80 {
        text
    } else {
        text.chars().take(79).chain(['…']).collect()
    }
}

/// How a run ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Everything was done and verified.
    Verified,
    /// Everything was done; something is not as it should be.
    NotVerified,
    /// The world differs from what the plan was based on; nothing was written.
    Stale,
    /// Single changes met drift after others were done.
    Drift,
    /// Something failed.
    Failed,
    /// Something failed, and what was done was taken back.
    RolledBack,
    /// The outcome of an effect was never seen and cannot be settled by looking.
    Unknown,
    /// An undo failed.
    Stuck,
}

/// A person's word on something the engine cannot settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// The effect did happen.
    Done,
    /// It did not happen.
    NotDone,
}

/// One durable fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "fact", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fact {
    /// A run of an admitted plan began; its approvals are spent.
    RunStarted {
        /// The plan.
        plan_id: PlanId,
        /// What it rests on.
        approvals: Vec<ApprovalId>,
        /// The bundle that judged it.
        bundle_digest: Digest,
        /// Who runs it.
        by: Principal,
    },
    /// A process took the run up again, through the gate.
    Resumed {
        /// Who.
        by: Principal,
    },
    /// All preconditions of the plan were read in one pass.
    Preflight {
        /// What did not agree; empty when everything did.
        mismatches: Vec<Mismatch>,
    },
    /// An effect is about to start. Durable before it does.
    Intent {
        /// The change.
        change_id: ChangeId,
    },
    /// The effect happened.
    Done {
        /// The change.
        change_id: ChangeId,
        /// What it produced: `{"id": "…"}`.
        outputs: BTreeMap<String, Value>,
        /// Was that found out by looking, because the answer was never seen?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        settled: bool,
    },
    /// The effect did not happen after all, as a look showed; the change may start again.
    NotDone {
        /// The change.
        change_id: ChangeId,
    },
    /// The change failed, and its effect did not happen.
    Failed {
        /// The change.
        change_id: ChangeId,
        /// What went wrong.
        error: String,
    },
    /// The world changed meanwhile; the change was stopped before its effect.
    Drifted {
        /// The change.
        change_id: ChangeId,
        /// What differs.
        mismatches: Vec<Mismatch>,
    },
    /// The effect was started and its outcome is not known.
    Unknown {
        /// The change.
        change_id: ChangeId,
        /// What was seen instead of an answer.
        error: String,
    },
    /// The change will not run in this run.
    Skipped {
        /// The change.
        change_id: ChangeId,
        /// The change it waits for, or the reason in words.
        because: String,
    },
    /// The postconditions of a change were read.
    Checked {
        /// The change.
        change_id: ChangeId,
        /// What differs; empty when it is verified.
        mismatches: Vec<Mismatch>,
    },
    /// An undo is about to start.
    UndoIntent {
        /// The change.
        change_id: ChangeId,
    },
    /// The undo happened.
    Undone {
        /// The change.
        change_id: ChangeId,
    },
    /// The undo did not happen, or nobody knows: a person must look.
    UndoFailed {
        /// The change.
        change_id: ChangeId,
        /// What went wrong.
        error: String,
    },
    /// A person settled what could not be settled by looking.
    Decided {
        /// The change.
        change_id: ChangeId,
        /// Their word.
        settlement: Settlement,
        /// Who.
        by: Principal,
        /// Why they are sure.
        reason: String,
    },
    /// The run stopped at a safe point; `resume` goes on.
    Stopped {
        /// Why: a signal, `enact stop`, the latch.
        reason: String,
    },
    /// The run waits for a person; `resume` goes on.
    Paused {
        /// What it waits for.
        reason: String,
    },
    /// The run ended.
    Finished {
        /// How.
        outcome: RunOutcome,
    },
}

impl Fact {
    /// The change it is about, and what it does to that change's state; `None` for facts about the whole run.
    fn step(&self) -> Option<(&ChangeId, Step)> {
        Some(match self {
            Self::Intent { change_id } => (change_id, Step::Intent),
            Self::Done { change_id, .. } => (change_id, Step::Done),
            Self::NotDone { change_id } => (change_id, Step::NotDone),
            Self::Failed { change_id, .. } => (change_id, Step::Failed),
            Self::Drifted { change_id, .. } => (change_id, Step::Drifted),
            Self::Unknown { change_id, .. } => (change_id, Step::Unknown),
            Self::Skipped { change_id, .. } => (change_id, Step::Skipped),
            Self::Checked { change_id, .. } => (change_id, Step::Checked),
            Self::UndoIntent { change_id } => (change_id, Step::UndoIntent),
            Self::Undone { change_id } => (change_id, Step::Undone),
            Self::UndoFailed { change_id, .. } => (change_id, Step::UndoFailed),
            Self::Decided {
                change_id,
                settlement: Settlement::Done,
                ..
            } => (change_id, Step::DecidedDone),
            Self::Decided {
                change_id,
                settlement: Settlement::NotDone,
                ..
            } => (change_id, Step::DecidedNotDone),
            Self::RunStarted { .. }
            | Self::Resumed { .. }
            | Self::Preflight { .. }
            | Self::Stopped { .. }
            | Self::Paused { .. }
            | Self::Finished { .. } => return None,
        })
    }

    /// The change it is about.
    pub fn change_id(&self) -> Option<&ChangeId> {
        self.step().map(|(change_id, _)| change_id)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
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

/// One entry of a run's journal.
// Unknown fields are refused by `Fact`, which is given whatever is left; said here too, nothing could be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Entry {
    /// The run.
    pub run_id: RunId,
    /// Its place in the run, from 1, without gaps.
    pub seq: u64,
    /// When it was written.
    #[schemars(with = "String")]
    pub at: jiff::Timestamp,
    /// The lease under which it was written.
    pub epoch: u64,
    /// Digest of the entry before it; of nothing for the first.
    pub prev: Digest,
    /// Digest of this entry without this field.
    pub digest: Digest,
    /// What happened.
    #[serde(flatten)]
    pub fact: Fact,
}

impl Entry {
    /// The entry that follows `prev` in a run.
    ///
    /// # Errors
    /// When the fact has no JSON form.
    pub fn chain(
        run_id: &RunId,
        prev: Option<&Self>,
        at: jiff::Timestamp,
        epoch: u64,
        fact: Fact,
    ) -> Result<Self, serde_json::Error> {
        let mut entry = Self {
            run_id: run_id.clone(),
            seq: prev.map_or(1, |entry| entry.seq + 1),
            at,
            epoch,
            prev: prev.map_or_else(|| Digest::of(b""), |entry| entry.digest.clone()),
            digest: Digest::of(b""),
            fact,
        };
        entry.digest = entry.content_digest()?;
        Ok(entry)
    }

    fn content_digest(&self) -> Result<Digest, serde_json::Error> {
        let mut value = serde_json::to_value(self)?;
        if let Some(object) = value.as_object_mut() {
            object.remove("digest");
        }
        Digest::of_canonical(&value)
    }
}

/// Why entries are not a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Number, chain or digest do not agree.
    #[error("entry {seq} of run {run_id} does not follow from the entry before it: {problem}")]
    Broken {
        /// The run.
        run_id: RunId,
        /// The entry.
        seq: u64,
        /// What does not agree.
        problem: &'static str,
    },
    /// The transition table does not allow it.
    #[error("entry {seq} of run {run_id} says {step} of change {change_id}, which is {state:?}")]
    Illegal {
        /// The run.
        run_id: RunId,
        /// The entry.
        seq: u64,
        /// The change.
        change_id: ChangeId,
        /// Where it stands.
        state: ChangeState,
        /// What the entry says.
        step: String,
    },
}

/// Checks numbers, chain and digests of a run's entries, oldest first.
///
/// # Errors
/// [`JournalError::Broken`] for the first entry that does not follow.
pub fn verify_chain(entries: &[Entry]) -> Result<(), JournalError> {
    let mut prev: Option<&Entry> = None;
    for entry in entries {
        let broken = |problem| JournalError::Broken {
            run_id: entry.run_id.clone(),
            seq: entry.seq,
            problem,
        };
        if entry.seq != prev.map_or(1, |before| before.seq + 1) {
            return Err(broken("its number is not the next one"));
        }
        if entry.prev != prev.map_or_else(|| Digest::of(b""), |before| before.digest.clone()) {
            return Err(broken("it names another entry before it"));
        }
        if entry.content_digest().ok().as_ref() != Some(&entry.digest) {
            return Err(broken("its digest does not match its content"));
        }
        prev = Some(entry);
    }
    Ok(())
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
        Fact::Decided { .. } | Fact::NotDone { .. } | Fact::Undone { .. } => progress.error = None,
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
