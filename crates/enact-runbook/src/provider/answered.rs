//! The answer of an action that leaves none on disk, kept while its checks are still to be made: the run was to stop before
//! they were, and the next process makes them without a second effect.

use std::path::PathBuf;

use enact_core::change::Change;
use enact_engine::provider::{Disposition, Failure, Made};

use super::folders::{make, write_durably};
use super::{RunbookProvider, Step};
use crate::kinds;

/// The longest answer that is read again, in bytes: a step's outputs have 1 MiB together, and escapes make JSON longer.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;

impl RunbookProvider<'_> {
    fn answer_of(&self, change: &Change, step: &Step) -> PathBuf {
        self.folder_of(&change.change_id, step).join("answered.json")
    }

    /// Before an attempt: what an earlier one answered is not its answer.
    pub(crate) fn forget_answer(&self, change: &Change, step: &Step) -> Result<(), Failure> {
        match std::fs::remove_file(self.answer_of(change, step)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let why = format!("what an earlier attempt answered cannot be removed: {error}");
                Err(super::attempt::not_possible(why))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Keeps what an action produced when its checks were let go. A command's answer is on disk already; secret outputs are
    /// kept nowhere, and the step's `repeat` says then what may happen.
    pub(crate) fn keep_answer(&self, change: &Change, step: &Step, made: &Made, failure: &Failure) {
        let is_command = kinds::kind(&step.spec.kind).is_some_and(|kind| kind.is_command());
        if failure.disposition != Disposition::Stopped || is_command || step.prints_secrets() {
            return;
        }
        let kept = serde_json::to_vec(made)
            .map_err(std::io::Error::other)
            .and_then(|bytes| {
                make(&self.folder_of(&change.change_id, step))?;
                write_durably(&self.answer_of(change, step), &bytes)
            });
        if let Err(error) = kept {
            tracing::warn!(%error, "what an action answered could not be kept");
        }
    }

    /// What the last attempt produced, where it was kept.
    pub(crate) fn kept_answer(&self, change: &Change, step: &Step) -> Option<Made> {
        let bytes = crate::disk::read(&self.answer_of(change, step), MAX_ANSWER).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}
