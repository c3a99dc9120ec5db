//! How a command ended and what it printed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How much of the beginning of an output is kept in memory, and as much of its end.
pub const KEPT_BYTES: usize = 64 * 1024;

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// A signal ended it that the supervisor did not send.
    Signal(i32),
    /// It took too long and was ended, whatever it returned then.
    TimedOut,
    /// It was ended because the engine or a SIGTERM to the supervisor asked for it.
    Killed,
    /// It could not be executed; nothing happened. Why, in words.
    NotStarted(String),
}

impl Exit {
    /// Did it return 0?
    pub fn is_success(&self) -> bool {
        *self == Self::Code(0)
    }
}

/// What became of one attempt. Also the content of its `outcome.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub exit: Exit,
    /// When it was started, by the wall clock.
    pub started_at: Timestamp,
    /// When it ended, by the wall clock.
    pub ended_at: Timestamp,
    /// How long it took, by the monotonic clock.
    pub duration_ms: u64,
    /// How long it might have taken; absent from what an older version wrote.
    #[serde(default)]
    pub limit_ms: Option<u64>,
    /// Its standard output.
    pub stdout: Captured,
    /// Its standard error.
    pub stderr: Captured,
    /// Processes that it started and that not even SIGKILL ended in time.
    pub survivors: Vec<u32>,
    /// Was the output still open somewhere when nobody waited for it any longer? Then it may not be whole.
    pub pipe_held: bool,
}

/// What is kept of an output, redacted. The logs in the spool folder have more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// The beginning, at most [`KEPT_BYTES`].
    #[serde(with = "as_base64")]
    pub head: Vec<u8>,
    /// What follows it, or the end where something between is left out; at most [`KEPT_BYTES`].
    #[serde(with = "as_base64")]
    pub tail: Vec<u8>,
    /// How much there was, redacted.
    pub bytes: u64,
    /// Does the log in the spool folder lack some of it, because it was too long or could not be written?
    pub cut: bool,
}

impl Captured {
    /// How much is in neither the head nor the tail.
    pub fn left_out(&self) -> u64 {
        let kept = self.head.len() + self.tail.len();
        self.bytes.saturating_sub(u64::try_from(kept).unwrap_or(u64::MAX))
    }

    /// The output as text, lossy; with a line that says how much is left out in the middle, if anything is. For a terminal
    /// see [`super::display`].
    pub fn text(&self) -> String {
        let mut bytes = self.head.clone();
        if self.left_out() > 0 {
            bytes.extend_from_slice(&marker(self.left_out(), self.head.last() == Some(&b'\n')));
        }
        bytes.extend_from_slice(&self.tail);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last `count` lines of [`Self::text`], without the newline at the very end.
    pub fn last_lines(&self, count: usize) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        lines
            .get(lines.len().saturating_sub(count)..)
            .unwrap_or_default()
            .join("\n")
    }
}

/// The line in the place of what is left out.
pub(super) fn marker(left_out: u64, at_line_start: bool) -> Vec<u8> {
    let newline = if at_line_start { "" } else { "\n" };
    format!("{newline}[… {left_out} bytes left out …]\n").into_bytes()
}

/// Keeps the beginning and the end of a stream in bounded memory.
#[derive(Debug, Default)]
pub(super) struct Kept {
    head: Vec<u8>,
    /// Up to twice as long as what is kept of it, so that it is shortened once per [`KEPT_BYTES`] and not for each piece.
    tail: Vec<u8>,
    bytes: u64,
}

impl Kept {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        let (head, rest) = piece.split_at(piece.len().min(KEPT_BYTES - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(rest);
        if self.tail.len() > 2 * KEPT_BYTES {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        let surplus = self.tail.len().saturating_sub(KEPT_BYTES);
        self.tail.drain(..surplus);
    }

    /// What was kept; `cut` is about the log.
    pub(super) fn finish(mut self, cut: bool) -> Captured {
        self.shorten();
        Captured {
            head: self.head,
            tail: self.tail,
            bytes: self.bytes,
            cut,
        }
    }
}

/// Bytes as one base64 string: output is not always text.
mod as_base64 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(pieces: &[&[u8]]) -> Captured {
        let mut kept = Kept::default();
        for piece in pieces {
            kept.push(piece);
        }
        kept.finish(false)
    }

    #[test]
    fn a_short_output_is_whole() {
        let output = captured(&[b"one\n", b"two\n", b"three"]);
        assert_eq!(
            (output.text().as_str(), output.left_out()),
            ("one\ntwo\nthree", 0)
        );
        assert_eq!(output.last_lines(2), "two\nthree");
        assert_eq!(output.last_lines(9), "one\ntwo\nthree");
        assert_eq!(captured(&[]).last_lines(3), "");
    }

    #[test]
    fn an_output_of_twice_the_head_is_whole() {
        let output = captured(&[&[b'a'; KEPT_BYTES + 1], &[b'b'; KEPT_BYTES - 1]]);
        assert_eq!((output.left_out(), output.text().len()), (0, 2 * KEPT_BYTES));
    }

    #[test]
    fn the_middle_of_a_long_output_is_left_out() {
        let lines: Vec<u8> = (0..100_000)
            .flat_map(|line| format!("{line}\n").into_bytes())
            .collect();
        let whole = captured(&[&lines]);
        let pieces: Vec<&[u8]> = lines.chunks(777).collect();
        assert_eq!(captured(&pieces), whole);
        assert_eq!((whole.head.len(), whole.tail.len()), (KEPT_BYTES, KEPT_BYTES));
        let text = whole.text();
        assert!(text.starts_with("0\n1\n") && text.ends_with("99998\n99999\n"));
        assert!(text.contains(&format!(
            "[… {} bytes left out …]\n",
            lines.len() - 2 * KEPT_BYTES
        )));
    }

    #[test]
    fn an_outcome_survives_json_with_bytes_that_are_no_text() {
        let outcome = Outcome {
            exit: Exit::NotStarted("no".to_owned()),
            started_at: Timestamp::UNIX_EPOCH,
            ended_at: Timestamp::UNIX_EPOCH,
            duration_ms: 7,
            limit_ms: None,
            stdout: captured(&[b"\0\xff\xfe"]),
            stderr: Captured::default(),
            survivors: vec![3],
            pipe_held: true,
        };
        let json = serde_json::to_string(&outcome).unwrap();
        assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), outcome);
        assert_eq!(serde_json::to_string(&Exit::TimedOut).unwrap(), r#""timed_out""#);
    }
}
