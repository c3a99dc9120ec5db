//! What a plan's own document asks of its approvals: read defensively, held to strictly.

use std::time::Duration;

use enact_core::approval::{Approval, Method, Signature};
use enact_core::asked::asked_by;
use enact_core::change::{Action, Effect, Milliseconds};
use enact_core::condition::Condition;
use enact_core::gate::{AdmittedPlan, GateClosed, Refusal, admit};
use enact_core::plan::{Mode, Plan, PlanDraft};
use enact_core::principal::People;
use enact_core::verdict::{Assurance, Outcome, Verdict};
use enact_engine::policy::{BuiltinPolicy, PolicyEngine as _};
use enact_testkit::fixtures::{approval, circumstances, metadata, occasion, person, start};
use enact_testkit::scenario::{Node, Scenario};
use serde_json::{Value, json};

use crate::law_02_admission::finding;

fn plan(document: Option<Value>) -> Plan {
    let nodes = vec![Node::new(Action::Run, &[]), Node::new(Action::Run, &[0])];
    let draft = PlanDraft {
        metadata: metadata(Mode::Run),
        document,
        changes: Scenario::new(nodes).plan().changes().to_vec(),
        warnings: Vec::new(),
    };
    draft.freeze().unwrap()
}

fn document(approvals: Value) -> Option<Value> {
    Some(
        json!({"format": "enact.runbook/v1", "settings": {"require_approval": true}, "approvals": approvals}),
    )
}

fn signed_by(plan: &Plan, name: &str) -> Approval {
    let mut record = approval(plan);
    record.approver = person(name);
    record.approval_id.0 = format!("by {name}");
    record.method = Method::Signature;
    record.assurance = Assurance::Signed;
    record.signature = Some(Signature {
        key_id: format!("SHA256:{name}"),
        sshsig: String::new(),
    });
    record
}

fn ask(plan: &Plan, approvals: Vec<Approval>, after: Duration) -> Result<AdmittedPlan, GateClosed> {
    let mut circumstances = circumstances();
    circumstances.now += after;
    admit(
        plan.clone(),
        BuiltinPolicy.judge(plan, &occasion()),
        approvals,
        &circumstances,
    )
}

fn refused(answer: Result<AdmittedPlan, GateClosed>) -> Vec<Refusal> {
    match answer {
        Err(GateClosed::NotApproved { refused, .. }) => refused,
        other => panic!("{other:?}"),
    }
}

const NOW: Duration = Duration::ZERO;

#[test]
fn a_runbook_that_does_not_say_what_it_asks_for_is_denied() {
    let bad = [
        json!({"format": "enact.runbook/v1"}),
        json!({"format": "enact.runbook/v2"}),
        json!({"format": "enact.runbook/v1", "approvals": null}),
        json!({"format": "enact.runbook/v1", "approvals": []}),
        json!({"format": "enact.runbook/v1", "approvals": {}}),
        json!({"format": "enact.runbook/v1", "approvals": {"count": "two", "max_runs": 1}}),
        json!({"format": "enact.runbook/v1", "approvals": {"count": -1, "max_runs": 1}}),
        json!({"format": "enact.runbook/v1", "approvals": {"count": 1, "max_runs": 1, "quorum": 3}}),
        json!({"format": "enact.runbook/v1", "approvals": {"count": 1, "max_runs": 1, "not_before": "soon"}}),
        json!({"format": "enact.runbook/v1", "approvals": {"count": 1, "max_runs": 1, "expires": "1h"}}),
        json!({"format": "enact.runbook/v1", "approvals": {"count": 1, "max_runs": 1}, "settings": {"require_approval": "no"}}),
        json!({"approvals": "mine"}),
    ];
    for document in bad {
        let plan = plan(Some(document.clone()));
        let closed = ask(&plan, vec![signed_by(&plan, "ben")], NOW).unwrap_err();
        assert!(
            matches!(closed, GateClosed::Unreadable(_)),
            "{document}: {closed}"
        );
        assert_eq!(closed.exit_code().number(), 4);
    }
    for document in [
        None,
        Some(json!({})),
        Some(json!({"format": "other"})),
        Some(json!([1])),
    ] {
        let plan = plan(document);
        assert!(ask(&plan, vec![approval(&plan)], NOW).is_ok());
    }
}

