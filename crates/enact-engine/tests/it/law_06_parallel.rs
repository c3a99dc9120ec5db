//! Law 6: independent changes run in parallel as their dependencies allow, without level barriers, within the bound.
//!
//! Effects are held until the test lets them go, one by one, at their time: simulated time, independent of any clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use enact_core::change::ChangeId;
use enact_core::fault::Fault;
use enact_core::journal::RunOutcome;
use enact_engine::stop::StopSignal;
use enact_testkit::crash::Kill;
use enact_testkit::scenario::{Scenario, calm};
use proptest::prelude::*;

use crate::support::{Bench, block_on_real_time, catches, ensure, holds};

/// Longer than any start can take; a correct run never waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

fn length(scenario: &Scenario, place: usize) -> u64 {
    scenario.nodes[place].delay + 1
}

/// The longest way through the graph.
fn critical_path(scenario: &Scenario) -> u64 {
    let mut ends: Vec<u64> = Vec::new();
    for (place, node) in scenario.nodes.iter().enumerate() {
        let begins = node.needs.iter().map(|need| ends[*need]).max().unwrap_or(0);
        ends.push(begins + length(scenario, place));
    }
    ends.into_iter().max().unwrap_or(0)
}

/// What the test knows of the run: what must be under way now, and until when.
struct Schedule<'a> {
    scenario: &'a Scenario,
    done: BTreeSet<usize>,
    /// Under way, with the simulated time at which it ends.
    running: BTreeMap<usize, u64>,
    now: u64,
}

impl Schedule<'_> {
    /// Starts what is free, in order, within the bound.
    fn start(&mut self) {
        for (place, node) in self.scenario.nodes.iter().enumerate() {
            let fresh = !self.done.contains(&place) && !self.running.contains_key(&place);
            let free = node.needs.iter().all(|need| self.done.contains(need));
            if fresh && free && self.running.len() < self.scenario.concurrency {
                self.running
                    .insert(place, self.now + length(self.scenario, place));
            }
        }
    }

    fn ids(&self) -> BTreeSet<ChangeId> {
        self.running
            .keys()
            .map(|place| self.scenario.id(*place))
            .collect()
    }

    /// Lets time pass until the next effect ends.
    fn end_next(&mut self) -> Option<ChangeId> {
        let (place, end) = self
            .running
            .iter()
            .map(|(place, end)| (*place, *end))
            .min_by_key(|(place, end)| (*end, *place))?;
        self.running.remove(&place);
        self.done.insert(place);
        self.now = end;
        Some(self.scenario.id(place))
    }
}

/// Follows the run step by step; the simulated time it took, or where it was not as it should be.
async fn follow(bench: &Bench, scenario: &Scenario) -> Result<u64, String> {
    let mut schedule = Schedule {
        scenario,
        done: BTreeSet::new(),
        running: BTreeMap::new(),
        now: 0,
    };
    let result = loop {
        schedule.start();
        let expected = schedule.ids();
        let started = bench.world.until(|world| world.running() == expected);
        if tokio::time::timeout(PATIENCE, started).await.is_err() {
            let running = bench.world.running();
            break Err(format!("under way: {running:?}; it should be {expected:?}"));
        }
        match schedule.end_next() {
            Some(change_id) => bench.world.release(&change_id),
            None => break Ok(schedule.now),
        }
    };
    bench.world.release_all();
    result
}

fn follows_the_schedule(scenario: &Scenario) -> Result<(), String> {
    let bench = Bench::of(scenario);
    bench.world.hold();
    let process = bench.process(Kill::Never);
    let open = bench.begin(&process);
    let (result, time) = block_on_real_time(async {
        let run = bench.drive(&process, open, Vec::new(), StopSignal::new());
        tokio::join!(run, follow(&bench, scenario))
    });
    let time = time?;
    let state = result.map_err(|error| error.to_string())?;
    ensure(state.outcome == Some(RunOutcome::Verified), || {
        format!("{:?}", state.outcome)
    })?;
    let most = bench.world.most_running();
    ensure(most <= scenario.concurrency, || {
        format!("{most} at once, and {} are allowed", scenario.concurrency)
    })?;
    if scenario.concurrency >= scenario.nodes.len() {
        let shortest = critical_path(scenario);
        ensure(time == shortest, || {
            format!("it took {time}, the longest way takes {shortest}")
        })?;
    }
    if scenario.concurrency == 1 {
        let order = bench.plan().execution_order().to_vec();
        ensure(bench.world.started() == order, || {
            format!("one at a time, and out of order: {:?}", bench.world.started())
        })?;
    }
    Ok(())
}

/// Delays are for the schedule here; the world itself takes no time.
fn timed(concurrency: impl Strategy<Value = usize>) -> impl Strategy<Value = (Scenario, usize)> {
    (calm(1, 10), concurrency)
}

fn as_scheduled((scenario, concurrency): &(Scenario, usize)) -> Result<(), String> {
    let mut scenario = scenario.clone();
    scenario.concurrency = *concurrency;
    for (place, node) in scenario.nodes.iter_mut().enumerate() {
        node.delay = node.delay * 3 + place as u64 % 2;
    }
    follows_the_schedule(&scenario)
}

/// The same, in a world where a change takes its time by tokio's clock: only bound, order and dependencies are looked at.
fn within_the_bound((scenario, concurrency): &(Scenario, usize)) -> Result<(), String> {
    let mut scenario = scenario.clone();
    scenario.concurrency = *concurrency;
    let bench = Bench::of(&scenario);
    let ended = bench.run()?;
    ensure(ended.exit_code == 0, || format!("exit code {}", ended.exit_code))?;
    let most = bench.world.most_running();
    ensure(most <= *concurrency, || {
        format!("{most} at once, and {concurrency} are allowed")
    })
}

#[test]
fn without_a_bound_a_run_takes_exactly_as_long_as_its_longest_way() {
    holds(60, &timed(Just(20)), as_scheduled);
}

#[test]
fn with_a_bound_what_is_free_starts_in_order_as_soon_as_there_is_room() {
    holds(60, &timed(2_usize..5), as_scheduled);
}

#[test]
fn one_at_a_time_is_strictly_in_order() {
    holds(30, &timed(Just(1)), as_scheduled);
}

#[test]
fn the_bound_is_kept_whatever_the_timing() {
    holds(60, &timed(1_usize..4), within_the_bound);
}

#[test]
fn a_barrier_between_levels_is_caught() {
    // A short change with a dependant beside a long one: the dependant must not wait for the long one.
    use enact_core::change::Action::Create;
    use enact_testkit::scenario::Node;
    let mut scenario = Scenario::new(vec![
        Node::new(Create, &[]),
        Node::new(Create, &[]),
        Node::new(Create, &[0]),
    ]);
    scenario.nodes[1].delay = 10;
    catches(
        Fault::LevelBarrier,
        "it should be",
        1,
        &Just((scenario, 20)),
        as_scheduled,
    );
}

#[test]
fn a_bound_that_is_not_kept_is_caught() {
    catches(
        Fault::NoBound,
        "are allowed",
        60,
        &timed(1_usize..4),
        within_the_bound,
    );
}
