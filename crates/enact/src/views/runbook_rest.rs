//! What a runbook runs and rests on beside its steps: where secrets come from, what is taken for granted and how that is checked,
//! which files must be as they were.

use enact_core::change::{Change, Precondition};
use enact_core::condition::duration_in_words;
use enact_core::plan::Plan;
use enact_runbook::provider::secret_command;
use enact_runbook::spec::{Assumption, Document, STEP_TIMEOUT};

use super::runbook_whole::{check, one_line, part};

/// How many digits of a digest are shown.
const DIGITS: usize = 12;

/// What the plan is for: its description, and what is wanted of it.
pub(super) fn about(document: &Document) -> String {
    let mut text = part("", &document.description);
    for requirement in &document.requirements {
        text.push_str(&format!(
            "Wanted {}: {}\n",
            requirement.id,
            one_line(&requirement.text)
        ));
    }
    text
}

/// Where each secret comes from. A program that prints one is run on the machine that runs the plan.
pub(super) fn secrets(document: &Document) -> String {
    let mut text = String::new();
    for (name, parameter) in &document.parameters {
        let Some(from) = &parameter.from else { continue };
        let name = one_line(name);
        match secret_command(from) {
            Some(argv) => {
                text.push_str(&format!("Secret {name} is printed by:\n"));
                text.push_str(&part("", &enact_runbook::kinds::argv_whole(&argv)));
            }
            None => text.push_str(&format!("Secret {name}: from {}\n", one_line(from))),
        }
    }
    text
}

/// How long an attempt at a step may take that says nothing of it, where that is not as everywhere.
pub(super) fn usual_timeout(document: &Document) -> String {
    let usual = document.settings.default_timeout;
    if usual == STEP_TIMEOUT {
        return String::new();
    }
    format!(
        "Every step has: {} for an attempt, where it says nothing else\n",
        duration_in_words(usual)
    )
}

/// What is taken for granted; what is run to find that out, and when.
pub(super) fn assumptions(plan: &Plan, document: &Document) -> String {
    let mut text = String::new();
    for assumption in &document.assumptions {
        text.push_str(&format!(
            "  assumes {}: {}\n",
            assumption.id,
            one_line(&assumption.text)
        ));
        if let Some(checked) = &assumption.check {
            let label = format!("checked {}: ", moments(plan, assumption));
            text.push_str(&check(&label, checked));
        }
        for matcher in &assumption.broken_when {
            text.push_str(&part("broken when a step fails with: ", &matcher.shown()));
        }
    }
    text
}

/// When an assumption is checked: what its check is run for.
fn moments(plan: &Plan, assumption: &Assumption) -> String {
    let mut moments = Vec::new();
    if assumption.at_approve {
        moments.push("at the approval".to_owned());
    }
    if assumption.at_start {
        moments.push("at the start".to_owned());
    }
    let names = |change: &&Change| {
        change.preconditions.iter().any(
            |precondition| matches!(precondition, Precondition::Check { name, .. } if *name == assumption.id),
        )
    };
    let before = plan.changes().iter().filter(names);
    moments.extend(before.map(|change| format!("before {}", change.change_id)));
    if moments.is_empty() {
        return "never".to_owned();
    }
    moments.join(", ")
}

/// Files whose content is part of the plan, with the beginning of their digests.
pub(super) fn pinned(document: &Document) -> String {
    let line = |file: &enact_runbook::spec::PinnedFile| {
        format!("Pinned file: {}  {}\n", one_line(&file.path), short(&file.digest))
    };
    document.files.iter().map(line).collect()
}

/// The first digits of a digest.
pub(super) fn short(digest: &str) -> &str {
    let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
    digits.get(..DIGITS).unwrap_or(digits)
}
