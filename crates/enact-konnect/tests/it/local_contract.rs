//! The local Konnect against the published OpenAPI document, named by `ENACT_KONNECT_OPENAPI`.
//!
//! Every request that the server takes must be one the document allows, and every answer must have a declared
//! status and body. Where the server answers with a status that the document leaves out, [`UNDECLARED`] says so.

use std::collections::BTreeSet;
use std::io::Write as _;

use serde_json::{Map, Value, json};

use crate::server::{Answer, Server, UNKNOWN};

/// Statuses that the document declares nowhere or only on some operations, and that Konnect still answers.
/// Their bodies must be the document's `BaseError`.
const UNDECLARED: &[(u16, &str)] = &[
    (
        400,
        "DELETE /v3/portals/{portalId} declares the values of `force` and no status for others",
    ),
    (
        409,
        "declared on few of the operations that can find a name taken",
    ),
    (415, "declared on few of the operations that take a body"),
    (429, "declared nowhere"),
    (502, "declared nowhere"),
];

struct Contract {
    document: Value,
}

impl Contract {
    fn read(path: &str) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("read {path}: {error}"));
        // The document is ours to trust, and larger than what the parser takes from strangers.
        let mut options = serde_saphyr::Options::default();
        options.budget = None;
        let mut document = serde_saphyr::from_str_with_options(&text, options).unwrap();
        allow_null(&mut document);
        Self { document }
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(pointer) => self.document.pointer(pointer.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }

    /// What is wrong with an instance of a schema; empty when it conforms.
    fn faults(&self, schema: &Value, instance: &Value) -> Vec<String> {
        let root = json!({"allOf": [schema], "components": self.document["components"]});
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .build(&root)
            .unwrap();
        validator
            .iter_errors(instance)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    fn operation(&self, method: &str, template: &str) -> &Value {
        let operation = &self.document["paths"][template][method.to_lowercase()];
        assert!(
            operation.is_object(),
            "{method} {template} is not in the document"
        );
        operation
    }

    fn request_faults(&self, method: &str, template: &str, body: &Value) -> Vec<String> {
        let request = self.resolve(&self.operation(method, template)["requestBody"]);
        self.faults(&request["content"]["application/json"]["schema"], body)
    }

    fn answer_faults(&self, method: &str, template: &str, answer: &Answer) -> Vec<String> {
        let responses = &self.operation(method, template)["responses"];
        let base_error = json!({"$ref": "#/components/schemas/BaseError"});
        let (media_type, schema) = match responses.get(answer.status.to_string()) {
            Some(response) => match self.resolve(response).get("content").and_then(Value::as_object) {
                Some(content) => {
                    let (media_type, declared) = content.iter().next().unwrap();
                    (media_type.as_str(), &declared["schema"])
                }
                None if answer.text.is_empty() => return Vec::new(),
                None => return vec![format!("a body where none is declared: {}", answer.text)],
            },
            None if UNDECLARED.iter().any(|(status, _)| *status == answer.status) => {
                ("application/problem+json", &base_error)
            }
            None => return vec![format!("status {} is not declared", answer.status)],
        };
        let found = answer.header("content-type").split(';').next().unwrap();
        if found != media_type {
            return vec![format!("content type {found} instead of {media_type}")];
        }
        self.faults(schema, &answer.json())
    }
}

/// `nullable` is no JSON Schema keyword; the document means what OpenAPI 3.0 meant by it.
fn allow_null(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.get("nullable") == Some(&Value::Bool(true)) {
                if let Some(kind) = object.get("type").filter(|kind| kind.is_string()).cloned() {
                    object.insert("type".to_owned(), json!([kind, "null"]));
                }
                if let Some(Value::Array(choices)) = object.get_mut("enum") {
                    choices.push(Value::Null);
                }
            }
            object.values_mut().for_each(allow_null);
        }
        Value::Array(items) => items.iter_mut().for_each(allow_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Drives requests and keeps what they exercised.
struct Drive<'a> {
    contract: &'a Contract,
    server: &'a Server,
    seen: BTreeSet<String>,
}

