//! ScaleDeployment, RestartDeployment, UpdateImage and RolloutStatus.

use std::time::Duration;

use enact_kube::catalog::Failure;
use enact_testkit::cluster::{Cluster, Fault, Gate, Speed, When};
use serde_json::{Value, json};

use super::objects::web;
use super::trial::{Trial, failure};

const WEB: (&str, &str) = ("u", "web");

fn prepared() -> Cluster {
    let cluster = Cluster::new();
    web(&cluster);
    cluster
}

fn field(cluster: &Cluster, path: &str) -> Value {
    let deployment = cluster.get("deployments", "u", "web").unwrap();
    deployment.pointer(path).cloned().unwrap_or_default()
}

fn image(cluster: &Cluster, name: &str) -> Value {
    let pod = field(cluster, "/spec/template/spec");
    let lists =
        ["containers", "initContainers"].map(|list| pod[list].as_array().cloned().unwrap_or_default());
    let found = lists
        .concat()
        .into_iter()
        .find(|container| container["name"] == name);
    found.unwrap()["image"].clone()
}

#[tokio::test(start_paused = true)]
async fn scaling_waits_for_the_pods_and_can_be_taken_back() {
    let cluster = prepared();
    cluster.rolls_out("u", "web", Speed::PerTick(1));
    let trial = Trial::new(&cluster, "ScaleDeployment", WEB, &[("replicas", "4")]);
    let done = trial.act().await.unwrap();
    assert_eq!(done.message, "scaled Deployment u/web from 2 to 4 replicas");
    assert_eq!(field(&cluster, "/status/availableReplicas"), 4);
    let calls = trial.calls();
    let start = [
        "get deployments u/web",
        "get deployments/scale u/web",
        "patch deployments/scale u/web",
    ];
    assert_eq!(calls[..3], start);
    assert!(
        calls[3..].iter().all(|call| call == "get deployments u/web"),
        "{calls:?}"
    );
    assert_eq!(Some(trial.rollback()), done.rollback);
    Trial::back(&cluster, &trial.rollback()).act().await.unwrap();
    assert_eq!(field(&cluster, "/spec/replicas"), 2);
}

#[tokio::test(start_paused = true)]
async fn scaling_to_zero_and_to_what_is_writes_no_more_than_it_must() {
    let cluster = prepared();
    let none = Trial::new(&cluster, "ScaleDeployment", WEB, &[("replicas", "0")]);
    none.act().await.unwrap();
    assert_eq!(field(&cluster, "/spec/replicas"), 0);
    let from_none = Trial::new(&cluster, "ScaleDeployment", WEB, &[("replicas", "2")]);
    from_none.act().await.unwrap();
    assert_eq!(field(&cluster, "/spec/replicas"), 2);
    let same = Trial::new(&cluster, "ScaleDeployment", WEB, &[("replicas", "2")]);
    same.act().await.unwrap();
    assert!(same.writes().is_empty(), "what is so already is not written");
}

#[tokio::test(start_paused = true)]
async fn scaling_from_another_number_than_expected_is_refused() {
    let cluster = prepared();
    let expecting = [("replicas", "4"), ("expectedReplicas", "3")];
    let refused = Trial::judge(&cluster, "ScaleDeployment", WEB, &expecting)
        .err()
        .unwrap();
    assert_eq!(refused, "Deployment u/web has 2 replicas, not 3 as expected");
}

