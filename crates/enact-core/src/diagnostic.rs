//! Faults in what a person wrote, as data: collected all at once, each with its place and a way out.
//!
//! Rendering belongs to the binary's views; this module only says what a fault consists of.

use serde::{Deserialize, Serialize};

/// How bad a fault is: an error stops the line, a warning is shown and passes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing further happens until it is mended.
    Error,
    /// Shown; the work goes on.
    Warning,
}

/// A place in a source text. Both numbers start at 1; the column counts characters, not bytes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// Where in which file, with the source line itself so that a view can show it without reading again.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Place {
    /// The file as the user named it, or `<stdin>`.
    pub file: String,
    /// Line and column, when the fault has one (a file that cannot be opened has none).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The source line, cut to at most 200 characters; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub excerpt: String,
    /// How many characters the fault spans from the column on; at least 1 when there is a position.
    #[serde(default)]
    pub length: u32,
}

impl Place {
    /// The place that `file:line` names, at its first column and without an excerpt. `None` for anything else.
    pub fn of_line(location: &str) -> Option<Self> {
        let (file, line) = location.rsplit_once(':')?;
        Some(Self {
            file: file.to_owned(),
            position: Some(Position {
                line: line.parse().ok()?,
                column: 1,
            }),
            excerpt: String::new(),
            length: 0,
        })
    }
}

/// One fault: what is wrong, where, what was expected and what to do about it.
///
/// ```
/// use enact_core::diagnostic::{Diagnostic, Severity};
/// let fault = Diagnostic::error("unknown field `lables`").hint("did you mean `labels`?");
/// assert_eq!(fault.severity, Severity::Error);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Diagnostic {
    /// Whether it stops the line.
    pub severity: Severity,
    /// One sentence without a full stop: what is wrong and on what.
    pub summary: String,
    /// What was expected, when the summary does not already say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Diagnostic {
    /// An error without place; add the rest with the builder methods.
    pub fn error(summary: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            summary: summary.into(),
            detail: None,
            hint: None,
            place: None,
        }
    }

    /// A warning without place.
    pub fn warning(summary: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(summary)
        }
    }

    /// The same fault with what was expected.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same fault with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same fault at a place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }
}
