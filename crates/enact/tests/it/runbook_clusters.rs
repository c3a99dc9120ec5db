//! Steps of kind `kubernetes`: planned with the target as it is, judged, approved, carried out from outside of the cluster.

use std::collections::BTreeSet;
use std::time::Duration;

use enact_testkit::cluster::{Fault, Gate, Speed, When};
use serde_json::{Value, json};

use crate::clusters::{ACCOUNT, WithCluster};
use crate::harness::contents;

const MAINTENANCE: &str = "
  - id: cordon
    title: Cordon
    kubernetes: { action: cordon, target: { kind: Node, name: n } }
  - id: drain
    title: Drain
    kubernetes:
      action: drain
      target: { kind: Node, name: n }
      params: { respect_disruption_budgets: true, grace: 1s }
    outputs: { evicted: { from: stdout, json: $.counts.evicted, type: integer } }
  - id: uncordon
    title: Uncordon
    kubernetes: { action: UncordonNode, target: { name: n } }
    rollback: none
";

const SCALE: &str = "
  - id: scale
    title: Scale
    kubernetes: { action: scale, target: { kind: Deployment, namespace: shop, name: web }, params: { replicas: 3 } }
";

fn step<'a>(plan: &'a Value, id: &str) -> &'a Value {
    let changes = plan["changes"].as_array().unwrap();
    changes.iter().find(|change| change["change_id"] == id).unwrap()
}

#[test]
fn a_node_is_cordoned_drained_and_put_back() {
    let with = WithCluster::new();
    with.pod("a");
    with.pod("b");
    with.plan(MAINTENANCE).expect(0);
    with.run().expect(0);
    let journal = with.journal();
    assert!(
        journal.contains("drained Node n: 2 pods evicted, 0 left") && journal.contains("\"evicted\":2"),
        "{journal}"
    );
    assert!(with.cluster.all("pods").is_empty());
    let writes = with.writes();
    let (cordon, rest) = writes.split_first().unwrap();
    let (uncordon, evictions) = rest.split_last().unwrap();
    assert_eq!(
        [cordon.as_str(), uncordon.as_str()],
        ["patch nodes n", "patch nodes n"]
    );
    // Pods are evicted at once: whose request comes first is nobody's promise.
    let evictions: BTreeSet<&str> = evictions.iter().map(String::as_str).collect();
    assert_eq!(
        evictions,
        ["create pods/eviction shop/a", "create pods/eviction shop/b"].into()
    );
    assert!(!with.unschedulable("n"));
}

#[test]
fn a_plan_holds_what_was_resolved_and_no_credential() {
    let with = WithCluster::new();
    with.plan(MAINTENANCE).expect(0);
    let plan = with.plan_json();
    let action = &step(&plan, "drain")["spec"]["action"];
    let uid = with.cluster.get("nodes", "", "n").unwrap()["metadata"]["uid"].clone();
    assert_eq!(action["action"], "DrainNode");
    assert_eq!(
        action["parameters"],
        json!({ "disableEviction": "false", "gracePeriodSeconds": "1" })
    );
    assert_eq!(action["planned"]["uid"], uid);
    assert_eq!(
        action["planned"]["cluster"],
        json!({ "context": "test", "server": with.server })
    );
    assert_eq!(
        step(&plan, "cordon")["undo"]["spec"]["action"]["action"],
        "UncordonNode"
    );
    assert_eq!(step(&plan, "cordon")["spec"]["repeat"], "safe");
    with.plan(MAINTENANCE).expect(0);
    assert_eq!(
        with.plan_json()["plan_id"],
        plan["plan_id"],
        "the same state gives the same plan"
    );
    with.run().expect(0);
    let kept = contents(&with.place.state())
        .into_iter()
        .chain(with.place.files());
    for (path, content) in kept.filter(|(path, _)| !path.ends_with("kubeconfig")) {
        let text = String::from_utf8_lossy(&content).into_owned();
        assert!(
            !text.contains(&format!("token-of:{ACCOUNT}")),
            "{}",
            path.display()
        );
    }
}

#[test]
fn another_object_of_that_name_is_not_the_approved_one() {
    let with = WithCluster::new();
    with.plan(MAINTENANCE).expect(0);
    with.cluster.vanish("nodes", "", "n");
    with.node("n");
    with.run().expect(6).says(&["Node n", "uid"]);
    assert_eq!(with.writes(), [""; 0]);
}

