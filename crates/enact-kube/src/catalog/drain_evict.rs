//! One eviction, as `kubectl drain` does it: again and again while a disruption budget forbids it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, ObjectMeta, Preconditions};
use kube::api::PostParams;
use kube::{Api, ResourceExt as _};
use serde_json::Value;

use super::act::{Acting, Failed, code_of, describe};

/// How long a refused eviction waits at least before it is tried again, as in kubectl.
const AGAIN: Duration = Duration::from_secs(5);

/// Evicts one pod; tries again as long as a disruption budget forbids it.
///
/// # Errors
/// When the server refuses it for good, it is to stop, or the time is over.
pub(super) async fn evict(acting: &Acting, pod: &Pod) -> Result<(), Failed> {
    let body = Eviction {
        metadata: ObjectMeta {
            name: Some(pod.name_any()),
            namespace: pod.namespace(),
            ..ObjectMeta::default()
        },
        delete_options: Some(DeleteOptions {
            grace_period_seconds: grace(acting),
            preconditions: Some(Preconditions {
                uid: pod.uid(),
                ..Preconditions::default()
            }),
            ..DeleteOptions::default()
        }),
    };
    loop {
        acting.still_time("it was being evicted")?;
        let parameters = PostParams {
            dry_run: acting.dry_run,
            ..PostParams::default()
        };
        let sent = pods_of(acting, pod)
            .create_subresource::<Eviction, Value>("eviction", &pod.name_any(), &parameters, &body)
            .await;
        let Err(error) = sent else { return Ok(()) };
        match (code_of(&error), is_terminating(&error)) {
            (Some(404), _) => return Ok(()),
            // Another one of its name by now; or others wrote at the same time, and nothing was evicted.
            (Some(409), _) if is_gone(acting, pod).await => return Ok(()),
            (Some(403), true) if is_ending(acting, pod).await => return Ok(()),
            (Some(409 | 429), _) | (Some(403), true) => {
                let why = format!("its eviction was refused: {}", describe(&error));
                acting.pause_for(again(&error), &why).await?;
            }
            _ => return Err(Failed::from_api("evicting it", &error)),
        }
    }
}

/// How long to wait before it is tried again: as long as the server asks for, and as kubectl does where it asks for
/// less.
fn again(error: &kube::Error) -> Duration {
    let kube::Error::Api(status) = error else {
        return AGAIN;
    };
    let asked = status
        .details
        .as_ref()
        .map_or(0, |details| details.retry_after_seconds);
    AGAIN.max(Duration::from_secs(u64::from(asked)))
}

/// Is it gone, or another one of its name by now?
async fn is_gone(acting: &Acting, pod: &Pod) -> bool {
    match pods_of(acting, pod).get_opt(&pod.name_any()).await {
        Ok(Some(now)) => now.uid() != pod.uid(),
        Ok(None) => true,
        Err(_) => false,
    }
}

/// Is it because the namespace is being deleted?
fn is_terminating(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else {
        return false;
    };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes
        .into_iter()
        .any(|cause| cause.reason == "NamespaceTerminating")
}

async fn is_ending(acting: &Acting, pod: &Pod) -> bool {
    match pods_of(acting, pod).get_opt(&pod.name_any()).await {
        Ok(Some(now)) => now.metadata.deletion_timestamp.is_some() || now.uid() != pod.uid(),
        Ok(None) => true,
        Err(_) => false,
    }
}

/// The pods of a pod's namespace.
pub(super) fn pods_of(acting: &Acting, pod: &Pod) -> Api<Pod> {
    Api::namespaced(acting.client.clone(), &pod.namespace().unwrap_or_default())
}

/// `namespace/name`.
pub(super) fn called(pod: &Pod) -> String {
    format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any())
}

/// Only where one is asked for; otherwise each pod has its own.
pub(super) fn grace(acting: &Acting) -> Option<i64> {
    acting
        .asked
        .parameters
        .integer("gracePeriodSeconds")
        .filter(|seconds| *seconds >= 0)
}
