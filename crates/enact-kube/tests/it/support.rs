//! A cluster with an executor in it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Once};
use std::time::Duration;

use enact_engine::clock::Clock as _;
use enact_engine::policy::asking::{Ask, InProcess, Loaded};
use enact_engine::policy::bundle::Bundle;
use enact_engine::policy::evaluate::{Answer, Detail, Failure};
use enact_engine::policy::query::Question;
use enact_engine::policy::rego::RegoPolicy;
use enact_engine::policy::reload::InForce;
use enact_engine::policy::syntax::RegoVersion;
use enact_kube::api::{KubernetesExecution, KubernetesExecutionStatus, Phase};
use enact_kube::catalog::Catalog;
use enact_kube::controller::{Conditions, Context, Followers, Locks, Metrics, Shelf, Trouble, reconcile};
use enact_kube::job::{Performing, REQUEST_VARIABLE, perform};
use enact_kube::machine::Settings;
use enact_kube::manifests::Choices;
use enact_testkit::clock::StepClock;
use enact_testkit::cluster::{Cluster, Ended, Rule, Started};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

/// The namespace of the executor.
pub(crate) const SYSTEM: &str = "kubernetes-executor-system";

/// The account of the controller.
pub(crate) const CONTROLLER: &str = "kubernetes-executor";

/// Compiled once: there are thousands of clusters.
static BUILT_IN: LazyLock<RegoPolicy> = LazyLock::new(RegoPolicy::built_in);

pub(crate) struct Bench {
    pub(crate) cluster: Cluster,
    pub(crate) inline: bool,
    pub(crate) policies: InForce,
    /// Are there actions of the operator's?
    pub(crate) custom: bool,
}

impl Bench {
    /// A cluster with the ten accounts, and `web` with three replicas in namespace `shop`.
    pub(crate) fn new() -> Self {
        listen_to_everything();
        let cluster = Cluster::new();
        for action in Catalog::built_in().list() {
            let account = action.about().account();
            cluster.put(&json!({ "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": { "namespace": SYSTEM, "name": account } }));
            // Exactly what the action declares: one that calls more fails.
            let rights = action.about().rights.iter();
            let rules = rights.map(|right| Rule::new(right.group, right.resource, right.verbs));
            cluster.restrict(&account, rules.collect());
        }
        restrict_controller(&cluster);
        let clock = cluster.clock();
        cluster.pods_run(move |started| perform_it(started, clock.clone()));
        cluster.put(&deployment("shop", "web", 3));
        Self {
            cluster,
            inline: true,
            policies: InForce::new(BUILT_IN.clone()),
            custom: false,
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
            catalog: self.shelf(),
            policies: self.policies.clone(),
            conditions: Conditions::new(Arc::new(load)),
            clock: Arc::new(self.cluster.clock()),
            locks: Locks::default(),
            followers: Followers::default(),
            metrics: Metrics::register(&mut Registry::default()),
            identity: "test-0".to_owned(),
        }
    }

    /// The catalog of a controller that was just started and has looked at the operator's.
    fn shelf(&self) -> Shelf {
        if !self.custom {
            return Shelf::fixed(Catalog::built_in());
        }
        let shelf = Shelf::with_custom(Vec::new());
        let map = self
            .cluster
            .get("configmaps", SYSTEM, "kubernetes-executor-catalog");
        shelf.take(map.as_ref().and_then(|map| map["data"]["catalog.yaml"].as_str()));
        shelf
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
        let _living = self.cluster.live();
        for _ in 0..400 {
            if self.pass(&controller, name).await.is_err() {
                controller = self.controller();
            }
            if self.phase(name).is_final() {
                return self.status(name);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("{name} does not end: {:#?}", self.status(name));
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

/// A place of the program that logs is asked once whether anybody listens, and tests run beside each other: where somebody always does,
/// a test that reads the log does not depend on who came first.
fn listen_to_everything() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Nobody else sets one.
        let _set = tracing::subscriber::set_global_default(tracing_subscriber::registry());
    });
}

/// What the program does inside of a Job.
async fn perform_it(started: Started, clock: StepClock) -> Ended {
    let request = started.variable(REQUEST_VARIABLE).unwrap_or_default();
    let stop = started.stop.clone();
    let client = started.client.clone();
    let performing = Performing {
        client,
        catalog: Catalog::built_in(),
        clock: Arc::new(clock),
        stop,
        tell: Box::new(move |stage| started.say(&serde_json::to_string(stage).unwrap())),
    };
    let performed = perform(&request, performing).await;
    Ended::with(performed.status as i32, &performed.message)
}

/// Exactly what the manifests give the controller.
fn restrict_controller(cluster: &Cluster) {
    /// Made once: there are thousands of clusters.
    static RULES: LazyLock<Vec<Rule>> = LazyLock::new(controller_rules);
    cluster.restrict(CONTROLLER, RULES.clone());
}

fn controller_rules() -> Vec<Rule> {
    let objects = enact_kube::manifests::manager_objects(&Choices {
        configmap_namespaces: vec!["shop".to_owned()],
        secret_namespaces: vec!["shop".to_owned()],
        ..Choices::default()
    });
    let mut rules = Vec::new();
    for object in objects {
        let namespace = object["metadata"]["namespace"].as_str();
        for rule in object["rules"].as_array().into_iter().flatten() {
            let texts = |field: &str| -> Vec<String> { serde_json::from_value(rule[field].clone()).unwrap() };
            let verbs = texts("verbs");
            let verbs: Vec<&str> = verbs.iter().map(String::as_str).collect();
            for group in texts("apiGroups") {
                for resource in texts("resources") {
                    let right = Rule::new(&group, &resource, &verbs);
                    rules.push(match namespace {
                        Some(namespace) if object["kind"] == "Role" => right.within(namespace),
                        _ => right,
                    });
                }
            }
        }
    }
    rules
}

/// Policies that answer what a test says: nothing is denied, or everything about actions.
#[derive(Default)]
pub(crate) struct Answers {
    pub(crate) deny: AtomicBool,
    /// Was anything denied?
    pub(crate) denied: AtomicBool,
}

impl Ask for Answers {
    fn ask(&self, _: Question, _: String, _: Detail) -> Result<Answer, Failure> {
        let deny = self.deny.load(Ordering::SeqCst);
        self.denied.fetch_or(deny, Ordering::SeqCst);
        let denials = if deny { json!(["it is denied"]) } else { json!([]) };
        let outputs = [("allow".to_owned(), json!(!deny)), ("deny".to_owned(), denials)];
        Ok(Answer {
            outputs: outputs.into(),
            rules: Vec::new(),
            prints: Vec::new(),
        })
    }
}

/// Policies about actions that answer so.
pub(crate) fn answering(answers: &Arc<Answers>) -> InForce {
    let rules = ["allow", "deny"].map(|rule| format!("kubernetes_executor.safety.{rule}"));
    let loaded = Loaded {
        origin: "a test".to_owned(),
        digest: enact_core::canonical::Digest::of(b"a test"),
        versions: [("test.rego".to_owned(), RegoVersion::V1)].into(),
        rules: rules.into(),
        warnings: Vec::new(),
    };
    InForce::new(RegoPolicy::new(loaded, answers.clone()))
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

pub(crate) fn load(bundle: &Bundle) -> Result<RegoPolicy, Vec<enact_core::diagnostic::Diagnostic>> {
    let (asked, loaded) = InProcess::load(bundle)?;
    Ok(RegoPolicy::new(loaded, Arc::new(asked)))
}
