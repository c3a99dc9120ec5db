//! `enact rollback`: take back what a run has done, last first.

use clap::Args;
use enact_core::exit::ExitCode;
use enact_core::journal::{ChangeState, Choice, Fact, RunId, RunPhase, RunState};
use enact_core::plan::{Mode, Plan};
use enact_core::report::RunReport;
use enact_core::whole::passed_point;
use enact_engine::installation::Installation;
use enact_engine::stop::StopSignal;
use enact_engine::store::find_run;
use enact_konnect::provider::KonnectProvider;
use enact_konnect::resources::KINDS;

use super::Context;
use super::resume::{GoOn, plan_of};
use crate::admission::pass_gate_back;
use crate::approve::{BACK, Said, obtain};
use crate::connect::connect;
use crate::error::{CommandError, CommandResult};
use crate::execute::{environment_digest, show_report, taking_back};
use crate::policy::Policies;
use crate::views::run_text::Ahead;
use crate::way_back::{closing, listing, only_lacks_its_end};
use crate::words::{self, Seen};
use crate::{line, runbook, signals, state, views};

/// Take back what a run has done, last change first
#[derive(Debug, Args)]
#[command(
    after_help = "Only what the journal proves done is taken back, and only where nobody changed it since. What
cannot be taken back (a deleted portal) is said before you are asked, and ends with exit code 8. The approval of the run
need not be good any more; policy of today can still deny it. An agent never takes a run back.

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
    /// For a runbook: also past its point of no return
    #[arg(long)]
    past_point_of_no_return: bool,
    #[command(flatten)]
    go_on: GoOn,
}

pub(crate) async fn run(context: &Context, args: RollbackArgs) -> CommandResult {
    let installation = state::open(&context.settings)?;
    let run_id = find_run(installation.store.as_ref(), &args.run)?.run_id;
    let (_, state) = state::journal(&installation, &run_id)?;
    installation.refuse_superseded(&run_id)?;
    let plan = plan_of(&installation, &run_id)?;
    if only_lacks_its_end(&plan, &state) {
        // Nothing is taken back any more, so nobody is asked, and no point of no return stands in the way.
        return take_back_runbook(context, &installation, &run_id, args.go_on, true).await;
    }
    let listing = listing(&plan, &state);
    if listing.is_empty() {
        return Err(CommandError::invalid(format!(
            "run {run_id} has nothing to take back"
        )));
    }
    if plan.metadata().mode == Mode::Run {
        refuse_past_no_return(&plan, &state, args.past_point_of_no_return)?;
    }
    views::say(&format!("{}{listing}", closing(&plan, &state)));
    let RollbackArgs {
        auto_approve,
        past_point_of_no_return,
        go_on,
        ..
    } = args;
    let said = Said {
        auto_approve,
        allow_unprotect: true,
        stdin_taken: false,
    };
    if plan.metadata().mode == Mode::Run {
        views::event_lines::check(go_on.events.as_deref())?;
        // Before anybody is asked, and before it is written down.
        runbook::folder_of_run(context, &run_id, plan.id(), &state, go_on.dir.as_deref())?;
        ask(context, &installation, &plan, said)?;
        choose_rollback(context, &installation, &run_id, &state)?;
        return take_back_runbook(context, &installation, &run_id, go_on, past_point_of_no_return).await;
    }
    let connection = connect(&context.settings, &go_on.konnect).await?;
    let target = line::full_target(&context.settings, &connection).await?;
    let policies = &mut Policies::in_force(&context.settings, &go_on.policy)?;
    let admitted = pass_gate_back(context, &installation, plan, &run_id, target, policies)?;
    let principal = context.settings.principal();
    // Taking back is an effect too: somebody says yes to it, and an agent cannot.
    let digest = &admitted.verdict().bundle_digest;
    obtain(
        admitted.plan(),
        BACK,
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
    let surroundings = taking_back(context, &connection, admitted.plan(), stop, go_on.output);
    let state = installation
        .roll_back(open, &admitted, &provider, surroundings)
        .await?;
    let report = RunReport::of(Some(&run_id), admitted.plan(), &state);
    show_report(context, &report, &Ahead::default(), go_on.output)?;
    let stuck = state
        .changes
        .values()
        .any(|progress| progress.state == ChangeState::Stuck);
    if state.phase == RunPhase::Stopped {
        return Ok(caught.exit_code());
    }
    Ok(if stuck { ExitCode::Unsettled } else { ExitCode::Ok })
}

/// Taking back is an effect too: somebody says yes to it, and an agent cannot.
fn ask(context: &Context, installation: &Installation, plan: &Plan, said: Said) -> Result<(), CommandError> {
    let digest = enact_core::canonical::Digest::of(b"");
    let principal = context.settings.principal();
    obtain(plan, BACK, &principal, &digest, said, installation.ids.as_ref()).map(drop)
}

/// A step that waits for a decision gets it: this command is one.
fn choose_rollback(
    context: &Context,
    installation: &Installation,
    run_id: &RunId,
    state: &RunState,
) -> Result<(), CommandError> {
    let waits = |state: ChangeState| matches!(state, ChangeState::Escalated | ChangeState::Delegated);
    let waiting = state.changes.iter().filter(|(_, progress)| waits(progress.state));
    for (change_id, _) in waiting {
        let fact = Fact::Chosen {
            proof: None,
            change_id: change_id.clone(),
            choice: Choice::Rollback,
            by: context.settings.principal(),
            reason: "enact rollback".to_owned(),
        };
        let (entries, _) = state::journal(installation, run_id)?;
        words::write_down(installation, run_id, &Seen::of(&entries), fact)?;
    }
    Ok(())
}

/// Takes a runbook's run back, through the gate.
pub(crate) async fn take_back_runbook(
    context: &Context,
    installation: &Installation,
    run_id: &RunId,
    flags: GoOn,
    past_point_of_no_return: bool,
) -> CommandResult {
    let (_, state) = state::journal(installation, run_id)?;
    let plan = plan_of(installation, run_id)?;
    refuse_past_no_return(&plan, &state, past_point_of_no_return)?;
    let policies = &mut Policies::in_force(&context.settings, &flags.policy)?;
    let folder = runbook::folder_of_run(context, run_id, plan.id(), &state, flags.dir.as_deref())?;
    let target = plan.metadata().target.clone();
    let admitted = pass_gate_back(context, installation, plan, run_id, target, policies)?;
    let target = admitted.plan().metadata().target.to_string();
    runbook::refuse_beside(context, installation, &target, Some(run_id))?;
    let mut open = installation.reopen(run_id, &admitted, &context.settings.principal())?;
    // A confirmation at a step of `finally` is worth today what it is worth where a run goes on.
    words::count(context, installation, run_id, &mut open.state)?;
    let open = open.in_folder(&folder.to_string_lossy());
    let way = runbook::Way::Back {
        past_point_of_no_return,
    };
    let going = flags.going(folder, way);
    runbook::carry_out(context, installation, open, &admitted, going).await
}

pub(super) fn refuse_past_no_return(
    plan: &Plan,
    state: &RunState,
    allowed: bool,
) -> Result<(), CommandError> {
    match passed_point(plan, state).filter(|_| !allowed) {
        None => Ok(()),
        Some(change_id) => Err(CommandError::invalid(format!(
            "{change_id} is the point of no return, and it has been started; nothing was taken back"
        ))
        .hint("--past-point-of-no-return takes things back all the same")),
    }
}
