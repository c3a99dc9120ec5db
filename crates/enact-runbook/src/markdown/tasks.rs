//! Tasks of an implementation plan on their way to steps.

use std::ops::Range;

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::Body;

use super::doubts::Before;
use super::expected::{Expected, Run, asserted};
use super::steps::Names;
use super::{MANUAL, Pair, Translation, pair, scalar, slug, word};
use crate::reading::Node;

/// What stands in a task, in order.
pub(super) enum Work {
    /// A block of shell: its text and place, and whether it only commits.
    Shell {
        script: String,
        at: Range<usize>,
        commit: bool,
        expected: Option<Expected>,
    },
    /// A `Run:` line.
    Run(Run),
    /// Code to write somewhere.
    Content,
}

/// What the next block of code is.
#[derive(PartialEq, Eq)]
pub(super) enum Awaited {
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

/// A block quote `Checkpoint` in a task.
pub(super) struct Halt {
    pub(super) at: Range<usize>,
    /// How much of the task's work stands before it.
    pub(super) after: usize,
}

/// A task on its way.
pub(super) struct Task {
    pub(super) title: (String, Range<usize>),
    pub(super) at: Range<usize>,
    pub(super) inner: Vec<(String, Range<usize>)>,
    pub(super) files: Vec<(String, Range<usize>)>,
    /// Those of them that it creates.
    pub(super) created: Vec<(String, Range<usize>)>,
    pub(super) work: Vec<Work>,
    pub(super) awaited: Awaited,
    /// Where `Run:` stands that has no command yet, or `Files:` without a path.
    pub(super) run_at: Range<usize>,
    /// Files to write of which no content was seen yet.
    pub(super) pending: Vec<String>,
    /// What was said before the place that is read.
    pub(super) before: Before,
    pub(super) halt: Option<Halt>,
    /// What stands in the task for people, in order: the titles of its steps, and text.
    pub(super) said: Vec<(String, Range<usize>)>,
    /// What of it nothing enforces, where a script is all there is.
    pub(super) unread: Vec<(Range<usize>, &'static str)>,
    /// Lines that tell to run something and are no `Run:` line.
    pub(super) spoken: Vec<Range<usize>>,
    pub(super) instructions: Range<usize>,
}

impl Task {
    pub(super) fn new(title: (String, Range<usize>), at: Range<usize>, instructions: Range<usize>) -> Self {
        Self {
            title,
            at,
            inner: Vec::new(),
            files: Vec::new(),
            created: Vec::new(),
            work: Vec::new(),
            awaited: Awaited::Nothing,
            run_at: 0..0,
            pending: Vec::new(),
            before: Before::default(),
            halt: None,
            said: Vec::new(),
            unread: Vec::new(),
            spoken: Vec::new(),
            instructions,
        }
    }

    /// Is the last thing that was read a command of which nothing is expected yet?
    pub(super) fn ran_last(&self) -> bool {
        let is_run = matches!(self.work.last(), Some(Work::Run(run)) if run.expected.is_none());
        is_run
            && self
                .before
                .line
                .trim_start_matches(['*', ' '])
                .to_lowercase()
                .starts_with("run")
    }

    fn has_content(&self) -> bool {
        self.work.iter().any(|work| matches!(work, Work::Content))
    }

    fn has_shell(&self) -> bool {
        self.work.iter().any(|work| matches!(work, Work::Shell { .. }))
    }

