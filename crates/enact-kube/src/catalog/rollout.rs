//! Is a Deployment rolled out? As `kubectl rollout status` decides it (`DeploymentStatusViewer` in kubectl).

use k8s_openapi::api::apps::v1::Deployment;

/// Where a rollout stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rollout {
    /// Everything is as it should be.
    Complete,
    /// Not yet, and why.
    Waiting(String),
    /// It will not come.
    Stuck(String),
}

/// The annotation with a Deployment's revision.
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";

/// Where the rollout of a Deployment stands. A paused one never ends, so it counts as stuck.
pub fn rollout(deployment: &Deployment) -> Rollout {
    let (spec, status) = (deployment.spec.as_ref(), deployment.status.as_ref());
    let generation = deployment.metadata.generation.unwrap_or(0);
    let observed = status.and_then(|status| status.observed_generation).unwrap_or(0);
    if generation > observed {
        return Rollout::Waiting("the cluster has not looked at the new spec yet".to_owned());
    }
    if out_of_time(deployment) {
        return Rollout::Stuck("it exceeded its progress deadline".to_owned());
    }
    let wanted = spec.and_then(|spec| spec.replicas).unwrap_or(1);
    let count = |number: Option<i32>| number.unwrap_or(0);
    let all = count(status.and_then(|status| status.replicas));
    let updated = count(status.and_then(|status| status.updated_replicas));
    let available = count(status.and_then(|status| status.available_replicas));
    let waiting = if updated < wanted {
        Some(format!("{updated} of {wanted} new replicas have been updated"))
    } else if all > updated {
        Some(format!("{} old replicas are still there", all - updated))
    } else if available < updated {
        Some(format!("{available} of {updated} updated replicas are available"))
    } else {
        None
    };
    match waiting {
        None => Rollout::Complete,
        Some(_) if spec.and_then(|spec| spec.paused).unwrap_or(false) && updated < wanted => {
            Rollout::Stuck("it is paused".to_owned())
        }
        Some(why) => Rollout::Waiting(why),
    }
}

fn out_of_time(deployment: &Deployment) -> bool {
    let conditions = deployment
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .filter(|condition| condition.type_ == "Progressing")
        .any(|condition| condition.reason.as_deref() == Some("ProgressDeadlineExceeded"))
}

/// The revision that the cluster counts.
pub(super) fn revision(deployment: &Deployment) -> Option<&str> {
    let annotations = deployment.metadata.annotations.as_ref()?;
    annotations.get(REVISION).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(spec: serde_json::Value, status: serde_json::Value) -> Rollout {
        let object = json!({
            "metadata": { "name": "a", "generation": 2 },
            "spec": spec,
            "status": status,
        });
        let mut deployment: Deployment =
            serde_json::from_value(json!({ "metadata": object["metadata"] })).unwrap();
        let mut full = json!({ "selector": {}, "template": {} });
        full.as_object_mut()
            .unwrap()
            .extend(object["spec"].as_object().unwrap().clone());
        deployment.spec = serde_json::from_value(full).unwrap();
        deployment.status = serde_json::from_value(object["status"].clone()).unwrap();
        rollout(&deployment)
    }

    #[test]
    fn a_rollout_is_complete_when_kubectl_says_so() {
        let replicas = json!({ "replicas": 3 });
        let done =
            json!({ "observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3 });
        assert_eq!(at(replicas.clone(), done), Rollout::Complete);
        let waits = [
            json!({ "observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3 }),
            json!({ "observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 2 }),
            json!({ "observedGeneration": 2, "replicas": 4, "updatedReplicas": 3, "availableReplicas": 3 }),
            json!({ "observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 2 }),
        ];
        for status in waits {
            assert!(
                matches!(at(replicas.clone(), status.clone()), Rollout::Waiting(_)),
                "{status}"
            );
        }
        let zero = json!({ "observedGeneration": 2 });
        assert_eq!(at(json!({ "replicas": 0 }), zero), Rollout::Complete);
        let late = json!({ "observedGeneration": 2, "replicas": 1, "updatedReplicas": 1,
            "conditions": [{ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" }] });
        assert!(matches!(at(replicas.clone(), late), Rollout::Stuck(_)));
        let paused = json!({ "replicas": 3, "paused": true });
        let half =
            json!({ "observedGeneration": 2, "replicas": 3, "updatedReplicas": 0, "availableReplicas": 3 });
        assert!(matches!(at(paused, half), Rollout::Stuck(_)));
    }
}
