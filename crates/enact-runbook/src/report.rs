//! What a run of a runbook came to (`enact.runbook-report/v1`): estimate against actual, who was waited for, what shows each requirement,
//! what departed from the plan, what nobody verified. A pure function of plan and journal.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a report picks the few facts it is about; all others say nothing to it"
)]

use std::collections::BTreeMap;

use enact_core::change::{Change, ChangeId, Undo};
use enact_core::criterion::{CriterionReport, CriterionVerdict};
use enact_core::journal::{
    ChangeProgress, ChangeState, Choice, Entry, Fact, JournalError, RunId, RunOutcome, RunState,
};
use enact_core::plan::Plan;
use enact_core::procedure::Moment;
use enact_core::report::begun;
use enact_core::run_clock::RunClock;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::provider::reply::survivors_in_words;
use crate::provider::{downtime_length, state_word};
use crate::spec::{Document, STEP};

/// The one format this version writes.
pub const FORMAT: &str = "enact.runbook-report/v1";

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "enact.runbook-report/v1")]
pub struct RunbookReport {
    /// `enact.runbook-report/v1`.
    pub format: String,
    /// The run.
    pub run_id: RunId,
    /// The plan.
    pub plan_id: String,
    /// The runbook's name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// How it ended; absent while it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<RunOutcome>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// Conditions of its approvals, in their own form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<enact_core::condition::Condition>,
    /// Every step.
    pub steps: Vec<StepReport>,
    /// Where it waited for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<WaitReport>,
    /// Time at work and time in which it waited, in milliseconds.
    pub times: Times,
    /// Criteria: tests, acceptance, limits.
    pub criteria: Vec<CriterionReport>,
    /// Which steps and criteria show each requirement.
    pub requirements: Vec<RequirementReport>,
    /// What departed from the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deviations: Vec<String>,
    /// What nobody verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_verified: Vec<String>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepReport {
    /// Its place in the file.
    pub number: u32,
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `succeeded`, `failed`, `skipped`, `undone`, `nothing_to_undo`, …
    pub state: String,
    /// What was expected, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate_ms: Option<u64>,
    /// What it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual_ms: Option<u64>,
    /// Actual by estimate, in per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u64>,
    /// How often it was attempted.
    pub attempts: u32,
    /// What went wrong, or why it was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One wait for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitReport {
    /// The step.
    pub step: String,
    /// `confirmation before`, `confirmation after`, `decision`, `attestation`.
    pub what: String,
    /// Who ended it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// How long it took, in milliseconds; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_ms: Option<u64>,
}

/// Times of the whole run, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// At work.
    pub worked_ms: u64,
    /// Waiting for people, or stopped.
    pub waited_ms: u64,
    /// What was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate_ms: Option<u64>,
    /// The downtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_ms: Option<u64>,
    /// What was expected of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_estimate_ms: Option<u64>,
    /// Its limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_limit_ms: Option<u64>,
}

/// A requirement and what shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequirementReport {
    /// Its id.
    pub id: String,
    /// What it says.
    pub text: String,
    /// What shows it: `step migrate: succeeded`, `C1: passed`.
    pub evidence: Vec<String>,
    /// Is everything that shows it as it should be, and is there anything?
    pub shown: bool,
}

impl RunbookReport {
    /// The report that a plan and a journal add up to, as of `now`.
    ///
    /// # Errors
    /// When the journal contradicts itself.
    pub fn of(
        plan: &Plan,
        document: &Document,
        entries: &[Entry],
        now: Timestamp,
    ) -> Result<Self, JournalError> {
        let state = RunState::replay(entries)?;
        let run_id = entries
            .first()
            .map_or_else(|| RunId(String::new()), |entry| entry.run_id.clone());
        // Once a run has ended, later reading does not make it longer.
        let now = match state.outcome {
            Some(_) => entries.last().map_or(now, |entry| entry.at),
            None => now,
        };
        let steps: Vec<StepReport> = plan
            .changes()
            .iter()
            .filter(|change| change.resource_type == STEP)
            .map(|change| step_report(change, &state))
            .chain(document.groups.iter().map(|group| group_report(group, &state)))
            .collect();
        Ok(Self {
            format: FORMAT.to_owned(),
            run_id,
            plan_id: plan.id().to_string(),
            name: document.name.clone(),
            title: document.title.clone(),
            outcome: state.outcome,
            started_at: state.started_at.map(|at| at.to_string()),
            conditions: conditions(entries),
            waits: waits(entries),
            times: times(document, &state, now),
            criteria: state.criteria.clone(),
            requirements: requirements(plan, document, &state),
            deviations: deviations(&state, entries),
            not_verified: not_verified(plan, &state, entries),
            steps: in_order(steps),
        })
    }
}

