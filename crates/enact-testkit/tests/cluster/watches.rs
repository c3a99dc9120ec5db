//! Watches tell what happens, in order, until they are cut, end, or begin too early.

use std::time::Duration;

use enact_testkit::cluster::{Cluster, Forgotten};
use futures_util::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use kube::api::{WatchEvent, WatchParams};
use serde_json::json;

use crate::fixtures::{configmap, maps, refusal};

type Events = std::pin::Pin<Box<dyn Stream<Item = kube::Result<WatchEvent<ConfigMap>>> + Send>>;

async fn watch(cluster: &Cluster, parameters: &WatchParams, from: &str) -> Events {
    maps(cluster).watch(parameters, from).await.unwrap().boxed()
}

/// The next event in short; `end` at the end, `error` where the connection broke.
async fn next(events: &mut Events) -> String {
    match events.next().await {
        Some(Ok(WatchEvent::Added(map))) => format!("+{}", map.name_any()),
        Some(Ok(WatchEvent::Modified(map))) => format!("~{}", map.name_any()),
        Some(Ok(WatchEvent::Deleted(map))) => format!("-{}", map.name_any()),
        Some(Ok(WatchEvent::Bookmark(mark))) => format!("@{}", mark.metadata.resource_version),
        Some(Ok(WatchEvent::Error(status))) => format!("{} {}", status.code, status.reason),
        Some(Err(_)) => "error".to_owned(),
        None => "end".to_owned(),
    }
}

/// Nothing comes, however long one waits.
async fn is_silent(events: &mut Events) -> bool {
    let hour = Duration::from_secs(3600);
    tokio::time::timeout(hour, next(events)).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_what_begins_and_ceases_to_be_selected() {
    let cluster = Cluster::new();
    let made = cluster.put(&configmap("a", &json!({ "in": "yes" })));
    let from = made["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let mut events = watch(&cluster, &WatchParams::default().labels("in=yes"), &from).await;
    cluster.put(&configmap("b", &json!({ "in": "yes" })));
    assert_eq!(next(&mut events).await, "+b");
    cluster.put(&configmap("b", &json!({ "in": "yes", "x": "y" })));
    assert_eq!(next(&mut events).await, "~b");
    cluster.put(&configmap("b", &json!({})));
    assert_eq!(next(&mut events).await, "-b");
    cluster.vanish("configmaps", "u", "b");
    cluster.vanish("configmaps", "u", "a");
    assert_eq!(next(&mut events).await, "-a");
    assert!(is_silent(&mut events).await);
    let mut all = watch(&cluster, &WatchParams::default(), &from).await;
    for expected in ["+b", "~b", "~b", "-b", "-a"] {
        assert_eq!(next(&mut all).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_nowhere_begins_with_what_is_there() {
    let cluster = Cluster::new();
    cluster.put(&configmap("a", &json!({})));
    let mut events = watch(&cluster, &WatchParams::default(), "0").await;
    assert_eq!(next(&mut events).await, "+a");
    let streaming = WatchParams::default().initial_events();
    let mut events = watch(&cluster, &streaming, "0").await;
    assert_eq!(next(&mut events).await, "+a");
    assert!(next(&mut events).await.starts_with('@'));
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_is_cut_or_held_back() {
    let cluster = Cluster::new();
    let made = cluster.put(&configmap("a", &json!({})));
    let from = made["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let mut timed = watch(&cluster, &WatchParams::default().timeout(60), &from).await;
    let mut cut = watch(&cluster, &WatchParams::default(), &from).await;
    cluster.hold_watches("configmaps");
    let held = cluster.put(&configmap("b", &json!({})));
    assert!(is_silent(&mut cut).await);
    cluster.release_watches("configmaps");
    assert_eq!(next(&mut cut).await, "+b");
    assert_eq!(next(&mut timed).await, "+b");
    cluster.cut_watches("configmaps");
    assert_ne!(next(&mut cut).await, "+b");
    let version = held["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let mut timed = watch(&cluster, &WatchParams::default().timeout(60), &version).await;
    cluster.send_bookmarks();
    assert_eq!(next(&mut timed).await, format!("@{version}"));
    cluster.pass(Duration::from_secs(60));
    assert_eq!(next(&mut timed).await, format!("@{version}"));
    assert_eq!(next(&mut timed).await, "end");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_begins_too_early_is_told_so() {
    let cluster = Cluster::new();
    let made = cluster.put(&configmap("a", &json!({})));
    let from = made["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    cluster.put(&configmap("b", &json!({})));
    cluster.forget(Forgotten::Event);
    let mut events = watch(&cluster, &WatchParams::default(), &from).await;
    assert_eq!(next(&mut events).await, "410 Expired");
    assert_eq!(next(&mut events).await, "end");
    cluster.forget(Forgotten::Status);
    let refused = maps(&cluster).watch(&WatchParams::default(), &from).await;
    assert_eq!(refusal(refused.map(drop)), (410, "Expired".to_owned()));
}
