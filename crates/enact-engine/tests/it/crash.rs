//! Law 4: kill the process at any journal write, resume, and reach the same end with no effect done twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use enact_core::change::{Action, ChangeId};
use enact_core::fault::Fault;
use enact_core::journal::{ChangeState, RunId, RunOutcome, RunPhase, RunState};
use enact_engine::installation::Surroundings;
use enact_engine::runner::RunError;
use enact_engine::stop::StopSignal;
use enact_engine::store::sqlite::SqliteStore;
use enact_testkit::crash::{Kill, Machine};
use enact_testkit::scenario::{Node, Scenario, scenario, settled_fault, undo_fault};
use enact_testkit::world::{EffectFault, Moment, Object, UndoFault};
use proptest::prelude::*;

use crate::support::{Bench, block_on, catches, ensure, holds};

/// What must not depend on how often the process died.
#[derive(Debug, PartialEq)]
struct End {
    outcome: Option<RunOutcome>,
    exit_code: u8,
    states: BTreeMap<ChangeId, (ChangeState, Option<bool>)>,
    objects: BTreeMap<String, Object>,
}

/// Runs to the end, one process after the other; each dies as told, and those after the last one live.
fn to_the_end(bench: &Bench, kills: &[Kill]) -> Result<(End, u64), String> {
    let mut kills = kills.iter().copied();
    let first = bench.process(kills.next().unwrap_or(Kill::Never));
    let open = bench.begin(&first);
    let run_id = open.run_id.clone();
    let mut result = block_on(bench.drive(&first, open, Vec::new(), StopSignal::new()));
    let writes = first.writes.load(Ordering::SeqCst);
    let mut processes = 1;
    while result.is_err() {
        ensure(processes < 10, || {
            format!("no end after {processes} processes: {result:?}")
        })?;
        processes += 1;
        bench.machine.let_leases_expire();
        let next = bench.process(kills.next().unwrap_or(Kill::Never));
        let open = next
            .installation
            .reopen(&run_id, &bench.admitted, &enact_testkit::fixtures::person("ana"))
            .map_err(|error| format!("it cannot be resumed: {error}"))?;
        result = block_on(bench.drive(&next, open, Vec::new(), StopSignal::new()));
        if let Err(error) = &result {
            let died = matches!(error, RunError::Journal(_));
            ensure(died, || format!("resume does not go on: {error:?}"))?;
        }
    }
    let state = result.map_err(|error| error.to_string())?;
    ensure(state.phase == RunPhase::Finished, || {
        format!("not finished but {:?}", state.phase)
    })?;
    let ended = bench.ended(&run_id, state)?;
    let states = bench.plan().changes().iter().map(|change| {
        let checked = ended
            .state
            .changes
            .get(&change.change_id)
            .and_then(|progress| progress.checked.as_ref());
        let verified = checked.map(Vec::is_empty);
        (
            change.change_id.clone(),
            (ended.state.of(&change.change_id), verified),
        )
    });
    let end = End {
        outcome: ended.state.outcome,
        exit_code: ended.exit_code,
        states: states.collect(),
        objects: bench.world.objects(),
    };
    Ok((end, writes))
}

fn nothing_twice(bench: &Bench, kills: &[Kill]) -> Result<(), String> {
    match bench.world.done_twice() {
        None => Ok(()),
        Some(change_id) => Err(format!("{change_id} was done twice with {kills:?}")),
    }
}

fn every_way_to_die(writes: u64) -> Vec<Vec<Kill>> {
    let once = (1..=writes).flat_map(|write| [Kill::Before(write), Kill::After(write)]);
    let mut ways: Vec<Vec<Kill>> = once.clone().map(|kill| vec![kill]).collect();
    // And once more, early in the life of the process that takes over.
    for (index, kill) in once.enumerate() {
        let write = index as u64 / 2 % 4 + 1;
        ways.push(if index % 2 == 0 {
            vec![kill, Kill::After(write)]
        } else {
            vec![kill, Kill::Before(write), Kill::After(2)]
        });
    }
    ways
}

