//! The catalog: every action that an execution may name. One action, one file; a new one is its file and its line in
//! [`Catalog::built_in`].

mod act;
mod cordon_node;
mod custom;
mod delete_pod;
mod deployment;
mod drain_evict;
mod drain_filter;
mod drain_node;
mod image;
mod node;
mod parameter;
mod patch;
mod patch_configmap;
mod patch_secret;
mod restart_deployment;
mod rollout;
mod rollout_status;
mod scale_deployment;
mod selector;
mod uncordon_node;
mod update_image;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use enact_core::change::Effect;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use act::{Acted, Acting, BoxFuture, Done, Failed, Failure, LAST_EXECUTION, Stage, describe};
pub use custom::{ACCOUNT_PREFIX, Argument, CustomAction, MOST_ACTIONS, Program, argv, read as read_custom};
pub use drain_filter::{Grouped, Selection, Verdict as PodVerdict, select as select_pods};
pub use image::is_image_reference;
pub(crate) use parameter::MAX_VALUE;
pub use parameter::{Parameter, Shape, Typed, typed};
pub use patch_secret::{VALUES, read_reference};
pub use rollout::{Rollout, rollout};
pub use selector::{Requirement, is_subdomain, parse_selector};

use crate::api::RollbackInfo;

/// The most time that any action may take.
pub const MOST_TIME: Duration = Duration::from_secs(15 * 60);

/// What an action is aimed at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// Its kind: `Deployment`.
    pub kind: String,
    /// Its namespace; none for a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(formatter, "{} {namespace}/{}", self.kind, self.name),
            None => write!(formatter, "{} {}", self.kind, self.name),
        }
    }
}

/// A right that an action's account has. What an action calls is among them; a test holds it to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// The API group; empty for the core.
    pub group: &'static str,
    /// The resource, with its subresource: `deployments/scale`.
    pub resource: &'static str,
    /// The verbs.
    pub verbs: &'static [&'static str],
}

/// What everybody may know about an action.
#[derive(Debug, Clone)]
pub struct About {
    /// Its name: `ScaleDeployment`.
    pub name: Cow<'static, str>,
    /// Its version, counted from 1: `ScaleDeployment@v1`.
    pub version: u32,
    /// The kind that it is aimed at.
    pub kind: &'static str,
    /// The API group and version of that kind: `apps/v1`.
    pub api_version: &'static str,
    /// The plural of that kind: `deployments`.
    pub plural: &'static str,
    /// Does the kind belong to a namespace?
    pub namespaced: bool,
    /// What it does, in a sentence.
    pub about: Cow<'static, str>,
    /// How long it may take when nothing else is said.
    pub timeout: Duration,
    /// How long it usually takes.
    pub typical: Duration,
    /// Does it only read, write, or destroy?
    pub effect: Effect,
    /// May its pod be started again after a node was lost? Only where doing it twice is doing it once.
    pub idempotent: bool,
    /// What its account may do. Empty for an operator's own: what its account may do is theirs to say.
    pub rights: &'static [Right],
    /// What its Job runs.
    pub runs: Runs,
}

/// What the Job of an action runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Runs {
    /// This program, which knows the action.
    #[default]
    Ourselves,
    /// A program of the operator's.
    Program(Program),
}

impl About {
    /// The account that its Job runs under: `kubernetes-executor-scale-deployment`.
    pub fn account(&self) -> String {
        match &self.runs {
            Runs::Ourselves => format!("kubernetes-executor-{}", kebab(&self.name)),
            Runs::Program(program) => program.account.clone(),
        }
    }
}

/// `ScaleDeployment` as `scale-deployment`, `PatchConfigMap` as `patch-configmap`.
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for (at, character) in name.replace("ConfigMap", "Configmap").char_indices() {
        if character.is_ascii_uppercase() && at > 0 {
            text.push('-');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}

/// What is asked of an action, read and resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// What it is aimed at.
    pub target: Target,
    /// The parameters as what they are.
    pub parameters: Typed,
    /// Who asks: `namespace/name/uid` of the execution, or of a runbook's step.
    pub on_behalf_of: String,
    /// The present time, RFC 3339: for what an action writes down.
    pub now: String,
}

/// What an action would do to the target as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Foreseen {
    /// In words.
    pub description: String,
    /// How many resources it touches.
    pub affected: u32,
    /// The size of the object that results, in bytes, where one does.
    pub bytes: Option<u64>,
    /// What is doubtful about it.
    pub warnings: Vec<String>,
    /// How to take it back.
    pub rollback: RollbackInfo,
    /// What the way back needs and the status must not hold: prior values of a Secret.
    pub snapshot: BTreeMap<String, String>,
    /// What of the target must not have changed until the action runs.
    pub basis: Basis,
    /// Why it is not to be done after all: the target is not what the request counts on. Policy is asked all the same.
    pub unexpected: Option<String>,
}

