//! What an existing object needs: field by field, with protection judged before anything else.

use std::collections::BTreeMap;

use enact_core::canonical::Digest;
use enact_core::change::{Action, Change, FieldChange, Postcondition, Precondition, ProtectionChange, Undo};
use serde_json::{Value, json};

use super::Planner;
use super::create::{depend_on_references, environment};
use super::state::State;
use crate::desired::{DesiredResource, FieldValue};
use crate::observed::ObservedObject;
use crate::resources::{Field, Shape};

impl Planner<'_> {
    pub(super) fn update(&mut self, resource: &DesiredResource, live: &ObservedObject) {
        let changed = match self.difference(resource, live) {
            Ok(changed) => changed,
            Err(reason) => {
                let change = self.update_change("update", resource, live);
                self.changes.push(change.block(reason));
                return;
            }
        };
        if resource.kind.parent().is_some() {
            self.update_child(resource, live, changed);
        } else {
            self.update_root(resource, live, changed);
        }
    }

    fn update_root(
        &mut self,
        resource: &DesiredResource,
        live: &ObservedObject,
        changed: BTreeMap<String, FieldChange>,
    ) {
        let toggle = resource.protected.filter(|wanted| *wanted != live.protected);
        if live.protected && toggle == Some(false) {
            let mut change = self.update_change("unprotect", resource, live);
            change.protection = Some(ProtectionChange {
                old: true,
                new: false,
            });
            self.seal(&mut change, resource);
            self.changes.push(change);
        }
        let protecting = toggle == Some(true);
        if changed.is_empty() && !protecting {
            return;
        }
        let mut change = self.update_change("update", resource, live);
        change.changed_fields = changed;
        if live.protected {
            let name = format!("{} {:?}", resource.kind.name, live.identity);
            let reason = if toggle == Some(false) {
                format!(
                    "{name} is protected until this plan has taken the protection off; its other edits wait for the next plan"
                )
            } else {
                format!(
                    "{name} is protected; set `kongctl.protected: false` and apply that before updating it"
                )
            };
            self.changes.push(change.block(reason));
            return;
        }
        if protecting {
            change.protection = Some(ProtectionChange {
                old: false,
                new: true,
            });
        }
        self.seal(&mut change, resource);
        self.changes.push(change);
    }

    fn update_child(
        &mut self,
        resource: &DesiredResource,
        live: &ObservedObject,
        changed: BTreeMap<String, FieldChange>,
    ) {
        if changed.is_empty() {
            return;
        }
        let mut change = self.update_change("update", resource, live);
        change.changed_fields = changed;
        match self.protected_parent(resource) {
            Some(reason) => self.changes.push(change.block(reason)),
            None => {
                self.seal(&mut change, resource);
                self.changes.push(change);
            }
        }
    }

    /// Why a child must not be changed: its parent is protected now, and still will be when this plan starts.
    pub(super) fn protected_parent(&self, resource: &DesiredResource) -> Option<String> {
        let parent = self.parent_of(resource)?;
        match self.states.get(parent.reference.as_str()) {
            Some(State::Live(live) | State::External(live)) if live.protected => {
                Some(protected_parent_reason(parent.kind.name, &live.identity))
            }
            _ => None,
        }
    }

    fn update_change(&self, verb: &str, resource: &DesiredResource, live: &ObservedObject) -> Change {
        let mut change = self.new_change(verb, Action::Update, resource);
        change.resource_id = Some(live.id.clone());
        change.resource_name.clone_from(&live.identity);
        change.current = Some(live.snapshot(resource.kind));
        if let Ok(configured) = self.configured(resource) {
            change.desired = Some(Value::Object(configured));
        }
        change.preconditions.push(Precondition::Unchanged {
            version: live.version.clone(),
        });
        if resource.kind.parent().is_none() {
            own_preconditions(resource.kind.name, live, &mut change);
        } else {
            self.parent_preconditions(resource, &mut change);
            self.parent_unprotected(resource, &mut change);
        }
        change
    }

    /// An object that needs no change, as one that changes nothing; `None` where it needs one.
    pub(super) fn kept(&self, resource: &DesiredResource, live: &ObservedObject) -> Option<Change> {
        let toggles = resource.protected.is_some_and(|wanted| wanted != live.protected);
        let same = self
            .difference(resource, live)
            .is_ok_and(|changed| changed.is_empty());
        if toggles || !same {
            return None;
        }
        let mut change = self.update_change("keep", resource, live);
        let configured = self.configured(resource).ok()?.into_iter();
        let compared = configured.filter_map(|(name, value)| {
            let field = resource.kind.field(&name)?;
            // What can be said only once is not compared.
            field.updatable.then(|| (name, recognised(field, value)))
        });
        change.current = Some(Value::Object(compared.collect()));
        change.desired = None;
        Some(change)
    }

    /// The last touches of an update that will run.
    fn seal(&self, change: &mut Change, resource: &DesiredResource) {
        // Protection alone sends no field, so a wish that a later plan will fulfil must not be verified now.
        if change.changed_fields.is_empty() {
            change.desired = None;
        }
        let sent: Vec<String> = change.changed_fields.keys().cloned().collect();
        change.preconditions.extend(environment(resource, |field| {
            sent.iter().any(|name| name == field)
        }));
        change.postconditions.push(Postcondition::Matches);
        change.undo = Some(Undo::RestoreFields);
        depend_on_references(change);
    }

    /// The protection of a live parent must still be off.
    pub(super) fn parent_unprotected(&self, resource: &DesiredResource, change: &mut Change) {
        let Some(parent) = self.parent_of(resource) else {
            return;
        };
        if let Some(State::Live(live) | State::External(live)) = self.states.get(parent.reference.as_str()) {
            change.preconditions.push(Precondition::Protection {
                resource_type: parent.kind.name.to_owned(),
                resource_id: live.id.clone(),
                protected: false,
            });
        }
    }

    /// The configured fields whose live value is another one.
    fn difference(
        &self,
        resource: &DesiredResource,
        live: &ObservedObject,
    ) -> Result<BTreeMap<String, FieldChange>, String> {
        let mut changed = BTreeMap::new();
        for (name, value) in &resource.fields {
            let Some(field) = resource.kind.field(name) else {
                continue;
            };
            if !field.updatable {
                continue;
            }
            if let Some(change) = self.field_difference(field, value, live)? {
                changed.insert((*name).to_owned(), change);
            }
        }
        Ok(changed)
    }

    fn field_difference(
        &self,
        field: &Field,
        value: &FieldValue,
        live: &ObservedObject,
    ) -> Result<Option<FieldChange>, String> {
        if matches!(field.shape, Shape::Labels) {
            let FieldValue::Known(wanted) = value else {
                return Ok(None);
            };
            let old = json!(live.labels);
            return Ok((*wanted != old).then(|| FieldChange {
                old,
                new: wanted.clone(),
            }));
        }
        if !field.listed && same_digest(field, value, live) {
            return Ok(None);
        }
        let new = self.value(value)?;
        let old = match (live.fields.get(field.name), live.digests.get(field.name)) {
            (Some(old), _) => old.clone(),
            (None, Some(digest)) => json!({"$digest": digest}),
            (None, None) => Value::Null,
        };
        Ok((old != new).then_some(FieldChange { old, new }))
    }
}

