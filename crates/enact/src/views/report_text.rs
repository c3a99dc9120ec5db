//! The whole report of a runbook's run for people, as text and as Markdown. What comes from files, commands and people stands
//! in one line each and steers nothing.

use enact_runbook::report::{
    ApprovalReport, RequirementReport, RunbookReport, StepReport, Times, WaitReport, verdict_word,
};

use super::Painter;
use super::runbook_progress::{Marks, criterion_line};
use super::runbook_text::span;
use super::runbook_whole::one_line;

/// What stands above verdicts about what is not there any more.
const JUDGED_BEFORE: &str = "Judged before it was taken back:";

/// The whole report for people; `result` says how the run stands.
pub(crate) fn text(
    painter: Painter,
    ascii: bool,
    report: &RunbookReport,
    result: &str,
    history: &History,
) -> String {
    let title = one_line(&report.title);
    let mut text = format!(
        "{title} ({}), run {}\nResult: {result}\n",
        report.name, report.run_id
    );
    for step in &report.steps {
        text.push_str(&step_line(step, history));
    }
    for wait in &report.waits {
        text.push_str(&format!(" {}\n", wait_line(wait)));
    }
    for line in whole_run(report) {
        text.push_str(&format!("{line}\n"));
    }
    if report.judged_before_taken_back {
        text.push_str(&format!("{JUDGED_BEFORE}\n"));
    }
    for criterion in &report.criteria {
        let line = criterion_line(painter, Marks::of(ascii), criterion);
        text.push_str(&format!("{line}\n"));
    }
    text.push_str(&painter.strong("Requirements\n"));
    for requirement in &report.requirements {
        let word = if requirement.shown { "shown" } else { "not shown" };
        text.push_str(&format!(
            " {} {}: {word} ({})\n",
            requirement.id,
            one_line(&requirement.text),
            one_line(&shown_by(requirement))
        ));
    }
    list(&mut text, "Departed from the plan", &report.deviations);
    list(&mut text, "Not verified", &report.not_verified);
    text
}

fn step_line(step: &StepReport, history: &History) -> String {
    let mut text = format!(
        " [{}] {:<32} {:<12}",
        step.number,
        one_line(&step.title),
        step.state.replace('_', " ")
    );
    if let Some(actual) = step.actual_ms {
        text.push_str(&format!(" {:>8}", span(actual)));
    }
    if let Some(estimate) = step.estimate_ms {
        text.push_str(&format!("  est. {}", span(estimate)));
    }
    if let Some((median, p90, runs)) = history.of(&step.id) {
        text.push_str(&format!(
            "  usually {} (p90 {}, {runs} runs)",
            span(median),
            span(p90)
        ));
    }
    if step.attempts > 1 {
        text.push_str(&format!("  {} attempts", step.attempts));
    }
    text.push('\n');
    if let Some(note) = &step.note {
        text.push_str(&format!("      {}\n", one_line(note)));
    }
    text
}

fn wait_line(wait: &WaitReport) -> String {
    let long = wait.waited_ms.map_or("still waiting".to_owned(), span);
    let by = match wait.by.as_slice() {
        [] => String::new(),
        by => format!(" {}", one_line(&by.join(", "))),
    };
    format!("waited for {} {}: {long}{by}", wait.what, wait.step)
}

/// What is to be said of the run as a whole: its times beside what was expected, and what it rested on.
fn whole_run(report: &RunbookReport) -> Vec<String> {
    let mut lines = vec![total(&report.times)];
    lines.extend(downtime(&report.times));
    lines.extend(report.approvals.iter().map(approval));
    let conditions = report.conditions.iter();
    lines.extend(conditions.map(|condition| one_line(&format!("Condition: {condition}"))));
    lines
}

fn total(times: &Times) -> String {
    let mut text = format!("Total {}", span(times.worked_ms));
    if let Some(estimate) = times.estimate_ms {
        text.push_str(&format!(" (est. {})", span(estimate)));
    }
    if times.waited_ms > 0 {
        text.push_str(&format!(", waited {}", span(times.waited_ms)));
    }
    text
}

fn downtime(times: &Times) -> Option<String> {
    let expected = [
        times
            .downtime_estimate_ms
            .map(|most| format!("est. {}", span(most))),
        times
            .downtime_limit_ms
            .map(|most| format!("limit {}", span(most))),
    ];
    let expected: Vec<String> = expected.into_iter().flatten().collect();
    let expected = match expected.as_slice() {
        [] => String::new(),
        expected => format!(" ({})", expected.join(", ")),
    };
    times
        .downtime_ms
        .map(|down| format!("Downtime {}{expected}", span(down)))
}

