//! Steps of kind `kubernetes` in a frozen plan, as policies for actions are asked about them.

use enact_core::change::{Change, ChangeId, Undo};
use enact_core::plan::Plan;
use enact_core::verdict::{Finding, Outcome};
use enact_engine::policy::input::ActionInput;
use enact_runbook::spec::STEP;
use serde_json::Value;

/// What policies are asked about each step on a cluster and about each way back; `None` where the plan does not hold it.
pub(crate) fn inputs(plan: &Plan) -> Vec<(&ChangeId, Option<ActionInput>)> {
    let mut found = Vec::new();
    for change in plan
        .changes()
        .iter()
        .filter(|change| change.resource_type == STEP)
    {
        for action in actions(change) {
            found.push((&change.change_id, input(action)));
        }
    }
    found
}

/// The actions of a change that are done on a cluster: its own, and its way back.
fn actions(change: &Change) -> impl Iterator<Item = &Value> {
    let undo = change.undo.as_ref().and_then(Undo::spec);
    let specs = change.spec.iter().chain(undo);
    specs
        .filter(|spec| spec.get("kind").and_then(Value::as_str) == Some("kubernetes"))
        .filter_map(|spec| spec.get("action"))
}

fn input(action: &Value) -> Option<ActionInput> {
    let input = action.pointer("/planned/input")?;
    serde_json::from_value(input.clone()).ok()
}

/// Nobody can judge a step of which nothing is known.
pub(crate) fn not_planned(change_id: &ChangeId) -> Finding {
    Finding {
        rule: "kubernetes.not_planned".to_owned(),
        outcome: Outcome::Deny,
        message: format!(
            "step {change_id} acts on a cluster, and the plan does not say on what: plan it again"
        ),
        change_id: Some(change_id.clone()),
        location: None,
    }
}
