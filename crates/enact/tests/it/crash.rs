//! Killed at every sync and at every send: resume reaches the same end, and no effect is done twice.
//!
//! strace kills the real binary at its n-th system call of a kind; effects are counted by a server in another process with
//! its own database. Durability is shown by the order of system calls: SIGKILL loses no page cache, so it proves nothing
//! about disks.

use std::process::Stdio;

use crate::harness::Place;
use crate::processes::{Server, has_strace};

const FILES: &str = r##"
portals:
  - ref: a
    name: a
    pages:
      - { ref: top, slug: top, content: "# Top", children: [ { ref: below, slug: below, content: "x" } ] }
  - { ref: b, name: b, description: new, kongctl: { protected: true } }
"##;

const BEFORE: &str = "portals:\n  - { ref: b, name: b, description: old }\n";

/// A place with a server process that has portal `b` already.
fn prepared(round: &str) -> (Place, Server) {
    let mut place = Place::new();
    let server = Server::start(&place, &place.work().join(format!("../server-{round}.db")));
    place.environment = vec![
        ("ENACT_KONNECT".to_owned(), server.url.clone()),
        ("ENACT_KONNECT_TOKEN".to_owned(), "t".to_owned()),
    ];
    place.write("before.yaml", BEFORE);
    place.write("portals.yaml", FILES);
    place
        .run(&["apply", "-f", "before.yaml", "--auto-approve"])
        .expect(0);
    (place, server)
}

const APPLY: [&str; 4] = ["apply", "-f", "portals.yaml", "--auto-approve"];

