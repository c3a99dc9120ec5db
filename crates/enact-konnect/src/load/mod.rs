//! YAML files to [`Desired`].
//!
//! The line through this module: `source` and `files` (reading, the only effects), `parse` (events to a `tree` with
//! places, within a `budget`), `tags` (`!file`, `!env`, `!ref`), `document` and `flatten` (keys and nesting to flat
//! drafts), `fields` with `shape`, `labels` and `frontmatter` (values), `links`, `references` and `identity` (who is
//! who), `scope` (namespaces, what a `sync` may delete). Every fault is collected in `text::Faults`; none stops the
//! line before the end.

#![expect(
    clippy::result_large_err,
    reason = "a fault ends in the collector a few frames up, off the hot path; boxing each would only add noise"
)]

mod attachment;
mod budget;
mod digest;
mod document;
mod draft;
mod fields;
mod files;
mod flatten;
mod frontmatter;
mod identity;
mod labels;
mod links;
mod references;
mod scope;
mod shape;
mod source;
mod tags;
#[cfg(test)]
mod tests;
mod text;
mod tree;

use std::collections::BTreeSet;
use std::path::PathBuf;

use enact_core::diagnostic::Diagnostic;

pub use self::budget::Limits;
pub use self::identity::tree_path;
pub use self::source::{Source, sources};
pub use self::tags::environment_digest;

use self::budget::Budget;
use self::document::{Document, Documents, Ownership};
use self::draft::{CellValue, Draft, Link};
use self::files::Files;
use self::links::Names;
use self::references::References;
use self::tags::Tags;
use self::text::{Faults, Text};
use crate::desired::{Desired, DesiredResource, FieldValue};
use crate::resources::{KINDS, Kinds};

/// How to load.
#[derive(Clone)]
pub struct LoadOptions {
    /// Enter sub-directories of the directories named.
    pub recursive: bool,
    /// The directory that `!file` must not leave; by default the directory of the file or the directory named.
    pub base_dir: Option<PathBuf>,
    /// The kinds to manage.
    pub kinds: Kinds,
    /// Bounds on what one load may take.
    pub limits: Limits,
    /// Refuse managed resources without an explicit or file-default namespace.
    pub require_any_namespace: bool,
    /// Refuse namespaces other than these; empty allows all.
    pub require_namespaces: BTreeSet<String>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            recursive: false,
            base_dir: None,
            kinds: KINDS,
            limits: Limits::default(),
            require_any_namespace: false,
            require_namespaces: BTreeSet::new(),
        }
    }
}

/// Where `!env` looks; the library never reads the process environment itself.
pub trait Environment {
    /// The value of a variable; `None` when it is not set.
    fn get(&self, name: &str) -> Option<String>;
}

/// Reads, checks and flattens a configuration.
///
/// # Errors
/// Every error found, and the warnings beside them, sorted by file and position.
pub fn load(
    sources: &[Source],
    options: &LoadOptions,
    environment: &dyn Environment,
) -> Result<Desired, Vec<Diagnostic>> {
    let mut budget = options.limits.budget();
    let mut files = Files::new(options);
    let inputs = files.inputs(sources, &mut budget);
    let mut faults = Faults::new(&inputs.texts, inputs.faults);
    let mut documents = Documents::default();
    let mut whole = faults.is_empty();
    for (file, text) in inputs.texts.iter().enumerate() {
        let mut reader = Reader {
            options,
            environment,
            files: &mut files,
            budget: &mut budget,
            faults: &mut faults,
        };
        whole &= reader.read(file, text, &mut documents);
    }
    let names = Names::new(&documents.drafts, whole, &mut faults);
    connect(
        &mut documents.drafts,
        &names,
        &options.limits,
        &mut budget,
        &mut faults,
    );
    scope::guard(&documents, options, &mut faults);
    let desired = build(&documents, options.kinds, &faults);
    let (mut errors, warnings) = faults.finish();
    if errors.is_empty() {
        return Ok(Desired {
            config_hash: files.digest(),
            warnings,
            ..desired
        });
    }
    errors.extend(warnings);
    Err(errors)
}

