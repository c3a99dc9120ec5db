//! Times in reports: from moments in UTC, whatever local clocks do meanwhile, and never less than nothing.

use enact_core::change::{Adopted, ChangeId};
use enact_core::journal::{Entry, Fact, Note, RunId, RunOutcome};
use enact_core::plan::Plan;
use enact_runbook::provider::document_of;
use enact_runbook::report::RunbookReport;
use jiff::Timestamp;

use crate::kit::{self, person, resumed, started};

const STEPS: &str = "  - { id: off, title: Off, exec: [a], repeat: safe, estimate: 10s, rollback: none }\n  \
    - { id: on, title: On, exec: [b], repeat: safe, estimate: 20s, rollback: none }\n\
    downtime: { from: off, to: on, limit: 10m }";

fn plan() -> Plan {
    kit::plan(&kit::with_steps(STEPS))
}

/// A finished run: the moments of its facts, in order.
fn journal(plan: &Plan, moments: [&str; 8]) -> Vec<Entry> {
    let facts = [
        started(plan),
        intent("off"),
        done("off"),
        Fact::Paused {
            reason: "a word".to_owned(),
        },
        resumed(false),
        intent("on"),
        done("on"),
        finished(RunOutcome::Verified),
    ];
    chained(
        facts
            .into_iter()
            .zip(moments.map(|moment| moment.parse().unwrap())),
    )
}

fn chained(facts: impl IntoIterator<Item = (Fact, Timestamp)>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (fact, at) in facts {
        let entry = Entry::chain(&RunId("run".to_owned()), entries.last(), at, 1, fact).unwrap();
        entries.push(entry);
    }
    entries
}

/// What a run of the plan reports at a second of its own time, of facts at such seconds.
fn report_of(facts: Vec<(u32, Fact)>, now: u32) -> RunbookReport {
    report_on(&plan(), facts, now)
}

/// The same of another plan.
fn report_on(plan: &Plan, facts: Vec<(u32, Fact)>, now: u32) -> RunbookReport {
    let at = |second: u32| Timestamp::from_second(1_800_000_000 + i64::from(second)).unwrap();
    let mut all = vec![(started(plan), at(0))];
    all.extend(facts.into_iter().map(|(second, fact)| (fact, at(second))));
    let document = document_of(plan).unwrap();
    RunbookReport::of(plan, &document, &chained(all), at(now)).unwrap()
}

fn intent(step: &str) -> Fact {
    Fact::Intent {
        change_id: ChangeId::from(step),
    }
}

fn done(step: &str) -> Fact {
    Fact::Done {
        change_id: ChangeId::from(step),
        outputs: Default::default(),
        settled: false,
    }
}

fn finished(outcome: RunOutcome) -> Fact {
    Fact::Finished { outcome }
}

fn report(moments: [&str; 8]) -> RunbookReport {
    let plan = plan();
    let later: Timestamp = "2031-01-01T00:00:00Z".parse().unwrap();
    RunbookReport::of(
        &plan,
        &document_of(&plan).unwrap(),
        &journal(&plan, moments),
        later,
    )
    .unwrap()
}

/// Of each step, what it took and in per cent of its estimate; worked, waited, downtime. In seconds.
fn seconds(report: &RunbookReport) -> (Vec<(u64, u64)>, [u64; 3]) {
    let steps = report.steps.iter();
    let steps = steps.map(|step| (step.actual_ms.unwrap() / 1000, step.percent.unwrap()));
    let times = [
        report.times.worked_ms,
        report.times.waited_ms,
        report.times.downtime_ms.unwrap(),
    ];
    (steps.collect(), times.map(|time| time / 1000))
}

#[test]
fn a_report_across_a_change_to_summer_time_counts_the_seconds_that_passed() {
    // In Berlin it was 01:59:50, and twenty seconds later 03:00:10.
    let report = report([
        "2026-03-29T01:59:45+01:00",
        "2026-03-29T01:59:50+01:00",
        "2026-03-29T03:00:10+02:00",
        "2026-03-29T03:00:10+02:00",
        "2026-03-29T03:01:10+02:00",
        "2026-03-29T03:01:10+02:00",
        "2026-03-29T03:01:20+02:00",
        "2026-03-29T03:01:20+02:00",
    ]);
    assert_eq!(seconds(&report), (vec![(20, 200), (10, 50)], [35, 60, 90]));
    assert_eq!(
        report.started_at.as_deref(),
        Some("2026-03-29T00:59:45Z"),
        "in UTC, with its zone"
    );
}

#[test]
fn a_report_of_a_run_that_was_taken_up_hours_later_tells_work_from_waiting() {
    let report = report([
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:10Z",
        "2026-03-01T12:00:10Z",
        "2026-03-02T01:00:10Z",
        "2026-03-02T01:00:10Z",
        "2026-03-02T01:00:30Z",
        "2026-03-02T01:00:30Z",
    ]);
    let hours = 13 * 3600;
    assert_eq!(
        seconds(&report),
        (vec![(10, 100), (20, 100)], [30, hours, hours + 30])
    );
}

