//! From an HTTP request to an operation and back: limits, faults, token, body, transaction, answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use serde_json::Value;
use tokio::sync::Notify;

use super::auth::admit;
use super::fault::{FaultAction, When};
use super::operation::{BodyRule, Call, Operation, Reply};
use super::problem::{InvalidParameter, Problem};
use super::store::{NewEffect, record};
use super::{Shared, control};

/// A page of 1,000,000 characters fits with every character escaped once.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Rung to cut the connection that a request came in on.
#[derive(Debug, Clone, Default)]
pub(super) struct Cut(pub(super) Arc<Notify>);

/// What the router found for a path.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Operation(&'static Operation),
    NoSuchPath,
    NoSuchMethod,
}

impl Target {
    /// The key of `by_operation` in the request log.
    fn label(self) -> String {
        match self {
            Self::Operation(operation) => format!("{} {}", operation.method, operation.path),
            Self::NoSuchPath | Self::NoSuchMethod => "unmatched".to_owned(),
        }
    }
}

/// Answers one request to the API.
pub(super) async fn answer(shared: Arc<Shared>, target: Target, request: Request) -> Response<Body> {
    shared.counts.count(target.label());
    let (mut parts, body) = request.into_parts();
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(&shared.traces),
    };
    let stroke = shared.faults.strike(&parts.method, parts.uri.path(), &body);
    let latency = shared
        .latency
        .saturating_add(Duration::from_millis(stroke.latency_ms));
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let invisible_ms = match &stroke.action {
        Some(FaultAction::Invisible { milliseconds }) => i64::try_from(*milliseconds).unwrap_or(i64::MAX),
        _ => 0,
    };
    if stroke.action.as_ref().is_none_or(runs_operation) {
        let outcome = run(&shared, target, &mut parts, &body, invisible_ms).await;
        match stroke.action {
            None | Some(FaultAction::Invisible { .. }) => return respond(&shared, outcome),
            Some(_) => {}
        }
    }
    match stroke.action {
        Some(action) => spoil(&shared, &parts, action).await,
        None => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "No answer").into_response(&shared.traces),
    }
}

fn runs_operation(action: &FaultAction) -> bool {
    match action {
        FaultAction::Status { when, .. } | FaultAction::Reset { when } | FaultAction::Hang { when, .. } => {
            *when == When::AfterCommit
        }
        FaultAction::Latency { .. } | FaultAction::Invisible { .. } | FaultAction::Malformed {} => true,
        FaultAction::Redirect { .. } => false,
    }
}

/// Answers as a fault wants; the operation has been carried out by now if it ever will be.
async fn spoil(shared: &Shared, parts: &Parts, action: FaultAction) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    match action {
        FaultAction::Status {
            status,
            retry_after_seconds,
            ..
        } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut problem = Problem::new(status, "Injected fault");
            problem.retry_after_seconds = retry_after_seconds;
            return problem.into_response(&shared.traces);
        }
        FaultAction::Redirect { location } => {
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            if let Ok(location) = HeaderValue::from_str(&location) {
                response.headers_mut().insert(header::LOCATION, location);
            }
        }
        FaultAction::Malformed {} => {
            *response.body_mut() = Body::from(r#"{"id": "3f0e"#);
            set_json(response.headers_mut());
        }
        FaultAction::Hang { milliseconds, .. } => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            cut(parts).await;
        }
        FaultAction::Reset { .. } => cut(parts).await,
        FaultAction::Latency { .. } | FaultAction::Invisible { .. } => {}
    }
    response
}

/// Has the connection cut and waits for the end that comes with it.
async fn cut(parts: &Parts) {
    if let Some(Cut(bell)) = parts.extensions.get::<Cut>() {
        bell.notify_one();
        std::future::pending::<()>().await;
    }
}

async fn read_body(body: Body) -> Result<Bytes, Problem> {
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body could not be read within [{MAX_BODY_BYTES}] bytes: {error}"),
        )),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "The body took too long",
        )),
    }
}

async fn run(
    shared: &Arc<Shared>,
    target: Target,
    parts: &mut Parts,
    body: &Bytes,
    invisible_ms: i64,
) -> Result<Reply, Problem> {
    let operation = match target {
        Target::Operation(operation) => operation,
        Target::NoSuchPath => return Err(Problem::new(StatusCode::NOT_FOUND, "Not found")),
        Target::NoSuchMethod => {
            return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"));
        }
    };
    admit(
        &parts.headers,
        shared.token.as_deref(),
        &parts.method,
        operation.access,
    )?;
    let body = match operation.body {
        BodyRule::Ignored => Value::Null,
        BodyRule::Optional if body.is_empty() => Value::Null,
        BodyRule::Optional | BodyRule::Required => read_json(&parts.headers, body)?,
    };
    let params = match RawPathParams::from_request_parts(parts, &()).await {
        Ok(params) => params
            .iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        Err(_) => return Err(Problem::new(StatusCode::NOT_FOUND, "Not found")),
    };
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(|error| {
        Problem::invalid(vec![InvalidParameter::query(
            "query",
            "invalid",
            error.to_string(),
        )])
    })?;
    let call = Call {
        params,
        query: query.0,
        body,
        now_ms: shared.sources.now_ms(),
        invisible_ms,
        sources: shared.sources.clone(),
    };
    let path = parts.uri.path().to_owned();
    let shared = Arc::clone(shared);
    // A client that goes away ends this future but not the transaction, as on a real server.
    let outcome = tokio::task::spawn_blocking(move || transact(&shared, operation, &call, &path)).await;
    outcome.unwrap_or_else(|error| Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())))
}

fn transact(shared: &Shared, operation: &Operation, call: &Call, path: &str) -> Result<Reply, Problem> {
    if operation.method == Method::GET {
        return shared
            .store
            .read(|transaction| (operation.handler)(call, transaction));
    }
    shared.store.write(|transaction| {
        let reply = (operation.handler)(call, transaction)?;
        let effect = NewEffect {
            method: operation.method.as_str(),
            path,
            status: reply.status.as_u16(),
            object_id: reply.object_id.as_deref(),
            applied: reply.applied,
            at_ms: call.now_ms,
        };
        record(transaction, &effect)?;
        Ok(reply)
    })
}

fn read_json(headers: &HeaderMap, body: &[u8]) -> Result<Value, Problem> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        let detail = format!("Content type [{media_type}] is not supported, use [application/json]");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    serde_json::from_slice(body).map_err(|error| {
        let reason = format!("must be valid JSON: {error}");
        Problem::invalid(vec![InvalidParameter::body("body", "invalid", reason)])
    })
}

fn respond(shared: &Shared, outcome: Result<Reply, Problem>) -> Response<Body> {
    match outcome {
        Err(problem) => problem.into_response(&shared.traces),
        Ok(Reply {
            status, body: None, ..
        }) => control::empty(status),
        Ok(Reply {
            status,
            body: Some(body),
            ..
        }) => control::json(status, &body),
    }
}

/// Marks a response as JSON.
pub(super) fn set_json(headers: &mut HeaderMap) {
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
}
