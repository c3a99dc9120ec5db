//! The result of a run (`enact.run/v1`): the fold of its plan and its journal, and the exit code that follows.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::change::{Action, Change, ChangeId, Effect, Postcondition, Undo};
use crate::criterion::CriterionReport;
use crate::exit::ExitCode;
use crate::failure::is_critical;
use crate::fault::{Fault, planted};
use crate::journal::{ChangeProgress, ChangeState, Mismatch, RunId, RunOutcome, RunPhase, RunState};
use crate::plan::{Plan, PlanId};

/// The one format this version writes.
pub const FORMAT: &str = "enact.run/v1";

/// The reason of a change that counts as taken back because its plan says that there is nothing to take back.
pub const NOTHING_TO_UNDO: &str = "nothing to undo";

/// The reason of a change that began and was not done, and may run again.
pub const BEGUN: &str = "it was begun, and may have happened in part";

/// What became of one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeOutcome {
    /// Its effect happened.
    Done,
    /// It failed without effect.
    Failed,
    /// It was left out because of another.
    Skipped,
    /// Protection forbids it.
    Blocked,
    /// The world changed; it was stopped before its effect.
    Drifted,
    /// Nobody knows.
    Unknown,
    /// It was taken back.
    Undone,
    /// Its undo failed.
    Stuck,
    /// It was not needed.
    Omitted,
    /// The run that this one took over had done it.
    Adopted,
    /// It is in somebody else's hands.
    Delegated,
    /// It waits for a person to choose how to go on.
    Escalated,
    /// The run has not come to it.
    NotRun,
}

/// One change in the result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ChangeReport {
    /// The change.
    pub change_id: ChangeId,
    /// What it does.
    pub action: Action,
    /// The type of its resource.
    pub resource_type: String,
    /// The name of its resource.
    pub resource_name: String,
    /// The id of its resource, as planned or as created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// What became of it.
    pub outcome: ChangeOutcome,
    /// Was a check of its own (its postcondition, a step's `verify`) found to hold? What has none is done, and not verified.
    pub verified: bool,
    /// Was its outcome found out by looking, because the answer was lost?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settled: bool,
    /// Why, when it is not done; of what failed and was taken back, why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What differed, before its effect or after the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mismatches: Vec<Mismatch>,
}

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ExecutionError {
    /// The change.
    pub change_id: ChangeId,
    /// The type of its resource.
    pub resource_type: String,
    /// The name of its resource.
    pub resource_name: String,
    /// What went wrong.
    pub error: String,
}

/// The counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ExecutionResult {
    /// Changes whose effect happened.
    pub success_count: usize,
    /// Changes that failed, drifted, are unknown or stuck, also where they were taken back since.
    pub failure_count: usize,
    /// Changes left out because of others, adopted, done and taken back, or not come to.
    pub skipped_count: usize,
    /// Changes that protection forbids.
    pub blocked_count: usize,
    /// The failures.
    pub errors: Vec<ExecutionError>,
}

/// Does the world look as the plan says?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Verification {
    /// Changes whose own checks hold.
    pub verified_count: usize,
    /// Changes whose own checks do not hold.
    pub mismatch_count: usize,
    /// Changes that were done and not looked at, or have no check of their own: attested, or ended well. With the two above,
    /// all that were done.
    pub unchecked_count: usize,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(title = "enact.run/v1")]
pub struct RunReport {
    /// `enact.run/v1`.
    pub format: String,
    /// The run; absent for a dry run or when there was nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// The plan.
    pub plan_id: PlanId,
    /// How it ended; absent while it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<RunOutcome>,
    /// The counts.
    pub execution_result: ExecutionResult,
    /// Every change, in execution order.
    pub changes: Vec<ChangeReport>,
    /// Does the world look as the plan says?
    pub verification: Verification,
    /// Criteria of the whole run: acceptance, tests, limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<CriterionReport>,
    /// What stands in the way of saying that it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl RunReport {
    /// The result that a plan and a run's state add up to.
    pub fn of(run_id: Option<&RunId>, plan: &Plan, state: &RunState) -> Self {
        let changes: Vec<ChangeReport> = in_order(plan)
            .map(|change| report_change(change, state))
            .collect();
        Self {
            format: FORMAT.to_owned(),
            run_id: run_id.cloned(),
            plan_id: plan.id().clone(),
            outcome: state.outcome,
            execution_result: count(&changes),
            verification: verification(&changes, state),
            criteria: state.criteria.clone(),
            error: error_text(plan, state),
            changes,
        }
    }

