//! `PatchSecret`: a patch of a Secret's data. Values are shown nowhere: descriptions name keys, and the way back is kept in a Secret.

use std::collections::BTreeMap;
use std::time::Duration;

use enact_core::change::Effect;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::act::{Acted, Acting, BoxFuture, Done, Failed, code_of};
use super::deployment::{FIELD_MANAGER, back_by};
use super::patch;
use super::{About, Asked, Basis, CatalogAction, Foreseen, Parameter, Right, Shape, Shows, Typed};
use crate::api::RollbackInfo;

/// What of a Secret may change. `stringData` is written and never read.
const DATA: &[&str] = &["data", "stringData"];

/// The parameter that names where the patch stands, so that its values are not in the request.
pub const VALUES: &str = "patchSecretRef";

/// Reads `NAME/KEY`: a Secret, and one of its keys.
///
/// # Errors
/// What was expected.
pub fn read_reference(text: &str) -> Result<(&str, &str), String> {
    let is_key = |key: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !key.is_empty() && key.len() <= 253 && key.bytes().all(inner)
    };
    match text.split_once('/') {
        Some((name, key)) if super::is_subdomain(name) && is_key(key) => Ok((name, key)),
        _ => Err(format!(
            "invalid parameter '{VALUES}': expected NAME/KEY, a Secret and one of its keys"
        )),
    }
}

/// See the module.
pub(super) struct PatchSecret;

static ABOUT: std::sync::LazyLock<About> = std::sync::LazyLock::new(|| About {
    name: "PatchSecret".into(),
    version: 1,
    kind: "Secret",
    api_version: "v1",
    plural: "secrets",
    namespaced: true,
    about: "changes keys of a Secret, without showing a value".into(),
    timeout: Duration::from_secs(60),
    typical: Duration::from_secs(2),
    effect: Effect::Write,
    idempotent: true,
    rights: &[Right {
        group: "",
        resource: "secrets",
        verbs: &["get", "patch"],
    }],
    runs: super::Runs::Ourselves,
});

impl CatalogAction for PatchSecret {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn parameters(&self) -> Vec<Parameter> {
        let mut parameters = patch::parameters(Parameter::optional("patch", Shape::Json, "what to change"));
        let about = "NAME/KEY: where the patch stands, in a Secret of the target's namespace, instead of in the request";
        parameters.push(Parameter::optional(VALUES, Shape::Text { most: 512 }, about));
        parameters
    }

    fn fits(&self, parameters: &Typed) -> Result<(), String> {
        let (here, elsewhere) = (parameters.json("patch"), parameters.text(VALUES));
        match (here, elsewhere) {
            (None, None) => Err(format!("missing required parameter: 'patch' (or '{VALUES}')")),
            (Some(_), Some(_)) => Err(format!(
                "'patch' and '{VALUES}' are both there; one of them is to be"
            )),
            (Some(_), None) => Ok(()),
            (None, Some(text)) => read_reference(text).map(|_| ()),
        }
    }

    fn foresee(&self, target: &Value, asked: &Asked) -> Result<Foreseen, String> {
        let after = stored(patch::patched(target, asked, DATA)?);
        let touched = touched(target, &after);
        let back = patch::back(&touched).to_string();
        Ok(Foreseen {
            description: patch::describe(&touched),
            affected: 1,
            bytes: Some(patch::bytes(&after)),
            rollback: way_back(asked, &after),
            snapshot: [("patch".to_owned(), back)].into(),
            basis: patch::basis(target),
            unexpected: patch::as_expected(target, &after, asked, DATA).err(),
            ..Foreseen::default()
        })
    }

    fn shows(&self, target: Option<&Value>, asked: &Asked, basis: &Basis) -> Shows {
        super::patch_configmap::shows(target, asked, basis, DATA, &stored)
    }

    fn act<'a>(&'a self, acting: &'a Acting) -> BoxFuture<'a, Acted> {
        Box::pin(write(acting))
    }
}

