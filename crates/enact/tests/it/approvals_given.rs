//! Approvals that are given before a run: what they allow, when they end, how often they pay, and who takes them back.

use enact_engine::clock::{Clock as _, SystemClock};

use crate::approvals_place::Approvals;

#[test]
fn an_approval_that_is_kept_here_lets_the_plan_run_and_nobody_is_asked() {
    let here = Approvals::new();
    here.approve(&[])
        .expect(0)
        .says(&["Plan: sha256:", "+ create portal a", "Good for one run of plan"]);
    here.apply(&[])
        .expect(0)
        .says(&["Approved by os:", "by flag (assurance none", "- Verified: 3 of 3"]);
    assert_eq!(here.place.effects(), 3);
    // It paid for one run, which the plan had.
    here.apply(&[])
        .expect(5)
        .says(&["there is no terminal to ask at"]);
    here.at("state", &["approvals", "list"]).expect(0);
    let listed = here.at("state", &["approvals", "list", &here.plan_id]).expect(0);
    assert!(listed.stdout.contains("1 of 1 runs spent"), "{}", listed.stdout);
}

#[test]
fn without_the_digits_or_a_terminal_nothing_is_approved() {
    let here = Approvals::new();
    here.at("state", &["approve", "plan.json"])
        .expect(5)
        .says(&["no terminal to ask at", "--digits"]);
    for wrong in ["", "000000", "yes", &here.digits()[..5]] {
        here.at("state", &["approve", "plan.json", "--digits", wrong])
            .expect(5)
            .says(&["nothing was approved"]);
    }
    here.at("state", &["approve", "nothing.json"]).expect(3);
    let listed = here
        .at("state", &["approvals", "list", "--output", "json"])
        .expect(0);
    assert_eq!(listed.json(), serde_json::json!([]));
}

#[test]
fn what_is_said_becomes_conditions_of_the_run() {
    let here = Approvals::new();
    here.approve(&[
        "--say",
        "Proceed, but confirm before step 2, and stop after step 2",
    ])
    .expect(0)
    .says(&[
        "Conditions, as understood:",
        "- confirm before step 2 (create:portal:b)",
        "- nothing after step 2",
    ]);
    here.apply(&[]).expect(9).says(&[
        "on condition: confirm before step 2",
        "Stopped: a confirmation before \"b\"",
    ]);
    assert_eq!(here.place.effects(), 1);
}

#[test]
fn what_is_not_understood_is_no_approval() {
    let here = Approvals::new();
    for (words, why) in [
        ("proceed but skip step 2", "would change the plan"),
        ("not yet", "may be a no"),
        ("proceed?", "a question"),
        ("confirm before step 9", "no step is meant"),
        ("oui", "not understood"),
    ] {
        here.approve(&["--say", words]).expect(3).says(&[
            "E_CONDITION_UNPARSED",
            why,
            "nothing was approved",
        ]);
    }
    here.approve(&["--condition", "skip=2"])
        .expect(3)
        .says(&["there is no condition \"skip\""]);
    here.apply(&[]).expect(5);
    assert_eq!(here.place.effects(), 0);
}

#[test]
fn structured_conditions_say_the_same() {
    let here = Approvals::new();
    here.approve(&[
        "--condition",
        "stop_after=create:portal:a",
        "--condition",
        "max_duration=1h",
    ])
    .expect(0);
    here.apply(&[])
        .expect(9)
        .says(&["nothing after step 1", "at most 1h of work"]);
    assert_eq!(here.place.effects(), 1);
}

#[test]
fn a_condition_that_nothing_would_watch_over_makes_no_approval() {
    let here = Approvals::new();
    here.approve(&["--say", "at most 10m downtime"])
        .expect(3)
        .says(&["nothing could hold a run of this plan to", "nothing was approved"]);
    here.apply(&[]).expect(5);
    here.approve(&["--say", "dry run only"]).expect(0);
    here.apply(&[]).expect(5);
    assert_eq!(here.place.effects(), 0);
    here.apply(&["--dry-run"]).expect(0);
}

