//! The planner: what is wanted and what was seen, to a plan. Pure: the same two values give the same plan.
//!
//! First every described resource gets a [`state::State`] (live, to be created, blocked); then changes are written from
//! the states, so that a reference can point forwards and backwards alike. `update.rs` decides what an existing object
//! needs, `create.rs` what a new one gets, `delete.rs` what goes.

use std::collections::BTreeMap;

use enact_core::change::{Change, ChangeId};
use enact_core::diagnostic::Diagnostic;
use enact_core::plan::{FreezeError, Metadata, Mode, Plan, PlanDraft, Target, Warning};
use enact_core::principal::Principal;

use crate::desired::{Desired, DesiredResource};
use crate::observed::Observed;
use crate::resources::Kinds;

mod check;
mod create;
mod delete;
mod state;
mod update;

pub use self::check::unguarded;

/// What a plan needs besides its two inputs.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// Apply, sync or delete.
    pub mode: Mode,
    /// Now.
    pub generated_at: jiff::Timestamp,
    /// Who plans.
    pub author: Principal,
    /// What it is for; the organisation is filled in from what was seen.
    pub target: Target,
    /// The policies in force while it is made.
    pub policy_digest: Option<String>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The configuration does not fit the world: an `_external` object that is not there.
    #[error("the configuration does not fit what is there")]
    Faults(Vec<Diagnostic>),
    /// The changes do not make a plan.
    #[error(transparent)]
    Freeze(#[from] FreezeError),
}

/// Plans.
///
/// # Errors
/// [`PlanError::Faults`] with everything that does not fit; [`PlanError::Freeze`] for a cycle.
pub fn plan(
    desired: &Desired,
    observed: &Observed,
    kinds: Kinds,
    options: &PlanOptions,
) -> Result<Plan, PlanError> {
    let mut planner = Planner::new(desired, observed, kinds, options.mode);
    planner.check_externals();
    match options.mode {
        Mode::Delete => planner.delete_described(),
        Mode::Apply | Mode::Sync | Mode::Run => planner.create_and_update(),
    }
    if options.mode == Mode::Sync {
        planner.warn_without_namespace();
        planner.delete_undescribed();
    }
    planner.block_dependants();
    planner.protect_last();
    if !planner.faults.is_empty() {
        return Err(PlanError::Faults(planner.faults));
    }
    let draft = PlanDraft {
        metadata: metadata(desired, observed, options),
        document: document(desired, observed, options.mode),
        changes: planner.changes,
        warnings: planner.warnings,
    };
    Ok(draft.freeze()?)
}

/// The objects that are as they are wanted already, each as a change that would change nothing: its preconditions say that the
/// object is there, is whose it was, and holds what is configured. What relies on them can be held against the world again.
pub fn unchanged(desired: &Desired, observed: &Observed, kinds: Kinds, mode: Mode) -> Vec<Change> {
    let planner = Planner::new(desired, observed, kinds, mode);
    let live = desired.resources.iter().filter_map(|resource| {
        match planner.states.get(resource.reference.as_str()) {
            Some(state::State::Live(live)) => planner.kept(resource, live),
            _ => None,
        }
    });
    live.collect()
}

/// How much there is of what a sync may delete: what a policy compares the number of deletions with.
fn document(desired: &Desired, observed: &Observed, mode: Mode) -> Option<serde_json::Value> {
    (mode == Mode::Sync).then(
        || serde_json::json!({ "kind": "konnect", "observed": observed.managed_counts(&desired.namespaces) }),
    )
}

fn metadata(desired: &Desired, observed: &Observed, options: &PlanOptions) -> Metadata {
    let organization = Some(observed.organization.clone()).filter(|id| !id.is_empty());
    Metadata {
        generated_at: options.generated_at,
        generator: "enact".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: options.mode,
        config_hash: desired.config_hash.clone(),
        author: options.author.clone(),
        target: Target {
            organization,
            ..options.target.clone()
        },
        policy_digest: options.policy_digest.clone(),
        revision: None,
    }
}

struct Planner<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    kinds: Kinds,
    by_ref: BTreeMap<&'a str, &'a DesiredResource>,
    states: BTreeMap<&'a str, state::State<'a>>,
    changes: Vec<Change>,
    warnings: Vec<Warning>,
    faults: Vec<Diagnostic>,
}

