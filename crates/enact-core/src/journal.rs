//! The journal: what happened, as durable facts in a hash chain. What the facts add up to is [`crate::run_state`].

mod chain;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::approval::{ApprovalId, Signature};
use crate::canonical::{Digest, canonical_json};
use crate::change::{Adopted, ChangeId};
use crate::change_state::Step;
use crate::condition::Condition;
use crate::criterion::CriterionReport;
use crate::plan::PlanId;
use crate::principal::Principal;
use crate::procedure::{Hold, Moment};

pub use chain::{Entry, JournalError, verify_chain};

pub use crate::change_progress::ChangeProgress;
pub use crate::change_state::ChangeState;
pub use crate::run_state::{RunPhase, RunState};

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
    /// The assumption of a runbook that does not hold, where it is one: `A1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumption: Option<String>,
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
    /// A revision took it over; it does not go on.
    Superseded,
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

/// How a person goes on from an escalation, or from a failure after which they were asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Check again, and run the change again.
    Retry,
    /// The broken assumption does not matter for this run; go on as with `retry`.
    Accept,
    /// Take back what was done.
    Rollback,
    /// End the run and leave everything as it is.
    Abort,
    /// Leave the change out and go on; only where the plan allows it.
    Skip,
}

impl Choice {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Accept => "accept",
            Self::Rollback => "rollback",
            Self::Abort => "abort",
            Self::Skip => "skip",
        }
    }
}

/// What somebody attests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Subject {
    /// That a delegated change is done.
    Change(ChangeId),
    /// That an acceptance criterion is met.
    Criterion(String),
}

/// A person's word under their key. It covers the fact itself, the run and the time, see [`Fact::signed_bytes`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// When it was signed.
    #[schemars(with = "String")]
    pub said_at: jiff::Timestamp,
    /// The signature, namespace `confirm@enact`.
    pub signature: Signature,
}

/// The namespace of signatures of people's words to a run.
pub const NAMESPACE: &str = "confirm@enact";

fn is_uncounted(number: &u32) -> bool {
    *number == 0
}

/// One durable fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fact {
    /// A run of an admitted plan began; its approvals are spent.
    RunStarted {
        /// The plan.
        plan_id: PlanId,
        /// What it rests on.
        approvals: Vec<ApprovalId>,
        /// The bundle that judged it.
        bundle_digest: Digest,
        /// Was policy switched off for it?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        without_policy: bool,
        /// Restrictions that its approvals came with.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        conditions: Vec<Condition>,
        /// For a runbook, the folder that its relative paths start from: `/srv/shop`. It goes on there and nowhere else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folder: Option<String>,
        /// Which run of its plan it is, of those that were kept when it began: 1 for the first. It stays so.
        /// 0 where nobody counted it.
        #[serde(default, skip_serializing_if = "is_uncounted")]
        number: u32,
        /// Who runs it.
        by: Principal,
    },
    /// A process took the run up again, through the gate.
    Resumed {
        /// The bundle that judged it this time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bundle_digest: Option<Digest>,
        /// Was policy switched off for it?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        without_policy: bool,
        /// What it rests on now: an approval may have run out, and another have taken its place.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        approvals: Vec<ApprovalId>,
        /// Was it taken up to be taken back? It does not go on after that.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        back: bool,
        /// The folder from now on, where somebody named another one than before (`--dir`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folder: Option<String>,
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
    /// The run that this one took over had done the change; it does not run again.
    Adopted {
        /// The change.
        change_id: ChangeId,
        /// The run that did it.
        run_id: RunId,
        /// What is known of it there.
        adopted: Adopted,
    },
    /// The change may start again: its effect did not happen after all, as a look showed, or doing it once more does no harm.
    NotDone {
        /// The change.
        change_id: ChangeId,
        /// Did nobody look, so that the effect may have happened all the same, whole or in part?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
    },
    /// The change failed, and its effect did not happen, unless `partial`.
    Failed {
        /// The change.
        change_id: ChangeId,
        /// What went wrong.
        error: String,
        /// May its effect have happened in part?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
        /// Is the run to be taken back because of it, whatever the plan says of other failures?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        take_back: bool,
    },
    /// An attempt failed, and another follows.
    Attempted {
        /// The change.
        change_id: ChangeId,
        /// Its number, from 1.
        attempt: u32,
        /// What went wrong.
        error: String,
        /// May its effect have happened in part?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
    },
    /// The change is not needed: its condition is false, or an operator left it out where the plan allows it.
    Omitted {
        /// The change.
        change_id: ChangeId,
        /// The condition, with its value.
        because: String,
    },
    /// The run waits for people to confirm.
    Held {
        /// The change.
        change_id: ChangeId,
        /// Before or after it, who, and what to consider.
        hold: Hold,
        /// What was established so far.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        evidence: BTreeMap<String, Value>,
    },
    /// A person confirmed.
    Confirmed {
        /// The change.
        change_id: ChangeId,
        /// Before or after it.
        at: Moment,
        /// Who.
        by: Principal,
        /// Roles they were known to hold.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        roles: Vec<String>,
        /// What they said.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
        /// The signature of a key's owner; absent for a user of this machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<Box<Proof>>,
    },
    /// The change is in somebody else's hands, who will attest it.
    Delegated {
        /// The change.
        change_id: ChangeId,
    },
    /// Somebody says that something is done. A claim; what the engine finds is in other facts.
    Attested {
        /// What.
        subject: Subject,
        /// Who.
        by: Principal,
        /// Roles they were known to hold.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        roles: Vec<String>,
        /// What they bring forward.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        evidence: BTreeMap<String, String>,
        /// The signature of a key's owner; absent for a user of this machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<Box<Proof>>,
    },
    /// Reality differs from the plan, or the plan asks for a person here: the run pauses until somebody chooses.
    Escalated {
        /// The change.
        change_id: ChangeId,
        /// What happened.
        error: String,
        /// The assumption that is broken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        assumption: Option<String>,
        /// May the change's effect have happened in part?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
    },
    /// A person chose how to go on.
    Chosen {
        /// The change.
        change_id: ChangeId,
        /// How.
        choice: Choice,
        /// Who.
        by: Principal,
        /// Why.
        reason: String,
        /// The signature of a key's owner; absent for a user of this machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<Box<Proof>>,
    },
    /// Something that the domain wants on record.
    Noted(Note),
    /// A criterion of the whole run was judged. A later one of the same id replaces it.
    Judged {
        /// What came out.
        criterion: CriterionReport,
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
        /// What the effect had produced, where it had: `{"id": "…"}`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        outputs: BTreeMap<String, Value>,
        /// The signature of a key's owner; absent for a user of this machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<Box<Proof>>,
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
    /// A revision took the run over: it is at an end, and what it did belongs to the other run.
    Superseded {
        /// The run that goes on.
        run_id: RunId,
        /// Its plan.
        plan_id: PlanId,
        /// Who began it.
        by: Principal,
    },
    /// The run ended.
    Finished {
        /// How.
        outcome: RunOutcome,
    },
}

/// Something that the domain wants on record: an assumption that was checked, how a command ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The change it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_id: Option<ChangeId>,
    /// What kind of note: `assumption`, `attempt`, `check`.
    pub topic: String,
    /// The particulars, typed by the topic.
    pub detail: Value,
}