impl Drive<'_> {
    /// Sends a request; `ids` and a query complete the template. A 2xx answer makes its body a good one.
    async fn call(
        &mut self,
        method: &str,
        template: &str,
        ids: &[&str],
        query: &str,
        body: Option<Value>,
    ) -> Value {
        let mut path = template.to_owned();
        for id in ids {
            let (start, rest) = path.split_once('{').unwrap();
            path = format!("{start}{id}{}", rest.split_once('}').unwrap().1);
        }
        let answer = self
            .server
            .call(method, &format!("{path}{query}"), body.as_ref())
            .await;
        self.check(method, template, body.as_ref(), &answer);
        answer.json()
    }

    fn check(&mut self, method: &str, template: &str, body: Option<&Value>, answer: &Answer) {
        let shown = format!("{method} {template} {}", answer.status);
        if let Some(body) = body.filter(|_| answer.status < 300) {
            let faults = self.contract.request_faults(method, template, body);
            assert!(faults.is_empty(), "{shown}: request {body}\n{faults:#?}");
        }
        let faults = self.contract.answer_faults(method, template, answer);
        assert!(faults.is_empty(), "{shown}: answer {}\n{faults:#?}", answer.text);
        self.seen.insert(shown);
    }

    async fn without_token(&mut self, method: &str, template: &str, token: &str) {
        let path = template
            .replace("{portalId}", UNKNOWN)
            .replace("{pageId}", UNKNOWN);
        let url = format!("{}{path}", self.server.running.base_url());
        let method_type = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.server.client.request(method_type, url).bearer_auth(token);
        let answer = self.server.send(request).await;
        self.check(method, template, None, &answer);
    }
}

const PORTALS: &str = "/v3/portals";
const PORTAL: &str = "/v3/portals/{portalId}";
const PAGES: &str = "/v3/portals/{portalId}/pages";
const PAGE: &str = "/v3/portals/{portalId}/pages/{pageId}";
const MOVE: &str = "/v3/portals/{portalId}/pages/{pageId}/move";

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where the document is"
)]
fn contract() -> Option<Contract> {
    match std::env::var("ENACT_KONNECT_OPENAPI") {
        Ok(path) => Some(Contract::read(&path)),
        Err(_) => {
            // Written past the test harness, which keeps what passing tests print to itself.
            std::io::stderr()
                .write_all(b"skipped: ENACT_KONNECT_OPENAPI is not set\n")
                .unwrap();
            None
        }
    }
}

#[tokio::test]
async fn requests_and_answers_are_those_of_the_published_document() {
    let Some(contract) = contract() else { return };
    let server = Server::start().await;
    let mut drive = Drive {
        contract: &contract,
        server: &server,
        seen: BTreeSet::new(),
    };
    drive.call("GET", "/v3/organizations/me", &[], "", None).await;
    drive.call("GET", "/v3/users/me", &[], "", None).await;
    drive_tokens(&mut drive).await;
    let portal = drive_portals(&mut drive).await;
    drive_pages(&mut drive, &portal).await;
    drive_faults(&mut drive, &portal).await;
    drive
        .call("DELETE", PORTAL, &[&portal], "?force=perhaps", None)
        .await;
    drive
        .call("DELETE", PORTAL, &[&portal], "?force=true", None)
        .await;
    drive.call("GET", PORTAL, &[&portal], "", None).await;
    let expected = [
        "DELETE /v3/portals/{portalId} 204",
        "DELETE /v3/portals/{portalId}/pages/{pageId} 204",
        "GET /v3/organizations/me 401",
        "GET /v3/portals 403",
        "PATCH /v3/portals/{portalId} 409",
        "POST /v3/portals 201",
        "POST /v3/portals 400",
        "POST /v3/portals 415",
        "POST /v3/portals 429",
        "POST /v3/portals/{portalId}/pages 502",
        "POST /v3/portals/{portalId}/pages/{pageId}/move 201",
    ];
    for shown in expected {
        assert!(
            drive.seen.contains(shown),
            "{shown} was never seen: {:#?}",
            drive.seen
        );
    }
}

async fn drive_tokens(drive: &mut Drive<'_>) {
    drive.without_token("GET", "/v3/organizations/me", "").await;
    drive.without_token("GET", "/v3/users/me", "").await;
    for (method, template) in [
        ("GET", PORTALS),
        ("POST", PORTALS),
        ("GET", PORTAL),
        ("PATCH", PORTAL),
        ("DELETE", PORTAL),
        ("POST", PAGES),
        ("PATCH", PAGE),
        ("DELETE", PAGE),
        ("POST", MOVE),
    ] {
        drive.without_token(method, template, "").await;
        drive.without_token(method, template, "forbidden").await;
    }
    // The document has no 403 for reading pages.
    drive.without_token("GET", PAGES, "").await;
    drive.without_token("GET", PAGE, "").await;
}

