//! The garbage collector and the end of namespaces.

use std::sync::Arc;

use serde_json::{Value, json};

use super::delete::Deletion;
use super::kind::Kind;
use super::object::{is_ending, list, set, text};
use super::state::State;
use super::store::{Key, Store};
use super::write::Part;

impl State {
    /// Deletes what nobody owns any more, and lets go of owners whose dependants are gone.
    pub(super) fn collect_garbage(&mut self) {
        let before = std::mem::replace(&mut self.collected, self.store.revision());
        if self.store.may_have_lost_owners(before) {
            self.collect_orphans();
        }
        for (key, object) in self.store.ending() {
            self.store.let_go(&key, &object);
        }
        self.store.end_namespaces();
    }

    fn collect_orphans(&mut self) {
        for (key, object) in self.store.owned() {
            let owners = list(&object, "/metadata/ownerReferences");
            let gone = owners.iter().all(|owner| !self.store.is_there(&key, owner));
            if gone && !is_ending(&object) {
                self.store.collect(&key);
            }
        }
    }
}

impl Store {
    /// Is an owner there? Owners are looked for in the namespace of what they own, and nowhere else.
    fn is_there(&self, of: &Key, owner: &Value) -> bool {
        let Some(kind) = Kind::of(text(owner, "/apiVersion"), text(owner, "/kind")) else {
            // The collector leaves alone what it cannot look up.
            return true;
        };
        let key = Key::new(kind, &of.namespace, text(owner, "/name"));
        self.get(&key)
            .is_some_and(|found| text(found, "/metadata/uid") == text(owner, "/uid"))
    }

    fn collect(&mut self, key: &Key) {
        let how = Deletion {
            propagation: Some("Background".to_owned()),
            ..Deletion::default()
        };
        // It may be gone by now, as a dependant of another.
        let _deleted = self.delete(key, &how);
    }

    fn let_go(&mut self, key: &Key, object: &Value) {
        let finalizers = list(object, "/metadata/finalizers");
        let uid = text(object, "/metadata/uid");
        let dependants = self.dependants(uid);
        if finalizers.contains(&json!("orphan")) {
            for (key, dependant) in dependants {
                let mut dependant = Value::clone(&dependant);
                let mut owners = list(&dependant, "/metadata/ownerReferences").to_vec();
                owners.retain(|owner| text(owner, "/uid") != uid);
                set(&mut dependant, "/metadata/ownerReferences", owners);
                self.edit(&key, dependant);
            }
            self.drop_finalizer(key, "orphan");
        } else if finalizers.contains(&json!("foregroundDeletion")) {
            for (key, dependant) in &dependants {
                if !is_ending(dependant) {
                    self.collect(key);
                }
            }
            if self.dependants(uid).is_empty() {
                self.drop_finalizer(key, "foregroundDeletion");
            }
        }
    }

    fn dependants(&self, uid: &str) -> Vec<(Key, Arc<Value>)> {
        let mut dependants = self.owned();
        dependants.retain(|(_, object)| {
            let owners = list(object, "/metadata/ownerReferences");
            owners.iter().any(|owner| text(owner, "/uid") == uid)
        });
        dependants
    }

    fn drop_finalizer(&mut self, key: &Key, finalizer: &str) {
        let Some(mut object) = self.get(key).cloned() else {
            return;
        };
        let mut finalizers = list(&object, "/metadata/finalizers").to_vec();
        finalizers.retain(|known| known.as_str() != Some(finalizer));
        set(&mut object, "/metadata/finalizers", finalizers);
        self.edit(key, object);
    }

    fn edit(&mut self, key: &Key, object: Value) {
        // Owners and finalizers may always be taken away.
        let _written = self.write(key, object, Part::Main, false);
    }

    /// Empties namespaces that end, and takes the empty ones away.
    fn end_namespaces(&mut self) {
        let spaces = Kind::named("namespaces").map_or_else(Vec::new, |kind| self.all(kind, None));
        for (space, object) in spaces {
            if !is_ending(&object) {
                continue;
            }
            let content = self.whichever(|key, _| key.namespace == space.name);
            for (key, object) in &content {
                if !is_ending(object) {
                    self.collect(key);
                }
            }
            if self.whichever(|key, _| key.namespace == space.name).is_empty() {
                self.commit(&space, None);
            }
        }
    }
}