impl Fact {
    /// Does it say that the run rests on this approval?
    pub fn rests_on(&self, approval_id: &ApprovalId) -> bool {
        let (Self::RunStarted { approvals, .. } | Self::Resumed { approvals, .. }) = self else {
            return false;
        };
        approvals.contains(approval_id)
    }

    /// The change it is about, and what it does to that change's state; `None` for facts about the whole run.
    pub(crate) fn step(&self) -> Option<(&ChangeId, Step)> {
        Some(match self {
            Self::Intent { change_id } => (change_id, Step::Intent),
            Self::Done { change_id, .. } => (change_id, Step::Done),
            Self::Adopted { change_id, .. } => (change_id, Step::Adopted),
            Self::NotDone { change_id, .. } => (change_id, Step::NotDone),
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
            Self::Attempted { change_id, .. } => (change_id, Step::Attempted),
            Self::Omitted { change_id, .. } => (change_id, Step::Omitted),
            Self::Held { change_id, .. } => (change_id, Step::Held),
            Self::Confirmed { change_id, .. } => (change_id, Step::Confirmed),
            Self::Delegated { change_id } => (change_id, Step::Delegated),
            Self::Attested {
                subject: Subject::Change(change_id),
                ..
            } => (change_id, Step::Attested),
            Self::Escalated { change_id, .. } => (change_id, Step::Escalated),
            Self::Chosen {
                change_id, choice, ..
            } => (change_id, Step::of_choice(*choice)),
            Self::RunStarted { .. }
            | Self::Resumed { .. }
            | Self::Preflight { .. }
            | Self::Attested { .. }
            | Self::Noted(_)
            | Self::Judged { .. }
            | Self::Stopped { .. }
            | Self::Paused { .. }
            | Self::Superseded { .. }
            | Self::Finished { .. } => return None,
        })
    }

    /// What a signature of a person's word covers: canonical JSON of the run, the time and the fact itself, which names the
    /// question, without `proof` and without `roles`, which are what the verifier says.
    ///
    /// # Errors
    /// When the fact has no JSON form.
    pub fn signed_bytes(
        &self,
        run_id: &RunId,
        said_at: jiff::Timestamp,
    ) -> Result<Vec<u8>, serde_json::Error> {
        let mut fact = serde_json::to_value(self)?;
        if let Some(members) = fact.as_object_mut() {
            for verifiers in ["proof", "roles"] {
                members.remove(verifiers);
            }
        }
        canonical_json(&serde_json::json!({
            "format": "enact.statement/v1",
            "run_id": run_id,
            "said_at": said_at,
            "fact": fact,
        }))
    }

    /// Puts a signature to a person's word; other facts stay as they are.
    #[must_use]
    pub fn with_proof(mut self, new: Proof) -> Self {
        if let Self::Confirmed { proof, .. }
        | Self::Attested { proof, .. }
        | Self::Chosen { proof, .. }
        | Self::Decided { proof, .. } = &mut self
        {
            *proof = Some(Box::new(new));
        }
        self
    }

    /// Whose word it is, and its signature.
    pub fn word(&self) -> Option<(&Principal, Option<&Proof>)> {
        if let Self::Confirmed { by, proof, .. }
        | Self::Attested { by, proof, .. }
        | Self::Chosen { by, proof, .. }
        | Self::Decided { by, proof, .. } = self
        {
            Some((by, proof.as_deref()))
        } else {
            None
        }
    }

    /// The change it is about.
    pub fn change_id(&self) -> Option<&ChangeId> {
        self.step().map(|(change_id, _)| change_id)
    }
}
