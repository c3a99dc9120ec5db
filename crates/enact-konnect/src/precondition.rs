//! Holding a plan's preconditions and postconditions against what was seen. Pure; `provider` does the looking.

use std::collections::BTreeMap;

use enact_core::change::{Action, Change, Precondition};
use enact_core::journal::Mismatch;
use serde_json::{Map, Value, json};

use crate::observed::{ObservedObject, equals};
use crate::resources::Kind;

/// What a look at the world found, as far as one pass needed it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Objects by type and id; `None`: gone.
    pub(crate) objects: BTreeMap<(String, String), Option<ObservedObject>>,
    /// Top-level objects by type and name.
    pub(crate) named: BTreeMap<(String, String), Vec<ObservedObject>>,
    /// Children by type and parent id.
    pub(crate) children: BTreeMap<(String, String), Vec<ObservedObject>>,
}

impl Seen {
    fn object(&self, resource_type: &str, id: &str) -> Option<&ObservedObject> {
        self.objects
            .get(&(resource_type.to_owned(), id.to_owned()))
            .and_then(Option::as_ref)
    }
}

/// What of a change's preconditions does not hold. `digest` gives the digest of an environment value as it is now.
pub(crate) fn broken(
    kind: &Kind,
    change: &Change,
    seen: &Seen,
    digest: &dyn Fn(&str) -> Option<String>,
) -> Vec<Mismatch> {
    let mut found = Vec::new();
    for precondition in &change.preconditions {
        hold(kind, change, precondition, seen, digest, &mut found);
    }
    // One change can name one fact twice (an object that is gone breaks all its preconditions).
    found.dedup();
    found
}

fn hold(
    kind: &Kind,
    change: &Change,
    precondition: &Precondition,
    seen: &Seen,
    digest: &dyn Fn(&str) -> Option<String>,
    found: &mut Vec<Mismatch>,
) {
    let own = subject(&change.resource_type, &change.resource_name);
    let mut differs = |subject: String, expected: Value, now: Value| {
        found.push(Mismatch {
            change_id: change.change_id.clone(),
            subject,
            expected,
            found: now,
        });
    };
    match precondition {
        Precondition::Absent { name } => {
            if let Some(other) = taken(kind, change, name, seen) {
                differs(own, Value::Null, json!(describe(other)));
            }
        }
        Precondition::Unchanged { .. } => {
            let id = change.resource_id.as_deref().unwrap_or_default();
            match seen.object(&change.resource_type, id) {
                None => differs(own, json!("it exists"), json!("it is gone")),
                Some(live) => changed_since(kind, change, live, &own, &mut differs),
            }
        }
        Precondition::Exists {
            resource_type,
            resource_id,
            name,
        } => {
            if seen.object(resource_type, resource_id).is_none() {
                differs(
                    subject(resource_type, name),
                    json!("it exists"),
                    json!("it is gone"),
                );
            }
        }
        Precondition::OwnedBy {
            resource_type,
            resource_id,
            namespace,
        } => match seen.object(resource_type, resource_id) {
            None => differs(
                of_id(change, resource_type, resource_id),
                json!("it exists"),
                json!("it is gone"),
            ),
            Some(live) if live.namespace != *namespace => {
                let subject = format!("{}: namespace", of_id(change, resource_type, resource_id));
                differs(subject, json!(namespace), json!(live.namespace));
            }
            Some(_) => {}
        },
        Precondition::Protection {
            resource_type,
            resource_id,
            protected,
        } => {
            if let Some(live) = seen.object(resource_type, resource_id)
                && live.protected != *protected
            {
                let subject = format!("{}: protected", of_id(change, resource_type, resource_id));
                differs(subject, json!(protected), json!(live.protected));
            }
        }
        Precondition::Environment {
            variable,
            digest: planned,
        } => {
            let now = digest(variable);
            if now.as_ref() != Some(planned) {
                differs(
                    format!("environment variable {variable}"),
                    json!("the value at planning"),
                    said(now),
                );
            }
        }
        Precondition::Check { name, .. } => {
            differs(
                format!("check {name}"),
                json!("a check of a Konnect plan"),
                json!("a check of another domain"),
            );
        }
    }
}

