//! The policies that the specification of the executor shows, as they stand there and rewritten: what they are meant to
//! decide they decide here, and where they are wrong it is said.

use std::collections::BTreeMap;
use std::time::Duration;

use enact_core::canonical::Digest;
use enact_engine::policy::compile::on_large_stack;
use enact_engine::policy::decision::{ActionDecision, Basis, action_decision, condition_decision};
use enact_engine::policy::query::Question;
use enact_engine::policy::syntax::RegoVersion;
use enact_engine::policy::testing::{TestOutcome, TestSuite};
use serde_json::{Value, json};

use crate::policy_bench::{ask, bundle, fault_of, load};

const NAMESPACES: &str = r#"package kubernetes_executor.safety

deny[reason] {
    protected_namespaces := ["kube-system", "kube-node-lease", "kube-public"]
    input.target_resource.namespace == protected_namespaces[_]
    reason := sprintf("Actions not allowed in protected namespace: %s", [input.target_resource.namespace])
}

allow {
    count(deny) == 0
}
"#;

const NODES: &str = r#"package kubernetes_executor.safety

deny[reason] {
    node_actions := ["CordonNode", "DrainNode", "UncordonNode"]
    input.action == node_actions[_]
    contains(input.target_resource.name, "master")
    reason := "Cannot perform node operations on control plane nodes (master)"
}

deny[reason] {
    node_actions := ["CordonNode", "DrainNode", "UncordonNode"]
    input.action == node_actions[_]
    contains(input.target_resource.name, "control-plane")
    reason := "Cannot perform node operations on control plane nodes (control-plane)"
}

allow {
    count(deny) == 0
}
"#;

const SCALE: &str = r#"package kubernetes_executor.safety

deny[reason] {
    input.action == "ScaleDeployment"
    to_number(input.parameters.replicas) == 0
    input.target_resource.labels.critical == "true"
    reason := "Cannot scale critical deployment to zero replicas"
}

allow {
    count(deny) == 0
}
"#;

const TESTS: &str = r#"package kubernetes_executor.safety

test_allow_user_namespace {
    allow with input as {
        "action": "ScaleDeployment",
        "target_resource": {"namespace": "user-app"}
    }
}

test_deny_kube_system {
    not allow with input as {
        "action": "ScaleDeployment",
        "target_resource": {"namespace": "kube-system"}
    }
    count(deny) > 0 with input as {
        "action": "ScaleDeployment",
        "target_resource": {"namespace": "kube-system"}
    }
}
"#;

const V0: [(&str, &str); 3] = [
    ("namespace-restrictions.rego", NAMESPACES),
    ("node-safety.rego", NODES),
    ("scale-safety.rego", SCALE),
];

/// The same in the present language.
fn modern(text: &str) -> String {
    text.replace("deny[reason] {", "deny contains reason if {")
        .replace("allow {", "allow if {")
        .replace(
            "\ntest_allow_user_namespace {",
            "\ntest_allow_user_namespace if {",
        )
        .replace("\ntest_deny_kube_system {", "\ntest_deny_kube_system if {")
}

fn basis() -> Basis {
    Basis {
        bundle_digest: Digest::of(b"bundle"),
        input_digest: Digest::of(b"input"),
    }
}

fn decide(files: &[(&str, &str)], input: &Value) -> ActionDecision {
    action_decision(&basis(), ask(files, Question::Action, &input.to_string()))
}

fn scale(replicas: &str, namespace: &str, labels: &Value) -> Value {
    json!({
        "action": "ScaleDeployment",
        "parameters": {"replicas": replicas},
        "target_resource": {"kind": "Deployment", "name": "a", "namespace": namespace, "labels": labels},
        "dry_run": false,
    })
}

fn node(action: &str, name: &str) -> Value {
    json!({
        "action": action,
        "parameters": {},
        "target_resource": {"kind": "Node", "name": name, "labels": {}},
        "dry_run": false,
    })
}

/// Both dialects, each as one bundle of three files.
fn both(check: impl Fn(&[(&str, &str)], &str)) {
    check(&V0, "v0");
    let rewritten = V0.map(|(path, text)| (path, modern(text)));
    let rewritten: Vec<(&str, &str)> = rewritten
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    check(&rewritten, "v1");
}

#[test]
fn the_three_files_decide_as_they_are_meant_to() {
    let plain = json!({});
    let critical = json!({"critical": "true"});
    let cases = [
        (scale("3", "user-app", &plain), ""),
        (
            scale("3", "kube-system", &plain),
            "protected namespace: kube-system",
        ),
        (scale("3", "kube-node-lease", &plain), "protected namespace"),
        (scale("3", "kube-public", &plain), "protected namespace"),
        (scale("3", "user-app", &critical), ""),
        (scale("0", "user-app", &plain), ""),
        (
            scale("0", "user-app", &critical),
            "Cannot scale critical deployment to zero replicas",
        ),
        (node("DrainNode", "worker-1"), ""),
        (node("DrainNode", "master-1"), "control plane nodes (master)"),
        (node("CordonNode", "master-1"), "control plane nodes (master)"),
        (
            node("UncordonNode", "x-control-plane"),
            "control plane nodes (control-plane)",
        ),
    ];
    both(|files, dialect| {
        for (input, violation) in &cases {
            let decision = decide(files, input);
            assert_eq!(
                decision.allow,
                violation.is_empty(),
                "{dialect} {input}: {decision:?}"
            );
            assert!(
                decision.reason.contains(violation),
                "{dialect} {input}: {decision:?}"
            );
        }
    });
}

