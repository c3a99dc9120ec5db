//! `pods/log`: what a pod's container wrote, whole or as it is written.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use tokio::sync::watch;

use super::Cluster;
use super::object::{list, text};
use super::refused::Refused;
use super::request::Asked;
use super::server::{Answer, Cut};
use super::state::State;
use super::store::Key;

/// What the pods wrote, by namespace and name.
#[derive(Default)]
pub(super) struct Logs(BTreeMap<(String, String), String>);

impl Logs {
    pub(super) fn of(&self, key: &Key) -> &str {
        let place = (key.namespace.clone(), key.name.clone());
        self.0.get(&place).map_or("", String::as_str)
    }

    pub(super) fn add(&mut self, namespace: &str, name: &str, text: &str) {
        let place = (namespace.to_owned(), name.to_owned());
        self.0.entry(place).or_default().push_str(text);
    }
}

/// Answers a request for a log.
///
/// # Errors
/// 404; 400 for a container that the pod does not have, or that did not start.
pub(super) fn answer(cluster: &Cluster, state: &State, asked: &Asked, key: &Key) -> Result<Answer, Refused> {
    let pod = state.store.found(key)?;
    let wanted = asked.parameter("container");
    let containers = list(pod, "/spec/containers");
    let known = containers
        .iter()
        .any(|container| text(container, "/name") == wanted);
    if !wanted.is_empty() && !known {
        let message = format!("container {wanted} is not valid for pod {}", key.name);
        return Err(Refused::bad(message));
    }
    if text(pod, "/status/phase") == "Pending" {
        let name = containers
            .first()
            .map_or("", |container| text(container, "/name"));
        let message = format!(
            "container \"{name}\" in pod \"{}\" is waiting to start: ContainerCreating",
            key.name
        );
        return Err(Refused::bad(message));
    }
    let begun = cut(state.logs.of(key), asked);
    if !asked.is("follow") {
        return Ok(Answer::Text(begun));
    }
    let following = Following {
        cluster: cluster.clone(),
        key: key.clone(),
        uid: text(pod, "/metadata/uid").to_owned(),
        sent: state.logs.of(key).len(),
        next: begun,
        listener: state.store.listen(),
    };
    Ok(Answer::Stream(following.into_body()))
}

/// The last lines, and of these the first bytes.
fn cut(log: &str, asked: &Asked) -> String {
    let mut log = log;
    if let Ok(lines) = asked.parameter("tailLines").parse::<usize>() {
        let all: Vec<&str> = log.split_inclusive('\n').collect();
        let left_out = all.len().saturating_sub(lines);
        let bytes: usize = all.iter().take(left_out).map(|line| line.len()).sum();
        log = log.get(bytes..).unwrap_or_default();
    }
    let most = asked.parameter("limitBytes").parse().unwrap_or(usize::MAX);
    let bytes = log.as_bytes();
    let bytes = bytes.get(..most).unwrap_or(bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

/// A log that is followed until its pod ends.
struct Following {
    cluster: Cluster,
    key: Key,
    uid: String,
    sent: usize,
    next: String,
    listener: watch::Receiver<u64>,
}

impl Following {
    fn into_body(self) -> Body {
        Body::from_stream(futures_util::stream::unfold(self, |mut following| async {
            let text = following.more().await?;
            Some((Ok::<_, Cut>(Bytes::from(text)), following))
        }))
    }

    async fn more(&mut self) -> Option<String> {
        loop {
            if !self.next.is_empty() {
                return Some(std::mem::take(&mut self.next));
            }
            self.listener.borrow_and_update();
            if !self.look() && self.next.is_empty() {
                return None;
            }
            if self.next.is_empty() {
                self.listener.changed().await.ok()?;
            }
        }
    }

    /// Takes up what was written since. False when no more comes.
    fn look(&mut self) -> bool {
        let cluster = self.cluster.clone();
        let state = cluster.state();
        let log = state.logs.of(&self.key);
        self.next = log.get(self.sent..).unwrap_or_default().to_owned();
        self.sent = log.len();
        let pod = state.store.get(&self.key);
        pod.is_some_and(|pod| {
            text(pod, "/metadata/uid") == self.uid
                && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
        })
    }
}
