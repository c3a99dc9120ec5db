//! DrainNode: evictions, budgets, waiting, and what is told when it does not work out.

use std::time::Duration;

use enact_kube::catalog::{Acted, Failed, Failure};
use enact_testkit::cluster::{Cluster, Fault, Gate, Rule, When};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use serde_json::{Value, json};

use super::objects::{budget, node, owners, pod, pod_like};
use super::trial::{Trial, failure};

const NODE: (&str, &str) = ("", "n");

fn prepared(pods: &[&str]) -> Cluster {
    let cluster = Cluster::new();
    node(&cluster, "n");
    for name in pods {
        pod(&cluster, name);
    }
    cluster
}

fn drain(cluster: &Cluster, parameters: &[(&str, &str)]) -> Trial {
    Trial::new(cluster, "DrainNode", NODE, parameters)
}

fn names(cluster: &Cluster) -> Vec<String> {
    let pods = cluster.all("pods");
    pods.iter()
        .map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

fn unschedulable(cluster: &Cluster) -> Value {
    cluster.get("nodes", "", "n").unwrap()["spec"]["unschedulable"].clone()
}

fn partial(acted: Acted) -> (Failed, [u64; 2]) {
    let failed = acted.expect_err("it should fail");
    let counts = ["evicted", "pending"].map(|name| failed.counts.get(name).copied().unwrap_or(99));
    (failed, counts)
}

#[tokio::test(start_paused = true)]
async fn a_node_is_cordoned_emptied_and_can_be_put_back() {
    let cluster = prepared(&["a", "b"]);
    cluster.put(&pod_like(
        "elsewhere",
        &json!({}),
        &json!({ "nodeName": "other" }),
    ));
    let trial = drain(&cluster, &[]);
    let done = trial.act().await.unwrap();
    assert_eq!(done.message, "drained Node n: 2 pods evicted, 0 left");
    assert_eq!(names(&cluster), ["elsewhere"]);
    assert_eq!(unschedulable(&cluster), true);
    let writes = [
        "patch nodes n",
        "create pods/eviction u/a",
        "create pods/eviction u/b",
    ];
    assert_eq!(trial.writes(), writes);
    let uid = cluster.states("pods", "u", "a")[0]["metadata"]["uid"].clone();
    let requests = trial.requests();
    let eviction = requests
        .iter()
        .find(|call| call.resource == "pods/eviction")
        .unwrap();
    assert_eq!(
        eviction.body["deleteOptions"],
        json!({ "preconditions": { "uid": uid } })
    );
    Trial::back(&cluster, &trial.rollback()).act().await.unwrap();
    assert_eq!(unschedulable(&cluster), Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_cordoned_stays_so_when_it_is_taken_back() {
    let cluster = prepared(&["a"]);
    cluster.edit("nodes", "", "n", |node| {
        node["spec"]["unschedulable"] = json!(true);
    });
    let trial = drain(&cluster, &[]);
    trial.act().await.unwrap();
    assert_eq!(trial.writes(), ["create pods/eviction u/a"]);
    assert!(!trial.rollback().available);
}

#[tokio::test(start_paused = true)]
async fn each_pod_has_the_grace_that_is_asked_for() {
    for (asked, expected) in [("-1", 30), ("0", 0), ("7", 7)] {
        let cluster = prepared(&["a"]);
        cluster.pods_end_after(3600);
        let trial = drain(&cluster, &[("gracePeriodSeconds", asked)]);
        let start = tokio::time::Instant::now();
        trial.act().await.unwrap();
        let seconds = start.elapsed().as_secs();
        assert!((expected..=expected + 2).contains(&seconds), "{asked}: {seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_is_waited_for_as_long_as_the_server_says() {
    for (said, pause) in [(0, 5), (20, 20)] {
        let cluster = prepared(&["a"]);
        cluster.evictions_retry_after(said);
        budget(&cluster, "web", 0);
        let trial = drain(&cluster, &[]);
        let start = tokio::time::Instant::now();
        let (acted, ()) = tokio::join!(trial.act(), async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            cluster.edit("poddisruptionbudgets", "u", "web", |budget| {
                budget["status"]["disruptionsAllowed"] = json!(1);
            });
        });
        acted.unwrap();
        let evictions = trial
            .writes()
            .iter()
            .filter(|call| call.contains("eviction"))
            .count();
        assert_eq!(evictions, 2);
        let seconds = start.elapsed().as_secs();
        assert!((pause..pause + 5).contains(&seconds), "{said}: {seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_stays_spent_is_named_with_what_is_left() {
    let cluster = prepared(&["a", "b", "c"]);
    budget(&cluster, "web", 1);
    let trial = drain(&cluster, &[]).within(Duration::from_secs(60));
    let (failed, counts) = partial(trial.act().await);
    assert_eq!(failed.failure, Failure::Deadline);
    assert_eq!(counts, [1, 2]);
    for part in [
        "1 of 3 pods were evicted",
        "stays cordoned",
        "u/b",
        "u/c",
        "allow none: u/web",
    ] {
        assert!(failed.message.contains(part), "{}", failed.message);
    }
    assert_eq!(names(&cluster), ["b", "c"]);
    assert_eq!(unschedulable(&cluster), true);
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_two_budgets_fails_and_the_others_go() {
    let cluster = prepared(&["a", "b"]);
    let extra = json!({ "labels": { "app": "web", "tier": "db" } });
    cluster.put(&pod_like("c", &extra, &json!({})));
    budget(&cluster, "all", 9);
    budget(&cluster, "db", 9);
    cluster.edit("poddisruptionbudgets", "u", "db", |budget| {
        budget["spec"]["selector"]["matchLabels"] = json!({ "tier": "db" });
    });
    let trial = drain(&cluster, &[]);
    let (failed, counts) = partial(trial.act().await);
    assert_eq!((failed.failure, counts), (Failure::Failed, [2, 1]));
    assert!(
        failed.message.contains("more than one PodDisruptionBudget"),
        "{}",
        failed.message
    );
    assert_eq!(names(&cluster), ["c"]);
}

#[tokio::test(start_paused = true)]
async fn pods_of_a_namespace_that_ends_are_waited_for() {
    let cluster = prepared(&["a"]);
    cluster.pods_end_after(20);
    let trial = drain(&cluster, &[]);
    let spaces: Api<Namespace> = Api::all(cluster.client("tester"));
    spaces.delete("u", &Default::default()).await.unwrap();
    trial.act().await.unwrap();
    let evictions = trial
        .writes()
        .iter()
        .filter(|call| call.contains("eviction"))
        .count();
    assert_eq!(
        evictions, 1,
        "it is ending already, so there is nothing to try again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_ends_and_leaves_its_pods_is_tried_again() {
    let cluster = prepared(&["a"]);
    let trial = drain(&cluster, &[]).within(Duration::from_secs(12));
    let spaces: Api<Namespace> = Api::all(cluster.client("tester"));
    spaces.delete("u", &Default::default()).await.unwrap();
    // Nothing settles: the pod is not deleted with its namespace.
    let (failed, counts) = partial(trial.act_alone().await);
    assert_eq!((failed.failure, counts), (Failure::Deadline, [0, 1]));
    let evictions = trial
        .writes()
        .iter()
        .filter(|call| call.contains("eviction"))
        .count();
    assert_eq!(evictions, 3);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_at_an_eviction_is_not_taken_for_a_pod_that_is_gone() {
    let cluster = prepared(&["a"]);
    cluster.plan(
        When::next("POST", "*/eviction"),
        Fault::Refused {
            code: 409,
            retry_after: None,
        },
    );
    let trial = drain(&cluster, &[]);
    trial.act().await.unwrap();
    assert!(names(&cluster).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_another_took_the_place_of_is_gone() {
    let cluster = prepared(&["a"]);
    let trial = drain(&cluster, &[]);
    let gate = Gate::new();
    cluster.plan(When::next("POST", "*/eviction"), Fault::HeldBefore(gate.clone()));
    let (acted, ()) = tokio::join!(trial.act(), async {
        gate.reached().await;
        cluster.vanish("pods", "u", "a");
        cluster.put(&pod_like("a", &json!({}), &json!({ "nodeName": "other" })));
        gate.open();
    });
    acted.unwrap();
    assert_eq!(names(&cluster), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn every_page_of_a_full_node_is_drained() {
    let cluster = Cluster::new();
    node(&cluster, "n");
    owners(&cluster);
    let template = pod_like("x", &json!({}), &json!({}));
    for number in 0..1_200 {
        let mut pod = template.clone();
        pod["metadata"]["name"] = json!(format!("p{number:04}"));
        cluster.put(&pod);
    }
    let trial = drain(&cluster, &[("gracePeriodSeconds", "0")]);
    let done = trial.act_alone().await.unwrap();
    assert_eq!(done.counts["evicted"], 1_200);
    assert!(names(&cluster).is_empty());
    let lists = trial.calls().iter().filter(|call| *call == "list pods").count();
    assert_eq!(lists, 3);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_cannot_be_looked_at_is_told_and_the_others_go() {
    let cluster = prepared(&["a", "b"]);
    cluster.plan(
        When::next("GET", "*/pods/b"),
        Fault::Refused {
            code: 500,
            retry_after: None,
        },
    );
    let (failed, counts) = partial(drain(&cluster, &[]).act().await);
    assert_eq!((failed.failure, counts), (Failure::Failed, [1, 1]));
    assert!(
        failed.message.contains("u/b: looking after it"),
        "{}",
        failed.message
    );
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_fails_late_uncordons_where_that_is_asked() {
    for stop in [true, false] {
        let cluster = prepared(&["a"]);
        budget(&cluster, "web", 0);
        let trial = drain(&cluster, &[("uncordonOnFailure", "true")]).within(Duration::from_secs(30));
        let stopping = trial.stop.clone();
        let (acted, ()) = tokio::join!(trial.act(), async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            if stop {
                stopping.cancel();
            }
        });
        let expected = if stop {
            Failure::Cancelled
        } else {
            Failure::Deadline
        };
        assert_eq!(failure(acted).0, expected);
        assert_eq!(unschedulable(&cluster), Value::Null, "stopped: {stop}");
        assert!(trial.notes().contains(&"uncordoned the node again".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn deleting_past_budgets_takes_a_right_that_it_has_not_by_itself() {
    let cluster = prepared(&["a"]);
    budget(&cluster, "web", 0);
    let parameters = [("disableEviction", "true")];
    let (kind, message) = failure(drain(&cluster, &parameters).act().await);
    assert_eq!(kind, Failure::Refused);
    assert!(message.contains("cannot delete resource \"pods\""), "{message}");
    let trial = drain(&cluster, &parameters);
    let mut rules = vec![Rule::new("", "pods", &["delete"])];
    let rights = trial.action.about().rights.iter();
    rules.extend(rights.map(|right| Rule::new(right.group, right.resource, right.verbs)));
    cluster.restrict(&trial.account(), rules);
    trial.act().await.unwrap();
    assert!(names(&cluster).is_empty());
    assert!(!trial.writes().iter().any(|call| call.contains("eviction")));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tries_every_eviction() {
    let cluster = prepared(&["a", "b"]);
    let trial = drain(&cluster, &[]).only_tried();
    trial.act().await.unwrap();
    assert_eq!(names(&cluster), ["a", "b"]);
    assert_eq!(unschedulable(&cluster), Value::Null);
    let tried = trial.requests();
    let tried = tried
        .iter()
        .filter(|call| call.dry_run && call.resource == "pods/eviction");
    assert_eq!(tried.count(), 2);
}
