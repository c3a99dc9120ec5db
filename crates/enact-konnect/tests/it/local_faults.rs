//! Injected faults of the local Konnect, each over a real connection.

use std::time::{Duration, Instant};

use enact_konnect::local::{Fault, FaultAction, FaultMatch, LocalKonnect};
use serde_json::json;

use crate::server::{Server, options};

fn portal(name: &str) -> serde_json::Value {
    json!({"name": name})
}

#[tokio::test]
async fn too_many_requests_say_when_to_retry() {
    let server = Server::start().await;
    server
        .set_faults(json!([{
            "match": {"method": "POST", "path": "/v3/portals"}, "after": 1, "times": 2,
            "do": {"kind": "status", "status": 429, "retry_after_seconds": 3}
        }]))
        .await;
    let mut statuses = Vec::new();
    for name in ["a", "b", "b", "b"] {
        let answer = server.post("/v3/portals", portal(name)).await;
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), "3");
            assert_eq!(answer.json()["title"], "Too Many Requests");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [201, 429, 429, 201]);
    assert_eq!(server.get("/_enact/faults").await.json()["struck"], json!([2]));
    assert_eq!(server.applied(), 2);
}

#[tokio::test]
async fn a_status_comes_before_or_after_the_commit() {
    let server = Server::start().await;
    for (name, when, found) in [("a", "before_commit", 0), ("b", "after_commit", 1)] {
        server
            .set_faults(json!([{"times": 1, "do": {"kind": "status", "status": 502, "when": when}}]))
            .await;
        assert_eq!(server.post("/v3/portals", portal(name)).await.status, 502);
        let listed = server
            .get(&format!("/v3/portals?filter[name][eq]={name}"))
            .await
            .json();
        assert_eq!(listed["meta"]["page"]["total"], found, "{when}");
    }
    assert_eq!(server.applied(), 1);
}

#[tokio::test]
async fn a_reset_cuts_the_connection_before_or_after_the_commit() {
    let server = Server::start().await;
    for (name, when, found) in [("a", "before_commit", 0), ("b", "after_commit", 1)] {
        server
            .set_faults(json!([{"match": {"method": "POST"}, "do": {"kind": "reset", "when": when}}]))
            .await;
        let error = server
            .request("POST", "/v3/portals")
            .json(&portal(name))
            .send()
            .await
            .unwrap_err();
        assert!(
            !error.is_timeout() && !error.is_connect() && error.status().is_none(),
            "{error:?}"
        );
        let listed = server
            .get(&format!("/v3/portals?filter[name][eq]={name}"))
            .await
            .json();
        assert_eq!(listed["meta"]["page"]["total"], found, "{when}");
    }
}

#[tokio::test]
async fn a_hang_ends_in_a_cut_connection() {
    let server = Server::start().await;
    server
        .set_faults(json!([{"times": 1, "do": {"kind": "hang", "milliseconds": 20, "when": "after_commit"}}]))
        .await;
    let started = Instant::now();
    assert!(
        server
            .request("POST", "/v3/portals")
            .json(&portal("a"))
            .send()
            .await
            .is_err()
    );
    assert!(started.elapsed() >= Duration::from_millis(20));
    assert_eq!(server.applied(), 1);

    server
        .set_faults(json!([{"do": {"kind": "hang", "milliseconds": 600_000}}]))
        .await;
    let request = server
        .request("POST", "/v3/portals")
        .json(&portal("b"))
        .timeout(Duration::from_millis(30));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(server.applied(), 1);
}

#[tokio::test]
async fn an_invisible_object_appears_after_its_delay() {
    let server = Server::start().await;
    let invisible = json!([{"do": {"kind": "invisible", "milliseconds": 500}}]);
    server.set_faults(invisible.clone()).await;
    let id = server.create("/v3/portals", portal("a")).await;
    let path = format!("/v3/portals/{id}");
    server.set_faults(json!([])).await;
    let page = json!({"slug": "x", "content": ""});
    for late in [false, true] {
        if late {
            server.advance_ms(500);
        }
        assert_eq!(server.get(&path).await.status, if late { 200 } else { 404 });
        assert_eq!(
            server.get("/v3/portals").await.json()["meta"]["page"]["total"],
            i32::from(late)
        );
        assert_eq!(
            server.post(&format!("{path}/pages"), page.clone()).await.status,
            if late { 201 } else { 404 }
        );
        assert_eq!(
            server.post("/v3/portals", portal("a")).await.status,
            409,
            "the name is taken all along"
        );
    }
    server.set_faults(invisible).await;
    let pages = format!("{path}/pages");
    let hidden = server
        .create(&pages, json!({"slug": "hidden", "content": ""}))
        .await;
    let child = json!({"slug": "child", "content": "", "parent_page_id": hidden});
    assert_eq!(
        server.post(&pages, child.clone()).await.faults()[0].1,
        "missing_reference"
    );
    assert_eq!(
        server.get(&pages).await.json()["data"].as_array().unwrap().len(),
        1
    );
    server.advance_ms(500);
    assert_eq!(server.post(&pages, child).await.status, 201);
    assert_eq!(server.get(&format!("{pages}/{hidden}")).await.status, 200);
}

