//! Where plans, approvals and journals are kept. Two implementations, one suite of tests: [`sqlite::SqliteStore`] and
//! [`memory::MemoryStore`].

use std::time::Duration;

use enact_core::approval::{Approval, ApprovalId};
use enact_core::canonical::Digest;
use enact_core::journal::{Entry, Fact, JournalError, RunId};
use enact_core::plan::PlanId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::holder::Holder;
use crate::stop::Urgency;

mod approvals;
mod mark;
pub mod memory;
mod rows;
mod schema;
mod seal;
pub mod sqlite;

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The lease is somebody else's now. Whoever sees this must stop before its next effect.
    #[error("the lease on run {run_id} was lost: another process has taken it over")]
    LeaseLost {
        /// The run.
        run_id: RunId,
    },
    /// Another process is at it.
    #[error("run {run_id} is under way in {holder}, until {until} unless it goes on")]
    Held {
        /// The run.
        run_id: RunId,
        /// Who.
        holder: Box<Holder>,
        /// When its lease runs out.
        until: Timestamp,
    },
    /// The approval has paid for all the runs it is good for.
    #[error("approval {0} is spent")]
    ApprovalSpent(ApprovalId),
    /// Another run took it over: nothing more happens in it.
    #[error("run {run_id} is at an end: run {by}, of a revision, took it over")]
    Superseded {
        /// The run.
        run_id: RunId,
        /// The one that goes on.
        by: RunId,
    },
    /// The run that was to be taken over has gone on meanwhile.
    #[error("run {0} has gone on since the revision was made")]
    GoneOn(RunId),
    /// Another record has this name.
    #[error("another approval is kept here under the name {0}")]
    OtherApproval(ApprovalId),
    /// No such run.
    #[error("there is no run {0}")]
    NoSuchRun(String),
    /// More than one run or plan begins like this.
    #[error("more than one {what} begins with {prefix}")]
    Ambiguous {
        /// `run` or `plan`.
        what: &'static str,
        /// What was given.
        prefix: String,
    },
    /// The database was written by a newer version.
    #[error("the state at {path} has schema version {found}; this version of enact knows {known}")]
    Newer {
        /// The database.
        path: String,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The database is damaged, or something else lies there.
    #[error("the state at {path} is not readable: {problem}")]
    Corrupt {
        /// The database.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The directory or the file cannot be written.
    #[error("the state at {path} cannot be written: {problem}")]
    NotWritable {
        /// The database.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The journal's chain does not hold.
    #[error("the journal is damaged")]
    Journal(#[from] JournalError),
    /// A value without JSON form, or a stored one that cannot be read.
    #[error("a stored record is not readable")]
    Json(#[from] serde_json::Error),
}

/// The right to write a run's journal, as long as nobody has a higher epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run_id: RunId,
    /// Rises by one with each holder.
    pub epoch: u64,
}

/// What a new run needs.
#[derive(Debug, Clone)]
pub struct NewRun<'a> {
    /// Its name.
    pub run_id: RunId,
    /// Its plan.
    pub plan_id: PlanId,
    /// What it works on; one run at a time may.
    pub target: String,
    /// The approvals it spends, with the number of runs each is good for.
    pub approvals: Vec<(ApprovalId, u32)>,
    /// Who runs it.
    pub holder: &'a Holder,
    /// How long the lease holds without a sign of life.
    pub ttl: Duration,
    /// Now.
    pub now: Timestamp,
    /// The run that it takes over, in the same step.
    pub takes_over: Option<TakeOver>,
}

/// A run that a new one takes over.
#[derive(Debug, Clone)]
pub struct TakeOver {
    /// The run.
    pub run_id: RunId,
    /// The digest of its last entry, as the new run's plan names it.
    pub head: Digest,
    /// What is written at the end of its journal.
    pub fact: Fact,
}

/// One run in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its name.
    pub run_id: RunId,
    /// Its plan.
    pub plan_id: PlanId,
    /// What it works on.
    pub target: String,
    /// When it began.
    pub created_at: Timestamp,
    /// Who holds the lease, or held it last; `None` once it was given back.
    pub holder: Option<Holder>,
    /// When the lease runs out.
    pub lease_until: Timestamp,
    /// The lease's epoch.
    pub epoch: u64,
}

impl RunRow {
    /// Is a process certainly or possibly at it?
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.holder
            .as_ref()
            .is_some_and(|holder| self.lease_until > now && !holder.is_gone())
    }
}

/// A wish that a run stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopRequest {
    /// How urgently.
    pub urgency: Urgency,
    /// Why, by whom.
    pub reason: String,
}

/// Frozen plans, as the exact bytes.
pub trait PlanStore {
    /// Keeps a plan; keeping it again changes nothing.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn save_plan(&self, plan_id: &PlanId, bytes: &[u8], now: Timestamp) -> Result<(), StoreError>;

    /// The plan whose id is, or begins with, `prefix` (with or without `sha256:`; at least 6 digits).
    ///
    /// # Errors
    /// [`StoreError::Ambiguous`] when several do.
    fn load_plan(&self, prefix: &str) -> Result<Option<Vec<u8>>, StoreError>;
}

/// Approvals, in a hash chain.
pub trait ApprovalStore {
    /// Adds a record at the end of the chain. A record that is there already is not added again.
    ///
    /// # Errors
    /// [`StoreError::OtherApproval`] when another one has its name; when the store cannot be written.
    fn add_approval(&self, approval: &Approval) -> Result<(), StoreError>;

    /// All records, oldest first. The chain is verified.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the chain does not hold.
    fn approvals(&self) -> Result<Vec<Approval>, StoreError>;

