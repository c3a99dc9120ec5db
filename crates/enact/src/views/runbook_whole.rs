//! Everything that a step does, for whoever has to agree to it: nothing is cut, and no text can pass for another line.

use std::collections::BTreeMap;

use enact_core::change::{Change, Postcondition, Undo};
use enact_runbook::kinds::{check_whole, whole};
use enact_runbook::spec::{CheckSpec, StepSpec, UndoSpec, Variable};

/// What a step runs and under which conditions, how that is looked at, and how it is taken back; each part in lines of its own.
pub(super) fn step(change: &Change) -> String {
    let spec = change.spec.clone().map(serde_json::from_value::<StepSpec>);
    let Some(Ok(spec)) = spec else {
        return String::new();
    };
    let mut text = part("", &whole(&spec.kind, &spec.action));
    if let Some(folder) = &spec.working_dir {
        text.push_str(&part("in: ", folder));
    }
    for (name, variable) in &spec.env {
        text.push_str(&part("with: ", &variable.assigned_to(name)));
    }
    if let Some(when) = &spec.when {
        text.push_str(&part("only when: ", when));
    }
    if let Some(lock) = &spec.lock {
        text.push_str(&part("lock: ", lock));
    }
    let attempts = change.handling.as_ref().and_then(|handling| handling.attempts);
    if let Some(attempts) = attempts.filter(|attempts| attempts.attempts > 1) {
        text.push_str(&part("attempts: ", &format!("at most {}", attempts.attempts)));
    }
    for check in &change.postconditions {
        if let Postcondition::Check { spec: check, .. } = check {
            text.push_str(&check_of("verify: ", check, &spec));
        }
    }
    if let Some(probe) = &spec.probe {
        text.push_str(&part("probe: ", &check_whole(&probe.check)));
        text.push_str(&around(
            &probe.check.env,
            probe.check.working_dir.as_deref(),
            Some(&spec),
        ));
    }
    if let Some(simulation) = &spec.dry_run {
        text.push_str(&part("dry run: ", &whole(&simulation.kind, &simulation.action)));
    }
    let undo = change.undo.as_ref().and_then(Undo::spec);
    if let Some(Ok(undo)) = undo.cloned().map(serde_json::from_value::<UndoSpec>) {
        text.push_str(&part("rollback: ", &whole(&undo.kind, &undo.action)));
        text.push_str(&around(&undo.env, undo.working_dir.as_deref(), Some(&spec)));
    }
    text
}

fn check_of(label: &str, check: &serde_json::Value, step: &StepSpec) -> String {
    match serde_json::from_value::<CheckSpec>(check.clone()) {
        Ok(check) => {
            part(label, &check_whole(&check)) + &around(&check.env, check.working_dir.as_deref(), Some(step))
        }
        // Those of other domains are described by their own kind of change.
        Err(_) => String::new(),
    }
}

/// Where something is run and with which variables, where that is not said of its step already.
fn around(env: &BTreeMap<String, Variable>, working_dir: Option<&str>, step: Option<&StepSpec>) -> String {
    let mut text = String::new();
    if let Some(folder) = working_dir.filter(|folder| {
        let of_step = step.and_then(|step| step.working_dir.as_deref());
        of_step != Some(*folder)
    }) {
        text.push_str(&part("  in: ", folder));
    }
    for (name, variable) in env {
        if step.and_then(|step| step.env.get(name)) != Some(variable) {
            text.push_str(&part("  with: ", &variable.assigned_to(name)));
        }
    }
    text
}

/// A check that belongs to no step: what is run, where, and with what.
pub(super) fn check(label: &str, check: &CheckSpec) -> String {
    part(label, &check_whole(check)) + &around(&check.env, check.working_dir.as_deref(), None)
}

/// One part below its step: in its line where it is one line, otherwise each of its lines behind a bar.
pub(super) fn part(label: &str, text: &str) -> String {
    let mut lines = text.trim_end().lines();
    match (lines.next(), lines.next()) {
        (None, _) => String::new(),
        (Some(only), None) => format!("      {label}{}\n", visible(only)),
        (Some(_), Some(_)) => {
            let head = match label.trim_end() {
                "" => String::new(),
                label => format!("      {label}\n"),
            };
            let lines = text.trim_end().lines();
            let barred = lines.map(|line| format!("      | {}\n", visible(line)));
            head + &barred.collect::<String>()
        }
    }
}

/// A text from outside in one line, in which nothing is hidden: line breaks are spaces, and characters that steer a terminal are
/// shown as escapes, the codes of colours too.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split(['\n', '\r']).map(str::trim).collect();
    visible(words.join(" ").trim())
}

fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\t' {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_stays_one_and_several_stand_behind_bars() {
        assert_eq!(part("verify: ", "test -e x\n"), "      verify: test -e x\n");
        assert_eq!(
            part("", "echo hello\n\n  2. Two (b)"),
            "      | echo hello\n      | \n      |   2. Two (b)\n"
        );
        assert_eq!(
            part("rollback: ", "a\nb"),
            "      rollback:\n      | a\n      | b\n"
        );
        assert_eq!(part("rollback: ", ""), "");
    }

    #[test]
    fn a_title_cannot_begin_a_line_or_paint_itself() {
        let title = "List files (a)\n      ls -la\n   2. \u{1b}[32mTwo\u{1b}[0m";
        let shown = one_line(title);
        assert_eq!(shown, "List files (a) ls -la 2. \\u{1b}[32mTwo\\u{1b}[0m");
    }
}
