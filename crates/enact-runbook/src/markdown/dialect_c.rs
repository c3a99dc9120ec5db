//! Dialect C: an implementation plan as agents write it. A task becomes a step.
//!
//! A task whose code blocks are all shell is carried out as written: blocks and `Run:` lines in their order. A task with other
//! code to write is an agent's: it is told everything that stands there. Either way `Run:` lines after the last thing that is
//! written become the step's checks; an earlier one is about a state that is gone when the step ends.

use std::ops::Range;

use enact_core::yaml::Body;

use super::blocks::{Block, Content, Item, Line, Mark, extent, joined};
use super::expected::{expectation, labelled};
use super::sections::{BOLD, Region, Section, numbered, opening};
use super::steps::{Names, checkpoint};
use super::tasks::{Awaited, Halt, Task};
use super::{Translation, pair};
use crate::reading::Node;

/// What is said of text in a task.
const TOLD: &str = "this text is shown with the step and changes nothing: what it does are `Run:` lines and blocks of `bash`";

/// What is told of the work as a whole.
const ABOUT: [&str; 2] = ["architecture", "tech stack"];

/// How tasks are counted.
struct Numbers<'n> {
    /// The number of the task before; `None`: there is none.
    last: &'n mut Option<usize>,
    /// Does a heading stand above this one, below which numbers may begin anew?
    anew: bool,
}

impl Numbers<'_> {
    /// The number that a task should have and has not. One that is no whole number, `1.1` or `1a`, is taken as it is.
    fn other_than(self, number: Option<usize>) -> Option<usize> {
        let next = self.last.map_or(1, |last| last + 1);
        let found = number.unwrap_or(next);
        *self.last = Some(found);
        let begins = (self.anew || next == 1) && found <= 1;
        (found != next && !begins).then_some(next)
    }
}

