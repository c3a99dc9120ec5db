//! One installation: its store, clock and ids, and how a run begins, is taken up again and ends.

use std::sync::Arc;
use std::time::Duration;

use enact_core::approval::ApprovalId;
use enact_core::event::Reporter;
use enact_core::gate::AdmittedPlan;
use enact_core::journal::{Fact, RunId, RunState};
use enact_core::plan::{Mode, Plan};
use enact_core::principal::Principal;

use crate::clock::{Clock, IdSource};
use crate::holder::Holder;
use crate::journal::Journal;
use crate::provider::Provider;
use crate::reporting::Reporting;
use crate::runner::{RunError, RunOptions, RunParts, Runner};
use crate::stop::StopSignal;
use crate::store::{Lease, NewRun, Store, StoreError, TakeOver};

/// How long a lease holds without a sign of life.
pub const LEASE_TTL: Duration = Duration::from_secs(30);

/// Where runs are kept and by which clock.
#[derive(Clone)]
pub struct Installation {
    /// Plans, approvals, journals.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New names.
    pub ids: Arc<dyn IdSource>,
    /// How long a lease holds without a sign of life.
    pub lease_ttl: Duration,
}

/// A run whose lease this process holds.
#[derive(Debug)]
pub struct OpenRun {
    /// Its name.
    pub run_id: RunId,
    /// What its journal says so far.
    pub state: RunState,
    lease: Lease,
    opening: Fact,
}

/// What a run needs besides its plan.
pub struct Surroundings {
    /// How to run.
    pub options: RunOptions,
    /// Who is told.
    pub reporters: Vec<Box<dyn Reporter>>,
    /// Whether to stop.
    pub stop: StopSignal,
}

impl OpenRun {
    /// The same in this folder: the first entry that is written names it, unless the journal does so already.
    #[must_use]
    pub fn in_folder(mut self, here: &str) -> Self {
        if self.state.folder.as_deref() != Some(here)
            && let Fact::RunStarted { folder, .. } | Fact::Resumed { folder, .. } = &mut self.opening
        {
            *folder = Some(here.to_owned());
        }
        self
    }

    /// Which run of its plan it is, from 1: what it was when it began, whatever runs have begun since.
    pub fn number(&self) -> u64 {
        let begins = if let Fact::RunStarted { number, .. } = &self.opening {
            *number
        } else {
            0
        };
        u64::from(begins.max(self.state.number).max(1))
    }

    /// The same, to be taken back: from its first entry on it does not go forward any more.
    fn going_back(mut self) -> Self {
        if let Fact::Resumed { back, .. } = &mut self.opening {
            *back = true;
        }
        self
    }
}

impl Installation {
    /// Begins a run of an admitted plan: spends its approvals, takes the lease, and ends the run that the plan takes over.
    ///
    /// # Errors
    /// [`StoreError::ApprovalSpent`], [`StoreError::Held`], [`StoreError::GoneOn`].
    pub fn begin(&self, admitted: &AdmittedPlan, by: &Principal) -> Result<OpenRun, StoreError> {
        let plan = admitted.plan();
        // Sixteen digits are enough to be unique here and short enough to type a part of.
        let run_id = RunId(self.ids.new_id().chars().take(16).collect());
        let takes_over = plan.metadata().revision.as_ref().map(|revision| TakeOver {
            run_id: revision.run_id.clone(),
            head: revision.head.clone(),
            fact: Fact::Superseded {
                run_id: run_id.clone(),
                plan_id: plan.id().clone(),
                by: by.clone(),
            },
        });
        let lease = self.store.create_run(&NewRun {
            takes_over,
            run_id: run_id.clone(),
            plan_id: plan.id().clone(),
            target: plan.metadata().target.to_string(),
            approvals: spendable(admitted),
            holder: &Holder::this_process(),
            ttl: self.lease_ttl,
            now: self.clock.now(),
        })?;
        let opening = started(admitted, by, self.runs_of(plan)?);
        Ok(OpenRun {
            run_id,
            state: RunState::default(),
            lease,
            opening,
        })
    }

    /// How many runs of a plan are kept, the newest included.
    fn runs_of(&self, plan: &Plan) -> Result<u32, StoreError> {
        let runs = self.store.runs()?;
        let of_plan = runs.iter().filter(|row| row.plan_id == *plan.id()).count();
        Ok(u32::try_from(of_plan).unwrap_or(1).max(1))
    }