#[test]
fn a_target_that_somebody_changed_since_stops_the_run_before_it_writes() {
    let with = WithCluster::new();
    with.deployment("shop", "web");
    with.plan(SCALE).expect(0);
    with.cluster.edit("deployments", "shop", "web", |web| {
        web["metadata"]["generation"] = json!(9);
    });
    with.run().expect(6).says(&["generation 9"]);
    assert_eq!(with.writes(), [""; 0]);
}

#[test]
fn a_target_that_is_gone_or_another_cluster_is_refused() {
    let with = WithCluster::new();
    with.plan(MAINTENANCE).expect(0);
    with.cluster.vanish("nodes", "", "n");
    with.run().expect(6).says(&["it is not there"]);
    with.plan(MAINTENANCE)
        .expect(3)
        .says(&["run.plan.yaml:8", "Node n is not there"]);
    let other = WithCluster::new();
    let kubeconfig = std::fs::read(other.place.work().join("kubeconfig")).unwrap();
    with.place.write("kubeconfig", kubeconfig);
    with.run()
        .expect(6)
        .says(&["the cluster at", &with.server, &other.server]);
    assert_eq!(other.writes(), [""; 0]);
}

#[test]
fn policies_for_actions_judge_the_plan_and_the_action_once_more() {
    let with = WithCluster::new();
    with.deployment("kube-system", "dns");
    let steps = SCALE
        .replace("shop", "kube-system")
        .replace("name: web", "name: dns");
    let denied = "Actions not allowed in protected namespace: kube-system";
    let ran = with.plan(&steps).expect(4);
    assert!(ran.all().contains(denied), "{}", ran.all());
    // A label that came after the plan was made denies as well, with nothing written.
    with.plan(MAINTENANCE).expect(0);
    with.cluster.edit("nodes", "", "n", |node| {
        node["metadata"]["labels"] = json!({ "node-role.kubernetes.io/control-plane": "" });
    });
    let ran = with.run().expect(1);
    assert!(ran.all().contains("control plane nodes"), "{}", ran.all());
    assert_eq!(with.writes(), [""; 0]);
}

#[test]
fn a_budget_is_waited_for() {
    let with = WithCluster::new();
    with.pod("a");
    with.budget(0);
    with.cluster.evictions_retry_after(1);
    with.plan(MAINTENANCE).expect(0);
    let mut run = with.start();
    with.until(|cluster| {
        let calls = cluster.calls_of(ACCOUNT);
        calls
            .iter()
            .any(|call| call.resource == "pods/eviction" && call.status == Some(429))
    });
    assert_eq!(with.cluster.all("pods").len(), 1);
    with.cluster
        .edit("poddisruptionbudgets", "shop", "web", |budget| {
            budget["status"]["disruptionsAllowed"] = json!(1);
        });
    assert!(run.wait().unwrap().success());
    assert!(with.cluster.all("pods").is_empty());
}

#[test]
fn killed_after_the_write_the_target_says_that_it_was_done() {
    let with = WithCluster::new();
    let steps = &MAINTENANCE[..MAINTENANCE.find("  - id: drain").unwrap()];
    with.plan(steps).expect(0);
    let gate = Gate::new();
    with.cluster
        .plan(When::nth(1).method("PATCH"), Fault::HeldAfter(gate.clone()));
    with.kill_at(with.start(), &gate);
    assert!(with.unschedulable("n"));
    with.place
        .run(&["resume"])
        .expect(0)
        .says(&["Cordon  (found done)"]);
    assert_eq!(with.writes(), ["patch nodes n"]);
}

#[test]
fn killed_before_the_write_it_is_done_then_and_one_that_may_not_be_repeated_waits_for_a_person() {
    for (repeat, code, writes) in [("safe", 0, 1), ("never", 8, 0)] {
        let with = WithCluster::new();
        let steps = &MAINTENANCE[..MAINTENANCE.find("  - id: drain").unwrap()];
        with.plan(&format!("{steps}    repeat: {repeat}\n")).expect(0);
        let gate = Gate::new();
        with.cluster
            .plan(When::nth(1).method("PATCH"), Fault::HeldBefore(gate.clone()));
        with.kill_at(with.start(), &gate);
        std::thread::sleep(Duration::from_millis(100));
        with.place.run(&["resume"]).expect(code);
        assert_eq!(with.writes().len(), writes, "{repeat}");
    }
}

