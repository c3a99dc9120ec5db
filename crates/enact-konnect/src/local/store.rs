//! The database of the local Konnect: opening, schema version, transactions, the effects table.
//!
//! Each resource brings its own tables; this file knows only the two that belong to none. One connection
//! behind a mutex; two processes may open the same file.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::LocalError;
use super::operation::Resource;

/// Raised when tables change in a way that an older binary cannot work with.
const SCHEMA_VERSION: i64 = 1;

/// Committed writes that are kept.
pub(super) const MAX_EFFECTS: i64 = 10_000;

const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

const SWITCH_PAUSE: Duration = Duration::from_millis(5);

/// Distinct statements: a few per operation and one per combination of filter and sort in use.
const CACHED_STATEMENTS: usize = 128;

const OWN_TABLES: &str = "
    CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS effects (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        method TEXT NOT NULL,
        path TEXT NOT NULL,
        status INTEGER NOT NULL,
        applied INTEGER NOT NULL,
        object_id TEXT,
        at INTEGER NOT NULL
    ) STRICT;
";

/// One committed write, as `GET /_enact/requests` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// Counts up from 1 over the life of the database, without reuse.
    pub seq: i64,
    /// `POST`, `PATCH` or `DELETE`.
    pub method: String,
    /// The path as requested, without the query.
    pub path: String,
    /// The status the operation came to; an injected fault may have answered the client otherwise.
    pub status: u16,
    /// Whether anything changed: a `PATCH` that sets what is already there is committed but not applied.
    pub applied: bool,
    /// The object created, changed or deleted.
    pub object_id: Option<String>,
    /// When it was committed, RFC 3339 with milliseconds.
    pub at: String,
}

/// A write to be recorded in the transaction that makes it.
pub(super) struct NewEffect<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) status: u16,
    pub(super) object_id: Option<&'a str>,
    pub(super) applied: bool,
    pub(super) at_ms: i64,
}

/// Makes a new file readable by its owner only, before SQLite puts anything into it. That it is there already is fine.
fn private(path: &Path) -> Result<(), rusqlite::Error> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

#[derive(Debug)]
pub(super) struct Store {
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens or creates the database; `None` keeps it in memory.
    pub(super) fn open(path: Option<&Path>, resources: &[&Resource]) -> Result<Self, LocalError> {
        let shown = || path.unwrap_or(Path::new(":memory:")).to_owned();
        let opened = match path {
            Some(path) => private(path).and_then(|()| Connection::open(path)),
            None => Connection::open_in_memory(),
        };
        let mut connection = opened.map_err(|source| LocalError::Open {
            path: shown(),
            source,
        })?;
        let found = prepare(&mut connection, resources).map_err(|source| LocalError::Open {
            path: shown(),
            source,
        })?;
        if found > SCHEMA_VERSION {
            return Err(LocalError::NewerSchema {
                path: shown(),
                found,
                supported: SCHEMA_VERSION,
            });
        }
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    // A panic while the lock was held has rolled its transaction back, so the connection is still good.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in a read transaction.
    pub(super) fn read<T, E: From<rusqlite::Error>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transact(TransactionBehavior::Deferred, work)
    }

    /// Runs `work` in a write transaction; an error rolls it back.
    pub(super) fn write<T, E: From<rusqlite::Error>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transact(TransactionBehavior::Immediate, work)
    }

    fn transact<T, E: From<rusqlite::Error>>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(behavior)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }

    /// The last committed writes, oldest first.
    pub(super) fn effects(&self) -> rusqlite::Result<Vec<Effect>> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT seq, method, path, status, applied, object_id, at FROM effects ORDER BY seq",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(Effect {
                    seq: row.get(0)?,
                    method: row.get(1)?,
                    path: row.get(2)?,
                    status: row.get(3)?,
                    applied: row.get(4)?,
                    object_id: row.get(5)?,
                    at: rfc3339(row.get(6)?),
                })
            })?;
            rows.collect()
        })
    }

    pub(super) fn clear_effects(&self) -> rusqlite::Result<()> {
        self.write(|transaction| transaction.execute("DELETE FROM effects", []).map(drop))
    }
}

/// Records a write beside what it wrote.
pub(super) fn record(connection: &Connection, effect: &NewEffect<'_>) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO effects (method, path, status, applied, object_id, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            effect.method,
            effect.path,
            effect.status,
            effect.applied,
            effect.object_id,
            effect.at_ms
        ])?;
    connection
        .prepare_cached("DELETE FROM effects WHERE seq <= ?1")?
        .execute([connection.last_insert_rowid() - MAX_EFFECTS])?;
    Ok(())
}

/// Reads a value that belongs to the database as a whole.
pub(super) fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Sets a value of the database as a whole unless it is set; of two processes the first one wins.
pub(super) fn init_meta(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT OR IGNORE INTO meta (key, value) VALUES (?1, ?2)",
            [key, value],
        )
        .map(drop)
}

/// Milliseconds since 1970 as RFC 3339 with three decimals, `2026-01-23T17:22:52.150Z`.
pub(super) fn rfc3339(milliseconds: i64) -> String {
    let timestamp = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    format!("{timestamp:.3}")
}

/// Sets the connection up and returns the schema version found; a newer one is left untouched.
fn prepare(connection: &mut Connection, resources: &[&Resource]) -> rusqlite::Result<i64> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > SCHEMA_VERSION {
        return Ok(found);
    }
    use_write_ahead_log(connection)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(OWN_TABLES)?;
    for resource in resources {
        transaction.execute_batch(resource.tables)?;
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    Ok(found)
}

/// SQLite does not wait its busy timeout when several connections switch a new file at once, so this waits.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let mut waited = Duration::ZERO;
    loop {
        // Answers with the mode in force: `memory` for a database in memory, which is as good.
        let switched = connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()));
        let busy = switched
            .as_ref()
            .is_err_and(|error| error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy));
        if !busy || waited >= BUSY_TIMEOUT {
            return switched;
        }
        std::thread::sleep(SWITCH_PAUSE);
        waited += SWITCH_PAUSE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("konnect.db");
        drop(Store::open(Some(&path), &[]).unwrap());
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let error = Store::open(Some(&path), &[]).unwrap_err();
        assert!(
            matches!(
                error,
                LocalError::NewerSchema {
                    found: 99,
                    supported: SCHEMA_VERSION,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn only_the_last_effects_are_kept() {
        let store = Store::open(None, &[]).unwrap();
        let effect = NewEffect {
            method: "POST",
            path: "/x",
            status: 201,
            object_id: None,
            applied: true,
            at_ms: 0,
        };
        store
            .write(|transaction| (0..MAX_EFFECTS + 5).try_for_each(|_| record(transaction, &effect)))
            .unwrap();
        let effects = store.effects().unwrap();
        assert_eq!(effects.len(), 10_000);
        assert_eq!(effects[0].seq, 6);
        assert_eq!(effects[0].at, "1970-01-01T00:00:00.000Z");
        store.clear_effects().unwrap();
        assert!(store.effects().unwrap().is_empty());
    }
}
