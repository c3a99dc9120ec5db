//! Objects that the tests put into the cluster, and short ways to ask for them.

use enact_testkit::cluster::Cluster;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Api;
use serde_json::{Value, json};

pub(crate) fn configmap(name: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": "u", "name": name, "labels": labels },
        "data": { "a": "1" },
    })
}

pub(crate) fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "namespace": "u", "name": name },
        "spec": {
            "replicas": 2, "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [
                    { "name": "web", "image": "web:1", "env": [{ "name": "A", "value": "1" }] },
                    { "name": "log", "image": "log:1" },
                ] },
            },
        },
    })
}

pub(crate) fn pod(name: &str, node: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": "u", "name": name, "labels": labels },
        "spec": { "nodeName": node, "containers": [{ "name": "main", "image": "web:1" }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] },
    })
}

pub(crate) fn maps(cluster: &Cluster) -> Api<ConfigMap> {
    Api::namespaced(cluster.client("tester"), "u")
}

pub(crate) fn pods(cluster: &Cluster) -> Api<Pod> {
    Api::namespaced(cluster.client("tester"), "u")
}

pub(crate) fn deployments(cluster: &Cluster) -> Api<Deployment> {
    Api::namespaced(cluster.client("tester"), "u")
}

/// The code and the reason of an answer that is an error.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, kube::Error>) -> (u16, String) {
    match answer {
        Err(kube::Error::Api(status)) => (status.code, status.reason.clone()),
        other => panic!("it should be refused: {other:?}"),
    }
}
