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

use crate::approval::{Approval, ApprovalId, Decision, Method};
use crate::asked::{Asked, Unreadable, asked_by};
use crate::canonical::Digest;
use crate::change::ChangeId;
use crate::condition::Condition;
use crate::fault::{Fault, planted};
use crate::plan::{Mode, Plan, PlanId, Target};
use crate::principal::People;
use crate::revision::{NotProved, Parentage, prove};
use crate::verdict::{Finding, Outcome, Requirement, Verdict};

/// A plan that policy and people agreed to. Possession is the proof.
#[derive(Debug, Clone)]
pub struct AdmittedPlan {
    plan: Plan,
    verdict: Verdict,
    approvals: Vec<Approval>,
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

    /// The approvals it rests on; a new run spends them.
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// What it was let through for. One that was let through to be taken back is never carried out.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Restrictions of the approvals it rests on; each of them holds. Where somebody approved more than once, their latest
    /// word does.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.latest().flat_map(|record| &record.conditions)
    }

    /// The moment from which on nothing further may start: the earliest end of an approval it rests on.
    pub fn ends_at(&self) -> Option<jiff::Timestamp> {
        self.latest().filter_map(end).min()
    }

    /// The latest approval of each person.
    fn latest(&self) -> impl Iterator<Item = &Approval> {
        let by = |record: &Approval, other: &Approval| {
            record.approver.id == other.approver.id && record.decided_at > other.decided_at
        };
        self.approvals
            .iter()
            .filter(move |record| !self.approvals.iter().any(|other| by(other, record)))
    }
}

/// The end of a record, its windows included.
fn end(record: &Approval) -> Option<jiff::Timestamp> {
    windows(record)
        .filter_map(|(_, end)| end)
        .chain(record.expires_at)
        .min()
}

