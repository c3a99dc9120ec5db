//! A cluster with an executor in it.

use std::sync::Arc;
use std::time::Duration;

use enact_engine::clock::Clock as _;
use enact_engine::policy::asking::InProcess;
use enact_engine::policy::bundle::Bundle;
use enact_engine::policy::rego::RegoPolicy;
use enact_engine::policy::reload::InForce;
use enact_kube::api::{KubernetesExecution, KubernetesExecutionStatus, Phase};
use enact_kube::catalog::Catalog;
use enact_kube::controller::{Conditions, Context, Locks, Metrics, Trouble, reconcile};
use enact_kube::job::{ExitStatus, Performing, REQUEST_VARIABLE, perform};
use enact_kube::machine::Settings;
use enact_testkit::cluster::Cluster;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The namespace of the executor.
pub(crate) const SYSTEM: &str = "kubernetes-executor-system";

/// The account of the controller.
pub(crate) const CONTROLLER: &str = "kubernetes-executor";

pub(crate) struct Bench {
    pub(crate) cluster: Cluster,
    pub(crate) inline: bool,
    pub(crate) policies: InForce,
}

impl Bench {
    /// A cluster with the ten accounts, and `web` with three replicas in namespace `shop`.
    pub(crate) fn new() -> Self {
        let cluster = Cluster::new();
        for action in Catalog::built_in().list() {
            let account = action.about().account();
            cluster.put(&json!({ "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": { "namespace": SYSTEM, "name": account } }));
        }
        cluster.put(&deployment("shop", "web", 3));
        Self {
            cluster,
            inline: true,
            policies: InForce::new(RegoPolicy::built_in()),
        }
    }

    /// A controller that was just started.
    pub(crate) fn controller(&self) -> Context {
        Context {
            client: self.cluster.client(CONTROLLER),
            settings: Settings {
                namespace: SYSTEM.to_owned(),
                image: "kubernetes-executor:v1.0.0".to_owned(),
                allow_inline_conditions: self.inline,
                cluster: "test".to_owned(),
                priority_class: None,
                observe_only: false,
            },
            catalog: Catalog::built_in(),
            policies: self.policies.clone(),
            conditions: Conditions::new(Arc::new(load)),
            clock: Arc::new(self.cluster.clock()),
            locks: Locks::default(),
            metrics: Metrics::register(&mut Registry::default()),
            identity: "test-0".to_owned(),
        }
    }

    /// Creates an execution in `shop`.
    pub(crate) fn ask(&self, name: &str, spec: &Value) {
        self.cluster.put(&json!({
            "apiVersion": "kubernetesexecution.kubernaut.io/v1alpha1",
            "kind": "KubernetesExecution",
            "metadata": { "namespace": "shop", "name": name },
            "spec": spec,
        }));
    }

    pub(crate) fn object(&self, name: &str) -> Option<KubernetesExecution> {
        let value = self.cluster.get("kubernetesexecutions", "shop", name)?;
        Some(serde_json::from_value(value).unwrap())
    }

    pub(crate) fn status(&self, name: &str) -> KubernetesExecutionStatus {
        self.object(name)
            .and_then(|object| object.status)
            .unwrap_or_default()
    }

    pub(crate) fn phase(&self, name: &str) -> Phase {
        self.status(name).phase.unwrap_or_default()
    }

    /// One pass over an execution.
    pub(crate) async fn pass(&self, controller: &Context, name: &str) -> Result<(), Trouble> {
        let Some(object) = self.object(name) else {
            return Ok(());
        };
        let all: Vec<Arc<KubernetesExecution>> = self
            .cluster
            .all("kubernetesexecutions")
            .into_iter()
            .map(|value| Arc::new(serde_json::from_value(value).unwrap()))
            .collect();
        reconcile(&object, &move || all.clone(), controller)
            .await
            .map(|_| ())
    }

    /// Passes, Jobs and time, until the execution is over. A pass that breaks off is the end of that controller; another begins.
    pub(crate) async fn to_end(&self, name: &str) -> KubernetesExecutionStatus {
        let mut controller = self.controller();
        for _ in 0..80 {
            if self.pass(&controller, name).await.is_err() {
                controller = self.controller();
            }
            if self.phase(name).is_final() {
                return self.status(name);
            }
            self.run_jobs().await;
            self.cluster.pass(Duration::from_secs(2));
        }
        panic!("{name} does not end: {:#?}", self.status(name));
    }

