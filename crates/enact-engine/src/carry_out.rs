//! One change: look, make the intent durable, do it, make the outcome durable; again, while the effect certainly did not
//! happen, within bounds.

use std::collections::BTreeMap;
use std::time::Duration;

use enact_core::change::Change;
use enact_core::event::Progress;
use enact_core::fault::{Fault, planted};
use enact_core::journal::{ChangeState, Fact, Mismatch};
use enact_core::procedure::{Moment, OnFailure};
use enact_core::reference::Outputs;

use crate::provider::{Disposition, Failure, Provider, Settled};
use crate::retry::{RetryPolicy, out_of_time};
use crate::runner::{RunError, Runner, runs_always};
use crate::stop::Urgency;

/// How often in a row the outcome of a step may get lost before it counts as a failure.
const LOST_IN_A_ROW: u32 = 3;

/// The number of an attempt that was none, and that no other follows.
const NONE_FOLLOWS: u32 = u32::MAX;

impl<P: Provider> Runner<'_, P> {
    /// One change: look, write the intent, do it, write the outcome; again, while the effect certainly did not happen.
    pub(crate) async fn carry_out(&self, change: &Change) -> Result<(), RunError> {
        // Holds come after the question whether the change is needed: nobody confirms what will not run.
        let must_wait = if runs_always(change) {
            // The end of an approval keeps nothing from being closed that it let somebody open.
            self.is_paused()
        } else {
            self.is_over()
        };
        if must_wait || !self.is_needed(change).await? || self.hold(change, Moment::Before).await? {
            return Ok(());
        }
        for attempt in self.next_attempt(change).. {
            let outputs = self.outputs_for(change);
            match self.look_before(change, &outputs).await {
                Ok(mismatches) if mismatches.is_empty() => {}
                Ok(mismatches) => return self.drifted(change, mismatches).await,
                Err(failure) if failure.disposition == Disposition::Stopped => {
                    return self.not_looked_before(change).await;
                }
                Err(failure) => match self.after_failure(change, failure, attempt).await? {
                    Next::Again => continue,
                    Next::Ended => return Ok(()),
                },
            }
            if self.stop.urgency().is_some() && self.state_of(change) == ChangeState::Pending {
                return Ok(());
            }
            self.intend(change).await?;
            match self.provider.apply(change, &outputs).await {
                Ok(made) => return self.done(change, made, false).await,
                Err(failure) => match self.after_failure(change, failure, attempt).await? {
                    Next::Again => {}
                    Next::Ended => return Ok(()),
                },
            }
        }
        Ok(())
    }

    /// The number of its next attempt. What a procedure tried before a stop counts: its plan says how often in all.
    fn next_attempt(&self, change: &Change) -> u32 {
        if change.handling.is_none() {
            return 1;
        }
        let live = self.live.borrow();
        let progress = live.state.changes.get(&change.change_id);
        progress.map_or(1, |progress| progress.attempts_failed.saturating_add(1))
    }

    /// Asks the domain whether the change is needed, and writes down when it is not. That is decided once: what has begun is not
    /// found needless afterwards, half done.
    async fn is_needed(&self, change: &Change) -> Result<bool, RunError> {
        if self.has_begun(change) {
            return Ok(true);
        }
        let outputs = self.outputs_for(change);
        match self.provider.not_needed(change, &outputs).await {
            Ok(None) => Ok(true),
            Ok(Some(because)) => {
                let change_id = change.change_id.clone();
                self.record(Fact::Omitted { change_id, because }).await?;
                Ok(false)
            }
            Err(failure) => {
                self.after_failure(change, failure, NONE_FOLLOWS).await?;
                Ok(false)
            }
        }
    }

    fn has_begun(&self, change: &Change) -> bool {
        let live = self.live.borrow();
        let progress = live.state.changes.get(&change.change_id);
        progress.is_some_and(|progress| progress.intents > 0)
    }

    async fn look_before(&self, change: &Change, outputs: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        if planted(Fault::NoCheckBeforeWrite) {
            return Ok(Vec::new());
        }
        self.provider
            .check(change, outputs)
            .await
            .map_err(|failure| match failure.disposition {
                // Looking has no effect, so there is nothing to settle: look again, or give up.
                Disposition::Look => Failure {
                    disposition: Disposition::Retry { after: None },
                    ..failure
                },
                Disposition::AskHuman => Failure {
                    disposition: Disposition::GiveUp,
                    ..failure
                },
                Disposition::Retry { .. }
                | Disposition::GiveUp
                | Disposition::Escalate
                | Disposition::Wait
                | Disposition::Stopped => failure,
            })
    }

    /// The run stops before it was seen whether the change may start.
    async fn not_looked_before(&self, change: &Change) -> Result<(), RunError> {
        self.cut_short.set(true);
        if self.state_of(change) == ChangeState::Started {
            // What the attempt before left behind is on record.
            self.record(not_done(change, false)).await?;
        }
        Ok(())
    }

    /// Makes *about to* durable, and makes sure that the lease still holds at the moment of the effect.
    async fn intend(&self, change: &Change) -> Result<(), RunError> {
        let change_id = change.change_id.clone();
        if planted(Fault::EffectBeforeIntent) {
            return Ok(());
        }
        if self.state_of(change) == ChangeState::Pending {
            self.record(Fact::Intent { change_id }).await?;
        }
        self.hold_lease().await
    }

    /// Makes sure that the lease holds at this moment; an effect follows.
    pub(crate) async fn hold_lease(&self) -> Result<(), RunError> {
        if !self.journal.is_leased(self.clock.now()) {
            // The process may have slept. An empty append renews the lease, or finds it lost.
            self.journal.record(Vec::new()).await?;
        }
        Ok(())
    }

    async fn after_failure(&self, change: &Change, failure: Failure, attempt: u32) -> Result<Next, RunError> {
        if !failure.drift.is_empty() {
            self.drifted(change, failure.drift).await?;
            return Ok(Next::Ended);
        }
        let retry = self.retry_of(change);
        let last_words = |message: &str| match self.tried(change, attempt) {
            0 | 1 => message.to_owned(),
            attempts => format!("{message} (after {attempts} attempts)"),
        };
        match failure.disposition {
            Disposition::Retry { after } if attempt < retry.attempts => {
                let pause = self.pause_after(change, attempt, after);
                if self
                    .provider
                    .time_for_more(change)
                    .is_some_and(|left| left <= pause)
                {
                    return self
                        .failed(change, out_of_time(failure, self.tried(change, attempt)))
                        .await;
                }
                self.attempted(change, attempt, &failure).await?;
                self.wait(change, &failure.message, pause).await
            }
            Disposition::Retry { .. } => {
                let message = last_words(&failure.message);
                self.failed(change, Failure { message, ..failure }).await
            }
            Disposition::GiveUp => self.failed(change, failure).await,
            Disposition::Escalate => self.escalated(change, failure).await,
            Disposition::Wait => self.delegated(change, &failure.message).await,
            Disposition::AskHuman => self.unknown(change, failure.message).await,
            Disposition::Stopped => Ok(self.let_go()),
            Disposition::Look => {
                self.settle(change, &failure.message).await?;
                let is_to_stop = self.stop.urgency() >= Some(Urgency::Now);
                if is_to_stop || self.state_of(change) != ChangeState::Pending {
                    return Ok(Next::Ended);
                }
                // Looking said that it may start again: that is no attempt that failed, within reason.
                let attempts = match change.handling {
                    Some(_) => retry.attempts.max(LOST_IN_A_ROW),
                    None => retry.attempts,
                };
                if attempt >= attempts {
                    let message = last_words(&failure.message);
                    return self.failed(change, Failure { message, ..failure }).await;
                }
                let pause = self.pause_after(change, attempt, None);
                self.wait(change, &failure.message, pause).await
            }
        }
    }

    /// How often it was tried in all, with this attempt: also before a person had it tried again.
    fn tried(&self, change: &Change, attempt: u32) -> u32 {
        if attempt == NONE_FOLLOWS {
            return 0;
        }
        let live = self.live.borrow();
        let given_up = live
            .state
            .changes
            .get(&change.change_id)
            .map_or(0, |progress| progress.given_up);
        attempt.saturating_add(given_up)
    }

    /// How long to wait after an attempt.
    fn pause_after(&self, change: &Change, attempt: u32, asked: Option<Duration>) -> Duration {
        let id = change.change_id.0.bytes();
        let seed = id.fold(u64::from(attempt), |sum, byte| sum * 31 % 8191 + u64::from(byte));
        self.retry_of(change).wait(attempt, asked, seed)
    }

    /// Leaves the change as the journal has it: the next process looks what became of it.
    fn let_go(&self) -> Next {
        self.cut_short.set(true);
        Next::Ended
    }

    /// How often a change is attempted: a procedure says it for each, anything else goes by the options.
    fn retry_of(&self, change: &Change) -> RetryPolicy {
        match &change.handling {
            None => self.options.retry,
            Some(handling) => handling
                .attempts
                .as_ref()
                .map_or_else(RetryPolicy::once, RetryPolicy::of),
        }
    }

    /// Keeps a failed attempt of a procedure on record.
    async fn attempted(&self, change: &Change, attempt: u32, failure: &Failure) -> Result<(), RunError> {
        if change.handling.is_none() || self.state_of(change) != ChangeState::Started {
            return Ok(());
        }
        self.record(Fact::Attempted {
            change_id: change.change_id.clone(),
            attempt,
            error: failure.message.clone(),
            partial: failure.partial,
        })
        .await
    }

    /// Waits before another attempt; a stop meanwhile ends the change where it stands.
    async fn wait(&self, change: &Change, error: &str, after: Duration) -> Result<Next, RunError> {
        self.tell(Progress::Retrying {
            change_id: change.change_id.clone(),
            error: error.to_owned(),
            after,
        });
        tokio::select! {
            () = tokio::time::sleep(after) => Ok(Next::Again),
            () = self.stop.raised(Urgency::AfterCurrent) => {
                if self.state_of(change) == ChangeState::Started {
                    // What the attempt that failed left behind is on record: the change may start again on resume.
                    self.record(not_done(change, false)).await?;
                }
                Ok(Next::Ended)
            }
        }
    }

    /// Looks what became of an effect, and writes down what is known now.
    pub(crate) async fn settle(&self, change: &Change, error: &str) -> Result<(), RunError> {
        let change_id = change.change_id.clone();
        self.tell(Progress::Settling {
            change_id: change_id.clone(),
            error: error.to_owned(),
        });
        let intent_at = {
            let live = self.live.borrow();
            live.state
                .changes
                .get(&change_id)
                .and_then(|progress| progress.intent_at)
        };
        let outputs = self.outputs_for(change);
        let looked = self
            .provider
            .settle(change, &outputs, intent_at.unwrap_or_else(|| self.clock.now()))
            .await;
        match looked {
            Ok(Settled::Done(made)) => self.done(change, made, true).await,
            Ok(Settled::NotDone) => self.record(not_done(change, false)).await,
            Ok(Settled::Repeatable) => self.record(not_done(change, true)).await,
            Ok(Settled::Drift(mismatches)) => {
                // Back to pending first: what the table lets drift is a change whose effect did not happen.
                self.record_all(vec![not_done(change, false), self.drift(change, mismatches)])
                    .await
            }
            Ok(Settled::Failed(failure)) => self.settled_as_failure(change, failure).await,
            Err(failure) if failure.disposition == Disposition::Stopped => {
                self.let_go();
                Ok(())
            }
            Ok(Settled::Unknown(why)) => {
                self.record(Fact::Unknown {
                    change_id,
                    error: joined(error, &why),
                })
                .await
            }
            Err(failure) => {
                let error = joined(error, &format!("looking what became of it failed too: {failure}"));
                self.record(Fact::Unknown { change_id, error }).await
            }
        }
    }

    async fn done(
        &self,
        change: &Change,
        outputs: BTreeMap<String, serde_json::Value>,
        settled: bool,
    ) -> Result<(), RunError> {
        self.record(Fact::Done {
            change_id: change.change_id.clone(),
            outputs,
            settled,
        })
        .await
    }

    pub(crate) async fn drifted(&self, change: &Change, mismatches: Vec<Mismatch>) -> Result<(), RunError> {
        self.record(self.drift(change, mismatches)).await
    }

    /// What drift at a change means: it stops. In a procedure that has begun it stops the run, and a person decides.
    fn drift(&self, change: &Change, mismatches: Vec<Mismatch>) -> Fact {
        let change_id = change.change_id.clone();
        let has_begun = self.live.borrow().state.stands_on_effects(self.admitted.plan());
        if change.handling.is_none() || !has_begun {
            return Fact::Drifted {
                change_id,
                mismatches,
            };
        }
        let words: Vec<String> = mismatches.iter().map(ToString::to_string).collect();
        let error = words.join("; ");
        self.pause(format!("a decision about {:?}: {error}", change.resource_name));
        Fact::Escalated {
            change_id,
            error,
            assumption: mismatches.into_iter().find_map(|mismatch| mismatch.assumption),
            partial: false,
        }
    }

    /// The answer of an effect was found after all, and it is a failure.
    async fn settled_as_failure(&self, change: &Change, failure: Failure) -> Result<(), RunError> {
        let failed_before = {
            let live = self.live.borrow();
            let progress = live.state.changes.get(&change.change_id);
            progress.map_or(0, |progress| progress.attempts_failed)
        };
        let may_run_again = failed_before.saturating_add(1) < self.retry_of(change).attempts;
        match failure.disposition {
            Disposition::Stopped => {
                self.let_go();
                Ok(())
            }
            Disposition::Retry { .. } if may_run_again => {
                let attempted = Fact::Attempted {
                    change_id: change.change_id.clone(),
                    attempt: failed_before + 1,
                    error: failure.message,
                    partial: failure.partial,
                };
                let again = not_done(change, failure.partial);
                let facts = if self.state_of(change) == ChangeState::Started {
                    vec![attempted, again]
                } else {
                    vec![again]
                };
                self.record_all(facts).await
            }
            Disposition::Escalate => self.escalated(change, failure).await.map(drop),
            Disposition::AskHuman | Disposition::Look => {
                self.unknown(change, failure.message).await.map(drop)
            }
            Disposition::Retry { .. } | Disposition::GiveUp | Disposition::Wait => {
                self.failed(change, failure).await.map(drop)
            }
        }
    }

    /// A failure, and what the plan says it leads to.
    async fn failed(&self, change: &Change, failure: Failure) -> Result<Next, RunError> {
        let on_failure = change.handling.as_ref().map(|handling| handling.on_failure);
        if on_failure == Some(OnFailure::Escalate) {
            return self.escalated(change, failure).await;
        }
        self.record(Fact::Failed {
            change_id: change.change_id.clone(),
            error: failure.message,
            partial: failure.partial,
            take_back: failure.take_back || on_failure == Some(OnFailure::Rollback),
        })
        .await?;
        Ok(Next::Ended)
    }

    /// The run pauses: a person chooses how to go on.
    async fn escalated(&self, change: &Change, failure: Failure) -> Result<Next, RunError> {
        self.pause(format!(
            "a decision about {:?}: {}",
            change.resource_name, failure.message
        ));
        self.record(Fact::Escalated {
            change_id: change.change_id.clone(),
            error: failure.message,
            assumption: failure.assumption,
            partial: failure.partial,
        })
        .await?;
        Ok(Next::Ended)
    }

    /// The change is in somebody else's hands.
    async fn delegated(&self, change: &Change, what: &str) -> Result<Next, RunError> {
        self.pause(format!(
            "somebody to do and attest {:?}: {what}",
            change.resource_name
        ));
        let change_id = change.change_id.clone();
        self.record(Fact::Delegated { change_id }).await?;
        Ok(Next::Ended)
    }

    async fn unknown(&self, change: &Change, error: String) -> Result<Next, RunError> {
        self.record(Fact::Unknown {
            change_id: change.change_id.clone(),
            error,
        })
        .await?;
        Ok(Next::Ended)
    }
}

/// The change may start again.
pub(crate) fn not_done(change: &Change, partial: bool) -> Fact {
    Fact::NotDone {
        change_id: change.change_id.clone(),
        partial,
    }
}

/// A reason with one more. Each look at the same thing finds the same, and it is said once.
fn joined(error: &str, why: &str) -> String {
    if error.contains(why) {
        error.to_owned()
    } else if why.starts_with(error) {
        why.to_owned()
    } else {
        format!("{error}; {why}")
    }
}

enum Next {
    Again,
    Ended,
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn a_reason_is_said_once_however_often_it_is_found() {
        let once = joined("the process ended", "no probe; nobody can tell");
        assert_eq!(once, "the process ended; no probe; nobody can tell");
        assert_eq!(joined(&once, "no probe; nobody can tell"), once);
        assert_eq!(joined("the process ended", &once), once);
        assert_eq!(
            joined(&once, "the disk is gone"),
            format!("{once}; the disk is gone")
        );
    }
}
