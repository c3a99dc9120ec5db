//! Which attempt a folder is of. The journal knows that one failed and that another is to follow; whether that one has begun when the
//! process is gone, only the disk knows, and the outcome of one attempt is never taken for that of the next.

use std::path::Path;

use enact_core::change::Change;
use enact_engine::provider::{Disposition, Failure};

use super::RunbookProvider;
use super::folders::{make, write_durably};

/// The longest mark, in bytes.
const LONGEST: u64 = 64;

impl RunbookProvider<'_> {
    /// Marks the folder of an attempt before it begins. The first attempt of a step needs no mark: no other can be taken for it.
    pub(super) fn mark_begun(&self, change: &Change, attempt: &Path) -> Result<(), Failure> {
        let Some(mark) = self.mark_of(change) else {
            return Ok(());
        };
        let written = make(attempt).and_then(|()| write_durably(&attempt.join("begun"), mark.as_bytes()));
        written.map_err(|error| {
            Failure::new(
                Disposition::GiveUp,
                format!("the attempt cannot be recorded: {error}"),
            )
        })
    }

    /// Has the attempt begun that the journal expects next, and is this its folder?
    pub(super) fn has_begun(&self, change: &Change, attempt: &Path) -> bool {
        let Some(mark) = self.mark_of(change) else {
            return true;
        };
        crate::disk::read_text(&attempt.join("begun"), LONGEST).is_ok_and(|found| found == mark)
    }

    /// How often it was about to begin and how often it failed, as the journal has it: `2 1`. Nothing where it begins for the first
    /// time.
    fn mark_of(&self, change: &Change) -> Option<String> {
        self.with_state(|state| {
            let progress = state.changes.get(&change.change_id)?;
            let (intents, failed) = (progress.intents, progress.attempts_failed);
            ((intents, failed) != (1, 0)).then(|| format!("{intents} {failed}"))
        })
    }
}
