//! What a Job tells of the way back while it runs: newer than what was foreseen, and written down before the pod can be gone.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use super::known::Known;
use crate::api::{KubernetesExecutionStatus, RollbackInfo};

/// Takes what the action itself says of the way back; where it is kept is not its to say. What cannot be read counts for nothing.
pub(super) fn refine(status: &mut KubernetesExecutionStatus, told: Option<&str>) {
    let told: Option<RollbackInfo> = told.and_then(|text| serde_json::from_str(text).ok());
    if let Some(mut refined) = told {
        if let Some(before) = &status.rollback_info {
            refined.snapshot_ref.clone_from(&before.snapshot_ref);
        }
        status.rollback_info = Some(refined);
    }
}

/// The pod whose log is to be followed, and how long it has been running: while nothing was told, the newest that runs.
pub(super) fn to_follow(known: &Known<'_>, pods: &[Pod]) -> Option<(String, Duration)> {
    if known.facts.told.iter().flatten().next().is_some() {
        return None;
    }
    let running = pods.iter().filter_map(|pod| {
        let status = pod.status.as_ref()?;
        let started = status
            .start_time
            .as_ref()
            .or(pod.metadata.creation_timestamp.as_ref())?;
        (status.phase.as_deref() == Some("Running")).then(|| (started.0, pod.metadata.name.clone()))
    });
    let (started, name) = running.max()?;
    let runs_for = Duration::try_from(known.now.duration_since(started)).unwrap_or(Duration::ZERO);
    Some((name?, runs_for))
}