    /// All records about a plan, oldest first. The chain is verified.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the chain does not hold.
    fn approvals_of(&self, plan_id: &PlanId) -> Result<Vec<Approval>, StoreError> {
        let mut records = self.approvals()?;
        records.retain(|record| record.plan_id == *plan_id);
        Ok(records)
    }

    /// How many runs an approval has paid for, without `except`.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn runs_spent(&self, approval_id: &ApprovalId, except: Option<&RunId>) -> Result<u32, StoreError>;
}

/// Runs, their leases and their journals.
pub trait JournalStore {
    /// Begins a run: spends its approvals, takes the lease, and ends the run that it takes over, in one step. All or nothing.
    ///
    /// # Errors
    /// [`StoreError::ApprovalSpent`]; [`StoreError::Held`] when another run on the same target, or the one that is taken over,
    /// is under way; [`StoreError::GoneOn`] when that one's last entry is another.
    fn create_run(&self, new: &NewRun<'_>) -> Result<Lease, StoreError>;

    /// Takes the lease of a run whose holder is gone, has given it back, or has let it run out.
    ///
    /// # Errors
    /// [`StoreError::Held`], [`StoreError::NoSuchRun`].
    fn acquire(
        &self,
        run_id: &RunId,
        holder: &Holder,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Lease, StoreError>;

    /// Spends further approvals on a run that has been taken up again; those it has spent already are not spent twice.
    ///
    /// # Errors
    /// [`StoreError::ApprovalSpent`], [`StoreError::LeaseLost`]; then none of them is spent by it.
    fn spend(&self, lease: &Lease, approvals: &[(ApprovalId, u32)]) -> Result<(), StoreError>;

    /// Shows a sign of life, and says whether somebody wants the run to stop.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    fn renew(&self, lease: &Lease, ttl: Duration, now: Timestamp) -> Result<Option<StopRequest>, StoreError>;

    /// Gives the lease back.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    fn release(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Writes facts at the end of the run's journal, all or none, durable when it returns. Also a sign of life.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]: nothing was written.
    fn append(
        &self,
        lease: &Lease,
        ttl: Duration,
        now: Timestamp,
        facts: Vec<Fact>,
    ) -> Result<Vec<Entry>, StoreError>;

    /// A run's journal, oldest first. The chain is verified.
    ///
    /// # Errors
    /// [`StoreError::Journal`] when the chain does not hold.
    fn load(&self, run_id: &RunId) -> Result<Vec<Entry>, StoreError>;

    /// All runs, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn runs(&self) -> Result<Vec<RunRow>, StoreError>;

    /// Asks the holder to stop. Asking again can only make it more urgent.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`].
    fn request_stop(&self, run_id: &RunId, request: &StopRequest) -> Result<(), StoreError>;

    /// Looks through everything that is kept, also what nobody asked for; slow, and without effect.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the first thing that is wrong.
    fn look_through(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Forgets finished runs that began before a moment, their entries and plans no other run needs.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn prune(&self, before: Timestamp) -> Result<usize, StoreError>;
}

/// All three.
pub trait Store: PlanStore + ApprovalStore + JournalStore + Send + Sync {}

impl<T: PlanStore + ApprovalStore + JournalStore + Send + Sync> Store for T {}

/// The run whose id is, or begins with, `prefix`.
///
/// # Errors
/// [`StoreError::NoSuchRun`], [`StoreError::Ambiguous`].
pub fn find_run(store: &dyn Store, prefix: &str) -> Result<RunRow, StoreError> {
    let mut found: Vec<RunRow> = store
        .runs()?
        .into_iter()
        .filter(|run| !prefix.is_empty() && run.run_id.0.starts_with(prefix))
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(run), true) => Ok(run),
        (Some(_), false) => Err(StoreError::Ambiguous {
            what: "run",
            prefix: prefix.to_owned(),
        }),
        (None, _) => Err(StoreError::NoSuchRun(prefix.to_owned())),
    }
}

/// Is a record kept already? By what its giver said of it; what a verifier thinks of it may change.
fn is_known(known: &[Approval], new: &Approval) -> Result<bool, StoreError> {
    let Some(same) = known.iter().find(|record| record.approval_id == new.approval_id) else {
        return Ok(false);
    };
    if same.signed_bytes()? == new.signed_bytes()? {
        return Ok(true);
    }
    Err(StoreError::OtherApproval(new.approval_id.clone()))
}

/// The entry that ends a run which is taken over: under an epoch of its own, so that whoever slept through its lease is
/// fenced off.
fn last_words(
    row: &RunRow,
    last: Option<&Entry>,
    over: &TakeOver,
    now: Timestamp,
) -> Result<Entry, StoreError> {
    if let Some(holder) = row.holder.as_ref().filter(|_| row.is_held(now)) {
        return Err(StoreError::Held {
            run_id: row.run_id.clone(),
            holder: Box::new(holder.clone()),
            until: row.lease_until,
        });
    }
    if last.map(|entry| &entry.digest) != Some(&over.head) {
        return Err(StoreError::GoneOn(row.run_id.clone()));
    }
    let fact = over.fact.clone();
    Ok(Entry::chain(&row.run_id, last, now, row.epoch + 1, fact)?)
}

/// A lease's end, saturating.
fn lease_end(now: Timestamp, ttl: Duration) -> Timestamp {
    now.checked_add(ttl).unwrap_or(Timestamp::MAX)
}

/// The full id a prefix stands for: `sha256:` is put in front of bare digits.
fn plan_prefix(prefix: &str) -> Option<String> {
    let digits = prefix.strip_prefix("sha256:").unwrap_or(prefix);
    let plausible =
        digits.len() >= 6 && digits.len() <= 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    plausible.then(|| format!("sha256:{}", digits.to_ascii_lowercase()))
}
