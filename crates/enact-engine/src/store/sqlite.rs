//! The SQLite store: one file, WAL, `synchronous=FULL`, so that a commit is on disk when it returns.
//!
//! What was written last is named a second time in a mark beside the file (`mark.rs`), and what no chain covers is sealed
//! (`seal.rs`): a file that was damaged or cut is refused, not taken for a shorter history.
//!
//! A lease is checked inside the same transaction that appends: a process that slept through its lease cannot write.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use enact_core::approval::ApprovalId;
use enact_core::canonical::Digest;
use enact_core::journal::{Entry, Fact, RunId, verify_chain};
use enact_core::plan::PlanId;
use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::approvals::{check_approvals, pay};
use super::mark::{self, Mark, Written};
use super::rows::{
    as_i64, check_head, extend, head_of, last_entry, lost, refuse_second_run, rows, take_over,
};
use super::schema::{migrate, restrict, store_error, version};
use super::seal::{self, Over, RunSeal};
use super::{
    JournalStore, Lease, NewRun, PlanStore, RunRow, StopRequest, StoreError, lease_end, plan_prefix,
};
use crate::holder::Holder;
use crate::stop::Urgency;

/// A file that holds all state of an installation. Two processes on one file are safe.
pub struct SqliteStore {
    connection: Mutex<Connection>,
    path: String,
    pub(super) mark: Mark,
}

impl SqliteStore {
    /// Opens the database, making or migrating it as needed. The file is readable by its owner only.
    ///
    /// A file that lacks what the mark beside it names is refused and left as it is, with its log.
    ///
    /// # Errors
    /// [`StoreError::NotWritable`], [`StoreError::Corrupt`], [`StoreError::Newer`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let shown = path.display().to_string();
        let not_writable = |error: std::io::Error| StoreError::NotWritable {
            path: shown.clone(),
            problem: error.to_string(),
        };
        let written = mark::read(path);
        if !written.is_empty() && std::fs::metadata(path).map_or(0, |file| file.len()) == 0 {
            // SQLite would take an empty file for a new database, and its log for somebody else's.
            return Err(lost_from(&shown, &written.in_words()));
        }
        restrict(path).map_err(not_writable)?;
        let mut connection = connect(path, &written)?;
        migrate(&mut connection, &shown)?;
        Ok(Self {
            connection: Mutex::new(connection),
            mark: Mark::open(path).map_err(not_writable)?,
            path: shown,
        })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic while the lock was held leaves SQLite's own state whole: an open transaction is rolled back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the mark name an entry of this run?
    fn marks(&self, run_id: &RunId) -> bool {
        mark::read(Path::new(&self.path)).is_of(&run_id.0)
    }

    fn wrap(&self, error: &rusqlite::Error) -> StoreError {
        store_error(&self.path, error)
    }

    /// Runs something in one immediate transaction: it sees the newest state, and nobody writes in between.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Problem>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection();
        let attempt = || -> Result<T, Problem> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        attempt().map_err(|problem| self.problem(problem))
    }

    /// Reads in one transaction: all statements see the same state.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Problem>,
    ) -> Result<T, StoreError> {
        let connection = self.connection();
        let attempt = || -> Result<T, Problem> {
            let transaction = connection.unchecked_transaction()?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        attempt().map_err(|problem| self.problem(problem))
    }

    fn problem(&self, problem: Problem) -> StoreError {
        match problem {
            Problem::Sqlite(error) => self.wrap(&error),
            Problem::Store(error) => error,
            Problem::Json(error) => StoreError::Json(error),
            Problem::Damaged(problem) => StoreError::Corrupt {
                path: self.path.clone(),
                problem,
            },
        }
    }
}

/// Connects, and looks whether everything is there that the mark names, before anything is written.
fn connect(path: &Path, written: &Written) -> Result<Connection, StoreError> {
    let shown = path.display().to_string();
    let wrap = |error: rusqlite::Error| store_error(&shown, &error);
    let connection = Connection::open(path).map_err(wrap)?;
    // Closing would write the sound part of a damaged log into the database, and remove the log.
    let keep_log = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(keep_log, true).map_err(wrap)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(wrap)?;
    if !written.is_empty() {
        let missing = if version(&connection, &shown)? == 0 {
            Some(written.in_words())
        } else {
            written.missing(&connection).map_err(wrap)?
        };
        if let Some(missing) = missing {
            return Err(lost_from(&shown, &missing));
        }
    }
    // Half a MiB of pages: entries are appended one after the other, and a plan is written once.
    connection
        .execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-512;",
        )
        .map_err(wrap)?;
    connection.set_db_config(keep_log, false).map_err(wrap)?;
    Ok(connection)
}

/// Something was written and is gone.
fn lost_from(path: &str, missing: &str) -> StoreError {
    StoreError::Corrupt {
        path: path.to_owned(),
        problem: format!(
            "{missing} was written and is not in it; it was damaged, cut or replaced by an older copy"
        ),
    }
}

