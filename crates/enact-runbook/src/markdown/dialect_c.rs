//! Dialect C: an implementation plan as agents write it. A task becomes a step.
//!
//! A task whose code blocks are all shell is carried out as written: blocks and `Run:` lines in their order. A task with other
//! code to write is an agent's: it is told everything that stands there. Either way `Run:` lines after the last thing that is
//! written become the step's checks; an earlier one is about a state that is gone when the step ends.

use std::ops::Range;

use enact_core::yaml::Body;

use super::blocks::{Block, Content, Fence, Item, Line, extent, joined};
use super::contents::Meaning;
use super::expected::{Expected, Run, labelled};
use super::info::Role;
use super::sections::{BOLD, Region, Section, numbered, opening};
use super::steps::{Names, checkpoint};
use super::tasks::{Awaited, Halt, Task, Work};
use super::{Translation, pair};
use crate::reading::Node;

/// What is told of the work as a whole.
const ABOUT: [&str; 2] = ["architecture", "tech stack"];

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
        self.introduction(prose.flat_map(|region| region.blocks.iter().copied()));
        self.prose(regions, is_labelled);
        self.rollback_sections(regions);
        self.common_sections(regions);
        if !self.has("acceptance") {
            let end = self.file.text().trim_end().len();
            self.note(
                &(end.saturating_sub(1)..end),
                "acceptance criteria are not made up: add `## Acceptance criteria` with `- [ ]` items",
            );
        }
        let mut names = Names::default();
        let mut steps: Vec<Node> = Vec::new();
        let tasks = regions.iter().filter(|region| region.section == Section::Task);
        let start = tasks.clone().next().map(Region::start).unwrap_or(0..0);
        for (index, region) in tasks.enumerate() {
            if let Some(task) = self.task_of(region, index + 1) {
                steps.push(self.task_step(task, &assignee, &mut names));
            }
        }
        let span = self.lines.span(&start);
        self.add("steps", &start, Node::new(span, Body::Sequence(steps)));
    }

    /// `**Goal:** …`, `**Architecture:** …`, `**Tech Stack:** …`.
    fn introduction<'b>(&mut self, blocks: impl Iterator<Item = &'b Block>) {
        let mut about: Vec<String> = Vec::new();
        let mut about_at = None;
        for block in blocks {
            let Some(lines) = block.paragraph() else {
                continue;
            };
            let Some(first) = lines.first() else {
                continue;
            };
            let at = extent(lines, &block.range);
            let text = joined(lines).replace("**", "");
            if labelled(first, "goal").is_some() {
                self.goal(&text, &at);
            } else if ABOUT.iter().any(|label| labelled(first, label).is_some()) {
                about.push(text);
                about_at.get_or_insert(at);
            }
        }
        if let Some(at) = about_at {
            let node = self.text(&at, &about.join("\n"));
            if !self.add_missing("description", &at, node) {
                self.note(
                    &at,
                    "this text is not part of the plan: its description is the front matter's",
                );
            }
        }
    }

    fn goal(&mut self, text: &str, at: &Range<usize>) {
        let goal = text.split_once(':').map_or(text, |(_, goal)| goal).trim();
        let span = self.lines.span(at);
        let entries = vec![
            pair("id", span, self.text(at, "R1")),
            pair("text", span, self.text(at, goal)),
        ];
        let list = vec![Node::new(span, Body::Mapping(entries))];
        if self.add_missing("requirements", at, Node::new(span, Body::Sequence(list))) {
            self.note(at, "the goal became the plan's one requirement, R1");
        } else {
            self.note(
                at,
                "the goal is not part of the plan: its requirements are given elsewhere",
            );
        }
    }

    fn task_of(&mut self, region: &Region<'_>, place: usize) -> Option<Task> {
        let (line, numbered) = opening(region.heading?, "task")?;
        if numbered.number.is_some_and(|number| number != place) {
            let what = format!("this is task {place} by its place, and is called {}", line.text);
            self.ambiguous(
                &line.range,
                what,
                "number tasks from 1 in their order; is one missing?",
            );
        }
        let start = line.range.start + numbered.offset;
        let range = region.range();
        let body = region.blocks.first().map_or(range.end, |block| block.range.start);
        let title_at = start..start + numbered.title.len();
        if numbered.behind {
            self.note(
                &(title_at.end..line.range.end),
                "this text behind the title is not part of the step",
            );
        }
        if !self.stands_below("task", &line.range, region.below.as_deref()) {
            self.is_struck(std::slice::from_ref(line));
        }
        let title = (numbered.title.to_owned(), title_at);
        let mut task = Task::new(title, line.range.start..start, body..range.end);
        task.before.step(region.level, numbered.title);
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
        awaited
    }

    fn task_block(&mut self, block: &Block, task: &mut Task) {
        match &block.content {
            Content::Heading(level, lines) => {
                self.forget(task);
                self.is_struck(lines);
                self.inner_step(*level, &joined(lines), &extent(lines, &block.range), task);
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
        }
    }

    fn task_quote(&mut self, block: &Block, inner: &[Block], task: &mut Task) {
        self.forget(task);
        let Some(message) = checkpoint(inner) else {
            task.before.quote(inner);
            task.unread.push((
                block.range.clone(),
                "this quote is not part of the step: nobody is held to it",
            ));
            return;
        };
        if task.halt.is_some() {
            let hint = "keep one, or split the task";
            self.ambiguous(&block.range, "a second checkpoint in this task", hint);
            return;
        }
        task.halt = Some(Halt {
            at: block.range.clone(),
            message,
            after: task.work.len(),
        });
    }

    fn inner_step(&mut self, level: usize, text: &str, at: &Range<usize>, task: &mut Task) {
        let found = numbered(text, "step");
        if found.as_ref().is_some_and(|found| found.behind) {
            task.unread
                .push((at.clone(), "the text behind this title is not part of the step"));
        }
        match &found {
            Some(found) => task.before.step(level, found.title),
            None => task.before.heading(level, text),
        }
        let title = found.map_or(text, |found| found.title);
        task.inner.push((title.to_owned(), at.clone()));
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
                task.before.was_text(line.is_struck());
                let start = unread.map_or(line.range.start, |unread| unread.start);
                unread = Some(start..line.range.end);
            }
        }
        self.unread_text(unread, task);
    }

    fn unread_text(&mut self, at: Option<Range<usize>>, task: &mut Task) {
        const WHAT: &str =
            "this text is not part of the step: what it does are `Run:` lines and blocks of `bash`";
        task.unread.extend(at.map(|at| (at, WHAT)));
    }

    /// Reads a line; false when it is only for readers.
    fn task_line(&mut self, line: &Line, task: &mut Task) -> bool {
        let command_awaited = task.awaited == Awaited::Command;
        if command_awaited && is_code(line) {
            task.awaited = Awaited::Nothing;
            self.run_line(line, &line.text, task);
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
        } else if let Some(value) = labelled(line, "expected") {
            if value.is_empty() {
                task.awaited = Awaited::Output;
            } else {
                let expected = self.expected(line, value);
                self.expect(expected, &line.range, task);
            }
        } else if labelled(line, "files").is_some() {
            task.awaited = Awaited::Files;
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

    /// `- Modify: `src/a.rs:10-20``.
    fn file(&mut self, item: &Item, task: &mut Task) -> bool {
        let Some(line) = item.lines().first() else {
            return false;
        };
        let labels = ["create", "modify", "test", "delete", "update"];
        let found = labels
            .iter()
            .find_map(|label| Some((*label, labelled(line, label)?)));
        let Some((label, value)) = found else {
            if line.bold_start().is_some() || labelled(line, "run").is_some() {
                return false;
            }
            self.note(
                &line.range,
                "this is no file of the task: it begins with none of Create, Modify, Test, Delete",
            );
            return true;
        };
        if line.code().is_none() && line.struck().is_some() {
            self.note(&line.range, "this is struck through, and left out");
            return true;
        }
        let (path, at) = match line.code() {
            Some(code) => (code.text.as_str(), code.range.clone()),
            None => (value, line.range.clone()),
        };
        let path = path.trim().trim_start_matches("./");
        let lines = |text: &str| text.starts_with(|next: char| next.is_ascii_digit());
        let path = path
            .split_once(':')
            .filter(|(_, rest)| lines(rest))
            .map_or(path, |(path, _)| path);
        if path.is_empty() || path.contains(char::is_whitespace) {
            self.ambiguous(&at, "which file is this?", "write the path in backticks");
        } else if !task.files.iter().any(|(known, _)| known == path) {
            if label != "delete" {
                task.pending.push(path.to_owned());
            }
            if label == "create" {
                task.created.push((path.to_owned(), at.clone()));
            }
            task.files.push((path.to_owned(), at));
        }
        true
    }

    /// Is a block a script? What stands behind the language of another one is not shown when the file is.
    fn is_shell(&mut self, fence: &Fence, range: &Range<usize>) -> bool {
        let line = fence.info.as_ref().map_or("", |range| self.lines.slice(range));
        let mut words = line.split_whitespace();
        let language = words.next().unwrap_or_default().to_ascii_lowercase();
        if ["bash", "sh", "shell"].contains(&language.as_str()) {
            let info = self.info(fence);
            self.no_attributes(&info, range);
            if info.role() != Role::Script {
                let hint = "leave only the language there";
                self.ambiguous(range, "what does the first line of this block mean?", hint);
            }
            return true;
        }
        if words.next().is_some() {
            self.note(
                range,
                "what stands behind the language of this block is told too, and viewers do not show it",
            );
        }
        false
    }

    fn task_fence(&mut self, fence: &Fence, range: &Range<usize>, task: &mut Task) {
        let awaited = std::mem::replace(&mut task.awaited, Awaited::Nothing);
        if !self.is_clear(fence, range) {
            return;
        }
        if awaited == Awaited::Output {
            let text = fence.code.text.trim_end().to_owned();
            self.expect(Expected::Prints(text, range.clone()), range, task);
            return;
        }
        let script = fence.code.text.clone();
        if !self.is_shell(fence, range) {
            task.wrote();
            task.work.push(Work::Content);
        } else if awaited == Awaited::Command {
            task.work.push(Work::Run(Run {
                command: script,
                at: range.clone(),
                expected: None,
            }));
        } else if awaited == Awaited::Named || script.starts_with("#!") {
            self.content(range, task);
        } else {
            self.shell_fence(script, range, task);
        }
    }

    fn content(&mut self, range: &Range<usize>, task: &mut Task) {
        self.note(
            range,
            "this script was read as a file to write, not as a command to run",
        );
        task.wrote();
        task.work.push(Work::Content);
    }

    /// A block of shell that no label tells apart: what a file is to hold, or what is run.
    fn shell_fence(&mut self, script: String, range: &Range<usize>, task: &mut Task) {
        if self.doubted(range, task.before.doubt_of_block()) {
            return;
        }
        match task.meaning(&script) {
            Meaning::Content => self.content(range, task),
            Meaning::Unclear(path) => self.ambiguous(
                range,
                format!("is this what `{path}` is to hold, or a command to run?"),
                "write a line above it: `Run:`, or one that names the file in backticks and ends with a colon",
            ),
            Meaning::Command => {
                task.wrote_by(&script);
                let title = task.inner.last().map(|(title, _)| title.to_ascii_lowercase());
                task.work.push(Work::Shell {
                    script,
                    at: range.clone(),
                    commit: title.is_some_and(|title| title.contains("commit")),
                });
            }
        }
    }
}

/// Is a line nothing but a command in backticks?
fn is_code(line: &Line) -> bool {
    line.code()
        .is_some_and(|code| code.range.start <= line.range.start && line.range.end <= code.range.end)
}
