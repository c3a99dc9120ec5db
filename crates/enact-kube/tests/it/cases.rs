//! Each action of the catalog with what it is aimed at, and what must be so after it, whatever went wrong.

use enact_kube::api::Phase;
use serde_json::{Value, json};

use crate::support::{Bench, CONTROLLER, SYSTEM, scale};

/// An action with what it needs.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) spec: Value,
    /// What its account writes to, and how often for one effect.
    pub(crate) writes: (&'static str, usize),
}

fn case(name: &'static str, spec: Value, writes: (&'static str, usize)) -> Case {
    Case { name, spec, writes }
}

/// Each action of the catalog.
pub(crate) fn cases() -> Vec<Case> {
    let on = |kind: &str, name: &str| json!({ "kind": kind, "name": name });
    let with = |action: &str, target: Value, parameters: Value| json!({ "action": action, "targetResource": target, "parameters": parameters });
    vec![
        case("scale", scale("5"), ("deployments", 1)),
        case(
            "restart",
            with("RestartDeployment", on("Deployment", "web"), json!({})),
            ("deployments", 1),
        ),
        case(
            "image",
            with(
                "UpdateImage",
                on("Deployment", "web"),
                json!({ "container": "app", "image": "app:2" }),
            ),
            ("deployments", 1),
        ),
        case(
            "status",
            with("RolloutStatus", on("Deployment", "web"), json!({})),
            ("deployments", 0),
        ),
        case(
            "pod",
            with("DeletePod", on("Pod", "web-1"), json!({})),
            ("pods", 1),
        ),
        case(
            "map",
            with(
                "PatchConfigMap",
                on("ConfigMap", "settings"),
                json!({ "patch": r#"{"data":{"mode":"safe"}}"# }),
            ),
            ("configmaps", 1),
        ),
        case(
            "secret",
            with(
                "PatchSecret",
                on("Secret", "login"),
                json!({ "patch": r#"{"stringData":{"key":"new"}}"# }),
            ),
            ("secrets", 1),
        ),
        case(
            "cordon",
            with("CordonNode", on("Node", "node-1"), json!({})),
            ("nodes", 1),
        ),
        case(
            "uncordon",
            with("UncordonNode", on("Node", "node-2"), json!({})),
            ("nodes", 1),
        ),
        case(
            "drain",
            with("DrainNode", on("Node", "node-1"), json!({})),
            ("nodes", 1),
        ),
    ]
}

/// Everything that the cases are aimed at.
pub(crate) fn bench() -> Bench {
    let bench = Bench::new();
    let put = |object: Value| bench.cluster.put(&object);
    put(
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "namespace": "shop", "name": "settings" },
        "data": { "mode": "fast" } }),
    );
    put(
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": "shop", "name": "login" },
        "data": { "key": "b2xk" } }),
    );
    for (name, cordoned) in [("node-1", false), ("node-2", true), ("node-3", false)] {
        put(
            json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name },
            "spec": { "unschedulable": cordoned } }),
        );
    }
    let set = put(json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": { "namespace": "shop", "name": "web-abc" }, "spec": { "replicas": 0, "selector": {} } }));
    let owner = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-abc",
        "uid": set["metadata"]["uid"], "controller": true });
    put(json!({ "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": "shop", "name": "web-1", "ownerReferences": [owner] },
        "spec": { "nodeName": "node-1", "containers": [{ "name": "app", "image": "app:1" }] },
        "status": { "phase": "Running" } }));
    bench
}

/// One Job, one effect, and phases that never go back.
pub(crate) fn check(bench: &Bench, case: &Case, what: &str) {
    assert_eq!(bench.jobs_made(), 1, "{}, {what}", case.name);
    assert_eq!(effects(bench, case), case.writes.1, "{}, {what}", case.name);
    phases_go_on(bench, case, what);
}

/// How often an action wrote to what it is aimed at.
pub(crate) fn effects(bench: &Bench, case: &Case) -> usize {
    let writes = bench.cluster.writes_to(case.writes.0);
    let of_actions = writes
        .iter()
        .filter(|call| call.applied && call.account != CONTROLLER && call.namespace != SYSTEM);
    of_actions.count()
}

/// Phases never go back.
pub(crate) fn phases_go_on(bench: &Bench, case: &Case, what: &str) {
    let mut last = Phase::Pending;
    for state in bench.cluster.states("kubernetesexecutions", "shop", case.name) {
        let phase = state.pointer("/status/phase").cloned();
        let phase: Phase = phase.map_or(Phase::Pending, |phase| serde_json::from_value(phase).unwrap());
        assert!(phase >= last, "{}, {what}: from {last:?} to {phase:?}", case.name);
        last = phase;
    }
}
