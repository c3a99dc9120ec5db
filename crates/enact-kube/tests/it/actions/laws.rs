//! What holds for every action.

use std::time::Duration;

use enact_kube::catalog::{Catalog, Failure, LAST_EXECUTION, Shows};
use enact_testkit::cluster::{Cluster, Fault, Rule, When};
use serde_json::Value;

use super::objects::{conf, key, node, pod, web};
use super::trial::{Trial, failure};

/// An action with all that it needs.
struct Sample {
    action: &'static str,
    place: (&'static str, &'static str),
    parameters: &'static [(&'static str, &'static str)],
    make: fn(&Cluster) -> Value,
    /// What it writes; none for what only looks.
    write: Option<(&'static str, &'static str)>,
}

const fn sample(
    action: &'static str,
    place: (&'static str, &'static str),
    parameters: &'static [(&'static str, &'static str)],
    make: fn(&Cluster) -> Value,
    write: Option<(&'static str, &'static str)>,
) -> Sample {
    Sample {
        action,
        place,
        parameters,
        make,
        write,
    }
}

const WEB: (&str, &str) = ("u", "web");

fn cordoned(cluster: &Cluster) -> Value {
    node(cluster, "n");
    cluster.edit("nodes", "", "n", |node| {
        node["spec"]["unschedulable"] = Value::Bool(true);
    })
}

fn occupied(cluster: &Cluster) -> Value {
    pod(cluster, "p");
    node(cluster, "n")
}

