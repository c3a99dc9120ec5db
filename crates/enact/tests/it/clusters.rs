//! A cluster on a socket for the real binary, with a kubeconfig that leads to it.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use enact_testkit::cluster::{Cluster, Gate, Listening, Living};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::harness::{Place, Ran};

/// The account that commands come as.
pub(crate) const ACCOUNT: &str = "operator";

/// A place with a cluster that lives in real time.
pub(crate) struct WithCluster {
    pub(crate) place: Place,
    pub(crate) cluster: Cluster,
    pub(crate) server: String,
    _listening: Listening,
    _living: Living,
}

impl WithCluster {
    /// A cluster with the nodes `n` and `m`, both ready.
    pub(crate) fn new() -> Self {
        let mut place = Place::new();
        let cluster = Cluster::new();
        let (listening, living) = {
            let _entered = place.runtime.enter();
            (place.runtime.block_on(cluster.listen()), cluster.live())
        };
        let server = format!("http://{}", listening.address);
        place.write("kubeconfig", listening.kubeconfig(ACCOUNT));
        let path = place.work().join("kubeconfig").display().to_string();
        place.environment.push(("KUBECONFIG".to_owned(), path));
        let made = Self {
            place,
            cluster,
            server,
            _listening: listening,
            _living: living,
        };
        made.node("n");
        made.node("m");
        made
    }

    /// A node that is ready.
    pub(crate) fn node(&self, name: &str) {
        self.cluster.put(&json!({
            "apiVersion": "v1", "kind": "Node", "metadata": { "name": name }, "spec": {},
            "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
        }));
    }

    /// A pod of a ReplicaSet on node `n`.
    pub(crate) fn pod(&self, name: &str) {
        self.cluster.put(&json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": { "namespace": "shop", "name": "web-1" },
            "spec": { "selector": {}, "template": { "metadata": {} } },
        }));
        let owner = self.cluster.edit("replicasets", "shop", "web-1", |_| {});
        let owner = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "controller": true,
            "uid": owner["metadata"]["uid"],
        });
        self.cluster.put(&json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "namespace": "shop", "name": name, "labels": { "app": "web" }, "ownerReferences": [owner],
            },
            "spec": { "nodeName": "n", "containers": [{ "name": "main", "image": "web:1" }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] },
        }));
    }

    /// A budget over the pods with `app=web`.
    pub(crate) fn budget(&self, allowed: i64) {
        self.cluster.put(&json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": { "namespace": "shop", "name": "web" },
            "spec": { "selector": { "matchLabels": { "app": "web" } } },
            "status": { "disruptionsAllowed": allowed, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 2 },
        }));
    }

    /// A Deployment with two replicas, rolled out.
    pub(crate) fn deployment(&self, namespace: &str, name: &str) {
        let _entered = self.place.runtime.enter();
        self.cluster.put(&json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "namespace": namespace, "name": name },
            "spec": {
                "replicas": 2, "selector": { "matchLabels": { "app": name } },
                "template": {
                    "metadata": { "labels": { "app": name } },
                    "spec": { "containers": [{ "name": "main", "image": "web:1" }] },
                },
            },
        }));
        self.until(|cluster| {
            let found = cluster.get("deployments", namespace, name).unwrap();
            found["status"]["availableReplicas"] == 2
        });
    }

    pub(crate) fn replicas(&self, namespace: &str, name: &str) -> Value {
        self.cluster.get("deployments", namespace, name).unwrap()["spec"]["replicas"].clone()
    }

    pub(crate) fn unschedulable(&self, name: &str) -> bool {
        self.cluster.get("nodes", "", name).unwrap()["spec"]["unschedulable"] == true
    }

    /// Waits until the cluster is so.
    #[track_caller]
    pub(crate) fn until(&self, so: impl FnMut(&Cluster) -> bool) {
        let waited = self
            .place
            .runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(60), self.cluster.until(so)).await });
        assert!(waited.is_ok(), "it did not come within a minute");
    }

    /// Writes a runbook with these steps, and plans it.
    pub(crate) fn plan(&self, steps: &str) -> Ran {
        self.place.write("run.plan.yaml", runbook(steps));
        self.place
            .run(&["plan", "-f", "run.plan.yaml", "-o", "plan.json"])
    }

    pub(crate) fn plan_json(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.place.work().join("plan.json")).unwrap()).unwrap()
    }

    /// Runs the plan that was written, with a yes.
    pub(crate) fn run(&self) -> Ran {
        self.place.run(&["run", "plan.json", "--auto-approve"])
    }

    /// Starts the run of the plan that was written.
    pub(crate) fn start(&self) -> Child {
        let mut command = self.place.command(&["run", "plan.json", "--auto-approve"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Kills a run that stands before a gate.
    pub(crate) fn kill_at(&self, mut run: Child, gate: &Gate) {
        let until = Instant::now() + Duration::from_secs(60);
        while !gate.is_reached() {
            assert!(Instant::now() < until, "nothing came to the gate");
            assert!(
                run.try_wait().unwrap().is_none(),
                "it ended before it came to the gate"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        run.kill().unwrap();
        run.wait().unwrap();
        gate.open();
    }

    /// The journal of the newest run.
    pub(crate) fn journal(&self) -> String {
        let runs = self
            .place
            .run(&["runs", "list", "--output", "json"])
            .expect(0)
            .json();
        let run = runs[0]["run_id"].as_str().unwrap();
        self.place.run(&["runs", "log", run]).expect(0).stdout
    }

    /// The writes that were carried out, in short.
    pub(crate) fn writes(&self) -> Vec<String> {
        let calls = self.cluster.calls_of(ACCOUNT);
        let done = calls
            .iter()
            .filter(|call| call.is_write() && call.applied && !call.dry_run);
        done.map(|call| call.in_short()).collect()
    }
}

/// Serves a cluster on a socket for as long as what is given back is kept.
pub(crate) fn served(cluster: &Cluster) -> (Runtime, Listening) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listening = runtime.block_on(cluster.listen());
    (runtime, listening)
}

/// A whole runbook around some steps, which are written as YAML at an indentation of two.
pub(crate) fn runbook(steps: &str) -> String {
    format!(
        "version: enact/v1\nkind: Plan\nname: upkeep\ntitle: Upkeep\n\
         requirements: [{{ id: R1, text: \"It is done\" }}]\n\
         steps:\n{steps}\
         acceptance: [{{ id: C1, text: \"It is done\", satisfies: [R1], check: {{ exec: [\"true\"] }} }}]\n\
         rollback: {{ on: [failure], mode: auto }}\n"
    )
}
