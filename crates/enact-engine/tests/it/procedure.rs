//! Procedures: where a run waits for people, what a failure leads to, what runs in any case, what is taken back.

use crate::desk::{Desk, Script, fails, four, handling, states};
use ChangeState::{Done, Escalated, Failed, Omitted, Pending, Skipped, Undone};
use enact_core::change::{ChangeId, Effect, Milliseconds};
use enact_core::condition::Condition;
use enact_core::criterion::{CriterionReport, CriterionVerdict};
use enact_core::journal::{ChangeState, Choice, Fact, Mismatch, RunOutcome, RunPhase, Settlement};
use enact_core::procedure::{Attempts, Hold, Moment, OnFailure, RollbackMode};
use enact_core::report::has_failed;
use enact_engine::provider::{Disposition, Failure, Made};
use enact_testkit::fixtures::{person, start};
use std::collections::{BTreeMap, VecDeque};

#[test]
fn steps_run_in_order_and_what_runs_in_any_case_runs_last() {
    let desk = Desk::new(&four(|_| ()), Script::default());
    let (_, state) = desk.start();
    assert_eq!(state.outcome, Some(RunOutcome::Verified));
    assert_eq!(desk.script.saw(), ["do a", "do b", "do c", "do z"]);
}

#[test]
fn a_step_that_only_needs_an_earlier_one_does_not_overtake() {
    let plan = four(|changes| {
        changes[2].depends_on.clear();
    });
    let desk = Desk::new(&plan, Script::default());
    desk.start();
    assert_eq!(desk.script.saw(), ["do a", "do b", "do c", "do z"]);
}

#[test]
fn a_hold_before_a_step_pauses_until_enough_people_with_their_roles_confirm() {
    let plan = four(|changes| {
        handling(&mut changes[1]).holds = vec![Hold {
            count: 2,
            roles: vec!["dba".to_owned()],
            ..Hold::at(Moment::Before)
        }];
    });
    let desk = Desk::new(&plan, Script::default());
    let (run_id, state) = desk.start();
    assert_eq!((state.phase, state.outcome), (RunPhase::Paused, None));
    assert_eq!(states(&state), [Done, Pending, Pending, Pending]);
    desk.signs(&run_id, "b", Moment::Before, "ana", &[]);
    desk.signs(&run_id, "b", Moment::Before, "ana", &["dba"]);
    assert_eq!(
        desk.resume(&run_id).phase,
        RunPhase::Paused,
        "one person is not two"
    );
    desk.confirms(&run_id, "b", Moment::Before, "user", &[]);
    assert_eq!(
        desk.resume(&run_id).phase,
        RunPhase::Paused,
        "a user of the machine may be ana"
    );
    desk.signs(&run_id, "b", Moment::Before, "zoe", &["sre"]);
    assert_eq!(
        desk.resume(&run_id).phase,
        RunPhase::Paused,
        "each of them has the role"
    );
    desk.signs(&run_id, "b", Moment::After, "ben", &["dba"]);
    assert_eq!(
        desk.resume(&run_id).phase,
        RunPhase::Paused,
        "after is not before"
    );
    desk.signs(&run_id, "b", Moment::Before, "ben", &["dba"]);
    assert_eq!(desk.resume(&run_id).outcome, Some(RunOutcome::Verified));
    assert_eq!(desk.script.saw(), ["do a", "do b", "do c", "do z"]);
}

#[test]
fn a_hold_after_a_step_keeps_the_next_one_from_starting_also_across_processes() {
    let plan = four(|changes| handling(&mut changes[0]).holds = vec![Hold::at(Moment::After)]);
    let desk = Desk::new(&plan, Script::default());
    let (run_id, state) = desk.start();
    assert_eq!(states(&state), [Done, Pending, Pending, Pending]);
    assert_eq!(desk.resume(&run_id).phase, RunPhase::Paused);
    desk.confirms(&run_id, "a", Moment::After, "ana", &[]);
    assert_eq!(desk.resume(&run_id).outcome, Some(RunOutcome::Verified));
}

#[test]
fn conditions_of_an_approval_add_checkpoints_to_a_plan_that_has_none() {
    let change_id = ChangeId::from("c");
    for (condition, stops_before) in [
        (
            Condition::CheckpointBefore {
                change_id: change_id.clone(),
            },
            Pending,
        ),
        (
            Condition::CheckpointAfter {
                change_id: change_id.clone(),
            },
            Done,
        ),
        (
            Condition::SecondApprover {
                change_id: change_id.clone(),
                who: "os:ben".to_owned(),
            },
            Pending,
        ),
        (Condition::StopAfter { change_id }, Done),
    ] {
        let desk = Desk::under(&four(|_| ()), Script::default(), vec![condition.clone()]);
        let (_, state) = desk.start();
        assert_eq!(state.phase, RunPhase::Paused, "{condition:?}");
        assert_eq!(
            states(&state),
            [Done, Done, stops_before, Pending],
            "{condition:?}"
        );
    }
}

