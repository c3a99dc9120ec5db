//! What an expression consists of, and how it is written again.

use std::fmt;

use serde_json::Value;

use super::functions::Function;

/// A name that has a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// `params.x`; `secrets.x` is another way to write it.
    Parameter(String),
    /// `steps.ID.outputs.NAME`. The id of a step of an included plan has dots: `parent.child`.
    Output {
        /// The step.
        step: String,
        /// The output.
        output: String,
    },
    /// `steps.ID.state`.
    State(String),
    /// `run.…`.
    Run(RunFact),
    /// `plan.hash`.
    PlanHash,
    /// `plan.name`.
    PlanName,
    /// `item`.
    Item,
}

/// What a run knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunFact {
    /// `run.id`.
    Id,
    /// `run.number`.
    Number,
    /// `run.elapsed_ms`.
    Elapsed,
    /// `run.downtime_ms`.
    Downtime,
}

impl RunFact {
    /// All of them with their words.
    pub const ALL: [(&'static str, Self); 4] = [
        ("id", Self::Id),
        ("number", Self::Number),
        ("elapsed_ms", Self::Elapsed),
        ("downtime_ms", Self::Downtime),
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Number => "number",
            Self::Elapsed => "elapsed_ms",
            Self::Downtime => "downtime_ms",
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(formatter, "params.{name}"),
            Self::Output { step, output } => write!(formatter, "steps.{step}.outputs.{output}"),
            Self::State(step) => write!(formatter, "steps.{step}.state"),
            Self::Run(fact) => write!(formatter, "run.{}", fact.word()),
            Self::PlanHash => formatter.write_str("plan.hash"),
            Self::PlanName => formatter.write_str("plan.name"),
            Self::Item => formatter.write_str("item"),
        }
    }
}

/// An operator between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `||`
    Or,
    /// `&&`
    And,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `in`
    In,
}

impl Operator {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
        }
    }

    /// How tightly it binds; the higher, the tighter.
    pub(super) fn binding(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::In => 3,
        }
    }
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A value as it is: null, a truth value, a number, text, or a list of such.
    Literal(Value),
    /// A list with at least one part that is not a literal.
    List(Vec<Self>),
    /// A name, and where it stands (in characters from the start).
    Name(Name, usize),
    /// `!x`
    Not(Box<Self>),
    /// Two values and what is between them.
    Binary(Operator, Box<Self>, Box<Self>),
    /// A function.
    Call(Function, Vec<Self>),
}

impl Expression {
    /// The value when it is one already.
    pub fn as_literal(&self) -> Option<&Value> {
        match self {
            Self::Literal(value) => Some(value),
            Self::List(_) | Self::Name(..) | Self::Not(_) | Self::Binary(..) | Self::Call(..) => None,
        }
    }

    /// Calls `visit` for every name in it.
    pub fn names(&self, visit: &mut impl FnMut(&Name, usize)) {
        match self {
            Self::Literal(_) => {}
            Self::Name(name, at) => visit(name, *at),
            Self::Not(inner) => inner.names(visit),
            Self::Binary(_, left, right) => {
                left.names(visit);
                right.names(visit);
            }
            Self::List(parts) | Self::Call(_, parts) => parts.iter().for_each(|part| part.names(visit)),
        }
    }

    fn write(&self, out: &mut String, around: u8) {
        match self {
            Self::Literal(value) => write_value(value, out),
            Self::Name(name, _) => out.push_str(&name.to_string()),
            Self::List(parts) => {
                out.push('[');
                write_parts(parts, out);
                out.push(']');
            }
            Self::Not(inner) => {
                out.push('!');
                inner.write(out, 4);
            }
            Self::Binary(operator, left, right) => {
                let binding = operator.binding();
                let wrapped = around > binding || (around == binding && binding == 3);
                if wrapped {
                    out.push('(');
                }
                left.write(out, binding);
                out.push(' ');
                out.push_str(operator.symbol());
                out.push(' ');
                right.write(out, binding + 1);
                if wrapped {
                    out.push(')');
                }
            }
            Self::Call(function, parts) => {
                out.push_str(function.name());
                out.push('(');
                write_parts(parts, out);
                out.push(')');
            }
        }
    }
}

fn write_parts(parts: &[Expression], out: &mut String) {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        part.write(out, 0);
    }
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => {
            out.push('\'');
            out.push_str(&text.replace('\'', "''"));
            out.push('\'');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_value(item, out);
            }
            out.push(']');
        }
        // Objects only come from `json(…)` of a literal, which is not folded.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            out.push_str(&value.to_string());
        }
    }
}

/// Written in one way only, whatever blanks and parentheses its author used.
impl fmt::Display for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write(&mut out, 0);
        formatter.write_str(&out)
    }
}
