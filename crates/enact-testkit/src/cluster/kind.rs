//! The kinds that the cluster knows, and in what they differ.

/// A kind of object.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// The API group; empty for the core.
    pub group: &'static str,
    /// The plural, as in URLs.
    pub plural: &'static str,
    /// The API version.
    pub version: &'static str,
    /// Its name: `Deployment`.
    pub name: &'static str,
    /// Does it belong to a namespace?
    pub namespaced: bool,
    /// Is its status written apart from the rest?
    pub status: bool,
    /// Does the server count changes of its spec?
    pub generation: bool,
    /// May it be replaced without saying which version is replaced?
    pub unconditional: bool,
    /// Is it built in? Only these take strategic merge patches.
    pub built_in: bool,
}

/// What most kinds of a namespace have in common.
const PLAIN: Kind = Kind {
    group: "",
    plural: "",
    version: "v1",
    name: "",
    namespaced: true,
    status: false,
    generation: false,
    unconditional: true,
    built_in: true,
};

/// The same for what controllers work on: a spec that is counted and a status.
const WORKED: Kind = Kind {
    status: true,
    generation: true,
    ..PLAIN
};

const fn core(plural: &'static str, name: &'static str) -> Kind {
    Kind {
        plural,
        name,
        ..PLAIN
    }
}

const fn worked(group: &'static str, plural: &'static str, name: &'static str) -> Kind {
    Kind {
        group,
        plural,
        name,
        ..WORKED
    }
}

/// Every kind that there is.
static KINDS: [Kind; 17] = [
    Kind {
        namespaced: false,
        status: true,
        ..core("namespaces", "Namespace")
    },
    Kind {
        namespaced: false,
        status: true,
        ..core("nodes", "Node")
    },
    Kind {
        status: true,
        ..core("pods", "Pod")
    },
    core("configmaps", "ConfigMap"),
    core("secrets", "Secret"),
    core("serviceaccounts", "ServiceAccount"),
    core("events", "Event"),
    Kind {
        group: "events.k8s.io",
        ..core("events", "Event")
    },
    worked("apps", "deployments", "Deployment"),
    worked("apps", "replicasets", "ReplicaSet"),
    worked("apps", "daemonsets", "DaemonSet"),
    worked("apps", "statefulsets", "StatefulSet"),
    worked("batch", "jobs", "Job"),
    worked(
        "autoscaling",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
    ),
    Kind {
        unconditional: false,
        ..worked("policy", "poddisruptionbudgets", "PodDisruptionBudget")
    },
    Kind {
        unconditional: false,
        group: "coordination.k8s.io",
        ..core("leases", "Lease")
    },
    Kind {
        version: "v1alpha1",
        unconditional: false,
        built_in: false,
        ..worked(
            "kubernetesexecution.kubernaut.io",
            "kubernetesexecutions",
            "KubernetesExecution",
        )
    },
];

impl Kind {
    /// The kind of a plural, `pods`, or of one with its group, `events.events.k8s.io`.
    pub fn named(text: &str) -> Option<&'static Self> {
        KINDS
            .iter()
            .find(|kind| kind.plural == text || kind.resource() == text)
    }

    /// The kind of a group, version and plural, as in URLs.
    pub(super) fn at(group: &str, version: &str, plural: &str) -> Option<&'static Self> {
        KINDS
            .iter()
            .find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
    }

    /// The kind of an object: `apps/v1` and `Deployment`.
    pub(super) fn of(api_version: &str, name: &str) -> Option<&'static Self> {
        KINDS
            .iter()
            .find(|kind| kind.name == name && kind.api_version() == api_version)
    }

    /// `apps/v1`, `v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `deployments.apps`, `pods`: as messages of the server name it.
    pub fn resource(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }
}
