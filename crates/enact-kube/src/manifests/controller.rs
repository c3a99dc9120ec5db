//! The Deployment of the controller, and what it stands on.

use serde_json::{Value, json};

use super::Choices;
use super::accounts::labels;

/// The executor's own namespace, in which no pod may be more than restricted.
pub(super) fn namespace(choices: &Choices) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": choices.namespace,
            "labels": {
                "pod-security.kubernetes.io/enforce": "restricted",
                "pod-security.kubernetes.io/audit": "restricted",
                "pod-security.kubernetes.io/warn": "restricted",
            },
        },
    })
}

/// Deployment, Service, disruption budget and network policy.
pub fn controller_objects(choices: &Choices) -> Vec<Value> {
    vec![
        deployment(choices),
        service(choices),
        budget(choices),
        network(choices),
    ]
}

fn deployment(choices: &Choices) -> Value {
    let selector = json!({ "app": "kubernetes-executor" });
    let mut pod_labels = labels("controller");
    if let Some(fields) = pod_labels.as_object_mut() {
        fields.insert("app".to_owned(), Value::from("kubernetes-executor"));
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "kubernetes-executor", "namespace": choices.namespace, "labels": pod_labels },
        "spec": {
            "replicas": choices.replicas,
            "selector": { "matchLabels": selector },
            "template": {
                "metadata": { "labels": pod_labels },
                "spec": pod(choices, &selector),
            },
        },
    })
}

fn pod(choices: &Choices, selector: &Value) -> Value {
    json!({
        "serviceAccountName": "kubernetes-executor",
        "terminationGracePeriodSeconds": 20,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": 65_532,
            "runAsGroup": 65_532,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "topologySpreadConstraints": [{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": { "matchLabels": selector },
        }],
        "containers": [container(choices)],
        "volumes": [{ "name": "policies", "configMap": { "name": "kubernetes-executor-policies" } }],
    })
}

fn container(choices: &Choices) -> Value {
    json!({
        "name": "manager",
        "image": choices.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/manager"],
        "args": arguments(choices),
        "env": [
            { "name": "POD_NAMESPACE", "valueFrom": { "fieldRef": { "fieldPath": "metadata.namespace" } } },
            { "name": "POD_NAME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
        ],
        "ports": [
            { "name": "metrics", "containerPort": 8080, "protocol": "TCP" },
            { "name": "health", "containerPort": 8081, "protocol": "TCP" },
        ],
        "livenessProbe": probe("/healthz", 15, 20),
        "readinessProbe": probe("/readyz", 5, 10),
        "resources": {
            "requests": { "cpu": "100m", "memory": "256Mi" },
            "limits": { "cpu": "500m", "memory": "512Mi" },
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "volumeMounts": [{ "name": "policies", "mountPath": "/etc/policies", "readOnly": true }],
    })
}

fn arguments(choices: &Choices) -> Vec<String> {
    let mut arguments = vec![
        "--leader-elect".to_owned(),
        "--health-probe-bind-address=:8081".to_owned(),
        "--metrics-bind-address=:8080".to_owned(),
        "--policy-dir=/etc/policies".to_owned(),
        format!("--job-image={}", choices.image),
    ];
    for (chosen, flag) in [
        (choices.custom_actions, "--custom-actions"),
        (choices.metrics_auth, "--metrics-auth"),
    ] {
        arguments.extend(chosen.then(|| flag.to_owned()));
    }
    arguments
}

fn probe(path: &str, delay: u32, period: u32) -> Value {
    json!({
        "httpGet": { "path": path, "port": "health" },
        "initialDelaySeconds": delay,
        "periodSeconds": period,
    })
}

fn service(choices: &Choices) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kubernetes-executor-metrics",
            "namespace": choices.namespace,
            "labels": labels("metrics"),
        },
        "spec": {
            "selector": { "app": "kubernetes-executor" },
            "ports": [{ "name": "metrics", "port": 8080, "targetPort": "metrics", "protocol": "TCP" }],
        },
    })
}

fn budget(choices: &Choices) -> Value {
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": { "name": "kubernetes-executor", "namespace": choices.namespace, "labels": labels("controller") },
        "spec": { "maxUnavailable": 1, "selector": { "matchLabels": { "app": "kubernetes-executor" } } },
    })
}

/// In: metrics and probes. Out: the API server and names, whose addresses no manifest can know.
fn network(choices: &Choices) -> Value {
    let port = |port: u32, protocol: &str| json!({ "port": port, "protocol": protocol });
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": { "name": "kubernetes-executor", "namespace": choices.namespace, "labels": labels("controller") },
        "spec": {
            "podSelector": {},
            "policyTypes": ["Egress", "Ingress"],
            "ingress": [{ "ports": [port(8080, "TCP"), port(8081, "TCP")] }],
            "egress": [
                { "ports": [port(443, "TCP"), port(6443, "TCP")] },
                { "ports": [port(53, "TCP"), port(53, "UDP")] },
            ],
        },
    })
}
