//! Conditions that change their mind, and annotations that claim rights.

use std::time::Duration;

use enact_kube::api::{FailureReason, Phase};
use enact_kube::controller::APPROVALS;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Bench, scale};

/// Scaling to five, which must stay so for ten seconds within a minute.
fn steady() -> Value {
    let mut spec = scale("5");
    spec["postConditions"] = json!([{ "type": "five", "stableFor": "10s", "timeout": "60s",
        "rego": "package condition\n\nallow if input.current_replicas == 5\n" }]);
    spec
}

fn set(bench: &Bench, replicas: i64) {
    bench.cluster.edit("deployments", "shop", "web", |web| {
        web["spec"]["replicas"] = json!(replicas);
    });
}

async fn job_is_over(bench: &Bench) {
    let over = |bench: &Bench| {
        let conditions = bench.status("up").conditions;
        conditions
            .iter()
            .any(|condition| condition.type_ == "JobFinished")
    };
    while !over(bench) {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_stops_holding_begins_anew() {
    let bench = Bench::new();
    bench.ask("up", &steady());
    let changing = async {
        job_is_over(&bench).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        set(&bench, 4);
        tokio::time::sleep(Duration::from_secs(7)).await;
        set(&bench, 5);
        Instant::now()
    };
    let ending = async { (bench.to_end("up").await, Instant::now()) };
    let (back, (status, over)) = tokio::join!(changing, ending);
    assert_eq!(status.phase, Some(Phase::Completed), "{status:#?}");
    assert!(over - back >= Duration::from_secs(10), "{:?}", over - back);
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_never_stays_fails() {
    let bench = Bench::new();
    bench.ask("up", &steady());
    let changing = async {
        job_is_over(&bench).await;
        let mut replicas = 4;
        while !bench.phase("up").is_final() {
            set(&bench, replicas);
            replicas = 9 - replicas;
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
    };
    let ((), status) = tokio::join!(changing, bench.to_end("up"));
    assert_eq!(status.failure_reason, Some(FailureReason::PostconditionFailed));
    let rollback = status.rollback_info.unwrap();
    assert_eq!(rollback.parameters["replicas"], "3");
}

#[tokio::test(start_paused = true)]
async fn what_a_request_writes_on_itself_gives_it_no_rights() {
    let bench = Bench::new();
    bench.cluster.edit("deployments", "shop", "web", |web| {
        web["metadata"]["labels"] = json!({ "critical": "true" });
    });
    let approvals = json!([{ "format_version": 1, "plan_id": "blake3:0", "approver": { "kind": "human", "name": "root" },
        "signature": "none" }]);
    bench.cluster.put(&json!({
        "apiVersion": "kubernetesexecution.kubernaut.io/v1alpha1", "kind": "KubernetesExecution",
        "metadata": { "namespace": "shop", "name": "down", "annotations": {
            APPROVALS: approvals.to_string(), "enact.dev/cross-namespace": "true" } },
        "spec": scale("0"),
    }));
    let status = bench.to_end("down").await;
    assert_eq!(status.failure_reason, Some(FailureReason::PolicyDenied));
    let mut elsewhere = scale("5");
    elsewhere["targetResource"]["namespace"] = json!("till");
    bench.cluster.put(&crate::support::deployment("till", "web", 3));
    bench.cluster.put(&json!({
        "apiVersion": "kubernetesexecution.kubernaut.io/v1alpha1", "kind": "KubernetesExecution",
        "metadata": { "namespace": "shop", "name": "away",
            "annotations": { "enact.dev/cross-namespace": "true" }, "labels": { "enact.dev/cross-namespace": "true" } },
        "spec": elsewhere,
    }));
    let status = bench.to_end("away").await;
    assert_eq!(status.failure_reason, Some(FailureReason::PolicyDenied));
    assert_eq!(bench.jobs_made(), 0);
}
