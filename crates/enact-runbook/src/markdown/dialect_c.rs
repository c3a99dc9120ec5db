//! Dialect C: an implementation plan as agents write it. A task becomes a step.
//!
//! A task whose code blocks are all shell is carried out as written: blocks and `Run:` lines in their order. A task with other
//! code to write is an agent's: it is told everything that stands there. Either way `Run:` lines after the last thing that is
//! written become the step's checks; an earlier one is about a state that is gone when the step ends.

use std::ops::Range;

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::Body;

use super::blocks::{Block, Content, Fence, Item, Line, extent, joined};
use super::expected::{Expected, Run, asserted, labelled};
use super::sections::{Region, Section, numbered, opening};
use super::steps::Names;
use super::{MANUAL, Pair, Translation, pair, scalar, slug, word};
use crate::reading::Node;

/// What stands in a task, in order.
enum Work {
    /// A block of shell: its text and place, and whether it only commits.
    Shell {
        script: String,
        at: Range<usize>,
        commit: bool,
    },
    /// A `Run:` line.
    Run(Run),
    /// Code to write somewhere.
    Content,
}

/// What the next block of code is.
#[derive(PartialEq, Eq)]
enum Awaited {
    Nothing,
    /// `Run:` without a command.
    Command,
    /// `Expected:` without a text.
    Output,
    /// `Files:`.
    Files,
    /// A line that names a file and ends with a colon.
    Named,
}

/// A task on its way.
struct Task {
    title: (String, Range<usize>),
    at: Range<usize>,
    inner: Vec<(String, Range<usize>)>,
    files: Vec<(String, Range<usize>)>,
    work: Vec<Work>,
    awaited: Awaited,
    instructions: Range<usize>,
}

impl Task {
    fn has_content(&self) -> bool {
        self.work.iter().any(|work| matches!(work, Work::Content))
    }

    fn has_shell(&self) -> bool {
        self.work.iter().any(|work| matches!(work, Work::Shell { .. }))
    }

