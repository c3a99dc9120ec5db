//! What goes: in `delete` what is described, in `sync` what is managed, in scope and no longer described.

use std::collections::{BTreeMap, BTreeSet};

use enact_core::change::{Action, Change, ChangeId, Parent, Postcondition, Precondition, Undo};

use super::Planner;
use super::state::{State, taken};
use super::update::{own_preconditions, protected_parent_reason};
use crate::desired::DesiredResource;
use crate::observe::{by_identity, undescribed};
use crate::observed::ObservedObject;
use crate::resources::Kind;

impl Planner<'_> {
    /// `delete`: every described top-level object; of external ones their described children.
    pub(super) fn delete_described(&mut self) {
        let desired = self.desired;
        for resource in &desired.resources {
            let state = self.states.get(resource.reference.as_str()).cloned();
            match (state, self.parent_of(resource)) {
                (Some(State::Live(live)), None) => self.delete_root(resource.kind, live, &resource.reference),
                (Some(State::Live(live)), Some(parent)) if parent.external.is_some() => {
                    if let Some(State::External(owner)) = self.states.get(parent.reference.as_str()).cloned()
                    {
                        self.delete_child(resource.kind, live, parent, owner);
                    }
                }
                (Some(State::Missing), None) => self.delete_missing(resource),
                _ => {}
            }
        }
        self.children_first();
    }

    /// A described object that is not ours: refused when one of its name is there, a warning when none is.
    fn delete_missing(&mut self, resource: &DesiredResource) {
        if let Some(other) = by_identity(self.observed.roots(resource.kind.name), &resource.identity).next() {
            let mut change = self.new_change("delete", Action::Delete, resource);
            change.resource_id = Some(other.id.clone());
            self.changes
                .push(change.block(format!("it will not be deleted: {}", taken(resource, other))));
            return;
        }
        let message = format!(
            "{} {:?} does not exist; there is nothing to delete",
            resource.kind.name, resource.identity
        );
        self.warn(None, message);
    }

    /// `sync`: managed objects in the namespaces and collections in play that nobody describes any more.
    pub(super) fn delete_undescribed(&mut self) {
        self.delete_undescribed_children();
        for kind in self.kinds.roots() {
            for object in undescribed(self.desired, self.observed, kind) {
                self.delete_root(kind, object, &object.identity);
            }
        }
        self.children_first();
    }

    fn delete_undescribed_children(&mut self) {
        let desired = self.desired;
        let described: BTreeSet<(&str, &str, &str)> = desired
            .resources
            .iter()
            .filter_map(|child| Some((child.parent.as_deref()?, child.kind.name, child.identity.as_str())))
            .collect();
        for (reference, child_kind) in &desired.scope.children {
            let Some(kind) = self.kinds.get(child_kind) else {
                continue;
            };
            let Some(parent) = self.by_ref.get(reference.as_str()).copied() else {
                continue;
            };
            // Children of an external parent are never pruned: they may be somebody else's.
            let Some(State::Live(owner)) = self.states.get(reference.as_str()).cloned() else {
                continue;
            };
            for object in self.observed.children(kind.name, &owner.id) {
                if !described.contains(&(reference.as_str(), kind.name, object.identity.as_str())) {
                    self.delete_child(kind, object, parent, owner);
                }
            }
        }
    }

    fn delete_root(&mut self, kind: &'static Kind, live: &ObservedObject, reference: &str) {
        let id = ChangeId(format!("delete:{}:{reference}", kind.name));
        let mut change = Change::new(id, Action::Delete, kind.name, reference, &live.identity);
        change.resource_id = Some(live.id.clone());
        change.namespace.clone_from(&live.namespace);
        change.current = Some(live.snapshot(kind));
        change.preconditions.push(Precondition::Unchanged {
            version: live.version.clone(),
        });
        own_preconditions(kind.name, live, &mut change);
        change.postconditions.push(Postcondition::Gone);
        let reason = format!(
            "deleting a {} deletes what belongs to it, which enact cannot bring back",
            kind.name
        );
        change.undo = Some(Undo::Impossible { reason });
        if live.protected {
            let reason = format!(
                "{} {:?} is protected; set `kongctl.protected: false` and apply that before deleting it",
                kind.name, live.identity
            );
            change = change.block(reason);
        }
        if let (Some(counts), false) = (self.observed.cascades.get(&live.id), change.blocked) {
            let with: Vec<String> = counts
                .iter()
                .map(|(child, count)| format!("{count} × {child}"))
                .collect();
            let message = format!(
                "deleting {} {:?} deletes what belongs to it too: {}",
                kind.name,
                live.identity,
                with.join(", ")
            );
            self.warn(Some(change.change_id.clone()), message);
        }
        self.changes.push(change);
    }

    fn delete_child(
        &mut self,
        kind: &'static Kind,
        live: &ObservedObject,
        parent: &DesiredResource,
        owner: &ObservedObject,
    ) {
        let place = format!("{}/{}", parent.reference, live.identity);
        let id = ChangeId(format!("delete:{}:{place}", kind.name));
        let mut change = Change::new(id, Action::Delete, kind.name, &place, &live.identity);
        change.resource_id = Some(live.id.clone());
        change.namespace.clone_from(&owner.namespace);
        change.current = Some(live.snapshot(kind));
        change.parent = Some(Parent {
            resource_type: parent.kind.name.to_owned(),
            resource_ref: parent.reference.clone(),
            resource_name: owner.identity.clone(),
            resource_id: Some(owner.id.clone()),
            change_id: None,
        });
        change.preconditions.push(Precondition::Unchanged {
            version: live.version.clone(),
        });
        let (resource_type, resource_id) = (parent.kind.name.to_owned(), owner.id.clone());
        change.preconditions.push(match parent.external {
            Some(_) => Precondition::Exists {
                resource_type,
                resource_id,
                name: owner.identity.clone(),
            },
            None => Precondition::OwnedBy {
                resource_type,
                resource_id,
                namespace: owner.namespace.clone(),
            },
        });
        change.preconditions.push(Precondition::Protection {
            resource_type: parent.kind.name.to_owned(),
            resource_id: owner.id.clone(),
            protected: false,
        });
        change.postconditions.push(Postcondition::Gone);
        change.undo = Some(Undo::CreateAgain);
        if owner.protected {
            change = change.block(protected_parent_reason(parent.kind.name, &owner.identity));
        }
        self.changes.push(change);
    }

    /// In a tree the lower objects go before the higher ones. What was deleted with its parent cannot be put back by
    /// itself: the parent would have a new id.
    fn children_first(&mut self) {
        let deletions = |change: &Change| change.action == Action::Delete && !change.blocked;
        let deleted: BTreeMap<String, usize> = self
            .changes
            .iter()
            .enumerate()
            .filter(|(_, change)| deletions(change))
            .filter_map(|(index, change)| Some((change.resource_id.clone()?, index)))
            .collect();
        let links: Vec<(usize, usize)> = self
            .changes
            .iter()
            .enumerate()
            .filter(|(_, change)| deletions(change))
            .filter_map(|(index, change)| Some((index, *deleted.get(&self.tree_parent(change)?)?)))
            .collect();
        for (child, parent) in links {
            let Some(child_id) = self.changes.get(child).map(|change| change.change_id.clone()) else {
                continue;
            };
            if let Some(change) = self.changes.get_mut(parent) {
                change.depends_on.push(child_id);
            }
            if let Some(change) = self.changes.get_mut(child) {
                let reason =
                    "its parent in the tree is deleted too and would come back with another id".to_owned();
                change.undo = Some(Undo::Impossible { reason });
            }
        }
    }

    /// The id of the object above a change's object in its tree.
    fn tree_parent(&self, change: &Change) -> Option<String> {
        let tree = self.kinds.get(&change.resource_type)?.tree()?;
        change
            .current
            .as_ref()?
            .get(tree.parent_id)?
            .as_str()
            .map(ToOwned::to_owned)
    }
}
