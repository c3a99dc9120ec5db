//! What goes wrong goes wrong at the request that it is planned for, once, and everything is on record.

use std::time::Duration;

use enact_testkit::cluster::{Cluster, Fault, Gate, When};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use crate::fixtures::{configmap, maps, refusal};

fn map(name: &str) -> ConfigMap {
    serde_json::from_value(configmap(name, &json!({}))).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_is_not_carried_out_and_a_lost_reply_is() {
    let cluster = Cluster::new();
    cluster.put(&configmap("there", &json!({})));
    let api = maps(&cluster);
    cluster.plan(
        When::next("POST", "/api/v1/namespaces/*/configmaps"),
        Fault::LostRequest,
    );
    let lost = api.create(&PostParams::default(), &map("a")).await;
    assert!(!matches!(lost, Ok(_) | Err(kube::Error::Api(_))), "{lost:?}");
    assert!(cluster.get("configmaps", "u", "a").is_none());
    cluster.plan(When::nth(2).of("tester"), Fault::LostReply);
    api.get("there").await.unwrap();
    let lost = api.create(&PostParams::default(), &map("a")).await;
    assert!(!matches!(lost, Ok(_) | Err(kube::Error::Api(_))), "{lost:?}");
    assert!(cluster.get("configmaps", "u", "a").is_some());
    assert_eq!(cluster.planned(), 0);
    let calls = cluster.calls();
    let short: Vec<_> = calls
        .iter()
        .map(|call| (call.in_short(), call.status, call.applied))
        .collect();
    let expected = [
        ("create configmaps u".to_owned(), None, false),
        ("get configmaps u/there".to_owned(), Some(200), true),
        ("create configmaps u".to_owned(), None, true),
    ];
    assert_eq!(short, expected);
    assert_eq!((calls[2].number, calls[2].account.as_str()), (3, "tester"));
    assert_eq!(cluster.writes_to("configmaps").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_may_come_before_or_after_the_deed() {
    let cluster = Cluster::new();
    let api = maps(&cluster);
    let busy = Fault::Refused {
        code: 429,
        retry_after: Some(7),
    };
    cluster.plan(When::nth(1).method("POST"), busy);
    let Err(kube::Error::Api(status)) = api.create(&PostParams::default(), &map("a")).await else {
        panic!("it is refused");
    };
    assert_eq!(
        (status.code, status.details.unwrap().retry_after_seconds),
        (429, 7)
    );
    cluster.put(&configmap("b", &json!({})));
    cluster.plan(
        When::nth(1).method("PATCH"),
        Fault::AppliedAndRefused { code: 500 },
    );
    let body = Patch::Merge(json!({ "data": { "a": "2" } }));
    let refused = api.patch("b", &PatchParams::default(), &body).await;
    assert_eq!(refusal(refused), (500, "InternalError".to_owned()));
    assert_eq!(cluster.get("configmaps", "u", "b").unwrap()["data"]["a"], "2");
    assert_eq!(cluster.states("configmaps", "u", "b").len(), 2);
    assert!(cluster.get("configmaps", "u", "a").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_gate_holds_a_request_until_it_is_opened() {
    let cluster = Cluster::new();
    cluster.put(&configmap("there", &json!({})));
    let gate = Gate::new();
    cluster.plan(When::nth(1).method("POST"), Fault::HeldBefore(gate.clone()));
    let api = maps(&cluster);
    let asking = tokio::spawn(async move { api.create(&PostParams::default(), &map("a")).await });
    gate.reached().await;
    assert!(cluster.get("configmaps", "u", "a").is_none());
    gate.open();
    asking.await.unwrap().unwrap();
    assert!(cluster.get("configmaps", "u", "a").is_some());
}

#[tokio::test(start_paused = true)]
async fn who_is_killed_before_its_request_is_carried_out_changes_nothing() {
    let cluster = Cluster::new();
    cluster.put(&configmap("there", &json!({})));
    for (name, before) in [("a", true), ("b", false)] {
        let gate = Gate::new();
        let fault = if before {
            Fault::HeldBefore(gate.clone())
        } else {
            Fault::HeldAfter(gate.clone())
        };
        cluster.plan(When::nth(1).method("POST"), fault);
        let api = maps(&cluster);
        let asking = tokio::spawn(async move { api.create(&PostParams::default(), &map(name)).await });
        gate.reached().await;
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        // Paused time passes only when nothing is under way any more.
        tokio::time::sleep(Duration::from_secs(1)).await;
        gate.open();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(cluster.get("configmaps", "u", name).is_none(), before, "{name}");
    }
}