fn in_order(mut steps: Vec<StepReport>) -> Vec<StepReport> {
    steps.sort_by_key(|step| step.number);
    steps
}

fn conditions(entries: &[Entry]) -> Vec<enact_core::condition::Condition> {
    entries
        .iter()
        .find_map(|entry| match &entry.fact {
            Fact::RunStarted { conditions, .. } => Some(conditions.clone()),
            _ => None,
        })
        .unwrap_or_default()
}

fn step_report(change: &Change, state: &RunState) -> StepReport {
    let progress = state.changes.get(&change.change_id);
    let actual = progress.and_then(enact_core::journal::ChangeProgress::took_ms);
    let estimate = change.estimate.map(|estimate| estimate.0);
    let number = change.spec.as_ref().and_then(|spec| spec.get("number"));
    let started = progress.is_some_and(|progress| progress.intents > 0);
    StepReport {
        number: number
            .and_then(serde_json::Value::as_u64)
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(0),
        id: change.change_id.to_string(),
        title: change.resource_name.clone(),
        state: word_of(change, state).to_owned(),
        estimate_ms: estimate,
        actual_ms: actual,
        percent: actual
            .zip(estimate)
            .and_then(|(actual, estimate)| (actual * 100).checked_div(estimate)),
        attempts: u32::from(started) + progress.map_or(0, |progress| progress.attempts_failed),
        note: progress
            .and_then(|progress| progress.error.clone())
            .or_else(|| tried(progress))
            .or_else(|| begun(change, progress)),
    }
}

/// Why the newest attempt at a step failed that may be tried again.
fn tried(progress: Option<&ChangeProgress>) -> Option<String> {
    let progress = progress
        .filter(|progress| matches!(progress.state, ChangeState::Pending | ChangeState::Delegated))?;
    let error = progress.attempt_error.as_ref()?;
    Some(format!("the last attempt was not accepted: {error}"))
}

/// The word for where a step stands; another run may have done it.
fn word_of(change: &Change, state: &RunState) -> &'static str {
    let adopted = state
        .changes
        .get(&change.change_id)
        .is_some_and(|progress| progress.adopted_from.is_some());
    let by_person = state
        .changes
        .get(&change.change_id)
        .is_some_and(|progress| progress.left_out_by_person);
    match state.of(&change.change_id) {
        ChangeState::Done if adopted => "adopted",
        ChangeState::Omitted if by_person => "skipped_by_operator",
        ChangeState::Undone if change.undo == Some(Undo::Nothing) => "nothing_to_undo",
        other => state_word(other),
    }
}

/// A step of another domain: as good as the worst of its changes.
fn group_report(group: &crate::spec::Group, state: &RunState) -> StepReport {
    let word = state_word(group.state(state));
    let of = |pick: fn(&enact_core::journal::ChangeProgress) -> Option<u64>| {
        group
            .changes
            .iter()
            .filter_map(move |change_id| state.changes.get(change_id).and_then(pick))
    };
    let span = of(|progress| progress.started_ms)
        .min()
        .zip(of(|progress| progress.ended_ms).max());
    StepReport {
        number: group.number,
        id: group.step.clone(),
        title: group.title.clone(),
        state: word.to_owned(),
        estimate_ms: None,
        actual_ms: span.map(|(from, until)| until.saturating_sub(from)),
        percent: None,
        attempts: u32::from(span.is_some()),
        note: None,
    }
}

fn times(document: &Document, state: &RunState, now: Timestamp) -> Times {
    let milliseconds = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let worked = milliseconds(state.worked(now));
    let total = state.clock.elapsed_at(now);
    let window = document.downtime.as_ref();
    Times {
        worked_ms: worked,
        waited_ms: total.saturating_sub(worked),
        estimate_ms: document.estimate.map(|estimate| estimate.likely.0),
        downtime_ms: downtime_length(document, state, now).map(milliseconds),
        downtime_estimate_ms: window
            .and_then(|window| window.estimate)
            .map(|estimate| estimate.0),
        downtime_limit_ms: window.and_then(|window| window.limit).map(|limit| limit.0),
    }
}

