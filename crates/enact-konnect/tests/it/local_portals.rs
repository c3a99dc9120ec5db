//! Portals of the local Konnect over HTTP: what it keeps and what it refuses.

use serde_json::{Value, json};

use crate::server::{Answer, Server, pair};

fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    let data = body["data"].as_array().unwrap();
    data.iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_portal_gets_the_documented_defaults() {
    let server = Server::start().await;
    let answer = server
        .post(
            "/v3/portals",
            json!({"name": "dev", "labels": {"team": "a", "gone": null}}),
        )
        .await;
    assert_eq!(answer.status, 201);
    assert!(!answer.header("date").is_empty());
    assert!(answer.header("content-type").starts_with("application/json"));
    let portal = answer.json();
    let id = portal["id"].as_str().unwrap();
    assert_eq!(
        portal,
        json!({
            "id": id,
            "name": "dev",
            "display_name": "dev",
            "description": null,
            "authentication_enabled": true,
            "rbac_enabled": false,
            "sipr_enabled": false,
            "default_api_visibility": "public",
            "default_page_visibility": "public",
            "default_application_auth_strategy_id": null,
            "auto_approve_developers": false,
            "auto_approve_applications": false,
            "notifications_developer_pii_visibility_enabled": false,
            "default_domain": "000000000003.local.kongportals.test",
            "canonical_domain": "000000000003.local.kongportals.test",
            "labels": {"team": "a"},
            "created_at": "2026-01-01T00:00:00.000Z",
            "updated_at": "2026-01-01T00:00:00.000Z",
        })
    );
    assert_eq!(server.get(&format!("/v3/portals/{id}")).await.json(), portal);
    assert_eq!(
        server
            .get(&format!("/v3/portals/{}", id.to_uppercase()))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let server = Server::start().await;
    let body = json!({"name": "dev", "description": "x", "labels": {"a": "1", "b": "2"}});
    let path = format!("/v3/portals/{}", server.create("/v3/portals", body).await);
    let patch =
        json!({"description": null, "labels": {"a": null, "c": "3"}, "auto_approve_developers": true});
    let first = server.patch(&path, patch.clone()).await.json();
    assert_eq!(first["description"], Value::Null);
    assert_eq!(first["labels"], json!({"b": "2", "c": "3"}));
    assert_eq!(first["auto_approve_developers"], json!(true));
    assert_eq!(
        first["updated_at"], "2026-01-01T00:00:00.001Z",
        "later even though the clock stood still"
    );
    assert_eq!(
        server.patch(&path, patch).await.json(),
        first,
        "nothing new, so nothing is written"
    );
    let writes = server.running.konnect().requests().unwrap().writes;
    assert_eq!(
        writes.iter().map(|write| write.applied).collect::<Vec<_>>(),
        [true, true, false]
    );
    server.advance_ms(1500);
    let second = server
        .patch(&path, json!({"labels": null, "display_name": "Dev"}))
        .await
        .json();
    assert_eq!(
        (&second["labels"], &second["display_name"]),
        (&json!({}), &json!("Dev"))
    );
    assert_eq!(second["updated_at"], "2026-01-01T00:00:01.500Z");
    assert_eq!(second["created_at"], "2026-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn portal_names_are_unique() {
    let server = Server::start().await;
    server.create("/v3/portals", json!({"name": "a"})).await;
    let id = server.create("/v3/portals", json!({"name": "b"})).await;
    let answer = server.post("/v3/portals", json!({"name": "a"})).await;
    assert_eq!(answer.status, 409);
    assert_eq!(answer.json()["title"], "Conflict");
    let rename = server
        .patch(&format!("/v3/portals/{id}"), json!({"name": "a"}))
        .await;
    assert_eq!(rename.status, 409);
    assert_eq!(
        server
            .patch(&format!("/v3/portals/{id}"), json!({"name": "b"}))
            .await
            .status,
        200
    );
    assert_eq!(
        server
            .patch(&format!("/v3/portals/{id}"), json!({"name": "c"}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn all_faults_of_a_portal_body_are_reported_together() {
    let server = Server::start().await;
    let many: serde_json::Map<String, Value> = (0..51).map(|n| (format!("k{n}"), json!("v"))).collect();
    let body = json!({
        "display_name": "", "description": "x".repeat(513), "rbac_enabled": "yes", "extra": 1,
        "default_api_visibility": "hidden", "default_application_auth_strategy_id": "7", "labels": many,
    });
    let answer = server.post("/v3/portals", body).await;
    let mut faults = answer.faults();
    faults.sort();
    assert_eq!(
        faults,
        [
            pair("default_api_visibility", "enum"),
            pair("default_application_auth_strategy_id", "is_uuid"),
            pair("description", "max_length"),
            pair("display_name", "min_length"),
            pair("extra", "unknown_property"),
            pair("labels", "max_items"),
            pair("name", "required"),
            pair("rbac_enabled", "is_boolean"),
        ]
    );
    let body = answer.json();
    assert_eq!(
        answer.header("content-type"),
        "application/problem+json; charset=utf-8"
    );
    assert_eq!(
        (&body["status"], &body["title"]),
        (&json!(400), &json!("Bad Request"))
    );
    let digits = body["instance"]
        .as_str()
        .unwrap()
        .strip_prefix("kong:trace:")
        .unwrap();
    assert!(digits.chars().all(|c| c.is_ascii_digit()));
    for entry in body["invalid_parameters"].as_array().unwrap() {
        assert_eq!(entry["source"], "body");
        let wanted = match entry["rule"].as_str().unwrap() {
            "enum" => "choices",
            "min_length" => "minimum",
            "max_length" | "max_items" => "maximum",
            _ => "reason",
        };
        assert!(entry.get(wanted).is_some(), "{entry}");
    }
}

#[tokio::test]
async fn labels_and_related_settings_are_checked() {
    let server = Server::start().await;
    let labels =
        json!({"konnect": "a", "ok": "-x", "n": 5, "KONGCTL-protected": "true", "l": "x".repeat(64)});
    let answer = server
        .post("/v3/portals", json!({"name": "a", "labels": labels}))
        .await;
    assert_eq!(
        answer.faults(),
        [
            pair("labels.konnect", "is_label"),
            pair("labels.l", "max_length"),
            pair("labels.n", "is_string"),
            pair("labels.ok", "matches_regex"),
        ]
    );
    let full: serde_json::Map<String, Value> = (0..50).map(|n| (format!("k{n}"), json!("v"))).collect();
    let id = server
        .create("/v3/portals", json!({"name": "full", "labels": full}))
        .await;
    let path = format!("/v3/portals/{id}");
    let one_more = server.patch(&path, json!({"labels": {"another": "v"}})).await;
    assert_eq!(one_more.faults(), [pair("labels", "max_items")]);
    let swap = server
        .patch(&path, json!({"labels": {"another": "v", "k0": null}}))
        .await;
    assert_eq!(swap.status, 200);
    let rbac = server
        .patch(
            &path,
            json!({"authentication_enabled": false, "rbac_enabled": true}),
        )
        .await;
    assert_eq!(rbac.faults(), [pair("rbac_enabled", "dependent_fields")]);
}

#[tokio::test]
async fn deleting_a_portal_deletes_its_pages() {
    let server = Server::start().await;
    let id = server.create("/v3/portals", json!({"name": "a"})).await;
    let path = format!("/v3/portals/{id}");
    server
        .create(&format!("{path}/pages"), json!({"slug": "x", "content": ""}))
        .await;
    assert_eq!(
        server.delete(&format!("{path}?force=maybe")).await.faults(),
        [pair("force", "enum")]
    );
    let answer = server.delete(&format!("{path}?force=true")).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(server.get(&format!("{path}/pages")).await.status, 404);
    assert_eq!(server.delete(&path).await.status, 404);
    server.create("/v3/portals", json!({"name": "a"})).await;
}

#[tokio::test]
async fn lists_are_paged_sorted_and_filtered() {
    let server = Server::start().await;
    for name in ["delta", "alpha", "charlie", "bravo", "echo, inc"] {
        let public = name == "alpha";
        server.advance_ms(10);
        let body = json!({"name": name, "authentication_enabled": !public,
            "default_page_visibility": if public { "public" } else { "private" }});
        server.create("/v3/portals", body).await;
    }
    let list = async |query: &str| names(&server.get(&format!("/v3/portals?{query}")).await);
    assert_eq!(list("page[size]=2&page[number]=2").await, ["charlie", "bravo"]);
    assert_eq!(list("page%5Bsize%5D=2&page%5Bnumber%5D=9").await, [""; 0]);
    assert_eq!(
        list("sort=name").await,
        ["alpha", "bravo", "charlie", "delta", "echo, inc"]
    );
    assert_eq!(list("sort=name%20desc&page[size]=1").await, ["echo, inc"]);
    assert_eq!(list("sort=created_at+desc&page[size]=1").await, ["echo, inc"]);
    assert_eq!(list("filter[name][eq]=bravo").await, ["bravo"]);
    assert_eq!(list("filter[name]=bravo").await, ["bravo"]);
    assert_eq!(
        list("filter[name][contains]=l").await,
        ["delta", "alpha", "charlie"]
    );
    assert_eq!(list("filter[name][oeq]=bravo,delta").await, ["delta", "bravo"]);
    assert_eq!(list("filter[name][ocontains]=rav,elt").await, ["delta", "bravo"]);
    assert_eq!(
        list("filter[name][neq]=bravo&filter[authentication_enabled]=false").await,
        ["alpha"]
    );
    assert_eq!(
        list("filter[default_page_visibility][eq]=public").await,
        ["alpha"]
    );
    assert_eq!(
        list("filter[description][neq]=x").await.len(),
        5,
        "no description differs from any"
    );
    let listed = server.get("/v3/portals?filter[name]=alpha").await.json();
    let id = listed["data"][0]["id"].as_str().unwrap();
    assert_eq!(
        listed["meta"],
        json!({"page": {"number": 1, "size": 10, "total": 1}})
    );
    assert_eq!(list(&format!("filter[id][eq]={id}")).await, ["alpha"]);
    assert_eq!(list("filter[name][eq]=x'%20OR%201=1").await, [""; 0]);
    for query in [
        "page[size]=101",
        "page[size]=0",
        "page[number]=x",
        "sort=size",
        "filter[name][like]=a",
        "filter[x]=1",
    ] {
        let answer = server.get(&format!("/v3/portals?{query}")).await;
        assert_eq!(answer.faults().len(), 1, "{query}");
        assert_eq!(answer.json()["invalid_parameters"][0]["source"], "query");
    }
}