fn samples() -> [Sample; 10] {
    [
        sample(
            "CordonNode",
            ("", "n"),
            &[],
            |cluster| node(cluster, "n"),
            Some(("patch", "nodes")),
        ),
        sample(
            "DeletePod",
            ("u", "p"),
            &[],
            |cluster| pod(cluster, "p"),
            Some(("delete", "pods")),
        ),
        sample("DrainNode", ("", "n"), &[], occupied, Some(("patch", "nodes"))),
        sample(
            "PatchConfigMap",
            ("u", "conf"),
            &[("patch", r#"{"data":{"a":"9"}}"#)],
            conf,
            Some(("patch", "configmaps")),
        ),
        sample(
            "PatchSecret",
            ("u", "key"),
            &[("patch", r#"{"stringData":{"password":"new"}}"#)],
            key,
            Some(("patch", "secrets")),
        ),
        sample("RestartDeployment", WEB, &[], web, Some(("patch", "deployments"))),
        sample("RolloutStatus", WEB, &[], web, None),
        sample(
            "ScaleDeployment",
            WEB,
            &[("replicas", "5")],
            web,
            Some(("patch", "deployments/scale")),
        ),
        sample("UncordonNode", ("", "n"), &[], cordoned, Some(("patch", "nodes"))),
        sample(
            "UpdateImage",
            WEB,
            &[("container", "web"), ("image", "web:2")],
            web,
            Some(("patch", "deployments")),
        ),
    ]
}

fn judged(sample: &Sample) -> Trial {
    let cluster = Cluster::new();
    (sample.make)(&cluster);
    Trial::new(&cluster, sample.action, sample.place, sample.parameters)
}

#[test]
fn every_action_of_the_catalog_has_a_sample() {
    let names: Vec<String> = Catalog::built_in()
        .list()
        .map(|action| action.about().name.to_string())
        .collect();
    assert_eq!(names, samples().map(|sample| sample.action));
}

#[tokio::test(start_paused = true)]
async fn it_is_done_with_the_rights_of_its_account_and_the_target_shows_it() {
    for sample in samples() {
        let trial = judged(&sample);
        let done = trial.act().await.unwrap();
        assert!(!done.message.is_empty(), "{}", sample.action);
        let calls = trial.cluster.calls_of(&trial.account());
        assert!(
            calls
                .iter()
                .all(|call| call.status.is_some_and(|status| status < 300 || status == 404))
        );
        let shows = trial.shows();
        // Whether all pods are gone is not seen from a node.
        let expected = if sample.action == "DrainNode" {
            Shows::Nothing
        } else {
            Shows::Yes
        };
        assert_eq!(shows, expected, "{}", sample.action);
        let wrote: Vec<bool> = calls.iter().map(|call| call.is_write()).collect();
        assert_eq!(wrote.contains(&true), sample.write.is_some(), "{}", sample.action);
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_whose_object_it_may_patch_says_who_wrote_last() {
    let mut said = Vec::new();
    for sample in samples() {
        let trial = judged(&sample);
        trial.act().await.unwrap();
        let target = trial.target().unwrap_or_default();
        if let Some(by) = target["metadata"]["annotations"][LAST_EXECUTION].as_str() {
            assert_eq!(by, "u/e/uid-1", "{}", sample.action);
            said.push(sample.action);
        }
    }
    assert_eq!(
        said,
        [
            "CordonNode",
            "DrainNode",
            "RestartDeployment",
            "UncordonNode",
            "UpdateImage"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn before_it_is_done_the_target_does_not_show_it() {
    for sample in samples().into_iter().filter(|sample| sample.write.is_some()) {
        assert_eq!(judged(&sample).shows(), Shows::No, "{}", sample.action);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_asks_the_server_and_changes_nothing() {
    for sample in samples() {
        let trial = judged(&sample).only_tried();
        let before = trial.cluster.changes("pods").len();
        let target = trial.target();
        trial.act_alone().await.unwrap();
        assert_eq!(trial.target(), target, "{}", sample.action);
        assert_eq!(trial.cluster.changes("pods").len(), before, "{}", sample.action);
        assert!(
            trial.writes().is_empty(),
            "{}: {:?}",
            sample.action,
            trial.writes()
        );
        let tried = trial.cluster.calls_of(&trial.account());
        let tried = tried.iter().any(|call| call.dry_run);
        assert_eq!(tried, sample.write.is_some(), "{}", sample.action);
    }
}

#[tokio::test(start_paused = true)]
async fn another_object_of_the_target_s_name_is_left_alone() {
    for sample in samples() {
        let trial = judged(&sample);
        let (namespace, name) = sample.place;
        trial.cluster.vanish(trial.action.about().plural, namespace, name);
        (sample.make)(&trial.cluster);
        let (kind, message) = failure(trial.act().await);
        assert_eq!(kind, Failure::TargetChanged, "{}", sample.action);
        assert!(
            message.contains("is another object than the one that was judged"),
            "{message}"
        );
        assert!(
            trial.writes().is_empty() && trial.told_nothing(),
            "{}",
            sample.action
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_gone_is_refused() {
    for sample in samples() {
        let trial = judged(&sample);
        let (namespace, name) = sample.place;
        trial.cluster.vanish(trial.action.about().plural, namespace, name);
        let (kind, message) = failure(trial.act().await);
        assert_eq!(kind, Failure::Refused, "{}", sample.action);
        assert!(message.contains("not found (404)"), "{message}");
        assert!(trial.writes().is_empty(), "{}", sample.action);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_at_the_first_look_is_the_end_of_it() {
    for sample in samples() {
        for fault in [
            Fault::LostReply,
            Fault::Refused {
                code: 503,
                retry_after: None,
            },
        ] {
            let trial = judged(&sample);
            trial.cluster.plan(When::nth(1).of(&trial.account()), fault);
            let (kind, message) = failure(trial.act().await);
            assert_eq!(kind, Failure::Failed, "{}: {message}", sample.action);
            assert_eq!(trial.calls().len(), 1, "{}", sample.action);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_that_was_taken_away_is_named() {
    for sample in samples() {
        let Some((verb, resource)) = sample.write else {
            continue;
        };
        let trial = judged(&sample);
        let group = if resource.starts_with("deployments") {
            "apps"
        } else {
            ""
        };
        trial
            .cluster
            .deny(&trial.account(), Rule::new(group, resource, &[verb]));
        let before = trial.target();
        let (_, message) = failure(trial.act().await);
        // Of a Secret nothing is quoted that the server says.
        let expected = if sample.action == "PatchSecret" {
            "(403)"
        } else {
            "cannot"
        };
        assert!(message.contains(expected), "{}: {message}", sample.action);
        assert_eq!(trial.target(), before, "{}", sample.action);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_told_to_stop_before_the_first_write_writes_nothing() {
    for sample in samples().into_iter().filter(|sample| sample.write.is_some()) {
        let trial = judged(&sample);
        trial.stop.cancel();
        let (kind, message) = failure(trial.act().await);
        assert_eq!(kind, Failure::Cancelled, "{}: {message}", sample.action);
        assert!(trial.writes().is_empty(), "{}", sample.action);
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_time_is_over_nothing_more_is_written() {
    for sample in samples().into_iter().filter(|sample| sample.write.is_some()) {
        let trial = judged(&sample).within(Duration::ZERO);
        let (kind, message) = failure(trial.act().await);
        assert_eq!(kind, Failure::Deadline, "{}: {message}", sample.action);
        assert!(trial.writes().is_empty(), "{}", sample.action);
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_is_lost_is_not_repeated() {
    for sample in samples() {
        let Some((verb, resource)) = sample.write else {
            continue;
        };
        let trial = judged(&sample);
        let method = verb.to_uppercase();
        trial.cluster.plan(
            When::nth(1).of(&trial.account()).method(&method),
            Fault::LostReply,
        );
        let (kind, message) = failure(trial.act().await);
        assert_eq!(kind, Failure::Failed, "{}: {message}", sample.action);
        let writes = trial.writes();
        assert_eq!(writes.len(), 1, "{}: {writes:?}", sample.action);
        assert!(writes[0].starts_with(&format!("{verb} {resource}")), "{writes:?}");
    }
}
