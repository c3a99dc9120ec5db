//! The SQLite store: one file, WAL, `synchronous=FULL`, so that a commit is on disk when it returns.
//!
//! A lease is checked inside the same transaction that appends: a process that slept through its lease cannot write.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use enact_core::approval::{Approval, ApprovalId};
use enact_core::canonical::Digest;
use enact_core::journal::{Entry, Fact, RunId, verify_chain};
use enact_core::plan::PlanId;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::schema::{migrate, restrict, store_error};
use super::{
    ApprovalStore, JournalStore, Lease, NewRun, PlanStore, RunRow, StopRequest, StoreError, TakeOver,
    is_known, last_words, lease_end, plan_prefix,
};
use crate::holder::Holder;
use crate::stop::Urgency;

/// A file that holds all state of an installation. Two processes on one file are safe.
pub struct SqliteStore {
    connection: Mutex<Connection>,
    path: String,
}

impl SqliteStore {
    /// Opens the database, making or migrating it as needed. The file is readable by its owner only.
    ///
    /// # Errors
    /// [`StoreError::NotWritable`], [`StoreError::Corrupt`], [`StoreError::Newer`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let shown = path.display().to_string();
        restrict(path).map_err(|error| StoreError::NotWritable {
            path: shown.clone(),
            problem: error.to_string(),
        })?;
        let wrap = |error: rusqlite::Error| store_error(&shown, &error);
        let mut connection = Connection::open(path).map_err(wrap)?;
        connection.busy_timeout(Duration::from_secs(10)).map_err(wrap)?;
        connection
            .execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
            .map_err(wrap)?;
        migrate(&mut connection, &shown)?;
        Ok(Self {
            connection: Mutex::new(connection),
            path: shown,
        })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic while the lock was held leaves SQLite's own state whole: an open transaction is rolled back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wrap(&self, error: &rusqlite::Error) -> StoreError {
        store_error(&self.path, error)
    }

    /// Runs something in one immediate transaction: it sees the newest state, and nobody writes in between.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Problem>) -> Result<T, StoreError> {
        let mut connection = self.connection();
        let attempt = || -> Result<T, Problem> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        attempt().map_err(|problem| self.problem(problem))
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Problem>) -> Result<T, StoreError> {
        work(&self.connection()).map_err(|problem| self.problem(problem))
    }

    fn problem(&self, problem: Problem) -> StoreError {
        match problem {
            Problem::Sqlite(error) => self.wrap(&error),
            Problem::Store(error) => error,
            Problem::Json(error) => StoreError::Json(error),
        }
    }
}

/// What can go wrong inside a transaction.
enum Problem {
    Sqlite(rusqlite::Error),
    Store(StoreError),
    Json(serde_json::Error),
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
                "INSERT INTO plans (plan_id, saved_at, bytes) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                params![plan_id.to_string(), now.to_string(), bytes],
            )?;
            Ok(())
        })
    }

    fn load_plan(&self, prefix: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(full) = plan_prefix(prefix) else {
            return Ok(None);
        };
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT bytes FROM plans WHERE plan_id GLOB ?1 || '*' LIMIT 2")?;
            let mut found: Vec<Vec<u8>> = statement
                .query_map([full], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            if found.len() > 1 {
                return Err(StoreError::Ambiguous {
                    what: "plan",
                    prefix: prefix.to_owned(),
                }
                .into());
            }
            Ok(found.pop())
        })
    }
}

impl ApprovalStore for SqliteStore {
    fn add_approval(&self, approval: &Approval) -> Result<(), StoreError> {
        let body = serde_json::to_string(approval)?;
        self.write(|transaction| {
            let (known, prev) = self.chain(transaction)?;
            if is_known(&known, approval)? {
                return Ok(());
            }
            transaction.execute(
                "INSERT INTO approvals (plan_id, prev, digest, body) VALUES (?1, ?2, ?3, ?4)",
                params![
                    approval.plan_id.to_string(),
                    prev,
                    chained(&prev, &body).as_str(),
                    body
                ],
            )?;
            Ok(())
        })
    }

    fn approvals(&self) -> Result<Vec<Approval>, StoreError> {
        Ok(self.read(|connection| self.chain(connection))?.0)
    }

    fn runs_spent(&self, approval_id: &ApprovalId, except: Option<&RunId>) -> Result<u32, StoreError> {
        self.read(|connection| Ok(spent(connection, approval_id, except)?))
    }
}

