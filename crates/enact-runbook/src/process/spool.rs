//! The spool folder of an attempt, and what it says after a crash.
//!
//! `started.json` is one of two marks, whichever was made first: the supervisor's, that the command is about to start, or
//! that of an engine which looked, found nothing, and thereby keeps a supervisor that is late from starting it after all.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use enact_engine::holder::Holder;
use enact_engine::stop::{StopSignal, Urgency};
use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::kin;
use super::outcome::Outcome;
use super::secret_files;

/// Room taken for the outcome before the command starts: a command may fill the disk, and nobody would know how it ended.
/// Enough for an outcome with little output; one with more needs room of its own.
const OUTCOME_ROOM: [u8; 8 * 1024] = [0; 8 * 1024];
/// How often a folder is looked at while its command runs.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long SIGKILL may take before what is left counts as a survivor.
pub(super) const AFTER_KILL: Duration = Duration::from_secs(5);

/// The variable that every command has, with a value that no other attempt has: the file for its outputs.
pub(crate) const OUTPUT: &str = "ENACT_OUTPUT";

/// What a spool folder says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The command never started, and no supervisor will start it any more but one of this process.
    NeverStarted,
    /// Its supervisor lives and will write the outcome.
    Running,
    /// It ended like this.
    Ended(Box<Outcome>),
    /// It may have started, and nobody is left who knows how it ended.
    Lost,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mark {
    /// The command is about to start. Its processes are of the supervisor's session.
    Started { supervisor: Holder, at: Timestamp },
    /// Only a supervisor of this engine may still start it.
    Claimed { engine: Holder },
}

fn mark_path(folder: &Path) -> PathBuf {
    folder.join("started.json")
}

fn outcome_path(folder: &Path) -> PathBuf {
    folder.join("outcome.json")
}