/// Since when, who spoke, until when, in the run's own milliseconds.
type Waited = (u64, Vec<String>, Option<u64>);

/// Waits from the journal: each begins with a hold, an escalation or a delegation and ends with people's words.
fn waits(entries: &[Entry]) -> Vec<WaitReport> {
    let mut open: BTreeMap<(ChangeId, String), Waited> = BTreeMap::new();
    let mut order: Vec<(ChangeId, String)> = Vec::new();
    let mut clock = RunClock::default();
    for entry in entries {
        clock.pass(entry.at);
        let (key, by) = match &entry.fact {
            Fact::Held { change_id, hold, .. } => ((change_id.clone(), confirmation(hold.at)), None),
            Fact::Escalated { change_id, .. } => ((change_id.clone(), "decision".to_owned()), None),
            Fact::Delegated { change_id } => ((change_id.clone(), "attestation".to_owned()), None),
            Fact::Confirmed {
                change_id, at, by, ..
            } => ((change_id.clone(), confirmation(*at)), Some(by)),
            Fact::Chosen { change_id, by, .. } => ((change_id.clone(), "decision".to_owned()), Some(by)),
            Fact::Attested {
                subject: enact_core::journal::Subject::Change(change_id),
                by,
                ..
            } => ((change_id.clone(), "attestation".to_owned()), Some(by)),
            _ => continue,
        };
        match by {
            None => {
                if let std::collections::btree_map::Entry::Vacant(slot) = open.entry(key) {
                    order.push(slot.key().clone());
                    slot.insert((clock.elapsed(), Vec::new(), None));
                }
            }
            Some(by) => {
                if let Some((_, people, until)) = open.get_mut(&key) {
                    people.push(by.id.clone());
                    *until = Some(clock.elapsed());
                }
            }
        }
    }
    order
        .into_iter()
        .filter_map(|key| {
            let (from, by, until) = open.remove(&key)?;
            let (step, what) = key;
            Some(WaitReport {
                step: step.to_string(),
                what,
                by,
                waited_ms: until.map(|until| until.saturating_sub(from)),
            })
        })
        .collect()
}

fn confirmation(at: Moment) -> String {
    format!("confirmation {}", at.as_str())
}

fn requirements(plan: &Plan, document: &Document, state: &RunState) -> Vec<RequirementReport> {
    document
        .requirements
        .iter()
        .map(|requirement| {
            let mut evidence = Vec::new();
            let mut good = true;
            for change in plan.changes() {
                if serves(change, &requirement.id) {
                    let at = state.of(&change.change_id);
                    good &= matches!(at, ChangeState::Done | ChangeState::Omitted);
                    let word = match at {
                        ChangeState::Done if is_claim(change) => verdict_word(CriterionVerdict::Attested),
                        _ => word_of(change, state),
                    };
                    let word = word.replace('_', " ");
                    evidence.push(format!("step {}: {word}", change.change_id));
                }
            }
            let shows = |criterion: &&CriterionReport| criterion.satisfies.contains(&requirement.id);
            for criterion in state.criteria.iter().filter(shows) {
                good &= !criterion.verdict.is_against();
                evidence.push(format!("{}: {}", criterion.id, verdict_word(criterion.verdict)));
            }
            RequirementReport {
                id: requirement.id.clone(),
                text: requirement.text.clone(),
                shown: good && !evidence.is_empty(),
                evidence,
            }
        })
        .collect()
}

fn serves(change: &Change, requirement: &str) -> bool {
    change
        .spec
        .as_ref()
        .and_then(|spec| spec.get("satisfies"))
        .and_then(serde_json::Value::as_array)
        .is_some_and(|list| list.iter().any(|id| id == requirement))
}

/// A criterion's verdict in words.
pub fn verdict_word(verdict: CriterionVerdict) -> &'static str {
    match verdict {
        CriterionVerdict::Passed => "passed",
        CriterionVerdict::Failed => "failed",
        CriterionVerdict::Attested => "attested, not verified",
        CriterionVerdict::NotChecked => "not checked",
        CriterionVerdict::Waiting => "waiting",
        CriterionVerdict::NotApplicable => "not applicable",
    }
}

