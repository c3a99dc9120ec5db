//! The keys of one mapping of the file: known ones only, each with its place.

use enact_core::diagnostic::{Diagnostic, Place, Position};
use enact_core::yaml::{self, Body, Entry, Plain, Span, excerpt, shown, split_lines, suggest};
use serde_json::Value;

/// A node of the file.
pub(super) type Node<'t> = yaml::Node<'t, Plain>;

/// What is wrong with the file, as it is read.
pub(super) struct Faults<'t> {
    file: &'t str,
    lines: Vec<&'t str>,
    found: Vec<Diagnostic>,
}

impl<'t> Faults<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        Self {
            file,
            lines: split_lines(text),
            found: Vec::new(),
        }
    }

    /// Something is wrong at a place.
    pub(super) fn add(&mut self, span: Span, fault: Diagnostic) {
        let line = usize::try_from(span.line).unwrap_or(0).saturating_sub(1);
        self.found.push(
            fault.at(Place {
                file: self.file.to_owned(),
                position: Some(Position {
                    line: span.line.max(1),
                    column: span.column.max(1),
                }),
                excerpt: self
                    .lines
                    .get(line)
                    .map_or_else(String::new, |line| excerpt(line)),
                length: span.length,
            }),
        );
    }

    /// Something else stands where something was expected.
    pub(super) fn expected(&mut self, node: &Node<'_>, what: &str, expected: &str) {
        if !node.is_faulty() {
            let fault = format!("{what}: expected {expected}, found {}", node.describe());
            self.add(node.span, Diagnostic::error(fault));
        }
    }

    pub(super) fn end(self) -> Vec<Diagnostic> {
        self.found
    }

    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// The entries of a list, not more than so many.
    pub(super) fn list<'n, 's>(&mut self, node: &'n Node<'s>, what: &str, most: usize) -> &'n [Node<'s>] {
        match &node.body {
            Body::Sequence(items) if items.len() <= most => items,
            Body::Sequence(_) => {
                self.expected(node, what, &format!("at most {most} entries"));
                &[]
            }
            Body::Scalar { .. } | Body::Mapping(_) | Body::Special(_) | Body::Faulty => {
                self.expected(node, what, "a list");
                &[]
            }
        }
    }
}

/// A mapping whose keys are all known.
pub(super) struct Fields<'n, 's> {
    span: Span,
    what: &'static str,
    entries: &'n [Entry<'s, Plain>],
}

impl<'n, 's> Fields<'n, 's> {
    /// Reads a mapping. Keys that are not known are faults.
    pub(super) fn read(
        node: &'n Node<'s>,
        what: &'static str,
        known: &[&'static str],
        faults: &mut Faults<'_>,
    ) -> Option<Self> {
        let Body::Mapping(entries) = &node.body else {
            faults.expected(node, what, "a mapping");
            return None;
        };
        for entry in entries {
            if !known.contains(&entry.key.as_ref()) {
                let fault = Diagnostic::error(format!("unknown key {} in {what}", shown(&entry.key)));
                let hint = suggest::hint(&entry.key, known.iter().copied());
                faults.add(entry.span, fault.hint(hint));
            }
        }
        Some(Self {
            span: node.span,
            what,
            entries,
        })
    }

    /// The value of a key; none when it is not there, or has none.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node<'s>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        (!entry.value.is_null()).then_some(&entry.value)
    }

    /// The value of a key that must be there.
    pub(super) fn require(&self, key: &str, faults: &mut Faults<'_>) -> Option<&'n Node<'s>> {
        let found = self.get(key);
        if found.is_none() {
            faults.add(
                self.span,
                Diagnostic::error(format!("{} needs the key `{key}`", self.what)),
            );
        }
        found
    }

    /// A text that must be there and be so.
    pub(super) fn text(
        &self,
        key: &str,
        expected: &str,
        is: impl Fn(&str) -> bool,
        faults: &mut Faults<'_>,
    ) -> Option<String> {
        let node = self.require(key, faults)?;
        match node.text() {
            Some(text) if is(text) => Some(text.to_owned()),
            _ => {
                faults.expected(node, key, expected);
                None
            }
        }
    }

    /// What people are told that it is.
    pub(super) fn about(&self, faults: &mut Faults<'_>) -> Option<String> {
        self.text(
            "about",
            "a text of up to 256 bytes",
            |text| text.len() <= 256,
            faults,
        )
    }

    /// A whole number within bounds, or what it is where it is not there.
    pub(super) fn integer(&self, key: &str, bounds: (i64, i64), or: i64, faults: &mut Faults<'_>) -> i64 {
        let Some(node) = self.get(key) else {
            return or;
        };
        let number = node.scalar().as_ref().and_then(Value::as_i64);
        if let Some(number) = number.filter(|number| (bounds.0..=bounds.1).contains(number)) {
            return number;
        }
        let expected = format!("a whole number from {} to {}", bounds.0, bounds.1);
        faults.expected(node, key, &expected);
        or
    }

    /// `true` or `false`; `false` where it is not there.
    pub(super) fn boolean(&self, key: &str, faults: &mut Faults<'_>) -> bool {
        let Some(node) = self.get(key) else {
            return false;
        };
        node.scalar()
            .and_then(|value| value.as_bool())
            .unwrap_or_else(|| {
                faults.expected(node, key, "true or false");
                false
            })
    }
}
