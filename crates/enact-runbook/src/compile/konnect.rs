//! `konnect` steps: the changes of that domain's plan take the place of the step.

use enact_core::change::{Action, Change, ChangeId};
use enact_core::diagnostic::Diagnostic;
use enact_core::procedure::{Handling, Moment};
use enact_core::reference::{as_reference, reference};
use serde_json::Value;

use super::Compiler;
use super::steps::Header;
use crate::checks::ActionNode;
use crate::cluster::{ClusterPlan, ClusterRequest};
use crate::kinds::Konnect;
use crate::lint::OTHER_DOMAIN;
use crate::reading::{Fields, KnownStep};
use crate::spec::Group;

/// What a step wants planned.
#[derive(Debug, Clone, Copy)]
pub struct SubPlanRequest<'a> {
    /// The step.
    pub step_id: &'a str,
    /// `apply` or `sync`.
    pub operation: &'a str,
    /// Files and folders of configuration, from the runbook's folder.
    pub files: &'a [String],
    /// The control plane that it is for.
    pub control_plane: Option<&'a str>,
}

/// Changes of another domain.
#[derive(Debug, Clone)]
pub struct SubPlan {
    /// What they are for, a target as in a plan's metadata.
    pub target: Value,
    /// The changes, in an order in which they can be made.
    pub changes: Vec<Change>,
    /// What is as it is wanted already, each as a change that would change nothing. It is looked at again where the step has no
    /// changes at all.
    pub unchanged: Vec<Change>,
    /// How many objects of each type it found, where it may delete: `{"portal": 3}`.
    pub observed: Option<Value>,
    /// What to know of the changes: `deleting portal "dev" deletes what belongs to it too: 1 × portal_page`.
    pub warnings: Vec<String>,
}

/// Plans for another domain. It may read.
pub trait SubPlanner {
    /// The changes that a step stands for.
    ///
    /// # Errors
    /// Faults of the configuration, each with its own place; or why the present state cannot be seen.
    fn plan(&self, request: &SubPlanRequest<'_>) -> Result<SubPlan, Vec<Diagnostic>>;

    /// What a step of kind `kubernetes` does, with its target as it is.
    ///
    /// # Errors
    /// What is wrong with it; or why the cluster cannot be seen.
    fn cluster(&self, _request: &ClusterRequest<'_>) -> Result<ClusterPlan, Vec<Diagnostic>> {
        let fault = "this step needs a plan of the Kubernetes domain, which is not available here";
        Err(vec![Diagnostic::error(fault)])
    }
}

impl Compiler<'_> {
    pub(super) fn sub_plan(&mut self, fields: &Fields<'_>, action: &ActionNode<'_>, mut header: Header) {
        let frozen = action.kind.read(action.node, &mut self.reading);
        self.know(&header.full_id, KnownStep::of_others());
        let Some(wanted) = frozen
            .clone()
            .and_then(|frozen| serde_json::from_value::<Konnect>(frozen).ok())
        else {
            return;
        };
        let Some(planner) = self.planner else {
            let fault = Diagnostic::error(
                "this step needs a plan of the Konnect domain, which is not available here",
            );
            self.reading.fault(action.span, fault);
            return;
        };
        let request = SubPlanRequest {
            step_id: &header.full_id,
            operation: &wanted.operation,
            files: &wanted.files,
            control_plane: wanted.control_plane.as_deref(),
        };
        let planned = match planner.plan(&request) {
            Ok(planned) => planned,
            Err(faults) => {
                for fault in faults {
                    let rule = crate::reading::DOCUMENT;
                    if fault.place.is_some() {
                        self.reading.findings.push(crate::lint::LintFinding {
                            rule,
                            diagnostic: fault,
                        });
                    } else {
                        self.reading.fault(action.span, fault);
                    }
                }
                return;
            }
        };
        if self
            .konnect_target
            .as_ref()
            .is_some_and(|target| *target != planned.target)
        {
            let fault = Diagnostic::error("all `konnect` steps of a runbook have one target");
            self.reading.fault(action.span, fault);
        }
        self.konnect_target = Some(planned.target);
        for warning in planned.warnings {
            self.reading
                .finding(OTHER_DOMAIN, action.span, Diagnostic::warning(warning));
        }
        self.refuse_blocked(action, &planned.changes);
        self.refuse_twice(action, &header.full_id, &planned.changes, &planned.unchanged);
        let mut changes = splice(planned.changes, &header);
        if let Some((verified, spec)) = self.verified(fields, &header, &changes, &planned.unchanged) {
            header.step.verified = !verified.postconditions.is_empty();
            header.step.spec = Some(spec);
            changes.push(verified);
        }
        hold(&mut changes, &header);
        let ids: Vec<ChangeId> = changes.iter().map(|change| change.change_id.clone()).collect();
        self.groups.push(Group {
            step: header.full_id.clone(),
            number: 0,
            title: header.title.clone(),
            tasks: std::mem::take(&mut header.tasks),
            changes: ids.clone(),
            observed: planned.observed,
        });
        self.ran(&header, ids);
        header.step.kind = action.kind.name();
        header.step.action = frozen.unwrap_or_default();
        header.step.changes = changes;
        let step = header.step;
        self.push(step);
    }
}

