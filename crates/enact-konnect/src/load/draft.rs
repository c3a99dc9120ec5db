//! A resource on its way from the files to `Desired`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::text::{At, Span};
use super::tree::Target;
use crate::desired::{EnvironmentUse, External};
use crate::resources::Kind;

/// A flattened resource whose references are not resolved yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) kind: &'static Kind,
    /// Where it begins: its `ref`, or the mapping when it has none.
    pub(super) at: At,
    /// Its `ref`; `None` when missing or faulty (which is reported).
    pub(super) reference: Option<String>,
    pub(super) parent: Link,
    pub(super) tree_parent: Link,
    /// Is it declared `_external`, however faulty that block may be?
    pub(super) is_external: bool,
    pub(super) external: Option<External>,
    pub(super) namespace: Option<Namespace>,
    pub(super) protected: Option<bool>,
    pub(super) fields: BTreeMap<&'static str, Cell>,
    pub(super) environment: Vec<EnvironmentUse>,
    /// Child kinds whose key stands under it, in whatever form.
    pub(super) nested: Vec<&'static str>,
    /// The name, or the path in the tree; empty until known.
    pub(super) identity: String,
}

/// A namespace and where it was said.
#[derive(Debug, Clone)]
pub(super) struct Namespace {
    pub(super) name: String,
    pub(super) at: At,
}

/// A link to another draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// There is none.
    None,
    /// By its place in the list of drafts.
    Draft(usize),
    /// By `ref`, to be looked up.
    Named(String, At),
    /// It should be there, is not, and that is reported.
    Broken,
}

/// A field's value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) value: CellValue,
    /// The value, or the key when there is no value to point at.
    pub(super) span: Span,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum CellValue {
    Known(Value),
    /// A `!ref` that was not looked at yet.
    Unresolved(Target),
    /// A `!ref` that only the server can answer.
    Later(Target),
    /// Reported already.
    Faulty,
}

impl Draft {
    /// A draft of which nothing but the kind and the place is known.
    pub(super) fn new(kind: &'static Kind, at: At) -> Self {
        Self {
            kind,
            at,
            reference: None,
            parent: Link::None,
            tree_parent: Link::None,
            is_external: false,
            external: None,
            namespace: None,
            protected: None,
            fields: BTreeMap::new(),
            environment: Vec::new(),
            nested: Vec::new(),
            identity: String::new(),
        }
    }

    /// Its `ref` for messages.
    pub(super) fn name(&self) -> &str {
        self.reference.as_deref().unwrap_or("(no ref)")
    }

    /// A place in its file.
    pub(super) fn at(&self, span: Span) -> At {
        At {
            file: self.at.file,
            span,
        }
    }

    /// The place of a field, or of the resource when the field is not written out.
    pub(super) fn field_at(&self, field: &str) -> At {
        self.fields.get(field).map_or(self.at, |cell| self.at(cell.span))
    }

    /// The text of a field when it is known.
    pub(super) fn known_text(&self, field: &str) -> Option<&str> {
        match &self.fields.get(field)?.value {
            CellValue::Known(Value::String(text)) => Some(text),
            CellValue::Known(_) | CellValue::Unresolved(_) | CellValue::Later(_) | CellValue::Faulty => None,
        }
    }
}
