//! `!ref`: substituted where the configuration knows the value, kept where only the server does.

use std::collections::HashSet;

use enact_core::diagnostic::Diagnostic;
use serde_json::Value;

use super::budget::Budget;
use super::draft::{CellValue, Draft, Link};
use super::links::Names;
use super::shape;
use super::text::{At, Faults, shown};
use super::tree::Target;
use crate::desired::External;
use crate::resources::{Field, Kind, Shape};
use enact_core::yaml::suggest;

/// A field of a draft.
type Place = (usize, &'static str);

/// Resolves references among drafts.
pub(super) struct References<'a, 't> {
    pub(super) drafts: &'a mut [Draft],
    pub(super) names: &'a Names,
    pub(super) budget: &'a mut Budget,
    pub(super) faults: &'a mut Faults<'t>,
    /// Can `#name` fall back to a path yet? Paths need the slugs first.
    pub(super) paths_known: bool,
}

/// Where a reference leads.
enum Step {
    /// To the value of a field in the configuration.
    Field(Place),
    /// To a value at once.
    Value(Value),
    /// To the server.
    Later,
    /// To something that was reported already.
    Faulty,
}

impl References<'_, '_> {
    /// Resolves the fields that identities are made of.
    pub(super) fn resolve_identities(&mut self) {
        self.resolve_where(|draft, field| field == draft.kind.identity_field());
    }

    /// Resolves everything that is left.
    pub(super) fn resolve_all(&mut self) {
        self.resolve_where(|_, _| true);
    }

    fn resolve_where(&mut self, wanted: impl Fn(&Draft, &str) -> bool) {
        let mut places = Vec::new();
        for (index, draft) in self.drafts.iter().enumerate() {
            let unresolved = draft.fields.iter();
            let unresolved = unresolved.filter(|(_, cell)| matches!(cell.value, CellValue::Unresolved(_)));
            let fields = unresolved.map(|(name, _)| *name);
            places.extend(
                fields
                    .filter(|name| wanted(draft, name))
                    .map(|name| (index, name)),
            );
        }
        for place in places {
            self.follow(place);
        }
    }

    /// Follows a chain of references to its end and gives every field on it the value found there.
    fn follow(&mut self, start: Place) {
        let mut path = Vec::new();
        let mut on_path = HashSet::new();
        let mut place = start;
        let end = loop {
            let Some(target) = self.unresolved(place) else {
                break self.value(place);
            };
            if !on_path.insert(place) {
                self.report_cycle(&path, place);
                break CellValue::Faulty;
            }
            path.push(place);
            match self.step(place, &target) {
                Ok(Step::Field(next)) => place = next,
                Ok(Step::Value(value)) => break CellValue::Known(value),
                Ok(Step::Later) => break CellValue::Later(target),
                Ok(Step::Faulty) => break CellValue::Faulty,
                Err(fault) => {
                    if self.names.can_judge(&target.reference) {
                        self.faults.push(self.at(place), fault);
                    }
                    break CellValue::Faulty;
                }
            }
        };
        self.give(path, end);
    }

    fn give(&mut self, path: Vec<Place>, mut value: CellValue) {
        for place in path.into_iter().rev() {
            if let Err(fault) = self.check(place, &value) {
                self.faults.push(self.at(place), fault);
                value = CellValue::Faulty;
            }
            let cell = self.drafts.get_mut(place.0);
            if let Some(cell) = cell.and_then(|draft| draft.fields.get_mut(place.1)) {
                cell.value = value.clone();
            }
        }
    }

    fn check(&mut self, (index, name): Place, value: &CellValue) -> Result<(), Diagnostic> {
        let field = self.drafts.get(index).and_then(|draft| draft.kind.field(name));
        let Some(field) = field else { return Ok(()) };
        match value {
            CellValue::Known(value) => {
                let bytes = value.as_str().map_or(1, str::len);
                if !self.budget.take_bytes(bytes) {
                    let fault = "the texts that `!ref` repeats are too large together";
                    return Err(Diagnostic::error(fault).hint("split the set into several runs"));
                }
                let found = value
                    .as_str()
                    .map_or_else(|| value.to_string(), |text| format!("text {}", shown(text)));
                shape::check(field, value, &found)
                    .map_err(|fault| fault.hint("look at the field that `!ref` names"))
            }
            CellValue::Later(target) => self.check_later(field, target),
            CellValue::Unresolved(_) | CellValue::Faulty => Ok(()),
        }
    }

    /// The value is not known, its type is.
    fn check_later(&self, field: &Field, target: &Target) -> Result<(), Diagnostic> {
        let kind = self
            .names
            .get(&target.reference)
            .and_then(|index| self.drafts.get(index));
        let source = kind.and_then(|draft| draft.kind.field(&target.field));
        let gives_bool = source.is_some_and(|source| matches!(source.shape, Shape::Bool));
        if matches!(field.shape, Shape::Bool) == gives_bool {
            return Ok(());
        }
        let expected = shape::expected(&field.shape);
        let fault = format!(
            "`{}`: `{}` of `{}` is not {expected}",
            field.name, target.field, target.reference
        );
        Err(Diagnostic::error(fault).hint("refer to another field"))
    }

    fn step(&self, (from, _): Place, target: &Target) -> Result<Step, Diagnostic> {
        let found = self.names.get(&target.reference);
        let Some((index, draft)) = found.and_then(|index| Some((index, self.drafts.get(index)?))) else {
            return Err(self.unknown(target));
        };
        if index == from {
            let fault = format!("`{}` refers to itself", target.reference);
            return Err(Diagnostic::error(fault).hint("refer to another resource, or write the value out"));
        }
        if draft.is_external {
            return external_step(draft, target);
        }
        if target.field == "id" {
            return Ok(Step::Later);
        }
        let (name, rest) = match target.field.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (target.field.as_str(), None),
        };
        let Some(field) = draft.kind.field(name) else {
            return if target.field == "name" {
                self.path_of(draft, target)
            } else {
                Err(no_field(draft, target))
            };
        };
        match (rest, matches!(field.shape, Shape::Labels)) {
            (None, true) => Err(whole_labels(target)),
            (Some(_), false) => Err(no_field(draft, target)),
            (Some(label), true) => label_step(draft, field, label, target),
            (None, false) if draft.fields.contains_key(field.name) => Ok(Step::Field((index, field.name))),
            (None, false) => Ok(Step::Later),
        }
    }

    /// `#name` of a kind without one is its identity.
    fn path_of(&self, draft: &Draft, target: &Target) -> Result<Step, Diagnostic> {
        if !self.paths_known {
            let fault = format!(
                "the path of `{}` cannot be part of a path or name",
                target.reference
            );
            return Err(Diagnostic::error(fault).hint("write the value out"));
        }
        if draft.identity.is_empty() {
            return Ok(Step::Faulty);
        }
        Ok(Step::Value(Value::String(draft.identity.clone())))
    }

    fn unknown(&self, target: &Target) -> Diagnostic {
        let fault = format!("there is no resource with the ref {}", shown(&target.reference));
        let fault = Diagnostic::error(fault);
        match self.names.nearest(&target.reference, self.drafts, |_| true) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => {
                fault.hint("add it, declare it with `_external` if others manage it, or write the value out")
            }
        }
    }

    fn report_cycle(&mut self, path: &[Place], again: Place) {
        let cycle = path.iter().skip_while(|place| **place != again).chain([&again]);
        let name = |(index, field): &Place| {
            let draft = self.drafts.get(*index).map_or("?", Draft::name);
            format!("{draft}#{field}")
        };
        let names: Vec<String> = cycle.map(name).collect();
        let fault = format!("references form a cycle: `{}`", names.join(" → "));
        self.faults.push(
            self.at(again),
            Diagnostic::error(fault).hint("write one of the values out"),
        );
    }

    fn unresolved(&self, (index, field): Place) -> Option<Target> {
        match &self.drafts.get(index)?.fields.get(field)?.value {
            CellValue::Unresolved(target) => Some(target.clone()),
            CellValue::Known(_) | CellValue::Later(_) | CellValue::Faulty => None,
        }
    }

    fn value(&self, (index, field): Place) -> CellValue {
        let cell = self.drafts.get(index).and_then(|draft| draft.fields.get(field));
        cell.map_or(CellValue::Faulty, |cell| cell.value.clone())
    }

    fn at(&self, (index, field): Place) -> At {
        self.drafts
            .get(index)
            .map_or_else(At::default, |draft| draft.field_at(field))
    }
}

