//! Patches of ConfigMaps and Secrets: applied here first, so that policy sees what would come of them, and so that the result can be
//! held against what was foreseen.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Asked, Basis, Parameter, Shape};
use enact_core::canonical::Digest;

/// The longest prior values that fit into a status, in bytes.
pub(super) const MOST_PRIOR: usize = 16 * 1024;

/// The parameters of both; the patch itself is one of its own.
pub(super) fn parameters(patch: Parameter) -> Vec<Parameter> {
    vec![
        patch.also_called("patch_json"),
        Parameter::optional(
            "patchType",
            Shape::Word(vec!["merge".to_owned(), "json".to_owned()]),
            "`merge` (RFC 7386) or `json` (RFC 6902)",
        )
        .or(Value::from("merge")),
        Parameter::optional(
            "expectedData",
            Shape::Text { most: 71 },
            "the digest that its data must have before, where the patch changes anything: `expectedCurrent` of a way back",
        ),
    ]
}

/// Which of the two kinds of patch it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PatchType {
    /// RFC 7386.
    Merge,
    /// RFC 6902.
    Json,
}

/// The kind that is asked for.
pub(super) fn patch_type(asked: &Asked) -> PatchType {
    match asked.parameters.text("patchType") {
        Some("json") => PatchType::Json,
        _ => PatchType::Merge,
    }
}

/// What an object would be after a patch. Only its data may change: not its name, not its owners.
///
/// # Errors
/// Why the patch cannot be applied, or may not.
pub(super) fn patched(object: &Value, asked: &Asked, data: &[&str]) -> Result<Value, String> {
    if object.get("immutable").and_then(Value::as_bool) == Some(true) {
        return Err(format!("{} is immutable", asked.target));
    }
    let patch = asked.parameters.json("patch").unwrap_or(&Value::Null);
    let mut after = object.clone();
    match patch_type(asked) {
        PatchType::Merge if !patch.is_object() => return Err("a merge patch is a JSON object".to_owned()),
        PatchType::Merge => json_patch::merge(&mut after, patch),
        PatchType::Json => {
            let operations: json_patch::Patch = serde_json::from_value(patch.clone())
                .map_err(|error| format!("this is not a JSON patch: {error}"))?;
            json_patch::patch(&mut after, &operations)
                .map_err(|error| format!("the patch does not fit: {error}"))?;
        }
    }
    only_data(object, &after, data)?;
    Ok(after)
}

/// Are the data still what the request counts on? Where nothing is left to do they need not be.
///
/// # Errors
/// That they are not.
pub(super) fn as_expected(before: &Value, after: &Value, asked: &Asked, data: &[&str]) -> Result<(), String> {
    match asked.parameters.text("expectedData") {
        Some(expected) if after != before && data_digest(before, data) != expected => Err(format!(
            "the data of {} are not what was expected: somebody else has changed them since",
            asked.target
        )),
        _ => Ok(()),
    }
}

fn only_data(before: &Value, after: &Value, data: &[&str]) -> Result<(), String> {
    let without = |object: &Value| {
        let mut fields: Map<String, Value> = object.as_object().cloned().unwrap_or_default();
        for field in data {
            fields.remove(*field);
        }
        fields
    };
    let (before, after) = (without(before), without(after));
    let keys = before.keys().chain(after.keys());
    let changed: std::collections::BTreeSet<&String> =
        keys.filter(|key| before.get(*key) != after.get(*key)).collect();
    match changed.into_iter().next() {
        None => Ok(()),
        Some(field) => Err(format!(
            "the patch changes `{field}`; it may only change {}",
            data.join(" and ")
        )),
    }
}

/// The keys of one field that two objects do not share, with the value before (none: it was not there).
pub(super) fn touched(before: &Value, after: &Value, field: &str) -> BTreeMap<String, Option<Value>> {
    let entries = |object: &Value| -> Map<String, Value> {
        object
            .get(field)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let (before, after) = (entries(before), entries(after));
    let keys = before.keys().chain(after.keys());
    keys.filter(|key| before.get(*key) != after.get(*key))
        .map(|key| (key.clone(), before.get(key).cloned()))
        .collect()
}

/// A merge patch that puts the touched keys back.
pub(super) fn back(touched: &BTreeMap<&str, BTreeMap<String, Option<Value>>>) -> Value {
    let fields = touched.iter().filter(|(_, keys)| !keys.is_empty());
    let fields = fields.map(|(field, keys)| {
        let values = keys
            .iter()
            .map(|(key, value)| (key.clone(), value.clone().unwrap_or(Value::Null)));
        ((*field).to_owned(), Value::Object(values.collect()))
    });
    Value::Object(fields.collect())
}

/// The digest of an object's data: how it should be when the change is taken back.
pub(super) fn data_digest(object: &Value, data: &[&str]) -> String {
    let fields: Map<String, Value> = data
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), object.get(*field)?.clone())))
        .collect();
    Digest::of(Value::Object(fields).to_string().as_bytes()).to_string()
}

/// The uid and version of an object: nothing of it may have changed.
pub(super) fn basis(object: &Value) -> Basis {
    let text = |field: &str| {
        let value = object.get("metadata").and_then(|metadata| metadata.get(field));
        value.and_then(Value::as_str).map(ToOwned::to_owned)
    };
    Basis {
        uid: text("uid").unwrap_or_default(),
        generation: None,
        resource_version: text("resourceVersion"),
    }
}

/// The size of an object as JSON, in bytes.
pub(super) fn bytes(object: &Value) -> u64 {
    object.to_string().len() as u64
}

/// The keys that change, for people: never the values.
pub(super) fn describe(touched: &BTreeMap<&str, BTreeMap<String, Option<Value>>>) -> String {
    let keys: Vec<String> = touched
        .iter()
        .flat_map(|(field, keys)| keys.keys().map(move |key| format!("{field}.{key}")))
        .take(20)
        .collect();
    if keys.is_empty() {
        "nothing changes".to_owned()
    } else {
        format!("change {}", keys.join(", "))
    }
}
