//! `enact runs next`: what a run waits for, with everything that whoever does it must know (`enact.run-next/v1`).

use std::collections::BTreeMap;

use enact_core::change::{Change, ChangeId, Postcondition};
use enact_core::change_progress::ChangeProgress;
use enact_core::confirmation::Missing;
use enact_core::exit::ExitCode;
use enact_core::journal::{ChangeState, Choice, Entry, Fact, RunOutcome, RunPhase, RunState};
use enact_core::plan::{Mode, Plan};
use enact_core::report::{ChangeOutcome, RunReport};
use enact_engine::installation::Installation;
use enact_engine::store::RunRow;
use enact_runbook::kinds::{Assignee, Manual};
use enact_runbook::shown::Reader;
use enact_runbook::spec::StepSpec;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::attest::evidence_flag;
use super::resume::plan_of;
use super::runs::{report_of, word};
use super::{Context, needed_approval};
use crate::cli::Output;
use crate::error::{CommandError, CommandResult};
use crate::open_decisions::{decided, next_step, open_hold};
use crate::state;
use crate::views::runbook_progress::attempts_of;
use crate::views::{self, next_text, runbook_report};

/// The one format this version writes.
const FORMAT: &str = "enact.run-next/v1";

/// What a run waits for, and how to go on.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "enact.run-next/v1")]
pub(crate) struct Next {
    /// `enact.run-next/v1`.
    pub(crate) format: String,
    /// The run.
    pub(crate) run_id: String,
    /// The plan.
    pub(crate) plan_id: String,
    /// How it stands, as `enact runs list` says it: `paused`, `stopped`, `running`, `verified`, …
    pub(crate) state: String,
    /// What it waits for, or why it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What somebody decided and is not carried out yet: `rollback`, `abort`, `retry`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decided: Option<String>,
    /// Steps that somebody is to do and to attest.
    pub(crate) open_steps: Vec<OpenStep>,
    /// Places at which somebody is to confirm.
    pub(crate) confirmations: Vec<Confirmation>,
    /// Criteria that a person is to attest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) criteria: Vec<OpenCriterion>,
    /// What to do, one line each; commands stand as they are to be typed.
    pub(crate) advice: Vec<String>,
}

/// A step that somebody is to do and to attest.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OpenStep {
    /// Its id.
    pub(crate) step: String,
    /// Its title.
    pub(crate) title: String,
    /// `agent` or `human`.
    pub(crate) assignee: Assignee,
    /// What to do, with what the run knows by now put in.
    pub(crate) instructions: String,
    /// What it covers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tasks: Vec<String>,
    /// Why it was not accepted the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) not_accepted: Option<String>,
    /// How often it may be tried in all.
    pub(crate) attempts: u32,
    /// How many of these are left.
    pub(crate) attempts_left: u32,
    /// The folder in which it is to be done, from the run's own; left out: that one. Paths below start there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) working_dir: Option<String>,
    /// Paths that may change; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) write_scope: Vec<String>,
    /// What will be checked; empty: nothing, so that it counts as attested and not verified.
    pub(crate) checks: Vec<String>,
    /// What will be read then, for steps after it: `rows (integer from file:rows.txt)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) outputs: Vec<String>,
    /// What to state when it is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) evidence: Vec<String>,
    /// The command to say that it is done.
    pub(crate) command: String,
}

/// A criterion that a person is to attest; an agent never does.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OpenCriterion {
    /// Its id.
    pub(crate) criterion: String,
    /// What has to be so.
    pub(crate) text: String,
    /// The role that they must hold; left out: any person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    /// The command to say that it is so.
    pub(crate) command: String,
}

/// A place at which somebody is to confirm.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Confirmation {
    /// The step.
    pub(crate) step: String,
    /// Its title.
    pub(crate) title: String,
    /// `before` or `after` it.
    pub(crate) at: String,
    /// What to consider, with what the run knows by now put in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    /// What was established so far, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) evidence: BTreeMap<String, Value>,
    /// Who is still missing.
    pub(crate) missing: String,
    /// The command to confirm.
    pub(crate) command: String,
}

