//! What approvals hold a run to: their conditions tighten also a run that others have let through.

use std::collections::{BTreeMap, BTreeSet};

use super::Question;
use super::count::{Weighed, refusal_by_condition};
use super::{GateClosed, Refusal};
use crate::approval::{Approval, ApprovalId, Decision, Method};
use crate::change::ChangeId;
use crate::condition::Condition;
use crate::plan::Plan;

/// What a run is held to. A yes with a condition is a no to everything outside of it. So every yes of a person to this
/// very plan binds with its conditions from when it was given, whether or not it counts itself: until it runs out (its own
/// end, or the plan's limit), until it has paid for all its runs, until whoever gave it takes it back, or until they give
/// another beforehand that is as strong. Where a condition forbids the run now, nothing runs, whoever else agrees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Binding {
    /// The restrictions; each of them holds.
    pub conditions: Vec<Condition>,
    /// Who asked for a second approver, by the change: their names. Nobody is their own second.
    pub seconded: BTreeMap<ChangeId, BTreeSet<String>>,
    /// The moment from which on nothing further may start: the earliest end of an approval that the run rests on, or of a
    /// window of one that binds.
    pub ends_at: Option<jiff::Timestamp>,
    /// Records that bind no more, each with the later one of the same person that is their word now.
    pub set_aside: BTreeMap<ApprovalId, ApprovalId>,
}

/// What the records bind the run to.
///
/// # Errors
/// When a condition of one forbids it now.
pub(super) fn bind(question: &Question<'_>, records: &[Weighed]) -> Result<Binding, GateClosed> {
    let in_force: Vec<&Weighed> = records
        .iter()
        .filter(|record| is_in_force(question, &record.limited))
        .collect();
    let last_word = |record: &Weighed| {
        let later = in_force
            .iter()
            .filter(|other| has_begun(other) && sets_aside(&other.given, &record.given));
        later.max_by_key(|other| other.given.decided_at)
    };
    let mut binding = Binding::default();
    for record in &in_force {
        if let Some(later) = last_word(record) {
            let (id, by) = (&record.given.approval_id, &later.given.approval_id);
            binding.set_aside.insert(id.clone(), by.clone());
            continue;
        }
        let Weighed {
            given,
            limited,
            refused,
        } = record;
        let held = held_back(question.plan, given, question.circumstances.now);
        if let Some(reason) = held.or_else(|| runs_unasked(question, record)) {
            return Err(GateClosed::HeldBack {
                approver: given.approver.to_string(),
                approval_id: given.approval_id.clone(),
                reason: Box::new(reason),
                until: limited.expires_at,
            });
        }
        let ends = windows(given).filter_map(|(_, end)| end);
        let ends = ends.chain(limited.expires_at.filter(|_| refused.is_none()));
        binding.ends_at = ends.chain(binding.ends_at).min();
        binding.add(question, given, given.conditions.iter());
    }
    Ok(binding)
}

/// What the records bind a run to that is taken back or ended: what they want at a step, before it and after it. Also where a
/// record has run out since: its end keeps nothing from being closed, and opens nothing either.
pub(super) fn bind_back(question: &Question<'_>, approvals: Vec<Approval>) -> Binding {
    let weighed: Vec<Weighed> = approvals
        .into_iter()
        .map(|record| Weighed::whenever(question, record))
        .filter(|record| is_unspent(question, &record.limited))
        .collect();
    let is_last_word = |record: &&Weighed| {
        !weighed
            .iter()
            .any(|other| sets_aside(&other.given, &record.given))
    };
    let mut binding = Binding::default();
    for record in weighed.iter().filter(is_last_word) {
        let conditions = record.given.conditions.iter();
        let kept = conditions.filter(|condition| match condition {
            Condition::ExtraCheck { .. } => runs_unasked(question, record).is_none(),
            Condition::CheckpointBefore { .. }
            | Condition::CheckpointAfter { .. }
            | Condition::CheckpointBetweenSteps
            | Condition::SecondApprover { .. } => true,
            Condition::StopAfter { .. }
            | Condition::Window { .. }
            | Condition::MaxDuration { .. }
            | Condition::MaxDowntime { .. }
            | Condition::DryRunOnly => false,
        });
        binding.add(question, &record.given, kept);
    }
    binding
}