async fn drive_portals(drive: &mut Drive<'_>) -> String {
    let full = json!({
        "name": "full", "display_name": "Full", "description": "All fields", "authentication_enabled": true,
        "rbac_enabled": true, "sipr_enabled": true, "default_api_visibility": "private",
        "default_page_visibility": "private", "default_application_auth_strategy_id": UNKNOWN,
        "auto_approve_developers": true, "auto_approve_applications": true,
        "labels": {"KONGCTL-namespace": "default", "env": "test"},
        "notifications_developer_pii_visibility_enabled": true,
    });
    let portal = drive.call("POST", PORTALS, &[], "", Some(full)).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    drive
        .call("POST", PORTALS, &[], "", Some(json!({"name": "small"})))
        .await;
    drive
        .call("POST", PORTALS, &[], "", Some(json!({"name": "small"})))
        .await;
    let many: Map<String, Value> = (0..51).map(|n| (format!("k{n}"), json!("v"))).collect();
    for wrong in [
        json!({}),
        json!([]),
        json!({"name": "", "display_name": "x".repeat(256), "description": 1, "rbac_enabled": "x", "id": 1}),
        json!({"name": "x", "default_api_visibility": "x", "default_application_auth_strategy_id": "x"}),
        json!({"name": "x", "labels": {"kong": "x", "a": "", "b": "-"}, "unknown": {}, "other": 1}),
        json!({"name": "x", "labels": many}),
        json!({"name": "x", "authentication_enabled": false, "rbac_enabled": true}),
    ] {
        drive.call("POST", PORTALS, &[], "", Some(wrong.clone())).await;
        drive.call("PATCH", PORTAL, &[&portal], "", Some(wrong)).await;
    }
    for query in [
        "",
        "?page[size]=1&page[number]=2",
        "?page[size]=1000",
        "?page[number]=x",
        "?sort=name+desc",
        "?sort=x",
        "?filter[name][contains]=u",
        "?filter[name][like]=u",
        "?filter[x]=u",
    ] {
        drive.call("GET", PORTALS, &[], query, None).await;
    }
    drive.call("GET", PORTAL, &[&portal], "", None).await;
    drive.call("GET", PORTAL, &["no-uuid"], "", None).await;
    let patch =
        json!({"description": null, "labels": {"env": null}, "default_application_auth_strategy_id": null});
    drive.call("PATCH", PORTAL, &[&portal], "", Some(patch)).await;
    drive
        .call("PATCH", PORTAL, &[&portal], "", Some(json!({"labels": null})))
        .await;
    drive
        .call("PATCH", PORTAL, &[&portal], "", Some(json!({"name": "small"})))
        .await;
    drive
        .call("PATCH", PORTAL, &[UNKNOWN], "", Some(json!({"name": "other"})))
        .await;
    drive.call("DELETE", PORTAL, &[UNKNOWN], "", None).await;
    portal
}

async fn drive_pages(drive: &mut Drive<'_>, portal: &str) {
    let home = json!({"slug": "/", "content": "# Home"});
    drive.call("POST", PAGES, &[portal], "", Some(home.clone())).await;
    drive.call("POST", PAGES, &[portal], "", Some(home)).await;
    let full = json!({"slug": "docs", "title": "Docs", "content": "x", "visibility": "private",
        "status": "published", "description": "All fields", "parent_page_id": null});
    let docs = drive.call("POST", PAGES, &[portal], "", Some(full)).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let child = json!({"slug": "start", "content": "", "parent_page_id": docs});
    let child = drive.call("POST", PAGES, &[portal], "", Some(child)).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for wrong in [
        json!({}),
        json!({"slug": "a/b", "content": 1, "title": "x".repeat(513), "visibility": "x", "status": "x", "more": 1}),
        json!({"slug": "x", "content": "x".repeat(1_000_001), "description": null}),
        json!({"slug": "x", "content": "", "parent_page_id": UNKNOWN}),
    ] {
        drive
            .call("POST", PAGES, &[portal], "", Some(wrong.clone()))
            .await;
        drive
            .call("PATCH", PAGE, &[portal, &child], "", Some(wrong))
            .await;
    }
    for query in [
        "",
        "?sort=slug+desc",
        "?filter[slug][eq]=start",
        "?filter[created_at][gt]=x",
        "?sort=x",
    ] {
        drive.call("GET", PAGES, &[portal], query, None).await;
    }
    drive.call("GET", PAGES, &[UNKNOWN], "", None).await;
    drive
        .call(
            "POST",
            PAGES,
            &[UNKNOWN],
            "",
            Some(json!({"slug": "x", "content": ""})),
        )
        .await;
    drive.call("GET", PAGE, &[portal, &child], "", None).await;
    drive.call("GET", PAGE, &[portal, UNKNOWN], "", None).await;
    let patch = json!({"title": "Begin", "slug": "begin", "parent_page_id": null, "status": "unpublished"});
    drive
        .call("PATCH", PAGE, &[portal, &child], "", Some(patch))
        .await;
    drive
        .call("PATCH", PAGE, &[portal, UNKNOWN], "", Some(json!({})))
        .await;
    drive
        .call(
            "POST",
            MOVE,
            &[portal, &child],
            "",
            Some(json!({"parent_page_id": docs, "index": 0})),
        )
        .await;
    drive
        .call(
            "POST",
            MOVE,
            &[portal, &docs],
            "",
            Some(json!({"parent_page_id": child})),
        )
        .await;
    drive
        .call("POST", MOVE, &[portal, UNKNOWN], "", Some(json!({"index": -1})))
        .await;
    drive.call("DELETE", PAGE, &[portal, &docs], "", None).await;
    drive.call("DELETE", PAGE, &[portal, &docs], "", None).await;
}

