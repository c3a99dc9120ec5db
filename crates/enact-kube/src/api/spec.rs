//! What is asked for.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::KubernetesExecutionStatus;

/// A remediation that is asked for: one action of the catalog on one resource. Only `action` is required by the schema; what else
/// is missing or wrong is said in the status, so that the request is on record.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kubernetesexecution.kubernaut.io",
    version = "v1alpha1",
    kind = "KubernetesExecution",
    plural = "kubernetesexecutions",
    singular = "kubernetesexecution",
    shortname = "kex",
    namespaced,
    status = "KubernetesExecutionStatus",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesExecutionSpec {
    /// An action of the catalog, `ScaleDeployment` or `ScaleDeployment@v1`. Unknown names are refused in the status.
    #[schemars(length(max = 64))]
    pub action: String,
    /// The action's parameters, as texts. Unknown ones are an error.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub parameters: BTreeMap<String, String>,
    /// What it is aimed at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_resource: Option<TargetResource>,
    /// Only try: everything is checked, nothing is done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// How long it may take, `90s` or `5m`, up to 15 minutes. The catalog has a default for each action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub timeout: Option<String>,
    /// What must hold before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub pre_conditions: Vec<ActionCondition>,
    /// What must hold after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub post_conditions: Vec<ActionCondition>,
    /// Executions of the same namespace and owner that must be completed first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub depends_on: Vec<Dependency>,
    /// Which workflow asked. For people; ownership is in `metadata.ownerReferences`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_execution_ref: Option<WorkflowExecutionRef>,
    /// Not to be given: an executor acts in its own cluster only, and a request that names one is refused in the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub cluster: Option<String>,
    /// Stop it. The only field that may change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel: bool,
}

/// What an execution is aimed at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetResource {
    /// Its kind; must be the action's where it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub kind: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub name: Option<String>,
    /// Its namespace; without it that of the execution. A node has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
    /// Labels that the request claims it has. They can only make policy stricter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub labels: BTreeMap<String, String>,
}

/// A condition in Rego, before or after the action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionCondition {
    /// Which one: `image_pull_secrets_valid`.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 64))]
    pub kind: String,
    /// What it means, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
    /// A module (`package condition`), or `configmap:KEY` of the conditions that the operator keeps.
    #[schemars(length(max = 16384))]
    pub rego: String,
    /// Does the execution fail when it does not hold? Otherwise it is a warning.
    #[serde(default = "yes")]
    pub required: bool,
    /// How long it may take to hold: up to 60 seconds before, up to 10 minutes after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub timeout: Option<String>,
    /// After: how long it must go on to hold.
    #[serde(default, rename = "stableFor", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub stable_for: Option<String>,
}

fn yes() -> bool {
    true
}

/// Another execution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dependency {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The workflow that asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowExecutionRef {
    /// Its API version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its uid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}