    /// Runs every Job that has not run: its pod does what the program does, as the Job's account.
    pub(crate) async fn run_jobs(&self) {
        for job in self.cluster.all("jobs") {
            let ended = job.pointer("/status/conditions").is_some();
            if !ended && job.pointer("/metadata/deletionTimestamp").is_none() {
                self.run_job(&job).await;
            }
        }
    }

    async fn run_job(&self, job: &Value) {
        let text = |path: &str| job.pointer(path).and_then(Value::as_str).unwrap().to_owned();
        let name = text("/metadata/name");
        let account = text("/spec/template/spec/serviceAccountName");
        let env = &job["spec"]["template"]["spec"]["containers"][0]["env"][0];
        assert_eq!(env["name"], REQUEST_VARIABLE);
        let request = env["value"].as_str().unwrap().replace("$$", "$");
        let performing = Performing {
            client: self.cluster.client(&account),
            catalog: Catalog::built_in(),
            clock: Arc::new(self.cluster.clock()),
            stop: CancellationToken::new(),
            tell: Box::new(|_| ()),
        };
        let performed = tokio::select! {
            performed = perform(&request, performing) => performed,
            () = self.deployments_follow() => unreachable!(),
        };
        let code = performed.status as u8;
        self.cluster.put(&json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "namespace": SYSTEM, "name": format!("{name}-1"), "labels": { "job-name": name } },
            "spec": { "containers": [] },
            "status": { "phase": if code == 0 { "Succeeded" } else { "Failed" }, "containerStatuses": [{
                "name": "action", "image": "x", "imageID": "x", "ready": false, "restartCount": 0,
                "state": { "terminated": { "exitCode": code, "message": performed.message } } }] },
        }));
        let (kind, reason) = if performed.status == ExitStatus::Done {
            ("Complete", "")
        } else {
            ("Failed", "BackoffLimitExceeded")
        };
        self.cluster.edit("jobs", SYSTEM, &name, |job| {
            job["status"] = json!({ "conditions": [{ "type": kind, "status": "True", "reason": reason }] });
        });
    }

    /// Deployments do what their spec says, a second later.
    async fn deployments_follow(&self) {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.cluster.pass(Duration::from_secs(1));
            for deployment in self.cluster.all("deployments") {
                let place = |field: &str| deployment["metadata"][field].as_str().unwrap().to_owned();
                self.cluster
                    .edit("deployments", &place("namespace"), &place("name"), |deployment| {
                        let replicas = deployment["spec"]["replicas"].clone();
                        let generation = deployment["metadata"]["generation"].clone();
                        deployment["status"] = json!({ "observedGeneration": generation, "replicas": replicas,
                            "updatedReplicas": replicas, "availableReplicas": replicas });
                    });
            }
        }
    }

    pub(crate) fn replicas(&self) -> i64 {
        let web = self.cluster.get("deployments", "shop", "web").unwrap();
        web["spec"]["replicas"].as_i64().unwrap()
    }

    /// How many Jobs were ever there.
    pub(crate) fn jobs_made(&self) -> usize {
        let made = self.cluster.changes("jobs");
        let names: std::collections::BTreeSet<String> =
            made.iter().map(|change| format!("{:?}", change.key)).collect();
        names.len()
    }

    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.cluster.clock().now()
    }
}

pub(crate) fn deployment(namespace: &str, name: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "namespace": namespace, "name": name, "generation": 1 },
        "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "app", "image": "app:1" }] } } },
        "status": { "observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas },
    })
}

pub(crate) fn scale(replicas: &str) -> Value {
    json!({ "action": "ScaleDeployment", "parameters": { "replicas": replicas },
        "targetResource": { "kind": "Deployment", "name": "web" } })
}

fn load(bundle: &Bundle) -> Result<RegoPolicy, Vec<enact_core::diagnostic::Diagnostic>> {
    let (asked, loaded) = InProcess::load(bundle)?;
    Ok(RegoPolicy::new(loaded, Arc::new(asked)))
}
