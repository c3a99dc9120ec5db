//! The static type of an expression.

use std::fmt;

use enact_core::yaml::{shown, suggest};
use serde_json::Value;

use super::Fault;
use super::ast::{Expression, Name, Operator};
use super::functions::{Function, compile_regex};

/// The states of a step, as `steps.ID.state` says them.
pub(crate) const STATES: [&str; 13] = [
    "pending",
    "running",
    "succeeded",
    "failed",
    "stopped",
    "unknown",
    "not_run",
    "skipped",
    "waiting",
    "escalated",
    "undoing",
    "undone",
    "undo_failed",
];

/// The type of a value as far as it is known before it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Nothing.
    Null,
    /// Any text.
    Text,
    /// Text of letters, digits and few signs, or one of the words that the author listed: safe in a script.
    Word,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A list.
    List,
    /// Anything; what it is turns out when it is there.
    Json,
}

impl Type {
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Word)
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Number)
    }

    /// May a value of this type be put into the text of a script?
    pub fn is_safe_in_script(self) -> bool {
        matches!(self, Self::Word | Self::Integer | Self::Boolean)
    }

    pub(crate) fn either(self, other: Self) -> Self {
        match (self, other) {
            (one, two) if one == two => one,
            (Self::Null, one) | (one, Self::Null) => one,
            (one, two) if one.is_text() && two.is_text() => Self::Text,
            (one, two) if one.is_number() && two.is_number() => Self::Number,
            _ => Self::Json,
        }
    }

    /// The type of a value.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Json,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Null => "nothing (null)",
            Self::Text | Self::Word => "text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::List => "a list",
            Self::Json => "any value",
        })
    }
}

/// A type, and whether the value comes from a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typed {
    /// The type.
    pub value_type: Type,
    /// Does a secret take part in it?
    pub secret: bool,
}

impl Typed {
    /// A value that everybody may see.
    pub fn open(value_type: Type) -> Self {
        Self {
            value_type,
            secret: false,
        }
    }
}

/// What names stand for.
pub trait Names {
    /// The type of a name's value.
    ///
    /// # Errors
    /// There is no such name here; place 0 is where it stands.
    fn typed(&self, name: &Name) -> Result<Typed, Fault>;
}

/// The type of an expression.
///
/// # Errors
/// The first name that stands for nothing, or value that does not fit.
pub fn type_of(expression: &Expression, names: &dyn Names) -> Result<Typed, Fault> {
    match expression {
        Expression::Literal(value) => Ok(Typed::open(Type::of(value))),
        Expression::Name(name, at) => names.typed(name).map_err(|fault| Fault { at: *at, ..fault }),
        Expression::List(parts) => {
            let parts = all(parts, names)?;
            Ok(Typed {
                value_type: Type::List,
                secret: parts.iter().any(|part| part.secret),
            })
        }
        Expression::Not(inner) => {
            let inner_type = type_of(inner, names)?;
            boolean(inner_type.value_type, "!", place(inner))?;
            Ok(Typed {
                value_type: Type::Boolean,
                ..inner_type
            })
        }
        Expression::Binary(operator, left, right) => binary(*operator, left, right, names),
        Expression::Call(function, parts) => call(*function, parts, names),
    }
}

fn all(parts: &[Expression], names: &dyn Names) -> Result<Vec<Typed>, Fault> {
    parts.iter().map(|part| type_of(part, names)).collect()
}

fn call(function: Function, parts: &[Expression], names: &dyn Names) -> Result<Typed, Fault> {
    let typed = all(parts, names)?;
    let at = parts.first().map_or(0, place);
    let types: Vec<Type> = typed.iter().map(|part| part.value_type).collect();
    let mut value_type = function.result(&types).map_err(|fault| Fault::new(at, fault))?;
    if let (Function::Matches, Some(Expression::Literal(Value::String(pattern)))) = (function, parts.get(1)) {
        compile_regex(pattern)
            .map_err(|error| Fault::new(at, format!("`{pattern}` is no regular expression: {error}")))?;
    }
    if function == Function::Join
        && let Some(Expression::Literal(Value::Array(_))) = parts.first()
    {
        value_type = Type::Text;
    }
    Ok(Typed {
        value_type,
        secret: typed.iter().any(|part| part.secret),
    })
}

