//! Versions of actions, and executions that wait for others.

use std::time::Duration;

use enact_kube::api::{KubernetesExecutionStatus, Phase};
use serde_json::{Value, json};

use crate::support::{Bench, scale};

/// A scaling that depends on others.
fn after(names: &[&str]) -> Value {
    let mut spec = scale("7");
    let others: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
    spec["dependsOn"] = Value::Array(others);
    spec
}

fn refused(status: &KubernetesExecutionStatus, words: &str) {
    assert_eq!(status.phase, Some(Phase::Failed), "{status:#?}");
    assert_eq!(status.failure_reason.unwrap().as_str(), "DependencyFailed");
    let message = status.message.as_ref().unwrap();
    assert!(message.contains(words), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_version_is_accepted_and_written_down() {
    let bench = Bench::new();
    let mut spec = scale("5");
    spec["action"] = json!("ScaleDeployment@v1");
    bench.ask("up", &spec);
    let status = bench.to_end("up").await;
    assert_eq!(status.phase, Some(Phase::Completed), "{status:#?}");
    assert_eq!(status.action_version.as_deref(), Some("v1"));
    assert_eq!(bench.replicas(), 5);
}

#[tokio::test(start_paused = true)]
async fn one_that_depends_on_another_waits_until_it_is_completed() {
    let bench = Bench::new();
    let controller = bench.controller();
    bench.ask("second", &after(&["first"]));
    for _ in 0..4 {
        bench.pass(&controller, "second").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let status = bench.status("second");
    assert_eq!(status.phase, Some(Phase::Validating));
    assert!(status.message.unwrap().contains("waiting for first"));
    bench.ask("first", &scale("5"));
    assert_eq!(bench.to_end("first").await.phase, Some(Phase::Completed));
    assert_eq!(bench.to_end("second").await.phase, Some(Phase::Completed));
    assert_eq!(bench.replicas(), 7);
}

#[tokio::test(start_paused = true)]
async fn one_whose_dependency_failed_fails_and_does_nothing() {
    let bench = Bench::new();
    bench.ask("first", &json!({ "action": "Reboot" }));
    assert_eq!(bench.to_end("first").await.phase, Some(Phase::Failed));
    bench.ask("second", &after(&["first"]));
    refused(&bench.to_end("second").await, "first failed");
    // And whoever waits for that one.
    bench.ask("third", &after(&["second"]));
    refused(&bench.to_end("third").await, "second failed");
    assert_eq!(bench.jobs_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn cycles_are_refused_however_long_they_are() {
    let bench = Bench::new();
    bench.ask("itself", &after(&["itself"]));
    refused(&bench.to_end("itself").await, "depends on this one in turn");
    bench.ask("a", &after(&["b"]));
    bench.ask("b", &after(&["c"]));
    bench.ask("c", &after(&["a"]));
    for name in ["a", "b", "c"] {
        let status = bench.to_end(name).await;
        assert_eq!(
            status.failure_reason.unwrap().as_str(),
            "DependencyFailed",
            "{name}"
        );
    }
    refused(&bench.status("a"), "b depends on this one in turn");
    // A chain that is longer than anybody looks through is taken for one.
    for at in 0..80 {
        bench.ask(&format!("chain-{at}"), &after(&[&format!("chain-{}", at + 1)]));
    }
    refused(&bench.to_end("chain-0").await, "depends on this one in turn");
    assert_eq!(bench.jobs_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_somebody_else_is_not_waited_for() {
    let bench = Bench::new();
    bench.ask("first", &scale("5"));
    let owner = bench
        .cluster
        .put(&json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": "shop", "name": "workflow" } }));
    let owner = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "workflow", "uid": owner["metadata"]["uid"] }]);
    bench
        .cluster
        .edit("kubernetesexecutions", "shop", "first", |object| {
            object["metadata"]["ownerReferences"] = owner;
        });
    bench.ask("second", &after(&["first"]));
    refused(&bench.to_end("second").await, "first belongs to somebody else");
}

#[tokio::test(start_paused = true)]
async fn what_never_comes_is_not_waited_for_for_ever() {
    let bench = Bench::new();
    let controller = bench.controller();
    bench.ask("second", &after(&["first"]));
    let begun = bench.now();
    while !bench.phase("second").is_final() {
        bench.pass(&controller, "second").await.unwrap();
        bench.cluster.pass(Duration::from_secs(60));
        assert!(bench.now().duration_since(begun).as_secs() < 7200);
    }
    refused(&bench.status("second"), "did not complete in time: first");
    assert!(bench.now().duration_since(begun).as_secs() >= 3600);
}
