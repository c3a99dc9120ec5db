//! A step of the frozen form: the `spec` of a change whose `resource_type` is `step`.
//!
//! The kernel's own fields of the change hold the rest: `depends_on` (order), `handling` (holds, retries, what a failure
//! means), `preconditions` (assumptions by id), `postconditions` (the step's `verify`), `undo`, `effect`, `timeout`, `estimate`.

use std::collections::BTreeMap;

use enact_core::change::Milliseconds;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check::{CheckSpec, Matcher};
use super::text::Text;
use super::variable::Variable;

/// The `resource_type` of a step's change.
pub const STEP: &str = "step";

/// What may happen to a step whose outcome is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// It runs again: at least once.
    Safe,
    /// It runs again with the same key: once, where the target honours the key.
    Keyed,
    /// It never runs again without knowing: at most once.
    Never,
}

/// The frozen step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// Its place in the file, from 1; steps of `finally` count on.
    pub number: u32,
    /// What it covers, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// Its kind: `run`, `exec`, `http`, `checkpoint`, `manual`, `wait`, …
    pub kind: String,
    /// The action, typed by its kind.
    pub action: Value,
    /// An expression that decides, right before the step, whether it is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What may happen when its outcome is not known.
    pub repeat: Repeat,
    /// The idempotency key; absent: run id and step id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Text>,
    /// How to find out whether its effect happened: exit code or expectation met means done, otherwise not done, unless
    /// `partial` matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeSpec>,
    /// Bound on all attempts together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_total: Option<Milliseconds>,
    /// Which failures are tried again; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retry_on: Vec<Matcher>,
    /// What it produces.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, OutputSpec>,
    /// What of its result means that reality differs from the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalate_on: Vec<Matcher>,
    /// Environment beyond that of all steps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Variable>,
    /// Where commands run, from the runbook's folder; absent: there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// What it makes, from the runbook's folder: what is run from there, by it or after it, is not pinned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub makes: Vec<String>,
    /// A lock held while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// Requirements it serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub satisfies: Vec<String>,
    /// What can say, without an effect, what the step would do (`dry_run:`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<Simulation>,
    /// `sha256:…` over what of it is executed; equal in a revision means that nothing about it changed.
    pub step_hash: String,
}

/// An alternative action that simulates a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Simulation {
    /// Its kind.
    pub kind: String,
    /// The action, typed by its kind.
    pub action: Value,
}

/// How to find out what became of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeSpec {
    /// The look. It holds: done.
    pub check: CheckSpec,
    /// What of its result means that the effect happened in part. Looked at first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<Matcher>,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// Text.
    String,
    /// A whole number within ±2^53.
    Integer,
    /// True or false.
    Boolean,
    /// Any JSON value.
    Json,
}

impl ValueType {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Json => "json",
        }
    }
}

/// One output of a step. Declared and missing is a failure of the step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// Where it is read: `output` (the file that `ENACT_OUTPUT` names), `stdout`, `stderr`, `file:PATH`, `http.body`,
    /// `http.header:NAME`.
    pub from: String,
    /// An RFC 9535 path into it, read as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    /// A regular expression with one group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// Without white space at both ends?
    pub trim: bool,
    /// What it must be.
    #[serde(rename = "type")]
    pub value_type: ValueType,
    /// Is it kept out of the journal?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

impl OutputSpec {
    /// In words, for people: `integer from stdout, json $.rows`.
    pub fn shown(&self) -> String {
        let mut text = format!("{} from {}", self.value_type.as_str(), self.from);
        if let Some(path) = &self.json {
            text.push_str(&format!(", json {path}"));
        }
        if let Some(regex) = &self.regex {
            text.push_str(&format!(", regex {regex}"));
        }
        if self.secret {
            text.push_str(", secret");
        }
        text
    }
}

/// How a step is taken back: the `spec` of `Undo::Run`. Must be repeatable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoSpec {
    /// Its kind.
    pub kind: String,
    /// The action, typed by its kind.
    pub action: Value,
    /// Bound on one attempt.
    pub timeout: Milliseconds,
    /// Environment, that of the step included.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Variable>,
    /// Where commands run; the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
}