impl<'a> Planner<'a> {
    fn new(desired: &'a Desired, observed: &'a Observed, kinds: Kinds, mode: Mode) -> Self {
        let resources = desired.resources.iter();
        Self {
            observed,
            desired,
            kinds,
            by_ref: resources
                .map(|resource| (resource.reference.as_str(), resource))
                .collect(),
            states: state::states(desired, observed, mode),
            changes: Vec::new(),
            warnings: Vec::new(),
            faults: Vec::new(),
        }
    }

    fn create_and_update(&mut self) {
        let desired = self.desired;
        for resource in &desired.resources {
            match self.states.get(resource.reference.as_str()).cloned() {
                Some(state::State::Live(live)) => self.update(resource, live),
                Some(state::State::Create) => self.create(resource),
                Some(state::State::Blocked(reason)) => self.create_blocked(resource, &reason),
                Some(state::State::External(_) | state::State::Missing) | None => {}
            }
        }
    }

    /// An `_external` resource must be one object that exists.
    fn check_externals(&mut self) {
        let desired = self.desired;
        for resource in desired
            .resources
            .iter()
            .filter(|resource| resource.external.is_some())
        {
            if matches!(
                self.states.get(resource.reference.as_str()),
                Some(state::State::External(_))
            ) {
                continue;
            }
            let what = format!(
                "external {} `{}` is not exactly one object there",
                resource.kind.name, resource.reference
            );
            let hint = "check its id, or make the selector match one object";
            self.faults
                .push(Diagnostic::error(what).hint(hint).at(resource.place.clone()));
        }
    }

    /// `sync` deletes within namespaces; a file that names none deletes nothing, which is not what its writer meant.
    fn warn_without_namespace(&mut self) {
        if self.desired.namespaces.is_empty() && !self.desired.scope.roots.is_empty() {
            let kinds: Vec<&str> = self.desired.scope.roots.iter().copied().collect();
            let message = format!(
                "no namespace is named, so no {} is deleted; name one in `_defaults.kongctl.namespace`",
                kinds.join(" and no ")
            );
            self.warn(None, message);
        }
    }

    /// What depends on a blocked change cannot run either, nor what depends on that.
    fn block_dependants(&mut self) {
        loop {
            let blocked: BTreeMap<ChangeId, String> = self
                .changes
                .iter()
                .filter_map(|change| Some((change.change_id.clone(), change.block_reason.clone()?)))
                .collect();
            let mut found = false;
            for change in self.changes.iter_mut().filter(|change| !change.blocked) {
                let cause = change
                    .depends_on
                    .iter()
                    .find_map(|needed| Some((needed, blocked.get(needed)?)));
                if let Some((needed, reason)) = cause {
                    let reason = format!("it depends on {needed}, which is blocked: {reason}");
                    *change = change.clone().block(reason);
                    found = true;
                }
            }
            if !found {
                return;
            }
        }
    }

    /// A parent that becomes protected in this plan does so after the changes of its children: they would be refused.
    fn protect_last(&mut self) {
        let mut children: BTreeMap<String, Vec<ChangeId>> = BTreeMap::new();
        for change in self.changes.iter().filter(|change| !change.blocked) {
            if let Some(parent_id) = change
                .parent
                .as_ref()
                .and_then(|parent| parent.resource_id.clone())
            {
                children
                    .entry(parent_id)
                    .or_default()
                    .push(change.change_id.clone());
            }
        }
        for change in &mut self.changes {
            let protects = change.protection.is_some_and(|flag| flag.new && !flag.old) && !change.blocked;
            let own = change.resource_id.as_ref().and_then(|id| children.get(id));
            if let (true, Some(own)) = (protects, own) {
                change.depends_on.extend(own.iter().cloned());
                change.depends_on.sort();
                change.depends_on.dedup();
            }
        }
    }

    fn parent_of(&self, resource: &DesiredResource) -> Option<&'a DesiredResource> {
        let reference = resource.parent.as_deref()?;
        self.desired
            .resources
            .iter()
            .find(|other| other.reference == reference)
    }

    fn warn(&mut self, change_id: Option<ChangeId>, message: String) {
        self.warnings.push(Warning { change_id, message });
    }
}

/// The id of a change: `create:portal:harbor`.
fn change_id(verb: &str, resource: &DesiredResource) -> ChangeId {
    ChangeId(format!("{verb}:{}:{}", resource.kind.name, resource.reference))
}
