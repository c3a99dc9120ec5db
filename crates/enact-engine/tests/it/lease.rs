//! A runner whose lease is somebody else's dies before its next effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use enact_core::change::Action;
use enact_core::journal::{Entry, Fact, RunId};
use enact_engine::clock::Clock as _;
use enact_engine::holder::Holder;
use enact_engine::runner::RunError;
use enact_engine::stop::StopSignal;
use enact_engine::store::StoreError;
use enact_testkit::crash::{Kill, Machine, TTL};
use enact_testkit::scenario::{Node, Scenario};
use enact_testkit::world::{EffectFault, Trace, UndoFault, World};

use crate::support::{Bench, block_on};

/// This process sleeps through its lease, and another takes the run over.
fn take_over(machine: &Machine, run_id: &RunId) {
    machine.let_leases_expire();
    let other = Holder {
        host: "elsewhere".to_owned(),
        pid: 1,
        started: 1,
        boot_id: "other".to_owned(),
    };
    let now = machine.clock.0.now();
    machine.disk.acquire(run_id, &other, TTL, now).unwrap();
}

/// Runs, and has the lease taken over at the moment of the n-th such event.
fn taken_over_at(scenario: &Scenario, nth: u64, moment: fn(&Trace) -> bool) -> (World, RunError) {
    let bench = Bench::of(scenario);
    let process = bench.process(Kill::Never);
    let open = bench.begin(&process);
    let (machine, run_id, seen) = (bench.machine.clone(), open.run_id.clone(), AtomicU64::new(0));
    bench.world.watch(move |event| {
        if moment(event) && seen.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            take_over(&machine, &run_id);
        }
    });
    let error = block_on(bench.drive(&process, open, Vec::new(), StopSignal::new())).unwrap_err();
    (bench.world, error)
}

fn is_lost(error: &RunError) -> bool {
    matches!(error, RunError::Journal(cause) if matches!(**cause, StoreError::LeaseLost { .. }))
}

fn row(length: usize) -> Scenario {
    Scenario::new((0..length).map(|_| Node::new(Action::Run, &[])).collect())
}

#[test]
fn a_lease_lost_between_two_changes_ends_the_run_before_the_second() {
    let scenario = row(3);
    let (world, error) = taken_over_at(&scenario, 1, |event| {
        matches!(event, Trace::Durable(Fact::Done { .. }))
    });
    assert!(is_lost(&error), "{error:?}");
    assert_eq!(world.started(), [scenario.id(0)]);
}

#[test]
fn a_lease_lost_between_an_intent_and_its_effect_ends_the_run_before_the_effect() {
    let (world, error) = taken_over_at(&row(2), 1, |event| {
        matches!(event, Trace::Durable(Fact::Intent { .. }))
    });
    assert!(is_lost(&error), "{error:?}");
    assert_eq!(world.started(), []);
}

#[test]
fn a_lease_lost_before_a_second_attempt_ends_the_run_before_it() {
    // The first attempt is refused; the second is about to be made, and the look before it sees nothing wrong.
    let scenario = Scenario::new(vec![Node::new(Action::Run, &[]).with(EffectFault::Refuse(1))]);
    let (world, error) = taken_over_at(&scenario, 2, |event| matches!(event, Trace::Checked(_)));
    assert!(is_lost(&error), "{error:?}");
    assert_eq!(world.started(), [scenario.id(0)]);
    assert_eq!(world.committed(), []);
}

#[test]
fn a_lease_lost_before_a_second_attempt_at_an_undo_ends_the_run_before_it() {
    let mut scenario = Scenario::new(vec![
        Node::new(Action::Create, &[]),
        Node::new(Action::Run, &[0]).with(EffectFault::Fail),
    ]);
    scenario.roll_back = true;
    scenario.nodes[0].undo_fault = Some(UndoFault::Refuse(1));
    let (world, error) = taken_over_at(&scenario, 1, |event| matches!(event, Trace::UndoStarted(_)));
    assert!(is_lost(&error), "{error:?}");
    assert_eq!(world.undo_started(), [scenario.id(0)]);
    assert_eq!(world.undone(), []);
}

#[test]
fn a_lease_lost_before_an_undo_ends_the_run_before_it() {
    let mut scenario = Scenario::new(vec![
        Node::new(Action::Create, &[]),
        Node::new(Action::Run, &[0]).with(EffectFault::Fail),
    ]);
    scenario.roll_back = true;
    scenario.nodes[0].undo_fault = Some(UndoFault::Refuse(1));
    let (world, error) = taken_over_at(&scenario, 1, |event| {
        matches!(event, Trace::Durable(Fact::UndoIntent { .. }))
    });
    assert!(is_lost(&error), "{error:?}");
    assert_eq!(world.undo_started(), []);
}

#[test]
fn a_lease_that_ran_out_and_that_nobody_took_is_renewed_and_the_run_goes_on() {
    let bench = Bench::of(&row(3));
    let (world, machine) = (bench.world.clone(), bench.machine.clone());
    let witness = move |entry: &Entry| {
        world.witness(entry);
        if matches!(entry.fact, Fact::Intent { .. }) {
            machine.let_leases_expire();
        }
    };
    let process = bench.machine.process(Kill::Never, Arc::new(witness));
    let open = bench.begin(&process);
    let run_id = open.run_id.clone();
    let state = block_on(bench.drive(&process, open, Vec::new(), StopSignal::new())).unwrap();
    assert_eq!(bench.ended(&run_id, state).unwrap().exit_code, 0);
}

#[test]
fn a_run_gives_its_lease_back_at_its_end() {
    let bench = Bench::of(&row(1));
    let ended = bench.run().unwrap();
    let rows = bench.machine.disk.runs().unwrap();
    assert_eq!(rows[0].run_id, ended.run_id);
    assert_eq!(rows[0].holder, None);
}
