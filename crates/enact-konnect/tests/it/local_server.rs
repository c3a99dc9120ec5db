//! The local Konnect as a server over HTTP: tokens, odd requests, the request log, its file and its address.

use std::time::{Duration, Instant};

use enact_konnect::local::{LocalError, LocalKonnect};
use serde_json::{Value, json};

use crate::server::{Server, UNKNOWN, client, options, pair};

#[tokio::test]
async fn tokens_decide_over_401_and_403() {
    let server = Server::with(|options| options.token = Some("right".to_owned())).await;
    let ask = async |method: &str, path: &str, token: Option<&str>| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = server
            .client
            .request(method, format!("{}{path}", server.running.base_url()));
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        server.send(request.json(&json!({"name": "a"}))).await
    };
    for token in [None, Some(""), Some("wrong")] {
        let answer = ask("GET", "/v3/portals", token).await;
        assert_eq!(
            (answer.status, answer.json()["title"].as_str()),
            (401, Some("Unauthorized"))
        );
        assert_eq!(ask("GET", "/v3/users/me", token).await.status, 401);
    }
    assert_eq!(ask("GET", "/v3/portals", Some("right")).await.status, 200);
    assert_eq!(ask("GET", "/v3/portals", Some("forbidden-all")).await.status, 403);
    assert_eq!(
        ask("GET", "/v3/users/me", Some("forbidden-all")).await.status,
        200
    );
    assert_eq!(
        ask("GET", "/v3/portals", Some("forbidden-write")).await.status,
        200
    );
    assert_eq!(
        ask("POST", "/v3/portals", Some("forbidden-write")).await.status,
        403
    );
    assert_eq!(ask("GET", "/_enact/requests", None).await.status, 200);
}

#[tokio::test]
async fn unknown_things_and_odd_bodies_are_problems() {
    let server = Server::start().await;
    let portal = server.create("/v3/portals", json!({"name": "a"})).await;
    for (method, path, status) in [
        ("GET", "/v3/nothing".to_owned(), 404),
        ("GET", "/v3/portals/not-a-uuid".to_owned(), 404),
        ("GET", format!("/v3/portals/{UNKNOWN}"), 404),
        ("GET", format!("/v3/portals/{UNKNOWN}/pages"), 404),
        ("GET", format!("/v3/portals/{portal}/pages/{UNKNOWN}"), 404),
        ("DELETE", format!("/v3/portals/{portal}/pages/{UNKNOWN}"), 404),
        ("PUT", "/v3/portals".to_owned(), 405),
    ] {
        let answer = server.call(method, &path, None).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.json()["status"], status);
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json; charset=utf-8"
        );
    }
    let send = async |content_type: &str, body: String| {
        server
            .send(
                server
                    .request("POST", "/v3/portals")
                    .header("content-type", content_type)
                    .body(body),
            )
            .await
    };
    assert_eq!(send("text/plain", "{}".to_owned()).await.status, 415);
    assert_eq!(
        send("application/json", "{\"name\":".to_owned()).await.faults(),
        [pair("body", "invalid")]
    );
    assert_eq!(
        send("application/json", "[]".to_owned()).await.faults(),
        [pair("body", "is_object")]
    );
    let deep = "[".repeat(100_000);
    assert_eq!(send("application/json", deep).await.status, 400);
    assert_eq!(
        send("application/json; charset=utf-8", "{\"name\":\"b\"}".to_owned())
            .await
            .status,
        201
    );
    assert_eq!(
        server
            .send(server.request("POST", "/v3/portals").body("{}"))
            .await
            .status,
        415
    );
    let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(8 * 1024 * 1024));
    assert_eq!(send("application/json", huge).await.status, 413);
}

#[tokio::test]
async fn requests_and_effects_are_counted() {
    let server = Server::start().await;
    let id = server.create("/v3/portals", json!({"name": "a"})).await;
    server.get("/v3/portals").await;
    server.get(&format!("/v3/portals/{id}")).await;
    server.get("/v3/nothing").await;
    server.post("/v3/portals", json!({"name": "a"})).await;
    let log = server.get("/_enact/requests").await.json();
    assert_eq!(log["total"], 5);
    assert_eq!(
        log["by_operation"],
        json!({"GET /v3/portals": 1, "GET /v3/portals/{portalId}": 1, "POST /v3/portals": 2, "unmatched": 1})
    );
    let effect = json!({"seq": 1, "method": "POST", "path": "/v3/portals", "status": 201, "applied": true,
        "object_id": id, "at": "2026-01-01T00:00:00.000Z"});
    assert_eq!(log["writes"], json!([effect]), "a refused write is none");
    assert_eq!(server.delete("/_enact/requests").await.status, 204);
    let log = server.get("/_enact/requests").await.json();
    assert_eq!((&log["total"], &log["writes"]), (&json!(0), &json!([effect])));
    assert_eq!(server.delete("/_enact/requests?effects=true").await.status, 204);
    assert_eq!(server.get("/_enact/requests").await.json()["writes"], json!([]));
}

