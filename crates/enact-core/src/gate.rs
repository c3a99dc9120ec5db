//! The gate: the one way from a plan to something that can be run.
//!
//! [`admit`] is the only constructor of [`AdmittedPlan`], and the type can be neither deserialised nor built:
//!
//! ```compile_fail
//! fn forge(plan: enact_core::plan::Plan) -> enact_core::gate::AdmittedPlan {
//!     enact_core::gate::AdmittedPlan { plan, approvals: Vec::new() }
//! }
//! ```

mod binding;
mod count;

use std::collections::{BTreeMap, BTreeSet};

use self::binding::bind_back;
pub use self::binding::{Binding, term};
pub use self::count::{CLOCK_SKEW, is_kept, tightened};
use self::count::{bound_by, count_approvals};
use crate::approval::{Approval, ApprovalId, Decision};
use crate::asked::{Asked, Unreadable, asked_by};
use crate::canonical::Digest;
use crate::change::ChangeId;
use crate::condition::Condition;
use crate::fault::{Fault, planted};
use crate::plan::{Plan, PlanId, Target};
use crate::principal::People;
use crate::revision::{NotProved, Parentage, prove};
use crate::verdict::{Finding, Outcome, Requirement, Verdict};

/// A plan that policy and people agreed to. Possession is the proof.
#[derive(Debug, Clone)]
pub struct AdmittedPlan {
    plan: Plan,
    verdict: Verdict,
    approvals: Vec<Approval>,
    binding: Binding,
    purpose: Purpose,
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

    /// The approvals it rests on; a new run spends them. Also those that later ones of the same person have set aside: they
    /// would hold again as soon as the later ones are spent, and pay for a run more than whoever gave them wanted last.
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// The later approval of the same person that is their word instead of this one, where there is one.
    pub fn set_aside_by(&self, approval_id: &ApprovalId) -> Option<&ApprovalId> {
        self.binding.set_aside.get(approval_id)
    }

    /// What it was let through for. One that was let through to be taken back is never carried out.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The restrictions that the run is held to, see [`Binding`].
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> + Clone {
        self.binding.conditions.iter()
    }

    /// Who asked for a second approver at a change, by all their names, see [`Binding`].
    pub fn asked_for_a_second(&self, change_id: &ChangeId) -> impl Iterator<Item = &String> {
        self.binding.seconded.get(change_id).into_iter().flatten()
    }

