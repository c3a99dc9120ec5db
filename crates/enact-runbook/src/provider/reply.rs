//! What an action answered, whatever its kind.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::process::{Exit, Outcome};

/// How many lines of an output go into messages and evidence.
pub(crate) const SHOWN_LINES: usize = 50;

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// A command returned this code.
    Exit(i32),
    /// A signal ended the command.
    Signal(i32),
    /// A server answered with this status.
    Status(u16),
    /// It did what it had to; there is nothing more to say.
    Finished,
    /// It took too long.
    TimedOut,
    /// It was ended because the run is to stop now.
    Stopped,
    /// What was waited for did not come.
    Unmet(String),
    /// Somebody else does it, and attests it.
    Delegated(String),
    /// It certainly did not start.
    NotStarted(String),
    /// It was started, and nobody knows how it ended.
    Lost(String),
}

/// What an action answered. Texts are redacted.
#[derive(Debug, Clone)]
pub struct Reply {
    /// How it ended.
    pub end: End,
    /// Standard output or the body; head and tail where it is very long.
    pub stdout: String,
    /// Is it whole? Values are only read from a whole one.
    pub is_whole: bool,
    /// Standard error.
    pub stderr: String,
    /// Headers of a reply, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The file that `ENACT_OUTPUT` named, when the command wrote it.
    pub output_file: Option<String>,
    /// How long it took.
    pub took: Duration,
}

impl Reply {
    /// An answer that is nothing but an end.
    pub fn bare(end: End) -> Self {
        Self {
            end,
            stdout: String::new(),
            is_whole: true,
            stderr: String::new(),
            headers: BTreeMap::new(),
            output_file: None,
            took: Duration::ZERO,
        }
    }

    /// What became of a command.
    pub(crate) fn of_command(outcome: &Outcome, output_file: Option<String>) -> Self {
        let end = match &outcome.exit {
            Exit::Code(code) => End::Exit(*code),
            Exit::Signal(signal) => End::Signal(*signal),
            Exit::TimedOut => End::TimedOut,
            Exit::Killed => End::Stopped,
            Exit::NotStarted(why) => End::NotStarted(why.clone()),
        };
        Self {
            end,
            stdout: outcome.stdout.text(),
            is_whole: outcome.stdout.left_out() == 0,
            stderr: outcome.stderr.text(),
            headers: BTreeMap::new(),
            output_file,
            took: Duration::from_millis(outcome.duration_ms),
        }
    }

    /// How it ended, in words.
    pub fn in_words(&self) -> String {
        match &self.end {
            End::Exit(code) => format!("exit code {code}"),
            End::Signal(signal) => format!("ended by signal {signal}"),
            End::Status(status) => format!("status {status}"),
            End::Finished => "done".to_owned(),
            End::TimedOut => format!(
                "it took longer than {:.1} s and was ended",
                self.took.as_secs_f64()
            ),
            End::Stopped => "it was ended because the run is to stop now".to_owned(),
            End::Unmet(what) | End::Delegated(what) => what.clone(),
            End::NotStarted(why) => format!("it was not started: {why}"),
            End::Lost(why) => format!("nobody saw how it ended: {why}"),
        }
    }

    /// The end of its output, for messages: standard error, or standard output where that is empty.
    pub fn last_words(&self) -> String {
        let text = if self.stderr.trim().is_empty() {
            &self.stdout
        } else {
            &self.stderr
        };
        let lines: Vec<&str> = text.trim_end().lines().collect();
        let start = lines.len().saturating_sub(SHOWN_LINES);
        lines.get(start..).unwrap_or_default().join("\n")
    }

    /// The last line of its output, cut to 200 characters, to stand beside the end.
    pub fn last_line(&self) -> Option<String> {
        let words = self.last_words();
        let line = words.lines().rev().find(|line| !line.trim().is_empty())?;
        Some(line.trim().chars().take(200).collect())
    }

    /// How it ended, with its last line.
    pub fn summary(&self) -> String {
        match self.last_line() {
            Some(line) => format!("{}: {line}", self.in_words()),
            None => self.in_words(),
        }
    }
}
