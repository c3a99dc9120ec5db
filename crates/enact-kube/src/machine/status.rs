//! Writing a status: transitions, conditions by their type, and the bounds of everything in it.

use enact_core::canonical::Digest;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::known::{Intent, Known, Next, Then};
use crate::api::{
    AuditEntry, ConditionType, FailureReason, KubernetesExecutionSpec, KubernetesExecutionStatus, Phase,
};

/// The longest message, in bytes.
const MOST_MESSAGE: usize = 1024;

/// The most transitions that are kept.
const MOST_AUDIT: usize = 32;

/// The most violations, and the longest.
const MOST_VIOLATIONS: (usize, usize) = (32, 512);

/// The longest output, in bytes.
const MOST_OUTPUT: usize = 8 * 1024;

/// Who the audit trail names.
const ACTOR: &str = "kubernetes-executor";

/// A time as Kubernetes writes it.
pub fn stamp(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time as it was written.
pub(super) fn read_stamp(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// The digest of a spec without `cancel`, which may change.
pub fn spec_hash(spec: &KubernetesExecutionSpec) -> String {
    let bare = KubernetesExecutionSpec {
        cancel: false,
        ..spec.clone()
    };
    // A spec of texts and numbers always has a canonical form.
    Digest::of_canonical(&bare).map_or_else(|_| String::new(), |digest| digest.to_string())
}

/// The status as it is, to be changed.
pub(super) fn status_of(known: &Known<'_>) -> KubernetesExecutionStatus {
    known.object.status.clone().unwrap_or_default()
}

/// A transition with everything that goes with one.
pub(super) struct Transition<'a> {
    /// Where to.
    pub to: Phase,
    /// Why, for programs: of the audit trail and the event.
    pub reason: &'static str,
    /// In words.
    pub message: &'a str,
}

/// Moves a status on. Never back: a final phase stays, whatever is asked.
pub(super) fn move_on(
    status: &mut KubernetesExecutionStatus,
    known: &Known<'_>,
    transition: &Transition<'_>,
) {
    let from = status.phase.unwrap_or_default();
    if from.is_final() || transition.to < from {
        return;
    }
    status.phase = Some(transition.to);
    status.message = Some(cut(transition.message, MOST_MESSAGE));
    status.waiting_since = None;
    status.observed_generation = known.object.metadata.generation;
    status.audit_trail.push(AuditEntry {
        time: stamp(known.now),
        from,
        to: transition.to,
        reason: transition.reason.to_owned(),
        actor: ACTOR.to_owned(),
        detail: Some(cut(transition.message, 256)),
    });
    let excess = status.audit_trail.len().saturating_sub(MOST_AUDIT);
    status.audit_trail.drain(..excess);
}

/// Sets a condition. Its time moves only when it turns.
pub(super) fn set_condition(
    status: &mut KubernetesExecutionStatus,
    known: &Known<'_>,
    kind: ConditionType,
    holds: bool,
    reason: &str,
    message: &str,
) {
    let word = if holds { "True" } else { "False" };
    let before = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == kind.as_str());
    let since = match before {
        Some(before) if before.status == word => before.last_transition_time.clone(),
        _ => Time(known.now.round(jiff::Unit::Second).unwrap_or(known.now)),
    };
    let condition = Condition {
        type_: kind.as_str().to_owned(),
        status: word.to_owned(),
        reason: reason.to_owned(),
        message: cut(message, MOST_MESSAGE),
        last_transition_time: since,
        observed_generation: known.object.metadata.generation,
    };
    status.conditions.retain(|other| other.type_ != condition.type_);
    status.conditions.push(condition);
    status
        .conditions
        .sort_by(|one, other| one.type_.cmp(&other.type_));
}

/// Does a condition hold?
pub(super) fn holds(status: &KubernetesExecutionStatus, kind: ConditionType) -> bool {
    let found = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == kind.as_str());
    found.is_some_and(|condition| condition.status == "True")
}

/// How an execution fails: for programs, for people.
pub(super) struct Failing<'a> {
    /// For programs.
    pub reason: FailureReason,
    /// In words.
    pub message: &'a str,
    /// The event's reason.
    pub event: &'static str,
}

/// The execution fails. What stands in `before` is done first.
pub(super) fn fail(
    known: &Known<'_>,
    mut status: KubernetesExecutionStatus,
    failing: &Failing<'_>,
    before: Vec<Intent>,
) -> Next {
    if status.validation_complete_time.is_none() {
        status.validation_complete_time = Some(stamp(known.now));
    }
    if status.execution_start_time.is_some() && status.execution_complete_time.is_none() {
        status.execution_complete_time = Some(stamp(known.now));
    }
    status.failure_reason = Some(failing.reason);
    set_condition(
        &mut status,
        known,
        ConditionType::Failed,
        true,
        failing.reason.as_str(),
        failing.message,
    );
    let transition = Transition {
        to: Phase::Failed,
        reason: failing.reason.as_str(),
        message: failing.message,
    };
    move_on(&mut status, known, &transition);
    let mut intents = before;
    intents.push(Intent::Status(Box::new(status)));
    intents.push(Intent::Event {
        warning: true,
        reason: failing.event,
        note: cut(failing.message, MOST_MESSAGE),
    });
    Next::Do(intents, Then::Settled)
}

/// Violations, sorted, each once, cut, and not too many.
pub(super) fn violations(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let (most, longest) = MOST_VIOLATIONS;
    let all: std::collections::BTreeSet<String> = texts.into_iter().map(|text| cut(&text, longest)).collect();
    let more = all.len().saturating_sub(most);
    let mut shown: Vec<String> = all.into_iter().take(most).collect();
    if more > 0 {
        shown.push(format!("… {more} more"));
    }
    shown
}

/// A text of so many bytes at most, cut between characters.
pub fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// The beginning and the end of a long output.
pub fn output_cut(text: &str) -> String {
    const MARK: &str = "\n… (truncated) …\n";
    if text.len() <= MOST_OUTPUT {
        return text.to_owned();
    }
    let part = (MOST_OUTPUT - MARK.len()) / 2;
    let head = cut(text, part);
    let mut start = text.len() - part;
    while !text.is_char_boundary(start) {
        start += 1;
    }
    format!("{head}{MARK}{}", text.get(start..).unwrap_or_default())
}