impl Foreseen {
    /// The same, where the target is what the request counts on.
    ///
    /// # Errors
    /// What it is instead.
    pub fn if_expected(self) -> Result<Self, String> {
        match self.unexpected {
            None => Ok(self),
            Some(why) => Err(why),
        }
    }
}

/// What of the target must not have changed between judging and acting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// Its uid.
    pub uid: String,
    /// Its generation, for kinds whose status changes all the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// Its version, for kinds without a generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
}

/// Does the target show that the action happened?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// It is as it would be.
    Yes,
    /// It is not.
    No,
    /// Nothing of it can be seen.
    Nothing,
}

/// One action of the catalog.
pub trait CatalogAction: Send + Sync {
    /// What everybody may know about it.
    fn about(&self) -> &About;

    /// The parameters that it takes.
    fn parameters(&self) -> Vec<Parameter>;

    /// Do its parameters go together? Each of them is in order by itself.
    ///
    /// # Errors
    /// Why they do not, in words.
    fn fits(&self, _: &Typed) -> Result<(), String> {
        Ok(())
    }

    /// What it would do to this target, and why it cannot. Pure.
    ///
    /// # Errors
    /// Why it would fail, in words.
    fn foresee(&self, target: &Value, asked: &Asked) -> Result<Foreseen, String>;

    /// Does this target show that it happened? Asked when its Job is gone and nobody saw its end. Pure.
    fn shows(&self, target: Option<&Value>, asked: &Asked, basis: &Basis) -> Shows;

    /// Does it, with what the account that it runs under may do.
    fn act<'a>(&'a self, acting: &'a Acting) -> BoxFuture<'a, Acted>;
}

/// Why an action cannot be in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// One of that name is there.
    #[error("the catalog has an action {0} already")]
    Duplicate(String),
}

/// Every action that may be asked for, in the order of their names. Read by many, changed by nobody once it is made.
#[derive(Clone, Default)]
pub struct Catalog {
    actions: BTreeMap<String, Arc<dyn CatalogAction>>,
}

impl fmt::Debug for Catalog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.actions.keys()).finish()
    }
}

/// How many actions there are of each kind of target.
pub type Statistics = BTreeMap<&'static str, usize>;

impl Catalog {
    /// The ten that come with the program.
    pub fn built_in() -> Self {
        let actions: Vec<Arc<dyn CatalogAction>> = vec![
            Arc::new(cordon_node::CordonNode),
            Arc::new(delete_pod::DeletePod),
            Arc::new(drain_node::DrainNode),
            Arc::new(patch_configmap::PatchConfigMap),
            Arc::new(patch_secret::PatchSecret),
            Arc::new(restart_deployment::RestartDeployment),
            Arc::new(rollout_status::RolloutStatus),
            Arc::new(scale_deployment::ScaleDeployment),
            Arc::new(uncordon_node::UncordonNode),
            Arc::new(update_image::UpdateImage),
        ];
        let named = actions
            .into_iter()
            .map(|action| (action.about().name.to_string(), action));
        Self {
            actions: named.collect(),
        }
    }

    /// One more.
    ///
    /// # Errors
    /// When there is one of that name.
    pub fn register(&mut self, action: Arc<dyn CatalogAction>) -> Result<(), CatalogError> {
        let name = action.about().name.to_string();
        if self.exists(&name) {
            return Err(CatalogError::Duplicate(name));
        }
        self.actions.insert(name, action);
        Ok(())
    }

    /// The same with these only. Names that are not in it are left out.
    #[must_use]
    pub fn only(mut self, names: &[String]) -> Self {
        self.actions.retain(|name, _| names.contains(name));
        self
    }

    /// The action of a name, `ScaleDeployment` or `ScaleDeployment@v1`.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn CatalogAction>> {
        let (bare, version) = match name.split_once('@') {
            Some((bare, version)) => (bare, Some(version)),
            None => (name, None),
        };
        let action = self.actions.get(bare)?;
        let fits = version.is_none_or(|version| version == format!("v{}", action.about().version));
        fits.then_some(action)
    }

    /// Is there one of that name?
    pub fn exists(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Every one, by name.
    pub fn list(&self) -> impl Iterator<Item = &Arc<dyn CatalogAction>> {
        self.actions.values()
    }

    /// How many there are of each kind of target.
    pub fn statistics(&self) -> Statistics {
        let mut counts = Statistics::new();
        for action in self.list() {
            *counts.entry(action.about().kind).or_default() += 1;
        }
        counts
    }

    /// What is wrong with a name that is not in it.
    pub fn unknown(&self, name: &str) -> String {
        let names: Vec<&str> = self.actions.keys().map(String::as_str).collect();
        let shown: String = name.chars().take(64).collect();
        format!("unknown action: '{shown}' (available: {})", names.join(", "))
    }
}
