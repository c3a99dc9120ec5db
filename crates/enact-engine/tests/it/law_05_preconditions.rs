//! Law 5: a precondition that does not hold means zero writes; a world that changes later stops the one change it is
//! about, with what was expected and what was found.

use enact_core::change::{Action, Change};
use enact_core::fault::Fault;
use enact_core::journal::{ChangeState, Mismatch, RunOutcome};
use enact_core::report::ChangeOutcome;
use enact_testkit::scenario::{Scenario, calm};
use enact_testkit::world::Moment;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Bench, Ended, catches, ensure, holds};

type Case = (Scenario, usize, bool);

fn the_change(bench: &Bench, (scenario, place, _): &Case) -> Change {
    let place = place % scenario.nodes.len();
    bench.plan().change(&scenario.id(place)).unwrap().clone()
}

/// What the plan was based on, and what somebody else has made of it.
fn seen(change: &Change) -> (Value, Value) {
    match change.action {
        Action::Create => (Value::Null, json!(format!("id:{}", change.resource_name))),
        Action::Update | Action::Delete => (json!({"size": 100}), json!({"size": 999})),
        Action::Run => (json!(true), json!(false)),
    }
}

fn names_it(ended: &Ended, change: &Change) -> Result<(), String> {
    let (expected, found) = seen(change);
    let row = ended
        .report
        .changes
        .iter()
        .find(|row| row.change_id == change.change_id)
        .unwrap();
    let right = |mismatch: &Mismatch| mismatch.expected == expected && mismatch.found == found;
    ensure(row.mismatches.iter().any(right), || {
        format!(
            "the report does not say {expected} and {found}: {:?}",
            row.mismatches
        )
    })
}

fn a_stale_plan_writes_nothing(case: &Case) -> Result<(), String> {
    let bench = Bench::of(&case.0);
    let change = the_change(&bench, case);
    bench.world.meddle_now(&change);
    let before = bench.world.objects();
    let ended = bench.run()?;
    ensure(bench.world.started().is_empty(), || {
        format!("effects in spite of a stale plan: {:?}", bench.world.started())
    })?;
    ensure(bench.world.objects() == before, || {
        "something was written".to_owned()
    })?;
    ensure(
        ended.state.outcome == Some(RunOutcome::Stale) && ended.exit_code == 6,
        || format!("{:?}, exit code {}", ended.state.outcome, ended.exit_code),
    )?;
    names_it(&ended, &change)
}

fn a_world_that_changes_later_stops_that_change(case: &Case) -> Result<(), String> {
    let (scenario, place, early) = case;
    let bench = Bench::of(scenario);
    let change = the_change(&bench, case);
    let moment = if *early {
        Moment::AfterPreflight
    } else {
        Moment::BeforeCheck(change.change_id.clone())
    };
    bench.world.meddle(moment, &change);
    let ended = bench.run()?;
    ensure(!bench.world.started().contains(&change.change_id), || {
        format!("{} was written over what somebody else wrote", change.change_id)
    })?;
    ensure(ended.state.of(&change.change_id) == ChangeState::Drifted, || {
        format!("it is {:?}", ended.state.of(&change.change_id))
    })?;
    names_it(&ended, &change)?;
    let dependants = scenario.dependants(place % scenario.nodes.len());
    for other in (0..scenario.nodes.len()).filter(|other| *other != place % scenario.nodes.len()) {
        let row = ended
            .report
            .changes
            .iter()
            .find(|row| row.change_id == scenario.id(other))
            .unwrap();
        let expected = if dependants.contains(&other) {
            ChangeOutcome::Skipped
        } else if scenario.roll_back {
            ChangeOutcome::Undone
        } else {
            ChangeOutcome::Done
        };
        ensure(row.outcome == expected, || {
            format!("{} is {:?} and not {expected:?}", row.change_id, row.outcome)
        })?;
    }
    let untouched = dependants.len() + 1 == scenario.nodes.len();
    let code = match (untouched, scenario.roll_back) {
        (false, true) => 7,
        (true, _) | (false, false) => 6,
    };
    ensure(ended.exit_code == code, || {
        format!("exit code {} and not {code}", ended.exit_code)
    })
}

fn cases() -> impl Strategy<Value = Case> {
    (calm(2, 7), 0_usize..7, any::<bool>())
}

#[test]
fn one_precondition_that_does_not_hold_means_that_nothing_is_written() {
    holds(100, &cases(), a_stale_plan_writes_nothing);
}

#[test]
fn a_change_whose_world_changes_after_the_first_look_stops_with_expected_and_found() {
    holds(100, &cases(), a_world_that_changes_later_stops_that_change);
}

#[test]
fn leaving_out_the_first_look_is_caught() {
    catches(
        Fault::NoPreflight,
        "effects in spite of a stale plan",
        20,
        &cases(),
        a_stale_plan_writes_nothing,
    );
}

#[test]
fn writing_without_a_second_look_is_caught() {
    catches(
        Fault::NoCheckBeforeWrite,
        "was written over what somebody else wrote",
        20,
        &cases(),
        a_world_that_changes_later_stops_that_change,
    );
}