    /// The exit code of a run that ended (or stopped) this way.
    pub fn exit_code(&self, phase: RunPhase) -> ExitCode {
        match (self.outcome, phase) {
            (Some(RunOutcome::Verified), _) => ExitCode::Ok,
            (Some(RunOutcome::NotVerified), _) => ExitCode::NotVerified,
            (Some(RunOutcome::Stale | RunOutcome::Drift), _) => ExitCode::Stale,
            (Some(RunOutcome::Failed | RunOutcome::Superseded), _) => ExitCode::Failed,
            (Some(RunOutcome::RolledBack), _) => ExitCode::RolledBack,
            (Some(RunOutcome::Unknown | RunOutcome::Stuck), _) => ExitCode::Unsettled,
            (None, RunPhase::Paused) => ExitCode::Paused,
            (None, RunPhase::Stopped | RunPhase::Running | RunPhase::Finished) => ExitCode::Interrupted,
        }
    }
}

fn in_order(plan: &Plan) -> impl Iterator<Item = &Change> {
    let by_id: std::collections::BTreeMap<&ChangeId, &Change> = plan
        .changes()
        .iter()
        .map(|change| (&change.change_id, change))
        .collect();
    plan.execution_order()
        .iter()
        .filter_map(move |id| by_id.get(id).copied())
}

/// How a run ends when nothing is left to do: the worst that happened decides.
pub fn outcome_of(plan: &Plan, state: &RunState) -> RunOutcome {
    if !state.preflight_mismatches.is_empty() && !state.stands_on_effects(plan) && !state.is_rolling_back() {
        return RunOutcome::Stale;
    }
    let tallies = Tallies::of(plan, state);
    let any = |wanted: ChangeState| tallies.states.contains(&wanted);
    if any(ChangeState::Stuck) || any(ChangeState::Undoing) {
        RunOutcome::Stuck
    } else if any(ChangeState::Unknown) || any(ChangeState::Started) {
        RunOutcome::Unknown
    } else if any(ChangeState::Undone) && !any(ChangeState::Done) {
        RunOutcome::RolledBack
    } else if tallies.failed || any(ChangeState::Undone) || any(ChangeState::Escalated) {
        RunOutcome::Failed
    } else if any(ChangeState::Drifted) {
        let untouched = |state: &ChangeState| {
            matches!(
                state,
                ChangeState::Drifted | ChangeState::Skipped | ChangeState::Pending
            )
        };
        if !state.stands_on_effects(plan) || tallies.states.iter().all(untouched) {
            RunOutcome::Stale
        } else {
            RunOutcome::Drift
        }
    } else if tallies.left_out || any(ChangeState::Pending) || any(ChangeState::Delegated) {
        RunOutcome::Failed
    } else if is_verified(plan, state) || planted(Fault::MismatchHidden) {
        RunOutcome::Verified
    } else {
        RunOutcome::NotVerified
    }
}

/// Did something go wrong in a run, whether or not that was taken back since? Somebody's wish to end it is no failure, and
/// what may fail is none.
pub fn has_failed(plan: &Plan, state: &RunState) -> bool {
    let went_wrong = |change: &Change| {
        let is = |progress: &ChangeProgress, wanted: ChangeState| progress.state == wanted;
        state.changes.get(&change.change_id).is_some_and(|progress| {
            (is(progress, ChangeState::Failed) && progress.error.is_some())
                || (is(progress, ChangeState::Undone) && !progress.was_done && progress.ended_here.is_none())
                || is(progress, ChangeState::Drifted)
                || is(progress, ChangeState::Unknown)
                || is(progress, ChangeState::Stuck)
        })
    };
    let critical = |change: &&Change| is_critical(change);
    state
        .criteria
        .iter()
        .any(|criterion| criterion.verdict.is_against())
        || plan.changes().iter().filter(critical).any(went_wrong)
}

/// What the changes of a run add up to. The failure of a change that is not critical does not count, and what runs
/// however the run ends is not what is taken back.
struct Tallies {
    states: BTreeSet<ChangeState>,
    failed: bool,
    left_out: bool,
}

impl Tallies {
    fn of(plan: &Plan, state: &RunState) -> Self {
        let mut tallies = Self {
            states: BTreeSet::new(),
            failed: false,
            left_out: false,
        };
        for change in plan.executable() {
            let handling = change.handling.as_ref();
            let critical = handling.is_none_or(|handling| handling.critical);
            let always = handling.is_some_and(|handling| handling.always);
            let state = state.of(&change.change_id);
            tallies.failed |= critical && state == ChangeState::Failed;
            tallies.left_out |= critical && state == ChangeState::Skipped;
            if !(always && state == ChangeState::Done) {
                tallies.states.insert(state);
            }
        }
        tallies
    }
}

