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
use crate::catalog::{About, Asked, Foreseen};

/// The input document of an execution.
pub(super) fn action_input(
    known: &Known<'_>,
    resolved: &Resolved,
    target: &Value,
    namespaces: &Namespaces,
    foreseen: Option<&Foreseen>,
) -> ActionInput {
    let object = known.object;
    let claimed = object.spec.target_resource.as_ref();
    input_of(Request {
        about: resolved.action.about(),
        asked: &resolved.asked,
        written: object.spec.parameters.clone(),
        claimed: claimed.map(|target| target.labels.clone()).unwrap_or_default(),
        target,
        namespace: Labelled {
            labels: namespaces.target_labels.clone(),
            annotations: namespaces.target_annotations.clone(),
        },
        foreseen,
        dry_run: object.spec.dry_run,
        metadata: ActionMetadata {
            execution_name: object.metadata.name.clone().unwrap_or_default(),
            execution_namespace: object.metadata.namespace.clone().unwrap_or_default(),
        },
        actor: actor(known),
        now: known.now,
    })
}

/// Whatever asks for an action, as policies are asked about it.
pub(crate) struct Request<'a> {
    /// The action.
    pub(crate) about: &'a About,
    /// What is asked of it.
    pub(crate) asked: &'a Asked,
    /// The parameters as they were written.
    pub(crate) written: BTreeMap<String, String>,
    /// The labels that the request says the target has.
    pub(crate) claimed: BTreeMap<String, String>,
    /// The target as it is.
    pub(crate) target: &'a Value,
    /// Its namespace.
    pub(crate) namespace: Labelled,
    /// What would come of it.
    pub(crate) foreseen: Option<&'a Foreseen>,
    /// Is it only tried?
    pub(crate) dry_run: bool,
    /// Which request it is.
    pub(crate) metadata: ActionMetadata,
    /// Who asks.
    pub(crate) actor: ActionActor,
    /// The time.
    pub(crate) now: jiff::Timestamp,
}

/// The input document of a request. Labels are those of the live target; what the request claims is added where the target has no such
/// label, and so can only make an answer stricter.
pub(crate) fn input_of(request: Request<'_>) -> ActionInput {
    let (about, asked, target) = (request.about, request.asked, request.target);
    let live = texts(target, "labels");
    let mut labels = request.claimed.clone();
    labels.extend(live.clone());
    ActionInput {
        action: about.name.to_string(),
        parameters: shown_parameters(request.written, &about.name),
        typed: shown_typed(&asked.parameters.0, &about.name),
        target_resource: TargetResource {
            kind: asked.target.kind.clone(),
            name: asked.target.name.clone(),
            namespace: asked.target.namespace.clone(),
            labels,
        },
        claimed_labels: request.claimed,
        dry_run: request.dry_run,
        metadata: request.metadata,
        cluster: ClusterFacts {
            target: TargetFacts {
                exists: true,
                labels: live,
                annotations: texts(target, "annotations"),
                uid: text(target, "uid"),
                replicas: target.pointer("/spec/replicas").and_then(Value::as_i64),
            },
            namespace: request.namespace,
            node: node(target, about.kind),
            preview_bytes: request.foreseen.and_then(|foreseen| foreseen.bytes),
        },
        actor: request.actor,
        now: seconds(request.now),
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

fn shown_typed(typed: &BTreeMap<String, Value>, action: &str) -> BTreeMap<String, Value> {
    let mut typed = typed.clone();
    if action == "PatchSecret" {
        typed.remove("patch");
    }
    typed
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
