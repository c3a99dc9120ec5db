//! The files of a store damaged at every byte and cut at every length: each reading is refused, or gives exactly the facts that
//! were written. Nothing is taken for a shorter history.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use enact_core::approval::{Approval, ApprovalId};
use enact_core::change::ChangeId;
use enact_core::journal::{Entry, Fact, RunId, RunOutcome};
use enact_core::plan::{Plan, PlanId};
use enact_engine::holder::Holder;
use enact_engine::store::sqlite::SqliteStore;
use enact_engine::store::{ApprovalStore as _, JournalStore as _, NewRun, PlanStore as _, StoreError};
use enact_testkit::fixtures::{approval, start};
use enact_testkit::scenario::Scenario;
use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::store_suite::TTL;

/// Small pages, so that few facts fill many of them and every kind of page is there.
const PAGE: u32 = 512;

/// All that a store is asked for.
#[derive(Debug, Clone, PartialEq)]
struct Facts {
    runs: Vec<(RunId, PlanId, String, Timestamp)>,
    journals: Vec<Vec<Entry>>,
    plan: Vec<u8>,
    approvals: Vec<Approval>,
    spent: u32,
}

fn plan() -> Plan {
    Scenario::new(Vec::new()).plan()
}

fn read(store: &SqliteStore) -> Result<Facts, StoreError> {
    let rows = store.runs()?;
    let journals = rows.iter().map(|row| store.load(&row.run_id));
    let plan = plan();
    // What a damaged plan is worth, its digest says to whoever reads it; and none goes on without its plan.
    let bytes = store.load_plan(&plan.id().to_string())?.unwrap_or_default();
    if !Plan::parse(&bytes).is_ok_and(|found| found.id() == plan.id()) {
        return Err(StoreError::NoSuchRun("the plan is not whole".to_owned()));
    }
    Ok(Facts {
        journals: journals.collect::<Result<_, _>>()?,
        runs: rows
            .into_iter()
            .map(|row| (row.run_id, row.plan_id, row.target, row.created_at))
            .collect(),
        plan: bytes,
        approvals: store.approvals()?,
        spent: store.runs_spent(&approval(&plan).approval_id, None)?,
    })
}

/// A folder in memory where there is one: what is tried here are bytes, not disks.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

fn database(folder: &Path) -> PathBuf {
    folder.join("state.db")
}

fn empty_database(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA page_size={PAGE}; PRAGMA journal_mode=WAL; VACUUM;"
        ))
        .unwrap();
}

/// One run that ended and one that did not, a plan, and two approvals, of which one is spent.
fn fill(folder: &Path) -> SqliteStore {
    let path = database(folder);
    empty_database(&path);
    let store = SqliteStore::open(&path).unwrap();
    let plan = plan();
    store
        .save_plan(plan.id(), &plan.to_bytes().unwrap(), start())
        .unwrap();
    let mut second = approval(&plan);
    second.approval_id = ApprovalId("second".to_owned());
    store.add_approval(&approval(&plan)).unwrap();
    store.add_approval(&second).unwrap();
    one_run(&store, "ended", RunOutcome::Verified);
    one_run(&store, "cut off", None);
    store
}

fn one_run(store: &SqliteStore, name: &str, outcome: impl Into<Option<RunOutcome>>) {
    let plan = plan();
    let lease = store
        .create_run(&NewRun {
            run_id: RunId(name.to_owned()),
            plan_id: plan.id().clone(),
            target: name.to_owned(),
            approvals: vec![(approval(&plan).approval_id, 5)],
            holder: &Holder::this_process(),
            ttl: TTL,
            now: start(),
            takes_over: None,
        })
        .unwrap();
    let change_id = ChangeId::from("step");
    let done = Fact::Done {
        change_id: change_id.clone(),
        outputs: [("id".to_owned(), serde_json::json!("x".repeat(700)))].into(),
        settled: false,
    };
    for fact in [Fact::Intent { change_id }, done] {
        store.append(&lease, TTL, start(), vec![fact]).unwrap();
    }
    if let Some(outcome) = outcome.into() {
        store
            .append(&lease, TTL, start(), vec![Fact::Finished { outcome }])
            .unwrap();
    }
    store.release(&lease).unwrap();
}

/// The files of a store, as bytes.
#[derive(Clone)]
struct Files {
    database: Vec<u8>,
    log: Vec<u8>,
    mark: Vec<u8>,
}

const NAMES: [&str; 3] = ["state.db", "state.db-wal", "state.db-mark"];

impl Files {
    fn of(folder: &Path) -> Self {
        let [database, log, mark] = NAMES.map(|name| std::fs::read(folder.join(name)).unwrap_or_default());
        Self { database, log, mark }
    }

