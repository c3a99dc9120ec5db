//! Expressions: `${{ params.rows > 10 }}`. Pure, without loops and without I/O, and bounded in length and depth.
//!
//! [`parse`] reads one, [`check`](types) finds its static type, [`fold`] replaces what is known when the plan is frozen,
//! [`evaluate`] computes the rest when the step runs. A value that comes from a secret stays marked as one.

mod ast;
mod evaluate;
mod fold;
mod functions;
mod lexer;
mod parser;
mod render;
mod template;
mod types;

pub use ast::{Expression, Name, Operator, RunFact};
pub use evaluate::{Datum, EvaluateError, Values, compare, evaluate};
pub use fold::fold;
pub use functions::{Function, REGEX_SIZE_LIMIT, compile_regex};
pub use parser::parse;
pub(crate) use render::{as_text, holds_template, is_template, secret_parts};
pub use render::{evaluate_source, json_value, operand, text};
pub use template::{Piece, pieces};
#[cfg(test)]
pub(crate) use types::STATES;
pub use types::{Names, Type, Typed, type_of};
pub(crate) use types::{is_state, not_a_state};

/// The most characters of one expression.
pub const MAX_LENGTH: usize = 4_096;

/// How deep an expression nests.
pub const MAX_DEPTH: usize = 32;

/// What is wrong with an expression, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Characters from the start of the expression.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The lint rule it breaks, when there is one.
    pub rule: Option<&'static str>,
}

impl Fault {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
            hint: None,
            rule: None,
        }
    }

    pub(crate) fn rule(mut self, rule: &'static str) -> Self {
        self.rule = Some(rule);
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