#[test]
fn people_roles_and_separation_are_the_plans_as_well_as_the_policys() {
    let plan = plan(document(
        json!({"count": 2, "roles": ["dba"], "not_author": true, "max_runs": 1}),
    ));
    assert_eq!(asked_by(&plan).unwrap().requirement.count, 2);
    let ben = || signed_by(&plan, "ben");
    let dba = || Approval {
        roles: vec!["dba".to_owned()],
        ..signed_by(&plan, "dora")
    };
    let second = || Approval {
        roles: vec!["dba".to_owned()],
        ..signed_by(&plan, "dan")
    };
    assert!(ask(&plan, vec![second(), dba()], NOW).is_ok());
    // Each of them has the role.
    assert_eq!(
        refused(ask(&plan, vec![ben(), dba()], NOW)),
        [Refusal::TooFewWithRole {
            needed: 2,
            valid: 1,
            roles: vec!["dba".to_owned()]
        }]
    );
    assert!(refused(ask(&plan, vec![ben(), ben()], NOW)).contains(&Refusal::TooFew { needed: 2, valid: 1 }));
    let without = refused(ask(&plan, vec![ben(), signed_by(&plan, "eva")], NOW));
    assert_eq!(without, [Refusal::RoleMissing("dba".to_owned())]);
    // Ana wrote it, under whatever name she signs.
    for name in ["os:ana", "ssh:ana@example"] {
        let mut ana = signed_by(&plan, "ana");
        ana.approver.id = name.to_owned();
        assert!(
            refused(ask(&plan, vec![dba(), ana], NOW))
                .iter()
                .any(|why| matches!(why, Refusal::Author(_)))
        );
    }
    // Two names and one key are one person.
    let mut again = ben();
    again.approver.id = "ssh:somebody@example".to_owned();
    assert!(ask(&plan, vec![ben(), again], NOW).is_err());
    // A prompt never satisfies a demand.
    let prompt = approval(&plan);
    assert!(ask(&plan, vec![prompt, dba()], NOW).is_err());
}

#[test]
fn a_run_is_taken_back_without_an_approval_but_never_against_policy() {
    let plan = plan(document(json!({"count": 2, "max_runs": 1})));
    let back = enact_core::gate::Circumstances {
        purpose: enact_core::gate::Purpose::TakeBack,
        ..circumstances()
    };
    let ask = |verdict: Verdict, circumstances: &enact_core::gate::Circumstances| {
        let mut no = approval(&plan);
        no.decision = enact_core::approval::Decision::Rejected;
        admit(plan.clone(), verdict, vec![no], circumstances)
    };
    let verdict = || BuiltinPolicy.judge(&plan, &occasion());
    assert!(ask(verdict(), &circumstances()).is_err());
    let admitted = ask(verdict(), &back).unwrap();
    assert!(admitted.approvals().is_empty() && admitted.ends_at().is_none());
    let denied = verdict().with(finding(Outcome::Deny));
    assert!(matches!(ask(denied, &back), Err(GateClosed::Denied { .. })));
    let latched = enact_core::gate::Circumstances {
        latched: Some("wait".to_owned()),
        ..back.clone()
    };
    assert!(matches!(
        ask(verdict(), &latched),
        Err(GateClosed::Latched { .. })
    ));
}

#[test]
fn two_names_of_one_person_are_one_person() {
    let plan = plan(document(json!({"count": 2, "max_runs": 1})));
    let both = || vec![signed_by(&plan, "ben"), signed_by(&plan, "cid")];
    assert!(ask(&plan, both(), NOW).is_ok());
    let names = ("ben".to_owned(), vec!["os:ben".to_owned(), "os:cid".to_owned()]);
    let circumstances = enact_core::gate::Circumstances {
        people: People::new([(&names.0, &names.1)]),
        ..circumstances()
    };
    let verdict = BuiltinPolicy.judge(&plan, &occasion());
    assert!(admit(plan.clone(), verdict, both(), &circumstances).is_err());
}

#[test]
fn the_end_is_the_earlier_of_the_records_and_the_plans() {
    let hour = 3_600_000;
    let plan = plan(document(json!({"count": 1, "max_runs": 3, "expires": hour})));
    let at = |minutes: u64| Duration::from_secs(minutes * 60);
    let long = || Approval {
        expires_at: Some(start() + at(600)),
        max_runs: 9,
        ..approval(&plan)
    };
    let admitted = ask(&plan, vec![long()], at(59)).unwrap();
    assert_eq!(admitted.ends_at(), Some(start() + at(60)));
    assert_eq!(admitted.approvals()[0].max_runs, 3);
    assert!(matches!(
        refused(ask(&plan, vec![long()], at(60)))[0],
        Refusal::Expired(_)
    ));
    let short = Approval {
        expires_at: Some(start() + at(5)),
        ..approval(&plan)
    };
    assert_eq!(
        ask(&plan, vec![short], NOW).unwrap().ends_at(),
        Some(start() + at(5))
    );
    // A record that is dated ahead would be good for longer.
    let ahead = Approval {
        decided_at: start() + at(30),
        ..approval(&plan)
    };
    assert!(matches!(
        refused(ask(&plan, vec![ahead], NOW))[0],
        Refusal::FromTheFuture(_)
    ));
}

#[test]
fn a_window_of_the_plan_holds_for_every_approval() {
    let until = start() + Duration::from_secs(3600);
    let from = start() + Duration::from_secs(60);
    let plan = plan(document(
        json!({"count": 1, "max_runs": 1, "not_before": from, "not_after": until}),
    ));
    let yes = || vec![approval(&plan)];
    assert!(matches!(refused(ask(&plan, yes(), NOW))[0], Refusal::NotYet(..)));
    assert_eq!(
        ask(&plan, yes(), Duration::from_secs(60)).unwrap().ends_at(),
        Some(until)
    );
    assert!(matches!(
        refused(ask(&plan, yes(), Duration::from_secs(3600)))[0],
        Refusal::Expired(_)
    ));
}

