//! What a step produces: read from its reply, from files, or from the file that `ENACT_OUTPUT` names.

use std::collections::BTreeMap;
use std::path::Path;

use enact_engine::provider::Made;
use serde_json::Value;

use super::judge::{find, shown};
use super::leaks::Leaks;
use super::reply::Reply;
use crate::expression::compile_regex;
use crate::spec::{OutputSpec, ValueType};

/// The longest value, in bytes.
const MAX_VALUE: usize = 64 * 1024;

/// The longest sum of all values of a step, in bytes.
const MAX_STEP: usize = 1024 * 1024;

/// The outputs of a step. Those that it declares must be there; lines in its output file may add more.
pub(crate) fn read(
    declared: &BTreeMap<String, OutputSpec>,
    reply: &Reply,
    working_dir: &Path,
    leaks: &Leaks,
) -> Result<Made, String> {
    let lines = match &reply.output_file {
        Some(text) => read_lines(text)?,
        None => reply.stated.clone(),
    };
    let mut made: Made = lines
        .iter()
        .filter(|(name, _)| !declared.contains_key(*name))
        .map(|(name, text)| (name.clone(), Value::String(text.clone())))
        .collect();
    for (name, spec) in declared {
        let value = one(name, spec, &lines, reply, working_dir, leaks).map_err(|why| {
            // Why could quote the value.
            if spec.secret {
                format!("the output {name}, which is secret, is missing or not of its type")
            } else {
                format!("the output {name} is not there as declared: {why}")
            }
        })?;
        made.insert(name.clone(), value);
    }
    let total: usize = made.values().map(length).sum();
    if total > MAX_STEP {
        return Err(format!("its outputs are longer than {MAX_STEP} bytes together"));
    }
    Ok(made)
}

fn one(
    name: &str,
    spec: &OutputSpec,
    lines: &BTreeMap<String, String>,
    reply: &Reply,
    working_dir: &Path,
    leaks: &Leaks,
) -> Result<Value, String> {
    let text = source(name, spec, lines, reply, working_dir)?;
    value_in(&text, spec).map_err(|why| match leaks.in_text(&text) {
        Some(secret) => {
            format!("what it is read from is not of its form, and is not shown: it holds the secret {secret}")
        }
        None => why,
    })
}

/// The value of an output that somebody gives, who has taken it from wherever it stands.
///
/// # Errors
/// It is not of its type, or too long.
pub(crate) fn value_given(text: &str, spec: &OutputSpec) -> Result<Value, String> {
    let bare = OutputSpec {
        json: None,
        regex: None,
        ..spec.clone()
    };
    value_in(text, &bare)
}

/// How long a value is, in bytes: text as it is, anything else as JSON.
fn length(value: &Value) -> usize {
    value.as_str().map_or_else(|| value.to_string().len(), str::len)
}

fn value_in(text: &str, spec: &OutputSpec) -> Result<Value, String> {
    let value = match (&spec.json, &spec.regex) {
        (Some(path), _) => from_json(text, path)?,
        (None, Some(pattern)) => Value::String(from_regex(text, pattern)?),
        (None, None) if spec.value_type == ValueType::Json => {
            serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?
        }
        (None, None) => Value::String(text.trim_end_matches(['\n', '\r']).to_owned()),
    };
    let value = match value.as_str() {
        Some(text) if spec.trim => Value::String(text.trim().to_owned()),
        Some(_) | None => value,
    };
    let value = typed(value, spec.value_type)?;
    if length(&value) > MAX_VALUE {
        return Err(format!("it is longer than {MAX_VALUE} bytes"));
    }
    Ok(value)
}

fn source(
    name: &str,
    spec: &OutputSpec,
    lines: &BTreeMap<String, String>,
    reply: &Reply,
    working_dir: &Path,
) -> Result<String, String> {
    let whole = |text: &String| {
        if reply.is_whole {
            Ok(text.clone())
        } else {
            Err("the output is too long to be read from".to_owned())
        }
    };
    if let Some(path) = spec.from.strip_prefix("file:") {
        return read_file(&working_dir.join(path));
    }
    if let Some(header) = spec.from.strip_prefix("http.header:") {
        return reply
            .headers
            .get(&header.to_ascii_lowercase())
            .cloned()
            .ok_or_else(|| format!("the reply has no header {header}"));
    }
    match spec.from.as_str() {
        "output" => lines
            .get(name)
            .cloned()
            .ok_or_else(|| not_in_file(reply).to_owned()),
        "stdout" | "http.body" => whole(&reply.stdout),
        "stderr" => whole(&reply.stderr),
        other => Err(format!("nothing can be read from {other:?}")),
    }
}

