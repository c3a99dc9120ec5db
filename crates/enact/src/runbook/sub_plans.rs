//! `konnect` and `kubernetes` steps of runbooks: planned by their own domain when the runbook is frozen. Compiling is pure, so it is done twice: once
//! to learn what is asked, once with the answers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use enact_core::change::{Change, Effect, Milliseconds};
use enact_core::diagnostic::Diagnostic;
use enact_core::plan::Mode;
use enact_runbook::cluster::{Aim, ClusterName, ClusterPlan, ClusterRequest, Doing, Planned, WayBack};
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

/// What a step on a cluster wants planned.
#[derive(Debug, Clone)]
#[cfg_attr(
    not(feature = "kubernetes"),
    expect(dead_code, reason = "a program without clusters refuses such steps before")
)]
pub(crate) struct WantedOnCluster {
    pub(super) step_id: String,
    pub(super) is_rollback: bool,
    pub(super) action: String,
    pub(super) aim: Aim,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) context: Option<String>,
}

/// Plans of steps on clusters, by step; with `true` that of its way back.
pub(super) type OnClusters = BTreeMap<(String, bool), Result<ClusterPlan, Vec<Diagnostic>>>;

/// Only writes down what is asked.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    konnect: RefCell<Vec<Wanted>>,
    clusters: RefCell<Vec<WantedOnCluster>>,
}

impl Asked {
    pub(crate) fn into_wanted(self) -> (Vec<Wanted>, Vec<WantedOnCluster>) {
        (self.konnect.into_inner(), self.clusters.into_inner())
    }
}

impl SubPlanner for Asked {
    fn plan(&self, request: &SubPlanRequest<'_>) -> Result<SubPlan, Vec<Diagnostic>> {
        self.konnect.borrow_mut().push(Wanted {
            step_id: request.step_id.to_owned(),
            operation: request.operation.to_owned(),
            files: request.files.to_vec(),
        });
        Ok(SubPlan {
            target: serde_json::Value::Null,
            changes: Vec::new(),
            unchanged: Vec::new(),
            observed: None,
            warnings: Vec::new(),
        })
    }

    fn cluster(&self, request: &ClusterRequest<'_>) -> Result<ClusterPlan, Vec<Diagnostic>> {
        self.clusters.borrow_mut().push(WantedOnCluster {
            step_id: request.step_id.to_owned(),
            is_rollback: request.is_rollback,
            action: request.action.to_owned(),
            aim: request.aim.clone(),
            parameters: request.parameters.clone(),
            context: request.context.map(ToOwned::to_owned),
        });
        Ok(nothing_known())
    }
}

/// The plan of a step before the cluster was asked. No frozen plan holds it.
fn nothing_known() -> ClusterPlan {
    ClusterPlan {
        doing: Doing {
            action: String::new(),
            kind: String::new(),
            namespace: None,
            name: String::new(),
            parameters: BTreeMap::new(),
        },
        planned: Planned {
            cluster: ClusterName::default(),
            uid: String::new(),
            generation: None,
            resource_version: None,
            first: false,
            description: String::new(),
            warnings: Vec::new(),
            effect: Effect::Read,
            repeatable: true,
            input: serde_json::Value::Null,
        },
        timeout: Milliseconds(1),
        back: WayBack::None(String::new()),
    }
}

/// What the other domains answered, by step.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    konnect: BTreeMap<String, Result<SubPlan, Vec<Diagnostic>>>,
    clusters: OnClusters,
}

impl SubPlanner for Answers {
    fn plan(&self, request: &SubPlanRequest<'_>) -> Result<SubPlan, Vec<Diagnostic>> {
        self.konnect
            .get(request.step_id)
            .cloned()
            .unwrap_or_else(|| Err(vec![Diagnostic::error("this step was not planned")]))
    }

    fn cluster(&self, request: &ClusterRequest<'_>) -> Result<ClusterPlan, Vec<Diagnostic>> {
        self.clusters
            .get(&(request.step_id.to_owned(), request.is_rollback))
            .cloned()
            .unwrap_or_else(|| Err(vec![Diagnostic::error("this step was not planned")]))
    }
}

/// Plans every step of another domain, with the present state of what it is for.
pub(crate) async fn answer_all(
    context: &Context,
    folder: &Path,
    konnect: &KonnectFlags,
    policies: &mut Policies,
    wanted: (Vec<Wanted>, Vec<WantedOnCluster>),
) -> Result<Answers, CommandError> {
    let (on_konnect, on_clusters) = wanted;
    let mut answers = Answers::default();
    if !on_konnect.is_empty() {
        answers.konnect = answer(context, folder, konnect, policies, on_konnect).await?;
    }
    if !on_clusters.is_empty() {
        answers.clusters = super::cluster::plans(context, on_clusters).await;
    }
    Ok(answers)
}

/// Plans every step, with the present state of Konnect.
async fn answer(
    context: &Context,
    folder: &Path,
    konnect: &KonnectFlags,
    policies: &mut Policies,
    wanted: Vec<Wanted>,
) -> Result<BTreeMap<String, Result<SubPlan, Vec<Diagnostic>>>, CommandError> {
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
                let made =
                    line::plan_and_rest(&context.settings, &connection, &desired, mode, policies).await?;
                let (plan, unchanged) = made;
                Ok(SubPlan {
                    target: target.clone(),
                    changes: in_order(&plan),
                    unchanged,
                    observed: plan
                        .document()
                        .and_then(|document| document.get("observed"))
                        .cloned(),
                    warnings: plan
                        .warnings()
                        .iter()
                        .map(|warning| warning.message.clone())
                        .collect(),
                })
            }
        };
        answers.insert(step.step_id, answer);
    }
    Ok(answers)
}

/// A runbook goes step by step, so the changes come in the order in which they can be made.
fn in_order(plan: &enact_core::plan::Plan) -> Vec<Change> {
    plan.execution_order()
        .iter()
        .filter_map(|change_id| plan.change(change_id).cloned())
        .collect()
}
