//! The client of a cluster: each request is sent once, and a refusal is believed only from an API server that is ready.
//!
//! An API server that has just started answers before it has read its roles: until then it refuses what it will allow a moment later,
//! with the same `403 … cannot get resource …` as where a right is missing. Its `/readyz` tells the two apart: it is 200 only when its
//! caches are filled (<https://kubernetes.io/docs/reference/using-api/health-checks/>, check `informer-sync`). Whoever may sign in may
//! ask for it, by the role `system:public-info-viewer` that every cluster has.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use kube::client::Body;
use kube::{Client, Config};
use tower_service::Service;

/// How long a server that refuses may take to be ready; after that its refusal counts.
const MOST_STARTING: Duration = Duration::from_secs(20);
/// How long until it is asked again whether it is.
const BEAT: Duration = Duration::from_millis(500);

/// A client by a configuration.
///
/// By default kube repeats what was answered with 429, 503 or 504, writes too, and waits for it past every deadline and stop. This one
/// does not: whether something may be sent again is for the action to decide. The one exception is what was answered with 403, which did
/// nothing: it is sent once more when the server is ready, 20 s later at most.
///
/// # Errors
/// When the configuration is no usable one: a certificate or a credential that cannot be read.
pub fn client(mut config: Config) -> kube::Result<Client> {
    config.default_retry = false;
    let namespace = config.default_namespace.clone();
    Ok(doubting(Client::try_from(config)?, namespace))
}

/// The same client, that asks once more before it believes a refusal.
fn doubting(client: Client, namespace: String) -> Client {
    Client::new(Doubting(client), namespace)
}

/// Waits until the API server says that it is ready.
///
/// Gives false where it does not say so within 20 s, or lets nobody ask.
pub(crate) async fn is_ready(client: &Client) -> bool {
    let ready = async {
        while !says_ready(client).await {
            tokio::time::sleep(BEAT).await;
        }
    };
    tokio::time::timeout(MOST_STARTING, ready).await.is_ok()
}

async fn says_ready(client: &Client) -> bool {
    let Ok(request) = Request::get("/readyz").body(Body::empty()) else {
        return false;
    };
    let answer = client.send(request).await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

/// Sends what was refused once more when the server is ready.
struct Doubting(Client);

type Sending = Pin<Box<dyn Future<Output = kube::Result<Response<Body>>> + Send>>;

impl Service<Request<Body>> for Doubting {
    type Response = Response<Body>;
    type Error = kube::Error;
    type Future = Sending;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<kube::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Sending {
        Box::pin(sent(self.0.clone(), request))
    }
}

async fn sent(client: Client, request: Request<Body>) -> kube::Result<Response<Body>> {
    let same = copy(&request);
    let answer = client.send(request).await?;
    let refused = answer.status() == StatusCode::FORBIDDEN;
    let Some(same) = same.filter(|_| refused) else {
        return Ok(answer);
    };
    if is_ready(&client).await {
        client.send(same).await
    } else {
        Ok(answer)
    }
}

/// The same request again; none where its body can be read only once.
fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let mut same = Request::new(request.body().try_clone()?);
    same.method_mut().clone_from(request.method());
    same.uri_mut().clone_from(request.uri());
    same.headers_mut().clone_from(request.headers());
    Some(same)
}

#[cfg(test)]
mod tests {
    use enact_testkit::cluster::{Cluster, Fault, Rule, When};
    use k8s_openapi::api::core::v1::Pod;
    use kube::Api;

    use super::*;

    fn refused(code: u16) -> Fault {
        Fault::Refused {
            code,
            retry_after: None,
        }
    }

    fn pods(cluster: &Cluster) -> Api<Pod> {
        Api::namespaced(doubting(cluster.client("somebody"), "default".to_owned()), "web")
    }

    fn asked_if_ready(cluster: &Cluster) -> usize {
        let calls = cluster.calls();
        calls.iter().filter(|call| call.path == "/readyz").count()
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_starting_server_refuses_is_asked_again_when_it_is_ready() {
        let cluster = Cluster::new();
        cluster.plan(When::next("GET", "*/pods/a"), refused(403));
        for nth in 1..=3 {
            cluster.plan(
                When::nth(nth).path("/readyz"),
                refused(if nth == 1 { 403 } else { 500 }),
            );
        }
        assert!(pods(&cluster).get_opt("a").await.unwrap().is_none());
        assert_eq!(asked_if_ready(&cluster), 4);
        assert_eq!(cluster.planned(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_was_refused_is_sent_whole_again() {
        let cluster = Cluster::new();
        cluster.put(
            &serde_json::json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "web" } }),
        );
        cluster.plan(When::next("POST", "*/pods"), refused(403));
        let pod = serde_json::json!({
            "metadata": { "name": "a" }, "spec": { "containers": [{ "name": "c", "image": "i" }] },
        });
        let pod: Pod = serde_json::from_value(pod).unwrap();
        pods(&cluster).create(&Default::default(), &pod).await.unwrap();
        assert!(cluster.get("pods", "web", "a").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_ready_is_believed() {
        let cluster = Cluster::new();
        cluster.deny("somebody", Rule::new("", "pods", &["get"]));
        let error = pods(&cluster).get("a").await.unwrap_err();
        assert!(matches!(error, kube::Error::Api(status) if status.code == 403));
        assert_eq!(cluster.calls().len(), 3, "asked, is it ready, asked again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_says_that_it_is_ready_is_believed_in_the_end() {
        let cluster = Cluster::new();
        cluster.deny("somebody", Rule::new("", "pods", &["get"]));
        for nth in 1..=100 {
            cluster.plan(When::nth(nth).path("/readyz"), refused(403));
        }
        let began = tokio::time::Instant::now();
        let error = pods(&cluster).get("a").await.unwrap_err();
        assert!(matches!(error, kube::Error::Api(status) if status.code == 403));
        assert_eq!(began.elapsed(), MOST_STARTING);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_else_is_sent_twice() {
        for code in [401, 404, 409, 429, 500, 503] {
            let cluster = Cluster::new();
            cluster.plan(When::next("GET", "*/pods/a"), refused(code));
            let _answer = pods(&cluster).get_opt("a").await;
            assert_eq!(cluster.calls().len(), 1, "{code}");
        }
    }
}