impl SqliteStore {
    /// All approvals and the digest of the last one, once the chain was found to hold.
    fn chain(&self, connection: &Connection) -> Result<(Vec<Approval>, String), Problem> {
        let mut statement =
            connection.prepare_cached("SELECT plan_id, prev, digest, body FROM approvals ORDER BY seq")?;
        let mut rows = statement.query([])?;
        let (mut found, mut last) = (Vec::new(), String::new());
        while let Some(row) = rows.next()? {
            let (of_plan, prev, digest): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let body: String = row.get(3)?;
            let broken = |problem: &str| StoreError::Corrupt {
                path: self.path.clone(),
                problem: format!(
                    "the chain of approvals does not hold: record {} {problem}",
                    found.len() + 1
                ),
            };
            if prev != last {
                return Err(broken("does not follow the one before it").into());
            }
            if chained(&prev, &body).as_str() != digest {
                return Err(broken("was changed").into());
            }
            let record: Approval = serde_json::from_str(&body)?;
            if of_plan != record.plan_id.to_string() {
                return Err(broken("is filed under another plan").into());
            }
            last = digest;
            found.push(record);
        }
        Ok((found, last))
    }
}

/// The digest of an approval's body and of the record before it.
fn chained(prev: &str, body: &str) -> Digest {
    Digest::of(format!("{prev}\n{body}").as_bytes())
}

/// Ends the run that a new one takes over, in the same transaction.
fn take_over(transaction: &Transaction<'_>, over: &TakeOver, now: Timestamp) -> Result<(), Problem> {
    let row = rows(transaction, "WHERE run_id = ?1", &[&over.run_id.0])?
        .pop()
        .ok_or_else(|| StoreError::NoSuchRun(over.run_id.to_string()))?;
    let last = last_entry(transaction, &over.run_id)?;
    let entry = last_words(&row, last.as_ref(), over, now)?;
    transaction.execute(
        "INSERT INTO entries (run_id, seq, body) VALUES (?1, ?2, ?3)",
        params![over.run_id.0, as_i64(entry.seq), serde_json::to_string(&entry)?],
    )?;
    transaction.execute(
        "UPDATE runs SET finished = 1, holder = NULL, epoch = ?2 WHERE run_id = ?1",
        params![over.run_id.0, as_i64(entry.epoch)],
    )?;
    Ok(())
}

fn spent(
    connection: &Connection,
    approval_id: &ApprovalId,
    except: Option<&RunId>,
) -> Result<u32, rusqlite::Error> {
    connection.query_row(
        "SELECT count(*) FROM run_approvals WHERE approval_id = ?1 AND run_id <> ?2",
        params![approval_id.0, except.map_or("", |run| run.0.as_str())],
        |row| row.get(0),
    )
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
        self.write(|transaction| {
            extend(transaction, lease, ttl, now)?;
            let mut last = last_entry(transaction, &lease.run_id)?;
            let mut added = Vec::with_capacity(facts.len());
            let mut statement =
                transaction.prepare_cached("INSERT INTO entries (run_id, seq, body) VALUES (?1, ?2, ?3)")?;
            for fact in facts {
                let finished = matches!(fact, Fact::Finished { .. } | Fact::Superseded { .. });
                let entry = Entry::chain(&lease.run_id, last.as_ref(), now, lease.epoch, fact)?;
                statement.execute(params![
                    lease.run_id.0,
                    as_i64(entry.seq),
                    serde_json::to_string(&entry)?
                ])?;
                if finished {
                    transaction.execute(
                        "UPDATE runs SET finished = 1 WHERE run_id = ?1",
                        [&lease.run_id.0],
                    )?;
                }
                last = Some(entry.clone());
                added.push(entry);
            }
            Ok(added)
        })
    }

    fn load(&self, run_id: &RunId) -> Result<Vec<Entry>, StoreError> {
        let entries: Vec<Entry> = self.read(|connection| {
            let known: Option<i64> = connection
                .query_row("SELECT 1 FROM runs WHERE run_id = ?1", [&run_id.0], |row| {
                    row.get(0)
                })
                .optional()?;
            if known.is_none() {
                return Err(StoreError::NoSuchRun(run_id.to_string()).into());
            }
            let mut statement =
                connection.prepare_cached("SELECT body FROM entries WHERE run_id = ?1 ORDER BY seq")?;
            let bodies = statement.query_map([&run_id.0], |row| row.get::<_, String>(0))?;
            bodies.map(|body| Ok(serde_json::from_str(&body?)?)).collect()
        })?;
        verify_chain(&entries)?;
        Ok(entries)
    }

    fn runs(&self) -> Result<Vec<RunRow>, StoreError> {
        let mut rows = self.read(|connection| rows(connection, "", &[]))?;
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

    fn prune(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.write(|transaction| {
            // Timestamps are written in UTC with varying precision, so they are compared as moments, not as text.
            let old = rows(transaction, "WHERE finished = 1 AND holder IS NULL", &[])?;
            let old: Vec<RunRow> = old.into_iter().filter(|row| row.created_at < before).collect();
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
            Ok(old.len())
        })
    }
}

