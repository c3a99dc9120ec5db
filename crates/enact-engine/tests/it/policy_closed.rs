//! The gate of policy is closed: more rules are never looser, and nothing but an answer of the promised shape allows.

use std::sync::Arc;
use std::time::Duration;

use enact_core::canonical::Digest;
use enact_core::fault::Fault;
use enact_core::plan::Plan;
use enact_core::verdict::{Outcome, Requirement, Verdict};
use enact_engine::policy::asking::{Ask, Loaded};
use enact_engine::policy::bundle::{Bundle, BundleFile};
use enact_engine::policy::decision::{Basis, action_decision, condition_decision, plan_verdict};
use enact_engine::policy::evaluate::{Answer, Detail, Failure};
use enact_engine::policy::input::{
    ActionInput, ActionMetadata, ClusterFacts, ConditionInput, TargetResource,
};
use enact_engine::policy::query::Question;
use enact_engine::policy::rego::RegoPolicy;
use enact_engine::policy::{BuiltinPolicy, Combined, PolicyEngine};
use enact_testkit::fixtures::occasion;
use enact_testkit::scenario::{Scenario, calm};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::policy_bench::{bundle, judge};
use crate::support::{catches, ensure, holds};

/// One rule of the small grammar: what it adds to, when, and what.
pub(crate) fn rule() -> impl Strategy<Value = String> {
    let condition = prop::sample::select(vec![
        "true",
        "false",
        "some change in input.plan.changes",
        "input.plan.summary.total_changes > 2",
        "not input.plan.document.reviewed",
        "some change in input.plan.changes; change.action == \"DELETE\"",
        "input.missing == 1",
        "helper",
        "input.clock.weekday in {\"friday\", \"saturday\"}",
    ]);
    let words = prop::sample::select(vec![
        "\"a\"",
        "\"b\"",
        "{\"msg\": \"c\", \"code\": \"x.y\"}",
        "sprintf(\"%v\", [input.plan.plan_id])",
    ]);
    let demand = prop::sample::select(vec![
        "\"ask\"",
        "{\"msg\": \"two\", \"approvals\": 2}",
        "{\"msg\": \"roles\", \"roles\": [\"ops\", \"security\"]}",
        "{\"msg\": \"signed\", \"assurance\": \"signed\", \"not_author\": true}",
        "{\"msg\": \"hardware\", \"assurance\": \"hardware\", \"roles\": [\"ops\"]}",
    ]);
    (0_usize..4, words, demand, condition).prop_map(|(set, words, demand, condition)| match set {
        0 => format!("deny contains {words} if {{ {condition} }}"),
        1 | 2 => format!("require_approval contains {demand} if {{ {condition} }}"),
        _ => format!("warn contains {words} if {{ {condition} }}"),
    })
}

/// A file of rules; the number names it.
pub(crate) fn file(number: usize, rules: &[String]) -> BundleFile {
    let mut text = "package enact.plan\n".to_owned();
    for rule in rules {
        text.push_str(rule);
        text.push('\n');
    }
    BundleFile {
        path: format!("rules/{number}.rego"),
        text,
    }
}

pub(crate) fn whole(files: &[Vec<String>]) -> Bundle {
    let base = "package enact.plan\nhelper if input.plan.metadata.mode == \"apply\"\ndeny contains \"never\" if false\n";
    let mut list = vec![BundleFile {
        path: "base.rego".to_owned(),
        text: base.to_owned(),
    }];
    list.extend(
        files
            .iter()
            .enumerate()
            .map(|(number, rules)| file(number, rules)),
    );
    Bundle::new("test", list).unwrap()
}

pub(crate) fn files() -> impl Strategy<Value = Vec<Vec<String>>> {
    prop::collection::vec(prop::collection::vec(rule(), 0..4), 0..4)
}

fn no_looser(base: &Requirement, more: &Requirement) -> bool {
    more.count >= base.count
        && more.assurance >= base.assurance
        && (more.not_author || !base.not_author)
        && base.roles.iter().all(|role| more.roles.contains(role))
}

