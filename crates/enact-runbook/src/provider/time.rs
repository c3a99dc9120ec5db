//! How long attempts may take: one, and all of them.

use std::time::Duration;

use enact_core::change::Change;
use enact_engine::provider::{Disposition, Failure};

use super::reply::in_seconds;
use super::{RunbookProvider, Step};

impl RunbookProvider<'_> {
    /// What is left of the time of all attempts, or the time of one.
    pub(super) fn time_left(&self, change: &Change, step: &Step) -> Result<Duration, Failure> {
        let one = change.timeout.unwrap_or(self.document.settings.default_timeout).0;
        let Some(total) = step.spec.timeout_total else {
            return Ok(Duration::from_millis(one));
        };
        let spent = self.time_spent(change);
        if spent >= total.0 {
            let limit = in_seconds(Duration::from_millis(total.0));
            let message = format!("all attempts together took longer than {limit}");
            return Err(Failure::new(Disposition::GiveUp, message).in_part());
        }
        Ok(Duration::from_millis(one.min(total.0 - spent)))
    }

    /// How long all attempts have taken by now, in milliseconds of the run's clock.
    pub(super) fn time_spent(&self, change: &Change) -> u64 {
        let spent = self.with_state(|state| {
            let progress = state.changes.get(&change.change_id)?;
            Some(progress.trying_ms(state.clock.elapsed_at(self.now())))
        });
        spent.unwrap_or(0)
    }
}