pub(super) fn next(
    context: &Context,
    installation: &Installation,
    prefix: &str,
    output: Output,
) -> CommandResult {
    let (report, mut state, row) = report_of(installation, prefix)?;
    crate::words::count(context, installation, &row.run_id, &mut state)?;
    let plan = plan_of(installation, &row.run_id)?;
    let at_work = word(&state, &row) == "running";
    let next = if plan.metadata().mode == Mode::Run && !at_work {
        crate::notify::send(context, installation, &row.run_id);
        let (entries, _) = state::journal(installation, &row.run_id)?;
        let next = of_runbook(&plan, &state, &row, &entries)?;
        needed_approval::with_what_is_needed(context, installation, &plan, &state, next)
    } else {
        Next {
            advice: vec![of_changes(&report, &state, &row)],
            ..empty(&state, &row)
        }
    };
    match output {
        Output::Text => views::print_text(&next_text::text(&next))?,
        Output::Json | Output::Yaml => views::print_document(&next, output)?,
    }
    Ok(ExitCode::Ok)
}

fn empty(state: &RunState, row: &RunRow) -> Next {
    Next {
        format: FORMAT.to_owned(),
        run_id: row.run_id.to_string(),
        plan_id: row.plan_id.to_string(),
        state: word(state, row),
        reason: None,
        decided: None,
        open_steps: Vec::new(),
        confirmations: Vec::new(),
        criteria: Vec::new(),
        advice: Vec::new(),
    }
}

/// What a runbook's run waits for.
fn of_runbook(plan: &Plan, state: &RunState, row: &RunRow, entries: &[Entry]) -> Result<Next, CommandError> {
    let document = crate::runbook::read_document(plan)?;
    let reader = Reader {
        plan,
        document: &document,
        run_id: &row.run_id,
        state,
        run_number: u64::from(state.number.max(1)),
        now: state::now(),
    };
    let mut next = empty(state, row);
    for change in plan.changes() {
        let is_open = matches!(state.outcome, None | Some(RunOutcome::Unknown));
        if is_open && state.of(&change.change_id) == ChangeState::Delegated {
            next.open_steps.push(open_step(change, &reader)?);
        }
        next.confirmations.extend(confirmation(change, &reader, entries));
    }
    next.criteria = open_criteria(&reader);
    next.advice = runbook_report::advice(plan, &row.run_id, state);
    let asks = !next.confirmations.is_empty() || waits_at_a_step(state);
    let word = last_word(entries).filter(|_| !asks);
    let choice = match word {
        Some(Fact::Chosen { choice, .. }) => Some(*choice),
        _ => decided(state).filter(|_| !asks),
    };
    if choice.is_none() && !is_answer(word, state) {
        next.reason.clone_from(&state.reason);
    }
    next.decided = choice.map(|choice| choice.as_str().to_owned());
    let may_end = next_step(plan, state).filter(|_| state.ending.is_none());
    if let Some(change_id) = may_end {
        let (run_id, abort) = (&row.run_id, Choice::Abort.as_str());
        next.advice.push(format!(
            "to end it and leave everything as it is: enact decide {run_id} {change_id} {abort} --reason …"
        ));
    }
    Ok(next)
}

/// What somebody said last since the run stopped or began to wait.
fn last_word(entries: &[Entry]) -> Option<&Fact> {
    let facts = entries.iter().rev().map(|entry| &entry.fact);
    let mut since = facts.take_while(|fact| {
        !matches!(
            fact,
            Fact::Paused { .. } | Fact::Stopped { .. } | Fact::Resumed { .. } | Fact::Finished { .. }
        )
    });
    since.find(|fact| fact.word().is_some())
}

/// Was a confirmation given, or attested what was to be? Then what the run waited for is there.
fn is_answer(word: Option<&Fact>, state: &RunState) -> bool {
    match word {
        Some(Fact::Confirmed { .. }) => true,
        Some(Fact::Attested { .. }) => runbook_report::to_attest(state).next().is_none(),
        Some(_) | None => false,
    }
}

/// Does a step wait for a decision, or for whoever has it in hand?
pub(super) fn waits_at_a_step(state: &RunState) -> bool {
    let waits =
        |progress: &ChangeProgress| matches!(progress.state, ChangeState::Escalated | ChangeState::Delegated);
    state.changes.values().any(waits)
}

