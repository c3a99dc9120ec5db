//! Law 3: *about to* is durable before an effect; the outcome is durable before anything that depends on it starts.

use std::collections::{BTreeMap, BTreeSet};

use enact_core::change::ChangeId;
use enact_core::fault::Fault;
use enact_core::journal::Fact;
use enact_testkit::scenario::{Scenario, scenario, settled_fault, undo_fault};
use enact_testkit::world::{Trace, World};
use proptest::prelude::*;

use crate::support::{Bench, catches, ensure, holds};

/// Reads the world's trace, in which durable facts and effects stand in the order in which they happened.
fn the_journal_comes_first(scenario: &Scenario) -> Result<(), String> {
    let bench = Bench::of(scenario);
    let result = bench.run();
    in_order(&bench.world, &bench)?;
    result.map(drop)
}

fn in_order(world: &World, bench: &Bench) -> Result<(), String> {
    let needs: BTreeMap<&ChangeId, &Vec<ChangeId>> = bench
        .plan()
        .changes()
        .iter()
        .map(|change| (&change.change_id, &change.depends_on))
        .collect();
    let mut open = BTreeSet::new();
    let mut undoing = BTreeSet::new();
    let mut done = BTreeSet::new();
    for event in world.trace() {
        match event {
            Trace::Durable(Fact::Intent { change_id }) => {
                for needed in needs[&change_id] {
                    ensure(done.contains(needed), || {
                        format!("{change_id} is about to start, and {needed} is not durably done")
                    })?;
                }
                open.insert(change_id);
            }
            Trace::Durable(Fact::Done { change_id, .. }) => {
                open.remove(&change_id);
                done.insert(change_id);
            }
            Trace::Durable(
                Fact::NotDone { change_id, .. }
                | Fact::Failed { change_id, .. }
                | Fact::Drifted { change_id, .. }
                | Fact::Unknown { change_id, .. },
            ) => {
                open.remove(&change_id);
            }
            Trace::Durable(Fact::UndoIntent { change_id }) => {
                undoing.insert(change_id);
            }
            Trace::Durable(Fact::Undone { change_id } | Fact::UndoFailed { change_id, .. }) => {
                undoing.remove(&change_id);
            }
            Trace::Started(change_id) | Trace::Committed(change_id) => {
                ensure(open.contains(&change_id), || {
                    format!("an effect of {change_id} without a durable intent")
                })?;
            }
            Trace::UndoStarted(change_id) | Trace::UndoCommitted(change_id) => {
                ensure(undoing.contains(&change_id), || {
                    format!("an undo of {change_id} without a durable intent")
                })?;
            }
            Trace::Durable(_) | Trace::Preflight | Trace::Checked(_) | Trace::Looked(_) | Trace::Verified => {
            }
        }
    }
    Ok(())
}

fn any_scenario() -> impl Strategy<Value = Scenario> {
    scenario(
        1,
        9,
        prop::option::weighted(0.3, settled_fault()),
        prop::option::weighted(0.2, undo_fault()),
    )
}

#[test]
fn no_effect_starts_before_its_intent_is_durable_nor_before_what_it_needs_is_durably_done() {
    holds(150, &any_scenario(), the_journal_comes_first);
}

#[test]
fn an_effect_before_its_intent_is_caught() {
    catches(
        Fault::EffectBeforeIntent,
        "without a durable intent",
        5,
        &any_scenario(),
        the_journal_comes_first,
    );
}
