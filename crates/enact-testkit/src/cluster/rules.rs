//! What the server knows of single kinds: what it fills in, and what may not change.

use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::object::{has, list, number, remove, set, text};
use super::refused::Refused;
use super::store::Key;
use super::write::adds_finalizers;

/// Fills in what a new object of a kind has.
pub(super) fn prepare_new(kind: &Kind, object: &mut Value) {
    prepare_changed(kind, object);
    match kind.plural {
        "namespaces" => set(object, "/status", json!({ "phase": "Active" })),
        "pods" => set(object, "/status", json!({ "phase": "Pending" })),
        // A kubelet registers its node with a status.
        "nodes" => {}
        _ if kind.status => remove(object, "/status"),
        _ => {}
    }
    for (path, value) in defaults(kind) {
        if !has(object, path) {
            set(object, path, value);
        }
    }
    if kind.plural == "jobs" {
        prepare_job(object);
    }
}

fn defaults(kind: &Kind) -> Vec<(&'static str, Value)> {
    match kind.plural {
        "deployments" => vec![
            ("/spec/replicas", json!(1)),
            ("/spec/progressDeadlineSeconds", json!(600)),
            ("/spec/revisionHistoryLimit", json!(10)),
        ],
        "replicasets" | "statefulsets" => vec![("/spec/replicas", json!(1))],
        "jobs" => vec![
            ("/spec/backoffLimit", json!(6)),
            ("/spec/parallelism", json!(1)),
            ("/spec/completions", json!(1)),
            ("/spec/suspend", json!(false)),
        ],
        "pods" => vec![
            ("/spec/restartPolicy", json!("Always")),
            ("/spec/terminationGracePeriodSeconds", json!(30)),
        ],
        "secrets" => vec![("/type", json!("Opaque"))],
        _ => Vec::new(),
    }
}

/// The labels by which a Job finds its pods.
fn prepare_job(object: &mut Value) {
    let uid = text(object, "/metadata/uid").to_owned();
    let name = text(object, "/metadata/name").to_owned();
    set(
        object,
        "/spec/selector",
        json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": uid } }),
    );
    for (label, value) in [
        ("batch.kubernetes.io~1controller-uid", &uid),
        ("batch.kubernetes.io~1job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ] {
        set(
            object,
            &format!("/spec/template/metadata/labels/{label}"),
            value.clone(),
        );
    }
}

/// What is stored otherwise than it is written.
pub(super) fn prepare_changed(kind: &Kind, object: &mut Value) {
    use base64::Engine as _;
    if kind.plural != "secrets" {
        return;
    }
    let texts = object.get("stringData").and_then(Value::as_object).cloned();
    remove(object, "/stringData");
    for (key, value) in texts.into_iter().flatten() {
        let bytes = value.as_str().unwrap_or_default().as_bytes();
        let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
        if !has(object, "/data") {
            set(object, "/data", Value::Object(Map::new()));
        }
        if let Some(data) = object.get_mut("data").and_then(Value::as_object_mut) {
            data.insert(key, Value::from(encoded));
        }
    }
}

/// # Errors
/// 422, when a new object lacks what its kind needs.
pub(super) fn check_new(kind: &Kind, object: &Value) -> Result<(), Refused> {
    let needs = match kind.plural {
        "jobs" | "deployments" => "/spec/template/spec/containers",
        "pods" => "/spec/containers",
        "kubernetesexecutions" => "/spec/action",
        _ => return Ok(()),
    };
    if has(object, needs) {
        return Ok(());
    }
    let field = needs.trim_start_matches('/').replace('/', ".");
    let name = text(object, "/metadata/name");
    Err(Refused::invalid(kind, name, &format!("{field}: Required value")))
}

/// # Errors
/// 422, when something changes that may not.
pub(super) fn check_changed(key: &Key, old: &Value, new: &Value) -> Result<(), Refused> {
    let invalid = |why: &str| Err(Refused::invalid(key.kind, &key.name, why));
    if adds_finalizers(old, new) {
        return invalid(
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted",
        );
    }
    match key.kind.plural {
        "kubernetesexecutions" if fixed(old) != fixed(new) => invalid(
            "spec: Invalid value: \"object\": the spec of an execution does not change; only cancel may be set",
        ),
        "configmaps" | "secrets"
            if old.get("immutable") == Some(&Value::Bool(true)) && data(old) != data(new) =>
        {
            invalid("data: Forbidden: field is immutable when `immutable` is set")
        }
        "jobs" if template(old) != template(new) => {
            invalid("spec.template: Invalid value: field is immutable")
        }
        "deployments" if number(new, "/spec/replicas").is_some_and(|replicas| replicas < 0) => {
            invalid("spec.replicas: Invalid value: must be greater than or equal to 0")
        }
        "deployments" if has_double(new) => invalid("spec.template.spec.containers: Duplicate value"),
        _ => Ok(()),
    }
}

/// The spec of an execution without what may change.
fn fixed(object: &Value) -> Value {
    let mut spec = object.get("spec").cloned().unwrap_or_default();
    remove(&mut spec, "/cancel");
    spec
}

fn data(object: &Value) -> [Option<&Value>; 3] {
    ["data", "binaryData", "immutable"].map(|field| object.get(field))
}

fn template(object: &Value) -> Option<&Value> {
    object.pointer("/spec/template")
}

fn has_double(object: &Value) -> bool {
    let containers = list(object, "/spec/template/spec/containers");
    let mut names: Vec<&str> = containers
        .iter()
        .map(|container| text(container, "/name"))
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    names.len() != count
}
