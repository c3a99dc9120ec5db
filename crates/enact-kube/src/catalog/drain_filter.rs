//! Which pods a drain takes off a node, by the rules of `kubectl drain` (`pkg/drain/filters.go`), in their order: the first rule that
//! says "leave it" ends the chain for that pod. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

/// What may be taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// Leave pods of DaemonSets, which would come back at once. Otherwise they are an error.
    pub ignore_daemonsets: bool,
    /// Take pods whose emptyDir is lost with them. Otherwise they are an error.
    pub delete_empty_dir_data: bool,
    /// Take pods that nothing makes again. Otherwise they are an error.
    pub force: bool,
    /// Leave pods that have been ending for longer than this many seconds; 0: leave none.
    pub skip_wait_seconds: i64,
    /// The present time, in seconds since 1970.
    pub now: i64,
}

/// What is to be done with one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes, with what there is to say about it.
    Evict(Vec<String>),
    /// It stays, with what there is to say about it.
    Leave(Option<String>),
    /// It must not go, and so nothing does.
    Refuse(&'static str),
}

/// The pods of a node by what is to be done with them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grouped {
    /// Pods that go.
    pub evict: Vec<Pod>,
    /// What there is to say, sorted.
    pub warnings: Vec<String>,
    /// What forbids it: reason, and the pods (`namespace/name`), sorted.
    pub refused: BTreeMap<&'static str, Vec<String>>,
    /// How many stay.
    pub left: u64,
}

/// Groups the pods of a node. `daemonset_exists` says of a DaemonSet (`namespace`, `name`) whether it is there; `is_ours` names pods that
/// do the draining.
pub fn select(
    pods: Vec<Pod>,
    selection: Selection,
    daemonset_exists: &dyn Fn(&str, &str) -> bool,
    is_ours: &dyn Fn(&Pod) -> bool,
) -> Grouped {
    let mut grouped = Grouped::default();
    for pod in pods {
        let name = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
        match judge(&pod, selection, daemonset_exists, is_ours) {
            Verdict::Evict(warnings) => {
                grouped
                    .warnings
                    .extend(warnings.into_iter().map(|text| format!("{text}: {name}")));
                grouped.evict.push(pod);
            }
            Verdict::Leave(warning) => {
                grouped.left += 1;
                grouped
                    .warnings
                    .extend(warning.map(|text| format!("{text}: {name}")));
            }
            Verdict::Refuse(reason) => grouped.refused.entry(reason).or_default().push(name),
        }
    }
    grouped.warnings.sort();
    for names in grouped.refused.values_mut() {
        names.sort();
    }
    grouped
}

fn judge(
    pod: &Pod,
    selection: Selection,
    daemonset_exists: &dyn Fn(&str, &str) -> bool,
    is_ours: &dyn Fn(&Pod) -> bool,
) -> Verdict {
    let mut warnings = Vec::new();
    if ending_too_long(pod, selection) {
        return Verdict::Leave(Some(
            "it has been ending for too long to be waited for".to_owned(),
        ));
    }
    let controller = pod
        .owner_references()
        .iter()
        .find(|owner| owner.controller == Some(true));
    if let Some(owner) = controller
        && owner.kind == "DaemonSet"
        && owner.api_version == "apps/v1"
        && !is_finished(pod)
    {
        let namespace = pod.namespace().unwrap_or_default();
        match (daemonset_exists(&namespace, &owner.name), selection) {
            (
                true,
                Selection {
                    ignore_daemonsets: true,
                    ..
                },
            ) => {
                return Verdict::Leave(Some("ignoring a DaemonSet-managed pod".to_owned()));
            }
            (true, _) => return Verdict::Refuse("DaemonSet-managed (use ignoreDaemonsets to leave them)"),
            (false, Selection { force: true, .. }) => {
                warnings.push("deleting a pod whose DaemonSet is gone".to_owned());
            }
            (false, _) => return Verdict::Refuse("their DaemonSet is gone (use force to delete them)"),
        }
    }
    if pod.annotations().contains_key("kubernetes.io/config.mirror") {
        return Verdict::Leave(None);
    }
    if has_empty_dir(pod) && !is_finished(pod) {
        if !selection.delete_empty_dir_data {
            return Verdict::Refuse("with local storage (use deleteEmptyDirData to lose it)");
        }
        warnings.push("deleting a pod with local storage".to_owned());
    }
    if controller.is_none() && !is_finished(pod) {
        if !selection.force {
            return Verdict::Refuse("that nothing makes again (use force to delete them)");
        }
        warnings.push("deleting a pod that nothing makes again".to_owned());
    }
    if is_ours(pod) {
        return Verdict::Leave(Some("leaving a pod of the executor itself".to_owned()));
    }
    Verdict::Evict(warnings)
}