/// What can go wrong inside a transaction.
pub(super) enum Problem {
    Sqlite(rusqlite::Error),
    Store(StoreError),
    Json(serde_json::Error),
    /// A chain or a seal does not hold.
    Damaged(String),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl PlanStore for SqliteStore {
    fn save_plan(&self, plan_id: &PlanId, bytes: &[u8], now: Timestamp) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO plans (plan_id, saved_at, bytes, digest) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
                params![
                    plan_id.to_string(),
                    now.to_string(),
                    bytes,
                    Digest::of(bytes).as_str()
                ],
            )?;
            Ok(())
        })
    }

    fn load_plan(&self, prefix: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(full) = plan_prefix(prefix) else {
            return Ok(None);
        };
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT bytes, digest FROM plans WHERE plan_id GLOB ?1 || '*' LIMIT 2")?;
            let mut found: Vec<(Vec<u8>, String)> = statement
                .query_map([full], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            if found.len() > 1 {
                return Err(StoreError::Ambiguous {
                    what: "plan",
                    prefix: prefix.to_owned(),
                }
                .into());
            }
            let Some((bytes, digest)) = found.pop() else {
                return Ok(None);
            };
            // The plan's own id leaves out when it was made and how it was judged.
            if Digest::of(&bytes).as_str() != digest {
                return Err(Problem::Damaged(format!("the plan {prefix} was changed")));
            }
            Ok(Some(bytes))
        })
    }
}

impl JournalStore for SqliteStore {
    fn create_run(&self, new: &NewRun<'_>) -> Result<Lease, StoreError> {
        let holder = serde_json::to_string(new.holder)?;
        self.write(|transaction| {
            refuse_second_run(transaction, &new.target, new.now)?;
            pay(transaction, &new.run_id, &new.approvals)?;
            if let Some(over) = &new.takes_over {
                take_over(transaction, over, new.now)?;
            }
            transaction.execute(
                "INSERT INTO runs (run_id, plan_id, target, created_at, holder, lease_until_ms, epoch)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)",
                params![
                    new.run_id.0,
                    new.plan_id.to_string(),
                    new.target,
                    new.now.to_string(),
                    holder,
                    lease_end(new.now, new.ttl).as_millisecond()
                ],
            )?;
            seal::new_run(transaction, &new.run_id.0)?;
            seal::put(transaction, Over::Runs, seal::all_runs(transaction)?, "")?;
            Ok(Lease {
                run_id: new.run_id.clone(),
                epoch: 1,
            })
        })
    }

