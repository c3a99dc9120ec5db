//! A runbook for whoever is asked to approve it.

use enact_core::change::{Change, Effect, Milliseconds, Undo};
use enact_core::condition::duration_in_words;
use enact_core::condition::step::steps_of;
use enact_core::plan::Plan;
use serde_json::Value;

/// Everything that an approver must have seen: the steps, what they cost and risk, and what cannot be taken back or tried.
pub(crate) fn approval_request(plan: &Plan) -> String {
    let document = plan.document().cloned().unwrap_or_default();
    let text = |path: &str| {
        document
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let length = |path: &str| {
        document
            .pointer(path)
            .and_then(Value::as_u64)
            .map(|ms| duration_in_words(Milliseconds(ms)))
    };
    let steps = steps_of(plan);
    let mut request = format!("{} ({} steps)\n", text("/title"), steps.len());
    let facts = [
        ("Estimated time", length("/estimate/likely")),
        ("Estimated downtime", length("/downtime/estimate")),
        ("Most downtime", length("/downtime/limit")),
        (
            "Risk",
            Some(
                format!("{} {}", text("/risk/level"), text("/risk/worst"))
                    .trim()
                    .to_owned(),
            ),
        ),
    ];
    for (name, value) in facts {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            request.push_str(&format!("{name}: {value}\n"));
        }
    }
    for step in &steps {
        request.push_str(&format!("  {}. {} ({})\n", step.number, step.title, step.id));
    }
    let lists: [(&str, fn(&Change) -> bool); 4] = [
        ("Destroys something", |change| change.effect == Effect::Destroy),
        ("Cannot be taken back", |change| {
            change.writes() && !has_undo(change)
        }),
        ("Cannot be simulated", |change| {
            change.writes() && !is_simulated(change)
        }),
        ("Waits for a person", |change| {
            change
                .handling
                .as_ref()
                .is_some_and(|handling| !handling.holds.is_empty())
        }),
    ];
    for (name, belongs) in lists {
        let found: Vec<&str> = plan
            .changes()
            .iter()
            .filter(|change| belongs(change))
            .map(|change| change.change_id.as_str())
            .collect();
        if !found.is_empty() {
            request.push_str(&format!("{name}: {}\n", found.join(", ")));
        }
    }
    for warning in plan.warnings() {
        request.push_str(&format!("Warning: {}\n", warning.message));
    }
    request
}

fn has_undo(change: &Change) -> bool {
    !matches!(change.undo, None | Some(Undo::Impossible { .. }))
}

fn is_simulated(change: &Change) -> bool {
    change
        .spec
        .as_ref()
        .and_then(|spec| spec.get("dry_run"))
        .is_some_and(|dry_run| !dry_run.is_null())
}
