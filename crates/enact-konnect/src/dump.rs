//! Objects as configuration: what `enact dump` writes, and what the loader reads back as the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::observed::ObservedObject;
use crate::resources::Kind;

/// A top-level object with its children.
pub struct Dumped {
    /// Its kind.
    pub kind: &'static Kind,
    /// The object, read in full.
    pub object: ObservedObject,
    /// Its children by kind, read in full, sorted by identity.
    pub children: Vec<(&'static Kind, Vec<ObservedObject>)>,
}

/// One configuration document for these objects. Objects that nobody manages get `default_namespace`.
pub fn configuration(dumped: &[Dumped], default_namespace: &str) -> Value {
    let mut references = References::default();
    let mut collections: Map<String, Value> = Map::new();
    for entry in dumped {
        let mut resource = fields(entry.kind, &entry.object);
        let reference = references.unique(&entry.object.identity);
        let mut kongctl = Map::new();
        let namespace = entry.object.namespace.as_deref().unwrap_or(default_namespace);
        kongctl.insert("namespace".to_owned(), json!(namespace));
        if entry.object.protected {
            kongctl.insert("protected".to_owned(), json!(true));
        }
        resource.insert("kongctl".to_owned(), Value::Object(kongctl));
        for (kind, children) in &entry.children {
            if let Some(link) = kind.parent() {
                let list = nested(kind, children, &reference, &mut references);
                if !list.is_empty() {
                    resource.insert(link.nested_key.to_owned(), Value::Array(list));
                }
            }
        }
        let resource = with_reference(reference, resource);
        let collection = collections
            .entry(entry.kind.collection.to_owned())
            .or_insert_with(|| json!([]));
        if let Some(list) = collection.as_array_mut() {
            list.push(resource);
        }
    }
    Value::Object(collections)
}

/// Children of one parent, in trees where their kind forms trees.
fn nested(
    kind: &'static Kind,
    children: &[ObservedObject],
    above: &str,
    references: &mut References,
) -> Vec<Value> {
    let mut by_parent: BTreeMap<Option<&str>, Vec<&ObservedObject>> = BTreeMap::new();
    for child in children {
        by_parent
            .entry(child.tree_parent.as_deref())
            .or_default()
            .push(child);
    }
    branch(kind, None, &by_parent, above, references, 0)
}

fn branch(
    kind: &'static Kind,
    parent: Option<&str>,
    by_parent: &BTreeMap<Option<&str>, Vec<&ObservedObject>>,
    above: &str,
    references: &mut References,
    depth: usize,
) -> Vec<Value> {
    let mut list = Vec::new();
    // A tree that the server reports is not deeper than this; a loop in its answer must not become ours.
    if depth > 100 {
        return list;
    }
    for child in by_parent.get(&parent).into_iter().flatten() {
        let reference = references.unique(&format!("{above}-{}", child.identity));
        let mut resource = fields(kind, child);
        if let Some(tree) = kind.tree() {
            let below = branch(kind, Some(&child.id), by_parent, above, references, depth + 1);
            if !below.is_empty() {
                resource.insert(tree.children.to_owned(), Value::Array(below));
            }
        }
        list.push(with_reference(reference, resource));
    }
    list
}

/// The configurable fields that have a value; user labels only where there are any.
fn fields(kind: &Kind, object: &ObservedObject) -> Map<String, Value> {
    let mut resource = Map::new();
    for field in kind.fields {
        if let Some(value) = object.fields.get(field.name).filter(|value| !value.is_null()) {
            resource.insert(field.name.to_owned(), value.clone());
        }
    }
    if kind.has_labels() && !object.labels.is_empty() {
        resource.insert("labels".to_owned(), json!(object.labels));
    }
    resource
}

fn with_reference(reference: String, resource: Map<String, Value>) -> Value {
    let mut whole = Map::new();
    whole.insert("ref".to_owned(), json!(reference));
    whole.extend(resource);
    Value::Object(whole)
}

/// References made so far: each is used once.
#[derive(Default)]
struct References(BTreeSet<String>);

impl References {
    /// A `ref` that says what it is: letters, digits, `.`, `_` and `-`, at most 63 characters, used by nobody else.
    fn unique(&mut self, name: &str) -> String {
        let plain = |character: char| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '-'
            }
        };
        let cleaned: String = name.chars().map(plain).take(55).collect();
        let cleaned = cleaned.trim_matches('-');
        let base = if cleaned.is_empty() { "root" } else { cleaned };
        let mut reference = base.to_owned();
        let mut number = 2;
        while !self.0.insert(reference.clone()) {
            reference = format!("{base}-{number}");
            number += 1;
        }
        reference
    }
}
