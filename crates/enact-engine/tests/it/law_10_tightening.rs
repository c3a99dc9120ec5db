//! Law 10: rules only tighten. Adding a denial, a condition or a protection never lets more through.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use enact_core::approval::{Approval, ApprovalId, Decision, Method};
use enact_core::change::{Action, ChangeId};
use enact_core::condition::Condition;
use enact_core::confirmation::{Confirmation, Missing};
use enact_core::fault::Fault;
use enact_core::gate::{Circumstances, GateClosed, admit};
use enact_core::plan::Plan;
use enact_core::principal::{Principal, PrincipalKind};
use enact_core::procedure::{Hold, Moment};
use enact_core::verdict::{Assurance, Outcome, Requirement};
use enact_engine::policy::{BuiltinPolicy, PolicyEngine as _};
use enact_testkit::fixtures::{agent, approval, circumstances, occasion, person};
use enact_testkit::scenario::{Node, Scenario, calm};
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

/// What the run would be held to; an end that is not there is later than all others.
fn held_to(case: &Case) -> Result<(Vec<Condition>, jiff::Timestamp), GateClosed> {
    let admitted = admit(
        case.plan.clone(),
        case.verdict.clone(),
        case.approvals.clone(),
        &case.circumstances,
    )?;
    let ends = admitted.ends_at().unwrap_or(jiff::Timestamp::MAX);
    Ok((admitted.conditions().cloned().collect(), ends))
}

/// Conditions of every kind, some of which nothing can keep now.
fn condition(case: &Case, number: usize) -> Condition {
    let now = case.circumstances.now;
    let later = now + Duration::from_secs(60);
    let change_id = case.plan.changes()[0].change_id.clone();
    let window = |not_before, not_after| Condition::Window {
        not_before,
        not_after,
    };
    let limit = enact_core::change::Milliseconds(1000);
    match number {
        0 => Condition::CheckpointBefore { change_id },
        1 => Condition::StopAfter { change_id },
        2 => Condition::CheckpointBetweenSteps,
        3 => Condition::MaxDuration { limit },
        4 => window(None, Some(later)),
        5 => window(Some(now), None),
        6 => window(Some(later), None),
        7 => window(None, Some(now)),
        8 => Condition::DryRunOnly,
        9 => Condition::MaxDowntime { limit },
        10 => Condition::ExtraCheck {
            change_id,
            check: serde_json::json!({"run": "true"}),
        },
        11 => Condition::SecondApprover {
            change_id,
            who: "role:dba".to_owned(),
        },
        _ => Condition::CheckpointAfter {
            change_id: ChangeId("elsewhere".to_owned()),
        },
    }
}

/// With these conditions on these records, each record with a time of its own, as people give them one after the other.
fn conditioned(mut case: Case, conditions: &[(usize, usize)]) -> Case {
    let given_at = case.circumstances.now - Duration::from_secs(60);
    for (place, record) in case.approvals.iter_mut().enumerate() {
        record.approval_id = ApprovalId(format!("a{place}"));
        record.decided_at = given_at + Duration::from_secs(place as u64);
    }
    for (which, number) in conditions {
        let condition = condition(&case, *number);
        let count = case.approvals.len().max(1);
        if let Some(record) = case.approvals.get_mut(which % count) {
            record.conditions.push(condition);
        }
    }
    case
}

type Conditioned = (Case, Vec<(usize, usize)>, (usize, usize), usize);

