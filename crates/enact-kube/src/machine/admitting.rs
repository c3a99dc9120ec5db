//! Through the kernel's gate: an execution is a plan of one change. It is judged as every plan is, and only what the gate let through can
//! become a Job.

use enact_core::approval::{Approval, ApprovalId, Method};
use enact_core::change::{Action, Change, ChangeId, Milliseconds, Undo};
use enact_core::gate::{AdmittedPlan, Circumstances, GateClosed, admit};
use enact_core::plan::{Metadata, Mode, Plan, PlanDraft, Target};
use enact_core::principal::{Principal, PrincipalKind};
use enact_core::verdict::Verdict;
use enact_engine::policy::decision::ActionDecision;
use serde_json::json;

use super::asked::{Resolved, on_behalf_of};
use super::known::{Facts, Known};
use super::status::spec_hash;
use crate::catalog::Runs;

/// The annotation that names who created an execution, where the cluster was told to write it.
pub(super) const REQUESTER: &str = "kubernaut.ai/requester";

/// The resource type of a catalog action in a plan.
pub(super) const CATALOG_ACTION: &str = "catalog_action";

/// What the gate let through. Only the gate makes one.
#[derive(Debug, Clone)]
pub struct Admission(AdmittedPlan);

impl Admission {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        self.0.plan()
    }

    /// What policy said about it.
    pub fn verdict(&self) -> &Verdict {
        self.0.verdict()
    }
}

impl PartialEq for Admission {
    fn eq(&self, other: &Self) -> bool {
        self.plan().id() == other.plan().id() && self.verdict() == other.verdict()
    }
}

/// The execution as a plan of one change. It depends on the request alone, so that an approval of it stays good while the cluster changes.
///
/// # Errors
/// When it is not a sound plan.
pub(super) fn plan(known: &Known<'_>, resolved: &Resolved) -> Result<Plan, String> {
    let about = resolved.action.about();
    let asked = &resolved.asked;
    let id = ChangeId(on_behalf_of(known.object));
    let name = known.object.metadata.name.clone().unwrap_or_default();
    let mut change = Change::new(id, Action::Run, CATALOG_ACTION, &name, &asked.target.to_string());
    change.namespace = asked.target.namespace.clone();
    change.effect = about.effect;
    change.timeout = u64::try_from(resolved.limit.as_millis()).ok().map(Milliseconds);
    change.undo = Some(Undo::Impossible {
        reason: "taking it back is another execution; the status says which".to_owned(),
    });
    let mut spec = json!({
        "action": about.name,
        "version": about.version,
        "target": asked.target,
        "parameters": asked.parameters.0,
        "dry_run": known.object.spec.dry_run,
    });
    if let (Runs::Program(program), Some(fields)) = (&about.runs, spec.as_object_mut()) {
        // What is approved is this program in this image, not whatever the catalog says by then. Values that cannot stand in an argv are
        // refused where they are looked at.
        let argv = resolved.argv().ok().flatten();
        fields.insert(
            "runs".to_owned(),
            json!({ "account": program.account, "image": program.image, "argv": argv }),
        );
    }
    change.spec = Some(spec);
    let draft = PlanDraft {
        metadata: Metadata {
            generated_at: known.now,
            generator: "enact".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: Mode::Run,
            config_hash: spec_hash(&known.object.spec),
            author: requester(known),
            target: target(known),
            policy_digest: None,
            revision: None,
        },
        document: None,
        changes: vec![change],
        warnings: Vec::new(),
    };
    draft.freeze().map_err(|error| error.to_string())
}

/// Who asked for it. The name is written by the API server's admission, not by the request.
fn requester(known: &Known<'_>) -> Principal {
    let annotations = known.object.metadata.annotations.as_ref();
    let named = annotations.and_then(|annotations| annotations.get(REQUESTER));
    Principal {
        id: format!("kubernetes:{}", named.map_or("unknown", String::as_str)),
        kind: PrincipalKind::Service,
    }
}

fn target(known: &Known<'_>) -> Target {
    Target {
        kind: "kubernetes".to_owned(),
        base_url: None,
        context: Some(known.settings.cluster.clone()),
        organization: None,
        region: None,
    }
}

/// Both answers of policy as one verdict: what stands against the action stands against the plan.
pub(super) fn verdict(plan: &Plan, on_plan: &Verdict, on_action: &ActionDecision) -> Verdict {
    let verdict = Verdict {
        plan_id: plan.id().clone(),
        ..on_plan.clone()
    };
    on_action.added_to(verdict, None)
}

/// Lets an execution through, or says why not: with the policies in force now, what is halted now, and whoever approved.
///
/// # Errors
/// See [`GateClosed`].
pub fn admitted(
    known: &Known<'_>,
    plan: Plan,
    verdict: Verdict,
    facts: &Facts,
) -> Result<Admission, GateClosed> {
    let mut approvals: Vec<Approval> = facts.approvals.clone().unwrap_or_default();
    if approvals.is_empty() && !verdict.asks_for_approval() {
        let id = ApprovalId(format!("kex-{}", plan.id().short()));
        approvals.push(Approval {
            policy_digest: verdict.bundle_digest.clone(),
            decided_at: known.now,
            ..Approval::yes(id, plan.id().clone(), requester(known), Method::Waived)
        });
    }
    let circumstances = Circumstances {
        now: known.now,
        bundle_digest: known
            .bundle
            .cloned()
            .unwrap_or_else(|| enact_core::canonical::Digest::of(b"none")),
        target: target(known),
        runs_spent: std::collections::BTreeMap::new(),
        asked_by_plan: None,
        people: enact_core::principal::People::default(),
        parentage: enact_core::revision::Parentage::None,
        purpose: enact_core::gate::Purpose::CarryOut,
        by_agent: false,
        latched: facts.halt.as_ref().and_then(|halt| halt.new.clone()),
    };
    admit(plan, verdict, approvals, &circumstances).map(Admission)
}
