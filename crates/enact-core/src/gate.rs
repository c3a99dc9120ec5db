//! The gate: the one way from a plan to something that can be run.
//!
//! [`admit`] is the only constructor of [`AdmittedPlan`], and the type can be neither deserialised nor built:
//!
//! ```compile_fail
//! fn forge(plan: enact_core::plan::Plan) -> enact_core::gate::AdmittedPlan {
//!     enact_core::gate::AdmittedPlan { plan, approvals: Vec::new() }
//! }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::approval::{Approval, ApprovalId, Decision};
use crate::canonical::Digest;
use crate::change::ChangeId;
use crate::condition::Condition;
use crate::fault::{Fault, planted};
use crate::plan::{Plan, PlanId, Target};
use crate::verdict::{Finding, Outcome, Requirement, Verdict};

/// A plan that policy and people agreed to. Possession is the proof.
#[derive(Debug, Clone)]
pub struct AdmittedPlan {
    plan: Plan,
    verdict: Verdict,
    approvals: Vec<Approval>,
}

impl AdmittedPlan {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What policy said.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The approvals it rests on; a new run spends them.
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// Restrictions of all approvals it rests on; each of them holds.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.approvals.iter().flat_map(|record| &record.conditions)
    }

    /// The moment from which on nothing further may start: the earliest end of an approval it rests on.
    pub fn ends_at(&self) -> Option<jiff::Timestamp> {
        let windows = self.conditions().filter_map(|condition| match condition {
            Condition::Window { not_after, .. } => *not_after,
            Condition::CheckpointBefore { .. }
            | Condition::CheckpointAfter { .. }
            | Condition::CheckpointBetweenSteps
            | Condition::StopAfter { .. }
            | Condition::MaxDuration { .. }
            | Condition::MaxDowntime { .. }
            | Condition::DryRunOnly
            | Condition::SecondApprover { .. }
            | Condition::ExtraCheck { .. } => None,
        });
        let ends = self.approvals.iter().filter_map(|record| record.expires_at);
        windows.chain(ends).min()
    }
}

/// What the gate must know besides plan, verdict and approvals.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// The present time.
    pub now: jiff::Timestamp,
    /// The bundle in force today.
    pub bundle_digest: Digest,
    /// What this process is connected to.
    pub target: Target,
    /// How many runs each approval has paid for already. On resume, without the run being resumed.
    pub runs_spent: BTreeMap<ApprovalId, u32>,
    /// What the plan itself asks for (a runbook's `approvals`).
    pub asked_by_plan: Option<Requirement>,
    /// Is everything stopped by the installation-wide latch? The reason.
    pub latched: Option<String>,
}

/// Why the gate stays closed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's message says what it is")]
pub enum GateClosed {
    #[error("everything is stopped on this installation: {reason}")]
    Latched { reason: String },
    #[error("the plan is for {planned}, but this is {actual}")]
    OtherTarget {
        planned: Box<Target>,
        actual: Box<Target>,
    },
    #[error("the verdict is about plan {judged}, not about {plan}")]
    VerdictOfOtherPlan { judged: PlanId, plan: PlanId },
    #[error("the verdict was made from policy bundle {judged}, but {current} is in force")]
    VerdictOfOtherBundle { judged: Digest, current: Digest },
    #[error("policy denies the plan: {}", messages(.findings))]
    Denied { findings: Vec<Finding> },
    #[error("{approver} rejected the plan")]
    Rejected { approver: String },
    #[error("the plan is not approved: {}", .refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NotApproved {
        needed: Requirement,
        refused: Vec<Refusal>,
    },
    #[error("taking protection off needs a yes of its own for: {}", ids(.changes))]
    NotAcknowledged { changes: Vec<ChangeId> },
}

/// Why one approval does not count, or what is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's message says what it is")]
pub enum Refusal {
    #[error("approval {0} is for another plan")]
    OtherPlan(ApprovalId),
    #[error("approval {0} was given by an agent, and an agent never approves")]
    Agent(ApprovalId),
    #[error("approval {0} is not valid yet")]
    NotYet(ApprovalId),
    #[error("approval {0} has expired")]
    Expired(ApprovalId),
    #[error("approval {0} is spent")]
    Spent(ApprovalId),
    #[error("approval {0} is not strong enough")]
    TooWeak(ApprovalId),
    #[error("approval {0} is by the plan's author, and somebody else is asked for")]
    Author(ApprovalId),
    #[error("{needed} approval(s) needed, {valid} valid")]
    TooFew { needed: u32, valid: usize },
    #[error("nobody with role {0} has approved")]
    RoleMissing(String),
}