/// Makes the folder (0700), with those above it.
pub(super) fn make_folder(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// May a supervisor of this engine start the attempt? Why not, otherwise.
pub(super) fn check_free(folder: &Path, engine: &Holder) -> std::io::Result<()> {
    match read_mark(folder)? {
        None => Ok(()),
        Some(Mark::Claimed { engine: claimant }) if claimant == *engine => Ok(()),
        Some(Mark::Claimed { .. }) => Err(std::io::Error::other("another engine has claimed this attempt")),
        Some(Mark::Started { .. }) => Err(std::io::Error::other("this attempt has been started before")),
    }
}

/// Marks the attempt as started. Fails where it is not free any more.
///
/// Not synced: after a crash of the machine a missing mark proves nothing anyway, which is what [`look`] has the boot id for.
pub(super) fn mark_started(
    folder: &Path,
    supervisor: &Holder,
    at: Timestamp,
    engine: &Holder,
) -> std::io::Result<()> {
    let _alone = alone(folder)?;
    check_free(folder, engine)?;
    open_temporary(&outcome_path(folder))?.write_all(&OUTCOME_ROOM)?;
    let mark = Mark::Started {
        supervisor: supervisor.clone(),
        at,
    };
    write_replacing(&mark_path(folder), &mark)
}

/// Between looking at the mark and writing another, nobody else does.
fn alone(folder: &Path) -> std::io::Result<File> {
    let folder = File::open(folder)?;
    flock(&folder, FlockOperation::LockExclusive)?;
    Ok(folder)
}

/// Writes how the attempt ended.
pub(super) fn write_outcome(folder: &Path, outcome: &Outcome) -> std::io::Result<()> {
    write_replacing(&outcome_path(folder), outcome)
}

/// Makes the outcome outlive a crash of the machine.
pub(super) fn sync_outcome(folder: &Path) -> std::io::Result<()> {
    File::open(outcome_path(folder))?.sync_all()?;
    File::open(folder)?.sync_all()
}

/// The file is there whole or not at all, and replaces the one before.
fn write_replacing<T: Serialize>(path: &Path, value: &T) -> std::io::Result<()> {
    let mut file = open_temporary(path)?;
    let bytes = serde_json::to_vec(value)?;
    // Into the room that was taken for it, and only then cut to size: what is let go, somebody else may take.
    file.write_all(&bytes)?;
    file.set_len(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
    std::fs::rename(temporary_path(path), path)
}

fn open_temporary(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(temporary_path(path))
}

fn temporary_path(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

fn read_mark(folder: &Path) -> std::io::Result<Option<Mark>> {
    match std::fs::read(mark_path(folder)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_outcome(folder: &Path) -> std::io::Result<Option<Box<Outcome>>> {
    match std::fs::read(outcome_path(folder)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What became of an attempt that an engine had the intent to start and whose outcome is not in the journal.
///
/// `intent_boot_id` is the boot the intent was written in ([`Holder::boot_id`]). Where the machine has been started again since, a folder
/// without marks says nothing (they may not have reached the disk), and the answer is [`Found::Lost`].
///
/// Before it answers [`Found::NeverStarted`] it claims the attempt for this process with a mark in the folder, which it makes
/// if need be: a supervisor of the dead engine that gets to its request only now will not start the command. The same or another
/// look by this process gives the same answer, and [`super::Supervisor::run`] of this process may then use the folder.
pub fn look(attempt_dir: &Path, intent_boot_id: Option<&str>) -> Found {
    remove_left_secrets(attempt_dir);
    find_out(attempt_dir, intent_boot_id).unwrap_or(Found::Lost)
}

/// Removes secrets that the command of an attempt read from files, where its supervisor is gone and could not. A supervisor
/// writes them after its mark; files without one have survived a crash of the machine that the mark did not.
pub fn remove_left_secrets(attempt_dir: &Path) {
    // In this order: files that are there now have had their mark before.
    if !secret_files::folder(attempt_dir).exists() {
        return;
    }
    let in_use = match read_mark(attempt_dir) {
        Ok(Some(Mark::Started { supervisor, .. })) => !supervisor.is_gone(),
        Ok(Some(Mark::Claimed { .. }) | None) | Err(_) => false,
    };
    if !in_use {
        secret_files::remove(attempt_dir);
    }
}

/// An error is a folder that says nothing certain: torn, not readable, not writable.
fn find_out(folder: &Path, intent_boot_id: Option<&str>) -> std::io::Result<Found> {
    if let Some(outcome) = read_outcome(folder)? {
        return Ok(Found::Ended(outcome));
    }
    let supervisor = match read_mark(folder)? {
        Some(Mark::Started { supervisor, .. }) => supervisor,
        None | Some(Mark::Claimed { .. }) => match claim(folder, intent_boot_id)? {
            Claim::Ours => return Ok(Found::NeverStarted),
            Claim::Uncertain => return Ok(Found::Lost),
            Claim::TooLate(supervisor) => supervisor,
        },
    };
    let gone = supervisor.is_gone();
    // Asked again after that: it may have written the outcome and ended in between.
    match read_outcome(folder)? {
        Some(outcome) => Ok(Found::Ended(outcome)),
        None if gone => Ok(Found::Lost),
        None => Ok(Found::Running),
    }
}

enum Claim {
    /// The command did not start and will not.
    Ours,
    /// A supervisor was faster.
    TooLate(Holder),
    /// What is or is not in the folder proves nothing.
    Uncertain,
}

/// Makes sure that no supervisor of another engine starts the command from now on.
fn claim(folder: &Path, intent_boot_id: Option<&str>) -> std::io::Result<Claim> {
    let engine = Holder::this_process();
    if intent_boot_id.is_some_and(|boot_id| boot_id != engine.boot_id) {
        return Ok(Claim::Uncertain);
    }
    make_folder(folder)?;
    let _alone = alone(folder)?;
    match read_mark(folder)? {
        Some(Mark::Started { supervisor, .. }) => return Ok(Claim::TooLate(supervisor)),
        Some(Mark::Claimed { engine: claimant }) if claimant == engine => return Ok(Claim::Ours),
        // A claim of another boot may have been replaced by a start that did not reach the disk; one of a living engine is no
        // business of ours.
        Some(Mark::Claimed { engine: claimant })
            if claimant.boot_id != engine.boot_id || !claimant.is_gone() =>
        {
            return Ok(Claim::Uncertain);
        }
        Some(Mark::Claimed { .. }) | None => {}
    }
    write_replacing(&mark_path(folder), &Mark::Claimed { engine })?;
    Ok(Claim::Ours)
}

/// Waits until the command of a [`Found::Running`] attempt has ended. When `stop` is raised to [`Urgency::Now`], its
/// supervisor is asked to end it, and the outcome is waited for all the same.
pub async fn wait_for_end(attempt_dir: &Path, stop: &StopSignal) -> Found {
    let mut asked = false;
    loop {
        let found = look(attempt_dir, None);
        if found != Found::Running {
            return found;
        }
        if !asked && stop.urgency() >= Some(Urgency::Now) {
            asked = true;
            ask_to_end(attempt_dir);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Asks the supervisor of an attempt to end its command. Whether it did is what the next look says.
pub fn ask_to_end(folder: &Path) {
    let Ok(Some(Mark::Started { supervisor, .. })) = read_mark(folder) else {
        return;
    };
    // Where the supervisor is gone, what it left is asked.
    let asked = if supervisor.is_gone() {
        left_running(folder)
    } else {
        vec![supervisor.pid]
    };
    for pid in asked.into_iter().filter_map(to_pid) {
        // Gone after all is what the next look says.
        kill_process(pid, Signal::TERM).ok();
    }
}

fn to_pid(pid: u32) -> Option<Pid> {
    Pid::from_raw(pid.try_into().ok()?)
}

/// Is the command of an attempt under way, or anything that it left running? The process number of one that is.
pub fn under_way(attempt_dir: &Path) -> Option<u32> {
    if let Ok(Some(_)) = read_outcome(attempt_dir) {
        return None;
    }
    let Ok(Some(Mark::Started { supervisor, .. })) = read_mark(attempt_dir) else {
        return None;
    };
    if supervisor.is_gone() {
        left_running(attempt_dir).first().copied()
    } else {
        Some(supervisor.pid)
    }
}

/// Processes of a [`Found::Lost`] attempt that still run although their supervisor is gone: those of its session, and those that left
/// it and have the attempt's own variable. What left the session and emptied its environment is not found.
pub fn left_running(attempt_dir: &Path) -> Vec<u32> {
    let Ok(Some(Mark::Started { supervisor, .. })) = read_mark(attempt_dir) else {
        return Vec::new();
    };
    if !supervisor.is_gone() || supervisor.boot_id != Holder::this_process().boot_id {
        return Vec::new();
    }
    // A session's number is not given away while it has members; somebody else who has the number has another session.
    let reused = to_pid(supervisor.pid).is_some_and(kin::is_running);
    let members = if reused {
        Vec::new()
    } else {
        kin::session(supervisor.pid)
    };
    let output = output_path(attempt_dir).display().to_string();
    let left = members.into_iter().chain(kin::with_variable(OUTPUT, &output));
    let mut left: Vec<u32> = left
        .filter_map(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok())
        .collect();
    left.sort_unstable();
    left.dedup();
    left
}

/// The file that [`OUTPUT`] names.
pub(crate) fn output_path(attempt_dir: &Path) -> PathBuf {
    attempt_dir.join("output")
}

/// Ends what [`left_running`] finds: SIGTERM, after `grace` SIGKILL. What is unknown can be looked into only when nothing
/// changes it any more. Answers which processes are left, if any.
pub async fn end_left_running(attempt_dir: &Path, grace: Duration) -> Vec<u32> {
    for (signal, patience) in [(Signal::TERM, grace), (Signal::KILL, AFTER_KILL)] {
        let until = Instant::now() + patience;
        let mut left = left_running(attempt_dir);
        for pid in left.iter().copied().filter_map(to_pid) {
            kill_process(pid, signal).ok();
        }
        while !left.is_empty() && Instant::now() < until {
            tokio::time::sleep(LOOK_EVERY).await;
            left = left_running(attempt_dir);
        }
        if left.is_empty() {
            return left;
        }
    }
    left_running(attempt_dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::outcome::{Captured, Exit};

    fn outcome() -> Outcome {
        Outcome {
            exit: Exit::Code(3),
            started_at: Timestamp::UNIX_EPOCH,
            ended_at: Timestamp::UNIX_EPOCH,
            duration_ms: 1,
            limit_ms: None,
            stdout: Captured::default(),
            stderr: Captured::default(),
            survivors: Vec::new(),
            pipe_held: false,
        }
    }

    /// A process that has ended.
    fn gone() -> Holder {
        let me = Holder::this_process();
        Holder {
            started: me.started + 1,
            ..me
        }
    }

    fn start(folder: &Path, supervisor: &Holder, engine: &Holder) -> std::io::Result<()> {
        mark_started(folder, supervisor, Timestamp::UNIX_EPOCH, engine)
    }

    #[test]
    fn a_late_supervisor_of_a_dead_engine_does_not_start_what_never_started() {
        let folder = tempfile::tempdir().unwrap();
        let attempt = folder.path().join("runs/7/1");
        assert_eq!(
            look(&attempt, Some(&Holder::this_process().boot_id)),
            Found::NeverStarted
        );
        assert!(start(&attempt, &Holder::this_process(), &gone()).is_err());
        assert_eq!(look(&attempt, None), Found::NeverStarted);
        start(&attempt, &Holder::this_process(), &Holder::this_process()).unwrap();
        assert_eq!(look(&attempt, None), Found::Running);
    }

    #[test]
    fn the_claim_of_a_dead_engine_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        write_replacing(&mark_path(folder.path()), &Mark::Claimed { engine: gone() }).unwrap();
        assert_eq!(look(folder.path(), None), Found::NeverStarted);
        assert!(start(folder.path(), &gone(), &gone()).is_err());
    }

    #[test]
    fn a_claim_of_another_boot_proves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Holder {
            boot_id: "another".to_owned(),
            ..gone()
        };
        write_replacing(&mark_path(folder.path()), &Mark::Claimed { engine }).unwrap();
        assert_eq!(look(folder.path(), None), Found::Lost);
    }

    #[test]
    fn after_another_boot_a_missing_mark_proves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let attempt = folder.path().join("1");
        assert_eq!(look(&attempt, Some("another")), Found::Lost);
        assert!(!attempt.exists());
    }

    #[test]
    fn a_supervisor_that_is_gone_without_an_outcome_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        start(folder.path(), &gone(), &gone()).unwrap();
        assert_eq!(look(folder.path(), None), Found::Lost);
        assert!(start(folder.path(), &gone(), &gone()).is_err());
    }

    #[test]
    fn an_outcome_counts_whatever_became_of_its_supervisor() {
        let folder = tempfile::tempdir().unwrap();
        start(folder.path(), &gone(), &gone()).unwrap();
        write_outcome(folder.path(), &outcome()).unwrap();
        sync_outcome(folder.path()).unwrap();
        assert_eq!(
            look(folder.path(), Some("another")),
            Found::Ended(Box::new(outcome()))
        );
    }

    #[test]
    fn secrets_stay_only_as_long_as_a_supervisor_may_use_them() {
        let secrets = |folder: &Path| {
            let contents = std::collections::BTreeMap::from([("KEY".to_owned(), "x".to_owned())]);
            std::mem::forget(secret_files::SecretFiles::write(folder, &contents).unwrap());
        };
        let me = Holder::this_process();
        for (supervisor, stay) in [(Some(&me), true), (Some(&gone()), false), (None, false)] {
            let folder = tempfile::tempdir().unwrap();
            if let Some(supervisor) = supervisor {
                start(folder.path(), supervisor, &me).unwrap();
            }
            secrets(folder.path());
            look(folder.path(), None);
            assert_eq!(
                secret_files::folder(folder.path()).exists(),
                stay,
                "{supervisor:?}"
            );
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(mark_path(folder.path()), "{").unwrap();
        secrets(folder.path());
        remove_left_secrets(folder.path());
        assert!(!secret_files::folder(folder.path()).exists(), "a torn mark");
    }

    #[test]
    fn torn_files_are_lost() {
        let whole = serde_json::to_vec(&outcome()).unwrap();
        for length in [0, 1, whole.len() / 2, whole.len() - 1] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(outcome_path(folder.path()), &whole[..length]).unwrap();
            assert_eq!(look(folder.path(), None), Found::Lost, "{length}");
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(mark_path(folder.path()), &whole[..length]).unwrap();
            assert_eq!(look(folder.path(), None), Found::Lost, "{length}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(look(&file.join("1"), None), Found::Lost);
    }
}
