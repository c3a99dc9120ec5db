//! `deployments/scale`: the number of replicas and nothing else, as `autoscaling/v1` has it.

use serde_json::{Value, json};

use super::object::{copy, has, number, set, texts};
use super::patch::patched;
use super::refused::Refused;
use super::request::Asked;
use super::server::Answer;
use super::store::{Key, Store};
use super::write::{Part, check_same};

/// Answers a request to the scale of a Deployment.
///
/// # Errors
/// 404, 409, 422 as for the Deployment itself; 405.
pub(super) fn answer(store: &mut Store, asked: &Asked, key: &Key) -> Result<Answer, Refused> {
    let old = store.found(key)?.clone();
    let scale = scale_of(&old);
    let body = match asked.method.as_str() {
        "GET" => return Ok(Answer::Json(200, scale)),
        "PUT" => asked.json()?,
        "PATCH" => patched(key.kind, &scale, &asked.content_type, &asked.body)?,
        _ => return Err(Refused::of_code(405)),
    };
    check_same(key, &old, &body)?;
    let replicas = number(&body, "/spec/replicas").unwrap_or(0);
    if replicas < 0 {
        let why = "spec.replicas: Invalid value: must be greater than or equal to 0";
        return Err(Refused::invalid(key.kind, &key.name, why));
    }
    let mut wanted = old;
    set(&mut wanted, "/spec/replicas", replicas);
    let written = store.write(key, wanted, Part::Main, asked.is_dry())?;
    Ok(Answer::Json(200, scale_of(&written)))
}

fn scale_of(object: &Value) -> Value {
    let mut scale = json!({ "kind": "Scale", "apiVersion": "autoscaling/v1", "spec": {}, "status": {} });
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        copy(&mut scale, object, &format!("/metadata/{field}"));
    }
    // Zero is left out of `spec`, as the real server's types have it.
    if number(object, "/spec/replicas").is_some_and(|replicas| replicas != 0) {
        copy(&mut scale, object, "/spec/replicas");
    }
    let now = number(object, "/status/replicas").unwrap_or(0);
    set(&mut scale, "/status/replicas", now);
    if has(object, "/spec/selector/matchLabels") {
        let labels = texts(object, "/spec/selector/matchLabels");
        let labels: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        set(&mut scale, "/status/selector", labels.join(","));
    }
    scale
}
