//! Law 7: dependants of what failed are skipped and named; the rest runs; undo goes in reverse over what the journal
//! proves done, and what an undo that failed stands on is left alone.

use std::collections::BTreeSet;

use enact_core::change::ChangeId;
use enact_core::fault::Fault;
use enact_core::journal::{ChangeState, Fact, RunOutcome};
use enact_core::report::ChangeOutcome;
use enact_testkit::scenario::{Scenario, calm, scenario};
use enact_testkit::world::{EffectFault, UndoFault};
use proptest::prelude::*;

use crate::support::{Bench, Ended, block_on, catches, ensure, holds};

fn failing() -> impl Strategy<Value = Scenario> {
    let fault = prop::option::weighted(0.3, Just(EffectFault::Fail));
    scenario(2, 9, fault, Just(None)).prop_map(|mut scenario| {
        scenario.roll_back = false;
        scenario
    })
}

fn dependants_are_skipped_and_the_rest_runs(scenario: &Scenario) -> Result<(), String> {
    let bench = Bench::of(scenario);
    let result = bench.run();
    let started: BTreeSet<ChangeId> = bench.world.started().into_iter().collect();
    let failed: Vec<usize> = (0..scenario.nodes.len())
        .filter(|place| scenario.nodes[*place].fault.is_some())
        .collect();
    let doomed: BTreeSet<usize> = failed
        .iter()
        .flat_map(|place| scenario.dependants(*place))
        .collect();
    for place in &doomed {
        ensure(!started.contains(&scenario.id(*place)), || {
            format!("{} ran although what it needs failed", scenario.id(*place))
        })?;
    }
    let ended = result?;
    for (place, node) in scenario.nodes.iter().enumerate() {
        let id = scenario.id(place);
        let row = ended
            .report
            .changes
            .iter()
            .find(|row| row.change_id == id)
            .unwrap();
        let expected = if doomed.contains(&place) {
            ChangeOutcome::Skipped
        } else if node.fault.is_some() {
            ChangeOutcome::Failed
        } else {
            ChangeOutcome::Done
        };
        ensure(row.outcome == expected, || {
            format!("{id} is {:?} and not {expected:?}", row.outcome)
        })?;
        if expected == ChangeOutcome::Skipped {
            let causes: Vec<String> = node
                .needs
                .iter()
                .filter(|need| doomed.contains(need) || scenario.nodes[**need].fault.is_some())
                .map(|need| scenario.id(*need).to_string())
                .collect();
            let named = row.reason.as_ref().is_some_and(|reason| causes.contains(reason));
            ensure(named, || {
                format!("{id} is skipped because of {:?}, not of {causes:?}", row.reason)
            })?;
        }
    }
    let code = u8::from(!failed.is_empty());
    ensure(ended.exit_code == code, || {
        format!("exit code {} and not {code}", ended.exit_code)
    })
}

fn done_in_order(ended: &Ended) -> Vec<ChangeId> {
    ended
        .entries
        .iter()
        .filter_map(|entry| {
            if let Fact::Done { change_id, .. } = &entry.fact {
                Some(change_id.clone())
            } else {
                None
            }
        })
        .collect()
}

/// The last change fails; what was done before is taken back, the last one first.
fn undo_goes_in_reverse(scenario: &Scenario) -> Result<(), String> {
    let bench = Bench::of(scenario);
    let before = bench.world.contents();
    let ended = bench.run()?;
    let mut reverse = done_in_order(&ended);
    reverse.reverse();
    ensure(bench.world.undone() == reverse, || {
        format!(
            "taken back in the order {:?}, and not {reverse:?}",
            bench.world.undone()
        )
    })?;
    ensure(bench.world.contents() == before, || {
        "the world is not as it was".to_owned()
    })?;
    let expected = if reverse.is_empty() {
        (RunOutcome::Failed, 1)
    } else {
        (RunOutcome::RolledBack, 7)
    };
    let (outcome, code) = expected;
    ensure(
        ended.state.outcome == Some(outcome) && ended.exit_code == code,
        || format!("{:?}, exit code {}", ended.state.outcome, ended.exit_code),
    )
}

