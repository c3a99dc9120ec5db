//! Actions of an operator's own.

use std::sync::Arc;

use enact_kube::api::{KubernetesExecutionStatus, Phase};
use enact_kube::controller::{Shelved, look_at_catalog};
use enact_testkit::cluster::{Ended, Fault, When};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use crate::support::{Answers, Bench, CONTROLLER, SYSTEM, answering};

const IMAGE: &str =
    "registry.example/flush@sha256:0123456789012345678901234567890123456789012345678901234567890123";

fn file(name: &str) -> String {
    format!(
        "format: enact.actions/v1
actions:
  - name: {name}
    about: empties the cache of a Deployment
    target: Deployment
    account: kubernetes-executor-custom-flush
    image: {IMAGE}
    argv: [/flush, --level, '{{level}}', '--note={{note}}', '-n={{target.namespace}}', '{{target.name}}']
    timeout: 60s
    idempotent: true
    effect: write
    parameters:
      - {{ name: level, type: integer, least: 0, most: 9, required: true, about: how much }}
      - {{ name: note, type: text, default: none, about: why }}
"
    )
}

fn put(bench: &Bench, text: &str) {
    bench
        .cluster
        .put(&json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": SYSTEM, "name": "kubernetes-executor-catalog" },
        "data": { "catalog.yaml": text } }));
}

/// A cluster with the action `FlushCache`, and policies that allow it.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.custom = true;
    bench.policies = answering(&Arc::new(Answers::default()));
    bench
        .cluster
        .put(&json!({ "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "namespace": SYSTEM, "name": "kubernetes-executor-custom-flush" } }));
    put(&bench, &file("FlushCache"));
    bench
}

fn flush(parameters: Value) -> Value {
    json!({ "action": "FlushCache", "targetResource": { "name": "web" }, "parameters": parameters })
}

/// The pods of Jobs end so.
fn ends(bench: &Bench, ended: Ended) {
    bench.cluster.pods_run(move |_| std::future::ready(ended.clone()));
}

fn reason(status: &KubernetesExecutionStatus) -> &'static str {
    status.failure_reason.unwrap().as_str()
}

#[tokio::test(start_paused = true)]
async fn it_runs_the_operator_s_program_with_its_parameters_and_under_its_account() {
    let bench = bench();
    ends(
        &bench,
        Ended {
            log: "3 caches flushed\n".to_owned(),
            ..Ended::default()
        },
    );
    let note = "'; rm -rf / #$(ENACT_REQUEST) \"`id`\n";
    bench.ask("flush", &flush(json!({ "level": "3", "note": note })));
    let status = bench.to_end("flush").await;
    assert_eq!(status.phase, Some(Phase::Completed), "{status:#?}");
    assert_eq!(status.action_version.as_deref(), Some("v1"));
    let job = bench
        .cluster
        .states("jobs", SYSTEM, &status.job_name.unwrap())
        .remove(0);
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], "kubernetes-executor-custom-flush");
    let container = &pod["containers"][0];
    assert_eq!(container["image"], IMAGE);
    assert_eq!(container["args"], Value::Null);
    // A dollar sign that is meant is written twice: the kubelet expands nothing.
    let note = format!("--note={}", note.replace('$', "$$"));
    assert_eq!(
        container["command"],
        json!(["/flush", "--level", "3", note, "-n=shop", "web"])
    );
    assert_eq!(job["metadata"]["labels"]["kubernaut.ai/action"], "FlushCache");
    // Its exit code counts where it says nothing; what it printed is kept.
    let result = status.result.unwrap();
    assert!(result.succeeded);
    assert_eq!(result.output.as_deref(), Some("3 caches flushed"));
    assert_eq!(
        status.message.as_deref(),
        Some("its program ended with exit code 0")
    );
    assert!(!status.rollback_info.unwrap().available);
}

