//! `enact controller` as a process, against a cluster on a socket: its flags, and what it tells a collector of traces.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use enact_testkit::cluster::{Cluster, kubeconfig};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::clusters::served;
use crate::harness::ENACT;

/// A collector that takes everything, and says what it was sent.
fn collector() -> (String, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let send = send.clone();
            std::thread::spawn(move || serve(stream, &send));
        }
    });
    (address, receive)
}

fn serve(stream: TcpStream, send: &Sender<(String, Value)>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let told = (first.trim().to_owned(), serde_json::from_slice(&body).unwrap());
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        if send.send(told).is_err() || reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn controller(folder: &TempDir, server: &str, arguments: &[&str]) -> Child {
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, kubeconfig(server, "kubernetes-executor")).unwrap();
    Command::new(ENACT)
        .args(["controller", "--leader-elect=false", "--kubeconfig"])
        .arg(path)
        .args(["--health-probe-bind-address", "127.0.0.1:0"])
        .args(["--metrics-bind-address", "127.0.0.1:0"])
        .args(arguments)
        .env_clear()
        .env("HOME", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn every_pass_over_an_execution_is_a_span_with_what_it_looked_at_below_it() {
    let cluster = Cluster::new();
    cluster.put(&json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n" }, "spec": {} }));
    cluster.put(&json!({
        "apiVersion": "kubernetesexecution.kubernaut.io/v1alpha1", "kind": "KubernetesExecution",
        "metadata": { "namespace": "shop", "name": "look" },
        "spec": { "action": "CordonNode", "dryRun": true, "targetResource": { "kind": "Node", "name": "n" } },
    }));
    let (runtime, listening) = served(&cluster);
    let (endpoint, told) = collector();
    let folder = TempDir::new().unwrap();
    let mut child = controller(
        &folder,
        &format!("http://{}", listening.address),
        &["--otlp-endpoint", &endpoint],
    );
    let over = |cluster: &Cluster| {
        let object = cluster.get("kubernetesexecutions", "shop", "look").unwrap();
        object["status"]["phase"] == "Completed" || object["status"]["phase"] == "Failed"
    };
    runtime.block_on(async {
        let waited = tokio::time::timeout(Duration::from_secs(60), cluster.until(over)).await;
        waited.unwrap();
    });
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert!(child.wait().unwrap().success());
    let all: Vec<(String, Value)> = told.try_iter().collect();
    assert!(!all.is_empty(), "nothing was sent");
    for (request, _) in &all {
        assert_eq!(request, "POST /v1/traces HTTP/1.1");
    }
    let spans: Vec<&Value> = all
        .iter()
        .flat_map(|(_, body)| body["resourceSpans"].as_array().unwrap())
        .flat_map(|resource| resource["scopeSpans"].as_array().unwrap())
        .flat_map(|scope| scope["spans"].as_array().unwrap())
        .collect();
    let passes: Vec<&Value> = spans
        .iter()
        .filter(|span| {
            let text = span["attributes"].to_string();
            span["name"] == "reconcile" && text.contains("\"look\"") && text.contains("\"shop\"")
        })
        .map(|span| &span["traceId"])
        .collect();
    assert!(!passes.is_empty(), "no pass over it among {spans:#?}");
    let looks = |span: &&Value| span["name"] == "look" && passes.contains(&&span["traceId"]);
    assert!(spans.iter().any(looks), "{spans:#?}");
    assert!(spans.iter().any(|span| span["name"] == "write"));
}

#[test]
fn an_address_of_a_collector_that_is_none_is_refused_at_once() {
    let folder = TempDir::new().unwrap();
    let mut child = controller(
        &folder,
        "http://127.0.0.1:9",
        &["--otlp-endpoint", "collector:4318"],
    );
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn actions_that_are_not_named_are_unknown_and_a_name_that_there_is_not_is_refused() {
    let cluster = Cluster::new();
    cluster.put(&json!({
        "apiVersion": "kubernetesexecution.kubernaut.io/v1alpha1", "kind": "KubernetesExecution",
        "metadata": { "namespace": "shop", "name": "off" },
        "spec": { "action": "CordonNode", "targetResource": { "kind": "Node", "name": "n" } },
    }));
    let (runtime, listening) = served(&cluster);
    let server = format!("http://{}", listening.address);
    let folder = TempDir::new().unwrap();
    let mut child = controller(&folder, &server, &["--enabled-actions", "RolloutStatus,Reboot"]);
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let mut child = controller(&folder, &server, &["--enabled-actions", "RolloutStatus"]);
    let over = |cluster: &Cluster| {
        let object = cluster.get("kubernetesexecutions", "shop", "off").unwrap();
        object["status"]["phase"] == "Failed"
    };
    runtime.block_on(async {
        let waited = tokio::time::timeout(Duration::from_secs(60), cluster.until(over)).await;
        waited.unwrap();
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let object = cluster.get("kubernetesexecutions", "shop", "off").unwrap();
    assert_eq!(object["status"]["failureReason"], "UnknownAction");
}
