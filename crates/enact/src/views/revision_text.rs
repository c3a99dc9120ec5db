//! How a revision differs from the plan that it revises, for whoever approves it.

use std::collections::{BTreeMap, BTreeSet};

use enact_core::change::{Change, ChangeId};
use enact_core::plan::{Plan, Revision};
use enact_core::revision::differences;
use enact_runbook::provider::document_of;
use serde_json::Value;

use super::Painter;
use super::runbook_rest::short;
use super::runbook_whole::one_line;

/// Members of a document that differ in every revision or say nothing by themselves.
const NOT_SHOWN: [&str; 4] = ["exec_hash", "revises", "groups", "files"];

/// Steps that are adopted, changed, added and left out; then what else of the document differs.
pub(crate) fn difference(
    painter: Painter,
    plan: &Plan,
    revision: &Revision,
    parent: Option<&Plan>,
) -> String {
    let mut text = format!(
        "{} plan {}, as run {} left it\n",
        painter.strong("REVISES "),
        revision.plan_id.short(),
        revision.run_id
    );
    let Some(parent) = parent else {
        text.push_str(
            "  that plan is not kept here, so the difference cannot be shown; adopted steps are marked\n",
        );
        return text;
    };
    for change in plan.changes() {
        text.push_str(&line(painter, change, plan, parent));
    }
    let here: BTreeSet<&ChangeId> = plan.changes().iter().map(|change| &change.change_id).collect();
    for gone in parent
        .changes()
        .iter()
        .filter(|change| !here.contains(&change.change_id))
    {
        text.push_str(&format!(
            "  {} {} ({}): left out\n",
            painter.bad("-"),
            gone.resource_name,
            gone.change_id
        ));
    }
    text.push_str(&of_files(painter, plan, parent));
    let others = of_document(plan, parent);
    if !others.is_empty() {
        text.push_str(&format!(
            "  {} also: {}\n",
            painter.careful("~"),
            others.join(", ")
        ));
    }
    text
}

fn line(painter: Painter, change: &Change, plan: &Plan, parent: &Plan) -> String {
    let named = format!("{} ({})", change.resource_name, change.change_id);
    if change.adopted.is_some() {
        return format!("  = {named}: done, adopted\n");
    }
    let Some(before) = parent.change(&change.change_id) else {
        return format!("  {} {named}: added\n", painter.good("+"));
    };
    let what = differences(before, change, parent.document(), plan.document());
    if what.is_empty() {
        return format!("    {named}: as before\n");
    }
    format!(
        "  {} {named}: changed: {}\n",
        painter.careful("~"),
        what.join(", ")
    )
}

/// Pinned files that are others than before: a step whose words are as before may run another script.
fn of_files(painter: Painter, plan: &Plan, parent: &Plan) -> String {
    let (before, after) = (files(parent), files(plan));
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut text = String::new();
    for path in paths {
        let named = format!("pinned file {}", one_line(path));
        let line = match (before.get(path), after.get(path)) {
            (Some(before), Some(after)) if before == after => continue,
            (Some(before), Some(after)) => format!(
                "{} {named}: another content, {} was {}",
                painter.careful("~"),
                short(after),
                short(before)
            ),
            (None, Some(after)) => format!("{} {named}: added, {}", painter.good("+"), short(after)),
            (Some(_), None) => format!("{} {named}: not pinned any more", painter.bad("-")),
            (None, None) => continue,
        };
        text.push_str(&format!("  {line}\n"));
    }
    text
}

/// The digests of the pinned files of a plan. One that is no runbook has none.
fn files(plan: &Plan) -> BTreeMap<String, String> {
    let document = document_of(plan).ok();
    let files = document.into_iter().flat_map(|document| document.files);
    files.map(|file| (file.path, file.digest)).collect()
}

/// Members of the two documents that are not the same.
fn of_document(plan: &Plan, parent: &Plan) -> Vec<String> {
    let members = |plan: &Plan| {
        plan.document()
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let (before, after) = (members(parent), members(plan));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter(|name| !NOT_SHOWN.contains(&name.as_str()) && before.get(*name) != after.get(*name))
        .cloned()
        .collect()
}
