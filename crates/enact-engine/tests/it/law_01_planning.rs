//! Law 1: planning is pure and deterministic; apply, then plan again: no changes.

use std::time::Duration;

use enact_core::canonical::Digest;
use enact_core::change::Action;
use enact_core::fault::Fault;
use enact_core::plan::{FreezeError, Plan, PlanDraft, ReadError};
use enact_core::verdict::Verdict;
use enact_engine::policy::{BuiltinPolicy, PolicyEngine as _};
use enact_testkit::crash::Machine;
use enact_testkit::fixtures::{admitted, start};
use enact_testkit::planner::{Desired, plan_world, wishes};
use enact_testkit::scenario::{Node, Scenario, calm};
use enact_testkit::world::{Object, World};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{Bench, catches, ensure, holds, options};

type Wishes = (Desired, Vec<Object>);

fn same_input_gives_the_same_plan((desired, objects): &Wishes) -> Result<(), String> {
    let later = start() + Duration::from_secs(86_400);
    let first = plan_world(desired, &World::new(objects.clone()), start());
    let second = plan_world(desired, &World::new(objects.iter().rev().cloned()), later);
    ensure(first.id() == second.id(), || {
        format!(
            "one input, two ids: {} now and {} a day later",
            first.id(),
            second.id()
        )
    })?;
    ensure(first.changes() == second.changes(), || {
        "one id, two lists of changes".to_owned()
    })?;
    let judged = first
        .clone()
        .with_verdict(Verdict::allow(first.id().clone(), BuiltinPolicy.bundle_digest()));
    let read = Plan::parse(&judged.to_bytes().unwrap()).map_err(|error| error.to_string())?;
    ensure(read == judged, || {
        "what was written is not what is read".to_owned()
    })
}

/// What everybody can compute from the file: the digest of its canonical form without what is no content of it.
fn the_id_is_the_digest_of_the_file((desired, objects): &Wishes) -> Result<(), String> {
    let plan = plan_world(desired, &World::new(objects.clone()), start());
    let plan = plan
        .clone()
        .with_verdict(Verdict::allow(plan.id().clone(), BuiltinPolicy.bundle_digest()));
    let mut file: Value = serde_json::from_slice(&plan.to_bytes().unwrap()).unwrap();
    let members = file.as_object_mut().unwrap();
    for member in ["plan_id", "verdict"] {
        assert!(members.remove(member).is_some(), "{member} is in the file");
    }
    let generated = members["metadata"].as_object_mut().unwrap();
    assert!(generated.remove("generated_at").is_some());
    let computed = Digest::of_canonical(&file).unwrap();
    ensure(computed == plan.id().0, || {
        format!("the plan is {}, its file {computed}", plan.id())
    })
}

fn applying_leaves_nothing_to_plan((desired, objects): &Wishes) -> Result<(), String> {
    let world = World::new(objects.clone());
    let plan = plan_world(desired, &world, start());
    let bench = Bench {
        world: world.clone(),
        admitted: admitted(&plan),
        machine: Machine::new(),
        options: options(&Scenario::new(Vec::new())),
    };
    let ended = bench.run()?;
    ensure(ended.exit_code == 0, || {
        format!(
            "exit code {}, {:?}",
            ended.exit_code, ended.report.execution_result
        )
    })?;
    let again = plan_world(desired, &world, start());
    ensure(again.is_noop(), || {
        format!("still to do after applying: {:?}", again.executable())
    })
}