/// Takes one text through parsing, tags and flattening.
struct Reader<'a, 'o, 't> {
    options: &'o LoadOptions,
    environment: &'a dyn Environment,
    files: &'a mut Files<'o>,
    budget: &'a mut Budget,
    faults: &'a mut Faults<'t>,
}

impl<'t> Reader<'_, '_, 't> {
    /// Returns whether the text could be read as YAML to its end.
    fn read(&mut self, file: usize, text: &'t Text, documents: &mut Documents) -> bool {
        let nesting = self.options.limits.nesting;
        let (root, found) = enact_core::yaml::parse(&text.body, nesting, self.budget);
        let whole = found.is_empty();
        for (span, fault) in found {
            self.faults.push(text::At { file, span }, fault);
        }
        let Some(mut root) = root else { return whole };
        let files = &mut *self.files;
        let mut tags = Tags {
            attach: &mut |path| files.attach(text, path),
            environment: self.environment,
            budget: self.budget,
            faults: self.faults,
            file,
            nesting,
        };
        tags.resolve(&mut root);
        let mut document = Document {
            kinds: self.options.kinds,
            file,
            defaults: Ownership::default(),
            documents,
            faults: self.faults,
        };
        document.read(root);
        whole
    }
}

/// Finds out who is who.
fn connect(
    drafts: &mut [Draft],
    names: &Names,
    limits: &Limits,
    budget: &mut Budget,
    faults: &mut Faults<'_>,
) {
    links::resolve_parents(drafts, names, faults);
    links::resolve_tree_parents(drafts, names, faults);
    let mut references = References {
        drafts,
        names,
        budget,
        faults,
        paths_known: false,
    };
    references.resolve_identities();
    identity::fill(
        references.drafts,
        limits.nesting,
        references.budget,
        references.faults,
    );
    references.paths_known = true;
    references.resolve_all();
    links::check_unique(drafts, faults);
    references::check_order(drafts, names, faults);
}

/// The result, in its lasting order. What is faulty is left out: the caller refuses it anyway.
fn build(documents: &Documents, kinds: Kinds, faults: &Faults<'_>) -> Desired {
    let drafts = &documents.drafts;
    let mut resources: Vec<DesiredResource> = drafts
        .iter()
        .map(|draft| finished(drafts, draft, faults))
        .collect();
    resources.sort_by_cached_key(|resource| {
        (
            kinds.rank(resource.kind.name),
            resource.namespace.clone(),
            resource.parent.clone(),
            resource.identity.clone(),
            resource.reference.clone(),
        )
    });
    Desired {
        resources,
        scope: scope::scope(documents),
        namespaces: scope::namespaces(documents),
        ..Desired::default()
    }
}

fn finished(drafts: &[Draft], draft: &Draft, faults: &Faults<'_>) -> DesiredResource {
    let named = |link: &Link| match link {
        Link::Draft(index) => drafts.get(*index).map(|draft| draft.name().to_owned()),
        Link::None | Link::Named(..) | Link::Broken => None,
    };
    let value = |value: &CellValue| match value {
        CellValue::Known(value) => Some(FieldValue::Known(value.clone())),
        CellValue::Later(target) => Some(FieldValue::Reference {
            target: target.reference.clone(),
            field: target.field.clone(),
        }),
        CellValue::Unresolved(_) | CellValue::Faulty => None,
    };
    let fields = draft.fields.iter();
    DesiredResource {
        kind: draft.kind,
        reference: draft.name().to_owned(),
        identity: draft.identity.clone(),
        namespace: scope::namespace(drafts, draft),
        protected: draft.protected,
        fields: fields
            .filter_map(|(name, cell)| Some((*name, value(&cell.value)?)))
            .collect(),
        parent: named(&draft.parent),
        tree_parent: named(&draft.tree_parent),
        external: draft.external.clone(),
        environment: draft.environment.clone(),
        place: faults.bare_place(draft.at),
    }
}
