//! What the actions on Deployments have in common: reading one, and waiting for its rollout.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::act::{Acting, Failed, LAST_EXECUTION, code_of, describe};
use super::rollout::{Rollout, rollout};
use super::{About, Asked, Basis, Foreseen};
use crate::api::RollbackInfo;

/// Who the API server records as the one who wrote a field.
pub(super) const FIELD_MANAGER: &str = "kubernetes-executor";

/// How often a write is tried again after somebody else wrote first.
const MOST_CONFLICTS: u32 = 8;

/// The kind of all of them.
pub(super) const KIND: &str = "Deployment";

/// What all of them have in common.
pub(super) fn about(name: &'static str, about: &'static str) -> About {
    About {
        name: name.into(),
        version: 1,
        kind: KIND,
        api_version: "apps/v1",
        plural: "deployments",
        namespaced: true,
        about: about.into(),
        timeout: Duration::from_secs(600),
        typical: Duration::from_secs(120),
        effect: enact_core::change::Effect::Write,
        idempotent: true,
        rights: &[],
        runs: super::Runs::Ourselves,
    }
}

/// A target as a Deployment.
///
/// # Errors
/// When it is not one.
pub(super) fn read(target: &Value) -> Result<Deployment, String> {
    serde_json::from_value(target.clone()).map_err(|error| format!("the target is not a Deployment: {error}"))
}

/// What must not have changed: its spec. Its version changes with every pod that comes or goes.
pub(super) fn basis(deployment: &Deployment) -> Basis {
    Basis {
        uid: deployment.uid().unwrap_or_default(),
        generation: deployment.metadata.generation,
        resource_version: None,
    }
}

/// What an action on one Deployment would do.
pub(super) fn foreseen(deployment: &Deployment, description: String, rollback: RollbackInfo) -> Foreseen {
    Foreseen {
        description,
        affected: 1,
        basis: basis(deployment),
        rollback,
        ..Foreseen::default()
    }
}

/// The Deployments of the target's namespace.
pub(super) fn api(acting: &Acting) -> Api<Deployment> {
    let namespace = acting.asked.target.namespace.as_deref().unwrap_or_default();
    Api::namespaced(acting.client.clone(), namespace)
}

/// Reads the target and makes sure that it is the one that was judged.
///
/// # Errors
/// When it is not there, another one, or changed.
pub(super) async fn judged(acting: &Acting) -> Result<Deployment, Failed> {
    let target = &acting.asked.target;
    let found = api(acting).get(&target.name).await;
    let deployment = found.map_err(|error| Failed::from_api(&format!("reading {target}"), &error))?;
    acting.same_target(
        deployment.uid().as_deref(),
        deployment.metadata.generation,
        deployment.metadata.resource_version.as_deref(),
    )?;
    Ok(deployment)
}

/// Writes a strategic merge patch that holds only for the object as it was read; when somebody wrote in between, the target is
/// read and checked again.
///
/// # Errors
/// When the server refuses it, the target changed, or others write all the time.
pub(super) async fn patch(acting: &Acting, first: Deployment, body: &Value) -> Result<Deployment, Failed> {
    let target = &acting.asked.target;
    let mut seen = first;
    for _ in 0..MOST_CONFLICTS {
        acting.still_time("writing")?;
        let guarded = guarded(body, &seen, &acting.asked.on_behalf_of);
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            dry_run: acting.dry_run,
            ..PatchParams::default()
        };
        match api(acting)
            .patch(&target.name, &parameters, &Patch::Strategic(guarded))
            .await
        {
            Ok(written) => return Ok(written),
            Err(error) if code_of(&error) == Some(409) => seen = judged(acting).await?,
            Err(error) => return Err(Failed::from_api(&format!("patching {target}"), &error)),
        }
    }
    Err(Failed::at_trying(format!(
        "{target} was written by others {MOST_CONFLICTS} times in a row"
    )))
}

/// The patch with the version that it is for, and with who wrote it.
fn guarded(body: &Value, seen: &Deployment, by: &str) -> Value {
    let mut body = body.clone();
    if let Some(object) = body.as_object_mut() {
        let metadata = object
            .entry("metadata")
            .or_insert_with(|| Value::Object(Default::default()));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("uid".to_owned(), Value::from(seen.uid().unwrap_or_default()));
            let version = seen.metadata.resource_version.clone().unwrap_or_default();
            metadata.insert("resourceVersion".to_owned(), Value::from(version));
            metadata.insert("annotations".to_owned(), json!({ LAST_EXECUTION: by }));
        }
    }
    body
}

/// Waits until the rollout of a generation is complete.
///
/// # Errors
/// When it is stuck, somebody else changed the spec, or the time is over.
pub(super) async fn rolled_out(
    acting: &Acting,
    uid: &str,
    generation: Option<i64>,
) -> Result<Deployment, Failed> {
    let target = &acting.asked.target;
    loop {
        let why = match api(acting).get(&target.name).await {
            Ok(deployment) => match stands(acting, &deployment, uid, generation)? {
                None => return Ok(deployment),
                Some(why) => why,
            },
            // A server that is not there for a moment comes back; one that refuses does not.
            Err(error) if matches!(code_of(&error), Some(401 | 403 | 404)) => {
                return Err(Failed::from_api(&format!("looking after {target}"), &error));
            }
            Err(error) => describe(&error),
        };
        acting
            .pause(&format!("the rollout of {target} went on: {why}"))
            .await?;
    }
}

/// Why the rollout is not complete; none when it is.
fn stands(
    acting: &Acting,
    deployment: &Deployment,
    uid: &str,
    generation: Option<i64>,
) -> Result<Option<String>, Failed> {
    let target = &acting.asked.target;
    if deployment.uid().as_deref() != Some(uid) {
        return Err(Failed::at_trying(format!(
            "{target} was replaced by another object of that name"
        )));
    }
    if generation.is_some() && deployment.metadata.generation > generation {
        return Err(Failed::at_trying(format!(
            "somebody else changed {target} during its rollout"
        )));
    }
    match rollout(deployment) {
        Rollout::Complete => Ok(None),
        Rollout::Waiting(why) => Ok(Some(why)),
        Rollout::Stuck(why) => Err(Failed::at_trying(format!(
            "the rollout of {target} does not end: {why}"
        ))),
    }
}

/// How a Deployment is, in short.
pub(super) fn in_short(deployment: &Deployment) -> BTreeMap<String, String> {
    let mut short = BTreeMap::new();
    let spec = deployment.spec.as_ref();
    if let Some(replicas) = spec.and_then(|spec| spec.replicas) {
        short.insert("replicas".to_owned(), replicas.to_string());
    }
    if let Some(revision) = super::rollout::revision(deployment) {
        short.insert("revision".to_owned(), revision.to_owned());
    }
    short
}

/// A way back that is another action on the same target.
pub(super) fn back_by(action: &str, asked: &Asked, parameters: &[(&str, String)]) -> RollbackInfo {
    RollbackInfo {
        available: true,
        action: Some(action.to_owned()),
        parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        target_resource: Some(crate::api::TargetResource {
            kind: Some(asked.target.kind.clone()),
            name: Some(asked.target.name.clone()),
            namespace: asked.target.namespace.clone(),
            labels: BTreeMap::new(),
        }),
        captured_at: Some(asked.now.clone()),
        ..RollbackInfo::default()
    }
}

/// There is no way back.
pub(super) fn no_way_back(asked: &Asked, reason: &str) -> RollbackInfo {
    RollbackInfo {
        available: false,
        reason: Some(reason.to_owned()),
        captured_at: Some(asked.now.clone()),
        ..RollbackInfo::default()
    }
}
