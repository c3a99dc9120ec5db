//! Law 10: rules only tighten. Adding a denial, a condition or a protection never lets more through.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use enact_core::approval::{Decision, Method};
use enact_core::change::ChangeId;
use enact_core::condition::Condition;
use enact_core::fault::Fault;
use enact_core::gate::GateClosed;
use enact_core::plan::Plan;
use enact_core::verdict::{Assurance, Outcome, Requirement};
use enact_testkit::fixtures::{agent, approval, person};
use enact_testkit::scenario::{Scenario, calm};
use proptest::prelude::*;

use crate::law_02_admission::{Case, case, finding};
use crate::support::{Bench, catches, ensure, holds, refreeze};

/// One thing that is made stricter; the number says which, and of what.
fn tighten(case: &Case, how: usize, which: usize) -> Case {
    let mut tight = case.clone();
    let now = tight.circumstances.now;
    let count = tight.approvals.len().max(1);
    let record = tight.approvals.get_mut(which % count);
    let demand = &mut tight.verdict.requirement;
    match how {
        0 => demand.count += 1,
        1 => demand.assurance = demand.assurance.max(Assurance::Signed),
        2 => demand.not_author = true,
        3 => demand.roles.push("ops".to_owned()),
        4 => {
            let asked = tight.circumstances.asked_by_plan.unwrap_or_default();
            let more = Requirement {
                count: 2,
                roles: vec!["security".to_owned()],
                assurance: Assurance::Low,
                not_author: false,
            };
            tight.circumstances.asked_by_plan = Some(asked.and(&more));
        }
        5 => tight.verdict = tight.verdict.with(finding(Outcome::RequireApproval)),
        6 => tight.circumstances.latched = Some("incident".to_owned()),
        7 => {
            let mut no = approval(&tight.plan);
            no.decision = Decision::Rejected;
            no.approver = person("dora");
            tight.approvals.push(no);
        }
        _ => {
            // To turn somebody's no into nothing would not be stricter.
            let Some(record) = record.filter(|record| record.decision == Decision::Approved) else {
                return tight;
            };
            match how {
                8 => record.expires_at = Some(record.expires_at.map_or(now, |end| end.min(now))),
                9 => record.not_before = Some(now + Duration::from_secs(1)),
                10 => record.acknowledged.clear(),
                11 => record.approver = agent("bot"),
                12 => record.assurance = Assurance::None,
                13 => record.roles.clear(),
                14 => {
                    let spent = tight.circumstances.runs_spent.entry(record.approval_id.clone());
                    *spent.or_default() += 1;
                }
                16 => record.conditions.push(Condition::DryRunOnly),
                17 => record.conditions.push(Condition::Window {
                    not_before: Some(now + Duration::from_secs(1)),
                    not_after: None,
                }),
                18 => record.conditions.push(Condition::Window {
                    not_before: None,
                    not_after: Some(now),
                }),
                19 => record.conditions.push(Condition::CheckpointBefore {
                    change_id: ChangeId("elsewhere".to_owned()),
                }),
                20 => record.conditions.push(Condition::MaxDowntime {
                    limit: enact_core::change::Milliseconds(1),
                }),
                21 => record.conditions.push(Condition::CheckpointBetweenSteps),
                22 => record.method = Method::Waived,
                23 => record.decided_at = now + Duration::from_secs(3600),
                24 => record.max_runs = 0,
                _ => record.plan_id = enact_core::plan::PlanId(enact_core::canonical::Digest::of(b"other")),
            }
        }
    }
    tight
}

fn stricter_never_opens((case, how, which): &(Case, usize, usize)) -> Result<(), String> {
    let tight = tighten(case, *how, *which);
    ensure(tight.ask().is_err() || case.ask().is_ok(), || {
        format!("tightening number {how} opened the gate: {:?}", case.ask())
    })
}

fn a_denial_closes((case, hidden): &(Case, bool)) -> Result<(), String> {
    let mut denied = case.clone();
    if *hidden {
        // As a verdict from outside might say it: the answer is allow, and a finding denies.
        denied.verdict.findings.push(finding(Outcome::Deny));
    } else {
        denied.verdict = denied.verdict.with(finding(Outcome::Deny));
    }
    match denied.ask() {
        Ok(()) => Err("denied by policy, and let through".to_owned()),
        Err(
            GateClosed::Denied { .. }
            | GateClosed::Latched { .. }
            | GateClosed::Unreadable(_)
            | GateClosed::OtherTarget { .. }
            | GateClosed::VerdictOfOtherPlan { .. }
            | GateClosed::VerdictOfOtherBundle { .. }
            | GateClosed::NotProved(_),
        ) => Ok(()),
        Err(
            closed @ (GateClosed::Rejected { .. }
            | GateClosed::NotApproved { .. }
            | GateClosed::NotAcknowledged { .. }),
        ) => Err(format!("denied by policy, and people are asked: {closed}")),
    }
}

/// Blocks a change and, as a plan must, all that depend on it.
fn blocked(scenario: &Scenario, place: usize) -> (Plan, BTreeSet<ChangeId>) {
    let places = std::iter::once(place).chain(scenario.dependants(place));
    let ids: BTreeSet<ChangeId> = places.map(|place| scenario.id(place)).collect();
    let plan = refreeze(&scenario.plan(), |changes| {
        for change in changes {
            if ids.contains(&change.change_id) {
                *change = change.clone().block("it is protected");
            }
        }
    });
    (plan, ids)
}

fn blocking_takes_exactly_that_away((scenario, place): &(Scenario, usize)) -> Result<(), String> {
    let place = place % scenario.nodes.len();
    let all = Bench::of(scenario);
    all.run()?;
    let (plan, ids) = blocked(scenario, place);
    let less = Bench::with_plan(scenario, &plan);
    let ended = less.run()?;
    let all: BTreeSet<ChangeId> = all.world.committed().into_iter().collect();
    let done: BTreeSet<ChangeId> = less.world.committed().into_iter().collect();
    let expected: BTreeSet<ChangeId> = all.difference(&ids).cloned().collect();
    ensure(done == expected, || {
        format!("{ids:?} were blocked, and {done:?} were done")
    })?;
    let counted = ended.report.execution_result.blocked_count;
    ensure(counted == ids.len(), || {
        format!("{counted} of {} blocked are reported", ids.len())
    })
}

#[test]
fn nothing_that_tightens_opens_the_gate() {
    let closed_it = Cell::new(0);
    holds(6000, &(case(), 0_usize..26, any::<usize>()), |asked| {
        let (case, how, which) = asked;
        let closes = case.ask().is_ok() && tighten(case, *how, *which).ask().is_err();
        closed_it.set(closed_it.get() + u32::from(closes));
        stricter_never_opens(asked)
    });
    assert!(
        closed_it.get() > 100,
        "tightening closed the gate only {closed_it:?} times"
    );
}

#[test]
fn a_denial_closes_the_gate_whatever_else_is_said() {
    holds(1000, &(case(), any::<bool>()), a_denial_closes);
}

#[test]
fn a_blocked_change_and_what_needs_it_are_not_done_and_the_rest_is() {
    holds(60, &(calm(1, 6), 0_usize..6), blocking_takes_exactly_that_away);
}

#[test]
fn a_denial_that_is_overlooked_is_caught() {
    catches(
        Fault::DenyIgnored,
        "denied by policy, and",
        1000,
        &(case(), any::<bool>()),
        a_denial_closes,
    );
}
