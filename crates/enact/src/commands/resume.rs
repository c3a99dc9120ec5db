//! `enact resume`: take up a run whose process was killed, stopped, or could not settle something.

use clap::Args;
use enact_core::journal::{RunId, RunOutcome, RunState};
use enact_core::plan::Plan;
use enact_engine::installation::Installation;
use enact_engine::store::find_run;

use super::Context;
use crate::cli::Output;
use crate::connect::{KonnectFlags, connect};
use crate::error::{CommandError, CommandResult};
use crate::execute::{RunFlags, carry_out, pass_gate};
use crate::policy::{Policies, PolicyFlags};
use crate::{line, state, views};

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
    /// Use the approval in this file too, where the first one has run out; repeatable
    #[arg(long, value_name = "FILE")]
    approval: Vec<std::path::PathBuf>,
    /// The form of the result on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    policy: PolicyFlags,
    #[command(flatten)]
    konnect: KonnectFlags,
}

pub(crate) async fn run(context: &Context, args: ResumeArgs) -> CommandResult {
    let installation = state::open(&context.settings)?;
    let run_id = choose(&installation, args.run.as_deref())?;
    let (_, state) = state::journal(&installation, &run_id)?;
    refuse_ended(&run_id, &state)?;
    let plan = plan_of(&installation, &run_id)?;
    let connection = connect(&context.settings, &args.konnect).await?;
    let target = line::full_target(&context.settings, &connection).await?;
    let policies = &mut Policies::in_force(&context.settings, &args.policy)?;
    for file in &args.approval {
        crate::carried::import(context, &installation, &plan, file)?;
    }
    let admitted = pass_gate(context, &installation, plan, Some(&run_id), target, policies)?;
    let open = installation.reopen(&run_id, &admitted, &context.settings.principal())?;
    let flags = RunFlags {
        dry_run: false,
        auto_approve: false,
        allow_unprotect: false,
        approval: Vec::new(),
        strict_protection: false,
        rollback_on_failure: args.rollback_on_failure,
        output: args.output,
        policy: args.policy,
    };
    if args.output == Output::Text {
        views::say(&format!(
            "Run {run_id} of plan {}\n",
            admitted.plan().id().short()
        ));
    }
    carry_out(context, &connection, &installation, open, &admitted, &flags).await
}

/// The run somebody named, or the newest one that has not ended.
fn choose(installation: &Installation, named: Option<&str>) -> Result<RunId, CommandError> {
    if let Some(prefix) = named {
        return Ok(find_run(installation.store.as_ref(), prefix)?.run_id);
    }
    for row in installation.store.runs()? {
        match state::journal(installation, &row.run_id) {
            Ok((_, state)) if refuse_ended(&row.run_id, &state).is_ok() => return Ok(row.run_id),
            Ok(_) => {}
            // One damaged journal is no reason to leave another run where it stands.
            Err(error) => views::say(&format!("warning: {}\n", error.chain.join(": "))),
        }
    }
    Err(CommandError::invalid("there is no run to take up").hint("enact runs list shows all runs"))
}

fn refuse_ended(run_id: &RunId, state: &RunState) -> Result<(), CommandError> {
    if state.is_rolling_back() && state.outcome != Some(RunOutcome::RolledBack) {
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
