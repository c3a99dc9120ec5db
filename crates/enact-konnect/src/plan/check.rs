//! What every change of a Konnect plan must be checked for before its effect, whoever wrote the plan's file: the planner
//! always says so, and a file that does not say so was not made by it.

use enact_core::change::{Action, Change, Precondition};
use enact_core::check::PlanFault;
use enact_core::diagnostic::Severity;

use crate::resources::{Kind, Kinds};

/// Every one of these changes that would run without a check it needs, in their order. In a runbook's plan the caller leaves
/// out the steps, which are not Konnect's.
pub fn unguarded<'a>(changes: impl IntoIterator<Item = &'a Change>, kinds: Kinds) -> Vec<PlanFault> {
    changes
        .into_iter()
        .filter(|change| !change.blocked)
        .filter_map(|change| {
            let message = match kinds.get(&change.resource_type) {
                Some(kind) => missing(kind, change)?.to_owned(),
                None => format!("{:?} is not a kind that enact manages", change.resource_type),
            };
            Some(PlanFault {
                severity: Severity::Error,
                change_id: Some(change.change_id.clone()),
                message,
            })
        })
        .collect()
}

/// The first check that a change lacks.
fn missing(kind: &Kind, change: &Change) -> Option<&'static str> {
    let holds = |test: &dyn Fn(&Precondition) -> bool| change.preconditions.iter().any(test);
    match change.action {
        Action::Create => {
            let free = |precondition: &Precondition| matches!(precondition, Precondition::Absent { name } if *name == change.resource_name);
            (!holds(&free)).then_some("it lacks the check that its name is free")
        }
        Action::Update | Action::Delete => {
            let unchanged = holds(&|precondition| matches!(precondition, Precondition::Unchanged { .. }));
            if !unchanged || change.current.is_none() {
                return Some("it lacks the check that nobody changed its object");
            }
            // A page is guarded by its portal.
            let guard = match (kind.parent(), &change.parent) {
                (None, _) => Some((kind.name, change.resource_id.as_deref())),
                (Some(link), Some(parent)) => Some((link.kind, parent.resource_id.as_deref())),
                (Some(_), None) => None,
            };
            let Some((guard_type, Some(guard_id))) = guard else {
                return Some("it does not name the object that guards it");
            };
            let is_guard = |resource_type: &str, id: &str| resource_type == guard_type && id == guard_id;
            let owned = |precondition: &Precondition| match precondition {
                Precondition::OwnedBy {
                    resource_type,
                    resource_id,
                    ..
                } => is_guard(resource_type, resource_id),
                // An external parent belongs to others; only a child may rest on one.
                Precondition::Exists {
                    resource_type,
                    resource_id,
                    ..
                } => kind.parent().is_some() && is_guard(resource_type, resource_id),
                Precondition::Absent { .. }
                | Precondition::Unchanged { .. }
                | Precondition::Protection { .. }
                | Precondition::Environment { .. }
                | Precondition::Check { .. } => false,
            };
            if !holds(&owned) {
                return Some("it lacks the check of whom its object belongs to");
            }
            let adopts = change.changed_fields.keys().all(|field| field == "namespace");
            let despite =
                change.action == Action::Update && kind.parent().is_none() && (adopts || change.unprotects());
            let unprotected = |precondition: &Precondition| {
                matches!(precondition, Precondition::Protection { resource_type, resource_id, protected }
                    if is_guard(resource_type, resource_id) && (!protected || despite))
            };
            (!holds(&unprotected)).then_some("it lacks the check that its object is not protected")
        }
        Action::Run => Some("a Konnect resource cannot be run"),
    }
}
