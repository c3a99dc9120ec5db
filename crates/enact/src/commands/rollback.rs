//! `enact rollback`: take back what a run has done, last first.

use clap::Args;
use enact_core::change::Undo;
use enact_core::exit::ExitCode;
use enact_core::journal::{ChangeState, RunPhase, RunState};
use enact_core::plan::Plan;
use enact_core::report::RunReport;
use enact_engine::stop::StopSignal;
use enact_engine::store::find_run;
use enact_konnect::provider::KonnectProvider;
use enact_konnect::resources::KINDS;

use super::Context;
use super::resume::plan_of;
use crate::approve::{Said, obtain};
use crate::cli::Output;
use crate::connect::{KonnectFlags, connect};
use crate::error::{CommandError, CommandResult};
use crate::execute::{environment_digest, pass_gate, show_report, taking_back};
use crate::policy::{Policies, PolicyFlags};
use crate::{line, signals, state, views};

/// Take back what a run has done, last change first
#[derive(Debug, Args)]
#[command(
    after_help = "Only what the journal proves done is taken back, and only where nobody changed it since. What
cannot be taken back (a deleted portal) is said before you are asked, and ends with exit code 8.

Example:
  enact rollback 4be0c1"
)]
pub(crate) struct RollbackArgs {
    /// The run (its first digits are enough)
    #[arg(value_name = "RUN")]
    run: String,
    /// Do not ask for approval
    #[arg(long)]
    auto_approve: bool,
    /// The form of the result on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    policy: PolicyFlags,
    #[command(flatten)]
    konnect: KonnectFlags,
}

pub(crate) async fn run(context: &Context, args: RollbackArgs) -> CommandResult {
    let installation = state::open(&context.settings)?;
    let run_id = find_run(installation.store.as_ref(), &args.run)?.run_id;
    let (_, state) = state::journal(&installation, &run_id)?;
    let plan = plan_of(&installation, &run_id)?;
    let listing = listing(&plan, &state);
    if listing.is_empty() {
        return Err(CommandError::invalid(format!(
            "run {run_id} has nothing to take back"
        )));
    }
    views::say(&listing);
    let connection = connect(&context.settings, &args.konnect).await?;
    let target = line::full_target(&context.settings, &connection).await?;
    let policies = &mut Policies::in_force(&context.settings, &args.policy)?;
    let admitted = pass_gate(context, &installation, plan, Some(&run_id), target, policies)?;
    let principal = context.settings.principal();
    let said = Said {
        auto_approve: args.auto_approve,
        allow_unprotect: true,
        stdin_taken: false,
    };
    // Taking back is an effect too: somebody says yes to it, and an agent cannot.
    let digest = &admitted.verdict().bundle_digest;
    obtain(
        admitted.plan(),
        "roll back",
        &principal,
        digest,
        said,
        installation.ids.as_ref(),
    )?;
    let open = installation.reopen(&run_id, &admitted, &principal)?;
    let environment = environment_digest(context);
    let provider = KonnectProvider {
        client: &connection.client,
        kinds: KINDS,
        environment: &environment,
    };
    let stop = StopSignal::new();
    let caught = signals::listen(&stop)?;
    let surroundings = taking_back(context, &connection, admitted.plan(), stop, args.output);
    let state = installation
        .roll_back(open, &admitted, &provider, surroundings)
        .await?;
    let report = RunReport::of(Some(&run_id), admitted.plan(), &state);
    show_report(context, &report, args.output)?;
    let stuck = state
        .changes
        .values()
        .any(|progress| progress.state == ChangeState::Stuck);
    if state.phase == RunPhase::Stopped {
        return Ok(caught.exit_code());
    }
    Ok(if stuck { ExitCode::Unsettled } else { ExitCode::Ok })
}

/// What would be taken back, last first, and what cannot be.
fn listing(plan: &Plan, state: &RunState) -> String {
    let mut text = String::new();
    for change_id in state.done_order.iter().rev() {
        let word = match state.of(change_id) {
            ChangeState::Done => "",
            ChangeState::Undoing => " (begun, and looked for first)",
            ChangeState::Stuck => " (stuck: settle it with `enact decide`, or mend what is in its way)",
            ChangeState::Pending
            | ChangeState::Started
            | ChangeState::Failed
            | ChangeState::Drifted
            | ChangeState::Unknown
            | ChangeState::Skipped
            | ChangeState::Omitted
            | ChangeState::Delegated
            | ChangeState::Escalated
            | ChangeState::Undone => continue,
        };
        let Some(change) = plan.change(change_id) else {
            continue;
        };
        let how = match &change.undo {
            Some(Undo::DeleteCreated) => "delete what was created".to_owned(),
            Some(Undo::RestoreFields) => "put the old values back".to_owned(),
            Some(Undo::CreateAgain) => "create it again, with a new id".to_owned(),
            Some(Undo::Run { .. }) => "run its undo".to_owned(),
            Some(Undo::Nothing) => "nothing to take back".to_owned(),
            Some(Undo::Impossible { reason }) => format!("CANNOT be taken back: {reason}"),
            None => "CANNOT be taken back: the plan says of no way".to_owned(),
        };
        text.push_str(&format!(
            "- {} {}: {how}{word}\n",
            change.resource_type, change.resource_name
        ));
    }
    text
}
