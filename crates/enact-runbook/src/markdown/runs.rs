//! `Run:` lines: which part is the command, and whether what is said around it lets it run.

use std::ops::Range;

use super::Translation;
use super::blocks::{Line, Mark, Part};
use super::doubts;
use super::expected::{Expected, Run, expectation};
use super::tasks::{Awaited, Task, Work};
use super::titles;

const KEEP: &str = "write `Run:` above what is to run, in a paragraph of its own, and move what is not to run out of the task";

impl Translation<'_> {
    /// Says that it is not clear whether something is to run; true when it was said.
    pub(super) fn doubted(&mut self, at: &Range<usize>, doubt: Option<String>) -> bool {
        let Some(doubt) = doubt else {
            return false;
        };
        self.ambiguous(at, format!("is this a command to run? {doubt}"), KEEP);
        true
    }

    /// A line below a command that goes on with its sentence: `but only if the tests fail`.
    pub(super) fn goes_on(&mut self, line: &Line, ran: bool) {
        let word = doubts::behind(&line.text).filter(|_| ran && doubts::goes_on(&line.text));
        self.doubted(&line.range, word.map(says));
    }

    pub(super) fn run_line(&mut self, line: &Line, value: &str, task: &mut Task) {
        let Some(code) = line.code() else {
            self.no_command(line, value, task);
            return;
        };
        let mut run = Run {
            command: code.text.clone(),
            at: code.range.clone(),
            expected: None,
        };
        self.text_before(line, code);
        let rest = behind(line, code);
        self.second_command(&rest);
        match expectation(&rest) {
            Some(value) if !value.is_empty() => run.expected = Some(self.expected(&rest, value)),
            _ if !rest.text.is_empty() => self.text_behind(&rest),
            _ => {}
        }
        let is_checked = matches!(run.expected, Some(Expected::Prints(..)));
        if rest.text.split(' ').count() > 2 && !is_checked || run.expected.is_none() && !rest.text.is_empty()
        {
            self.told(&line.range, task);
        }
        task.work.push(Work::Run(run));
    }

    fn no_command(&mut self, line: &Line, value: &str, task: &mut Task) {
        if value.is_empty() {
            task.awaited = Awaited::Command;
            task.run_at = line.range.clone();
        } else {
            let what = "which part of this is the command?";
            self.ambiguous(&line.range, what, "put the command in backticks");
        }
    }

    /// `Run: never `x``, and what a command replaces that is struck through.
    fn text_before(&mut self, line: &Line, code: &Part) {
        let length = code.range.start.saturating_sub(line.range.start);
        let text = line.text.get(..length).unwrap_or_default();
        let word = doubts::before(text);
        self.doubted(
            &line.range,
            word.map(|word| format!("The text before it says `{word}`")),
        );
        let struck = line.parts.iter().filter(|part| part.mark == Mark::Struck);
        for part in struck.filter(|part| part.range.start < code.range.start) {
            self.note(&part.range, "this is struck through, and left out");
        }
    }

    /// ``Run: `a`, then `b` ``.
    fn second_command(&mut self, rest: &Line) {
        let Some(code) = rest.code().filter(|_| expectation(rest).is_none()) else {
            return;
        };
        let length = code.range.start.saturating_sub(rest.range.start);
        let between = rest.text.get(..length).unwrap_or_default().to_lowercase();
        let mut words = between
            .split(|next: char| !next.is_alphanumeric())
            .filter(|word| !word.is_empty());
        if words.all(|word| ["and", "then", "followed", "by", "also", "finally"].contains(&word)) {
            let hint = "write it on a `Run:` line of its own";
            self.ambiguous(&code.range, "is the second command run too?", hint);
        }
    }

    fn text_behind(&mut self, rest: &Line) {
        let word = doubts::behind(&rest.text).or_else(|| titles::mark(&rest.text));
        if !self.doubted(&rest.range, word.map(says)) {
            self.note(
                &rest.range,
                "this text behind the command is shown with the step, and changes nothing",
            );
        }
    }

    pub(super) fn expect(&mut self, expected: Expected, at: &Range<usize>, task: &mut Task) {
        // Of a sentence only its verdict is checked.
        let words = self.in_one_line(at).split(' ').count();
        if words > 2 && !matches!(expected, Expected::Prints(..)) {
            self.told(at, task);
        }
        let of_struck = task.before.is_struck();
        let of = match task.work.last_mut() {
            Some(Work::Run(run)) => Some(&mut run.expected),
            Some(Work::Shell { expected, .. }) => Some(expected),
            Some(Work::Content) | None => None,
        };
        match of.filter(|known| !of_struck && known.is_none()) {
            Some(known) => *known = Some(expected),
            None => {
                self.told(at, task);
                self.note(
                    at,
                    "this is expected of nothing that is run: no command stands before it",
                );
            }
        }
    }
}

fn says(word: &'static str) -> String {
    format!("The text behind it says `{word}`")
}

/// What stands behind a command on its line.
fn behind(line: &Line, code: &Part) -> Line {
    let behind = code.range.end.saturating_sub(line.range.start);
    let rest = line.text.get(behind..).unwrap_or("");
    let rest = rest.trim_start_matches([' ', '-', '–', '—', ',', ';', '.', '(', '*']);
    let parts = line.parts.iter();
    let parts = parts.filter(|part| part.range.start > code.range.start);
    Line {
        range: line.range.end.saturating_sub(rest.len())..line.range.end,
        text: rest.to_owned(),
        parts: parts.cloned().collect(),
    }
}