async fn drive_faults(drive: &mut Drive<'_>, portal: &str) {
    let server = drive.server;
    let odd = server
        .request("POST", PORTALS)
        .header("content-type", "text/plain")
        .body("x");
    let odd = server.send(odd).await;
    drive.check("POST", PORTALS, None, &odd);
    let broken = server
        .request("POST", PORTALS)
        .header("content-type", "application/json")
        .body("{");
    let broken = server.send(broken).await;
    drive.check("POST", PORTALS, None, &broken);
    for (template, status) in [(PORTALS, 429), (PAGES, 502)] {
        server
            .set_faults(json!([{"times": 1, "do": {"kind": "status", "status": status}}]))
            .await;
        let ids = if template == PORTALS { vec![] } else { vec![portal] };
        drive
            .call("POST", template, &ids, "", Some(json!({"name": "x"})))
            .await;
    }
}

#[tokio::test]
async fn a_broken_answer_is_noticed() {
    let Some(contract) = contract() else { return };
    let server = Server::start().await;
    let answer = server.post(PORTALS, json!({"name": "a"})).await;
    assert_eq!(contract.answer_faults("POST", PORTALS, &answer), [""; 0]);
    for (member, value) in [
        ("id", json!("no uuid")),
        ("created_at", json!("yesterday")),
        ("default_domain", json!("not a host name")),
        ("rbac_enabled", json!("no")),
        ("name", json!("")),
        ("display_name", Value::Null),
        ("default_page_visibility", json!("hidden")),
        ("labels", json!({"a": "-"})),
        ("surprise", json!(1)),
    ] {
        let mut body = answer.json();
        body[member] = value;
        let broken = Answer {
            status: 201,
            headers: answer.headers.clone(),
            text: body.to_string(),
        };
        assert!(
            !contract.answer_faults("POST", PORTALS, &broken).is_empty(),
            "{member}"
        );
    }
    let mut body = answer.json();
    body.as_object_mut().unwrap().remove("canonical_domain");
    let broken = Answer {
        status: 201,
        headers: answer.headers.clone(),
        text: body.to_string(),
    };
    assert!(!contract.answer_faults("POST", PORTALS, &broken).is_empty());
    let undeclared = Answer {
        status: 418,
        headers: answer.headers.clone(),
        text: answer.text.clone(),
    };
    assert_eq!(
        contract.answer_faults("POST", PORTALS, &undeclared),
        ["status 418 is not declared"]
    );
    assert!(
        !contract
            .request_faults("POST", PORTALS, &json!({"name": "a", "labels": {"a": "-"}}))
            .is_empty()
    );
    assert!(
        contract
            .request_faults("POST", PORTALS, &json!({"name": "a", "description": null}))
            .is_empty()
    );
    let problem = json!({"status": 400, "title": "Bad Request", "instance": "x", "detail": "x",
        "invalid_parameters": [{"field": "name", "rule": "max_length", "reason": "too long"}]});
    let mut wrong = server.post(PORTALS, json!({})).await;
    assert_eq!(contract.answer_faults("POST", PORTALS, &wrong), [""; 0]);
    wrong.text = problem.to_string();
    assert!(
        !contract.answer_faults("POST", PORTALS, &wrong).is_empty(),
        "max_length without a maximum"
    );
}