/// The object must still belong to its namespace and have its protection as observed.
pub(super) fn own_preconditions(resource_type: &str, live: &ObservedObject, change: &mut Change) {
    change.preconditions.push(Precondition::OwnedBy {
        resource_type: resource_type.to_owned(),
        resource_id: live.id.clone(),
        namespace: live.namespace.clone(),
    });
    change.preconditions.push(Precondition::Protection {
        resource_type: resource_type.to_owned(),
        resource_id: live.id.clone(),
        protected: live.protected,
    });
}

/// Why a child of a protected parent is left alone.
pub(super) fn protected_parent_reason(kind: &str, name: &str) -> String {
    format!(
        "its {kind} {name:?} is protected; set `kongctl.protected: false` on the {kind} and apply that first"
    )
}

/// What a value is recognised by later: a text that lists do not hold by its digest, as it may be long.
fn recognised(field: &Field, value: Value) -> Value {
    match value.as_str().filter(|_| !field.listed) {
        Some(text) => json!({"$digest": Digest::of(text.as_bytes()).as_str()}),
        None => value,
    }
}

fn same_digest(field: &Field, value: &FieldValue, live: &ObservedObject) -> bool {
    match (value, live.digests.get(field.name)) {
        (FieldValue::Known(Value::String(text)), Some(digest)) => {
            Digest::of(text.as_bytes()).as_str() == digest
        }
        _ => false,
    }
}