    /// Puts these files into the folder, and nothing else; an empty one is not made.
    fn put(&self, folder: &Path) {
        let _absent = std::fs::remove_file(folder.join("state.db-shm"));
        for (name, bytes) in NAMES.into_iter().zip([&self.database, &self.log, &self.mark]) {
            let path = folder.join(name);
            if bytes.is_empty() {
                let _absent = std::fs::remove_file(&path);
            } else {
                std::fs::write(&path, bytes).unwrap();
            }
        }
    }
}

/// The files of a store whose facts are all in the database, or whose last run is in the log only; and the facts.
fn files(in_log: bool) -> (Files, Facts) {
    let folder = folder();
    drop(fill(folder.path()));
    let store = SqliteStore::open(&database(folder.path())).unwrap();
    if in_log {
        one_run(&store, "in the log", RunOutcome::Verified);
        let mut third = approval(&plan());
        third.approval_id = ApprovalId("third".to_owned());
        store.add_approval(&third).unwrap();
    }
    let facts = read(&store).unwrap();
    let files = Files::of(folder.path());
    assert_eq!(files.log.is_empty(), !in_log);
    (files, facts)
}

/// How often a damaged store was refused, and how often it gave all facts.
#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    same: usize,
    /// Only where there is no mark.
    shorter: usize,
}

impl Tally {
    fn count(&mut self, what: &str, found: Result<Facts, StoreError>, facts: &Facts, has_mark: bool) {
        match found {
            Err(_) => self.refused += 1,
            Ok(found) if found == *facts => self.same += 1,
            Ok(found) if !has_mark && is_prefix(&found, facts) => self.shorter += 1,
            Ok(found) => panic!("{what} was accepted: {}", difference(&found, facts)),
        }
    }
}

/// What was taken for true and is not, one line of text each.
fn difference(found: &Facts, facts: &Facts) -> String {
    let (found, facts) = (format!("{found:#?}"), format!("{facts:#?}"));
    let lines = found.lines().zip(facts.lines());
    lines
        .filter(|(one, other)| one != other)
        .take(3)
        .map(|(one, other)| format!("\n{one} for {other}"))
        .collect()
}

/// The facts up to some commit.
fn is_prefix(found: &Facts, whole: &Facts) -> bool {
    let journal_is = |name: &RunId, journal: &Vec<Entry>| {
        let mut runs = whole.runs.iter().zip(&whole.journals);
        runs.any(|(run, all)| run.0 == *name && all.starts_with(journal))
    };
    let mut journals = found.runs.iter().zip(&found.journals);
    journals.all(|(run, journal)| journal_is(&run.0, journal))
        && whole.approvals.starts_with(&found.approvals)
        && found.spent <= whole.spent
        && found.plan == whole.plan
}

/// Opens and reads; what was refused when it was opened was left as it is.
fn looked_at(folder: &Path, files: &Files) -> Result<Facts, StoreError> {
    match SqliteStore::open(&database(folder)) {
        Ok(store) => read(&store),
        Err(error) => {
            if !files.mark.is_empty() {
                let left = Files::of(folder);
                assert!(
                    left.log == files.log && left.database == files.database,
                    "{error}"
                );
            }
            Err(error)
        }
    }
}

/// Flips one bit of every byte of one of the files, and then cuts the file at lengths `stride` apart.
fn damage(files: &Files, facts: &Facts, stride: usize, which: impl Fn(&mut Files) -> &mut Vec<u8>) -> Tally {
    let folder = folder();
    let mut tally = Tally::default();
    let length = which(&mut files.clone()).len();
    for place in 0..length {
        let mut damaged = files.clone();
        which(&mut damaged)[place] ^= 1 << (place % 8);
        damaged.put(folder.path());
        let found = looked_at(folder.path(), &damaged);
        tally.count(
            &format!("byte {place} flipped"),
            found,
            facts,
            !files.mark.is_empty(),
        );
    }
    for kept in (0..length).step_by(stride) {
        let mut damaged = files.clone();
        which(&mut damaged).truncate(kept);
        damaged.put(folder.path());
        let found = looked_at(folder.path(), &damaged);
        tally.count(&format!("cut at {kept}"), found, facts, !files.mark.is_empty());
    }
    // Past the harness, which shows only what failing tests print.
    use std::io::Write as _;
    let _printed = writeln!(
        std::io::stdout(),
        "{length} bytes, each flipped, and cut at every {stride}th: {tally:?}"
    );
    tally
}