/// Does a heading of a group stand right above the next task?
fn follows_heading(above: &[Region<'_>]) -> bool {
    above
        .last()
        .is_some_and(|region| region.section == Section::Prose && region.level > 1)
}

/// Is it taken from the introduction?
fn is_labelled(block: &Block) -> bool {
    let first = block.paragraph().and_then(<[Line]>::first);
    first.is_some_and(|line| {
        let mut labels = ABOUT.into_iter().chain(["goal"]);
        labels.any(|label| labelled(line, label).is_some())
    })
}

impl Translation<'_> {
    pub(super) fn dialect_c(&mut self, regions: &[Region<'_>]) {
        let assignee = self.assignee("agent");
        self.visible(regions);
        let prose = regions.iter().filter(|region| region.section == Section::Prose);
        let headings = prose.clone().filter_map(|region| region.heading);
        let mut titles = headings.filter_map(|block| match block.heading()? {
            (1, lines) => Some((joined(lines), extent(lines, &block.range))),
            _ => None,
        });
        self.add_head(titles.next());
        self.rollback_sections(regions);
        self.common_sections(regions);
        // Requirements of their own go before the goal.
        self.introduction(prose.flat_map(|region| region.blocks.iter().copied()));
        self.prose(regions, is_labelled);
        if !self.has("acceptance") {
            let end = self.file.text().trim_end().len();
            self.note(
                &(end.saturating_sub(1)..end),
                "acceptance criteria are not made up: add `## Acceptance criteria` with `- [ ]` items",
            );
        }
        let mut names = Names::default();
        let mut steps: Vec<Node> = Vec::new();
        self.stray_tasks(regions, Section::Task);
        let tasks = regions.iter().enumerate();
        let tasks = tasks.filter(|(_, region)| region.section == Section::Task);
        let start = tasks.clone().next().map(|(_, region)| region.start());
        let start = start.unwrap_or(0..0);
        let mut last = None;
        for (index, region) in tasks {
            let above = regions.get(..index).unwrap_or_default();
            if let Some(mut task) = self.task_of(
                region,
                Numbers {
                    last: &mut last,
                    anew: follows_heading(above),
                },
            ) {
                self.told_above(above, &mut task);
                steps.push(self.task_step(task, &assignee, &mut names));
            }
        }
        let span = self.lines.span(&start);
        self.add("steps", &start, Node::new(span, Body::Sequence(steps)));
    }

    /// What stands between the task before this one and this one is shown with it: `Phase 2: Database`, and text below that.
    fn told_above(&self, before: &[Region<'_>], task: &mut Task) {
        let sections = before.iter().rev();
        let sections = sections.take_while(|region| region.section == Section::Prose && region.level > 1);
        for region in sections {
            let blocks = region.heading.into_iter().chain(region.blocks.iter().copied());
            for block in blocks.filter(|block| !matches!(block.content, Content::Rule | Content::Html)) {
                self.told_first(&block.range, task);
            }
        }
    }

    /// `**Goal:** …`, `**Architecture:** …`, `**Tech Stack:** …`.
    fn introduction<'b>(&mut self, blocks: impl Iterator<Item = &'b Block>) {
        for block in blocks {
            let lines = block.paragraph().unwrap_or_default();
            let Some(first) = lines.first() else {
                continue;
            };
            let at = extent(lines, &block.range);
            let text = joined(lines).replace("**", "");
            if labelled(first, "goal").is_some() {
                self.goal(text, &at);
            } else if ABOUT.iter().any(|label| labelled(first, label).is_some()) {
                self.about.push((text, at));
            }
        }
    }

    fn goal(&mut self, text: String, at: &Range<usize>) {
        let goal = text
            .split_once(':')
            .map_or(text.as_str(), |(_, goal)| goal)
            .trim();
        let span = self.lines.span(at);
        let entries = vec![
            pair("id", span, self.text(at, "R1")),
            pair("text", span, self.text(at, goal)),
        ];
        let list = vec![Node::new(span, Body::Mapping(entries))];
        if self.add_missing("requirements", at, Node::new(span, Body::Sequence(list))) {
            self.note(at, "the goal became the plan's one requirement, R1");
        } else {
            self.about.push((text, at.clone()));
        }
    }

    fn task_of(&mut self, region: &Region<'_>, numbers: Numbers<'_>) -> Option<Task> {
        let (line, numbered) = opening(region.heading?, "task")?;
        if let Some(place) = numbers.other_than(numbered.number) {
            let what = format!("this is task {place} by its place, and is called {}", line.text);
            let hint =
                "number tasks in their order, from 0 or 1, and anew below a heading only; is one missing?";
            self.ambiguous(&line.range, what, hint);
        }
        let start = line.range.start + numbered.offset;
        let range = region.range();
        let body = region.blocks.first().map_or(range.end, |block| block.range.start);
        let title_at = start..start + numbered.title.len();
        let behind = title_at.end..line.range.end;
        if !self.stands_below("task", &line.range, region.below.as_deref()) {
            self.is_struck(std::slice::from_ref(line));
        }
        let title = (numbered.title.to_owned(), title_at);
        let mut task = Task::new(title, line.range.start..start, body..range.end);
        task.before.step(region.level, numbered.title);
        if numbered.behind {
            self.unread(&behind, TOLD, &mut task);
        }
        for block in &region.blocks {
            self.task_block(block, &mut task);
        }
        self.forget(&mut task);
        Some(task)
    }

    /// What was announced and does not stand here.
    fn forget(&mut self, task: &mut Task) -> Awaited {
        let awaited = std::mem::replace(&mut task.awaited, Awaited::Nothing);
        if awaited == Awaited::Command {
            let hint = "write it in backticks on the same line or the next one, or in a block below";
            self.ambiguous(&task.run_at.clone(), "no command stands behind this", hint);
        }
        if awaited == Awaited::Files {
            self.no_files(&task.run_at.clone());
        }
        awaited
    }

    fn task_block(&mut self, block: &Block, task: &mut Task) {
        match &block.content {
            Content::Heading(level, lines) => {
                self.forget(task);
                self.is_struck(lines);
                self.inner_step(*level, &joined(lines), &extent(lines, &block.range), task);
                if let Some(line) = lines.first() {
                    self.files_line(line, true, task);
                }
            }
            Content::Paragraph(lines) => self.task_lines(lines, task),
            Content::List(items) => self.task_list(items, task),
            Content::Fence(fence) => {
                self.task_fence(fence, &block.range, task);
                // The line was about this block, and is not about the next one.
                task.before.forget();
            }
            Content::Quote(inner) => self.task_quote(block, inner, task),
            Content::Html | Content::Rule => {}
        }
    }

    fn task_list(&mut self, items: &[Item], task: &mut Task) {
        let files = task.awaited == Awaited::Files;
        let known = task.files.len();
        let commands = task.awaited == Awaited::Command;
        for item in items {
            // `Run:` above a list is about each of its items.
            if commands && item.lines().first().is_some_and(is_code) {
                task.awaited = Awaited::Command;
            }
            if item.ticked == Some(true) {
                let what =
                    "this step is ticked already; ticks count for nothing: it is carried out all the same";
                self.note(&extent(item.lines(), &item.range), what);
            }
            if !(files && self.file(item, task)) {
                // What follows the paths in the same list is something else.
                if files && task.files.len() > known {
                    task.awaited = Awaited::Nothing;
                }
                if !item.below().is_empty() {
                    self.is_struck_item(item);
                }
                let doubtful = !item.below().is_empty() && task.before.item(&joined(item.lines()));
                item.blocks.iter().for_each(|block| self.task_block(block, task));
                if doubtful {
                    task.before.leave();
                }
            }
        }
        if files {
            task.awaited = Awaited::Nothing;
            if task.files.len() == known {
                self.no_files(&task.run_at.clone());
            }
        }
    }

    fn task_quote(&mut self, block: &Block, inner: &[Block], task: &mut Task) {
        self.forget(task);
        if checkpoint(inner).is_none() {
            task.before.quote(inner);
            self.unread(
                &block.range,
                "this quote is shown with the step: nobody is held to it",
                task,
            );
            return;
        }
        if task.halt.is_some() {
            let hint = "keep one, or split the task";
            self.ambiguous(&block.range, "a second checkpoint in this task", hint);
            return;
        }
        self.told(&block.range, task);
        task.halt = Some(Halt {
            at: block.range.clone(),
            after: task.work.len(),
        });
    }

    fn inner_step(&mut self, level: usize, text: &str, at: &Range<usize>, task: &mut Task) {
        let found = numbered(text, "step");
        if found.as_ref().is_some_and(|found| found.behind) {
            task.unread.push((at.clone(), TOLD));
        }
        match &found {
            Some(found) => task.before.step(level, found.title),
            None => task.before.heading(level, text),
        }
        let behind = found.as_ref().is_some_and(|found| found.behind);
        let title = found.map_or(text, |found| found.title);
        task.inner.push((title.to_owned(), at.clone()));
        let said = if behind { text } else { title };
        task.said.push((said.to_owned(), at.clone()));
    }

    /// The lines of a paragraph; those that say nothing about what is run are said together.
    fn task_lines(&mut self, lines: &[Line], task: &mut Task) {
        let mut unread: Option<Range<usize>> = None;
        let mut ran = false;
        task.before.paragraph();
        for line in lines {
            let work = task.work.len();
            task.before.come(&line.text);
            if self.task_line(line, task) {
                task.before.was_read();
                self.unread_text(unread.take(), task);
                ran = task.work.len() > work;
            } else {
                self.goes_on(line, ran);
                ran = false;
                if tells_to_run(line) {
                    task.spoken.push(line.range.clone());
                }
                task.before.was_text(line.is_struck());
                let start = unread.map_or(line.range.start, |unread| unread.start);
                unread = Some(start..line.range.end);
            }
        }
        self.unread_text(unread, task);
    }

    fn unread_text(&mut self, at: Option<Range<usize>>, task: &mut Task) {
        if let Some(at) = at {
            self.unread(&at, TOLD, task);
        }
    }

    /// A text for people: it is shown with the step, and what it asks for is not enforced.
    fn unread(&mut self, at: &Range<usize>, what: &'static str, task: &mut Task) {
        self.told(at, task);
        task.unread.push((at.clone(), what));
    }

    /// Reads a line; false when it is only for readers.
    fn task_line(&mut self, line: &Line, task: &mut Task) -> bool {
        let command_awaited = task.awaited == Awaited::Command;
        if command_awaited && is_code(line) {
            task.awaited = Awaited::Nothing;
            self.run_line(line, &line.text, task);
            return true;
        }
        if task.awaited == Awaited::Files && is_code(line) {
            task.awaited = Awaited::Nothing;
            self.take_files(line, task, "");
            return true;
        }
        let output_awaited = self.forget(task) == Awaited::Output;
        if line.bold_start().is_some() && numbered(&line.text, "step").is_some() {
            self.is_struck(std::slice::from_ref(line));
            self.inner_step(BOLD, &line.text, &line.range, task);
        } else if self.struck_step(line) {
            return false;
        } else if let Some(value) = labelled(line, "run") {
            self.doubted(&line.range, task.before.doubt_of_line());
            self.run_line(line, value, task);
        } else if let Some(value) = expectation(line) {
            if value.is_empty() {
                task.awaited = Awaited::Output;
            } else {
                let expected = self.expected(line, value);
                self.expect(expected, &line.range, task);
            }
        } else if self.files_line(line, false, task) || self.file_line(line, task) {
            // Read.
        } else if line.code().is_some() && line.text.trim_end_matches('*').ends_with(':') {
            task.awaited = Awaited::Named;
        } else if output_awaited {
            let expected = self.expected(line, &line.text);
            self.expect(expected, &line.range, task);
        } else {
            return false;
        }
        true
    }

    /// `~~**Step 2: Drop it**~~`: it is said, for what stands below it would be part of the step before.
    fn struck_step(&mut self, line: &Line) -> bool {
        let text = line.text.trim_start_matches(['~', '*', ' ']);
        let is_step = line.is_struck() && numbered(text, "step").is_some();
        is_step && self.is_struck(std::slice::from_ref(line))
    }
}

/// ``Run `npm test` ``, ``Then run: `npm test` ``, ``Run as root: `npm test` ``.
fn tells_to_run(line: &Line) -> bool {
    const BEFORE: [&str; 8] = [
        "then",
        "next",
        "now",
        "and",
        "also",
        "finally",
        "first",
        "afterwards",
    ];
    let plain = |next: char| !next.is_alphanumeric() && next != '`';
    let text = line.text.to_lowercase();
    let mut words = text.split_whitespace().map(|word| word.trim_matches(plain));
    let verb = words.by_ref().find(|word| !BEFORE.contains(word));
    let is_told = verb.is_some_and(|verb| ["run", "execute"].contains(&verb));
    let behind_a_colon = || {
        let codes = line.parts.iter().filter(|part| part.mark == Mark::Code);
        let mut before = codes.filter_map(|code| {
            let length = code.range.start.checked_sub(line.range.start)?;
            line.text.get(..length)
        });
        before.any(|before| before.trim_end_matches(['*', '_', ' ']).ends_with(':'))
    };
    !line.is_struck()
        && is_told
        && (words.next().is_some_and(|next| next.starts_with('`')) || behind_a_colon())
}

/// Is a line nothing but a command in backticks?
fn is_code(line: &Line) -> bool {
    line.code()
        .is_some_and(|code| code.range.start <= line.range.start && line.range.end <= code.range.end)
}
