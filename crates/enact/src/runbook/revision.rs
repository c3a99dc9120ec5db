//! The run that a runbook revises: found in the state directory, laid beside the new plan, and shown with the difference.

use enact_core::diagnostic::Diagnostic;
use enact_core::plan::{Plan, Revision};
use enact_core::revision::{ParentRun, Parentage};
use enact_engine::installation::Installation;
use enact_engine::store::StoreError;
use enact_runbook::CheckReport;
use enact_runbook::revise;

use crate::commands::Context;
use crate::error::CommandError;
use crate::state;
use crate::views::revision_text;

/// Marks what the newest run of the revised plan has done. A runbook that revises none stays as it is.
pub(super) fn lay(context: &Context, report: CheckReport) -> Result<CheckReport, CommandError> {
    let Some(revises) = report.compiled.as_ref().and_then(revise::revises) else {
        return Ok(report);
    };
    let installation = state::open(&context.settings)?;
    Ok(match newest_run(&installation, &revises)? {
        Ok(parent) => revise::revise(report, &parent),
        Err(fault) => revise::refused(report, *fault),
    })
}

/// The newest run of a plan, by the id that its author wrote.
fn newest_run(
    installation: &Installation,
    revises: &str,
) -> Result<Result<ParentRun, Box<Diagnostic>>, CommandError> {
    let missing = |what: &str, hint: &str| {
        let fault = Diagnostic::error(format!("`revises`: {what} {revises}"));
        Ok(Err(Box::new(fault.hint(hint))))
    };
    let Some(bytes) = installation.store.load_plan(revises)? else {
        return missing(
            "no plan is kept here under",
            "a revision names the id of a plan that was run here: enact runs list",
        );
    };
    let plan = Plan::parse(&bytes)?;
    let rows = installation.store.runs()?;
    let Some(row) = rows.into_iter().find(|row| row.plan_id == *plan.id()) else {
        return missing(
            "there is no run of plan",
            "a revision goes on from a run; without one, leave `revises` out",
        );
    };
    if let Some(holder) = row.holder.as_ref().filter(|_| row.is_held(state::now())) {
        let fault = Diagnostic::error(format!("run {} of that plan is under way: {holder}", row.run_id));
        return Ok(Err(Box::new(fault.hint(format!(
            "wait for its end, or stop it after its step: enact stop {}",
            row.run_id
        )))));
    }
    let (entries, _) = state::journal(installation, &row.run_id)?;
    Ok(Ok(ParentRun {
        run_id: row.run_id,
        plan,
        entries,
    }))
}

/// What the gate is told of the run that a plan takes over.
pub(crate) fn parent(installation: &Installation, revision: &Revision) -> Result<Parentage, CommandError> {
    let Some(plan) = plan_of(installation, revision)? else {
        return Ok(Parentage::None);
    };
    match installation.store.load(&revision.run_id) {
        Ok(entries) => Ok(Parentage::Run(Box::new(ParentRun {
            run_id: revision.run_id.clone(),
            plan,
            entries,
        }))),
        Err(StoreError::NoSuchRun(_)) => Ok(Parentage::None),
        Err(error) => Err(error.into()),
    }
}

fn plan_of(installation: &Installation, revision: &Revision) -> Result<Option<Plan>, CommandError> {
    let bytes = installation
        .store
        .load_plan(revision.plan_id.0.as_str())?
        .map(|bytes| Plan::parse(&bytes));
    Ok(bytes.transpose()?)
}

/// How a revision differs from the plan that it revises; empty for any other plan.
pub(crate) fn difference(context: &Context, plan: &Plan) -> Result<String, CommandError> {
    let Some(revision) = &plan.metadata().revision else {
        return Ok(String::new());
    };
    let installation = state::open(&context.settings)?;
    let parent = plan_of(&installation, revision)?;
    Ok(revision_text::difference(
        context.painter,
        plan,
        revision,
        parent.as_ref(),
    ))
}
