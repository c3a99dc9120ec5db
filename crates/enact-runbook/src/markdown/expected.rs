//! `Run:` and `Expected:` of implementation plans: a command, and what it should show.

use std::ops::Range;

use enact_core::yaml::Body;

use super::blocks::{Line, Mark, Part};
use super::verdicts::{Verdict, is_failure, verdict};
use super::{Translation, pair, scalar, word};
use crate::reading::Node;

/// A command to run.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) command: String,
    pub(super) at: Range<usize>,
    pub(super) expected: Option<Expected>,
}

/// What a command should show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// It ends with 0.
    Pass,
    /// It ends with something else.
    Fail,
    /// It ends with 0 and prints nothing.
    Silent,
    /// It ends with 0 and prints this.
    Prints(String, Range<usize>),
}

/// `Run: …` with the label's value, also in bold: `**Run:** …`.
pub(super) fn labelled<'l>(line: &'l Line, label: &str) -> Option<&'l str> {
    let text = line.text.trim_start_matches(['*', '_', ' ']);
    let head = text
        .get(..label.len())
        .filter(|head| head.eq_ignore_ascii_case(label))?;
    let rest = text.get(head.len()..)?.trim_start_matches(['*', '_']);
    Some(rest.strip_prefix(':')?.trim_start_matches(['*', '_', ' ']))
}

/// What is expected of a command: `Expected: …`, `Expected output: …`.
pub(super) fn expectation(line: &Line) -> Option<&str> {
    const LABELS: [&str; 5] = [
        "expected",
        "expected output",
        "expected result",
        "output should be",
        "should print",
    ];
    LABELS.iter().find_map(|label| labelled(line, label))
}

impl Translation<'_> {
    /// The value of an `Expected:` line.
    pub(super) fn expected(&mut self, line: &Line, value: &str) -> Expected {
        if let Some(part) = line.struck() {
            let hint = "remove what is struck through, or the marks around it";
            let what = "part of what is expected is struck through";
            self.ambiguous(&part.range.clone(), what, hint);
            return Expected::Pass;
        }
        let code = line.parts.iter().find(|part| part.mark == Mark::Code);
        if let Some(code) = code.filter(|code| value.starts_with('`') && !is_failure(&code.text)) {
            self.one_of_several(line, code);
            return Expected::Prints(code.text.clone(), code.range.clone());
        }
        if is_silence(value) {
            return Expected::Silent;
        }
        match verdict(value) {
            Verdict::Text if value.starts_with('`') => self.unclear_verdict(line),
            Verdict::Fail => {
                if code.is_some() || value.contains(['"', '“']) {
                    let what = "of this only that the command fails is checked, not what it says";
                    self.note(&line.range, what);
                }
                return Expected::Fail;
            }
            Verdict::Unclear => self.unclear_verdict(line),
            Verdict::Text => {
                let what = "of this only that the command ends well is checked, not the text";
                self.note(&line.range, what);
            }
            Verdict::Pass => {}
        }
        Expected::Pass
    }

    /// ``Expected: `a` or `b` ``.
    fn one_of_several(&mut self, line: &Line, first: &Part) {
        let behind = first.range.end.saturating_sub(line.range.start);
        let behind = line.text.get(behind..).unwrap_or_default().to_lowercase();
        let mut words = behind.split(|next: char| !next.is_alphanumeric());
        if words.any(|word| word == "or") {
            let hint = "write what it prints in any case, or begin with the verdict: `Expected: PASS (…)`";
            self.ambiguous(&line.range, "which of these is expected?", hint);
        }
    }

    fn unclear_verdict(&mut self, line: &Line) {
        let hint = "begin with the verdict: `Expected: FAIL (…)` or `Expected: PASS (…)`";
        self.ambiguous(&line.range, "is this command to fail, or to end well?", hint);
    }

    /// A command and its expectation as a check.
    pub(super) fn run_check(&self, run: &Run) -> Node {
        let span = self.lines.span(&run.at);
        let mut entries = vec![pair("run", span, Node::new(span, scalar(run.command.clone())))];
        let expect = match &run.expected {
            None | Some(Expected::Pass) => None,
            Some(Expected::Silent) => {
                let empty = vec![pair("empty", span, word(span, "true"))];
                Some(pair("stdout", span, Node::new(span, Body::Mapping(empty))))
            }
            Some(Expected::Fail) => {
                let not = vec![pair("not", span, word(span, "0"))];
                Some(pair("exit_code", span, Node::new(span, Body::Mapping(not))))
            }
            Some(Expected::Prints(text, at)) => {
                let at = self.lines.span(at);
                let contains = vec![pair("contains", at, Node::new(at, scalar(text.clone())))];
                Some(pair("stdout", at, Node::new(at, Body::Mapping(contains))))
            }
        };
        // As long as the same line may take as a command, and as tests may: a suite takes minutes.
        entries.push(pair("timeout", span, word(span, "30m")));
        if let Some(expect) = expect {
            entries.push(pair("expect", span, Node::new(span, Body::Mapping(vec![expect]))));
        }
        Node::new(span, Body::Mapping(entries))
    }
}

/// A command within a script, which must end as expected before the script goes on. It is run once, and what it prints is
/// compared there and then.
pub(super) fn asserted(run: &Run) -> String {
    let command = run.command.trim_end();
    match &run.expected {
        Some(Expected::Fail) => {
            let said = quoted(&format!(
                "expected to fail: {}",
                command.lines().next().unwrap_or_default()
            ));
            // A shell forgets `-e` within a condition, and the block ends at its first failure as any other.
            format!(
                "set +e\n(\nset -e\n{command}\n)\nended=$?\nset -e\n\
                 if [ $ended = 0 ]; then echo {said} >&2; exit 1; fi\n"
            )
        }
        Some(Expected::Silent) => format!(
            "printed=$(\nset -e\n{command}\n)\nprintf '%s\\n' \"$printed\"\n\
             if [ -n \"$printed\" ]; then echo 'expected to print nothing' >&2; exit 1; fi\n"
        ),
        Some(Expected::Prints(text, _)) => {
            let said = quoted(&format!("expected to print: {text}"));
            // A shell forgets `-e` within `$( )`.
            format!(
                "printed=$(\nset -e\n{command}\n)\nprintf '%s\\n' \"$printed\"\n\
                 case $printed in *{}*) ;; *) echo {said} >&2; exit 1 ;; esac\n",
                quoted(text)
            )
        }
        Some(Expected::Pass) | None => format!("(\n{command}\n)\n"),
    }
}

/// `no output`, `(empty output)`.
fn is_silence(value: &str) -> bool {
    let said = value
        .trim_matches(|next: char| !next.is_alphanumeric())
        .to_lowercase();
    ["no output", "empty output", "no output at all", "nothing printed"].contains(&said.as_str())
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
