//! Blocks of code in a task of an implementation plan: a command, what one prints, or what is written.

use std::ops::Range;

use super::Translation;
use super::blocks::Fence;
use super::contents::Meaning;
use super::expected::{Expected, Run};
use super::info::{Role, SHELLS};
use super::tasks::{Awaited, Task, Work};

/// Languages of what is printed, and not written.
const PRINTED: [&str; 6] = ["", "text", "txt", "plaintext", "console", "output"];

impl Translation<'_> {
    pub(super) fn task_fence(&mut self, fence: &Fence, range: &Range<usize>, task: &mut Task) {
        let awaited = std::mem::replace(&mut task.awaited, Awaited::Nothing);
        if !self.is_clear(fence, range) {
            return;
        }
        if awaited == Awaited::Output {
            if SHELLS.contains(&self.language(fence).as_str()) {
                let hint = "write a line of its own above it: `Run:`; what is printed stands in a block without a language";
                self.ambiguous(range, "is this a command to run, or what one prints?", hint);
            }
            let text = fence.code.text.trim_end().to_owned();
            self.expect(Expected::Prints(text, range.clone()), range, task);
            return;
        }
        if !self.is_shell(fence, range) {
            self.other_fence(fence, range, task);
            return;
        }
        let script = fence.code.text.clone();
        if awaited == Awaited::Named || script.starts_with("#!") {
            self.content(range, task);
        } else if awaited == Awaited::Command {
            self.as_typed(&script, range);
            task.work.push(Work::Run(Run {
                command: script,
                at: range.clone(),
                expected: None,
            }));
        } else {
            self.shell_fence(script, range, task);
        }
    }

    /// Is a block a script? What stands behind the language of another one is not shown when the file is.
    fn is_shell(&mut self, fence: &Fence, range: &Range<usize>) -> bool {
        if SHELLS.contains(&self.language(fence).as_str()) {
            let info = self.info(fence);
            self.no_attributes(&info, range);
            if info.role() != Role::Script {
                let hint = "leave only the language there";
                self.ambiguous(range, "what does the first line of this block mean?", hint);
            }
            return true;
        }
        let line = fence.info.as_ref().map_or("", |range| self.lines.slice(range));
        match line.split_whitespace().nth(1) {
            Some("enact") => self.ambiguous(
                range,
                "keys of a step have no place in a task of an implementation plan",
                "write the plan with front matter and a heading `Steps`, or go on in YAML: `enact runbook import`",
            ),
            Some(_) => self.note(
                range,
                "what stands behind the language of this block is told too, and viewers do not show it",
            ),
            None => {}
        }
        false
    }

    /// Code to write, unless it stands where a command is just told to run.
    fn other_fence(&mut self, fence: &Fence, range: &Range<usize>, task: &mut Task) {
        let is_printed = PRINTED.contains(&self.language(fence).as_str());
        if is_printed && task.pending.is_empty() && task.ran_last() {
            self.ambiguous(
                range,
                "is this what the command prints, or what is to be written?",
                "write `Expected:` above what it prints, or a line that names the file above what it is to hold",
            );
        }
        task.wrote();
        task.work.push(Work::Content);
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
                self.as_typed(&script, range);
                task.wrote_by(&script);
                let title = task.inner.last().map(|(title, _)| title.to_ascii_lowercase());
                task.work.push(Work::Shell {
                    script,
                    at: range.clone(),
                    commit: title.is_some_and(|title| title.contains("commit")),
                    expected: None,
                });
            }
        }
    }

    /// A block as it was copied from a terminal, with its prompt, is another command than was typed, or none at all.
    pub(super) fn as_typed(&mut self, script: &str, range: &Range<usize>) {
        let mut lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
        let prompt = lines.clone().next().and_then(|line| {
            let prompts = ["$", ">", "%"];
            prompts
                .into_iter()
                .find(|prompt| line.split_whitespace().next() == Some(prompt))
        });
        if let Some(prompt) = prompt {
            let what = format!("is `{prompt}` part of this command?");
            self.ambiguous(
                range,
                what,
                "write only what is typed, without the prompt and what is printed",
            );
        } else if lines.all(|line| line.starts_with('#')) {
            let hint = "take the `#` of a prompt away, or the block";
            self.ambiguous(range, "there is no command in this block, only comments", hint);
        }
    }
}
