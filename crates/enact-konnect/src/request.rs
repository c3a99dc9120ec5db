//! One change to one request: pure, so that what will be sent can be tested and shown. It makes no choices; everything it
//! needs stands in the change.

use enact_core::change::{Action, Change};
use enact_core::reference::{Outputs, UnresolvedReference, resolve};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::observed::{NAMESPACE_LABEL, PROTECTED_LABEL};
use crate::resources::{Kind, Kinds};

/// A request that is ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The query.
    pub query: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: Option<Value>,
}

/// Why a change is not a request: the plan was made by hand, or by another version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A type this version does not know.
    #[error("change {change} is about a {resource_type}, which this version does not manage")]
    UnknownKind {
        /// The change.
        change: String,
        /// Its type.
        resource_type: String,
    },
    /// Something a request needs is not there.
    #[error("change {change} lacks its {missing}")]
    Incomplete {
        /// The change.
        change: String,
        /// What is missing.
        missing: &'static str,
    },
    /// An output that is not known yet.
    #[error(transparent)]
    Unresolved(#[from] UnresolvedReference),
}

/// The kind of a change.
///
/// # Errors
/// [`RequestError::UnknownKind`].
pub fn kind_of(kinds: Kinds, change: &Change) -> Result<&'static Kind, RequestError> {
    kinds
        .get(&change.resource_type)
        .ok_or_else(|| RequestError::UnknownKind {
            change: change.change_id.to_string(),
            resource_type: change.resource_type.clone(),
        })
}

/// The id of a change's parent: known when planning, or made by an earlier change.
///
/// # Errors
/// [`RequestError::Unresolved`] while the parent has not been made.
pub fn parent_id(change: &Change, outputs: &Outputs) -> Result<Option<String>, RequestError> {
    let Some(parent) = &change.parent else {
        return Ok(None);
    };
    if let Some(id) = &parent.resource_id {
        return Ok(Some(id.clone()));
    }
    let Some(maker) = &parent.change_id else {
        return Ok(None);
    };
    let value = resolve(&enact_core::reference::reference(maker, "id"), outputs)?;
    Ok(value.as_str().map(ToOwned::to_owned))
}

/// The id of a change's object: as planned, or as this change made it.
pub fn object_id(change: &Change, outputs: &Outputs) -> Option<String> {
    let made = outputs
        .get(&change.change_id)
        .and_then(|made| made.get("id"))
        .and_then(Value::as_str);
    change.resource_id.clone().or_else(|| made.map(ToOwned::to_owned))
}

/// The request that carries a change out.
///
/// # Errors
/// See [`RequestError`].
pub fn request(kinds: Kinds, change: &Change, outputs: &Outputs) -> Result<Request, RequestError> {
    let kind = kind_of(kinds, change)?;
    let parent = parent_id(change, outputs)?;
    let incomplete = |missing| RequestError::Incomplete {
        change: change.change_id.to_string(),
        missing,
    };
    if kind.parent().is_some() && parent.is_none() {
        return Err(incomplete("parent"));
    }
    let id = || change.resource_id.as_deref().ok_or_else(|| incomplete("id"));
    Ok(match change.action {
        Action::Create => Request {
            method: Method::POST,
            path: kind.collection_path(parent.as_deref()),
            query: Vec::new(),
            body: Some(create_body(kind, change, outputs)?),
        },
        Action::Update => Request {
            method: Method::PATCH,
            path: kind.object_path(parent.as_deref(), id()?),
            query: Vec::new(),
            body: Some(update_body(kind, change, outputs)?),
        },
        Action::Delete => Request {
            method: Method::DELETE,
            path: kind.object_path(parent.as_deref(), id()?),
            query: kind.api.delete_query.to_vec(),
            body: None,
        },
        Action::Run => return Err(incomplete("request: a Konnect resource cannot be run")),
    })
}

fn create_body(kind: &Kind, change: &Change, outputs: &Outputs) -> Result<Value, RequestError> {
    let mut body = fields(change.desired.as_ref(), outputs)?;
    if kind.has_labels() {
        let mut labels = body
            .get("labels")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        own(
            &mut labels,
            change.namespace.as_deref(),
            change.protection.map(|flag| flag.new).filter(|new| *new),
        );
        body.insert("labels".to_owned(), Value::Object(labels));
    }
    Ok(Value::Object(body))
}