/// Is it done by somebody's word alone? What checks of its own find out is found out when it is carried out, and not afterwards.
fn is_only_declared(change: &Change, progress: Option<&ChangeProgress>) -> bool {
    let is_own = |post: &Postcondition| matches!(post, Postcondition::Check { .. });
    progress.is_some_and(|progress| progress.declared) && change.postconditions.iter().any(is_own)
}

fn is_verified(plan: &Plan, state: &RunState) -> bool {
    let met = |change: &Change| match state.changes.get(&change.change_id) {
        None => false,
        Some(progress) if matches!(progress.state, ChangeState::Omitted) => true,
        // A failed change that is not critical was done for its own sake; there is nothing to verify about it.
        Some(progress) if matches!(progress.state, ChangeState::Failed | ChangeState::Skipped) => true,
        Some(progress) => progress.checked.as_ref().is_some_and(Vec::is_empty),
    };
    plan.executable().into_iter().all(met)
        && !state
            .criteria
            .iter()
            .any(|criterion| criterion.verdict.is_against())
}

fn report_change(change: &Change, state: &RunState) -> ChangeReport {
    let progress = state.changes.get(&change.change_id);
    let created = state
        .outputs
        .get(&change.change_id)
        .and_then(|made| made.get("id"))
        .and_then(|id| id.as_str());
    let preflight = state
        .preflight_mismatches
        .iter()
        .filter(|mismatch| mismatch.change_id == change.change_id)
        .cloned();
    let mut mismatches: Vec<Mismatch> = preflight.collect();
    if let Some(progress) = progress {
        mismatches.extend(
            progress
                .drift
                .iter()
                .chain(progress.checked.iter().flatten())
                .cloned(),
        );
    }
    ChangeReport {
        change_id: change.change_id.clone(),
        action: change.action,
        resource_type: change.resource_type.clone(),
        resource_name: change.resource_name.clone(),
        resource_id: created
            .map(ToOwned::to_owned)
            .or_else(|| change.resource_id.clone()),
        outcome: match progress {
            Some(progress) if progress.state == ChangeState::Done && progress.adopted_from.is_some() => {
                ChangeOutcome::Adopted
            }
            Some(progress) if progress.is_ended_here() => ChangeOutcome::NotRun,
            progress => outcome(change, progress.map(|progress| progress.state)),
        },
        verified: !change.postconditions.is_empty()
            && !is_only_declared(change, progress)
            && progress
                .and_then(|progress| progress.checked.as_ref())
                .is_some_and(Vec::is_empty),
        settled: progress.is_some_and(|progress| progress.settled),
        reason: change.block_reason.clone().or_else(|| reason(change, progress)),
        mismatches,
    }
}

/// Why a change is not done, or what its plan says of taking it back; of what failed and has no way back, both.
fn reason(change: &Change, progress: Option<&ChangeProgress>) -> Option<String> {
    let failure = progress.and_then(ChangeProgress::reason);
    match (failure, nothing_to_undo(change, progress)) {
        (Some(failure), Some(nothing)) => Some(format!("{failure}; {nothing}")),
        (failure, nothing) => failure.or_else(|| begun(change, progress)).or(nothing),
    }
}

/// What is to be said of a change that is to run, and began before.
pub fn begun(change: &Change, progress: Option<&ChangeProgress>) -> Option<String> {
    let began = progress.is_some_and(|progress| {
        let is_to_run = progress.state == ChangeState::Pending || progress.is_ended_here();
        progress.partial && !progress.handed_over && is_to_run
    });
    (began && change.effect != Effect::Read).then(|| BEGUN.to_owned())
}

fn nothing_to_undo(change: &Change, progress: Option<&ChangeProgress>) -> Option<String> {
    let undone = progress.is_some_and(|progress| progress.state == ChangeState::Undone);
    (undone && change.undo == Some(Undo::Nothing)).then(|| NOTHING_TO_UNDO.to_owned())
}

fn outcome(change: &Change, state: Option<ChangeState>) -> ChangeOutcome {
    if change.blocked {
        return ChangeOutcome::Blocked;
    }
    match state.unwrap_or(ChangeState::Pending) {
        ChangeState::Pending => ChangeOutcome::NotRun,
        ChangeState::Started | ChangeState::Unknown => ChangeOutcome::Unknown,
        ChangeState::Done => ChangeOutcome::Done,
        ChangeState::Failed => ChangeOutcome::Failed,
        ChangeState::Drifted => ChangeOutcome::Drifted,
        ChangeState::Skipped => ChangeOutcome::Skipped,
        ChangeState::Undone => ChangeOutcome::Undone,
        ChangeState::Omitted => ChangeOutcome::Omitted,
        ChangeState::Delegated => ChangeOutcome::Delegated,
        ChangeState::Escalated => ChangeOutcome::Escalated,
        ChangeState::Undoing | ChangeState::Stuck => ChangeOutcome::Stuck,
    }
}