#[test]
fn a_second_approver_is_that_one_person() {
    let condition = Condition::SecondApprover {
        change_id: ChangeId::from("b"),
        who: "os:cleo".to_owned(),
    };
    let desk = Desk::under(&four(|_| ()), Script::default(), vec![condition]);
    let (run_id, _) = desk.start();
    desk.confirms(&run_id, "b", Moment::Before, "ana", &["everything"]);
    assert_eq!(desk.resume(&run_id).phase, RunPhase::Paused);
    desk.confirms(&run_id, "b", Moment::Before, "cleo", &[]);
    assert_eq!(desk.resume(&run_id).outcome, Some(RunOutcome::Verified));
}

#[test]
fn a_checkpoint_between_steps_is_one_before_each_but_the_first() {
    let desk = Desk::under(
        &four(|_| ()),
        Script::default(),
        vec![Condition::CheckpointBetweenSteps],
    );
    let (run_id, mut state) = desk.start();
    for step in ["b", "c", "z"] {
        assert_eq!(state.phase, RunPhase::Paused, "before {step}");
        desk.confirms(&run_id, step, Moment::Before, "ana", &[]);
        state = desk.resume(&run_id);
    }
    assert_eq!(state.outcome, Some(RunOutcome::Verified));
}

#[test]
fn an_approval_that_runs_out_stops_the_run_at_the_next_step() {
    let condition = Condition::Window {
        not_before: None,
        not_after: Some(start() + jiff::SignedDuration::from_millis(1)),
    };
    let desk = Desk::under(&four(|_| ()), Script::default(), vec![condition]);
    desk.machine.clock.0.advance(std::time::Duration::from_secs(1));
    let (_, state) = desk.start();
    assert_eq!(state.phase, RunPhase::Paused);
    assert_eq!(states(&state), [Pending; 4]);
}

#[test]
fn a_limit_on_the_time_at_work_does_not_count_the_time_it_waited() {
    let conditions = vec![
        Condition::MaxDuration {
            limit: Milliseconds(60_000),
        },
        Condition::CheckpointBefore {
            change_id: ChangeId::from("b"),
        },
    ];
    let desk = Desk::under(&four(|_| ()), Script::default(), conditions);
    let (run_id, _) = desk.start();
    desk.machine.clock.0.advance(std::time::Duration::from_secs(3600));
    desk.confirms(&run_id, "b", Moment::Before, "ana", &[]);
    assert_eq!(desk.resume(&run_id).outcome, Some(RunOutcome::Verified));
}

#[test]
fn a_step_that_is_not_needed_is_left_out_and_what_needs_it_runs() {
    let script = Script {
        not_needed: vec!["b".to_owned()],
        ..Script::default()
    };
    let plan = four(|changes| handling(&mut changes[1]).holds = vec![Hold::at(Moment::Before)]);
    let desk = Desk::new(&plan, script);
    let (_, state) = desk.start();
    assert_eq!(states(&state), [Done, Omitted, Done, Done]);
    assert_eq!(state.outcome, Some(RunOutcome::Verified));
}

#[test]
fn a_failure_stops_the_run_and_what_runs_in_any_case_still_runs() {
    let desk = Desk::new(&four(|_| ()), Script::default().applies("b", vec![fails("no")]));
    let (_, state) = desk.start();
    assert_eq!(states(&state), [Done, Failed, Skipped, Done]);
    assert_eq!(state.outcome, Some(RunOutcome::Failed));
}

#[test]
fn the_failure_of_a_step_that_is_not_critical_neither_stops_nor_fails_the_run() {
    let plan = four(|changes| {
        let handling = handling(&mut changes[1]);
        handling.critical = false;
        handling.on_failure = OnFailure::Continue;
        changes[2].depends_on = vec![ChangeId::from("a")];
    });
    let desk = Desk::new(&plan, Script::default().applies("b", vec![fails("no")]));
    let (_, state) = desk.start();
    assert_eq!(states(&state), [Done, Failed, Done, Done]);
    assert_eq!(state.outcome, Some(RunOutcome::Verified));
}

