//! What a new bundle has to show before it decides anything. The cases stand for mistakes that nobody should be able to make
//! by editing a file: an operator's own bundle is judged by its own rules, so they bind the bundle that comes with the
//! program and copies of it.

use std::collections::BTreeMap;

use serde_json::json;

use super::input::{
    ActionActor, ActionInput, ActionMetadata, ClusterFacts, Labelled, NodeFacts, TargetFacts, TargetResource,
};
use super::rego::RegoPolicy;

/// Denies what must be denied, and allows what must be allowed, of the catalog actions.
///
/// # Errors
/// The first case that came out otherwise.
pub fn actions(policy: &RegoPolicy) -> Result<(), String> {
    for canary in canaries() {
        let decision = policy.judge_action(&canary.input);
        if decision.allow != canary.allowed {
            let word = if canary.allowed { "allowed" } else { "denied" };
            return Err(format!("{} must be {word}: {}", canary.name, decision.reason));
        }
    }
    Ok(())
}

struct Canary {
    name: &'static str,
    allowed: bool,
    input: ActionInput,
}

fn canaries() -> Vec<Canary> {
    let mut critical = scale("shop", 0);
    critical
        .target_resource
        .labels
        .insert("critical".to_owned(), "true".to_owned());
    critical.cluster.target.labels = critical.target_resource.labels.clone();
    vec![
        Canary {
            name: "scaling in kube-system",
            allowed: false,
            input: scale("kube-system", 3),
        },
        Canary {
            name: "scaling a critical deployment to zero",
            allowed: false,
            input: critical,
        },
        Canary {
            name: "draining a node of the control plane",
            allowed: false,
            input: drain("cp-1", "node-role.kubernetes.io/control-plane"),
        },
        Canary {
            name: "scaling an ordinary deployment",
            allowed: true,
            input: scale("shop", 3),
        },
    ]
}

fn scale(namespace: &str, replicas: u32) -> ActionInput {
    ActionInput {
        action: "ScaleDeployment".to_owned(),
        parameters: BTreeMap::from([("replicas".to_owned(), replicas.to_string())]),
        typed: BTreeMap::from([("replicas".to_owned(), json!(replicas))]),
        target_resource: TargetResource {
            kind: "Deployment".to_owned(),
            name: "canary".to_owned(),
            namespace: Some(namespace.to_owned()),
            labels: BTreeMap::new(),
        },
        claimed_labels: BTreeMap::new(),
        dry_run: true,
        metadata: ActionMetadata {
            execution_name: "canary".to_owned(),
            execution_namespace: namespace.to_owned(),
        },
        cluster: ClusterFacts {
            target: TargetFacts {
                exists: true,
                replicas: Some(2),
                ..TargetFacts::default()
            },
            namespace: Labelled::default(),
            ..ClusterFacts::default()
        },
        actor: ActionActor::default(),
        now: "2026-01-01T00:00:00Z".to_owned(),
    }
}

fn drain(name: &str, label: &str) -> ActionInput {
    ActionInput {
        action: "DrainNode".to_owned(),
        parameters: BTreeMap::new(),
        typed: BTreeMap::new(),
        target_resource: TargetResource {
            kind: "Node".to_owned(),
            name: name.to_owned(),
            namespace: None,
            labels: BTreeMap::new(),
        },
        cluster: ClusterFacts {
            node: NodeFacts {
                labels: BTreeMap::from([(label.to_owned(), String::new())]),
                taints: Vec::new(),
            },
            ..ClusterFacts::default()
        },
        ..scale("", 0)
    }
}
