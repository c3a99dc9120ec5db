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
    let look = Look {
        kind,
        change,
        seen,
        digest,
    };
    let mut found: Vec<Mismatch> = Vec::new();
    for precondition in &change.preconditions {
        let differing = look.at(precondition).into_iter();
        found.extend(differing.map(|(subject, expected, now)| Mismatch {
            change_id: change.change_id.clone(),
            subject,
            expected,
            found: now,
            assumption: None,
        }));
    }
    // One change can name one fact twice (an object that is gone breaks all its preconditions).
    found.dedup();
    found
}

/// What was looked at, what was expected, what is there.
type Differing = (String, Value, Value);

/// One change held against what was seen.
struct Look<'a> {
    kind: &'a Kind,
    change: &'a Change,
    seen: &'a Seen,
    digest: &'a dyn Fn(&str) -> Option<String>,
}

impl Look<'_> {
    fn at(&self, precondition: &Precondition) -> Vec<Differing> {
        match precondition {
            Precondition::Absent { name } => self.absent(name),
            Precondition::Unchanged { .. } => self.unchanged(),
            Precondition::Exists {
                resource_type,
                resource_id,
                name,
            } => match self.seen.object(resource_type, resource_id) {
                Some(_) => Vec::new(),
                None => vec![gone(subject(resource_type, name))],
            },
            Precondition::OwnedBy {
                resource_type,
                resource_id,
                namespace,
            } => self.owned(resource_type, resource_id, namespace.as_deref()),
            Precondition::Protection {
                resource_type,
                resource_id,
                protected,
            } => self.protection(resource_type, resource_id, *protected),
            Precondition::Environment { variable, digest } => self.environment(variable, digest),
            Precondition::Check { name, .. } => {
                let expected = json!("a check of a Konnect plan");
                vec![(
                    format!("check {name}"),
                    expected,
                    json!("a check of another domain"),
                )]
            }
        }
    }

    fn own(&self) -> String {
        subject(&self.change.resource_type, &self.change.resource_name)
    }

    fn absent(&self, name: &str) -> Vec<Differing> {
        let other = taken(self.kind, self.change, name, self.seen);
        other
            .map(|other| (self.own(), Value::Null, json!(describe(other))))
            .into_iter()
            .collect()
    }

    fn unchanged(&self) -> Vec<Differing> {
        let id = self.change.resource_id.as_deref().unwrap_or_default();
        match self.seen.object(&self.change.resource_type, id) {
            None => vec![gone(self.own())],
            Some(live) => changed_since(self.kind, self.change, live, &self.own()),
        }
    }

    fn owned(&self, resource_type: &str, id: &str, namespace: Option<&str>) -> Vec<Differing> {
        let subject = of_id(self.change, resource_type, id);
        match self.seen.object(resource_type, id) {
            None => vec![gone(subject)],
            Some(live) if live.namespace.as_deref() != namespace => {
                vec![(
                    format!("{subject}: namespace"),
                    json!(namespace),
                    json!(live.namespace),
                )]
            }
            Some(_) => Vec::new(),
        }
    }

    /// An object that is gone is not this precondition's to report: the owner's is always beside it.
    fn protection(&self, resource_type: &str, id: &str, protected: bool) -> Vec<Differing> {
        let live = self
            .seen
            .object(resource_type, id)
            .filter(|live| live.protected != protected);
        let subject = format!("{}: protected", of_id(self.change, resource_type, id));
        live.map(|live| (subject, json!(protected), json!(live.protected)))
            .into_iter()
            .collect()
    }

    fn environment(&self, variable: &str, planned: &str) -> Vec<Differing> {
        let now = (self.digest)(variable);
        if now.as_deref() == Some(planned) {
            return Vec::new();
        }
        vec![(
            format!("environment variable {variable}"),
            json!("the value at planning"),
            said(now),
        )]
    }
}

fn gone(subject: String) -> Differing {
    (subject, json!("it exists"), json!("it is gone"))
}

fn said(now: Option<String>) -> Value {
    json!(if now.is_some() {
        "another value"
    } else {
        "no value"
    })
}

/// Every planned field whose live value is another one, the name among them.
fn changed_since(kind: &Kind, change: &Change, live: &ObservedObject, own: &str) -> Vec<Differing> {
    let now = live.snapshot(kind);
    let planned = change
        .current
        .as_ref()
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    planned
        .filter_map(|(name, planned)| {
            let found = now.get(name).unwrap_or(&Value::Null);
            (!equals(planned, found)).then(|| (format!("{own}: {name}"), planned.clone(), found.clone()))
        })
        .collect()
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
        assumption: None,
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