/// Places of all values that are neither list nor object.
fn leaves(value: &Value, here: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, &format!("{here}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (key, item) in fields {
                leaves(item, &format!("{here}/{key}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(here.to_owned()),
    }
}

fn changed(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => Value::Bool(!flag),
        Value::Number(number) => Value::from(number.as_i64().unwrap_or_default() + 1),
        Value::String(text) => Value::String(format!("{text}x")),
        Value::Null | Value::Array(_) | Value::Object(_) => Value::from("x"),
    }
}

fn every_field_is_part_of_the_id(scenario: &Scenario) -> Result<(), String> {
    let plan = scenario.plan();
    let value = serde_json::to_value(&plan).unwrap();
    let mut places = Vec::new();
    leaves(&value, "", &mut places);
    for place in places
        .iter()
        .filter(|place| *place != "/metadata/generated_at" && *place != "/plan_id")
    {
        let mut other = value.clone();
        let leaf = other.pointer_mut(place).unwrap();
        *leaf = changed(leaf);
        match Plan::parse(&serde_json::to_vec(&other).unwrap()) {
            // A word that is not one of the format's never gets as far as the digest.
            Err(ReadError::Digest { .. } | ReadError::Format { .. } | ReadError::Json { .. }) => {}
            Err(error) => return Err(format!("{place} changed, and the digest did not: {error}")),
            Ok(_) => return Err(format!("{place} changed, and the plan is read all the same")),
        }
    }
    Ok(())
}

fn an_edited_byte_is_refused(
    (scenario, place, byte): &(Scenario, prop::sample::Index, u8),
) -> Result<(), String> {
    let plan = scenario.plan();
    let mut bytes = plan.to_bytes().unwrap();
    let place = place.index(bytes.len());
    bytes[place] = *byte;
    match Plan::parse(&bytes) {
        Err(_) => Ok(()),
        // White space and the moment of making are no part of what is approved; anything else is.
        Ok(read) => ensure(
            read.id() == plan.id()
                && read.changes() == plan.changes()
                && read.execution_order() == plan.execution_order(),
            || format!("byte {place} edited, and another plan is read"),
        ),
    }
}

#[test]
fn the_same_input_gives_the_same_plan_whenever_it_is_made() {
    holds(100, &wishes(), same_input_gives_the_same_plan);
}

#[test]
fn planning_again_after_applying_finds_nothing_to_do() {
    holds(60, &wishes(), applying_leaves_nothing_to_plan);
}

#[test]
fn changing_any_field_changes_the_id() {
    holds(12, &calm(1, 4), every_field_is_part_of_the_id);
}

#[test]
fn a_plan_file_with_an_edited_byte_is_refused() {
    let edit = (calm(1, 3), any::<prop::sample::Index>(), any::<u8>());
    holds(300, &edit, an_edited_byte_is_refused);
}

#[test]
fn the_id_of_a_plan_is_the_digest_of_its_file() {
    holds(200, &wishes(), the_id_is_the_digest_of_the_file);
}

/// RFC 8785 writes numbers as doubles do, so beyond 2^53 neighbours look the same.
#[test]
fn a_number_that_cannot_be_told_from_its_neighbour_does_not_get_into_a_plan() {
    let with = |number: Value| {
        let plan = Scenario::new(vec![Node::new(Action::Create, &[])]).plan();
        let mut changes = plan.changes().to_vec();
        changes[0].desired = Some(serde_json::json!({"deep": [{"size": number}]}));
        let draft = PlanDraft {
            metadata: plan.metadata().clone(),
            document: None,
            changes,
            warnings: Vec::new(),
        };
        draft.freeze()
    };
    let largest = (1_u64 << 53) - 1;
    let id = |number: Value| with(number).unwrap().id().clone();
    assert_ne!(id(largest.into()), id((largest - 1).into()));
    assert_ne!(id(0.1.into()), id(0.100_000_000_000_000_02.into()));
    for number in [(largest + 1).into(), u64::MAX.into(), i64::MIN.into()] {
        let error = with(number).unwrap_err();
        assert!(matches!(error, FreezeError::Json(_)), "{error:?}");
    }
    // Nor by way of a file.
    let plan = with(7_777.into()).unwrap();
    let text = String::from_utf8(plan.to_bytes().unwrap()).unwrap();
    let edited = text.replace("7777", "18446744073709551615");
    let error = Plan::parse(edited.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("write it as text"), "{error}");
}

#[test]
fn a_time_in_the_digest_is_caught() {
    catches(
        Fault::TimeInDigest,
        "one input, two ids",
        5,
        &wishes(),
        same_input_gives_the_same_plan,
    );
}
