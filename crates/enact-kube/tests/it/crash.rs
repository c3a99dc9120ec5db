//! The controller is killed, loses requests and loses replies, at each of its calls, for each action. At most one effect, always an end.

use enact_kube::api::Phase;
use enact_testkit::cluster::{Fault, When};
use serde_json::{Value, json};

use crate::support::{Bench, CONTROLLER, SYSTEM, scale};

/// An action with what it needs.
struct Case {
    name: &'static str,
    spec: Value,
    /// What its account writes to, and how often for one effect.
    writes: (&'static str, usize),
}

fn case(name: &'static str, spec: Value, writes: (&'static str, usize)) -> Case {
    Case { name, spec, writes }
}

fn cases() -> Vec<Case> {
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
fn bench() -> Bench {
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

/// What happens to one call.
fn faults() -> Vec<(&'static str, Fault)> {
    vec![
        ("lost request", Fault::LostRequest),
        ("lost reply", Fault::LostReply),
        (
            "500",
            Fault::Refused {
                code: 500,
                retry_after: None,
            },
        ),
        (
            "429",
            Fault::Refused {
                code: 429,
                retry_after: Some(1),
            },
        ),
        (
            "409",
            Fault::Refused {
                code: 409,
                retry_after: None,
            },
        ),
        ("500 after it was done", Fault::AppliedAndRefused { code: 500 }),
    ]
}

/// Runs a case to its end, with what goes wrong.
async fn run(case: &Case, fault: Option<(u64, Fault)>) -> Bench {
    let bench = bench();
    bench.ask(case.name, &case.spec);
    if let Some((nth, fault)) = fault {
        bench.cluster.plan(When::nth(nth).of(CONTROLLER), fault);
    }
    let status = bench.to_end(case.name).await;
    assert_eq!(status.phase, Some(Phase::Completed), "{}: {status:#?}", case.name);
    bench
}

/// One Job, one effect, and phases that never go back.
fn check(bench: &Bench, case: &Case, what: &str) {
    assert_eq!(bench.jobs_made(), 1, "{}, {what}", case.name);
    let (plural, times) = case.writes;
    let writes = bench.cluster.writes_to(plural);
    let of_actions = writes
        .iter()
        .filter(|call| call.applied && call.account != CONTROLLER && call.namespace != SYSTEM);
    assert_eq!(of_actions.count(), times, "{}, {what}: {writes:#?}", case.name);
    let mut last = Phase::Pending;
    for state in bench.cluster.states("kubernetesexecutions", "shop", case.name) {
        let phase = state.pointer("/status/phase").cloned();
        let phase: Phase = phase.map_or(Phase::Pending, |phase| serde_json::from_value(phase).unwrap());
        assert!(phase >= last, "{}, {what}: from {last:?} to {phase:?}", case.name);
        last = phase;
    }
}

/// Each call of the controller in a whole run, with each fault.
async fn every_point(name: &str) {
    let case = cases().into_iter().find(|case| case.name == name).unwrap();
    let whole = run(&case, None).await;
    check(&whole, &case, "nothing went wrong");
    let calls = whole.cluster.calls_of(CONTROLLER).len() as u64;
    for nth in 1..=calls {
        for (fault_name, fault) in faults() {
            let what = format!("{fault_name} at call {nth}");
            let bench = run(&case, Some((nth, fault))).await;
            check(&bench, &case, &what);
        }
    }
    // Past the harness, which shows only what failing tests print.
    use std::io::Write as _;
    let _printed = writeln!(
        std::io::stdout(),
        "{name}: {} points, {calls} calls with {} faults each",
        calls * faults().len() as u64,
        faults().len()
    );
}

macro_rules! one_effect_and_an_end {
    ($($test:ident: $case:literal),* $(,)?) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $test() {
                every_point($case).await;
            }
        )*

        #[test]
        fn every_action_of_the_catalog_is_among_them() {
            let here: std::collections::BTreeSet<String> = [$($case),*]
                .iter()
                .map(|name| cases().into_iter().find(|case| case.name == *name).unwrap().spec["action"].as_str().unwrap().to_owned())
                .collect();
            let all = enact_kube::catalog::Catalog::built_in();
            let all: std::collections::BTreeSet<String> = all.list().map(|action| action.about().name.to_owned()).collect();
            assert_eq!(here, all);
        }
    };
}

one_effect_and_an_end! {
    a_deployment_is_scaled_once: "scale",
    a_deployment_is_restarted_once: "restart",
    an_image_is_set_once: "image",
    a_rollout_is_looked_at: "status",
    a_pod_is_deleted_once: "pod",
    a_config_map_is_patched_once: "map",
    a_secret_is_patched_once: "secret",
    a_node_is_cordoned_once: "cordon",
    a_node_is_uncordoned_once: "uncordon",
    a_node_is_drained_once: "drain",
}
