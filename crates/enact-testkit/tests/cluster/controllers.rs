//! The controllers of the cluster: Jobs and their pods, Deployments, garbage, namespaces.

use std::time::Duration;

use enact_testkit::cluster::{Cluster, Ended, Speed, Stuck};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{DeleteParams, EvictParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::fixtures::{configmap, deployment, deployments, pods};

fn job(name: &str, more: Value) -> Value {
    let mut spec = json!({
        "backoffLimit": 0,
        "podFailurePolicy": { "rules": [
            { "action": "FailJob", "onExitCodes": { "containerName": "main", "operator": "In", "values": [42] } },
            { "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }] },
        ] },
        "template": {
            "metadata": { "labels": { "made-by": "test" } },
            "spec": {
                "restartPolicy": "Never", "serviceAccountName": "worker", "terminationGracePeriodSeconds": 10,
                "containers": [{ "name": "main", "image": "main:1", "env": [{ "name": "ASKED", "value": "a$$b" }] }],
            },
        },
    });
    spec.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "namespace": "u", "name": name }, "spec": spec })
}

/// The conditions of a Job: `Failed/BackoffLimitExceeded`.
fn conditions(cluster: &Cluster, name: &str) -> Vec<String> {
    let job = cluster.get("jobs", "u", name).unwrap();
    let conditions = job["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let conditions = conditions.iter();
    conditions
        .map(|condition| format!("{}/{}", condition["type"], condition["reason"]).replace('"', ""))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_job_makes_a_pod_that_does_what_the_test_says() {
    let cluster = Cluster::new();
    cluster.pods_run(|started| async move {
        let maps: Api<k8s_openapi::api::core::v1::ConfigMap> = Api::namespaced(started.client.clone(), "u");
        maps.get("there").await.unwrap();
        started.say("a line");
        Ended {
            log: "the end\n".to_owned(),
            ..Ended::with(0, &started.variable("ASKED").unwrap())
        }
    });
    cluster.put(&configmap("there", &json!({})));
    cluster.put(&job("j", json!({ "ttlSecondsAfterFinished": 300 })));
    let living = cluster.live();
    cluster
        .until(|cluster| !conditions(cluster, "j").is_empty())
        .await;
    drop(living);
    assert_eq!(
        conditions(&cluster, "j"),
        [
            "SuccessCriteriaMet/CompletionsReached",
            "Complete/CompletionsReached"
        ]
    );
    let pod = cluster.all("pods").remove(0);
    assert_eq!(pod["metadata"]["labels"]["made-by"], "test");
    assert_eq!(pod["metadata"]["labels"]["batch.kubernetes.io/job-name"], "j");
    assert_eq!(pod["metadata"]["ownerReferences"][0]["kind"], "Job");
    let terminated = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(
        (&terminated["exitCode"], &terminated["message"]),
        (&json!(0), &json!("a$b"))
    );
    let name = pod["metadata"]["name"].as_str().unwrap();
    assert_eq!(
        pods(&cluster).logs(name, &Default::default()).await.unwrap(),
        "a line\nthe end\n"
    );
    assert_eq!(cluster.calls_of("worker").len(), 1);
    cluster.tick(Duration::from_secs(299));
    assert_eq!(cluster.all("jobs").len(), 1);
    cluster.tick(Duration::from_secs(1));
    assert_eq!((cluster.all("jobs").len(), cluster.all("pods").len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_job_fails_for_the_reason_that_its_pod_gives() {
    for (code, reason) in [(1, "BackoffLimitExceeded"), (42, "PodFailurePolicy")] {
        let cluster = Cluster::new();
        cluster.pods_run(move |_| async move { Ended::with(code, "no") });
        cluster.put(&job("j", json!({})));
        cluster.settle();
        assert_eq!(
            conditions(&cluster, "j"),
            [format!("FailureTarget/{reason}"), format!("Failed/{reason}")]
        );
        assert_eq!(cluster.all("pods").len(), 1);
        assert_eq!(cluster.get("jobs", "u", "j").unwrap()["status"]["failed"], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_past_its_deadline_loses_its_pods_before_it_fails() {
    let cluster = Cluster::new();
    cluster.pods_run(|started| async move {
        started.stop.cancelled().await;
        // It ignores that it is told to end.
        std::future::pending().await
    });
    cluster.put(&job("j", json!({ "activeDeadlineSeconds": 60 })));
    cluster.settle();
    cluster.tick(Duration::from_secs(60));
    assert_eq!(conditions(&cluster, "j"), ["FailureTarget/DeadlineExceeded"]);
    cluster.tick(Duration::from_secs(9));
    assert_eq!(cluster.all("pods").len(), 1);
    cluster.tick(Duration::from_secs(1));
    assert_eq!(cluster.all("pods").len(), 0);
    assert_eq!(
        conditions(&cluster, "j"),
        ["FailureTarget/DeadlineExceeded", "Failed/DeadlineExceeded"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_evicted_pod_of_a_job_is_made_again_where_the_policy_ignores_it() {
    let cluster = Cluster::new();
    cluster.pods_run(|started| async move {
        started.stop.cancelled().await;
        Ended::with(43, "stopped")
    });
    cluster.put(&job("j", json!({})));
    let living = cluster.live();
    let first = || {
        cluster.all("pods")[0]["metadata"]["name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    cluster
        .until(|cluster| {
            cluster
                .all("pods")
                .iter()
                .any(|pod| pod["status"]["phase"] == "Running")
        })
        .await;
    let name = first();
    pods(&cluster)
        .evict(&name, &EvictParams::default())
        .await
        .unwrap();
    cluster
        .until(|cluster| {
            cluster
                .all("pods")
                .iter()
                .any(|pod| pod["metadata"]["name"] != *name)
        })
        .await;
    drop(living);
    assert_eq!(cluster.get("jobs", "u", "j").unwrap()["status"]["failed"], 0);
    let last = cluster.states("pods", "u", &name).pop().unwrap();
    assert_eq!(
        last["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"],
        43
    );
}

#[tokio::test(start_paused = true)]
async fn pods_wait_for_a_node_and_an_image() {
    let cluster = Cluster::new();
    cluster.put(&json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n" }, "spec": { "unschedulable": true } }));
    cluster.put(&job("j", json!({})));
    cluster.settle();
    let pod = || cluster.all("pods").remove(0);
    assert_eq!(pod()["status"]["conditions"][0]["reason"], "Unschedulable");
    cluster.edit("nodes", "", "n", |node| node["spec"] = json!({}));
    cluster.pods_are_stuck(Some(Stuck::ImagePullBackOff));
    cluster.settle();
    assert_eq!(
        pod()["status"]["containerStatuses"][0]["state"]["waiting"]["reason"],
        "ImagePullBackOff"
    );
    cluster.pods_are_stuck(None);
    cluster.settle();
    assert_eq!(pod()["status"]["phase"], "Succeeded");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_deleted_without_a_word_orphans_its_pods() {
    let cluster = Cluster::new();
    let jobs: Api<Job> = Api::namespaced(cluster.client("tester"), "u");
    for (how, left) in [
        (DeleteParams::default(), 1),
        (DeleteParams::background(), 1),
        (DeleteParams::foreground(), 1),
    ] {
        cluster.put(&job("j", json!({})));
        cluster.settle();
        jobs.delete("j", &how).await.unwrap();
        cluster.settle();
        assert!(cluster.get("jobs", "u", "j").is_none());
        assert_eq!(
            cluster.all("pods").len(),
            left,
            "only the first one's pod is left: {how:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_in_another_namespace_is_no_owner() {
    let cluster = Cluster::new();
    let owner = cluster.put(&configmap("owner", &json!({})));
    let reference = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"] }]);
    for namespace in ["u", "v"] {
        let mut child = configmap("child", &json!({}));
        child["metadata"]["namespace"] = json!(namespace);
        child["metadata"]["ownerReferences"] = reference.clone();
        cluster.put(&child);
    }
    cluster.settle();
    assert!(cluster.get("configmaps", "v", "child").is_none());
    assert!(cluster.get("configmaps", "u", "child").is_some());
    cluster.vanish("configmaps", "u", "owner");
    cluster.settle();
    assert!(cluster.get("configmaps", "u", "child").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_ends_with_all_that_is_in_it() {
    let cluster = Cluster::new();
    cluster.put(&configmap("a", &json!({})));
    cluster.edit("configmaps", "u", "a", |map| {
        map["metadata"]["finalizers"] = json!(["a/b"]);
    });
    let spaces: Api<Namespace> = Api::all(cluster.client("tester"));
    spaces.delete("u", &DeleteParams::default()).await.unwrap();
    cluster.settle();
    assert_eq!(
        cluster.get("namespaces", "", "u").unwrap()["status"]["phase"],
        "Terminating"
    );
    let body = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    let maps: Api<k8s_openapi::api::core::v1::ConfigMap> = Api::namespaced(cluster.client("tester"), "u");
    maps.patch("a", &PatchParams::default(), &body).await.unwrap();
    cluster.settle();
    assert!(cluster.get("namespaces", "", "u").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_deployment_is_rolled_out_as_fast_as_the_test_says() {
    let cluster = Cluster::new();
    cluster.put(&deployment("web"));
    cluster.settle();
    let counts = || {
        let status = cluster.get("deployments", "u", "web").unwrap()["status"].clone();
        ["replicas", "updatedReplicas", "availableReplicas"].map(|field| status[field].as_i64().unwrap_or(0))
    };
    assert_eq!(counts(), [2, 2, 2]);
    cluster.rolls_out("u", "web", Speed::PerTick(1));
    let image = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "web", "image": "web:2" }] } } } });
    let api = deployments(&cluster);
    api.patch("web", &PatchParams::default(), &Patch::Strategic(&image))
        .await
        .unwrap();
    cluster.settle();
    assert_eq!(counts(), [2, 0, 2]);
    cluster.tick(Duration::from_secs(1));
    assert_eq!(counts(), [2, 1, 2]);
    cluster.tick(Duration::from_secs(1));
    assert_eq!(counts(), [2, 2, 2]);
    let revised = cluster.get("deployments", "u", "web").unwrap();
    assert_eq!(
        revised["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "2"
    );
    assert_eq!(revised["status"]["observedGeneration"], 2);
    cluster.rolls_out("u", "web", Speed::Stuck);
    let more = json!({ "spec": { "replicas": 5, "progressDeadlineSeconds": 30 } });
    api.patch("web", &PatchParams::default(), &Patch::Merge(&more))
        .await
        .unwrap();
    cluster.tick(Duration::from_secs(10));
    let reason =
        || cluster.get("deployments", "u", "web").unwrap()["status"]["conditions"][0]["reason"].clone();
    assert_eq!(reason(), "ReplicaSetUpdated");
    cluster.tick(Duration::from_secs(30));
    assert_eq!(reason(), "ProgressDeadlineExceeded");
}
