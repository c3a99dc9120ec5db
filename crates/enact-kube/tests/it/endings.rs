//! Every way in which an execution fails, by what the cluster does to it: the reason, whether a Job was made, and that the target is as it
//! should be.

use std::time::Duration;

use enact_engine::policy::bundle::{Bundle, BundleFile};
use enact_engine::policy::reload::InForce;
use enact_kube::api::{FailureReason, KubernetesExecutionStatus, Phase};
use enact_kube::controller::Context;
use enact_testkit::cluster::{Ended, Fault, Rule, Stuck, When};
use serde_json::{Value, json};

use crate::support::{Bench, CONTROLLER, SYSTEM, deployment, load, scale};

/// Fails for this reason, with these words in its message.
fn failed(status: &KubernetesExecutionStatus, reason: FailureReason, words: &str) {
    assert_eq!(status.failure_reason, Some(reason), "{status:#?}");
    let message = status.message.as_deref().unwrap_or_default();
    assert!(message.contains(words), "{words:?} is not in {message:?}");
}

async fn passes(bench: &Bench, controller: &Context, name: &str, times: usize) {
    for _ in 0..times {
        bench.pass(controller, name).await.unwrap();
    }
}

/// An execution whose Job is there, and does nothing for as long as pods are stuck.
async fn with_a_job(bench: &Bench, name: &str, spec: &Value) -> String {
    bench.cluster.pods_are_stuck(Some(Stuck::Silent));
    bench.ask(name, spec);
    // Validating, Running, the Job, and that it is there.
    passes(bench, &bench.controller(), name, 4).await;
    assert_eq!(bench.phase(name), Phase::Running);
    assert_eq!(bench.jobs_made(), 1);
    bench.status(name).job_name.unwrap()
}

fn job_is_there(bench: &Bench, job: &str) -> bool {
    let job = bench.cluster.get("jobs", SYSTEM, job);
    job.is_some_and(|job| job["metadata"]["deletionTimestamp"].is_null())
}

