//! Taking back: undo in reverse over what the journal proves done or begun. An undo that fails leaves the change *stuck*.

use enact_core::change::{Change, ChangeId, Undo};
use enact_core::fault::{Fault, planted};
use enact_core::journal::{ChangeState, Fact};
use enact_core::undoing::undo_order;

use crate::provider::{Disposition, Provider, Settled};
use crate::runner::{RunError, Runner};
use crate::stop::Urgency;

impl<P: Provider> Runner<'_, P> {
    /// Undoes every change that is done, last one first. After a failed undo, of this process or of one before it, the
    /// changes before it are left as they are: they may be what the stuck one stands on.
    pub(crate) async fn undo_all(&self) -> Result<(), RunError> {
        let mut order = self.undo_order();
        if planted(Fault::UndoInOrder) {
            order.reverse();
        }
        for change_id in order {
            let Some(change) = self.admitted.plan().change(&change_id) else {
                continue;
            };
            if self.stop.urgency().is_some() {
                break;
            }
            match self.state_of(change) {
                ChangeState::Done
                | ChangeState::Failed
                | ChangeState::Unknown
                | ChangeState::Pending
                | ChangeState::Drifted
                | ChangeState::Skipped
                | ChangeState::Omitted
                | ChangeState::Delegated
                | ChangeState::Escalated => {
                    self.record(Fact::UndoIntent { change_id }).await?;
                    self.undo_one(change).await?;
                }
                ChangeState::Undoing => self.take_undo_up(change).await?,
                ChangeState::Started | ChangeState::Undone | ChangeState::Stuck => {}
            }
            if self.state_of(change) == ChangeState::Stuck {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn undo_order(&self) -> Vec<ChangeId> {
        undo_order(self.admitted.plan(), &self.live.borrow().state)
    }

    /// A process died during this undo: look what became of it, and do it if nothing did.
    async fn take_undo_up(&self, change: &Change) -> Result<(), RunError> {
        let error = "the process ended before an answer was recorded";
        let undone = impossible(change).is_none() && !self.is_not_undone(change, error).await?;
        // It may have been waited for, and the run been stopped meanwhile.
        if undone || self.stop.urgency().is_some() {
            return Ok(());
        }
        self.undo_one(change).await
    }

    /// Undoes one change whose intent to undo is durable. A stop is no failure: what it interrupts is taken up by the next
    /// process that takes the run back.
    async fn undo_one(&self, change: &Change) -> Result<(), RunError> {
        if let Some(reason) = impossible(change) {
            return self.undo_failed(change, reason).await;
        }
        if change.undo == Some(Undo::Nothing) {
            let change_id = change.change_id.clone();
            return self.record(Fact::Undone { change_id }).await;
        }
        for attempt in 1.. {
            self.hold_lease().await?;
            let Err(failure) = self.provider.undo(change, &self.outputs_for(change)).await else {
                let change_id = change.change_id.clone();
                return self.record(Fact::Undone { change_id }).await;
            };
            let after = match failure.disposition {
                Disposition::Retry { after } => after,
                Disposition::Look => {
                    if !self.is_not_undone(change, &failure.message).await? {
                        return Ok(());
                    }
                    None
                }
                Disposition::Stopped => return Ok(()),
                Disposition::GiveUp | Disposition::AskHuman | Disposition::Escalate | Disposition::Wait => {
                    return self.undo_failed(change, failure.message).await;
                }
            };
            if self.stop.urgency().is_some() {
                return Ok(());
            }
            if attempt >= self.options.retry.attempts {
                let error = format!("{} (after {attempt} attempts)", failure.message);
                return self.undo_failed(change, error).await;
            }
            tokio::select! {
                () = tokio::time::sleep(self.options.retry.wait(attempt, after, 0)) => {}
                () = self.stop.raised(Urgency::AfterCurrent) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Looks what became of an undo. True: certainly nothing, so it may be done. Otherwise what was seen is written down.
    async fn is_not_undone(&self, change: &Change, error: &str) -> Result<bool, RunError> {
        let change_id = change.change_id.clone();
        match self.provider.settle_undo(change, &self.outputs_for(change)).await {
            Ok(Settled::NotDone | Settled::Repeatable) => return Ok(true),
            Ok(Settled::Done(_)) => self.record(Fact::Undone { change_id }).await?,
            // An undo may be repeated: its plan says so by having one.
            Ok(Settled::Failed(_)) => return Ok(true),
            Ok(Settled::Drift(_)) => {
                self.undo_failed(change, format!("{error}; it has not been taken back"))
                    .await?;
            }
            Ok(Settled::Unknown(why)) => self.undo_failed(change, format!("{error}; {why}")).await?,
            Err(failure) => self.undo_failed(change, format!("{error}; {failure}")).await?,
        }
        Ok(false)
    }

    async fn undo_failed(&self, change: &Change, error: String) -> Result<(), RunError> {
        let change_id = change.change_id.clone();
        self.record(Fact::UndoFailed { change_id, error }).await
    }
}

fn impossible(change: &Change) -> Option<String> {
    match &change.undo {
        Some(Undo::Impossible { reason }) => Some(reason.clone()),
        None => Some("the plan says of no way to take it back".to_owned()),
        Some(
            Undo::DeleteCreated | Undo::RestoreFields | Undo::CreateAgain | Undo::Run { .. } | Undo::Nothing,
        ) => None,
    }
}