#[test]
fn a_flag_does_not_get_around_an_approval_that_forbids_the_run_now() {
    for (more, until) in [
        ("dry run only", "its conditions hold until"),
        (
            "by TIME",
            "its time is over, and it keeps every run of this plan from starting until",
        ),
    ] {
        let here = Approvals::new();
        let soon = SystemClock.now() + std::time::Duration::from_secs(1);
        let said = format!(
            "confirm before step 2, {}",
            more.replace("TIME", &soon.to_string())
        );
        here.approve(&["--say", &said]).expect(0);
        std::thread::sleep(std::time::Duration::from_millis(1100));
        here.apply(&["--auto-approve"]).expect(5).says(&[
            "approved the plan under conditions that do not let it run now",
            until,
            "enact approvals withdraw",
        ]);
        assert_eq!(here.place.effects(), 0);
        // A later word of the same person holds instead.
        here.approve(&["--say", "confirm before step 2"]).expect(0);
        here.apply(&["--auto-approve"]).expect(9);
        assert_eq!(here.place.effects(), 1);
    }
}

#[test]
fn an_approval_counts_within_its_time_only() {
    let here = Approvals::new();
    here.approve(&["--expires", "1s"]).expect(0);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    here.apply(&[]).expect(5);
    here.approve(&["--say", "not before 2099-01-01T00:00:00Z"])
        .expect(0);
    here.apply(&[]).expect(5);
    here.approve(&["--expires", "soon"])
        .expect(3)
        .says(&["is not a length of time"]);
    assert_eq!(here.place.effects(), 0);
    here.approve(&["--expires", "1h"]).expect(0);
    here.apply(&[]).expect(0);
}

#[test]
fn an_approval_for_two_runs_pays_for_two() {
    let here = Approvals::new();
    here.approve(&["--max-runs", "2"])
        .expect(0)
        .says(&["Good for 2 runs"]);
    here.apply(&[]).expect(0);
    // The second run finds the portals there: stale, and nothing is spent on it beyond the run itself.
    here.apply(&[]).expect(6);
    here.apply(&[]).expect(5);
}

#[test]
fn a_no_holds_until_whoever_said_it_takes_it_back() {
    let here = Approvals::new();
    here.at(
        "state",
        &["reject", "plan.json", "--reason", "not during the sale"],
    )
    .expect(0)
    .says(&["it will not run"]);
    here.apply(&["--auto-approve"])
        .expect(5)
        .says(&["rejected the plan: not during the sale", "approvals withdraw"]);
    here.approve(&[]).expect(0);
    here.apply(&[]).expect(5).says(&["rejected the plan"]);
    let listed = here
        .at("state", &["approvals", "list", "--output", "json"])
        .expect(0)
        .json();
    let rejection = listed[0]["record"]["approval_id"].as_str().unwrap().to_owned();
    here.at("state", &["approvals", "withdraw", "ffffffffffffffff"])
        .expect(3);
    here.at("state", &["approvals", "withdraw", &rejection])
        .expect(0)
        .says(&["counts no more"]);
    here.apply(&[]).expect(0);
    here.at("state", &["approvals", "verify"])
        .expect(0)
        .says(&["The chain of records holds: 3 records"]);
}

#[test]
fn an_approval_that_is_taken_back_counts_no_more() {
    let here = Approvals::new();
    here.approve(&[]).expect(0);
    let listed = here
        .at("state", &["approvals", "list", "--output", "json"])
        .expect(0)
        .json();
    let id = listed[0]["record"]["approval_id"].as_str().unwrap().to_owned();
    here.at("state", &["approvals", "withdraw", &id, "--reason", "too early"])
        .expect(0);
    here.apply(&[]).expect(5);
    assert_eq!(here.place.effects(), 0);
}