fn ends_in_failure() -> impl Strategy<Value = Scenario> {
    calm(2, 7).prop_map(|mut scenario| {
        scenario.roll_back = true;
        if let Some(last) = scenario.nodes.last_mut() {
            last.fault = Some(EffectFault::Fail);
        }
        scenario
    })
}

fn a_failed_undo_leaves_the_rest_alone((scenario, place): &(Scenario, usize)) -> Result<(), String> {
    let mut scenario = scenario.clone();
    let place = place % (scenario.nodes.len() - 1);
    scenario.nodes[place].undo_fault = Some(UndoFault::Fail);
    let bench = Bench::of(&scenario);
    let ended = bench.run()?;
    let done = done_in_order(&ended);
    let stuck = scenario.id(place);
    let Some(at) = done.iter().position(|id| *id == stuck) else {
        return Ok(());
    };
    for (index, id) in done.iter().enumerate() {
        let expected = match index.cmp(&at) {
            std::cmp::Ordering::Less => ChangeState::Done,
            std::cmp::Ordering::Equal => ChangeState::Stuck,
            std::cmp::Ordering::Greater => ChangeState::Undone,
        };
        let state = ended.state.of(id);
        ensure(state == expected, || {
            format!("{id} is {state:?} and not {expected:?}; done: {done:?}")
        })?;
    }
    ensure(ended.exit_code == 8, || format!("exit code {}", ended.exit_code))?;
    let named = ended
        .report
        .execution_result
        .errors
        .iter()
        .any(|error| error.change_id == stuck && error.error == "it cannot be taken back");
    ensure(named, || {
        format!("not named: {:?}", ended.report.execution_result.errors)
    })
}

/// A run that went well, taken back by hand.
fn running_and_rolling_back_restores_the_world(scenario: &Scenario) -> Result<(), String> {
    use enact_engine::installation::Surroundings;
    use enact_engine::stop::StopSignal;
    use enact_testkit::crash::Kill;
    let bench = Bench::of(scenario);
    let before = bench.world.contents();
    let ended = bench.run()?;
    let process = bench.process(Kill::Never);
    let open = bench.reopen(&process, &ended.run_id);
    let surroundings = Surroundings {
        options: bench.options.clone(),
        reporters: Vec::new(),
        stop: StopSignal::new(),
    };
    let back = process
        .installation
        .roll_back(open, &bench.admitted, &bench.world, surroundings);
    let state = block_on(back).map_err(|error| error.to_string())?;
    ensure(state.outcome == Some(RunOutcome::RolledBack), || {
        format!("{:?}", state.outcome)
    })?;
    bench.ended(&ended.run_id, state)?;
    ensure(bench.world.contents() == before, || {
        format!("{:?} instead of {before:?}", bench.world.contents())
    })
}

#[test]
fn dependants_of_what_failed_are_skipped_and_named_and_the_rest_runs() {
    holds(150, &failing(), dependants_are_skipped_and_the_rest_runs);
}

#[test]
fn what_was_done_is_taken_back_in_reverse_and_the_world_is_as_it_was() {
    holds(80, &ends_in_failure(), undo_goes_in_reverse);
}

#[test]
fn what_a_failed_undo_stands_on_is_left_alone() {
    holds(
        80,
        &(ends_in_failure(), 0_usize..7),
        a_failed_undo_leaves_the_rest_alone,
    );
}

#[test]
fn running_and_then_rolling_back_leaves_the_world_as_it_was() {
    holds(60, &calm(1, 7), running_and_rolling_back_restores_the_world);
}

#[test]
fn dependants_that_run_all_the_same_are_caught() {
    catches(
        Fault::DependantsRun,
        "ran although what it needs failed",
        50,
        &failing(),
        dependants_are_skipped_and_the_rest_runs,
    );
}

#[test]
fn undo_in_the_order_of_doing_is_caught() {
    catches(
        Fault::UndoInOrder,
        "taken back in the order",
        50,
        &ends_in_failure(),
        undo_goes_in_reverse,
    );
}
