//! Ctrl-C, SIGTERM, SIGSTOP past the lease, `enact stop`, two runs at once.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::json;

use crate::harness::Place;
use crate::processes::{Server, signal, until};

const FILES: &str = "portals:\n  - { ref: a, name: a, pages: [ { ref: p, slug: p, content: x } ] }\n  - { ref: b, name: b }\n";

/// A run that is under way: its first POST has arrived at the server and waits there.
fn under_way(lease_seconds: &str) -> (Place, Server, Child) {
    let mut place = Place::new();
    let server = Server::start(&place, &place.work().join("../server.db"));
    place.environment = vec![
        ("ENACT_KONNECT".to_owned(), server.url.clone()),
        ("ENACT_KONNECT_TOKEN".to_owned(), "t".to_owned()),
        ("ENACT_LEASE_SECONDS".to_owned(), lease_seconds.to_owned()),
    ];
    place.write("portals.yaml", FILES);
    let slow =
        json!([{"match": {"method": "POST"}, "times": 1, "do": {"kind": "latency", "milliseconds": 1500}}]);
    server.faults(&place, slow);
    let process = place
        .command(&[
            "apply",
            "-f",
            "portals.yaml",
            "--auto-approve",
            "--max-concurrency",
            "1",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("the first POST arrives", || {
        server.count(&place, "POST /v3/portals") > 0
    });
    (place, server, process)
}

fn ended(process: Child) -> (i32, String) {
    let output = process.wait_with_output().unwrap();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn resumes_to_the_end(place: &Place, server: &Server) {
    let resumed = place.run(&["resume"]).expect(0);
    assert!(
        resumed.stderr.contains("- Verified: 3 of 3"),
        "{}",
        resumed.stderr
    );
    assert_eq!(server.effects(place).len(), 3);
}

#[test]
fn ctrl_c_finishes_what_is_under_way_and_resume_goes_on() {
    let (place, server, process) = under_way("30");
    signal(&process, "INT");
    let (code, text) = ended(process);
    assert_eq!(code, 130, "{text}");
    assert!(text.contains("Stopped: interrupted (Ctrl-C)"), "{text}");
    assert!(text.contains("To go on: enact resume"), "{text}");
    assert_eq!(server.effects(&place).len(), 1);
    resumes_to_the_end(&place, &server);
}

#[test]
fn ctrl_c_twice_lets_go_at_once_and_resume_finds_out() {
    let (place, server, mut process) = under_way("30");
    signal(&process, "INT");
    // Two signals that are pending together count as one: wait until the first has been heard.
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("once more to stop now")));
    signal(&process, "INT");
    assert_eq!(process.wait().unwrap().code(), Some(130));
    resumes_to_the_end(&place, &server);
}

#[test]
fn sigterm_stops_with_its_own_code() {
    let (place, server, process) = under_way("30");
    signal(&process, "TERM");
    let (code, text) = ended(process);
    assert_eq!(code, 143, "{text}");
    resumes_to_the_end(&place, &server);
}

#[test]
fn stop_asks_the_running_process() {
    let (place, server, process) = under_way("30");
    let runs = place.run(&["runs", "list", "--output", "json"]).json();
    assert_eq!(runs[0]["state"], "running");
    place
        .run(&["stop", runs[0]["run_id"].as_str().unwrap(), "--reason", "lunch"])
        .expect(0);
    let (code, text) = ended(process);
    assert_eq!(code, 130, "{text}");
    assert!(text.contains("lunch"), "{text}");
    resumes_to_the_end(&place, &server);
}

#[test]
fn a_second_run_on_the_same_target_waits_its_turn() {
    let (place, server, process) = under_way("30");
    let second = place.run(&["apply", "-f", "portals.yaml", "--auto-approve"]);
    assert_eq!(second.code, 1, "{}", second.all());
    assert!(
        second.stderr.contains("is under way in process"),
        "{}",
        second.stderr
    );
    let resumed = place.run(&["resume"]);
    assert!(
        resumed.stderr.contains("is under way in process"),
        "{}",
        resumed.stderr
    );
    let (code, text) = ended(process);
    assert_eq!(code, 0, "{text}");
    assert_eq!(server.effects(&place).len(), 3);
}

#[test]
fn a_process_that_slept_through_its_lease_dies_before_its_next_effect() {
    let (place, server, process) = under_way("1");
    signal(&process, "STOP");
    // The lease has to run out; until then resume is refused.
    let mut resumed = place.run(&["resume"]);
    until("the lease has run out", || {
        resumed = place.run(&["resume"]);
        !resumed.stderr.contains("is under way in process")
    });
    assert_eq!(resumed.code, 0, "{}", resumed.all());
    assert_eq!(server.effects(&place).len(), 3);
    signal(&process, "CONT");
    let (code, text) = ended(process);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("was lost: another process has taken it over"),
        "{text}"
    );
    assert_eq!(server.effects(&place).len(), 3);
}
