//! `/healthz`, `/readyz` and `/metrics`, on two ports of plain HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use super::guard::Guard;

/// Says whether the replica is ready, and why not.
pub(super) type Ready = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Serves health, until told to stop.
///
/// # Errors
/// When the address cannot be had.
pub(super) async fn health(
    address: SocketAddr,
    ready: Ready,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .with_state(ready);
    axum::serve(listener, routes)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

async fn readyz(State(ready): State<Ready>) -> Response {
    match ready() {
        Ok(()) => "ok\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

/// Serves metrics, until told to stop.
///
/// # Errors
/// When the address cannot be had.
pub(super) async fn metrics(
    address: SocketAddr,
    served: Served,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    let routes = Router::new().route("/metrics", get(guarded)).with_state(served);
    axum::serve(listener, routes)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

/// Metrics, and who is asked before they are given; nobody where none is chosen.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) registry: Arc<Registry>,
    pub(super) guard: Option<Arc<Guard>>,
}

async fn guarded(State(served): State<Served>, headers: HeaderMap) -> Response {
    if let Some(guard) = &served.guard
        && let Err(refused) = guard.admit(&headers).await
    {
        let code = StatusCode::from_u16(refused.code()).unwrap_or(StatusCode::FORBIDDEN);
        return (code, format!("{refused}\n")).into_response();
    }
    written(&served.registry)
}

fn written(registry: &Registry) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
