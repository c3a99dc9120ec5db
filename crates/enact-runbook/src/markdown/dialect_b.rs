//! Dialect B: phases. Phase 1 is the plan; what phase 2 says was done is no part of it; phase 3 says what must hold.
//!
//! Its steps are described and not written out, so each becomes work that somebody attests.

use std::ops::Range;

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::Body;

use super::blocks::{Block, Content, Fence, Item, Line, extent, joined};
use super::info::Role;
use super::sections::{Region, Section};
use super::steps::Manner;
use super::{MANUAL, Translation, pair, word};
use crate::reading::Node;

/// Marks that say whether something held.
const TICKS: [char; 8] = ['✓', '✔', '✅', '☑', '✗', '✘', '❌', '\u{fe0f}'];

impl Translation<'_> {
    pub(super) fn dialect_b(&mut self, regions: &[Region<'_>]) {
        let assignee = self.assignee("human");
        self.visible(regions);
        let title = self.asked_title(regions);
        self.add_head(title);
        let undos = self.rollback_sections(regions);
        self.common_sections(regions);
        let manner = Manner {
            undos: &undos,
            assignee: Some(&assignee),
        };
        self.step_sections(regions, &manner);
        self.described_steps(&assignee);
        let steps = self.step_count();
        for region in regions {
            match region.section {
                Section::Approval => self.approval_request(region, steps),
                Section::Transcript => self.note(
                    &region.start(),
                    "this part is not part of the plan: what somebody says was done is no evidence",
                ),
                Section::Verify => self.verify_phase(region),
                Section::Requirements
                | Section::Questions
                | Section::Assumptions
                | Section::Steps
                | Section::Acceptance
                | Section::Rollback
                | Section::Verification
                | Section::Task
                | Section::Prose => {}
            }
        }
        self.prose(regions, is_asked);
    }

    /// Who does steps that are only described: `assignee` of the front matter.
    pub(super) fn assignee(&mut self, otherwise: &str) -> String {
        let Some(entry) = self.take("assignee") else {
            return otherwise.to_owned();
        };
        match entry.value.text() {
            Some(name @ ("human" | "agent")) => name.to_owned(),
            _ => {
                let fault = Diagnostic::error("`assignee` is `human` or `agent`");
                self.say(crate::reading::DOCUMENT, entry.value.span, fault);
                otherwise.to_owned()
            }
        }
    }

    /// The title: a heading `# …`, or what the user asked for: `**User**: "…"`.
    fn asked_title(&mut self, regions: &[Region<'_>]) -> Option<(String, Range<usize>)> {
        let headings = regions.iter().filter(|region| region.section == Section::Prose);
        for block in headings.filter_map(|region| region.heading) {
            if let Some((1, lines)) = block.heading()
                && !joined(lines).to_ascii_lowercase().starts_with("phase ")
            {
                return Some((joined(lines), extent(lines, &block.range)));
            }
        }
        let blocks = regions.iter().flat_map(|region| &region.blocks);
        let mut lines = blocks.filter_map(|block| block.paragraph()?.first());
        lines.find_map(asked)
    }

    /// Says once that steps have no command.
    fn described_steps(&mut self, assignee: &str) {
        let steps = self.entries.iter().find(|entry| entry.key == "steps");
        let Some(Body::Sequence(items)) = steps.map(|entry| &entry.value.body) else {
            return;
        };
        let manual: Vec<_> = items
            .iter()
            .filter(|item| matches!(&item.body, Body::Mapping(entries) if entries.iter().any(|entry| entry.key == "manual")))
            .collect();
        let Some(span) = manual.first().map(|step| step.span) else {
            return;
        };
        let who = if assignee == "agent" {
            "an agent"
        } else {
            "a person"
        };
        let note = Diagnostic::warning(format!(
            "{} of {} steps have no command: {who} does them and attests it, and nothing verifies it",
            manual.len(),
            items.len()
        ))
        .hint("give each step a block of `bash`, or checks in a block `bash verify`");
        self.say(MANUAL, span, note);
    }

    fn step_count(&self) -> usize {
        match self
            .entries
            .iter()
            .find(|entry| entry.key == "steps")
            .map(|entry| &entry.value.body)
        {
            Some(Body::Sequence(items)) => items.len(),
            _ => 0,
        }
    }

    /// The quote in which approval was asked for: estimates and the worst risk.
    fn approval_request(&mut self, region: &Region<'_>, steps: usize) {
        let mut risk = Vec::new();
        for block in &region.blocks {
            match &block.content {
                Content::Quote(inner) => inner
                    .iter()
                    .for_each(|block| self.request_block(block, steps, &mut risk)),
                Content::List(_) => self.request_block(block, steps, &mut risk),
                Content::Paragraph(lines) => self.note(
                    &extent(lines, &block.range),
                    "this text approves nothing and adds no condition: use `enact approve`",
                ),
                Content::Fence(_) => self.note(&block.range, "this block of code is not part of the plan"),
                Content::Heading(..) | Content::Html | Content::Rule => {}
            }
        }
        if let Some(span) = risk.first().map(|entry: &super::Pair| entry.span) {
            let start = region.start();
            self.add_missing("risk", &start, Node::new(span, Body::Mapping(risk)));
        }
    }

    fn request_block(&mut self, block: &Block, steps: usize, risk: &mut Vec<super::Pair>) {
        match &block.content {
            Content::Paragraph(lines) => {
                for line in lines {
                    self.request_line(line, steps, risk);
                }
            }
            Content::List(items) => {
                for block in items.iter().flat_map(|item| &item.blocks) {
                    self.request_block(block, steps, risk);
                }
            }
            Content::Quote(_) | Content::Fence(_) => {
                self.note(&block.range, "this part of the request is not part of the plan");
            }
            Content::Heading(..) | Content::Html | Content::Rule => {}
        }
    }

    fn request_line(&mut self, line: &Line, steps: usize, risk: &mut Vec<super::Pair>) {
        let stated = after(line, "steps:").and_then(|(value, _)| value.parse().ok());
        let stated = stated.or_else(|| stated_steps(&line.text));
        if let Some(said) = stated.filter(|said| *said != steps) {
            self.note(
                &line.range,
                format!("this says {said} steps, and the plan has {steps}"),
            );
        }
        let mut taken = stated.is_some();
        for (label, key) in [
            ("estimated time:", "estimate"),
            ("estimated downtime:", "downtime"),
        ] {
            if let Some((value, at)) = after(line, label) {
                taken = true;
                self.requested_time(key, value, &at);
            }
        }
        taken |= self.requested_risk(line, risk);
        let is_label = |text: &str| {
            text.split_once(": ")
                .is_some_and(|(_, value)| !value.trim().is_empty())
        };
        if !taken && is_label(&line.text) {
            self.note(
                &line.range,
                "this line of the request is not part of the plan; it takes: Steps, Estimated time, Estimated downtime, Maximum risk, Risk level",
            );
        }
    }

    fn requested_time(&mut self, key: &'static str, value: &str, at: &Range<usize>) {
        let Some(length) = duration(value) else {
            self.note(
                at,
                format!("this is no length of time that can be taken for sure: `{value}`"),
            );
            return;
        };
        let span = self.lines.span(at);
        let node = if key == "estimate" {
            word(span, &length)
        } else {
            let estimate = pair("estimate", span, word(span, &length));
            Node::new(span, Body::Mapping(vec![estimate]))
        };
        self.add_missing(key, at, node);
    }

    /// `Maximum risk: clients are refused`, `Risk level: high`; false when a line is neither.
    fn requested_risk(&self, line: &Line, risk: &mut Vec<super::Pair>) -> bool {
        const LEVELS: [&str; 4] = ["low", "medium", "high", "critical"];
        let labels = [
            "maximum risk:",
            "max risk:",
            "risk level:",
            "worst case:",
            "risk:",
        ];
        let Some((value, at)) = labels.iter().find_map(|label| after(line, label)) else {
            return false;
        };
        let lower = value.to_ascii_lowercase();
        let (key, value) = if LEVELS.contains(&lower.as_str()) {
            ("level", lower.as_str())
        } else {
            ("worst", value)
        };
        let is_new = !risk.iter().any(|entry| entry.key == key);
        if is_new {
            risk.push(pair(key, self.lines.span(&at), self.text(&at, value)));
        }
        is_new
    }

    /// Phase 3: what was ticked there is what a person must be able to attest.
    fn verify_phase(&mut self, region: &Region<'_>) {
        if self.has("acceptance") {
            self.note(
                &region.start(),
                "this part is not part of the plan: its criteria are given elsewhere",
            );
            return;
        }
        let mut criteria: Vec<Node> = Vec::new();
        for block in &region.blocks {
            match &block.content {
                Content::List(items) => {
                    for item in items {
                        let node = self.ticked_criterion(item, criteria.len() + 1);
                        criteria.push(node);
                    }
                }
                Content::Fence(fence) => self.loose_fence(fence, &block.range),
                Content::Paragraph(lines) => {
                    let at = extent(lines, &block.range);
                    self.note(
                        &at,
                        "this text is not part of the plan: criteria come from the list",
                    );
                }
                Content::Quote(_) => self.note(&block.range, "this quote is not part of the plan"),
                Content::Heading(..) => self.heading_within(block, "acceptance"),
                Content::Html | Content::Rule => {}
            }
        }
        let start = region.start();
        if criteria.is_empty() {
            self.note(
                &start,
                "there is no list of what must hold: criteria are not made up; add `## Acceptance criteria`",
            );
            return;
        }
        self.note(
            &start,
            "the list of this part became the acceptance criteria: one without a check a person attests, and ticks count for nothing",
        );
        let span = self.lines.span(&start);
        self.add("acceptance", &start, Node::new(span, Body::Sequence(criteria)));
    }

    /// A block of code that stands below no criterion.
    fn loose_fence(&mut self, fence: &Fence, range: &Range<usize>) {
        if !self.is_clear(fence, range) {
            return;
        }
        if self.info(fence).role() == Role::Other {
            self.note(range, "this block is not part of the plan: it is no command");
        } else {
            let hint = "put it below the item that it checks, indented like its text";
            self.ambiguous(range, "what is this a check of?", hint);
        }
    }

    /// The check of a criterion: the one block of commands below it.
    fn criterion_check(&mut self, item: &Item) -> Option<Node> {
        let mut found: Option<Node> = None;
        for block in item.below() {
            let Content::Fence(fence) = &block.content else {
                if !matches!(block.content, Content::Html | Content::Rule) {
                    self.note(
                        &block.range,
                        "this text below a criterion is not part of the plan",
                    );
                }
                continue;
            };
            if !self.is_clear(fence, &block.range) {
                continue;
            }
            let info = self.info(fence);
            if info.role() == Role::Other {
                self.note(
                    &block.range,
                    "this block is not part of the plan: it is no command",
                );
                continue;
            }
            let mut checks = self.checks(fence, &block.range, &info);
            if found.is_some() || checks.len() != 1 {
                let hint = "keep one block below a criterion";
                self.ambiguous(&block.range, "which of these is the check?", hint);
            }
            found = found.or_else(|| checks.pop());
        }
        found
    }

    fn ticked_criterion(&mut self, item: &Item, number: usize) -> Node {
        self.struck_entry(item);
        let at = extent(item.lines(), &item.range);
        let span = self.lines.span(&at);
        let text = joined(item.lines());
        let text = text.trim_start_matches(TICKS).trim();
        self.doubted_item(item, text);
        let judged = match self.criterion_check(item) {
            Some(check) => pair("check", check.span, check),
            None => pair("manual", span, word(span, "true")),
        };
        let entries = vec![
            pair("id", span, self.text(&at, &format!("C{number}"))),
            pair("text", span, self.text(&at, text)),
            judged,
        ];
        Node::new(span, Body::Mapping(entries))
    }
}

/// Does the title come from here?
fn is_asked(block: &Block) -> bool {
    block
        .paragraph()
        .and_then(|lines| asked(lines.first()?))
        .is_some()
}

/// `**User**: "Do it"`: what was asked.
fn asked(line: &Line) -> Option<(String, Range<usize>)> {
    let (bold, _, rest) = line.bold_start()?;
    if !bold.trim_end_matches(':').trim().eq_ignore_ascii_case("user") {
        return None;
    }
    let title = rest
        .trim_start_matches(':')
        .trim()
        .trim_matches(['"', '“', '”', '\'']);
    let start = line.range.start + line.text.find(title)?;
    (!title.is_empty()).then(|| (title.to_owned(), start..start + title.len()))
}

/// What stands behind a label, to the end of its sentence.
fn after<'l>(line: &'l Line, label: &str) -> Option<(&'l str, Range<usize>)> {
    let lower = line.text.to_ascii_lowercase();
    let bold = label.replace(':', "**:");
    let found = |label: &str| Some(lower.find(label)? + label.len());
    let start = found(label).or_else(|| found(&bold))?;
    let rest = line.text.get(start..)?;
    let value = rest.trim_start_matches(['*', ' ']);
    let start = start + (rest.len() - value.len());
    let end = value.find(". ").unwrap_or(value.len());
    let value = value.get(..end)?.trim_end_matches(['.', '*', ' ']);
    let start = line.range.start + start;
    (!value.is_empty()).then(|| (value, start..start + value.len()))
}

