//! Nested resources to flat drafts.

use std::borrow::Cow;

use enact_core::diagnostic::Diagnostic;

use super::document::Document;
use super::draft::{Draft, Link};
use super::fields;
use super::shape;
use super::text::{Span, shown};
use super::tree::{Body, Entry, Node, Special};
use crate::resources::Kind;
use enact_core::yaml::suggest;

/// Keys under a kind that the format knows and enact does not manage yet.
const UNMANAGED: &[(&str, &[&str])] = &[(
    "portal",
    &[
        "customization",
        "auth_settings",
        "ip_allow_list",
        "integrations",
        "identity_providers",
        "custom_domain",
        "pages",
        "snippets",
        "teams",
        "email_config",
        "email_templates",
        "audit_log_webhook",
        "assets",
    ],
)];

/// A list of children that is read after its parent has its place among the drafts.
struct Nested<'t> {
    kind: &'static Kind,
    items: Vec<Node<'t>>,
    /// Are they steps below in the same tree, rather than children of a parent?
    tree: bool,
}

impl<'t> Document<'_, 't> {
    /// Flattens one resource and everything below it. The depth was bounded when parsing.
    pub(super) fn resource(&mut self, kind: &'static Kind, node: Node<'t>, parent: Link, tree_parent: Link) {
        if node.is_faulty() {
            return;
        }
        let found = node.describe();
        let span = node.span;
        let Body::Mapping(entries) = node.body else {
            let fault = format!("a {} is a mapping, found {found}", kind.name);
            return self.fault(span, Diagnostic::error(fault).hint("begin it with `ref: …`"));
        };
        let mut draft = Draft::new(kind, self.at(span));
        let is_nested = parent != Link::None;
        draft.parent = parent;
        draft.tree_parent = tree_parent;
        let entries = self.head(&mut draft, entries);
        let mut nested = Vec::new();
        for entry in entries {
            self.key(&mut draft, entry, is_nested, &mut nested);
        }
        self.finish(draft, nested);
    }

    fn finish(&mut self, mut draft: Draft, nested: Vec<Nested<'t>>) {
        self.require_parent(&mut draft);
        self.own(&mut draft);
        fields::complete(&mut draft, self.faults);
        let index = self.documents.drafts.len();
        let parent = draft.parent.clone();
        self.documents.drafts.push(draft);
        for Nested { kind, items, tree } in nested {
            for item in items {
                if tree {
                    self.resource(kind, item, parent.clone(), Link::Draft(index));
                } else {
                    self.resource(kind, item, Link::Draft(index), Link::None);
                }
            }
        }
    }

    /// Reads `ref` and `_external` first: what the other keys mean depends on them, not on their order.
    fn head(&mut self, draft: &mut Draft, entries: Vec<Entry<'t>>) -> Vec<Entry<'t>> {
        let mut rest = Vec::with_capacity(entries.len());
        let mut has_ref = false;
        for entry in entries {
            match &*entry.key {
                "ref" => {
                    has_ref = true;
                    draft.at = self.at(entry.value.span);
                    draft.reference = self.reference(entry.span, &entry.value);
                }
                "_external" => self.read_external(draft, entry),
                _ => rest.push(entry),
            }
        }
        if !has_ref {
            let fault = Diagnostic::error(format!("this {} has no `ref`", draft.kind.name));
            self.faults
                .push(draft.at, fault.hint("add `ref: …`, unique across all files"));
        }
        rest
    }

    fn reference(&mut self, key: Span, node: &Node<'t>) -> Option<String> {
        let text = self.text("ref", key, node)?;
        if !shape::is_reference(&text) {
            let fault = Diagnostic::error(format!("{} is not a `ref`", shown(&text)))
                .detail(
                    "expected 1 to 63 of letters, digits, `.`, `_`, `-`, beginning with a letter or digit",
                )
                .hint("choose another; it is never sent to Konnect");
            self.fault(node.span, fault);
            return None;
        }
        Some(text)
    }

    fn read_external(&mut self, draft: &mut Draft, entry: Entry<'t>) {
        if !draft.kind.external {
            let fault = format!("a {} cannot be `_external`", draft.kind.name);
            let hint = "declare its parent `_external`, or remove the key to manage it";
            return self.fault(entry.span, Diagnostic::error(fault).hint(hint));
        }
        // Even a faulty block says that the object is not ours: no complaint about missing fields shall follow.
        draft.is_external = true;
        draft.external = self.external(entry.span, entry.value);
    }

    fn key(&mut self, draft: &mut Draft, entry: Entry<'t>, is_nested: bool, nested: &mut Vec<Nested<'t>>) {
        let kind = draft.kind;
        let key = &*entry.key;
        if key == "kongctl" {
            return self.read_ownership(draft, entry);
        }
        if kind.parent().is_some_and(|link| link.field == key) {
            return self.parent_field(draft, entry, is_nested);
        }
        if let Some(tree) = kind.tree() {
            if tree.children == key {
                return self.children(kind, true, entry, nested);
            }
            if tree.parent_ref == key || tree.parent_id == key {
                return self.tree_parent_field(draft, entry);
            }
        }
        let below = |child: &&'static Kind| child.parent().is_some_and(|link| link.nested_key == key);
        if let Some(child) = self.kinds.children_of(kind.name).find(below) {
            draft.nested.push(child.name);
            return self.children(child, false, entry, nested);
        }
        match kind.field(key) {
            Some(field) if !draft.is_external => {
                fields::read(draft, field, entry.span, entry.value, self.faults);
            }
            Some(_) => {
                let fault = format!(
                    "`{key}` cannot be set: {} `{}` is `_external`",
                    kind.name,
                    draft.name()
                );
                let hint = "an external object is never written; remove the field, or `_external`";
                self.fault(entry.span, Diagnostic::error(fault).hint(hint));
            }
            None => {
                let fault = self.unknown_field(draft, key);
                self.fault(entry.span, fault);
            }
        }
    }

    fn children(&mut self, kind: &'static Kind, tree: bool, entry: Entry<'t>, nested: &mut Vec<Nested<'t>>) {
        if let Some(items) = self.list(&entry.key, entry.span, entry.value) {
            nested.push(Nested { kind, items, tree });
        }
    }

    fn read_ownership(&mut self, draft: &mut Draft, entry: Entry<'t>) {
        if let Some(link) = draft.kind.parent() {
            let fault = format!("`kongctl` cannot stand on a {}", draft.kind.name);
            let fault = Diagnostic::error(fault).detail(format!("its {} owns and protects it", link.kind));
            return self.fault(entry.span, fault.hint(format!("set it on the {}", link.kind)));
        }
        if draft.is_external {
            let fault = Diagnostic::error("`kongctl` cannot stand on an `_external` resource")
                .detail("somebody else owns it; enact writes nothing to it");
            return self.fault(entry.span, fault.hint("remove `kongctl`, or `_external`"));
        }
        let ownership = self.ownership(entry.span, entry.value);
        draft.namespace = ownership.namespace;
        draft.protected = ownership.protected;
    }

    /// What `_defaults` say holds where the resource is silent.
    fn own(&self, draft: &mut Draft) {
        if draft.kind.parent().is_none() && !draft.is_external {
            draft.namespace = draft.namespace.take().or_else(|| self.defaults.namespace.clone());
            draft.protected = draft.protected.or(self.defaults.protected);
        }
    }

    fn parent_field(&mut self, draft: &mut Draft, entry: Entry<'t>, is_nested: bool) {
        if is_nested {
            let fault = format!("`{}` cannot stand on a nested {}", entry.key, draft.kind.name);
            let hint = "what it is nested under is its parent; remove the key";
            return self.fault(entry.span, Diagnostic::error(fault).hint(hint));
        }
        draft.parent = self.link(entry);
    }

    fn tree_parent_field(&mut self, draft: &mut Draft, entry: Entry<'t>) {
        if draft.tree_parent != Link::None {
            let fault = format!("`{}` says again what the tree parent is", entry.key);
            let hint = "keep one: the nesting, or one key at a page of its own";
            return self.fault(entry.span, Diagnostic::error(fault).hint(hint));
        }
        draft.tree_parent = self.link(entry);
    }

    /// A bare `ref` or `!ref x#id`.
    fn link(&mut self, entry: Entry<'t>) -> Link {
        if let Body::Special(Special::Reference(target)) = &entry.value.body {
            if target.field == "id" {
                return Link::Named(target.reference.clone(), self.at(entry.value.span));
            }
            let fault = format!(
                "`{}` takes a whole resource, not its `{}`",
                entry.key, target.field
            );
            let hint = format!(
                "write `!ref {}#id` or just `{}`",
                target.reference, target.reference
            );
            self.fault(entry.value.span, Diagnostic::error(fault).hint(hint));
            return Link::Broken;
        }
        let Some(text) = self.text(&entry.key, entry.span, &entry.value) else {
            return Link::Broken;
        };
        if shape::is_uuid(&text) {
            let fault = format!("`{}` takes the `ref` of a resource, not an id", entry.key);
            let hint = "declare the object with `_external` and `id`, and write its `ref` here";
            self.fault(entry.value.span, Diagnostic::error(fault).hint(hint));
            return Link::Broken;
        }
        Link::Named(text, self.at(entry.value.span))
    }

    fn require_parent(&mut self, draft: &mut Draft) {
        let Some(link) = draft.kind.parent() else { return };
        if draft.parent == Link::None {
            let fault = format!(
                "{} `{}` at the root has no `{}`",
                draft.kind.name,
                draft.name(),
                link.field
            );
            let hint = format!(
                "add `{}: <ref of the {}>`, or nest it under `{}`",
                link.field, link.kind, link.nested_key
            );
            self.faults.push(draft.at, Diagnostic::error(fault).hint(hint));
            draft.parent = Link::Broken;
        }
    }

    fn unknown_field(&self, draft: &Draft, key: &str) -> Diagnostic {
        let kind = draft.kind;
        let unmanaged = UNMANAGED.iter().find(|(name, _)| *name == kind.name);
        if unmanaged.is_some_and(|(_, keys)| keys.contains(&key)) {
            return Diagnostic::error(format!("`{key}` of a {} is not managed by enact yet", kind.name))
                .hint("keep it in a file of its own for the tool that manages it");
        }
        let mut known: Vec<&str> = kind.fields.iter().map(|field| field.name).collect();
        let children = self.kinds.children_of(kind.name).filter_map(Kind::parent);
        known.extend(children.map(|link| link.nested_key));
        known.extend(kind.parent().map(|link| link.field));
        known.extend(
            kind.tree()
                .into_iter()
                .flat_map(|tree| [tree.children, tree.parent_ref]),
        );
        known.extend(["ref", "kongctl", "_external"]);
        Diagnostic::error(format!(
            "unknown field {} on {} `{}`",
            shown(key),
            kind.name,
            draft.name()
        ))
        .hint(suggest::hint(key, known))
    }

    /// The items of a list; anything else is reported.
    pub(super) fn list(&mut self, name: &str, key: Span, node: Node<'t>) -> Option<Vec<Node<'t>>> {
        if node.is_faulty() {
            return None;
        }
        let fault = Diagnostic::error(format!("`{name}`: expected a list, found {}", node.describe()));
        if node.is_null() {
            let hint = "write `[]` to say there shall be none (a sync then deletes them), or remove the key";
            self.fault(key, fault.hint(hint));
            return None;
        }
        if let Body::Sequence(items) = node.body {
            return Some(items);
        }
        self.fault(node.span, fault.hint("begin each entry with `- `"));
        None
    }

    /// The entries of a mapping; anything else is reported.
    pub(super) fn mapping(
        &mut self,
        name: &str,
        key: Span,
        node: Node<'t>,
    ) -> Vec<(Cow<'t, str>, Span, Node<'t>)> {
        if node.is_faulty() {
            return Vec::new();
        }
        let found = node.describe();
        if let Body::Mapping(entries) = node.body {
            return entries
                .into_iter()
                .map(|entry| (entry.key, entry.span, entry.value))
                .collect();
        }
        let span = if node.is_absent() { key } else { node.span };
        let fault = Diagnostic::error(format!("`{name}`: expected a mapping, found {found}"));
        self.fault(span, fault.hint("write its keys below it, or remove it"));
        Vec::new()
    }

    /// A text written in the file; anything else is reported.
    pub(super) fn text(&mut self, name: &str, key: Span, node: &Node<'t>) -> Option<String> {
        if node.is_faulty() {
            return None;
        }
        if let Body::Special(Special::Environment(_)) = node.body {
            let fault = Diagnostic::error(format!("`{name}` cannot come from the environment"));
            self.fault(
                node.span,
                fault
                    .detail("`!env` is for text fields only")
                    .hint("write it out"),
            );
            return None;
        }
        if let Some(text) = node.text() {
            return Some(text.to_owned());
        }
        let found = node.describe();
        let fault = Diagnostic::error(format!("`{name}`: expected text, found {found}"));
        let fault = match node.scalar() {
            Some(value) if !value.is_null() => fault.hint(shape::quote_hint(&found)),
            _ => fault.hint("write it out as text"),
        };
        self.fault_value(key, node, fault);
        None
    }
}
