//! Bounds: of a status, of a condition's time, of a Job's, and of what is let go when it cannot be cleaned up.

use std::time::Duration;

use enact_kube::api::{FailureReason, KubernetesExecution, Phase};
use enact_testkit::cluster::{Ended, Rule, Stuck};
use kube::Api;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::support::{Bench, CONTROLLER, SYSTEM, load, scale};

/// What a status may take of an object, of which etcd takes 1.5 MiB.
const MOST_STATUS: usize = 64 * 1024;

/// As many conditions as may be, all of which say as much as they can.
fn wordy_conditions() -> Value {
    let one = |n: usize| {
        json!({
            "type": format!("{n:02}{}", "t".repeat(62)), "required": false, "timeout": "1s",
            "rego": format!("package condition\n\nallow := false\n\ndeny contains \"{}\"\n", "no ".repeat(5_000)),
        })
    };
    (0..16).map(one).collect()
}

fn size(bench: &Bench, name: &str) -> usize {
    let object = bench.cluster.get("kubernetesexecutions", "shop", name).unwrap();
    object["status"].to_string().len()
}

#[tokio::test(start_paused = true)]
async fn a_status_with_all_that_can_be_in_it_is_less_than_64_kib() {
    let bench = Bench::new();
    bench.cluster.put(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "namespace": "shop", "name": "settings" },
        "data": { "large": "b".repeat(15_000) },
    }));
    bench.ask(
        "full",
        &json!({
            "action": "PatchConfigMap", "targetResource": { "kind": "ConfigMap", "name": "settings" },
            "parameters": { "patch": json!({ "data": { "large": "a".repeat(20_000) } }).to_string() },
            "preConditions": wordy_conditions(), "postConditions": wordy_conditions(),
        }),
    );
    let status = bench.to_end("full").await;
    assert_eq!(status.phase, Some(Phase::Completed), "{status:#?}");
    let validation = status.validation_results.unwrap();
    assert_eq!(validation.pre_condition_results.len(), 16);
    assert_eq!(validation.post_condition_results.len(), 16);
    assert!(status.rollback_info.unwrap().available);
    let size = size(&bench, "full");
    // The prior values and 32 conditions are really in it.
    assert!((20_000..MOST_STATUS).contains(&size), "{size}");
}

#[tokio::test(start_paused = true)]
async fn a_status_with_all_violations_that_there_can_be_is_less_than_64_kib() {
    let mut bench = Bench::new();
    let text = "package kubernetes_executor.safety\n\ndefault allow := false\n\n\
                deny contains sprintf(\"%d %s\", [n, concat(\"\", [\"because \" | numbers.range(1, 200)[_]])]) if { some n in numbers.range(1, 200) }\n";
    let file = enact_engine::policy::bundle::BundleFile {
        path: "mine.rego".to_owned(),
        text: text.to_owned(),
    };
    let bundle = enact_engine::policy::bundle::Bundle::new("mine", vec![file]).unwrap();
    bench.policies = enact_engine::policy::reload::InForce::new(load(&bundle).unwrap());
    let mut spec = scale("5");
    spec["preConditions"] = wordy_conditions();
    bench.ask("denied", &spec);
    let status = bench.to_end("denied").await;
    assert_eq!(
        status.failure_reason,
        Some(FailureReason::PolicyDenied),
        "{status:#?}"
    );
    assert!(status.policy_violations.len() > 1, "{status:#?}");
    assert!(size(&bench, "denied") < MOST_STATUS);
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_takes_too_long_is_no_yes() {
    let bench = Bench::new();
    let mut spec = scale("5");
    let endless = "package condition\n\nallow if {\n\tsome a in numbers.range(1, 4000)\n\tsome b in numbers.range(1, 4000)\n\ta * b < 0\n}\n";
    spec["preConditions"] = json!([{ "type": "endless", "rego": endless, "timeout": "1s" }]);
    bench.ask("up", &spec);
    let status = bench.to_end("up").await;
    assert_eq!(
        status.failure_reason,
        Some(FailureReason::PreconditionError),
        "{status:#?}"
    );
    let message = status.message.unwrap();
    assert!(
        message.contains("endless") && message.contains("no answer within 1000 ms"),
        "{message}"
    );
    assert_eq!((bench.jobs_made(), bench.replicas()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_is_over_within_five_seconds_of_its_time() {
    for seconds in [30_i64, 90, 300] {
        let bench = Bench::new();
        bench.cluster.pods_run(|started| async move {
            started.stop.cancelled().await;
            Ended::with(143, "")
        });
        let mut spec = scale("5");
        spec["timeout"] = json!(format!("{seconds}s"));
        bench.ask("hangs", &spec);
        let status = bench.to_end("hangs").await;
        assert_eq!(status.failure_reason, Some(FailureReason::DeadlineExceeded));
        let job = bench
            .cluster
            .get("jobs", SYSTEM, &status.job_name.unwrap())
            .unwrap();
        let given = job["spec"]["activeDeadlineSeconds"].as_i64().unwrap();
        let time = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        let from = time(job["status"]["startTime"].as_str().unwrap());
        let took = time(&status.execution_complete_time.unwrap())
            .duration_since(from)
            .as_secs();
        assert!((given..=given + 5).contains(&took), "{took} s of {given}");
        assert!(
            (seconds..=seconds + 30).contains(&given),
            "{given} s for {seconds}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_whose_job_may_not_be_deleted_is_let_go_all_the_same_and_the_job_stays_one() {
    let bench = Bench::new();
    bench.cluster.pods_are_stuck(Some(Stuck::Silent));
    bench.ask("up", &scale("5"));
    let controller = bench.controller();
    for _ in 0..4 {
        bench.pass(&controller, "up").await.unwrap();
    }
    bench
        .cluster
        .deny(CONTROLLER, Rule::new("batch", "jobs", &["delete"]));
    let executions: Api<KubernetesExecution> = Api::namespaced(bench.cluster.client("owner"), "shop");
    executions.delete("up", &DeleteParams::default()).await.unwrap();
    for _ in 0..90 {
        // Refused each time, until its patience is over.
        let _refused = bench.pass(&controller, "up").await;
        bench.cluster.tick(Duration::from_secs(1));
    }
    assert!(bench.object("up").is_none(), "{:#?}", bench.object("up"));
    assert_eq!(bench.jobs_made(), 1);
    assert_eq!(
        bench.cluster.all("jobs").len(),
        1,
        "what is left over is swept later"
    );
}
