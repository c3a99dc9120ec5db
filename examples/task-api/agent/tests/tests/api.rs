//! The routes, without a network between.

use task_api::http::{Request, Response};
use task_api::json::{Json, parse};
use task_api::jwt::{Claims, sign};
use task_api::routes::{Api, handle};

const SECRET: &str = "a secret of at least 32 bytes, for tests";
const NOW: u64 = 1_795_000_000;

fn call_as(token: &str, api: &Api, method: &str, path: &str, body: &str) -> Response {
    let headers = vec![("authorization".to_string(), format!("Bearer {token}"))];
    handle(
        &Request {
            method: method.into(),
            path: path.into(),
            headers,
            body: body.into(),
        },
        api,
        NOW,
    )
}

fn call(api: &Api, method: &str, path: &str, body: &str) -> Response {
    let token = sign(
        &Claims {
            sub: "ana".into(),
            exp: NOW + 60,
        },
        SECRET.as_bytes(),
    );
    call_as(&token, api, method, path, body)
}

fn json(response: &Response) -> Json {
    parse(&response.body).unwrap()
}

fn api_with_one() -> Api {
    let api = Api::new(SECRET);
    assert_eq!(
        call(&api, "POST", "/api/tasks", r#"{"title": "Write the plan"}"#).status,
        201
    );
    api
}

#[test]
fn a_list_begins_empty() {
    let answer = call(&Api::new(SECRET), "GET", "/api/tasks", "");
    assert_eq!((answer.status, answer.body.as_str()), (200, "[]"));
}

#[test]
fn a_created_task_says_where_it_is_and_has_defaults() {
    let answer = call(
        &Api::new(SECRET),
        "POST",
        "/api/tasks",
        r#"{"title": "Write the plan"}"#,
    );
    assert_eq!(answer.status, 201);
    assert!(answer.headers.contains(&("Location", "/api/tasks/1".into())));
    let task = json(&answer);
    assert_eq!(task.get("status"), Some(&Json::text("todo")));
    assert_eq!(task.get("due_date"), Some(&Json::Null));
    assert_eq!(task.get("created_at"), Some(&Json::text("2026-11-18T11:06:40Z")));
}

#[test]
fn a_created_task_can_be_read() {
    let answer = call(&api_with_one(), "GET", "/api/tasks/1", "");
    assert_eq!(answer.status, 200);
    assert_eq!(json(&answer).get("title"), Some(&Json::text("Write the plan")));
}

#[test]
fn a_list_holds_every_task_in_order() {
    let api = api_with_one();
    call(&api, "POST", "/api/tasks", r#"{"title": "Enact it"}"#);
    let Json::List(tasks) = json(&call(&api, "GET", "/api/tasks", "")) else {
        panic!("not a list")
    };
    let titles: Vec<_> = tasks
        .iter()
        .filter_map(|task| task.get("title")?.as_text())
        .collect();
    assert_eq!(titles, ["Write the plan", "Enact it"]);
}

#[test]
fn an_update_replaces_everything_but_id_and_creation() {
    let api = api_with_one();
    let before = json(&call(&api, "GET", "/api/tasks/1", ""));
    let answer = call(
        &api,
        "PUT",
        "/api/tasks/1",
        r#"{"title": "b", "status": "done", "due_date": "2026-12-24"}"#,
    );
    assert_eq!(answer.status, 200);
    let after = json(&call(&api, "GET", "/api/tasks/1", ""));
    assert_eq!(after.get("status"), Some(&Json::text("done")));
    assert_eq!(after.get("due_date"), Some(&Json::text("2026-12-24")));
    assert_eq!(after.get("created_at"), before.get("created_at"));
}

#[test]
fn a_deleted_task_is_gone() {
    let api = api_with_one();
    assert_eq!(call(&api, "DELETE", "/api/tasks/1", "").status, 204);
    assert_eq!(call(&api, "GET", "/api/tasks/1", "").status, 404);
    assert_eq!(call(&api, "DELETE", "/api/tasks/1", "").status, 404);
}

#[test]
fn an_unknown_task_cannot_be_updated() {
    let answer = call(&Api::new(SECRET), "PUT", "/api/tasks/7", r#"{"title": "x"}"#);
    assert_eq!(answer.status, 404);
    assert_eq!(
        json(&answer).get("error").unwrap().get("code"),
        Some(&Json::text("not_found"))
    );
}

#[test]
fn nobody_gets_in_without_a_good_token() {
    let api = api_with_one();
    let expired = sign(
        &Claims {
            sub: "ana".into(),
            exp: NOW,
        },
        SECRET.as_bytes(),
    );
    let foreign = sign(
        &Claims {
            sub: "ana".into(),
            exp: NOW + 60,
        },
        b"another secret, also of 32 bytes or so",
    );
    for token in ["", "x.y.z", &expired, &foreign] {
        for (method, path) in [("GET", "/api/tasks"), ("DELETE", "/api/tasks/1")] {
            let answer = call_as(token, &api, method, path, "");
            assert_eq!(answer.status, 401, "{token}");
            assert!(answer.headers.contains(&("WWW-Authenticate", "Bearer".into())));
        }
    }
    assert_eq!(call(&api, "GET", "/api/tasks/1", "").status, 200);
}

#[test]
fn a_body_that_is_not_json_is_refused() {
    assert_eq!(
        call(&Api::new(SECRET), "POST", "/api/tasks", "{title}").status,
        400
    );
}

#[test]
fn a_wrong_field_is_named_and_nothing_is_stored() {
    let api = Api::new(SECRET);
    let answer = call(&api, "POST", "/api/tasks", r#"{"title": "x", "status": "later"}"#);
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("status must be"));
    assert!(api.store.list().is_empty());
}

#[test]
fn a_method_that_is_not_there_names_those_that_are() {
    let answer = call(&Api::new(SECRET), "PATCH", "/api/tasks", "");
    assert_eq!(answer.status, 405);
    assert!(answer.headers.contains(&("Allow", "GET, POST".into())));
}

#[test]
fn other_paths_are_not_found() {
    for path in [
        "/",
        "/api/tasksx",
        "/api/tasks/",
        "/api/tasks/one",
        "/api/tasks/1/2",
        "/api/tasks/-1",
    ] {
        assert_eq!(call(&api_with_one(), "GET", path, "").status, 404, "{path}");
    }
}
