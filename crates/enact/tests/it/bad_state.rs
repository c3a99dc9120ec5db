//! A state directory on a bad day: nothing is written to Konnect that could not be written down, and what is damaged is
//! left as it is.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rusqlite::Connection;

use crate::harness::{Place, Ran};

const ONE: &str = "portals:\n  - { ref: a, name: a }\n";
const TWO: &str = "portals:\n  - { ref: a, name: a }\n  - { ref: b, name: b }\n";
const APPLY: [&str; 4] = ["apply", "-f", "portals.yaml", "--auto-approve"];

fn place() -> Place {
    let place = Place::new();
    place.write("portals.yaml", ONE);
    place
}

/// A place with one finished run; the configuration then asks for one more portal.
fn ran_once() -> Place {
    let place = place();
    place.run(&APPLY).expect(0);
    place.write("portals.yaml", TWO);
    place.reset_counts();
    place
}

fn database(place: &Place) -> PathBuf {
    place.state().join("state.db")
}

fn open(place: &Place) -> Connection {
    Connection::open(database(place)).unwrap()
}

/// Applies, which must fail before any write to Konnect.
#[track_caller]
fn refused(place: &Place, code: i32, said: &[&str]) -> Ran {
    let ran = place.run(&APPLY).expect(code).says(said);
    assert_eq!(ran.stdout, "");
    assert_eq!(place.effects(), 0);
    ran
}

#[test]
fn the_state_is_private() {
    let place = ran_once();
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(place.state()), 0o700);
    assert_eq!(mode(database(&place)), 0o600);
    assert_eq!(std::fs::read(place.state().join(".gitignore")).unwrap(), b"*\n");
}

/// Puts a damaged file in the place of a sound one; no command may touch it.
fn damaged(place: &Place, bytes: &[u8], said: &[&str]) {
    for extra in ["state.db-wal", "state.db-shm"] {
        let _absent = std::fs::remove_file(place.state().join(extra));
    }
    std::fs::write(database(place), bytes).unwrap();
    refused(place, 1, said);
    for command in [
        vec!["runs", "list"],
        vec!["resume"],
        vec!["stop", "--all", "on", "--reason", "test"],
    ] {
        place.run(&command).expect(1).says(said);
    }
    assert_eq!(std::fs::read(database(place)).unwrap(), bytes, "left as it was");
    let _on = std::fs::remove_file(place.work().join("../home/.local/state/enact/stop-all.json"));
}

#[test]
fn a_corrupt_state_file_is_left_as_it_is() {
    let place = ran_once();
    // Everything into the one file, so that it can be cut.
    open(&place).execute_batch("PRAGMA journal_mode=DELETE").unwrap();
    let whole = std::fs::read(database(&place)).unwrap();
    let said = [
        "/state.db is not readable: ",
        "hint: the file was left as it is; move ",
        "aside to start anew, or restore a backup",
    ];
    damaged(
        &place,
        b"this is no database, and longer than a header of SQLite would be: 0123456789 0123456789",
        &said,
    );
    damaged(&place, &whole[..whole.len() / 2], &said);
    let mut torn = whole.clone();
    torn[100..4096].fill(0xff);
    damaged(&place, &torn, &said);
    // With the file back all is well.
    std::fs::write(database(&place), &whole).unwrap();
    place.run(&APPLY).expect(0);
}

#[test]
fn an_older_copy_of_the_state_is_refused_and_left_as_it_is() {
    let place = ran_once();
    let older = std::fs::read(database(&place)).unwrap();
    place.run(&APPLY).expect(0);
    place.write("portals.yaml", format!("{TWO}  - {{ ref: c, name: c }}\n"));
    place.reset_counts();
    let newer = std::fs::read(database(&place)).unwrap();
    for copy in [&older, &Vec::new()] {
        std::fs::write(database(&place), copy).unwrap();
        refused(
            &place,
            1,
            &[
                "/state.db is not readable: entry ",
                " was written and is not in it; it was damaged, cut or replaced by an older copy",
                "hint: the file was left as it is; move ",
                "(with its -wal, -shm and -mark) aside to start anew, or restore a backup",
            ],
        );
        assert_eq!(std::fs::read(database(&place)).unwrap(), *copy);
    }
    std::fs::write(database(&place), newer).unwrap();
    place.run(&APPLY).expect(0);
}

#[test]
fn a_state_of_a_newer_enact_is_refused_and_not_touched() {
    let place = ran_once();
    open(&place)
        .execute_batch(
            "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA user_version=99; PRAGMA wal_checkpoint(TRUNCATE)",
        )
        .unwrap();
    let before = std::fs::read(database(&place)).unwrap();
    refused(
        &place,
        1,
        &[
            "/state.db has schema version 99; this version of enact knows 2",
            "hint: use the newer enact that wrote it, or another --state-dir",
        ],
    );
    assert_eq!(std::fs::read(database(&place)).unwrap(), before);
}