    fn acquire(
        &self,
        run_id: &RunId,
        holder: &Holder,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Lease, StoreError> {
        let holder_json = serde_json::to_string(holder)?;
        self.write(|transaction| {
            let row = rows(transaction, "WHERE run_id = ?1", &[&run_id.0])?
                .pop()
                .ok_or_else(|| StoreError::NoSuchRun(run_id.to_string()))?;
            // Covers the run itself.
            refuse_second_run(transaction, &row.target, now)?;
            let epoch = row.epoch + 1;
            transaction.execute(
                "UPDATE runs SET epoch = ?2, holder = ?3, lease_until_ms = ?4, stop_urgency = NULL,
                 stop_reason = NULL WHERE run_id = ?1",
                params![
                    run_id.0,
                    as_i64(epoch),
                    holder_json,
                    lease_end(now, ttl).as_millisecond()
                ],
            )?;
            Ok(Lease {
                run_id: run_id.clone(),
                epoch,
            })
        })
    }

    fn spend(&self, lease: &Lease, approvals: &[(ApprovalId, u32)]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let held: i64 = transaction.query_row(
                "SELECT count(*) FROM runs WHERE run_id = ?1 AND epoch = ?2 AND holder IS NOT NULL",
                params![lease.run_id.0, as_i64(lease.epoch)],
                |row| row.get(0),
            )?;
            if held == 0 {
                return Err(lost(lease).into());
            }
            pay(transaction, &lease.run_id, approvals)
        })
    }

    fn renew(&self, lease: &Lease, ttl: Duration, now: Timestamp) -> Result<Option<StopRequest>, StoreError> {
        self.write(|transaction| {
            extend(transaction, lease, ttl, now)?;
            let (urgency, reason): (Option<i64>, Option<String>) = transaction.query_row(
                "SELECT stop_urgency, stop_reason FROM runs WHERE run_id = ?1",
                [&lease.run_id.0],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            Ok(urgency.map(|level| StopRequest {
                urgency: if level > 1 {
                    Urgency::Now
                } else {
                    Urgency::AfterCurrent
                },
                reason: reason.unwrap_or_default(),
            }))
        })
    }

    fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.write(|transaction| {
            let changed = transaction.execute(
                "UPDATE runs SET holder = NULL WHERE run_id = ?1 AND epoch = ?2 AND holder IS NOT NULL",
                params![lease.run_id.0, as_i64(lease.epoch)],
            )?;
            if changed == 1 {
                Ok(())
            } else {
                Err(lost(lease).into())
            }
        })
    }

    fn append(
        &self,
        lease: &Lease,
        ttl: Duration,
        now: Timestamp,
        facts: Vec<Fact>,
    ) -> Result<Vec<Entry>, StoreError> {
        let added = self.write(|transaction| {
            extend(transaction, lease, ttl, now)?;
            let row = RunSeal::of(transaction, &lease.run_id.0)?.ok_or_else(|| lost(lease))?;
            let mut last = last_entry(transaction, &lease.run_id)?;
            check_head(&row, last.as_ref())?;
            let finished = facts
                .iter()
                .any(|fact| matches!(fact, Fact::Finished { .. } | Fact::Superseded { .. }));
            let mut added = Vec::with_capacity(facts.len());
            let mut statement =
                transaction.prepare_cached("INSERT INTO entries (run_id, seq, body) VALUES (?1, ?2, ?3)")?;
            for fact in facts {
                let entry = Entry::chain(&lease.run_id, last.as_ref(), now, lease.epoch, fact)?;
                let body = serde_json::to_string(&entry)?;
                statement.execute(params![lease.run_id.0, as_i64(entry.seq), body])?;
                last = Some(entry.clone());
                added.push(entry);
            }
            if let Some(newest) = added.last() {
                row.advance(transaction, head_of(newest), finished)?;
            }
            Ok(added)
        })?;
        if let Some(newest) = added.last() {
            self.mark.entry(newest);
        }
        Ok(added)
    }

    fn load(&self, run_id: &RunId) -> Result<Vec<Entry>, StoreError> {
        let entries: Vec<Entry> = self.read(|connection| {
            let row = RunSeal::of(connection, &run_id.0)?;
            let row = row.ok_or_else(|| StoreError::NoSuchRun(run_id.to_string()))?;
            let mut statement =
                connection.prepare_cached("SELECT body FROM entries WHERE run_id = ?1 ORDER BY seq")?;
            let bodies = statement.query_map([&run_id.0], |row| row.get::<_, String>(0))?;
            let entries = bodies
                .map(|body| Ok(serde_json::from_str(&body?)?))
                .collect::<Result<Vec<Entry>, Problem>>()?;
            verify_chain(&entries).map_err(StoreError::from)?;
            check_head(&row, entries.last())?;
            Ok(entries)
        })?;
        Ok(entries)
    }

    fn runs(&self) -> Result<Vec<RunRow>, StoreError> {
        let mut rows = self.read(|connection| {
            let rows = rows(connection, "", &[])?;
            seal::check(connection, Over::Runs, rows.len(), "")?;
            Ok(rows)
        })?;
        // Moments are written with varying precision, so they do not sort as text.
        rows.sort_by(|a, b| (b.created_at, &b.run_id).cmp(&(a.created_at, &a.run_id)));
        Ok(rows)
    }

    fn request_stop(&self, run_id: &RunId, request: &StopRequest) -> Result<(), StoreError> {
        self.write(|transaction| {
            let changed = transaction.execute(
                "UPDATE runs SET
                   stop_reason = CASE WHEN coalesce(stop_urgency, 0) < ?2 THEN ?3 ELSE stop_reason END,
                   stop_urgency = max(coalesce(stop_urgency, 0), ?2)
                 WHERE run_id = ?1",
                params![run_id.0, request.urgency as u8, request.reason],
            )?;
            if changed == 1 {
                Ok(())
            } else {
                Err(StoreError::NoSuchRun(run_id.to_string()).into())
            }
        })
    }

    fn look_through(&self) -> Result<(), StoreError> {
        self.read(|connection| {
            let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
            if found != "ok" {
                return Err(Problem::Damaged(found));
            }
            check_approvals(connection)
        })
    }

    fn prune(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.write(|transaction| {
            // Timestamps are written in UTC with varying precision, so they are compared as moments, not as text.
            let old = rows(transaction, "WHERE finished = 1 AND holder IS NULL", &[])?;
            let old: Vec<RunRow> = old.into_iter().filter(|row| row.created_at < before).collect();
            // First: a mark that names a run which is gone would stop everybody.
            if old.iter().any(|row| self.marks(&row.run_id)) {
                self.mark.forget_entry();
            }
            for row in &old {
                for table in ["entries", "runs"] {
                    transaction
                        .execute(&format!("DELETE FROM {table} WHERE run_id = ?1"), [&row.run_id.0])?;
                }
                transaction.execute(
                    "DELETE FROM plans WHERE plan_id = ?1 AND plan_id NOT IN (SELECT plan_id FROM runs)",
                    [row.plan_id.to_string()],
                )?;
            }
            seal::put(transaction, Over::Runs, seal::all_runs(transaction)?, "")?;
            Ok(old.len())
        })
    }
}
