//! What policies are asked about: the request, and what is really there.

use std::collections::BTreeMap;

use enact_engine::policy::input::{
    ActionActor, ActionInput, ActionMetadata, ClusterFacts, Labelled, NodeFacts, OwnerReference, TargetFacts,
    TargetResource, seconds,
};
use serde_json::Value;

use super::admitting::REQUESTER;
use super::asked::Resolved;
use super::known::{Known, Namespaces};
use crate::catalog::Foreseen;

/// The input document of an execution. Labels are those of the live target; what the request claims is added where the target has no such
/// label, and so can only make an answer stricter.
pub(super) fn action_input(
    known: &Known<'_>,
    resolved: &Resolved,
    target: &Value,
    namespaces: &Namespaces,
    foreseen: Option<&Foreseen>,
) -> ActionInput {
    let object = known.object;
    let about = resolved.action.about();
    let claimed = object
        .spec
        .target_resource
        .as_ref()
        .map(|target| target.labels.clone())
        .unwrap_or_default();
    let live = texts(target, "labels");
    let mut labels = claimed.clone();
    labels.extend(live.clone());
    ActionInput {
        action: about.name.to_string(),
        parameters: shown_parameters(object.spec.parameters.clone(), &about.name),
        typed: resolved.asked.parameters.0.clone(),
        target_resource: TargetResource {
            kind: resolved.asked.target.kind.clone(),
            name: resolved.asked.target.name.clone(),
            namespace: resolved.asked.target.namespace.clone(),
            labels,
        },
        claimed_labels: claimed,
        dry_run: object.spec.dry_run,
        metadata: ActionMetadata {
            execution_name: object.metadata.name.clone().unwrap_or_default(),
            execution_namespace: object.metadata.namespace.clone().unwrap_or_default(),
        },
        cluster: ClusterFacts {
            target: TargetFacts {
                exists: true,
                labels: live,
                annotations: texts(target, "annotations"),
                uid: text(target, "uid"),
                replicas: target.pointer("/spec/replicas").and_then(Value::as_i64),
            },
            namespace: Labelled {
                labels: namespaces.target_labels.clone(),
                annotations: namespaces.target_annotations.clone(),
            },
            node: node(target, about.kind),
            preview_bytes: foreseen.and_then(|foreseen| foreseen.bytes),
        },
        actor: actor(known),
        now: seconds(known.now),
    }
}

/// A patch of a Secret is not shown to policies as it was written: its size and keys are enough for them.
fn shown_parameters(mut written: BTreeMap<String, String>, action: &str) -> BTreeMap<String, String> {
    if action == "PatchSecret" {
        for key in ["patch", "patch_json"] {
            if let Some(value) = written.get_mut(key) {
                *value = "(secret)".to_owned();
            }
        }
    }
    written
}

fn actor(known: &Known<'_>) -> ActionActor {
    let metadata = &known.object.metadata;
    let owners = metadata.owner_references.iter().flatten();
    let mut owners = owners.filter(|owner| owner.controller == Some(true));
    let owner = owners.next().map(|owner| OwnerReference {
        kind: owner.kind.clone(),
        name: owner.name.clone(),
    });
    let annotations = metadata.annotations.as_ref();
    ActionActor {
        owner: owner.unwrap_or_default(),
        created_by: annotations
            .and_then(|annotations| annotations.get(REQUESTER).cloned())
            .unwrap_or_default(),
    }
}

fn node(target: &Value, kind: &str) -> NodeFacts {
    if kind != "Node" {
        return NodeFacts::default();
    }
    NodeFacts {
        labels: texts(target, "labels"),
        taints: target
            .pointer("/spec/taints")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default(),
    }
}

fn text(target: &Value, field: &str) -> String {
    let value = target.get("metadata").and_then(|metadata| metadata.get(field));
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(target: &Value, field: &str) -> BTreeMap<String, String> {
    let values = target.get("metadata").and_then(|metadata| metadata.get(field));
    values
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}
