//! Everything that a step does, for whoever has to agree to it: nothing is cut, and no text can pass for another line.

use std::collections::BTreeMap;

use enact_core::change::{Change, Effect, Milliseconds, Postcondition, Undo};
use enact_core::condition::duration_in_words;
use enact_core::procedure::Attempts;
use enact_runbook::kinds::{WAIT_EVERY, Wait, check_whole, whole};
use enact_runbook::process::display::is_hidden;
use enact_runbook::spec::{CHECK_TIMEOUT, CheckSpec, Document, Repeat, StepSpec, Text, UndoSpec, Variable};

/// What a step runs and under which conditions, how that is looked at, and how it is taken back; each part in lines of its own.
pub(super) fn step(change: &Change, document: &Document) -> String {
    let spec = change.spec.clone().map(serde_json::from_value::<StepSpec>);
    let Some(Ok(spec)) = spec else {
        return String::new();
    };
    let action = whole(&spec.kind, &spec.action);
    // Who does a step that is only described is told what it covers.
    let in_action = |task: &&String| action.lines().any(|line| line.trim_end().ends_with(task.trim()));
    let beside = spec.tasks.iter().filter(|task| !in_action(task));
    let mut text = said(beside);
    text.push_str(&part("", &action));
    text.push_str(&waited_for(&spec));
    if let Some(folder) = &spec.working_dir {
        text.push_str(&part("in: ", folder));
    }
    if !spec.makes.is_empty() {
        let made = format!("{} (what is run from there is not pinned)", spec.makes.join(", "));
        text.push_str(&part("makes: ", &made));
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
    text.push_str(&bounds(change, &spec, document));
    let attempts = change.handling.as_ref().and_then(|handling| handling.attempts);
    if let Some(attempts) = attempts.filter(|attempts| attempts.attempts > 1) {
        text.push_str(&part("attempts: ", &repeated(attempts)));
        for matcher in &spec.retry_on {
            text.push_str(&part("  only after: ", &matcher.shown()));
        }
    }
    for (name, output) in &spec.outputs {
        text.push_str(&part("output: ", &format!("{name}, {}", output.shown())));
    }
    for matcher in &spec.escalate_on {
        text.push_str(&part("stops for a person on: ", &matcher.shown()));
    }
    for check in &change.postconditions {
        if let Postcondition::Check { spec: check, .. } = check {
            text.push_str(&check_of("verify: ", check, &spec));
        }
    }
    if let Some(probe) = &spec.probe {
        text.push_str(&part("probe: ", &check_whole(&probe.check)));
        for matcher in &probe.partial {
            text.push_str(&part("  done in part on: ", &matcher.shown()));
        }
        text.push_str(&how_long(&probe.check, CHECK_TIMEOUT));
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
        text.push_str(&timeout(
            "  timeout: ",
            undo.timeout,
            document.settings.default_timeout,
        ));
    }
    text
}

/// What is said of a step for people: what it covers, and in Markdown all that stands around its commands.
pub(super) fn said<'t>(tasks: impl Iterator<Item = &'t String>) -> String {
    let lines = tasks.map(|task| part("says: ", &one_line(task)));
    lines.collect()
}

/// How a step that waits looks, where it is not said of the step.
fn waited_for(step: &StepSpec) -> String {
    let wait = (step.kind == "wait").then(|| serde_json::from_value::<Wait>(step.action.clone()));
    let Some(Ok(Wait { until, every })) = wait else {
        return String::new();
    };
    timeout("  timeout of one look: ", until.timeout, CHECK_TIMEOUT)
        + &timeout("  every: ", every, WAIT_EVERY)
        + &around(&until.env, until.working_dir.as_deref(), Some(step))
}

/// How long it may take and whether it may run again, where that is not what holds for every step that says nothing of it.
fn bounds(change: &Change, spec: &StepSpec, document: &Document) -> String {
    let usual = document.settings.default_timeout;
    let mut text = timeout("timeout: ", change.timeout.unwrap_or(usual), usual);
    if let Some(length) = spec.timeout_total {
        text.push_str(&part("timeout of all attempts: ", &duration_in_words(length)));
    }
    let looks_only = change.effect == Effect::Read;
    // An action of the catalog says by itself whether it may run again.
    let is_usual = spec.kind == "kubernetes" || (spec.repeat == Repeat::Safe) == looks_only;
    let repeat = match spec.repeat {
        Repeat::Keyed => {
            let key = spec.key.as_ref().map(Text::shown);
            format!("keyed{}", key.map_or(String::new(), |key| format!(", key {key}")))
        }
        Repeat::Safe if !is_usual => "safe".to_owned(),
        Repeat::Never if !is_usual => "never".to_owned(),
        Repeat::Safe | Repeat::Never => return text,
    };
    text + &part("repeat: ", &repeat)
}

/// How often it is tried, and with which waits between, where those are not the usual ones.
fn repeated(attempts: Attempts) -> String {
    const USUAL: (Milliseconds, u32, Milliseconds) = (Milliseconds(1_000), 200, Milliseconds(60_000));
    let most = format!("at most {}", attempts.attempts);
    if (attempts.delay, attempts.growth_percent, attempts.longest) == USUAL {
        return most;
    }
    let first = duration_in_words(attempts.delay);
    if attempts.growth_percent == 100 || attempts.attempts == 2 {
        return format!("{most}, {first} between");
    }
    let longest = duration_in_words(attempts.longest);
    format!("{most}, {first} between the first two, then longer, {longest} at most")
}

/// A time-out, where it is another than that of whatever says nothing of one.
fn timeout(label: &str, length: Milliseconds, usual: Milliseconds) -> String {
    if length == usual {
        return String::new();
    }
    part(label, &duration_in_words(length))
}

fn check_of(label: &str, check: &serde_json::Value, step: &StepSpec) -> String {
    match serde_json::from_value::<CheckSpec>(check.clone()) {
        Ok(check) => {
            part(label, &check_whole(&check))
                + &how_long(&check, CHECK_TIMEOUT)
                + &around(&check.env, check.working_dir.as_deref(), Some(step))
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
    part(label, &check_whole(check)) + &where_looked(check, CHECK_TIMEOUT)
}

/// For how long a check that belongs to no step is run, where, and with what.
pub(super) fn where_looked(check: &CheckSpec, usual: Milliseconds) -> String {
    how_long(check, usual) + &around(&check.env, check.working_dir.as_deref(), None)
}

/// For how long one attempt at a check may take, and how many there are.
fn how_long(check: &CheckSpec, usual: Milliseconds) -> String {
    let mut text = timeout("  timeout: ", check.timeout, usual);
    if check.attempts > 1 {
        let between = duration_in_words(check.delay);
        let attempts = format!("at most {}, {between} between", check.attempts);
        text.push_str(&part("  attempts: ", &attempts));
    }
    text
}

/// A text below the line that it belongs to: its further lines stand in as far as the first, so that none passes for a line
/// of its own.
pub(crate) fn below(text: &str) -> String {
    let lines: Vec<String> = text.trim_end().lines().map(visible).collect();
    lines.join("\n        ")
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

/// One line in which nothing is hidden.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if (character.is_control() && character != '\t') || is_hidden(character) {
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
