//! A runbook's plan for people: what will be done, what cannot be undone, what the approver must know.

use std::collections::BTreeSet;

use enact_core::change::{Change, ChangeId, Effect, Milliseconds, Undo};
use enact_core::plan::Plan;
use enact_core::procedure::{OnFailure, RollbackMode, RollbackRule};
use enact_runbook::spec::{CHECK_TIMEOUT, Document, Group, STEP};

use super::Painter;
use super::plan_text;
use super::runbook_rest;
use super::runbook_whole::{self, one_line};

/// A step in a listing.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) change_id: ChangeId,
    pub(crate) number: u32,
    pub(crate) title: String,
    pub(crate) estimate_ms: Option<u64>,
}

/// Every change of the plan with the number of its step.
pub(crate) fn listed(plan: &Plan, document: &Document) -> Vec<Listed> {
    let numbered = enact_runbook::numbers::numbered(plan.changes(), document);
    let listed = |(change, step): (&Change, enact_runbook::numbers::Numbered)| Listed {
        change_id: change.change_id.clone(),
        number: step.number,
        title: one_line(&step.title),
        estimate_ms: change.estimate.map(|estimate| estimate.0),
    };
    plan.changes().iter().zip(numbered).map(listed).collect()
}

/// `1h6m`, `4m12s`, `12.3s`, `40ms`.
pub(crate) fn span(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (0, 0, 0) => format!("{milliseconds}ms"),
        (0, 0, seconds) if milliseconds % 1000 < 100 => format!("{seconds}s"),
        (0, 0, seconds) => format!("{seconds}.{}s", milliseconds % 1000 / 100),
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, 0, _) => format!("{hours}h"),
        (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
    }
}

fn span_of(length: Milliseconds) -> String {
    span(length.0)
}

/// The one-line summary: name, digest, steps, estimates.
pub(crate) fn headline(painter: Painter, plan: &Plan, document: &Document) -> String {
    let steps = top_steps(plan, document);
    let mut parts = vec![
        document.name.clone(),
        plan.id().short().to_owned(),
        format!("{steps} step{}", if steps == 1 { "" } else { "s" }),
    ];
    if let Some(estimate) = document
        .estimate
        .filter(|_| document.settings.show_estimated_time)
    {
        parts.push(format!("est. {}", span_of(estimate.likely)));
    }
    if let Some(downtime) = &document.downtime {
        let mut text = "downtime".to_owned();
        if let Some(estimate) = downtime.estimate {
            text.push_str(&format!(" est. {}", span_of(estimate)));
        }
        if let Some(limit) = downtime.limit {
            text.push_str(&format!(" (limit {})", span_of(limit)));
        }
        parts.push(text);
    } else if let Some(estimate) = document.downtime_estimate {
        parts.push(format!("downtime est. {}", span_of(estimate)));
    }
    format!("{}     {}\n", painter.strong("PLAN"), parts.join("  "))
}

/// How many steps stand at the top level, without those that run in any case. One that became several changes, an included plan or
/// one of another domain, is one.
fn top_steps(plan: &Plan, document: &Document) -> usize {
    let steps = listed(plan, document);
    let steps = steps
        .iter()
        .filter(|step| !plan.change(&step.change_id).is_some_and(is_always));
    let numbers: BTreeSet<u32> = steps.map(|step| step.number).collect();
    numbers.len()
}

/// The whole plan: each step with what it runs.
pub(crate) fn render(painter: Painter, plan: &Plan, document: &Document) -> String {
    let mut text = headline(painter, plan, document);
    text.push_str(&format!("{}\n", one_line(&document.title)));
    text.push_str(&runbook_rest::about(document));
    if let Some(risk) = &document.risk {
        let level = risk.level.as_deref().unwrap_or("not rated");
        text.push_str(&format!("Risk: {}. {}\n", one_line(level), one_line(&risk.worst)));
    }
    for (name, variable) in &document.env {
        let assigned = one_line(&variable.assigned_to(name));
        text.push_str(&format!("Every command has: {assigned}\n"));
    }
    text.push_str(&runbook_rest::usual_timeout(document));
    text.push_str(&runbook_rest::secrets(document));
    for step in listed(plan, document) {
        let Some(change) = plan.change(&step.change_id) else {
            continue;
        };
        text.push_str(&step_line(painter, change, &step, document));
    }
    text.push_str(&runbook_rest::assumptions(plan, document));
    text.push_str(&runbook_rest::pinned(document));
    text.push_str(&plan_warnings(painter, plan));
    text
}