fn ending_too_long(pod: &Pod, selection: Selection) -> bool {
    let Some(since) = &pod.metadata.deletion_timestamp else {
        return false;
    };
    selection.skip_wait_seconds > 0 && selection.now - since.0.as_second() > selection.skip_wait_seconds
}

fn is_finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn has_empty_dir(pod: &Pod) -> bool {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes.into_iter().any(|volume| volume.empty_dir.is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const PLAIN: Selection = Selection {
        ignore_daemonsets: true,
        delete_empty_dir_data: false,
        force: false,
        skip_wait_seconds: 0,
        now: 1_000_000,
    };

    fn pod(metadata: Value, spec: Value, phase: &str) -> Pod {
        let mut full = json!({ "namespace": "u", "name": "p" });
        full.as_object_mut()
            .unwrap()
            .extend(metadata.as_object().unwrap().clone());
        let mut containers = json!({ "containers": [] });
        containers
            .as_object_mut()
            .unwrap()
            .extend(spec.as_object().unwrap().clone());
        serde_json::from_value(json!({ "metadata": full, "spec": containers, "status": { "phase": phase } }))
            .unwrap()
    }

    fn owned(kind: &str) -> Value {
        json!({ "ownerReferences": [{ "apiVersion": "apps/v1", "kind": kind, "name": "o", "uid": "1", "controller": true }] })
    }

    fn judged(pod: &Pod, selection: Selection) -> Verdict {
        judge(pod, selection, &|_, _| true, &|_| false)
    }

    #[test]
    fn pods_go_or_stay_as_kubectl_has_it() {
        let managed = pod(owned("ReplicaSet"), json!({}), "Running");
        assert_eq!(judged(&managed, PLAIN), Verdict::Evict(vec![]));
        let daemon = pod(owned("DaemonSet"), json!({}), "Running");
        assert!(matches!(judged(&daemon, PLAIN), Verdict::Leave(Some(_))));
        let strict = Selection {
            ignore_daemonsets: false,
            ..PLAIN
        };
        assert!(matches!(judged(&daemon, strict), Verdict::Refuse(_)));
        assert_eq!(
            judged(&pod(owned("DaemonSet"), json!({}), "Succeeded"), strict),
            Verdict::Evict(vec![])
        );
        let forced = Selection { force: true, ..PLAIN };
        let orphan = judge(&daemon, PLAIN, &|_, _| false, &|_| false);
        assert!(matches!(orphan, Verdict::Refuse(_)));
        let orphan = judge(&daemon, forced, &|_, _| false, &|_| false);
        assert!(matches!(orphan, Verdict::Evict(warnings) if warnings.len() == 1));
        let mirror = pod(
            json!({ "annotations": { "kubernetes.io/config.mirror": "x" } }),
            json!({}),
            "Running",
        );
        assert_eq!(judged(&mirror, PLAIN), Verdict::Leave(None));
        let scratch = pod(
            owned("ReplicaSet"),
            json!({ "volumes": [{ "name": "v", "emptyDir": {} }] }),
            "Running",
        );
        assert!(matches!(judged(&scratch, PLAIN), Verdict::Refuse(_)));
        let losing = Selection {
            delete_empty_dir_data: true,
            ..PLAIN
        };
        assert!(matches!(judged(&scratch, losing), Verdict::Evict(warnings) if warnings.len() == 1));
        let bare = pod(json!({}), json!({}), "Running");
        assert!(matches!(judged(&bare, PLAIN), Verdict::Refuse(_)));
        assert!(matches!(judged(&bare, forced), Verdict::Evict(_)));
        assert_eq!(
            judged(&pod(json!({}), json!({}), "Failed"), PLAIN),
            Verdict::Evict(vec![])
        );
        let ours = judge(&managed, PLAIN, &|_, _| true, &|_| true);
        assert!(matches!(ours, Verdict::Leave(Some(_))));
        let ending = pod(
            json!({ "deletionTimestamp": "1970-01-01T00:00:00Z", "ownerReferences": owned("ReplicaSet")["ownerReferences"] }),
            json!({}),
            "Running",
        );
        let patient = Selection {
            skip_wait_seconds: 60,
            ..PLAIN
        };
        assert!(matches!(judged(&ending, patient), Verdict::Leave(Some(_))));
        assert_eq!(judged(&ending, PLAIN), Verdict::Evict(vec![]));
    }
}
