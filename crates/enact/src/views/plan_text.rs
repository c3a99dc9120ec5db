//! A plan for people: what changes, field by field, what is blocked and why, what to know.

use std::collections::BTreeMap;

use enact_core::change::{Action, Change};
use enact_core::plan::Plan;
use serde_json::Value;

use super::Painter;

/// How many characters of a value are shown, unless all of it is asked for.
const VALUE: usize = 60;

/// The most changes that are listed one by one, unless all are asked for.
const LISTED: usize = 200;

/// How much to show.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Detail {
    /// Whole values, however long, and all changes.
    pub(crate) full: bool,
}

/// The changes and the counts.
pub(crate) fn render(painter: Painter, plan: &Plan, detail: Detail) -> String {
    let mut text = String::new();
    let changes = in_order(plan);
    let limit = if detail.full { usize::MAX } else { LISTED };
    for change in changes.iter().take(limit) {
        text.push_str(&render_change(painter, change, detail));
    }
    if changes.len() > limit {
        text.push_str(&format!(
            "… and {} more changes (all of them with: enact diff --full-content)\n",
            changes.len() - limit
        ));
    }
    if !changes.is_empty() {
        text.push('\n');
    }
    text.push_str(&summary(painter, plan));
    text
}

fn in_order(plan: &Plan) -> Vec<&Change> {
    let by_id: BTreeMap<_, _> = plan
        .changes()
        .iter()
        .map(|change| (&change.change_id, change))
        .collect();
    plan.execution_order()
        .iter()
        .filter_map(|id| by_id.get(id).copied())
        .collect()
}

fn render_change(painter: Painter, change: &Change, detail: Detail) -> String {
    let (mark, verb) = match change.action {
        Action::Create => (painter.good("+"), "create"),
        Action::Update => (painter.careful("~"), "update"),
        Action::Delete => (painter.bad("-"), "delete"),
        Action::Run => (painter.careful(">"), "run"),
    };
    let mark = if change.blocked {
        painter.careful("⊘")
    } else {
        mark
    };
    let mut text = format!(
        "  {mark} {verb} {} {}{}\n",
        change.resource_type,
        painter.strong(&change.resource_name),
        owner(change)
    );
    text.push_str(&what_changes(painter, change, detail));
    text
}

/// Field by field, with protection and why it is blocked; one line each.
pub(crate) fn what_changes(painter: Painter, change: &Change, detail: Detail) -> String {
    let mut text = String::new();
    if let Some(reason) = &change.block_reason {
        text.push_str(&format!("      {} {reason}\n", painter.careful("blocked:")));
    }
    if let Some(flag) = change.protection.filter(|flag| flag.old != flag.new) {
        let word = |on: bool| if on { "protected" } else { "unprotected" };
        let from = if change.action == Action::Create {
            "new"
        } else {
            word(flag.old)
        };
        text.push_str(&format!("      [{from} → {}]\n", word(flag.new)));
    }
    for (field, values) in &change.changed_fields {
        text.push_str(&format!(
            "      {field}: {} → {}\n",
            show(&values.old, detail),
            show(&values.new, detail)
        ));
    }
    if change.action == Action::Create && !change.blocked {
        for (field, value) in change
            .desired
            .as_ref()
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            text.push_str(&format!("      {field}: {}\n", show(value, detail)));
        }
    }
    text
}

/// `(in portal harbor, namespace docs)`.
fn owner(change: &Change) -> String {
    let parent = change
        .parent
        .as_ref()
        .map(|parent| format!("in {} {}", parent.resource_type, parent.resource_name));
    let namespace = change
        .namespace
        .as_ref()
        .map(|namespace| format!("namespace {namespace}"));
    let parts: Vec<String> = parent.into_iter().chain(namespace).collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    }
}

/// One value; long texts by size, references by what they stand for.
fn show(value: &Value, detail: Detail) -> String {
    if let Some((change, output)) = enact_core::reference::as_reference(value) {
        return format!("(the {output} that {change} makes)");
    }
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) if !detail.full && (text.chars().count() > VALUE || text.contains('\n')) => {
            format!("({} bytes, {} lines)", text.len(), text.lines().count())
        }
        Value::String(text) => format!("{text:?}"),
        Value::Object(object) if object.contains_key("$digest") => "(another text)".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            if detail.full || text.chars().count() <= 2 * VALUE {
                text
            } else {
                text.chars().take(2 * VALUE).chain(['…']).collect()
            }
        }
    }
}

/// The counts, as the origin has them, and the plan's name.
pub(crate) fn summary(painter: Painter, plan: &Plan) -> String {
    let summary = plan.summary();
    let mut text = format!("{}\n", painter.strong("Plan Summary:"));
    for (action, word) in [
        ("CREATE", "Create"),
        ("UPDATE", "Update"),
        ("DELETE", "Delete"),
        ("RUN", "Run"),
    ] {
        if let Some(count) = summary.by_action.get(action) {
            text.push_str(&format!("- {word}: {}\n", resources(*count)));
        }
    }
    if summary.blocked_count > 0 {
        text.push_str(&format!("- Blocked: {}\n", resources(summary.blocked_count)));
    }
    if let Some(flags) = summary.protection_changes {
        text.push_str(&format!(
            "- Protection: {} on, {} off\n",
            flags.protecting, flags.unprotecting
        ));
    }
    text.push_str(&format!(
        "- Plan: {} ({}, for {})\n",
        plan.id().short(),
        plan.metadata().mode,
        plan.metadata().target
    ));
    for warning in plan.warnings() {
        text.push_str(&format!("{} {}\n", painter.careful("warning:"), warning.message));
    }
    text
}

fn resources(count: usize) -> String {
    format!("{count} {}", if count == 1 { "resource" } else { "resources" })
}

/// Every deletion by name: nobody should find out afterwards.
pub(crate) fn deletions(painter: Painter, plan: &Plan) -> String {
    let gone: Vec<&Change> = in_order(plan)
        .into_iter()
        .filter(|change| change.action == Action::Delete && !change.blocked)
        .collect();
    if gone.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n{}\n",
        painter.bad("WARNING: This operation will DELETE resources:")
    );
    for change in gone {
        text.push_str(&format!(
            "- {}: {}{}\n",
            change.resource_type,
            change.resource_name,
            owner(change)
        ));
    }
    text
}

/// Every blocked change with its reason.
pub(crate) fn blocked(painter: Painter, plan: &Plan) -> String {
    let held: Vec<&Change> = plan.changes().iter().filter(|change| change.blocked).collect();
    if held.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n{}\n",
        painter.careful("Blocked changes (they stay in the plan and are not executed):")
    );
    for change in held {
        let reason = change.block_reason.as_deref().unwrap_or_default();
        text.push_str(&format!(
            "- {} {} {}: {reason}\n",
            change.action, change.resource_type, change.resource_name
        ));
    }
    text
}

/// One line of counts, as `diff` begins.
pub(crate) fn headline(plan: &Plan) -> String {
    let count = |action: &str| plan.summary().by_action.get(action).copied().unwrap_or(0);
    let mut parts = vec![
        format!("{} to add", count("CREATE")),
        format!("{} to change", count("UPDATE")),
    ];
    if count("DELETE") > 0 {
        parts.push(format!("{} to destroy", count("DELETE")));
    }
    if plan.summary().blocked_count > 0 {
        parts.push(format!("{} blocked", plan.summary().blocked_count));
    }
    format!("Plan: {}\n", parts.join(", "))
}
