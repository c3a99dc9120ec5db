//! References inside a plan: a value that an earlier change of the same plan produces.
//!
//! On the wire: `{"$change": "create:portal:harbor", "output": "id"}` in place of the value. An object with the key
//! `$change` is always a reference; configuration cannot produce one, because YAML keys of fields are checked.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::change::ChangeId;

/// What finished changes produced, by change: `{"id": "…"}`.
pub type Outputs = BTreeMap<ChangeId, BTreeMap<String, Value>>;

/// The reference to an output of another change.
pub fn reference(change_id: &ChangeId, output: &str) -> Value {
    let mut object = Map::new();
    object.insert("$change".to_owned(), Value::String(change_id.0.clone()));
    object.insert("output".to_owned(), Value::String(output.to_owned()));
    Value::Object(object)
}

/// Reads a reference; `None` for any other value.
pub fn as_reference(value: &Value) -> Option<(ChangeId, &str)> {
    let object = value.as_object()?;
    let change = object.get("$change")?.as_str()?;
    let output = object.get("output").and_then(Value::as_str).unwrap_or("id");
    Some((ChangeId::from(change), output))
}

/// The changes that a value refers to, at any depth.
pub fn referenced_changes(value: &Value, found: &mut Vec<ChangeId>) {
    if let Some((change, _)) = as_reference(value) {
        found.push(change);
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| referenced_changes(item, found)),
        Value::Object(fields) => fields.values().for_each(|item| referenced_changes(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The value with every reference replaced by what the named change produced.
///
/// # Errors
/// The first reference whose output is not there (the change has not run, or made no such output).
pub fn resolve(value: &Value, outputs: &Outputs) -> Result<Value, UnresolvedReference> {
    if let Some((change_id, output)) = as_reference(value) {
        return outputs
            .get(&change_id)
            .and_then(|made| made.get(output))
            .cloned()
            .ok_or_else(|| UnresolvedReference {
                change_id,
                output: output.to_owned(),
            });
    }
    Ok(match value {
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| resolve(item, outputs))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, item)| Ok((key.clone(), resolve(item, outputs)?)))
                .collect::<Result<_, UnresolvedReference>>()?,
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    })
}

/// A reference to an output that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("output `{output}` of change {change_id} is not known")]
pub struct UnresolvedReference {
    /// The change that should have produced it.
    pub change_id: ChangeId,
    /// The output's name.
    pub output: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_resolve_at_any_depth_or_are_named() {
        let change = ChangeId::from("create:portal:a");
        let value = json!({"x": [reference(&change, "id")], "y": 1});
        let mut found = Vec::new();
        referenced_changes(&value, &mut found);
        assert_eq!(found, vec![change.clone()]);
        assert_eq!(resolve(&value, &Outputs::new()).unwrap_err().change_id, change);
        let outputs = Outputs::from([(change, BTreeMap::from([("id".to_owned(), json!("42"))]))]);
        assert_eq!(resolve(&value, &outputs).unwrap(), json!({"x": ["42"], "y": 1}));
    }
}