/// Runs a command under strace and returns the trace.
fn traced(place: &Place, command_line: &[&str], arguments: &[&str]) -> String {
    let trace = place.work().join("../trace");
    let template = place.command(command_line);
    let mut command = std::process::Command::new("strace");
    command
        .arg("-f")
        .arg("-s")
        .arg("200")
        .arg("-o")
        .arg(&trace)
        .args(arguments)
        .arg(template.get_program());
    command
        .args(template.get_args())
        .current_dir(place.work())
        .env_clear();
    command.envs(
        template
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().unwrap();
    std::fs::read_to_string(trace).unwrap()
}

/// After a kill: take the run up where there is one, apply anew otherwise; the end is the same, and nothing came twice.
fn finish_and_check(place: &Place, server: &Server, killed_at: &str) {
    let runs = place.run(&["runs", "list", "--output", "json"]).expect(0).json();
    let open = runs
        .as_array()
        .unwrap()
        .iter()
        .find(|run| run["state"] == "interrupted")
        .cloned();
    if let Some(run) = open {
        let resumed = place.run(&["resume", run["run_id"].as_str().unwrap()]);
        assert_eq!(resumed.code, 0, "{killed_at}: {}", resumed.all());
    } else {
        let again = place.run(&APPLY);
        assert_eq!(again.code, 0, "{killed_at}: {}", again.all());
    }
    let mut effects = server.effects(place);
    effects.sort();
    let ids = |effect: &String| {
        effect
            .split('/')
            .map(|part| if part.len() == 36 { "ID" } else { part })
            .collect::<Vec<_>>()
            .join("/")
    };
    let kinds: Vec<String> = effects.iter().map(ids).collect();
    assert_eq!(
        kinds,
        [
            "PATCH /v3/portals/ID",
            "POST /v3/portals",
            "POST /v3/portals",
            "POST /v3/portals/ID/pages",
            "POST /v3/portals/ID/pages"
        ],
        "{killed_at}"
    );
    let plan = place.run(&["plan", "-f", "portals.yaml", "--detailed-exitcode"]);
    assert_eq!(plan.code, 0, "{killed_at}: {}", plan.all());
}

/// How often each thread makes a system call in an undisturbed command, the first thread first. strace counts calls for
/// each thread by itself.
fn counts(place: &Place, arguments: &[&str], call: &str) -> Vec<usize> {
    let trace = traced(place, arguments, &["-e", &format!("trace={call}")]);
    let mut threads: Vec<(String, usize)> = Vec::new();
    for line in trace.lines().filter(|line| line.contains(&format!("{call}("))) {
        let thread = line.split_whitespace().next().unwrap().to_owned();
        match threads.iter_mut().find(|(name, _)| *name == thread) {
            Some((_, count)) => *count += 1,
            None => threads.push((thread, 1)),
        }
    }
    threads.into_iter().map(|(_, count)| count).collect()
}

/// Runs a command and kills it at the n-th call of a thread.
fn killed(place: &Place, arguments: &[&str], call: &str, n: usize) {
    assert!(is_killed(place, arguments, call, n), "{call} {n} was not reached");
}

/// The same; says whether there was such a call.
fn is_killed(place: &Place, arguments: &[&str], call: &str, n: usize) -> bool {
    let inject = format!("inject={call}:signal=SIGKILL:when={n}");
    let trace = traced(place, arguments, &["-e", &format!("trace={call}"), "-e", &inject]);
    trace.contains("killed by SIGKILL")
}

/// Kills apply at the calls of its first thread.
fn kill_at_each(call: &str, step: usize) {
    let (place, server) = prepared("count");
    let total = counts(&place, &APPLY, call)[0];
    assert_eq!(server.effects(&place).len(), 5);
    assert!(total > 3, "only {total} {call}");
    for n in (1..=total).step_by(step) {
        let (place, server) = prepared(&n.to_string());
        killed(&place, &APPLY, call, n);
        finish_and_check(&place, &server, &format!("killed at {call} {n} of {total}"));
    }
}

/// A run that has its lease and not one entry yet: killed when the journal's thread was about to start.
fn begun(round: &str) -> (Place, Server, String) {
    let (place, server) = prepared(round);
    let total = counts_of_main_syncs();
    killed(&place, &APPLY, "fdatasync", total);
    let runs = place.run(&["runs", "list", "--output", "json"]).expect(0).json();
    let run = runs
        .as_array()
        .unwrap()
        .iter()
        .find(|run| run["state"] == "interrupted")
        .unwrap();
    let run_id = run["run_id"].as_str().unwrap().to_owned();
    (place, server, run_id)
}

/// How many syncs the first thread makes before the journal's thread starts: the last of them takes the lease.
fn counts_of_main_syncs() -> usize {
    let (place, _server) = prepared("main");
    let trace = traced(&place, &APPLY, &["-e", "trace=fdatasync"]);
    let thread = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
    // Threads that end without a sync (the one that judges) have a line of their own.
    let syncs = || trace.lines().filter(|line| line.contains("fdatasync("));
    let first = thread(syncs().next().unwrap());
    syncs().take_while(|line| thread(line) == first).count()
}

#[test]
fn killed_at_every_journal_write_the_run_resumes_to_the_same_end() {
    if !has_strace() {
        return;
    }
    // Before the journal's first write: plan, approval, lease.
    let before = counts_of_main_syncs();
    for n in 1..=before {
        let (place, server) = prepared(&format!("before-{n}"));
        killed(&place, &APPLY, "fdatasync", n);
        finish_and_check(
            &place,
            &server,
            &format!("killed at sync {n} of {before} before the journal"),
        );
    }
    // The journal's own: the run is taken up by a resume, whose first thread syncs once (the lease) and whose journal
    // thread makes all the other syncs. The journal's first write is the one that `before` ends in front of.
    let (place, _server, run_id) = begun("count");
    let journal = *counts(&place, &["resume", &run_id], "fdatasync")
        .iter()
        .max()
        .unwrap();
    assert!(journal >= 8, "only {journal} journal writes");
    for n in 2..=journal {
        let (place, server, run_id) = begun(&n.to_string());
        // Facts that arrive together share a sync: on a busy machine there may be one or two less.
        let reached = is_killed(&place, &["resume", &run_id], "fdatasync", n);
        assert!(
            reached || n + 2 >= journal,
            "sync {n} of {journal} was not reached"
        );
        if !reached {
            continue;
        }
        finish_and_check(
            &place,
            &server,
            &format!("killed at journal write {n} of {journal}"),
        );
    }
}

#[test]
fn killed_at_every_send_no_effect_is_done_twice() {
    if has_strace() {
        kill_at_each("writev", 1);
    }
}

#[test]
fn killed_while_reading_answers_no_effect_is_done_twice() {
    if has_strace() {
        kill_at_each("recvfrom", 4);
    }
}

#[test]
fn the_intent_is_synced_before_each_effect_is_sent() {
    if !has_strace() {
        return;
    }
    let (place, _server, run_id) = begun("order");
    let trace = traced(
        &place,
        &["resume", &run_id],
        &["-y", "-e", "trace=fdatasync,writev"],
    );
    let log = place.run(&["runs", "log", &run_id]).expect(0).stdout;
    // How many intents each commit of the journal made durable. Entries of one commit have the same time.
    let mut commits: Vec<(String, usize)> = Vec::new();
    for line in log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let at = entry["at"].as_str().unwrap().to_owned();
        let intents = usize::from(entry["fact"]["kind"] == "intent");
        match commits.last_mut() {
            Some((time, count)) if *time == at => *count += intents,
            _ => commits.push((at, intents)),
        }
    }
    // The first thread's only sync takes the lease; every other one is a commit of the journal, in order.
    let first = trace
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    let (mut synced, mut durable, mut effects) = (0, 0, 0);
    for line in trace.lines() {
        let of_journal = !line.starts_with(&first);
        let done =
            line.contains("fdatasync(") && !line.contains("unfinished") || line.contains("fdatasync resumed");
        if of_journal && done {
            durable += commits.get(synced).map_or(0, |(_, intents)| *intents);
            synced += 1;
        }
        if line.contains("\"POST /v3/") || line.contains("\"PATCH /v3/") {
            effects += 1;
            assert!(
                durable >= effects,
                "effect {effects} was sent with {durable} intents on disk:\n{trace}"
            );
        }
    }
    assert_eq!(effects, 4, "{trace}");
}
