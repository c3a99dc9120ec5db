//! The run loop: walks an admitted plan, entry before effect, outcome before whatever depends on it.
//!
//! The stages of a run stand in [`Runner::run`]. What happens to one change stands in `carry_out.rs`, where a run waits for
//! people in `waiting.rs`, what it looks at in `looking.rs`, how it ends after a failure in `ending.rs`. What a change may do next
//! is decided by the journal's transition table in `enact-core`; this module only asks in the right order.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use enact_core::change::Change;
use enact_core::event::{Event, Progress};
use enact_core::failure::is_critical;
use enact_core::fault::{Fault, planted};
use enact_core::gate::{AdmittedPlan, Purpose};
use enact_core::journal::{ChangeState, Entry, Fact, JournalError, RunState};
use enact_core::procedure::{Moment, RollbackMode, RollbackRule};
use enact_core::reference::Outputs;
use enact_core::report::outcome_of;
use enact_core::run_clock::RunClock;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::clock::Clock;
use crate::journal::{Entries, Journal};
use crate::overlay::Overlay;
use crate::provider::{Failure, Provider};
use crate::queue::Queue;
use crate::reporting::Reporting;
use crate::retry::RetryPolicy;
use crate::stop::{StopSignal, Urgency};
use crate::store::StoreError;

/// How to run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The most changes under way at once; at least 1. A runbook has 1.
    pub concurrency: usize,
    /// Bounds on attempts at one effect.
    pub retry: RetryPolicy,
    /// When what was done is taken back.
    pub rollback: RollbackRule,
    /// Take things back although the point of no return is passed? Only a person's word sets it.
    pub past_point_of_no_return: bool,
    /// Is what is under way let go at once when the run is to stop now? Otherwise the provider, which sees the stop
    /// signal too, brings it to an end itself.
    pub let_go_on_now: bool,
}

impl RunOptions {
    /// For resources of an API: in parallel, and let go at once when the run is to stop now.
    pub fn of_resources(concurrency: usize, roll_back_on_failure: bool) -> Self {
        let on_failure = if roll_back_on_failure {
            RollbackMode::Auto
        } else {
            RollbackMode::Never
        };
        Self {
            concurrency,
            retry: RetryPolicy::default(),
            rollback: RollbackRule {
                on_failure,
                ..RollbackRule::default()
            },
            past_point_of_no_return: false,
            let_go_on_now: true,
        }
    }

    /// For a procedure: one change at a time, each attempted as its own plan says.
    pub fn of_procedure(rollback: RollbackRule) -> Self {
        Self {
            concurrency: 1,
            rollback,
            let_go_on_now: false,
            ..Self::of_resources(1, false)
        }
    }
}

/// Why a run broke off without an end of its own. The journal is whole; `resume` goes on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal cannot be written: nothing may start.
    #[error("the journal could not be written")]
    Journal(#[source] Arc<StoreError>),
    /// The journal says something the table does not allow.
    #[error("the journal contradicts itself")]
    Illegal(#[from] JournalError),
    /// The remote could not be read before the first effect, or for verification.
    #[error("{0}")]
    Unreadable(Failure),
    /// The gate let the plan through only so that its run can be taken back.
    #[error("the plan was let through only to take its run back, and is not carried out")]
    OnlyBack,
}

impl From<Arc<StoreError>> for RunError {
    fn from(error: Arc<StoreError>) -> Self {
        Self::Journal(error)
    }
}

/// Runs one admitted plan with one provider.
pub struct Runner<'a, P> {
    pub(crate) provider: &'a P,
    pub(crate) admitted: &'a AdmittedPlan,
    pub(crate) options: RunOptions,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) journal: Journal,
    reporting: Reporting,
    pub(crate) stop: StopSignal,
    opening: Fact,
    /// When this process first looked at the clock, and what has passed since.
    pub(crate) passed: Cell<Option<(jiff::Timestamp, RunClock)>>,
    pub(crate) live: RefCell<Live>,
    /// Why the run waits for a person, once it does. Nothing further starts then.
    pub(crate) pause: RefCell<Option<String>>,
    /// Was a look let go because the run is to stop now? Then the run stops where it stands.
    pub(crate) cut_short: Cell<bool>,
    pub(crate) conditions: Overlay,
}

