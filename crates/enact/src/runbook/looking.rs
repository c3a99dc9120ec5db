//! Looking without running: a runbook's provider for dry runs and for what is checked when a plan is approved.

use std::path::Path;

use enact_core::exit::ExitCode;
use enact_core::journal::{RunId, RunState};
use enact_core::plan::Plan;
use enact_engine::provider::Provider as _;
use enact_engine::stop::StopSignal;
use enact_runbook::process::SupervisorProgram;
use enact_runbook::provider::{Host, RunbookProvider, Secrets};
use enact_runbook::spec::Document;

use super::folder::kept_folder;
use crate::commands::Context;
use crate::error::CommandError;
use crate::policy::PolicyFlags;
use crate::views;

/// A provider whose output goes into a folder that is thrown away.
pub(super) fn looking<'a>(
    context: &Context,
    plan: &'a Plan,
    document: &Document,
    folder: &Path,
    scratch: &Path,
) -> Result<RunbookProvider<'a>, CommandError> {
    let environment = context.settings.environment.all();
    let from_commands = super::secrets::run_commands(document, environment, folder)?;
    let secrets = Secrets::read(document, environment, folder, &from_commands)
        .map_err(|error| CommandError::invalid(error.to_string()))?;
    let host = Host {
        folder: folder.to_path_buf(),
        runs_dir: scratch.to_path_buf(),
        locks_dir: scratch.join("locks"),
        environment: environment.clone(),
        supervisor: SupervisorProgram {
            path: std::env::current_exe()?,
            args: vec!["supervise".to_owned()],
        },
        stop: StopSignal::new(),
        clock: std::sync::Arc::new(enact_engine::clock::SystemClock),
        run_number: 0,
        max_downtime: None,
        max_duration: None,
        cluster: super::cluster::hands(context, &PolicyFlags::default()),
        extra_checks: Vec::new(),
    };
    RunbookProvider::new(plan, host, secrets)
        .map_err(|error| CommandError::from_error(ExitCode::InvalidInput, &error))
}

/// Checks what the plan takes for granted and wants checked when it is approved. Only where the plan was made: elsewhere its
/// folder and its surroundings are not here, which is said.
pub(crate) async fn check_at_approval(context: &Context, plan: &Plan) -> Result<(), CommandError> {
    let Ok(document) = super::read_document(plan) else {
        return Ok(());
    };
    if !document
        .assumptions
        .iter()
        .any(|assumption| assumption.at_approve)
    {
        return Ok(());
    }
    let Some(folder) = kept_folder(context, plan.id())? else {
        views::say("note: what the plan takes for granted is not checked here, where it was not made\n");
        return Ok(());
    };
    let scratch = std::env::temp_dir().join(format!("enact-approve-{}", std::process::id()));
    let checked = assumptions(context, plan, &document, &folder, &scratch).await;
    // What the checks printed is in their verdicts.
    let _removed = std::fs::remove_dir_all(&scratch);
    checked
}

async fn assumptions(
    context: &Context,
    plan: &Plan,
    document: &Document,
    folder: &Path,
    scratch: &Path,
) -> Result<(), CommandError> {
    let provider = match looking(context, plan, document, folder, scratch) {
        Ok(provider) => provider,
        Err(error) => {
            let why = error.chain.join(": ");
            views::say(&format!(
                "note: what the plan takes for granted is not checked here: {why}\n"
            ));
            return Ok(());
        }
    };
    provider.take_up(&RunId("approval".to_owned()), &RunState::default());
    for (assumption, checked) in provider.assumptions_at_approval().await {
        let text = format!("{} ({})", assumption.id, assumption.text);
        if !checked.holds {
            return Err(CommandError::new(
                ExitCode::Stale,
                format!(
                    "the assumption {text} does not hold: {}; nothing was approved",
                    checked.seen
                ),
            )
            .hint("mend what differs, or have the plan made anew"));
        }
        views::say(&format!("Holds now: {text}\n"));
    }
    Ok(())
}
