//! Checks that approvals add (`extra_check`): read when the approval is given, and again before a run begins.

use std::path::Path;

use enact_core::change::ChangeId;
use enact_core::condition::Condition;
use enact_core::gate::AdmittedPlan;
use enact_core::plan::{Mode, Plan};
use enact_runbook::files::{Files, MemoryFiles};
use enact_runbook::spec::CheckSpec;

use super::carry_out::read_document;
use super::files::DiskFiles;
use super::folder::kept_folder;
use crate::commands::Context;
use crate::error::CommandError;

/// The checks that the run is held to, with the changes before which they are made.
pub(super) fn of(
    context: &Context,
    admitted: &AdmittedPlan,
    folder: &Path,
) -> Result<Vec<(ChangeId, CheckSpec)>, CommandError> {
    let files = DiskFiles::in_folder(folder);
    read(context, admitted.plan(), admitted.conditions(), &files)
}

/// Refuses a check that is none, before anybody says yes to it.
pub(crate) fn check_added(
    context: &Context,
    plan: &Plan,
    conditions: &[Condition],
) -> Result<(), CommandError> {
    let adds = |condition: &Condition| matches!(condition, Condition::ExtraCheck { .. });
    if plan.metadata().mode != Mode::Run || !conditions.iter().any(adds) {
        return Ok(());
    }
    let read = match kept_folder(context, plan.id())? {
        Some(folder) => read(context, plan, conditions.iter(), &DiskFiles::in_folder(&folder)),
        None => read(context, plan, conditions.iter(), &MemoryFiles::default()),
    };
    read.map(drop)
        .map_err(|refused| refused.hint("nothing was approved; a check is written as in a runbook: 3,{\"exec\":[\"test\",\"-e\",\"ready\"]}"))
}

fn read<'c>(
    context: &Context,
    plan: &Plan,
    conditions: impl Iterator<Item = &'c Condition>,
    files: &dyn Files,
) -> Result<Vec<(ChangeId, CheckSpec)>, CommandError> {
    let mut checks = Vec::new();
    for condition in conditions {
        if let Condition::ExtraCheck { change_id, check } = condition {
            let document = read_document(plan)?;
            let defaults = context.settings.runbook_settings();
            let check = enact_runbook::added_check(plan, &document, change_id, check, files, defaults);
            let check = check.map_err(|faults| CommandError {
                faults,
                ..CommandError::invalid(format!(
                    "the check that the approval adds before {change_id} is not one"
                ))
            })?;
            checks.push((change_id.clone(), check));
        }
    }
    Ok(checks)
}