fn update_body(kind: &Kind, change: &Change, outputs: &Outputs) -> Result<Value, RequestError> {
    let mut body = Map::new();
    for (name, field) in &change.changed_fields {
        if name != "labels" && name != "namespace" {
            body.insert(name.clone(), resolve(&field.new, outputs)?);
        }
    }
    let relabel = ["labels", "namespace"]
        .iter()
        .any(|name| change.changed_fields.contains_key(*name));
    if kind.has_labels() && (relabel || change.protection.is_some()) {
        let current = change.current.as_ref().and_then(|current| current.get("labels"));
        body.insert("labels".to_owned(), patched_labels(change, current));
    }
    Ok(Value::Object(body))
}

/// Every wanted label, `null` for each that goes, and enact's own. Labels that are not mentioned stay, as the API's
/// PATCH has it; the wanted ones are mentioned all the same, so that the request says what it wants.
fn patched_labels(change: &Change, current: Option<&Value>) -> Value {
    let none = Map::new();
    let old = current.and_then(Value::as_object).unwrap_or(&none);
    let wanted = match change.changed_fields.get("labels") {
        Some(field) => field.new.as_object().unwrap_or(&none),
        None => old,
    };
    let mut labels: Map<String, Value> = wanted.clone();
    for gone in old.keys().filter(|key| !wanted.contains_key(*key)) {
        labels.insert(gone.clone(), Value::Null);
    }
    own(
        &mut labels,
        change.namespace.as_deref(),
        change.protection.map(|flag| flag.new),
    );
    Value::Object(labels)
}

/// Adds enact's own labels. An unspecified protection is not mentioned.
fn own(labels: &mut Map<String, Value>, namespace: Option<&str>, protected: Option<bool>) {
    if let Some(namespace) = namespace {
        labels.insert(NAMESPACE_LABEL.to_owned(), json!(namespace));
    }
    match protected {
        Some(true) => labels.insert(PROTECTED_LABEL.to_owned(), json!("true")),
        Some(false) => labels.insert(PROTECTED_LABEL.to_owned(), Value::Null),
        None => None,
    };
}

/// The fields of a planned object with references resolved.
///
/// # Errors
/// [`RequestError::Unresolved`].
pub fn fields(planned: Option<&Value>, outputs: &Outputs) -> Result<Map<String, Value>, RequestError> {
    let Some(planned) = planned else {
        return Ok(Map::new());
    };
    match resolve(planned, outputs)? {
        Value::Object(fields) => Ok(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Ok(Map::new())
        }
    }
}

/// The request that takes a change back: its old values, or the object as it was, without what is only observed.
///
/// # Errors
/// See [`RequestError`].
pub fn undo_request(kinds: Kinds, change: &Change, outputs: &Outputs) -> Result<Request, RequestError> {
    let kind = kind_of(kinds, change)?;
    let parent = parent_id(change, outputs)?;
    let incomplete = |missing| RequestError::Incomplete {
        change: change.change_id.to_string(),
        missing,
    };
    let id = object_id(change, outputs);
    Ok(match change.action {
        Action::Create => Request {
            method: Method::DELETE,
            path: kind.object_path(parent.as_deref(), &id.ok_or_else(|| incomplete("id"))?),
            // Without the cascade: what others put under it meanwhile must not go with it.
            query: Vec::new(),
            body: None,
        },
        Action::Update => Request {
            method: Method::PATCH,
            path: kind.object_path(parent.as_deref(), &id.ok_or_else(|| incomplete("id"))?),
            query: Vec::new(),
            body: Some(update_body(kind, &reversed(change), outputs)?),
        },
        Action::Delete => Request {
            method: Method::POST,
            path: kind.collection_path(parent.as_deref()),
            query: Vec::new(),
            body: Some(create_body(kind, &created_again(change), outputs)?),
        },
        Action::Run => return Err(incomplete("request: a Konnect resource cannot be run")),
    })
}

