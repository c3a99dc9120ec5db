//! What is known when the plan is frozen becomes a literal; the rest stays an expression.

use serde_json::Value;

use super::Fault;
use super::ast::{Expression, Name, Operator};
use super::evaluate::{EvaluateError, NoValues, evaluate};
use super::functions::Function;
use super::parser::list;

/// The expression with names replaced by what `known` says of them, and computed as far as that goes.
///
/// # Errors
/// A part that is known and cannot be computed (`int('x')`).
pub fn fold(
    expression: Expression,
    known: &dyn Fn(&Name) -> Option<Expression>,
) -> Result<Expression, Fault> {
    let folded = match expression {
        Expression::Literal(value) => return Ok(Expression::Literal(value)),
        Expression::Name(name, at) => return Ok(known(&name).unwrap_or(Expression::Name(name, at))),
        Expression::List(parts) => return Ok(list(all(parts, known)?)),
        Expression::Not(inner) => Expression::Not(Box::new(fold(*inner, known)?)),
        Expression::Binary(operator, left, right) => {
            let (left, right) = (fold(*left, known)?, fold(*right, known)?);
            match short_circuit(operator, &left) {
                Some(true) => return Ok(left),
                Some(false) => return Ok(right),
                None => Expression::Binary(operator, Box::new(left), Box::new(right)),
            }
        }
        Expression::Call(function, parts) => {
            let parts = all(parts, known)?;
            if let (Function::Default, Some(first @ Expression::Literal(value))) = (function, parts.first())
                && !value.is_null()
            {
                return Ok(first.clone());
            }
            Expression::Call(function, parts)
        }
    };
    // Not only what lacks a value: `default` has one without its name, and would have it for good.
    let mut open = false;
    folded.names(&mut |_, _| open = true);
    if open {
        return Ok(folded);
    }
    match evaluate(&folded, &NoValues) {
        Ok(datum) => match datum.expose() {
            // An object cannot be written as a literal.
            value if holds_object(value) => Ok(folded),
            value => Ok(Expression::Literal(value.clone())),
        },
        Err(EvaluateError::Missing(_)) => Ok(folded),
        Err(EvaluateError::Fault(fault)) => Err(fault),
    }
}

fn all(
    parts: Vec<Expression>,
    known: &dyn Fn(&Name) -> Option<Expression>,
) -> Result<Vec<Expression>, Fault> {
    parts.into_iter().map(|part| fold(part, known)).collect()
}

/// Which side alone decides: the left one, the right one, or neither.
fn short_circuit(operator: Operator, left: &Expression) -> Option<bool> {
    let Expression::Literal(Value::Bool(left)) = left else {
        return None;
    };
    match operator {
        Operator::And => Some(!left),
        Operator::Or => Some(*left),
        Operator::Equal
        | Operator::NotEqual
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::In => None,
    }
}

fn holds_object(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().any(holds_object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
