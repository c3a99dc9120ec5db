//! Named locks between runs: a file, held with `flock(2)`, so that the kernel gives it up when its holder ends, however that
//! happens.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// The most of a lock's file that is read, in bytes.
const MAX_NOTE: u64 = 1024;

/// The longest name of a holder that is shown, in characters.
const MAX_HOLDER: usize = 200;

/// A lock as a plan names it, and who wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedLock {
    /// Its name in the plan.
    pub name: String,
    /// Its file, whose folder must exist.
    pub path: PathBuf,
    /// Who takes it, for whoever finds it held: `step migrate of run 4be0c1`.
    pub taker: String,
}

/// Why a lock is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("lock {name:?} is held by {holder}; try again when it is free")]
    Held {
        /// Its name.
        name: String,
        /// Who has it, as far as its file says.
        holder: String,
    },
    /// Its file cannot be opened or locked.
    #[error("lock {name:?} cannot be taken: its file {}", path.display())]
    NotUsable {
        /// Its name.
        name: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A lock that is held. Dropping it gives it up; the file stays, because removing it would let two hold it.
#[derive(Debug)]
pub struct LockGuard {
    file: File,
}

impl LockGuard {
    /// Lets the command that is started next hold it too: when its supervisor is killed, it stays held for as long as the command
    /// works on. Where the supervisor lives, it gives the lock up for all of them.
    pub(super) fn share(&self) {
        let flags = rustix::io::fcntl_getfd(&self.file).unwrap_or(rustix::io::FdFlags::CLOEXEC);
        let open = flags.difference(rustix::io::FdFlags::CLOEXEC);
        if let Err(error) = rustix::io::fcntl_setfd(&self.file, open) {
            tracing::warn!(%error, "the command does not share its lock");
        }
    }
}

impl Drop for LockGuard {
    /// Said, not left to the closing of the file: a child that was forked and has not started its program yet has it open too,
    /// and would hold the lock until then. What goes wrong here the closing makes good.
    fn drop(&mut self) {
        let _emptied = self.file.set_len(0);
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Who holds a lock, as its file says. A word for people and no more: the kernel knows whether it is held.
#[derive(Serialize, Deserialize)]
struct Note {
    pid: u32,
    taker: String,
}

/// Takes a lock without waiting. The file is made where there is none (0600); its folder must exist.
///
/// # Errors
/// [`LockError::Held`] when somebody has it, this process included.
pub fn lock(wanted: &NamedLock) -> Result<LockGuard, LockError> {
    let not_usable = |source| LockError::NotUsable {
        name: wanted.name.clone(),
        path: wanted.path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&wanted.path)
        .map_err(not_usable)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            let guard = LockGuard { file };
            // It is held without this too.
            write_note(&guard.file, &wanted.taker).ok();
            Ok(guard)
        }
        Err(Errno::WOULDBLOCK) => Err(LockError::Held {
            name: wanted.name.clone(),
            holder: holder(&wanted.path),
        }),
        Err(error) => Err(not_usable(error.into())),
    }
}

fn write_note(mut file: &File, taker: &str) -> std::io::Result<()> {
    let note = Note {
        pid: std::process::id(),
        taker: taker.to_owned(),
    };
    file.set_len(0)?;
    file.write_all(&serde_json::to_vec(&note)?)
}

/// What the file says about who holds the lock, in one short line. Anybody may have written anything there.
fn holder(path: &Path) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_NOTE).read_to_end(&mut bytes));
    let note: Option<Note> = read.ok().and_then(|_| serde_json::from_slice(&bytes).ok());
    let Some(note) = note else {
        return "another command, which has left no name".to_owned();
    };
    let shown = note.taker.chars().filter(|character| !character.is_control());
    let taker: String = shown.take(MAX_HOLDER).collect();
    format!("{taker} (process {})", note.pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(folder: &Path, taker: &str) -> NamedLock {
        NamedLock {
            name: "the vault".to_owned(),
            path: folder.join("6f1d.lock"),
            taker: taker.to_owned(),
        }
    }

    #[test]
    fn a_lock_is_held_once_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = wanted(folder.path(), "step a of run 1");
        let held = lock(&wanted).unwrap();
        assert!(matches!(lock(&wanted), Err(LockError::Held { .. })));
        drop(held);
        lock(&wanted).unwrap();
    }

    #[test]
    fn a_held_lock_is_named_as_in_the_plan_with_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(&wanted(folder.path(), "step a of run 1")).unwrap();
        let other = wanted(folder.path(), "step b of run 2");
        let said = format!(
            "lock \"the vault\" is held by step a of run 1 (process {}); try again when it is free",
            std::process::id()
        );
        assert_eq!(lock(&other).unwrap_err().to_string(), said);
        drop(held);
        assert_eq!(std::fs::read(&other.path).unwrap(), b"");
    }

    #[test]
    fn what_stands_in_the_file_of_a_lock_is_only_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = wanted(folder.path(), "step a of run 1");
        let held = lock(&wanted).unwrap();
        let said = |content: &[u8]| {
            std::fs::write(&wanted.path, content).unwrap();
            lock(&wanted).unwrap_err().to_string()
        };
        let unnamed = "lock \"the vault\" is held by another command, which has left no name; try again when it is free";
        for content in [&b""[..], b"\xff\xfe", b"{\"pid\":", &[b'['; 1 << 20]] {
            assert_eq!(said(content), unnamed);
        }
        let hostile = b"{\"pid\": 7, \"taker\": \"me\\u001b[2J\\nerror: x\"}";
        assert!(said(hostile).contains("held by me[2Jerror: x (process 7)"));
        drop(held);
    }

    #[test]
    fn a_lock_that_was_given_up_is_free_even_while_a_child_has_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = wanted(folder.path(), "step a of run 1");
        let held = lock(&wanted).unwrap();
        let as_a_child_has_it = held.file.try_clone().unwrap();
        drop(held);
        lock(&wanted).unwrap();
        drop(as_a_child_has_it);
    }

    #[test]
    fn a_lock_without_a_folder_is_not_usable() {
        let folder = tempfile::tempdir().unwrap();
        let error = lock(&wanted(&folder.path().join("none"), "step a of run 1")).unwrap_err();
        assert!(matches!(error, LockError::NotUsable { .. }));
    }
}
