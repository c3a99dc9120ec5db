//! Law 2: nothing runs that was not admitted. The gate against an oracle written without looking at it.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use enact_core::approval::{Approval, ApprovalId, Decision, Method};
use enact_core::canonical::Digest;
use enact_core::change::{Action, ProtectionChange};
use enact_core::fault::Fault;
use enact_core::gate::{Circumstances, GateClosed, Purpose, admit};
use enact_core::plan::{Plan, PlanId};
use enact_core::principal::{Principal, PrincipalKind};
use enact_core::verdict::{Assurance, Finding, Outcome, Requirement, Verdict};
use enact_engine::policy::{BuiltinPolicy, PolicyEngine as _};
use enact_testkit::fixtures::{agent, approval, circumstances, occasion, person, start, target};
use enact_testkit::scenario::{Node, Scenario};
use proptest::prelude::*;

use crate::support::{Bench, catches, ensure, holds, refreeze};

/// Everything the gate is asked with.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) plan: Plan,
    pub(crate) verdict: Verdict,
    pub(crate) approvals: Vec<Approval>,
    pub(crate) circumstances: Circumstances,
}

impl Case {
    pub(crate) fn ask(&self) -> Result<(), GateClosed> {
        admit(
            self.plan.clone(),
            self.verdict.clone(),
            self.approvals.clone(),
            &self.circumstances,
        )
        .map(drop)
    }
}

/// Plans by Ana: one that takes protection off, one that does not, one that only reads.
fn plans() -> [Plan; 3] {
    let nodes = vec![Node::new(Action::Update, &[]), Node::new(Action::Run, &[])];
    let plain = Scenario::new(nodes).plan();
    let unprotecting = refreeze(&plain, |changes| {
        changes[0].protection = Some(ProtectionChange {
            old: true,
            new: false,
        });
    });
    let reading = refreeze(
        &Scenario::new(vec![Node::new(Action::Run, &[])]).plan(),
        |changes| {
            changes[0].effect = enact_core::change::Effect::Read;
        },
    );
    [unprotecting, plain, reading]
}

/// The law, written down again from the design: who counts, and when that is enough.
fn oracle(case: &Case) -> bool {
    let Case {
        plan,
        verdict,
        approvals,
        circumstances,
    } = case;
    let denied = verdict.outcome == Outcome::Deny
        || verdict
            .findings
            .iter()
            .any(|finding| finding.outcome == Outcome::Deny);
    let surroundings = circumstances.latched.is_none()
        && plan.metadata().target == circumstances.target
        && verdict.plan_id == *plan.id()
        && verdict.bundle_digest == circumstances.bundle_digest;
    let about_it: Vec<&Approval> = approvals
        .iter()
        .filter(|record| record.plan_id == *plan.id() && record.approver.kind != PrincipalKind::Agent)
        .collect();
    if !surroundings
        || denied
        || about_it
            .iter()
            .any(|record| record.decision == Decision::Rejected)
    {
        return false;
    }
    let asked = circumstances.asked_by_plan.clone().unwrap_or_default();
    let policy = &verdict.requirement;
    // What only reads needs nobody, unless somebody in particular is asked for.
    let in_particular = |wanted: &Requirement| {
        wanted.count > 1
            || !wanted.roles.is_empty()
            || wanted.assurance > Assurance::None
            || wanted.not_author
    };
    let reads = plan.changes().iter().all(|change| !change.writes());
    if reads && !in_particular(&asked) && !in_particular(policy) {
        return true;
    }
    let roles: BTreeSet<&String> = asked.roles.iter().chain(&policy.roles).collect();
    let assurance = asked.assurance.max(policy.assurance);
    let somebody_else = asked.not_author || policy.not_author;
    let count = asked.count.max(policy.count);
    // A prompt or a flag is enough only where nothing particular is asked for.
    let particular = !roles.is_empty() || assurance > Assurance::None || somebody_else || count != 1;
    let valid: Vec<&&Approval> = about_it
        .iter()
        .filter(|record| {
            let proved = match record.method {
                Method::Signature => record.assurance,
                Method::Prompt => record.assurance.min(Assurance::Low),
                Method::Flag | Method::Waived => Assurance::None,
            };
            let now = circumstances.now;
            record.not_before.is_none_or(|from| from <= now)
                && record.expires_at.is_none_or(|end| now < end)
                && circumstances
                    .runs_spent
                    .get(&record.approval_id)
                    .is_none_or(|spent| *spent < record.max_runs)
                && proved >= assurance
                && (!particular || record.method == Method::Signature)
                // None of these plans does without approval.
                && record.method != Method::Waived
                && (!somebody_else || record.approver.id != plan.metadata().author.id)
        })
        .collect();
    let people: BTreeSet<&str> = valid.iter().map(|record| record.approver.id.as_str()).collect();
    let acknowledged = plan
        .changes()
        .iter()
        .filter(|change| change.unprotects())
        .all(|change| {
            valid
                .iter()
                .any(|record| record.acknowledged.contains(&change.change_id))
        });
    people.len() >= count.max(1) as usize
        && roles
            .iter()
            .all(|role| valid.iter().any(|record| record.roles.contains(role)))
        && acknowledged
}