#[test]
fn a_plan_may_do_without_approval_where_no_policy_asks() {
    let waiving = |approvals: Value| {
        plan(Some(json!({
            "format": "enact.runbook/v1", "settings": {"require_approval": false}, "approvals": approvals
        })))
    };
    let waived = |plan: &Plan| Approval {
        method: Method::Waived,
        ..approval(plan)
    };
    let free = waiving(json!({"count": 1, "max_runs": 1}));
    assert!(asked_by(&free).unwrap().waived);
    assert!(ask(&free, vec![waived(&free)], NOW).is_ok());
    // Nobody's word is still nobody's word: a record must be there.
    assert!(ask(&free, Vec::new(), NOW).is_err());
    // A policy asks all the same.
    let verdict = |outcome| BuiltinPolicy.judge(&free, &occasion()).with(finding(outcome));
    let with = |verdict: Verdict, record| admit(free.clone(), verdict, vec![record], &circumstances());
    let closed = with(verdict(Outcome::RequireApproval), waived(&free));
    assert!(matches!(refused(closed)[0], Refusal::NotWaivable(_)));
    assert!(with(verdict(Outcome::RequireApproval), approval(&free)).is_ok());
    assert!(with(verdict(Outcome::Allow), waived(&free)).is_ok());
    // A plan that asks for two people does not do without.
    let two = waiving(json!({"count": 2, "max_runs": 1}));
    assert!(!asked_by(&two).unwrap().waived);
    assert!(ask(&two, vec![waived(&two)], NOW).is_err());
    // An ordinary plan cannot be waived by a record that says so.
    let plain = plan(document(json!({"count": 1, "max_runs": 1})));
    assert!(matches!(
        refused(ask(&plain, vec![waived(&plain)], NOW))[0],
        Refusal::NotWaivable(_)
    ));
}

#[test]
fn the_latest_word_of_a_person_sets_the_conditions() {
    let plan = plan(None);
    let first = Approval {
        conditions: vec![Condition::MaxDuration {
            limit: Milliseconds(1),
        }],
        expires_at: Some(start() + Duration::from_secs(60)),
        ..approval(&plan)
    };
    let mut second = approval(&plan);
    second.approval_id.0 = "second".to_owned();
    second.decided_at = start() + Duration::from_secs(1);
    // The yes to one run says nothing about what was said beforehand.
    let admitted = ask(&plan, vec![first.clone(), second.clone()], NOW).unwrap();
    assert_eq!(admitted.conditions().count(), 1);
    second.expires_at = Some(start() + Duration::from_secs(120));
    let admitted = ask(&plan, vec![first.clone(), second.clone()], NOW).unwrap();
    assert_eq!(admitted.conditions().count(), 0);
    // Both are spent: otherwise the first would hold again, and pay for a run more, once the second is spent.
    assert_eq!(admitted.approvals().len(), 2);
    assert_eq!(
        admitted.set_aside_by(&first.approval_id),
        Some(&second.approval_id)
    );
    assert_eq!(admitted.set_aside_by(&second.approval_id), None);
    // What does not count yet sets nothing aside.
    let mut later = second.clone();
    later.decided_at = start() + Duration::from_secs(3600);
    let early = ask(&plan, vec![first.clone(), later], NOW).unwrap();
    assert_eq!(early.conditions().count(), 1);
    assert_eq!(admitted.ends_at(), second.expires_at);
    // Both are spent by a run, so that no second run hides in the first word.
    assert_eq!(admitted.approvals().len(), 2);
    // Somebody else's word holds beside it.
    second.approver = person("cid");
    assert_eq!(
        ask(&plan, vec![first, second], NOW).unwrap().conditions().count(),
        1
    );
}

/// Whether a step writes is its author's word, and the author may be the agent that starts it.
#[test]
fn what_an_agent_starts_is_approved_also_where_it_says_that_it_only_reads() {
    let mut changes = Scenario::new(vec![Node::new(Action::Run, &[])])
        .plan()
        .changes()
        .to_vec();
    for change in &mut changes {
        change.effect = Effect::Read;
    }
    let draft = PlanDraft {
        metadata: metadata(Mode::Run),
        document: None,
        changes,
        warnings: Vec::new(),
    };
    let plan = draft.freeze().unwrap();
    let by_agent = enact_core::gate::Circumstances {
        by_agent: true,
        ..circumstances()
    };
    let ask = |records: Vec<Approval>, circumstances: &enact_core::gate::Circumstances| {
        admit(
            plan.clone(),
            BuiltinPolicy.judge(&plan, &occasion()),
            records,
            circumstances,
        )
    };
    assert!(ask(Vec::new(), &circumstances()).is_ok());
    assert!(matches!(
        ask(Vec::new(), &by_agent),
        Err(GateClosed::NotApproved { .. })
    ));
    assert!(ask(vec![approval(&plan)], &by_agent).is_ok());
}