/// Why an output is not known that stands in the file for outputs.
fn not_in_file(reply: &Reply) -> &'static str {
    match reply.output_file {
        _ if !reply.stated.is_empty() => "it was not stated",
        Some(_) => "the file that ENACT_OUTPUT names does not have it",
        None => {
            "the file that ENACT_OUTPUT names cannot be read: it is no regular file with text in UTF-8, or is too long"
        }
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    let read = crate::disk::read_text(path, super::site::MAX_OUTPUT_FILE);
    read.map_err(|error| format!("{}: {error}", path.display()))
}

fn from_json(text: &str, path: &str) -> Result<Value, String> {
    let document: Value = serde_json::from_str(text)
        .map_err(|error| format!("it is not JSON ({error}): {}", shown(text.trim())))?;
    match find(&document, path)?.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(format!("there is nothing at {path}")),
        many => Err(format!("there are {} values at {path}", many.len())),
    }
}

fn from_regex(text: &str, pattern: &str) -> Result<String, String> {
    let pattern = compile_regex(pattern)?;
    let found = pattern
        .captures(text)
        .and_then(|groups| groups.get(1))
        .map(|group| group.as_str().to_owned());
    found.ok_or_else(|| format!("the pattern {pattern} does not match"))
}

fn typed(value: Value, wanted: ValueType) -> Result<Value, String> {
    let found = value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned);
    let typed = match (wanted, value) {
        (ValueType::Json, value) => Some(value),
        (ValueType::String, value @ Value::String(_)) => Some(value),
        (ValueType::String, value @ (Value::Number(_) | Value::Bool(_))) => {
            Some(Value::String(value.to_string()))
        }
        (ValueType::Integer, value @ Value::Number(_)) if value.is_i64() => Some(value),
        (ValueType::Integer, Value::String(text)) => text.trim().parse::<i64>().ok().map(Value::from),
        (ValueType::Boolean, value @ Value::Bool(_)) => Some(value),
        (ValueType::Boolean, Value::String(text)) => text.trim().parse::<bool>().ok().map(Value::from),
        _ => None,
    };
    typed.ok_or_else(|| format!("{} is no {}", shown(&found), in_words(wanted)))
}

fn in_words(wanted: ValueType) -> &'static str {
    match wanted {
        ValueType::String => "text",
        ValueType::Integer => "whole number within 64 bits",
        ValueType::Boolean => "`true` or `false`",
        ValueType::Json => "JSON",
    }
}

/// `name=value` lines and `name<<END` blocks.
pub(crate) fn read_lines(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        let block = line
            .split_once("<<")
            .filter(|(name, end)| is_name(name) && !end.trim().is_empty());
        let (name, value) = match (block, line.split_once('=')) {
            (Some((name, end)), _) => (name, block_until(&mut lines, end.trim())?),
            (None, Some((name, value))) if is_name(name) => (name, value.to_owned()),
            _ => {
                // What it says is not repeated: it may be the rest of a secret of several lines.
                let number = index + 1;
                return Err(format!(
                    "line {number} of the file that ENACT_OUTPUT names is neither name=value nor name<<END"
                ));
            }
        };
        if value.len() > MAX_VALUE {
            return Err(format!("the output {name} is longer than {MAX_VALUE} bytes"));
        }
        found.insert(name.to_owned(), value);
    }
    Ok(found)
}

fn block_until<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>, end: &str) -> Result<String, String> {
    let mut block: Vec<&str> = Vec::new();
    for (_, line) in lines {
        if line == end {
            return Ok(block.join("\n"));
        }
        block.push(line);
    }
    Err(format!("a block does not end with {end}"))
}

fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|other| other.is_ascii_alphanumeric() || other == '_' || other == '-')
}