#[test]
fn killed_in_the_middle_of_a_rollout_it_is_waited_for_and_nothing_is_written_again() {
    let with = WithCluster::new();
    with.deployment("shop", "web");
    with.plan(SCALE).expect(0);
    with.cluster.rolls_out("shop", "web", Speed::Unseen);
    let mut run = with.start();
    with.until(|cluster| !cluster.writes_to("deployments").is_empty());
    run.kill().unwrap();
    run.wait().unwrap();
    let mut resume = with.place.command(&["resume"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    with.cluster.rolls_out("shop", "web", Speed::AtOnce);
    assert!(resume.wait().unwrap().success());
    assert_eq!(with.writes().len(), 1, "{:?}", with.writes());
    assert_eq!(with.replicas("shop", "web"), 3);
}

#[test]
fn without_a_rollback_of_its_own_a_step_is_taken_back_by_the_actions_inverse() {
    let with = WithCluster::new();
    with.deployment("shop", "web");
    let failing = format!("{SCALE}  - {{ id: fail, title: Fail, exec: [\"false\"], rollback: none }}\n");
    with.plan(&failing).expect(0);
    let undo = step(&with.plan_json(), "scale")["undo"]["spec"]["action"].clone();
    assert_eq!(
        (&undo["action"], &undo["parameters"]),
        (
            &json!("ScaleDeployment"),
            &json!({ "replicas": "2", "expectedReplicas": "3" })
        )
    );
    with.run().expect(7);
    assert_eq!(with.replicas("shop", "web"), 2);
    assert_eq!(with.writes().len(), 2);
}

#[test]
fn what_was_so_before_is_not_taken_back() {
    let with = WithCluster::new();
    let steps = format!("{MAINTENANCE}  - {{ id: fail, title: Fail, exec: [\"false\"], rollback: none }}\n");
    let steps = steps.replace("  - id: uncordon\n    title: Uncordon\n    kubernetes: { action: UncordonNode, target: { name: n } }\n    rollback: none\n", "");
    with.plan(&steps).expect(0);
    with.run().expect(7);
    // The drain found the node cordoned by the step before it, which uncordons it.
    assert_eq!(with.writes(), ["patch nodes n", "patch nodes n"]);
    assert!(!with.unschedulable("n"));
}

#[test]
fn a_dry_run_asks_the_server_and_writes_nothing() {
    let with = WithCluster::new();
    with.deployment("shop", "web");
    with.plan(SCALE).expect(0);
    let ran = with.place.run(&["run", "plan.json", "--dry-run"]).expect(0);
    assert!(ran.stdout.contains("1 of 1 steps simulated"), "{}", ran.all());
    assert_eq!(with.writes(), [""; 0]);
    assert_eq!(with.replicas("shop", "web"), 2);
}

#[test]
fn what_cannot_be_a_step_is_said_where_it_stands() {
    let with = WithCluster::new();
    with.deployment("shop", "web");
    with.cluster.put(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": "shop", "name": "s" }, "data": {},
    }));
    for (action, says) in [
        (
            "{ action: get, target: { kind: Node } }",
            "`get` and `wait` exist in checks only",
        ),
        (
            "{ action: explode, target: { kind: Node, name: n } }",
            "unknown action: 'explode'",
        ),
        (
            "{ action: drain, target: { kind: Node, name: n }, params: { wuff: 1 } }",
            "unknown parameter: 'wuff'",
        ),
        (
            "{ action: drain, target: { kind: Pod, name: n } }",
            "DrainNode is for a Node, not for a Pod",
        ),
        (
            "{ action: drain, target: { kind: Node } }",
            "target.name is missing",
        ),
        (
            "{ action: drain, target: { kind: Node, name: n }, context: prod }",
            "the cluster cannot be reached",
        ),
        (
            "{ action: drain, target: { kind: Node, name: \"${{ run.id }}\" } }",
            "is not known when the plan is made",
        ),
        (
            "{ action: patch, target: { kind: Secret, name: s }, params: { patch: {} } }",
            "cannot be a step",
        ),
        (
            "{ action: cordon, target: { kind: Node, name: n } }\n    effect: read",
            "reaches further than this `effect` says",
        ),
    ] {
        let ran = with
            .plan(&format!("\n  - id: a\n    title: A\n    kubernetes: {action}\n"))
            .expect(3);
        assert!(
            ran.stderr.contains(says) && ran.stderr.contains("run.plan.yaml:"),
            "{says:?}:\n{}",
            ran.all()
        );
    }
    assert_eq!(with.writes(), [""; 0]);
}