/// What is known now: the fold of the entries that have become durable.
pub(crate) struct Live {
    entries: Entries,
    pub(crate) state: RunState,
}

/// What a run stands on.
pub struct RunParts<'a, P> {
    /// The domain's hands.
    pub provider: &'a P,
    /// What may be done.
    pub admitted: &'a AdmittedPlan,
    /// How.
    pub options: RunOptions,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Where facts go.
    pub journal: Journal,
    /// Where facts come back, durable and in order.
    pub entries: Entries,
    /// Who is told.
    pub reporting: Reporting,
    /// Whether to stop.
    pub stop: StopSignal,
    /// What the journal held before: empty for a new run.
    pub state: RunState,
    /// The first fact to write: that the run began, or who took it up again.
    pub opening: Fact,
}

impl<'a, P: Provider> Runner<'a, P> {
    /// Puts a run together.
    pub fn new(parts: RunParts<'a, P>) -> Self {
        Self {
            provider: parts.provider,
            admitted: parts.admitted,
            options: parts.options,
            clock: parts.clock,
            journal: parts.journal,
            reporting: parts.reporting,
            stop: parts.stop,
            opening: parts.opening,
            live: RefCell::new(Live {
                entries: parts.entries,
                state: parts.state,
            }),
            passed: Cell::new(None),
            pause: RefCell::new(None),
            cut_short: Cell::new(false),
            conditions: Overlay::of(parts.admitted),
        }
    }

    /// Runs to the end, or to the next safe point after a stop.
    ///
    /// # Errors
    /// See [`RunError`]; effects that were under way are settled by the next `resume`.
    pub async fn run(self) -> Result<RunState, RunError> {
        // Of a run that somebody has ended only what closes it is still to come, which is no more than taking it back.
        if self.admitted.purpose() != Purpose::CarryOut && !self.is_ending() {
            return Err(RunError::OnlyBack);
        }
        let result = self.unless_let_go(self.stages()).await;
        self.end(result)
    }

    /// Takes back what the journal proves done, in reverse, and ends the run.
    ///
    /// # Errors
    /// See [`RunError`].
    ///
    /// Stops between two undos when asked to; `roll_back` again goes on.
    pub async fn roll_back(self) -> Result<RunState, RunError> {
        let result = self.unless_let_go(self.stages_back()).await;
        self.end(result)
    }

    /// Drops what is under way when the run is to stop now, where that is how this run stops.
    async fn unless_let_go(&self, work: impl Future<Output = Result<(), RunError>>) -> Result<(), RunError> {
        if !self.options.let_go_on_now {
            return work.await;
        }
        tokio::select! {
            biased;
            result = work => result,
            () = self.stop.raised(Urgency::Now) => self.record_stop().await,
        }
    }

    async fn stages_back(&self) -> Result<(), RunError> {
        self.open().await?;
        self.settle_open().await?;
        if self.run_always().await? {
            return Ok(());
        }
        if self.cut_short.get() {
            return self.record_stop().await;
        }
        self.undo_all().await?;
        if self.stopped_while_undoing() {
            return self.record_stop().await;
        }
        self.finish().await
    }

    /// Writes the first fact, and lets the provider know what the journal held before it.
    async fn open(&self) -> Result<(), RunError> {
        self.provider
            .take_up(self.journal.run_id(), &self.live.borrow().state);
        let mut facts = vec![self.opening.clone()];
        facts.extend(self.adoptions());
        self.record_all(facts).await
    }

    /// What the plan says was done by the run that it takes over, as far as the journal does not hold it yet.
    fn adoptions(&self) -> Vec<Fact> {
        let plan = self.admitted.plan();
        let Some(revision) = &plan.metadata().revision else {
            return Vec::new();
        };
        let missing = plan
            .executable()
            .into_iter()
            .filter(|change| self.state_of(change) == ChangeState::Pending);
        missing
            .filter_map(|change| {
                Some(Fact::Adopted {
                    change_id: change.change_id.clone(),
                    run_id: revision.run_id.clone(),
                    adopted: change.adopted.clone()?,
                })
            })
            .collect()
    }