#[test]
fn a_yes_at_an_earlier_prompt_is_not_taken_for_one_to_this_run() {
    let here = Approvals::new();
    here.place.write("gate.rego", "package enact.plan\n");
    // The yes is kept, and the run does not begin: another one is under way on the same target.
    here.apply(&["--auto-approve"]).expect(0);
    here.sql("state", "DELETE FROM run_approvals");
    here.apply(&[])
        .expect(5)
        .says(&["there is no terminal to ask at"]);
}

#[test]
fn a_plan_changed_by_one_byte_is_another_plan() {
    let here = Approvals::new();
    here.approve(&["--out", "approval.json"]).expect(0);
    let text = here
        .read("plan.json")
        .replacen("\"name\": \"b\"", "\"name\": \"B\"", 1);
    let changed = if text == here.read("plan.json") {
        text.replacen("\"b\"", "\"B\"", 1)
    } else {
        text
    };
    here.place.write("plan.json", changed);
    here.apply(&[]).expect(3).says(&["does not match its plan_id"]);
    here.place
        .write("portals.yaml", "portals:\n  - { ref: z, name: z }\n");
    here.place
        .run(&["plan", "-f", "portals.yaml", "-o", "plan.json"])
        .expect(0);
    here.apply(&["--approval", "approval.json"])
        .expect(5)
        .says(&["is for plan", "needs its own approval"]);
    assert_eq!(here.place.effects(), 0);
}

#[test]
fn an_approval_that_runs_out_is_followed_by_another_and_both_are_spent() {
    let here = Approvals::new();
    here.approve(&["--expires", "2s", "--say", "stop after step 1"])
        .expect(0);
    here.apply(&[]).expect(9);
    let runs = here
        .at("state", &["runs", "list", "--output", "json"])
        .expect(0)
        .json();
    let run = runs[0]["run_id"].as_str().unwrap().to_owned();
    std::thread::sleep(std::time::Duration::from_millis(2100));
    here.at("state", &["resume", &run])
        .expect(5)
        .says(&["has expired"]);
    here.approve(&[]).expect(0);
    here.at("state", &["resume", &run])
        .expect(0)
        .says(&["- Verified: 3 of 3"]);
    let spent: Vec<i64> = here
        .at("state", &["approvals", "list", "--output", "json"])
        .expect(0)
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|listed| listed["runs_spent"].as_i64().unwrap())
        .collect();
    assert_eq!(spent, [1, 1]);
    let log = here.at("state", &["runs", "log", &run, "--output", "json"]);
    assert!(
        log.code != 0 || log.stdout.contains("\"approvals\""),
        "{}",
        log.all()
    );
}

#[test]
fn one_approval_and_two_processes_at_once_make_one_run() {
    let here = Approvals::new();
    here.approve(&[]).expect(0);
    let start = || {
        here.command("state", &[], &["apply", "--plan", "plan.json"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut both = [start(), start(), start()];
    let codes: Vec<Option<i32>> = both
        .iter_mut()
        .map(|process| process.wait().unwrap().code())
        .collect();
    let done = codes.iter().filter(|code| **code == Some(0)).count();
    assert_eq!(done, 1, "{codes:?}");
    assert_eq!(here.place.effects(), 3);
    let runs = here
        .at("state", &["runs", "list", "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(runs.as_array().unwrap().len(), 1);
}

#[test]
fn the_plan_is_kept_so_that_its_id_is_enough() {
    let here = Approvals::new();
    here.approve(&[]).expect(0);
    std::fs::remove_file(here.place.work().join("plan.json")).unwrap();
    let id = &here.plan_id["sha256:".len()..][..12];
    here.at("state", &["approve", id, "--digits", here.digits()])
        .expect(0);
    let listed = here.at("state", &["approvals", "list", id]).expect(0);
    assert_eq!(
        listed.stdout.matches("approved by").count(),
        2,
        "{}",
        listed.stdout
    );
}