fn external_step(draft: &Draft, target: &Target) -> Result<Step, Diagnostic> {
    let known = match &draft.external {
        None => return Ok(Step::Faulty),
        Some(External::Id(id)) => (target.field == "id").then_some(id),
        Some(External::Fields(fields)) => fields.get(&target.field),
    };
    if let Some(text) = known {
        return Ok(Step::Value(Value::String(text.clone())));
    }
    let name = target.field.split('.').next().unwrap_or_default();
    if target.field == "id" || draft.kind.field(name).is_some() {
        return Ok(Step::Later);
    }
    Err(no_field(draft, target))
}

fn label_step(draft: &Draft, field: &Field, label: &str, target: &Target) -> Result<Step, Diagnostic> {
    match draft.fields.get(field.name).map(|cell| &cell.value) {
        None => Ok(Step::Later),
        Some(CellValue::Known(Value::Object(labels))) => match labels.get(label) {
            Some(value) => Ok(Step::Value(value.clone())),
            None => {
                let fault = format!("`{}` has no label {}", target.reference, shown(label));
                Err(Diagnostic::error(fault).hint("add it there, or write the value out"))
            }
        },
        Some(_) => Ok(Step::Faulty),
    }
}

fn whole_labels(target: &Target) -> Diagnostic {
    let fault = format!(
        "`{}` of `{}` is a mapping, not a single value",
        target.field, target.reference
    );
    Diagnostic::error(fault).hint(format!(
        "name one of its keys: `!ref {}#{}.key`",
        target.reference, target.field
    ))
}