/// The law.
fn every_death_leads_to_the_same_end(scenario: &Scenario) -> Result<(), String> {
    let (expected, writes) = to_the_end(&Bench::of(scenario), &[])?;
    for kills in every_way_to_die(writes) {
        let bench = Bench::of(scenario);
        let result = to_the_end(&bench, &kills);
        nothing_twice(&bench, &kills)?;
        let (end, _) = result.map_err(|error| format!("{error}, with {kills:?}"))?;
        ensure(end == expected, || {
            format!("another end with {kills:?}: {end:#?} instead of {expected:#?}")
        })?;
    }
    Ok(())
}

/// Where the end may depend on the moment of death (somebody meddles, looking cannot tell), no effect is done twice,
/// the run ends, and what somebody else wrote is not written over.
fn no_death_makes_it_worse((scenario, place, blind): &(Scenario, usize, bool)) -> Result<(), String> {
    let mut scenario = scenario.clone();
    let place = place % scenario.nodes.len();
    if *blind {
        scenario.nodes[place].fault = Some(EffectFault::Blind);
    }
    let bench = || {
        let bench = Bench::of(&scenario);
        if !blind {
            let change = bench.plan().change(&scenario.id(place)).unwrap().clone();
            let moment = Moment::BeforeCheck(change.change_id.clone());
            bench.world.meddle(moment, &change);
        }
        bench
    };
    let (_, writes) = to_the_end(&bench(), &[])?;
    for kills in every_way_to_die(writes) {
        let bench = bench();
        let result = to_the_end(&bench, &kills);
        nothing_twice(&bench, &kills)?;
        let (end, _) = result.map_err(|error| format!("{error}, with {kills:?}"))?;
        let started = bench.world.started().contains(&scenario.id(place));
        ensure(*blind || !started, || {
            format!("{} was written over with {kills:?}", scenario.id(place))
        })?;
        let open = end
            .states
            .values()
            .any(|(state, _)| *state == ChangeState::Started);
        ensure(!open, || format!("left open with {kills:?}: {end:?}"))?;
    }
    Ok(())
}

fn small() -> impl Strategy<Value = Scenario> {
    scenario(
        1,
        4,
        prop::option::weighted(0.4, settled_fault()),
        // Which changes a failed undo leaves alone depends on the order of doing, so it goes with a fixed order.
        Just(None),
    )
}

fn small_with_failing_undo() -> impl Strategy<Value = Scenario> {
    let scenario = scenario(
        2,
        4,
        prop::option::weighted(0.2, settled_fault()),
        prop::option::weighted(0.4, undo_fault()),
    );
    scenario.prop_map(|mut scenario| {
        scenario.concurrency = 1;
        scenario.roll_back = true;
        if let Some(last) = scenario.nodes.last_mut() {
            last.fault = Some(EffectFault::Fail);
        }
        scenario
    })
}

/// Three changes in a row: one that goes well, one with the fault, one that needs it.
fn with_each_fault() -> Vec<Scenario> {
    let faults = [
        None,
        Some(EffectFault::Fail),
        Some(EffectFault::Refuse(2)),
        Some(EffectFault::LoseBefore(2)),
        Some(EffectFault::LoseAfter),
        Some(EffectFault::AskHuman),
    ];
    let actions = [Action::Create, Action::Update, Action::Delete, Action::Run];
    let mut scenarios = Vec::new();
    for fault in faults {
        for action in actions {
            for roll_back in [false, true] {
                let mut faulty = Node::new(action, &[0]);
                faulty.fault = fault;
                let nodes = vec![
                    Node::new(Action::Create, &[]),
                    faulty,
                    Node::new(Action::Run, &[1]),
                ];
                let mut scenario = Scenario::new(nodes);
                scenario.roll_back = roll_back;
                scenarios.push(scenario);
            }
        }
    }
    scenarios
}

