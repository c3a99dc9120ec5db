//! Replicas that run: watches, the lease, fail-over.

use std::sync::Arc;
use std::time::Duration;

use enact_engine::clock::Clock as _;
use enact_kube::api::{FailureReason, Phase};
use enact_kube::controller::{CONTROL, Context, LEASE_NAME, Options, serve};
use enact_testkit::cluster::{Fault, Speed, When};
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, CONTROLLER, SYSTEM, scale};

struct Replica {
    task: JoinHandle<Result<(), String>>,
    stop: CancellationToken,
}

fn start(bench: &Bench, name: &str, elect: bool) -> Replica {
    let context = Context {
        identity: name.to_owned(),
        ..bench.controller()
    };
    serving(context, elect)
}

fn serving(context: Context, elect: bool) -> Replica {
    let options = Options {
        health: "127.0.0.1:0".parse().unwrap(),
        metrics: "127.0.0.1:0".parse().unwrap(),
        metrics_auth: false,
        elect,
        concurrency: 10,
    };
    let stop = CancellationToken::new();
    let serving = serve(Arc::new(context), Registry::default(), options, stop.clone());
    Replica {
        task: tokio::spawn(serving),
        stop,
    }
}

/// Waits in the cluster's time, so long at most.
async fn until(bench: &Bench, seconds: u64, what: &str, so: impl Fn(&Bench) -> bool) {
    for _ in 0..seconds * 4 {
        if so(bench) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let calls: Vec<String> = bench.cluster.calls().iter().map(|call| call.in_short()).collect();
    let last: Vec<&String> = calls.iter().rev().take(30).rev().collect();
    panic!("{what} did not happen within {seconds} s; the last calls: {last:#?}");
}

fn holder(bench: &Bench) -> String {
    let lease = bench.cluster.get("leases", SYSTEM, LEASE_NAME);
    let holder = lease.and_then(|lease| lease["spec"]["holderIdentity"].as_str().map(ToOwned::to_owned));
    holder.unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_replica_carries_out_what_comes_and_ends_in_good_order() {
    let bench = Bench::new();
    let _living = bench.cluster.live();
    let replica = start(&bench, "a", false);
    let mut spec = scale("5");
    let rego = "package condition\n\nallow if input.current_replicas == 6\n";
    spec["postConditions"] = json!([{ "type": "never", "rego": rego, "timeout": "20s" }]);
    bench.ask("up", &spec);
    until(&bench, 90, "the end", |bench| bench.phase("up").is_final()).await;
    assert_eq!(bench.phase("up"), Phase::Failed);
    assert_eq!(bench.jobs_made(), 1);
    let writes = bench.cluster.calls_of(CONTROLLER);
    let statuses = writes
        .iter()
        .filter(|call| call.resource == "kubernetesexecutions/status")
        .count();
    // Validating, Running, JobCreated, JobFinished, six or seven looks, the end: its own writes do not make it look again.
    assert!(statuses <= 13, "{statuses} writes of the status");
    replica.stop.cancel();
    assert_eq!(replica.task.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn the_one_that_stands_by_takes_over_and_nothing_is_done_twice() {
    let bench = Bench::new();
    // Slow enough to be seen running: one pod a second.
    bench.cluster.rolls_out("shop", "web", Speed::PerTick(1));
    let _living = bench.cluster.live();
    let first = start(&bench, "first", true);
    until(&bench, 30, "the lease", |bench| holder(bench) == "first").await;
    let second = start(&bench, "second", true);
    bench.ask("up", &scale("9"));
    until(&bench, 30, "the start", |bench| {
        bench.phase("up") == Phase::Running
    })
    .await;
    let killed = bench.now();
    first.task.abort();
    until(&bench, 30, "the fail-over", |bench| holder(bench) == "second").await;
    let took = bench.cluster.clock().now().duration_since(killed).as_secs();
    assert!(took < 20, "{took} s");
    until(&bench, 60, "the end", |bench| bench.phase("up").is_final()).await;
    assert_eq!(bench.phase("up"), Phase::Completed);
    assert_eq!(bench.jobs_made(), 1);
    assert_eq!(
        bench
            .cluster
            .writes_to("deployments")
            .iter()
            .filter(|call| call.applied)
            .count(),
        1
    );
    second.stop.cancel();
    assert_eq!(second.task.await.unwrap(), Ok(()));
    assert_eq!(holder(&bench), "", "the lease was let go of");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_or_is_too_old_loses_nothing() {
    let bench = Bench::new();
    let _living = bench.cluster.live();
    let replica = start(&bench, "a", false);
    bench.ask("one", &scale("5"));
    until(&bench, 60, "the first", |bench| bench.phase("one").is_final()).await;
    bench.cluster.cut_watches("kubernetesexecutions");
    bench.cluster.cut_watches("jobs");
    bench.cluster.forget(enact_testkit::cluster::Forgotten::Event);
    bench.ask("two", &scale("7"));
    until(&bench, 120, "the second", |bench| bench.phase("two").is_final()).await;
    assert_eq!(bench.phase("two"), Phase::Completed);
    assert_eq!(bench.jobs_made(), 2);
    replica.stop.cancel();
    assert_eq!(replica.task.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_stopped_within_five_seconds_of_the_switch() {
    let bench = Bench::new();
    bench.cluster.rolls_out("shop", "web", Speed::Stuck);
    let _living = bench.cluster.live();
    let replica = start(&bench, "a", false);
    bench.ask("up", &scale("9"));
    until(&bench, 30, "the Job", |bench| bench.jobs_made() == 1).await;
    // Nothing else happens that would have it looked at.
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(bench.phase("up"), Phase::Running);
    bench.cluster.put(&json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": SYSTEM, "name": CONTROL }, "data": { "halt": "true", "haltRunning": "true" } }));
    until(&bench, 5, "the stop", |bench| bench.phase("up").is_final()).await;
    assert_eq!(
        bench.status("up").failure_reason,
        Some(FailureReason::EmergencyStop)
    );
    replica.stop.cancel();
    assert_eq!(replica.task.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_only_looks_takes_no_lease_and_writes_nothing() {
    let bench = Bench::new();
    let _living = bench.cluster.live();
    let mut context = bench.controller();
    context.settings.observe_only = true;
    let observer = serving(context, true);
    bench.ask("up", &scale("5"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.cluster.get("leases", SYSTEM, LEASE_NAME), None);
    assert_eq!(bench.phase("up"), Phase::Pending);
    let acting = start(&bench, "a", true);
    until(&bench, 60, "the end", |bench| bench.phase("up").is_final()).await;
    for replica in [observer, acting] {
        replica.stop.cancel();
        assert_eq!(replica.task.await.unwrap(), Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_what_comes_is_picked_up_within_five_seconds() {
    let bench = Bench::new();
    let _living = bench.cluster.live();
    let replica = start(&bench, "a", false);
    bench.ask("one", &scale("5"));
    until(&bench, 60, "the first", |bench| bench.phase("one").is_final()).await;
    let watched = [
        "/apis/kubernetesexecution.kubernaut.io/v1alpha1/kubernetesexecutions".to_owned(),
        format!("/apis/batch/v1/namespaces/{SYSTEM}/jobs"),
    ];
    for path in &watched {
        for nth in 1..=4 {
            bench
                .cluster
                .plan(When::nth(nth).method("GET").path(path), Fault::LostRequest);
        }
    }
    bench.cluster.cut_watches("kubernetesexecutions");
    bench.cluster.cut_watches("jobs");
    until(&bench, 15, "the end of the outage", |bench| {
        bench.cluster.planned() == 0
    })
    .await;
    bench.ask("two", &scale("7"));
    until(&bench, 5, "the pickup", |bench| {
        bench.phase("two") != Phase::Pending
    })
    .await;
    until(&bench, 60, "the end", |bench| bench.phase("two").is_final()).await;
    assert_eq!(bench.phase("two"), Phase::Completed);
    replica.stop.cancel();
    assert_eq!(replica.task.await.unwrap(), Ok(()));
}