/// What departed from the plan: further attempts, skips, accepted assumptions, outcomes settled by a person.
fn deviations(state: &RunState, entries: &[Entry]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in entries {
        match &entry.fact {
            Fact::Attempted {
                change_id,
                attempt,
                error,
                partial: _,
            } => {
                found.push(format!(
                    "{change_id}: attempt {attempt} failed ({error}) and another followed"
                ));
            }
            Fact::Chosen {
                change_id,
                choice: choice @ (Choice::Skip | Choice::Accept | Choice::Retry),
                by,
                reason,
                ..
            } => found.push(format!(
                "{change_id}: {} chose to {} ({reason})",
                by.id,
                choice.as_str()
            )),
            Fact::Decided {
                change_id,
                settlement,
                by,
                reason,
                ..
            } => {
                let word = match settlement {
                    enact_core::journal::Settlement::Done => "done",
                    enact_core::journal::Settlement::NotDone => "not done",
                };
                found.push(format!("{change_id}: {} declared it {word} ({reason})", by.id));
            }
            Fact::Noted(note) => found.extend(left_behind(note)),
            _ => {}
        }
    }
    for (change_id, progress) in &state.changes {
        if progress.settled && progress.attested.is_none() {
            found.push(format!(
                "{change_id}: its end was found out after an interruption"
            ));
        }
    }
    found
}

/// Processes of a step that not even SIGKILL ended.
pub fn left_behind(note: &enact_core::journal::Note) -> Option<String> {
    let survivors = note.detail.get("survivors")?.as_array()?;
    let ids: Vec<u32> = survivors
        .iter()
        .filter_map(|id| u32::try_from(id.as_u64()?).ok())
        .collect();
    let words = survivors_in_words(&ids)?;
    Some(match &note.change_id {
        Some(change_id) => format!("{change_id}: {words}"),
        None => words,
    })
}

/// Steps and criteria that nobody looked at.
fn not_verified(plan: &Plan, state: &RunState, entries: &[Entry]) -> Vec<String> {
    let claims = entries.iter().filter_map(|entry| match &entry.fact {
        Fact::Noted(note) if note.topic == "attested_not_verified" => Some(format!(
            "step {}: attested, not verified",
            note.change_id.as_ref()?
        )),
        _ => None,
    });
    let criteria = state
        .criteria
        .iter()
        .filter_map(|criterion| match criterion.verdict {
            CriterionVerdict::Attested | CriterionVerdict::NotChecked | CriterionVerdict::Waiting => {
                Some(format!("{}: {}", criterion.id, verdict_word(criterion.verdict)))
            }
            CriterionVerdict::Passed | CriterionVerdict::Failed | CriterionVerdict::NotApplicable => None,
        });
    let unchecked = plan.changes().iter().filter_map(|change| {
        let done = state.of(&change.change_id) == ChangeState::Done;
        let writes = change.effect != enact_core::change::Effect::Read;
        let bare = change.resource_type == STEP && change.postconditions.is_empty();
        (done && writes && bare && !is_manual(change))
            .then(|| format!("step {}: it ended well; no check of its own", change.change_id))
    });
    claims.chain(criteria).chain(unchecked).collect()
}

/// Is a step done by somebody's word alone, because nothing of it is checked?
fn is_claim(change: &Change) -> bool {
    is_manual(change) && change.postconditions.is_empty()
}

fn is_manual(change: &Change) -> bool {
    change
        .spec
        .as_ref()
        .and_then(|spec| spec.get("kind"))
        .is_some_and(|kind| kind == "manual")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_are_left_stand_in_the_report() {
        let note = |detail| enact_core::journal::Note {
            change_id: Some(ChangeId::from("load")),
            topic: "attempt".to_owned(),
            detail,
        };
        let left = left_behind(&note(serde_json::json!({"ended": "done", "survivors": [7]})));
        assert_eq!(
            left.as_deref(),
            Some("load: process 7 of it is still there: not even SIGKILL ended it")
        );
        assert_eq!(left_behind(&note(serde_json::json!({"ended": "done"}))), None);
    }
}
