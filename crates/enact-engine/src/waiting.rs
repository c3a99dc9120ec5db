//! Where a run waits for people: holds before and after a change, the end of an approval, an escalation. Nothing waits in
//! memory: the run pauses, the process ends, and `resume` comes back to the same place.

use enact_core::change::{Change, Milliseconds};
use enact_core::condition::duration_in_words;
use enact_core::journal::{ChangeState, Fact};
use enact_core::procedure::Moment;
use enact_core::run_clock::RunClock;

use crate::provider::Provider;
use crate::runner::{RunError, Runner};

/// How the reason of a pause begins that another approval ends.
pub const ANOTHER_APPROVAL: &str = "another approval: ";

impl<P: Provider> Runner<'_, P> {
    /// Does the run wait for a person?
    pub(crate) fn is_paused(&self) -> bool {
        self.pause.borrow().is_some()
    }

    /// Nothing further starts. The first reason stays.
    pub(crate) fn pause(&self, reason: impl Into<String>) {
        self.pause.borrow_mut().get_or_insert_with(|| reason.into());
    }

    pub(crate) async fn record_pause(&self) -> Result<(), RunError> {
        let reason = self.pause.borrow().clone().unwrap_or_default();
        self.record(Fact::Paused { reason }).await
    }

    /// Waits at a change if plan or approvals ask for it and not enough people have confirmed. True: it waits.
    pub(crate) async fn hold(&self, change: &Change, moment: Moment) -> Result<bool, RunError> {
        let plan = self.admitted.plan();
        let asked = {
            let live = self.live.borrow();
            self.conditions.hold_at(plan, &live.state, change, moment)
        };
        let Some(hold) = asked else {
            return Ok(self.stop_after(change, moment));
        };
        let (satisfied, known) = {
            let live = self.live.borrow();
            let progress = live.state.changes.get(&change.change_id);
            (
                progress.is_some_and(|progress| progress.satisfies(&hold)),
                progress.is_some_and(|progress| progress.held.as_deref() == Some(&hold)),
            )
        };
        if satisfied {
            return Ok(self.stop_after(change, moment));
        }
        self.pause(format!(
            "a confirmation {} {:?}",
            moment.as_str(),
            change.resource_name
        ));
        if !known {
            let evidence = self.provider.evidence(change, moment).await;
            self.record(Fact::Held {
                change_id: change.change_id.clone(),
                hold,
                evidence,
            })
            .await?;
        }
        Ok(true)
    }

    /// Pauses after a change that the approvals name as the last one.
    fn stop_after(&self, change: &Change, moment: Moment) -> bool {
        if moment == Moment::Before || !self.conditions.stops_after(change) {
            return false;
        }
        self.pause(format!(
            "{ANOTHER_APPROVAL}this one covers nothing after {:?}",
            change.resource_name
        ));
        true
    }

    /// Is "after this change" now? One that is done is over; one that did not come about is over too as far as others still run
    /// after it: whoever says "nothing after this step" does not mean "unless it is left out".
    pub(crate) fn ends_here(&self, change: &Change, others: impl FnOnce() -> bool) -> bool {
        let state = self.state_of(change);
        state == ChangeState::Done || (state.is_over() && others())
    }

    /// Comes back to holds after changes that are over, where the run waited when it ended.
    pub(crate) async fn reopen_holds(&self, order: &[&Change]) -> Result<(), RunError> {
        let pending = |change: &Change| self.state_of(change) == ChangeState::Pending;
        for (index, change) in order.iter().enumerate() {
            let state = self.state_of(change);
            let others = || order.iter().skip(index).any(|later| pending(later));
            if self.ends_here(change, others) && self.hold(change, Moment::After).await? {
                return Ok(());
            }
            match state {
                ChangeState::Delegated => {
                    self.pause(format!("somebody to do and attest {:?}", change.resource_name));
                }
                ChangeState::Escalated => {
                    self.pause(format!("a decision about {:?}", change.resource_name));
                }
                ChangeState::Pending
                | ChangeState::Started
                | ChangeState::Done
                | ChangeState::Failed
                | ChangeState::Drifted
                | ChangeState::Unknown
                | ChangeState::Skipped
                | ChangeState::Omitted
                | ChangeState::Undoing
                | ChangeState::Undone
                | ChangeState::Stuck => {}
            }
        }
        Ok(())
    }

    /// Now, if no clock had been put back while this process looked: no approval lasts longer for it. A later process starts
    /// from the clock as it finds it, so that one which was wrong and is right again keeps nobody out.
    fn steady_now(&self) -> jiff::Timestamp {
        let now = self.clock.now();
        let (began, mut passed) = self.passed.get().unwrap_or((now, RunClock::default()));
        passed.pass(now);
        self.passed.set(Some((began, passed)));
        let span = std::time::Duration::from_millis(passed.elapsed());
        began.checked_add(span).unwrap_or(jiff::Timestamp::MAX)
    }

    /// Looks, right before a change, whether the approvals still cover it. True: the run waits.
    pub(crate) fn is_over(&self) -> bool {
        let now = self.steady_now();
        if self.conditions.ends_at.is_some_and(|end| now >= end) {
            self.pause(format!("{ANOTHER_APPROVAL}this one has run out"));
        } else if let Some(limit) = self.conditions.max_duration
            && self.live.borrow().state.worked(self.clock.now()) > limit
        {
            let length = Milliseconds(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
            self.pause(format!(
                "{ANOTHER_APPROVAL}the run has been at work for longer than the {} that this one allows",
                duration_in_words(length)
            ));
        }
        self.is_paused()
    }
}
