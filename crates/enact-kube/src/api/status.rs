//! What became of it. One writer, the controller; everything in it has a bound.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reason::FailureReason;

/// Where an execution stands. `Completed` and `Failed` are final.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Phase {
    /// Nobody has looked at it yet.
    #[default]
    Pending,
    /// Action and parameters are in order; target, policy and conditions are looked at.
    Validating,
    /// Its Job is being created, or runs.
    Running,
    /// Done, or tried well.
    Completed,
    /// Not done, or not as it should be.
    Failed,
}

impl Phase {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Validating => "Validating",
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
        }
    }

    /// Does nothing come after it?
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// What became of an execution.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesExecutionStatus {
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// In words, up to 1 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why it failed, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<FailureReason>,
    /// The standard conditions, one of each type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
    /// What policies object to, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_violations: Vec<String>,
    /// The decision that it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_decision: Option<PolicyDecision>,
    /// What was found out before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_results: Option<ValidationResults>,
    /// The Job's name, written before the Job is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// The Job's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_namespace: Option<String>,
    /// The Job's uid, once it was created.
    #[serde(default, rename = "jobUID", skip_serializing_if = "Option::is_none")]
    pub job_uid: Option<String>,
    /// What the action says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ExecutionResult>,
    /// How to take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_info: Option<RollbackInfo>,
    /// When it was first looked at. Like all times here: RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_start_time: Option<String>,
    /// When it was let through, or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_complete_time: Option<String>,
    /// When it was decided to run it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_start_time: Option<String>,
    /// When its Job was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_complete_time: Option<String>,
    /// Since when it waits where it is: for policies, for the target, for an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<String>,
    /// The target as it was when it was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_snapshot: Option<TargetSnapshot>,
    /// Until when conditions may come to hold, and since when they do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub condition_deadlines: Vec<ConditionDeadline>,
    /// The last 32 transitions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audit_trail: Vec<AuditEntry>,
    /// The generation that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The digest of the spec that was judged, without `cancel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_hash: Option<String>,
    /// The plan that the execution is: what an approval must be signed for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// The version of the catalog's action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_version: Option<String>,
}

/// The decision of the policies that an execution rests on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyDecision {
    /// Was it allowed?
    pub allowed: bool,
    /// Of which policies.
    pub bundle_digest: String,
    /// Of what they were asked.
    pub input_digest: String,
    /// When.
    pub evaluated_at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// What was found out before anything was done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidationResults {
    /// Are action and parameters in order?
    pub parameter_validation: bool,
    /// May the action's account do it?
    pub rbac_validation: bool,
    /// Is the target there?
    pub resource_exists: bool,
    /// What the policies say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_validation: Option<PolicyValidation>,
    /// What trying it showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run_results: Option<DryRunResults>,
    /// What must hold before, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pre_condition_results: Vec<ConditionResult>,
    /// What must hold after, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_condition_results: Vec<ConditionResult>,
    /// When this was found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_time: Option<String>,
}

/// What the policies say, in short.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyValidation {
    /// Which policies.
    pub policy_name: String,
    /// Do they allow it?
    pub allowed: bool,
    /// What they object to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<String>,
}

/// What trying it showed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRunResults {
    /// Was it tried?
    pub performed: bool,
    /// Would it go well?
    pub success: bool,
    /// What it would touch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_impact: Option<EstimatedImpact>,
    /// What is doubtful about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What is in its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// What an action would touch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EstimatedImpact {
    /// How many resources.
    pub resources_affected: u32,
    /// In words.
    pub description: String,
}

/// How a condition stood when it was last looked at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConditionResult {
    /// Which one.
    pub condition_type: String,
    /// Could it be found out?
    pub evaluated: bool,
    /// Does it hold?
    pub passed: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// When.
    pub evaluation_time: String,
    /// How often it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

/// Until when a condition may come to hold. In the status, so that a restart goes on instead of beginning again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConditionDeadline {
    /// Which one, by its place.
    pub index: u32,
    /// Until when.
    pub until: String,
    /// Since when it holds without a break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds_since: Option<String>,
    /// How often it was looked at.
    #[serde(default)]
    pub attempts: u32,
}

/// What the action says about itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionResult {
    /// Did it go well?
    pub succeeded: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The end of its output, up to 8 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// What it touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources_affected: Vec<ResourceAffected>,
    /// How long it took, `12.3s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// Always 0: an action is never run twice.
    #[serde(default)]
    pub retries_attempted: u32,
}

/// A resource that an action touched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceAffected {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// What was done to it.
    pub action: String,
    /// How it was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub before: BTreeMap<String, String>,
    /// How it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub after: BTreeMap<String, String>,
}

/// How to take an action back. Never done by itself: it is the spec of another execution.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollbackInfo {
    /// Is there a way?
    pub available: bool,
    /// The action that takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// What it is aimed at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_resource: Option<super::spec::TargetResource>,
    /// Why there is no way, or what to know about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When this was found out: before anything was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<String>,
    /// The digest of how the target should be when it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_current: Option<String>,
    /// The Secret that holds what is too long or too secret to stand here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_ref: Option<String>,
}

/// The target as it was when it was judged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetSnapshot {
    /// Its uid: another object of the same name is another target.
    pub uid: String,
    /// Its version.
    pub resource_version: String,
    /// Its generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// Its labels, the first 64 of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// One transition.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// When.
    pub time: String,
    /// From where.
    pub from: Phase,
    /// To where.
    pub to: Phase,
    /// Why, for programs.
    pub reason: String,
    /// Who did it.
    pub actor: String,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
