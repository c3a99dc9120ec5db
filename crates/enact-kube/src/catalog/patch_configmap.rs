//! `PatchConfigMap`: a patch of a ConfigMap's data, and nothing else of it.

use std::collections::BTreeMap;
use std::time::Duration;

use enact_core::change::Effect;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::act::{Acted, Acting, BoxFuture, Done, Failed, code_of};
use super::deployment::{FIELD_MANAGER, back_by, no_way_back};
use super::patch::{self, MOST_PRIOR};
use super::{About, Asked, Basis, CatalogAction, Foreseen, Parameter, Right, Shape, Shows};
use crate::api::RollbackInfo;

/// What of a ConfigMap may change.
const DATA: &[&str] = &["data", "binaryData"];

/// See the module.
pub(super) struct PatchConfigMap;

static ABOUT: std::sync::LazyLock<About> = std::sync::LazyLock::new(|| About {
    name: "PatchConfigMap".into(),
    version: 1,
    kind: "ConfigMap",
    api_version: "v1",
    plural: "configmaps",
    namespaced: true,
    about: "changes keys of a ConfigMap".into(),
    timeout: Duration::from_secs(60),
    typical: Duration::from_secs(2),
    effect: Effect::Write,
    idempotent: true,
    rights: &[Right {
        group: "",
        resource: "configmaps",
        verbs: &["get", "patch"],
    }],
    runs: super::Runs::Ourselves,
});

impl CatalogAction for PatchConfigMap {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn parameters(&self) -> Vec<Parameter> {
        patch::parameters(Parameter::required("patch", Shape::Json, "what to change"))
    }

    fn foresee(&self, target: &Value, asked: &Asked) -> Result<Foreseen, String> {
        let after = patch::patched(target, asked, DATA)?;
        let touched = touched(target, &after);
        Ok(Foreseen {
            description: patch::describe(&touched),
            affected: 1,
            bytes: Some(patch::bytes(&after)),
            rollback: way_back(asked, &touched, &after),
            basis: patch::basis(target),
            unexpected: patch::as_expected(target, &after, asked, DATA).err(),
            ..Foreseen::default()
        })
    }

    fn shows(&self, target: Option<&Value>, asked: &Asked, basis: &Basis) -> Shows {
        shows(target, asked, basis, DATA, &|object| object)
    }

    fn act<'a>(&'a self, acting: &'a Acting) -> BoxFuture<'a, Acted> {
        Box::pin(write(acting))
    }
}

fn touched<'a>(before: &Value, after: &Value) -> BTreeMap<&'a str, BTreeMap<String, Option<Value>>> {
    DATA.iter()
        .map(|field| (*field, patch::touched(before, after, field)))
        .collect()
}

/// Does the target show what the patch makes of it? A merge patch does when patching it again changes nothing; `stored` makes of an
/// object what the server stores of it.
pub(super) fn shows(
    target: Option<&Value>,
    asked: &Asked,
    basis: &Basis,
    data: &[&str],
    stored: &dyn Fn(Value) -> Value,
) -> Shows {
    let Some(target) = target else {
        return Shows::No;
    };
    let now = patch::basis(target);
    if now.uid != basis.uid || now.resource_version == basis.resource_version {
        return Shows::No;
    }
    // A patch that stands elsewhere is not known here.
    if patch::patch_type(asked) == patch::PatchType::Json || asked.parameters.json("patch").is_none() {
        return Shows::Nothing;
    }
    match patch::patched(target, asked, data).map(stored) {
        Ok(after) if patch::data_digest(&after, data) == patch::data_digest(target, data) => Shows::Yes,
        _ => Shows::No,
    }
}

fn way_back(
    asked: &Asked,
    touched: &BTreeMap<&str, BTreeMap<String, Option<Value>>>,
    after: &Value,
) -> RollbackInfo {
    let back = patch::back(touched).to_string();
    if back.len() > MOST_PRIOR {
        return no_way_back(asked, "the prior values are too long to be kept here");
    }
    let left = patch::data_digest(after, DATA);
    let parameters = [
        ("patch", back),
        ("patchType", "merge".to_owned()),
        ("expectedData", left.clone()),
    ];
    RollbackInfo {
        expected_current: Some(left),
        ..back_by("PatchConfigMap", asked, &parameters)
    }
}

async fn write(acting: &Acting) -> Acted {
    let target = &acting.asked.target;
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let maps: Api<ConfigMap> = Api::namespaced(acting.client.clone(), namespace);
    let found = maps.get(&target.name).await;
    let found = found.map_err(|error| Failed::from_api(&format!("reading {target}"), &error))?;
    acting.same_target(
        found.metadata.uid.as_deref(),
        None,
        found.metadata.resource_version.as_deref(),
    )?;
    let before = serde_json::to_value(&found).map_err(|error| Failed::at_trying(error.to_string()))?;
    let after = patch::patched(&before, &acting.asked, DATA).map_err(Failed::refused)?;
    patch::as_expected(&before, &after, &acting.asked, DATA).map_err(Failed::changed)?;
    let touched = touched(&before, &after);
    let rollback = way_back(&acting.asked, &touched, &after);
    acting.tell_rollback(&rollback);
    acting.still_time("patching")?;
    let body = body(&acting.basis, &before, &after);
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        dry_run: acting.dry_run,
        ..PatchParams::default()
    };
    let written = maps.patch(&target.name, &parameters, &Patch::Merge(&body)).await;
    let written = match written {
        Ok(written) => written,
        Err(error) if code_of(&error) == Some(409) => {
            return Err(Failed::changed(format!(
                "{target} was changed since it was judged"
            )));
        }
        Err(error) => return Err(Failed::from_api(&format!("patching {target}"), &error)),
    };
    let is = serde_json::to_value(&written).map_err(|error| Failed::at_trying(error.to_string()))?;
    if patch::data_digest(&is, DATA) != patch::data_digest(&after, DATA) {
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

/// A merge patch from one to the other that holds only for the version that was judged.
fn body(basis: &Basis, before: &Value, after: &Value) -> Value {
    let mut body = json!({ "metadata": { "uid": basis.uid, "resourceVersion": basis.resource_version } });
    for field in DATA {
        let touched = patch::touched(before, after, field);
        if touched.is_empty() {
            continue;
        }
        let values = touched.keys().map(|key| {
            let value = after.get(*field).and_then(|data| data.get(key));
            (key.clone(), value.cloned().unwrap_or(Value::Null))
        });
        if let Some(object) = body.as_object_mut() {
            object.insert((*field).to_owned(), Value::Object(values.collect()));
        }
    }
    body
}
