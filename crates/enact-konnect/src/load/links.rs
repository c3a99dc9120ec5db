//! Who is who: `ref`s are unique, children find their parents, pages their place in the tree.

use std::cell::Cell;
use std::collections::HashMap;

use enact_core::diagnostic::Diagnostic;

use super::draft::{Draft, Link};
use super::text::{At, Faults, shown};
use enact_core::yaml::suggest;

/// How many unknown names get a suggestion, and among how many candidates: a file full of typos stays fast.
const SUGGESTIONS: usize = 50;
const CANDIDATES: usize = 10_000;

/// The drafts by their `ref`.
pub(super) struct Names {
    by_reference: HashMap<String, usize>,
    suggestions: Cell<usize>,
    /// Were all inputs read? If not, what seems missing may stand in the rest.
    whole: bool,
}

impl Names {
    /// Indexes the drafts and reports every `ref` that is used twice.
    pub(super) fn new(drafts: &[Draft], whole: bool, faults: &mut Faults<'_>) -> Self {
        let mut by_reference: HashMap<String, usize> = HashMap::with_capacity(drafts.len());
        for (index, draft) in drafts.iter().enumerate() {
            let Some(reference) = &draft.reference else {
                continue;
            };
            if let Some(earlier) = by_reference.get(reference).and_then(|index| drafts.get(*index)) {
                faults.push(draft.at, repeated(reference, earlier, faults));
            } else {
                by_reference.insert(reference.clone(), index);
            }
        }
        Self {
            by_reference,
            suggestions: Cell::new(SUGGESTIONS),
            whole,
        }
    }

    /// Where the draft with that `ref` is.
    pub(super) fn get(&self, reference: &str) -> Option<usize> {
        self.by_reference.get(reference).copied()
    }

    /// Can one say of this `ref` that it is missing or wrong?
    pub(super) fn can_judge(&self, reference: &str) -> bool {
        self.whole || self.get(reference).is_some()
    }

    /// The nearest `ref` among those drafts that `fits` allows.
    pub(super) fn nearest(
        &self,
        word: &str,
        drafts: &[Draft],
        fits: impl Fn(&Draft) -> bool,
    ) -> Option<String> {
        let left = self.suggestions.get().checked_sub(1)?;
        self.suggestions.set(left);
        let candidates = drafts.iter().filter(|draft| fits(draft)).take(CANDIDATES);
        let candidates = candidates.filter_map(|draft| draft.reference.as_deref());
        suggest::nearest(word, candidates).map(ToOwned::to_owned)
    }
}

fn repeated(reference: &str, earlier: &Draft, faults: &Faults<'_>) -> Diagnostic {
    let place = faults.locate(earlier.at);
    Diagnostic::error(format!("the ref {} is used twice", shown(reference)))
        .detail(format!("a {} has it at {place}", earlier.kind.name))
        .hint("refs are unique across all kinds and files: rename one")
}

/// Turns named parents into drafts.
pub(super) fn resolve_parents(drafts: &mut [Draft], names: &Names, faults: &mut Faults<'_>) {
    for index in 0..drafts.len() {
        let Some(draft) = drafts.get(index) else { continue };
        let Link::Named(reference, at) = &draft.parent else {
            continue;
        };
        let found = find_parent(draft, reference, drafts, names);
        let link = found.map_or_else(
            |fault| {
                // Pages nested below one that was reported already repeat its parent.
                if !matches!(draft.tree_parent, Link::Draft(_)) && names.can_judge(reference) {
                    faults.push(*at, fault);
                }
                Link::Broken
            },
            Link::Draft,
        );
        if let Some(draft) = drafts.get_mut(index) {
            draft.parent = link;
        }
    }
}

