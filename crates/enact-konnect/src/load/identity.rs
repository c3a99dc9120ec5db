//! What tells an object from its siblings: its name, or its path in a tree.

use enact_core::diagnostic::Diagnostic;

use super::budget::Budget;
use super::draft::{CellValue, Draft, Link};
use super::text::{Faults, shown};
use crate::desired::External;

/// The path of a tree object from the path of its tree parent and its own slug.
///
/// A leading `/` of the slug is ignored; the root page `/` stays `/`, and what stands below it begins with `/`, so
/// that it is not mistaken for a root object of the same slug.
pub fn tree_path(parent: Option<&str>, slug: &str) -> String {
    let step = slug.strip_prefix('/').unwrap_or(slug);
    match parent {
        None if step.is_empty() => "/".to_owned(),
        None => step.to_owned(),
        Some("/") => format!("/{step}"),
        Some(parent) => format!("{parent}/{step}"),
    }
}

/// Fills the identity of every draft, as far as it is sound.
pub(super) fn fill(drafts: &mut [Draft], depth: usize, budget: &mut Budget, faults: &mut Faults<'_>) {
    for draft in drafts.iter_mut() {
        check_known(draft, faults);
        if draft.is_external {
            draft.identity = external_name(draft);
        } else if draft.kind.tree().is_none() {
            let name = draft.known_text(draft.kind.identity_field());
            draft.identity = name.unwrap_or_default().to_owned();
        }
    }
    let mut trees = Trees {
        states: vec![State::New; drafts.len()],
        drafts,
        depth,
    };
    for index in 0..trees.drafts.len() {
        trees.walk(index, budget, faults);
    }
}

fn check_known(draft: &Draft, faults: &mut Faults<'_>) {
    let name = draft.kind.identity_field();
    if let Some(CellValue::Later(target)) = draft.fields.get(name).map(|cell| &cell.value) {
        let fault = format!(
            "`{name}` of {} `{}` must be known when loading",
            draft.kind.name,
            draft.name()
        );
        let detail = format!("only Konnect knows `{}` of `{}`", target.field, target.reference);
        let fault = Diagnostic::error(fault).detail(detail);
        faults.push(draft.field_at(name), fault.hint("write the value out"));
    }
}

fn external_name(draft: &Draft) -> String {
    let by_name = match &draft.external {
        Some(External::Fields(fields)) => fields.get(draft.kind.identity_field()),
        Some(External::Id(_)) | None => None,
    };
    by_name.map_or(draft.name(), String::as_str).to_owned()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    OnPath,
    /// Settled, with its depth in the tree; `None` when it cannot have a path.
    Done(Option<usize>),
}

/// Walks up trees without recursion: chains of `parent_page_ref` can be long.
struct Trees<'d> {
    drafts: &'d mut [Draft],
    states: Vec<State>,
    depth: usize,
}

impl Trees<'_> {
    fn walk(&mut self, start: usize, budget: &mut Budget, faults: &mut Faults<'_>) {
        if self
            .drafts
            .get(start)
            .is_none_or(|draft| draft.kind.tree().is_none())
        {
            return;
        }
        let mut path = Vec::new();
        let mut next = Some(start);
        while let Some(index) = next {
            match self.states.get(index).copied() {
                Some(State::New) => {}
                Some(State::OnPath) => {
                    self.report_cycle(&path, index, faults);
                    break;
                }
                Some(State::Done(_)) | None => break,
            }
            self.set(index, State::OnPath);
            path.push(index);
            next = self.parent_of(index);
        }
        while let Some(index) = path.pop() {
            let depth = self.settle(index, budget, faults);
            self.set(index, State::Done(depth));
        }
    }

    /// Gives one draft its path; its tree parent is settled already, unless the two are in a cycle.
    fn settle(&mut self, index: usize, budget: &mut Budget, faults: &mut Faults<'_>) -> Option<usize> {
        let draft = self.drafts.get(index)?;
        let field = draft.kind.identity_field();
        let slug = draft.known_text(field)?;
        let (depth, path) = match draft.tree_parent {
            Link::None => (1, tree_path(None, slug)),
            Link::Draft(parent) => {
                let State::Done(Some(depth)) = self.states.get(parent)? else {
                    return None;
                };
                if slug.starts_with('/') {
                    faults.push(draft.field_at(field), leading_slash(field, slug));
                    return None;
                }
                let parent = self.drafts.get(parent)?;
                (depth + 1, tree_path(Some(&parent.identity), slug))
            }
            Link::Named(..) | Link::Broken => return None,
        };
        if depth > self.depth {
            // One fault at the first step too deep; everything below it has no path either.
            let fault = format!("the tree is deeper than {} levels here", self.depth);
            faults.push(draft.at, Diagnostic::error(fault).hint("flatten the tree"));
            return None;
        }
        if !budget.take_bytes(path.len()) {
            let fault = Diagnostic::error("the paths of this tree are too long together");
            faults.push(draft.at, fault.hint("flatten the tree, or use shorter slugs"));
            return None;
        }
        self.drafts.get_mut(index)?.identity = path;
        Some(depth)
    }

    fn report_cycle(&self, path: &[usize], again: usize, faults: &mut Faults<'_>) {
        let cycle = path.iter().skip_while(|index| **index != again).chain([&again]);
        let drafts: Vec<&Draft> = cycle.filter_map(|index| self.drafts.get(*index)).collect();
        let Some(first) = drafts.first() else { return };
        let names: Vec<&str> = drafts.iter().map(|draft| draft.name()).collect();
        let fault = format!("{}s form a cycle: `{}`", first.kind.name, names.join(" → "));
        faults.push(first.at, Diagnostic::error(fault).hint("make one of them a root"));
    }

    fn parent_of(&self, index: usize) -> Option<usize> {
        match self.drafts.get(index)?.tree_parent {
            Link::Draft(parent) => Some(parent),
            Link::None | Link::Named(..) | Link::Broken => None,
        }
    }

    fn set(&mut self, index: usize, state: State) {
        if let Some(slot) = self.states.get_mut(index) {
            *slot = state;
        }
    }
}

fn leading_slash(field: &str, slug: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "`{field}` {} begins with `/` below another object",
        shown(slug)
    ))
    .detail("only a root object's may")
    .hint("remove the `/`; the path follows from the tree")
}

#[cfg(test)]
mod tests {
    use super::tree_path;

    #[test]
    fn paths_join_slugs() {
        assert_eq!(tree_path(None, "/"), "/");
        assert_eq!(tree_path(None, "/guides"), "guides");
        assert_eq!(tree_path(Some("guides"), "first-call"), "guides/first-call");
        assert_eq!(tree_path(Some("/"), "guides"), "/guides");
    }
}
