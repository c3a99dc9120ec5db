//! The documents that policies are asked about. They are typed: a number is a number because its parameter says so, never
//! because a text looks like one. `enact schema policy-input` publishes their shape.

use std::collections::BTreeMap;

use enact_core::change::{Change, ChangeId};
use enact_core::plan::{Metadata, Plan, PlanId, Summary, Warning};
use enact_core::principal::Principal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The one format of input documents that this version writes.
pub const FORMAT: &str = "enact.policy-input/v1";

/// When and for whom something is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Occasion {
    /// The present time. A policy has no other clock.
    pub now: jiff::Timestamp,
    /// Who asks for it to be done.
    pub actor: Principal,
}

/// The present time in parts, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub unix_seconds: i64,
    /// `monday` to `sunday`.
    pub weekday: String,
    /// `2026-01-02`.
    pub date: String,
    /// Minutes since midnight, 0 to 1439.
    pub minute_of_day: u16,
}

impl Clock {
    /// The parts of a time.
    pub fn of(now: jiff::Timestamp) -> Self {
        let here = now.to_zoned(jiff::tz::TimeZone::UTC);
        let minute = i32::from(here.hour()) * 60 + i32::from(here.minute());
        Self {
            unix_seconds: now.as_second(),
            weekday: weekday(here.weekday()).to_owned(),
            date: here.date().to_string(),
            minute_of_day: u16::try_from(minute).unwrap_or(0),
        }
    }
}

fn weekday(day: jiff::civil::Weekday) -> &'static str {
    use jiff::civil::Weekday;
    match day {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}

/// A plan as policies see it: all of it but its verdict.
#[derive(Debug, Serialize)]
struct PlanContent<'a> {
    format: &'a str,
    plan_id: &'a PlanId,
    metadata: &'a Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a Value>,
    changes: &'a [Change],
    execution_order: &'a [ChangeId],
    summary: &'a Summary,
    warnings: &'a [Warning],
}

#[derive(Debug, Serialize)]
struct PlanInput<'a> {
    format: &'a str,
    kind: &'a str,
    plan: PlanContent<'a>,
    actor: &'a Principal,
    now: String,
    clock: Clock,
}

/// The input document for a plan, as JSON.
///
/// # Errors
/// When a value of the plan has no JSON form, which a frozen plan's always have.
pub fn plan_input(plan: &Plan, occasion: &Occasion) -> Result<String, serde_json::Error> {
    serde_json::to_string(&PlanInput {
        format: FORMAT,
        kind: "plan",
        plan: PlanContent {
            format: enact_core::plan::FORMAT,
            plan_id: plan.id(),
            metadata: plan.metadata(),
            document: plan.document(),
            changes: plan.changes(),
            execution_order: plan.execution_order(),
            summary: plan.summary(),
            warnings: plan.warnings(),
        },
        actor: &occasion.actor,
        now: seconds(occasion.now),
        clock: Clock::of(occasion.now),
    })
}

/// RFC 3339 in UTC with whole seconds, so that texts compare as times do.
pub fn seconds(now: jiff::Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The input document for a plan (`data.enact.plan`), for reading and for its schema.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanInputDocument {
    /// `enact.policy-input/v1`.
    pub format: String,
    /// `plan`.
    pub kind: String,
    /// The plan, without a verdict.
    pub plan: enact_core::plan::PlanDocument,
    /// Who wants to run it.
    pub actor: Principal,
    /// The present time, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub now: jiff::Timestamp,
    /// The same in parts.
    pub clock: Clock,
}

/// What a catalog action is aimed at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetResource {
    /// `Deployment`, `Node`, ….
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace; absent for what belongs to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its labels as they are in the cluster, and what the request claims where the cluster has no such label.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// The input document for a catalog action (`data.kubernetes_executor.safety`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionInput {
    /// `ScaleDeployment`.
    pub action: String,
    /// The parameters as they were written: texts.
    pub parameters: BTreeMap<String, String>,
    /// The parameters as what they are: `"03"` is here 3, or not at all. Compare these.
    pub typed: BTreeMap<String, Value>,
    /// What it is aimed at.
    pub target_resource: TargetResource,
    /// The labels that the request claims. They can only make an answer stricter.
    #[serde(default)]
    pub claimed_labels: BTreeMap<String, String>,
    /// Is it only being tried?
    pub dry_run: bool,
    /// Which request it is.
    pub metadata: ActionMetadata,
    /// What was read in the cluster.
    pub cluster: ClusterFacts,
    /// Who asks.
    pub actor: ActionActor,
    /// The present time, RFC 3339 in UTC.
    pub now: String,
}

/// Which request an action comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionMetadata {
    /// The name of the `KubernetesExecution`.
    pub execution_name: String,
    /// Its namespace.
    pub execution_namespace: String,
}

/// What was read in the cluster right before the question.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterFacts {
    /// The target.
    pub target: TargetFacts,
    /// Its namespace.
    pub namespace: Labelled,
    /// Its node, for actions on nodes.
    pub node: NodeFacts,
    /// The size of the object that would result, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview_bytes: Option<u64>,
}

/// What was read about the target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetFacts {
    /// Is it there?
    pub exists: bool,
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Its uid.
    #[serde(default)]
    pub uid: String,
    /// How many replicas it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i64>,
}

/// Labels and annotations of an object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// What was read about a node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeFacts {
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its taints, as Kubernetes writes them.
    #[serde(default)]
    pub taints: Vec<Value>,
}

/// Who asks for an action.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionActor {
    /// The object that owns the request, if any.
    pub owner: OwnerReference,
    /// Who created it.
    pub created_by: String,
}

/// An owning object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnerReference {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// The input document for a condition (`data.condition.allow`): that of its action, with what was read for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConditionInput {
    /// The action.
    pub action: ActionInput,
    /// Facts of the condition's type. Each also stands at the top level of the document.
    pub state: BTreeMap<String, Value>,
}

impl ConditionInput {
    /// The document: the action's fields, `state`, and the facts again at the top level. A fact never hides a field.
    ///
    /// # Errors
    /// When a value has no JSON form.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut document = serde_json::to_value(&self.action)?;
        if let Some(fields) = document.as_object_mut() {
            for (name, fact) in &self.state {
                fields.entry(name.clone()).or_insert_with(|| fact.clone());
            }
            fields.insert("state".to_owned(), serde_json::to_value(&self.state)?);
        }
        serde_json::to_string(&document)
    }
}

/// Every input document, for its schema: a plan's, or a catalog action's.
#[derive(Debug, JsonSchema)]
#[schemars(title = "enact.policy-input/v1", untagged)]
pub enum AnyInput {
    /// For `data.enact.plan`.
    Plan(Box<PlanInputDocument>),
    /// For `data.kubernetes_executor.safety`. A condition's document has these fields and its facts.
    Action(Box<ActionInput>),
}