fn tighter(base: &Verdict, more: &Verdict) -> Result<(), String> {
    ensure(more.outcome >= base.outcome, || {
        format!("{:?} became {:?}", base.outcome, more.outcome)
    })?;
    ensure(no_looser(&base.requirement, &more.requirement), || {
        format!("{:?} became {:?}", base.requirement, more.requirement)
    })
}

fn more_rules_never_loosen(
    (scenario, rules, added): &(Scenario, Vec<Vec<String>>, Vec<String>),
) -> Result<(), String> {
    let plan = scenario.plan();
    let mut all = rules.clone();
    all.push(added.clone());
    let (base, more) = (judge(&whole(rules), &plan), judge(&whole(&all), &plan));
    ensure(
        !base
            .findings
            .iter()
            .any(|found| found.rule.starts_with("policy.")),
        || format!("the grammar makes no faults: {base:?}"),
    )?;
    tighter(&base, &more)?;
    let together = |bundles: Vec<Bundle>| {
        let engines = bundles
            .iter()
            .map(|bundle| Box::new(crate::policy_bench::in_process(bundle)) as Box<dyn PolicyEngine>);
        Combined(
            std::iter::once(Box::new(BuiltinPolicy) as Box<dyn PolicyEngine>)
                .chain(engines)
                .collect(),
        )
        .judge(&plan, &occasion())
    };
    let apart = together(vec![whole(rules), whole(std::slice::from_ref(added))]);
    tighter(&together(vec![whole(rules)]), &apart)?;
    tighter(&more, &apart)?;
    let places = apart
        .findings
        .iter()
        .all(|found| found.location.is_some() || found.rule.starts_with("builtin."));
    ensure(places, || format!("a finding has no place: {apart:?}"))
}

#[test]
fn adding_rules_never_loosens_a_verdict() {
    let more = prop::collection::vec(rule(), 0..4);
    holds(120, &(calm(0, 5), files(), more), more_rules_never_loosen);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| json!(number)),
        prop::sample::select(vec!["", " ", "no", "\u{0}"]).prop_map(|text| json!(text)),
    ];
    let keys = prop::sample::select(vec![
        "msg",
        "code",
        "approvals",
        "roles",
        "assurance",
        "not_author",
        "x",
    ]);
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(keys.clone().prop_map(ToOwned::to_owned), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Mostly what is promised, sometimes anything, sometimes nothing.
fn output() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        2 => Just(None),
        4 => Just(Some(json!([]))),
        2 => Just(Some(json!(true))),
        4 => any_json().prop_map(Some),
    ]
}

type Outputs = (Option<Value>, Option<Value>, Option<Value>, Option<Value>);

fn answer((deny, ask, warn, allow): &Outputs) -> Answer {
    let named = [
        ("deny", deny),
        ("require_approval", ask),
        ("warn", warn),
        ("allow", allow),
    ];
    Answer {
        outputs: named
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
            .collect(),
        ..Answer::default()
    }
}

fn basis() -> Basis {
    Basis {
        bundle_digest: Digest::of(b"bundle"),
        input_digest: Digest::of(b"input"),
    }
}

/// Texts, or objects with a text `msg`; written apart from the engine's own reader on purpose.
fn harmless(warnings: &Value) -> bool {
    let fine = |member: &Value| {
        let message = member.get("msg").unwrap_or(member);
        let optional = |key: &str, fits: fn(&Value) -> bool| member.get(key).is_none_or(fits);
        let known = member.as_object().is_none_or(|fields| {
            fields.keys().all(|key| {
                ["msg", "code", "approvals", "roles", "assurance", "not_author"].contains(&key.as_str())
            })
        });
        message.as_str().is_some_and(|text| !text.trim().is_empty())
            && known
            && optional("code", |code| code.is_string() || code.is_null())
            && optional("approvals", Value::is_null)
            && optional("roles", |roles| *roles == json!([]))
            && optional("not_author", |not| *not == json!(false))
            && optional("assurance", |_| false)
    };
    warnings
        .as_array()
        .is_some_and(|members| members.iter().all(fine))
}

