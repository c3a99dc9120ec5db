//! The five routes. Each is behind authentication.

use crate::auth::authenticate;
use crate::clock::rfc3339;
use crate::error;
use crate::http::{Request, Response};
use crate::json::{Json, parse};
use crate::model::NewTask;
use crate::store::Store;

pub struct Api {
    pub store: Store,
    secret: String,
}

impl Api {
    pub fn new(secret: impl Into<String>) -> Self {
        Self {
            store: Store::new(),
            secret: secret.into(),
        }
    }
}

pub fn handle(request: &Request, api: &Api, now: u64) -> Response {
    if authenticate(request.header("Authorization"), api.secret.as_bytes(), now).is_none() {
        return failure(401, "a valid bearer token is needed");
    }
    let Some(rest) = request.path.strip_prefix("/api/tasks") else {
        return failure(404, "there is no such resource");
    };
    let id = match rest.strip_prefix('/') {
        None if rest.is_empty() => return collection(request, api, now),
        None => return failure(404, "there is no such resource"),
        Some(id) => id.parse::<u64>(),
    };
    match id {
        Ok(id) => single(request, api, id),
        Err(_) => failure(404, "there is no such task"),
    }
}

/// An answer that says no.
pub fn failure(status: u16, message: &str) -> Response {
    error::response(status, message)
}

fn collection(request: &Request, api: &Api, now: u64) -> Response {
    match request.method.as_str() {
        "GET" => {
            let tasks = api.store.list().iter().map(crate::model::Task::to_json).collect();
            Response::json(200, &Json::List(tasks))
        }
        "POST" => match body(request) {
            Ok(new) => {
                let task = api.store.insert(new, &rfc3339(now));
                Response::json(201, &task.to_json())
                    .with_header("Location", format!("/api/tasks/{}", task.id))
            }
            Err(refused) => refused,
        },
        _ => failure(405, "GET and POST are possible here").with_header("Allow", "GET, POST"),
    }
}

fn single(request: &Request, api: &Api, id: u64) -> Response {
    let found = match request.method.as_str() {
        "GET" => api.store.get(id),
        "PUT" => match body(request) {
            Ok(new) => api.store.update(id, new),
            Err(refused) => return refused,
        },
        "DELETE" if api.store.remove(id) => return Response::empty(204),
        "DELETE" => None,
        _ => {
            return failure(405, "GET, PUT and DELETE are possible here")
                .with_header("Allow", "GET, PUT, DELETE");
        }
    };
    match found {
        Some(task) => Response::json(200, &task.to_json()),
        None => failure(404, "there is no such task"),
    }
}

fn body(request: &Request) -> Result<NewTask, Response> {
    let text = std::str::from_utf8(&request.body).map_err(|_| failure(400, "the body is not UTF-8"))?;
    let body = parse(text).map_err(|fault| failure(400, &format!("the body is not JSON: {fault}")))?;
    NewTask::from_json(&body).map_err(|fault| failure(422, &fault))
}
