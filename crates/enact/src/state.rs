//! The state directory: made on first use, with its own `.gitignore`; the store in it, and the installation-wide latch.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use enact_core::exit::ExitCode;
use enact_core::journal::{Entry, RunId, RunState};
use enact_engine::clock::{Clock, RandomIds, SystemClock};
use enact_engine::installation::{Installation, LEASE_TTL};
use enact_engine::store::StoreError;
use enact_engine::store::sqlite::SqliteStore;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Settings;
use crate::error::CommandError;

/// Makes the state directory, if need be.
pub(crate) fn prepare(folder: &Path) -> Result<(), CommandError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let failed = |error: std::io::Error| {
        let problem = format!("the state directory {} cannot be made: {error}", folder.display());
        CommandError::new(ExitCode::Failed, problem).hint("name another with --state-dir or ENACT_STATE_DIR")
    };
    if !folder.is_dir() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed)?;
    }
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        // A read-only directory shows itself when the store is opened, with a better message.
        let _written = std::fs::write(ignore, "*\n");
    }
    Ok(())
}

/// Opens the installation of these settings.
pub(crate) fn open(settings: &Settings) -> Result<Installation, CommandError> {
    prepare(&settings.state_dir)?;
    let store = SqliteStore::open(&settings.state_dir.join("state.db"))?;
    let seconds = settings
        .environment
        .get("ENACT_LEASE_SECONDS")
        .and_then(|text| text.parse::<u64>().ok());
    let lease_ttl = seconds.map_or(LEASE_TTL, |seconds| {
        std::time::Duration::from_secs(seconds.clamp(1, 3600))
    });
    Ok(Installation {
        store: Arc::new(store),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        lease_ttl,
    })
}

/// A run's journal and the state it adds up to.
pub(crate) fn journal(
    installation: &Installation,
    run_id: &RunId,
) -> Result<(Vec<Entry>, RunState), CommandError> {
    let entries = installation.store.load(run_id).map_err(|error| {
        if matches!(error, StoreError::Journal(_) | StoreError::Json(_)) {
            damaged(run_id, &error)
        } else {
            error.into()
        }
    })?;
    let state = RunState::replay(&entries).map_err(|error| damaged(run_id, &error))?;
    Ok((entries, state))
}

fn damaged(run_id: &RunId, error: &(dyn std::error::Error + 'static)) -> CommandError {
    let mut failed = CommandError::from_error(ExitCode::Failed, error);
    let words = format!("the journal of run {run_id} is damaged");
    failed.chain.retain(|cause| cause != "the journal is damaged");
    failed.chain.insert(0, words);
    failed
        .hint("it was left as it is; a backup of state.db may hold it whole")
        .hint("plan again to see what is there and what is left to do")
}

/// Now.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// Why everything is stopped on this installation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Latch {
    pub(crate) reason: String,
    pub(crate) by: String,
    pub(crate) since: Timestamp,
}

/// Where the latch is kept: with the user, not with a project.
pub(crate) fn latch_file(settings: &Settings) -> PathBuf {
    settings
        .environment
        .user_state_dir()
        .unwrap_or_else(|| settings.state_dir.clone())
        .join("stop-all.json")
}

/// The latch, if it is on. One that cannot be read counts as on: errors deny.
pub(crate) fn latched(settings: &Settings) -> Option<String> {
    latch_at(&latch_file(settings))
}

/// The latch kept in this file, if it is on.
pub(crate) fn latch_at(path: &Path) -> Option<String> {
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => Some(format!("{} cannot be read: {error}", path.display())),
        Ok(bytes) => Some(match serde_json::from_slice::<Latch>(&bytes) {
            Ok(latch) => format!("{} (by {}, since {})", latch.reason, latch.by, latch.since),
            Err(error) => format!("{} is not readable: {error}", path.display()),
        }),
    }
}