#[test]
fn the_dialect_of_each_file_is_recorded() {
    let mixed = modern(SCALE);
    let files = [V0[0], V0[1], ("scale-safety.rego", mixed.as_str())];
    let (_, loaded) = load(&files).unwrap();
    let expected = [
        ("namespace-restrictions.rego", RegoVersion::V0),
        ("node-safety.rego", RegoVersion::V0),
        ("scale-safety.rego", RegoVersion::V1),
    ];
    let expected: BTreeMap<String, RegoVersion> = expected
        .into_iter()
        .map(|(path, version)| (path.to_owned(), version))
        .collect();
    assert_eq!(loaded.versions, expected);
    // Both dialects in one package are one set of rules.
    let both = json!({
        "action": "ScaleDeployment", "parameters": {"replicas": "0"},
        "target_resource": {"namespace": "kube-system", "name": "a", "labels": {"critical": "true"}},
    });
    let decision = decide(&files, &both);
    assert_eq!(decision.violations.len(), 2, "{decision:?}");
}

#[test]
fn the_two_example_tests_pass_in_both_dialects() {
    for text in [TESTS.to_owned(), modern(TESTS)] {
        let bundle = bundle(&[V0[0], ("namespace-restrictions_test.rego", &text)]);
        let outcomes = on_large_stack(move || {
            let mut suite = TestSuite::load_here(&bundle, false).unwrap();
            let run = |index| {
                suite
                    .run(index, Duration::from_secs(5))
                    .map(|result| result.outcome)
            };
            [0, 1, 2].map(run)
        });
        assert_eq!(
            outcomes.unwrap(),
            [Some(TestOutcome::Passed), Some(TestOutcome::Passed), None],
            "{text}"
        );
    }
}

#[test]
fn the_structure_with_a_default_is_closed_for_what_no_rule_allows() {
    let text = r#"package kubernetes_executor.safety
default allow = false
allow {
    input.action == "ScaleDeployment"
    input.target_resource.namespace != "kube-system"
    to_number(input.parameters.replicas) > 0
}
deny[reason] {
    input.action == "DrainNode"
    contains(input.target_resource.name, "master")
    reason := "Cannot drain control plane nodes"
}
"#;
    let files = [("a.rego", text)];
    let plain = json!({});
    assert!(decide(&files, &scale("3", "user-app", &plain)).allow);
    for closed in [
        scale("3", "kube-system", &plain),
        scale("0", "user-app", &plain),
        node("DrainNode", "master-1"),
        node("DrainNode", "worker-1"),
        node("RestartDeployment", "a"),
    ] {
        assert!(!decide(&files, &closed).allow, "{closed}");
    }
    let drained = decide(&files, &node("DrainNode", "master-1"));
    assert!(
        drained.reason.contains("Cannot drain control plane nodes"),
        "{drained:?}"
    );
}

#[test]
fn contains_between_two_terms_is_no_rego() {
    let snippet = r#"package kubernetes_executor.safety
deny[reason] {
    input.action == "DrainNode"
    input.target_resource.name contains "master"
    reason := "Cannot drain control plane nodes"
}
"#;
    let told = fault_of(snippet);
    assert!(!told.is_empty(), "it was taken");
    let (place, hint) = match load(&[("a.rego", snippet)]) {
        Err(faults) => (faults[0].place.clone().unwrap(), told),
        Ok(_) => panic!("it was taken"),
    };
    assert_eq!(place.file, "a.rego", "{hint}");
    assert!(place.position.is_some(), "{hint}");
}

#[test]
fn the_old_forms_are_v0_and_the_forms_of_both_are_v1() {
    let version = |text: &str| {
        let (_, loaded) = load(&[("a.rego", text)]).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
        loaded.versions["a.rego"]
    };
    assert_eq!(version("package a\ndeny[r] { r := \"x\" }\n"), RegoVersion::V0);
    assert_eq!(version("package a\nallow { input.x }\n"), RegoVersion::V0);
    assert_eq!(version("package a\ntest_x { true }\n"), RegoVersion::V0);
    assert_eq!(version("package a\ndefault allow = false\n"), RegoVersion::V1);
    assert_eq!(
        version("package a\nimport future.keywords.if\nallow if input.x\n"),
        RegoVersion::V1
    );
    assert_eq!(version("package a\nallow if input.x\n"), RegoVersion::V1);
}

