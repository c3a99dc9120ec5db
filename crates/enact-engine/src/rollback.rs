//! Taking back: undo in reverse over what the journal proves done. An undo that fails leaves the change *stuck*.

use enact_core::change::{Change, Undo};
use enact_core::fault::{Fault, planted};
use enact_core::journal::{ChangeState, Fact};

use crate::provider::{Disposition, Failure, Provider, Settled};
use crate::runner::{RunError, Runner};

impl<P: Provider> Runner<'_, P> {
    /// Undoes every change that is done, last one first. After a failed undo the ones before it are left as they are:
    /// they may be what the stuck one stands on.
    pub(crate) async fn undo_all(&self) -> Result<(), RunError> {
        self.settle_undoing().await?;
        let mut order = self.done_in_order();
        if !planted(Fault::UndoInOrder) {
            order.reverse();
        }
        for change_id in order {
            let Some(change) = self.admitted.plan().change(&change_id) else {
                continue;
            };
            if self.state_of(change) != ChangeState::Done {
                continue;
            }
            self.undo_one(change).await?;
            if self.state_of(change) == ChangeState::Stuck {
                break;
            }
        }
        Ok(())
    }

    /// A process died during an undo: look what became of it.
    async fn settle_undoing(&self) -> Result<(), RunError> {
        for change in self.admitted.plan().executable() {
            if self.state_of(change) == ChangeState::Undoing {
                self.settle_undo(change, "the process ended before an answer was recorded")
                    .await?;
            }
        }
        Ok(())
    }

    async fn undo_one(&self, change: &Change) -> Result<(), RunError> {
        let change_id = change.change_id.clone();
        if let Some(reason) = impossible(change) {
            self.record(Fact::UndoIntent {
                change_id: change_id.clone(),
            })
            .await?;
            return self
                .record(Fact::UndoFailed {
                    change_id,
                    error: reason,
                })
                .await;
        }
        self.record(Fact::UndoIntent {
            change_id: change_id.clone(),
        })
        .await?;
        for attempt in 1.. {
            match self.provider.undo(change, &self.outputs_for(change)).await {
                Ok(()) => return self.record(Fact::Undone { change_id }).await,
                Err(Failure {
                    disposition: Disposition::Retry { after },
                    ..
                }) if attempt < self.options.retry.attempts => {
                    tokio::time::sleep(self.options.retry.wait(attempt, after, 0)).await;
                }
                Err(Failure {
                    disposition: Disposition::Look,
                    message,
                    ..
                }) => {
                    return self.settle_undo(change, &message).await;
                }
                Err(failure) => {
                    return self
                        .record(Fact::UndoFailed {
                            change_id,
                            error: failure.message,
                        })
                        .await;
                }
            }
        }
        Ok(())
    }

    async fn settle_undo(&self, change: &Change, error: &str) -> Result<(), RunError> {
        let change_id = change.change_id.clone();
        let fact = match self.provider.settle_undo(change, &self.outputs_for(change)).await {
            Ok(Settled::Done(_)) => Fact::Undone { change_id },
            Ok(Settled::NotDone | Settled::Drift(_)) => Fact::UndoFailed {
                change_id,
                error: format!("{error}; it has not been taken back"),
            },
            Ok(Settled::Unknown(why)) => Fact::UndoFailed {
                change_id,
                error: format!("{error}; {why}"),
            },
            Err(failure) => Fact::UndoFailed {
                change_id,
                error: format!("{error}; {failure}"),
            },
        };
        self.record(fact).await
    }
}

fn impossible(change: &Change) -> Option<String> {
    match &change.undo {
        Some(Undo::Impossible { reason }) => Some(reason.clone()),
        None => Some("the plan says of no way to take it back".to_owned()),
        Some(Undo::DeleteCreated | Undo::RestoreFields | Undo::CreateAgain | Undo::Run { .. }) => None,
    }
}