#[test]
fn attempts_are_counted_and_only_as_many_as_the_plan_says() {
    let plan = four(|changes| {
        handling(&mut changes[1]).attempts = Some(Attempts {
            attempts: 3,
            delay: Milliseconds(1),
            growth_percent: 100,
            longest: Milliseconds(1),
        });
    });
    let again = || Err(Failure::new(Disposition::Retry { after: None }, "busy"));
    let desk = Desk::new(&plan, Script::default().applies("b", vec![again(), again()]));
    let (_, state) = desk.start();
    assert_eq!(state.outcome, Some(RunOutcome::Verified));
    assert_eq!(state.changes[&ChangeId::from("b")].attempts_failed, 2);
    let desk = Desk::new(
        &plan,
        Script::default().applies("b", vec![again(), again(), again(), Ok(Made::new())]),
    );
    let (_, state) = desk.start();
    assert_eq!(states(&state), [Done, Failed, Skipped, Done]);
    assert_eq!(desk.script.saw().iter().filter(|seen| *seen == "do b").count(), 3);
}

#[test]
fn a_step_without_attempts_of_its_own_is_tried_once() {
    let again = Err(Failure::new(Disposition::Retry { after: None }, "busy"));
    let desk = Desk::new(&four(|_| ()), Script::default().applies("a", vec![again]));
    let (_, state) = desk.start();
    assert_eq!(states(&state), [Failed, Skipped, Skipped, Done]);
    assert_eq!(desk.script.saw(), ["do a", "do z"]);
}

fn broken() -> Result<Made, Failure> {
    let mut failure = Failure::new(Disposition::Escalate, "the table exists").in_part();
    failure.assumption = Some("A_FRESH".to_owned());
    Err(failure)
}

#[test]
fn a_broken_assumption_pauses_and_never_goes_on_by_itself() {
    let desk = Desk::new(&four(|_| ()), Script::default().applies("b", vec![broken()]));
    let (run_id, state) = desk.start();
    assert_eq!(states(&state), [Done, Escalated, Pending, Pending]);
    assert_eq!(state.phase, RunPhase::Paused);
    assert_eq!(desk.resume(&run_id).phase, RunPhase::Paused);
    assert_eq!(desk.script.saw(), ["do a", "do b"]);
}

#[test]
fn a_person_chooses_how_an_escalation_goes_on() {
    let ends = [
        (
            Choice::Retry,
            Some(RunOutcome::Verified),
            [Done, Done, Done, Done],
        ),
        (
            Choice::Accept,
            Some(RunOutcome::Verified),
            [Done, Done, Done, Done],
        ),
        (
            Choice::Skip,
            Some(RunOutcome::Verified),
            [Done, Omitted, Done, Done],
        ),
        (
            Choice::Abort,
            Some(RunOutcome::Failed),
            [Done, Failed, Skipped, Done],
        ),
        (
            Choice::Rollback,
            Some(RunOutcome::RolledBack),
            [Undone, Undone, Skipped, Done],
        ),
    ];
    for (choice, outcome, after) in ends {
        let desk = Desk::new(&four(|_| ()), Script::default().applies("b", vec![broken()]));
        let (run_id, _) = desk.start();
        desk.chooses(&run_id, "b", choice);
        let state = desk.resume(&run_id);
        assert_eq!(states(&state), after, "{choice:?}");
        assert_eq!(state.outcome, outcome, "{choice:?}");
        assert_eq!(state.waived.contains("A_FRESH"), choice == Choice::Accept);
    }
}

#[test]
fn on_failure_escalate_asks_instead_of_failing() {
    let plan = four(|changes| handling(&mut changes[1]).on_failure = OnFailure::Escalate);
    let desk = Desk::new(&plan, Script::default().applies("b", vec![fails("no")]));
    let (_, state) = desk.start();
    assert_eq!(states(&state), [Done, Escalated, Pending, Pending]);
}

#[test]
fn a_rollback_goes_in_reverse_and_takes_the_failed_step_in() {
    let desk = Desk::new(&four(|_| ()), Script::default().applies("c", vec![fails("no")]))
        .rolling_back(RollbackMode::Auto);
    let (_, state) = desk.start();
    assert_eq!(state.outcome, Some(RunOutcome::RolledBack));
    assert_eq!(
        desk.script.saw(),
        ["do a", "do b", "do c", "do z", "undo c", "undo b", "undo a"]
    );
}

#[test]
fn a_step_can_ask_for_rollback_where_the_plan_does_not() {
    let plan = four(|changes| handling(&mut changes[1]).on_failure = OnFailure::Rollback);
    let desk = Desk::new(&plan, Script::default().applies("b", vec![fails("no")]));
    let (_, state) = desk.start();
    assert_eq!(state.outcome, Some(RunOutcome::RolledBack));
}