/// Spends approvals on a run.
fn pay(
    transaction: &Transaction<'_>,
    run_id: &RunId,
    approvals: &[(ApprovalId, u32)],
) -> Result<(), Problem> {
    for (approval_id, max_runs) in approvals {
        // Without this run: the same approval may be given twice.
        if spent(transaction, approval_id, Some(run_id))? >= *max_runs {
            return Err(StoreError::ApprovalSpent(approval_id.clone()).into());
        }
        transaction.execute(
            "INSERT INTO run_approvals (run_id, approval_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![run_id.0, approval_id.0],
        )?;
    }
    Ok(())
}

fn refuse_second_run(transaction: &Transaction<'_>, target: &str, now: Timestamp) -> Result<(), Problem> {
    let others = rows(
        transaction,
        "WHERE target = ?1 AND holder IS NOT NULL",
        &[&target],
    )?;
    match others.into_iter().find(|row| row.is_held(now)) {
        Some(row) => Err(held(row).into()),
        None => Ok(()),
    }
}

fn held(row: RunRow) -> StoreError {
    match row.holder {
        Some(holder) => StoreError::Held {
            run_id: row.run_id,
            holder: Box::new(holder),
            until: row.lease_until,
        },
        None => StoreError::NoSuchRun(row.run_id.to_string()),
    }
}

fn lost(lease: &Lease) -> StoreError {
    StoreError::LeaseLost {
        run_id: lease.run_id.clone(),
    }
}

/// Moves the lease's end, if the lease still is the newest one.
fn extend(
    transaction: &Transaction<'_>,
    lease: &Lease,
    ttl: Duration,
    now: Timestamp,
) -> Result<(), Problem> {
    let changed = transaction.execute(
        "UPDATE runs SET lease_until_ms = ?3 WHERE run_id = ?1 AND epoch = ?2 AND holder IS NOT NULL",
        params![
            lease.run_id.0,
            as_i64(lease.epoch),
            lease_end(now, ttl).as_millisecond()
        ],
    )?;
    if changed == 1 {
        Ok(())
    } else {
        Err(lost(lease).into())
    }
}

fn last_entry(transaction: &Transaction<'_>, run_id: &RunId) -> Result<Option<Entry>, Problem> {
    let body: Option<String> = transaction
        .prepare_cached("SELECT body FROM entries WHERE run_id = ?1 ORDER BY seq DESC LIMIT 1")?
        .query_row([&run_id.0], |row| row.get(0))
        .optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

fn rows(
    connection: &Connection,
    condition: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<Vec<RunRow>, Problem> {
    let sql = format!(
        "SELECT run_id, plan_id, target, created_at, holder, lease_until_ms, epoch FROM runs {condition}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let raw = statement.query_map(values, |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, String>(3)?,
            row.get::<_, Option<String>>(4)?,
            row.get::<_, i64>(5)?,
            row.get::<_, i64>(6)?,
        ))
    })?;
    raw.map(|row| {
        let (run_id, plan_id, target, created_at, holder, until, epoch) = row?;
        Ok(RunRow {
            run_id: RunId(run_id),
            plan_id: PlanId(Digest::from_text(plan_id)),
            target,
            created_at: created_at.parse().unwrap_or(Timestamp::UNIX_EPOCH),
            holder: holder.map(|text| serde_json::from_str(&text)).transpose()?,
            lease_until: Timestamp::from_millisecond(until).unwrap_or(Timestamp::MAX),
            epoch: u64::try_from(epoch).unwrap_or(0),
        })
    })
    .collect()
}

/// SQLite's integers are signed; ours count from 1 and never come near the end.
fn as_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
