//! Structural faults of any plan, whatever its domain: found when it is frozen and again when it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::change::{Action, Change, ChangeId};
use crate::diagnostic::Severity;
use crate::plan::{MAX_CHANGES, Mode, Plan, Summary};
use crate::reference::referenced_changes;

/// The most characters a change id may have.
const MAX_ID: usize = 2_000;

/// One structural fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFault {
    /// Whether the plan is refused for it.
    pub severity: Severity,
    /// The change it is about.
    pub change_id: Option<ChangeId>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for PlanFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.change_id {
            Some(id) => write!(formatter, "{id}: {}", self.message),
            None => formatter.write_str(&self.message),
        }
    }
}

/// All structural faults of a plan, in the order of its changes.
pub fn check_plan(plan: &Plan) -> Vec<PlanFault> {
    let mut faults = Faults(Vec::new());
    if plan.changes().len() > MAX_CHANGES {
        faults.plan(format!(
            "it has {} changes; at most {MAX_CHANGES} are allowed",
            plan.changes().len()
        ));
        return faults.0;
    }
    let by_id = unique_ids(plan, &mut faults);
    for change in plan.changes() {
        check_change(change, plan.metadata().mode, &mut faults);
        check_dependencies(change, &by_id, &mut faults);
    }
    check_order(plan, &by_id, &mut faults);
    if *plan.summary() != Summary::of(plan.changes()) {
        faults.plan("its summary does not count its changes".to_owned());
    }
    faults.0
}

struct Faults(Vec<PlanFault>);

impl Faults {
    fn plan(&mut self, message: String) {
        self.0.push(PlanFault {
            severity: Severity::Error,
            change_id: None,
            message,
        });
    }

    fn change(&mut self, change: &Change, message: impl Into<String>) {
        let change_id = Some(change.change_id.clone());
        self.0.push(PlanFault {
            severity: Severity::Error,
            change_id,
            message: message.into(),
        });
    }
}

fn unique_ids<'a>(plan: &'a Plan, faults: &mut Faults) -> BTreeMap<&'a ChangeId, &'a Change> {
    let mut by_id = BTreeMap::new();
    for change in plan.changes() {
        if change.change_id.0.is_empty() || change.change_id.0.chars().count() > MAX_ID {
            faults.change(change, "a change id has 1 to 2000 characters");
        }
        if by_id.insert(&change.change_id, change).is_some() {
            faults.change(change, "two changes have this id");
        }
    }
    by_id
}

fn check_change(change: &Change, mode: Mode, faults: &mut Faults) {
    if change.blocked && change.block_reason.as_ref().is_none_or(String::is_empty) {
        faults.change(change, "it is blocked without a reason");
    }
    if !change.blocked && change.block_reason.is_some() {
        faults.change(change, "it has a reason for being blocked but is not blocked");
    }
    let needs_id = matches!(change.action, Action::Update | Action::Delete);
    if needs_id && change.resource_id.as_ref().is_none_or(String::is_empty) {
        faults.change(change, "an UPDATE or DELETE needs the resource's id");
    }
    if !change.blocked && !allowed(mode, change.action) {
        faults.change(
            change,
            format!("a plan of mode {mode} cannot hold a {}", change.action),
        );
    }
}

fn allowed(mode: Mode, action: Action) -> bool {
    match mode {
        Mode::Apply => matches!(action, Action::Create | Action::Update),
        Mode::Sync => matches!(action, Action::Create | Action::Update | Action::Delete),
        Mode::Delete => action == Action::Delete,
        Mode::Run => true,
    }
}

fn check_dependencies(change: &Change, by_id: &BTreeMap<&ChangeId, &Change>, faults: &mut Faults) {
    for needed in &change.depends_on {
        match by_id.get(needed) {
            None => faults.change(
                change,
                format!("it depends on {needed}, which is not in the plan"),
            ),
            Some(other) if other.blocked && !change.blocked => {
                faults.change(change, format!("it depends on {needed}, which is blocked"));
            }
            Some(_) => {}
        }
    }
    let mut referenced = Vec::new();
    if let Some(desired) = &change.desired {
        referenced_changes(desired, &mut referenced);
    }
    if let Some(maker) = change.parent.as_ref().and_then(|parent| parent.change_id.clone()) {
        referenced.push(maker);
    }
    for maker in referenced {
        if !change.depends_on.contains(&maker) {
            faults.change(
                change,
                format!("it uses an output of {maker} without depending on it"),
            );
        }
    }
}

fn check_order(plan: &Plan, by_id: &BTreeMap<&ChangeId, &Change>, faults: &mut Faults) {
    let mut seen: BTreeSet<&ChangeId> = BTreeSet::new();
    for id in plan.execution_order() {
        let Some(change) = by_id.get(id) else {
            faults.plan(format!(
                "its execution order names {id}, which is not in the plan"
            ));
            continue;
        };
        if let Some(needed) = change.depends_on.iter().find(|needed| !seen.contains(needed)) {
            faults.change(
                change,
                format!("it stands in the execution order before {needed}, on which it depends"),
            );
        }
        if !seen.insert(id) {
            faults.change(change, "it stands twice in the execution order");
        }
    }
    if seen.len() < by_id.len() {
        faults.plan(format!(
            "its execution order leaves out {} of its changes",
            by_id.len() - seen.len()
        ));
    }
}
