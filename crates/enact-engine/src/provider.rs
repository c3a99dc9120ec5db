//! What a domain gives the engine: how to look at, do, check and take back one change.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use enact_core::change::Change;
use enact_core::journal::Mismatch;
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
}

impl Failure {
    /// A failure without drift.
    pub fn new(disposition: Disposition, message: impl Into<String>) -> Self {
        Self {
            disposition,
            message: message.into(),
            drift: Vec::new(),
        }
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
    /// It did not happen, and cannot any more: the world is not what the plan was based on.
    Drift(Vec<Mismatch>),
    /// Looking cannot tell; the reason.
    Unknown(String),
}

/// A domain's hands. Every method may be called again with the same arguments.
///
/// `apply` and `undo` are the only methods with an effect. The engine calls `apply` only after the intent is durable, and
/// never twice for one change unless a look in between said that nothing had happened.
pub trait Provider {
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
