//! The whole line in one process, over real HTTP: whatever two configurations say, after the second is synced a plan of it
//! is empty, and planning twice gives the same plan.

use std::sync::Arc;
use std::time::Duration;

use enact_core::approval::{Approval, ApprovalId, Method};
use enact_core::gate::{AdmittedPlan, Circumstances, admit};
use enact_core::journal::RunOutcome;
use enact_core::plan::{Mode, Plan, Target};
use enact_core::principal::{Principal, PrincipalKind};
use enact_core::secret::Secret;
use enact_engine::clock::{RandomIds, SystemClock};
use enact_engine::installation::{Installation, LEASE_TTL, Surroundings};
use enact_engine::policy::{BuiltinPolicy, PolicyEngine as _};
use enact_engine::runner::RunOptions;
use enact_engine::stop::StopSignal;
use enact_engine::store::memory::MemoryStore;
use enact_konnect::auth::Credentials;
use enact_konnect::cache::DigestCache;
use enact_konnect::client::{Client, ClientOptions};
use enact_konnect::load::{Environment, LoadOptions, Source, load};
use enact_konnect::local::{LocalKonnect, LocalOptions};
use enact_konnect::observe::{ObserveOptions, observe};
use enact_konnect::plan::{PlanOptions, plan};
use enact_konnect::provider::KonnectProvider;
use enact_konnect::resources::KINDS;
use proptest::prelude::*;

struct NoEnvironment;

impl Environment for NoEnvironment {
    fn get(&self, _name: &str) -> Option<String> {
        None
    }
}

/// One portal of a configuration: its description, a label, its pages by slug with content and child.
type Portal = (String, Option<u8>, Vec<(u8, String, bool)>);

fn portals() -> impl Strategy<Value = Vec<Portal>> {
    let page = (0_u8..4, "[a-z]{1,8}", any::<bool>());
    let portal = (
        "[a-z ]{1,10}",
        proptest::option::of(0_u8..3),
        proptest::collection::vec(page, 0..4),
    );
    proptest::collection::vec(portal, 0..4)
}

/// A configuration; pages of the same slug are left out after the first.
fn yaml(portals: &[Portal]) -> String {
    let mut list = Vec::new();
    for (number, (description, label, pages)) in portals.iter().enumerate() {
        let mut seen = std::collections::BTreeSet::new();
        let pages: Vec<serde_json::Value> = pages
            .iter()
            .filter(|(slug, ..)| seen.insert(*slug))
            .map(|(slug, content, child)| {
                let mut page = serde_json::json!({"ref": format!("p{number}-{slug}"), "slug": format!("s{slug}"), "content": content});
                if *child {
                    page["children"] = serde_json::json!([{"ref": format!("c{number}-{slug}"), "slug": "child", "content": content}]);
                }
                page
            })
            .collect();
        let mut portal =
            serde_json::json!({"ref": format!("portal{number}"), "description": description, "pages": pages});
        portal["labels"] = match label {
            Some(value) => serde_json::json!({"team": format!("t{value}")}),
            None => serde_json::json!({}),
        };
        list.push(portal);
    }
    // JSON is YAML.
    serde_json::json!({"portals": list, "_defaults": {"kongctl": {"namespace": "ns"}}}).to_string()
}

async fn planned(client: &Client, text: &str) -> Plan {
    let desired = load(
        &[Source::Stdin(text.as_bytes().to_vec())],
        &LoadOptions::default(),
        &NoEnvironment,
    )
    .unwrap();
    let options = ObserveOptions {
        children: true,
        deletions: true,
        described: false,
    };
    let observed = observe(client, KINDS, &desired, options, &mut DigestCache::in_memory())
        .await
        .unwrap();
    let options = PlanOptions {
        policy_digest: None,
        mode: Mode::Sync,
        generated_at: jiff::Timestamp::UNIX_EPOCH,
        author: me(),
        target: Target {
            kind: "konnect".to_owned(),
            base_url: None,
            context: None,
            organization: None,
            region: None,
        },
    };
    plan(&desired, &observed, KINDS, &options).unwrap()
}

fn me() -> Principal {
    Principal {
        id: "os:test".to_owned(),
        kind: PrincipalKind::Person,
    }
}

fn approved(plan: Plan) -> AdmittedPlan {
    let policy = BuiltinPolicy;
    let approval = Approval {
        policy_digest: policy.bundle_digest(),
        ..Approval::yes(ApprovalId("a".to_owned()), plan.id().clone(), me(), Method::Flag)
    };
    let circumstances = Circumstances {
        now: jiff::Timestamp::UNIX_EPOCH,
        bundle_digest: policy.bundle_digest(),
        target: plan.metadata().target.clone(),
        runs_spent: std::collections::BTreeMap::new(),
        asked_by_plan: None,
        people: Default::default(),
        latched: None,
        by_agent: false,
        parentage: enact_core::revision::Parentage::None,
        purpose: enact_core::gate::Purpose::CarryOut,
    };
    let occasion = enact_engine::policy::input::Occasion {
        now: jiff::Timestamp::UNIX_EPOCH,
        actor: me(),
    };
    let verdict = policy.judge(&plan, &occasion);
    admit(plan, verdict, vec![approval], &circumstances).unwrap()
}

async fn synced(client: &Client, text: &str) {
    let plan = planned(client, text).await;
    assert_eq!(
        plan.id(),
        planned(client, text).await.id(),
        "planning twice gives the same plan"
    );
    if plan.is_noop() {
        return;
    }
    let installation = Installation {
        store: Arc::new(MemoryStore::new()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        lease_ttl: LEASE_TTL,
    };
    let admitted = approved(plan);
    let open = installation.begin(&admitted, &me()).unwrap();
    let environment = |_: &str| None;
    let provider = KonnectProvider {
        client,
        kinds: KINDS,
        environment: &environment,
    };
    let options = RunOptions::of_resources(8, false);
    let surroundings = Surroundings {
        options,
        reporters: Vec::new(),
        stop: StopSignal::new(),
    };
    let state = installation
        .run(open, &admitted, &provider, surroundings)
        .await
        .unwrap();
    assert_eq!(state.outcome, Some(RunOutcome::Verified), "{state:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn after_a_sync_a_plan_is_empty(first in portals(), second in portals()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let konnect = LocalKonnect::in_memory(LocalOptions::default()).unwrap();
            let server = konnect.spawn(("127.0.0.1", 0)).await.unwrap();
            let options = ClientOptions {
                base_url: server.base_url(),
                concurrency: 8,
                timeout: Duration::from_secs(30),
                retry: enact_engine::retry::RetryPolicy::default(),
                no_proxy: true,
            };
            let client = Client::new(options, Credentials::token(Secret::new("t".to_owned()))).unwrap();
            for text in [yaml(&first), yaml(&second)] {
                synced(&client, &text).await;
                let again = planned(&client, &text).await;
                assert!(again.changes().is_empty(), "{:?}", again.changes());
            }
        });
    }
}
