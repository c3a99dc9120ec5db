//! The Job's object. Only an admitted execution becomes one.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::protocol::{REQUEST_VARIABLE, Request};
use super::{ALLOWANCE_SECONDS, CONTAINER};
use crate::api::KubernetesExecution;
use crate::catalog::{About, Runs};
use crate::machine::{Admission, Settings};

/// The namespace of the execution.
pub const NAMESPACE_ANNOTATION: &str = "kubernaut.ai/execution-namespace";

/// The name of the execution.
pub const NAME_ANNOTATION: &str = "kubernaut.ai/execution-name";

/// The uid of the execution.
pub const UID_ANNOTATION: &str = "kubernaut.ai/execution-uid";

/// The key of a Secret that holds what a Job is told.
pub const REQUEST_KEY: &str = "request";

/// How long a Job is kept when nobody took its result, in seconds.
const SAFETY_TTL: i32 = 86_400;

/// The label that selects every Job of the executor.
pub fn selector() -> &'static str {
    "app.kubernetes.io/name=kubernetes-executor,app.kubernetes.io/component=action"
}

/// What a Job is built from.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The execution.
    pub object: &'a KubernetesExecution,
    /// Its action.
    pub about: &'a About,
    /// What it is told.
    pub request: &'a Request,
    /// Its name.
    pub name: &'a str,
    /// The Secret that holds what it is told, where that must not stand in the Job itself.
    pub secret: Option<&'a str>,
    /// What the operator decided.
    pub settings: &'a Settings,
    /// The argv of a program of the operator's, parameters filled in; none where this program runs.
    pub argv: Option<&'a [String]>,
}

/// The Job of an admitted execution.
///
/// # Errors
/// When the request has no JSON form, or the object is not a Job.
pub fn build(admission: &Admission, parts: &Parts<'_>) -> Result<Job, String> {
    let labels = labels(parts);
    let annotations = annotations(admission, parts);
    let request = serde_json::to_string(parts.request).map_err(|error| error.to_string())?;
    let mut metadata = json!({
        "name": parts.name,
        "namespace": parts.settings.namespace,
        "labels": labels,
        "annotations": annotations,
    });
    if let Some(owner) = owner(parts)
        && let Some(metadata) = metadata.as_object_mut()
    {
        metadata.insert("ownerReferences".to_owned(), json!([owner]));
    }
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "parallelism": 1,
            "completions": 1,
            "backoffLimit": 0,
            "activeDeadlineSeconds": parts.request.seconds + ALLOWANCE_SECONDS,
            "ttlSecondsAfterFinished": SAFETY_TTL,
            "podFailurePolicy": pod_failure_policy(parts.about),
            "podReplacementPolicy": "Failed",
            "template": {
                "metadata": { "labels": labels, "annotations": annotations },
                "spec": pod(parts, &request),
            },
        },
    });
    serde_json::from_value(job).map_err(|error| error.to_string())
}

/// The execution owns its Job only where both are in one namespace: across namespaces the garbage collector would take it away.
fn owner(parts: &Parts<'_>) -> Option<Value> {
    let metadata = &parts.object.metadata;
    if metadata.namespace.as_deref() != Some(parts.settings.namespace.as_str()) {
        return None;
    }
    Some(json!({
        "apiVersion": format!("{}/{}", crate::api::GROUP, crate::api::VERSION),
        "kind": "KubernetesExecution",
        "name": metadata.name,
        "uid": metadata.uid,
        "controller": true,
        "blockOwnerDeletion": true,
    }))
}

