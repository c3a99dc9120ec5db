//! A runner whose lease is somebody else's dies before its next effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use enact_core::change::Action;
use enact_core::journal::{Entry, Fact, RunId};
use enact_engine::clock::Clock as _;
use enact_engine::holder::Holder;
use enact_engine::runner::RunError;
use enact_engine::stop::StopSignal;
use enact_engine::store::{JournalStore as _, StoreError};
use enact_testkit::crash::{Kill, Machine, TTL};
use enact_testkit::scenario::{Node, Scenario};
use enact_testkit::world::{EffectFault, UndoFault, World};

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

/// Runs, and has the lease taken over at the moment the n-th fact of that kind has become durable.
fn taken_over_at(scenario: &Scenario, nth: u64, moment: fn(&Fact) -> bool) -> (World, RunError) {
    let bench = Bench::of(scenario);
    let (world, machine, seen) = (bench.world.clone(), bench.machine.clone(), AtomicU64::new(0));
    let witness = move |entry: &Entry| {
        world.witness(entry);
        if moment(&entry.fact) && seen.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            take_over(&machine, &entry.run_id);
        }
    };
    let process = bench.machine.process(Kill::Never, Arc::new(witness));
    let open = bench.begin(&process);
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
    let (world, error) = taken_over_at(&scenario, 1, |fact| matches!(fact, Fact::Done { .. }));
    assert!(is_lost(&error), "{error:?}");
    assert_eq!(world.started(), [scenario.id(0)]);
}

#[test]
fn a_lease_lost_between_an_intent_and_its_effect_ends_the_run_before_the_effect() {
    let (world, error) = taken_over_at(&row(2), 1, |fact| matches!(fact, Fact::Intent { .. }));
    assert!(is_lost(&error), "{error:?}");
    assert_eq!(world.started(), []);
}

#[test]
fn a_lease_lost_while_waiting_for_another_attempt_ends_the_run_before_it() {
    // The refused change waits while its neighbour ends; by then the lease is gone.
    let mut scenario = Scenario::new(vec![
        Node::new(Action::Run, &[]).with(EffectFault::Refuse(2)),
        Node::new(Action::Run, &[]),
    ]);
    scenario.concurrency = 2;
    scenario.nodes[1].delay = 200;
    let (world, error) = taken_over_at(&scenario, 1, |fact| matches!(fact, Fact::Done { .. }));
    assert!(is_lost(&error), "{error:?}");
    let attempts = world.started().iter().filter(|id| **id == scenario.id(0)).count();
    assert_eq!(attempts, 1);
}

#[test]
fn a_lease_lost_before_an_undo_ends_the_run_before_it() {
    let mut scenario = Scenario::new(vec![
        Node::new(Action::Create, &[]),
        Node::new(Action::Run, &[0]).with(EffectFault::Fail),
    ]);
    scenario.roll_back = true;
    scenario.nodes[0].undo_fault = Some(UndoFault::Refuse(1));
    let (world, error) = taken_over_at(&scenario, 1, |fact| matches!(fact, Fact::UndoIntent { .. }));
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
