//! `enact resume`: take up a run whose process was killed, stopped, or could not settle something.

use std::path::PathBuf;

use clap::Args;
use enact_core::change::Change;
use enact_core::journal::{ChangeState, Choice, RunId, RunOutcome, RunPhase, RunState};
use enact_core::plan::{Mode, Plan};
use enact_engine::installation::Installation;
use enact_engine::store::find_run;

use super::Context;
use super::rollback::take_back_runbook;
use crate::admission::pass_gate_back;
use crate::approve::{TAKE_BACK, refuse_agent};
use crate::cli::Output;
use crate::connect::{KonnectFlags, connect};
use crate::error::{CommandError, CommandResult};
use crate::execute::{RunFlags, carry_out, pass_gate};
use crate::open_decisions::takes;
use crate::policy::{Policies, PolicyFlags};
use crate::way_back::{goes_back, only_lacks_its_end};
use crate::{line, runbook, state, views};

/// Take up a run that was killed, stopped or left unsettled
#[derive(Debug, Args)]
#[command(
    after_help = "The run passes the gate again with today's policy. What is done is not done twice; what was under
way is looked for first. The approval was spent when the run began and is not spent again. When it has run out, approve
the plan again first: enact approve PLAN_ID

Example:
  enact resume 4be0c1"
)]
pub(crate) struct ResumeArgs {
    /// The run (its first digits are enough); default: the newest run that can be taken up
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// When a change fails, take back what this run has done
    #[arg(long)]
    rollback_on_failure: bool,
    #[command(flatten)]
    go_on: GoOn,
}

/// Flags of every command that goes on with a run.
#[derive(Debug, Clone, Args)]
pub(crate) struct GoOn {
    /// Use the approval in this file too, where the first one has run out; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) approval: Vec<PathBuf>,
    /// The form of the result on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    /// For a runbook: the folder that its relative paths start from
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Show marks in plain letters
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Write every event as a line of JSON to this file, or to standard output (`-`)
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) policy: PolicyFlags,
    #[command(flatten)]
    pub(crate) konnect: KonnectFlags,
}

impl GoOn {
    /// How these flags say that a run of a runbook goes.
    pub(super) fn going(self, folder: PathBuf, way: runbook::Way) -> runbook::Going {
        runbook::Going {
            folder,
            output: self.output,
            way,
            konnect: self.konnect,
            policy: self.policy,
            ascii: self.ascii,
            events: self.events,
        }
    }
}

pub(crate) async fn run(context: &Context, args: ResumeArgs) -> CommandResult {
    let installation = state::open(&context.settings)?;
    let run_id = choose(&installation, args.run.as_deref())?;
    go_on_as(
        context,
        &installation,
        &run_id,
        args.go_on,
        args.rollback_on_failure,
    )
    .await
}

/// Goes on with a run, through the gate.
pub(crate) async fn go_on(
    context: &Context,
    installation: &Installation,
    run_id: &RunId,
    flags: GoOn,
) -> CommandResult {
    go_on_as(context, installation, run_id, flags, false).await
}

async fn go_on_as(
    context: &Context,
    installation: &Installation,
    run_id: &RunId,
    flags: GoOn,
    rollback_on_failure: bool,
) -> CommandResult {
    let (_, state) = state::journal(installation, run_id)?;
    views::event_lines::check(flags.events.as_deref())?;
    let plan = plan_of(installation, run_id)?;
    if only_lacks_its_end(&plan, &state) {
        // Nothing is taken back any more, so no point of no return stands in the way.
        return take_back_runbook(context, installation, run_id, flags, true).await;
    }
    refuse_ended(run_id, &state)?;
    for file in &flags.approval {
        crate::carried::import(context, installation, &plan, file)?;
    }
    if plan.metadata().mode == Mode::Run && state.ending == Some(Choice::Rollback) {
        // Somebody decided it and only wrote it down.
        let past = false;
        return take_back_runbook(context, installation, run_id, flags, past).await;
    }
    if plan.metadata().mode == Mode::Run {
        return go_on_with_runbook(context, installation, run_id, plan, flags, rollback_on_failure).await;
    }
    let connection = connect(&context.settings, &flags.konnect).await?;
    let target = line::full_target(&context.settings, &connection).await?;
    let policies = &mut Policies::in_force(&context.settings, &flags.policy)?;
    let admitted = pass_gate(context, installation, plan, Some(run_id), target, policies)?;
    let mut open = installation.reopen(run_id, &admitted, &context.settings.principal())?;
    crate::words::count(context, installation, run_id, &mut open.state)?;
    if flags.output == Output::Text {
        views::say(&format!(
            "Run {run_id} of plan {}\n",
            admitted.plan().id().short()
        ));
    }
    let flags = RunFlags {
        dry_run: false,
        auto_approve: false,
        allow_unprotect: false,
        approval: Vec::new(),
        strict_protection: false,
        rollback_on_failure,
        output: flags.output,
        events: flags.events,
        policy: flags.policy,
    };
    carry_out(context, &connection, installation, open, &admitted, &flags).await
}