fn somebody() -> impl Strategy<Value = Principal> {
    prop_oneof![
        2 => Just(person("ana")),
        4 => Just(person("ben")),
        4 => Just(person("cid")),
        1 => Just(agent("bot")),
        // The same name as a person's does not make an agent one.
        1 => Just(agent("ben")),
    ]
}

fn roles() -> impl Strategy<Value = Vec<String>> {
    proptest::sample::subsequence(vec!["ops".to_owned(), "security".to_owned()], 0..=2)
}

fn assurance() -> impl Strategy<Value = Assurance> {
    prop_oneof![
        Just(Assurance::None),
        Just(Assurance::Low),
        Just(Assurance::Signed),
        Just(Assurance::Hardware)
    ]
}

fn moment() -> impl Strategy<Value = i64> {
    prop_oneof![Just(-3600), Just(0), Just(3600)]
}

fn record(plans: [Plan; 3]) -> impl Strategy<Value = Approval> {
    let who = (somebody(), roles(), assurance());
    let how = prop_oneof![
        3 => Just(Method::Prompt),
        1 => Just(Method::Flag),
        5 => Just(Method::Signature),
        1 => Just(Method::Waived)
    ];
    let when = (
        prop::option::weighted(0.2, moment()),
        prop::option::weighted(0.3, moment()),
    );
    let which = (0_usize..12, prop::bool::weighted(0.07), prop::bool::weighted(0.8));
    let runs = (0_u8..5, 1_u32..3);
    (who, how, when, which, runs).prop_map(
        move |((approver, roles, assurance), method, (from, until), (of, no, yes_twice), (id, max_runs))| {
            let at = |offset: i64| start() + jiff::SignedDuration::from_secs(offset);
            // Mostly about the plan that is asked for, see `case`.
            let mut record = approval(&plans[if of < 10 { 0 } else { of - 9 }]);
            record.approval_id = ApprovalId(format!("a{id}"));
            if no {
                record.decision = Decision::Rejected;
            }
            if yes_twice {
                let ids = plans[0].changes().iter().map(|change| change.change_id.clone());
                record.acknowledged = ids.take(1).collect();
            } else {
                record.acknowledged.clear();
            }
            record.approver = approver;
            record.roles = roles;
            record.assurance = assurance;
            record.method = method;
            record.not_before = from.map(at);
            record.expires_at = until.map(at);
            record.max_runs = max_runs;
            record
        },
    )
}

fn requirement() -> impl Strategy<Value = Requirement> {
    let plain = Just(Requirement::default());
    let any =
        (0_u32..3, roles(), assurance(), any::<bool>()).prop_map(|(count, roles, assurance, not_author)| {
            Requirement {
                count,
                roles,
                assurance,
                not_author,
            }
        });
    prop_oneof![plain, any]
}

