//! What is refused, and that nothing was done then.

use enact_kube::api::Phase;
use enact_testkit::cluster::{Fault, Gate, Rule, When};
use serde_json::{Value, json};

use crate::support::{Bench, deployment, scale};

/// Asks, and says why it failed.
async fn refused(bench: &Bench, name: &str, spec: &Value) -> (String, String) {
    bench.ask(name, spec);
    let status = bench.to_end(name).await;
    assert_eq!(status.phase, Some(Phase::Failed), "{status:#?}");
    assert_eq!(bench.jobs_made(), 0, "a Job after a refusal");
    (
        status.failure_reason.unwrap().to_string(),
        status.message.unwrap(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_in_order_fails_and_says_why() {
    let bench = Bench::new();
    let with = |field: &str, value: Value| {
        let mut spec = scale("5");
        spec[field] = value;
        spec
    };
    let cases = [
        (
            "unknown",
            json!({ "action": "Reboot" }),
            "UnknownAction",
            "unknown action: 'Reboot'",
        ),
        (
            "case",
            json!({ "action": "scaleDeployment" }),
            "UnknownAction",
            "unknown action",
        ),
        (
            "empty",
            json!({ "action": "" }),
            "UnknownAction",
            "unknown action",
        ),
        (
            "version",
            json!({ "action": "ScaleDeployment@v2" }),
            "UnknownAction",
            "unknown action",
        ),
        (
            "missing",
            json!({ "action": "ScaleDeployment", "targetResource": { "name": "web" } }),
            "InvalidParameters",
            "parameter validation failed: missing required parameter: 'replicas'",
        ),
        ("zeros", scale("03"), "InvalidParameters", "a whole number"),
        ("plus", scale("+3"), "InvalidParameters", "a whole number"),
        ("digits", scale("٣"), "InvalidParameters", "a whole number"),
        (
            "extra",
            with("parameters", json!({ "replicas": "5", "image": "x" })),
            "InvalidParameters",
            "unknown parameter",
        ),
        (
            "afar",
            with("cluster", json!("prod-eu")),
            "InvalidParameters",
            "its own cluster only",
        ),
        (
            "afar-too",
            with("parameters", json!({ "replicas": "5", "cluster": "prod-eu" })),
            "InvalidParameters",
            "unknown parameter",
        ),
        (
            "unversioned",
            json!({ "action": "ScaleDeployment@" }),
            "UnknownAction",
            "unknown action",
        ),
        (
            "short",
            with("timeout", json!("0s")),
            "InvalidParameters",
            "out of bounds",
        ),
        (
            "long",
            with("timeout", json!("16m")),
            "InvalidParameters",
            "out of bounds",
        ),
        (
            "kind",
            with("targetResource", json!({ "kind": "Node", "name": "web" })),
            "InvalidParameters",
            "is for a Deployment",
        ),
        (
            "nowhere",
            json!({ "action": "ScaleDeployment", "parameters": { "replicas": "5" } }),
            "InvalidParameters",
            "name is missing",
        ),
        (
            "gone",
            with("targetResource", json!({ "name": "other" })),
            "TargetNotFound",
            "is not there",
        ),
        (
            "elsewhere",
            with(
                "parameters",
                json!({ "replicas": "5", "deployment_name": "other" }),
            ),
            "InvalidParameters",
            "names another target",
        ),
    ];
    for (name, spec, reason, words) in cases {
        let (why, message) = refused(&bench, name, &spec).await;
        assert_eq!(why, reason, "{name}: {message}");
        assert!(message.contains(words), "{name}: {message}");
    }
    assert_eq!(bench.replicas(), 3);
}

#[tokio::test(start_paused = true)]
async fn policy_denies_what_is_not_safe_on_what_is_really_there() {
    let bench = Bench::new();
    bench.cluster.edit("deployments", "shop", "web", |web| {
        web["metadata"]["labels"] = json!({ "critical": "true" });
    });
    let (reason, message) = refused(&bench, "zero", &scale("0")).await;
    assert_eq!(reason, "PolicyDenied");
    assert!(message.contains("scale-to-zero"), "{message}");
    let status = bench.status("zero");
    assert!(!status.policy_violations.is_empty() && !status.policy_decision.unwrap().allowed);

    // Another namespace may not be reached into, and a protected one not even then.
    bench.cluster.put(&deployment("kube-system", "dns", 2));
    let aimed = json!({ "action": "ScaleDeployment", "parameters": { "replicas": "5" },
        "targetResource": { "name": "dns", "namespace": "kube-system" } });
    let (reason, message) = refused(&bench, "reach", &aimed).await;
    assert_eq!(reason, "PolicyDenied");
    assert!(message.contains("cross-namespace"), "{message}");
    let status = bench.status("reach");
    assert_eq!(status.policy_violations, [message]);
    let denied = |kind: &str| status.conditions.iter().any(|condition| condition.type_ == kind);
    assert!(denied("PolicyViolation"), "{status:#?}");
    // What is not there is not told apart from what is.
    let nothing = json!({ "action": "ScaleDeployment", "parameters": { "replicas": "5" },
        "targetResource": { "name": "nothing", "namespace": "kube-system" } });
    let (reason, message) = refused(&bench, "probe", &nothing).await;
    assert_eq!(reason, "PolicyDenied");
    assert!(message.contains("cross-namespace"), "{message}");
    bench.cluster.edit("namespaces", "", "shop", |namespace| {
        namespace["metadata"]["labels"] = json!({ "enact.dev/cross-namespace": "true" });
    });
    let (reason, message) = refused(&bench, "protected", &aimed).await;
    assert_eq!(reason, "PolicyDenied");
    assert!(message.contains("kube-system"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_without_policies_or_accounts() {
    let mut bench = Bench::new();
    bench.cluster.vanish(
        "serviceaccounts",
        crate::support::SYSTEM,
        "kubernetes-executor-scale-deployment",
    );
    let (reason, _) = refused(&bench, "account", &scale("5")).await;
    assert_eq!(reason, "RBACNotReady");
    let digest = enact_core::canonical::Digest::of(b"none");
    let broken = enact_engine::policy::rego::RegoPolicy::broken("nowhere", &digest, &[]);
    bench.policies = enact_engine::policy::reload::InForce::new(broken);
    let before = bench.now();
    let (reason, _) = refused(&bench, "policies", &scale("5")).await;
    // It waits for two minutes first, in case they come.
    assert_eq!(reason, "PolicyUnavailable");
    assert!(bench.now().duration_since(before).as_secs() >= 60);
}

#[tokio::test(start_paused = true)]
async fn what_an_account_lacks_is_believed_only_from_a_server_that_is_ready() {
    let bench = Bench::new();
    let account = "kubernetes-executor-scale-deployment";
    bench.cluster.restrict(account, Vec::new());
    let starting = Gate::new();
    bench
        .cluster
        .plan(When::next("GET", "/readyz"), Fault::HeldBefore(starting.clone()));
    bench.ask("early", &scale("5"));
    let started = async {
        starting.reached().await;
        let rights = [
            Rule::new("apps", "deployments", &["get", "watch"]),
            Rule::new("apps", "deployments/scale", &["get", "update", "patch"]),
        ];
        bench.cluster.restrict(account, rights.to_vec());
        starting.open();
    };
    let (status, ()) = tokio::join!(bench.to_end("early"), started);
    assert_eq!(status.phase, Some(Phase::Completed), "{status:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_changes_right_before_the_job_is_judged_again() {
    let bench = Bench::new();
    bench.ask("zero", &scale("0"));
    let controller = bench.controller();
    for _ in 0..2 {
        bench.pass(&controller, "zero").await.unwrap();
    }
    assert_eq!(bench.phase("zero"), Phase::Running);
    bench.cluster.edit("deployments", "shop", "web", |web| {
        web["metadata"]["labels"] = json!({ "critical": "true" });
    });
    bench.pass(&controller, "zero").await.unwrap();
    let status = bench.status("zero");
    assert_eq!(status.failure_reason.unwrap().as_str(), "PolicyDenied");
    assert!(
        status
            .policy_violations
            .iter()
            .any(|text| text.contains("scale-to-zero"))
    );
    assert_eq!(bench.jobs_made(), 0);
}
