//! What was seen: objects of the API as values, with owner, protection and version told apart from their fields.

use std::collections::{BTreeMap, BTreeSet};

use enact_core::canonical::Digest;
use serde_json::{Map, Value, json};

use crate::resources::{Kind, Shape};

/// The label that makes an object managed; its value is the namespace. Shared with kongctl.
pub const NAMESPACE_LABEL: &str = "KONGCTL-namespace";
/// The label that protects an object; present means `"true"`. Shared with kongctl.
pub const PROTECTED_LABEL: &str = "KONGCTL-protected";
/// Every label with this prefix belongs to the tools; users do not see them.
pub const TOOL_PREFIX: &str = "KONGCTL-";

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedObject {
    /// Its id.
    pub id: String,
    /// What tells it from its siblings: name, or slug path.
    pub identity: String,
    /// Its `updated_at`.
    pub version: String,
    /// Its `created_at`.
    pub created_at: String,
    /// The id of its parent in its tree.
    pub tree_parent: Option<String>,
    /// The namespace label; `None` for an object nobody manages, and for children.
    pub namespace: Option<String>,
    /// The protection label.
    pub protected: bool,
    /// User labels, for kinds that have them.
    pub labels: BTreeMap<String, String>,
    /// Fields of the kind, without labels. A field the list does not hold is here once the object was read by itself.
    pub fields: BTreeMap<&'static str, Value>,
    /// `sha256:…` of texts that the list does not hold.
    pub digests: BTreeMap<&'static str, String>,
}

/// Everything a plan needs to know about the world.
#[derive(Debug, Default)]
pub struct Observed {
    /// The organisation's id.
    pub organization: String,
    /// Top-level objects by kind, managed or not, sorted by identity.
    pub roots: BTreeMap<&'static str, Vec<ObservedObject>>,
    /// Children by kind and parent id, sorted by identity.
    pub children: BTreeMap<(&'static str, String), Vec<ObservedObject>>,
    /// How many children of each kind go with a top-level object that will be deleted, by its id.
    pub cascades: BTreeMap<String, BTreeMap<&'static str, usize>>,
}

impl Observed {
    /// Top-level objects of a kind.
    pub fn roots(&self, kind: &str) -> &[ObservedObject] {
        self.roots.get(kind).map_or(&[], Vec::as_slice)
    }

    /// How many managed objects of these namespaces there are, by kind, children that were listed included.
    pub fn managed_counts(&self, namespaces: &BTreeSet<String>) -> BTreeMap<&'static str, usize> {
        let is_ours = |object: &&ObservedObject| {
            object
                .namespace
                .as_ref()
                .is_some_and(|owner| namespaces.contains(owner))
        };
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut owners = BTreeSet::new();
        for (kind, objects) in &self.roots {
            for object in objects.iter().filter(is_ours) {
                *counts.entry(kind).or_default() += 1;
                owners.insert(object.id.as_str());
            }
        }
        for ((kind, parent), children) in &self.children {
            if owners.contains(parent.as_str()) {
                *counts.entry(kind).or_default() += children.len();
            }
        }
        counts
    }

    /// Children of a kind under a parent.
    pub fn children(&self, kind: &'static str, parent_id: &str) -> &[ObservedObject] {
        self.children
            .get(&(kind, parent_id.to_owned()))
            .map_or(&[], Vec::as_slice)
    }
}

impl ObservedObject {
    /// Reads one object of the API. `None` when it lacks an id: such an answer is not an object.
    pub fn read(kind: &'static Kind, value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let id = text("id")?.to_owned();
        let (labels, namespace, protected) = read_labels(value.get("labels"));
        let mut fields = BTreeMap::new();
        let mut digests = BTreeMap::new();
        for field in kind.fields {
            if matches!(field.shape, Shape::Labels) {
                continue;
            }
            if let Some(found) = value.get(field.name) {
                if let (false, Some(text)) = (field.listed, found.as_str()) {
                    digests.insert(field.name, Digest::of(text.as_bytes()).to_string());
                }
                fields.insert(field.name, found.clone());
            }
        }
        let own_step = text(kind.identity_field()).unwrap_or_default();
        Some(Self {
            id,
            identity: crate::resources::path_step(own_step).to_owned(),
            version: text("updated_at").unwrap_or_default().to_owned(),
            created_at: text("created_at").unwrap_or_default().to_owned(),
            tree_parent: kind
                .tree()
                .and_then(|tree| text(tree.parent_id))
                .map(ToOwned::to_owned),
            namespace,
            protected,
            labels,
            fields,
            digests,
        })
    }

    /// The snapshot that goes into a plan as `current`: fields, labels, owner and protection. A text that was not read
    /// stands as `{"$digest": "sha256:…"}`.
    pub fn snapshot(&self, kind: &Kind) -> Value {
        let mut object = Map::new();
        for (name, value) in &self.fields {
            object.insert((*name).to_owned(), value.clone());
        }
        for (name, digest) in &self.digests {
            if !self.fields.contains_key(name) {
                object.insert((*name).to_owned(), json!({"$digest": digest}));
            }
        }
        if kind.has_labels() {
            object.insert("labels".to_owned(), json!(self.labels));
        }
        if let Some(tree) = kind.tree() {
            object.insert(tree.parent_id.to_owned(), json!(self.tree_parent));
        }
        Value::Object(object)
    }
}

/// User labels, namespace and protection of a label map.
fn read_labels(labels: Option<&Value>) -> (BTreeMap<String, String>, Option<String>, bool) {
    let mut user = BTreeMap::new();
    let (mut namespace, mut protected) = (None, false);
    for (key, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        let Some(text) = value.as_str() else { continue };
        match key.as_str() {
            NAMESPACE_LABEL => namespace = Some(text.to_owned()),
            PROTECTED_LABEL => protected = text == "true",
            _ if key.starts_with(TOOL_PREFIX) => {}
            _ => {
                user.insert(key.clone(), text.to_owned());
            }
        }
    }
    (user, namespace, protected)
}

/// Does a live value equal a planned one? A `{"$digest": …}` is compared with the digest of the live text.
pub fn equals(planned: &Value, live: &Value) -> bool {
    match planned.get("$digest").and_then(Value::as_str) {
        Some(digest) => live
            .as_str()
            .is_some_and(|text| Digest::of(text.as_bytes()).as_str() == digest),
        None => planned == live,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_labels_are_told_apart_from_the_users() {
        let value = json!({"id": "1", "name": "a", "updated_at": "t", "labels": {
            "team": "x", "KONGCTL-namespace": "ns", "KONGCTL-protected": "true", "KONGCTL-managed": "true"}});
        let object = ObservedObject::read(&crate::resources::portal::KIND, &value).unwrap();
        assert_eq!(
            object.labels,
            BTreeMap::from([("team".to_owned(), "x".to_owned())])
        );
        assert_eq!(
            (object.namespace.as_deref(), object.protected),
            (Some("ns"), true)
        );
    }

    #[test]
    fn a_digest_stands_for_its_text() {
        let digest = json!({"$digest": Digest::of(b"hello").as_str()});
        assert!(equals(&digest, &json!("hello")));
        assert!(!equals(&digest, &json!("hallo")));
        assert!(!equals(&digest, &Value::Null));
    }
}