#[test]
fn a_rollback_that_asks_waits_for_a_person_and_does_what_they_say() {
    for (choice, outcome) in [
        (Choice::Rollback, RunOutcome::RolledBack),
        (Choice::Abort, RunOutcome::Failed),
    ] {
        let desk = Desk::new(&four(|_| ()), Script::default().applies("b", vec![fails("no")]))
            .rolling_back(RollbackMode::Ask);
        let (run_id, state) = desk.start();
        assert_eq!(state.phase, RunPhase::Paused);
        assert_eq!(states(&state), [Done, Failed, Skipped, Done]);
        desk.chooses(&run_id, "b", choice);
        assert_eq!(desk.resume(&run_id).outcome, Some(outcome));
    }
}

#[test]
fn past_the_point_of_no_return_nothing_is_taken_back_unless_a_person_insists() {
    let mut desk = Desk::new(&four(|_| ()), Script::default().applies("c", vec![fails("no")]))
        .rolling_back(RollbackMode::Auto);
    desk.options.rollback.point_of_no_return = Some(ChangeId::from("b"));
    let (run_id, state) = desk.start();
    assert_eq!(state.phase, RunPhase::Paused);
    assert!(!desk.script.saw().iter().any(|seen| seen.starts_with("undo")));
    desk.chooses(&run_id, "c", Choice::Rollback);
    assert_eq!(
        desk.resume(&run_id).phase,
        RunPhase::Paused,
        "not without the override"
    );
    desk.options.past_point_of_no_return = true;
    assert_eq!(desk.resume(&run_id).outcome, Some(RunOutcome::RolledBack));
}

#[test]
fn an_undo_that_fails_leaves_the_run_stuck_with_the_rest_as_it_is() {
    for stuck in ["a", "b", "c"] {
        let script = Script::default().applies("c", vec![fails("no")]);
        let failure = Failure::new(Disposition::GiveUp, "no");
        script.undos.borrow_mut().insert(stuck.to_owned(), Err(failure));
        let desk = Desk::new(&four(|_| ()), script).rolling_back(RollbackMode::Auto);
        let (_, state) = desk.start();
        assert_eq!(state.outcome, Some(RunOutcome::Stuck), "{stuck}");
        assert_eq!(state.of(&ChangeId::from(stuck)), ChangeState::Stuck);
    }
}

#[test]
fn a_delegated_step_waits_until_somebody_attests_it() {
    let wait = Err(Failure::new(Disposition::Wait, "write the routes"));
    let desk = Desk::new(&four(|_| ()), Script::default().applies("b", vec![wait]));
    let (run_id, state) = desk.start();
    assert_eq!(state.of(&ChangeId::from("b")), ChangeState::Delegated);
    assert_eq!(desk.resume(&run_id).phase, RunPhase::Paused);
    let subject = enact_core::journal::Subject::Change(ChangeId::from("b"));
    desk.says(
        &run_id,
        Fact::Attested {
            proof: None,
            subject,
            by: person("ana"),
            roles: Vec::new(),
            evidence: BTreeMap::new(),
        },
    );
    assert_eq!(desk.resume(&run_id).outcome, Some(RunOutcome::Verified));
    assert_eq!(desk.script.saw(), ["do a", "do b", "settle b", "do c", "do z"]);
}

fn criterion(verdict: CriterionVerdict) -> CriterionReport {
    CriterionReport {
        id: "C1".to_owned(),
        kind: "acceptance".to_owned(),
        text: "it works".to_owned(),
        verdict,
        detail: String::new(),
        satisfies: Vec::new(),
    }
}

#[test]
fn criteria_decide_whether_a_run_is_verified() {
    for (verdict, outcome) in [
        (CriterionVerdict::Passed, Some(RunOutcome::Verified)),
        (CriterionVerdict::Attested, Some(RunOutcome::Verified)),
        (CriterionVerdict::NotApplicable, Some(RunOutcome::Verified)),
        (CriterionVerdict::Failed, Some(RunOutcome::NotVerified)),
        (CriterionVerdict::NotChecked, Some(RunOutcome::NotVerified)),
        (CriterionVerdict::Waiting, None),
    ] {
        let script = Script::default();
        script.criteria.borrow_mut().push(criterion(verdict));
        let desk = Desk::new(&four(|_| ()), script);
        let (_, state) = desk.start();
        assert_eq!(state.outcome, outcome, "{verdict:?}");
    }
}

