//! The in-memory twin of the SQLite store. Clones share their content, so that a "new process" in a test finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use enact_core::approval::{Approval, ApprovalId};
use enact_core::journal::{Entry, Fact, RunId, verify_chain};
use enact_core::plan::PlanId;
use jiff::Timestamp;

use super::{
    ApprovalStore, JournalStore, Lease, NewRun, PlanStore, RunRow, StopRequest, StoreError, TakeOver,
    is_known, last_words, lease_end, plan_prefix,
};
use crate::holder::Holder;

#[derive(Default)]
struct Content {
    plans: BTreeMap<String, Vec<u8>>,
    approvals: Vec<Approval>,
    runs: BTreeMap<RunId, Run>,
    /// Outlives the runs: what is spent stays spent.
    spent: BTreeSet<(ApprovalId, RunId)>,
}

struct Run {
    row: RunRow,
    entries: Vec<Entry>,
    stop: Option<StopRequest>,
}

/// Everything in one map, gone with the process.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Content>>);

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn leased(&mut self, lease: &Lease) -> Result<&mut Run, StoreError> {
        let lost = || StoreError::LeaseLost {
            run_id: lease.run_id.clone(),
        };
        let run = self.runs.get_mut(&lease.run_id).ok_or_else(lost)?;
        if run.row.epoch == lease.epoch && run.row.holder.is_some() {
            Ok(run)
        } else {
            Err(lost())
        }
    }

    fn spent(&self, approval_id: &ApprovalId, except: Option<&RunId>) -> u32 {
        let paid = self
            .spent
            .iter()
            .filter(|(id, run)| id == approval_id && Some(run) != except);
        u32::try_from(paid.count()).unwrap_or(u32::MAX)
    }

    /// Spends approvals on a run, all or none.
    fn pay(&mut self, run_id: &RunId, approvals: &[(ApprovalId, u32)]) -> Result<(), StoreError> {
        let over = approvals
            .iter()
            .find(|(id, max_runs)| self.spent(id, Some(run_id)) >= *max_runs);
        if let Some((id, _)) = over {
            return Err(StoreError::ApprovalSpent(id.clone()));
        }
        self.spent
            .extend(approvals.iter().map(|(id, _)| (id.clone(), run_id.clone())));
        Ok(())
    }

    /// The entry that ends a run which is taken over.
    fn ended_by(&self, over: &TakeOver, now: Timestamp) -> Result<Entry, StoreError> {
        let run = self.runs.get(&over.run_id);
        let run = run.ok_or_else(|| StoreError::NoSuchRun(over.run_id.to_string()))?;
        last_words(&run.row, run.entries.last(), over, now)
    }

    /// One run at a time may work on a target.
    fn refuse_second_run(&self, target: &str, now: Timestamp) -> Result<(), StoreError> {
        let busy = self
            .runs
            .values()
            .map(|run| &run.row)
            .find(|row| row.target == target && row.is_held(now));
        match busy {
            Some(RunRow {
                run_id,
                holder: Some(holder),
                lease_until,
                ..
            }) => Err(StoreError::Held {
                run_id: run_id.clone(),
                holder: Box::new(holder.clone()),
                until: *lease_until,
            }),
            Some(_) | None => Ok(()),
        }
    }
}

impl PlanStore for MemoryStore {
    fn save_plan(&self, plan_id: &PlanId, bytes: &[u8], _now: Timestamp) -> Result<(), StoreError> {
        self.content()
            .plans
            .entry(plan_id.to_string())
            .or_insert_with(|| bytes.to_vec());
        Ok(())
    }

    fn load_plan(&self, prefix: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(full) = plan_prefix(prefix) else {
            return Ok(None);
        };
        let content = self.content();
        let mut found = content.plans.iter().filter(|(id, _)| id.starts_with(&full));
        match (found.next(), found.next()) {
            (Some((_, bytes)), None) => Ok(Some(bytes.clone())),
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(StoreError::Ambiguous {
                what: "plan",
                prefix: prefix.to_owned(),
            }),
        }
    }
}

impl ApprovalStore for MemoryStore {
    fn add_approval(&self, approval: &Approval) -> Result<(), StoreError> {
        let mut content = self.content();
        if !is_known(&content.approvals, approval)? {
            content.approvals.push(approval.clone());
        }
        Ok(())
    }

    fn approvals(&self) -> Result<Vec<Approval>, StoreError> {
        Ok(self.content().approvals.clone())
    }

    fn runs_spent(&self, approval_id: &ApprovalId, except: Option<&RunId>) -> Result<u32, StoreError> {
        Ok(self.content().spent(approval_id, except))
    }
}

