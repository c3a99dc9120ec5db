//! Whole executions, from the request to the end.

use enact_kube::api::{FailureReason, Phase};
use serde_json::json;

use crate::support::{Bench, CONTROLLER, SYSTEM, scale};

#[tokio::test(start_paused = true)]
async fn a_deployment_is_scaled_and_can_be_scaled_back() {
    let bench = Bench::new();
    bench.ask("up", &scale("5"));
    let status = bench.to_end("up").await;
    assert_eq!(status.phase, Some(Phase::Completed), "{status:#?}");
    assert_eq!(bench.replicas(), 5);
    let phases: Vec<Phase> = status.audit_trail.iter().map(|entry| entry.to).collect();
    assert_eq!(phases, [Phase::Validating, Phase::Running, Phase::Completed]);
    assert!(status.result.as_ref().unwrap().succeeded);
    assert_eq!(bench.jobs_made(), 1);

    let back = status.rollback_info.unwrap();
    assert!(back.available);
    bench.ask(
        "back",
        &json!({ "action": back.action, "parameters": back.parameters, "targetResource": back.target_resource }),
    );
    assert_eq!(bench.to_end("back").await.phase, Some(Phase::Completed));
    assert_eq!(bench.replicas(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_makes_no_job_and_writes_nothing_but_its_own_status() {
    let bench = Bench::new();
    let mut spec = scale("5");
    spec["dryRun"] = json!(true);
    bench.ask("try", &spec);
    let status = bench.to_end("try").await;
    assert_eq!(status.phase, Some(Phase::Completed));
    let results = status.validation_results.unwrap().dry_run_results.unwrap();
    assert!(results.performed && results.success);
    assert_eq!(bench.replicas(), 3);
    let writes: Vec<String> = bench
        .cluster
        .calls_of(CONTROLLER)
        .iter()
        .filter(|call| call.is_write() && call.resource != "events")
        .map(|call| call.in_short())
        .collect();
    assert!(!writes.is_empty());
    assert!(
        writes
            .iter()
            .all(|call| call.contains("kubernetesexecutions/status")),
        "{writes:?}"
    );
    assert_eq!(bench.jobs_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn conditions_before_stop_it_and_conditions_after_fail_it() {
    let bench = Bench::new();
    let rego = |body: &str| format!("package condition\n\nallow if {{ {body} }}\n");
    let mut spec = scale("5");
    spec["preConditions"] = json!([{ "type": "few", "rego": rego("input.current_replicas < 3") }]);
    bench.ask("before", &spec);
    let status = bench.to_end("before").await;
    assert_eq!(status.failure_reason.unwrap().as_str(), "PreconditionFailed");
    assert_eq!(bench.jobs_made(), 0);

    let mut spec = scale("5");
    spec["preConditions"] = json!([{ "type": "there", "rego": rego("input.deployment_found") }]);
    spec["postConditions"] = json!([
        { "type": "scaled", "rego": rego("input.current_replicas == 5") },
        { "type": "never", "rego": rego("input.current_replicas == 6"), "timeout": "10s" },
        { "type": "hint", "rego": rego("false"), "required": false, "timeout": "1s" },
    ]);
    bench.ask("after", &spec);
    let status = bench.to_end("after").await;
    assert_eq!(
        status.failure_reason.unwrap().as_str(),
        "PostconditionFailed",
        "{status:#?}"
    );
    assert!(status.message.unwrap().contains("never"));
    assert!(status.rollback_info.unwrap().available);
    let results = status.validation_results.unwrap().post_condition_results;
    let passed: Vec<bool> = results.iter().map(|result| result.passed).collect();
    assert_eq!(passed, [true, false, false]);
    assert_eq!(bench.replicas(), 5);
}

#[tokio::test(start_paused = true)]
async fn two_executions_do_not_have_one_target_at_once() {
    let bench = Bench::new();
    let controller = bench.controller();
    bench.ask("one", &scale("5"));
    bench.ask("two", &scale("7"));
    for _ in 0..2 {
        bench.pass(&controller, "one").await.unwrap();
    }
    for _ in 0..2 {
        bench.pass(&controller, "two").await.unwrap();
    }
    assert_eq!(bench.phase("one"), Phase::Running);
    assert_eq!(bench.phase("two"), Phase::Validating);
    assert!(bench.status("two").message.unwrap().contains("waiting for one"));
    assert_eq!(bench.to_end("one").await.phase, Some(Phase::Completed));
    assert_eq!(bench.to_end("two").await.phase, Some(Phase::Completed));
    assert_eq!(bench.replicas(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_halt_lets_nothing_new_start() {
    let bench = Bench::new();
    let control = |halt: &str| {
        json!({ "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "namespace": SYSTEM, "name": "kubernetes-executor-control" },
            "data": { "halt": halt, "reason": "an exercise" } })
    };
    bench.cluster.put(&control("true"));
    bench.ask("wait", &scale("5"));
    let controller = bench.controller();
    for _ in 0..5 {
        bench.pass(&controller, "wait").await.unwrap();
    }
    assert_eq!(bench.phase("wait"), Phase::Validating);
    assert!(bench.status("wait").message.unwrap().contains("an exercise"));
    bench
        .cluster
        .edit("configmaps", SYSTEM, "kubernetes-executor-control", |map| {
            map["data"]["halt"] = json!("false");
        });
    assert_eq!(bench.to_end("wait").await.phase, Some(Phase::Completed));
}

#[tokio::test(start_paused = true)]
async fn the_policies_of_the_manifests_are_enough_and_deny_what_they_should() {
    let mut bench = Bench::new();
    let map = enact_kube::manifests::policy_objects(&enact_kube::manifests::Choices::default()).remove(0);
    let files = map["data"].as_object().unwrap().iter().map(|(path, text)| {
        enact_engine::policy::bundle::BundleFile {
            path: path.clone(),
            text: text.as_str().unwrap().to_owned(),
        }
    });
    let bundle = enact_engine::policy::bundle::Bundle::new("policies", files.collect()).unwrap();
    let policy = crate::support::load(&bundle).unwrap();
    enact_engine::policy::canaries::actions(&policy).unwrap();
    bench.policies = enact_engine::policy::reload::InForce::new(policy);
    bench.ask("up", &scale("5"));
    assert_eq!(bench.to_end("up").await.phase, Some(Phase::Completed));
    bench.cluster.edit("deployments", "shop", "web", |web| {
        web["metadata"]["labels"] = json!({ "critical": "true" });
    });
    bench.ask("zero", &scale("0"));
    assert_eq!(
        bench.to_end("zero").await.failure_reason.unwrap().as_str(),
        "PolicyDenied"
    );
}

/// A Secret to be patched, and one that holds the patch.
fn secrets(bench: &Bench, patch: &str) {
    for (name, data) in [
        ("login", json!({ "key": "YmVmb3JlLWl0" })),
        ("change", json!({ "patch": encoded(patch) })),
    ] {
        bench.cluster.put(&json!({ "apiVersion": "v1", "kind": "Secret",
            "metadata": { "namespace": "shop", "name": name }, "data": data }));
    }
}

fn encoded(text: &str) -> serde_json::Value {
    json!(k8s_openapi::ByteString(text.as_bytes().to_vec()))
}

fn patch_secret(parameters: &serde_json::Value) -> serde_json::Value {
    json!({ "action": "PatchSecret", "parameters": parameters, "targetResource": { "kind": "Secret", "name": "login" } })
}

const AFTER: &str = r#"{"stringData":{"key":"after-it"}}"#;

#[tokio::test(start_paused = true)]
async fn values_of_a_secret_stand_in_secrets_only() {
    for by_reference in [false, true] {
        let bench = Bench::new();
        secrets(&bench, AFTER);
        let parameters = if by_reference {
            json!({ "patchSecretRef": "change/patch" })
        } else {
            json!({ "patch": AFTER })
        };
        bench.ask("hide", &patch_secret(&parameters));
        let status = bench.to_end("hide").await;
        assert_eq!(status.phase, Some(Phase::Completed), "{status:#?}");
        let secret = bench.cluster.get("secrets", "shop", "login").unwrap();
        assert_eq!(secret["data"]["key"], "YWZ0ZXItaXQ=");
        let mut seen: Vec<String> = Vec::new();
        for kind in ["jobs", "pods", "events.events.k8s.io"] {
            let changes = bench.cluster.changes(kind);
            seen.extend(changes.iter().map(|change| change.object.to_string()));
        }
        let states = bench.cluster.states("kubernetesexecutions", "shop", "hide");
        // The request itself has the values only where it was written with them.
        seen.extend(states.iter().map(|state| match by_reference {
            true => state.to_string(),
            false => state["status"].to_string(),
        }));
        assert!(seen.len() > 8, "{seen:#?}");
        for value in ["before-it", "after-it", "YmVmb3JlLWl0", "YWZ0ZXItaXQ="] {
            let found: Vec<&String> = seen.iter().filter(|text| text.contains(value)).collect();
            assert!(found.is_empty(), "{value} is in {found:#?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_stands_elsewhere_must_be_there_and_be_one() {
    let long = format!("{{\"data\":{{\"key\":\"{}\"}}}}", "a".repeat(40_000));
    for (parameters, patch, words) in [
        (
            json!({}),
            AFTER,
            "missing required parameter: 'patch' (or 'patchSecretRef')",
        ),
        (
            json!({ "patchSecretRef": "change/patch", "patch": AFTER }),
            AFTER,
            "are both there; one of them is to be",
        ),
        (json!({ "patchSecretRef": "change" }), AFTER, "expected NAME/KEY"),
        (
            json!({ "patchSecretRef": "../x/patch" }),
            AFTER,
            "expected NAME/KEY",
        ),
        (
            json!({ "patchSecretRef": "other/patch" }),
            AFTER,
            "other/patch: it is not there",
        ),
        (
            json!({ "patchSecretRef": "change/key" }),
            AFTER,
            "it has no key key",
        ),
        (
            json!({ "patchSecretRef": "change/patch" }),
            "after-it",
            "expected JSON",
        ),
        (
            json!({ "patchSecretRef": "change/patch" }),
            &long,
            "longer than 32768 bytes",
        ),
    ] {
        let bench = Bench::new();
        secrets(&bench, patch);
        bench.ask("hide", &patch_secret(&parameters));
        let status = bench.to_end("hide").await;
        assert_eq!(
            status.failure_reason,
            Some(FailureReason::InvalidParameters),
            "{status:#?}"
        );
        let message = status.message.unwrap();
        assert!(
            message.contains(words) && !message.contains("after-it"),
            "{message}"
        );
        assert_eq!(bench.jobs_made(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_stands_elsewhere_and_changes_before_its_job_is_not_done() {
    let bench = Bench::new();
    secrets(&bench, AFTER);
    bench.ask(
        "hide",
        &patch_secret(&json!({ "patchSecretRef": "change/patch" })),
    );
    let controller = bench.controller();
    while bench.phase("hide") != Phase::Running {
        bench.pass(&controller, "hide").await.unwrap();
    }
    assert_eq!(bench.jobs_made(), 0);
    bench.cluster.edit("secrets", "shop", "change", |secret| {
        secret["data"]["patch"] = encoded(r#"{"stringData":{"key":"another"}}"#);
    });
    let status = bench.to_end("hide").await;
    assert_eq!(
        status.failure_reason,
        Some(FailureReason::TargetChanged),
        "{status:#?}"
    );
    assert!(
        status
            .message
            .unwrap()
            .contains("what patchSecretRef names, or Secret shop/login, was changed")
    );
    assert_eq!(bench.jobs_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_condition_before_that_need_not_hold_is_a_warning() {
    for dry_run in [false, true] {
        let bench = Bench::new();
        let mut spec = scale("5");
        spec["dryRun"] = json!(dry_run);
        let rego = "package condition\n\nallow if input.current_replicas == 9\n";
        spec["preConditions"] = json!([{ "type": "nine", "rego": rego, "required": false }]);
        bench.ask("up", &spec);
        assert_eq!(bench.to_end("up").await.phase, Some(Phase::Completed));
        let events = bench.cluster.all("events.events.k8s.io");
        let warned: Vec<&serde_json::Value> = events
            .iter()
            .filter(|event| event["reason"] == "PreconditionWarning")
            .collect();
        assert_eq!(warned.len(), 1, "{events:#?}");
        assert!(
            warned[0]["note"].as_str().unwrap().contains("nine"),
            "{warned:#?}"
        );
    }
}
