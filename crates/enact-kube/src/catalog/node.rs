//! Cordoning and uncordoning: a node is taken out of scheduling and put back, and who took it out is remembered.

use std::collections::BTreeMap;
use std::time::Duration;

use enact_core::change::Effect;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::act::{Acting, Failed, LAST_EXECUTION, code_of};
use super::deployment::{FIELD_MANAGER, back_by, no_way_back};
use super::{About, Asked, Basis};
use crate::api::RollbackInfo;

/// The annotation that says which execution cordoned a node.
pub(super) const CORDONED_BY: &str = "kubernaut.ai/cordoned-by";

/// How often a write is tried again after somebody else wrote first: a node's status is written all the time.
const MOST_CONFLICTS: u32 = 8;

/// What the actions on nodes have in common.
pub(super) fn about(name: &'static str, about: &'static str) -> About {
    About {
        name: name.into(),
        version: 1,
        kind: "Node",
        api_version: "v1",
        plural: "nodes",
        namespaced: false,
        about: about.into(),
        timeout: Duration::from_secs(30),
        typical: Duration::from_secs(2),
        effect: Effect::Write,
        idempotent: true,
        rights: &[],
        runs: super::Runs::Ourselves,
    }
}

/// A target as a node.
///
/// # Errors
/// When it is not one.
pub(super) fn read(target: &Value) -> Result<Node, String> {
    serde_json::from_value(target.clone()).map_err(|error| format!("the target is not a Node: {error}"))
}

/// What must not have changed: that it is this node. Its version changes with every heartbeat.
pub(super) fn basis(node: &Node) -> Basis {
    Basis {
        uid: node.uid().unwrap_or_default(),
        ..Basis::default()
    }
}

/// Is it taken out of scheduling?
pub(super) fn is_cordoned(node: &Node) -> bool {
    node.spec
        .as_ref()
        .and_then(|spec| spec.unschedulable)
        .unwrap_or(false)
}

/// Which execution cordoned it.
pub(super) fn cordoned_by(node: &Node) -> Option<&str> {
    node.annotations().get(CORDONED_BY).map(String::as_str)
}

/// Reads the target and makes sure that it is the one that was judged.
///
/// # Errors
/// When it is not there, or another one.
pub(super) async fn judged(acting: &Acting) -> Result<Node, Failed> {
    let target = &acting.asked.target;
    let nodes: Api<Node> = Api::all(acting.client.clone());
    let found = nodes.get(&target.name).await;
    let node = found.map_err(|error| Failed::from_api(&format!("reading {target}"), &error))?;
    acting.same_target(node.uid().as_deref(), None, None)?;
    Ok(node)
}

/// How a node is to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Out of scheduling, or in it.
    pub(super) cordoned: bool,
    /// Put back only where this execution took it out.
    pub(super) only_by: Option<&'a str>,
    /// Also when the time is over or it is to stop: to clean up.
    pub(super) even_late: bool,
}

impl Wanted<'_> {
    /// In time, whoever took it out.
    pub(super) fn cordoned(cordoned: bool) -> Self {
        Self {
            cordoned,
            only_by: None,
            even_late: false,
        }
    }

    /// # Errors
    /// Who took it out, when it was somebody else.
    pub(super) fn check(&self, node: &Node, asked: &Asked) -> Result<(), String> {
        let Some(only) = self.only_by.filter(|_| !self.cordoned) else {
            return Ok(());
        };
        if is_cordoned(node) && cordoned_by(node) != Some(only) {
            let by = cordoned_by(node).unwrap_or("somebody else than an execution");
            return Err(format!("{} was cordoned by {by}, not by {only}", asked.target));
        }
        Ok(())
    }
}

/// Takes a node out of scheduling or puts it back, with who did it. Nothing is written where it is so already.
///
/// # Errors
/// When the server refuses, the node is another one, somebody else took it out, or others write all the time.
pub(super) async fn set(acting: &Acting, first: Node, wanted: Wanted<'_>) -> Result<bool, Failed> {
    let cordoned = wanted.cordoned;
    let target = &acting.asked.target;
    let nodes: Api<Node> = Api::all(acting.client.clone());
    let mut node = first;
    for _ in 0..MOST_CONFLICTS {
        if !wanted.even_late {
            acting.still_time("writing")?;
        }
        wanted.check(&node, &acting.asked).map_err(Failed::refused)?;
        if is_cordoned(&node) == cordoned {
            return Ok(false);
        }
        let by = if cordoned {
            Value::from(acting.asked.on_behalf_of.clone())
        } else {
            Value::Null
        };
        let metadata = json!({
            "uid": acting.basis.uid,
            "resourceVersion": node.metadata.resource_version,
            "annotations": { CORDONED_BY: by, LAST_EXECUTION: acting.asked.on_behalf_of },
        });
        let unschedulable = if cordoned { Value::Bool(true) } else { Value::Null };
        let body = json!({ "metadata": metadata, "spec": { "unschedulable": unschedulable } });
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            dry_run: acting.dry_run,
            ..PatchParams::default()
        };
        match nodes
            .patch(&target.name, &parameters, &Patch::Strategic(&body))
            .await
        {
            Ok(written) if is_cordoned(&written) == cordoned => return Ok(true),
            Ok(_) => {
                return Err(Failed::at_trying(format!(
                    "{target} was patched and is not as it should be"
                )));
            }
            Err(error) if code_of(&error) == Some(409) => node = judged(acting).await?,
            Err(error) => return Err(Failed::from_api(&format!("patching {target}"), &error)),
        }
    }
    Err(Failed::at_trying(format!(
        "{target} was written by others {MOST_CONFLICTS} times in a row"
    )))
}

/// How a node is, in short.
pub(super) fn in_short(cordoned: bool) -> BTreeMap<String, String> {
    [("unschedulable".to_owned(), cordoned.to_string())].into()
}

/// The way back from cordoning: only where we cordoned.
pub(super) fn back_from_cordon(node: &Node, asked: &Asked) -> RollbackInfo {
    if is_cordoned(node) {
        return no_way_back(asked, "the node was cordoned before, by somebody else");
    }
    RollbackInfo {
        expected_current: Some(format!("cordoned by {}", asked.on_behalf_of)),
        ..back_by("UncordonNode", asked, &[])
    }
}