fn find_parent(draft: &Draft, reference: &str, drafts: &[Draft], names: &Names) -> Result<usize, Diagnostic> {
    let wanted = draft.kind.parent().map_or("", |link| link.kind);
    let Some(index) = names.get(reference) else {
        let fault = Diagnostic::error(format!("there is no {wanted} with the ref {}", shown(reference)));
        let near = names.nearest(reference, drafts, |draft| draft.kind.name == wanted);
        let add = format!("add that {wanted}, or declare it with `_external` if others manage it");
        return Err(match near {
            Some(near) => fault.hint(format!("did you mean `{near}`? if not, {add}")),
            None => fault.hint(add),
        });
    };
    match drafts.get(index) {
        Some(parent) if parent.kind.name == wanted => Ok(index),
        other => Err(wrong_kind(reference, other, wanted)),
    }
}

/// Turns named tree parents into drafts; a tree parent stands under the same parent.
pub(super) fn resolve_tree_parents(drafts: &mut [Draft], names: &Names, faults: &mut Faults<'_>) {
    for index in 0..drafts.len() {
        let Some(draft) = drafts.get(index) else { continue };
        let Link::Named(reference, at) = &draft.tree_parent else {
            continue;
        };
        let link = match find_tree_parent(draft, reference, drafts, names) {
            Ok(parent) => Link::Draft(parent),
            Err(fault) => {
                if names.can_judge(reference) {
                    faults.push(*at, fault);
                }
                Link::Broken
            }
        };
        if let Some(draft) = drafts.get_mut(index) {
            draft.tree_parent = link;
        }
    }
}

fn find_tree_parent(
    draft: &Draft,
    reference: &str,
    drafts: &[Draft],
    names: &Names,
) -> Result<usize, Diagnostic> {
    let kind = draft.kind;
    let found = names
        .get(reference)
        .and_then(|index| Some((index, drafts.get(index)?)));
    let Some((index, parent)) = found else {
        let fault = Diagnostic::error(format!(
            "there is no {} with the ref {}",
            kind.name,
            shown(reference)
        ));
        let near = names.nearest(reference, drafts, |other| {
            other.kind == kind && other.parent == draft.parent
        });
        return Err(match near {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint("add it, or remove the key to make this one a root"),
        });
    };
    if parent.kind != kind {
        return Err(wrong_kind(reference, Some(parent), kind.name));
    }
    let broken = draft.parent == Link::Broken || parent.parent == Link::Broken;
    if parent.parent != draft.parent && !broken {
        let owner = kind.parent().map_or("parent", |link| link.kind);
        let fault = format!(
            "{} `{}` and its tree parent `{reference}` belong to different {owner}s",
            kind.name,
            draft.name()
        );
        return Err(Diagnostic::error(fault).hint(format!("both must stand under the same {owner}")));
    }
    Ok(index)
}

fn wrong_kind(reference: &str, found: Option<&Draft>, wanted: &str) -> Diagnostic {
    let found = found.map_or("something else", |draft| draft.kind.name);
    Diagnostic::error(format!("{} is a {found}, expected a {wanted}", shown(reference)))
        .hint(format!("write the ref of a {wanted}"))
}

/// Reports objects that Konnect could not tell apart.
pub(super) fn check_unique(drafts: &[Draft], faults: &mut Faults<'_>) {
    let mut seen: HashMap<(&str, Option<usize>, &str), At> = HashMap::with_capacity(drafts.len());
    for draft in drafts
        .iter()
        .filter(|draft| !draft.is_external && !draft.identity.is_empty())
    {
        let parent = match draft.parent {
            Link::None => None,
            Link::Draft(index) => Some(index),
            Link::Named(..) | Link::Broken => continue,
        };
        let field = draft.kind.identity_field();
        let at = draft.field_at(field);
        let key = (draft.kind.name, parent, draft.identity.as_str());
        if let Some(earlier) = seen.get(&key) {
            let fault = format!(
                "two {}s have the {field} {}",
                draft.kind.name,
                shown(&draft.identity)
            );
            let place = faults.locate(*earlier);
            let fault = Diagnostic::error(fault).detail(format!("the other is at {place}"));
            let within = if parent.is_none() {
                "in the whole set"
            } else {
                "under its parent"
            };
            faults.push(
                at,
                fault.hint(format!("it is unique {within}: change one, or remove it")),
            );
        } else {
            seen.insert(key, at);
        }
    }
}
