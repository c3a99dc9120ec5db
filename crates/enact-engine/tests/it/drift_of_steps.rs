//! What no longer agrees with a procedure's plan: before anything was done the plan is stale; afterwards a person decides.

use std::collections::VecDeque;

use ChangeState::{Done, Escalated, Pending, Undone};
use enact_core::change::ChangeId;
use enact_core::journal::{ChangeState, Choice, Mismatch, RunOutcome, RunPhase};
use enact_core::procedure::{Hold, Moment};
use enact_engine::provider::Settled;

use crate::begun::lost;
use crate::desk::{Desk, Script, four, handling, states};

fn differs(step: &str, assumption: Option<&str>) -> Mismatch {
    Mismatch {
        change_id: ChangeId::from(step),
        subject: "file load.sh".to_owned(),
        expected: "sha256:1".into(),
        found: "another content".into(),
        assumption: assumption.map(ToOwned::to_owned),
    }
}

#[test]
fn drift_in_the_first_look_at_everything_asks_a_person_once_something_was_done() {
    let plan = four(|changes| handling(&mut changes[1]).holds = vec![Hold::at(Moment::Before)]);
    let desk = Desk::new(&plan, Script::default());
    let (run_id, state) = desk.start();
    assert_eq!(
        (state.phase, &states(&state)[..2]),
        (RunPhase::Paused, &[Done, Pending][..])
    );
    desk.confirms(&run_id, "b", Moment::Before, "ana", &[]);
    let both = vec![differs("b", Some("A1")), differs("c", None)];
    desk.script.preflights.borrow_mut().push_back(both);
    let state = desk.resume(&run_id);
    assert_eq!((state.phase, state.outcome), (RunPhase::Paused, None));
    assert_eq!(states(&state)[..3], [Done, Escalated, Pending]);
    let asked = &state.changes[&ChangeId::from("b")];
    assert_eq!(asked.assumption.as_deref(), Some("A1"));
    assert!(asked.error.as_ref().unwrap().contains("file load.sh: expected"));
    desk.chooses(&run_id, "b", Choice::Retry);
    assert_eq!(desk.resume(&run_id).outcome, Some(RunOutcome::Verified));
}

#[test]
fn drift_right_before_a_step_asks_a_person_and_what_was_done_can_be_taken_back() {
    let script = Script::default();
    let answers = VecDeque::from([Ok(vec![differs("b", None)])]);
    script.checks.borrow_mut().insert("b".to_owned(), answers);
    let desk = Desk::new(&four(|_| ()), script);
    let (run_id, state) = desk.start();
    assert_eq!(
        (state.phase, &states(&state)[..2]),
        (RunPhase::Paused, &[Done, Escalated][..])
    );
    desk.chooses(&run_id, "b", Choice::Rollback);
    let state = desk.resume(&run_id);
    assert_eq!(
        (state.outcome, state.of(&ChangeId::from("a"))),
        (Some(RunOutcome::RolledBack), Undone)
    );
}

#[test]
fn drift_found_while_looking_what_became_of_a_step_asks_a_person_too() {
    let script = Script::default().applies("b", vec![lost()]);
    let drift = Settled::Drift(vec![differs("b", None)]);
    script.settles.borrow_mut().insert("b".to_owned(), drift);
    let desk = Desk::new(&four(|_| ()), script);
    let (_, state) = desk.start();
    assert_eq!(
        (state.phase, &states(&state)[..2]),
        (RunPhase::Paused, &[Done, Escalated][..])
    );
}
