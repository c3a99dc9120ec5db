//! Patches: merge (RFC 7386), JSON (RFC 6902), strategic merge for the lists that have a key, and apply.

use serde_json::{Map, Value};

use super::kind::Kind;
use super::object::text;
use super::refused::Refused;

/// What a patch makes of an object.
///
/// # Errors
/// 415 for a kind of patch that the server or the object's kind does not take, 400 and 422 for one that does not fit.
pub(super) fn patched(kind: &Kind, old: &Value, content_type: &str, body: &[u8]) -> Result<Value, Refused> {
    let mut new = old.clone();
    match content_type.split(';').next().unwrap_or_default().trim() {
        "application/merge-patch+json" => json_patch::merge(&mut new, &object(body)?),
        "application/strategic-merge-patch+json" if kind.built_in => strategic(&mut new, &object(body)?),
        // An apply is a merge here: fields that its manager leaves out stay.
        "application/apply-patch+yaml" if kind.built_in => strategic(&mut new, &object(body)?),
        "application/apply-patch+yaml" => json_patch::merge(&mut new, &object(body)?),
        "application/json-patch+json" => {
            let patch: json_patch::Patch = serde_json::from_slice(body)
                .map_err(|error| Refused::bad(format!("error decoding patch: {error}")))?;
            json_patch::patch(&mut new, &patch)
                .map_err(|error| Refused::invalid(kind, text(old, "/metadata/name"), &error.to_string()))?;
        }
        _ => {
            let message = "the body of the request was in an unknown format - accepted media types include: \
                           application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
            return Err(Refused::new(415, "UnsupportedMediaType", message));
        }
    }
    Ok(new)
}

fn object(body: &[u8]) -> Result<Value, Refused> {
    serde_json::from_slice(body)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| Refused::bad("error decoding patch: it is not a JSON object"))
}

/// The field by which items of a list are told apart. Lists that are not here are replaced, tolerations and taints
/// among them.
fn key_of(field: &str, parent: &str) -> Option<&'static str> {
    match field {
        "containers" | "initContainers" | "ephemeralContainers" | "volumes" | "env" | "imagePullSecrets" => {
            Some("name")
        }
        "secrets" => Some("name"),
        "conditions" => Some("type"),
        "ownerReferences" => Some("uid"),
        "volumeMounts" => Some("mountPath"),
        "ports" if parent == "containers" => Some("containerPort"),
        "hostAliases" => Some("ip"),
        "topologySpreadConstraints" => Some("topologyKey"),
        _ => None,
    }
}

/// Lists of texts to which a patch adds.
fn is_set(field: &str) -> bool {
    field == "finalizers"
}

/// A strategic merge patch, with `$patch`, `$deleteFromPrimitiveList`; the order of `$setElementOrder` is not kept.
fn strategic(target: &mut Value, patch: &Value) {
    if let (Some(target), Some(patch)) = (target.as_object_mut(), patch.as_object()) {
        merge_fields(target, patch, "");
    }
}

fn merge_fields(target: &mut Map<String, Value>, patch: &Map<String, Value>, parent: &str) {
    if patch.get("$patch").and_then(Value::as_str) == Some("replace") {
        target.clear();
    }
    for (field, value) in patch {
        if let Some(list) = field.strip_prefix("$deleteFromPrimitiveList/") {
            take_out(target, list, value);
        } else if !field.starts_with('$') {
            merge_field(target, field, value, parent);
        }
    }
}

fn merge_field(target: &mut Map<String, Value>, field: &str, value: &Value, parent: &str) {
    match value {
        Value::Null => {
            target.remove(field);
        }
        Value::Object(fields) if fields.get("$patch").and_then(Value::as_str) == Some("delete") => {
            target.remove(field);
        }
        Value::Object(fields) => {
            let inner = target.entry(field).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Some(inner) = inner.as_object_mut() {
                merge_fields(inner, fields, field);
            }
        }
        Value::Array(items) => merge_list(target, field, items, parent),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            target.insert(field.to_owned(), value.clone());
        }
    }
}

fn merge_list(target: &mut Map<String, Value>, field: &str, items: &[Value], parent: &str) {
    let keyed = key_of(field, parent);
    if keyed.is_none() && !is_set(field) {
        target.insert(field.to_owned(), Value::Array(items.to_vec()));
        return;
    }
    let list = target.entry(field).or_insert(Value::Null);
    let mut merged = list.as_array().cloned().unwrap_or_default();
    for item in items {
        match keyed {
            Some(key) => merge_item(&mut merged, item, key, field),
            None if merged.contains(item) => {}
            None => merged.push(item.clone()),
        }
    }
    *list = Value::Array(merged);
}

fn merge_item(list: &mut Vec<Value>, item: &Value, key: &str, field: &str) {
    let Some(patch) = item.as_object() else { return };
    let at = list.iter().position(|known| known.get(key) == patch.get(key));
    let deletes = patch.get("$patch").and_then(Value::as_str) == Some("delete");
    match (at, deletes) {
        (Some(at), true) => {
            list.remove(at);
        }
        (None, true) => {}
        (Some(at), false) => {
            if let Some(known) = list.get_mut(at).and_then(Value::as_object_mut) {
                merge_fields(known, patch, field);
            }
        }
        (None, false) => {
            let mut new = Map::new();
            merge_fields(&mut new, patch, field);
            list.push(Value::Object(new));
        }
    }
}

fn take_out(target: &mut Map<String, Value>, field: &str, items: &Value) {
    let items = items.as_array().map_or(&[][..], Vec::as_slice);
    if let Some(list) = target.get_mut(field).and_then(Value::as_array_mut) {
        list.retain(|known| !items.contains(known));
    }
}