#[tokio::test]
async fn a_malformed_answer_hides_a_committed_write() {
    let server = Server::start().await;
    server
        .set_faults(json!([{"times": 1, "do": {"kind": "malformed"}}]))
        .await;
    let answer = server.post("/v3/portals", portal("a")).await;
    assert_eq!(answer.status, 200);
    assert!(serde_json::from_str::<serde_json::Value>(&answer.text).is_err());
    assert_eq!(server.applied(), 1);
}

#[tokio::test]
async fn a_redirect_carries_nothing_out() {
    let server = Server::start().await;
    server
        .set_faults(json!([{"times": 1, "do": {"kind": "redirect", "location": "http://127.0.0.1:9/x"}}]))
        .await;
    let answer = server.post("/v3/portals", portal("a")).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (307, "http://127.0.0.1:9/x")
    );
    assert_eq!(server.applied(), 0);
}

#[tokio::test]
async fn latencies_are_concurrent() {
    let server = Server::with(|options| options.latency = Duration::from_millis(100)).await;
    server
        .set_faults(json!([{"do": {"kind": "latency", "milliseconds": 50}}]))
        .await;
    let started = Instant::now();
    let requests = (0..20).map(|_| server.get("/v3/portals"));
    let answers = futures_util::future::join_all(requests).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let taken = started.elapsed();
    assert!(
        taken >= Duration::from_millis(150) && taken < Duration::from_secs(2),
        "{taken:?}"
    );
}

#[tokio::test]
async fn faults_match_the_body_and_can_be_random_but_repeatable() {
    let server = Server::start().await;
    server
        .set_faults(json!([
            {"match": {"body_contains": "bad"}, "do": {"kind": "status", "status": 503}},
            {"match": {"method": "GET"}, "probability": 0.5, "seed": 3, "do": {"kind": "status", "status": 500}}
        ]))
        .await;
    assert_eq!(server.post("/v3/portals", portal("good")).await.status, 201);
    assert_eq!(server.post("/v3/portals", portal("bad")).await.status, 503);
    let mut runs = Vec::new();
    for _ in 0..2 {
        let list = server.get("/_enact/faults").await.json();
        server.set_faults(list["faults"].clone()).await;
        let mut statuses = Vec::new();
        for _ in 0..16 {
            statuses.push(server.get("/v3/portals").await.status);
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&200) && runs[0].contains(&500));
}

#[tokio::test]
async fn faults_are_set_shown_and_cleared_without_a_token() {
    let server = Server::start().await;
    let url = format!("{}/_enact/faults", server.running.base_url());
    let fault = json!({"match": {"path": "/v3/portals/*/pages"}, "after": 0, "seed": 0,
        "do": {"kind": "status", "status": 500, "when": "before_commit"}});
    let set = server
        .send(server.client.put(&url).json(&json!({"faults": [fault]})))
        .await;
    assert_eq!(set.status, 200, "{}", set.text);
    let shown = server.send(server.client.get(&url)).await.json();
    assert_eq!(shown, json!({"faults": [fault], "struck": [0]}));
    for (body, word) in [
        (json!({"faults": [{"do": {"kind": "reset"}, "time": 1}]}), "time"),
        (
            json!({"faults": [{"do": {"kind": "status", "status": 42}}]}),
            "status",
        ),
        (json!({"fault": []}), "fault"),
        (json!([]), "faults"),
    ] {
        let refused = server.send(server.client.put(&url).json(&body)).await;
        assert_eq!(refused.status, 400);
        assert!(refused.text.contains(word), "{}", refused.text);
    }
    assert_eq!(
        server.send(server.client.get(&url)).await.json(),
        shown,
        "a refused list changes nothing"
    );
    assert_eq!(server.send(server.client.delete(&url)).await.status, 204);
    assert_eq!(
        server.send(server.client.get(&url)).await.json()["faults"],
        json!([])
    );
}

#[tokio::test]
async fn faults_can_be_given_in_process() {
    let fault = Fault {
        matching: FaultMatch {
            method: Some("GET".to_owned()),
            ..FaultMatch::default()
        },
        after: 0,
        times: Some(1),
        probability: None,
        seed: 0,
        action: FaultAction::Status {
            status: 500,
            retry_after_seconds: None,
            when: Default::default(),
        },
    };
    let server = Server::with(|options| options.faults = vec![fault.clone()]).await;
    assert_eq!(server.get("/v3/portals").await.status, 500);
    assert_eq!(server.get("/v3/portals").await.status, 200);
    server.running.konnect().set_faults(vec![fault.clone()]).unwrap();
    assert_eq!(server.get("/v3/portals").await.status, 500);
    let wrong = Fault {
        probability: Some(2.0),
        ..fault
    };
    assert!(server.running.konnect().set_faults(vec![wrong.clone()]).is_err());
    let mut options = options().0;
    options.faults = vec![wrong];
    assert!(LocalKonnect::in_memory(options).is_err());
}
