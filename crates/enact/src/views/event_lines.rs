//! Events for machines: one JSON object a line (`enact.event/v1`), on standard output or into a file, as they become durable.

use std::io::Write;
use std::path::Path;

use enact_core::event::{Event, Progress, Reporter};
use serde_json::{Value, json};

use crate::error::CommandError;

/// The format of each line.
const FORMAT: &str = "enact.event/v1";

/// Writes events. A reader that went away changes nothing, and neither does a disk that is full; that is said once.
pub(crate) struct EventLines {
    out: Box<dyn Write + Send>,
    /// Where to, for people.
    place: String,
    has_warned: bool,
}

/// Can events be written there? Asked before an approval is spent and a run begins.
///
/// # Errors
/// As [`EventLines::open`].
pub(crate) fn check(path: Option<&Path>) -> Result<(), CommandError> {
    path.map_or(Ok(()), |path| EventLines::open(path).map(drop))
}

impl EventLines {
    /// `-` is standard output; a file is appended to, readable by its owner only.
    pub(crate) fn open(path: &Path) -> Result<Self, CommandError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        if path.as_os_str() == "-" {
            return Ok(Self {
                out: Box::new(std::io::stdout()),
                place: "standard output".to_owned(),
                has_warned: false,
            });
        }
        let file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| {
                CommandError::invalid(format!("events cannot be written to {}: {error}", path.display()))
            })?;
        Ok(Self {
            out: Box::new(file),
            place: path.display().to_string(),
            has_warned: false,
        })
    }

    fn line(&mut self, value: &Value) {
        let written = writeln!(self.out, "{value}").and_then(|()| self.out.flush());
        let Err(error) = written else { return };
        let is_gone = error.kind() == std::io::ErrorKind::BrokenPipe;
        if !is_gone && !std::mem::replace(&mut self.has_warned, true) {
            super::say(&format!(
                "warning: events cannot be written to {}: {error}; the run goes on, and some are missing there\n",
                self.place
            ));
        }
    }
}

impl Reporter for EventLines {
    fn report(&mut self, event: &Event) {
        let line = match event {
            Event::Recorded(entry) => json!({
                "format": FORMAT,
                "event": "recorded",
                "run_id": entry.run_id,
                "seq": entry.seq,
                "at": entry.at.to_string(),
                "fact": entry.fact,
            }),
            Event::Progress(progress) => progress_line(progress),
        };
        self.line(&line);
    }
}

/// Passing news; it is not in the journal and may be lost.
fn progress_line(progress: &Progress) -> Value {
    let mut line = json!({ "format": FORMAT, "event": "progress" });
    let detail = match progress {
        Progress::CheckingPreconditions { changes } => {
            json!({ "kind": "checking_preconditions", "changes": changes })
        }
        Progress::Retrying {
            change_id,
            error,
            after,
        } => json!({
            "kind": "retrying",
            "change_id": change_id,
            "error": error,
            "after_ms": u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
        }),
        Progress::Settling { change_id, error } => {
            json!({ "kind": "settling", "change_id": change_id, "error": error })
        }
        Progress::Verifying { changes } => json!({ "kind": "verifying", "changes": changes }),
        Progress::Stopping { running } => json!({ "kind": "stopping", "running": running }),
    };
    if let Some(fields) = line.as_object_mut() {
        fields.insert("progress".to_owned(), detail);
    }
    line
}