fn touched<'a>(before: &Value, after: &Value) -> BTreeMap<&'a str, BTreeMap<String, Option<Value>>> {
    [("data", patch::touched(before, after, "data"))].into()
}

/// As the server stores it: what was written as text stands encoded in `data`.
fn stored(mut object: Value) -> Value {
    let texts = object
        .as_object_mut()
        .and_then(|fields| fields.remove("stringData"))
        .and_then(|texts| texts.as_object().cloned())
        .unwrap_or_default();
    for (key, text) in texts {
        let encoded = encode(text.as_str().unwrap_or_default().as_bytes());
        if let Some(fields) = object.as_object_mut() {
            let data = fields.entry("data").or_insert_with(|| json!({}));
            if let Some(data) = data.as_object_mut() {
                data.insert(key, Value::from(encoded));
            }
        }
    }
    object
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The values stand in the snapshot; here only where it is.
fn way_back(asked: &Asked, after: &Value) -> RollbackInfo {
    let left = patch::data_digest(after, &["data"]);
    let parameters = [("patchType", "merge".to_owned()), ("expectedData", left.clone())];
    RollbackInfo {
        expected_current: Some(left),
        reason: Some("the prior values are in the Secret that snapshotRef names".to_owned()),
        ..back_by("PatchSecret", asked, &parameters)
    }
}

async fn write(acting: &Acting) -> Acted {
    let target = &acting.asked.target;
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let secrets: Api<Secret> = Api::namespaced(acting.client.clone(), namespace);
    let found = secrets.get(&target.name).await;
    let found = found.map_err(|error| Failed::from_api(&format!("reading {target}"), &error))?;
    acting.same_target(
        found.metadata.uid.as_deref(),
        None,
        found.metadata.resource_version.as_deref(),
    )?;
    let before =
        serde_json::to_value(&found).map_err(|_| Failed::at_trying("the Secret cannot be read as JSON"))?;
    let after = stored(patch::patched(&before, &acting.asked, DATA).map_err(Failed::refused)?);
    patch::as_expected(&before, &after, &acting.asked, DATA).map_err(Failed::changed)?;
    let touched = touched(&before, &after);
    let rollback = way_back(&acting.asked, &after);
    acting.tell_rollback(&rollback);
    acting.still_time("patching")?;
    let values = touched.get("data").into_iter().flatten().map(|(key, _)| {
        let value = after.get("data").and_then(|data| data.get(key));
        (key.clone(), value.cloned().unwrap_or(Value::Null))
    });
    let body = json!({
        "metadata": { "uid": acting.basis.uid, "resourceVersion": acting.basis.resource_version },
        "data": Value::Object(values.collect()),
    });
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        dry_run: acting.dry_run,
        ..PatchParams::default()
    };
    let written = match secrets
        .patch(&target.name, &parameters, &Patch::Merge(&body))
        .await
    {
        Ok(written) => written,
        Err(error) if code_of(&error) == Some(409) => {
            return Err(Failed::changed(format!(
                "{target} was changed since it was judged"
            )));
        }
        // The server's message may quote what it was given.
        Err(error) => {
            let code = code_of(&error).map_or_else(String::new, |code| format!(" ({code})"));
            return Err(Failed::at_trying(format!(
                "the server refuses the patch of {target}{code}"
            )));
        }
    };
    let is =
        serde_json::to_value(&written).map_err(|_| Failed::at_trying("the Secret cannot be read as JSON"))?;
    if patch::data_digest(&is, &["data"]) != patch::data_digest(&after, &["data"]) {
        return Err(Failed::at_trying(format!(
            "{target} is not what the patch should have made of it"
        )));
    }
    Ok(Done {
        message: format!("{target}: {}", patch::describe(&touched)),
        rollback: Some(rollback),
        ..Done::default()
    })
}
