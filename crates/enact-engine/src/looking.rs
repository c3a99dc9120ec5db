//! What a run looks at: what became of effects that were cut off, whether everything is as planned before the first one, and
//! whether everything is as it should be after the last. Looking has no effect.

use std::collections::BTreeMap;

use enact_core::change::{Change, ChangeId};
use enact_core::event::Progress;
use enact_core::fault::{Fault, planted};
use enact_core::journal::{ChangeState, Fact, Mismatch};

use crate::carry_out::not_done;
use crate::provider::{Disposition, Provider};
use crate::runner::{RunError, Runner};

impl<'a, P: Provider> Runner<'a, P> {
    /// Looks what became of every effect whose outcome the journal does not hold.
    pub(crate) async fn settle_open(&self) -> Result<(), RunError> {
        let open: Vec<&Change> = self
            .admitted
            .plan()
            .executable()
            .into_iter()
            .filter(|change| matches!(self.state_of(change), ChangeState::Started | ChangeState::Unknown))
            .collect();
        for change in open {
            if planted(Fault::RepeatWithoutLooking) {
                self.record(not_done(change, false)).await?;
                continue;
            }
            self.settle(change, &self.why_open(change)).await?;
        }
        Ok(())
    }

    /// Why it has to be looked what became of a change.
    fn why_open(&self, change: &Change) -> String {
        let live = self.live.borrow();
        let progress = live.state.changes.get(&change.change_id);
        let is_started = self.state_of(change) == ChangeState::Started;
        let attested = progress.and_then(|progress| progress.attested.as_ref());
        if let Some(attested) = attested.filter(|_| is_started) {
            return format!(
                "{} attested it, and what has to hold then is looked at",
                attested.by
            );
        }
        // What was started again has left its earlier failure behind.
        let known = progress
            .filter(|_| !is_started)
            .and_then(|progress| progress.error.clone());
        known.unwrap_or_else(|| "the process ended before an answer was recorded".to_owned())
    }

    /// Reads all preconditions in one pass. False means: stop, nothing may be written.
    pub(crate) async fn preflight(&self) -> Result<bool, RunError> {
        let plan = self.admitted.plan();
        let pending: Vec<&Change> = plan
            .executable()
            .into_iter()
            .filter(|change| self.state_of(change) == ChangeState::Pending)
            .collect();
        if pending.is_empty() || planted(Fault::NoPreflight) {
            return Ok(true);
        }
        self.tell(Progress::CheckingPreconditions {
            changes: pending.len(),
        });
        let outputs = self.outputs();
        let mismatches = match self.provider.preflight(&pending, &outputs).await {
            Ok(mismatches) => mismatches,
            // Nothing starts any more: the run stops, and the next process looks again.
            Err(failure) if failure.disposition == Disposition::Stopped => {
                self.cut_short.set(true);
                return Ok(true);
            }
            Err(failure) => return Err(RunError::Unreadable(failure)),
        };
        self.record(Fact::Preflight {
            mismatches: mismatches.clone(),
        })
        .await?;
        if mismatches.is_empty() {
            return Ok(true);
        }
        if !self.live.borrow().state.stands_on_effects(plan) {
            return Ok(false);
        }
        self.stop_at_drift(pending, mismatches).await?;
        Ok(true)
    }

    /// Others are done already: only those that met drift stop, as in a run without a pause.
    async fn stop_at_drift(
        &self,
        pending: Vec<&'a Change>,
        mismatches: Vec<Mismatch>,
    ) -> Result<(), RunError> {
        let mut by_change = by_change(mismatches);
        for change in pending {
            // A procedure waits for a person at the first of them.
            if self.is_paused() {
                break;
            }
            if let Some(mismatches) = by_change.remove(&change.change_id) {
                self.drifted(change, mismatches).await?;
            }
        }
        Ok(())
    }

    /// Reads the postconditions of everything that was done, and writes down what differs.
    pub(crate) async fn verify(&self) -> Result<(), RunError> {
        let done: Vec<&Change> = self
            .admitted
            .plan()
            .executable()
            .into_iter()
            .filter(|change| self.state_of(change) == ChangeState::Done)
            .collect();
        if done.is_empty() {
            return Ok(());
        }
        self.tell(Progress::Verifying { changes: done.len() });
        let outputs = self.outputs();
        let mut found = match self.provider.verify(&done, &outputs).await {
            Ok(mismatches) => by_change(mismatches),
            // Everything was done; that it could not be checked is for the result to say, not a reason to break off.
            Err(failure) => {
                tracing::warn!(%failure, "verification could not read the world");
                return Ok(());
            }
        };
        let facts = done.iter().map(|change| Fact::Checked {
            change_id: change.change_id.clone(),
            mismatches: found.remove(&change.change_id).unwrap_or_default(),
        });
        self.record_all(facts.collect()).await
    }
}

fn by_change(mismatches: Vec<Mismatch>) -> BTreeMap<ChangeId, Vec<Mismatch>> {
    let mut found: BTreeMap<ChangeId, Vec<Mismatch>> = BTreeMap::new();
    for mismatch in mismatches {
        let of_change = found.entry(mismatch.change_id.clone()).or_default();
        of_change.push(mismatch);
    }
    found
}