/// `with 7 sequential steps`: how many.
fn stated_steps(text: &str) -> Option<usize> {
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(|next: char| !next.is_alphanumeric()))
        .collect();
    let at = words.iter().position(|word| *word == "steps")?;
    let before = words.get(..at)?;
    before.iter().rev().take(2).find_map(|word| word.parse().ok())
}

/// `2 hours`, `~15 min`, `1 hour 30 minutes` as `2h`, `15m`, `1h30m`.
fn duration(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let mut words = lower.trim_start_matches(['~', '≈', ' ']);
    for about in ["about ", "approximately ", "approx. ", "around "] {
        words = words.strip_prefix(about).unwrap_or(words).trim_start();
    }
    let spaced = words.replace(" and ", " ").replace(',', " ");
    let tokens = spaced.split_whitespace().flat_map(number_and_unit);
    let tokens: Vec<&str> = tokens.filter(|token| !token.is_empty()).collect();
    let mut found = String::new();
    for pair in tokens.chunks(2) {
        let [number, unit] = pair else {
            return None;
        };
        let number: u64 = number.parse().ok()?;
        let unit = match *unit {
            "d" | "day" | "days" => "d",
            "h" | "hr" | "hrs" | "hour" | "hours" => "h",
            "m" | "min" | "mins" | "minute" | "minutes" => "m",
            "s" | "sec" | "secs" | "second" | "seconds" => "s",
            _ => return None,
        };
        found.push_str(&format!("{number}{unit}"));
    }
    crate::reading::duration(&found).map(|_| found)
}

/// `30min` is a number and a unit.
fn number_and_unit(token: &str) -> [&str; 2] {
    let digits = token
        .find(|next: char| !next.is_ascii_digit())
        .unwrap_or(token.len());
    let (number, unit) = token.split_at(digits);
    [number, unit]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_in_words() {
        for (text, expected) in [
            ("2 hours", Some("2h")),
            ("~15 min", Some("15m")),
            ("about 1 hour and 30 minutes", Some("1h30m")),
            ("1h30m", None),
            ("90m", Some("90m")),
            ("1-2 hours", None),
            ("a day", None),
            ("", None),
        ] {
            assert_eq!(duration(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_number_of_steps_is_found() {
        assert_eq!(stated_steps("This plan has 7 sequential steps."), Some(7));
        assert_eq!(stated_steps("8 steps in all"), Some(8));
        assert_eq!(stated_steps("It takes steps"), None);
    }
}
