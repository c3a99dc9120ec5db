//! The value of an expression. What a secret takes part in stays a secret.

use enact_core::secret::Secret;
use serde_json::Value;

use super::Fault;
use super::ast::{Expression, Name, Operator};
use super::functions::Function;

/// A value, or one that nobody may see. A tainted one has no `Display`, and its `Debug` shows nothing of it.
#[derive(Debug, Clone)]
pub enum Datum {
    /// A value.
    Open(Value),
    /// A value that a secret takes part in. Hand it to a process or a server, and to nobody else.
    Tainted(Secret<Value>),
}

impl Datum {
    /// The value, marked when `secret`.
    pub fn new(value: Value, secret: bool) -> Self {
        if secret {
            Self::Tainted(Secret::new(value))
        } else {
            Self::Open(value)
        }
    }

    /// Does a secret take part in it?
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Tainted(_))
    }

    /// The value when everybody may see it.
    pub fn open(&self) -> Option<&Value> {
        match self {
            Self::Open(value) => Some(value),
            Self::Tainted(_) => None,
        }
    }

    /// The value, secret or not: every use is worth a look in review.
    pub fn expose(&self) -> &Value {
        match self {
            Self::Open(value) => value,
            Self::Tainted(secret) => secret.expose(),
        }
    }
}

/// What names stand for when a step runs.
pub trait Values {
    /// The value of a name; `None` when there is none (a step that did not run, an output it did not make).
    fn value(&self, name: &Name) -> Option<Datum>;
}

/// No names at all: what can be computed when the plan is frozen.
pub(super) struct NoValues;

impl Values for NoValues {
    fn value(&self, _: &Name) -> Option<Datum> {
        None
    }
}

/// Why an expression has no value. Never holds a value itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// A name without value.
    #[error("`{0}` has no value")]
    Missing(Name),
    /// Something that does not fit, or cannot be read.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The value of an expression.
///
/// # Errors
/// A name without value, or a value of the wrong type.
pub fn evaluate(expression: &Expression, values: &dyn Values) -> Result<Datum, EvaluateError> {
    let mut secret = false;
    let value = Evaluation {
        values,
        secret: &mut secret,
    }
    .value(expression)?;
    Ok(Datum::new(value, secret))
}

struct Evaluation<'a> {
    values: &'a dyn Values,
    secret: &'a mut bool,
}

impl Evaluation<'_> {
    fn value(&mut self, expression: &Expression) -> Result<Value, EvaluateError> {
        match expression {
            Expression::Literal(value) => Ok(value.clone()),
            Expression::Name(name, _) => {
                let datum = self
                    .values
                    .value(name)
                    .ok_or_else(|| EvaluateError::Missing(name.clone()))?;
                *self.secret |= datum.is_secret();
                Ok(datum.expose().clone())
            }
            Expression::List(parts) => Ok(Value::Array(self.all(parts)?)),
            Expression::Not(inner) => Ok(Value::Bool(!self.boolean(inner, "!")?)),
            Expression::Binary(operator, left, right) => self.binary(*operator, left, right),
            Expression::Call(Function::Default, parts) => self.default(parts),
            Expression::Call(function, parts) => Ok(function.apply(&self.all(parts)?)?),
        }
    }

    fn all(&mut self, parts: &[Expression]) -> Result<Vec<Value>, EvaluateError> {
        parts.iter().map(|part| self.value(part)).collect()
    }

    /// `default` is the one function whose first value may be missing.
    fn default(&mut self, parts: &[Expression]) -> Result<Value, EvaluateError> {
        let [first, second] = parts else {
            return Ok(Value::Null);
        };
        match self.value(first) {
            Ok(Value::Null) | Err(EvaluateError::Missing(_)) => self.value(second),
            found => found,
        }
    }

    fn boolean(&mut self, expression: &Expression, symbol: &str) -> Result<bool, EvaluateError> {
        let value = self.value(expression)?;
        value.as_bool().ok_or_else(|| {
            let fault = format!("`{symbol}` expects true or false, found {}", kind_of(&value));
            Fault::new(0, fault).into()
        })
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: &Expression,
        right: &Expression,
    ) -> Result<Value, EvaluateError> {
        let truth = match operator {
            Operator::And => self.boolean(left, "&&")? && self.boolean(right, "&&")?,
            Operator::Or => self.boolean(left, "||")? || self.boolean(right, "||")?,
            Operator::Equal
            | Operator::NotEqual
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::In => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                compare(operator, &left, &right)?
            }
        };
        Ok(Value::Bool(truth))
    }
}

/// What a comparison says of two values.
///
/// # Errors
/// They cannot be compared.
pub fn compare(operator: Operator, left: &Value, right: &Value) -> Result<bool, Fault> {
    use std::cmp::Ordering;
    let ordering = || {
        order(left, right).ok_or_else(|| {
            let (one, two) = (kind_of(left), kind_of(right));
            Fault::new(
                0,
                format!("`{}` cannot compare {one} with {two}", operator.symbol()),
            )
        })
    };
    Ok(match operator {
        Operator::Equal => equal(left, right)?,
        Operator::NotEqual => !equal(left, right)?,
        Operator::Less => ordering()? == Ordering::Less,
        Operator::LessOrEqual => ordering()? != Ordering::Greater,
        Operator::Greater => ordering()? == Ordering::Greater,
        Operator::GreaterOrEqual => ordering()? != Ordering::Less,
        Operator::In => {
            let items = right.as_array().ok_or_else(|| {
                Fault::new(
                    0,
                    format!("`in` expects a list on its right, found {}", kind_of(right)),
                )
            })?;
            items.iter().any(|item| equal(left, item) == Ok(true))
        }
        Operator::And | Operator::Or => {
            let fault = format!("`{}` is not a comparison", operator.symbol());
            return Err(Fault::new(0, fault));
        }
    })
}

pub(super) fn equal(left: &Value, right: &Value) -> Result<bool, Fault> {
    use std::mem::discriminant;
    if left.is_number() && right.is_number() {
        return Ok(order(left, right) == Some(std::cmp::Ordering::Equal));
    }
    if left.is_null() || right.is_null() || discriminant(left) == discriminant(right) {
        return Ok(same(left, right));
    }
    let (one, two) = (kind_of(left), kind_of(right));
    Err(Fault::new(0, format!("`==` cannot compare {one} with {two}")))
}

/// Values inside of values are never a fault: what is of another kind there is another value. `1` is `1.0` everywhere.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => order(left, right) == Some(std::cmp::Ordering::Equal),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}

fn order(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return Some(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (left.as_f64(), right.as_f64()) {
        return left.partial_cmp(&right);
    }
    Some(left.as_str()?.cmp(right.as_str()?))
}

/// What a value is, without saying which.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing (null)",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