    /// Where the last command of a task of commands stands. A `Run:` line behind it says what is expected of it, and is a check; one
    /// of which nothing is expected is a command like the others.
    fn last_command(&self) -> Option<usize> {
        self.has_shell().then_some(())?;
        self.work.iter().rposition(|work| match work {
            Work::Shell { .. } => true,
            Work::Run(run) => run.expected.is_none(),
            Work::Content => false,
        })
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
    /// Keeps a text of a task for whoever approves it, as it is written.
    pub(super) fn told(&self, at: &Range<usize>, task: &mut Task) {
        let text = self.in_one_line(at);
        if !text.is_empty() {
            task.said.push((text, at.clone()));
        }
    }

    /// The same of a text above the task, also where an agent does it: the task alone is what it is told.
    pub(super) fn told_first(&self, at: &Range<usize>, task: &mut Task) {
        let text = self.in_one_line(at);
        task.said.push((text.clone(), at.clone()));
        task.inner.insert(0, (text, at.clone()));
    }

    /// A stretch of the file with its line breaks as blanks.
    pub(super) fn in_one_line(&self, at: &Range<usize>) -> String {
        let words: Vec<&str> = self.lines.slice(at).split_whitespace().collect();
        words.join(" ")
    }

    pub(super) fn task_step(&mut self, task: Task, assignee: &str, names: &mut Names) -> Node {
        let span = self.lines.span(&task.at);
        let name = names.unused(&slug(&task.title.0, true));
        let title = self.text(&task.title.1, &task.title.0);
        let mut entries: Vec<Pair> = vec![
            pair("id", span, Node::new(span, scalar(name))),
            pair("title", title.span, title),
        ];
        let commands = !task.has_content() && !task.work.is_empty();
        // Whoever does a task is told all of it anyway.
        let mut said: Vec<_> = if commands { &task.said } else { &task.inner }.iter().collect();
        said.sort_by_key(|(_, at)| at.start);
        let said: Vec<Node> = said.into_iter().map(|(text, at)| self.text(at, text)).collect();
        if let Some(first) = said.first().map(|node| node.span) {
            entries.push(pair("tasks", first, Node::new(first, Body::Sequence(said))));
        }
        if commands {
            entries.push(self.script(&task));
            entries.extend(self.makes(&task));
        } else {
            entries.push(self.delegated(&task, assignee));
        }
        if let Some(verify) = self.task_checks(&task, commands) {
            entries.push(verify);
        }
        if let Some(halt) = &task.halt {
            entries.push(self.confirmation(halt, task.work.len()));
        }
        Node::new(span, Body::Mapping(entries))
    }

    /// A checkpoint is a confirmation before the task, or after it.
    fn confirmation(&mut self, halt: &Halt, work: usize) -> Pair {
        if (1..work).contains(&halt.after) {
            self.ambiguous(
                &halt.at,
                "this checkpoint stands in the middle of a task, whose commands run as one",
                "put it before the first command of the task or behind its last, or split the task",
            );
        }
        let span = self.lines.span(&halt.at);
        let moment = if halt.after == 0 { "before" } else { "after" };
        pair("confirm", span, word(span, moment))
    }

    /// Everything of a task as one script.
    fn script(&mut self, task: &Task) -> Pair {
        for (at, what) in &task.unread {
            self.note(at, *what);
        }
        for at in &task.spoken {
            let hint = "write `Run:` with a colon before the command, or say in other words what it is about";
            self.ambiguous(
                at,
                "is this a command to run? As it stands it is only shown",
                hint,
            );
        }
        let last = task.last_command();
        let mut script = String::new();
        let mut first = None;
        for (index, work) in task.work.iter().enumerate() {
            match work {
                Work::Shell {
                    script: text,
                    at,
                    expected,
                    ..
                } => {
                    first.get_or_insert(at);
                    self.holds_for_more(text, at, expected.as_ref(), index + 1 < task.work.len());
                    script.push_str(&block(text, at, expected));
                }
                Work::Run(run) if last.is_none_or(|last| index <= last) => {
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

    /// Asks about a block that is held to what it prints, and sets something up: what it sets would hold for it alone.
    fn holds_for_more(&mut self, script: &str, at: &Range<usize>, expected: Option<&Expected>, more: bool) {
        let is_held = matches!(
            expected,
            Some(Expected::Fail | Expected::Silent | Expected::Prints(..))
        );
        if is_held && (leaves_running(script) || (more && sets_up(script))) {
            let what = "is this block to be compared? What it sets up, or leaves running, would end with it";
            let hint = "put the command that is compared in a block or a `Run:` line of its own, without `cd`, variables and `&`";
            self.ambiguous(at, what, hint);
        }
    }

    /// What the commands of a task create: what is run from there is not pinned.
    fn makes(&self, task: &Task) -> Option<Pair> {
        let created = task.created.iter().map(|(path, at)| self.text(at, path));
        let created: Vec<Node> = created.collect();
        let first = created.first()?.span;
        Some(pair("makes", first, Node::new(first, Body::Sequence(created))))
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
                if !commands {
                    let note = "this is run before the task is done, so it is told and not checked";
                    self.note(&run.at, note);
                }
                continue;
            }
            // Of commands each was run already, and judged then.
            if !commands || (task.has_shell() && run.expected.is_some()) {
                checks.push(self.run_check(run));
            }
        }
        let first = checks.first().map(|check| check.span)?;
        Some(pair("verify", first, Node::new(first, Body::Sequence(checks))))
    }
}

/// A block of shell within a script. What it sets and where it goes holds for what follows, unless it is held to what it prints
/// or that it fails.
fn block(script: &str, at: &Range<usize>, expected: &Option<Expected>) -> String {
    match expected {
        None | Some(Expected::Pass) => script.to_owned(),
        Some(Expected::Fail | Expected::Silent | Expected::Prints(..)) => asserted(&Run {
            command: script.to_owned(),
            at: at.clone(),
            expected: expected.clone(),
        }),
    }
}

/// Does a command of it change what later ones find: the folder, a variable, a function?
fn sets_up(script: &str) -> bool {
    const SETS: [&str; 19] = [
        "cd", "pushd", "popd", "export", "source", ".", "set", "unset", "trap", "umask", "alias", "exec",
        "declare", "typeset", "local", "readonly", "eval", "shopt", "read",
    ];
    let commands = script.split(['\n', ';', '|', '&', '{', '}', '(', ')']);
    let mut firsts = commands.filter_map(|command| command.split_whitespace().next());
    script.contains("()")
        || script.contains("function ")
        || firsts.any(|first| SETS.contains(&first) || first.contains('='))
}

/// Does it leave something running: a line that ends with `&`?
fn leaves_running(script: &str) -> bool {
    let mut lines = script.lines().map(str::trim_end);
    lines.any(|line| line.ends_with('&') && !line.ends_with("&&"))
}
