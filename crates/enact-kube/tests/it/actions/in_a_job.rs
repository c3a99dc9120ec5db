//! Actions as the pods of Jobs do them: a request in the environment, a report as termination message, an exit code.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use enact_kube::catalog::{Basis, Catalog, Stage, Target};
use enact_kube::job::{CONTAINER, Performing, REQUEST_VARIABLE, Report, Request, perform, read_report};
use enact_testkit::cluster::{Cluster, Ended, Speed, Started};
use futures_util::AsyncBufReadExt as _;
use futures_util::TryStreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use serde_json::{Value, json};

use super::objects::web;

const SYSTEM: &str = "kubernetes-executor-system";

/// What the container does: the program's `action run`.
async fn run(started: Started, cluster: Cluster) -> Ended {
    let request = started.variable(REQUEST_VARIABLE).unwrap();
    let (client, stop) = (started.client.clone(), started.stop.clone());
    let performing = Performing {
        client,
        catalog: Catalog::built_in(),
        clock: Arc::new(cluster.clock()),
        stop,
        tell: Box::new(move |stage| started.say(&serde_json::to_string(stage).unwrap())),
    };
    let performed = perform(&request, performing).await;
    Ended::with(performed.status as i32, &performed.message)
}

/// A Job that scales `u/web`.
fn scaling(cluster: &Cluster, replicas: &str, seconds: u64, deadline: u64) {
    let web = cluster.get("deployments", "u", "web").unwrap();
    let request = Request {
        v: 1,
        action: "ScaleDeployment".to_owned(),
        target: Target {
            kind: "Deployment".to_owned(),
            namespace: Some("u".to_owned()),
            name: "web".to_owned(),
        },
        parameters: BTreeMap::from([("replicas".to_owned(), replicas.to_owned())]),
        basis: Basis {
            uid: web["metadata"]["uid"].as_str().unwrap().to_owned(),
            generation: web["metadata"]["generation"].as_i64(),
            resource_version: None,
        },
        on_behalf_of: "u/e/uid-1".to_owned(),
        seconds,
    };
    let request = serde_json::to_string(&request).unwrap();
    let container =
        json!({ "name": CONTAINER, "image": "x", "env": [{ "name": REQUEST_VARIABLE, "value": request }] });
    let refuses = json!({ "action": "FailJob",
        "onExitCodes": { "containerName": CONTAINER, "operator": "In", "values": [42, 43, 44, 45] } });
    cluster.put(&json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "namespace": SYSTEM, "name": "j" },
        "spec": {
            "backoffLimit": 0, "activeDeadlineSeconds": deadline, "podFailurePolicy": { "rules": [refuses] },
            "template": { "spec": {
                "restartPolicy": "Never", "serviceAccountName": "kubernetes-executor-scale-deployment",
                "terminationGracePeriodSeconds": 10, "containers": [container],
            } },
        },
    }));
}

fn prepared() -> Cluster {
    let cluster = Cluster::new();
    web(&cluster);
    let own = cluster.clone();
    cluster.pods_run(move |started| run(started, own.clone()));
    cluster
}

/// How the Job ended, and what its pod reported.
async fn ended(cluster: &Cluster) -> (String, Option<Report>) {
    let finished = |cluster: &Cluster| -> Option<Value> {
        let job = cluster.get("jobs", SYSTEM, "j")?;
        let conditions = job["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let mut conditions = conditions.into_iter();
        conditions.find(|condition| condition["type"] == "Complete" || condition["type"] == "Failed")
    };
    let waiting = cluster.until(|cluster| finished(cluster).is_some());
    tokio::time::timeout(Duration::from_secs(3600), waiting)
        .await
        .unwrap();
    let pods = cluster.all("pods");
    let message = pods
        .first()
        .and_then(|pod| pod.pointer("/status/containerStatuses/0/state/terminated/message"));
    let report = message.and_then(Value::as_str).and_then(read_report);
    (
        finished(cluster).unwrap()["reason"].as_str().unwrap().to_owned(),
        report,
    )
}

#[tokio::test(start_paused = true)]
async fn a_job_is_complete_when_its_action_is_done() {
    let cluster = prepared();
    cluster.rolls_out("u", "web", Speed::PerTick(1));
    let living = cluster.live();
    scaling(&cluster, "5", 60, 90);
    cluster
        .until(|cluster| {
            cluster
                .all("pods")
                .iter()
                .any(|pod| pod["status"]["phase"] == "Running")
        })
        .await;
    let name = cluster.all("pods")[0]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let pods: Api<Pod> = Api::namespaced(cluster.client("controller"), SYSTEM);
    let follow = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let lines: Vec<String> = pods
        .log_stream(&name, &follow)
        .await
        .unwrap()
        .lines()
        .try_collect()
        .await
        .unwrap();
    let Stage::Rollback { rollback } = serde_json::from_str(&lines[0]).unwrap() else {
        unreachable!("the first line is the way back")
    };
    assert_eq!(rollback.parameters["replicas"], "2");
    let (reason, report) = ended(&cluster).await;
    drop(living);
    let report = report.unwrap();
    assert_eq!(
        (reason.as_str(), report.ok, report.code.as_str()),
        ("CompletionsReached", true, "done")
    );
    assert_eq!(
        cluster.get("deployments", "u", "web").unwrap()["status"]["availableReplicas"],
        5
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_says_why_its_action_did_not_work() {
    for (replicas, changed, code) in [("-4", false, "refused"), ("5", true, "target_changed")] {
        let cluster = prepared();
        scaling(&cluster, replicas, 60, 90);
        if changed {
            cluster.edit("deployments", "u", "web", |web| {
                web["metadata"]["generation"] = json!(9);
            });
        }
        let _living = cluster.live();
        let (reason, report) = ended(&cluster).await;
        assert_eq!(
            (reason.as_str(), report.unwrap().code.as_str()),
            ("PodFailurePolicy", code)
        );
        assert!(cluster.writes_to("deployments").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_action_past_its_own_time_still_reports_and_past_the_job_s_it_cannot() {
    let cluster = prepared();
    cluster.rolls_out("u", "web", Speed::Stuck);
    scaling(&cluster, "5", 20, 50);
    let living = cluster.live();
    let (reason, report) = ended(&cluster).await;
    drop(living);
    assert_eq!(
        (reason.as_str(), report.unwrap().code.as_str()),
        ("PodFailurePolicy", "deadline")
    );
    let cluster = prepared();
    cluster.rolls_out("u", "web", Speed::Stuck);
    scaling(&cluster, "5", 60, 30);
    let _living = cluster.live();
    let (reason, report) = ended(&cluster).await;
    assert_eq!((reason.as_str(), report), ("DeadlineExceeded", None));
    // The pod is gone; what it said when it was told to end is on record.
    let last = cluster.changes("pods").pop().unwrap().object;
    let message = last["status"]["containerStatuses"][0]["state"]["terminated"]["message"]
        .as_str()
        .unwrap();
    assert_eq!(read_report(message).unwrap().code, "cancelled");
}

#[tokio::test(start_paused = true)]
async fn every_run_of_a_test_is_the_same() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let cluster = prepared();
        cluster.rolls_out("u", "web", Speed::PerTick(1));
        scaling(&cluster, "9", 60, 90);
        let living = cluster.live();
        ended(&cluster).await;
        drop(living);
        let states = ["pods", "jobs", "deployments"].map(|kind| {
            let changes = cluster.changes(kind).into_iter();
            changes
                .map(|change| (change.revision, change.object))
                .collect::<Vec<_>>()
        });
        runs.push((cluster.calls(), states));
    }
    assert_eq!(runs[0], runs[1]);
}
