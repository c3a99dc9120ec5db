//! The controller is killed, loses requests and loses replies, at each of its calls. At most one effect, always an end.

use enact_kube::api::Phase;
use enact_testkit::cluster::{Fault, When};

use crate::support::{Bench, CONTROLLER, scale};

/// What happens to one call.
fn faults() -> Vec<(&'static str, Fault)> {
    vec![
        ("lost request", Fault::LostRequest),
        ("lost reply", Fault::LostReply),
        (
            "500",
            Fault::Refused {
                code: 500,
                retry_after: None,
            },
        ),
        (
            "429",
            Fault::Refused {
                code: 429,
                retry_after: Some(1),
            },
        ),
        (
            "409",
            Fault::Refused {
                code: 409,
                retry_after: None,
            },
        ),
        ("500 after it was done", Fault::AppliedAndRefused { code: 500 }),
    ]
}

/// How many calls of the controller a whole run takes.
async fn calls() -> u64 {
    let bench = Bench::new();
    bench.ask("up", &scale("5"));
    assert_eq!(bench.to_end("up").await.phase, Some(Phase::Completed));
    bench.cluster.calls_of(CONTROLLER).len() as u64
}

#[tokio::test(start_paused = true)]
async fn at_every_call_and_with_every_fault_there_is_one_effect_and_an_end() {
    let calls = calls().await;
    let mut points = 0;
    for nth in 1..=calls {
        for (name, fault) in faults() {
            let bench = Bench::new();
            bench.ask("up", &scale("5"));
            bench.cluster.plan(When::nth(nth).of(CONTROLLER), fault);
            let status = bench.to_end("up").await;
            assert_eq!(
                status.phase,
                Some(Phase::Completed),
                "{name} at call {nth}: {status:#?}"
            );
            assert_eq!(bench.replicas(), 5, "{name} at call {nth}");
            assert_eq!(bench.jobs_made(), 1, "{name} at call {nth}");
            let writes = bench.cluster.writes_to("deployments");
            let effects = writes.iter().filter(|call| call.applied).count();
            assert_eq!(effects, 1, "{name} at call {nth}: {writes:#?}");
            never_back(&bench, &format!("{name} at call {nth}"));
            points += 1;
        }
    }
    println!(
        "{points} points: {calls} calls of the controller, each with {} faults",
        faults().len()
    );
}

/// Phases never go backwards.
fn never_back(bench: &Bench, what: &str) {
    let mut last = Phase::Pending;
    for state in bench.cluster.states("kubernetesexecutions", "shop", "up") {
        let phase = state.pointer("/status/phase").cloned();
        let phase: Phase = phase.map_or(Phase::Pending, |phase| serde_json::from_value(phase).unwrap());
        assert!(phase >= last, "{what}: from {last:?} to {phase:?}");
        last = phase;
    }
}
