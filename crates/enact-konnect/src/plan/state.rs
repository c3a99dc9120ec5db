//! What every described resource is before planning starts: there already, to be created, or blocked.

use std::collections::BTreeMap;

use enact_core::plan::Mode;

use crate::desired::{Desired, DesiredResource};
use crate::observe::{by_identity, find_root};
use crate::observed::{Observed, ObservedObject};

/// Where a described resource stands.
#[derive(Debug, Clone)]
pub(super) enum State<'a> {
    /// It exists and is ours.
    Live(&'a ObservedObject),
    /// It exists and is somebody else's; only its children are ours.
    External(&'a ObservedObject),
    /// It does not exist and will be created.
    Create,
    /// It does not exist for us, and cannot be created; the reason.
    Blocked(String),
    /// It does not exist, and nobody wants to create it.
    Missing,
}

/// The state of every described resource, by `ref`.
pub(super) fn states<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
    mode: Mode,
) -> BTreeMap<&'a str, State<'a>> {
    let mut states: BTreeMap<&str, State<'a>> = BTreeMap::new();
    for resource in desired
        .resources
        .iter()
        .filter(|resource| resource.parent.is_none())
    {
        states.insert(&resource.reference, root_state(resource, observed, mode));
    }
    for resource in &desired.resources {
        if let Some(parent) = resource.parent.as_deref() {
            let state = child_state(resource, states.get(parent), observed, mode);
            states.insert(&resource.reference, state);
        }
    }
    states
}

fn root_state<'a>(resource: &'a DesiredResource, observed: &'a Observed, mode: Mode) -> State<'a> {
    let live = find_root(observed, resource);
    if resource.external.is_some() {
        return live.map_or(State::Missing, State::External);
    }
    if let Some(live) = live {
        return State::Live(live);
    }
    if mode == Mode::Delete {
        return State::Missing;
    }
    match by_identity(observed.roots(resource.kind.name), &resource.identity).next() {
        Some(other) => State::Blocked(taken(resource, other)),
        None => State::Create,
    }
}

/// Why an object of this name cannot be created: one is there that is not ours.
pub(super) fn taken(resource: &DesiredResource, other: &ObservedObject) -> String {
    let (kind, name) = (resource.kind.name, &resource.identity);
    let namespace = resource.namespace.as_deref().unwrap_or("default");
    match &other.namespace {
        None => format!(
            "a {kind} named {name:?} exists and is not managed; to take it over: \
             enact adopt {kind} {name:?} --namespace {namespace}"
        ),
        Some(owner) => format!(
            "a {kind} named {name:?} belongs to namespace {owner:?}, not to {namespace:?}; \
             change one of the two, or describe it in its own namespace"
        ),
    }
}

fn child_state<'a>(
    resource: &'a DesiredResource,
    parent: Option<&State<'a>>,
    observed: &'a Observed,
    mode: Mode,
) -> State<'a> {
    match parent {
        Some(State::Live(parent) | State::External(parent)) => {
            let siblings = observed.children(resource.kind.name, &parent.id);
            match (by_identity(siblings, &resource.identity).next(), mode) {
                (Some(live), _) => State::Live(live),
                (None, Mode::Delete) => State::Missing,
                (None, Mode::Apply | Mode::Sync | Mode::Run) => State::Create,
            }
        }
        Some(State::Create) => State::Create,
        Some(State::Blocked(reason)) => State::Blocked(format!("its parent is blocked: {reason}")),
        Some(State::Missing) | None => State::Missing,
    }
}