fn control(bench: &Bench, data: &Value) {
    bench
        .cluster
        .put(&json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": SYSTEM, "name": "kubernetes-executor-control" }, "data": data }));
}

/// Policies of an operator.
fn policies(text: &str) -> InForce {
    let file = BundleFile {
        path: "mine.rego".to_owned(),
        text: text.to_owned(),
    };
    InForce::new(load(&Bundle::new("mine", vec![file]).unwrap()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_job_that_the_server_refuses_is_not_asked_for_again() {
    for code in [400, 403, 422] {
        let bench = Bench::new();
        let refused = Fault::Refused {
            code,
            retry_after: None,
        };
        bench
            .cluster
            .plan(When::next("POST", "*/jobs").of(CONTROLLER), refused);
        bench.ask("up", &scale("5"));
        let status = bench.to_end("up").await;
        failed(&status, FailureReason::JobCreationFailed, "nothing was done");
        assert!(status.message.unwrap().contains(&code.to_string()));
        assert_eq!((bench.jobs_made(), bench.replicas()), (0, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_of_another_execution_is_left_alone() {
    let bench = Bench::new();
    bench.ask("up", &scale("5"));
    let controller = bench.controller();
    passes(&bench, &controller, "up", 2).await;
    let name = bench.status("up").job_name.unwrap();
    bench.cluster.put(&json!({ "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "namespace": SYSTEM, "name": name, "annotations": { "kubernaut.ai/execution-uid": "other" } },
        "spec": { "template": { "spec": { "containers": [], "restartPolicy": "Never" } } } }));
    passes(&bench, &controller, "up", 2).await;
    failed(&bench.status("up"), FailureReason::JobNameConflict, &name);
    assert!(job_is_there(&bench, &name));
    assert_eq!(bench.replicas(), 3);
}

#[tokio::test(start_paused = true)]
async fn pods_that_do_not_start_are_given_up_and_their_job_is_deleted() {
    for (stuck, reason) in [
        (Stuck::ImagePullBackOff, FailureReason::ImagePullFailed),
        (Stuck::CreateContainerConfigError, FailureReason::ImagePullFailed),
        (Stuck::Unschedulable, FailureReason::PodUnschedulable),
        (Stuck::Silent, FailureReason::DeadlineExceeded),
    ] {
        let bench = Bench::new();
        bench.cluster.pods_are_stuck(Some(stuck));
        let mut spec = scale("5");
        spec["timeout"] = json!("3m");
        bench.ask("up", &spec);
        let status = bench.to_end("up").await;
        failed(&status, reason, "");
        // One that the cluster itself ended stays, to be looked at.
        let stays = stuck == Stuck::Silent;
        assert_eq!(
            job_is_there(&bench, &status.job_name.unwrap()),
            stays,
            "{stuck:?}"
        );
        assert_eq!(bench.replicas(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_taken_away_in_mid_run_is_named() {
    let bench = Bench::new();
    with_a_job(&bench, "up", &scale("5")).await;
    bench.cluster.deny(
        "kubernetes-executor-scale-deployment",
        Rule::new("apps", "deployments/scale", &["patch", "update"]),
    );
    bench.cluster.pods_are_stuck(None);
    let status = bench.to_end("up").await;
    failed(&status, FailureReason::ActionFailed, "cannot");
    assert!(!status.result.unwrap().succeeded);
    assert_eq!(bench.replicas(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_says_nothing_is_believed_only_as_far_as_the_target_shows_it() {
    let bench = Bench::new();
    bench.cluster.pods_run(|_| async { Ended::with(0, "no report") });
    bench.ask("up", &scale("5"));
    let status = bench.to_end("up").await;
    failed(&status, FailureReason::ResultUnreadable, "");

    let bench = Bench::new();
    let cluster = bench.cluster.clone();
    bench.cluster.pods_run(move |_| {
        cluster.edit("deployments", "shop", "web", |web| {
            web["spec"]["replicas"] = json!(5);
        });
        async { Ended::with(0, "no report") }
    });
    bench.ask("up", &scale("5"));
    let status = bench.to_end("up").await;
    assert_eq!(status.phase, Some(Phase::Completed), "{status:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_gone_is_not_made_again() {
    let bench = Bench::new();
    let job = with_a_job(&bench, "up", &scale("5")).await;
    bench.cluster.vanish("jobs", SYSTEM, &job);
    failed(
        &bench.to_end("up").await,
        FailureReason::ExecutionLost,
        "It is not done again",
    );
    assert_eq!((bench.jobs_made(), bench.replicas()), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn what_a_job_that_is_gone_had_done_is_seen_on_the_target() {
    let bench = Bench::new();
    let job = with_a_job(&bench, "up", &scale("5")).await;
    bench.cluster.edit("deployments", "shop", "web", |web| {
        web["spec"]["replicas"] = json!(5);
    });
    bench.cluster.vanish("jobs", SYSTEM, &job);
    let status = bench.to_end("up").await;
    assert_eq!(status.phase, Some(Phase::Completed), "{status:#?}");
    assert_eq!(
        status.result.unwrap().output.as_deref(),
        Some("recovered from observed state")
    );
    assert_eq!(bench.jobs_made(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_is_cancelled_before_and_while_it_runs() {
    let bench = Bench::new();
    let mut spec = scale("5");
    spec["cancel"] = json!(true);
    bench.ask("before", &spec);
    failed(
        &bench.to_end("before").await,
        FailureReason::Cancelled,
        "before anything was done",
    );
    assert_eq!(bench.jobs_made(), 0);

    let job = with_a_job(&bench, "up", &scale("5")).await;
    let cancel = |object: &mut Value| object["spec"]["cancel"] = json!(true);
    bench.cluster.edit("kubernetesexecutions", "shop", "up", cancel);
    let status = bench.to_end("up").await;
    failed(&status, FailureReason::Cancelled, "may have been done in part");
    assert!(status.rollback_info.unwrap().available);
    assert!(!job_is_there(&bench, &job));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_what_runs_only_where_it_says_so() {
    let bench = Bench::new();
    let job = with_a_job(&bench, "up", &scale("5")).await;
    control(&bench, &json!({ "halt": "true" }));
    passes(&bench, &bench.controller(), "up", 3).await;
    assert_eq!(bench.phase("up"), Phase::Running);
    assert!(job_is_there(&bench, &job));
    control(&bench, &json!({ "halt": "true", "haltRunning": "true" }));
    failed(
        &bench.to_end("up").await,
        FailureReason::EmergencyStop,
        "may have been done in part",
    );
    assert!(!job_is_there(&bench, &job));
}

#[tokio::test(start_paused = true)]
async fn a_spec_that_changed_past_the_server_s_rule_is_noticed() {
    let bench = Bench::new();
    bench.ask("up", &scale("5"));
    passes(&bench, &bench.controller(), "up", 1).await;
    bench
        .cluster
        .edit("kubernetesexecutions", "shop", "up", |object| {
            object["spec"]["parameters"]["replicas"] = json!("9");
        });
    failed(
        &bench.to_end("up").await,
        FailureReason::SpecChanged,
        "nothing was done",
    );
    assert_eq!((bench.jobs_made(), bench.replicas()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_another_keeps_for_too_long_is_given_up() {
    let bench = Bench::new();
    let controller = bench.controller();
    bench.ask("one", &scale("5"));
    passes(&bench, &controller, "one", 2).await;
    bench.ask("two", &scale("7"));
    passes(&bench, &controller, "two", 2).await;
    bench.cluster.pass(Duration::from_secs(299));
    passes(&bench, &controller, "two", 1).await;
    assert_eq!(bench.phase("two"), Phase::Validating);
    bench.cluster.pass(Duration::from_secs(2));
    passes(&bench, &controller, "two", 1).await;
    failed(&bench.status("two"), FailureReason::TargetLocked, "one");
}

#[tokio::test(start_paused = true)]
async fn dependencies_are_waited_for_and_one_that_failed_or_goes_round_is_the_end() {
    let bench = Bench::new();
    let after = |name: &str| {
        let mut spec = scale("5");
        spec["dependsOn"] = json!([{ "name": name }]);
        spec
    };
    bench.ask("second", &after("first"));
    passes(&bench, &bench.controller(), "second", 3).await;
    assert_eq!(bench.phase("second"), Phase::Validating);
    assert!(
        bench
            .status("second")
            .message
            .unwrap()
            .contains("waiting for first")
    );
    bench.ask("first", &scale("4"));
    assert_eq!(bench.to_end("first").await.phase, Some(Phase::Completed));
    assert_eq!(bench.to_end("second").await.phase, Some(Phase::Completed));

    bench.ask("bad", &json!({ "action": "Reboot" }));
    bench.to_end("bad").await;
    bench.ask("third", &after("bad"));
    failed(
        &bench.to_end("third").await,
        FailureReason::DependencyFailed,
        "bad failed",
    );

    bench.ask("hen", &after("egg"));
    bench.ask("egg", &after("hen"));
    failed(
        &bench.to_end("hen").await,
        FailureReason::DependencyFailed,
        "in turn",
    );
    assert_eq!(bench.jobs_made(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_approval_is_waited_for_a_day() {
    let mut bench = Bench::new();
    let asking = "package enact.plan\n\nrequire_approval contains { \"code\": \"x.y\", \"msg\": \"ask\", \"approvals\": 1 }\n";
    let allowing =
        "package kubernetes_executor.safety\n\ndefault allow := true\n\ndeny contains \"\" if { false }\n";
    let files = [("plan.rego", asking), ("safety.rego", allowing)].map(|(path, text)| BundleFile {
        path: path.to_owned(),
        text: text.to_owned(),
    });
    bench.policies = InForce::new(load(&Bundle::new("mine", files.to_vec()).unwrap()).unwrap());
    bench.ask("up", &scale("5"));
    let controller = bench.controller();
    passes(&bench, &controller, "up", 3).await;
    let status = bench.status("up");
    assert_eq!(status.phase, Some(Phase::Validating), "{status:#?}");
    let asked = status
        .conditions
        .iter()
        .any(|condition| condition.type_ == "ApprovalRequired");
    assert!(asked && status.plan_id.is_some(), "{status:#?}");
    bench.cluster.pass(Duration::from_secs(24 * 3600));
    passes(&bench, &controller, "up", 1).await;
    failed(
        &bench.status("up"),
        FailureReason::ApprovalMissing,
        "nothing was done",
    );
    assert_eq!(bench.jobs_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rule_without_an_answer_denies() {
    let mut bench = Bench::new();
    bench.policies = policies(
        "package kubernetes_executor.safety\n\ndefault allow := false\n\nallow if count(deny) == 0\n\n\
         deny contains x if { x := to_number(input.action) }\n",
    );
    bench.ask("up", &scale("5"));
    failed(
        &bench.to_end("up").await,
        FailureReason::PolicyEvaluationError,
        "",
    );
    assert_eq!((bench.jobs_made(), bench.replicas()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn a_condition_without_an_answer_is_no_yes() {
    for (body, reason) in [
        (
            "allow if to_number(input.action) == 1",
            FailureReason::PreconditionError,
        ),
        ("allow := \"yes\"", FailureReason::PreconditionFailed),
        (
            "allow if input.nothing_like_it",
            FailureReason::PreconditionFailed,
        ),
    ] {
        let bench = Bench::new();
        let mut spec = scale("5");
        spec["preConditions"] = json!([{ "type": "odd", "rego": format!("package condition\n\n{body}\n") }]);
        bench.ask("up", &spec);
        let status = bench.to_end("up").await;
        assert_eq!(status.failure_reason, Some(reason), "{body}: {status:#?}");
        assert_eq!(bench.jobs_made(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_made_anew_before_the_job_starts_is_left_alone() {
    let bench = Bench::new();
    with_a_job(&bench, "up", &scale("5")).await;
    bench.cluster.vanish("deployments", "shop", "web");
    bench.cluster.put(&deployment("shop", "web", 3));
    bench.cluster.pods_are_stuck(None);
    failed(
        &bench.to_end("up").await,
        FailureReason::TargetChanged,
        "another object",
    );
    assert_eq!(bench.replicas(), 3);
}