/// Another condition, or another demand of policy, never lets a run off what it was held to.
fn more_conditions_hold_more((case, known, more, how): &Conditioned) -> Result<(), String> {
    let loose = conditioned(case.clone(), known);
    let tight = match how {
        0..6 => tighten(&loose, *how, 0),
        _ => conditioned(loose.clone(), &[*more]),
    };
    let Ok((held, end)) = held_to(&tight) else {
        return Ok(());
    };
    let (before, end_before) =
        held_to(&loose).map_err(|closed| format!("{more:?} opened the gate, which said: {closed}"))?;
    // What a demand makes count no more ends no run by running out; that is its own end, and no condition.
    ensure(*how < 6 || end <= end_before, || {
        format!("{more:?} lets it go on until {end}, not {end_before}")
    })?;
    let lost: Vec<&Condition> = before
        .iter()
        .filter(|condition| !held.contains(condition))
        .collect();
    ensure(lost.is_empty(), || format!("{more:?} let the run off {lost:?}"))
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
            | GateClosed::HeldBack { .. }
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
fn no_condition_and_no_demand_lets_a_run_off_another() {
    let one = || (any::<usize>(), 0_usize..13);
    let known = proptest::collection::vec(one(), 1..4);
    let held = Cell::new(0);
    holds(6000, &(case(), known, one(), 0_usize..12), |asked| {
        let loose = conditioned(asked.0.clone(), &asked.1);
        let is_held = held_to(&loose).is_ok_and(|(conditions, _)| !conditions.is_empty());
        held.set(held.get() + u32::from(is_held));
        more_conditions_hold_more(asked)
    });
    assert!(held.get() > 100, "only {held:?} runs were held to anything");
}

/// An approval that does not count now was once dropped with all its conditions, and the flag admitted.
#[test]
fn a_record_that_does_not_count_now_is_not_dropped_with_its_conditions() {
    let scenario = Scenario::new(vec![Node::new(Action::Update, &[]), Node::new(Action::Run, &[])]);
    let plan = scenario.plan();
    let now = circumstances().now;
    let yes = Approval {
        expires_at: Some(now + Duration::from_secs(3600)),
        conditions: vec![Condition::CheckpointBetweenSteps],
        ..approval(&plan)
    };
    let flag = Approval {
        approval_id: ApprovalId("flag".to_owned()),
        decided_at: now,
        method: Method::Flag,
        ..approval(&plan)
    };
    let ask = |records: Vec<Approval>, circumstances: &Circumstances| {
        let verdict = BuiltinPolicy.judge(&plan, &occasion());
        admit(plan.clone(), verdict, records, circumstances)
    };
    let case = |records| Case {
        plan: plan.clone(),
        verdict: BuiltinPolicy.judge(&plan, &occasion()),
        approvals: records,
        circumstances: circumstances(),
    };
    assert_eq!(
        held_to(&case(vec![yes.clone(), flag.clone()])).unwrap().0.len(),
        1
    );
    for number in [6, 7, 8, 9, 12] {
        let mut more = case(vec![yes.clone(), flag.clone()]);
        let condition = condition(&more, number);
        more.approvals[0].conditions.push(condition);
        let closed = held_to(&more);
        assert!(
            matches!(closed, Err(GateClosed::HeldBack { .. })),
            "{number}: {closed:?}"
        );
    }
    // Once it has run out, has paid, or was taken back, it holds nobody to anything.
    let dry = Approval {
        conditions: vec![Condition::DryRunOnly],
        ..yes.clone()
    };
    let mut over = circumstances();
    over.now = now + Duration::from_secs(3600);
    assert!(ask(vec![dry.clone(), flag.clone()], &over).is_ok());
    let mut spent = circumstances();
    spent.runs_spent.insert(dry.approval_id.clone(), 1);
    assert!(ask(vec![dry.clone(), flag.clone()], &spent).is_ok());
    let back = Approval {
        approval_id: ApprovalId("back".to_owned()),
        decision: Decision::Withdrawn,
        withdraws: Some(dry.approval_id.clone()),
        ..flag.clone()
    };
    assert!(ask(vec![dry.clone(), back, flag.clone()], &circumstances()).is_ok());
    // A later word of the same person that was given beforehand holds instead, if it is as strong.
    let anew = Approval {
        approval_id: ApprovalId("anew".to_owned()),
        decided_at: now + Duration::from_secs(1),
        ..yes
    };
    assert!(ask(vec![dry.clone(), anew.clone()], &circumstances()).is_ok());
    let weaker = Approval {
        method: Method::Flag,
        ..anew
    };
    assert!(ask(vec![dry, weaker], &circumstances()).is_err());
}

/// A stranger's signed record once put a command into a run that others had approved.
#[test]
fn a_check_is_added_by_nobody_who_could_not_approve() {
    let scenario = Scenario::new(vec![Node::new(Action::Run, &[])]);
    let plan = scenario.plan();
    let mut asked = Case {
        verdict: BuiltinPolicy.judge(&plan, &occasion()),
        approvals: Vec::new(),
        circumstances: circumstances(),
        plan: plan.clone(),
    };
    asked.verdict.requirement.roles = vec!["dba".to_owned()];
    let signed = Approval {
        method: Method::Signature,
        assurance: Assurance::Signed,
        ..approval(&plan)
    };
    let yes = Approval {
        roles: vec!["dba".to_owned()],
        ..signed.clone()
    };
    let adds = |mut record: Approval| {
        record.conditions.push(condition(&asked, 10));
        record
    };
    let stranger = Approval {
        approval_id: ApprovalId("stranger".to_owned()),
        approver: person("kim"),
        ..signed
    };
    let known = adds(yes.clone());
    let (other, plain) = (adds(stranger.clone()), stranger);
    asked.approvals = vec![known];
    assert_eq!(held_to(&asked).unwrap().0.len(), 1);
    asked.approvals = vec![yes.clone(), plain.clone()];
    assert_eq!(held_to(&asked).unwrap().0.len(), 0);
    asked.approvals = vec![yes.clone(), other];
    let closed = held_to(&asked).unwrap_err().to_string();
    assert!(
        closed.contains("kim (person) has no role that is asked for (dba)"),
        "{closed}"
    );
    // Nor by a record that does not count for another reason.
    asked.verdict.requirement = Requirement {
        assurance: Assurance::Hardware,
        ..Requirement::default()
    };
    let strong = Approval {
        assurance: Assurance::Hardware,
        ..yes
    };
    let weak = Approval {
        method: Method::Prompt,
        ..plain
    };
    asked.approvals = vec![strong.clone(), weak.clone()];
    assert_eq!(held_to(&asked).unwrap().0.len(), 0);
    let mut adding = weak;
    adding.conditions.push(condition(&asked, 10));
    asked.approvals = vec![strong, adding];
    let closed = held_to(&asked).unwrap_err().to_string();
    assert!(closed.contains("adds a check, which would run"), "{closed}");
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

/// Somebody says yes where a run waits: as one of three users, or with one of three keys of one of three owners.
fn word() -> impl Strategy<Value = Confirmation> {
    let name = prop::sample::select(vec!["ana", "ben", "eva"]);
    let key = prop::option::of(prop::sample::select(vec!["SHA256:1", "SHA256:2", "SHA256:3"]));
    let role = prop::option::of(prop::sample::select(vec!["dba", "ops"]));
    (name, key, role).prop_map(|(name, key, role)| {
        let id = format!("{}:{name}", if key.is_some() { "ssh" } else { "os" });
        Confirmation {
            at: Moment::Before,
            person: id.clone(),
            by: Principal {
                id,
                kind: PrincipalKind::Person,
            },
            key_id: key.map(ToOwned::to_owned),
            roles: role.into_iter().map(ToOwned::to_owned).collect(),
            when: jiff::Timestamp::UNIX_EPOCH,
        }
    })
}

fn four_eyes((count, words): &(u32, Vec<Confirmation>)) -> Result<(), String> {
    let hold = Hold {
        count: *count,
        roles: vec!["dba".to_owned()],
        ..Hold::at(Moment::Before)
    };
    let signed: Vec<Confirmation> = words
        .iter()
        .filter(|word| word.key_id.is_some())
        .cloned()
        .collect();
    let (alone, all) = (Missing::at(&hold, &signed), Missing::at(&hold, words));
    ensure(alone == all, || {
        format!("words that nobody signed made {alone:?} into {all:?}")
    })?;
    let of_role = || signed.iter().filter(|word| word.roles == ["dba"]);
    let names: BTreeSet<&str> = of_role().map(|word| word.by.id.as_str()).collect();
    let keys: BTreeSet<_> = of_role().map(|word| &word.key_id).collect();
    let mut more = hold.clone();
    more.also = vec!["ops".to_owned()];
    ensure(all.is_nobody() || !Missing::at(&more, words).is_nobody(), || {
        "a further role that is wanted lets it go on".to_owned()
    })?;
    ensure(
        !all.is_nobody() || names.len().min(keys.len()) >= *count as usize,
        || format!("{names:?} with {keys:?} counted as {count} people"),
    )
}

#[test]
fn where_several_people_have_to_confirm_each_signs_and_counts_once() {
    holds(1000, &(2_u32..4, prop::collection::vec(word(), 0..8)), four_eyes);
}

#[test]
fn a_word_that_nobody_signed_and_that_counts_as_a_second_person_is_caught() {
    catches(
        Fault::UnsignedConfirms,
        "words that nobody signed made",
        1000,
        &(2_u32..4, prop::collection::vec(word(), 0..8)),
        four_eyes,
    );
}