fn no_field(draft: &Draft, target: &Target) -> Diagnostic {
    let kind: &'static Kind = draft.kind;
    let fault = format!(
        "a {} has no field {} to refer to",
        kind.name,
        shown(&target.field)
    );
    let known: Vec<&str> = kind.fields.iter().map(|field| field.name).chain(["id"]).collect();
    Diagnostic::error(fault).hint(suggest::hint(&target.field, known))
}

/// Reports resources that need each other before either can exist.
pub(super) fn check_order(drafts: &[Draft], names: &Names, faults: &mut Faults<'_>) {
    let mut done = vec![false; drafts.len()];
    let mut on_path = vec![false; drafts.len()];
    for start in 0..drafts.len() {
        // An explicit stack of (draft, the needs not looked at yet).
        let mut stack = Vec::new();
        if done.get(start) == Some(&false) {
            stack.push((start, needs(drafts, start, names)));
        }
        while let Some((index, left)) = stack.last_mut() {
            let index = *index;
            let next = left.pop();
            set(&mut on_path, index, true);
            let Some(next) = next else {
                set(&mut on_path, index, false);
                set(&mut done, index, true);
                stack.pop();
                continue;
            };
            if on_path.get(next) == Some(&true) {
                let cycle = stack
                    .iter()
                    .map(|(index, _)| *index)
                    .skip_while(|index| *index != next);
                report_order(drafts, cycle.chain([next]).collect(), faults);
            } else if done.get(next) == Some(&false) {
                let needs = needs(drafts, next, names);
                stack.push((next, needs));
            }
        }
    }
}

fn set(list: &mut [bool], index: usize, value: bool) {
    if let Some(slot) = list.get_mut(index) {
        *slot = value;
    }
}

/// The drafts that must exist before this one can.
fn needs(drafts: &[Draft], index: usize, names: &Names) -> Vec<usize> {
    let Some(draft) = drafts.get(index) else {
        return Vec::new();
    };
    let later = draft.fields.values().filter_map(|cell| match &cell.value {
        CellValue::Later(target) => names.get(&target.reference),
        CellValue::Known(_) | CellValue::Unresolved(_) | CellValue::Faulty => None,
    });
    let parent = match draft.parent {
        Link::Draft(parent) => Some(parent),
        Link::None | Link::Named(..) | Link::Broken => None,
    };
    // Cycles among tree parents are reported with the paths.
    parent.into_iter().chain(later).collect()
}

fn report_order(drafts: &[Draft], cycle: Vec<usize>, faults: &mut Faults<'_>) {
    let drafts: Vec<&Draft> = cycle.into_iter().filter_map(|index| drafts.get(index)).collect();
    let Some(first) = drafts.first() else { return };
    let names: Vec<&str> = drafts.iter().map(|draft| draft.name()).collect();
    let fault = format!("resources need each other: `{}`", names.join(" → "));
    let fault = Diagnostic::error(fault).detail("each would have to exist before the other");
    faults.push(first.at, fault.hint("write one of the values out"));
}