/// Changes one letter in the middle of the run's journal, behind the back of the hash chain.
fn tamper(place: &Place) {
    let changed = open(place)
        .execute(
            "UPDATE entries SET body = replace(body, '\"done\"', '\"d0ne\"') WHERE body LIKE '%\"done\"%'",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
}

#[test]
fn a_journal_with_one_letter_changed_is_found_out() {
    let place = ran_once();
    let run = place.run(&["runs", "list", "--output", "json"]).expect(0).json()[0]["run_id"].clone();
    let run = run.as_str().unwrap();
    place.run(&["runs", "verify", run]).expect(0);
    tamper(&place);
    let said = ["error: the journal of run ", " is damaged", "hint: "];
    for command in ["verify", "show", "log", "report", "next"] {
        place.run(&["runs", command, run]).expect(1).says(&said);
    }
    place.run(&["resume", run]).expect(1).says(&said);
    // An entry that still is JSON but says something else breaks the chain.
    let other = ran_once();
    let run = other.run(&["runs", "list", "--output", "json"]).expect(0).json()[0]["run_id"].clone();
    let changed = open(&other)
        .execute(
            "UPDATE entries SET body = replace(body, '\"verified\"', '\"failed\"')",
            [],
        )
        .unwrap();
    assert!(changed > 0);
    other
        .run(&["runs", "verify", run.as_str().unwrap()])
        .expect(1)
        .says(&["the journal of run ", " is damaged", "because: "]);
}

#[test]
fn one_damaged_journal_hides_no_other_run() {
    let place = ran_once();
    tamper(&place);
    place.run(&APPLY).expect(0);
    let list = place.run(&["runs", "list"]).expect(0);
    assert!(
        list.stdout.contains("  damaged  ") && list.stdout.contains("  verified  "),
        "{}",
        list.stdout
    );
    // Nothing else is there to be taken up, and the damaged run does not stand in the way of saying so.
    place
        .run(&["resume"])
        .expect(3)
        .says(&["there is no run to take up"]);
    assert_eq!(place.effects(), 1);
}

#[test]
fn an_approval_that_was_edited_lets_nothing_be_taken_up() {
    let place = interrupted();
    open(&place)
        .execute(
            "UPDATE approvals SET body = replace(body, '\"max_runs\":1', '\"max_runs\":9')",
            [],
        )
        .unwrap();
    place
        .run(&["resume"])
        .expect(1)
        .says(&["/state.db is not readable: the chain of approvals does not hold"]);
    assert_eq!(place.effects(), 0);
}

/// A place with a run that could not read the world and waits to be taken up.
fn interrupted() -> Place {
    let place = place();
    let fault = r#"[{"match": {"method": "GET", "path": "/v3/portals"}, "after": 1, "do": {"kind": "redirect", "location": "/"}}]"#;
    place.faults(fault);
    place.run(&APPLY).expect(1).says(&[
        "the server redirects to /",
        "hint: the journal is whole; to go on: enact resume ",
    ]);
    place.faults("[]");
    assert_eq!(place.effects(), 0);
    place
}

#[test]
fn a_run_whose_plan_is_gone_cannot_be_taken_up() {
    let place = interrupted();
    let bytes: Vec<u8> = open(&place)
        .query_row("SELECT bytes FROM plans", [], |row| row.get(0))
        .unwrap();
    open(&place).execute("DELETE FROM plans", []).unwrap();
    place.run(&["resume"]).expect(1).says(&[
        "error: the plan of run ",
        " is not kept here any more",
        "hint: plan again",
    ]);
    // A plan that was exchanged for another is not the one that was approved.
    let plan = String::from_utf8(bytes)
        .unwrap()
        .replace("\"name\": \"a\"", "\"name\": \"z\"");
    let digest = enact_core::canonical::Digest::of(plan.as_bytes());
    open(&place)
        .execute(
            "INSERT INTO plans (plan_id, saved_at, bytes, digest) SELECT plan_id, created_at, ?1, ?2 FROM runs",
            rusqlite::params![plan.as_bytes(), digest.as_str()],
        )
        .unwrap();
    place
        .run(&["resume"])
        .expect(3)
        .says(&["the plan's content does not match its plan_id"]);
    assert_eq!(place.effects(), 0);
}

#[test]
fn a_run_that_waits_is_taken_up_when_all_is_well_again() {
    let place = interrupted();
    place.run(&["resume"]).expect(0).says(&["- Verified: 1 of 1"]);
    assert_eq!(place.effects(), 1);
}

#[test]
fn a_latch_that_cannot_be_read_denies() {
    let place = place();
    let latch = place.work().join("../home/.local/state/enact/stop-all.json");
    std::fs::create_dir_all(latch.parent().unwrap()).unwrap();
    for content in ["", "{", "{\"reason\": 1}", "null"] {
        std::fs::write(&latch, content).unwrap();
        refused(
            &place,
            4,
            &[
                "error: everything is stopped on this installation: ",
                "stop-all.json is not readable: ",
                "hint: ",
            ],
        );
        assert_eq!(std::fs::read(&latch).unwrap(), content.as_bytes());
    }
    std::fs::remove_file(&latch).unwrap();
    std::fs::create_dir(&latch).unwrap();
    refused(
        &place,
        4,
        &[
            "everything is stopped on this installation: ",
            "stop-all.json cannot be read: ",
        ],
    );
    std::fs::remove_dir(&latch).unwrap();
    place.run(&APPLY).expect(0);
}