#[test]
fn killed_at_any_write_under_any_fault_a_run_reaches_the_same_end_with_nothing_done_twice() {
    for scenario in with_each_fault() {
        if let Err(error) = every_death_leads_to_the_same_end(&scenario) {
            panic!("{error}\nin {scenario:?}");
        }
    }
}

#[test]
fn killed_at_any_write_a_random_run_reaches_the_same_end_with_nothing_done_twice() {
    holds(40, &small(), every_death_leads_to_the_same_end);
}

#[test]
fn killed_at_any_write_a_rollback_reaches_the_same_end_with_nothing_done_twice() {
    holds(25, &small_with_failing_undo(), every_death_leads_to_the_same_end);
}

#[test]
fn killed_at_any_write_while_others_meddle_or_nobody_can_tell_nothing_is_done_twice() {
    let cases = (small(), 0_usize..4, any::<bool>());
    holds(25, &cases, no_death_makes_it_worse);
}

/// Takes a finished run back, one process after the other.
fn back_to_the_start(bench: &Bench, run_id: &RunId, kills: &[Kill]) -> Result<(RunState, u64), String> {
    let mut kills = kills.iter().copied();
    let mut first_writes = None;
    for _ in 0..10 {
        let process = bench.process(kills.next().unwrap_or(Kill::Never));
        let open = bench.reopen(&process, run_id);
        let surroundings = Surroundings {
            options: bench.options.clone(),
            reporters: Vec::new(),
            stop: StopSignal::new(),
        };
        let back = process
            .installation
            .roll_back(open, &bench.admitted, &bench.world, surroundings);
        let result = block_on(back);
        let writes = *first_writes.get_or_insert(process.writes.load(Ordering::SeqCst));
        match result {
            Ok(state) => return Ok((state, writes)),
            Err(RunError::Journal(_)) => bench.machine.let_leases_expire(),
            Err(error) => return Err(format!("it does not go on: {error:?}")),
        }
    }
    Err("no end".to_owned())
}

fn a_rollback_by_hand_survives_every_death(scenario: &Scenario) -> Result<(), String> {
    let rolled_back = |kills: &[Kill]| -> Result<u64, String> {
        let bench = Bench::of(scenario);
        let before = bench.world.contents();
        let run_id = bench.run()?.run_id;
        let (state, writes) = back_to_the_start(&bench, &run_id, kills)?;
        nothing_twice(&bench, kills)?;
        ensure(state.outcome == Some(RunOutcome::RolledBack), || {
            format!("{:?} with {kills:?}", state.outcome)
        })?;
        ensure(bench.world.contents() == before, || {
            format!("another world with {kills:?}")
        })?;
        Ok(writes)
    };
    for kills in every_way_to_die(rolled_back(&[])?) {
        rolled_back(&kills)?;
    }
    Ok(())
}

#[test]
fn killed_at_any_write_a_rollback_by_hand_goes_on_and_restores_the_world() {
    let survivable = prop_oneof![
        (1_u32..3).prop_map(UndoFault::Refuse),
        (1_u32..3).prop_map(UndoFault::LoseBefore),
        Just(UndoFault::LoseAfter),
    ];
    let scenarios = scenario(1, 4, Just(None), prop::option::weighted(0.4, survivable));
    holds(15, &scenarios, a_rollback_by_hand_survives_every_death);
}

#[test]
fn killed_at_any_write_of_a_real_file_a_run_reaches_the_same_end() {
    let mut scenario = Scenario::new(vec![
        Node::new(Action::Create, &[]).with(EffectFault::LoseAfter),
        Node::new(Action::Update, &[0]),
        Node::new(Action::Run, &[1]).with(EffectFault::Fail),
    ]);
    scenario.roll_back = true;
    let on_file = |kills: &[Kill]| {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("state.db")).unwrap();
        let mut bench = Bench::of(&scenario);
        bench.machine = Machine::on(Arc::new(store));
        let end = to_the_end(&bench, kills).unwrap();
        nothing_twice(&bench, kills).unwrap();
        end
    };
    let (expected, writes) = on_file(&[]);
    assert_eq!(expected.outcome, Some(RunOutcome::RolledBack));
    for write in 1..=writes {
        for kill in [Kill::Before(write), Kill::After(write)] {
            assert_eq!(on_file(&[kill]).0, expected, "{kill:?}");
        }
    }
}

