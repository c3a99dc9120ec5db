//! The keys of one mapping: known ones only, with a suggestion for the others.

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::{Body, Entry, Plain, Span, shown, suggest};

use super::{Node, Reading, Slot};

/// Keys that may be there without a value: a parameter without a default, a question that is still open.
const MAY_BE_EMPTY: [&str; 3] = ["default", "answer", "value"];

/// A mapping whose keys are all known.
#[derive(Debug)]
pub struct Fields<'n> {
    /// What it is, with its article: `a step`.
    pub what: &'static str,
    /// Where it stands.
    pub span: Span,
    entries: &'n [Entry<'static, Plain>],
}

impl<'n> Fields<'n> {
    /// The value of a key; `None` when the key is not there or has no value.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The first of several keys that is there, with the key.
    pub fn get_any(&self, keys: &[&'static str]) -> Option<(&'static str, &'n Node)> {
        keys.iter().find_map(|key| self.get(key).map(|node| (*key, node)))
    }

    /// Where a key stands; the mapping itself when it does not.
    pub fn key_span(&self, key: &str) -> Span {
        self.entry(key).map_or(self.span, |entry| entry.span)
    }

    /// All entries, in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = &'n Entry<'static, Plain>> {
        self.entries.iter()
    }

    fn entry(&self, key: &str) -> Option<&'n Entry<'static, Plain>> {
        let found = self.entries.iter().find(|entry| entry.key == key);
        found.filter(|entry| !entry.value.is_null())
    }
}

impl Reading<'_> {
    /// A mapping with these keys, and any that begin with `x-`. Unknown keys are faults.
    pub fn fields<'n>(
        &mut self,
        node: &'n Node,
        what: &'static str,
        known: &[&'static str],
    ) -> Option<Fields<'n>> {
        let fields = self.mapping(node, what)?;
        for entry in fields.entries {
            if entry.key.starts_with("x-") {
                continue;
            }
            if !known.contains(&entry.key.as_ref()) {
                let fault = Diagnostic::error(format!("unknown key {} in {what}", shown(&entry.key)));
                self.fault(
                    entry.span,
                    fault.hint(suggest::hint(&entry.key, known.iter().copied())),
                );
            } else if entry.value.is_null() && !MAY_BE_EMPTY.contains(&entry.key.as_ref()) {
                self.is_empty(entry);
            }
        }
        Some(fields)
    }

    /// A key whose value was left out, or commented out, would be taken for one that is not there: fewer safeguards than the
    /// file looks like.
    fn is_empty(&mut self, entry: &Entry<'static, Plain>) {
        let fault = Diagnostic::error(format!("{} has no value", shown(&entry.key)));
        self.fault(entry.span, fault.hint("give it a value, or leave the key out"));
    }

    /// A mapping whose keys the author chooses: they are names, and what nobody sees may not stand in them.
    pub fn any_fields<'n>(&mut self, node: &'n Node, what: &'static str) -> Option<Fields<'n>> {
        let fields = self.mapping(node, what)?;
        for entry in fields.entries {
            self.see(&entry.key, entry.span, Slot::Exact);
        }
        Some(fields)
    }

    fn mapping<'n>(&mut self, node: &'n Node, what: &'static str) -> Option<Fields<'n>> {
        if !self.untagged(node) {
            return None;
        }
        let Body::Mapping(entries) = &node.body else {
            self.expected(node, what, "a mapping");
            return None;
        };
        Some(Fields {
            what,
            span: node.span,
            entries,
        })
    }

    /// The value of a key that must be there.
    pub fn require<'n>(&mut self, fields: &Fields<'n>, key: &'static str) -> Option<&'n Node> {
        let found = fields.get(key);
        // That a key has no value was said when the mapping was read.
        let is_there = fields.entries.iter().any(|entry| entry.key == key);
        if found.is_none() && !is_there {
            let fault = Diagnostic::error(format!("{} needs the key `{key}`", fields.what));
            self.fault(fields.key_span(key), fault);
        }
        found
    }

    /// The entries of a list.
    pub fn list<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        if !self.untagged(node) {
            return &[];
        }
        if let Body::Sequence(items) = &node.body {
            return items;
        }
        self.expected(node, what, "a list");
        &[]
    }

    /// Records that something else stands where something was expected.
    pub fn expected(&mut self, node: &Node, what: &str, expected: &str) {
        if !node.is_faulty() {
            let fault = format!("{what}: expected {expected}, found {}", node.describe());
            self.fault(node.span, Diagnostic::error(fault));
        }
    }

    /// Refuses tags: none has a meaning in a runbook.
    pub(crate) fn untagged(&mut self, node: &Node) -> bool {
        if let Some(tag) = &node.tag {
            let fault = Diagnostic::error(format!("the tag `!{tag}` means nothing in a runbook"));
            self.fault(node.span, fault.hint("write the value, or `${{ params.… }}`"));
            return false;
        }
        true
    }
}