fn labels(parts: &Parts<'_>) -> BTreeMap<&'static str, String> {
    let name = label(parts.object.metadata.name.as_deref().unwrap_or_default());
    [
        ("app.kubernetes.io/name", "kubernetes-executor".to_owned()),
        ("app.kubernetes.io/component", "action".to_owned()),
        ("kubernaut.ai/execution", name.clone()),
        ("kubernaut.ai/action", parts.about.name.to_string()),
        ("execution", name),
    ]
    .into()
}

/// A name as the value of a label: up to 63 bytes, else its digest.
fn label(name: &str) -> String {
    if name.len() <= 63 {
        return name.to_owned();
    }
    let digest = enact_core::canonical::Digest::of(name.as_bytes()).to_string();
    digest.trim_start_matches("sha256:").chars().take(40).collect()
}

fn annotations(admission: &Admission, parts: &Parts<'_>) -> BTreeMap<&'static str, String> {
    let metadata = &parts.object.metadata;
    [
        (
            NAMESPACE_ANNOTATION,
            metadata.namespace.clone().unwrap_or_default(),
        ),
        (NAME_ANNOTATION, metadata.name.clone().unwrap_or_default()),
        (UID_ANNOTATION, metadata.uid.clone().unwrap_or_default()),
        (
            "kubernaut.ai/policy-digest",
            admission.verdict().bundle_digest.to_string(),
        ),
        (
            "kubernaut.ai/spec-hash",
            admission.plan().metadata().config_hash.clone(),
        ),
        ("kubernaut.ai/plan-id", admission.plan().id().to_string()),
    ]
    .into()
}

/// What cannot work is not tried again. A pod that was evicted is started again only where doing it twice is doing it once.
fn pod_failure_policy(about: &About) -> Value {
    let mut rules = vec![json!({
        "action": "FailJob",
        "onExitCodes": { "containerName": CONTAINER, "operator": "In", "values": [42, 43, 44, 45] },
    })];
    if about.idempotent {
        rules.push(json!({
            "action": "Ignore",
            "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }],
        }));
    }
    json!({ "rules": rules })
}

fn pod(parts: &Parts<'_>, request: &str) -> Value {
    let mut spec = json!({
        "restartPolicy": "Never",
        "serviceAccountName": parts.about.account(),
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": 10,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": 65_532,
            "runAsGroup": 65_532,
            "fsGroup": 65_532,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "containers": [container(parts, request)],
        "volumes": [{ "name": "token", "projected": { "defaultMode": 0o440, "sources": token_sources(parts) } }],
    });
    if let Some(fields) = spec.as_object_mut() {
        if let Some(class) = &parts.settings.priority_class {
            fields.insert("priorityClassName".to_owned(), Value::from(class.clone()));
        }
        fields.extend(placement(parts));
    }
    spec
}

fn container(parts: &Parts<'_>, request: &str) -> Value {
    let mut container = json!({
        "name": CONTAINER,
        "imagePullPolicy": "IfNotPresent",
        "env": [environment(parts, request)],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": {
            "requests": { "cpu": "25m", "memory": "32Mi" },
            "limits": { "cpu": "250m", "memory": "64Mi" },
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "volumeMounts": [{
            "name": "token",
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            "readOnly": true,
        }],
    });
    if let Some(fields) = container.as_object_mut() {
        fields.extend(runs(parts));
    }
    container
}

/// What it is told. A Job can be read by more people than a Secret, and its body stands in audit logs.
fn environment(parts: &Parts<'_>, request: &str) -> Value {
    match parts.secret {
        Some(secret) => json!({
            "name": REQUEST_VARIABLE,
            "valueFrom": { "secretKeyRef": { "name": secret, "key": REQUEST_KEY } },
        }),
        None => json!({ "name": REQUEST_VARIABLE, "value": escaped(request) }),
    }
}

/// What the container runs: this program, or the operator's. Its argv is a list, and no shell reads it.
fn runs(parts: &Parts<'_>) -> serde_json::Map<String, Value> {
    let fields = match (&parts.about.runs, parts.argv) {
        (Runs::Program(program), Some(argv)) => {
            let command: Vec<String> = argv.iter().map(|argument| escaped(argument)).collect();
            json!({ "image": program.image, "command": command })
        }
        _ => json!({ "image": parts.settings.image, "args": ["action", "run"] }),
    };
    fields.as_object().cloned().unwrap_or_default()
}

/// The kubelet expands `$(NAME)` in values and arguments; a dollar sign that is meant is written twice.
fn escaped(request: &str) -> String {
    request.replace('$', "$$")
}

fn token_sources(parts: &Parts<'_>) -> Value {
    let seconds = parts
        .request
        .seconds
        .saturating_add(2 * ALLOWANCE_SECONDS)
        .max(600);
    json!([
        { "serviceAccountToken": { "path": "token", "expirationSeconds": seconds } },
        { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
        { "downwardAPI": { "items": [{ "path": "namespace", "fieldRef": { "fieldPath": "metadata.namespace" } }] } },
    ])
}

/// Away from the node that is treated. What uncordons may run on a cordoned node: in a cluster of one nothing else could.
fn placement(parts: &Parts<'_>) -> serde_json::Map<String, Value> {
    let mut fields = serde_json::Map::new();
    if parts.about.kind != "Node" {
        return fields;
    }
    let elsewhere = json!({
        "matchFields": [{ "key": "metadata.name", "operator": "NotIn", "values": [parts.request.target.name] }],
    });
    let affinity = if parts.about.name == "DrainNode" {
        json!({ "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [elsewhere] } })
    } else {
        json!({ "preferredDuringSchedulingIgnoredDuringExecution": [{ "weight": 100, "preference": elsewhere }] })
    };
    fields.insert("affinity".to_owned(), json!({ "nodeAffinity": affinity }));
    if parts.about.name == "UncordonNode" {
        let toleration = json!([{ "key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule" }]);
        fields.insert("tolerations".to_owned(), toleration);
    }
    fields
}