#[test]
fn a_set_that_is_an_object_by_accident_is_refused() {
    let told =
        fault_of("package kubernetes_executor.safety\nallow if count(deny) == 0\ndeny[x] if { x := 1 }\n");
    assert!(
        told.contains("makes an object whose keys are the members, not a set"),
        "{told}"
    );
}

#[test]
fn a_condition_in_another_package_is_undefined_and_does_not_pass() {
    let files = [("c.rego", "package condition.scale_deployment\nallow if true\n")];
    let decision = condition_decision(&basis(), ask(&files, Question::Condition, "{}"));
    assert!(!decision.passed, "{decision:?}");
    let right = [("c.rego", "package condition\nallow if true\n")];
    assert!(condition_decision(&basis(), ask(&right, Question::Condition, "{}")).passed);
    let text = [("c.rego", "package condition\nallow := \"true\"\n")];
    let decision = condition_decision(&basis(), ask(&text, Question::Condition, "{}"));
    assert_eq!(decision.error.as_deref(), Some("policy result is not boolean"));
}

#[test]
fn a_number_that_cannot_be_read_denies_instead_of_skipping_the_rule() {
    let critical = json!({"critical": "true"});
    both(|files, dialect| {
        for replicas in [
            "00", "+0", "", "zero", "0x0", "٠", " 0", "0 ", "-0", "0.0", "0e0", "1e999999",
        ] {
            let decision = decide(files, &scale(replicas, "user-app", &critical));
            assert!(!decision.allow, "{dialect} {replicas:?}: {decision:?}");
        }
        for replicas in ["1", "10"] {
            assert!(
                decide(files, &scale(replicas, "user-app", &critical)).allow,
                "{dialect} {replicas}"
            );
        }
        // The rule of the snippet calls to_number before it looks at the labels: no text, no answer.
        let unreadable = decide(files, &scale("many", "user-app", &json!({})));
        assert_eq!(
            unreadable.violations[0].rule, "policy.evaluation_error",
            "{dialect}"
        );
    });
}

#[test]
fn what_the_files_themselves_do_not_deny_is_known() {
    // These are holes of the three files, not of the gate: their `deny` is empty and their `allow` is true. The bundle that
    // comes with the program denies each of them.
    both(|files, dialect| {
        let nameless = json!({"action": "ScaleDeployment", "parameters": {"replicas": "3"}, "target_resource": {"name": "a"}});
        for hole in [
            scale("0", "user-app", &Value::Null),
            nameless,
            node("DrainNode", "cp-1"),
            json!({}),
        ] {
            let decision = decide(files, &hole);
            assert!(decision.allow, "{dialect} {hole}: {decision:?}");
            let built_in = enact_engine::policy::default::bundle();
            let built_in: Vec<(&str, &str)> = built_in
                .files()
                .iter()
                .map(|file| (file.path.as_str(), file.text.as_str()))
                .collect();
            // A node that calls itself otherwise is known by its labels only.
            let known_by_labels = hole["target_resource"]["name"] == "cp-1";
            assert!(known_by_labels || !decide(&built_in, &hole).allow, "{hole}");
        }
    });
}

#[test]
fn no_answer_of_half_a_shape_allows() {
    let package = "package kubernetes_executor.safety\n";
    let bodies = [
        // As in the origin's engine: `deny` has a member, so `allow` has no value and is absent.
        "deny contains \"no\"\nallow if count(deny) == 0\n",
        // A `deny` without any rule, and one that is not there.
        "allow := true\n",
        "allow := true\ndeny := {\"no\" | input.never}\nwarn := 3\n",
        "allow := \"true\"\ndeny contains \"a\" if input.never\n",
        "allow := 1\ndeny contains \"a\" if input.never\n",
        "allow if input.never\ndeny contains \"a\" if input.never\n",
        "default allow := false\ndeny contains \"a\" if input.never\n",
        "allow := true\ndeny := {}\n",
        "allow := true\ndeny := \"\"\n",
        "allow := true\ndeny := false\n",
        "allow := true\ndeny := null\n",
        "allow := true\ndeny contains 1\n",
        "allow := true\ndeny contains false\n",
        "allow := true\ndeny contains {}\n",
        "allow := true\ndeny contains {\"message\": \"no\"}\n",
        "allow := true\ndeny contains \"a\" if input.never\nwarn contains 7\n",
        "allow := true\nallow := false\ndeny contains \"a\" if input.never\n",
        "allow := true\ndeny contains \"a\" if to_number(input.text) > 0\n",
    ];
    for body in bodies {
        let text = format!("{package}{body}");
        let decision = decide(&[("a.rego", &text)], &json!({"text": "x"}));
        assert!(!decision.allow, "{body}: {decision:?}");
        assert!(!decision.violations.is_empty() && decision.reason.starts_with("Policy violations: "));
    }
    let right = format!("{package}allow := true\ndeny contains \"a\" if input.never\n");
    assert_eq!(
        decide(&[("a.rego", &right)], &json!({})).reason,
        "All policies passed"
    );
}
