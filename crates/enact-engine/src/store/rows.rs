//! Rows of runs and entries in the SQLite store: reading them, and who may write to them.

use std::time::Duration;

use enact_core::canonical::Digest;
use enact_core::journal::{Entry, RunId};
use enact_core::plan::PlanId;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::seal::RunSeal;
use super::sqlite::Problem;
use super::{Lease, RunRow, StoreError, TakeOver, last_words, lease_end};

/// At most one run at a time works on a target.
pub(super) fn refuse_second_run(
    transaction: &Transaction<'_>,
    target: &str,
    now: Timestamp,
) -> Result<(), Problem> {
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

/// Somebody else holds the lease.
pub(super) fn lost(lease: &Lease) -> StoreError {
    StoreError::LeaseLost {
        run_id: lease.run_id.clone(),
    }
}

/// Moves the lease's end, if the lease still is the newest one.
pub(super) fn extend(
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

/// The newest entry of a run's journal.
pub(super) fn last_entry(transaction: &Transaction<'_>, run_id: &RunId) -> Result<Option<Entry>, Problem> {
    let body: Option<String> = transaction
        .prepare_cached("SELECT body FROM entries WHERE run_id = ?1 ORDER BY seq DESC LIMIT 1")?
        .query_row([&run_id.0], |row| row.get(0))
        .optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

/// `SEQ DIGEST`, as it stands in a run's row.
pub(super) fn head_of(entry: &Entry) -> String {
    format!("{} {}", entry.seq, entry.digest)
}

/// Does a run's journal end with the entry that its row names?
pub(super) fn check_head(row: &RunSeal, newest: Option<&Entry>) -> Result<(), Problem> {
    let found = newest.map(head_of).unwrap_or_default();
    if row.head == found {
        return Ok(());
    }
    let sealed = row.head.split(' ').next().unwrap_or_default();
    Err(Problem::Damaged(format!(
        "the journal of run {} does not end with its newest entry, number {sealed}",
        row.run_id
    )))
}

/// Ends the run that a new one takes over, in the same transaction.
pub(super) fn take_over(
    transaction: &Transaction<'_>,
    over: &TakeOver,
    now: Timestamp,
) -> Result<(), Problem> {
    let missing = || StoreError::NoSuchRun(over.run_id.to_string());
    let row = rows(transaction, "WHERE run_id = ?1", &[&over.run_id.0])?
        .pop()
        .ok_or_else(missing)?;
    let sealed = RunSeal::of(transaction, &over.run_id.0)?.ok_or_else(missing)?;
    let last = last_entry(transaction, &over.run_id)?;
    check_head(&sealed, last.as_ref())?;
    let entry = last_words(&row, last.as_ref(), over, now)?;
    transaction.execute(
        "INSERT INTO entries (run_id, seq, body) VALUES (?1, ?2, ?3)",
        params![over.run_id.0, as_i64(entry.seq), serde_json::to_string(&entry)?],
    )?;
    transaction.execute(
        "UPDATE runs SET holder = NULL, epoch = ?2 WHERE run_id = ?1",
        params![over.run_id.0, as_i64(entry.epoch)],
    )?;
    Ok(sealed.advance(transaction, head_of(&entry), true)?)
}

/// The rows of runs that meet a condition, each with its seal checked.
pub(super) fn rows(
    connection: &Connection,
    condition: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<Vec<RunRow>, Problem> {
    let sql = format!(
        "SELECT {}, holder, lease_until_ms, epoch FROM runs {condition}",
        RunSeal::COLUMNS
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let raw = statement.query_map(values, |row| {
        Ok((
            RunSeal::at(row)?,
            row.get::<_, Option<String>>("holder")?,
            row.get::<_, i64>("lease_until_ms")?,
            row.get::<_, i64>("epoch")?,
        ))
    })?;
    raw.map(|row| {
        let ((run, seal), holder, until, epoch) = row?;
        let run = run.checked(&seal)?;
        Ok(RunRow {
            run_id: RunId(run.run_id),
            plan_id: PlanId(Digest::from_text(run.plan_id)),
            target: run.target,
            created_at: run.created_at.parse().unwrap_or(Timestamp::UNIX_EPOCH),
            holder: holder.map(|text| serde_json::from_str(&text)).transpose()?,
            lease_until: Timestamp::from_millisecond(until).unwrap_or(Timestamp::MAX),
            epoch: u64::try_from(epoch).unwrap_or(0),
        })
    })
    .collect()
}

/// SQLite's integers are signed; ours count from 1 and never come near the end.
pub(super) fn as_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
