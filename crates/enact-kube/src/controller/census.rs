//! How long executions have been where they are, for those who watch from outside. Nothing is decided by it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::reflector::Store;

use super::Context;
use crate::api::{KubernetesExecution, Phase};

/// How often it is counted: twice between two looks of a Prometheus that looks every half a minute.
const COUNT: Duration = Duration::from_secs(15);

/// The phases that an execution is to leave.
const PASSING: [Phase; 3] = [Phase::Pending, Phase::Validating, Phase::Running];

/// Counts now and then; never ends.
pub(super) async fn census(context: &Arc<Context>, store: &Store<KubernetesExecution>) {
    loop {
        tokio::time::sleep(COUNT).await;
        for (phase, age) in longest(&store.state(), context.clock.now()) {
            context.metrics.longest(phase, age);
        }
    }
}

/// How long the execution that has been longest in each phase has been in it; nothing where there is none.
fn longest(executions: &[Arc<KubernetesExecution>], now: Timestamp) -> [(Phase, Duration); 3] {
    PASSING.map(|phase| {
        let ages = executions
            .iter()
            .filter(|execution| phase_of(execution) == phase)
            .filter_map(|execution| Duration::try_from(now.duration_since(since(execution)?)).ok());
        (phase, ages.max().unwrap_or_default())
    })
}

fn phase_of(execution: &KubernetesExecution) -> Phase {
    let status = execution.status.as_ref();
    status.and_then(|status| status.phase).unwrap_or_default()
}

/// Since when it is in its phase: its last transition, or its creation.
fn since(execution: &KubernetesExecution) -> Option<Timestamp> {
    let last = execution
        .status
        .as_ref()
        .and_then(|status| status.audit_trail.last());
    let moved = last.and_then(|entry| entry.time.parse().ok());
    moved.or_else(|| Some(execution.metadata.creation_timestamp.as_ref()?.0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn execution(created: &str, status: &serde_json::Value) -> Arc<KubernetesExecution> {
        let object = json!({
            "apiVersion": "kubernetesexecution.kubernaut.io/v1alpha1",
            "kind": "KubernetesExecution",
            "metadata": { "name": "x", "creationTimestamp": created },
            "spec": { "action": "ScaleDeployment" },
            "status": status,
        });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    fn moved(to: &str, time: &str) -> serde_json::Value {
        json!({ "phase": to, "auditTrail": [
            { "time": "2026-01-01T00:00:01Z", "from": "Pending", "to": "Validating", "reason": "r", "actor": "a" },
            { "time": time, "from": "Validating", "to": to, "reason": "r", "actor": "a" },
        ] })
    }

    #[test]
    fn each_phase_has_the_age_of_the_one_that_is_longest_in_it() {
        let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
        let all = [
            execution("2026-01-01T00:59:00Z", &json!(null)),
            execution("2026-01-01T00:58:00Z", &json!({})),
            execution("2026-01-01T00:00:00Z", &moved("Running", "2026-01-01T00:30:00Z")),
            execution("2026-01-01T00:00:00Z", &moved("Running", "2026-01-01T00:50:00Z")),
            execution(
                "2025-01-01T00:00:00Z",
                &moved("Completed", "2025-01-01T00:30:00Z"),
            ),
            // Of a clock that is ahead of ours: no age.
            execution(
                "2026-01-01T00:00:00Z",
                &moved("Validating", "2026-01-01T02:00:00Z"),
            ),
        ];
        let minutes = longest(&all, now).map(|(phase, age)| (phase, age.as_secs() / 60));
        assert_eq!(
            minutes,
            [(Phase::Pending, 2), (Phase::Validating, 0), (Phase::Running, 30)]
        );
    }
}
