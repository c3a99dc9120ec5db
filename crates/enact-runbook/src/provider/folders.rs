//! Where a run keeps what its commands leave: `RUNS/RUN/0003-migrate/1/`, one folder per attempt.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use enact_core::change::ChangeId;
use enact_core::journal::RunId;
use enact_engine::holder::Holder;

use super::{RunbookProvider, Step};
use crate::process;

/// The longest name of a boot, in bytes.
const MAX_NOTE: u64 = 1024;

/// The folder of what is looked at without a run: in a dry run, before an approval.
pub(crate) const NO_RUN: &str = "no-run";

/// Attempts at a step, at taking it back, or looks of checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Series {
    Attempts,
    Undos,
    Checks,
}

impl Series {
    fn prefix(self) -> &'static str {
        match self {
            Self::Attempts => "attempt-",
            Self::Undos => "undo-",
            Self::Checks => "check-",
        }
    }
}

/// The folder of a step's attempts. Ids of steps have only letters that a file name may have.
pub fn step_folder(runs_dir: &Path, run_id: &RunId, number: u32, change_id: &ChangeId) -> PathBuf {
    let safe: String = change_id
        .0
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || "-_.".contains(letter) {
                letter
            } else {
                '_'
            }
        })
        .take(100)
        .collect();
    runs_dir.join(&run_id.0).join(format!("{number:04}-{safe}"))
}

/// The number of the newest attempt in a step's folder; 0 when there is none.
pub(crate) fn newest(folder: &Path, series: Series) -> u32 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_prefix(series.prefix())?.parse().ok())
        .max()
        .unwrap_or(0)
}

/// The folder of the newest attempt at a step, in that step's folder.
pub fn newest_attempt(folder: &Path) -> Option<PathBuf> {
    let number = newest(folder, Series::Attempts);
    (number > 0).then(|| attempt_folder(folder, Series::Attempts, number))
}

/// The folder of one attempt.
pub(crate) fn attempt_folder(folder: &Path, series: Series, number: u32) -> PathBuf {
    folder.join(format!("{}{number}", series.prefix()))
}

/// A command of a run that works, whether or not there is an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// The folder of its step, which names it: `0003-migrate`; `checks` for what the run looks at.
    pub step: String,
    /// The folder of the attempt.
    pub attempt_dir: PathBuf,
    /// Its supervisor, or where that is gone a process that it left.
    pub pid: u32,
}

/// `step migrate, process 4711`; `a check, process 4711`; `taking back step migrate, process 4711`.
impl std::fmt::Display for UnderWay {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let attempt = self.attempt_dir.file_name().unwrap_or_default();
        let is = |series: Series| attempt.to_string_lossy().starts_with(series.prefix());
        let id = self.step.split_once('-').map_or(self.step.as_str(), |(_, id)| id);
        match (is(Series::Checks), is(Series::Undos)) {
            (true, _) => write!(formatter, "a check")?,
            (_, true) => write!(formatter, "taking back step {id}")?,
            _ => write!(formatter, "step {id}")?,
        }
        write!(formatter, ", process {}", self.pid)
    }
}

/// The commands of a run's steps and undos that work now, by what their folders say. Looking changes nothing.
pub fn commands_under_way(runs_dir: &Path, run_id: &RunId) -> Vec<UnderWay> {
    let mut found = Vec::new();
    for step in folders_in(&runs_dir.join(&run_id.0)) {
        for attempt_dir in folders_in(&step) {
            let name = step
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if let Some(pid) = process::under_way(&attempt_dir) {
                found.push(UnderWay {
                    step: name.to_owned(),
                    attempt_dir,
                    pid,
                });
            }
        }
    }
    found.sort_by(|one, other| one.attempt_dir.cmp(&other.attempt_dir));
    found
}

/// Removes secrets that commands of a run's earlier processes read from files, where neither a supervisor nor a look at the
/// attempt came to it.
pub(crate) fn remove_left_secrets(run_folder: &Path) {
    for step in folders_in(run_folder) {
        for attempt in folders_in(&step) {
            process::remove_left_secrets(&attempt);
        }
    }
}

fn folders_in(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| {
        let entry = entry.ok()?;
        entry.file_type().ok()?.is_dir().then(|| entry.path())
    })
}

/// Makes a folder that only its owner can enter.
///
/// # Errors
/// What the file system says.
pub fn make(folder: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

impl RunbookProvider<'_> {
    pub(crate) fn run_folder(&self) -> PathBuf {
        let run = self.run.borrow();
        let name = run.id.as_ref().map_or(NO_RUN, |run_id| run_id.0.as_str());
        self.host.runs_dir.join(name)
    }

    pub(crate) fn folder_of(&self, change_id: &ChangeId, step: &Step) -> PathBuf {
        let run = self.run.borrow();
        let unnamed = RunId(NO_RUN.to_owned());
        let run_id = run.id.as_ref().unwrap_or(&unnamed);
        step_folder(&self.host.runs_dir, run_id, step.spec.number, change_id)
    }

    /// Writes down the boot in which this process starts commands; says in which one the process before it did. A folder
    /// without marks proves nothing across a restart of the machine.
    pub(crate) fn mark_boot(&self, run_id: &RunId) -> Option<String> {
        let folder = self.host.runs_dir.join(&run_id.0);
        let path = folder.join("boot");
        let before = crate::disk::read_text(&path, MAX_NOTE).ok();
        let boot = Holder::this_process().boot_id;
        if before.as_deref() != Some(boot.as_str()) {
            let written = make(&folder).and_then(|()| write_durably(&path, boot.as_bytes()));
            if let Err(error) = written {
                tracing::warn!(%error, "the run's folder cannot be written");
            }
        }
        before
    }
}

/// Writes a small file so that it is on disk when this returns.
///
/// # Errors
/// What the file system says.
pub fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    match path.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