impl Binding {
    /// Takes conditions of a record in.
    fn add<'c>(
        &mut self,
        question: &Question<'_>,
        record: &Approval,
        conditions: impl Iterator<Item = &'c Condition>,
    ) {
        let giver = &record.approver.id;
        let person = question.circumstances.people.person(giver);
        for condition in conditions {
            if let Condition::SecondApprover { change_id, .. } = condition {
                let names = self.seconded.entry(change_id.clone()).or_default();
                names.extend([giver.clone(), person.to_owned()]);
            }
            self.conditions.push(condition.clone());
        }
    }
}

/// A person's yes to this plan that has neither run out nor paid for all its runs.
fn is_in_force(question: &Question<'_>, record: &Approval) -> bool {
    let now = question.circumstances.now;
    is_unspent(question, record) && record.expires_at.is_none_or(|end| now < end)
}

/// A person's yes to this plan that has not paid for all its runs.
fn is_unspent(question: &Question<'_>, record: &Approval) -> bool {
    let spent = question.circumstances.runs_spent.get(&record.approval_id);
    record.plan_id == *question.plan.id()
        && record.decision == Decision::Approved
        && record.approver.may_decide()
        && spent.copied().unwrap_or(0) < record.max_runs
}

/// One that does not count yet is nobody's word yet: until then the one before it holds.
fn has_begun(record: &Weighed) -> bool {
    !matches!(
        record.refused,
        Some(Refusal::FromTheFuture(_) | Refusal::NotYet(..))
    )
}

/// Is the later record the last word of the same person? The yes to one run, at its prompt or by its flag, is not: it does
/// not say that the conditions of a record that was made beforehand are to hold no more.
fn sets_aside(later: &Approval, record: &Approval) -> bool {
    later.approver.id == record.approver.id
        && later.decided_at > record.decided_at
        && later.is_made_beforehand()
        && later.strength() >= record.strength()
        && (later.method == Method::Signature || record.method != Method::Signature)
}

/// Why the record's conditions forbid the run now.
fn held_back(plan: &Plan, record: &Approval, now: jiff::Timestamp) -> Option<Refusal> {
    if record.conditions.is_empty() {
        return None;
    }
    let id = &record.approval_id;
    let start = starts(record).max().filter(|start| now < *start);
    let over = windows(record).filter_map(|(_, end)| end).min();
    let over = over.filter(|end| now >= *end);
    start
        .map(|start| Refusal::NotYet(id.clone(), start))
        .or_else(|| over.map(|end| Refusal::WindowOver(id.clone(), end)))
        .or_else(|| {
            let mut conditions = record.conditions.iter();
            conditions.find_map(|condition| refusal_by_condition(plan, id, condition))
        })
}

/// A check that is added is a command that runs. It does so on the word of somebody who may approve the plan, and on nobody
/// else's: a record that does not count, or whose giver has no role that is asked for, cannot add one. It is not left out
/// either, since a condition that is left out lets more through.
fn runs_unasked(question: &Question<'_>, record: &Weighed) -> Option<Refusal> {
    let adds = |condition: &Condition| matches!(condition, Condition::ExtraCheck { .. });
    if !record.given.conditions.iter().any(adds) {
        return None;
    }
    let roles = &question.needed.roles;
    let holds_one = roles.iter().any(|role| record.limited.roles.contains(role));
    let why = match &record.refused {
        Some(reason) => reason.to_string(),
        None if roles.is_empty() || holds_one => return None,
        None => format!(
            "{} has no role that is asked for ({})",
            record.given.approver,
            roles.join(", ")
        ),
    };
    Some(Refusal::AddsCheck {
        approval: record.given.approval_id.clone(),
        why,
    })
}

/// From when on and until when a record counts, its windows included. With the plan's limits too where they are in it, see
/// [`super::tightened`].
pub fn term(record: &Approval) -> (Option<jiff::Timestamp>, Option<jiff::Timestamp>) {
    (starts(record).max(), end(record))
}

/// The moments before which a record does not count.
pub(super) fn starts(record: &Approval) -> impl Iterator<Item = jiff::Timestamp> {
    windows(record)
        .filter_map(|(start, _)| start)
        .chain(record.not_before)
}

/// The end of a record, its windows included.
pub(super) fn end(record: &Approval) -> Option<jiff::Timestamp> {
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