#[tokio::test(start_paused = true)]
async fn what_it_reports_in_the_protocol_counts() {
    let report = |ok: bool, code: &str, message: &str| {
        json!({ "v": 1, "ok": ok, "code": code, "msg": message, "before": { "caches": "3" } }).to_string()
    };
    let cases = [
        (
            Ended::with(0, &report(true, "done", "flushed")),
            Phase::Completed,
            "flushed",
        ),
        (
            Ended::with(1, &report(false, "failed", "no such cache")),
            Phase::Failed,
            "no such cache",
        ),
        (
            Ended::with(45, &report(false, "target_changed", "another")),
            Phase::Failed,
            "another",
        ),
        (
            Ended::with(0, &report(false, "failed", "not really")),
            Phase::Failed,
            "not really",
        ),
        (Ended::with(3, "no JSON"), Phase::Failed, "exit code 3"),
        (Ended::with(0, "no JSON"), Phase::Completed, "exit code 0"),
    ];
    for (ended, phase, words) in cases {
        let bench = bench();
        ends(&bench, ended.clone());
        bench.ask("flush", &flush(json!({ "level": "3" })));
        let status = bench.to_end("flush").await;
        let message = status.message.clone().unwrap_or_default();
        assert_eq!(status.phase, Some(phase), "{ended:?}: {status:#?}");
        assert!(message.contains(words), "{ended:?}: {message}");
        assert_eq!(status.result.unwrap().succeeded, phase == Phase::Completed);
    }
}