fn step_line(painter: Painter, change: &Change, step: &Listed, document: &Document) -> String {
    let mut marks = Vec::new();
    if change.adopted.is_some() {
        marks.push(painter.good("already done, adopted"));
    }
    if is_always(change) {
        marks.push("in any case".to_owned());
    }
    match change.effect {
        Effect::Read => marks.push("reads".to_owned()),
        Effect::Write => {}
        Effect::Destroy => marks.push(painter.bad("destroys")),
    }
    for hold in change.handling.iter().flat_map(|handling| &handling.holds) {
        let of = if hold.is_demanding() {
            format!(": {}", one_line(&hold.who()))
        } else {
            String::new()
        };
        marks.push(painter.careful(&format!("confirm {}{of}", hold.at.as_str())));
    }
    if let Some(mark) = after_its_failure(change) {
        marks.push(painter.careful(mark));
    }
    if let (Some(Undo::Impossible { .. }), false) = (&change.undo, is_always(change)) {
        marks.push("cannot be undone".to_owned());
    }
    if let Some(estimate) = step.estimate_ms {
        marks.push(format!("est. {}", span(estimate)));
    }
    let marks = if marks.is_empty() {
        String::new()
    } else {
        format!("  [{}]", marks.join(", "))
    };
    // A change of another domain says by its fields what it does, a step by its action.
    let what = if change.resource_type == STEP {
        runbook_whole::step(change, document)
    } else {
        plan_text::what_changes(painter, change, plan_text::Detail::default())
    };
    format!(
        "  {:>2}. {} ({}){marks}\n{}{what}",
        step.number,
        step.title,
        step.change_id,
        said_of_group(change, document),
    )
}

/// What is said of a step that became several, with the first of them.
fn said_of_group(change: &Change, document: &Document) -> String {
    let begins = |group: &&Group| group.changes.first() == Some(&change.change_id);
    let groups = document.groups.iter().filter(begins);
    groups
        .map(|group| runbook_whole::said(group.tasks.iter()))
        .collect()
}

/// What only the failure of this step leads to.
fn after_its_failure(change: &Change) -> Option<&'static str> {
    match change.handling.as_ref()?.on_failure {
        OnFailure::Escalate => Some("a failure waits for a person"),
        OnFailure::Rollback => Some("a failure rolls everything back"),
        OnFailure::Stop | OnFailure::Continue => None,
    }
}

/// Does it run however the run ends? Then it is never taken back.
fn is_always(change: &Change) -> bool {
    change.handling.as_ref().is_some_and(|handling| handling.always)
}

fn plan_warnings(painter: Painter, plan: &Plan) -> String {
    let line = |warning: &enact_core::plan::Warning| {
        format!("{} {}\n", painter.careful("warning:"), one_line(&warning.message))
    };
    plan.warnings().iter().map(line).collect()
}

/// What somebody who approves is asked to consider, after the plan itself.
pub(crate) fn approval_request(painter: Painter, plan: &Plan, document: &Document) -> String {
    let mut text = render(painter, plan, document);
    let changes = || plan.changes().iter().filter(|change| !change.blocked);
    list(
        &mut text,
        "Destroys:",
        changes().filter(|change| change.effect == Effect::Destroy && change.adopted.is_none()),
    );
    let for_good =
        |change: &&Change| matches!(change.undo, Some(Undo::Impossible { .. }) | None) && !is_always(change);
    list(&mut text, "Cannot be undone:", changes().filter(for_good));
    let goes_on = |change: &&Change| {
        change
            .handling
            .as_ref()
            .is_some_and(|handling| !handling.critical)
    };
    let needed: BTreeSet<&ChangeId> = changes().flat_map(|change| &change.depends_on).collect();
    let is_needed = |change: &&Change| needed.contains(&change.change_id);
    let apart = changes().filter(goes_on).filter(|change| !is_needed(change));
    list(&mut text, "May fail without stopping the run:", apart);
    list(
        &mut text,
        "May fail, and then what needs it is left out:",
        changes().filter(goes_on).filter(is_needed),
    );
    list(
        &mut text,
        "Cannot be simulated:",
        changes().filter(|change| change.adopted.is_none() && !can_be_simulated(change)),
    );
    text.push_str(&questions(document));
    text.push_str(&acceptance(document));
    text.push_str(&downtime(document));
    if let Some(asked) = document.approval_in_words() {
        text.push_str(&format!("Approval: {}\n", one_line(&asked)));
    }
    if !document.settings.stop_on_error {
        text.push_str("After a failure: further steps run, but for those that need the one that failed\n");
    }
    text.push_str(&format!("Rollback: {}", rollback_rule(&document.rollback)));
    let of_their_own: Vec<String> = changes()
        .filter(|change| after_its_failure(change).is_some())
        .map(|change| one_line(&change.resource_name))
        .collect();
    if !of_their_own.is_empty() {
        text.push_str(&format!(
            "; but see there after a failure of {}",
            of_their_own.join(", ")
        ));
    }
    if let Some(point) = &document.rollback.point_of_no_return {
        text.push_str(&format!("; point of no return: {point}"));
    }
    text.push('\n');
    text
}