/// The update that leads back.
fn reversed(change: &Change) -> Change {
    let mut back = change.clone();
    for field in back.changed_fields.values_mut() {
        std::mem::swap(&mut field.old, &mut field.new);
    }
    back.protection = change
        .protection
        .map(|flag| enact_core::change::ProtectionChange {
            old: flag.new,
            new: flag.old,
        });
    let current = back.current.as_mut().and_then(Value::as_object_mut);
    if let (Some(labels), Some(current)) = (change.changed_fields.get("labels"), current) {
        current.insert("labels".to_owned(), labels.new.clone());
    }
    back
}

/// The creation of what was deleted. Nulls are what the server had filled in for nothing.
fn created_again(change: &Change) -> Change {
    let mut again = change.clone();
    let mut fields = again
        .current
        .take()
        .and_then(|current| current.as_object().cloned())
        .unwrap_or_default();
    fields.retain(|_, value| !value.is_null());
    again.desired = Some(Value::Object(fields));
    again
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::KINDS;
    use enact_core::change::{FieldChange, ProtectionChange};

    fn portal(action: Action) -> Change {
        let mut change = Change::new("x:portal:a".into(), action, "portal", "a", "a");
        change.namespace = Some("ns".to_owned());
        change.resource_id = Some("id-1".to_owned());
        change
    }

    #[test]
    fn a_create_carries_the_owner_and_no_false_protection() {
        let mut change = portal(Action::Create);
        change.desired = Some(json!({"name": "a", "labels": {"team": "x"}}));
        let request = request(KINDS, &change, &Outputs::new()).unwrap();
        assert_eq!(request.method, Method::POST);
        assert_eq!(request.path, "/v3/portals");
        assert_eq!(
            request.body.unwrap(),
            json!({"name": "a", "labels": {"team": "x", "KONGCTL-namespace": "ns"}})
        );
    }

    #[test]
    fn an_update_sends_changed_fields_only_and_nulls_for_labels_that_go() {
        let mut change = portal(Action::Update);
        change.current = Some(json!({"labels": {"old": "1", "keep": "2"}}));
        change.changed_fields.insert(
            "labels".to_owned(),
            FieldChange {
                old: json!({"old": "1", "keep": "2"}),
                new: json!({"keep": "2", "new": "3"}),
            },
        );
        change.changed_fields.insert(
            "display_name".to_owned(),
            FieldChange {
                old: json!("A"),
                new: json!("B"),
            },
        );
        let sent = request(KINDS, &change, &Outputs::new()).unwrap();
        assert_eq!(
            sent.body.unwrap(),
            json!({"display_name": "B", "labels": {"keep": "2", "new": "3", "old": null, "KONGCTL-namespace": "ns"}})
        );
        let back = undo_request(KINDS, &change, &Outputs::new()).unwrap();
        assert_eq!(
            back.body.unwrap(),
            json!({"display_name": "A", "labels": {"keep": "2", "old": "1", "new": null, "KONGCTL-namespace": "ns"}})
        );
    }

    #[test]
    fn taking_protection_off_sends_null_and_keeps_user_labels() {
        let mut change = portal(Action::Update);
        change.current = Some(json!({"labels": {"keep": "2"}}));
        change.protection = Some(ProtectionChange {
            old: true,
            new: false,
        });
        let sent = request(KINDS, &change, &Outputs::new()).unwrap();
        assert_eq!(
            sent.body.unwrap(),
            json!({"labels": {"keep": "2", "KONGCTL-namespace": "ns", "KONGCTL-protected": null}})
        );
    }

    #[test]
    fn a_plain_update_does_not_mention_labels() {
        let mut change = portal(Action::Update);
        change.current = Some(json!({"labels": {"keep": "2"}}));
        change.changed_fields.insert(
            "description".to_owned(),
            FieldChange {
                old: json!("a"),
                new: Value::Null,
            },
        );
        assert_eq!(
            request(KINDS, &change, &Outputs::new()).unwrap().body.unwrap(),
            json!({"description": null})
        );
    }
}
