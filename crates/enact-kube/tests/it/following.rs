//! What a Job tells of the way back while it runs.

use std::time::Duration;

use enact_kube::api::{KubernetesExecutionStatus, Phase};
use enact_testkit::cluster::{Ended, Started};
use serde_json::{Value, json};

use crate::support::{Bench, CONTROLLER, SYSTEM, scale};

/// A scaling that may take 20 seconds.
fn short() -> Value {
    let mut spec = scale("5");
    spec["timeout"] = json!("20s");
    spec
}

/// The record of a Job that found 33 replicas.
fn record() -> String {
    json!({ "stage": "rollback", "rollback": {
        "available": true, "action": "ScaleDeployment", "parameters": { "replicas": "33" },
    } })
    .to_string()
}

/// A cluster whose Jobs print this, and then never end by themselves.
fn endless(lines: Vec<String>) -> Bench {
    let bench = Bench::new();
    bench.cluster.pods_run(move |started: Started| {
        for line in &lines {
            started.say(line);
        }
        async move {
            // The client is held as long as the process: it is killed, whatever it is told.
            let _process = started;
            std::future::pending::<Ended>().await
        }
    });
    bench
}

fn replicas(status: &KubernetesExecutionStatus) -> String {
    status.rollback_info.as_ref().unwrap().parameters["replicas"].clone()
}

fn pods(bench: &Bench) -> usize {
    let pods = bench.cluster.all("pods");
    pods.iter()
        .filter(|pod| pod["metadata"]["namespace"] == SYSTEM)
        .count()
}

#[tokio::test(start_paused = true)]
async fn a_job_deleted_at_its_deadline_leaves_what_it_told() {
    let bench = endless(vec![record()]);
    bench.ask("up", &short());
    let status = bench.to_end("up").await;
    assert_eq!(status.failure_reason.unwrap().as_str(), "DeadlineExceeded");
    assert_eq!(pods(&bench), 0, "the log went with the pod");
    assert_eq!(replicas(&status), "33");
    // It was written down while the Job ran, not after it.
    let states = bench.cluster.states("kubernetesexecutions", "shop", "up");
    let while_running = states.iter().any(|state| {
        state["status"]["phase"] == "Running"
            && state["status"]["rollbackInfo"]["parameters"]["replicas"] == "33"
    });
    assert!(while_running);
    let follows = bench.cluster.calls_of(CONTROLLER);
    let follows = follows
        .iter()
        .filter(|call| call.resource == "pods/log" && call.query.iter().any(|(key, _)| key == "follow"));
    assert_eq!(follows.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_takes_over_hears_it_too() {
    let bench = endless(vec![record()]);
    let _living = bench.cluster.live();
    bench.ask("up", &short());
    let first = bench.controller();
    while bench.phase("up") != Phase::Running || pods(&bench) == 0 {
        bench.pass(&first, "up").await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // It begins to follow, and is killed before it can write down what it hears.
    bench.pass(&first, "up").await.unwrap();
    drop(first);
    assert_eq!(replicas(&bench.status("up")), "3");
    let status = bench.to_end("up").await;
    assert_eq!(status.failure_reason.unwrap().as_str(), "DeadlineExceeded");
    assert_eq!(replicas(&status), "33");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_cancelled_leaves_what_it_told() {
    let bench = endless(vec![record()]);
    let _living = bench.cluster.live();
    bench.ask("up", &short());
    let controller = bench.controller();
    while replicas_or_none(&bench).as_deref() != Some("33") {
        bench.pass(&controller, "up").await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bench
        .cluster
        .edit("kubernetesexecutions", "shop", "up", |object| {
            object["spec"]["cancel"] = json!(true);
        });
    let status = bench.to_end("up").await;
    assert_eq!(status.failure_reason.unwrap().as_str(), "Cancelled");
    assert_eq!(replicas(&status), "33");
}

fn replicas_or_none(bench: &Bench) -> Option<String> {
    let rollback = bench.status("up").rollback_info?;
    rollback.parameters.get("replicas").cloned()
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_told_what_was_captured_before_stands() {
    let too_long = json!({ "stage": "rollback", "rollback": {
        "available": true, "parameters": { "replicas": "9".repeat(40_000) } } });
    for (what, lines) in [
        ("silence", Vec::new()),
        (
            "something else",
            vec!["hello".to_owned(), "{\"stage\":\"note\"".to_owned()],
        ),
        ("a line without an end", vec!["x".repeat(200_000), record()]),
        ("a record that is too long", vec![too_long.to_string()]),
    ] {
        let bench = endless(lines);
        bench.ask("up", &short());
        let status = bench.to_end("up").await;
        assert_eq!(
            status.failure_reason.unwrap().as_str(),
            "DeadlineExceeded",
            "{what}"
        );
        assert_eq!(replicas(&status), "3", "{what}");
        let passes = bench.cluster.calls_of(CONTROLLER);
        let follows = passes.iter().filter(|call| call.resource == "pods/log").count();
        assert!(follows <= 60, "{what}: {follows} times");
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_is_over_is_not_followed_any_more() {
    let bench = endless(vec![record()]);
    let _living = bench.cluster.live();
    bench.ask("up", &short());
    let controller = bench.controller();
    let mut heard = false;
    while !bench.phase("up").is_final() {
        bench.pass(&controller, "up").await.unwrap();
        let job = bench.status("up").job_name.unwrap_or_default();
        heard |= controller.followers.told(&job).is_some();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(heard);
    let job = bench.status("up").job_name.unwrap();
    assert_eq!(controller.followers.told(&job), None);
}