    /// Takes a run up again whose process is gone, stopped or paused. Approvals that it has not spent yet (a new one, after the
    /// first ran out) are spent by it now.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when another run took it over;
    /// [`StoreError::Held`] while another process is at it; [`StoreError::ApprovalSpent`]; [`StoreError::Journal`] when its
    /// journal is damaged.
    pub fn reopen(
        &self,
        run_id: &RunId,
        admitted: &AdmittedPlan,
        by: &Principal,
    ) -> Result<OpenRun, StoreError> {
        let lease = self
            .store
            .acquire(run_id, &Holder::this_process(), self.lease_ttl, self.clock.now())?;
        if let Err(error) = self.refuse_superseded(run_id) {
            self.store.release(&lease)?;
            return Err(error);
        }
        if let Err(error) = self.store.spend(&lease, &spendable(admitted)) {
            // Nothing was begun; the run is free again for whoever brings an approval.
            self.store.release(&lease)?;
            return Err(error);
        }
        let entries = self.store.load(run_id)?;
        let state = RunState::replay(&entries)?;
        // A process may have died between taking the lease and writing its first entry.
        let opening = if entries.is_empty() {
            started(admitted, by, self.runs_of(admitted.plan())?)
        } else {
            Fact::Resumed {
                back: false,
                bundle_digest: Some(admitted.verdict().bundle_digest.clone()),
                without_policy: admitted.verdict().is_without_policy(),
                approvals: names(admitted),
                folder: None,
                by: by.clone(),
            }
        };
        Ok(OpenRun {
            run_id: run_id.clone(),
            state,
            lease,
            opening,
        })
    }

    /// A run that another took over is at an end. Whoever holds its lease asks before writing to it.
    ///
    /// # Errors
    /// [`StoreError::Superseded`]; [`StoreError::Journal`] when its journal is damaged.
    pub fn refuse_superseded(&self, run_id: &RunId) -> Result<(), StoreError> {
        let state = RunState::replay(&self.store.load(run_id)?)?;
        match state.superseded_by {
            None => Ok(()),
            Some(by) => Err(StoreError::Superseded {
                run_id: run_id.clone(),
                by,
            }),
        }
    }

    /// Runs to the end or to the next safe point.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn run<P: Provider>(
        &self,
        open: OpenRun,
        admitted: &AdmittedPlan,
        provider: &P,
        surroundings: Surroundings,
    ) -> Result<RunState, RunError> {
        self.runner(open, admitted, provider, surroundings)?.run().await
    }

    /// Takes back what the journal proves done.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn roll_back<P: Provider>(
        &self,
        open: OpenRun,
        admitted: &AdmittedPlan,
        provider: &P,
        surroundings: Surroundings,
    ) -> Result<RunState, RunError> {
        let open = match admitted.plan().metadata().mode {
            Mode::Run => open.going_back(),
            Mode::Apply | Mode::Sync | Mode::Delete => open,
        };
        self.runner(open, admitted, provider, surroundings)?
            .roll_back()
            .await
    }

    fn runner<'a, P: Provider>(
        &'a self,
        open: OpenRun,
        admitted: &'a AdmittedPlan,
        provider: &'a P,
        surroundings: Surroundings,
    ) -> Result<Runner<'a, P>, RunError> {
        let Surroundings {
            options,
            reporters,
            stop,
        } = surroundings;
        let (journal, entries) = Journal::start(
            Arc::clone(&self.store),
            Arc::clone(&self.clock),
            open.lease,
            self.lease_ttl,
            stop.clone(),
        )
        .map_err(|error| {
            let problem = error.to_string();
            Arc::new(StoreError::NotWritable {
                path: "journal".to_owned(),
                problem,
            })
        })?;
        Ok(Runner::new(RunParts {
            provider,
            admitted,
            options,
            clock: self.clock.as_ref(),
            journal,
            entries,
            reporting: Reporting::start(reporters),
            stop,
            state: open.state,
            opening: open.opening,
        }))
    }
}

/// The approvals that a run rests on, with the number of runs each is good for.
fn spendable(admitted: &AdmittedPlan) -> Vec<(ApprovalId, u32)> {
    let records = admitted.approvals().iter();
    records
        .map(|record| (record.approval_id.clone(), record.max_runs))
        .collect()
}

fn names(admitted: &AdmittedPlan) -> Vec<ApprovalId> {
    admitted
        .approvals()
        .iter()
        .map(|record| record.approval_id.clone())
        .collect()
}

fn started(admitted: &AdmittedPlan, by: &Principal, number: u32) -> Fact {
    Fact::RunStarted {
        plan_id: admitted.plan().id().clone(),
        approvals: names(admitted),
        bundle_digest: admitted.verdict().bundle_digest.clone(),
        without_policy: admitted.verdict().is_without_policy(),
        conditions: admitted.conditions().cloned().collect(),
        folder: None,
        number,
        by: by.clone(),
    }
}
