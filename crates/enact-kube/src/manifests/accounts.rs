//! Who may do what: an account for each action with exactly the rights that it declares, and the controller's own.

use serde_json::{Value, json};

use super::Choices;
use crate::catalog::{About, Catalog, Right};

/// The label of everything that belongs to the executor.
pub(super) fn labels(component: &str) -> Value {
    json!({
        "app.kubernetes.io/name": "kubernetes-executor",
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/managed-by": "enact",
    })
}

/// Accounts, roles and bindings of the ten actions.
///
/// What patches ConfigMaps and Secrets is bound nowhere unless a namespace is named for it. What acts on other namespaced objects is bound in
/// the namespaces that are named, or everywhere; what acts on nodes everywhere.
pub fn account_objects(choices: &Choices) -> Vec<Value> {
    let catalog = Catalog::built_in();
    let mut objects = Vec::new();
    for action in catalog.list() {
        let about = action.about();
        objects.push(account(about, choices));
        objects.push(role(about));
        objects.extend(bindings(about, choices));
    }
    objects
}

pub(super) fn account(about: &About, choices: &Choices) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": { "name": about.account(), "namespace": choices.namespace, "labels": labels("action") },
        "automountServiceAccountToken": false,
    })
}

pub(super) fn role(about: &About) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": about.account(), "labels": labels("action") },
        "rules": about.rights.iter().map(rule).collect::<Vec<Value>>(),
    })
}

fn rule(right: &Right) -> Value {
    json!({ "apiGroups": [right.group], "resources": [right.resource], "verbs": right.verbs })
}

fn bindings(about: &About, choices: &Choices) -> Vec<Value> {
    let named = match &*about.name {
        "PatchConfigMap" => Some(&choices.configmap_namespaces),
        "PatchSecret" => Some(&choices.secret_namespaces),
        _ if !about.namespaced => None,
        _ if choices.namespaces.is_empty() => None,
        _ => Some(&choices.namespaces),
    };
    match named {
        None => vec![cluster_binding(&about.account(), &about.account(), choices)],
        Some(namespaces) => namespaces
            .iter()
            .map(|namespace| namespace_grant(&about.account(), namespace, choices))
            .collect(),
    }
}

pub(super) fn cluster_binding(role: &str, account: &str, choices: &Choices) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": role, "labels": labels("action") },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": choices.namespace }],
    })
}

/// Lets an action's account act in one namespace.
pub fn namespace_grant(account: &str, namespace: &str, choices: &Choices) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": { "name": account, "namespace": namespace, "labels": labels("action") },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": account },
        "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": choices.namespace }],
    })
}

/// The controller's account and its rights: its own objects, its own namespace, and reading what it judges. Nothing that it could change a
/// target with, nothing that makes roles or speaks for others.
pub fn manager_objects(choices: &Choices) -> Vec<Value> {
    let mut objects = vec![
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": { "name": "kubernetes-executor", "namespace": choices.namespace, "labels": labels("controller") },
        }),
        everywhere(choices),
        cluster_binding("kubernetes-executor-manager", "kubernetes-executor", choices),
        own_namespace(choices),
        role_binding("kubernetes-executor-manager", &choices.namespace, choices),
    ];
    objects.extend(reading(choices));
    if choices.metrics_auth {
        objects.push(scraping());
    }
    objects
}

/// What an account needs that reads the metrics. Bound to nobody: the operator knows who does.
fn scraping() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": "kubernetes-executor-metrics-reader", "labels": labels("metrics") },
        "rules": [{ "nonResourceURLs": ["/metrics"], "verbs": ["get"] }],
    })
}

fn everywhere(choices: &Choices) -> Value {
    let group = crate::api::GROUP;
    let mut rules = json!([
        { "apiGroups": [group], "resources": ["kubernetesexecutions"], "verbs": ["get", "list", "patch", "update", "watch"] },
        { "apiGroups": [group], "resources": ["kubernetesexecutions/status"], "verbs": ["get", "patch", "update"] },
        { "apiGroups": [group], "resources": ["kubernetesexecutions/finalizers"], "verbs": ["update"] },
        { "apiGroups": ["apps"], "resources": ["deployments", "replicasets"], "verbs": ["get", "list"] },
        { "apiGroups": [""], "resources": ["namespaces", "nodes", "pods"], "verbs": ["get", "list"] },
        { "apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"] },
        { "apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"] },
    ]);
    if let Some(rules) = rules.as_array_mut().filter(|_| choices.metrics_auth) {
        let asking = json!({ "apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"] });
        rules.push(asking);
    }
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": "kubernetes-executor-manager", "labels": labels("controller") },
        "rules": rules,
    })
}

fn own_namespace(choices: &Choices) -> Value {
    let maps = [
        "kubernetes-executor-approvers",
        "kubernetes-executor-catalog",
        "kubernetes-executor-conditions",
        "kubernetes-executor-control",
        "kubernetes-executor-policies",
    ];
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": { "name": "kubernetes-executor-manager", "namespace": choices.namespace, "labels": labels("controller") },
        "rules": [
            { "apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "delete", "get", "list", "patch", "watch"] },
            { "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"] },
            { "apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"] },
            { "apiGroups": [""], "resources": ["configmaps"], "resourceNames": maps, "verbs": ["get", "watch"] },
            { "apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "delete", "get"] },
            { "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get"] },
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"] },
        ],
    })
}

fn role_binding(role: &str, namespace: &str, choices: &Choices) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": { "name": role, "namespace": namespace, "labels": labels("controller") },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role },
        "subjects": [{ "kind": "ServiceAccount", "name": "kubernetes-executor", "namespace": choices.namespace }],
    })
}

/// Where ConfigMaps and Secrets may be patched, the controller must be able to read them: policy is asked about what would come of it.
fn reading(choices: &Choices) -> Vec<Value> {
    let granted = |about: &About, namespaces: &[String]| -> Vec<Value> {
        let objects = namespaces
            .iter()
            .flat_map(|namespace| reading_grant(about, namespace, choices));
        objects.collect()
    };
    let catalog = Catalog::built_in();
    let objects = catalog
        .list()
        .flat_map(|action| match action.about().name.as_ref() {
            "PatchConfigMap" => granted(action.about(), &choices.configmap_namespaces),
            "PatchSecret" => granted(action.about(), &choices.secret_namespaces),
            _ => Vec::new(),
        });
    objects.collect()
}

/// Lets the controller read, in one namespace, what an action patches there.
pub(super) fn reading_grant(about: &About, namespace: &str, choices: &Choices) -> [Value; 2] {
    let resources: Vec<&str> = about.rights.iter().map(|right| right.resource).collect();
    let name = format!("kubernetes-executor-reader-{}", resources.join("-"));
    [
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": { "name": name, "namespace": namespace, "labels": labels("controller") },
            "rules": [{ "apiGroups": [""], "resources": resources, "verbs": ["get"] }],
        }),
        role_binding(&name, namespace, choices),
    ]
}