#[test]
fn a_clock_put_back_between_two_entries_takes_nothing_from_what_was_measured() {
    let report = report([
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:10Z",
        // An hour back here, a year back below.
        "2026-03-01T11:00:10Z",
        "2026-03-01T11:00:40Z",
        "2026-03-01T11:00:40Z",
        "2025-03-01T11:00:40Z",
        "2025-03-01T11:00:45Z",
    ]);
    assert_eq!(seconds(&report), (vec![(10, 100), (0, 0)], [15, 30, 40]));
}

#[test]
fn time_in_which_nobody_was_at_the_run_is_no_work_but_downtime() {
    // Its process died after a second of the first step, and was missed for an hour.
    let facts = vec![
        (1, intent("off")),
        (
            2,
            Fact::Preflight {
                mismatches: Vec::new(),
            },
        ),
        (3602, resumed(false)),
        (3603, done("off")),
        (3603, intent("on")),
        (3605, done("on")),
        (3606, finished(RunOutcome::Verified)),
    ];
    let report = report_of(facts, 9000);
    let took: Vec<u64> = report.steps.iter().map(|step| step.actual_ms.unwrap()).collect();
    assert_eq!(took, [2000, 2000]);
    assert_eq!(report.times.worked_ms, 6000);
    assert_eq!(report.times.downtime_ms, Some(3_604_000));
}

#[test]
fn a_step_that_is_tried_again_after_a_crash_took_as_long_as_all_its_attempts() {
    let facts = vec![
        (1, intent("off")),
        (5, resumed(false)),
        (
            5,
            Fact::NotDone {
                change_id: ChangeId::from("off"),
                partial: true,
            },
        ),
        (6, intent("off")),
        (9, done("off")),
        (9, intent("on")),
        (11, done("on")),
        (11, finished(RunOutcome::Verified)),
    ];
    let report = report_of(facts, 9000);
    let took: Vec<u64> = report.steps.iter().map(|step| step.actual_ms.unwrap()).collect();
    assert_eq!(took, [4_000, 2_000], "four seconds of the ten were nobody's");
    assert_eq!((report.times.worked_ms, report.times.waited_ms), (7_000, 0));
    assert_eq!(
        report.times.downtime_ms,
        Some(10_000),
        "it began with the first attempt"
    );
}

#[test]
fn what_a_command_did_while_its_engine_was_gone_is_work() {
    let note = Fact::Noted(Note {
        change_id: Some(ChangeId::from("off")),
        topic: "attempt".to_owned(),
        detail: serde_json::json!({ "ended": "exit code 0", "took_ms": 40_000 }),
    });
    // The supervisor measured 40 seconds; the engine saw one of them, and was missed for an hour.
    let facts = vec![
        (1, intent("off")),
        (
            2,
            Fact::Preflight {
                mismatches: Vec::new(),
            },
        ),
        (3602, resumed(false)),
        (3602, note),
        (3602, done("off")),
        (3602, intent("on")),
        (3604, done("on")),
        (3604, finished(RunOutcome::Verified)),
    ];
    let report = report_of(facts, 9000);
    let took: Vec<u64> = report.steps.iter().map(|step| step.actual_ms.unwrap()).collect();
    assert_eq!(took, [40_000, 2000]);
    assert_eq!(report.times.worked_ms, 43_000);
}

#[test]
fn the_downtime_is_over_when_its_last_step_was_done_or_not_needed() {
    let undo = |step: &str| {
        let change_id = ChangeId::from(step);
        [
            Fact::UndoIntent {
                change_id: change_id.clone(),
            },
            Fact::Undone { change_id },
        ]
    };
    let mut taken_back = vec![
        (1, intent("off")),
        (2, done("off")),
        (3, intent("on")),
        (5, done("on")),
        (6, finished(RunOutcome::Verified)),
        (500, resumed(true)),
    ];
    taken_back.extend(undo("on").into_iter().chain(undo("off")).map(|fact| (501, fact)));
    taken_back.push((502, finished(RunOutcome::RolledBack)));
    assert_eq!(report_of(taken_back, 9000).times.downtime_ms, Some(4000));
    let omitted = Fact::Omitted {
        change_id: ChangeId::from("on"),
        because: "its condition is false".to_owned(),
    };
    let left_out = vec![
        (1, intent("off")),
        (2, done("off")),
        (4, omitted),
        (60, finished(RunOutcome::Verified)),
    ];
    assert_eq!(report_of(left_out, 9000).times.downtime_ms, Some(3000));
}

#[test]
fn a_revision_does_not_set_the_downtime_back() {
    let adopted = Fact::Adopted {
        change_id: ChangeId::from("off"),
        run_id: RunId("before".to_owned()),
        adopted: Adopted {
            started_at: Timestamp::from_second(1_800_000_000 - 300).unwrap(),
            took_ms: 2000,
            outputs: Default::default(),
        },
    };
    let facts = vec![
        (0, adopted),
        (1, intent("on")),
        (3, done("on")),
        (4, finished(RunOutcome::Verified)),
    ];
    assert_eq!(report_of(facts, 9000).times.downtime_ms, Some(303_000));
}