fn messages(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(|finding| finding.message.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}

fn ids(changes: &[ChangeId]) -> String {
    changes
        .iter()
        .map(ChangeId::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Lets a plan through, or says why not. Checked in this order: latch, target, verdict, rejection, approvals,
/// protection. A plan without a write needs no approval.
///
/// # Errors
/// See [`GateClosed`].
pub fn admit(
    plan: Plan,
    verdict: Verdict,
    approvals: Vec<Approval>,
    circumstances: &Circumstances,
) -> Result<AdmittedPlan, GateClosed> {
    check_surroundings(&plan, circumstances)?;
    check_verdict(&plan, &verdict, circumstances)?;
    if let Some(no) = approvals.iter().find(|record| rejects(record, &plan)) {
        return Err(GateClosed::Rejected {
            approver: no.approver.to_string(),
        });
    }
    let needed = circumstances
        .asked_by_plan
        .clone()
        .unwrap_or_default()
        .and(&verdict.requirement);
    let counted = if plan.changes().iter().any(crate::change::Change::writes) {
        let counted = count_approvals(&plan, approvals, &needed, circumstances)?;
        check_acknowledged(&plan, &counted)?;
        counted
    } else {
        Vec::new()
    };
    Ok(AdmittedPlan {
        plan,
        verdict,
        approvals: counted,
    })
}

fn check_surroundings(plan: &Plan, circumstances: &Circumstances) -> Result<(), GateClosed> {
    if let Some(reason) = &circumstances.latched {
        return Err(GateClosed::Latched {
            reason: reason.clone(),
        });
    }
    let planned = &plan.metadata().target;
    if *planned != circumstances.target {
        return Err(GateClosed::OtherTarget {
            planned: Box::new(planned.clone()),
            actual: Box::new(circumstances.target.clone()),
        });
    }
    Ok(())
}

fn check_verdict(plan: &Plan, verdict: &Verdict, circumstances: &Circumstances) -> Result<(), GateClosed> {
    if verdict.plan_id != *plan.id() {
        return Err(GateClosed::VerdictOfOtherPlan {
            judged: verdict.plan_id.clone(),
            plan: plan.id().clone(),
        });
    }
    if verdict.bundle_digest != circumstances.bundle_digest {
        return Err(GateClosed::VerdictOfOtherBundle {
            judged: verdict.bundle_digest.clone(),
            current: circumstances.bundle_digest.clone(),
        });
    }
    // The findings are looked at too: a verdict that says allow but holds a denial was not made by merging.
    let denials: Vec<Finding> = verdict
        .findings
        .iter()
        .filter(|finding| finding.outcome == Outcome::Deny)
        .cloned()
        .collect();
    let denied = verdict.outcome == Outcome::Deny || !denials.is_empty();
    if denied && !planted(Fault::DenyIgnored) {
        return Err(GateClosed::Denied { findings: denials });
    }
    Ok(())
}

fn rejects(record: &Approval, plan: &Plan) -> bool {
    record.plan_id == *plan.id() && record.decision == Decision::Rejected && record.approver.may_decide()
}

fn count_approvals(
    plan: &Plan,
    approvals: Vec<Approval>,
    needed: &Requirement,
    circumstances: &Circumstances,
) -> Result<Vec<Approval>, GateClosed> {
    let mut refused = Vec::new();
    let mut counted: Vec<Approval> = Vec::new();
    for record in approvals {
        match refusal(plan, &record, needed, circumstances) {
            Some(reason) => refused.push(reason),
            None => counted.push(record),
        }
    }
    let people: BTreeSet<&str> = counted.iter().map(|record| record.approver.id.as_str()).collect();
    if people.len() < needed.count.max(1) as usize {
        refused.push(Refusal::TooFew {
            needed: needed.count.max(1),
            valid: people.len(),
        });
    } else if let Some(role) = needed
        .roles
        .iter()
        .find(|role| !counted.iter().any(|record| record.roles.contains(role)))
    {
        refused.push(Refusal::RoleMissing(role.clone()));
    } else {
        return Ok(counted);
    }
    Err(GateClosed::NotApproved {
        needed: needed.clone(),
        refused,
    })
}

/// Why one record does not count for this plan; `None` when it does.
fn refusal(
    plan: &Plan,
    record: &Approval,
    needed: &Requirement,
    circumstances: &Circumstances,
) -> Option<Refusal> {
    let id = record.approval_id.clone();
    if record.plan_id != *plan.id() && !planted(Fault::ApprovalOfOtherPlan) {
        return Some(Refusal::OtherPlan(id));
    }
    if !record.approver.may_decide() {
        return Some(Refusal::Agent(id));
    }
    if record.not_before.is_some_and(|start| circumstances.now < start) {
        return Some(Refusal::NotYet(id));
    }
    if record.expires_at.is_some_and(|end| circumstances.now >= end) {
        return Some(Refusal::Expired(id));
    }
    if circumstances.runs_spent.get(&id).copied().unwrap_or(0) >= record.max_runs {
        return Some(Refusal::Spent(id));
    }
    let assurance = record.assurance.min(record.method.assurance_limit());
    let plain = record.method.assurance_limit() <= crate::verdict::Assurance::Low;
    if assurance < needed.assurance || (plain && needed.is_demanding()) {
        return Some(Refusal::TooWeak(id));
    }
    if needed.not_author && record.approver.id == plan.metadata().author.id {
        return Some(Refusal::Author(id));
    }
    None
}

fn check_acknowledged(plan: &Plan, counted: &[Approval]) -> Result<(), GateClosed> {
    let acknowledged: BTreeSet<&ChangeId> = counted.iter().flat_map(|record| &record.acknowledged).collect();
    let missing: Vec<ChangeId> = plan
        .changes()
        .iter()
        .filter(|change| change.unprotects() && !acknowledged.contains(&change.change_id))
        .map(|change| change.change_id.clone())
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(GateClosed::NotAcknowledged { changes: missing })
    }
}