pub(crate) fn finding(outcome: Outcome) -> Finding {
    Finding {
        rule: "test.rule".to_owned(),
        outcome,
        message: "a rule speaks".to_owned(),
        change_id: None,
        location: None,
    }
}

/// Questions to the gate, of which a good part is to be let through.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    let plans = plans();
    let records = proptest::collection::vec(record(plans.clone()), 0..6);
    let outcome = prop_oneof![
        4 => Just(Outcome::Allow),
        8 => Just(Outcome::RequireApproval),
        1 => Just(Outcome::Deny)
    ];
    let rare = || prop::bool::weighted(0.04);
    let strange = (rare(), rare(), rare(), rare(), rare());
    let spent = proptest::collection::btree_map(0_u8..5, 0_u32..3, 0..3);
    (
        prop_oneof![6 => Just(0_usize), 1 => Just(1), 1 => Just(2)],
        records,
        (outcome, requirement()),
        prop::option::weighted(0.2, requirement()),
        spent,
        strange,
    )
        .prop_map(
            move |(which, approvals, (outcome, requirement), asked_by_plan, spent, strange)| {
                let (latched, elsewhere, other_verdict, other_bundle, hidden_deny) = strange;
                let plan = plans[which].clone();
                let mut circumstances = circumstances();
                circumstances.asked_by_plan = asked_by_plan;
                circumstances.latched = latched.then(|| "maintenance".to_owned());
                let ids = spent
                    .into_iter()
                    .map(|(id, runs)| (ApprovalId(format!("a{id}")), runs));
                circumstances.runs_spent = BTreeMap::from_iter(ids);
                if elsewhere {
                    circumstances.target.organization = Some("another".to_owned());
                }
                let judged = if other_verdict {
                    plans[(which + 1) % 3].id()
                } else {
                    plan.id()
                };
                let mut verdict = Verdict::allow(judged.clone(), circumstances.bundle_digest.clone());
                verdict.outcome = outcome;
                verdict.requirement = requirement;
                if hidden_deny {
                    verdict.findings.push(finding(Outcome::Deny));
                }
                if other_bundle {
                    verdict.bundle_digest = Digest::of(b"yesterday's rules");
                }
                Case {
                    plan,
                    verdict,
                    approvals,
                    circumstances,
                }
            },
        )
}

fn the_gate_agrees_with_the_oracle(case: &Case) -> Result<(), String> {
    let (answer, expected) = (case.ask(), oracle(case));
    ensure(answer.is_ok() == expected, || {
        format!("the gate says {answer:?}, the oracle {expected}")
    })
}

/// No approvals of other plans, however many and however good, admit this one.
fn approvals_of_other_plans_are_worth_nothing(case: &Case) -> Result<(), String> {
    let mut case = case.clone();
    case.approvals = plans().iter().map(approval).collect();
    case.approvals.retain(|record| record.plan_id != *case.plan.id());
    let renamed = PlanId(Digest::of(b"no plan of ours"));
    case.approvals
        .extend(case.approvals.clone().into_iter().map(|mut record| {
            record.plan_id = renamed.clone();
            record
        }));
    ensure(
        case.ask().is_err() || !case.plan.changes().iter().any(enact_core::change::Change::writes),
        || "approvals of other plans opened the gate".to_owned(),
    )
}

#[test]
fn the_gate_opens_exactly_when_the_oracle_says_so() {
    let (open, all) = (Cell::new(0), Cell::new(0));
    holds(4000, &case(), |case| {
        all.set(all.get() + 1);
        open.set(open.get() + u32::from(case.ask().is_ok()));
        the_gate_agrees_with_the_oracle(case)
    });
    let share = f64::from(open.get()) / f64::from(all.get());
    assert!(
        (0.05..0.6).contains(&share),
        "{share} of the cases were let through: the test says little"
    );
}

#[test]
fn no_approval_of_another_plan_admits_this_one() {
    holds(200, &case(), approvals_of_other_plans_are_worth_nothing);
}

