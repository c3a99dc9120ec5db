//! Values for the texts and operands of the frozen form, when a step runs.

use enact_core::secret::Secret;
use serde_json::Value;

use super::Fault;
use super::evaluate::{Datum, EvaluateError, Values, evaluate, kind_of};
use super::parser::parse;
use crate::spec::{Operand, Part, Text};

/// The value of an expression of the frozen form, which is written without `${{ }}`.
///
/// # Errors
/// See [`EvaluateError`].
pub fn evaluate_source(source: &str, values: &dyn Values) -> Result<Datum, EvaluateError> {
    evaluate(&parse(source)?, values)
}

/// A text with its expressions put in. The datum always holds text.
///
/// # Errors
/// See [`EvaluateError`]; a value that has no text (`null`).
pub fn text(text: &Text, values: &dyn Values) -> Result<Datum, EvaluateError> {
    let parts = match text {
        Text::Literal(text) => return Ok(Datum::Open(Value::String(text.clone()))),
        Text::Template(parts) => parts,
    };
    let mut whole = String::new();
    let mut secret = false;
    for part in parts {
        match part {
            Part::Text(text) => whole.push_str(text),
            Part::Expression(source) => {
                let datum = evaluate_source(source, values)?;
                secret |= datum.is_secret();
                whole.push_str(&as_text(datum.expose())?);
            }
        }
    }
    Ok(Datum::new(Value::String(whole), secret))
}

/// What expressions of a text make of secrets: `upper(params.token)`. Nobody may see that either.
///
/// # Errors
/// See [`EvaluateError`].
pub(crate) fn secret_parts(text: &Text, values: &dyn Values) -> Result<Vec<Secret<String>>, EvaluateError> {
    let parts = match text {
        Text::Literal(_) => return Ok(Vec::new()),
        Text::Template(parts) => parts,
    };
    let mut found = Vec::new();
    for part in parts {
        if let Part::Expression(source) = part
            && let Datum::Tainted(secret) = evaluate_source(source, values)?
            && let Value::String(text) = secret.expose()
        {
            found.push(Secret::new(text.clone()));
        }
    }
    Ok(found)
}

/// One side of a comparison; an expression keeps the type of its value.
///
/// # Errors
/// See [`EvaluateError`].
pub fn operand(operand: &Operand, values: &dyn Values) -> Result<Datum, EvaluateError> {
    match operand {
        Operand::Value(value) => Ok(Datum::Open(value.clone())),
        Operand::Expression(source) => evaluate_source(source, values),
        Operand::Text(template) => text(template, values),
    }
}

/// A JSON value whose texts may be templates (a request's body, what a check compares with). A template of one
/// expression and nothing else keeps the type of its value.
///
/// # Errors
/// See [`EvaluateError`].
pub fn json_value(value: &Value, values: &dyn Values) -> Result<Datum, EvaluateError> {
    let mut secret = false;
    let value = json_part(value, values, &mut secret)?;
    Ok(Datum::new(value, secret))
}

fn json_part(value: &Value, values: &dyn Values, secret: &mut bool) -> Result<Value, EvaluateError> {
    match value {
        Value::Array(items) => {
            let items: Result<_, _> = items.iter().map(|item| json_part(item, values, secret)).collect();
            Ok(Value::Array(items?))
        }
        Value::Object(_) if is_template(value) => {
            let template: Text = serde_json::from_value(value.clone())
                .map_err(|_| Fault::new(0, "a template is not readable"))?;
            let datum = match &template {
                Text::Template(parts) if parts.len() == 1 => match parts.first() {
                    Some(Part::Expression(source)) => evaluate_source(source, values)?,
                    Some(Part::Text(_)) | None => text(&template, values)?,
                },
                Text::Template(_) | Text::Literal(_) => text(&template, values)?,
            };
            *secret |= datum.is_secret();
            Ok(datum.expose().clone())
        }
        Value::Object(fields) => {
            let fields: Result<_, EvaluateError> = fields
                .iter()
                .map(|(key, value)| Ok((key.clone(), json_part(value, values, secret)?)))
                .collect();
            Ok(Value::Object(fields?))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value.clone()),
    }
}

/// Is it a template by its form?
pub(crate) fn is_template(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|fields| fields.len() == 1 && fields.get("template").is_some_and(Value::is_array))
}

/// Is a template anywhere in it?
pub(crate) fn holds_template(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(holds_template),
        Value::Object(fields) => is_template(value) || fields.values().any(holds_template),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// A value as part of a text.
pub(crate) fn as_text(value: &Value) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Ok(value.to_string()),
        Value::Null => Err(Fault::new(0, format!("{} has no text", kind_of(value)))
            .hint("say what stands for it with `default(…, '')`")),
    }
}