#[tokio::test(start_paused = true)]
async fn its_parameters_are_typed_and_a_value_is_no_option() {
    let cases = [
        (json!({}), "missing required parameter: 'level'"),
        (json!({ "level": "03" }), "a whole number from 0 to 9"),
        (json!({ "level": "3", "more": "x" }), "unknown parameter"),
        (
            json!({ "level": "3", "note": "x".repeat(1025) }),
            "a text of up to 1024 bytes",
        ),
    ];
    let bench = bench();
    for (at, (parameters, words)) in cases.into_iter().enumerate() {
        let name = format!("flush-{at}");
        bench.ask(&name, &flush(parameters));
        let status = bench.to_end(&name).await;
        assert_eq!(reason(&status), "InvalidParameters");
        assert!(status.message.as_ref().unwrap().contains(words), "{status:#?}");
    }
    // A text that stands alone and begins with a dash would be read as an option.
    put(&bench, &file("FlushCache").replace("'--note={note}'", "'{note}'"));
    bench.ask("option", &flush(json!({ "level": "3", "note": "--all" })));
    let status = bench.to_end("option").await;
    assert!(
        status.message.as_ref().unwrap().contains("begins with a dash"),
        "{status:#?}"
    );
    assert_eq!(bench.jobs_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_shipped_allowlist_denies_it_and_without_the_flag_nobody_knows_it() {
    let mut bench = bench();
    bench.policies = Bench::new().policies;
    bench.ask("denied", &flush(json!({ "level": "3" })));
    let status = bench.to_end("denied").await;
    assert_eq!(reason(&status), "PolicyDenied", "{status:#?}");
    assert!(
        status
            .message
            .unwrap()
            .contains("Action not in allowlist: FlushCache")
    );
    bench.custom = false;
    bench.ask("unknown", &flush(json!({ "level": "3" })));
    assert_eq!(reason(&bench.to_end("unknown").await), "UnknownAction");
    assert_eq!(bench.jobs_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_its_account_or_with_another_target_nothing_is_done() {
    let bench = bench();
    bench
        .cluster
        .vanish("serviceaccounts", SYSTEM, "kubernetes-executor-custom-flush");
    bench.ask("account", &flush(json!({ "level": "3" })));
    assert_eq!(reason(&bench.to_end("account").await), "RBACNotReady");

    let bench = self::bench();
    bench.ask("changed", &flush(json!({ "level": "3" })));
    let controller = bench.controller();
    for _ in 0..2 {
        bench.pass(&controller, "changed").await.unwrap();
    }
    assert_eq!(bench.phase("changed"), Phase::Running);
    bench.cluster.vanish("deployments", "shop", "web");
    bench.cluster.put(&crate::support::deployment("shop", "web", 3));
    assert_eq!(reason(&bench.to_end("changed").await), "TargetChanged");
    assert_eq!(bench.jobs_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_bad_catalog_changes_nothing_and_is_told_with_line_and_column() {
    let bench = bench();
    let mut registry = Registry::default();
    let mut controller = bench.controller();
    controller.metrics = enact_kube::controller::Metrics::register(&mut registry);
    let counted = |registry: &Registry| {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
        let lines = text.lines().filter(|line| line.starts_with("custom_actions"));
        lines.map(ToOwned::to_owned).collect::<Vec<String>>()
    };
    assert_eq!(look_at_catalog(&controller).await, Ok(Shelved::Same));
    put(
        &bench,
        &file("FlushCache").replace("timeout: 60s", "timeout: 60 minutes"),
    );
    let Ok(Shelved::Refused(faults)) = look_at_catalog(&controller).await else {
        panic!("it was not refused")
    };
    assert_eq!(faults.len(), 1);
    // The same is told once.
    assert_eq!(look_at_catalog(&controller).await, Ok(Shelved::Same));
    assert!(
        controller.catalog.now().exists("FlushCache"),
        "the last good one stays"
    );
    assert_eq!(
        counted(&registry),
        [
            "custom_actions 0",
            "custom_actions_refused 1",
            "custom_actions_errors_total 1"
        ]
    );
    let events = bench.cluster.all("events.events.k8s.io");
    let event = events
        .iter()
        .find(|event| event["reason"] == "CatalogRefused")
        .unwrap();
    assert_eq!(event["regarding"]["name"], "kubernetes-executor-catalog");
    let note = event["note"].as_str().unwrap();
    let place = "kubernetes-executor-catalog/catalog.yaml:9:14: timeout: expected a duration like 90s, up to 15 minutes";
    assert!(note.contains(place), "{note}");

    put(&bench, &file("Flush"));
    assert_eq!(look_at_catalog(&controller).await, Ok(Shelved::Replaced(1)));
    assert!(!controller.catalog.now().exists("FlushCache") && controller.catalog.now().exists("Flush@v1"));
    assert_eq!(
        counted(&registry),
        [
            "custom_actions 1",
            "custom_actions_refused 0",
            "custom_actions_errors_total 1"
        ]
    );
    bench
        .cluster
        .vanish("configmaps", SYSTEM, "kubernetes-executor-catalog");
    assert_eq!(look_at_catalog(&controller).await, Ok(Shelved::Replaced(0)));
    assert!(!controller.catalog.now().exists("Flush") && controller.catalog.now().exists("DrainNode"));
}

#[tokio::test(start_paused = true)]
async fn until_the_catalog_is_known_nothing_is_said_of_what_may_be_in_it() {
    let bench = bench();
    ends(&bench, Ended::default());
    let mut controller = bench.controller();
    controller.catalog = enact_kube::controller::Shelf::with_custom(Vec::new());
    bench.cluster.plan(
        When::next("GET", "*configmaps/kubernetes-executor-catalog").of(CONTROLLER),
        Fault::Refused {
            code: 500,
            retry_after: None,
        },
    );
    assert!(look_at_catalog(&controller).await.is_err());
    bench.ask("flush", &flush(json!({ "level": "3" })));
    for _ in 0..3 {
        bench.pass(&controller, "flush").await.unwrap();
    }
    assert_eq!(bench.phase("flush"), Phase::Pending);
    let message = bench.status("flush").message.unwrap();
    assert_eq!(message, "waiting until the operator's own actions could be read");
    assert_eq!(look_at_catalog(&controller).await, Ok(Shelved::Replaced(1)));
    bench.pass(&controller, "flush").await.unwrap();
    assert_eq!(bench.phase("flush"), Phase::Validating);
    // What is not in it then is unknown.
    bench.ask("other", &json!({ "action": "Reboot" }));
    bench.pass(&controller, "other").await.unwrap();
    assert_eq!(reason(&bench.status("other")), "UnknownAction");
}

#[tokio::test(start_paused = true)]
async fn an_action_that_leaves_the_catalog_still_ends_as_it_ended() {
    let bench = bench();
    bench.cluster.pods_run(|_| async {
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        Ended::default()
    });
    let _living = bench.cluster.live();
    bench.ask("flush", &flush(json!({ "level": "3" })));
    let controller = bench.controller();
    while bench.jobs_made() == 0 {
        bench.pass(&controller, "flush").await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    bench
        .cluster
        .vanish("configmaps", SYSTEM, "kubernetes-executor-catalog");
    let status = bench.to_end("flush").await;
    assert_eq!(status.phase, Some(Phase::Completed), "{status:#?}");
}

#[tokio::test(start_paused = true)]
async fn metrics_name_no_action_of_the_operator_s() {
    let bench = bench();
    ends(&bench, Ended::default());
    let mut registry = Registry::default();
    let mut controller = bench.controller();
    controller.metrics = enact_kube::controller::Metrics::register(&mut registry);
    let _living = bench.cluster.live();
    bench.ask("flush", &flush(json!({ "level": "3" })));
    let mut versioned = crate::support::scale("5");
    versioned["action"] = json!("ScaleDeployment@v1");
    bench.ask("scale", &versioned);
    for name in ["flush", "scale"] {
        while !bench.phase(name).is_final() {
            bench.pass(&controller, name).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    assert!(
        text.contains("action=\"custom\"") && text.contains("action=\"ScaleDeployment\""),
        "{text}"
    );
    assert!(!text.contains("FlushCache") && !text.contains("@v1"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_api_server_lets_exactly_such_jobs_through_and_only_where_they_are_wanted() {
    let choices = |custom_actions| enact_kube::manifests::Choices {
        custom_actions,
        ..enact_kube::manifests::Choices::default()
    };
    let text =
        |custom| serde_json::to_string(&enact_kube::manifests::admission_objects(&choices(custom))).unwrap();
    let (off, on) = (text(false), text(true));
    assert!(!off.contains("custom"), "off by default");
    // An account of its own, and an image by digest there; everywhere else as before.
    for part in [
        "object.metadata.labels['kubernaut.ai/action'] in variables.accounts ? ",
        "object.spec.template.spec.serviceAccountName.startsWith('kubernetes-executor-custom-')",
        "containers[0].image.matches('^[^@]+@sha256:[0-9a-f]{64}$') : object.spec.template.spec.containers[0].image == 'kubernetes-executor:v1.0.0'",
        ".resource('customactions').namespace(object.metadata.namespace).name(variables.action).check('run').allowed()",
    ] {
        assert!(on.contains(part), "{part} is not in {on}");
    }
    let arguments = |custom| {
        let objects = enact_kube::manifests::controller_objects(&choices(custom));
        objects[0]["spec"]["template"]["spec"]["containers"][0]["args"].to_string()
    };
    assert!(!arguments(false).contains("--custom-actions") && arguments(true).contains("--custom-actions"));
}

#[test]
fn who_may_ask_about_tokens_is_given_only_where_it_is_chosen() {
    let text = |metrics_auth| {
        let choices = enact_kube::manifests::Choices {
            metrics_auth,
            ..enact_kube::manifests::Choices::default()
        };
        let mut objects = enact_kube::manifests::manager_objects(&choices);
        objects.extend(enact_kube::manifests::controller_objects(&choices));
        serde_json::to_string(&objects).unwrap()
    };
    for part in [
        "tokenreviews",
        "--metrics-auth",
        "\"nonResourceURLs\":[\"/metrics\"]",
    ] {
        assert!(!text(false).contains(part) && text(true).contains(part), "{part}");
    }
}
