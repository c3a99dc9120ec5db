//! From which folder a runbook's relative paths start on this machine. A plan does not hold it: the plan may run elsewhere.

use std::path::{Path, PathBuf};

use enact_core::plan::PlanId;

use crate::commands::Context;
use crate::error::CommandError;
use crate::state;

fn note(context: &Context, plan_id: &PlanId) -> PathBuf {
    context.settings.state_dir.join("runbooks").join(plan_id.short())
}

/// Keeps the folder for later commands. That it cannot be kept is no reason to fail: `--dir` names it too.
pub(crate) fn remember_folder(context: &Context, plan_id: &PlanId, folder: &Path) {
    let path = note(context, plan_id);
    let kept = state::prepare(&context.settings.state_dir).and_then(|()| {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(std::fs::write(&path, folder.as_os_str().as_encoded_bytes())?)
    });
    if let Err(error) = kept {
        tracing::warn!(
            error = error.chain.join(": "),
            "the runbook's folder was not kept"
        );
    }
}

/// The folder that was kept when the plan was made here.
pub(super) fn kept_folder(context: &Context, plan_id: &PlanId) -> Option<PathBuf> {
    let text = std::fs::read_to_string(note(context, plan_id)).ok()?;
    Some(PathBuf::from(text)).filter(|folder| folder.is_dir())
}

/// The folder: named, kept from when the plan was made here, or the present one. Pinned files are compared in any case.
pub(crate) fn find_folder(
    context: &Context,
    plan_id: &PlanId,
    named: Option<&Path>,
) -> Result<PathBuf, CommandError> {
    let folder = named
        .map(Path::to_path_buf)
        .or_else(|| kept_folder(context, plan_id))
        .unwrap_or_else(|| context.settings.environment.current_dir.clone());
    std::fs::canonicalize(&folder)
        .map_err(|error| CommandError::invalid(format!("{} is not a folder: {error}", folder.display())))
}