async fn go_on_with_runbook(
    context: &Context,
    installation: &Installation,
    run_id: &RunId,
    plan: Plan,
    flags: GoOn,
    rollback_on_failure: bool,
) -> CommandResult {
    let policies = &mut Policies::in_force(&context.settings, &flags.policy)?;
    let (_, state) = state::journal(installation, run_id)?;
    if rollback_on_failure {
        refuse_to_decide(context, run_id, &plan, &state)?;
    }
    let folder = runbook::folder_of_run(context, run_id, plan.id(), &state, flags.dir.as_deref())?;
    let target = plan.metadata().target.clone();
    // A run that somebody has ended starts nothing but what closes it. No approval that has run out, and no later no, keeps
    // that open.
    let is_ended = state.ending.is_some();
    let admitted = if is_ended {
        pass_gate_back(context, installation, plan, run_id, target, policies)?
    } else {
        pass_gate(context, installation, plan, Some(run_id), target, policies)?
    };
    let target = admitted.plan().metadata().target.to_string();
    runbook::refuse_beside(context, installation, &target, Some(run_id))?;
    let mut open = installation.reopen(run_id, &admitted, &context.settings.principal())?;
    crate::words::count(context, installation, run_id, &mut open.state)?;
    if open.state.ending.is_some() != is_ended {
        let message = format!("somebody else was at run {run_id} just now; nothing was done");
        return Err(CommandError::failed(message).hint(format!("look again: enact runs next {run_id}")));
    }
    let open = open.in_folder(&folder.to_string_lossy());
    let way = runbook::Way::On { rollback_on_failure };
    let going = flags.going(folder, way);
    runbook::carry_out(context, installation, open, &admitted, going).await
}

/// The flag decides what happens after a failure. Where a person is asked that already, it is for them to say, by a word that is kept.
fn refuse_to_decide(
    context: &Context,
    run_id: &RunId,
    plan: &Plan,
    state: &RunState,
) -> Result<(), CommandError> {
    refuse_agent(&context.settings.principal(), TAKE_BACK)?;
    let asked = |change: &&Change| {
        state.phase == RunPhase::Paused && takes(plan, state, &change.change_id, Choice::Rollback)
    };
    let failed = |change: &&Change| {
        matches!(
            state.of(&change.change_id),
            ChangeState::Failed | ChangeState::Escalated
        )
    };
    match plan.changes().iter().filter(failed).find(asked) {
        None => Ok(()),
        Some(change) => {
            let message = format!("run {run_id} waits for a decision, which no flag makes; nothing was done");
            let hint = format!("enact decide {run_id} {} rollback --reason …", change.change_id);
            Err(CommandError::invalid(message).hint(hint))
        }
    }
}

/// Before somebody's word is written down with which a run goes on at once: is the folder there in which it would?
///
/// # Errors
/// When it is not; nothing is written then, so that the same word can be given again.
pub(super) fn check_folder(
    context: &Context,
    run_id: &RunId,
    plan: &Plan,
    state: &RunState,
    flags: &GoOn,
) -> Result<(), CommandError> {
    if plan.metadata().mode != Mode::Run {
        return Ok(());
    }
    runbook::folder_of_run(context, run_id, plan.id(), state, flags.dir.as_deref()).map(drop)
}

/// The run somebody named, or the newest one that has not ended.
fn choose(installation: &Installation, named: Option<&str>) -> Result<RunId, CommandError> {
    if let Some(prefix) = named {
        return Ok(find_run(installation.store.as_ref(), prefix)?.run_id);
    }
    let mut goes_back = None;
    for row in installation.store.runs()? {
        match state::journal(installation, &row.run_id) {
            Ok((_, state)) if goes_on(installation, &row.run_id, &state) => return Ok(row.run_id),
            Ok((_, state)) if goes_back.is_none() && is_being_taken_back(&state) => {
                goes_back = Some(row.run_id);
            }
            Ok(_) => {}
            // One damaged journal is no reason to leave another run where it stands.
            Err(error) => views::say(&format!("warning: {}\n", error.chain.join(": "))),
        }
    }
    let mut error = CommandError::invalid("there is no run to take up");
    if let Some(run_id) = goes_back {
        error = error.hint(format!(
            "run {run_id} is being taken back; to take back the rest: enact rollback {run_id}"
        ));
    }
    Err(error.hint("enact runs list shows all runs"))
}

/// Can a run be taken up?
fn goes_on(installation: &Installation, run_id: &RunId, state: &RunState) -> bool {
    let lacks_its_end = || plan_of(installation, run_id).is_ok_and(|plan| only_lacks_its_end(&plan, state));
    refuse_ended(run_id, state).is_ok() || (is_being_taken_back(state) && lacks_its_end())
}

fn is_being_taken_back(state: &RunState) -> bool {
    state.superseded_by.is_none() && goes_back(state) && state.outcome != Some(RunOutcome::RolledBack)
}

fn refuse_ended(run_id: &RunId, state: &RunState) -> Result<(), CommandError> {
    if let Some(by) = &state.superseded_by {
        return Err(enact_engine::store::StoreError::Superseded {
            run_id: run_id.clone(),
            by: by.clone(),
        }
        .into());
    }
    if is_being_taken_back(state) {
        return Err(
            CommandError::invalid(format!("run {run_id} is being taken back, so it does not go on"))
                .hint(format!("to take back the rest: enact rollback {run_id}")),
        );
    }
    match state.outcome {
        None | Some(RunOutcome::Unknown) => Ok(()),
        Some(outcome) => {
            let word = serde_json::to_value(outcome)?;
            let word = word.as_str().unwrap_or_default().replace('_', " ");
            Err(CommandError::invalid(format!("run {run_id} has ended: {word}"))
                .hint("plan again to go on from what is there now")
                .hint(format!("what happened: enact runs show {run_id}")))
        }
    }
}

/// The frozen plan of a run.
pub(crate) fn plan_of(installation: &Installation, run_id: &RunId) -> Result<Plan, CommandError> {
    let row = find_run(installation.store.as_ref(), &run_id.0)?;
    let bytes = installation
        .store
        .load_plan(row.plan_id.0.as_str())?
        .ok_or_else(|| {
            CommandError::failed(format!("the plan of run {run_id} is not kept here any more"))
                .hint("plan again to go on from what is there now")
        })?;
    Ok(Plan::parse(&bytes)?)
}
