//! Who is told of decisions: metrics and the decision log. Neither can change one. What they are told holds digests, names
//! and what rules said; it never holds the input.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use enact_core::canonical::Digest;
use enact_core::plan::Plan;
use enact_core::verdict::{Finding, Outcome, Verdict};
use serde::Serialize;

use super::asking::Loaded;
use super::decision::ActionDecision;
use super::evaluate::Failure;
use super::input::{ActionInput, Occasion, seconds};

/// The format of a line of the decision log.
pub const LOG_FORMAT: &str = "enact.decision/v1";

/// Is told of decisions and of bundles.
pub trait PolicyObserver: Send + Sync {
    /// Something was decided.
    fn decided(&self, decided: &Decided<'_>);

    /// A bundle is in force from now on.
    fn loaded(&self, _loaded: &Loaded) {}

    /// A new bundle was refused; the old one stays.
    fn refused(&self, _why: &str) {}
}

/// One decision (`enact.decision/v1`).
#[derive(Debug, Clone, Serialize)]
pub struct Decided<'a> {
    /// `enact.decision/v1`.
    pub format: &'static str,
    /// When, RFC 3339 in UTC.
    pub decided_at: String,
    /// `plan` or `action`.
    pub kind: &'static str,
    /// The plan's id, or the request's `namespace/name`.
    pub subject: String,
    /// The plan's mode, or the catalog action.
    pub action: String,
    /// Who asked.
    pub actor: String,
    /// What was decided.
    pub outcome: Outcome,
    /// Why there was no answer, when there was none: `policy.timeout`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
    /// What rules said.
    pub findings: &'a [Finding],
    /// The bundle.
    pub bundle_digest: &'a Digest,
    /// The input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_digest: Option<&'a Digest>,
    /// How long it took, in microseconds.
    pub took_us: u64,
}

impl<'a> Decided<'a> {
    /// A decision on a plan.
    pub fn plan(
        plan: &Plan,
        verdict: &'a Verdict,
        occasion: &Occasion,
        failure: Option<&Failure>,
        took: Duration,
    ) -> Self {
        Self {
            format: LOG_FORMAT,
            decided_at: seconds(occasion.now),
            kind: "plan",
            subject: plan.id().to_string(),
            action: plan.metadata().mode.to_string(),
            actor: occasion.actor.to_string(),
            outcome: verdict.outcome,
            failure: failure.map(Failure::name),
            findings: &verdict.findings,
            bundle_digest: &verdict.bundle_digest,
            input_digest: verdict.input_digest.as_ref(),
            took_us: micros(took),
        }
    }

    /// A decision on a catalog action.
    pub fn action(
        input: &ActionInput,
        decision: &'a ActionDecision,
        failure: Option<&Failure>,
        took: Duration,
    ) -> Self {
        Self {
            format: LOG_FORMAT,
            decided_at: input.now.clone(),
            kind: "action",
            subject: format!(
                "{}/{}",
                input.metadata.execution_namespace, input.metadata.execution_name
            ),
            action: input.action.clone(),
            actor: input.actor.created_by.clone(),
            outcome: if decision.allow {
                Outcome::Allow
            } else {
                Outcome::Deny
            },
            failure: failure.map(Failure::name),
            findings: &decision.violations,
            bundle_digest: &decision.bundle_digest,
            input_digest: Some(&decision.input_digest),
            took_us: micros(took),
        }
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

/// The decision log: one line of JSON a decision.
pub struct DecisionLog<W: Write + Send>(Mutex<W>);

impl<W: Write + Send> DecisionLog<W> {
    /// A log that goes there. A line is written in one piece.
    pub fn new(to: W) -> Self {
        Self(Mutex::new(to))
    }
}

impl<W: Write + Send> std::fmt::Debug for DecisionLog<W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DecisionLog")
    }
}

impl<W: Write + Send> PolicyObserver for DecisionLog<W> {
    fn decided(&self, decided: &Decided<'_>) {
        let Ok(mut line) = serde_json::to_vec(decided) else {
            return;
        };
        line.push(b'\n');
        let mut to = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that cannot be written must not stop a decision; it says so where the operator looks.
        if let Err(error) = to.write_all(&line).and_then(|()| to.flush()) {
            tracing::warn!(%error, "the decision log was not written");
        }
    }
}
