//! One stream of a command on its way from the pipe: redacted, then into its log, the merged log and memory.

use std::os::fd::OwnedFd;
use std::path::Path;

use super::log::Log;
use super::outcome::{Captured, Kept};
use super::redact::{Patterns, Redactor};

/// What one read takes: the size of a pipe.
const READ_BYTES: usize = 64 * 1024;
/// A line in the merged log that is longer is broken off, so that a stream without newlines needs no memory.
const MERGED_LINE_BYTES: usize = 64 * 1024;

/// The two streams of a command.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) stdout: Stream,
    pub(super) stderr: Stream,
    merged: Log,
    buffer: Vec<u8>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Stream {
    /// `None` before the command starts and after the end of the stream.
    pub(super) pipe: Option<OwnedFd>,
    redactor: Redactor,
    log: Log,
    kept: Kept,
    /// The line under way, for the merged log.
    line: Vec<u8>,
    redacted: Vec<u8>,
}

impl Capture {
    /// Nothing yet; the logs are made when there is something to write.
    pub(super) fn at(folder: &Path, patterns: &Patterns) -> Self {
        let stream = |name: &str| Stream {
            pipe: None,
            redactor: patterns.stream(),
            log: Log::at(folder.join(name)),
            kept: Kept::default(),
            line: Vec::new(),
            redacted: Vec::new(),
        };
        Self {
            stdout: stream("stdout.log"),
            stderr: stream("stderr.log"),
            merged: Log::at(folder.join("merged.log")),
            buffer: Vec::new(),
        }
    }

    /// Are both streams at their ends?
    pub(super) fn is_over(&self) -> bool {
        self.stdout.pipe.is_none() && self.stderr.pipe.is_none()
    }

    /// Reads once from each stream that has something.
    pub(super) fn read(&mut self, stdout: bool, stderr: bool) {
        self.buffer.resize(READ_BYTES, 0);
        if stdout {
            self.stdout.read(&mut self.buffer, &mut self.merged);
        }
        if stderr {
            self.stderr.read(&mut self.buffer, &mut self.merged);
        }
    }

    /// Nothing more is read. What the two streams were, each with whether its log is cut.
    pub(super) fn finish(self) -> (Captured, Captured) {
        let Self {
            stdout,
            stderr,
            mut merged,
            ..
        } = self;
        let captured = (stdout.finish(&mut merged), stderr.finish(&mut merged));
        merged.finish();
        captured
    }
}

impl Stream {
    fn read(&mut self, buffer: &mut [u8], merged: &mut Log) {
        let Some(pipe) = &self.pipe else { return };
        match rustix::io::read(pipe, &mut *buffer) {
            Ok(0) => self.pipe = None,
            Ok(count) => {
                let mut redacted = std::mem::take(&mut self.redacted);
                self.redactor
                    .push(buffer.get(..count).unwrap_or_default(), &mut redacted);
                self.keep(&redacted, merged);
                redacted.clear();
                self.redacted = redacted;
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(_) => self.pipe = None,
        }
    }

    fn keep(&mut self, redacted: &[u8], merged: &mut Log) {
        self.log.push(redacted);
        self.kept.push(redacted);
        // Only whole lines, so that a line of one stream is not broken by the other.
        let whole = redacted
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let (lines, rest) = redacted.split_at(whole);
        if !lines.is_empty() {
            merged.push(&std::mem::take(&mut self.line));
            merged.push(lines);
        }
        self.line.extend_from_slice(rest);
        if self.line.len() > MERGED_LINE_BYTES {
            merged.push(&std::mem::take(&mut self.line));
        }
    }

    fn finish(mut self, merged: &mut Log) -> Captured {
        let mut rest = Vec::new();
        self.redactor.finish(&mut rest);
        self.keep(&rest, merged);
        if !self.line.is_empty() {
            self.line.push(b'\n');
            merged.push(&self.line);
        }
        self.kept.finish(self.log.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_merged_log_has_whole_lines_in_the_order_seen() {
        let folder = tempfile::tempdir().unwrap();
        let mut capture = Capture::at(folder.path(), &Patterns::default());
        let (stdout, stderr, merged) = (&mut capture.stdout, &mut capture.stderr, &mut capture.merged);
        stdout.keep(b"one\ntw", merged);
        stderr.keep(b"ONE\nTW", merged);
        stdout.keep(b"o\nthree", merged);
        stderr.keep(b"O", merged);
        let (stdout, stderr) = capture.finish();
        assert_eq!(
            (stdout.text().as_str(), stderr.text().as_str()),
            ("one\ntwo\nthree", "ONE\nTWO")
        );
        let merged = std::fs::read_to_string(folder.path().join("merged.log")).unwrap();
        assert_eq!(merged, "one\nONE\ntwo\nthree\nTWO\n");
        assert_eq!(
            std::fs::read_to_string(folder.path().join("stdout.log")).unwrap(),
            "one\ntwo\nthree"
        );
    }
}
