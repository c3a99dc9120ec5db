//! Somebody sets the clock while a run is under way. Nothing is done twice or left out, nothing lasts less than no time, and no
//! approval lasts longer.

use enact_core::change::{ChangeId, Milliseconds};
use enact_core::condition::Condition;
use enact_core::gate::{GateClosed, admit};
use enact_core::journal::{RunOutcome, RunPhase};
use enact_engine::policy::{BuiltinPolicy, PolicyEngine as _};
use enact_testkit::fixtures::{approval, circumstances, occasion, start};
use jiff::SignedDuration;

use crate::desk::{Desk, Script, four};

const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;
const YEAR: i64 = 365 * 24 * HOUR;

#[test]
fn a_run_ends_as_it_would_whichever_way_the_clock_is_set_and_when() {
    for by in [-YEAR, -HOUR, HOUR, YEAR] {
        for step in ["a", "b", "c", "z"] {
            let desk = Desk::new(&four(|_| ()), Script::default()).jumping(vec![(step, by)]);
            let (run_id, state) = desk.start();
            assert_eq!(state.outcome, Some(RunOutcome::Verified), "{by} in {step}");
            assert_eq!(
                desk.script.saw(),
                ["do a", "do b", "do c", "do z"],
                "{by} in {step}"
            );
            let journal = desk.machine.disk.load(&run_id).unwrap();
            assert!(!journal.is_empty(), "and its journal is whole");
            let forward = u64::try_from(by).unwrap_or(0);
            let elapsed = state.clock.elapsed();
            assert!(
                (forward..forward + 1000).contains(&elapsed),
                "{by} in {step}: {elapsed}"
            );
            for other in ["a", "b", "c", "z"] {
                let took = state.changes[&ChangeId::from(other)].took_ms().unwrap();
                let jumped = if other == step { forward } else { 0 };
                assert!(
                    (jumped..jumped + 1000).contains(&took),
                    "{by} in {step}: {other} took {took}"
                );
            }
        }
    }
}

#[test]
fn a_clock_that_is_put_back_makes_no_approval_last_longer() {
    let window = Condition::Window {
        not_before: None,
        not_after: Some(start() + SignedDuration::from_secs(5)),
    };
    let limit = Condition::MaxDuration {
        limit: Milliseconds(5000),
    };
    for condition in [window, limit] {
        let desk = Desk::under(&four(|_| ()), Script::default(), vec![condition])
            .jumping(vec![("a", -HOUR), ("b", 8 * SECOND)]);
        let (_, state) = desk.start();
        assert_eq!(state.phase, RunPhase::Paused);
        assert_eq!(desk.script.saw(), ["do a", "do b"]);
    }
}

#[test]
fn a_clock_that_was_wrong_for_a_while_keeps_nobody_out() {
    let window = Condition::Window {
        not_before: None,
        not_after: Some(start() + SignedDuration::from_hours(2)),
    };
    let desk = Desk::under(&four(|_| ()), Script::default(), vec![window]).jumping(vec![("a", YEAR)]);
    let (run_id, state) = desk.start();
    assert_eq!(state.phase, RunPhase::Paused);
    desk.machine.clock.0.jump(-YEAR);
    assert_eq!(desk.resume(&run_id).outcome, Some(RunOutcome::Verified));
    assert_eq!(desk.script.saw(), ["do a", "do b", "do c", "do z"]);
}

#[test]
fn hours_between_two_processes_are_time_that_it_waited() {
    let limit = Condition::MaxDuration {
        limit: Milliseconds(60_000),
    };
    let places = vec![
        Condition::CheckpointBefore {
            change_id: ChangeId::from("b"),
        },
        limit,
    ];
    let desk = Desk::under(&four(|_| ()), Script::default(), places);
    let (run_id, _) = desk.start();
    desk.machine.clock.0.jump(9 * HOUR);
    desk.confirms(&run_id, "b", enact_core::procedure::Moment::Before, "ana", &[]);
    let state = desk.resume(&run_id);
    assert_eq!(state.outcome, Some(RunOutcome::Verified));
    let hours = u64::try_from(9 * HOUR).unwrap();
    assert!(state.clock.elapsed() >= hours);
    assert!(state.worked(start() + SignedDuration::from_hours(10)).as_secs() < 1);
}

#[test]
fn the_gate_takes_no_approval_from_the_future_and_none_that_ran_out_meanwhile() {
    let plan = four(|_| ());
    let mut record = approval(&plan);
    record.expires_at = Some(start() + SignedDuration::from_hours(24));
    let admitted_at = |offset: i64| {
        let mut now = circumstances();
        now.now = start() + SignedDuration::from_millis(offset);
        admit(
            plan.clone(),
            BuiltinPolicy.judge(&plan, &occasion()),
            vec![record.clone()],
            &now,
        )
    };
    for offset in [-YEAR, -HOUR, YEAR, 25 * HOUR] {
        let refused = admitted_at(offset).unwrap_err();
        let approvals = matches!(refused, GateClosed::NotApproved { .. });
        assert!(approvals, "{offset}: {refused:?}");
    }
    for offset in [-SECOND, 0, HOUR] {
        assert!(admitted_at(offset).is_ok(), "{offset}");
    }
}