/// The times that a record's conditions name.
fn windows(record: &Approval) -> impl Iterator<Item = (Option<jiff::Timestamp>, Option<jiff::Timestamp>)> {
    record.conditions.iter().filter_map(|condition| {
        if let Condition::Window {
            not_before,
            not_after,
        } = condition
        {
            Some((*not_before, *not_after))
        } else {
            None
        }
    })
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
    /// So that a person can take back what a run of it did. Undoing an approved run is within what was approved: an approval
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
    #[error("approval {0} is dated later than now")]
    FromTheFuture(ApprovalId),
    #[error("approval {0} is for a dry run only")]
    DryRunOnly(ApprovalId),
    #[error("approval {approval} has a condition on {change:?}, and the plan has no such step")]
    UnknownStep { approval: ApprovalId, change: ChangeId },
    #[error("approval {approval} has a condition that nothing watches over in this plan: {condition}")]
    NotWatched { approval: ApprovalId, condition: String },
    #[error("approval {0} was waived, and an approval is asked for")]
    NotWaivable(ApprovalId),
    #[error("{needed} approval(s) needed, {valid} valid")]
    TooFew { needed: u32, valid: usize },
    #[error("nobody with role {0} has approved")]
    RoleMissing(String),
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
/// approvals, protection; the last three not to take a run back. A plan without a write needs no approval.
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
    if circumstances.purpose == Purpose::TakeBack {
        return Ok(AdmittedPlan {
            plan,
            verdict,
            approvals: Vec::new(),
            purpose: Purpose::TakeBack,
        });
    }
    let approvals = without_withdrawn(approvals, &plan);
    if let Some(no) = approvals.iter().find(|record| rejects(record, &plan)) {
        return Err(GateClosed::Rejected {
            approver: no.approver.to_string(),
            approval_id: no.approval_id.clone(),
            reason: no.reason.clone(),
        });
    }
    let counted = if plan.changes().iter().any(crate::change::Change::writes) {
        let asked = asked_by(&plan)?;
        let besides = circumstances.asked_by_plan.clone().unwrap_or_default();
        let question = Question {
            plan: &plan,
            needed: besides.and(&asked.requirement).and(&verdict.requirement),
            waivable: may_waive(&plan, &asked, circumstances) && !verdict.asks_for_approval(),
            asked,
            circumstances,
        };
        let counted = count_approvals(&question, approvals)?;
        check_acknowledged(&plan, &counted)?;
        counted
    } else {
        Vec::new()
    };
    Ok(AdmittedPlan {
        plan,
        verdict,
        approvals: counted,
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

/// Takes out what its own giver took back; a no only by a word that is as strong.
fn without_withdrawn(approvals: Vec<Approval>, plan: &Plan) -> Vec<Approval> {
    let (back, said): (Vec<Approval>, Vec<Approval>) = approvals
        .into_iter()
        .partition(|record| record.decision == Decision::Withdrawn);
    let is_back = |record: &Approval| {
        back.iter().any(|withdrawal| {
            withdrawal.plan_id == *plan.id()
                && withdrawal.withdraws.as_ref() == Some(&record.approval_id)
                && withdrawal.approver == record.approver
                && withdrawal.approver.may_decide()
                && (record.decision == Decision::Approved || withdrawal.strength() >= record.strength())
        })
    };
    said.into_iter().filter(|record| !is_back(record)).collect()
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

fn count_approvals(question: &Question<'_>, approvals: Vec<Approval>) -> Result<Vec<Approval>, GateClosed> {
    let mut refused = Vec::new();
    let mut counted: Vec<Approval> = Vec::new();
    for record in approvals {
        let record = tightened(record, &question.asked);
        match refusal(question, &record) {
            Some(reason) => refused.push(reason),
            None => counted.push(record),
        }
    }
    let needed = &question.needed;
    let people = persons(&counted, &question.circumstances.people);
    if people < needed.count.max(1) as usize {
        refused.push(Refusal::TooFew {
            needed: needed.count.max(1),
            valid: people,
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

/// How many different people these are. One person's names, and one key under two names, count once.
fn persons(records: &[Approval], people: &People) -> usize {
    let mut groups: Vec<BTreeSet<&str>> = Vec::new();
    for record in records {
        let mut marks = BTreeSet::from([people.person(&record.approver.id)]);
        marks.extend(record.signature.iter().map(|signature| signature.key_id.as_str()));
        let (same, other): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| !group.is_disjoint(&marks));
        marks.extend(same.into_iter().flatten());
        groups = other;
        groups.push(marks);
    }
    groups.len()
}

/// The record with the limits that the plan sets to any approval of it.
fn tightened(mut record: Approval, asked: &Asked) -> Approval {
    let allowed = asked.expires.map(|length| {
        let length = std::time::Duration::from_millis(length.0);
        record.decided_at.checked_add(length).unwrap_or(record.decided_at)
    });
    record.expires_at = [record.expires_at, allowed, asked.not_after]
        .into_iter()
        .flatten()
        .min();
    record.not_before = record.not_before.max(asked.not_before);
    record.max_runs = record.max_runs.min(asked.max_runs.unwrap_or(u32::MAX));
    record
}

/// How far the clocks of two machines may be apart.
const CLOCK_SKEW: std::time::Duration = std::time::Duration::from_secs(300);

/// Why one record does not count for this plan; `None` when it does.
fn refusal(question: &Question<'_>, record: &Approval) -> Option<Refusal> {
    let Question {
        plan,
        needed,
        circumstances,
        ..
    } = question;
    let id = record.approval_id.clone();
    if record.plan_id != *plan.id() && !planted(Fault::ApprovalOfOtherPlan) {
        return Some(Refusal::OtherPlan(id));
    }
    if !record.approver.may_decide() {
        return Some(Refusal::Agent(id));
    }
    if let Some(reason) = refusal_by_time(record, circumstances.now) {
        return Some(reason);
    }
    if circumstances.runs_spent.get(&id).copied().unwrap_or(0) >= record.max_runs {
        return Some(Refusal::Spent(id));
    }
    if record.method == Method::Waived && !question.waivable {
        return Some(Refusal::NotWaivable(id));
    }
    let plain = record.method.assurance_limit() <= crate::verdict::Assurance::Low;
    if record.strength() < needed.assurance || (plain && needed.is_demanding()) {
        return Some(Refusal::TooWeak(id));
    }
    if needed.not_author
        && circumstances
            .people
            .is_same(&record.approver.id, &plan.metadata().author.id)
    {
        return Some(Refusal::Author(id));
    }
    record
        .conditions
        .iter()
        .find_map(|condition| refusal_by_condition(plan, &id, condition))
}

fn refusal_by_time(record: &Approval, now: jiff::Timestamp) -> Option<Refusal> {
    let id = record.approval_id.clone();
    if record.decided_at > now.checked_add(CLOCK_SKEW).unwrap_or(now) {
        return Some(Refusal::FromTheFuture(id));
    }
    let mut starts = windows(record)
        .filter_map(|(start, _)| start)
        .chain(record.not_before);
    if starts.any(|start| now < start) {
        return Some(Refusal::NotYet(id));
    }
    end(record)
        .is_some_and(|end| now >= end)
        .then_some(Refusal::Expired(id))
}

/// A condition that nothing would hold the run to is worse than none.
fn refusal_by_condition(plan: &Plan, id: &ApprovalId, condition: &Condition) -> Option<Refusal> {
    if let Some(change) = condition
        .change_id()
        .filter(|change| plan.change(change).is_none())
    {
        return Some(Refusal::UnknownStep {
            approval: id.clone(),
            change: change.clone(),
        });
    }
    let downtime = plan.document().and_then(|document| document.get("downtime"));
    // What was adopted never starts, so nothing can happen before it.
    let starts = condition
        .change_id()
        .and_then(|change| plan.change(change))
        .is_none_or(|change| change.adopted.is_none());
    let watched = match condition {
        Condition::DryRunOnly => return Some(Refusal::DryRunOnly(id.clone())),
        Condition::MaxDowntime { .. } => downtime.is_some_and(|downtime| !downtime.is_null()),
        Condition::ExtraCheck { .. } => starts && plan.metadata().mode == Mode::Run,
        Condition::CheckpointBefore { .. } | Condition::SecondApprover { .. } => starts,
        Condition::CheckpointAfter { .. }
        | Condition::CheckpointBetweenSteps
        | Condition::StopAfter { .. }
        | Condition::Window { .. }
        | Condition::MaxDuration { .. } => true,
    };
    (!watched).then(|| Refusal::NotWatched {
        approval: id.clone(),
        condition: condition.to_string(),
    })
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
