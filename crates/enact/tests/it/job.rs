//! `enact action run` as a Job's pod runs it, against a cluster on a socket.

use std::process::Command;

use enact_testkit::cluster::{Cluster, Fault, When};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::clusters::served;
use crate::harness::ENACT;

const ACCOUNT: &str = "kubernetes-executor-cordon-node";

/// Cordons node `n` in a process of its own. Its exit code, and its report.
fn cordon(cluster: &Cluster) -> (Option<i32>, Value) {
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n" }, "spec": {} });
    let node = cluster.put(&node);
    let request = json!({
        "v": 1, "action": "CordonNode", "target": { "kind": "Node", "name": "n" }, "parameters": {},
        "basis": { "uid": node["metadata"]["uid"] }, "on_behalf_of": "u/e/uid-1", "seconds": 30,
    });
    let (_runtime, listening) = served(cluster);
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("kubeconfig");
    std::fs::write(&config, listening.kubeconfig(ACCOUNT)).unwrap();
    let ran = Command::new(ENACT)
        .args(["action", "run"])
        .env_clear()
        .env("HOME", folder.path())
        .env("KUBECONFIG", config)
        .env("ENACT_REQUEST", request.to_string())
        .output()
        .unwrap();
    let stdout = String::from_utf8(ran.stdout).unwrap();
    // Where no kubelet has put a file for it, the report is the last line.
    let report = stdout
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok());
    (ran.status.code(), report.unwrap_or_default())
}

#[test]
fn a_job_does_its_action_and_reports() {
    let cluster = Cluster::new();
    let (code, report) = cordon(&cluster);
    assert_eq!((code, &report["code"]), (Some(0), &json!("done")), "{report}");
    let short: Vec<String> = cluster
        .calls_of(ACCOUNT)
        .iter()
        .map(|call| call.in_short())
        .collect();
    assert_eq!(short, ["get nodes n", "patch nodes n"]);
}

#[test]
fn a_job_repeats_no_write_behind_the_back_of_its_action() {
    for code in [503, 504, 429] {
        let cluster = Cluster::new();
        let fault = Fault::Refused {
            code,
            retry_after: None,
        };
        cluster.plan(When::nth(1).method("PATCH"), fault);
        let (exit, report) = cordon(&cluster);
        assert_eq!(
            (exit, &report["code"]),
            (Some(1), &json!("failed")),
            "{code}: {report}"
        );
        let short: Vec<String> = cluster
            .calls_of(ACCOUNT)
            .iter()
            .map(|call| call.in_short())
            .collect();
        assert_eq!(short, ["get nodes n", "patch nodes n"], "{code}");
    }
}

#[test]
fn called_manager_it_is_the_controller_and_its_policy_processes_are_not() {
    let folder = TempDir::new().unwrap();
    let manager = folder.path().join("manager");
    std::os::unix::fs::symlink(ENACT, &manager).unwrap();
    let help = Command::new(&manager).arg("--help").output().unwrap();
    assert!(String::from_utf8_lossy(&help.stdout).contains("--leader-elect"));
    let worker = Command::new(&manager)
        .arg("policy-worker")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(worker.status.success(), "{worker:?}");
}
