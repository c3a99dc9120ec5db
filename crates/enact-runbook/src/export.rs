//! A frozen plan as Markdown, for reading. It names the plan's id and is never an input: reading it back is refused.

use std::collections::HashMap;

use enact_core::change::{Change, Effect, Postcondition, Undo};
use enact_core::plan::Plan;
use enact_core::procedure::RollbackMode;
use serde_json::Value;

use crate::kinds::{Assignee, Manual, Run, summary};
use crate::lint::tracing::minutes;
use crate::markdown::EXPORT_MARK;
use crate::spec::{CheckSpec, Document, Expect, StepSpec, UndoSpec};

/// The plan as Markdown.
pub fn markdown(plan: &Plan, document: &Document) -> String {
    let mut page = Page::default();
    head(&mut page, plan, document);
    about(&mut page, document);
    let numbers: HashMap<&str, u32> = document
        .groups
        .iter()
        .map(|group| (group.step.as_str(), group.number))
        .collect();
    page.heading(2, "Steps");
    let mut group = None;
    for change in plan.changes() {
        let of = document
            .groups
            .iter()
            .find(|group| group.changes.contains(&change.change_id));
        match of {
            Some(found) => {
                if group != Some(&found.step) {
                    let number = numbers.get(found.step.as_str()).copied().unwrap_or(0);
                    page.heading(3, &format!("{number}. {}", found.title));
                    group = Some(&found.step);
                }
                page.bullet(&format!(
                    "{} {} {}",
                    change.action.verb(),
                    change.resource_type,
                    change.resource_name
                ));
            }
            None => step(&mut page, change),
        }
    }
    page.gap();
    end(&mut page, plan, document);
    page.text
}

/// Markdown that is being written.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn heading(&mut self, level: usize, title: &str) {
        self.gap();
        self.text
            .push_str(&format!("{} {}\n\n", "#".repeat(level), escaped(title)));
    }

    fn paragraph(&mut self, text: &str) {
        self.gap();
        self.text.push_str(text);
        self.text.push_str("\n\n");
    }

    /// One line of a list; its text is escaped.
    fn bullet(&mut self, text: &str) {
        self.text.push_str(&format!("- {}\n", begun(&escaped(text))));
    }

    /// One line of a list with code in it.
    fn bullet_code(&mut self, text: &str, code: &str, rest: &str) {
        let (text, rest) = (escaped(text), escaped(rest));
        let gap = if rest.is_empty() { "" } else { " " };
        self.text
            .push_str(&format!("- {text} {}{gap}{rest}\n", inline(code)));
    }

    /// A block of code that nothing in it can end.
    fn code(&mut self, language: &str, code: &str) {
        self.gap();
        let mark = "`".repeat(longest_run(code).max(2) + 1);
        let ending = if code.ends_with('\n') || code.is_empty() {
            ""
        } else {
            "\n"
        };
        self.text
            .push_str(&format!("{mark}{language}\n{code}{ending}{mark}\n\n"));
    }

    fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }
}

/// The longest run of backticks in a text.
fn longest_run(text: &str) -> usize {
    text.split(|next| next != '`').map(str::len).max().unwrap_or(0)
}

/// A text at the start of a block, where some marks begin a heading, a list, a quote or a rule.
fn begun(text: &str) -> String {
    let digits = text.trim_start_matches(|next: char| next.is_ascii_digit());
    let number = text.len() - digits.len();
    if number > 0 && digits.starts_with(['.', ')']) {
        let (number, rest) = text.split_at(number);
        return format!("{number}\\{rest}");
    }
    if text.starts_with(['#', '+', '-', '>', '=', '~']) {
        return format!("\\{text}");
    }
    text.to_owned()
}

