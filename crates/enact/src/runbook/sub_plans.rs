//! `konnect` steps of runbooks: planned by their own domain when the runbook is frozen. Compiling is pure, so it is done twice: once
//! to learn what is asked, once with the answers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use enact_core::change::Change;
use enact_core::diagnostic::Diagnostic;
use enact_core::plan::Mode;
use enact_runbook::{SubPlan, SubPlanRequest, SubPlanner};

use crate::commands::Context;
use crate::connect::{KonnectFlags, connect};
use crate::error::CommandError;
use crate::line::{self, ConfigFlags};
use crate::policy::Policies;

/// What a step wants planned.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    step_id: String,
    operation: String,
    files: Vec<String>,
}

/// Only writes down what is asked.
#[derive(Debug, Default)]
pub(crate) struct Asked(RefCell<Vec<Wanted>>);

impl Asked {
    pub(crate) fn into_wanted(self) -> Vec<Wanted> {
        self.0.into_inner()
    }
}

impl SubPlanner for Asked {
    fn plan(&self, request: &SubPlanRequest<'_>) -> Result<SubPlan, Vec<Diagnostic>> {
        self.0.borrow_mut().push(Wanted {
            step_id: request.step_id.to_owned(),
            operation: request.operation.to_owned(),
            files: request.files.to_vec(),
        });
        Ok(SubPlan {
            target: serde_json::Value::Null,
            changes: Vec::new(),
            observed: None,
        })
    }
}

/// What Konnect's domain answered, by step.
#[derive(Debug, Default)]
pub(crate) struct Answers(BTreeMap<String, Result<SubPlan, Vec<Diagnostic>>>);

impl SubPlanner for Answers {
    fn plan(&self, request: &SubPlanRequest<'_>) -> Result<SubPlan, Vec<Diagnostic>> {
        self.0
            .get(request.step_id)
            .cloned()
            .unwrap_or_else(|| Err(vec![Diagnostic::error("this step was not planned")]))
    }
}

/// Plans every step, with the present state of Konnect.
pub(crate) async fn answer(
    context: &Context,
    folder: &Path,
    konnect: &KonnectFlags,
    policies: &mut Policies,
    wanted: Vec<Wanted>,
) -> Result<Answers, CommandError> {
    let connection = connect(&context.settings, konnect).await?;
    let target = line::full_target(&context.settings, &connection).await?;
    let target = serde_json::to_value(target)?;
    let mut answers = BTreeMap::new();
    for step in wanted {
        let config = ConfigFlags {
            filename: step
                .files
                .iter()
                .map(|file| folder.join(file).display().to_string())
                .collect(),
            recursive: true,
            ..ConfigFlags::default()
        };
        let mode = if step.operation == "sync" {
            Mode::Sync
        } else {
            Mode::Apply
        };
        let answer = match line::load_files(&context.settings, &config) {
            Err(error) if !error.faults.is_empty() => Err(error.faults),
            Err(error) => return Err(error),
            Ok(desired) => {
                let plan = line::make_plan(&context.settings, &connection, &desired, mode, policies).await?;
                Ok(SubPlan {
                    target: target.clone(),
                    changes: in_order(&plan),
                    observed: plan
                        .document()
                        .and_then(|document| document.get("observed"))
                        .cloned(),
                })
            }
        };
        answers.insert(step.step_id, answer);
    }
    Ok(Answers(answers))
}

/// A runbook goes step by step, so the changes come in the order in which they can be made.
fn in_order(plan: &enact_core::plan::Plan) -> Vec<Change> {
    plan.execution_order()
        .iter()
        .filter_map(|change_id| plan.change(change_id).cloned())
        .collect()
}
