//! What the pods of Jobs do: a hook of the test, started by the cluster's kubelet as a process would be.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Cluster;
use super::object::{list, text};

/// What a pod is started with.
pub struct Started {
    /// The pod, as it is when it starts.
    pub pod: Value,
    /// A client of its account.
    pub client: kube::Client,
    /// Cancelled when it is told to end (SIGTERM). Its future is dropped when its grace is over (SIGKILL).
    pub stop: CancellationToken,
    pub(super) cluster: Cluster,
}

impl Started {
    /// Writes a line of its log at once, for those who follow it.
    pub fn say(&self, line: &str) {
        let (namespace, name) = (
            text(&self.pod, "/metadata/namespace"),
            text(&self.pod, "/metadata/name"),
        );
        self.cluster.write_log(namespace, name, &format!("{line}\n"));
    }

    /// A variable of its first container's environment, expanded as the kubelet does it: `$$` is a dollar sign.
    pub fn variable(&self, name: &str) -> Option<String> {
        let container = list(&self.pod, "/spec/containers").first()?;
        let variables = list(container, "/env");
        let found = variables
            .iter()
            .find(|variable| text(variable, "/name") == name)?;
        match found.pointer("/valueFrom/secretKeyRef") {
            Some(reference) => self.of_secret(reference),
            None => Some(text(found, "/value").replace("$$", "$")),
        }
    }

    /// A key of a Secret of the pod's namespace, as it is.
    fn of_secret(&self, reference: &Value) -> Option<String> {
        use base64::Engine as _;
        let namespace = text(&self.pod, "/metadata/namespace");
        let secret = self.cluster.get("secrets", namespace, text(reference, "/name"))?;
        let value = secret.get("data")?.get(text(reference, "/key"))?.as_str()?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(value).ok()?;
        String::from_utf8(bytes).ok()
    }
}

/// How a pod ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// The exit code.
    pub code: i32,
    /// The termination message.
    pub message: String,
    /// What is added to its log.
    pub log: String,
    /// Why, where it is not told by the exit code: `OOMKilled`.
    pub reason: Option<String>,
}

impl Ended {
    /// With an exit code and a termination message.
    pub fn with(code: i32, message: &str) -> Self {
        Self {
            code,
            message: message.to_owned(),
            ..Self::default()
        }
    }
}

/// A pod while it runs.
pub type Running = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// What pods do.
pub(super) type Run = Arc<dyn Fn(Started) -> Running + Send + Sync>;

/// Why pods do not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stuck {
    /// No node takes them.
    Unschedulable,
    /// Their image cannot be had.
    ImagePullBackOff,
    /// Their container cannot be made: something that it names is not there.
    CreateContainerConfigError,
    /// They are bound to a node, and nothing more is heard of them.
    Silent,
}

/// The cluster's kubelets.
pub(super) struct Kubelet {
    pub(super) run: Run,
    pub(super) stuck: Option<Stuck>,
    /// How long pods take to end once they are told to, in seconds; never longer than their grace.
    pub(super) end_seconds: i64,
    /// Those that run a hook, by uid.
    pub(super) running: BTreeMap<String, Process>,
    /// Does one of those that just ended settle in a moment?
    pub(super) settles: bool,
}

/// A hook under way.
#[derive(Default)]
pub(super) struct Process {
    pub(super) stop: CancellationToken,
    pub(super) task: Option<JoinHandle<()>>,
}

impl Default for Kubelet {
    /// Pods succeed at once and say nothing.
    fn default() -> Self {
        Self {
            run: Arc::new(|_| Box::pin(std::future::ready(Ended::default()))),
            stuck: None,
            settles: false,
            end_seconds: 2,
            running: BTreeMap::new(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
