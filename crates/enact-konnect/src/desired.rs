//! What the user wants: the loader's result, the planner's first input. A value, free of files and positions' sources.

use std::collections::{BTreeMap, BTreeSet};

use enact_core::diagnostic::{Diagnostic, Place};
use serde_json::Value;

use crate::resources::Kind;

/// Everything that was read, checked and flattened; sorted by kind rank, namespace, parent and identity.
#[derive(Debug, Default)]
pub struct Desired {
    /// The resources, children as entries of their own.
    pub resources: Vec<DesiredResource>,
    /// What a `sync` may delete.
    pub scope: Scope,
    /// Namespaces in play: of the managed resources, and those that only `_defaults` names.
    pub namespaces: BTreeSet<String>,
    /// `sha256:…` over the inputs in the order they were read (file name and content, files pulled in by `!file` too).
    pub config_hash: String,
    /// Faults that do not stop the line.
    pub warnings: Vec<Diagnostic>,
}

/// One resource as configured, after tags, defaults and references were dealt with.
#[derive(Debug, Clone)]
pub struct DesiredResource {
    /// Its kind.
    pub kind: &'static Kind,
    /// Its `ref`.
    pub reference: String,
    /// What tells it from its siblings: the name, or the slug path `guides/first-call` (the root page `/` is `/`).
    pub identity: String,
    /// The namespace it belongs to: its own for a top-level kind, its parent's for a child; `None` when external.
    pub namespace: Option<String>,
    /// `kongctl.protected` as written on it or in `_defaults`; `None` when nobody said: then protection stays as it is.
    pub protected: Option<bool>,
    /// The configured fields only, API names. Labels are a map without `KONGCTL-` keys.
    pub fields: BTreeMap<&'static str, FieldValue>,
    /// The parent's `ref`, for children.
    pub parent: Option<String>,
    /// The tree parent's `ref`, for kinds that form a tree.
    pub tree_parent: Option<String>,
    /// How to find it when it is `_external`: never written, only its children.
    pub external: Option<External>,
    /// Values that were read from the environment and frozen in.
    pub environment: Vec<EnvironmentUse>,
    /// Where it stands in the files.
    pub place: Place,
}

/// A configured value.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue {
    /// Known when loading.
    Known(Value),
    /// The field of another resource that only the server knows (its `id`): `!ref harbor#id`.
    Reference {
        /// The other resource's `ref`.
        target: String,
        /// Its field.
        field: String,
    },
}

/// How an `_external` object is found. Exactly one object must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum External {
    /// By id.
    Id(String),
    /// By field values.
    Fields(BTreeMap<String, String>),
}

/// A value that came from the environment: another value at run time is drift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentUse {
    /// The field it went into.
    pub field: String,
    /// The variable, and the path extracted from it: `VAR` or `VAR#a.b`.
    pub variable: String,
    /// `sha256:…` of the extracted text.
    pub digest: String,
}

/// What a `sync` may delete, by the keys that are present in the files.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Top-level kinds whose collection key is present (even as `[]`).
    pub roots: BTreeSet<&'static str>,
    /// `(parent ref, child kind)` whose collection key is present under that parent, or that root children name.
    pub children: BTreeSet<(String, &'static str)>,
}
