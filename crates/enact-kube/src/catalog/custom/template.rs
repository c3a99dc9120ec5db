//! The argv of a custom action: texts in which at most one parameter stands. No shell reads it: what a parameter holds stays inside of the
//! one argument that it stands in, whatever characters it has.

use serde_json::Value;

use super::super::Asked;

/// The most bytes of all arguments together, filled in.
const MOST_BYTES: usize = 64 * 1024;

/// What stands for parts of the target.
pub(super) const TARGET: [&str; 2] = ["target.name", "target.namespace"];

/// One argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// What stands before the parameter, or all of it.
    pub before: String,
    /// The parameter, with what stands after it.
    pub filled: Option<(String, String)>,
}

impl Argument {
    /// Reads `--replicas={replicas}`. A brace that is meant is written twice.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.contains('\0') {
            return Err("no NUL character".to_owned());
        }
        let (before, rest) = literal(text)?;
        let Some(rest) = rest else {
            return Ok(Self { before, filled: None });
        };
        let Some((name, rest)) = rest.split_once('}') else {
            return Err("a `}` after `{` (a brace that is meant is written twice)".to_owned());
        };
        if !is_name(name) && !TARGET.contains(&name) {
            return Err(
                "the name of a parameter, target.name or target.namespace between `{` and `}`".to_owned(),
            );
        }
        match literal(rest)? {
            (after, None) => Ok(Self {
                before,
                filled: Some((name.to_owned(), after)),
            }),
            (_, Some(_)) => Err("one parameter in one argument at most".to_owned()),
        }
    }

    /// The parameter that stands in it.
    pub(super) fn parameter(&self) -> Option<&str> {
        self.filled.as_ref().map(|(name, _)| name.as_str())
    }

    fn fill(&self, asked: &Asked) -> Result<String, String> {
        let Some((name, after)) = &self.filled else {
            return Ok(self.before.clone());
        };
        let value = value_of(name, asked).ok_or_else(|| format!("'{name}' has no value"))?;
        let is_number = asked.parameters.integer(name).is_some();
        if self.before.is_empty() && value.starts_with('-') && !is_number {
            // It would be read as an option that nobody meant to give.
            return Err(format!("invalid parameter '{name}': it begins with a dash"));
        }
        Ok(format!("{}{value}{after}", self.before))
    }
}

/// The argv of a request.
///
/// # Errors
/// When a value cannot stand where its parameter stands.
pub fn argv(arguments: &[Argument], asked: &Asked) -> Result<Vec<String>, String> {
    let argv: Vec<String> = arguments
        .iter()
        .map(|argument| argument.fill(asked))
        .collect::<Result<_, _>>()?;
    if argv.iter().map(String::len).sum::<usize>() > MOST_BYTES {
        return Err(format!("its arguments are longer than {MOST_BYTES} bytes"));
    }
    Ok(argv)
}

/// A typed value in its one form.
fn value_of(name: &str, asked: &Asked) -> Option<String> {
    match name {
        "target.name" => return Some(asked.target.name.clone()),
        "target.namespace" => return asked.target.namespace.clone(),
        _ => {}
    }
    let value = asked.parameters.json(name)?;
    Some(match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    })
}

/// A text up to the first `{` of a parameter, and what follows that.
fn literal(text: &str) -> Result<(String, Option<&str>), String> {
    let mut read = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        read.push_str(before);
        if let Some(after) = from.strip_prefix("{{") {
            read.push('{');
            rest = after;
        } else if let Some(after) = from.strip_prefix("}}") {
            read.push('}');
            rest = after;
        } else if let Some(after) = from.strip_prefix('{') {
            return Ok((read, Some(after)));
        } else {
            return Err("a `{` before `}` (a brace that is meant is written twice)".to_owned());
        }
    }
    read.push_str(rest);
    Ok((read, None))
}

/// Is it the name of a parameter?
pub(super) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && text.len() <= 63
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
