//! What a domain gives the engine: how to look at, do, check and take back one change.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use enact_core::change::Change;
use enact_core::criterion::CriterionReport;
use enact_core::journal::{Entry, Mismatch, Note, RunId, RunState};
use enact_core::procedure::Moment;
use enact_core::reference::Outputs;
use jiff::Timestamp;
use serde_json::Value;

/// What to do about a failure. Derived from the error in one place, beside the domain's error type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The effect certainly did not happen, and may succeed later.
    Retry {
        /// The remote's own word on when, if it gave one.
        after: Option<Duration>,
    },
    /// The effect certainly did not happen, and never will.
    GiveUp,
    /// The effect may have happened: look before anything else.
    Look,
    /// Only a person can go on.
    AskHuman,
    /// Reality differs from the plan: the run pauses until a person chooses how to go on.
    Escalate,
    /// The change is in somebody else's hands now: the run pauses until they attest it.
    Wait,
    /// The run is to stop now, and a look was let go before it came to an answer: nothing is judged, and the next process looks
    /// again.
    Stopped,
}

/// One failure, in words, with what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What to do.
    pub disposition: Disposition,
    /// What was attempted, on what, and what came back. Goes into the journal: no secrets.
    pub message: String,
    /// Set when the remote refused because the world differs from what the plan was based on.
    pub drift: Vec<Mismatch>,
    /// May the effect have happened in part? Then taking back includes this change.
    pub partial: bool,
    /// The assumption that turned out to be broken.
    pub assumption: Option<String>,
    /// Does the plan say to take everything back at once for this?
    pub take_back: bool,
}

impl Failure {
    /// A failure without drift.
    pub fn new(disposition: Disposition, message: impl Into<String>) -> Self {
        Self {
            disposition,
            message: message.into(),
            drift: Vec::new(),
            partial: false,
            assumption: None,
            take_back: false,
        }
    }

    /// The same failure, of an effect that may have happened in part.
    #[must_use]
    pub fn in_part(mut self) -> Self {
        self.partial = true;
        self
    }
}

/// What an effect produced: `{"id": "…"}`.
pub type Made = BTreeMap<String, Value>;

/// What a look at the world said about an effect whose answer was lost.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// It happened.
    Done(Made),
    /// It did not happen; it may be started again.
    NotDone,
    /// Nobody can tell, and it may run again all the same: its plan says that this does no harm.
    Repeatable,
    /// It did not happen, and cannot any more: the world is not what the plan was based on.
    Drift(Vec<Mismatch>),
    /// Its answer was found after all, and it is a failure.
    Failed(Failure),
    /// Looking cannot tell; the reason.
    Unknown(String),
}

/// A domain's hands. Every method may be called again with the same arguments.
///
/// `apply` and `undo` are the only methods with an effect. The engine calls `apply` only after the intent is durable, and
/// never twice for one change unless a look in between said that nothing had happened.
pub trait Provider {
    /// Is told what the journal of the run holds before anything else is asked of it.
    fn take_up(&self, _run_id: &RunId, _state: &RunState) {}

    /// Is told each entry once it is durable, in order.
    fn observe(&self, _entry: &Entry) {}

    /// Hands over what it wants on record; written together with the next fact.
    fn take_notes(&self) -> Vec<Note> {
        Vec::new()
    }

    /// Decides, right before a change, whether it is needed. `Some`: it is not, and why.
    fn not_needed(
        &self,
        _change: &Change,
        _outputs: &Outputs,
    ) -> impl Future<Output = Result<Option<String>, Failure>> {
        async { Ok(None) }
    }

    /// How long further attempts at a change that failed may still take. `None`: nothing bounds them.
    fn time_for_more(&self, _change: &Change) -> Option<Duration> {
        None
    }

    /// What a person who has to confirm a change should know of the run so far.
    fn evidence(&self, _change: &Change, _moment: Moment) -> impl Future<Output = BTreeMap<String, Value>> {
        async { BTreeMap::new() }
    }

    /// Judges the criteria of the whole run, after everything was done.
    fn conclude(&self) -> impl Future<Output = Result<Vec<CriterionReport>, Failure>> {
        async { Ok(Vec::new()) }
    }

    /// Reads every precondition of these changes in as few requests as it can. Empty when all hold.
    fn preflight(
        &self,
        changes: &[&Change],
        outputs: &Outputs,
    ) -> impl Future<Output = Result<Vec<Mismatch>, Failure>>;

    /// Reads the preconditions of one change again, right before its effect. Empty when all hold.
    fn check(
        &self,
        change: &Change,
        outputs: &Outputs,
    ) -> impl Future<Output = Result<Vec<Mismatch>, Failure>>;

    /// Does it.
    fn apply(&self, change: &Change, outputs: &Outputs) -> impl Future<Output = Result<Made, Failure>>;

    /// Looks whether an effect that was started at `intent_at` happened.
    fn settle(
        &self,
        change: &Change,
        outputs: &Outputs,
        intent_at: Timestamp,
    ) -> impl Future<Output = Result<Settled, Failure>>;

    /// Reads the postconditions of these changes. Empty when all hold.
    fn verify(
        &self,
        changes: &[&Change],
        outputs: &Outputs,
    ) -> impl Future<Output = Result<Vec<Mismatch>, Failure>>;

    /// Takes one change back.
    fn undo(&self, change: &Change, outputs: &Outputs) -> impl Future<Output = Result<(), Failure>>;

    /// Looks whether an undo whose answer was lost happened: `Done`, `NotDone` or unknown.
    fn settle_undo(
        &self,
        change: &Change,
        outputs: &Outputs,
    ) -> impl Future<Output = Result<Settled, Failure>>;
}