/// What follows a failure, of a step and of what is verified at the end.
fn rollback_rule(rule: &RollbackRule) -> String {
    let of = |mode: RollbackMode| match mode {
        RollbackMode::Ask => "a person is asked whether to roll back",
        RollbackMode::Auto => "everything is rolled back",
        RollbackMode::Never => "nothing is rolled back by itself",
    };
    let (failure, unverified) = (of(rule.on_failure), of(rule.on_verify_failed));
    if failure == unverified {
        format!("after a failure {failure}")
    } else {
        format!("after a failure {failure}; when what is verified at the end does not hold, {unverified}")
    }
}

/// When the clock of the downtime runs, and what follows when it takes longer than it may.
fn downtime(document: &Document) -> String {
    let Some(window) = &document.downtime else {
        return String::new();
    };
    let longer = window.limit.map_or(String::new(), |limit| {
        format!(
            "; when it is longer than {}, {}",
            span_of(limit),
            window.when_longer()
        )
    });
    format!("Downtime: from {} to {}{longer}\n", window.from, window.to)
}

/// What was asked, and what the plan rests on: an answer, by whom, or what is assumed instead.
fn questions(document: &Document) -> String {
    let mut text = String::new();
    for question in &document.questions {
        let rests_on = match (&question.answer, &question.default) {
            (Some(answer), _) => {
                let by = question
                    .answered_by
                    .as_deref()
                    .map_or(String::new(), |by| format!(" ({by})"));
                let own = if question.self_answered {
                    ", the plan's own author"
                } else {
                    ""
                };
                format!("{answer}{by}{own}")
            }
            (None, Some(default)) => format!("not answered; assumed: {default}"),
            (None, None) => "not answered".to_owned(),
        };
        let asked = format!("Asked {}: {}  {rests_on}", question.id, question.text);
        text.push_str(&format!("{}\n", one_line(&asked)));
    }
    text
}

/// When it is good, and how that is found out.
fn acceptance(document: &Document) -> String {
    let mut text = String::new();
    for criterion in &document.acceptance {
        let how = match &criterion.check {
            Some(check) => enact_runbook::kinds::check_whole(check),
            None if criterion.manual => match &criterion.attest_by {
                Some(role) => format!("somebody with role {role} attests it"),
                None => "a person attests it".to_owned(),
            },
            None => "nothing checks it".to_owned(),
        };
        text.push_str(&good_when(&format!("{}: {}", criterion.id, criterion.text), &how));
        text.push_str(&criterion.check.as_ref().map_or_else(String::new, |check| {
            runbook_whole::where_looked(check, CHECK_TIMEOUT)
        }));
    }
    for requirement in &document.requirements {
        if let (Some(metric), Some(max)) = (&requirement.metric, requirement.max) {
            let how = format!("{metric} at most {}", span_of(max));
            text.push_str(&good_when(
                &format!("{}: {}", requirement.id, requirement.text),
                &how,
            ));
        }
    }
    for verification in document.verification.iter().filter(|found| found.wanted) {
        if let Some(check) = &verification.check {
            let how = enact_runbook::kinds::check_whole(check);
            text.push_str(&good_when(&format!("{}: it succeeds", verification.name), &how));
            text.push_str(&runbook_whole::where_looked(
                check,
                document.settings.default_timeout,
            ));
        }
    }
    text
}

/// What has to hold, and what finds it out: in the same line, or all of its lines below.
fn good_when(what: &str, how: &str) -> String {
    let what = one_line(what);
    if how.trim_end().contains('\n') {
        format!("Good when {what}\n{}", runbook_whole::part("", how))
    } else {
        format!("Good when {what}  [{}]\n", one_line(how))
    }
}

fn list<'a>(text: &mut String, title: &str, changes: impl Iterator<Item = &'a Change>) {
    let names: Vec<String> = changes.map(|change| one_line(&change.resource_name)).collect();
    if !names.is_empty() {
        text.push_str(&format!("{title} {}\n", names.join(", ")));
    }
}

/// Can a dry run say anything about it beyond showing it?
pub(crate) fn can_be_simulated(change: &Change) -> bool {
    let simulated = change.spec.as_ref().is_some_and(|spec| {
        // A cluster says by itself what would come of an action.
        let on_cluster = spec.get("kind").and_then(serde_json::Value::as_str) == Some("kubernetes");
        on_cluster || spec.get("dry_run").is_some()
    });
    change.resource_type != STEP || change.effect == Effect::Read || simulated
}