fn approval(approval: &ApprovalReport) -> String {
    let by = approval.by.as_deref().unwrap_or("somebody who is not known here");
    let seconds = |at: &str| at.chars().take(19).collect::<String>();
    let at = approval
        .decided_at
        .as_deref()
        .map_or(String::new(), |at| format!(" at {}Z", seconds(at)));
    let said = approval
        .said
        .as_deref()
        .map_or(String::new(), |said| format!(": {said}"));
    one_line(&format!(
        "Approved by {by}{at} (approval {}){said}",
        approval.approval_id
    ))
}

fn list(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    text.push_str(&format!("{title}\n"));
    for line in lines {
        text.push_str(&format!(" - {}\n", one_line(line)));
    }
}

/// The report as Markdown, to put beside the plan.
pub(crate) fn markdown(report: &RunbookReport) -> String {
    let result = report
        .outcome
        .and_then(|outcome| serde_json::to_value(outcome).ok())
        .and_then(|word| word.as_str().map(|word| word.replace('_', " ")))
        .unwrap_or_else(|| "not ended".to_owned());
    let mut text = format!(
        "# {}\n\nRun `{}` of plan `{}`: **{result}**\n\n",
        cell(&report.title),
        report.run_id,
        report.plan_id
    );
    for line in whole_run(report) {
        text.push_str(&format!("- {}\n", cell(&line)));
    }
    text.push_str(
        "\n| | step | state | actual | estimate | attempts | note |\n|---|---|---|---|---|---|---|\n",
    );
    for step in &report.steps {
        let or_dash = |value: Option<u64>| value.map_or("–".to_owned(), span);
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} |\n",
            step.number,
            cell(&step.title),
            step.state.replace('_', " "),
            or_dash(step.actual_ms),
            or_dash(step.estimate_ms),
            step.attempts,
            cell(step.note.as_deref().unwrap_or_default())
        ));
    }
    text.push_str(&judged(report));
    text.push('\n');
    let waits: Vec<String> = report.waits.iter().map(wait_line).collect();
    let sections = [
        ("Waited", waits.as_slice()),
        ("Departed from the plan", &report.deviations),
        ("Not verified", &report.not_verified),
    ];
    for (title, lines) in sections {
        let lines: Vec<String> = lines.iter().map(|line| cell(line)).collect();
        list(&mut text, &format!("## {title}\n"), &lines);
        if !lines.is_empty() {
            text.push('\n');
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// What was judged at the end, and what shows each requirement.
fn judged(report: &RunbookReport) -> String {
    let mut text = String::new();
    if report.judged_before_taken_back {
        text.push_str(&format!("\n{JUDGED_BEFORE}\n"));
    }
    text.push_str("\n| criterion | | verdict | seen |\n|---|---|---|---|\n");
    for criterion in &report.criteria {
        text.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            criterion.id,
            cell(&criterion.text),
            verdict_word(criterion.verdict),
            cell(&criterion.detail)
        ));
    }
    text.push_str("\n| requirement | | | shown by |\n|---|---|---|---|\n");
    for requirement in &report.requirements {
        text.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            requirement.id,
            cell(&requirement.text),
            if requirement.shown { "shown" } else { "not shown" },
            cell(&shown_by(requirement))
        ));
    }
    text
}

/// What shows a requirement, in words.
fn shown_by(requirement: &RequirementReport) -> String {
    if requirement.evidence.is_empty() {
        return "no step and no criterion of the plan is about it".to_owned();
    }
    requirement.evidence.join("; ")
}

/// A text that stays inside of its cell, and is no markup.
fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|").replace('<', "&lt;")
}

/// How long steps of runbooks of this name took before: for better estimates.
#[derive(Debug, Default)]
pub(crate) struct History(std::collections::BTreeMap<String, Vec<u64>>);

impl History {
    /// Adds what one earlier run took.
    pub(crate) fn add(&mut self, report: &RunbookReport) {
        for step in &report.steps {
            if let (Some(actual), "succeeded") = (step.actual_ms, step.state.as_str()) {
                self.0.entry(step.id.clone()).or_default().push(actual);
            }
        }
    }

    /// Median, 90th percentile and number of runs of a step; from three runs on.
    fn of(&self, step: &str) -> Option<(u64, u64, usize)> {
        let mut spans = self.0.get(step)?.clone();
        if spans.len() < 3 {
            return None;
        }
        spans.sort_unstable();
        let at = |percent: usize| spans.get((spans.len() - 1) * percent / 100).copied();
        Some((at(50)?, at(90)?, spans.len()))
    }
}
