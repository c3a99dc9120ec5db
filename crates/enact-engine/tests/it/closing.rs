//! What runs however a run ends does run, and before anything is taken back, however that end came about.

use std::collections::VecDeque;

use ChangeState::{Done, Escalated, Failed, Pending};
use enact_core::change::{ChangeId, Milliseconds};
use enact_core::condition::Condition;
use enact_core::journal::{ChangeState, Choice, Mismatch, RunOutcome, RunPhase};
use enact_core::procedure::{Hold, Moment, OnFailure, RollbackMode};
use enact_engine::provider::{Disposition, Failure};

use crate::desk::{Desk, Script, fails, four, handling, states};

fn failing_at_b() -> Script {
    Script::default().applies("b", vec![fails("exit code 1")])
}

const CLOSED_THEN_TAKEN_BACK: [&str; 5] = ["do a", "do b", "do z", "undo b", "undo a"];

#[test]
fn an_approval_that_has_ended_keeps_nothing_from_being_closed() {
    let conditions = vec![Condition::MaxDuration {
        limit: Milliseconds(30_000),
    }];
    let desk = Desk::under(&four(|_| ()), failing_at_b(), conditions)
        .rolling_back(RollbackMode::Auto)
        .jumping(vec![("b", 60_000)]);
    let (_, state) = desk.start();
    assert_eq!(state.outcome, Some(RunOutcome::RolledBack));
    assert_eq!(desk.script.saw(), CLOSED_THEN_TAKEN_BACK);
}

#[test]
fn what_closes_a_run_is_waited_for_before_anything_is_taken_back() {
    let plan = four(|changes| {
        handling(&mut changes[3]).holds = vec![Hold::at(Moment::Before)];
        // Only this failure says that everything is to be taken back.
        handling(&mut changes[1]).on_failure = OnFailure::Rollback;
    });
    let desk = Desk::new(&plan, failing_at_b());
    let (run_id, state) = desk.start();
    assert_eq!((state.phase, state.outcome), (RunPhase::Paused, None));
    assert_eq!(desk.script.saw(), ["do a", "do b"]);
    desk.confirms(&run_id, "z", Moment::Before, "ana", &[]);
    let state = desk.resume(&run_id);
    assert_eq!(state.outcome, Some(RunOutcome::RolledBack));
    assert_eq!(desk.script.saw(), CLOSED_THEN_TAKEN_BACK);
}

#[test]
fn a_run_that_is_taken_back_waits_too_and_does_not_go_forward_afterwards() {
    let plan = four(|changes| handling(&mut changes[3]).holds = vec![Hold::at(Moment::Before)]);
    let desk = Desk::new(&plan, Script::default());
    *desk.script.stops_at.borrow_mut() = Some("do a".to_owned());
    let (run_id, state) = desk.start();
    assert_eq!(state.phase, RunPhase::Stopped);
    let state = desk.roll_back(&run_id);
    assert_eq!(
        (state.phase, state.ending),
        (RunPhase::Paused, Some(Choice::Rollback))
    );
    desk.confirms(&run_id, "z", Moment::Before, "ana", &[]);
    // Whoever only resumes it does not start the steps that are left either.
    assert_eq!(desk.resume(&run_id).of(&ChangeId::from("b")), Pending);
    let state = desk.roll_back(&run_id);
    assert_eq!(state.outcome, Some(RunOutcome::RolledBack));
    assert_eq!(desk.script.saw(), ["do a", "do z", "undo a"]);
}

#[test]
fn somebody_decides_about_what_cannot_close_before_anything_is_taken_back() {
    let differs = Mismatch {
        change_id: ChangeId::from("z"),
        subject: "a check that the approval adds".to_owned(),
        expected: "holds".into(),
        found: "exit code 1".into(),
        assumption: None,
    };
    let script = failing_at_b();
    let answers = VecDeque::from([Ok(vec![differs])]);
    script.checks.borrow_mut().insert("z".to_owned(), answers);
    let desk = Desk::new(&four(|_| ()), script).rolling_back(RollbackMode::Auto);
    let (run_id, state) = desk.start();
    assert_eq!((state.phase, states(&state)[3]), (RunPhase::Paused, Escalated));
    desk.chooses(&run_id, "z", Choice::Retry);
    let state = desk.resume(&run_id);
    assert_eq!(state.outcome, Some(RunOutcome::RolledBack));
    assert_eq!(desk.script.saw(), CLOSED_THEN_TAKEN_BACK);
}

#[test]
fn a_stop_before_everything_is_closed_is_a_stop() {
    let desk = Desk::new(&four(|_| ()), failing_at_b());
    *desk.script.stops_at.borrow_mut() = Some("do b".to_owned());
    let (run_id, state) = desk.start();
    assert_eq!((state.phase, states(&state)[3]), (RunPhase::Stopped, Pending));
    let state = desk.resume(&run_id);
    assert_eq!(
        (state.outcome, states(&state)[3]),
        (Some(RunOutcome::Failed), Done)
    );
}

#[test]
fn a_run_that_somebody_ends_starts_nothing_further_but_what_closes_it() {
    let escalate = Failure::new(Disposition::Escalate, "somebody else made the table");
    let plan = four(|changes| changes[2].depends_on.clear());
    let desk = Desk::new(&plan, Script::default().applies("b", vec![Err(escalate)]));
    let (run_id, _) = desk.start();
    desk.chooses(&run_id, "b", Choice::Abort);
    let state = desk.resume(&run_id);
    assert_eq!(states(&state), [Done, Failed, Pending, Done]);
    assert_eq!(desk.script.saw(), ["do a", "do b", "do z"]);
}

#[test]
fn steps_are_taken_back_in_reverse_whatever_became_of_each() {
    let plan = four(|changes| {
        handling(&mut changes[1]).critical = false;
        changes[2].depends_on.clear();
    });
    let script = failing_at_b().applies("c", vec![fails("exit code 2")]);
    let desk = Desk::new(&plan, script).rolling_back(RollbackMode::Auto);
    desk.start();
    assert_eq!(
        desk.script.saw(),
        ["do a", "do b", "do c", "do z", "undo c", "undo b", "undo a"]
    );
}
