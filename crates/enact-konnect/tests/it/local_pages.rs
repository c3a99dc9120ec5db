//! Portal pages of the local Konnect over HTTP: the tree, what a page may be, and where it may stand.

use serde_json::{Value, json};

use crate::server::{Server, UNKNOWN, pair};

#[tokio::test]
async fn pages_form_a_tree_without_content() {
    let server = Server::start().await;
    let portal = server
        .create(
            "/v3/portals",
            json!({"name": "a", "default_page_visibility": "private"}),
        )
        .await;
    let path = format!("/v3/portals/{portal}/pages");
    let home = server
        .post(&path, json!({"slug": "/", "content": "# Home"}))
        .await
        .json();
    assert_eq!(
        (&home["title"], &home["visibility"]),
        (&json!("/"), &json!("private"))
    );
    assert_eq!(
        (&home["status"], &home["content"]),
        (&json!("unpublished"), &json!("# Home"))
    );
    assert_eq!(
        (home.get("description"), &home["parent_page_id"]),
        (None, &Value::Null)
    );
    let docs = server
        .create(&path, json!({"slug": "docs", "content": "", "title": "Docs"}))
        .await;
    let child = json!({"slug": "start", "content": "x", "parent_page_id": docs, "status": "published"});
    let start = server.create(&path, child).await;
    let tree = server.get(&path).await.json();
    assert_eq!(tree["data"][0]["slug"], "/");
    assert_eq!(tree["data"][1]["children"][0]["id"], json!(start));
    assert_eq!(tree["data"][1]["children"][0]["children"], json!([]));
    assert!(!tree.to_string().contains("content"));
    assert_eq!(
        server.get(&format!("{path}/{start}")).await.json()["content"],
        "x"
    );
    let filtered = server.get(&format!("{path}?filter[slug][eq]=start")).await.json();
    assert_eq!(filtered["data"][0]["parent_page_id"], json!(docs));
    let sorted = server.get(&format!("{path}?sort=slug%20desc")).await.json();
    assert_eq!(sorted["data"][0]["slug"], "docs");
    assert_eq!(server.get(&format!("{path}?filter[content]=x")).await.status, 400);
    assert_eq!(server.delete(&format!("{path}/{docs}")).await.status, 204);
    assert_eq!(server.get(&format!("{path}/{start}")).await.status, 404);
}

#[tokio::test]
async fn page_bodies_are_checked() {
    let server = Server::start().await;
    let portal = server.create("/v3/portals", json!({"name": "a"})).await;
    let other = server.create("/v3/portals", json!({"name": "b"})).await;
    let path = format!("/v3/portals/{portal}/pages");
    let foreign = server
        .create(
            &format!("/v3/portals/{other}/pages"),
            json!({"slug": "x", "content": ""}),
        )
        .await;
    let body = json!({"slug": "a/b", "visibility": "secret", "description": null, "parent_page_id": "x"});
    let mut faults = server.post(&path, body).await.faults();
    faults.sort();
    assert_eq!(
        faults,
        [
            pair("content", "required"),
            pair("description", "is_string"),
            pair("parent_page_id", "is_uuid"),
            pair("slug", "matches_regex"),
            pair("visibility", "enum"),
        ]
    );
    for parent in [UNKNOWN, &foreign] {
        let answer = server
            .post(
                &path,
                json!({"slug": "x", "content": "", "parent_page_id": parent}),
            )
            .await;
        assert_eq!(answer.faults(), [pair("parent_page_id", "missing_reference")]);
    }
    let top = server.create(&path, json!({"slug": "top", "content": ""})).await;
    let nested_home = server
        .post(&path, json!({"slug": "/", "content": "", "parent_page_id": top}))
        .await;
    assert_eq!(nested_home.faults(), [pair("slug", "matches_regex")]);
    assert_eq!(
        server
            .post(&path, json!({"slug": "top", "content": ""}))
            .await
            .status,
        409
    );
    server
        .create(
            &path,
            json!({"slug": "top", "content": "", "parent_page_id": top}),
        )
        .await;
    let large = "\u{1}".repeat(1_000_000);
    server
        .create(&path, json!({"slug": "large", "content": large}))
        .await;
    let answer = server
        .post(&path, json!({"slug": "y", "content": "x".repeat(1_000_001)}))
        .await;
    assert_eq!(answer.faults(), [pair("content", "max_length")]);
}

#[tokio::test]
async fn front_matter_wins_over_the_body_on_creation() {
    let server = Server::start().await;
    let portal = server.create("/v3/portals", json!({"name": "a"})).await;
    let content = "---\ntitle: From matter\ndescription: 'Short'\n---\n# Text";
    let body = json!({"slug": "x", "title": "From body", "content": content});
    let page = server
        .post(&format!("/v3/portals/{portal}/pages"), body)
        .await
        .json();
    assert_eq!(
        (&page["title"], &page["description"]),
        (&json!("From matter"), &json!("Short"))
    );
    assert_eq!(page["content"], content);
}

