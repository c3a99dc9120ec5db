//! Steps that go through the executor of the cluster: one `KubernetesExecution` is made, and waited for.

use enact_testkit::cluster::{Fault, Gate, When};
use serde_json::{Value, json};

use crate::clusters::WithCluster;

const SCALE: &str = "
  - id: scale
    title: Scale
    kubernetes:
      action: scale
      target: { kind: Deployment, name: web }
      params: { replicas: 3 }
      through: executor
      namespace: shop
    rollback: none
";

fn prepared() -> WithCluster {
    let with = WithCluster::new();
    with.deployment("shop", "web");
    with.plan(SCALE).expect(0);
    with
}

fn only(with: &WithCluster) -> Value {
    let found = with.cluster.all("kubernetesexecutions");
    assert_eq!(found.len(), 1, "{found:#?}");
    found[0].clone()
}

/// What the executor writes once the step's execution is there.
fn ends(with: &WithCluster, status: &Value) {
    with.until(|cluster| !cluster.all("kubernetesexecutions").is_empty());
    let name = only(with)["metadata"]["name"].as_str().unwrap().to_owned();
    with.cluster
        .edit("kubernetesexecutions", "shop", &name, |execution| {
            execution["status"] = status.clone();
        });
}

#[test]
fn an_execution_is_made_and_waited_for() {
    let with = prepared();
    let mut run = with.start();
    ends(&with, &json!({ "phase": "Completed", "message": "scaled" }));
    assert!(run.wait().unwrap().success());
    let made = only(&with);
    assert_eq!(
        made["spec"],
        json!({
            "action": "ScaleDeployment", "parameters": { "replicas": "3" },
            "targetResource": { "kind": "Deployment", "namespace": "shop", "name": "web" },
        })
    );
    assert_eq!(with.writes(), ["create kubernetesexecutions shop"]);
    assert_eq!(
        with.replicas("shop", "web"),
        2,
        "nothing is written to the target from here"
    );
}

#[test]
fn one_that_failed_fails_the_step_with_its_reason_and_message() {
    let with = prepared();
    let run = with.start();
    ends(
        &with,
        &json!({ "phase": "Failed", "failureReason": "PolicyDenied", "message": "not on sundays" }),
    );
    let ended = run.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(7));
    let log = with.journal();
    assert!(log.contains("Failed, PolicyDenied: not on sundays"), "{log}");
}

#[test]
fn a_run_that_goes_on_finds_the_one_that_it_made() {
    // Killed while its request is answered, and while it waits.
    for killed in ["creating", "waiting"] {
        let with = prepared();
        let gate = Gate::new();
        let at = match killed {
            "creating" => When::nth(1).method("POST").path("*/kubernetesexecutions"),
            _ => When::nth(3).method("GET").path("*/kubernetesexecutions/*"),
        };
        with.cluster.plan(at, Fault::HeldAfter(gate.clone()));
        with.kill_at(with.start(), &gate);
        let mut resume = with.place.command(&["resume"]).spawn().unwrap();
        ends(&with, &json!({ "phase": "Completed", "message": "scaled" }));
        assert!(resume.wait().unwrap().success(), "{killed}");
        assert_eq!(with.writes(), ["create kubernetesexecutions shop"], "{killed}");
    }
}

#[test]
fn one_that_was_made_and_is_gone_is_never_made_again() {
    let with = prepared();
    let gate = Gate::new();
    let at = When::nth(3).method("GET").path("*/kubernetesexecutions/*");
    with.cluster.plan(at, Fault::HeldAfter(gate.clone()));
    with.kill_at(with.start(), &gate);
    let name = only(&with)["metadata"]["name"].as_str().unwrap().to_owned();
    with.cluster.vanish("kubernetesexecutions", "shop", &name);
    let ran = with.place.run(&["resume"]);
    assert_eq!(ran.code, 8, "{}", ran.all());
    assert!(ran.all().contains("was made and is gone"), "{}", ran.all());
    assert!(with.cluster.all("kubernetesexecutions").is_empty());
}
