//! A second witness beside the database, `state.db-mark`: which journal entry and which approval were written last.
//!
//! SQLite drops what follows a damaged place of its log without a word, and a database that was cut, replaced by an older copy
//! or left behind without its log is a sound one to it: whole runs would be missing, their approvals could be spent again,
//! and steps that are done would be done again. So what the mark names must be in the database when it is opened.
//!
//! The mark is written after each commit and not synced: that costs a write of some hundred bytes, and no wait. After a
//! power cut it may be older than the database, never newer, and an older one asks for less. A mark that is missing or cannot be
//! read is no witness and stops nobody. Not covered: a database and its mark that were put back together.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use enact_core::canonical::Digest;
use enact_core::journal::Entry;
use rusqlite::{Connection, OptionalExtension as _, params};

/// The room of one line. A line that does not fit is not written.
const ROOM: usize = 512;
/// Where the second line begins, and where the room of both ends.
const SECOND: u64 = 512;
const END: u64 = 2 * SECOND;
/// How often a line is read again that somebody may be writing at this moment.
const LOOKS: usize = 3;

/// The open file.
pub(super) struct Mark {
    file: File,
}

/// What the mark says was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    entry: Option<Line>,
    approval: Option<Line>,
}

/// `NUMBER DIGEST NAME`, for a journal entry with the run's name.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    number: i64,
    digest: String,
    name: String,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Entry,
    Approval,
}

impl Place {
    fn offset(self) -> u64 {
        match self {
            Self::Entry => 0,
            Self::Approval => SECOND,
        }
    }
}

/// The mark of a database: its path with `-mark` behind it.
fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-mark");
    PathBuf::from(name)
}

/// What the mark beside a database says; nothing where there is none. Read it before the database: what is written
/// meanwhile is then in the database and not in the mark, not the other way round.
pub(super) fn read(database: &Path) -> Written {
    let Ok(file) = File::open(path_of(database)) else {
        return Written::default();
    };
    Written {
        entry: line_at(&file, Place::Entry),
        approval: line_at(&file, Place::Approval),
    }
}

fn line_at(file: &File, place: Place) -> Option<Line> {
    for _ in 0..LOOKS {
        let mut bytes = [0; ROOM];
        let length = file.read_at(&mut bytes, place.offset()).unwrap_or(0);
        let bytes = bytes.get(..length).unwrap_or_default();
        if bytes.iter().all(|byte| *byte == 0) {
            return None;
        }
        if let Some(line) = parse(bytes) {
            return Some(line);
        }
    }
    tracing::warn!("the mark beside the database cannot be read; it is written anew with the next entry");
    None
}

/// A line is followed by its own digest, a line feed and zeros.
fn parse(bytes: &[u8]) -> Option<Line> {
    let text = std::str::from_utf8(bytes.split(|byte| *byte == b'\n').next()?).ok()?;
    let (content, check) = text.rsplit_once(' ')?;
    if Digest::of(content.as_bytes()).as_str() != check {
        return None;
    }
    let mut parts = content.splitn(3, ' ');
    Some(Line {
        number: parts.next()?.parse().ok()?,
        digest: parts.next()?.to_owned(),
        name: parts.next()?.to_owned(),
    })
}

impl Mark {
    /// Opens the mark of a database, for its owner only, and takes its room, so that it can be written on a full disk.
    pub(super) fn open(database: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path_of(database))?;
        if file.metadata()?.len() < END {
            for place in [Place::Entry, Place::Approval] {
                file.write_all_at(&[0; ROOM], place.offset())?;
            }
        }
        Ok(Self { file })
    }

    /// Remembers the entry that was committed last.
    pub(super) fn entry(&self, entry: &Entry) {
        let line = format!("{} {} {}", entry.seq, entry.digest, entry.run_id);
        self.write(Place::Entry, &line);
    }

    /// Remembers the approval that was committed last.
    pub(super) fn approval(&self, number: usize, digest: &str) {
        self.write(Place::Approval, &format!("{number} {digest} approval"));
    }

    /// Forgets the entry, before its run is forgotten.
    pub(super) fn forget_entry(&self) {
        self.put(Place::Entry, &[0; ROOM]);
    }

    fn write(&self, place: Place, line: &str) {
        let mut bytes = format!("{line} {}\n", Digest::of(line.as_bytes())).into_bytes();
        if bytes.len() > ROOM {
            return;
        }
        bytes.resize(ROOM, 0);
        self.put(place, &bytes);
    }

    /// What was committed is durable whether or not the witness could be told.
    fn put(&self, place: Place, bytes: &[u8]) {
        if let Err(error) = self.file.write_all_at(bytes, place.offset()) {
            tracing::warn!(%error, "the mark beside the database cannot be written");
        }
    }
}

impl Written {
    /// Does it name nothing?
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Does it name an entry of this run?
    pub(super) fn is_of(&self, run_id: &str) -> bool {
        self.entry.as_ref().is_some_and(|line| line.name == run_id)
    }

    /// What it names, in words.
    pub(super) fn in_words(&self) -> String {
        let entry = self.entry.as_ref().map(Line::as_entry);
        let approval = self.approval.as_ref().map(Line::as_approval);
        entry
            .into_iter()
            .chain(approval)
            .collect::<Vec<_>>()
            .join(" and ")
    }

    /// What it names and the database does not hold, in words.
    pub(super) fn missing(&self, connection: &Connection) -> rusqlite::Result<Option<String>> {
        if let Some(line) = &self.entry {
            let body: Option<String> = connection
                .query_row(
                    "SELECT body FROM entries WHERE run_id = ?1 AND seq = ?2",
                    params![line.name, line.number],
                    |row| row.get(0),
                )
                .optional()?;
            let entry: Option<Entry> = body.and_then(|body| serde_json::from_str(&body).ok());
            if entry.is_none_or(|entry| entry.digest.as_str() != line.digest) {
                return Ok(Some(line.as_entry()));
            }
        }
        if let Some(line) = &self.approval {
            let digest: Option<String> = connection
                .query_row(
                    "SELECT digest FROM approvals WHERE seq = ?1",
                    [line.number],
                    |row| row.get(0),
                )
                .optional()?;
            if digest.as_ref() != Some(&line.digest) {
                return Ok(Some(line.as_approval()));
            }
        }
        Ok(None)
    }
}

impl Line {
    fn as_entry(&self) -> String {
        format!("entry {} of run {}", self.number, self.name)
    }

    fn as_approval(&self) -> String {
        format!("approval {}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_and_no_other_is() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("state.db");
        assert!(read(&database).is_empty(), "there is none yet");
        let mark = Mark::open(&database).unwrap();
        assert!(read(&database).is_empty(), "it is empty");
        mark.approval(3, "sha256:abc");
        let written = read(&database);
        assert_eq!(written.in_words(), "approval 3");
        let whole = std::fs::read(path_of(&database)).unwrap();
        let end = whole.iter().position(|byte| *byte == b'\n').unwrap();
        for place in ROOM..end {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            std::fs::write(path_of(&database), &changed).unwrap();
            assert!(read(&database).is_empty(), "byte {place}");
        }
    }

    #[test]
    fn a_line_that_does_not_fit_leaves_the_one_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("state.db");
        let mark = Mark::open(&database).unwrap();
        mark.approval(1, "sha256:abc");
        mark.approval(2, &"x".repeat(ROOM));
        assert_eq!(read(&database).in_words(), "approval 1");
    }
}
