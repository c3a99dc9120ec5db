//! DeletePod.

use std::time::Duration;

use enact_kube::catalog::Failure;
use enact_testkit::cluster::{Cluster, Fault, Gate, When};
use serde_json::json;

use super::objects::{pod, pod_like};
use super::trial::{Trial, failure};

const POD: (&str, &str) = ("u", "p");

#[tokio::test(start_paused = true)]
async fn a_pod_is_deleted_with_its_uid_and_waited_for() {
    let cluster = Cluster::new();
    let made = pod(&cluster, "p");
    cluster.pods_end_after(20);
    let trial = Trial::new(&cluster, "DeletePod", POD, &[("gracePeriodSeconds", "7")]);
    let done = trial.act().await.unwrap();
    assert_eq!(done.message, "deleted Pod u/p");
    assert!(cluster.get("pods", "u", "p").is_none());
    let calls = cluster.calls_of(&trial.account());
    assert_eq!(calls[1].body["preconditions"]["uid"], made["metadata"]["uid"]);
    assert_eq!(calls[1].body["gracePeriodSeconds"], 7);
    assert_eq!(trial.calls()[..2], ["get pods u/p", "delete pods u/p"]);
    assert!(trial.calls().len() > 8, "it waits until the grace is over");
    let rollback = trial.rollback();
    assert!(
        !rollback.available
            && rollback
                .reason
                .unwrap()
                .contains("ReplicaSet web-5d4f makes another")
    );
}

#[tokio::test(start_paused = true)]
async fn a_replacement_of_the_same_name_is_waited_for_where_it_is_asked_for() {
    let cluster = Cluster::new();
    pod(&cluster, "p");
    let parameters = [("waitForReplacement", "true"), ("gracePeriodSeconds", "0")];
    let trial = Trial::new(&cluster, "DeletePod", POD, &parameters);
    let start = tokio::time::Instant::now();
    let (acted, ()) = tokio::join!(trial.act(), async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        pod(&cluster, "p");
    });
    acted.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(10));
    let never = Trial::new(&cluster, "DeletePod", POD, &parameters);
    assert_eq!(failure(never.act().await).0, Failure::Deadline);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_nothing_makes_again_is_only_deleted_by_force() {
    let cluster = Cluster::new();
    cluster.put(&pod_like("p", &json!({ "ownerReferences": [] }), &json!({})));
    let refused = Trial::judge(&cluster, "DeletePod", POD, &[]).err().unwrap();
    assert!(refused.contains("nothing makes another Pod u/p"), "{refused}");
    let forced = Trial::new(&cluster, "DeletePod", POD, &[("force", "true")]);
    forced.act().await.unwrap();
    pod(&cluster, "p");
    let trial = Trial::new(&cluster, "DeletePod", POD, &[]);
    cluster.edit("pods", "u", "p", |pod| {
        pod["metadata"]["ownerReferences"] = json!([]);
    });
    let (kind, _) = failure(trial.act().await);
    assert_eq!(
        kind,
        Failure::Refused,
        "its owner let go of it since it was judged"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_replaced_or_goes_between_look_and_deletion() {
    for replaced in [true, false] {
        let cluster = Cluster::new();
        pod(&cluster, "p");
        let trial = Trial::new(&cluster, "DeletePod", POD, &[]);
        let gate = Gate::new();
        cluster.plan(When::nth(1).method("DELETE"), Fault::HeldBefore(gate.clone()));
        let (acted, ()) = tokio::join!(trial.act(), async {
            gate.reached().await;
            cluster.vanish("pods", "u", "p");
            if replaced {
                pod(&cluster, "p");
            }
            gate.open();
        });
        if replaced {
            assert_eq!(failure(acted).0, Failure::TargetChanged);
            assert!(cluster.get("pods", "u", "p").is_some());
        } else {
            acted.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_does_not_go_is_told_at_the_end_of_the_time() {
    let cluster = Cluster::new();
    pod(&cluster, "p");
    cluster.edit("pods", "u", "p", |pod| {
        pod["metadata"]["finalizers"] = json!(["a/b"]);
    });
    let trial = Trial::new(&cluster, "DeletePod", POD, &[]);
    let (kind, message) = failure(trial.act().await);
    assert_eq!(kind, Failure::Deadline);
    assert!(message.contains("Pod u/p was still there"), "{message}");
    let stopped = Trial::new(&cluster, "DeletePod", POD, &[]);
    let stop = stopped.stop.clone();
    let (acted, ()) = tokio::join!(stopped.act(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        stop.cancel();
    });
    assert_eq!(failure(acted).0, Failure::Cancelled);
}
