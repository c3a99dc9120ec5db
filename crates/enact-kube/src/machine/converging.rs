//! The action is done: do the conditions after come to hold, and go on to? Looked at again and again without waiting anywhere; until when
//! is in the status, so that a restart goes on.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::asked::{condition_limit, condition_stable, resolve};
use super::input::action_input;
use super::known::{ConditionFact, Intent, Known, Looked, Next, Question, Then, Which};
use super::status::{Failing, Transition, fail, move_on, read_stamp, set_condition, stamp, status_of};
use crate::api::{
    ActionCondition, ConditionDeadline, ConditionResult, ConditionType, FailureReason,
    KubernetesExecutionStatus, Phase,
};

/// How long to wait before each look.
const STEPS: [u64; 4] = [1, 2, 4, 5];

/// Writes down until when each condition may come to hold.
pub(super) fn begin(known: &Known<'_>, status: &mut KubernetesExecutionStatus) {
    let conditions = known.object.spec.post_conditions.iter().enumerate();
    status.condition_deadlines = conditions
        .map(|(index, condition)| ConditionDeadline {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            until: stamp(later(
                known.now,
                condition_limit(condition) + condition_stable(condition),
            )),
            holds_since: None,
            attempts: 0,
        })
        .collect();
}

fn later(now: Timestamp, length: Duration) -> Timestamp {
    let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::ZERO);
    now.checked_add(length).unwrap_or(now)
}

pub(super) fn next(known: &Known<'_>) -> Next {
    let status = status_of(known);
    let open = open(known, &status);
    if open.is_empty() {
        return conclude(known, status);
    }
    if let Some(left) = too_early(known, &status) {
        return Next::wait(left);
    }
    let Some(facts) = known.facts.conditions.get(&Which::After) else {
        return ask(known, open);
    };
    taken(known, status, facts)
}

/// How long it is until the next look. What was written about the last one wakes us too, and is no reason to look again.
fn too_early(known: &Known<'_>, status: &KubernetesExecutionStatus) -> Option<Duration> {
    let results = status.validation_results.as_ref()?;
    let looked = results
        .post_condition_results
        .iter()
        .filter(|result| result.attempts.is_some())
        .filter_map(|result| read_stamp(&result.evaluation_time))
        .max()?;
    let since = Duration::try_from(known.now.duration_since(looked)).unwrap_or(Duration::ZERO);
    let left = step(most_attempts(status)).checked_sub(since)?;
    (!left.is_zero()).then_some(left)
}

fn most_attempts(status: &KubernetesExecutionStatus) -> u32 {
    let attempts = status
        .condition_deadlines
        .iter()
        .map(|deadline| deadline.attempts);
    attempts.max().unwrap_or(1)
}

/// How long to wait after so many looks.
fn step(attempts: u32) -> Duration {
    let place = usize::try_from(attempts).unwrap_or(usize::MAX).saturating_sub(1);
    Duration::from_secs(STEPS.get(place).or(STEPS.last()).copied().unwrap_or(5))
}

/// The conditions that are not settled yet: neither held for long enough nor out of time.
fn open(known: &Known<'_>, status: &KubernetesExecutionStatus) -> Vec<usize> {
    let deadlines = status.condition_deadlines.iter();
    deadlines
        .filter(|deadline| !is_settled(known, status, deadline))
        .filter_map(|deadline| usize::try_from(deadline.index).ok())
        .collect()
}

fn is_settled(known: &Known<'_>, status: &KubernetesExecutionStatus, deadline: &ConditionDeadline) -> bool {
    if holds_long_enough(known, status, deadline) {
        return true;
    }
    // What may have held for long enough by now is looked at once more before it is given up.
    let since = deadline.holds_since.as_deref().and_then(read_stamp);
    let may_hold = since.is_some_and(|since| between(since, known.now) >= stable(known, deadline));
    deadline.attempts > 0 && is_over(known, deadline) && !may_hold
}

/// From the look that it began to hold at to the last one: what was not looked at is not known to have held.
fn holds_long_enough(
    known: &Known<'_>,
    status: &KubernetesExecutionStatus,
    deadline: &ConditionDeadline,
) -> bool {
    if condition(known, deadline).is_none() {
        // A condition that the spec does not have any more cannot hold anything up; the spec never changes.
        return true;
    }
    let since = deadline.holds_since.as_deref().and_then(read_stamp);
    let (Some(since), Some(looked)) = (since, looked(status, deadline)) else {
        return false;
    };
    between(since, looked) >= stable(known, deadline)
}

fn condition<'a>(known: &Known<'a>, deadline: &ConditionDeadline) -> Option<&'a ActionCondition> {
    let index = usize::try_from(deadline.index).ok()?;
    known.object.spec.post_conditions.get(index)
}

/// How long it must hold without a break.
fn stable(known: &Known<'_>, deadline: &ConditionDeadline) -> Duration {
    condition(known, deadline)
        .map(condition_stable)
        .unwrap_or_default()
}

