//! What is kept in memory of an execution that a watch brought. Every pass reads its object anew before it decides, so the
//! memory is there for three things only: to know that something changed, which executions run on which targets, and since when
//! each is in its phase. Ten thousand that are over must not cost more than their names.

use kube::ResourceExt as _;

use crate::api::{FINALIZER, KubernetesExecution, KubernetesExecutionSpec, KubernetesExecutionStatus, Phase};

/// Takes away what nobody asks the memory for: of the status all but the phase and the last transition, of one that is over that
/// too, and its request.
pub(super) fn trim(object: &mut KubernetesExecution) {
    let phase = object.status.as_ref().and_then(|status| status.phase);
    let over = phase.is_some_and(Phase::is_final);
    let last = object
        .status
        .take()
        .and_then(|mut status| status.audit_trail.pop());
    object.metadata.managed_fields = None;
    object.metadata.annotations = None;
    object.metadata.labels = None;
    object.metadata.owner_references = None;
    object.status = phase.map(|phase| KubernetesExecutionStatus {
        phase: Some(phase),
        audit_trail: last.filter(|_| !over).into_iter().collect(),
        ..KubernetesExecutionStatus::default()
    });
    if over {
        object.spec = KubernetesExecutionSpec::default();
    }
}

/// Is it over, with nothing left that it would be looked at for? What is over stays over, so an old word of it is as good as a
/// new one.
pub(super) fn is_done_with(seen: &KubernetesExecution) -> bool {
    let phase = seen.status.as_ref().and_then(|status| status.phase);
    phase.is_some_and(Phase::is_final)
        && seen.metadata.deletion_timestamp.is_none()
        && !seen.finalizers().iter().any(|name| name == FINALIZER)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(phase: &str, metadata: &Value) -> KubernetesExecution {
        let mut object = json!({
            "apiVersion": "kubernetesexecution.kubernaut.io/v1alpha1", "kind": "KubernetesExecution",
            "metadata": { "name": "e", "namespace": "shop", "uid": "u" },
            "spec": { "action": "CordonNode", "targetResource": { "name": "n" } },
            "status": { "phase": phase, "message": "long", "jobName": "j", "auditTrail": [
                { "time": "1", "from": "Pending", "to": "Validating", "reason": "r", "actor": "a" },
                { "time": "2", "from": "Validating", "to": phase, "reason": "r", "actor": "a" },
            ] },
        });
        for (key, value) in metadata.as_object().unwrap() {
            object["metadata"][key] = value.clone();
        }
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn one_that_is_over_keeps_its_name_and_phase() {
        let mut over = object(
            "Completed",
            &json!({ "annotations": { "a": "b" }, "labels": { "c": "d" } }),
        );
        trim(&mut over);
        let left = serde_json::to_value(&over).unwrap();
        assert_eq!(
            left["metadata"],
            json!({ "name": "e", "namespace": "shop", "uid": "u" })
        );
        assert_eq!(left["status"], json!({ "phase": "Completed" }));
        assert_eq!(left["spec"]["action"], "");
    }

    #[test]
    fn one_that_runs_keeps_its_target_and_since_when_it_does() {
        let mut runs = object("Running", &json!({}));
        trim(&mut runs);
        let left = serde_json::to_value(&runs).unwrap();
        assert_eq!(left["spec"]["targetResource"]["name"], "n");
        assert_eq!(left["status"]["phase"], "Running");
        assert_eq!(left["status"].get("message"), None);
        assert_eq!(left["status"]["auditTrail"].as_array().map(Vec::len), Some(1));
        assert_eq!(left["status"]["auditTrail"][0]["time"], "2");
    }

    #[test]
    fn only_what_is_over_and_held_by_nothing_is_done_with() {
        assert!(is_done_with(&object("Failed", &json!({}))));
        assert!(!is_done_with(&object("Running", &json!({}))));
        assert!(!is_done_with(&object(
            "Failed",
            &json!({ "finalizers": [FINALIZER] })
        )));
        let deleted = json!({ "deletionTimestamp": "2026-01-01T00:00:00Z" });
        assert!(!is_done_with(&object("Failed", &deleted)));
    }
}