/// Text in one line, in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.trim().chars() {
        match character {
            '\\' | '`' | '*' | '_' | '<' | '[' | ']' | '|' => {
                safe.push('\\');
                safe.push(character);
            }
            '&' => safe.push_str("&amp;"),
            other if other.is_control() => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

/// Code within a line.
fn inline(code: &str) -> String {
    let code: String = code
        .chars()
        .map(|next| if next.is_control() { ' ' } else { next })
        .collect();
    let mark = "`".repeat(longest_run(&code) + 1);
    let pad = if code.starts_with('`') || code.ends_with('`') || code.is_empty() {
        " "
    } else {
        ""
    };
    format!("{mark}{pad}{code}{pad}{mark}")
}

fn head(page: &mut Page, plan: &Plan, document: &Document) {
    let metadata = plan.metadata();
    page.text.push_str(&format!("{EXPORT_MARK} {} -->\n", plan.id()));
    page.heading(1, &document.title);
    page.paragraph(&format!(
        "> Plan {} ({}), made by {} at {}. This page is for reading: nothing is run from it.",
        inline(&plan.id().to_string()),
        inline(&document.name),
        escaped(&metadata.author.id),
        metadata.generated_at,
    ));
    for paragraph in document
        .description
        .split("\n\n")
        .filter(|text| !text.trim().is_empty())
    {
        page.paragraph(&escaped(paragraph));
    }
    page.gap();
    if let Some(estimate) = document.estimate {
        page.bullet(&format!("Estimated time: {}", minutes(estimate.likely.0)));
    }
    if let Some(downtime) = &document.downtime {
        let mut text = format!("Downtime: from {} to {}", downtime.from, downtime.to);
        if let Some(estimate) = downtime.estimate {
            text.push_str(&format!(", estimated {}", minutes(estimate.0)));
        }
        if let Some(limit) = downtime.limit {
            text.push_str(&format!(", limit {}", minutes(limit.0)));
            text.push_str(&format!(": when it is longer, {}", downtime.when_longer()));
        }
        page.bullet(&text);
    } else if let Some(estimate) = document.downtime_estimate {
        page.bullet(&format!("Estimated downtime: {}", minutes(estimate.0)));
    }
    if let Some(risk) = &document.risk {
        let level = risk.level.as_deref().unwrap_or("not rated");
        page.bullet(&format!("Risk: {level}. {}", risk.worst));
    }
    if let Some(asked) = document.approval_in_words() {
        page.bullet(&format!("Approval: {asked}"));
    }
}

fn about(page: &mut Page, document: &Document) {
    page.heading(2, "Requirements");
    for requirement in &document.requirements {
        page.bullet(&format!("{}: {}", requirement.id, requirement.text));
    }
    if !document.questions.is_empty() {
        page.heading(2, "Questions");
    }
    for question in &document.questions {
        let by = question.answered_by.as_deref().unwrap_or("nobody named");
        let answer = match (&question.answer, &question.default) {
            (Some(answer), _) => format!("{answer} ({by})"),
            (None, Some(default)) => format!("not answered; assumed: {default}"),
            (None, None) => "not answered".to_owned(),
        };
        page.bullet(&format!("{}: {} {answer}", question.id, question.text));
    }
    if !document.parameters.is_empty() {
        page.heading(2, "Parameters");
    }
    for (name, parameter) in &document.parameters {
        let value = match (&parameter.value, &parameter.from) {
            (Some(value), _) => value.to_string(),
            (None, Some(from)) => format!("read from {from}"),
            (None, None) => "none".to_owned(),
        };
        page.bullet_code(&format!("{name}:"), &value, "");
    }
    if !document.assumptions.is_empty() {
        page.heading(2, "Assumptions");
    }
    for assumption in &document.assumptions {
        page.bullet(&format!("{}: {}", assumption.id, assumption.text));
        if let Some(spec) = &assumption.check {
            page.text.push_str("  ");
            check(page, "checked by", spec);
        }
    }
}

fn step(page: &mut Page, change: &Change) {
    let spec = change
        .spec
        .clone()
        .and_then(|spec| serde_json::from_value::<StepSpec>(spec).ok());
    let Some(spec) = spec else {
        page.heading(3, &change.resource_name);
        return;
    };
    page.heading(3, &format!("{}. {}", spec.number, change.resource_name));
    for task in &spec.tasks {
        page.bullet(task);
    }
    action(page, &spec.kind, &spec.action);
    page.bullet_code("id", change.change_id.as_str(), &facts(change, &spec));
    for hold in change.handling.iter().flat_map(|handling| &handling.holds) {
        let message = if hold.message.is_empty() {
            String::new()
        } else {
            format!(": {}", hold.message)
        };
        page.bullet(&format!(
            "to be confirmed {} it by {}{message}",
            hold.at.as_str(),
            hold.who()
        ));
    }
    if let Some(lock) = &spec.lock {
        page.bullet_code("holds the lock", lock, "");
    }
    let attempts = change.handling.as_ref().and_then(|handling| handling.attempts);
    if let Some(attempts) = attempts {
        page.bullet(&format!("at most {} attempts", attempts.attempts));
    }
    if let Some(folder) = &spec.working_dir {
        page.bullet_code("in", folder, "");
    }
    for path in &spec.makes {
        page.bullet_code("makes", path, "(what is run from there is not pinned)");
    }
    for (name, variable) in &spec.env {
        page.bullet_code("with", &variable.assigned_to(name), "");
    }
    if let Some(when) = &spec.when {
        page.bullet_code("only when", when, "");
    }
    if let Some(probe) = &spec.probe {
        check(page, "when its outcome is not known, looked for by", &probe.check);
    }
    for postcondition in &change.postconditions {
        if let Postcondition::Check { spec, .. } = postcondition
            && let Ok(spec) = serde_json::from_value::<CheckSpec>(spec.clone())
        {
            check(page, "verified by", &spec);
        }
    }
    match &change.undo {
        Some(Undo::Run { spec }) => {
            page.bullet("taken back by:");
            if let Ok(spec) = serde_json::from_value::<UndoSpec>(spec.clone()) {
                action(page, &spec.kind, &spec.action);
            }
        }
        Some(Undo::Impossible { reason }) => page.bullet(&format!("cannot be taken back: {reason}")),
        _ => page.bullet("nothing to take back"),
    }
}

fn facts(change: &Change, spec: &StepSpec) -> String {
    let effect = match change.effect {
        Effect::Read => "only looks",
        Effect::Write => "writes",
        Effect::Destroy => "destroys",
    };
    let mut facts = format!("· {}, {effect}", spec.kind);
    if let Some(timeout) = change.timeout {
        facts.push_str(&format!(", at most {}", minutes(timeout.0)));
    }
    if let Some(estimate) = change.estimate {
        facts.push_str(&format!(", estimated {}", minutes(estimate.0)));
    }
    if !spec.satisfies.is_empty() {
        facts.push_str(&format!(", for {}", spec.satisfies.join(", ")));
    }
    facts
}

/// What is done, in full.
fn action(page: &mut Page, kind: &str, value: &Value) {
    if let ("run", Ok(run)) = (kind, serde_json::from_value::<Run>(value.clone())) {
        page.code("bash", &run.script.shown());
    } else if let ("manual", Ok(manual)) = (kind, serde_json::from_value::<Manual>(value.clone())) {
        page.gap();
        page.bullet(match manual.assignee {
            Assignee::Human => "done by a person, who is told:",
            Assignee::Agent => "done by an agent, which is told:",
        });
        page.code("text", &manual.instructions.shown());
        for path in &manual.write_scope {
            page.bullet_code("may change", path, "");
        }
        for said in &manual.attest {
            page.bullet(&format!("to state when done: {said}"));
        }
    } else {
        page.code("json", &pretty(&serde_json::json!({ kind: value })));
    }
}

fn check(page: &mut Page, said: &str, spec: &CheckSpec) {
    let name = summary(&spec.kind, &spec.action);
    let whole = !name.ends_with('…');
    let shown = if whole {
        name
    } else {
        serde_json::json!({ &spec.kind: spec.action }).to_string()
    };
    let mut more = Vec::new();
    if let Some(list) = &spec.for_each {
        more.push(format!("for each of {}", crate::each::shown(list)));
    }
    if spec.expect != Expect::default() {
        more.push(format!("expecting {}", spec.expect.shown(&spec.kind)));
    }
    page.bullet_code(said, &shown, &more.join(", "));
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn end(page: &mut Page, plan: &Plan, document: &Document) {
    page.heading(2, "Acceptance criteria");
    for criterion in &document.acceptance {
        let how = if criterion.manual {
            " (a person attests it)"
        } else {
            ""
        };
        page.bullet(&format!("{}: {}{how}", criterion.id, criterion.text));
        if let Some(spec) = &criterion.check {
            page.text.push_str("  ");
            check(page, "checked by", spec);
        }
    }
    for verification in document.verification.iter().filter(|found| found.wanted) {
        if let Some(spec) = &verification.check {
            check(page, &format!("{} verified by", verification.name), spec);
        }
    }
    if !document.env.is_empty() {
        page.heading(2, "Environment");
    }
    for (name, variable) in &document.env {
        page.bullet_code("every command has", &variable.assigned_to(name), "");
    }
    page.heading(2, "When it fails");
    let word = |mode: RollbackMode| match mode {
        RollbackMode::Ask => "a person is asked whether it is taken back",
        RollbackMode::Auto => "it is taken back",
        RollbackMode::Never => "nothing is taken back",
    };
    page.bullet(&format!("a step fails: {}", word(document.rollback.on_failure)));
    page.bullet(&format!(
        "verification fails: {}",
        word(document.rollback.on_verify_failed)
    ));
    if !document.files.is_empty() {
        page.heading(2, "Files");
    }
    for file in &document.files {
        page.bullet_code(&file.path, &file.digest, "");
    }
    if !plan.warnings().is_empty() {
        page.heading(2, "Warnings");
    }
    for warning in plan.warnings() {
        page.bullet(&warning.message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escaped("# <b>*x*\n[y](z)"), "# \\<b>\\*x\\* \\[y\\](z)");
        assert_eq!(inline("a `b`"), "`` a `b` ``");
        let mut page = Page::default();
        page.code("bash", "echo '```'\n");
        assert_eq!(page.text, "````bash\necho '```'\n````\n\n");
    }
}
