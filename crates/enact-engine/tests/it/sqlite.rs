//! What only a file can get wrong: its schema, its content edited behind our back, its mode, its directory.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use enact_core::canonical::Digest;
use enact_core::journal::{Fact, RunId, RunOutcome};
use enact_core::plan::PlanId;
use enact_engine::holder::Holder;
use enact_engine::store::sqlite::SqliteStore;
use enact_engine::store::{ApprovalStore as _, JournalStore as _, NewRun, PlanStore as _, StoreError};
use enact_testkit::fixtures::{approval, start};
use enact_testkit::scenario::Scenario;
use rusqlite::Connection;

const TTL: Duration = Duration::from_secs(30);

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path)
}

#[track_caller]
fn refused(path: &Path) -> StoreError {
    match open(path) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

/// A database with one run of three entries and two approvals.
fn filled(path: &Path) -> RunId {
    let store = open(path).unwrap();
    let run_id = RunId("run".to_owned());
    let lease = store
        .create_run(&NewRun {
            takes_over: None,
            run_id: run_id.clone(),
            plan_id: PlanId(Digest::of(b"plan")),
            target: "target".to_owned(),
            approvals: Vec::new(),
            holder: &Holder::this_process(),
            ttl: TTL,
            now: start(),
        })
        .unwrap();
    let reason = |text: &str| Fact::Stopped {
        reason: text.to_owned(),
    };
    let facts = vec![
        reason("one"),
        reason("two"),
        Fact::Finished {
            outcome: RunOutcome::Failed,
        },
    ];
    store.append(&lease, TTL, start(), facts).unwrap();
    let plan = Scenario::new(Vec::new()).plan();
    let mut second = approval(&plan);
    second.approval_id = enact_core::approval::ApprovalId("second".to_owned());
    store.add_approval(&approval(&plan)).unwrap();
    store.add_approval(&second).unwrap();
    run_id
}

fn edited(sql: &str) -> (SqliteStore, RunId, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let run_id = filled(&path);
    let changed = Connection::open(&path).unwrap().execute(sql, []).unwrap();
    assert!(changed > 0, "the edit touched nothing: {sql}");
    (open(&path).unwrap(), run_id, folder)
}

#[test]
fn an_entry_edited_behind_our_back_is_noticed() {
    let edits = [
        "UPDATE entries SET body = replace(body, 'two', 'too') WHERE seq = 2",
        "UPDATE entries SET body = replace(body, 'failed', 'verified') WHERE seq = 3",
        "UPDATE entries SET body = replace(body, '\"epoch\":1', '\"epoch\":2') WHERE seq = 1",
        "DELETE FROM entries WHERE seq = 2",
        "DELETE FROM entries WHERE seq = 1",
        // Two entries swapped.
        "UPDATE entries SET body = (SELECT other.body FROM entries AS other WHERE other.seq = 5 - entries.seq)
         WHERE seq IN (2, 3)",
    ];
    for sql in edits {
        let (store, run_id, _folder) = edited(sql);
        let error = store.load(&run_id).unwrap_err();
        assert!(matches!(error, StoreError::Journal(_)), "{sql}: {error:?}");
    }
}

#[test]
fn an_entry_that_is_no_entry_is_refused() {
    let (store, run_id, _folder) = edited("UPDATE entries SET body = '{' WHERE seq = 2");
    let error = store.load(&run_id).unwrap_err();
    assert!(matches!(error, StoreError::Json(_)), "{error:?}");
}

#[test]
fn an_approval_edited_removed_or_moved_behind_our_back_is_noticed() {
    let edits = [
        "UPDATE approvals SET body = replace(body, 'os:ben', 'os:eve') WHERE seq = 1",
        "DELETE FROM approvals WHERE seq = 1",
        "UPDATE approvals SET plan_id = 'sha256:other' WHERE seq = 2",
    ];
    for sql in edits {
        let (store, _, _folder) = edited(sql);
        let plan = Scenario::new(Vec::new()).plan();
        let error = store.approvals_of(plan.id()).expect_err(sql);
        assert!(matches!(error, StoreError::Corrupt { .. }), "{sql}: {error:?}");
    }
}

#[test]
fn an_empty_file_becomes_a_database_and_opening_again_keeps_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    std::fs::write(&path, b"").unwrap();
    let run_id = filled(&path);
    assert_eq!(open(&path).unwrap().load(&run_id).unwrap().len(), 3);
    let version: i64 = Connection::open(&path)
        .unwrap()
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 2);
}

#[test]
fn a_newer_schema_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    filled(&path);
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let error = refused(&path);
    assert!(
        matches!(
            error,
            StoreError::Newer {
                found: 99,
                known: 2,
                ..
            }
        ),
        "{error:?}"
    );
    let message = error.to_string().replace(path.to_str().unwrap(), "PATH");
    assert_eq!(
        message,
        "the state at PATH has schema version 99; this version of enact knows 2"
    );
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let content = "somebody's notes, longer than a header of SQLite is\n".repeat(40);
    std::fs::write(&path, &content).unwrap();
    let error = refused(&path);
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("is not readable"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
}

#[test]
fn a_database_cut_in_the_middle_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    filled(&path);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let cut = std::fs::read(&path).unwrap();
    let error = match open(&path) {
        Err(error) => error,
        Ok(store) => store.load(&RunId("run".to_owned())).unwrap_err(),
    };
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), cut);
}

#[test]
fn the_files_are_for_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = open(&path).unwrap();
    store
        .save_plan(&PlanId(Digest::of(b"plan")), b"plan", start())
        .unwrap();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        let name = entry.file_name().into_string().unwrap();
        assert_eq!(mode, 0o600, "{name} has mode {mode:o}");
        names.push(name);
    }
    assert!(names.len() >= 2, "the log lies beside the database: {names:?}");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing/state.db");
    let file = folder.path().join("file");
    std::fs::write(&file, b"x").unwrap();
    let locked = folder.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o500)).unwrap();
    let mut places = vec![missing, file.join("state.db")];
    // Whoever may write everywhere is not kept out by a mode.
    if std::fs::write(locked.join("probe"), b"").is_err() {
        places.push(locked.join("state.db"));
    }
    for place in places {
        let error = refused(&place);
        assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
        assert!(error.to_string().contains(place.to_str().unwrap()), "{error}");
    }
}
