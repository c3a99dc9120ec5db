//! Named locks between runs: a file, held with `flock(2)`, so that the kernel gives it up when its holder ends, however that
//! happens.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Why a lock is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("lock {} is held", .0.display())]
    Held(PathBuf),
    /// Its file cannot be opened or locked.
    #[error("lock {} cannot be taken", path.display())]
    NotUsable {
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

impl Drop for LockGuard {
    /// Said, not left to the closing of the file: a child that was forked and has not started its program yet has it open too,
    /// and would hold the lock until then. What goes wrong here the closing makes good.
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Takes a lock without waiting. The file is made where there is none (0600); its folder must exist.
///
/// # Errors
/// [`LockError::Held`] when somebody has it, this process included.
pub fn lock(path: &Path) -> Result<LockGuard, LockError> {
    let not_usable = |source| LockError::NotUsable {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(not_usable)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(LockGuard { file }),
        Err(Errno::WOULDBLOCK) => Err(LockError::Held(path.to_owned())),
        Err(error) => Err(not_usable(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.lock");
        let held = lock(&path).unwrap();
        assert!(matches!(lock(&path), Err(LockError::Held(_))));
        drop(held);
        lock(&path).unwrap();
    }

    #[test]
    fn a_lock_that_was_given_up_is_free_even_while_a_child_has_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.lock");
        let held = lock(&path).unwrap();
        let as_a_child_has_it = held.file.try_clone().unwrap();
        drop(held);
        lock(&path).unwrap();
        drop(as_a_child_has_it);
    }

    #[test]
    fn a_lock_without_a_folder_is_not_usable() {
        let folder = tempfile::tempdir().unwrap();
        let error = lock(&folder.path().join("none/db.lock")).unwrap_err();
        assert!(matches!(error, LockError::NotUsable { .. }));
    }
}
