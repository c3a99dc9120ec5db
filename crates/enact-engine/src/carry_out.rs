//! One change: look, make the intent durable, do it, make the outcome durable; again, while the effect certainly did not
//! happen, within bounds.

use std::collections::BTreeMap;

use enact_core::change::Change;
use enact_core::event::Progress;
use enact_core::fault::{Fault, planted};
use enact_core::journal::{ChangeState, Fact, Mismatch};
use enact_core::reference::Outputs;

use crate::provider::{Disposition, Failure, Provider, Settled};
use crate::runner::{RunError, Runner};
use crate::stop::Urgency;

impl<P: Provider> Runner<'_, P> {
    /// One change: look, write the intent, do it, write the outcome; again, while the effect certainly did not happen.
    pub(crate) async fn carry_out(&self, change: &Change) -> Result<(), RunError> {
        for attempt in 1.. {
            let outputs = self.outputs_for(change);
            match self.look_before(change, &outputs).await {
                Ok(mismatches) if mismatches.is_empty() => {}
                Ok(mismatches) => return self.drifted(change, mismatches).await,
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
                Disposition::Retry { .. } | Disposition::GiveUp => failure,
            })
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
        match failure.disposition {
            Disposition::Retry { after } if attempt < self.options.retry.attempts => {
                self.wait(change, &failure.message, attempt, after).await
            }
            Disposition::Retry { .. } => {
                self.failed(change, format!("{} (after {attempt} attempts)", failure.message))
                    .await
            }
            Disposition::GiveUp => self.failed(change, failure.message).await,
            Disposition::AskHuman => self.unknown(change, failure.message).await,
            Disposition::Look => {
                self.settle(change, &failure.message).await?;
                if self.state_of(change) != ChangeState::Pending {
                    return Ok(Next::Ended);
                }
                if attempt >= self.options.retry.attempts {
                    return self
                        .failed(change, format!("{} (after {attempt} attempts)", failure.message))
                        .await;
                }
                self.wait(change, &failure.message, attempt, None).await
            }
        }
    }

    /// Waits before another attempt; a stop meanwhile ends the change where it stands.
    async fn wait(
        &self,
        change: &Change,
        error: &str,
        attempt: u32,
        asked: Option<std::time::Duration>,
    ) -> Result<Next, RunError> {
        let seed = change
            .change_id
            .0
            .bytes()
            .fold(u64::from(attempt), |sum, byte| sum * 31 % 8191 + u64::from(byte));
        let after = self.options.retry.wait(attempt, asked, seed);
        self.tell(Progress::Retrying {
            change_id: change.change_id.clone(),
            error: error.to_owned(),
            after,
        });
        tokio::select! {
            () = tokio::time::sleep(after) => Ok(Next::Again),
            () = self.stop.raised(Urgency::AfterCurrent) => {
                if self.state_of(change) == ChangeState::Started {
                    // The effect certainly did not happen: the change may start again on resume.
                    self.record(Fact::NotDone { change_id: change.change_id.clone() }).await?;
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
            Ok(Settled::NotDone) => self.record(Fact::NotDone { change_id }).await,
            Ok(Settled::Drift(mismatches)) => {
                // Back to pending first: what the table lets drift is a change whose effect did not happen.
                let not_done = Fact::NotDone {
                    change_id: change_id.clone(),
                };
                self.record_all(vec![
                    not_done,
                    Fact::Drifted {
                        change_id,
                        mismatches,
                    },
                ])
                .await
            }
            Ok(Settled::Unknown(why)) => {
                self.record(Fact::Unknown {
                    change_id,
                    error: format!("{error}; {why}"),
                })
                .await
            }
            Err(failure) => {
                let error = format!("{error}; looking what became of it failed too: {failure}");
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

    async fn drifted(&self, change: &Change, mismatches: Vec<Mismatch>) -> Result<(), RunError> {
        self.record(Fact::Drifted {
            change_id: change.change_id.clone(),
            mismatches,
        })
        .await
    }

    async fn failed(&self, change: &Change, error: String) -> Result<Next, RunError> {
        self.record(Fact::Failed {
            change_id: change.change_id.clone(),
            error,
        })
        .await?;
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

enum Next {
    Again,
    Ended,
}
