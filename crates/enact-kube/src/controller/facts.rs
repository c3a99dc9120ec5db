//! What is read for conditions: the target Deployment, its pods, the nodes it may run on, its pull secrets. Read-only, and never the
//! contents of a Secret.

use std::collections::BTreeMap;

use enact_engine::policy::input::ActionInput;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod, Secret};
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::{Context, Trouble};

/// The facts by their names.
pub(super) type State = BTreeMap<String, Value>;

/// The most pods and nodes that are looked at.
const MOST: u32 = 500;

/// Reads the facts about the target of a request.
pub(super) async fn read(input: &ActionInput, context: &Context) -> Result<State, Trouble> {
    let target = &input.target_resource;
    let mut state = State::new();
    // No metrics server is asked: what is not known is not said to be false.
    state.insert("metrics_available".to_owned(), Value::Bool(false));
    state.insert("namespace".to_owned(), json!(target.namespace));
    if target.kind != "Deployment" {
        return Ok(state);
    }
    let namespace = target.namespace.clone().unwrap_or_default();
    let deployments: Api<Deployment> = Api::namespaced(context.client.clone(), &namespace);
    let found = deployments.get_opt(&target.name).await?;
    state.insert("deployment_found".to_owned(), Value::Bool(found.is_some()));
    state.insert("deployment_name".to_owned(), json!(target.name));
    let Some(deployment) = found else {
        return Ok(state);
    };
    about_replicas(&mut state, &deployment, input);
    about_pods(&mut state, &pods(&deployment, &namespace, context).await?);
    about_secrets(&mut state, &deployment, &namespace, context).await?;
    about_nodes(&mut state, &deployment, context).await?;
    Ok(state)
}

fn about_replicas(state: &mut State, deployment: &Deployment, input: &ActionInput) {
    let now = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1);
    let wanted = input
        .typed
        .get("replicas")
        .and_then(Value::as_i64)
        .unwrap_or(i64::from(now));
    let conditions = deployment
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let conditions: BTreeMap<&str, &str> = conditions
        .map(|condition| (condition.type_.as_str(), condition.status.as_str()))
        .collect();
    state.insert("current_replicas".to_owned(), json!(now));
    state.insert("target_replicas".to_owned(), json!(wanted));
    state.insert(
        "additional_replicas".to_owned(),
        json!((wanted - i64::from(now)).max(0)),
    );
    state.insert("conditions".to_owned(), json!(conditions));
}

async fn pods(deployment: &Deployment, namespace: &str, context: &Context) -> Result<Vec<Pod>, Trouble> {
    let labels = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.selector.match_labels.clone())
        .unwrap_or_default();
    if labels.is_empty() {
        return Ok(Vec::new());
    }
    let selector: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let api: Api<Pod> = Api::namespaced(context.client.clone(), namespace);
    let parameters = ListParams::default().labels(&selector.join(",")).limit(MOST);
    Ok(api.list(&parameters).await?.items)
}

fn about_pods(state: &mut State, pods: &[Pod]) {
    let described: Vec<Value> = pods.iter().map(described).collect();
    let count = |test: &dyn Fn(&Pod) -> bool| pods.iter().filter(|pod| test(pod)).count();
    let running =
        |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running");
    state.insert("running_pods".to_owned(), json!(count(&running)));
    state.insert("ready_pods".to_owned(), json!(count(&is_ready)));
    state.insert("pods".to_owned(), Value::Array(described));
}

/// A pod as `kubectl get pods` shows it.
fn described(pod: &Pod) -> Value {
    let status = pod.status.as_ref();
    let containers: Vec<_> = status
        .and_then(|status| status.container_statuses.as_ref())
        .into_iter()
        .flatten()
        .collect();
    let restarts: i32 = containers.iter().map(|container| container.restart_count).sum();
    let killed = containers.iter().any(|container| {
        let ends = [&container.state, &container.last_state];
        ends.into_iter().flatten().any(|state| {
            state
                .terminated
                .as_ref()
                .is_some_and(|ended| ended.reason.as_deref() == Some("OOMKilled"))
        })
    });
    json!({
        "name": pod.name_any(),
        "status": shown_status(pod),
        "phase": status.and_then(|status| status.phase.clone()),
        "ready": is_ready(pod),
        "restarts": restarts,
        "oom_killed": killed,
        "node": pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
    })
}

