//! What a run of a runbook came to (`enact.runbook-report/v1`): estimate against actual, who was waited for, what shows each requirement,
//! what departed from the plan, what nobody verified. A pure function of plan and journal.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a report picks the few facts it is about; all others say nothing to it"
)]

mod departures;
mod groups;
mod requirements;
mod waits;

use enact_core::approval::{Approval, ApprovalId};
use enact_core::change::{Change, Undo};
use enact_core::condition::Condition;
use enact_core::criterion::{CriterionReport, CriterionVerdict};
use enact_core::journal::{
    ChangeProgress, ChangeState, Entry, Fact, JournalError, RunId, RunOutcome, RunState,
};
use enact_core::plan::Plan;
use enact_core::report::begun;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::departures::{left_behind, warned_of};
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
    /// The approvals that it rested on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ApprovalReport>,
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
    /// Were they judged before the run was taken back? Then they show nothing any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub judged_before_taken_back: bool,
    /// Which steps and criteria show each requirement.
    pub requirements: Vec<RequirementReport>,
    /// What departed from the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deviations: Vec<String>,
    /// What nobody verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_verified: Vec<String>,
}

/// One approval that a run rested on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalReport {
    /// Its name.
    pub approval_id: ApprovalId,
    /// Who gave it; absent where the approval is not at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<String>,
    /// The sentence that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
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
    /// `succeeded`, `failed`, `skipped`, `undone`, `nothing_to_undo`, …; `pending` only while the run has not ended, `not_run`
    /// after that.
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
    /// The step or the criterion; `verification` for what was decided after all of them.
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
            .map(|change| step_report(plan, change, &state, entries))
            .chain(
                document
                    .groups
                    .iter()
                    .map(|group| groups::group_report(plan, group, &state)),
            )
            .collect();
        let mut report = Self {
            format: FORMAT.to_owned(),
            run_id,
            plan_id: plan.id().to_string(),
            name: document.name.clone(),
            title: document.title.clone(),
            outcome: state.outcome,
            started_at: state.started_at.map(|at| at.to_string()),
            approvals: approvals(entries),
            conditions: conditions(entries),
            waits: waits::waits(plan, entries),
            times: times(document, &state, now),
            criteria: state.criteria.clone(),
            judged_before_taken_back: is_judged_before(&state),
            requirements: requirements::requirements(plan, document, &state),
            deviations: departures::deviations(plan, &state, entries),
            not_verified: not_verified(plan, &state, entries),
            steps: in_order(steps),
        };
        report.limit_downtime();
        Ok(report)
    }

    /// Says who gave the approvals, and what came with those of a later day.
    pub fn add_approvals(&mut self, known: &[Approval]) {
        for report in &mut self.approvals {
            let id = &report.approval_id;
            let Some(approval) = known.iter().find(|approval| approval.approval_id == *id) else {
                continue;
            };
            report.by = Some(approval.approver.id.clone());
            report.decided_at = Some(approval.decided_at.to_string());
            report.said.clone_from(&approval.said);
            for condition in &approval.conditions {
                if !self.conditions.contains(condition) {
                    self.conditions.push(condition.clone());
                }
            }
        }
        self.limit_downtime();
    }

    /// Of the limits of the downtime, the plan's and those of approvals, the strictest holds.
    fn limit_downtime(&mut self) {
        let added = self.conditions.iter().filter_map(|condition| match condition {
            Condition::MaxDowntime { limit } => Some(limit.0),
            _ => None,
        });
        let limits = added.chain(self.times.downtime_limit_ms);
        self.times.downtime_limit_ms = limits.min();
    }
}

/// Every approval that the run rested on at some time, in the order in which they came.
fn approvals(entries: &[Entry]) -> Vec<ApprovalReport> {
    let mut found: Vec<ApprovalReport> = Vec::new();
    for entry in entries {
        let (Fact::RunStarted { approvals, .. } | Fact::Resumed { approvals, .. }) = &entry.fact else {
            continue;
        };
        for approval_id in approvals {
            if found.iter().all(|known| known.approval_id != *approval_id) {
                found.push(ApprovalReport {
                    approval_id: approval_id.clone(),
                    by: None,
                    decided_at: None,
                    said: None,
                });
            }
        }
    }
    found
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

fn step_report(plan: &Plan, change: &Change, state: &RunState, entries: &[Entry]) -> StepReport {
    let progress = state.changes.get(&change.change_id);
    let actual = progress.and_then(enact_core::journal::ChangeProgress::took_ms);
    let estimate = change.estimate.map(|estimate| estimate.0);
    let number = change.spec.as_ref().and_then(|spec| spec.get("number"));
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
        attempts: departures::attempts(change, progress, entries),
        note: progress
            .and_then(|progress| why(plan, progress))
            .or_else(|| tried(progress))
            .or_else(|| begun(change, progress)),
    }
}

/// Why a step stands where it does; what was left out because of another names that.
fn why(plan: &Plan, progress: &ChangeProgress) -> Option<String> {
    let reason = progress.reason()?;
    let other = plan
        .changes()
        .iter()
        .find(|other| other.change_id.as_str() == reason);
    Some(match other {
        Some(other) if progress.state == ChangeState::Skipped => {
            format!("because of {}", other.change_id)
        }
        Some(_) | None => reason,
    })
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
        other => {
            let progress = state.changes.get(&change.change_id);
            let is_ended_here = progress.is_some_and(ChangeProgress::is_ended_here);
            let at = if is_ended_here {
                ChangeState::Pending
            } else {
                other
            };
            ended_word(at, state, begun(change, progress).is_some())
        }
    }
}

/// A run that has ended comes to no further step; of one that was begun before, nobody knows.
fn ended_word(at: ChangeState, state: &RunState, is_begun: bool) -> &'static str {
    match (at, &state.outcome) {
        (ChangeState::Pending, Some(_)) if is_begun => state_word(ChangeState::Unknown),
        (ChangeState::Pending, Some(_)) => state_word(ChangeState::Skipped),
        (at, _) => state_word(at),
    }
}

fn times(document: &Document, state: &RunState, now: Timestamp) -> Times {
    let milliseconds = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let worked = milliseconds(state.worked(now));
    let window = document.downtime.as_ref();
    Times {
        worked_ms: worked,
        waited_ms: state.clock.waited_at(now),
        estimate_ms: document.estimate.map(|estimate| estimate.likely.0),
        downtime_ms: downtime_length(document, state, now).map(milliseconds),
        downtime_estimate_ms: window
            .and_then(|window| window.estimate)
            .map(|estimate| estimate.0),
        downtime_limit_ms: window.and_then(|window| window.limit).map(|limit| limit.0),
    }
}

/// Was the run taken back after its criteria had been judged?
fn is_judged_before(state: &RunState) -> bool {
    !state.criteria.is_empty() && state.is_rolling_back()
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
