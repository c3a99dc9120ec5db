//! The server's own routes under `/_enact/`: the request log and the fault switch. They need no token.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{Response, StatusCode};
use axum::routing::get;
use serde::Serialize;
use serde_json::{Value, json};

use super::Shared;
use super::dispatch::set_json;
use super::fault::FaultList;
use super::problem::{InvalidParameter, Problem};
use super::store::Effect;

const MAX_FAULTS_BYTES: usize = 1024 * 1024;

/// What has been asked of the server, as `GET /_enact/requests` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RequestLog {
    /// Requests to the API since the server started or the log was reset.
    pub total: u64,
    /// The same by method and path template, `GET /v3/portals/{portalId}`; paths and methods that the API does
    /// not have are under `unmatched`.
    pub by_operation: BTreeMap<String, u64>,
    /// The last 10,000 committed writes of the database, oldest first; they outlive the server.
    pub writes: Vec<Effect>,
}

/// Counts requests; bounded by the number of operations.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<BTreeMap<String, u64>>);

impl Counts {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, operation: String) {
        *self.lock().entry(operation).or_default() += 1;
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    pub(super) fn log(&self, writes: Vec<Effect>) -> RequestLog {
        let by_operation = self.lock().clone();
        RequestLog {
            total: by_operation.values().sum(),
            by_operation,
            writes,
        }
    }
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_enact/requests", get(show_requests).delete(reset_requests))
        .route(
            "/_enact/faults",
            get(show_faults).put(set_faults).delete(clear_faults),
        )
        .layer(DefaultBodyLimit::max(MAX_FAULTS_BYTES))
}

async fn show_requests(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let worker = Arc::clone(&shared);
    match tokio::task::spawn_blocking(move || worker.store.effects()).await {
        Ok(Ok(writes)) => json(StatusCode::OK, &shared.counts.log(writes)),
        Ok(Err(error)) => Problem::from(error).into_response(&shared.traces),
        Err(error) => internal(&shared, &error),
    }
}

async fn reset_requests(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<Vec<(String, String)>>,
) -> Response<Body> {
    shared.counts.clear();
    if query
        .iter()
        .any(|(key, value)| key == "effects" && value == "true")
    {
        let worker = Arc::clone(&shared);
        match tokio::task::spawn_blocking(move || worker.store.clear_effects()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Problem::from(error).into_response(&shared.traces),
            Err(error) => return internal(&shared, &error),
        }
    }
    empty(StatusCode::NO_CONTENT)
}

async fn show_faults(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let (list, struck) = shared.faults.get();
    json(StatusCode::OK, &json!({"faults": list.faults, "struck": struck}))
}

async fn set_faults(State(shared): State<Arc<Shared>>, body: Bytes) -> Response<Body> {
    match FaultList::parse(&body) {
        Ok(list) => {
            shared.faults.set(list);
            show_faults(State(shared)).await
        }
        Err(error) => {
            let source = std::error::Error::source(&error);
            let reason = source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
            Problem::invalid(vec![InvalidParameter::body("faults", "invalid", reason)])
                .into_response(&shared.traces)
        }
    }
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> Response<Body> {
    shared.faults.set(FaultList { faults: Vec::new() });
    empty(StatusCode::NO_CONTENT)
}

fn internal(shared: &Shared, error: &tokio::task::JoinError) -> Response<Body> {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(&shared.traces)
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    // These are maps with text keys, which always serialise.
    let text = serde_json::to_vec(body).unwrap_or_else(|_| Value::Null.to_string().into_bytes());
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    set_json(response.headers_mut());
    response
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
