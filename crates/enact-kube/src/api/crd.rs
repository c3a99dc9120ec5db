//! The definition that a cluster is given for `KubernetesExecution`, made from the types.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinition, ValidationRule,
};
use kube::CustomResourceExt as _;

use super::spec::KubernetesExecution;

/// The plural, as in URLs.
pub const PLURAL: &str = "kubernetesexecutions";

/// The fields of a spec that may not change: all but `cancel`.
const FIXED: [&str; 10] = [
    "action",
    "parameters",
    "targetResource",
    "dryRun",
    "timeout",
    "preConditions",
    "postConditions",
    "dependsOn",
    "workflowExecutionRef",
    "cluster",
];

/// The definition: schema, columns, status subresource, and the one rule that keeps a spec as it is.
pub fn crd() -> CustomResourceDefinition {
    let mut crd = KubernetesExecution::crd();
    for version in &mut crd.spec.versions {
        version.additional_printer_columns = Some(columns());
        let schema = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut());
        let properties = schema.and_then(|schema| schema.properties.as_mut());
        if let Some(spec) = properties.and_then(|properties| properties.get_mut("spec")) {
            spec.x_kubernetes_validations = Some(vec![unchanging()]);
        }
    }
    crd
}

/// One rule on the whole spec: a rule on a field would not be asked when the field is added or removed.
fn unchanging() -> ValidationRule {
    let same = |field: &&str| {
        format!(
            "has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
        )
    };
    let rules: Vec<String> = FIXED.iter().map(same).collect();
    ValidationRule {
        rule: rules.join(" && "),
        message: Some("the spec of an execution does not change; only cancel may be set".to_owned()),
        ..ValidationRule::default()
    }
}

fn columns() -> Vec<CustomResourceColumnDefinition> {
    let column = |name: &str, path: &str, kind: &str| CustomResourceColumnDefinition {
        name: name.to_owned(),
        json_path: path.to_owned(),
        type_: kind.to_owned(),
        ..CustomResourceColumnDefinition::default()
    };
    vec![
        column("Action", ".spec.action", "string"),
        column("Kind", ".spec.targetResource.kind", "string"),
        column("Target", ".spec.targetResource.name", "string"),
        column("NS", ".spec.targetResource.namespace", "string"),
        column("Phase", ".status.phase", "string"),
        column("DryRun", ".spec.dryRun", "boolean"),
        column("Reason", ".status.failureReason", "string"),
        column("Age", ".metadata.creationTimestamp", "date"),
    ]
}
