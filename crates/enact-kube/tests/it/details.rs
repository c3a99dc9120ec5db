//! What requirements ask for one by one: the Job's fields, what the status and the events say, odd values, deletion.

use std::collections::BTreeSet;
use std::time::Duration;

use enact_kube::api::{FailureReason, KubernetesExecution, Phase};
use enact_kube::catalog::Catalog;
use enact_kube::controller::Shelf;
use enact_testkit::cluster::{Ended, Stuck};
use kube::Api;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::support::{Bench, SYSTEM, scale};

async fn started(bench: &Bench, name: &str, spec: &Value) -> Value {
    bench.cluster.pods_are_stuck(Some(Stuck::Silent));
    bench.ask(name, spec);
    let controller = bench.controller();
    for _ in 0..4 {
        bench.pass(&controller, name).await.unwrap();
    }
    let job = bench.status(name).job_name.unwrap();
    bench.cluster.get("jobs", SYSTEM, &job).unwrap()
}

/// Checks that a value stands at each of these places.
fn says(object: &Value, expected: &[(&str, Value)]) {
    for (place, value) in expected {
        assert_eq!(object.pointer(place), Some(value), "{place} of {object:#}");
    }
}

fn reasons_of_events(bench: &Bench, name: &str) -> Vec<String> {
    let events = bench.cluster.all("events.events.k8s.io");
    let of_this = events
        .iter()
        .filter(|event| event.pointer("/regarding/name") == Some(&json!(name)));
    of_this
        .map(|event| event["reason"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_job_has_the_fields_that_keep_it_harmless() {
    let bench = Bench::new();
    let mut spec = scale("5");
    spec["timeout"] = json!("90s");
    let job = started(&bench, "up", &spec).await;
    let pod = "/spec/template/spec";
    says(
        &job,
        &[
            ("/metadata/labels/kubernaut.ai~1action", json!("ScaleDeployment")),
            ("/metadata/labels/kubernaut.ai~1execution", json!("up")),
            ("/metadata/labels/execution", json!("up")),
            (
                "/metadata/annotations/kubernaut.ai~1execution-namespace",
                json!("shop"),
            ),
            ("/spec/parallelism", json!(1)),
            ("/spec/completions", json!(1)),
            ("/spec/backoffLimit", json!(0)),
            ("/spec/activeDeadlineSeconds", json!(120)),
            ("/spec/ttlSecondsAfterFinished", json!(86_400)),
            ("/spec/podReplacementPolicy", json!("Failed")),
            (&format!("{pod}/restartPolicy"), json!("Never")),
            (
                &format!("{pod}/serviceAccountName"),
                json!("kubernetes-executor-scale-deployment"),
            ),
            (&format!("{pod}/automountServiceAccountToken"), json!(false)),
            (&format!("{pod}/securityContext/runAsNonRoot"), json!(true)),
            (
                &format!("{pod}/securityContext/seccompProfile/type"),
                json!("RuntimeDefault"),
            ),
            (
                &format!("{pod}/containers/0/securityContext/readOnlyRootFilesystem"),
                json!(true),
            ),
            (
                &format!("{pod}/containers/0/securityContext/allowPrivilegeEscalation"),
                json!(false),
            ),
            (
                &format!("{pod}/containers/0/securityContext/capabilities/drop"),
                json!(["ALL"]),
            ),
            (
                &format!("{pod}/containers/0/resources/limits/memory"),
                json!("64Mi"),
            ),
            (
                &format!("{pod}/containers/0/image"),
                json!("kubernetes-executor:v1.0.0"),
            ),
            (
                &format!("{pod}/volumes/0/projected/sources/0/serviceAccountToken/expirationSeconds"),
                json!(600),
            ),
        ],
    );
    let volumes = job
        .pointer(&format!("{pod}/volumes"))
        .unwrap()
        .as_array()
        .unwrap();
    assert_eq!(volumes.len(), 1, "no volume but the token");
}

#[tokio::test(start_paused = true)]
async fn an_evicted_pod_starts_again_only_where_twice_is_once() {
    let bench = Bench::new();
    let scaling = started(&bench, "up", &scale("5")).await;
    let rules = |job: &Value| {
        job.pointer("/spec/podFailurePolicy/rules")
            .unwrap()
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(rules(&scaling), 2);
    bench.cluster.put(&lone());
    let spec = json!({ "action": "DeletePod", "parameters": { "force": "true" }, "targetResource": { "name": "lone" } });
    let deleting = started(&bench, "pod", &spec).await;
    assert_eq!(
        rules(&deleting),
        1,
        "a deleted pod's successor must not be deleted too"
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_may_go_five_minutes_after_its_end_was_written_down() {
    let bench = Bench::new();
    bench.ask("up", &scale("5"));
    let status = bench.to_end("up").await;
    let job = bench
        .cluster
        .get("jobs", SYSTEM, &status.job_name.unwrap())
        .unwrap();
    says(&job, &[("/spec/ttlSecondsAfterFinished", json!(300))]);
}

#[tokio::test(start_paused = true)]
async fn the_times_of_an_execution_are_in_order() {
    let bench = Bench::new();
    bench.ask("up", &scale("5"));
    let status = bench.to_end("up").await;
    let times: Vec<jiff::Timestamp> = [
        status.validation_start_time,
        status.validation_complete_time,
        status.execution_start_time,
        status.execution_complete_time,
    ]
    .map(|time| time.unwrap().parse().unwrap())
    .into();
    assert!(times.is_sorted(), "{times:?}");
    let trail: Vec<jiff::Timestamp> = status
        .audit_trail
        .iter()
        .map(|entry| entry.time.parse().unwrap())
        .collect();
    assert!(trail.is_sorted(), "{trail:?}");
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_is_gone_is_no_error_and_one_that_is_deleted_stops_its_job() {
    let bench = Bench::new();
    bench.ask("up", &scale("5"));
    let seen = bench.object("up").unwrap();
    bench.cluster.vanish("kubernetesexecutions", "shop", "up");
    let controller = bench.controller();
    let action = enact_kube::controller::reconcile(&seen, &Vec::new, &controller)
        .await
        .unwrap();
    assert_eq!(action, kube::runtime::controller::Action::await_change());

    let job = started(&bench, "up", &scale("5")).await;
    let job = job["metadata"]["name"].as_str().unwrap().to_owned();
    let api: Api<KubernetesExecution> = Api::namespaced(bench.cluster.client("somebody"), "shop");
    api.delete("up", &DeleteParams::default()).await.unwrap();
    assert!(bench.object("up").is_some(), "its finalizer holds it");
    let living = bench.cluster.live();
    for _ in 0..90 {
        bench.pass(&controller, "up").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    drop(living);
    assert!(bench.object("up").is_none());
    assert!(bench.cluster.get("jobs", SYSTEM, &job).is_none());
    assert_eq!(bench.replicas(), 3);
    assert!(reasons_of_events(&bench, "up").contains(&"Cancelled".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_an_event_and_a_dry_run_has_the_same_violations() {
    let bench = Bench::new();
    bench.cluster.edit("deployments", "shop", "web", |web| {
        web["metadata"]["labels"] = json!({ "critical": "true" });
    });
    bench.ask("zero", &scale("0"));
    let real = bench.to_end("zero").await;
    assert!(reasons_of_events(&bench, "zero").contains(&"PolicyDenied".to_owned()));
    let mut spec = scale("0");
    spec["dryRun"] = json!(true);
    bench.ask("try", &spec);
    let tried = bench.to_end("try").await;
    assert_eq!(tried.failure_reason, Some(FailureReason::PolicyDenied));
    assert!(!tried.policy_violations.is_empty());
    assert_eq!(tried.policy_violations, real.policy_violations);
}

#[tokio::test(start_paused = true)]
async fn how_a_container_ended_without_a_report_is_told() {
    for (ended, words) in [
        (
            Ended {
                code: 137,
                reason: Some("OOMKilled".to_owned()),
                ..Ended::default()
            },
            "OOMKilled",
        ),
        (Ended::with(3, ""), "exit code 3"),
        (Ended::with(1, "\u{0}\u{1} no report"), "exit code 1"),
    ] {
        let bench = Bench::new();
        bench.cluster.pods_run(move |_| {
            let ended = ended.clone();
            async { ended }
        });
        bench.ask("up", &scale("5"));
        let status = bench.to_end("up").await;
        assert_eq!(status.failure_reason, Some(FailureReason::ActionFailed));
        let message = status.message.unwrap();
        assert!(message.contains(words), "{message}");
        assert_eq!(bench.jobs_made(), 1);
        let pods: BTreeSet<String> = bench
            .cluster
            .changes("pods")
            .iter()
            .map(|change| format!("{:?}", change.key))
            .filter(|key| key.contains(SYSTEM))
            .collect();
        assert_eq!(pods.len(), 1, "a pod that failed is not followed by another");
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_too_long_is_cut_at_both_ends() {
    let bench = Bench::new();
    let log = format!("first\n{}\nlast\n", "x".repeat(20_000));
    bench.cluster.pods_run(move |_| {
        let log = log.clone();
        async move {
            Ended {
                code: 1,
                log,
                ..Ended::default()
            }
        }
    });
    bench.ask("up", &scale("5"));
    let output = bench.to_end("up").await.result.unwrap().output.unwrap();
    assert!(output.len() <= 8192, "{}", output.len());
    assert!(output.contains("last"), "{output}");
}

#[tokio::test(start_paused = true)]
async fn odd_values_are_refused() {
    let bench = Bench::new();
    let aimed = |target: Value| json!({ "action": "CordonNode", "targetResource": target });
    for (name, spec, words) in [
        ("large", scale("99999999999999999999"), "replicas"),
        ("over", scale("2147483648"), "replicas"),
        ("nul", scale("3\u{0}"), "replicas"),
        (
            "node",
            aimed(json!({ "name": "n", "namespace": "shop" })),
            "namespace",
        ),
        (
            "cluster",
            json!({ "action": "ScaleDeployment", "parameters": { "replicas": "5", "cluster": "other" },
                "targetResource": { "name": "web" } }),
            "cluster",
        ),
    ] {
        bench.ask(name, &spec);
        let status = bench.to_end(name).await;
        assert_eq!(
            status.failure_reason,
            Some(FailureReason::InvalidParameters),
            "{name}"
        );
        let message = status.message.unwrap();
        assert!(message.contains(words), "{name}: {message}");
    }
    bench.ask("unknown", &json!({ "action": "Reboot" }));
    let message = bench.to_end("unknown").await.message.unwrap();
    for action in Catalog::built_in().list() {
        assert!(message.contains(action.about().name.as_ref()), "{message}");
    }
    assert_eq!(bench.jobs_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_the_operator_does_not_have_is_no_yes() {
    let bench = Bench::new();
    let mut spec = scale("5");
    spec["preConditions"] = json!([{ "type": "named", "rego": "configmap:ready" }]);
    bench.ask("missing", &spec);
    let status = bench.to_end("missing").await;
    assert_eq!(
        status.failure_reason,
        Some(FailureReason::PreconditionError),
        "{status:#?}"
    );
    bench
        .cluster
        .put(&json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": SYSTEM, "name": "kubernetes-executor-conditions" },
        "data": { "ready": "package condition\n\nallow if input.ready_pods >= 0\n" } }));
    bench.ask("there", &spec);
    assert_eq!(bench.to_end("there").await.phase, Some(Phase::Completed));
}

#[tokio::test(start_paused = true)]
async fn an_action_that_is_switched_off_is_unknown() {
    let bench = Bench::new();
    bench.ask("up", &scale("5"));
    let mut controller = bench.controller();
    controller.catalog = Shelf::fixed(Catalog::built_in().only(&["RolloutStatus".to_owned()]));
    bench.pass(&controller, "up").await.unwrap();
    let status = bench.status("up");
    assert_eq!(status.failure_reason, Some(FailureReason::UnknownAction));
    assert!(status.message.unwrap().contains("available: RolloutStatus"));
}

#[test]
fn the_catalog_takes_each_name_once() {
    let mut catalog = Catalog::built_in();
    let names: Vec<String> = catalog
        .list()
        .map(|action| action.about().name.to_string())
        .collect();
    assert_eq!(names.len(), 10);
    assert!(names.is_sorted());
    let again = catalog.get("ScaleDeployment").unwrap().clone();
    assert!(catalog.register(again.clone()).is_err());
    assert_eq!(catalog.list().count(), 10);
    let mut empty = Catalog::built_in().only(&[]);
    empty.register(again).unwrap();
    assert!(empty.exists("ScaleDeployment@v1") && !empty.exists("ScaleDeployment@v2"));
    assert_eq!(
        empty.statistics().into_iter().collect::<Vec<_>>(),
        [("Deployment", 1)]
    );
}

/// The kubelet of a node that is short of memory.
fn evict(bench: &Bench) {
    bench.cluster.settle();
    let pods = bench.cluster.all("pods");
    let of_jobs = pods.iter().filter(|pod| pod["metadata"]["namespace"] == SYSTEM);
    for pod in of_jobs {
        let name = pod["metadata"]["name"].as_str().unwrap();
        bench.cluster.edit("pods", SYSTEM, name, |pod| {
            pod["status"] = json!({ "phase": "Failed", "reason": "Evicted",
                "conditions": [{ "type": "DisruptionTarget", "status": "True" }] });
        });
    }
    bench.cluster.pods_are_stuck(None);
}

#[tokio::test(start_paused = true)]
async fn an_evicted_pod_is_followed_by_another_or_is_the_end_of_it() {
    let bench = Bench::new();
    started(&bench, "up", &scale("5")).await;
    evict(&bench);
    let status = bench.to_end("up").await;
    assert_eq!(status.phase, Some(Phase::Completed), "{status:#?}");
    assert_eq!((bench.jobs_made(), bench.replicas()), (1, 5));

    let bench = Bench::new();
    bench.cluster.put(&lone());
    let spec = json!({ "action": "DeletePod", "parameters": { "force": "true" }, "targetResource": { "name": "lone" } });
    started(&bench, "pod", &spec).await;
    evict(&bench);
    let status = bench.to_end("pod").await;
    assert_eq!(
        status.failure_reason,
        Some(FailureReason::PodEvicted),
        "{status:#?}"
    );
    assert!(bench.cluster.get("pods", "shop", "lone").is_some());
}

/// A pod that nothing makes again.
fn lone() -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": "shop", "name": "lone" },
        "spec": { "nodeName": "n", "containers": [{ "name": "app", "image": "app:1" }] },
        "status": { "phase": "Running" } })
}