    /// Did a stop come before everything had been taken back?
    pub(crate) fn stopped_while_undoing(&self) -> bool {
        let order = self.undo_order();
        let live = self.live.borrow();
        let states: Vec<ChangeState> = order.iter().map(|change_id| live.state.of(change_id)).collect();
        let is_left = |state: &ChangeState| !matches!(state, ChangeState::Undone | ChangeState::Started);
        self.stop.urgency().is_some() && states.iter().any(is_left) && !states.contains(&ChangeState::Stuck)
    }

    fn end(self, result: Result<(), RunError>) -> Result<RunState, RunError> {
        self.drain()?;
        let Self {
            journal,
            reporting,
            live,
            ..
        } = self;
        tracing::info!(commits = journal.commits(), "journal closed");
        journal.close();
        let patience = std::time::Duration::from_secs(5);
        if !reporting.finish(patience) {
            tracing::warn!("a reporter did not keep up and was left behind");
        }
        result.map(|()| live.into_inner().state)
    }

    async fn stages(&self) -> Result<(), RunError> {
        self.open().await?;
        self.settle_open().await?;
        if !self.is_ending() && !self.preflight().await? {
            return self.finish().await;
        }
        self.changes(false).await?;
        if self.cut_short.get() || (self.stop.urgency().is_some() && self.has_pending()) {
            return self.record_stop().await;
        }
        if self.is_paused() {
            return self.record_pause().await;
        }
        if !self.is_unknown() && self.run_always().await? {
            return Ok(());
        }
        if self.cut_short.get() {
            return self.record_stop().await;
        }
        // Asked once: after everything was taken back nothing counts as failed any more.
        let failed = self.any_failed() || self.live.borrow().state.takes_back();
        if failed && self.after_failure_of_run().await? {
            return Ok(());
        }
        if !failed {
            self.verify().await?;
            self.conclude().await?;
            if self.cut_short.get() {
                return self.record_stop().await;
            }
            if self.is_paused() {
                return self.record_pause().await;
            }
            if self.after_conclusion().await? {
                return Ok(());
            }
        } else {
            self.verify().await?;
        }
        self.finish().await
    }

    /// Has a person chosen that it does not go on? Nothing of it starts any more but what closes it.
    pub(crate) fn is_ending(&self) -> bool {
        self.live.borrow().state.ending.is_some()
    }

    /// Carries changes out as soon as what they depend on is done, at most `concurrency` at a time: those that run however
    /// the run ends, or all others.
    pub(crate) async fn changes(&self, always: bool) -> Result<(), RunError> {
        let mut order = self.admitted.plan().executable();
        order.retain(|change| runs_always(change) == always);
        let starts = always || !self.is_ending();
        let may_start = || self.stop.urgency().is_none() && !self.is_paused();
        // What is taken back at once begins nothing more of what it takes back.
        let takes_back = || !always && self.live.borrow().state.takes_back();
        let mut goes_back = takes_back();
        let mut stale = self.is_stale();
        if starts {
            self.reopen_holds(&order).await?;
        }
        let limit = if planted(Fault::NoBound) {
            usize::MAX
        } else if self.conditions.names_a_place() {
            // Before and after a step mean something only where one follows the other.
            1
        } else {
            self.options.concurrency.max(1)
        };
        let mut queue = Queue::new(&order, |change| self.state_of(change));
        let mut running = FuturesUnordered::new();
        let mut announced = false;
        let mut settled: Vec<&Change> = Vec::new();
        loop {
            settled.extend(self.skip_dependants(&mut queue).await?);
            for change in settled.drain(..) {
                if self.ends_here(change, || queue.has_more()) {
                    self.hold(change, Moment::After).await?;
                }
            }
            while starts && !stale && !goes_back && running.len() < limit && may_start() {
                if planted(Fault::LevelBarrier) && !running.is_empty() && queue.starts_level() {
                    break;
                }
                let Some(change) = queue.next() else { break };
                running.push(async move { (change, self.carry_out(change).await) });
            }
            let ended = tokio::select! {
                biased;
                ended = running.next() => ended,
                () = self.stop.raised(Urgency::AfterCurrent), if !announced => {
                    announced = true;
                    self.tell(Progress::Stopping { running: running.len() });
                    continue;
                }
            };
            let Some((change, result)) = ended else {
                return Ok(());
            };
            result?;
            let state = self.state_of(change);
            stale = stale || (state == ChangeState::Drifted && self.is_stale());
            goes_back = goes_back || (state == ChangeState::Failed && takes_back());
            queue.ended(change, state);
            settled.push(change);
        }
    }

