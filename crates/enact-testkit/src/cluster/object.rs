//! Objects as JSON: reading and writing fields by their paths (`/metadata/name`).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The value at a path, as `Value::pointer` finds it, but without copying each part of the path: this is asked of thousands of objects
/// again and again.
pub(super) fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    if path.contains('~') {
        return object.pointer(path);
    }
    let mut parts = path.split('/').skip(1);
    parts.try_fold(object, |at, part| match at {
        Value::Object(fields) => fields.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// The text at a path; empty when there is none.
pub(super) fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a path.
pub(super) fn number(object: &Value, path: &str) -> Option<i64> {
    at(object, path).and_then(Value::as_i64)
}

/// The list at a path; empty when there is none.
pub(super) fn list<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    at(object, path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The texts of a map at a path: labels, annotations.
pub(super) fn texts(object: &Value, path: &str) -> BTreeMap<String, String> {
    let entries = at(object, path).and_then(Value::as_object);
    let entries = entries.into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Is there a non-empty text at a path?
pub(super) fn has(object: &Value, path: &str) -> bool {
    at(object, path).is_some_and(|value| !value.is_null())
}

/// Writes a value at a path, with the objects on the way.
pub(super) fn set(object: &mut Value, path: &str, value: impl Into<Value>) {
    let mut at = object;
    for part in path.split('/').skip(1) {
        let part = part.replace("~1", "/");
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Some(fields) = at.as_object_mut() else { return };
        at = fields.entry(part).or_insert(Value::Null);
    }
    *at = value.into();
}

/// Takes the field at a path away.
pub(super) fn remove(object: &mut Value, path: &str) {
    if let Some((parent, field)) = path.rsplit_once('/')
        && let Some(fields) = object.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        fields.remove(field);
    }
}

/// Makes a field the same as in another object: written, or taken away.
pub(super) fn copy(object: &mut Value, from: &Value, path: &str) {
    match from.pointer(path) {
        Some(value) => set(object, path, value.clone()),
        None => remove(object, path),
    }
}

/// Does it have finalizers?
pub(super) fn is_held(object: &Value) -> bool {
    !list(object, "/metadata/finalizers").is_empty()
}

/// Is it being deleted?
pub(super) fn is_ending(object: &Value) -> bool {
    has(object, "/metadata/deletionTimestamp")
}

/// `namespace/name`, or the name of what has no namespace.
pub(super) fn called(object: &Value) -> String {
    let (namespace, name) = (
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    );
    if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}/{name}")
    }
}