/// The STATUS column of kubectl: why a container waits or ended counts for more than the phase.
fn shown_status(pod: &Pod) -> String {
    let status = pod.status.as_ref();
    if pod.metadata.deletion_timestamp.is_some() {
        return "Terminating".to_owned();
    }
    let containers = status
        .and_then(|status| status.container_statuses.as_ref())
        .into_iter()
        .flatten();
    let reason = containers.rev().find_map(|container| {
        let state = container.state.as_ref()?;
        let waiting = state.waiting.as_ref().and_then(|waiting| waiting.reason.clone());
        waiting.or_else(|| state.terminated.as_ref().and_then(|ended| ended.reason.clone()))
    });
    reason
        .or_else(|| status.and_then(|status| status.reason.clone()))
        .or_else(|| status.and_then(|status| status.phase.clone()))
        .unwrap_or_else(|| "Unknown".to_owned())
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Are the pull secrets there, and of the right type? Where the controller may not look, nothing is said.
async fn about_secrets(
    state: &mut State,
    deployment: &Deployment,
    namespace: &str,
    context: &Context,
) -> Result<(), Trouble> {
    let pod = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref());
    let named: Vec<String> = pod
        .and_then(|pod| pod.image_pull_secrets.as_ref())
        .into_iter()
        .flatten()
        .map(|reference| reference.name.clone())
        .collect();
    let api: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    let (mut missing, mut invalid) = (Vec::new(), Vec::new());
    for name in named {
        match api.get_metadata_opt(&name).await.map_err(Trouble::from) {
            Ok(None) => missing.push(name),
            Ok(Some(_)) => match api.get(&name).await.map_err(Trouble::from) {
                Ok(secret) if is_pull_secret(&secret) => {}
                Ok(_) => invalid.push(name),
                Err(trouble) => return Err(trouble),
            },
            Err(Trouble::Refused { code: 403, .. }) => return Ok(()),
            Err(trouble) => return Err(trouble),
        }
    }
    state.insert(
        "image_pull_secrets_exist".to_owned(),
        Value::Bool(missing.is_empty()),
    );
    state.insert(
        "image_pull_secrets_valid".to_owned(),
        Value::Bool(missing.is_empty() && invalid.is_empty()),
    );
    missing.extend(invalid);
    state.insert("invalid_secrets".to_owned(), json!(missing));
    Ok(())
}

fn is_pull_secret(secret: &Secret) -> bool {
    let kind = secret.type_.as_deref();
    matches!(
        kind,
        Some("kubernetes.io/dockerconfigjson" | "kubernetes.io/dockercfg")
    )
}

/// The nodes that the selector of the pods fits.
async fn about_nodes(state: &mut State, deployment: &Deployment, context: &Context) -> Result<(), Trouble> {
    let pod = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref());
    let selector = pod.and_then(|pod| pod.node_selector.clone()).unwrap_or_default();
    let nodes: Api<Node> = Api::all(context.client.clone());
    let found = match nodes
        .list(&ListParams::default().limit(MOST))
        .await
        .map_err(Trouble::from)
    {
        Ok(found) => found.items,
        Err(Trouble::Refused { code: 403, .. }) => return Ok(()),
        Err(trouble) => return Err(trouble),
    };
    let matching: Vec<&Node> = found
        .iter()
        .filter(|node| {
            selector
                .iter()
                .all(|(key, value)| node.labels().get(key) == Some(value))
        })
        .collect();
    let ready = matching.iter().filter(|node| is_ready_node(node)).count();
    state.insert("matching_nodes".to_owned(), json!(matching.len()));
    state.insert("ready_nodes".to_owned(), json!(ready));
    Ok(())
}

fn is_ready_node(node: &Node) -> bool {
    let schedulable = !node
        .spec
        .as_ref()
        .and_then(|spec| spec.unschedulable)
        .unwrap_or(false);
    let conditions = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    schedulable
        && conditions
            .into_iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
