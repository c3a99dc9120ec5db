//! Stopping: gracefully, at once, through the store, in the middle of a wait; and what a resume makes of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use enact_core::change::Action;
use enact_core::journal::{ChangeState, Fact, RunPhase, RunState};
use enact_core::report::RunReport;
use enact_engine::stop::{StopSignal, Urgency};
use enact_engine::store::StopRequest;
use enact_testkit::crash::Kill;
use enact_testkit::scenario::{Node, Scenario, scenario, settled_fault};
use enact_testkit::world::{EffectFault, Trace};
use proptest::prelude::*;

use crate::support::{Bench, Ended, block_on, block_on_real_time, ensure, holds};

/// Four independent changes and one that needs them all, two at a time.
fn five() -> Scenario {
    let mut nodes: Vec<Node> = (0..4).map(|_| Node::new(Action::Run, &[])).collect();
    nodes.push(Node::new(Action::Create, &[0, 1, 2, 3]));
    let mut scenario = Scenario::new(nodes);
    scenario.concurrency = 2;
    scenario
}

fn ids(scenario: &Scenario, places: &[usize]) -> BTreeSet<enact_core::change::ChangeId> {
    places.iter().map(|place| scenario.id(*place)).collect()
}

/// Runs until two effects are under way, stops, and lets go of the effects.
fn stopped(bench: &Bench, urgency: Urgency) -> (enact_core::journal::RunId, RunState) {
    bench.world.hold();
    let process = bench.process(Kill::Never);
    let open = bench.begin(&process);
    let run_id = open.run_id.clone();
    let stop = StopSignal::new();
    let (result, ()) = block_on_real_time(async {
        let run = bench.drive(&process, open, Vec::new(), stop.clone());
        tokio::join!(run, async {
            bench.world.until(|world| world.running().len() == 2).await;
            stop.raise(urgency, "somebody pressed Ctrl-C");
            if urgency == Urgency::AfterCurrent {
                bench.world.release_all();
            }
        })
    });
    bench.world.release_all();
    (run_id, result.unwrap())
}

fn resume(bench: &Bench, run_id: &enact_core::journal::RunId) -> Ended {
    let process = bench.process(Kill::Never);
    let open = bench.reopen(&process, run_id);
    let state = block_on(bench.drive(&process, open, Vec::new(), StopSignal::new())).unwrap();
    bench.ended(run_id, state).unwrap()
}

#[test]
fn a_graceful_stop_finishes_what_is_under_way_and_starts_nothing_new() {
    let scenario = five();
    let bench = Bench::of(&scenario);
    let (run_id, state) = stopped(&bench, Urgency::AfterCurrent);
    assert_eq!(state.phase, RunPhase::Stopped);
    assert_eq!(state.reason.as_deref(), Some("somebody pressed Ctrl-C"));
    let committed: BTreeSet<_> = bench.world.committed().into_iter().collect();
    assert_eq!(committed, ids(&scenario, &[0, 1]));
    let report = RunReport::of(Some(&run_id), bench.plan(), &state);
    assert_eq!(report.exit_code(state.phase).number(), 130);
    assert_eq!(report.execution_result.success_count, 2);
    assert_eq!(report.execution_result.skipped_count, 3);

    let ended = resume(&bench, &run_id);
    assert_eq!(ended.exit_code, 0);
    assert_eq!(bench.world.done_twice(), None);
    assert_eq!(bench.world.committed().len(), 5);
}

#[test]
fn a_stop_at_once_lets_go_and_a_resume_finds_out_what_became_of_it() {
    let scenario = five();
    let bench = Bench::of(&scenario);
    let (run_id, state) = stopped(&bench, Urgency::Now);
    assert_eq!(state.phase, RunPhase::Stopped);
    assert_eq!(state.of(&scenario.id(0)), ChangeState::Started);
    assert_eq!(bench.world.running(), BTreeSet::new());
    assert_eq!(bench.world.committed(), []);

    let ended = resume(&bench, &run_id);
    assert_eq!(ended.exit_code, 0);
    let looked = bench
        .world
        .trace()
        .into_iter()
        .filter(|event| matches!(event, Trace::Looked(_)))
        .count();
    assert_eq!(
        looked, 2,
        "both open changes are looked at before anything is done again"
    );
    assert_eq!(bench.world.done_twice(), None);
}

#[test]
fn the_second_press_means_now_and_the_first_reason_stays() {
    let stop = StopSignal::new();
    assert_eq!(stop.urgency(), None);
    stop.press("first");
    assert_eq!(stop.urgency(), Some(Urgency::AfterCurrent));
    stop.press("second");
    assert_eq!(stop.urgency(), Some(Urgency::Now));
    stop.raise(Urgency::AfterCurrent, "third");
    assert_eq!(stop.urgency(), Some(Urgency::Now), "a stop never gets milder");
    assert_eq!(stop.reason(), "first");
    block_on(stop.raised(Urgency::Now));
}