#[test]
fn repeating_without_looking_is_caught() {
    let run = Just(Scenario::new(vec![Node::new(Action::Run, &[])]));
    catches(
        Fault::RepeatWithoutLooking,
        "was done twice",
        1,
        &run,
        every_death_leads_to_the_same_end,
    );
}

#[test]
fn a_run_whose_process_died_before_its_first_entry_begins_with_it_and_spends_nothing_twice() {
    let scenario = Scenario::new(vec![Node::new(Action::Create, &[])]);
    let bench = Bench::of(&scenario);
    let run_id = bench.begin(&bench.process(Kill::Never)).run_id;
    bench.machine.let_leases_expire();
    let process = bench.process(Kill::Never);
    let open = bench.reopen(&process, &run_id);
    let state = block_on(bench.drive(&process, open, Vec::new(), StopSignal::new())).unwrap();
    assert_eq!(state.plan_id.as_ref(), Some(bench.plan().id()));
    assert_eq!(state.approvals.len(), 1);
    assert_eq!(state.outcome, Some(RunOutcome::Verified));
    let entries = bench.machine.disk.load(&run_id).unwrap();
    assert!(matches!(
        entries[0].fact,
        enact_core::journal::Fact::RunStarted { .. }
    ));
}

#[test]
fn an_undo_that_was_about_to_start_when_the_process_died_is_done_by_the_next_one() {
    let mut scenario = Scenario::new(vec![
        Node::new(Action::Create, &[]),
        Node::new(Action::Run, &[0]).with(EffectFault::Fail),
    ]);
    scenario.roll_back = true;
    // Entries: started, preflight, intent, done, intent, failed, and the seventh is the intent to undo.
    let bench = Bench::of(&scenario);
    let (end, _) = to_the_end(&bench, &[Kill::After(7)]).unwrap();
    assert_eq!(end.outcome, Some(RunOutcome::RolledBack));
    assert_eq!(bench.world.undone(), [scenario.id(0)]);
}

#[test]
fn what_a_failed_undo_stands_on_is_left_alone_by_a_resume_too() {
    let mut scenario = Scenario::new(vec![
        Node::new(Action::Create, &[]),
        Node::new(Action::Create, &[0]),
        Node::new(Action::Run, &[1]).with(EffectFault::Fail),
    ]);
    scenario.roll_back = true;
    scenario.nodes[1].undo_fault = Some(UndoFault::Fail);
    let bench = Bench::of(&scenario);
    let (end, writes) = to_the_end(&bench, &[]).unwrap();
    assert_eq!(end.outcome, Some(RunOutcome::Stuck));
    // Before the last write: everything but the end is in the journal.
    let bench = Bench::of(&scenario);
    let (again, _) = to_the_end(&bench, &[Kill::Before(writes)]).unwrap();
    assert_eq!(again.states[&scenario.id(0)].0, ChangeState::Done);
    assert_eq!(bench.world.undone(), []);
}

#[test]
fn a_resume_after_a_failure_keeps_what_was_skipped_for_it() {
    let scenario = Scenario::new(vec![
        Node::new(Action::Create, &[]).with(EffectFault::Fail),
        Node::new(Action::Run, &[0]),
        Node::new(Action::Run, &[1]),
    ]);
    let (_, writes) = to_the_end(&Bench::of(&scenario), &[]).unwrap();
    let bench = Bench::of(&scenario);
    let (end, _) = to_the_end(&bench, &[Kill::Before(writes)]).unwrap();
    assert_eq!(end.outcome, Some(RunOutcome::Failed));
    assert_eq!(end.states[&scenario.id(2)].0, ChangeState::Skipped);
}