#[test]
fn an_approval_of_another_plan_that_counts_is_caught() {
    let fault = Fault::ApprovalOfOtherPlan;
    catches(
        fault,
        "the oracle false",
        4000,
        &case(),
        the_gate_agrees_with_the_oracle,
    );
    catches(
        fault,
        "approvals of other plans opened the gate",
        200,
        &case(),
        approvals_of_other_plans_are_worth_nothing,
    );
}

/// Each reason for which the gate stays closed, alone, with its exit code: the design's table.
#[test]
fn each_reason_alone_keeps_the_gate_closed() {
    let plan = plans()[0].clone();
    let good = || {
        let mut record = approval(&plan);
        record.method = Method::Signature;
        record.assurance = Assurance::Signed;
        let circumstances = circumstances();
        Case {
            verdict: Verdict::allow(plan.id().clone(), circumstances.bundle_digest.clone()),
            plan: plan.clone(),
            approvals: vec![record],
            circumstances,
        }
    };
    assert_eq!(good().ask(), Ok(()));
    type Spoil = fn(&mut Case);
    let reasons: [(&str, u8, Spoil); 15] = [
        ("no approval", 5, |case| {
            case.approvals.clear();
        }),
        ("an agent's", 5, |case| case.approvals[0].approver = agent("bot")),
        ("another plan's", 5, |case| {
            case.approvals[0].plan_id = PlanId(Digest::of(b"other"));
        }),
        ("expired at this moment", 5, |case| {
            case.approvals[0].expires_at = Some(case.circumstances.now);
        }),
        ("not yet", 5, |case| {
            case.approvals[0].not_before = Some(case.circumstances.now + Duration::from_millis(1));
        }),
        ("spent", 5, |case| {
            let id = case.approvals[0].approval_id.clone();
            case.circumstances.runs_spent.insert(id, 1);
        }),
        ("rejected by somebody", 5, |case| {
            let mut no = case.approvals[0].clone();
            no.decision = Decision::Rejected;
            no.approver = person("cid");
            case.approvals.push(no);
        }),
        ("weak", 5, |case| {
            case.verdict.requirement.assurance = Assurance::Hardware;
        }),
        ("role", 5, |case| {
            case.verdict.requirement.roles = vec!["ops".to_owned()];
        }),
        ("one person twice", 5, |case| {
            case.verdict.requirement.count = 2;
            let mut second = case.approvals[0].clone();
            second.approval_id = ApprovalId("second".to_owned());
            case.approvals.push(second);
        }),
        ("the author's", 5, |case| {
            case.verdict.requirement.not_author = true;
            case.approvals[0].approver = person("ana");
        }),
        ("not acknowledged", 5, |case| {
            case.approvals[0].acknowledged.clear();
        }),
        ("another target", 3, |case| {
            case.circumstances.target.kind = "elsewhere".to_owned();
        }),
        ("another bundle", 6, |case| {
            case.circumstances.bundle_digest = Digest::of(b"new");
        }),
        ("latched", 4, |case| {
            case.circumstances.latched = Some("incident".to_owned());
        }),
    ];
    for (reason, exit_code, spoil) in reasons {
        let mut case = good();
        spoil(&mut case);
        let closed = case.ask().expect_err(reason);
        assert_eq!(closed.exit_code().number(), exit_code, "{reason}: {closed}");
    }
    assert_eq!(plan.metadata().target, target());
}

#[test]
fn what_was_let_through_to_be_taken_back_is_not_carried_out() {
    let mut bench = Bench::of(&Scenario::new(vec![Node::new(Action::Update, &[])]));
    let back = Circumstances {
        purpose: Purpose::TakeBack,
        ..circumstances()
    };
    let verdict = BuiltinPolicy.judge(bench.plan(), &occasion());
    bench.admitted = admit(bench.plan().clone(), verdict, Vec::new(), &back).unwrap();
    let refused = bench.run().err().unwrap();
    assert!(refused.contains("OnlyBack"), "{refused}");
    assert!(bench.world.committed().is_empty());
}
