//! What a new object gets: the configured fields, the defaults of its kind, its owner.

use enact_core::change::{
    Action, Change, ChangeId, Parent, Postcondition, Precondition, ProtectionChange, Undo,
};
use enact_core::reference::{reference, referenced_changes};
use serde_json::{Map, Value, json};

use super::state::State;
use super::{Planner, change_id};
use crate::desired::{DesiredResource, FieldValue};
use crate::resources::{DefaultValue, Kind};

impl Planner<'_> {
    pub(super) fn create(&mut self, resource: &DesiredResource) {
        let mut change = self.new_change("create", Action::Create, resource);
        if resource.protected == Some(true) && resource.kind.parent().is_none() {
            change.protection = Some(ProtectionChange {
                old: false,
                new: true,
            });
        }
        change.preconditions.push(Precondition::Absent {
            name: resource.identity.clone(),
        });
        self.parent_preconditions(resource, &mut change);
        change.preconditions.extend(environment(resource, |_| true));
        change.postconditions.push(Postcondition::Matches);
        change.undo = Some(Undo::DeleteCreated);
        match self.payload(resource) {
            Ok(payload) => {
                change.desired = Some(Value::Object(payload));
                depend_on_references(&mut change);
                self.changes.push(change);
            }
            Err(reason) => self.changes.push(change.block(reason)),
        }
    }

    pub(super) fn create_blocked(&mut self, resource: &DesiredResource, reason: &str) {
        let change = self.new_change("create", Action::Create, resource);
        self.changes.push(change.block(reason));
    }

    /// A change of this resource with its names, owner and parent filled in.
    pub(super) fn new_change(&self, verb: &str, action: Action, resource: &DesiredResource) -> Change {
        let mut change = Change::new(
            change_id(verb, resource),
            action,
            resource.kind.name,
            &resource.reference,
            &resource.identity,
        );
        change.namespace.clone_from(&resource.namespace);
        change.parent = self.parent_of(resource).map(|parent| self.parent(parent));
        if let Some(maker) = change.parent.as_ref().and_then(|parent| parent.change_id.clone()) {
            change.depends_on.push(maker);
        }
        change
    }

    fn parent(&self, parent: &DesiredResource) -> Parent {
        let state = self.states.get(parent.reference.as_str());
        let resource_id = match state {
            Some(State::Live(live) | State::External(live)) => Some(live.id.clone()),
            Some(State::Create | State::Blocked(_) | State::Missing) | None => None,
        };
        let maker = matches!(state, Some(State::Create)).then(|| change_id("create", parent));
        Parent {
            resource_type: parent.kind.name.to_owned(),
            resource_ref: parent.reference.clone(),
            resource_name: parent.identity.clone(),
            resource_id,
            change_id: maker,
        }
    }

    /// A live parent must still be there and belong to the same namespace; one that this plan creates needs no look.
    pub(super) fn parent_preconditions(&self, resource: &DesiredResource, change: &mut Change) {
        let Some(parent) = self.parent_of(resource) else {
            return;
        };
        let resource_type = parent.kind.name.to_owned();
        match self.states.get(parent.reference.as_str()) {
            Some(State::Live(live)) => change.preconditions.push(Precondition::OwnedBy {
                resource_type,
                resource_id: live.id.clone(),
                namespace: live.namespace.clone(),
            }),
            Some(State::External(live)) => change.preconditions.push(Precondition::Exists {
                resource_type,
                resource_id: live.id.clone(),
                name: live.identity.clone(),
            }),
            Some(State::Create | State::Blocked(_) | State::Missing) | None => {}
        }
    }

    /// Everything a CREATE sends, without enact's own labels. The error is the reason why it is blocked.
    fn payload(&self, resource: &DesiredResource) -> Result<Map<String, Value>, String> {
        let mut payload = self.configured(resource)?;
        for field in resource.kind.fields {
            let default = match field.default {
                DefaultValue::Unset => None,
                DefaultValue::Ref => Some(Value::String(resource.reference.clone())),
                DefaultValue::CopyOf(other) => payload
                    .get(other)
                    .map(|value| copied(resource.kind, other, value)),
                DefaultValue::Word(word) => Some(json!(word)),
            };
            if let (Some(value), false) = (default, payload.contains_key(field.name)) {
                payload.insert(field.name.to_owned(), value);
            }
        }
        if let (Some(tree), Some(above)) = (resource.kind.tree(), resource.tree_parent.as_deref()) {
            payload.insert(tree.parent_id.to_owned(), self.resolve(above, "id")?);
        }
        Ok(payload)
    }

    /// The configured fields with references resolved.
    pub(super) fn configured(&self, resource: &DesiredResource) -> Result<Map<String, Value>, String> {
        resource
            .fields
            .iter()
            .map(|(name, value)| Ok(((*name).to_owned(), self.value(value)?)))
            .collect()
    }

    /// One configured value; a reference becomes the live id, or a reference to the change that makes it.
    pub(super) fn value(&self, value: &FieldValue) -> Result<Value, String> {
        match value {
            FieldValue::Known(known) => Ok(known.clone()),
            FieldValue::Reference { target, field } => self.resolve(target, field),
        }
    }

    fn resolve(&self, target: &str, field: &str) -> Result<Value, String> {
        match self.states.get(target) {
            Some(State::Live(live) | State::External(live)) if field == "id" => Ok(json!(live.id)),
            Some(State::Live(live) | State::External(live)) => live
                .fields
                .get(field)
                .cloned()
                .ok_or_else(|| format!("`{target}` has no field `{field}`")),
            Some(State::Create) => {
                let maker = self
                    .desired
                    .resources
                    .iter()
                    .find(|resource| resource.reference == target);
                maker
                    .map(|maker| reference(&change_id("create", maker), field))
                    .ok_or_else(|| format!("`{target}` is not described"))
            }
            Some(State::Blocked(reason)) => {
                Err(format!("it refers to `{target}`, which is blocked: {reason}"))
            }
            Some(State::Missing) | None => Err(format!("it refers to `{target}`, which does not exist")),
        }
    }
}

/// A copied default: a slug loses its leading `/` when it becomes a title.
fn copied(kind: &Kind, from: &str, value: &Value) -> Value {
    match (kind.tree().is_some_and(|tree| tree.slug == from), value.as_str()) {
        (true, Some(slug)) => json!(crate::resources::path_step(slug)),
        _ => value.clone(),
    }
}

/// A change must come after every change whose output it uses.
pub(super) fn depend_on_references(change: &mut Change) {
    let mut makers: Vec<ChangeId> = Vec::new();
    if let Some(desired) = &change.desired {
        referenced_changes(desired, &mut makers);
    }
    change.depends_on.extend(makers);
    change.depends_on.sort();
    change.depends_on.dedup();
}

/// The environment values that went into the fields a change sends.
pub(super) fn environment(
    resource: &DesiredResource,
    sends: impl Fn(&str) -> bool,
) -> impl Iterator<Item = Precondition> {
    resource
        .environment
        .iter()
        .filter(move |used| sends(&used.field))
        .map(|used| Precondition::Environment {
            variable: used.variable.clone(),
            digest: used.digest.clone(),
        })
}