fn only_the_promised_shape_allows_a_plan(outputs: &Outputs) -> Result<(), String> {
    let (deny, ask, warn, _) = outputs;
    let empty = |value: &Option<Value>| *value == Some(json!([]));
    let verdict = plan_verdict(plan().id().clone(), &basis(), &|_| true, Ok(answer(outputs)));
    let promised = empty(deny) && empty(ask) && warn.as_ref().is_some_and(harmless);
    ensure((verdict.outcome == Outcome::Allow) == promised, || {
        format!("an answer without the promised shape: {outputs:?} gave {verdict:?}")
    })
}

fn only_the_promised_shape_allows_an_action(outputs: &Outputs) -> Result<(), String> {
    let (deny, _, warn, allow) = outputs;
    let decision = action_decision(&basis(), Ok(answer(outputs)));
    let promised =
        *deny == Some(json!([])) && *allow == Some(json!(true)) && warn.as_ref().is_none_or(harmless);
    ensure(
        decision.allow == promised && decision.allow == decision.violations.is_empty(),
        || format!("an answer without the promised shape: {outputs:?} gave {decision:?}"),
    )?;
    let condition = condition_decision(&basis(), Ok(answer(outputs)));
    ensure(condition.passed == (*allow == Some(json!(true))), || {
        format!("{outputs:?} gave {condition:?}")
    })
}

fn plan() -> Plan {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    calm(2, 3).new_tree(&mut runner).unwrap().current().plan()
}

fn outputs() -> impl Strategy<Value = Outputs> {
    (output(), output(), output(), output())
}

#[test]
fn only_an_answer_of_the_promised_shape_allows() {
    holds(3000, &outputs(), only_the_promised_shape_allows_a_plan);
    holds(3000, &outputs(), only_the_promised_shape_allows_an_action);
}

#[test]
fn a_rule_without_a_value_that_counts_as_no_objection_is_caught() {
    let says = "an answer without the promised shape";
    catches(
        Fault::UndefinedAllows,
        says,
        3000,
        &outputs(),
        only_the_promised_shape_allows_a_plan,
    );
    catches(
        Fault::UndefinedAllows,
        says,
        3000,
        &outputs(),
        only_the_promised_shape_allows_an_action,
    );
}

/// Changes of one byte, of a name, and of where something stands.
fn edit(files: &[BundleFile], which: usize, at: usize, how: u8) -> Vec<BundleFile> {
    let mut edited = files.to_vec();
    let count = edited.len();
    let file = &mut edited[which % count];
    let at = at % file.text.len().max(1);
    match how % 5 {
        0 if !file.text.is_empty() => {
            let byte = if file.text.as_bytes()[at] == b'~' {
                "^"
            } else {
                "~"
            };
            file.text.replace_range(at..=at, byte);
        }
        1 if !file.text.is_empty() => file.text.replace_range(at..=at, ""),
        2 => file.path.insert(0, 'z'),
        3 if count > 1 && !file.text.is_empty() => {
            let tail = file.text.split_off(at);
            edited[(which + 1) % count].text.insert_str(0, &tail);
        }
        _ => file.text.insert(at.min(file.text.len()), ' '),
    }
    edited
}

#[test]
fn the_digest_is_of_every_byte_and_of_nothing_else() {
    let texts = prop::collection::vec("[a-z \n]{0,12}", 1..5);
    let cases = (texts, any::<usize>(), any::<usize>(), any::<u8>());
    holds(4000, &cases, |(texts, which, at, how)| {
        let files: Vec<BundleFile> = texts
            .iter()
            .enumerate()
            .map(|(number, text)| BundleFile {
                path: format!("{number}.rego"),
                text: text.clone(),
            })
            .collect();
        let digest = |origin: &str, files: Vec<BundleFile>| Bundle::new(origin, files).unwrap().digest();
        let before = digest("here", files.clone());
        let reversed = files.iter().rev().cloned().collect();
        ensure(digest("there", reversed) == before, || {
            "order or origin counts".to_owned()
        })?;
        let edited = edit(&files, *which, *at, *how);
        ensure(digest("here", edited.clone()) != before, || {
            format!("{files:?} and {edited:?} are one")
        })
    });
}

