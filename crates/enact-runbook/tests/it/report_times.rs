//! Times in reports: from moments in UTC, whatever local clocks do meanwhile, and never less than nothing.

use enact_core::change::ChangeId;
use enact_core::journal::{Entry, Fact, RunId, RunOutcome};
use enact_core::plan::Plan;
use enact_core::principal::{Principal, PrincipalKind};
use enact_runbook::provider::document_of;
use enact_runbook::report::RunbookReport;
use jiff::Timestamp;

use crate::kit;

const STEPS: &str = "  - { id: off, title: Off, exec: [a], repeat: safe, estimate: 10s, rollback: none }\n  \
    - { id: on, title: On, exec: [b], repeat: safe, estimate: 20s, rollback: none }\n\
    downtime: { from: off, to: on, limit: 10m }";

fn plan() -> Plan {
    kit::plan(&kit::with_steps(STEPS))
}

fn person() -> Principal {
    Principal {
        id: "os:ana".to_owned(),
        kind: PrincipalKind::Person,
    }
}

/// A finished run: the moments of its facts, in order.
fn journal(plan: &Plan, moments: [&str; 8]) -> Vec<Entry> {
    let started = Fact::RunStarted {
        plan_id: plan.id().clone(),
        approvals: Vec::new(),
        bundle_digest: enact_core::canonical::Digest::of(b"bundle"),
        without_policy: false,
        conditions: Vec::new(),
        folder: None,
        by: person(),
    };
    let resumed = Fact::Resumed {
        back: false,
        bundle_digest: None,
        without_policy: false,
        approvals: Vec::new(),
        folder: None,
        by: person(),
    };
    let intent = |step: &str| Fact::Intent {
        change_id: ChangeId::from(step),
    };
    let done = |step: &str| Fact::Done {
        change_id: ChangeId::from(step),
        outputs: Default::default(),
        settled: false,
    };
    let facts = [
        started,
        intent("off"),
        done("off"),
        Fact::Paused {
            reason: "a word".to_owned(),
        },
        resumed,
        intent("on"),
        done("on"),
        Fact::Finished {
            outcome: RunOutcome::Verified,
        },
    ];
    let mut entries: Vec<Entry> = Vec::new();
    for (fact, moment) in facts.into_iter().zip(moments) {
        let at: Timestamp = moment.parse().unwrap();
        let entry = Entry::chain(&RunId("run".to_owned()), entries.last(), at, 1, fact).unwrap();
        entries.push(entry);
    }
    entries
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