#[test]
fn failed_verification_can_lead_to_rollback() {
    let script = Script::default();
    script
        .criteria
        .borrow_mut()
        .push(criterion(CriterionVerdict::Failed));
    let mut desk = Desk::new(&four(|_| ()), script);
    desk.options.rollback.on_verify_failed = RollbackMode::Auto;
    let (_, state) = desk.start();
    assert_eq!(state.outcome, Some(RunOutcome::RolledBack));
}

#[test]
fn before_the_first_effect_a_broken_assumption_writes_nothing() {
    let mismatch = Mismatch {
        change_id: ChangeId::from("b"),
        subject: "assumption A".to_owned(),
        expected: "holds".into(),
        found: "3 rows".into(),
        assumption: None,
    };
    let script = Script::default();
    script
        .checks
        .borrow_mut()
        .insert("b".to_owned(), VecDeque::from([Ok(vec![mismatch])]));
    let plan = four(|changes| changes[0].effect = Effect::Read);
    let desk = Desk::new(&plan, script);
    let (_, state) = desk.start();
    assert_eq!(state.of(&ChangeId::from("b")), ChangeState::Drifted);
    assert_eq!(state.of(&ChangeId::from("c")), Skipped);
}

#[test]
fn nothing_is_taken_back_while_nobody_knows_whether_what_runs_in_any_case_ran() {
    let lost = Err(Failure::new(Disposition::AskHuman, "no answer"));
    let script = Script::default()
        .applies("b", vec![fails("no")])
        .applies("z", vec![lost]);
    let desk = Desk::new(&four(|_| ()), script).rolling_back(RollbackMode::Auto);
    let (run_id, state) = desk.start();
    assert_eq!(states(&state), [Done, Failed, Skipped, ChangeState::Unknown]);
    assert_eq!(state.outcome, Some(RunOutcome::Unknown));
    desk.says(
        &run_id,
        Fact::Decided {
            proof: None,
            change_id: ChangeId::from("z"),
            settlement: Settlement::NotDone,
            by: person("ana"),
            reason: "looked".to_owned(),
            outputs: BTreeMap::new(),
        },
    );
    let state = desk.resume(&run_id);
    assert_eq!(states(&state), [Undone, Undone, Skipped, Done]);
    assert_eq!(state.outcome, Some(RunOutcome::RolledBack));
    assert_eq!(
        desk.script.saw(),
        ["do a", "do b", "do z", "do z", "undo b", "undo a"]
    );
}

#[test]
fn a_stop_during_an_undo_is_no_failure_of_it_and_the_rest_is_taken_back_later() {
    let desk = Desk::new(&four(|_| ()), Script::default());
    let (run_id, _) = desk.start();
    let stopped = || {
        Err(Failure::new(
            Disposition::Look,
            "it was ended because the run is to stop now",
        ))
    };
    desk.script.undos.borrow_mut().insert("b".to_owned(), stopped());
    *desk.script.stops_at.borrow_mut() = Some("undo b".to_owned());
    let state = desk.roll_back(&run_id);
    assert_eq!((state.phase, state.outcome), (RunPhase::Stopped, None));
    assert_eq!(states(&state), [Done, ChangeState::Undoing, Undone, Done]);
    let state = desk.roll_back(&run_id);
    assert_eq!(states(&state), [Undone, Undone, Undone, Done]);
    assert_eq!(state.outcome, Some(RunOutcome::RolledBack));
    assert!(!has_failed(desk.admitted.plan(), &state));
    let undos: Vec<String> = desk.script.saw().split_off(4);
    assert_eq!(undos, ["undo c", "undo b", "undo b", "undo a"]);
}

#[test]
fn an_undo_of_what_failed_in_part_is_taken_up_after_a_stop_too() {
    let desk = Desk::new(&four(|_| ()), Script::default().applies("c", vec![fails("no")]));
    let (run_id, state) = desk.start();
    assert!(has_failed(desk.admitted.plan(), &state));
    let busy = Err(Failure::new(Disposition::Retry { after: None }, "busy"));
    desk.script.undos.borrow_mut().insert("c".to_owned(), busy);
    *desk.script.stops_at.borrow_mut() = Some("undo c".to_owned());
    let state = desk.roll_back(&run_id);
    assert_eq!(states(&state), [Done, Done, ChangeState::Undoing, Done]);
    let state = desk.roll_back(&run_id);
    assert_eq!(states(&state), [Undone, Undone, Undone, Done]);
    assert!(
        has_failed(desk.admitted.plan(), &state),
        "it was taken back, and had failed"
    );
}