    /// The moment from which on nothing further may start, see [`Binding`].
    pub fn ends_at(&self) -> Option<jiff::Timestamp> {
        self.binding.ends_at
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
    /// What is asked for besides what the plan's own document and policy ask for.
    pub asked_by_plan: Option<Requirement>,
    /// Which names are of one person.
    pub people: People,
    /// Is everything stopped by the installation-wide latch? The reason.
    pub latched: Option<String>,
    /// Is it an agent that starts the run? Then somebody has approved the plan also where its author says that it only reads.
    pub by_agent: bool,
    /// The run that the plan takes over, where it is a revision.
    pub parentage: Parentage,
    /// What the plan is let through for.
    pub purpose: Purpose,
}

/// What a plan is let through for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To be carried out.
    #[default]
    CarryOut,
    /// So that a person can take back what a run of it did, or end it. Undoing an approved run is within what was approved: an approval
    /// that has run out, is spent, or was withdrawn, and a later no, are no reason to leave work half done. Whoever calls
    /// asks the person first, and an agent never.
    TakeBack,
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
    #[error(transparent)]
    NotProved(#[from] NotProved),
    #[error("policy denies the plan: {}", messages(.findings))]
    Denied { findings: Vec<Finding> },
    #[error("nothing can approve the plan: {0}")]
    Unreadable(#[from] Unreadable),
    #[error("{approver} rejected the plan{}", because(.reason))]
    Rejected {
        approver: String,
        approval_id: ApprovalId,
        reason: Option<String>,
    },
    #[error("{approver} approved the plan under conditions that do not let it run now: {reason}")]
    HeldBack {
        approver: String,
        approval_id: ApprovalId,
        reason: Box<Refusal>,
        /// When the record runs out and holds nothing back any more.
        until: Option<jiff::Timestamp>,
    },
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
    #[error("approval {0} is not valid yet: it counts from {1:.0}")]
    NotYet(ApprovalId, jiff::Timestamp),
    #[error("the time that approval {0} leaves for the run was over at {1:.0}")]
    WindowOver(ApprovalId, jiff::Timestamp),
    #[error("approval {0} has expired")]
    Expired(ApprovalId),
    #[error("approval {0} is spent")]
    Spent(ApprovalId),
    #[error("approval {0} is not strong enough")]
    TooWeak(ApprovalId),
    #[error("approval {0} is by the plan's author, and somebody else is asked for")]
    Author(ApprovalId),
    #[error("approval {0} is dated later than now")]
    FromTheFuture(ApprovalId),
    #[error("approval {0} is for a dry run only")]
    DryRunOnly(ApprovalId),
    #[error("approval {approval} has a condition on step {change}, and the plan has no such step")]
    UnknownStep { approval: ApprovalId, change: ChangeId },
    #[error("approval {approval} has a condition that nothing watches over in this plan: {condition}")]
    NotWatched { approval: ApprovalId, condition: String },
    #[error("approval {approval} adds a check, which would run, and it does not count itself: {why}")]
    AddsCheck { approval: ApprovalId, why: String },
    #[error("approval {0} was waived, and an approval is asked for")]
    NotWaivable(ApprovalId),
    #[error("{needed} approval(s) needed, {valid} valid")]
    TooFew { needed: u32, valid: usize },
    #[error("nobody with role {0} has approved")]
    RoleMissing(String),
    #[error("{needed} people with role {} needed, {valid} valid", .roles.join(" or "))]
    TooFewWithRole {
        needed: u32,
        valid: usize,
        roles: Vec<String>,
    },
}

fn because(reason: &Option<String>) -> String {
    reason
        .as_ref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default()
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

/// Lets a plan through, or says why not. Checked in this order: latch, target, verdict, the run it takes over, rejection,
/// what is held back by a condition, approvals, protection; the last four not to take a run back. A plan without a write needs no approval,
/// unless an agent starts it: that a step only reads is its author's word.
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
    prove(&plan, &circumstances.parentage)?;
    let approvals = without_withdrawn(approvals, &plan);
    if circumstances.purpose == Purpose::TakeBack {
        return Ok(AdmittedPlan {
            binding: binding_back(&plan, &verdict, approvals, circumstances),
            plan,
            verdict,
            approvals: Vec::new(),
            purpose: Purpose::TakeBack,
        });
    }
    if let Some(no) = approvals.iter().find(|record| rejects(record, &plan)) {
        return Err(GateClosed::Rejected {
            approver: no.approver.to_string(),
            approval_id: no.approval_id.clone(),
            reason: no.reason.clone(),
        });
    }
    let writes = plan.changes().iter().any(crate::change::Change::writes);
    let asked = asked_by(&plan)?;
    // What a plan and policy ask for in so many words they ask for also where it only reads, and what people said with their yes
    // holds also where nobody had to be asked.
    let besides = circumstances.asked_by_plan.as_ref();
    let demands = asked.is_demanding()
        || verdict.requirement.asks_for_more()
        || besides.is_some_and(Requirement::asks_for_more);
    // Whatever a revision does itself: the run that it takes over goes on no more.
    let takes_over = plan.metadata().revision.is_some();
    let asks = writes || demands || takes_over || circumstances.by_agent;
    let (counted, binding) = if plan.changes().is_empty() {
        (Vec::new(), Binding::default())
    } else {
        let question = Question::of(&plan, &verdict, asked, circumstances);
        if asks {
            let counted = count_approvals(&question, approvals)?;
            check_acknowledged(&plan, &counted.0)?;
            counted
        } else {
            (Vec::new(), bound_by(&question, approvals)?)
        }
    };
    Ok(AdmittedPlan {
        plan,
        verdict,
        approvals: counted,
        binding,
        purpose: Purpose::CarryOut,
    })
}

/// May nobody be asked, as far as the plan is concerned?
fn may_waive(plan: &Plan, asked: &Asked, circumstances: &Circumstances) -> bool {
    let in_cluster = plan.metadata().target.kind == "kubernetes";
    (asked.waived || in_cluster)
        && circumstances
            .asked_by_plan
            .as_ref()
            .is_none_or(|asked| !asked.is_demanding())
}

/// What the approvals of a plan are held against.
struct Question<'a> {
    plan: &'a Plan,
    needed: Requirement,
    asked: Asked,
    waivable: bool,
    circumstances: &'a Circumstances,
}

impl<'a> Question<'a> {
    fn of(plan: &'a Plan, verdict: &Verdict, asked: Asked, circumstances: &'a Circumstances) -> Self {
        let besides = circumstances.asked_by_plan.clone().unwrap_or_default();
        Self {
            plan,
            needed: besides.and(&asked.requirement).and(&verdict.requirement),
            waivable: may_waive(plan, &asked, circumstances) && !verdict.asks_for_approval(),
            asked,
            circumstances,
        }
    }
}

/// What still binds while a run is taken back or ended: whoever wanted to be asked before a step is asked before it also where
/// it closes the run.
fn binding_back(
    plan: &Plan,
    verdict: &Verdict,
    approvals: Vec<Approval>,
    circumstances: &Circumstances,
) -> Binding {
    match asked_by(plan) {
        Ok(asked) => bind_back(&Question::of(plan, verdict, asked, circumstances), approvals),
        Err(_) => Binding::default(),
    }
}

/// Takes out what its own giver took back; a no only by a word that is as strong.
fn without_withdrawn(approvals: Vec<Approval>, plan: &Plan) -> Vec<Approval> {
    let (back, said): (Vec<Approval>, Vec<Approval>) = approvals
        .into_iter()
        .filter(|record| record.decision != Decision::Withdrawn || record.plan_id == *plan.id())
        .partition(|record| record.decision == Decision::Withdrawn);
    said.into_iter()
        .filter(|record| taken_back_by(record, &back).is_none())
        .collect()
}

/// The record with which its own giver took back what they had approved or rejected, where there is one that counts: a no is
/// taken back only by a word that is as strong.
pub fn taken_back_by<'a>(record: &Approval, records: &'a [Approval]) -> Option<&'a Approval> {
    records.iter().find(|withdrawal| {
        withdrawal.decision == Decision::Withdrawn
            && withdrawal.withdraws.as_ref() == Some(&record.approval_id)
            && withdrawal.approver == record.approver
            && withdrawal.approver.may_decide()
            && (record.decision == Decision::Approved || withdrawal.strength() >= record.strength())
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