/// When it was last looked at.
fn looked(status: &KubernetesExecutionStatus, deadline: &ConditionDeadline) -> Option<Timestamp> {
    let results = &status.validation_results.as_ref()?.post_condition_results;
    let result = results.get(usize::try_from(deadline.index).ok()?)?;
    read_stamp(&result.evaluation_time)
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

fn is_over(known: &Known<'_>, deadline: &ConditionDeadline) -> bool {
    read_stamp(&deadline.until).is_none_or(|until| known.now >= until)
}

fn ask(known: &Known<'_>, open: Vec<usize>) -> Next {
    let Ok(resolved) = resolve(known) else {
        return Next::wait(Duration::from_secs(5));
    };
    let target = &resolved.asked.target;
    let (Some(looked), Some(namespaces)) = (&known.facts.target, &known.facts.namespaces) else {
        return Next::Learn(vec![
            Question::Target(target.clone()),
            Question::Namespaces(target.clone()),
        ]);
    };
    let object = match looked {
        Looked::Found(object) => object.as_ref().clone(),
        Looked::Absent | Looked::Forbidden(_) => serde_json::Value::Null,
    };
    let input = action_input(known, &resolved, &object, namespaces, None);
    Next::Learn(vec![Question::Conditions(Which::After, open, Box::new(input))])
}

/// Takes what was just seen into the status.
fn taken(known: &Known<'_>, mut status: KubernetesExecutionStatus, facts: &[ConditionFact]) -> Next {
    let mut results = recorded(known, &status);
    for fact in facts {
        let found = status
            .condition_deadlines
            .iter_mut()
            .find(|deadline| usize::try_from(deadline.index) == Ok(fact.index));
        let Some(deadline) = found else {
            continue;
        };
        deadline.attempts = deadline.attempts.saturating_add(1);
        if fact.result.passed {
            deadline.holds_since.get_or_insert_with(|| stamp(known.now));
        } else {
            deadline.holds_since = None;
        }
        if let Some(slot) = results.get_mut(fact.index) {
            *slot = ConditionResult {
                attempts: Some(deadline.attempts),
                ..fact.result.clone()
            };
        }
    }
    let validation = status.validation_results.get_or_insert_default();
    validation.post_condition_results = results;
    let settled = status
        .condition_deadlines
        .iter()
        .all(|deadline| is_settled(known, &status, deadline));
    let again = step(most_attempts(&status));
    if settled {
        return conclude(known, status);
    }
    Next::Do(vec![Intent::Status(Box::new(status))], Then::After(again))
}

/// The results so far, one for each condition, in order.
fn recorded(known: &Known<'_>, status: &KubernetesExecutionStatus) -> Vec<ConditionResult> {
    let before = status
        .validation_results
        .as_ref()
        .map(|results| results.post_condition_results.clone())
        .unwrap_or_default();
    let conditions = known.object.spec.post_conditions.iter().enumerate();
    conditions
        .map(|(index, condition)| {
            before.get(index).cloned().unwrap_or_else(|| ConditionResult {
                condition_type: condition.kind.clone(),
                evaluation_time: stamp(known.now),
                ..ConditionResult::default()
            })
        })
        .collect()
}

/// All of them are settled.
fn conclude(known: &Known<'_>, mut status: KubernetesExecutionStatus) -> Next {
    let broken: Vec<(bool, String)> = status
        .condition_deadlines
        .iter()
        .filter(|deadline| deadline.holds_since.is_none() || !holds_long_enough(known, &status, deadline))
        .filter_map(|deadline| {
            let condition = known
                .object
                .spec
                .post_conditions
                .get(usize::try_from(deadline.index).ok()?)?;
            Some((condition.required, condition.kind.clone()))
        })
        .collect();
    let required: Vec<String> = names(&broken, true);
    if !required.is_empty() {
        let message = format!(
            "it was done, but did not come to hold: {}; rollbackInfo says how to take it back",
            required.join(", ")
        );
        set_condition(
            &mut status,
            known,
            ConditionType::PostconditionsMet,
            false,
            "PostconditionFailed",
            &message,
        );
        let failing = Failing {
            reason: FailureReason::PostconditionFailed,
            message: &message,
            event: "PostconditionFailed",
        };
        return fail(known, status, &failing, Vec::new());
    }
    set_condition(
        &mut status,
        known,
        ConditionType::PostconditionsMet,
        true,
        "Met",
        "what must hold after holds",
    );
    completed(known, status, &names(&broken, false))
}

fn names(broken: &[(bool, String)], required: bool) -> Vec<String> {
    let of_sort = broken.iter().filter(|(is_required, _)| *is_required == required);
    of_sort.map(|(_, kind)| kind.clone()).collect()
}

fn completed(known: &Known<'_>, mut status: KubernetesExecutionStatus, warnings: &[String]) -> Next {
    let message = status.message.clone().unwrap_or_else(|| "done".to_owned());
    set_condition(
        &mut status,
        known,
        ConditionType::Completed,
        true,
        "ExecutionCompleted",
        &message,
    );
    let transition = Transition {
        to: Phase::Completed,
        reason: "ExecutionCompleted",
        message: &message,
    };
    move_on(&mut status, known, &transition);
    let mut intents = vec![Intent::Status(Box::new(status))];
    if !warnings.is_empty() {
        intents.push(Intent::Event {
            warning: true,
            reason: "PostconditionWarning",
            note: format!("did not come to hold, and need not: {}", warnings.join(", ")),
        });
    }
    intents.push(Intent::Event {
        warning: false,
        reason: "ExecutionCompleted",
        note: message,
    });
    Next::Do(intents, Then::Settled)
}
