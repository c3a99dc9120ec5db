//! Commands that work on without their engine: its lease is gone with it, and they are not.

use std::path::PathBuf;

use enact_core::journal::RunId;
use enact_engine::installation::Installation;
use enact_runbook::provider::{UnderWay, commands_under_way};

use crate::commands::Context;
use crate::error::CommandError;

/// Refuses to begin or go on while a command of another run of the same runbook works on, whose engine was killed: runs of one
/// runbook exclude each other, and its lease says nothing of the command.
///
/// # Errors
/// That there is one, and which. Also when the store does not answer.
pub(crate) fn refuse_beside(
    context: &Context,
    installation: &Installation,
    target: &str,
    own: Option<&RunId>,
) -> Result<(), CommandError> {
    let rows = installation.store.runs()?;
    // One that ended or paused has given its lease back; one that a process holds is refused with the lease.
    let cut_off = rows.iter().filter(|row| {
        row.target == target
            && own != Some(&row.run_id)
            && row
                .holder
                .as_ref()
                .is_some_and(enact_engine::holder::Holder::is_gone)
    });
    for row in cut_off {
        if let Some(works) = under_way(context, &row.run_id).first() {
            let run_id = &row.run_id;
            let message = format!(
                "a command of run {run_id} still runs ({works}), and runs of one runbook exclude each other; nothing was done"
            );
            return Err(CommandError::failed(message).hint(format!(
                "enact resume {run_id} takes it up; enact stop {run_id} --now ends the command"
            )));
        }
    }
    Ok(())
}

/// The commands of a run that work on.
pub(crate) fn under_way(context: &Context, run_id: &RunId) -> Vec<UnderWay> {
    commands_under_way(&runs_dir(context), run_id)
}

fn runs_dir(context: &Context) -> PathBuf {
    let state_dir = &context.settings.state_dir;
    let state_dir = std::fs::canonicalize(state_dir).unwrap_or_else(|_| state_dir.clone());
    state_dir.join("runs")
}
