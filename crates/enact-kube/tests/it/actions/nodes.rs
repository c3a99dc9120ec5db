//! CordonNode and UncordonNode.

use enact_kube::catalog::Failure;
use enact_testkit::cluster::{Cluster, Fault, When};
use serde_json::{Value, json};

use super::objects::node;
use super::trial::{Trial, failure};

const NODE: (&str, &str) = ("", "n");

fn unschedulable(cluster: &Cluster) -> Value {
    cluster.get("nodes", "", "n").unwrap()["spec"]["unschedulable"].clone()
}

fn cordoned_by(cluster: &Cluster) -> Value {
    cluster.get("nodes", "", "n").unwrap()["metadata"]["annotations"]["kubernaut.ai/cordoned-by"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_node_is_cordoned_with_who_did_it_and_back() {
    let cluster = Cluster::new();
    node(&cluster, "n");
    let cordon = Trial::new(&cluster, "CordonNode", NODE, &[]);
    assert_eq!(cordon.act().await.unwrap().message, "cordoned Node n");
    assert_eq!(
        (unschedulable(&cluster), cordoned_by(&cluster)),
        (json!(true), json!("u/e/uid-1"))
    );
    assert_eq!(cordon.calls(), ["get nodes n", "patch nodes n"]);
    let back = Trial::back(&cluster, &cordon.rollback());
    assert_eq!(back.act().await.unwrap().message, "uncordoned Node n");
    assert_eq!(
        (unschedulable(&cluster), cordoned_by(&cluster)),
        (Value::Null, Value::Null)
    );
    Trial::back(&cluster, &back.rollback()).act().await.unwrap();
    assert_eq!(unschedulable(&cluster), true);
}

#[tokio::test(start_paused = true)]
async fn what_is_so_already_is_not_written_nor_taken_back() {
    let cluster = Cluster::new();
    node(&cluster, "n");
    let uncordon = Trial::new(&cluster, "UncordonNode", NODE, &[]);
    assert_eq!(uncordon.act().await.unwrap().message, "Node n was not cordoned");
    assert!(uncordon.writes().is_empty() && !uncordon.rollback().available);
    cluster.edit("nodes", "", "n", |node| {
        node["spec"]["unschedulable"] = json!(true);
    });
    let cordon = Trial::new(&cluster, "CordonNode", NODE, &[]);
    assert_eq!(cordon.act().await.unwrap().message, "Node n was cordoned already");
    assert!(cordon.writes().is_empty());
    let reason = cordon.rollback().reason.unwrap();
    assert!(reason.contains("by somebody else"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_somebody_else_cordoned_stays_cordoned_where_that_is_asked() {
    let cluster = Cluster::new();
    node(&cluster, "n");
    let only = [("onlyIfCordonedBy", "u/e/uid-1")];
    let trial = Trial::new(&cluster, "UncordonNode", NODE, &only);
    cluster.edit("nodes", "", "n", |node| {
        node["spec"]["unschedulable"] = json!(true);
    });
    let refused = Trial::judge(&cluster, "UncordonNode", NODE, &only).err().unwrap();
    assert!(
        refused.contains("somebody else than an execution, not by u/e/uid-1"),
        "{refused}"
    );
    assert_eq!(failure(trial.act().await).0, Failure::Refused);
    assert_eq!(unschedulable(&cluster), true);
}

#[tokio::test(start_paused = true)]
async fn heartbeats_in_between_are_tried_past_and_not_for_ever() {
    let conflict = || Fault::Refused {
        code: 409,
        retry_after: None,
    };
    for (conflicts, works) in [(1, true), (20, false)] {
        let cluster = Cluster::new();
        node(&cluster, "n");
        let trial = Trial::new(&cluster, "CordonNode", NODE, &[]);
        for _ in 0..conflicts {
            cluster.plan(When::nth(1).method("PATCH"), conflict());
        }
        let acted = trial.act().await;
        assert_eq!(acted.is_ok(), works);
        assert_eq!(trial.writes().len(), if works { 2 } else { 8 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_is_uncordoned_by_nobody_else_in_between() {
    let cluster = Cluster::new();
    node(&cluster, "n");
    cluster.edit("nodes", "", "n", |node| {
        node["spec"]["unschedulable"] = json!(true);
        node["metadata"]["annotations"] = json!({ "kubernaut.ai/cordoned-by": "u/e/uid-1" });
    });
    let trial = Trial::new(
        &cluster,
        "UncordonNode",
        NODE,
        &[("onlyIfCordonedBy", "u/e/uid-1")],
    );
    // Between look and patch the node is uncordoned, and cordoned again by somebody else.
    let gate = enact_testkit::cluster::Gate::new();
    cluster.plan(When::nth(1).method("PATCH"), Fault::HeldBefore(gate.clone()));
    let (acted, ()) = tokio::join!(trial.act(), async {
        gate.reached().await;
        cluster.edit("nodes", "", "n", |node| {
            node["metadata"]["annotations"] = json!({ "kubernaut.ai/cordoned-by": "u/other/uid-2" });
        });
        gate.open();
    });
    let (kind, message) = failure(acted);
    assert_eq!(kind, Failure::Refused, "{message}");
    assert_eq!(unschedulable(&cluster), true);
}
