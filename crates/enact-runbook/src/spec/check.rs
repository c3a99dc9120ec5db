//! Checks of the frozen form: something that looks, and what it is expected to see.

use std::collections::BTreeMap;

use enact_core::change::Milliseconds;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::text::Text;
use super::variable::Variable;

/// How long one attempt at a check may take that says nothing of it.
pub const CHECK_TIMEOUT: Milliseconds = Milliseconds(30_000);

/// A check. One that cannot be evaluated (time-out, missing program) counts as not holding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckSpec {
    /// A list: the check holds when it holds for each entry, which is `item` in its expressions. An empty one does not hold.
    /// Texts in it may hold expressions, in the form of [`Text`]; one expression alone stands for the whole list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<Value>,
    /// The kind of action that looks: `run`, `exec`, `http`, `compare`, `kubernetes`.
    pub kind: String,
    /// The action, typed by its kind.
    pub action: Value,
    /// What it is expected to see.
    #[serde(default)]
    pub expect: Expect,
    /// Bound on one attempt.
    pub timeout: Milliseconds,
    /// How many attempts in all; at least 1.
    pub attempts: u32,
    /// Wait between attempts.
    pub delay: Milliseconds,
    /// Environment of commands, that of the step included.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Variable>,
    /// Where commands run, from the runbook's folder; the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
}

/// What a check expects. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The exit code of a command. Absent: 0, unless something else is expected of a kind without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<ExitExpectation>,
    /// The status of a reply, one of these. Empty: any of 200 to 299.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<u16>,
    /// Standard output, or the body of a reply. Compared without trailing line breaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stdout: Vec<TextExpectation>,
    /// Standard error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stderr: Vec<TextExpectation>,
    /// Values in standard output, or the body, read as JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub json: Vec<JsonExpectation>,
}

impl Expect {
    /// Does it expect something of what is printed?
    pub fn reads_output(&self) -> bool {
        !self.stdout.is_empty() || !self.stderr.is_empty() || !self.json.is_empty()
    }

    /// In words, for people: `stdout equals "new"`, of a request `body equals "new"`. Empty where nothing is said, which asks for
    /// success alone.
    pub fn shown(&self, kind: &str) -> String {
        let mut parts: Vec<String> = self.exit_code.iter().map(ExitExpectation::shown).collect();
        if !self.status.is_empty() {
            let status: Vec<String> = self.status.iter().map(u16::to_string).collect();
            parts.push(format!("status {}", status.join(" or ")));
        }
        let texts = |name: &'static str, all: &[TextExpectation]| -> Vec<String> {
            all.iter().map(|one| format!("{name} {}", one.shown())).collect()
        };
        let output = if kind == "http" { "body" } else { "stdout" };
        parts.extend(texts(output, &self.stdout));
        parts.extend(texts("stderr", &self.stderr));
        parts.extend(self.json.iter().map(JsonExpectation::shown));
        parts.join(", ")
    }
}

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ExitExpectation {
    /// Exactly this.
    Is(i32),
    /// Anything but this.
    Not(i32),
}

impl ExitExpectation {
    fn shown(&self) -> String {
        match self {
            Self::Is(code) => format!("exit code {code}"),
            Self::Not(code) => format!("any exit code but {code}"),
        }
    }
}

/// Something about a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TextExpectation {
    /// The whole text.
    Equals(Text),
    /// A regular expression that is found somewhere in it.
    Matches(Text),
    /// A part of it.
    Contains(Text),
    /// Is it empty?
    Empty(bool),
}

impl TextExpectation {
    fn shown(&self) -> String {
        match self {
            Self::Equals(text) => format!("equals {:?}", text.shown()),
            Self::Matches(text) => format!("matches {:?}", text.shown()),
            Self::Contains(text) => format!("contains {:?}", text.shown()),
            Self::Empty(true) => "is empty".to_owned(),
            Self::Empty(false) => "is not empty".to_owned(),
        }
    }
}

/// Something about a value in a JSON document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonExpectation {
    /// An RFC 9535 path: `$.state`. May hold expressions.
    pub path: Text,
    /// `==`, `!=`, `<`, `<=`, `>`, `>=`, `matches`, `in`, `exists`, `absent`, `empty`, `absent_or`, `all==`, `any==`.
    pub op: String,
    /// What to compare with. Texts in it may hold expressions, in the form of [`Text`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

impl JsonExpectation {
    fn shown(&self) -> String {
        let value = self
            .value
            .as_ref()
            .map_or(String::new(), |value| format!(" {value}"));
        format!("{} {}{value}", self.path.shown(), self.op)
    }
}

/// One side of a comparison: a number, a truth value, a text, or a template whose one expression keeps its type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Operand {
    /// A value as it is.
    Value(Value),
    /// One expression, with the type of its value.
    Expression(String),
    /// Text with expressions in it.
    Text(Text),
}

/// The action of kind `compare`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// Left.
    pub left: Operand,
    /// `==`, `!=`, `<`, `<=`, `>`, `>=`, `~` (equal within `tolerance_ppm` of the right side), `matches`, `in`.
    pub op: String,
    /// Right.
    pub right: Operand,
    /// For `~`: parts per million of the right side (0.5 % is 5000).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance_ppm: Option<u64>,
}

/// What a step's output, its exit code or its reply says: an assumption is broken, the outcome is of a special kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matcher {
    /// The exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<ExitExpectation>,
    /// Standard output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stdout: Vec<TextExpectation>,
    /// Standard error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stderr: Vec<TextExpectation>,
    /// The status of a reply, one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<u16>,
}

impl Matcher {
    /// In words, for people: `exit code 9, stdout contains "gone"`.
    pub fn shown(&self) -> String {
        let mut parts: Vec<String> = self.exit_code.iter().map(ExitExpectation::shown).collect();
        if !self.status.is_empty() {
            let status: Vec<String> = self.status.iter().map(u16::to_string).collect();
            parts.push(format!("status {}", status.join(" or ")));
        }
        parts.extend(self.stdout.iter().map(|one| format!("stdout {}", one.shown())));
        parts.extend(self.stderr.iter().map(|one| format!("stderr {}", one.shown())));
        parts.join(", ")
    }
}
