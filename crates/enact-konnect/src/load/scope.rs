//! Namespaces and their guards, and what a `sync` may delete.

use std::collections::BTreeSet;

use enact_core::diagnostic::Diagnostic;

use super::LoadOptions;
use super::document::Documents;
use super::draft::{Draft, Link, Namespace};
use super::text::{Faults, shown};
use crate::desired::Scope;

/// The namespace of what nobody put into one.
const DEFAULT: &str = "default";

/// The namespace a top-level resource belongs to; children follow their parent, externals have none.
pub(super) fn namespace(drafts: &[Draft], draft: &Draft) -> Option<String> {
    let owner = match draft.parent {
        Link::None => draft,
        Link::Draft(parent) => drafts.get(parent)?,
        Link::Named(..) | Link::Broken => return None,
    };
    let named = owner.namespace.as_ref().map(|namespace| namespace.name.as_str());
    (!owner.is_external).then(|| named.unwrap_or(DEFAULT).to_owned())
}

/// Every namespace in play.
pub(super) fn namespaces(documents: &Documents) -> BTreeSet<String> {
    let drafts = &documents.drafts;
    let managed = drafts.iter().filter_map(|draft| namespace(drafts, draft));
    let named = documents
        .default_namespaces
        .iter()
        .map(|namespace| namespace.name.clone());
    managed.chain(named).collect()
}

/// Applies the guards of the options.
pub(super) fn guard(documents: &Documents, options: &LoadOptions, faults: &mut Faults<'_>) {
    let required = &options.require_namespaces;
    if options.require_any_namespace && !required.is_empty() {
        let fault = "`--require-any-namespace` and `--require-namespace` exclude each other";
        faults.push_bare(Diagnostic::error(fault).hint("keep one of them"));
        return;
    }
    let owners = documents.drafts.iter();
    for draft in owners.filter(|draft| draft.kind.parent().is_none() && !draft.is_external) {
        match &draft.namespace {
            Some(namespace) => check_allowed(namespace, required, faults),
            None if options.require_any_namespace => {
                let fault = format!("{} `{}` names no namespace", draft.kind.name, draft.name());
                let hint = "set `kongctl.namespace` on it, or `_defaults.kongctl.namespace` for the file";
                faults.push(draft.at, Diagnostic::error(fault).hint(hint));
            }
            None if !required.is_empty() && !required.contains(DEFAULT) => {
                let fault = format!(
                    "{} `{}` falls into the namespace `{DEFAULT}`",
                    draft.kind.name,
                    draft.name()
                );
                faults.push(draft.at, not_allowed(fault, required));
            }
            None => {}
        }
    }
    // A `sync` looks into these too, even when nothing here uses them.
    let used: BTreeSet<_> = documents
        .drafts
        .iter()
        .filter_map(|draft| Some(draft.namespace.as_ref()?.at))
        .map(key)
        .collect();
    let unused = documents.default_namespaces.iter();
    for namespace in unused.filter(|namespace| !used.contains(&key(namespace.at))) {
        check_allowed(namespace, required, faults);
    }
}

fn key(at: super::text::At) -> (usize, u32, u32) {
    (at.file, at.span.line, at.span.column)
}

fn check_allowed(namespace: &Namespace, required: &BTreeSet<String>, faults: &mut Faults<'_>) {
    if !required.is_empty() && !required.contains(&namespace.name) {
        let fault = format!(
            "the namespace {} is not allowed in this run",
            shown(&namespace.name)
        );
        faults.push(namespace.at, not_allowed(fault, required));
    }
}

fn not_allowed(fault: String, required: &BTreeSet<String>) -> Diagnostic {
    let allowed: Vec<String> = required.iter().map(|name| format!("`{name}`")).collect();
    Diagnostic::error(fault)
        .detail(format!("`--require-namespace` allows {}", allowed.join(", ")))
        .hint("use one of these, or change the flag")
}

/// What a `sync` may delete: by the presence of keys.
pub(super) fn scope(documents: &Documents) -> Scope {
    let drafts = &documents.drafts;
    let mut scope = Scope {
        roots: documents.roots.clone(),
        children: BTreeSet::new(),
    };
    for draft in drafts {
        if let (false, Some(reference)) = (draft.is_external, &draft.reference) {
            let nested = draft.nested.iter().map(|kind| (reference.clone(), *kind));
            scope.children.extend(nested);
        }
        let Link::Draft(parent) = draft.parent else {
            continue;
        };
        let Some(parent) = drafts.get(parent).filter(|parent| !parent.is_external) else {
            continue;
        };
        if let Some(reference) = &parent.reference {
            scope.children.insert((reference.clone(), draft.kind.name));
        }
    }
    scope
}