    /// Names every change that can no longer run, because what it depends on did not get done.
    async fn skip_dependants(&self, queue: &mut Queue<'a>) -> Result<Vec<&'a Change>, RunError> {
        let mut skipped = Vec::new();
        while let Some((change, because)) = queue.next_skipped() {
            let fact = Fact::Skipped {
                change_id: change.change_id.clone(),
                because,
            };
            self.record(fact).await?;
            queue.ended(change, ChangeState::Skipped);
            skipped.push(change);
        }
        Ok(skipped)
    }

    pub(crate) async fn finish(&self) -> Result<(), RunError> {
        let outcome = outcome_of(self.admitted.plan(), &self.live.borrow().state);
        self.record(Fact::Finished { outcome }).await
    }

    pub(crate) async fn record_stop(&self) -> Result<(), RunError> {
        self.record(Fact::Stopped {
            reason: self.stop.reason(),
        })
        .await
    }

    /// Writes one fact; when this returns it is durable and part of the live state.
    pub(crate) async fn record(&self, fact: Fact) -> Result<(), RunError> {
        self.record_all(vec![fact]).await
    }

    pub(crate) async fn record_all(&self, facts: Vec<Fact>) -> Result<(), RunError> {
        let mut all: Vec<Fact> = self.provider.take_notes().into_iter().map(Fact::Noted).collect();
        all.extend(facts);
        self.journal.record(all).await?;
        self.drain()
    }

    /// Takes in every entry that has become durable, in the journal's order, and passes it on to the listeners.
    fn drain(&self) -> Result<(), RunError> {
        let mut live = self.live.borrow_mut();
        while let Ok(entry) = live.entries.try_recv() {
            live.state.record(&entry)?;
            self.provider.observe(&entry);
            self.tell_entry(entry);
        }
        Ok(())
    }

    fn tell_entry(&self, entry: Entry) {
        self.reporting.tell(Event::Recorded(entry));
    }

    pub(crate) fn tell(&self, progress: Progress) {
        self.reporting.tell(Event::Progress(progress));
    }

    pub(crate) fn state_of(&self, change: &Change) -> ChangeState {
        self.live.borrow().state.of(&change.change_id)
    }

    /// What all finished changes produced.
    pub(crate) fn outputs(&self) -> Outputs {
        self.live.borrow().state.outputs.clone()
    }

    /// What one change may use: its own outputs, and those of the changes it depends on. Not all of them: a plan can have
    /// many thousands.
    pub(crate) fn outputs_for(&self, change: &Change) -> Outputs {
        let live = self.live.borrow();
        let names = change.depends_on.iter().chain(std::iter::once(&change.change_id));
        names
            .filter_map(|name| Some((name.clone(), live.state.outputs.get(name)?.clone())))
            .collect()
    }

    pub(crate) fn has_pending(&self) -> bool {
        let plan = self.admitted.plan();
        plan.executable()
            .into_iter()
            .any(|change| self.state_of(change) == ChangeState::Pending)
    }

    pub(crate) fn any_failed(&self) -> bool {
        let live = self.live.borrow();
        let failed = |change: &Change| {
            matches!(
                live.state.of(&change.change_id),
                ChangeState::Failed | ChangeState::Drifted | ChangeState::Skipped
            )
        };
        let critical = |change: &&Change| is_critical(change);
        self.admitted
            .plan()
            .executable()
            .into_iter()
            .filter(critical)
            .any(failed)
    }
}

/// Does a change run however the run ends?
pub(crate) fn runs_always(change: &Change) -> bool {
    change.handling.as_ref().is_some_and(|handling| handling.always)
}