fn open_step(change: &Change, reader: &Reader<'_>) -> Result<OpenStep, CommandError> {
    let spec: StepSpec = serde_json::from_value(change.spec.clone().unwrap_or_default())?;
    let manual: Manual = serde_json::from_value(spec.action.clone())?;
    let progress = reader.state.changes.get(&change.change_id);
    let attempts = attempts_of(change);
    let failed = progress.map_or(0, |progress| progress.attempts_failed);
    let checks = change.postconditions.iter().filter_map(|post| match post {
        Postcondition::Check { name, .. } => Some(name.clone()),
        Postcondition::Matches | Postcondition::Gone => None,
    });
    let stated = manual.attest.iter();
    let stated: String = stated.map(|name| format!(" {}", evidence_flag(name))).collect();
    let read = spec.outputs.iter().filter(|(_, output)| output.from != "output");
    let outputs = read.map(|(name, output)| format!("{name} ({})", output.shown()));
    Ok(OpenStep {
        step: change.change_id.to_string(),
        title: change.resource_name.clone(),
        assignee: manual.assignee,
        instructions: reader.text(&manual.instructions),
        tasks: spec.tasks,
        not_accepted: progress
            .and_then(|progress| progress.error.clone().or_else(|| progress.attempt_error.clone())),
        attempts,
        attempts_left: attempts.saturating_sub(failed).max(1),
        working_dir: spec.working_dir,
        write_scope: manual.write_scope,
        checks: checks.collect(),
        outputs: outputs.collect(),
        evidence: manual.attest,
        command: format!("enact attest {} {}{stated}", reader.run_id, change.change_id),
    })
}

/// The criteria that the run waits for somebody to attest.
fn open_criteria(reader: &Reader<'_>) -> Vec<OpenCriterion> {
    let Reader {
        run_id,
        document,
        state,
        ..
    } = reader;
    let is_paused = state.phase == RunPhase::Paused;
    let waiting = runbook_report::to_attest(state).filter(|_| is_paused);
    let waiting: Vec<&str> = waiting.map(|criterion| criterion.id.as_str()).collect();
    let open = document
        .acceptance
        .iter()
        .filter(|criterion| waiting.contains(&criterion.id.as_str()));
    open.map(|criterion| OpenCriterion {
        criterion: criterion.id.clone(),
        text: criterion.text.clone(),
        role: criterion.attest_by.clone(),
        command: format!("enact attest {run_id} {}", criterion.id),
    })
    .collect()
}

/// The confirmation that the run waits for at a step.
fn confirmation(change: &Change, reader: &Reader<'_>, entries: &[Entry]) -> Option<Confirmation> {
    let Reader { run_id, state, .. } = reader;
    let change_id = &change.change_id;
    let progress = state.changes.get(change_id);
    let progress = progress.filter(|_| state.phase == RunPhase::Paused)?;
    let hold = open_hold(progress)?;
    let missing = Missing::at(hold, &progress.confirmed);
    let signing = views::runbook_progress::signing(hold);
    Some(Confirmation {
        step: change_id.to_string(),
        title: change.resource_name.clone(),
        at: hold.at.as_str().to_owned(),
        message: reader.message(change_id, hold),
        evidence: evidence(change_id, entries),
        missing: missing.to_string(),
        command: format!("enact confirm {run_id} {change_id}{signing}"),
    })
}

/// What was established when the run began to wait there the last time.
fn evidence(wanted: &ChangeId, entries: &[Entry]) -> BTreeMap<String, Value> {
    let mut found = None;
    for entry in entries {
        if let Fact::Held {
            change_id, evidence, ..
        } = &entry.fact
            && change_id == wanted
        {
            found = Some(evidence.clone());
        }
    }
    found.unwrap_or_default()
}

/// What to do about a run of a plan that is no runbook, or about one that is under way.
fn of_changes(report: &RunReport, state: &RunState, row: &RunRow) -> String {
    let unsettled: Vec<&str> = report
        .changes
        .iter()
        .filter(|change| matches!(change.outcome, ChangeOutcome::Unknown | ChangeOutcome::Stuck))
        .map(|change| change.change_id.as_str())
        .collect();
    let run_id = &row.run_id;
    match (word(state, row).as_str(), unsettled.is_empty()) {
        ("running", _) => {
            let holder = row.holder.as_ref();
            format!(
                "It is under way in {}.",
                holder.map(ToString::to_string).unwrap_or_default()
            )
        }
        ("verified", _) => "Nothing: everything was done and verified.".to_owned(),
        ("rolled back", _) => "Nothing: what was done was taken back. Plan again to start anew.".to_owned(),
        _ if state.is_rolling_back() => {
            format!("It is being taken back. To take back the rest: enact rollback {run_id}")
        }
        ("stopped" | "paused" | "interrupted", _) => format!("To go on: enact resume {run_id}"),
        (_, false) => format!(
            "Settle: {}. `enact resume {run_id}` looks again.",
            unsettled.join(", ")
        ),
        (_, true) => "Plan again: what was done stays done.".to_owned(),
    }
}
