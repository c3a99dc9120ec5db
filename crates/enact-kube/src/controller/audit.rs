//! The log's side of the audit trail: one line for each transition that was written, with what it rests on. No parameter stands in it.

use kube::ResourceExt as _;

use crate::api::{FailureReason, KubernetesExecution, KubernetesExecutionStatus};

/// Says that an execution went from one phase to another. What policy refused is a warning, with every violation and the
/// digests of policies and input.
pub(super) fn transition(
    object: &KubernetesExecution,
    before: &KubernetesExecutionStatus,
    after: &KubernetesExecutionStatus,
) {
    let (from, to) = (before.phase.unwrap_or_default(), after.phase.unwrap_or_default());
    if from == to {
        return;
    }
    let decision = after.policy_decision.as_ref();
    let bundle = decision.map_or("", |decision| decision.bundle_digest.as_str());
    let input = decision.map_or("", |decision| decision.input_digest.as_str());
    let reason = after.failure_reason.map_or("", FailureReason::as_str);
    let (namespace, name, uid) = (object.namespace(), object.name_any(), object.uid());
    let (namespace, uid) = (namespace.unwrap_or_default(), uid.unwrap_or_default());
    let action = object.spec.action.as_str();
    if after.failure_reason == Some(FailureReason::PolicyDenied) {
        let violations = after.policy_violations.join("; ");
        tracing::warn!(%namespace, %name, %uid, action, bundle, input, violations, "denied by policy");
    } else {
        tracing::info!(
            %namespace, %name, %uid, action, from = from.as_str(), to = to.as_str(), reason, bundle, input,
            "an execution moved on"
        );
    }
}
