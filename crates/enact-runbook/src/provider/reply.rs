//! What an action answered, whatever its kind.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::process::{Exit, KILL_GRACE, Outcome};

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
    /// What whoever did the work stated of it, by name.
    pub stated: BTreeMap<String, String>,
    /// How long it took.
    pub took: Duration,
    /// How long it might have taken, where that is known.
    pub limit: Option<Duration>,
    /// Processes that it started and that not even SIGKILL ended.
    pub survivors: Vec<u32>,
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
            stated: BTreeMap::new(),
            took: Duration::ZERO,
            limit: None,
            survivors: Vec::new(),
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
            stated: BTreeMap::new(),
            took: Duration::from_millis(outcome.duration_ms),
            limit: outcome.limit_ms.map(Duration::from_millis),
            survivors: outcome.survivors.clone(),
        }
    }

    /// How it ended, in words.
    pub fn in_words(&self) -> String {
        match survivors_in_words(&self.survivors) {
            Some(left) => format!("{}; {left}", self.end_in_words()),
            None => self.end_in_words(),
        }
    }

    fn end_in_words(&self) -> String {
        match &self.end {
            End::Exit(code) => format!("exit code {code}"),
            End::Signal(signal) => format!("ended by signal {signal}"),
            End::Status(status) => format!("status {status}"),
            End::Finished => "done".to_owned(),
            End::TimedOut => self.timed_out(),
            End::Stopped => "it was ended because the run is to stop now".to_owned(),
            End::Unmet(what) | End::Delegated(what) => what.clone(),
            End::NotStarted(why) => format!("it was not started: {why}"),
            End::Lost(why) => format!("nobody saw how it ended: {why}"),
        }
    }

    fn timed_out(&self) -> String {
        let limit = self.limit.unwrap_or(self.took);
        let text = format!("it took longer than {} and was ended", in_seconds(limit));
        if self.took < limit + KILL_GRACE {
            return text;
        }
        let grace = in_seconds(KILL_GRACE);
        format!("{text}, by SIGKILL {grace} later: SIGTERM had not ended it")
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

/// A length of time: `9 s`, `0.3 s`, `20 ms`.
pub(crate) fn in_seconds(span: Duration) -> String {
    match (span.as_secs(), span.subsec_millis()) {
        (0, milliseconds @ 0..100) => format!("{milliseconds} ms"),
        (seconds, 0) => format!("{seconds} s"),
        _ => format!("{:.1} s", span.as_secs_f64()),
    }
}

/// What is said of processes that are left; nothing where none is.
pub(crate) fn survivors_in_words(survivors: &[u32]) -> Option<String> {
    let ids: Vec<String> = survivors.iter().map(ToString::to_string).collect();
    match ids.as_slice() {
        [] => None,
        [one] => Some(format!(
            "process {one} of it is still there: not even SIGKILL ended it"
        )),
        _ => Some(format!(
            "processes {} of it are still there: not even SIGKILL ended them",
            ids.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_are_left_are_named_beside_the_end() {
        let mut reply = Reply::bare(End::TimedOut);
        assert_eq!(reply.in_words(), "it took longer than 0 ms and was ended");
        reply.survivors = vec![71];
        assert!(
            reply
                .in_words()
                .ends_with("was ended; process 71 of it is still there: not even SIGKILL ended it")
        );
        reply.survivors.push(72);
        assert!(reply.summary().contains("processes 71, 72 of it are still there"));
    }

    #[test]
    fn what_took_too_long_is_told_its_limit_and_not_how_long_it_took_to_end_it() {
        let mut reply = Reply::bare(End::TimedOut);
        reply.limit = Some(Duration::from_secs(1));
        reply.took = Duration::from_millis(1040);
        assert_eq!(reply.in_words(), "it took longer than 1 s and was ended");
        reply.took = Duration::from_millis(11_020);
        assert_eq!(
            reply.in_words(),
            "it took longer than 1 s and was ended, by SIGKILL 10 s later: SIGTERM had not ended it"
        );
        reply.limit = Some(Duration::from_millis(1500));
        assert!(reply.in_words().starts_with("it took longer than 1.5 s"));
    }
}
