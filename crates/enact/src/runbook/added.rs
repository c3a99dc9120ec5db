//! Checks that approvals add (`extra_check`): read when the approval is given, and again before a run begins.

use std::path::Path;

use enact_core::change::{ChangeId, Precondition};
use enact_core::condition::Condition;
use enact_core::gate::AdmittedPlan;
use enact_core::plan::{Mode, Plan};
use enact_core::verdict::Verdict;
use enact_runbook::files::{FileFault, Files};
use enact_runbook::spec::CheckSpec;

use super::carry_out::read_document;
use super::files::DiskFiles;
use super::folder::kept_folder;
use crate::commands::Context;
use crate::error::CommandError;
use crate::policy::Policies;

/// What a check that an approval adds is called where it is judged.
const ADDED: &str = "added by an approval";

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
    read_here(context, plan, conditions.iter())
        .map(drop)
        .map_err(|refused| refused.hint("nothing was approved; a check is written as in a runbook: 3,{\"exec\":[\"test\",\"-e\",\"ready\"]}"))
}

/// The verdict on a plan to which conditions add checks: what policy says of a check in the plan, it says of one that an
/// approval adds.
pub(crate) fn judged_with_added<'c>(
    context: &Context,
    plan: &Plan,
    verdict: Verdict,
    conditions: impl Iterator<Item = &'c Condition> + Clone,
    policies: &mut Policies,
) -> Result<Verdict, CommandError> {
    let adds = |condition: &Condition| matches!(condition, Condition::ExtraCheck { .. });
    if !conditions.clone().any(adds) {
        return Ok(verdict);
    }
    let checks = read_here(context, plan, conditions)?;
    let mut added = Vec::new();
    for (change_id, check) in checks {
        let spec = serde_json::to_value(&check).map_err(|error| CommandError::failed(error.to_string()))?;
        let name = ADDED.to_owned();
        added.push((change_id, Precondition::Check { name, spec }));
    }
    let amended = plan
        .with_checks(&added)
        .map_err(|error| CommandError::invalid(format!("the plan with the added checks: {error}")))?;
    let mut found = policies.judge(&amended);
    found.plan_id = plan.id().clone();
    found
        .findings
        .retain(|finding| !verdict.findings.contains(finding));
    Ok(verdict.and(found))
}

/// A folder that is not known here: whatever is named may be there, and only what the plan pins is what was approved.
struct Elsewhere;

impl Files for Elsewhere {
    fn read(&self, _: &str, _: u64) -> Result<Vec<u8>, FileFault> {
        Err(FileFault::Missing)
    }

    fn exists(&self, _: &str) -> bool {
        true
    }
}

/// The checks, with the files of the folder in which the plan was made here.
fn read_here<'c>(
    context: &Context,
    plan: &Plan,
    conditions: impl Iterator<Item = &'c Condition>,
) -> Result<Vec<(ChangeId, CheckSpec)>, CommandError> {
    match kept_folder(context, plan.id())? {
        Some(folder) => read(context, plan, conditions, &DiskFiles::in_folder(&folder)),
        None => read(context, plan, conditions, &Elsewhere),
    }
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