#[tokio::test]
async fn pages_are_changed() {
    let server = Server::start().await;
    let portal = server.create("/v3/portals", json!({"name": "a"})).await;
    let path = format!("/v3/portals/{portal}/pages");
    let mut ids = Vec::new();
    for slug in ["a", "b", "c"] {
        ids.push(server.create(&path, json!({"slug": slug, "content": ""})).await);
    }
    let [a, b, c] = [&ids[0], &ids[1], &ids[2]];
    let change = server
        .patch(
            &format!("{path}/{b}"),
            json!({"parent_page_id": a, "title": "B", "slug": "bb"}),
        )
        .await;
    assert_eq!(change.status, 200, "{}", change.text);
    assert_eq!(change.json()["updated_at"], "2026-01-01T00:00:00.001Z");
    let cycle = server
        .patch(&format!("{path}/{a}"), json!({"parent_page_id": b}))
        .await;
    assert_eq!(cycle.faults(), [pair("parent_page_id", "invalid")]);
    let own = server
        .patch(&format!("{path}/{a}"), json!({"parent_page_id": a}))
        .await;
    assert_eq!(own.faults(), [pair("parent_page_id", "invalid")]);
    assert_eq!(
        server
            .patch(&format!("{path}/{c}"), json!({"slug": "a"}))
            .await
            .status,
        409
    );
    assert_eq!(
        server
            .patch(&format!("{path}/{c}"), json!({"sluggy": "a"}))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn pages_are_moved_among_their_siblings() {
    let server = Server::start().await;
    let portal = server.create("/v3/portals", json!({"name": "a"})).await;
    let path = format!("/v3/portals/{portal}/pages");
    let a = server.create(&path, json!({"slug": "a", "content": ""})).await;
    let b = server
        .create(&path, json!({"slug": "bb", "content": "", "parent_page_id": a}))
        .await;
    let c = server.create(&path, json!({"slug": "c", "content": ""})).await;
    let order = async || {
        let tree = server.get(&path).await.json();
        let slugs = tree["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|page| page["slug"].as_str().unwrap().to_owned());
        slugs.collect::<Vec<_>>()
    };
    let moved = server
        .post(
            &format!("{path}/{b}/move"),
            json!({"parent_page_id": null, "index": 0}),
        )
        .await;
    assert_eq!((moved.status, moved.text.as_str()), (201, ""));
    assert_eq!(order().await, ["bb", "a", "c"]);
    assert_eq!(
        server
            .post(&format!("{path}/{b}/move"), json!({"index": -1}))
            .await
            .status,
        201
    );
    assert_eq!(order().await, ["a", "c", "bb"]);
    assert_eq!(
        server
            .post(&format!("{path}/{b}/move"), json!({"index": 1}))
            .await
            .status,
        201
    );
    assert_eq!(order().await, ["a", "bb", "c"]);
    let before = server.applied();
    assert_eq!(
        server
            .post(&format!("{path}/{b}/move"), json!({"index": 1}))
            .await
            .status,
        201
    );
    assert_eq!(server.applied(), before, "already there");
    let faults = server
        .post(
            &format!("{path}/{b}/move"),
            json!({"index": "1", "parent_page_id": UNKNOWN}),
        )
        .await;
    assert_eq!(faults.faults(), [pair("index", "is_integer")]);
    let unknown = server
        .post(&format!("{path}/{b}/move"), json!({"parent_page_id": UNKNOWN}))
        .await;
    assert_eq!(unknown.faults(), [pair("parent_page_id", "missing_reference")]);
    server
        .create(&path, json!({"slug": "a", "content": "", "parent_page_id": c}))
        .await;
    assert_eq!(
        server
            .post(&format!("{path}/{a}/move"), json!({"parent_page_id": c}))
            .await
            .status,
        409
    );
    assert_eq!(
        server
            .call("POST", &format!("{path}/{a}/move"), None)
            .await
            .status,
        201,
        "no body: to the end"
    );
    assert_eq!(order().await, ["bb", "c", "a"]);
}

#[tokio::test]
async fn pages_nest_to_a_bound() {
    let server = Server::start().await;
    let portal = server.create("/v3/portals", json!({"name": "a"})).await;
    let path = format!("/v3/portals/{portal}/pages");
    let mut parent = Value::Null;
    for _ in 0..50 {
        parent = json!(
            server
                .create(
                    &path,
                    json!({"slug": "x", "content": "", "parent_page_id": parent})
                )
                .await
        );
    }
    let deeper = server
        .post(
            &path,
            json!({"slug": "x", "content": "", "parent_page_id": parent}),
        )
        .await;
    assert_eq!(deeper.faults(), [pair("parent_page_id", "invalid")]);
    assert_eq!(server.get(&path).await.json()["data"][0]["slug"], "x");
}
