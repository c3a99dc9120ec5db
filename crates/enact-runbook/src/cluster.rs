//! Clusters, as runbooks need them: who plans a step of kind `kubernetes`, and who carries it out. Another domain does both; a
//! runbook knows their words only.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use enact_core::change::{Effect, Milliseconds};
use enact_engine::stop::StopSignal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::provider::Reply;

/// An answer of a cluster under way.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Which cluster a step is for. Without credentials: whoever runs the plan brings their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterName {
    /// The context of the kubeconfig; absent inside of a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Its address.
    pub server: String,
}

/// What a step is aimed at, with everything put in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aim {
    /// Its kind.
    pub kind: Option<String>,
    /// Its API group and version, where the kind is not known.
    pub api_version: Option<String>,
    /// Its plural, where the kind is not known.
    pub plural: Option<String>,
    /// Its namespace; `*` stands for all where something is looked at.
    pub namespace: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Only what has these labels.
    pub selector: Option<String>,
}

/// An action of the catalog in the catalog's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Doing {
    /// `DrainNode`.
    pub action: String,
    /// The kind that it is aimed at.
    pub kind: String,
    /// The namespace, where the kind belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// The parameters, as texts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

/// What the domain of clusters found out about a step when the plan was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// For which cluster.
    pub cluster: ClusterName,
    /// The uid of the target.
    pub uid: String,
    /// The target's generation, for kinds that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// The target's version, for kinds without a generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// Is it the first step on its target? Then nobody may have changed the target since the plan was made.
    pub first: bool,
    /// What would become of the target as it was seen.
    pub description: String,
    /// What is doubtful about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// How far it reaches.
    pub effect: Effect,
    /// May it be done again when nobody saw how it ended?
    pub repeatable: bool,
    /// What policies for actions are asked about it, without the time.
    pub input: Value,
}

/// How a step is taken back when its author says nothing of it.
#[derive(Debug, Clone, PartialEq)]
pub enum WayBack {
    /// By another action.
    By(Box<Doing>, Box<Planned>),
    /// Not at all.
    None(String),
}

/// What a step wants planned.
#[derive(Debug, Clone, Copy)]
pub struct ClusterRequest<'a> {
    /// The step.
    pub step_id: &'a str,
    /// Is it the step's way back?
    pub is_rollback: bool,
    /// The action, in the catalog's words or kubectl's.
    pub action: &'a str,
    /// What it is aimed at.
    pub aim: &'a Aim,
    /// The parameters.
    pub parameters: &'a BTreeMap<String, String>,
    /// The context of the kubeconfig.
    pub context: Option<&'a str>,
}

/// The plan of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterPlan {
    /// What will be done.
    pub doing: Doing,
    /// What was found out.
    pub planned: Planned,
    /// How long it may take when the author does not say.
    pub timeout: Milliseconds,
    /// How it is taken back when the author does not say.
    pub back: WayBack,
}

/// What a step may use of its surroundings.
#[derive(Clone, Copy)]
pub struct ClusterSite<'a> {
    /// The step.
    pub step: &'a str,
    /// The run; empty where nothing runs.
    pub run: &'a str,
    /// The plan, by its name for people.
    pub plan_name: &'a str,
    /// A folder for this attempt. What is written there is there after a crash.
    pub folder: &'a Path,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether to stop.
    pub stop: &'a StopSignal,
    /// Is a step taken back?
    pub undoing: bool,
    /// Only try: nothing is written.
    pub rehearse: bool,
}

/// An action as it is carried out.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// What is to be done.
    pub doing: &'a Doing,
    /// What was planned for.
    pub planned: &'a Planned,
    /// The namespace of the execution that is made for it, where it goes through the executor of the cluster.
    pub executor: Option<&'a str>,
    /// Is it the way back that the action itself told, in the folder of the step's first attempt?
    pub as_told: bool,
}

/// What became of a step whose end nobody saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Became {
    /// The target shows that it was done.
    Done(String),
    /// It certainly was not begun, or goes on elsewhere and is found there.
    NotBegun,
    /// The target does not show it, or shows nothing of it.
    NotShown(String),
    /// Nobody can say.
    Unknown(String),
}

/// A cluster's hands. Errors are texts for people; none holds a credential.
pub trait Cluster {
    /// How the target of a step differs from what was planned for: what was expected, and what is there. `exactly`: nobody may have
    /// changed it; else it is only to be the same object.
    fn differs<'a>(
        &'a self,
        step: Step<'a>,
        exactly: bool,
    ) -> Answering<'a, Result<Option<(String, String)>, String>>;

    /// Carries a step out, or tries it.
    fn act<'a>(&'a self, step: Step<'a>, site: ClusterSite<'a>) -> Answering<'a, Reply>;

    /// Looks what became of a step, by what its attempt left in the site's folder and by the target.
    fn became<'a>(&'a self, step: Step<'a>, site: ClusterSite<'a>) -> Answering<'a, Became>;

    /// Reads an object, or all of a kind. What is not there has status 404.
    fn get<'a>(&'a self, aim: &'a Aim, context: Option<&'a str>) -> Answering<'a, Reply>;
}
