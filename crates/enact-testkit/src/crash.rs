//! A process that dies at a chosen write, and a machine whose disk outlives it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use enact_core::approval::{Approval, ApprovalId};
use enact_core::journal::{Entry, Fact, RunId};
use enact_core::plan::PlanId;
use enact_engine::holder::Holder;
use enact_engine::installation::Installation;
use enact_engine::store::memory::MemoryStore;
use enact_engine::store::{
    ApprovalStore, JournalStore, Lease, NewRun, PlanStore, RunRow, StopRequest, Store, StoreError,
};
use jiff::Timestamp;

use crate::clock::{CountingIds, StepClock};

/// When a process dies. Writes are counted per process, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// It lives.
    Never,
    /// Before this write reached the disk.
    Before(u64),
    /// After it reached the disk, and before anybody learned of it.
    After(u64),
}

/// Told of every entry once it is durable and before its writer is.
pub type Witness = Arc<dyn Fn(&Entry) + Send + Sync>;

/// The store as one process sees it: once the process is dead, nothing gets through any more.
pub struct CrashStore {
    disk: Arc<dyn Store>,
    kill: Kill,
    writes: Arc<AtomicU64>,
    dead: AtomicBool,
    witness: RwLock<Option<Witness>>,
}

impl CrashStore {
    /// A process's view of a disk.
    pub fn new(disk: Arc<dyn Store>, kill: Kill) -> Self {
        Self {
            disk,
            kill,
            writes: Arc::default(),
            dead: AtomicBool::new(false),
            witness: RwLock::new(None),
        }
    }

    /// The same, with somebody who sees each durable entry first.
    #[must_use]
    pub fn with_witness(self, witness: Witness) -> Self {
        *self.witness.write().unwrap_or_else(PoisonError::into_inner) = Some(witness);
        self
    }

    /// How many writes there have been.
    pub fn writes(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.writes)
    }

    fn alive(&self) -> Result<&dyn Store, StoreError> {
        if self.dead.load(Ordering::SeqCst) {
            Err(died())
        } else {
            Ok(self.disk.as_ref())
        }
    }

    fn die(&self) -> StoreError {
        self.dead.store(true, Ordering::SeqCst);
        died()
    }
}

fn died() -> StoreError {
    StoreError::NotWritable {
        path: "disk".to_owned(),
        problem: "the process was killed".to_owned(),
    }
}

impl PlanStore for CrashStore {
    fn save_plan(&self, plan_id: &PlanId, bytes: &[u8], now: Timestamp) -> Result<(), StoreError> {
        self.alive()?.save_plan(plan_id, bytes, now)
    }

    fn load_plan(&self, prefix: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.alive()?.load_plan(prefix)
    }
}

impl ApprovalStore for CrashStore {
    fn add_approval(&self, approval: &Approval) -> Result<(), StoreError> {
        self.alive()?.add_approval(approval)
    }

    fn approvals(&self) -> Result<Vec<Approval>, StoreError> {
        self.alive()?.approvals()
    }

    fn runs_spent(&self, approval_id: &ApprovalId, except: Option<&RunId>) -> Result<u32, StoreError> {
        self.alive()?.runs_spent(approval_id, except)
    }
}

impl JournalStore for CrashStore {
    fn create_run(&self, new: &NewRun<'_>) -> Result<Lease, StoreError> {
        self.alive()?.create_run(new)
    }

    fn acquire(
        &self,
        run_id: &RunId,
        holder: &Holder,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Lease, StoreError> {
        self.alive()?.acquire(run_id, holder, ttl, now)
    }

    fn spend(&self, lease: &Lease, approvals: &[(ApprovalId, u32)]) -> Result<(), StoreError> {
        self.alive()?.spend(lease, approvals)
    }

    fn renew(&self, lease: &Lease, ttl: Duration, now: Timestamp) -> Result<Option<StopRequest>, StoreError> {
        self.alive()?.renew(lease, ttl, now)
    }

    fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.alive()?.release(lease)
    }

    fn append(
        &self,
        lease: &Lease,
        ttl: Duration,
        now: Timestamp,
        facts: Vec<Fact>,
    ) -> Result<Vec<Entry>, StoreError> {
        let disk = self.alive()?;
        let write = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        if self.kill == Kill::Before(write) {
            return Err(self.die());
        }
        let entries = disk.append(lease, ttl, now, facts)?;
        let witness = self
            .witness
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(witness) = witness {
            entries.iter().for_each(|entry| witness(entry));
        }
        if self.kill == Kill::After(write) {
            return Err(self.die());
        }
        Ok(entries)
    }

    fn load(&self, run_id: &RunId) -> Result<Vec<Entry>, StoreError> {
        self.alive()?.load(run_id)
    }

    fn runs(&self) -> Result<Vec<RunRow>, StoreError> {
        self.alive()?.runs()
    }

    fn request_stop(&self, run_id: &RunId, request: &StopRequest) -> Result<(), StoreError> {
        self.alive()?.request_stop(run_id, request)
    }

    fn prune(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.alive()?.prune(before)
    }
}

/// How long a lease holds on a [`Machine`].
pub const TTL: Duration = Duration::from_secs(30);

/// A disk and a clock, on which processes live and die.
#[derive(Clone)]
pub struct Machine {
    /// What outlives every process.
    pub disk: Arc<dyn Store>,
    /// The time.
    pub clock: MachineClock,
    /// Names of runs.
    pub ids: CountingIds,
}

/// The clock of a [`Machine`]: one millisecond passes with each reading.
#[derive(Debug, Clone)]
pub struct MachineClock(pub StepClock);

impl Default for MachineClock {
    fn default() -> Self {
        Self(StepClock::stepping(1))
    }
}

/// One process: its installation, and the count of its writes.
pub struct Process {
    /// What it works with.
    pub installation: Installation,
    /// How many journal writes it tried.
    pub writes: Arc<AtomicU64>,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine {
    /// An empty disk in memory.
    pub fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new()))
    }

    /// A machine with this disk.
    pub fn on(disk: Arc<dyn Store>) -> Self {
        Self {
            disk,
            clock: MachineClock::default(),
            ids: CountingIds::default(),
        }
    }

    /// A new process that dies as told. Its entries are shown to the witness.
    pub fn process(&self, kill: Kill, witness: Witness) -> Process {
        let store = CrashStore::new(Arc::clone(&self.disk), kill).with_witness(witness);
        let writes = store.writes();
        let installation = Installation {
            store: Arc::new(store),
            clock: Arc::new(self.clock.0.clone()),
            ids: Arc::new(self.ids.clone()),
            lease_ttl: TTL,
        };
        Process { installation, writes }
    }

    /// Lets every lease run out.
    pub fn let_leases_expire(&self) {
        self.clock.0.advance(TTL * 2);
    }
}
