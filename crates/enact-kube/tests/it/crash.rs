//! The controller is killed, loses requests and loses replies, at each of its calls, for each action. At most one effect, always an end.

use enact_kube::api::Phase;
use enact_testkit::cluster::{Fault, When};

use crate::cases::{Case, bench, cases, check};
use crate::support::{Bench, CONTROLLER};

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

/// Runs a case to its end, with what goes wrong.
async fn run(case: &Case, fault: Option<(u64, Fault)>) -> Bench {
    let bench = bench();
    bench.ask(case.name, &case.spec);
    if let Some((nth, fault)) = fault {
        bench.cluster.plan(When::nth(nth).of(CONTROLLER), fault);
    }
    let status = bench.to_end(case.name).await;
    assert_eq!(status.phase, Some(Phase::Completed), "{}: {status:#?}", case.name);
    bench
}

/// Each call of the controller in a whole run, with each fault.
async fn every_point(name: &str) {
    let case = cases().into_iter().find(|case| case.name == name).unwrap();
    let whole = run(&case, None).await;
    check(&whole, &case, "nothing went wrong");
    let calls = whole.cluster.calls_of(CONTROLLER).len() as u64;
    for nth in 1..=calls {
        for (fault_name, fault) in faults() {
            let what = format!("{fault_name} at call {nth}");
            let bench = run(&case, Some((nth, fault))).await;
            check(&bench, &case, &what);
        }
    }
    // Past the harness, which shows only what failing tests print.
    use std::io::Write as _;
    let _printed = writeln!(
        std::io::stdout(),
        "{name}: {} points, {calls} calls with {} faults each",
        calls * faults().len() as u64,
        faults().len()
    );
}

macro_rules! one_effect_and_an_end {
    ($($test:ident: $case:literal),* $(,)?) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $test() {
                every_point($case).await;
            }
        )*

        #[test]
        fn every_action_of_the_catalog_is_among_them() {
            let here: std::collections::BTreeSet<String> = [$($case),*]
                .iter()
                .map(|name| cases().into_iter().find(|case| case.name == *name).unwrap().spec["action"].as_str().unwrap().to_owned())
                .collect();
            let all = enact_kube::catalog::Catalog::built_in();
            let all: std::collections::BTreeSet<String> = all.list().map(|action| action.about().name.to_string()).collect();
            assert_eq!(here, all);
        }
    };
}

one_effect_and_an_end! {
    a_deployment_is_scaled_once: "scale",
    a_deployment_is_restarted_once: "restart",
    an_image_is_set_once: "image",
    a_rollout_is_looked_at: "status",
    a_pod_is_deleted_once: "pod",
    a_config_map_is_patched_once: "map",
    a_secret_is_patched_once: "secret",
    a_node_is_cordoned_once: "cordon",
    a_node_is_uncordoned_once: "uncordon",
    a_node_is_drained_once: "drain",
}
