//! What a run waits for, for people.

use enact_runbook::kinds::Assignee;

use super::runbook_whole::{one_line, visible};
use crate::commands::runs_next::{Confirmation, Next, OpenCriterion, OpenStep};

/// Every open step and confirmation, what the run waits for, and how to go on.
pub(crate) fn text(next: &Next) -> String {
    let mut text = String::new();
    for step in &next.open_steps {
        text.push_str(&open_step(step));
    }
    for confirmation in &next.confirmations {
        text.push_str(&open_confirmation(confirmation));
    }
    for criterion in &next.criteria {
        text.push_str(&open_criterion(criterion));
    }
    match (&next.decided, &next.reason) {
        (Some(choice), _) => text.push_str(&format!("It was decided: {choice}.\n")),
        (None, Some(reason)) => {
            let word = if next.state == "paused" {
                "It waits for"
            } else {
                "It stopped:"
            };
            text.push_str(&format!("{word} {}.\n", one_line(reason)));
        }
        (None, None) => {}
    }
    for line in &next.advice {
        text.push_str(&format!("{line}\n"));
    }
    text
}

fn open_step(step: &OpenStep) -> String {
    let mut text = format!(
        "Open step: {} ({})\nFor: {}\n",
        one_line(&step.title),
        step.step,
        match step.assignee {
            Assignee::Agent => "an agent",
            Assignee::Human => "a person",
        }
    );
    for line in step.instructions.lines() {
        text.push_str(&format!("{}\n", visible(line)));
    }
    for task in &step.tasks {
        text.push_str(&format!("- {}\n", one_line(task)));
    }
    if let Some(error) = &step.not_accepted {
        text.push_str(&format!("Not accepted the last time: {}\n", one_line(error)));
    }
    if step.attempts > 1 || step.not_accepted.is_some() {
        let (left, attempts) = (step.attempts_left, step.attempts);
        text.push_str(&format!("Attempts left: {left} of {attempts}\n"));
    }
    if let Some(folder) = &step.working_dir {
        text.push_str(&format!("In the folder: {}\n", one_line(folder)));
    }
    if !step.write_scope.is_empty() {
        let scope = one_line(&step.write_scope.join(", "));
        text.push_str(&format!("May change only: {scope}\n"));
    }
    for name in &step.checks {
        text.push_str(&format!("Will be checked: {}\n", one_line(name)));
    }
    for output in &step.outputs {
        text.push_str(&format!("Will be read: {}\n", one_line(output)));
    }
    if step.checks.is_empty() {
        text.push_str("Nothing will be checked: it counts as attested, not verified.\n");
    }
    text.push_str(&format!("When it is done: {}\n", one_line(&step.command)));
    text
}

fn open_criterion(criterion: &OpenCriterion) -> String {
    let who = criterion.role.as_deref().map_or_else(
        || "a person".to_owned(),
        |role| format!("a person with role {}", one_line(role)),
    );
    format!(
        "To attest: {} ({})\nFor: {who}\n",
        one_line(&criterion.text),
        criterion.criterion
    )
}

/// What to consider there; that and where it is asked for stands in what the run waits for.
fn open_confirmation(confirmation: &Confirmation) -> String {
    if confirmation.message.is_empty() && confirmation.evidence.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "To confirm {} it: {} ({})\n",
        confirmation.at,
        one_line(&confirmation.title),
        confirmation.step
    );
    for line in confirmation.message.lines() {
        text.push_str(&format!("{}\n", visible(line)));
    }
    for (name, value) in &confirmation.evidence {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned);
        text.push_str(&format!("- {}\n", one_line(&format!("{name}={value}"))));
    }
    text
}
