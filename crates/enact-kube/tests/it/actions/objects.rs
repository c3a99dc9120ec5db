//! What actions are aimed at.

use enact_testkit::cluster::Cluster;
use serde_json::{Value, json};

/// A Deployment `u/web` with two replicas, rolled out.
pub(super) fn web(cluster: &Cluster) -> Value {
    cluster.put(&json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "namespace": "u", "name": "web" },
        "spec": {
            "replicas": 2, "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": {
                    "initContainers": [{ "name": "init", "image": "init:1" }],
                    "containers": [{ "name": "web", "image": "web:1" }, { "name": "log", "image": "log:1" }],
                },
            },
        },
    }));
    cluster.settle();
    cluster.get("deployments", "u", "web").unwrap()
}

/// A ConfigMap `u/conf`.
pub(super) fn conf(cluster: &Cluster) -> Value {
    cluster.put(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "namespace": "u", "name": "conf" },
        "data": { "a": "1", "b": "2" },
    }))
}

/// A Secret `u/key` with one value, `hidden`.
pub(super) fn key(cluster: &Cluster) -> Value {
    cluster.put(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": "u", "name": "key" },
        "data": { "password": "aGlkZGVu" },
    }))
}

/// A node.
pub(super) fn node(cluster: &Cluster, name: &str) -> Value {
    cluster.put(&json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": name }, "spec": { "podCIDR": "10.0.0.0/24" },
    }))
}

/// A pod of a ReplicaSet on node `n`.
pub(super) fn pod(cluster: &Cluster, name: &str) -> Value {
    owners(cluster);
    cluster.put(&pod_like(name, &json!({}), &json!({})))
}

/// The same with other metadata and another spec, where they are said.
pub(super) fn pod_like(name: &str, metadata: &Value, spec: &Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "namespace": "u", "name": name, "labels": { "app": "web" },
            "ownerReferences": [owner("apps/v1", "ReplicaSet", "web-5d4f")],
        },
        "spec": { "nodeName": "n", "containers": [{ "name": "main", "image": "web:1" }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] },
    });
    for (part, more) in [("metadata", metadata), ("spec", spec)] {
        let fields = pod[part].as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
    }
    pod
}

/// The owners that pods name, so that the garbage collector leaves the pods alone.
pub(super) fn owners(cluster: &Cluster) {
    for (plural, kind, name) in [
        ("replicasets", "ReplicaSet", "web-5d4f"),
        ("daemonsets", "DaemonSet", "agent"),
    ] {
        cluster.put(
            &json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "namespace": "u", "name": name },
            "spec": { "selector": {}, "template": { "metadata": {} } } }),
        );
        cluster.edit(plural, "u", name, |owner| owner["metadata"]["uid"] = json!("1"));
    }
}

/// A reference to a controller.
pub(super) fn owner(api_version: &str, kind: &str, name: &str) -> Value {
    json!({ "apiVersion": api_version, "kind": kind, "name": name, "uid": "1", "controller": true })
}

/// A disruption budget over the pods with `app=web`.
pub(super) fn budget(cluster: &Cluster, name: &str, allowed: i64) -> Value {
    cluster.put(&json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": { "namespace": "u", "name": name },
        "spec": { "selector": { "matchLabels": { "app": "web" } } },
        "status": { "disruptionsAllowed": allowed, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 2 },
    }))
}