#[test]
fn a_database_flipped_or_cut_at_any_byte_is_refused_or_whole() {
    let (files, facts) = files(false);
    // A cut in a page is found by counting pages: not every length is another case.
    let tally = damage(&files, &facts, 7, |files| &mut files.database);
    assert!(tally.refused > files.database.len() / 2, "{tally:?}");
    assert!(
        tally.same > 0,
        "nothing depends on the unused room of a page: {tally:?}"
    );
}

#[test]
fn a_log_flipped_or_cut_at_any_byte_is_refused_or_whole() {
    let (files, facts) = files(true);
    let tally = damage(&files, &facts, 1, |files| &mut files.log);
    assert!(tally.refused > files.log.len(), "{tally:?}");
}

#[test]
fn a_mark_flipped_or_cut_at_any_byte_stops_nobody() {
    let (files, facts) = files(false);
    let tally = damage(&files, &facts, 1, |files| &mut files.mark);
    assert_eq!(tally.refused, 0, "{tally:?}");
}

/// What the mark is for: to SQLite, a damaged log is a shorter one.
#[test]
fn without_its_mark_a_damaged_log_is_a_shorter_history() {
    let (mut files, facts) = files(true);
    files.mark.clear();
    let folder = folder();
    let middle = files.log.len() / 2;
    files.log[middle] ^= 1;
    files.put(folder.path());
    let mut tally = Tally::default();
    tally.count("the middle", looked_at(folder.path(), &files), &facts, false);
    assert_eq!(tally.shorter, 1, "{tally:?}");
}

#[test]
fn a_log_that_is_gone_is_missed_and_welcome_back() {
    let (files, facts) = files(true);
    let folder = folder();
    let without = Files {
        log: Vec::new(),
        ..files.clone()
    };
    without.put(folder.path());
    let error = looked_at(folder.path(), &without).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    std::fs::write(folder.path().join("state.db-wal"), &files.log).unwrap();
    assert_eq!(looked_at(folder.path(), &files).unwrap(), facts);
}

#[test]
fn a_database_that_is_gone_or_older_than_its_mark_is_refused_by_what_is_missing() {
    let (files, _) = files(false);
    let older = {
        let folder = folder();
        empty_database(&database(folder.path()));
        drop(SqliteStore::open(&database(folder.path())).unwrap());
        Files::of(folder.path()).database
    };
    for database_then in [Vec::new(), older] {
        let folder = folder();
        let then = Files {
            database: database_then,
            ..files.clone()
        };
        then.put(folder.path());
        let error = looked_at(folder.path(), &then).unwrap_err();
        let StoreError::Corrupt { problem, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(problem.contains("entry 2 of run cut off"), "{problem}");
        assert!(problem.contains("was written and is not in it"), "{problem}");
        // Whoever means it says so by taking the mark away.
        std::fs::remove_file(folder.path().join("state.db-mark")).unwrap();
        let store = SqliteStore::open(&database(folder.path())).unwrap();
        assert!(store.runs().unwrap().is_empty());
    }
}

#[test]
fn a_pruned_run_leaves_no_mark_that_stops_the_next_process() {
    let folder = folder();
    let store = fill(folder.path());
    one_run(&store, "last", RunOutcome::Verified);
    assert_eq!(store.prune(Timestamp::MAX).unwrap(), 2);
    drop(store);
    let store = SqliteStore::open(&database(folder.path())).unwrap();
    assert_eq!(store.runs().unwrap().len(), 1);
}

#[test]
fn a_state_of_the_first_schema_is_sealed_as_it_is() {
    let (files, facts) = files(false);
    let folder = folder();
    Files {
        mark: Vec::new(),
        ..files
    }
    .put(folder.path());
    let path = database(folder.path());
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "ALTER TABLE runs DROP COLUMN head; ALTER TABLE runs DROP COLUMN seal;
             ALTER TABLE plans DROP COLUMN digest; DROP TABLE seals;
             PRAGMA user_version=1;",
        )
        .unwrap();
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(read(&store).unwrap(), facts);
}

#[test]
fn two_processes_that_write_leave_a_mark_that_holds() {
    let folder = folder();
    let one = fill(folder.path());
    let two = SqliteStore::open(&database(folder.path())).unwrap();
    one_run(&two, "third", RunOutcome::Verified);
    one_run(&one, "fourth", None);
    let three = SqliteStore::open(&database(folder.path())).unwrap();
    assert_eq!(three.runs().unwrap().len(), 4);
    let mark = std::fs::File::open(folder.path().join("state.db-mark")).unwrap();
    let mut bytes = [0; 40];
    mark.read_exact_at(&mut bytes, 0).unwrap();
    assert!(
        bytes.starts_with(b"2 sha256:"),
        "{}",
        String::from_utf8_lossy(&bytes)
    );
}