fn said(now: Option<String>) -> Value {
    json!(if now.is_some() {
        "another value"
    } else {
        "no value"
    })
}

/// Every planned field whose live value is another one, and the name itself.
fn changed_since(
    kind: &Kind,
    change: &Change,
    live: &ObservedObject,
    own: &str,
    differs: &mut dyn FnMut(String, Value, Value),
) {
    let now = live.snapshot(kind);
    for (name, planned) in change
        .current
        .as_ref()
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let found = now.get(name).unwrap_or(&Value::Null);
        if !equals(planned, found) {
            differs(format!("{own}: {name}"), planned.clone(), found.clone());
        }
    }
}

/// The object that already has the name a CREATE wants.
fn taken<'a>(kind: &Kind, change: &Change, name: &str, seen: &'a Seen) -> Option<&'a ObservedObject> {
    if kind.parent().is_none() {
        return seen
            .named
            .get(&(change.resource_type.clone(), name.to_owned()))?
            .first();
    }
    let parent_id = change.parent.as_ref()?.resource_id.clone()?;
    let siblings = seen.children.get(&(change.resource_type.clone(), parent_id))?;
    siblings.iter().find(|sibling| sibling.identity == name)
}

fn describe(object: &ObservedObject) -> String {
    match &object.namespace {
        Some(namespace) => format!("one of namespace {namespace} (id {})", object.id),
        None => format!("one with id {}", object.id),
    }
}

/// `portal "harbor"`.
pub(crate) fn subject(resource_type: &str, name: &str) -> String {
    format!("{resource_type} {name:?}")
}

fn of_id(change: &Change, resource_type: &str, id: &str) -> String {
    match &change.parent {
        Some(parent) if parent.resource_id.as_deref() == Some(id) => {
            subject(resource_type, &parent.resource_name)
        }
        _ => subject(resource_type, &change.resource_name),
    }
}

/// What of a change's goal does not hold, given its object as it is now (`None`: gone). `desired` has its references
/// resolved.
pub(crate) fn missed(
    kind: &Kind,
    change: &Change,
    desired: &Map<String, Value>,
    live: Option<&ObservedObject>,
) -> Vec<Mismatch> {
    let own = subject(&change.resource_type, &change.resource_name);
    let mismatch = |subject: String, expected: Value, found: Value| Mismatch {
        change_id: change.change_id.clone(),
        subject,
        expected,
        found,
    };
    match (change.action, live) {
        (Action::Delete, None) => Vec::new(),
        (Action::Delete, Some(_)) => vec![mismatch(own, json!("it is gone"), json!("it exists"))],
        (Action::Create | Action::Update | Action::Run, None) => {
            vec![mismatch(own, json!("it exists"), json!("it is not there"))]
        }
        (Action::Create | Action::Update | Action::Run, Some(live)) => {
            let mut found = Vec::new();
            for (field, expected, now) in unmet(kind, change, desired, live) {
                found.push(mismatch(format!("{own}: {field}"), expected, now));
            }
            found
        }
    }
}

/// The fields of a goal that the live object does not meet, with what was wanted and what is there.
pub(crate) fn unmet(
    kind: &Kind,
    change: &Change,
    desired: &Map<String, Value>,
    live: &ObservedObject,
) -> Vec<(String, Value, Value)> {
    let mut found = Vec::new();
    let now = live.snapshot(kind);
    for (name, wanted) in desired {
        if kind.identity_field() == name {
            continue;
        }
        let is = now.get(name).unwrap_or(&Value::Null);
        let wanted_digest = live.digests.get(name.as_str()).zip(wanted.as_str());
        let same = match wanted_digest {
            Some((digest, text)) => enact_core::canonical::Digest::of(text.as_bytes()).as_str() == digest,
            None => equals(wanted, is),
        };
        if !same {
            found.push((name.clone(), wanted.clone(), is.clone()));
        }
    }
    if let Some(flag) = change.protection
        && live.protected != flag.new
    {
        found.push(("protected".to_owned(), json!(flag.new), json!(live.protected)));
    }
    if kind.parent().is_none() && change.namespace.is_some() && live.namespace != change.namespace {
        found.push((
            "namespace".to_owned(),
            json!(change.namespace),
            json!(live.namespace),
        ));
    }
    found
}
