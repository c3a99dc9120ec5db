//! Reading any object, or all of a kind, for checks.

use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use serde_json::{Value, json};

use super::Outside;
use crate::catalog::describe;

/// Kinds that can be named without more: kind, API group and version, plural, does it belong to a namespace.
const KINDS: [(&str, &str, &str, bool); 26] = [
    ("ConfigMap", "v1", "configmaps", true),
    ("CronJob", "batch/v1", "cronjobs", true),
    ("DaemonSet", "apps/v1", "daemonsets", true),
    ("Deployment", "apps/v1", "deployments", true),
    ("Endpoints", "v1", "endpoints", true),
    ("EndpointSlice", "discovery.k8s.io/v1", "endpointslices", true),
    (
        "HorizontalPodAutoscaler",
        "autoscaling/v2",
        "horizontalpodautoscalers",
        true,
    ),
    ("Ingress", "networking.k8s.io/v1", "ingresses", true),
    ("Job", "batch/v1", "jobs", true),
    (
        "KubernetesExecution",
        "kubernetesexecution.kubernaut.io/v1alpha1",
        "kubernetesexecutions",
        true,
    ),
    ("Lease", "coordination.k8s.io/v1", "leases", true),
    ("Namespace", "v1", "namespaces", false),
    ("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies", true),
    ("Node", "v1", "nodes", false),
    ("PersistentVolume", "v1", "persistentvolumes", false),
    ("PersistentVolumeClaim", "v1", "persistentvolumeclaims", true),
    ("Pod", "v1", "pods", true),
    ("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets", true),
    ("ReplicaSet", "apps/v1", "replicasets", true),
    ("ResourceQuota", "v1", "resourcequotas", true),
    ("Secret", "v1", "secrets", true),
    ("Service", "v1", "services", true),
    ("ServiceAccount", "v1", "serviceaccounts", true),
    ("StatefulSet", "apps/v1", "statefulsets", true),
    ("StorageClass", "storage.k8s.io/v1", "storageclasses", false),
    (
        "VolumeAttachment",
        "storage.k8s.io/v1",
        "volumeattachments",
        false,
    ),
];

/// How many objects one request brings.
const PAGE: u32 = 500;

/// The most objects of a list.
const MOST: usize = 10_000;

/// What stands for every namespace.
const ALL: &str = "*";

/// What is to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Getting {
    /// Its kind.
    pub kind: String,
    /// Its API group and version, for a kind that is not known here.
    pub api_version: Option<String>,
    /// Its plural, for a kind that is not known here.
    pub plural: Option<String>,
    /// Its namespace; `*`: all of them; absent: that of the context.
    pub namespace: Option<String>,
    /// Its name; absent: all of the kind.
    pub name: Option<String>,
    /// Only those with these labels.
    pub selector: Option<String>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Got {
    /// The object, or a list with `items`, by namespace and name.
    Found(Value),
    /// It is not there.
    Absent,
}

impl Outside {
    /// Reads an object, or all of a kind. Of a Secret the values are left out.
    ///
    /// # Errors
    /// Why nobody can say, in words.
    pub async fn get(&self, getting: &Getting) -> Result<Got, String> {
        let (resource, namespaced) = resource(getting)?;
        let api = self.api(getting, &resource, namespaced)?;
        match &getting.name {
            Some(name) => self.one(&api, &resource, name).await,
            None => all(&api, &resource, getting.selector.as_deref()).await,
        }
    }

    fn api(
        &self,
        getting: &Getting,
        resource: &ApiResource,
        namespaced: bool,
    ) -> Result<Api<DynamicObject>, String> {
        let client = self.client.clone();
        match (&getting.namespace, namespaced) {
            (None, false) => Ok(Api::all_with(client, resource)),
            (Some(_), false) => Err(format!("a {} belongs to no namespace", getting.kind)),
            (Some(all), true) if all == ALL && getting.name.is_none() => Ok(Api::all_with(client, resource)),
            (Some(all), true) if all == ALL => Err("one object is in one namespace, not in all".to_owned()),
            (Some(namespace), true) => Ok(Api::namespaced_with(client, namespace, resource)),
            (None, true) => Ok(Api::default_namespaced_with(client, resource)),
        }
    }

    async fn one(&self, api: &Api<DynamicObject>, resource: &ApiResource, name: &str) -> Result<Got, String> {
        let found = api.get_opt(name).await;
        let found =
            found.map_err(|error| format!("reading {} {name}: {}", resource.kind, describe(&error)))?;
        Ok(match found {
            Some(object) => Got::Found(shown(object, resource)?),
            None => Got::Absent,
        })
    }
}

fn resource(getting: &Getting) -> Result<(ApiResource, bool), String> {
    let known = KINDS.iter().find(|(kind, ..)| *kind == getting.kind);
    let (version, plural, namespaced) = match (known, &getting.api_version, &getting.plural) {
        (_, Some(version), Some(plural)) => (version.as_str(), plural.as_str(), getting.namespace.is_some()),
        (Some((_, version, plural, namespaced)), None, None) => (*version, *plural, *namespaced),
        _ => {
            return Err(format!(
                "the kind {:?} is not known here: give its `api_version` and its `plural`",
                getting.kind.chars().take(80).collect::<String>()
            ));
        }
    };
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = GroupVersionKind::gvk(group, version, &getting.kind);
    Ok((ApiResource::from_gvk_with_plural(&kind, plural), namespaced))
}

async fn all(
    api: &Api<DynamicObject>,
    resource: &ApiResource,
    selector: Option<&str>,
) -> Result<Got, String> {
    let mut items = Vec::new();
    let mut parameters = ListParams::default().limit(PAGE);
    parameters.label_selector = selector.map(ToOwned::to_owned);
    loop {
        let page = api.list(&parameters).await;
        let page = page.map_err(|error| format!("listing {}: {}", resource.plural, describe(&error)))?;
        for object in page.items {
            items.push(shown(object, resource)?);
        }
        if items.len() > MOST {
            return Err(format!(
                "there are more than {MOST} {}; ask for fewer by `selector`",
                resource.plural
            ));
        }
        match page.metadata.continue_.filter(|next| !next.is_empty()) {
            Some(next) => parameters.continue_token = Some(next),
            None => break,
        }
    }
    items.sort_by_key(place);
    Ok(Got::Found(
        json!({ "apiVersion": "v1", "kind": "List", "items": items }),
    ))
}

fn place(object: &Value) -> (String, String) {
    let text = |path: &str| {
        object
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    (text("/metadata/namespace"), text("/metadata/name"))
}

/// An object as a check may see and show it.
fn shown(object: DynamicObject, resource: &ApiResource) -> Result<Value, String> {
    let mut object = serde_json::to_value(object).map_err(|error| error.to_string())?;
    if resource.plural == "secrets" {
        hide(&mut object);
    }
    Ok(object)
}

/// Keys without values. Annotations may repeat the values.
fn hide(secret: &mut Value) {
    for field in ["/data", "/stringData"] {
        if let Some(values) = secret.pointer_mut(field).and_then(Value::as_object_mut) {
            values.values_mut().for_each(|value| *value = json!("(secret)"));
        }
    }
    if let Some(metadata) = secret.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.remove("annotations");
        metadata.remove("managedFields");
    }
}