fn binary(
    operator: Operator,
    left: &Expression,
    right: &Expression,
    names: &dyn Names,
) -> Result<Typed, Fault> {
    let (one, two) = (type_of(left, names)?, type_of(right, names)?);
    let (a, b) = (one.value_type, two.value_type);
    known_states(operator, left, right)?;
    let symbol = operator.symbol();
    let any = a == Type::Json || b == Type::Json;
    match operator {
        Operator::And | Operator::Or => {
            boolean(a, symbol, place(left))?;
            boolean(b, symbol, place(right))?;
        }
        Operator::Equal | Operator::NotEqual => {
            let null = a == Type::Null || b == Type::Null;
            let alike = a == b || (a.is_text() && b.is_text()) || (a.is_number() && b.is_number());
            if !(any || null || alike) {
                let fault = format!("`{symbol}` compares values of one type, found {a} and {b}");
                return Err(
                    Fault::new(place(left), fault).hint("convert one of them with `int(…)` or `float(…)`")
                );
            }
        }
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
            let ordered = |found: Type| found == Type::Json || found.is_number() || found.is_text();
            let alike = any || (a.is_text() && b.is_text()) || (a.is_number() && b.is_number());
            if !(ordered(a) && ordered(b) && alike) {
                let fault = format!("`{symbol}` compares two numbers or two texts, found {a} and {b}");
                return Err(Fault::new(place(left), fault));
            }
        }
        Operator::In => {
            if !matches!(b, Type::List | Type::Json) {
                let fault = format!("`in` expects a list on its right, found {b}");
                return Err(
                    Fault::new(place(right), fault).hint("for a part of a text write `contains(text, part)`")
                );
            }
        }
    }
    Ok(Typed {
        value_type: Type::Boolean,
        secret: one.secret || two.secret,
    })
}

/// What a step's state is compared with must be a state: any other word is never true, and nobody would see why.
fn known_states(operator: Operator, left: &Expression, right: &Expression) -> Result<(), Fault> {
    let words = match (left, right) {
        (state, words) | (words, state) if is_state(state) => words.as_literal(),
        _ => None,
    };
    let compares = matches!(operator, Operator::Equal | Operator::NotEqual | Operator::In);
    let fault = words.filter(|_| compares).and_then(not_a_state);
    fault.map_or(Ok(()), |fault| {
        let at = place(left).max(place(right));
        Err(Fault { at, ..fault })
    })
}

/// Is it `steps.ID.state`?
pub(crate) fn is_state(expression: &Expression) -> bool {
    matches!(expression, Expression::Name(Name::State(_), _))
}

/// What is wrong with a value, or one of a list, that a step's state is compared with.
pub(crate) fn not_a_state(value: &Value) -> Option<Fault> {
    let word = unknown_state(value)?;
    let fault = Fault::new(0, format!("{} is no state of a step", shown(&word)));
    Some(fault.hint(suggest::hint(&word, STATES)))
}

fn unknown_state(value: &Value) -> Option<String> {
    match value {
        Value::String(word) => (!STATES.contains(&word.as_str())).then(|| word.clone()),
        Value::Array(items) => items.iter().find_map(unknown_state),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn boolean(found: Type, symbol: &str, at: usize) -> Result<(), Fault> {
    match found {
        Type::Boolean | Type::Json => Ok(()),
        Type::Null | Type::Text | Type::Word | Type::Integer | Type::Number | Type::List => Err(Fault::new(
            at,
            format!("`{symbol}` expects true or false, found {found}"),
        )),
    }
}

/// Where an expression begins, as far as it is known.
fn place(expression: &Expression) -> usize {
    match expression {
        Expression::Literal(_) => 0,
        Expression::Name(_, at) => *at,
        Expression::Not(inner) => place(inner),
        Expression::Binary(_, left, right) => place(left).max(place(right)),
        Expression::List(parts) | Expression::Call(_, parts) => parts.iter().map(place).max().unwrap_or(0),
    }
}