/// Fails as it is told.
struct Failing(Failure);

impl Ask for Failing {
    fn ask(&self, _: Question, _: String, _: Detail) -> Result<Answer, Failure> {
        Err(self.0.clone())
    }
}

fn every_failure() -> Vec<Failure> {
    let text = || "why".to_owned();
    let all = vec![
        Failure::Evaluation {
            message: text(),
            location: Some("a.rego:1".to_owned()),
        },
        Failure::Timeout {
            limit: Duration::from_secs(1),
        },
        Failure::TooLarge,
        Failure::Undefined { package: text() },
        Failure::Input { message: text() },
        Failure::Lost { message: text() },
        Failure::NotLoaded {
            message: text(),
            location: None,
        },
    ];
    let mut names: Vec<&str> = all.iter().map(Failure::name).collect();
    names.dedup();
    let source = include_str!("../../src/policy/evaluate.rs");
    let listed = source.matches(" => \"policy.").count();
    assert_eq!(
        (names.len(), listed),
        (all.len(), all.len()),
        "a failure has no case here"
    );
    all
}

fn action() -> ActionInput {
    ActionInput {
        action: "RolloutStatus".to_owned(),
        parameters: Default::default(),
        typed: Default::default(),
        target_resource: TargetResource::default(),
        claimed_labels: Default::default(),
        dry_run: false,
        metadata: ActionMetadata::default(),
        cluster: ClusterFacts::default(),
        actor: Default::default(),
        now: "2026-01-01T00:00:00Z".to_owned(),
    }
}

#[test]
fn every_failure_denies() {
    for failure in every_failure() {
        let loaded = Loaded {
            origin: "test".to_owned(),
            digest: Digest::of(b"bundle"),
            versions: Default::default(),
            rules: Default::default(),
            warnings: Vec::new(),
        };
        let policy = RegoPolicy::new(loaded, Arc::new(Failing(failure.clone())));
        let verdict = policy.judge(&plan(), &occasion());
        assert_eq!(verdict.outcome, Outcome::Deny, "{failure:?}");
        assert_eq!(verdict.findings[0].rule, failure.name());
        let decision = policy.judge_action(&action());
        assert!(
            !decision.allow && decision.violations[0].rule == failure.name(),
            "{decision:?}"
        );
        let condition = policy.judge_condition(&ConditionInput {
            action: action(),
            state: Default::default(),
        });
        assert!(!condition.passed && condition.error.is_some(), "{condition:?}");
    }
}

#[test]
fn a_bundle_that_does_not_load_denies() {
    let broken = bundle(&[("a.rego", "package enact.plan\ndeny contains {{{")]);
    let verdict = judge(&broken, &plan());
    assert_eq!(verdict.outcome, Outcome::Deny);
    assert_eq!(verdict.findings[0].location.as_deref(), Some("a.rego:2"));
    // Its digest is not that of the same files in force.
    assert_ne!(verdict.bundle_digest, broken.digest());
}

#[test]
fn a_part_of_a_rule_without_a_value_is_a_rule_without_a_value() {
    // `deny.x` makes an object out of `deny`; where it has no value, the rule is still declared.
    let parts = bundle(&[(
        "a.rego",
        "package enact.plan\nwarn contains \"w\" if false\ndeny.x := 1 if false\n",
    )]);
    assert_eq!(judge(&parts, &plan()).outcome, Outcome::Deny);
    let alone = Loaded {
        origin: String::new(),
        digest: Digest::of(b""),
        versions: Default::default(),
        rules: ["enact.plan.deny.x".to_owned(), "enact.plan.denying".to_owned()].into(),
        warnings: Vec::new(),
    };
    assert!(alone.declares("enact.plan", "deny"));
    assert!(!alone.declares("enact.plan", "den"));
    assert!(!alone.declares("enact", "plan.den"));
}
