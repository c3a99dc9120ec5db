//! Steps that began and were not done: what may have happened of them is taken back with the rest.

use ChangeState::{Delegated, Done, Failed, Pending, Undone};
use enact_core::change::{ChangeId, Milliseconds, Undo};
use enact_core::journal::{ChangeState, Choice, RunOutcome, RunPhase};
use enact_core::procedure::{Attempts, RollbackMode};
use enact_core::report::{BEGUN, RunReport};
use enact_engine::provider::{Disposition, Failure, Made, Settled};

use crate::desk::{Desk, Script, four, handling, states};

pub(crate) fn lost() -> Result<Made, Failure> {
    Err(Failure::new(Disposition::Look, "no answer came"))
}

#[test]
fn what_may_have_happened_is_taken_back_although_it_may_run_again() {
    for (found, taken_back) in [
        (Settled::Repeatable, vec!["undo b", "undo a"]),
        (Settled::NotDone, vec!["undo a"]),
    ] {
        let script = Script::default().applies("b", (0..9).map(|_| lost()).collect());
        script.settles.borrow_mut().insert("b".to_owned(), found);
        let desk = Desk::new(&four(|_| ()), script).rolling_back(RollbackMode::Auto);
        let (_, state) = desk.start();
        let saw = desk.script.saw();
        let undone: Vec<&String> = saw.iter().filter(|line| line.starts_with("undo")).collect();
        assert_eq!(undone, taken_back.iter().collect::<Vec<_>>());
        assert_eq!(state.outcome, Some(RunOutcome::RolledBack));
    }
}

#[test]
fn a_step_whose_attempt_failed_and_that_was_stopped_before_the_next_is_taken_back() {
    let plan = four(|changes| {
        handling(&mut changes[1]).attempts = Some(Attempts {
            attempts: 2,
            delay: Milliseconds(3_600_000),
            growth_percent: 100,
            longest: Milliseconds(3_600_000),
        });
    });
    let again = Failure::new(Disposition::Retry { after: None }, "exit code 1").in_part();
    let script = Script::default().applies("b", vec![Err(again)]);
    let desk = Desk::new(&plan, script);
    *desk.script.stops_at.borrow_mut() = Some("do b".to_owned());
    let (run_id, state) = desk.start();
    assert_eq!(
        (state.phase, &states(&state)[..2]),
        (RunPhase::Stopped, &[Done, Pending][..])
    );
    let report = RunReport::of(None, &plan, &state);
    let row = report.changes.iter().find(|row| row.change_id.0 == "b").unwrap();
    assert_eq!(
        row.reason.as_deref(),
        Some(BEGUN),
        "not as if nothing had happened"
    );
    let state = desk.roll_back(&run_id);
    assert_eq!(states(&state)[..2], [Undone, Undone]);
    assert_eq!(desk.script.saw(), ["do a", "do b", "do z", "undo b", "undo a"]);
}

#[test]
fn attempts_before_a_stop_count() {
    let plan = four(|changes| {
        handling(&mut changes[1]).attempts = Some(Attempts {
            attempts: 3,
            delay: Milliseconds(1),
            growth_percent: 100,
            longest: Milliseconds(1),
        });
    });
    let again = || Err(Failure::new(Disposition::Retry { after: None }, "exit code 1").in_part());
    let script = Script::default().applies("b", (0..9).map(|_| again()).collect());
    let desk = Desk::new(&plan, script);
    *desk.script.stops_at.borrow_mut() = Some("do b".to_owned());
    let (run_id, state) = desk.start();
    assert_eq!(state.phase, RunPhase::Stopped);
    let state = desk.resume(&run_id);
    let b = &state.changes[&ChangeId::from("b")];
    assert_eq!(b.error.as_deref(), Some("exit code 1 (after 3 attempts)"));
    assert_eq!(desk.script.saw(), ["do a", "do b", "do b", "do b", "do z"]);
    assert_eq!((b.state, b.attempts_failed), (Failed, 2));
}

#[test]
fn work_in_somebodys_hands_is_taken_back_where_there_is_a_way() {
    for (undo, expected) in [
        (
            Some(Undo::Run {
                spec: serde_json::json!({}),
            }),
            vec!["do a", "do b", "do z", "undo b", "undo a"],
        ),
        (None, vec!["do a", "do b", "do z", "undo a"]),
    ] {
        let plan = four(|changes| changes[1].undo.clone_from(&undo));
        let handed = Failure::new(Disposition::Wait, "do it by hand");
        let desk = Desk::new(&plan, Script::default().applies("b", vec![Err(handed)]));
        let (run_id, state) = desk.start();
        assert_eq!(states(&state)[..2], [Done, Delegated]);
        desk.chooses(&run_id, "b", Choice::Rollback);
        desk.resume(&run_id);
        assert_eq!(desk.script.saw(), expected);
    }
}