impl JournalStore for MemoryStore {
    fn create_run(&self, new: &NewRun<'_>) -> Result<Lease, StoreError> {
        let mut content = self.content();
        content.refuse_second_run(&new.target, new.now)?;
        let ended = match &new.takes_over {
            Some(over) => Some(content.ended_by(over, new.now)?),
            None => None,
        };
        content.pay(&new.run_id, &new.approvals)?;
        // Nothing fails from here on.
        if let Some(run) = ended
            .as_ref()
            .and_then(|entry| content.runs.get_mut(&entry.run_id))
        {
            run.row.epoch += 1;
            run.row.holder = None;
            run.entries.extend(ended);
        }
        let row = RunRow {
            run_id: new.run_id.clone(),
            plan_id: new.plan_id.clone(),
            target: new.target.clone(),
            created_at: new.now,
            holder: Some(new.holder.clone()),
            lease_until: lease_end(new.now, new.ttl),
            epoch: 1,
        };
        content.runs.insert(
            new.run_id.clone(),
            Run {
                row,
                entries: Vec::new(),
                stop: None,
            },
        );
        Ok(Lease {
            run_id: new.run_id.clone(),
            epoch: 1,
        })
    }

    fn acquire(
        &self,
        run_id: &RunId,
        holder: &Holder,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Lease, StoreError> {
        let mut content = self.content();
        let unknown = || StoreError::NoSuchRun(run_id.to_string());
        let target = content.runs.get(run_id).ok_or_else(unknown)?.row.target.clone();
        // Covers the run itself.
        content.refuse_second_run(&target, now)?;
        let run = content.runs.get_mut(run_id).ok_or_else(unknown)?;
        run.row.epoch += 1;
        run.row.holder = Some(holder.clone());
        run.row.lease_until = lease_end(now, ttl);
        run.stop = None;
        Ok(Lease {
            run_id: run_id.clone(),
            epoch: run.row.epoch,
        })
    }

    fn spend(&self, lease: &Lease, approvals: &[(ApprovalId, u32)]) -> Result<(), StoreError> {
        let mut content = self.content();
        content.leased(lease)?;
        content.pay(&lease.run_id, approvals)
    }

    fn renew(&self, lease: &Lease, ttl: Duration, now: Timestamp) -> Result<Option<StopRequest>, StoreError> {
        let mut content = self.content();
        let run = content.leased(lease)?;
        run.row.lease_until = lease_end(now, ttl);
        Ok(run.stop.clone())
    }

    fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.content().leased(lease)?.row.holder = None;
        Ok(())
    }

    fn append(
        &self,
        lease: &Lease,
        ttl: Duration,
        now: Timestamp,
        facts: Vec<Fact>,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut content = self.content();
        let run = content.leased(lease)?;
        let mut added: Vec<Entry> = Vec::with_capacity(facts.len());
        for fact in facts {
            let prev = added.last().or(run.entries.last());
            added.push(Entry::chain(&lease.run_id, prev, now, lease.epoch, fact)?);
        }
        run.entries.extend(added.iter().cloned());
        run.row.lease_until = lease_end(now, ttl);
        Ok(added)
    }

    fn load(&self, run_id: &RunId) -> Result<Vec<Entry>, StoreError> {
        let content = self.content();
        let run = content
            .runs
            .get(run_id)
            .ok_or_else(|| StoreError::NoSuchRun(run_id.to_string()))?;
        verify_chain(&run.entries)?;
        Ok(run.entries.clone())
    }

    fn runs(&self) -> Result<Vec<RunRow>, StoreError> {
        let mut rows: Vec<RunRow> = self.content().runs.values().map(|run| run.row.clone()).collect();
        rows.sort_by(|a, b| (b.created_at, &b.run_id).cmp(&(a.created_at, &a.run_id)));
        Ok(rows)
    }

    fn request_stop(&self, run_id: &RunId, request: &StopRequest) -> Result<(), StoreError> {
        let mut content = self.content();
        let run = content
            .runs
            .get_mut(run_id)
            .ok_or_else(|| StoreError::NoSuchRun(run_id.to_string()))?;
        let milder = run
            .stop
            .as_ref()
            .is_none_or(|stop| stop.urgency < request.urgency);
        if milder {
            run.stop = Some(request.clone());
        }
        Ok(())
    }

    fn prune(&self, before: Timestamp) -> Result<usize, StoreError> {
        let mut content = self.content();
        let finished = |run: &Run| {
            run.entries
                .iter()
                .any(|entry| matches!(entry.fact, Fact::Finished { .. } | Fact::Superseded { .. }))
                && run.row.holder.is_none()
                && run.row.created_at < before
        };
        let (old, young): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut content.runs)
            .into_iter()
            .partition(|(_, run)| finished(run));
        content.runs = young;
        for run in old.values() {
            let needed = content
                .runs
                .values()
                .any(|other| other.row.plan_id == run.row.plan_id);
            if !needed {
                content.plans.remove(&run.row.plan_id.to_string());
            }
        }
        Ok(old.len())
    }
}