impl Compiler<'_> {
    /// A step is carried out as it was approved or not at all: what protection keeps from being changed would be left out of it.
    fn refuse_blocked(&mut self, action: &ActionNode<'_>, changes: &[Change]) {
        for change in changes.iter().filter(|change| change.blocked) {
            let reason = change.block_reason.as_deref().unwrap_or("it is blocked");
            let fault = Diagnostic::error(format!("{} cannot be done: {reason}", change.change_id));
            let hint = "leave it out of the files of this step, or take the protection off first, in a change of its own";
            self.reading.fault(action.span, fault.hint(hint));
        }
    }

    /// Every step is planned against what is there now, so a second one would not find what it was planned for; nor may it change
    /// or delete what another relies on, before that or after it.
    fn refuse_twice(
        &mut self,
        action: &ActionNode<'_>,
        step: &str,
        changes: &[Change],
        unchanged: &[Change],
    ) {
        for change in changes {
            let object = object_of(change);
            let id = change
                .resource_id
                .clone()
                .map(|id| (change.resource_type.clone(), id));
            let touched = Touched {
                step: step.to_owned(),
                deletes: change.action == Action::Delete,
            };
            let rests = id.as_ref().and_then(|id| self.relied_on(id, &touched));
            if let Some(other) = self.konnect_objects.insert(object.clone(), step.to_owned()) {
                self.refuse_object(
                    action,
                    format!("`{step}` changes {object}, which `{other}` changes too"),
                );
            } else if let Some(other) = rests {
                self.refuse_object(
                    action,
                    format!("`{step}` changes {object}, which `{other}` relies on"),
                );
            }
            if let Some(id) = id {
                self.konnect_touched.insert(id, touched);
            }
        }
        for (id, reliance) in reliances(step, changes, unchanged) {
            let other = self.konnect_touched.get(&id);
            let other = other.filter(|touched| touched.step != step && (reliance.whole || touched.deletes));
            if let Some(other) = other.map(|touched| touched.step.clone()) {
                let object = &reliance.object;
                self.refuse_object(
                    action,
                    format!("`{step}` relies on {object}, which `{other}` changes"),
                );
            }
            self.konnect_relied.entry(id).or_default().push(reliance);
        }
    }

    /// The other step that relies on an object which this one changes.
    fn relied_on(&self, id: &(String, String), touched: &Touched) -> Option<String> {
        let mut reliances = self.konnect_relied.get(id)?.iter();
        let other = reliances.find(|found| found.step != touched.step && (found.whole || touched.deletes))?;
        Some(other.step.clone())
    }

    fn refuse_object(&mut self, action: &ActionNode<'_>, what: String) {
        let fault = Diagnostic::error(what)
            .detail("both are planned against what is there now, so the later one would find something else")
            .hint("describe the object once, in the files of one step");
        self.reading.fault(action.span, fault);
    }
}

