//! The SQLite file: its mode, its schema and migrations, and what SQLite's errors mean for the user.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::{StoreError, seal};

/// The schema, one step per version. A step is never edited once released; a new one is added.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE plans (
        plan_id TEXT PRIMARY KEY, saved_at TEXT NOT NULL, bytes BLOB NOT NULL
    );
    CREATE TABLE approvals (
        seq INTEGER PRIMARY KEY, plan_id TEXT NOT NULL, prev TEXT NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL
    );
    CREATE INDEX approvals_by_plan ON approvals (plan_id);
    CREATE TABLE runs (
        run_id TEXT PRIMARY KEY, plan_id TEXT NOT NULL, target TEXT NOT NULL, created_at TEXT NOT NULL,
        holder TEXT, lease_until_ms INTEGER NOT NULL, epoch INTEGER NOT NULL,
        finished INTEGER NOT NULL DEFAULT 0, stop_urgency INTEGER, stop_reason TEXT
    );
    CREATE TABLE run_approvals (
        run_id TEXT NOT NULL, approval_id TEXT NOT NULL, PRIMARY KEY (approval_id, run_id)
    ) WITHOUT ROWID;
    CREATE TABLE entries (
        run_id TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (run_id, seq)
    ) WITHOUT ROWID;
", "
    ALTER TABLE runs ADD COLUMN head TEXT NOT NULL DEFAULT '';
    ALTER TABLE runs ADD COLUMN seal TEXT NOT NULL DEFAULT '';
    UPDATE runs SET head = coalesce((
        SELECT entries.seq || ' ' || json_extract(entries.body, '$.digest') FROM entries
        WHERE entries.run_id = runs.run_id ORDER BY entries.seq DESC LIMIT 1
    ), '');
    ALTER TABLE plans ADD COLUMN digest TEXT NOT NULL DEFAULT '';
    CREATE TABLE seals (name TEXT PRIMARY KEY, count INTEGER NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID;
"];

/// Makes the file, if it is new, with mode 0600 before SQLite puts anything into it.
pub(super) fn restrict(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if path.exists() {
        return Ok(());
    }
    match std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        // Another process was faster; it uses the same mode.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

/// The schema's version; 0 for an empty file.
pub(super) fn version(connection: &Connection, path: &str) -> Result<i64, StoreError> {
    connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|error| store_error(path, &error))
}

/// Brings an older schema, or none, up to date in one transaction. Repeating it changes nothing.
pub(super) fn migrate(connection: &mut Connection, path: &str) -> Result<(), StoreError> {
    let wrap = |error: rusqlite::Error| store_error(path, &error);
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let newer = |found| StoreError::Newer {
        path: path.to_owned(),
        found,
        known,
    };
    let found = version(connection, path)?;
    if found == known {
        return Ok(());
    }
    if found > known {
        return Err(newer(found));
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(wrap)?;
    // Another process may have migrated while this one waited for the lock.
    let found = version(&transaction, path)?;
    if found > known {
        return Err(newer(found));
    }
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(step).map_err(wrap)?;
    }
    seal::all(&transaction).map_err(wrap)?;
    transaction
        .pragma_update(None, "user_version", known)
        .map_err(wrap)?;
    transaction.commit().map_err(wrap)
}

/// Is there no room left where this file lies?
fn is_full(path: &str) -> bool {
    let folder = Path::new(path).parent();
    folder.is_some_and(|folder| rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail == 0))
}

/// What SQLite says, as what it means for the user.
pub(super) fn store_error(path: &str, error: &rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    let problem = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch) => {
            StoreError::Corrupt { path, problem }
        }
        None => StoreError::Corrupt { path, problem },
        // Where SQLite finds no room for its index of the log it only speaks of an I/O error.
        Some(ErrorCode::SystemIoFailure) if is_full(&path) => StoreError::NotWritable {
            problem: format!("the disk is full ({problem})"),
            path,
        },
        Some(_) => StoreError::NotWritable { path, problem },
    }
}