fn count(changes: &[ChangeReport]) -> ExecutionResult {
    let mut result = ExecutionResult::default();
    for change in changes {
        match change.outcome {
            ChangeOutcome::Done => result.success_count += 1,
            ChangeOutcome::Blocked => result.blocked_count += 1,
            // What failed and was taken back has failed all the same.
            ChangeOutcome::Undone if has_reason(change) => result.add_failure(change),
            ChangeOutcome::Skipped
            | ChangeOutcome::NotRun
            | ChangeOutcome::Undone
            | ChangeOutcome::Omitted
            | ChangeOutcome::Adopted
            | ChangeOutcome::Delegated => {
                result.skipped_count += 1;
            }
            ChangeOutcome::Failed
            | ChangeOutcome::Drifted
            | ChangeOutcome::Unknown
            | ChangeOutcome::Escalated
            | ChangeOutcome::Stuck => result.add_failure(change),
        }
    }
    result
}

impl ExecutionResult {
    fn add_failure(&mut self, change: &ChangeReport) {
        self.failure_count += 1;
        self.errors.push(ExecutionError {
            change_id: change.change_id.clone(),
            resource_type: change.resource_type.clone(),
            resource_name: change.resource_name.clone(),
            error: failure_text(change),
        });
    }
}

/// Did it go wrong before it was taken back?
fn has_reason(change: &ChangeReport) -> bool {
    let reason = change.reason.as_deref();
    reason.is_some_and(|reason| reason != NOTHING_TO_UNDO)
}

fn failure_text(change: &ChangeReport) -> String {
    match &change.reason {
        Some(reason) => reason.clone(),
        None if change.mismatches.is_empty() => "its outcome is not known".to_owned(),
        None => change
            .mismatches
            .iter()
            .map(Mismatch::to_string)
            .collect::<Vec<_>>()
            .join("; "),
    }
}

fn verification(changes: &[ChangeReport], state: &RunState) -> Verification {
    let done = changes
        .iter()
        .filter(|change| change.outcome == ChangeOutcome::Done);
    let mut verification = Verification {
        verified_count: 0,
        mismatch_count: 0,
        unchecked_count: 0,
    };
    for change in done {
        let progress = state.changes.get(&change.change_id);
        let differs = progress
            .and_then(|progress| progress.checked.as_ref())
            .is_some_and(|mismatches| !mismatches.is_empty());
        match (differs, change.verified) {
            (true, _) => verification.mismatch_count += 1,
            (false, true) => verification.verified_count += 1,
            (false, false) => verification.unchecked_count += 1,
        }
    }
    verification
}

fn error_text(plan: &Plan, state: &RunState) -> Option<String> {
    let text = match (state.outcome, state.phase) {
        (Some(RunOutcome::Verified), _) => return None,
        (Some(RunOutcome::NotVerified), _) => "the world does not look as the plan says".to_owned(),
        (Some(RunOutcome::Stale), _) => {
            "the world differs from what the plan was based on; nothing was written".to_owned()
        }
        (Some(RunOutcome::Drift), _) => "some changes met a world that changed meanwhile".to_owned(),
        (Some(RunOutcome::Failed), _) if !has_failed(plan, state) => {
            "the run was ended before everything was done".to_owned()
        }
        (Some(RunOutcome::Failed), _) => "some changes failed".to_owned(),
        (Some(RunOutcome::RolledBack), _) if has_failed(plan, state) => {
            "some changes failed; what was done was taken back".to_owned()
        }
        (Some(RunOutcome::RolledBack), _) => "what was done was taken back".to_owned(),
        (Some(RunOutcome::Unknown), _) => "the outcome of some changes is not known".to_owned(),
        (Some(RunOutcome::Stuck), _) => "some changes could not be taken back".to_owned(),
        (Some(RunOutcome::Superseded), _) => match &state.superseded_by {
            Some(run_id) => format!("run {run_id}, of a revision, took it over"),
            None => "a revision took it over".to_owned(),
        },
        (None, RunPhase::Stopped | RunPhase::Paused) => state.reason.clone().unwrap_or_default(),
        (None, RunPhase::Running | RunPhase::Finished) => "the run has not ended".to_owned(),
    };
    Some(text)
}