    /// Where the last thing stands that is written, commits left out.
    fn last_written(&self) -> Option<usize> {
        self.work.iter().rposition(|work| match work {
            Work::Shell { commit, .. } => !commit,
            Work::Content => true,
            Work::Run(_) => false,
        })
    }
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
                if let Content::Fence(_) = block.content {
                    let note = "this block of code is not part of the plan: it stands in no task";
                    self.note(&block.range, note);
                } else if let Content::Quote(_) = block.content {
                    self.note(&block.range, "this quote is not part of the plan");
                }
                continue;
            };
            let Some(first) = lines.first() else {
                continue;
            };
            let at = extent(lines, &block.range);
            let text = joined(lines).replace("**", "");
            if labelled(first, "goal").is_some() {
                self.goal(&text, &at);
            } else if ["architecture", "tech stack"]
                .iter()
                .any(|label| labelled(first, label).is_some())
            {
                about.push(text);
                about_at.get_or_insert(at);
            }
        }
        if let Some(at) = about_at {
            let node = self.text(&at, &about.join("\n"));
            self.add_missing("description", &at, node);
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
        let mut task = Task {
            title: (numbered.title.to_owned(), start..start + numbered.title.len()),
            at: line.range.start..start,
            inner: Vec::new(),
            files: Vec::new(),
            work: Vec::new(),
            awaited: Awaited::Nothing,
            instructions: body..range.end,
        };
        for block in &region.blocks {
            self.task_block(block, &mut task);
        }
        Some(task)
    }

    fn task_block(&mut self, block: &Block, task: &mut Task) {
        match &block.content {
            Content::Heading(_, lines) => self.inner_step(&joined(lines), &extent(lines, &block.range), task),
            Content::Paragraph(lines) => lines.iter().for_each(|line| self.task_line(line, task)),
            Content::List(items) => {
                let files = task.awaited == Awaited::Files;
                for item in items {
                    if !(files && self.file(item, task)) {
                        item.blocks.iter().for_each(|block| self.task_block(block, task));
                    }
                }
                if files {
                    task.awaited = Awaited::Nothing;
                }
            }
            Content::Fence(fence) => self.task_fence(fence, &block.range, task),
            Content::Quote(_) | Content::Html | Content::Rule => {}
        }
    }

    fn inner_step(&mut self, text: &str, at: &Range<usize>, task: &mut Task) {
        task.awaited = Awaited::Nothing;
        let title = numbered(text, "step").map_or(text, |found| found.title);
        task.inner.push((title.to_owned(), at.clone()));
    }

    fn task_line(&mut self, line: &Line, task: &mut Task) {
        task.awaited = Awaited::Nothing;
        if line.bold_start().is_some() && numbered(&line.text, "step").is_some() {
            self.inner_step(&line.text, &line.range, task);
        } else if let Some(value) = labelled(line, "run") {
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
        }
    }

    fn run_line(&mut self, line: &Line, value: &str, task: &mut Task) {
        let Some(code) = line.code() else {
            if value.is_empty() {
                task.awaited = Awaited::Command;
            } else {
                self.ambiguous(
                    &line.range,
                    "which part of this is the command?",
                    "put the command in backticks",
                );
            }
            return;
        };
        let mut run = Run {
            command: code.text.clone(),
            at: code.range.clone(),
            expected: None,
        };
        let behind = code.range.end.saturating_sub(line.range.start);
        let rest = line
            .text
            .get(behind..)
            .unwrap_or("")
            .trim_start_matches([' ', '-', '–', '—', ',', ';', '.', '(', '*']);
        let rest_line = Line {
            range: line.range.end.saturating_sub(rest.len())..line.range.end,
            text: rest.to_owned(),
            parts: line
                .parts
                .iter()
                .filter(|part| part.range.start > code.range.start)
                .cloned()
                .collect(),
        };
        match labelled(&rest_line, "expected") {
            Some(value) if !value.is_empty() => run.expected = Some(self.expected(&rest_line, value)),
            _ if !rest.is_empty() => {
                self.note(&rest_line.range, "this text behind the command is not checked");
            }
            _ => {}
        }
        task.work.push(Work::Run(run));
    }

    fn expect(&mut self, expected: Expected, at: &Range<usize>, task: &mut Task) {
        match task.work.last_mut() {
            Some(Work::Run(run)) if run.expected.is_none() => run.expected = Some(expected),
            _ => self.note(
                at,
                "this is expected of nothing that is run: no `Run:` line stands before it",
            ),
        }
    }

    /// `- Modify: `src/a.rs:10-20``.
    fn file(&mut self, item: &Item, task: &mut Task) -> bool {
        let Some(line) = item.lines().first() else {
            return false;
        };
        let labels = ["create", "modify", "test", "delete", "update"];
        let Some(value) = labels.iter().find_map(|label| labelled(line, label)) else {
            if line.bold_start().is_some() || labelled(line, "run").is_some() {
                return false;
            }
            self.note(
                &line.range,
                "this is no file of the task: it begins with none of Create, Modify, Test, Delete",
            );
            return true;
        };
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
            task.files.push((path.to_owned(), at));
        }
        true
    }

    fn task_fence(&mut self, fence: &Fence, range: &Range<usize>, task: &mut Task) {
        let awaited = std::mem::replace(&mut task.awaited, Awaited::Nothing);
        if awaited == Awaited::Output {
            let text = fence.code.text.trim_end().to_owned();
            self.expect(Expected::Prints(text, range.clone()), range, task);
            return;
        }
        if !self.is_clear(fence, range) {
            return;
        }
        let info = self.info(fence);
        let script = fence.code.text.clone();
        if !info.is_shell() {
            task.work.push(Work::Content);
        } else if awaited == Awaited::Command {
            task.work.push(Work::Run(Run {
                command: script,
                at: range.clone(),
                expected: None,
            }));
        } else if awaited == Awaited::Named || script.starts_with("#!") {
            self.note(
                range,
                "this script was read as a file to write, not as a command to run",
            );
            task.work.push(Work::Content);
        } else {
            let title = task.inner.last().map(|(title, _)| title.to_ascii_lowercase());
            task.work.push(Work::Shell {
                script,
                at: range.clone(),
                commit: title.is_some_and(|title| title.contains("commit")),
            });
        }
    }

    fn task_step(&mut self, task: Task, assignee: &str, names: &mut Names) -> Node {
        let span = self.lines.span(&task.at);
        let name = names.unused(&slug(&task.title.0, true));
        let title = self.text(&task.title.1, &task.title.0);
        let mut entries: Vec<Pair> = vec![
            pair("id", span, Node::new(span, scalar(name))),
            pair("title", title.span, title),
        ];
        let inner = task.inner.iter().map(|(title, at)| self.text(at, title));
        let inner: Vec<Node> = inner.collect();
        if let Some(first) = inner.first().map(|node| node.span) {
            entries.push(pair("tasks", first, Node::new(first, Body::Sequence(inner))));
        }
        let commands = !task.has_content() && !task.work.is_empty();
        if commands {
            entries.push(self.script(&task));
        } else {
            entries.push(self.delegated(&task, assignee));
        }
        if let Some(verify) = self.task_checks(&task, commands) {
            entries.push(verify);
        }
        Node::new(span, Body::Mapping(entries))
    }

    /// Everything of a task as one script.
    fn script(&mut self, task: &Task) -> Pair {
        let last_shell = task
            .work
            .iter()
            .rposition(|work| matches!(work, Work::Shell { .. }));
        let mut script = String::new();
        let mut first = None;
        for (index, work) in task.work.iter().enumerate() {
            match work {
                Work::Shell { script: text, at, .. } => {
                    first.get_or_insert(at);
                    script.push_str(text);
                }
                Work::Run(run) if last_shell.is_none_or(|last| index < last) => {
                    first.get_or_insert(&run.at);
                    script.push_str(&asserted(run));
                }
                Work::Run(_) | Work::Content => {}
            }
        }
        if let Some((_, at)) = task.files.first() {
            self.note(
                at,
                "the files of a task with commands are not watched: only what an agent does is",
            );
        }
        let span = self.lines.span(first.unwrap_or(&task.at));
        pair("run", span, Node::new(span, scalar(script)))
    }

    /// The task as it stands, for whoever does it.
    fn delegated(&mut self, task: &Task, assignee: &str) -> Pair {
        if task.work.is_empty() {
            let span = self.lines.span(&task.title.1);
            let note = Diagnostic::warning(
                "this task has no command and no code: it is done and attested, and nothing verifies it",
            )
            .hint("add `Run:` lines with what they are expected to show");
            self.say(MANUAL, span, note);
        }
        let span = self.lines.span(&task.instructions);
        let told = self.lines.slice(&task.instructions).trim().replace("\r\n", "\n");
        // What looks like an expression is code to write.
        let told = told.replace("${{", "${{ '${{' }}");
        let told = if told.is_empty() {
            task.title.0.clone()
        } else {
            told
        };
        let mut manual = vec![
            pair("assignee", span, word(span, assignee)),
            pair("instructions", span, Node::new(span, scalar(told))),
        ];
        let files = task.files.iter().map(|(path, at)| self.text(at, path));
        let files: Vec<Node> = files.collect();
        if let Some(first) = files.first().map(|node| node.span) {
            manual.push(pair(
                "write_scope",
                first,
                Node::new(first, Body::Sequence(files)),
            ));
        }
        pair("manual", span, Node::new(span, Body::Mapping(manual)))
    }

    /// The `Run:` lines that hold when the task is done.
    fn task_checks(&mut self, task: &Task, commands: bool) -> Option<Pair> {
        let last = task.last_written();
        let mut checks: Vec<Node> = Vec::new();
        for (index, work) in task.work.iter().enumerate() {
            let Work::Run(run) = work else {
                continue;
            };
            if last.is_some_and(|last| index < last) {
                let printed = matches!(run.expected, Some(Expected::Prints(..)));
                if !commands {
                    let note = "this is run before the task is done, so it is told and not checked";
                    self.note(&run.at, note);
                } else if printed {
                    let note = "this is run before the task is done: that it ends well is checked, not what it prints";
                    self.note(&run.at, note);
                }
                continue;
            }
            // Where nothing but commands is run, what they print is left to check.
            let printed = matches!(run.expected, Some(Expected::Prints(..)));
            if !commands || task.has_shell() || printed {
                checks.push(self.run_check(run));
            }
        }
        let first = checks.first().map(|check| check.span)?;
        Some(pair("verify", first, Node::new(first, Body::Sequence(checks))))
    }
}
