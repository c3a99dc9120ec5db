//! Which approvals count for a plan, and whether they suffice.

use super::binding::{Binding, bind, end, starts};
use super::{GateClosed, Question, Refusal};
use crate::approval::{Approval, ApprovalId, Method};
use crate::asked::Asked;
use crate::condition::Condition;
use crate::fault::{Fault, planted};
use crate::plan::{Mode, Plan};
use crate::principal::{People, different};

/// A record, and what it is worth for this plan.
pub(super) struct Weighed {
    /// As it was given.
    pub(super) given: Approval,
    /// With the plan's limits.
    pub(super) limited: Approval,
    /// Why it does not count.
    pub(super) refused: Option<Refusal>,
}

impl Weighed {
    fn of(question: &Question<'_>, given: Approval) -> Self {
        let limited = tightened(given.clone(), &question.asked);
        Self {
            refused: refusal(question, &limited),
            given,
            limited,
        }
    }

    /// What the record is worth whatever the time.
    pub(super) fn whenever(question: &Question<'_>, given: Approval) -> Self {
        let limited = tightened(given.clone(), &question.asked);
        let mut timeless = Approval {
            expires_at: None,
            not_before: None,
            ..limited.clone()
        };
        let is_window = |condition: &Condition| matches!(condition, Condition::Window { .. });
        timeless.conditions.retain(|condition| !is_window(condition));
        Self {
            refused: refusal(question, &timeless),
            given,
            limited,
        }
    }
}

/// The records that suffice, and what the run is held to.
///
/// # Errors
/// When a condition forbids the run now, or the records do not suffice.
pub(super) fn count_approvals(
    question: &Question<'_>,
    approvals: Vec<Approval>,
) -> Result<(Vec<Approval>, Binding), GateClosed> {
    let weighed: Vec<Weighed> = approvals
        .into_iter()
        .map(|record| Weighed::of(question, record))
        .collect();
    let binding = bind(question, &weighed)?;
    let mut refused = Vec::new();
    let mut counted: Vec<Approval> = Vec::new();
    for record in weighed {
        match record.refused {
            Some(reason) => refused.push(reason),
            None => counted.push(record.limited),
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
    } else if let Some(reason) = too_few_with_role(question, &counted) {
        refused.push(reason);
    } else {
        return Ok((counted, binding));
    }
    Err(GateClosed::NotApproved {
        needed: needed.clone(),
        refused,
    })
}

/// What the records hold a run to that needs none of them.
///
/// # Errors
/// When a condition forbids the run now.
pub(super) fn bound_by(question: &Question<'_>, approvals: Vec<Approval>) -> Result<Binding, GateClosed> {
    let weighed = approvals.into_iter().map(|record| Weighed::of(question, record));
    let binding = bind(question, &weighed.collect::<Vec<_>>())?;
    // It rests on none, so the end of none is its end; a window of one is.
    let end = |condition: &Condition| {
        if let Condition::Window { not_after, .. } = condition {
            *not_after
        } else {
            None
        }
    };
    let ends_at = binding.conditions.iter().filter_map(end).min();
    Ok(Binding { ends_at, ..binding })
}

/// Where the plan asks for people with a role, each of them has one of its roles. Counted by what the plan alone asks for: a
/// further role that policy asks for must not make somebody count who did not before.
fn too_few_with_role(question: &Question<'_>, counted: &[Approval]) -> Option<Refusal> {
    let asked = &question.asked.requirement;
    let holds_one = |record: &&Approval| asked.roles.iter().any(|role| record.roles.contains(role));
    let holders: Vec<Approval> = counted.iter().filter(holds_one).cloned().collect();
    let valid = persons(&holders, &question.circumstances.people);
    let is_short = !asked.roles.is_empty() && valid < asked.count.max(1) as usize;
    is_short.then(|| Refusal::TooFewWithRole {
        needed: asked.count.max(1),
        valid,
        roles: asked.roles.clone(),
    })
}

/// How many different people these are. One person's names, and one key under two names, count once.
fn persons(records: &[Approval], people: &People) -> usize {
    different(records.iter().map(|record| {
        let key = record.signature.iter().map(|signature| signature.key_id.as_str());
        key.chain([people.person(&record.approver.id)]).collect()
    }))
}

/// The record with the limits that the plan sets to any approval of it: what really holds.
pub fn tightened(mut record: Approval, asked: &Asked) -> Approval {
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
pub const CLOCK_SKEW: std::time::Duration = std::time::Duration::from_secs(300);

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
    if let Some(start) = starts(record).max().filter(|start| now < *start) {
        return Some(Refusal::NotYet(id, start));
    }
    end(record)
        .is_some_and(|end| now >= end)
        .then_some(Refusal::Expired(id))
}

/// Would something hold a run of this plan to the condition? An approval with one that nothing would can never count.
pub fn is_kept(plan: &Plan, condition: &Condition) -> bool {
    matches!(
        refusal_by_condition(plan, &ApprovalId(String::new()), condition),
        None | Some(Refusal::DryRunOnly(_))
    )
}

/// A condition that nothing would hold the run to is worse than none.
pub(super) fn refusal_by_condition(plan: &Plan, id: &ApprovalId, condition: &Condition) -> Option<Refusal> {
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