#[test]
fn a_stop_between_two_attempts_and_a_wait_for_whoever_does_it_are_no_work_of_the_step() {
    let attempted = Fact::Attempted {
        change_id: ChangeId::from("off"),
        attempt: 1,
        error: "no".to_owned(),
        partial: false,
    };
    let not_done = Fact::NotDone {
        change_id: ChangeId::from("off"),
        partial: false,
    };
    let stopped = Fact::Stopped {
        reason: "a person".to_owned(),
    };
    let handed_over = Fact::Delegated {
        change_id: ChangeId::from("on"),
    };
    let attested = Fact::Attested {
        proof: None,
        subject: enact_core::journal::Subject::Change(ChangeId::from("on")),
        by: person(),
        roles: Vec::new(),
        evidence: Default::default(),
    };
    let paused = Fact::Paused {
        reason: "somebody".to_owned(),
    };
    let facts = vec![
        (1, intent("off")),
        (2, attempted),
        (3, not_done),
        (3, stopped),
        (103, resumed(false)),
        (104, intent("off")),
        (106, done("off")),
        (106, intent("on")),
        (107, handed_over),
        (107, paused),
        (907, attested),
        (907, resumed(false)),
        (909, done("on")),
        (909, finished(RunOutcome::Verified)),
    ];
    let (steps, _) = seconds(&report_of(facts, 910));
    let took: Vec<u64> = steps.into_iter().map(|(took, _)| took).collect();
    assert_eq!(took, [2 + 1 + 2, 1 + 2]);
}

#[test]
fn a_step_that_stands_for_others_took_as_long_as_they_worked() {
    let step =
        |id: &str| format!("  - {{ id: {id}, title: Do {id}, exec: [x], repeat: safe, rollback: none }}");
    let inner = kit::with_steps(&(step("a") + "\n" + &step("b"))).replace("name: small", "name: inner")
        + "finally: [{ id: f, title: Do f, exec: [x], effect: read }]\n";
    let outer = kit::with_steps(
        "  - { id: i, title: Inc, plan: { file: in.plan.yaml } }\n  - { id: z, title: Do z, exec: [x], repeat: safe, rollback: none }",
    );
    let files = kit::files(&[("in.plan.yaml", &inner)]);
    let plan = kit::compiled(&outer, &kit::options(), &files)
        .draft
        .freeze()
        .unwrap();
    let paused = Fact::Paused {
        reason: "a word".to_owned(),
    };
    // Someone is waited for between its steps, and another step comes before what it does in any case.
    let facts = vec![
        (1, intent("i.a")),
        (2, done("i.a")),
        (2, paused),
        (600, resumed(false)),
        (601, intent("i.b")),
        (602, done("i.b")),
        (602, intent("z")),
        (609, done("z")),
        (609, intent("i.f")),
        (611, done("i.f")),
        (612, finished(RunOutcome::Verified)),
    ];
    let report = report_on(&plan, facts, 9000);
    let took = report.steps.iter().map(|step| (step.id.as_str(), step.actual_ms));
    let took: std::collections::BTreeMap<&str, Option<u64>> = took.collect();
    assert_eq!(took["i"], Some(4_000));
    assert_eq!(took["z"], Some(7_000));
}

#[test]
fn each_time_that_somebody_was_asked_counts_until_they_answered() {
    let step = "  - { id: m, title: Do m, manual: { instructions: do it }, verify: [{ exec: [x] }], rollback: none }";
    let plan = kit::plan(&kit::with_steps(step));
    let change_id = || ChangeId::from("m");
    let delegated = || Fact::Delegated {
        change_id: change_id(),
    };
    let attested = || Fact::Attested {
        subject: enact_core::journal::Subject::Change(change_id()),
        by: person(),
        roles: Vec::new(),
        evidence: Default::default(),
        proof: None,
    };
    let escalated = Fact::Escalated {
        change_id: change_id(),
        error: "outside of its scope".to_owned(),
        assumption: None,
        partial: false,
    };
    let chosen = Fact::Chosen {
        change_id: change_id(),
        choice: enact_core::journal::Choice::Retry,
        by: person(),
        reason: "x".to_owned(),
        proof: None,
    };
    let facts = vec![
        (1, intent("m")),
        (1, delegated()),
        (3, attested()),
        (3, escalated),
        (603, chosen),
        (603, resumed(false)),
        (603, intent("m")),
        (603, delegated()),
        (604, attested()),
        (604, done("m")),
        (605, finished(RunOutcome::Verified)),
    ];
    let report = report_on(&plan, facts, 9000);
    let waits = report
        .waits
        .iter()
        .map(|wait| (wait.what.as_str(), wait.waited_ms));
    let waits: Vec<(&str, Option<u64>)> = waits.collect();
    assert_eq!(waits, [("attestation", Some(3_000)), ("decision", Some(600_000))]);
}