#[test]
fn a_stop_while_waiting_for_another_attempt_ends_the_wait_and_leaves_the_change_to_resume() {
    let scenario = Scenario::new(vec![Node::new(Action::Run, &[]).with(EffectFault::Refuse(1))]);
    let bench = Bench::of(&scenario);
    let process = bench.process(Kill::Never);
    let open = bench.begin(&process);
    let run_id = open.run_id.clone();
    let stop = StopSignal::new();
    let (result, ()) = block_on_real_time(async {
        let run = bench.drive(&process, open, Vec::new(), stop.clone());
        tokio::join!(run, async {
            // The refused effect has ended; the next attempt is three seconds away.
            bench
                .world
                .until(|world| !world.started().is_empty() && world.running().is_empty())
                .await;
            stop.raise(Urgency::AfterCurrent, "stop");
        })
    });
    let state = result.unwrap();
    assert_eq!(state.phase, RunPhase::Stopped);
    assert_eq!(state.of(&scenario.id(0)), ChangeState::Pending);
    assert_eq!(
        bench.world.started().len(),
        1,
        "no further attempt after the stop"
    );
    let entries = bench.machine.disk.load(&run_id).unwrap();
    assert!(
        entries
            .iter()
            .any(|entry| matches!(entry.fact, Fact::NotDone { .. }))
    );
    assert_eq!(resume(&bench, &run_id).exit_code, 0);
}

#[test]
fn a_stop_asked_for_through_the_store_is_heard_and_a_resume_is_not_stopped_by_it() {
    let scenario = five();
    let bench = Bench::of(&scenario);
    bench.world.hold();
    let process = bench.process(Kill::Never);
    let open = bench.begin(&process);
    let run_id = open.run_id.clone();
    let stop = StopSignal::new();
    let (result, ()) = block_on_real_time(async {
        let run = bench.drive(&process, open, Vec::new(), stop.clone());
        tokio::join!(run, async {
            bench.world.until(|world| world.running().len() == 2).await;
            let request = StopRequest {
                urgency: Urgency::AfterCurrent,
                reason: "ben asked".to_owned(),
            };
            bench.machine.disk.request_stop(&run_id, &request).unwrap();
            stop.raised(Urgency::AfterCurrent).await;
            bench.world.release_all();
        })
    });
    let state = result.unwrap();
    assert_eq!(state.phase, RunPhase::Stopped);
    assert_eq!(state.reason.as_deref(), Some("ben asked"));
    assert_eq!(bench.world.committed().len(), 2);
    assert_eq!(resume(&bench, &run_id).exit_code, 0);
}

#[test]
fn a_stop_before_the_first_effect_starts_none() {
    let bench = Bench::of(&five());
    let process = bench.process(Kill::Never);
    let open = bench.begin(&process);
    let stop = StopSignal::new();
    stop.raise(Urgency::AfterCurrent, "early");
    let state = block_on(bench.drive(&process, open, Vec::new(), stop)).unwrap();
    assert_eq!(state.phase, RunPhase::Stopped);
    assert_eq!(bench.world.started(), []);
}

/// A stop at a random entry: after it no intent is written, and a resume ends as an unstopped run does.
fn a_stop_at_any_entry_is_resumed_to_the_same_end(
    (scenario, at, now): &(Scenario, u64, bool),
) -> Result<(), String> {
    let whole = Bench::of(scenario);
    let expected = whole.run()?;
    let bench = Bench::of(scenario);
    let stop = StopSignal::new();
    let (world, signal) = (bench.world.clone(), stop.clone());
    let urgency = if *now { Urgency::Now } else { Urgency::AfterCurrent };
    let at = *at;
    let process = bench.machine.process(
        Kill::Never,
        Arc::new(move |entry| {
            world.witness(entry);
            if entry.seq == at {
                signal.raise(urgency, "stop");
            }
        }),
    );
    let open = bench.begin(&process);
    let run_id = open.run_id.clone();
    let result = block_on(bench.drive(&process, open, Vec::new(), stop));
    let mut ended = bench.ended(&run_id, result.map_err(|error| error.to_string())?)?;
    if ended.state.phase == RunPhase::Stopped {
        ended = resume(&bench, &run_id);
    }
    let states = |ended: &Ended| -> Vec<ChangeState> {
        let changes = whole.plan().changes().iter();
        changes.map(|change| ended.state.of(&change.change_id)).collect()
    };
    ensure(states(&ended) == states(&expected), || {
        format!("{:?} and not {:?}", states(&ended), states(&expected))
    })?;
    ensure(bench.world.objects() == whole.world.objects(), || {
        "another world".to_owned()
    })?;
    match bench.world.done_twice() {
        None => Ok(()),
        Some(change_id) => Err(format!("{change_id} was done twice")),
    }
}

#[test]
fn a_run_stopped_at_any_entry_is_resumed_to_the_same_end() {
    let fault = prop::option::weighted(0.3, settled_fault());
    let scenarios = scenario(1, 5, fault, Just(None));
    holds(
        120,
        &(scenarios, 1_u64..20, any::<bool>()),
        a_stop_at_any_entry_is_resumed_to_the_same_end,
    );
}

#[test]
fn waiting_for_a_milder_stop_than_the_one_raised_returns() {
    let stop = StopSignal::new();
    stop.raise(Urgency::Now, "now");
    block_on(async {
        let wait = stop.raised(Urgency::AfterCurrent);
        tokio::time::timeout(Duration::from_secs(1), wait).await.unwrap();
    });
}