/// Which step changes an object.
pub(super) struct Touched {
    step: String,
    deletes: bool,
}

/// Which step relies on an object.
pub(super) struct Reliance {
    step: String,
    object: String,
    /// On all that it describes of it, and not only on its being there?
    whole: bool,
}

/// `portal:dev`.
fn object_of(change: &Change) -> String {
    let id = change.change_id.as_str();
    id.split_once(':').map_or(id, |(_, object)| object).to_owned()
}

/// The objects that a step relies on: those that are as they are wanted, and those that its changes need.
fn reliances(step: &str, changes: &[Change], unchanged: &[Change]) -> Vec<((String, String), Reliance)> {
    let mut found = Vec::new();
    for change in unchanged {
        if let Some(id) = change.resource_id.clone() {
            let reliance = Reliance {
                step: step.to_owned(),
                object: object_of(change),
                whole: true,
            };
            found.push(((change.resource_type.clone(), id), reliance));
        }
    }
    let parents = changes
        .iter()
        .chain(unchanged)
        .filter_map(|change| change.parent.as_ref());
    for parent in parents {
        if let Some(id) = parent.resource_id.clone() {
            let reliance = Reliance {
                step: step.to_owned(),
                object: format!("{}:{}", parent.resource_type, parent.resource_name),
                whole: false,
            };
            found.push(((parent.resource_type.clone(), id), reliance));
        }
    }
    found.sort_by(|one, two| one.0.cmp(&two.0).then(two.1.whole.cmp(&one.1.whole)));
    found.dedup_by(|later, first| later.0 == first.0);
    found
}

/// The changes as part of this plan: their names, their references, their order, and how the step is treated.
fn splice(mut changes: Vec<Change>, header: &Header) -> Vec<Change> {
    let prefixed = |id: &ChangeId| ChangeId(format!("{}/{id}", header.full_id));
    for (index, change) in changes.iter_mut().enumerate() {
        let root = change.depends_on.is_empty();
        change.change_id = prefixed(&change.change_id);
        change.depends_on = change.depends_on.iter().map(prefixed).collect();
        if root {
            change.depends_on.extend(header.depends_on.iter().cloned());
        }
        if let Some(parent) = &mut change.parent {
            parent.change_id = parent.change_id.as_ref().map(prefixed);
        }
        for value in change.desired.iter_mut().chain(&mut change.spec) {
            rename(value, &prefixed);
        }
        for field in change.changed_fields.values_mut() {
            rename(&mut field.new, &prefixed);
        }
        if index == 0 {
            change.preconditions.extend(header.preconditions.iter().cloned());
            change.estimate = header
                .step
                .estimate
                .map(|estimate| estimate.likely)
                .or(change.estimate);
        }
        change.handling = Some(Handling {
            holds: Vec::new(),
            ..header.handling.clone()
        });
    }
    changes
}

/// People are waited for before the first change and after the last.
fn hold(changes: &mut [Change], header: &Header) {
    let last = changes.len().saturating_sub(1);
    for (index, change) in changes.iter_mut().enumerate() {
        let holds = header.handling.holds.iter().filter(|hold| match hold.at {
            Moment::Before => index == 0,
            Moment::After => index == last,
        });
        if let Some(handling) = &mut change.handling {
            handling.holds = holds.cloned().collect();
        }
    }
}

fn rename(value: &mut Value, prefixed: &impl Fn(&ChangeId) -> ChangeId) {
    if let Some((change, output)) = as_reference(value) {
        *value = reference(&prefixed(&change), output);
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, prefixed)),
        Value::Object(fields) => fields.values_mut().for_each(|item| rename(item, prefixed)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
