//! People, targets, approvals, and the way through the real gate.

use std::collections::BTreeMap;

use enact_core::approval::{Approval, ApprovalId, Method};
use enact_core::canonical::Digest;
use enact_core::gate::{AdmittedPlan, Circumstances, admit};
use enact_core::plan::{Metadata, Mode, Plan, Target};
use enact_core::principal::{Principal, PrincipalKind};
use enact_engine::policy::input::Occasion;
use enact_engine::policy::{BuiltinPolicy, PolicyEngine as _};
use jiff::Timestamp;

use crate::clock::START;

/// The moment at which every test begins.
pub fn start() -> Timestamp {
    Timestamp::from_millisecond(START).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A person.
pub fn person(name: &str) -> Principal {
    Principal {
        id: format!("os:{name}"),
        kind: PrincipalKind::Person,
    }
}

/// An agent.
pub fn agent(name: &str) -> Principal {
    Principal {
        id: format!("os:{name}"),
        kind: PrincipalKind::Agent,
    }
}

/// The simulated world as a target.
pub fn target() -> Target {
    Target {
        kind: "world".to_owned(),
        base_url: Some("simulated".to_owned()),
        context: None,
        organization: None,
        region: None,
    }
}

/// Metadata of a plan by Ana for the simulated world.
pub fn metadata(mode: Mode) -> Metadata {
    Metadata {
        generated_at: start(),
        generator: "enact".to_owned(),
        version: "test".to_owned(),
        mode,
        config_hash: Digest::of(b"configuration").to_string(),
        author: person("ana"),
        target: target(),
        policy_digest: None,
        revision: None,
    }
}

/// A yes at the prompt by Ben, who also acknowledges every loss of protection.
pub fn approval(plan: &Plan) -> Approval {
    Approval {
        acknowledged: plan
            .changes()
            .iter()
            .filter(|change| change.unprotects())
            .map(|change| change.change_id.clone())
            .collect(),
        policy_digest: BuiltinPolicy.bundle_digest(),
        decided_at: start(),
        ..Approval::yes(
            ApprovalId(format!("approval-{}", plan.id().short())),
            plan.id().clone(),
            person("ben"),
            Method::Prompt,
        )
    }
}

/// Ana asks, at the start of the simulated time.
pub fn occasion() -> Occasion {
    Occasion {
        now: start(),
        actor: person("ana"),
    }
}

/// Nothing latched, nothing spent, the right target.
pub fn circumstances() -> Circumstances {
    Circumstances {
        now: start(),
        bundle_digest: BuiltinPolicy.bundle_digest(),
        target: target(),
        runs_spent: BTreeMap::new(),
        asked_by_plan: None,
        people: enact_core::principal::People::default(),
        latched: None,
        by_agent: false,
        parentage: enact_core::revision::Parentage::None,
        purpose: enact_core::gate::Purpose::CarryOut,
    }
}

/// The plan, judged by the built-in policy, approved by Ben, and let through by the gate.
///
/// # Panics
/// When the gate stays closed.
pub fn admitted(plan: &Plan) -> AdmittedPlan {
    let verdict = BuiltinPolicy.judge(plan, &occasion());
    match admit(plan.clone(), verdict, vec![approval(plan)], &circumstances()) {
        Ok(admitted) => admitted,
        Err(closed) => panic!("the gate stays closed: {closed}"),
    }
}
