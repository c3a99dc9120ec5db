//! The server's side of HTTP, over a pipe in memory or a socket, and clients of it.
//!
//! A pipe is woken by the other end and by nothing else, so that a test with a paused clock knows when nothing is
//! under way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, to_bytes};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use kube::client::{ClientBuilder, ConfigExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use super::Cluster;
use super::refused::Refused;
use super::request::{Asked, TOKEN};

/// The longest body that is read, as the real server has it.
const MOST: usize = 3 * 1024 * 1024;

/// How much a pipe holds.
const PIPE: usize = 64 * 1024;

/// A connection that is cut on purpose.
#[derive(Debug)]
pub(super) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the connection is cut")
    }
}

impl std::error::Error for Cut {}

/// What is sent back.
pub(super) enum Answer {
    /// An object, with its status.
    Json(u16, serde_json::Value),
    /// Text: a log.
    Text(String),
    /// Line by line.
    Stream(Body),
}

impl Answer {
    pub(super) fn of(answer: Result<Self, Refused>) -> Response<Body> {
        match answer {
            Ok(Self::Json(code, value)) => whole(code, "application/json", value.to_string()),
            Ok(Self::Text(text)) => whole(200, "text/plain", text),
            Ok(Self::Stream(body)) => {
                let mut response = whole(200, "application/json", String::new());
                *response.body_mut() = body;
                response
            }
            Err(refused) => {
                let mut response = whole(refused.code, "application/json", refused.to_value().to_string());
                if let Some(seconds) = refused.retry_after() {
                    response.headers_mut().insert(RETRY_AFTER, seconds.into());
                }
                response
            }
        }
    }
}

fn whole(code: u16, content_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = hyper::StatusCode::from_u16(code).unwrap_or_default();
    let content_type = hyper::header::HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// Serves one connection until one of both sides ends it.
async fn serve<I>(io: I, cluster: Cluster)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let cluster = cluster.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(Body::new(body), MOST).await.map_err(|_| Cut)?;
            cluster.handle(Asked::read(&parts, body)).await
        }
    });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(io), service);
    // It ends in an error whenever a fault or the client cuts it.
    let _ended = connection.await;
}

/// Serves a listener until its task is aborted.
pub(super) async fn listen(listener: TcpListener, cluster: Cluster) {
    while let Ok((stream, _)) = listener.accept().await {
        // As the real server does: else the end of an answer waits for the other side's delayed acknowledgement, 40 ms.
        let _set = stream.set_nodelay(true);
        tokio::spawn(serve(stream, cluster.clone()));
    }
}

/// Sends each request over a pipe of its own, so that a connection that is cut concerns one request only.
#[derive(Clone)]
struct Pipe(Cluster);

type Failure = Box<dyn std::error::Error + Send + Sync>;

type Sending = Pin<Box<dyn Future<Output = Result<Response<Incoming>, Failure>> + Send>>;

impl tower_service::Service<Request<kube::client::Body>> for Pipe {
    type Response = Response<Incoming>;
    type Error = Failure;
    type Future = Sending;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<kube::client::Body>) -> Sending {
        let cluster = self.0.clone();
        Box::pin(async move {
            let (near, far) = tokio::io::duplex(PIPE);
            tokio::spawn(serve(far, cluster));
            let io = TokioIo::new(near);
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
            tokio::spawn(async move {
                let _ended = connection.await;
            });
            Ok(sender.send_request(request).await?)
        })
    }
}

/// A client of an account over pipes. It repeats nothing by itself: what is asked is what the caller asks.
pub(super) fn client(cluster: &Cluster, account: &str) -> kube::Client {
    let mut config = kube::Config::new(hyper::Uri::from_static("http://cluster"));
    config.auth_info.token = Some(format!("{TOKEN}{account}").into());
    config.headers = vec![(
        hyper::header::USER_AGENT,
        hyper::header::HeaderValue::from_static("enact-testkit"),
    )];
    let service = ClientBuilder::new(Pipe(cluster.clone()), "default");
    let auth = config.auth_layer().expect("a bearer token is a header");
    let auth = auth.expect("a token is set");
    let extra = config.extra_headers_layer().expect("no header is impersonated");
    service
        .with_layer(&extra)
        .with_layer(&auth)
        .with_layer(&config.base_uri_layer())
        .build()
}