fn looks(checks: &str) -> String {
    format!("\n  - id: look\n    title: Look\n    effect: read\n    exec: [\"true\"]\n    verify:\n{checks}")
}

#[test]
fn checks_look_at_objects() {
    let with = WithCluster::new();
    with.pod("a");
    with.cluster.put(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": "shop", "name": "s" },
        "data": { "password": "aGlkZGVu" },
    }));
    let holds = [
        "kubernetes: { action: get, target: { kind: Node, name: n } }, expect: { json: [{ path: $.metadata.name, value: n }] }",
        "kubernetes: { action: get, target: { kind: Node } }, expect: { json: [{ path: \"$.items[*].status.conditions[0].status\", op: all==, value: \"True\" }] }",
        "kubernetes: { action: get, target: { kind: Pod, namespace: \"*\" } }, expect: { json: [{ path: \"$.items[*].metadata.name\", value: a }] }",
        "kubernetes: { action: get, target: { kind: Pod, selector: app=other } }, expect: { json: [{ path: \"$.items[*]\", op: empty }] }",
        "kubernetes: { action: get, target: { kind: Pod, name: gone } }, expect: { status: 404 }",
        "kubernetes: { action: get, target: { kind: Secret, name: s } }, expect: { json: [{ path: $.data.password, value: (secret) }] }",
        "kubernetes: { action: wait, target: { kind: Node, name: n }, params: { for: condition=Ready } }",
        "kubernetes: { action: wait, target: { kind: Pod, name: gone }, params: { for: delete } }",
        "kubernetes: { action: get, target: { kind: Node, name: \"${{ item }}\" } }, for_each: [n, m], expect: { json: [{ path: $.metadata.name, op: exists }] }",
    ];
    let checks: String = holds
        .iter()
        .map(|check| format!("      - {{ {check} }}\n"))
        .collect();
    with.plan(&looks(&checks)).expect(0);
    with.run().expect(0);
    assert_eq!(with.writes(), [""; 0]);
}

#[test]
fn a_look_that_does_not_hold_or_cannot_be_made_fails_the_step() {
    let with = WithCluster::new();
    for (check, says) in [
        (
            "kubernetes: { action: get, target: { kind: Node, name: gone } }",
            "it is not there",
        ),
        (
            "kubernetes: { action: get, target: { kind: Node, name: n } }, expect: { json: [{ path: $.metadata.name, value: x }] }",
            "$.metadata.name should be ==",
        ),
        (
            "kubernetes: { action: wait, target: { kind: Node, name: n }, params: { for: condition=Ready=False } }, timeout: 2s",
            "last seen: condition Ready is True",
        ),
        (
            "kubernetes: { action: get, target: { kind: Wuff } }",
            "the kind \"Wuff\" is not known here",
        ),
        (
            "kubernetes: { action: get, target: { kind: Node }, context: prod }",
            "the cluster cannot be reached",
        ),
    ] {
        with.plan(&looks(&format!("      - {{ {check} }}\n"))).expect(0);
        let ran = with.run().expect(1);
        assert!(ran.all().contains(says), "{says:?}:\n{}", ran.all());
    }
    for check in [
        "kubernetes: { action: drain, target: { kind: Node, name: n } }",
        "kubernetes: { action: wait, target: { kind: Node, name: n }, params: { for: luck } }",
        "kubernetes: { action: get, target: { name: n } }",
    ] {
        with.plan(&looks(&format!("      - {{ {check} }}\n"))).expect(3);
    }
}

#[test]
fn what_is_waited_for_may_come_later() {
    let with = WithCluster::new();
    let check = "kubernetes: { action: wait, target: { kind: Node, name: n }, params: { for: condition=Ready=False } }";
    with.plan(&looks(&format!("      - {{ {check} }}\n"))).expect(0);
    let mut run = with.start();
    with.until(|cluster| !cluster.calls_of(ACCOUNT).is_empty());
    with.cluster.edit("nodes", "", "n", |node| {
        node["status"]["conditions"][0]["status"] = json!("False");
    });
    assert!(run.wait().unwrap().success());
}
