//! From which folder a runbook's relative paths start on this machine. A plan does not hold it: the plan may run elsewhere. A run
//! does: its journal names the folder that it began in, and it goes on there and nowhere else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use enact_core::journal::{RunId, RunState};
use enact_core::plan::PlanId;

use crate::commands::Context;
use crate::error::CommandError;
use crate::state;

/// The folders in which a plan was made here: a path a line, as JSON, so that every name of a folder can stand there.
fn note(context: &Context, plan_id: &PlanId) -> PathBuf {
    context.settings.state_dir.join("runbooks").join(plan_id.short())
}

/// Keeps the folder for later commands. That it cannot be kept is no reason to fail: `--dir` names it too.
pub(crate) fn remember_folder(context: &Context, plan_id: &PlanId, folder: &Path) {
    let Some(here) = folder.to_str() else {
        tracing::warn!("the runbook's folder was not kept: its name is no text");
        return;
    };
    let mut known = kept_folders(context, plan_id);
    if !known.insert(here.to_owned()) {
        return;
    }
    if let Err(error) = write_note(context, plan_id, &known) {
        tracing::warn!(
            error = error.chain.join(": "),
            "the runbook's folder was not kept"
        );
    }
}

fn write_note(context: &Context, plan_id: &PlanId, known: &BTreeSet<String>) -> Result<(), CommandError> {
    let path = note(context, plan_id);
    state::prepare(&context.settings.state_dir)?;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let lines = known.iter().map(serde_json::to_string);
    let lines = lines.collect::<Result<Vec<String>, _>>()?;
    Ok(std::fs::write(&path, lines.join("\n"))?)
}

/// The folders in which the plan was made here, those that are still there.
fn kept_folders(context: &Context, plan_id: &PlanId) -> BTreeSet<String> {
    let text = std::fs::read_to_string(note(context, plan_id)).unwrap_or_default();
    let paths = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    paths.filter(|path: &String| Path::new(path).is_dir()).collect()
}

/// The folder in which the plan was made here: the present one, where it was made there too. None where it was made elsewhere.
///
/// # Errors
/// When it was made in several others: nobody can tell which is meant.
pub(super) fn kept_folder(context: &Context, plan_id: &PlanId) -> Result<Option<PathBuf>, CommandError> {
    let known = kept_folders(context, plan_id);
    let here = std::fs::canonicalize(&context.settings.environment.current_dir).ok();
    let is_known = |here: &PathBuf| here.to_str().is_some_and(|here| known.contains(here));
    if let Some(here) = here.filter(is_known) {
        return Ok(Some(here));
    }
    if known.len() > 1 {
        let known: Vec<String> = known.into_iter().collect();
        return Err(CommandError::invalid(format!(
            "plan {} was made in {} folders: {}",
            plan_id.short(),
            known.len(),
            known.join(", ")
        ))
        .hint("give the command in the one that is meant, or name it where a run begins: --dir DIR"));
    }
    Ok(known.into_iter().next().map(PathBuf::from))
}

/// Where a new run of the plan starts: in the folder that was named, in that where the plan was made here, or in the present one.
/// Pinned files are compared in any case.
pub(crate) fn find_folder(
    context: &Context,
    plan_id: &PlanId,
    named: Option<&Path>,
) -> Result<PathBuf, CommandError> {
    let folder = match named {
        Some(named) => named.to_path_buf(),
        None => {
            kept_folder(context, plan_id)?.unwrap_or_else(|| context.settings.environment.current_dir.clone())
        }
    };
    real(&folder)
}

/// Where a run goes on or is taken back: in the folder that was named, or in that where it was before. Never in whichever folder
/// the command is given in: a step, or the way back of one, would happen to other files.
///
/// # Errors
/// When that folder is not there any more, or was never recorded.
pub(crate) fn folder_of_run(
    context: &Context,
    run_id: &RunId,
    plan_id: &PlanId,
    state: &RunState,
    named: Option<&Path>,
) -> Result<PathBuf, CommandError> {
    let recorded = state.folder.as_ref().map(PathBuf::from);
    if let Some(named) = named {
        let named = real(named)?;
        return match recorded.filter(|recorded| recorded.is_dir()) {
            Some(recorded) if real(&recorded)? != named => Err(is_where_it_was(run_id, &recorded)),
            Some(_) | None => Ok(named),
        };
    }
    let by_plan = || match recorded {
        Some(recorded) => Ok(Some(recorded)),
        None => kept_folder(context, plan_id),
    };
    match by_plan()? {
        Some(folder) if folder.is_dir() => real(&folder),
        Some(folder) => Err(CommandError::invalid(format!(
            "run {run_id} belongs to the folder {}, which is not there",
            folder.display()
        ))
        .hint("if it was moved, say where it is now: --dir DIR; nothing was done")),
        None => Err(
            CommandError::invalid(format!("nobody recorded in which folder run {run_id} began"))
                .hint("say which it is: --dir DIR; nothing was done"),
        ),
    }
}

/// What a run has done is in its folder: judging, going on and taking back anywhere else would be about something else.
fn is_where_it_was(run_id: &RunId, folder: &Path) -> CommandError {
    let message = format!(
        "run {run_id} belongs to the folder {}, which is where it was; nothing was done",
        folder.display()
    );
    CommandError::invalid(message).hint("leave --dir away: it says where a folder is that was moved")
}

fn real(folder: &Path) -> Result<PathBuf, CommandError> {
    let not_a_folder = |why: &dyn std::fmt::Display| {
        CommandError::invalid(format!("{} is not a folder: {why}", folder.display()))
    };
    let real = std::fs::canonicalize(folder).map_err(|error| not_a_folder(&error))?;
    if real.to_str().is_none() {
        return Err(not_a_folder(&"its name is no text, so no journal can name it"));
    }
    if real.is_dir() {
        Ok(real)
    } else {
        Err(not_a_folder(&"it is a file"))
    }
}
