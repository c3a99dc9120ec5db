//! `enact stop`: ask a run to stop at its next safe point, or stop everything on this installation.

use clap::{Args, ValueEnum};
use enact_core::exit::ExitCode;
use enact_core::journal::{Entry, RunId};
use enact_core::plan::PlanId;
use enact_engine::installation::Installation;
use enact_engine::stop::Urgency;
use enact_engine::store::{StopRequest, find_run};

use super::Context;
use super::plan::write_private;
use super::resume::plan_of;
use crate::error::{CommandError, CommandResult};
use crate::state::{self, Latch};
use crate::views;
use crate::way_back::command_on;

/// The latch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// No plan passes the gate any more.
    On,
    /// Plans pass again.
    Off,
}

/// Stop a run at its next safe point, or everything on this installation
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  enact stop 4be0c1
  enact stop --all on --reason \"incident 4711\"
  enact stop --all off")]
pub(crate) struct StopArgs {
    /// The run (its first digits are enough)
    #[arg(value_name = "RUN", required_unless_present = "all", conflicts_with = "all")]
    run: Option<String>,
    /// Let go of what is under way too; `resume` finds out what became of it
    #[arg(long, conflicts_with = "all")]
    now: bool,
    /// The latch of this installation: `on` lets no plan through the gate and stops what runs
    #[arg(long, value_enum)]
    all: Option<Switch>,
    /// Why; needed for `--all on`
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

pub(crate) fn run(context: &Context, args: &StopArgs) -> CommandResult {
    match (args.all, &args.run) {
        (Some(Switch::On), _) => latch_on(context, args.reason.as_deref()),
        (Some(Switch::Off), _) => latch_off(context),
        (None, Some(run)) => stop_one(context, run, args),
        (None, None) => Err(CommandError::invalid("name a run, or --all on|off")),
    }
}

fn stop_one(context: &Context, prefix: &str, args: &StopArgs) -> CommandResult {
    let installation = state::open(&context.settings)?;
    let row = find_run(installation.store.as_ref(), prefix)?;
    if !row.is_held(state::now()) {
        stop_left(context, &row.run_id, args.now);
        return Ok(ExitCode::Ok);
    }
    let urgency = if args.now {
        Urgency::Now
    } else {
        Urgency::AfterCurrent
    };
    let reason = args
        .reason
        .as_deref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    let reason = format!("stopped by {}{reason}", context.settings.principal().id);
    installation
        .store
        .request_stop(&row.run_id, &StopRequest { urgency, reason })?;
    // It was asked to stop: a journal that cannot be read does not change that.
    let known = state::journal(&installation, &row.run_id).and_then(|(_, run)| {
        let plan = plan_of(&installation, &row.run_id)?;
        Ok(command_on(&plan, &row.run_id, &run))
    });
    let command = known.unwrap_or_else(|_| format!("enact resume {}", row.run_id));
    views::say(&format!(
        "Asked run {} to stop. To go on later: {command}\n",
        row.run_id
    ));
    Ok(ExitCode::Ok)
}

/// No engine is at the run. A command of it may work on all the same.
fn stop_left(context: &Context, run_id: &RunId, now: bool) {
    let left = crate::runbook::under_way(context, run_id);
    let Some(works) = left.first() else {
        views::say(&format!("No process is at run {run_id}; nothing to stop.\n"));
        return;
    };
    if !now {
        views::say(&format!(
            "No process is at run {run_id}. A command of it works on to its end ({works}); enact stop {run_id} --now ends it.\n"
        ));
        return;
    }
    for command in &left {
        enact_runbook::process::ask_to_end(&command.attempt_dir);
    }
    views::say(&format!(
        "Asked the command of run {run_id} to end ({works}). To go on later: enact resume {run_id}\n"
    ));
}

/// Asks every process that is at a run of this plan to stop after its current step, and says so: a person's no holds for what
/// is under way too. `resume` then meets the gate.
pub(super) fn ask_runs_of(
    installation: &Installation,
    plan_id: &PlanId,
    is_meant: impl Fn(&[Entry]) -> bool,
    reason: &str,
) -> Result<(), CommandError> {
    let now = state::now();
    let runs = installation.store.runs()?;
    for row in runs
        .iter()
        .filter(|row| row.plan_id == *plan_id && row.is_held(now))
    {
        // One whose journal cannot be read is rather stopped than let go on.
        if state::journal(installation, &row.run_id).is_ok_and(|(entries, _)| !is_meant(&entries)) {
            continue;
        }
        let request = StopRequest {
            urgency: Urgency::AfterCurrent,
            reason: reason.to_owned(),
        };
        installation.store.request_stop(&row.run_id, &request)?;
        views::say(&format!(
            "Run {0} of it is under way and was asked to stop after its current step; at once: enact stop {0} --now\n",
            row.run_id
        ));
    }
    Ok(())
}

fn latch_on(context: &Context, reason: Option<&str>) -> CommandResult {
    let reason = reason.ok_or_else(|| CommandError::invalid("--all on needs a --reason"))?;
    let latch = Latch {
        reason: reason.to_owned(),
        by: context.settings.principal().id,
        since: state::now(),
    };
    let path = state::latch_file(&context.settings);
    if let Some(folder) = path.parent() {
        state::prepare(folder)?;
    }
    write_private(&path, &serde_json::to_vec_pretty(&latch)?)?;
    let installation = state::open(&context.settings)?;
    for row in installation
        .store
        .runs()?
        .into_iter()
        .filter(|row| row.is_held(latch.since))
    {
        let request = StopRequest {
            urgency: Urgency::AfterCurrent,
            reason: format!("everything stopped: {reason}"),
        };
        installation.store.request_stop(&row.run_id, &request)?;
    }
    views::say("Everything is stopped: no plan passes the gate until `enact stop --all off`.\n");
    Ok(ExitCode::Ok)
}

fn latch_off(context: &Context) -> CommandResult {
    let principal = context.settings.principal();
    if !principal.may_decide() {
        let message = format!("{principal} may not lift the stop: an agent never does");
        return Err(CommandError::new(ExitCode::NotApproved, message));
    }
    match std::fs::remove_file(state::latch_file(&context.settings)) {
        Ok(()) => views::say("Plans pass the gate again.\n"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => views::say("Nothing was stopped.\n"),
        Err(error) => return Err(error.into()),
    }
    Ok(ExitCode::Ok)
}
