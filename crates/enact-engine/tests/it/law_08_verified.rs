//! Law 8: after the run the postconditions are checked, and the result says *verified*, or what is not.

use enact_core::fault::Fault;
use enact_core::journal::RunOutcome;
use enact_testkit::scenario::{Scenario, calm};
use enact_testkit::world::Moment;
use proptest::prelude::*;

use crate::support::{Bench, catches, ensure, holds};

/// Somebody meddles with one change after all is done, or nobody does.
fn verified_only_if_it_is_so((scenario, place): &(Scenario, Option<usize>)) -> Result<(), String> {
    let bench = Bench::of(scenario);
    let meddled = place.map(|place| scenario.id(place % scenario.nodes.len()));
    if let Some(change) = meddled.as_ref().and_then(|id| bench.plan().change(id)) {
        bench.world.meddle(Moment::BeforeVerify, change);
    }
    let ended = bench.run()?;
    let (outcome, code) = match &meddled {
        Some(_) => (RunOutcome::NotVerified, 10),
        None => (RunOutcome::Verified, 0),
    };
    ensure(ended.exit_code == code, || {
        format!(
            "exit code {} and not {code}, meddled with: {meddled:?}",
            ended.exit_code
        )
    })?;
    ensure(ended.report.outcome == Some(outcome), || {
        format!("{:?}", ended.report.outcome)
    })?;
    for row in &ended.report.changes {
        let good = meddled.as_ref() != Some(&row.change_id);
        ensure(row.verified == good && row.mismatches.is_empty() == good, || {
            format!(
                "{} verified: {}, {:?}",
                row.change_id, row.verified, row.mismatches
            )
        })?;
        for mismatch in &row.mismatches {
            ensure(mismatch.expected != mismatch.found, || {
                format!("expected and found are the same: {mismatch}")
            })?;
        }
    }
    let counts = ended.report.verification;
    let wrong = usize::from(meddled.is_some());
    ensure(
        counts.mismatch_count == wrong
            && counts.verified_count == scenario.nodes.len() - wrong
            && counts.unchecked_count == 0,
        || format!("{counts:?}"),
    )
}

fn cases() -> impl Strategy<Value = (Scenario, Option<usize>)> {
    (calm(1, 7), prop::option::of(0_usize..7))
}

#[test]
fn a_run_is_verified_exactly_when_its_postconditions_hold() {
    holds(120, &cases(), verified_only_if_it_is_so);
}

#[test]
fn a_mismatch_that_is_hidden_is_caught() {
    catches(
        Fault::MismatchHidden,
        "exit code 0 and not 10",
        20,
        &cases(),
        verified_only_if_it_is_so,
    );
}
