//! Law 9: a listener that blocks, is slow or panics neither changes nor slows a run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use enact_core::change::Action;
use enact_core::event::{Event, Reporter};
use enact_core::fault::Fault;
use enact_core::journal::Entry;
use enact_testkit::scenario::{Node, Scenario, calm};
use enact_testkit::world::{Trace, World};
use proptest::prelude::*;

use crate::support::{Bench, catches, ensure, holds};

/// Blocks in its first event until the run has verified its work, which it never has if it waits for this listener.
struct Slow {
    world: World,
    waited_for: Arc<AtomicBool>,
    first: bool,
}

impl Reporter for Slow {
    fn report(&mut self, _: &Event) {
        if std::mem::take(&mut self.first) {
            let patience = Duration::from_secs(3);
            let verified = self
                .world
                .block_until(patience, |event| *event == Trace::Verified);
            self.waited_for.store(!verified, Ordering::SeqCst);
        }
    }
}

struct Panicking;

impl Reporter for Panicking {
    fn report(&mut self, event: &Event) {
        if matches!(event, Event::Recorded(_)) {
            panic!("a listener panics, as this test wants it to");
        }
    }
}

struct Collecting(Arc<Mutex<Vec<Entry>>>);

impl Reporter for Collecting {
    fn report(&mut self, event: &Event) {
        if let Event::Recorded(entry) = event {
            self.0.lock().unwrap().push(entry.clone());
        }
    }
}

/// Blocks until its other end is dropped.
struct Blocked(Receiver<()>);

impl Reporter for Blocked {
    fn report(&mut self, _: &Event) {
        let _gone = self.0.recv();
    }
}

fn row(scenario: &Scenario) -> Bench {
    Bench::of(scenario)
}

fn same_end(scenario: &Scenario, reporters: Vec<Box<dyn Reporter>>, bench: &Bench) -> Result<(), String> {
    let alone = row(scenario).run()?;
    let watched = bench.run_with(reporters)?;
    ensure(watched.exit_code == alone.exit_code, || {
        format!("exit code {} and not {}", watched.exit_code, alone.exit_code)
    })?;
    ensure(watched.report.changes == alone.report.changes, || {
        "a listener changed the result".to_owned()
    })
}

fn a_slow_listener_is_not_waited_for(scenario: &Scenario) -> Result<(), String> {
    let bench = row(scenario);
    let waited_for = Arc::new(AtomicBool::new(false));
    let slow = Slow {
        world: bench.world.clone(),
        waited_for: Arc::clone(&waited_for),
        first: true,
    };
    same_end(scenario, vec![Box::new(slow)], &bench)?;
    ensure(!waited_for.load(Ordering::SeqCst), || {
        "the run waited for a slow listener".to_owned()
    })
}

fn six() -> Scenario {
    Scenario::new((0..6).map(|_| Node::new(Action::Run, &[])).collect())
}

#[test]
fn a_slow_listener_neither_changes_nor_slows_a_run() {
    holds(30, &calm(1, 6), a_slow_listener_is_not_waited_for);
}

#[test]
fn a_listener_that_panics_changes_nothing() {
    holds(5, &calm(1, 6), |scenario| {
        same_end(scenario, vec![Box::new(Panicking)], &row(scenario))
    });
}

#[test]
fn a_listener_that_never_returns_is_left_behind_when_all_is_done_and_durable() {
    let bench = row(&six());
    let (keep, never): (Sender<()>, _) = channel();
    let began = Instant::now();
    let ended = bench.run_with(vec![Box::new(Blocked(never))]).unwrap();
    assert_eq!(ended.exit_code, 0);
    // Five seconds of patience at the end, when nothing waits for the run any more, and no more.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    drop(keep);
}

#[test]
fn a_listener_hears_every_durable_fact_in_order() {
    holds(30, &calm(1, 6), |scenario| {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let bench = row(scenario);
        let ended = bench.run_with(vec![Box::new(Collecting(Arc::clone(&heard)))])?;
        let heard = heard.lock().unwrap();
        ensure(*heard == ended.entries, || {
            format!("heard {} of {} entries", heard.len(), ended.entries.len())
        })
    });
}

#[test]
fn waiting_for_a_listener_is_caught() {
    catches(
        Fault::ReporterInline,
        "the run waited for a slow listener",
        1,
        &Just(six()),
        a_slow_listener_is_not_waited_for,
    );
}
