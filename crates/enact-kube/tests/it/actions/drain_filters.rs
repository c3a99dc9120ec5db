//! DrainNode: which pods go, which stay, and which forbid it.

use enact_kube::catalog::Failure;
use enact_testkit::cluster::Cluster;
use serde_json::{Value, json};

use super::objects::{node, owner, owners, pod_like};
use super::trial::{Trial, failure};

/// A cluster whose node `n` has these pods.
fn with(pods: &[Value]) -> Cluster {
    let cluster = Cluster::new();
    node(&cluster, "n");
    owners(&cluster);
    for pod in pods {
        cluster.put(pod);
    }
    cluster
}

fn drain(cluster: &Cluster, parameters: &[(&str, &str)]) -> Trial {
    Trial::new(cluster, "DrainNode", ("", "n"), parameters)
}

fn names(cluster: &Cluster) -> Vec<String> {
    let pods = cluster.all("pods");
    pods.iter()
        .map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

fn plain() -> Value {
    pod_like("plain", &json!({}), &json!({}))
}

fn agent(set: &str) -> Value {
    let owned = json!({ "ownerReferences": [owner("apps/v1", "DaemonSet", set)] });
    pod_like("agent", &owned, &json!({}))
}

fn scratch() -> Value {
    pod_like(
        "scratch",
        &json!({}),
        &json!({ "volumes": [{ "name": "v", "emptyDir": {} }] }),
    )
}

fn bare() -> Value {
    pod_like("bare", &json!({ "ownerReferences": [] }), &json!({}))
}

fn finished(mut pod: Value) -> Value {
    pod["status"] = json!({ "phase": "Succeeded" });
    pod
}

/// Nothing is evicted, and this is told.
async fn refused(pods: &[Value], parameters: &[(&str, &str)], parts: &[&str]) {
    let cluster = with(pods);
    let trial = drain(&cluster, parameters);
    let (kind, message) = failure(trial.act_alone().await);
    assert_eq!(kind, Failure::Refused);
    for part in parts {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(trial.writes(), ["patch nodes n"]);
    assert_eq!(names(&cluster).len(), pods.len());
}

/// These are left, and these warnings are told.
async fn leaves(pods: &[Value], parameters: &[(&str, &str)], left: &[&str], warnings: &[&str]) {
    let cluster = with(pods);
    let trial = drain(&cluster, parameters);
    let done = trial.act().await.unwrap();
    assert_eq!(names(&cluster), left);
    assert_eq!(done.counts["left"], left.len() as u64);
    assert_eq!(trial.notes(), warnings);
}

#[tokio::test(start_paused = true)]
async fn pods_that_must_not_go_keep_all_others_where_they_are() {
    let parts = [
        "nothing was evicted",
        "with local storage (use deleteEmptyDirData",
        "u/scratch",
        "u/bare",
    ];
    refused(&[plain(), scratch(), bare()], &[], &parts).await;
    let strict = [("ignoreDaemonsets", "false")];
    refused(
        &[plain(), agent("agent")],
        &strict,
        &["DaemonSet-managed", "u/agent"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn pods_of_daemonsets_stay() {
    let warning = "ignoring a DaemonSet-managed pod: u/agent";
    leaves(&[plain(), agent("agent")], &[], &["agent"], &[warning]).await;
    let strict = [("ignoreDaemonsets", "false")];
    leaves(&[plain(), finished(agent("agent"))], &strict, &[], &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_whose_daemonset_is_gone_goes_only_by_force() {
    refused(
        &[agent("gone")],
        &[],
        &["their DaemonSet is gone (use force", "u/agent"],
    )
    .await;
    let warning = "deleting a pod whose DaemonSet is gone: u/agent";
    leaves(&[agent("gone")], &[("force", "true")], &[], &[warning]).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_pod_loses_is_lost_only_where_that_is_asked() {
    let warning = "deleting a pod with local storage: u/scratch";
    leaves(&[scratch()], &[("deleteEmptyDirData", "true")], &[], &[warning]).await;
    let warning = "deleting a pod that nothing makes again: u/bare";
    leaves(&[bare()], &[("force", "true")], &[], &[warning]).await;
    leaves(&[finished(scratch())], &[], &[], &[]).await;
    leaves(&[finished(bare())], &[], &[], &[]).await;
}

#[tokio::test(start_paused = true)]
async fn mirrors_and_pods_of_the_executor_stay() {
    let mirror = pod_like(
        "mirror",
        &json!({ "annotations": { "kubernetes.io/config.mirror": "x" } }),
        &json!({}),
    );
    let ours = json!({ "labels": { "app.kubernetes.io/name": "kubernetes-executor" } });
    let ours = pod_like("ours", &ours, &json!({}));
    let warning = "leaving a pod of the executor itself: u/ours";
    leaves(&[plain(), mirror, ours], &[], &["mirror", "ours"], &[warning]).await;
}

#[tokio::test(start_paused = true)]
async fn only_selected_pods_go() {
    let db = pod_like("db", &json!({ "labels": { "app": "db" } }), &json!({}));
    let cluster = with(&[plain(), db, bare()]);
    let trial = drain(&cluster, &[("podSelector", "app in (db, cache)")]);
    trial.act().await.unwrap();
    assert_eq!(names(&cluster), ["bare", "plain"]);
    let wrong = Trial::judge(&cluster, "DrainNode", ("", "n"), &[("podSelector", "app in (db")]);
    assert!(wrong.err().unwrap().contains("invalid parameter 'podSelector'"));
}

#[tokio::test(start_paused = true)]
async fn pods_that_have_been_ending_for_too_long_are_not_waited_for() {
    let cluster = with(&[plain()]);
    cluster.edit("pods", "u", "plain", |pod| {
        pod["metadata"]["finalizers"] = json!(["a/b"]);
        pod["metadata"]["deletionTimestamp"] = json!("2026-03-01T11:00:00Z");
    });
    let trial = drain(&cluster, &[("skipWaitForDeleteTimeoutSeconds", "600")]);
    let done = trial.act().await.unwrap();
    assert_eq!((done.counts["evicted"], done.counts["left"]), (0, 1));
    let patient = drain(&cluster, &[("timeout", "30")]).within(std::time::Duration::from_secs(30));
    assert_eq!(failure(patient.act().await).0, Failure::Deadline);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_begins_to_end_for_too_long_is_left_behind() {
    let cluster = with(&[plain()]);
    cluster.edit("pods", "u", "plain", |pod| {
        pod["metadata"]["finalizers"] = json!(["a/b"]);
    });
    let trial = drain(&cluster, &[("skipWaitForDeleteTimeoutSeconds", "60")]);
    trial.act().await.unwrap();
    assert_eq!(names(&cluster), ["plain"]);
}
