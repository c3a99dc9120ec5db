//! What an attempt leaves behind, so that whoever comes after a crash knows what to look for: what was begun, with the target as it was;
//! how the action says it is taken back; that an execution was made.

use std::path::{Path, PathBuf};

use enact_kube::api::RollbackInfo;
use enact_kube::catalog::Basis;
use enact_kube::outside::Call;
use enact_runbook::provider::{make_folder, write_durably};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// On disk before the first request that changes something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) call: Call,
    pub(super) basis: Basis,
    pub(super) now: String,
}

const BEGUN: &str = "begun.json";
const BACK: &str = "back.json";
const MADE: &str = "made.json";

/// The most that is read of such a file, in bytes.
const MOST: u64 = 1024 * 1024;

/// # Errors
/// When it is not on disk: then nothing may begin.
pub(super) fn begin(folder: &Path, begun: &Begun) -> Result<(), String> {
    let bytes = serde_json::to_vec(begun).map_err(|error| error.to_string())?;
    make_folder(folder)
        .and_then(|()| write_durably(&folder.join(BEGUN), &bytes))
        .map_err(|error| format!("{} cannot be written: {error}", folder.display()))
}

pub(super) fn begun(folder: &Path) -> Option<Begun> {
    read(&folder.join(BEGUN))
}

/// Writes down how an action says it is taken back. What was foreseen stands where this fails.
pub(super) fn tell_back(folder: &Path, back: &RollbackInfo) {
    keep(&folder.join(BACK), back);
}

/// Writes down that an execution is there.
pub(super) fn tell_made(folder: &Path) {
    keep(&folder.join(MADE), &true);
}

fn keep<T: Serialize>(path: &Path, value: &T) {
    let written = serde_json::to_vec(value)
        .map_err(std::io::Error::from)
        .and_then(|bytes| write_durably(path, &bytes));
    if let Err(error) = written {
        tracing::warn!(%error, path = %path.display(), "it cannot be written down");
    }
}

/// What the first attempt at a step told: later ones see what it did.
pub(super) fn told_back(attempt: &Path) -> Option<RollbackInfo> {
    attempts(attempt, "attempt-")
        .iter()
        .find_map(|folder| read(&folder.join(BACK)))
}

/// Did any attempt beside this one make an execution?
pub(super) fn was_made(attempt: &Path) -> bool {
    let name = attempt
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let series = name.trim_end_matches(|digit: char| digit.is_ascii_digit());
    attempts(attempt, series)
        .iter()
        .any(|folder| folder.join(MADE).exists())
}

/// The folders of a series beside an attempt, the first one first.
fn attempts(attempt: &Path, series: &str) -> Vec<PathBuf> {
    let entries = attempt.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    let mut found: Vec<(u32, PathBuf)> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            Some((name.strip_prefix(series)?.parse().ok()?, entry.path()))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    if std::fs::metadata(path).ok()?.len() > MOST {
        return None;
    }
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