#[tokio::test(start_paused = true)]
async fn scaling_heeds_who_scaled_in_between() {
    let cluster = prepared();
    let trial = Trial::new(&cluster, "ScaleDeployment", WEB, &[("replicas", "4")]);
    let gate = Gate::new();
    cluster.plan(When::next("GET", "*/scale"), Fault::HeldBefore(gate.clone()));
    let (acted, ()) = tokio::join!(trial.act(), async {
        gate.reached().await;
        cluster.edit("deployments", "u", "web", |web| {
            web["spec"]["replicas"] = json!(7);
        });
        gate.open();
    });
    let (kind, message) = failure(acted);
    assert_eq!(kind, Failure::TargetChanged);
    assert!(message.contains("was scaled to 7 by somebody else"), "{message}");
    assert!(trial.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_tried_again_after_another_look_and_not_for_ever() {
    for (action, parameters, path) in [
        ("ScaleDeployment", &[("replicas", "4")][..], "*/scale"),
        ("RestartDeployment", &[], "*/web"),
        (
            "UpdateImage",
            &[("container", "web"), ("image", "web:2")],
            "*/web",
        ),
    ] {
        let conflict = || Fault::Refused {
            code: 409,
            retry_after: None,
        };
        let cluster = prepared();
        let trial = Trial::new(&cluster, action, WEB, parameters);
        cluster.plan(When::next("PATCH", path), conflict());
        trial.act().await.unwrap();
        assert_eq!(trial.writes().len(), 2, "{action}");
        let cluster = prepared();
        let trial = Trial::new(&cluster, action, WEB, parameters);
        for _ in 0..20 {
            cluster.plan(When::next("PATCH", path), conflict());
        }
        let (kind, message) = failure(trial.act().await);
        assert_eq!(
            (kind, trial.writes().len()),
            (Failure::Failed, 8),
            "{action}: {message}"
        );
        assert!(message.contains("by others"), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_was_changed_since_it_was_judged_is_left_alone() {
    for (action, parameters) in [
        ("ScaleDeployment", &[("replicas", "4")][..]),
        ("RestartDeployment", &[]),
        ("UpdateImage", &[("container", "web"), ("image", "web:2")]),
    ] {
        let cluster = prepared();
        let trial = Trial::new(&cluster, action, WEB, parameters);
        cluster.edit("deployments", "u", "web", |web| {
            web["metadata"]["generation"] = json!(9);
        });
        let (kind, message) = failure(trial.act().await);
        assert_eq!(kind, Failure::TargetChanged, "{action}");
        assert!(message.contains("generation 9, expected 1"), "{message}");
        assert!(trial.writes().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_between_look_and_patch_stops_it() {
    let cluster = prepared();
    let trial = Trial::new(
        &cluster,
        "UpdateImage",
        WEB,
        &[("container", "web"), ("image", "web:2")],
    );
    let gate = Gate::new();
    cluster.plan(When::next("PATCH", "*/web"), Fault::HeldBefore(gate.clone()));
    let (acted, ()) = tokio::join!(trial.act(), async {
        gate.reached().await;
        cluster.edit("deployments", "u", "web", |web| {
            web["metadata"]["generation"] = json!(2);
            web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("web:9");
        });
        gate.open();
    });
    assert_eq!(failure(acted).0, Failure::TargetChanged);
    assert_eq!(image(&cluster, "web"), "web:9");
}

#[tokio::test(start_paused = true)]
async fn an_image_is_set_for_one_container_and_taken_back() {
    for (container, before) in [("web", "web:1"), ("init", "init:1")] {
        let cluster = prepared();
        cluster.rolls_out("u", "web", Speed::PerTick(1));
        let trial = Trial::new(
            &cluster,
            "UpdateImage",
            WEB,
            &[("container", container), ("image", "new:2")],
        );
        trial.act().await.unwrap();
        assert_eq!(image(&cluster, container), "new:2");
        assert_eq!(image(&cluster, "log"), "log:1");
        assert_eq!(field(&cluster, "/status/updatedReplicas"), 2);
        Trial::back(&cluster, &trial.rollback()).act().await.unwrap();
        assert_eq!(image(&cluster, container), before);
    }
    let cluster = prepared();
    let parameters = [("container", "other"), ("image", "new:2")];
    let refused = Trial::judge(&cluster, "UpdateImage", WEB, &parameters)
        .err()
        .unwrap();
    assert_eq!(
        refused,
        "Deployment u/web has no container 'other' (it has web, log, init)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_says_when_and_by_whom_and_cannot_be_taken_back() {
    let cluster = prepared();
    let trial = Trial::new(&cluster, "RestartDeployment", WEB, &[]);
    trial.act().await.unwrap();
    let annotations = field(&cluster, "/spec/template/metadata/annotations");
    assert_eq!(
        annotations["kubectl.kubernetes.io/restartedAt"],
        "2026-03-01T12:00:00Z"
    );
    assert_eq!(annotations["kubernaut.ai/restarted-by"], "u/e/uid-1");
    assert!(!trial.rollback().available);
    cluster.rolls_out("u", "web", Speed::Stuck);
    cluster.pass(Duration::from_secs(1));
    let hurried = Trial::new(&cluster, "RestartDeployment", WEB, &[("wait", "false")]);
    hurried.act().await.unwrap();
    assert_eq!(field(&cluster, "/status/updatedReplicas"), Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_paused_deployment_is_not_restarted() {
    let cluster = prepared();
    let trial = Trial::new(&cluster, "RestartDeployment", WEB, &[]);
    cluster.edit("deployments", "u", "web", |web| {
        web["spec"]["paused"] = json!(true);
    });
    let refused = Trial::judge(&cluster, "RestartDeployment", WEB, &[])
        .err()
        .unwrap();
    assert!(refused.contains("is paused"), "{refused}");
    let (kind, message) = failure(trial.act().await);
    assert_eq!(kind, Failure::Refused);
    assert!(
        message.contains("is paused") && trial.writes().is_empty(),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_does_not_end_is_the_end_of_it() {
    for (action, parameters) in [
        ("ScaleDeployment", &[("replicas", "4")][..]),
        ("RestartDeployment", &[]),
        ("UpdateImage", &[("container", "web"), ("image", "web:2")]),
    ] {
        let cluster = prepared();
        cluster.edit("deployments", "u", "web", |web| {
            web["spec"]["progressDeadlineSeconds"] = json!(20);
        });
        cluster.rolls_out("u", "web", Speed::Stuck);
        let trial = Trial::new(&cluster, action, WEB, parameters);
        let (kind, message) = failure(trial.act().await);
        assert_eq!(kind, Failure::Failed, "{action}");
        assert!(message.contains("exceeded its progress deadline"), "{message}");
        let late = Trial::new(&prepared(), action, WEB, parameters).within(Duration::from_secs(5));
        late.cluster.rolls_out("u", "web", Speed::Stuck);
        let (kind, message) = failure(late.act().await);
        assert_eq!(kind, Failure::Deadline, "{action}: {message}");
        let stopped = Trial::new(&prepared(), action, WEB, parameters);
        stopped.cluster.rolls_out("u", "web", Speed::Stuck);
        let stop = stopped.stop.clone();
        let (acted, ()) = tokio::join!(stopped.act(), async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            stop.cancel();
        });
        assert_eq!(failure(acted).0, Failure::Cancelled, "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollout_is_followed_past_a_server_that_is_not_there_for_a_moment() {
    let cluster = prepared();
    cluster.rolls_out("u", "web", Speed::PerTick(1));
    let trial = Trial::new(&cluster, "RestartDeployment", WEB, &[]);
    for fault in [
        Fault::LostRequest,
        Fault::Refused {
            code: 503,
            retry_after: None,
        },
    ] {
        cluster.plan(When::nth(3).of(&trial.account()), fault);
    }
    trial.act().await.unwrap();
    assert_eq!(cluster.planned(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_changes_a_deployment_during_its_rollout_is_noticed() {
    let cluster = prepared();
    cluster.rolls_out("u", "web", Speed::Stuck);
    let trial = Trial::new(&cluster, "RestartDeployment", WEB, &[]);
    let (acted, ()) = tokio::join!(trial.act(), async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        cluster.edit("deployments", "u", "web", |web| {
            web["metadata"]["generation"] = json!(9);
        });
    });
    let (_, message) = failure(acted);
    assert!(
        message.contains("somebody else changed Deployment u/web"),
        "{message}"
    );
    let replaced = Trial::new(&cluster, "RestartDeployment", WEB, &[]);
    let (acted, ()) = tokio::join!(replaced.act(), async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        cluster.vanish("deployments", "u", "web");
        web(&cluster);
    });
    let (_, message) = failure(acted);
    assert!(message.contains("was replaced by another object"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn looking_at_a_rollout_waits_and_writes_nothing() {
    let cluster = prepared();
    cluster.rolls_out("u", "web", Speed::PerTick(1));
    cluster.edit("deployments", "u", "web", |web| {
        web["metadata"]["generation"] = json!(2);
        web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("web:2");
    });
    let trial = Trial::new(&cluster, "RolloutStatus", WEB, &[]);
    trial.act().await.unwrap();
    assert_eq!(field(&cluster, "/status/updatedReplicas"), 2);
    assert!(trial.calls().iter().all(|call| call == "get deployments u/web"));
    assert!(trial.calls().len() > 2, "it waited");
    let pinned = Trial::new(&cluster, "RolloutStatus", WEB, &[("revision", "2")]);
    pinned.act().await.unwrap();
    let other = Trial::new(&cluster, "RolloutStatus", WEB, &[("revision", "7")]);
    let (kind, message) = failure(other.act().await);
    assert_eq!(
        (kind, message.as_str()),
        (Failure::Failed, "Deployment u/web is at revision 2, not 7")
    );
    let late = Trial::new(&cluster, "RolloutStatus", WEB, &[]).within(Duration::from_secs(10));
    cluster.rolls_out("u", "web", Speed::Unseen);
    cluster.edit("deployments", "u", "web", |web| {
        web["metadata"]["generation"] = json!(3);
    });
    let (kind, message) = failure(late.act().await);
    assert_eq!(kind, Failure::Deadline);
    assert!(message.contains("has not looked at the new spec"), "{message}");
}
