//! Which objects a list or a watch is about: label selectors in the whole grammar, field selectors as far as each
//! kind has them.

use serde_json::Value;

use super::kind::Kind;
use super::object::at;
use super::refused::Refused;

/// A selection. All its requirements must be met; an empty one selects everything.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Debug, Clone)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

/// The fields that may be selected by, beside the name and the namespace.
fn fields_of(kind: &Kind) -> &'static [&'static str] {
    match kind.plural {
        "pods" => &[
            "spec.nodeName",
            "spec.serviceAccountName",
            "spec.restartPolicy",
            "status.phase",
        ],
        "nodes" => &["spec.unschedulable"],
        "namespaces" => &["status.phase"],
        "secrets" => &["type"],
        "events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "type",
        ],
        _ => &[],
    }
}

impl Selection {
    /// Reads both selectors of a request.
    ///
    /// # Errors
    /// 400, when one of them is none, or the kind cannot be selected by a field.
    pub(super) fn read(kind: &Kind, labels: &str, fields: &str) -> Result<Self, Refused> {
        let mut selection = Self::default();
        for part in parts(labels).map_err(|why| unparsable(labels, &why))? {
            let requirement = requirement(&part).map_err(|why| unparsable(labels, &why))?;
            selection.labels.push(requirement);
        }
        for part in fields.split(',').filter(|part| !part.is_empty()) {
            let (field, same, value) = field(part)?;
            if !["metadata.name", "metadata.namespace"].contains(&field) && !fields_of(kind).contains(&field)
            {
                return Err(Refused::bad(format!("field label not supported: {field}")));
            }
            selection.fields.push((field.to_owned(), same, value.to_owned()));
        }
        Ok(selection)
    }

    /// Is nothing left out?
    pub(super) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Is an object selected?
    pub(super) fn selects(&self, object: &Value) -> bool {
        let labels = at(object, "/metadata/labels");
        let label = |key: &String| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
        let is_one =
            |key, values: &[String]| label(key).is_some_and(|value| values.iter().any(|one| one == value));
        let labelled = self.labels.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => is_one(key, values),
            Requirement::NotIn(key, values) => !is_one(key, values),
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Missing(key) => label(key).is_none(),
        });
        labelled
            && self
                .fields
                .iter()
                .all(|(field, same, value)| (value_of(object, field) == *value) == *same)
    }
}

fn unparsable(text: &str, why: &str) -> Refused {
    Refused::bad(format!(
        "unable to parse requirement of the selector \"{text}\": {why}"
    ))
}

/// The value of a field as text. A field that is not there is empty; a boolean one is false.
fn value_of(object: &Value, field: &str) -> String {
    let path = format!("/{}", field.replace('.', "/"));
    match at(object, &path) {
        Some(Value::String(text)) => text.clone(),
        Some(other) if !other.is_null() => other.to_string(),
        _ if field == "spec.unschedulable" => "false".to_owned(),
        _ => String::new(),
    }
}

fn field(part: &str) -> Result<(&str, bool, &str), Refused> {
    if let Some((field, value)) = part.split_once("!=") {
        return Ok((field, false, value));
    }
    match part.split_once("==").or_else(|| part.split_once('=')) {
        Some((field, value)) => Ok((field, true, value)),
        None => Err(Refused::bad(format!("invalid field selector: {part}"))),
    }
}

/// The requirements between the commas that do not stand in parentheses.
fn parts(text: &str) -> Result<Vec<String>, String> {
    let (mut parts, mut part, mut open) = (Vec::new(), String::new(), false);
    for character in text.chars() {
        match character {
            '(' | ')' if open == (character == '(') => return Err("parentheses do not match".to_owned()),
            ',' if !open => parts.push(std::mem::take(&mut part)),
            _ => {
                open = character == '(' || (open && character != ')');
                part.push(character);
            }
        }
    }
    if open {
        return Err("a parenthesis is missing".to_owned());
    }
    if !part.trim().is_empty() || !parts.is_empty() {
        parts.push(part);
    }
    Ok(parts)
}

fn requirement(part: &str) -> Result<Requirement, String> {
    let part = part.trim();
    if let Some(key) = part.strip_prefix('!') {
        return Ok(Requirement::Missing(key_of(key)?));
    }
    if let Some((left, right)) = part.split_once('(') {
        let values = right.trim_end_matches(')').split(',');
        let values = values.map(|value| value.trim().to_owned()).collect();
        let words: Vec<&str> = left.split_whitespace().collect();
        return match words.as_slice() {
            [key, "in"] => Ok(Requirement::In(key_of(key)?, values)),
            [key, "notin"] => Ok(Requirement::NotIn(key_of(key)?, values)),
            _ => Err(format!("found '{part}', expected: in, notin")),
        };
    }
    if let Some((key, value)) = part.split_once("!=") {
        return Ok(Requirement::NotIn(key_of(key)?, vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Ok(Requirement::In(key_of(key)?, vec![value.trim().to_owned()]));
    }
    Ok(Requirement::Exists(key_of(part)?))
}

fn key_of(text: &str) -> Result<String, String> {
    let key = text.trim();
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    if key.is_empty() || !key.bytes().all(is_inner) {
        return Err(format!("'{key}' is not the key of a label"));
    }
    Ok(key.to_owned())
}
