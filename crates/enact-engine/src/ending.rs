//! How a run ends: what runs in any case, what is taken back after a failure, and the criteria of the whole.

use enact_core::change::Change;
use enact_core::journal::{ChangeState, Choice, Fact};
use enact_core::procedure::RollbackMode;
use enact_core::whole::began;

use crate::provider::{Disposition, Provider};
use crate::runner::{RunError, Runner, runs_always};

/// How the reason of a pause begins in which a person decides about the whole run.
pub const RUN_DECISION: &str = "a decision: ";

impl<P: Provider> Runner<'_, P> {
    /// Runs what runs however the run ends, before anything is taken back. True: it waits for somebody, or was stopped, and the
    /// run is over for now.
    pub(crate) async fn run_always(&self) -> Result<bool, RunError> {
        if !self.is_left_to_close() || self.is_always_unknown() || self.is_stale() {
            return Ok(false);
        }
        self.changes(true).await?;
        if self.is_paused() {
            return self.record_pause().await.map(|()| true);
        }
        if self.stop.urgency().is_some() && self.is_left_to_close() {
            return self.record_stop().await.map(|()| true);
        }
        Ok(false)
    }

    /// Has a step of a procedure met another world than planned before anything was done? Then nothing is done, and there is
    /// nothing to close.
    pub(crate) fn is_stale(&self) -> bool {
        let live = self.live.borrow();
        let plan = self.admitted.plan();
        let drifted = |change: &Change| {
            change.handling.is_some() && live.state.of(&change.change_id) == ChangeState::Drifted
        };
        plan.changes().iter().any(drifted) && !live.state.stands_on_effects(plan)
    }

    /// Is anything left of what runs however the run ends?
    fn is_left_to_close(&self) -> bool {
        let plan = self.admitted.plan();
        let is_left = |state| {
            matches!(
                state,
                ChangeState::Pending | ChangeState::Escalated | ChangeState::Delegated
            )
        };
        plan.executable()
            .into_iter()
            .any(|change| runs_always(change) && is_left(self.state_of(change)))
    }

    pub(crate) fn is_unknown(&self) -> bool {
        let live = self.live.borrow();
        live.state
            .changes
            .values()
            .any(|progress| progress.state == ChangeState::Unknown)
    }

    /// Goes on after a failure as plan, flags or a person say. True: the run is over for now.
    pub(crate) async fn after_failure_of_run(&self) -> Result<bool, RunError> {
        let rule = self.options.rollback.on_failure;
        let mode = if self.live.borrow().state.takes_back() {
            RollbackMode::Auto
        } else {
            rule
        };
        self.take_back_as(mode, "something failed").await
    }

    /// Goes on when everything ran and a criterion is not met. True: the run is over for now.
    pub(crate) async fn after_conclusion(&self) -> Result<bool, RunError> {
        let against = {
            let live = self.live.borrow();
            let criteria = live.state.criteria.iter();
            let unmet: Vec<&str> = criteria
                .filter(|criterion| criterion.verdict.is_against())
                .map(|criterion| criterion.id.as_str())
                .collect();
            unmet.join(", ")
        };
        if against.is_empty() {
            return Ok(false);
        }
        let mode = self.options.rollback.on_verify_failed;
        self.take_back_as(mode, &format!("verification failed ({against})"))
            .await
    }

    /// Takes things back, or asks, or leaves them. True: the run is over for now.
    async fn take_back_as(&self, mode: RollbackMode, what: &str) -> Result<bool, RunError> {
        let chosen = self.live.borrow().state.ending;
        match (chosen, mode) {
            (Some(Choice::Abort), _) | (None, RollbackMode::Never) => Ok(false),
            // What runs in any case comes first, and nobody knows whether it did.
            _ if !self.has_something_to_undo() || self.is_always_unknown() => Ok(false),
            (None, RollbackMode::Ask) => {
                self.pause(format!(
                    "{RUN_DECISION}{what}; roll back what was done, or leave it"
                ));
                self.record_pause().await.map(|()| true)
            }
            _ if self.is_past_no_return() => {
                self.pause(format!(
                    "{RUN_DECISION}{what}, and the point of no return is passed; roll back all the same, or leave it"
                ));
                self.record_pause().await.map(|()| true)
            }
            (Some(_), _) | (None, RollbackMode::Auto) => {
                if self.run_always().await? {
                    return Ok(true);
                }
                self.undo_all().await?;
                if self.stopped_while_undoing() {
                    return self.record_stop().await.map(|()| true);
                }
                Ok(false)
            }
        }
    }

    fn is_always_unknown(&self) -> bool {
        let plan = self.admitted.plan();
        let unknown = |change: &Change| runs_always(change) && self.state_of(change) == ChangeState::Unknown;
        plan.changes().iter().any(unknown)
    }

    fn has_something_to_undo(&self) -> bool {
        !self.undo_order().is_empty()
    }

    /// Has the change been started that the plan calls the point of no return?
    fn is_past_no_return(&self) -> bool {
        let live = self.live.borrow();
        let point = self.options.rollback.point_of_no_return.as_ref();
        let passed = point.and_then(|point| began(self.conditions.wholes(), point, &live.state));
        passed.is_some() && !self.options.past_point_of_no_return
    }

    /// Judges the criteria of the whole run.
    pub(crate) async fn conclude(&self) -> Result<(), RunError> {
        if self.has_pending() || self.is_unknown() {
            return Ok(());
        }
        let criteria = match self.provider.conclude().await {
            Ok(criteria) => criteria,
            Err(failure) if failure.disposition == Disposition::Stopped => {
                self.cut_short.set(true);
                return Ok(());
            }
            Err(failure) => return Err(RunError::Unreadable(failure)),
        };
        let waiting: Vec<String> = criteria
            .iter()
            .filter(|criterion| criterion.verdict == enact_core::criterion::CriterionVerdict::Waiting)
            .map(|criterion| criterion.id.clone())
            .collect();
        // Whoever ended the run waits for nobody any more.
        if !waiting.is_empty() && !self.is_ending() {
            self.pause(format!("somebody to attest {}", waiting.join(", ")));
        }
        let facts = criteria.into_iter().map(|criterion| Fact::Judged { criterion });
        self.record_all(facts.collect()).await
    }
}