#[tokio::test]
async fn everything_outlives_the_server_and_two_may_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("konnect.db");
    let client = client();
    let ask = async |url: String| {
        let response = client.get(url).bearer_auth("t").send().await.unwrap();
        response.json::<Value>().await.unwrap()
    };
    let first = enact_konnect::local::spawn(&path, "127.0.0.1:0", Default::default())
        .await
        .unwrap();
    let second = enact_konnect::local::spawn(&path, "127.0.0.1:0", Default::default())
        .await
        .unwrap();
    let created = client
        .post(format!("{}/v3/portals", first.base_url()))
        .bearer_auth("t");
    let created = created.json(&json!({"name": "kept"})).send().await.unwrap();
    assert_eq!(created.status(), 201);
    let organization = ask(format!("{}/v3/organizations/me", first.base_url())).await;
    assert_eq!(
        ask(format!("{}/v3/portals", second.base_url())).await["data"][0]["name"],
        "kept"
    );
    first.stop().await;
    second.stop().await;
    let third = enact_konnect::local::spawn(&path, "127.0.0.1:0", Default::default())
        .await
        .unwrap();
    assert_eq!(
        ask(format!("{}/v3/organizations/me", third.base_url())).await,
        organization
    );
    assert_eq!(
        ask(format!("{}/v3/portals", third.base_url())).await["meta"]["page"]["total"],
        1
    );
    assert_eq!(third.konnect().requests().unwrap().writes.len(), 1);
}

#[test]
fn many_may_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("konnect.db");
    std::thread::scope(|scope| {
        let openings = (0..16).map(|_| scope.spawn(|| LocalKonnect::open(&path, options().0).map(drop)));
        for opening in openings.collect::<Vec<_>>() {
            opening.join().unwrap().unwrap();
        }
    });
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("konnect.db");
    std::fs::write(
        &path,
        "not a database, and long enough to be read as one".repeat(40),
    )
    .unwrap();
    let error = LocalKonnect::open(&path, options().0).unwrap_err();
    assert!(matches!(error, LocalError::Open { .. }), "{error}");
    let missing = LocalKonnect::open(&folder.path().join("no/such/folder.db"), options().0).unwrap_err();
    assert!(missing.to_string().contains("folder.db"), "{missing}");
}

#[tokio::test]
async fn an_address_in_use_is_refused_and_a_stopped_server_is_gone() {
    let server = Server::start().await;
    let url = server.running.base_url();
    let address = url.trim_start_matches("http://").to_owned();
    let second = LocalKonnect::in_memory(options().0)
        .unwrap()
        .spawn(address)
        .await
        .unwrap_err();
    assert!(matches!(second, LocalError::Listen(_)), "{second}");
    let Server { running, client, .. } = server;
    running.stop().await;
    assert!(client.get(format!("{url}/v3/portals")).send().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn large_lists_are_quick() {
    let server = Server::start().await;
    let portal = server.create("/v3/portals", json!({"name": "pages"})).await;
    let path = format!("/v3/portals/{portal}/pages");
    let (server, path) = (&server, &path);
    let create = |range: std::ops::Range<u32>| async move {
        for n in range {
            server
                .create(
                    "/v3/portals",
                    json!({"name": format!("portal-{n}"), "labels": {"n": "x"}}),
                )
                .await;
            server
                .create(path, json!({"slug": format!("page-{n}"), "content": "# Page"}))
                .await;
        }
    };
    futures_util::future::join_all((0..4).map(|part| create(part * 250..(part + 1) * 250))).await;
    let started = Instant::now();
    let mut seen = 0;
    for number in 1..=11 {
        let list = server
            .get(&format!("/v3/portals?page[size]=100&page[number]={number}"))
            .await
            .json();
        seen += list["data"].as_array().unwrap().len();
    }
    assert_eq!(seen, 1001);
    assert_eq!(
        server.get(path).await.json()["data"].as_array().unwrap().len(),
        1000
    );
    // Far above what it takes, far below what a scan per row would take.
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}
