//! `DrainNode`: takes the pods off a node as `kubectl drain` does: cordon, choose, evict all, wait until each is gone. Where one pod
//! must not go, none does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use enact_core::change::Effect;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt as _};
use serde_json::Value;

use super::act::{Acted, Acting, BoxFuture, Done, Failed, Failure, code_of};
use super::drain_evict::{called, evict, grace, pods_of};
use super::drain_filter::{Grouped, Selection, select};
use super::{About, Asked, Basis, CatalogAction, Foreseen, Parameter, Right, Shape, Shows, node};

/// How many evictions are under way at once.
const AT_ONCE: usize = 32;

/// How many pods are listed at once.
const PAGE: u32 = 500;

/// How many names a message holds.
const MOST_NAMES: usize = 50;

/// The label of every pod that the executor runs.
const OURS: (&str, &str) = ("app.kubernetes.io/name", "kubernetes-executor");

/// See the module.
pub(super) struct DrainNode;

static ABOUT: std::sync::LazyLock<About> = std::sync::LazyLock::new(|| About {
    timeout: Duration::from_secs(900),
    typical: Duration::from_secs(300),
    effect: Effect::Destroy,
    rights: &[
        Right {
            group: "",
            resource: "nodes",
            verbs: &["get", "patch"],
        },
        Right {
            group: "",
            resource: "pods",
            verbs: &["get", "list", "watch"],
        },
        Right {
            group: "",
            resource: "pods/eviction",
            verbs: &["create"],
        },
        Right {
            group: "apps",
            resource: "daemonsets",
            verbs: &["get"],
        },
        Right {
            group: "policy",
            resource: "poddisruptionbudgets",
            verbs: &["list"],
        },
    ],
    ..node::about(
        "DrainNode",
        "takes the pods off a node, with respect to disruption budgets",
    )
});

impl CatalogAction for DrainNode {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn parameters(&self) -> Vec<Parameter> {
        let no = || Value::Bool(false);
        let seconds = |least, most| Shape::Integer { least, most };
        vec![
            Parameter::optional(
                "timeout",
                seconds(1, 900),
                "how long to wait for the pods, in seconds",
            ),
            Parameter::optional(
                "gracePeriodSeconds",
                seconds(-1, 3600),
                "how long each pod may take to end; -1: what it asks for",
            )
            .or(Value::from(-1)),
            Parameter::optional("ignoreDaemonsets", Shape::Boolean, "leave pods of DaemonSets")
                .or(Value::Bool(true)),
            Parameter::optional(
                "deleteEmptyDirData",
                Shape::Boolean,
                "take pods whose emptyDir is lost",
            )
            .or(no()),
            Parameter::optional("force", Shape::Boolean, "take pods that nothing makes again").or(no()),
            Parameter::optional(
                "disableEviction",
                Shape::Boolean,
                "delete instead of evict, past disruption budgets (its account must be given delete on pods for it)",
            )
            .or(no()),
            Parameter::optional("podSelector", Shape::Selector, "only these pods"),
            Parameter::optional(
                "skipWaitForDeleteTimeoutSeconds",
                seconds(0, 86_400),
                "leave pods that have been ending for longer",
            )
            .or(Value::from(0)),
            Parameter::optional(
                "uncordonOnFailure",
                Shape::Boolean,
                "uncordon again when it fails, if we cordoned",
            )
            .or(no()),
        ]
    }

    fn foresee(&self, target: &Value, asked: &Asked) -> Result<Foreseen, String> {
        let found = node::read(target)?;
        let mut warnings = Vec::new();
        let asks = |name: &str| asked.parameters.is(name);
        if asks("deleteEmptyDirData") {
            warnings.push("data in emptyDir volumes is lost".to_owned());
        }
        if asks("force") {
            warnings.push("pods that nothing makes again are lost".to_owned());
        }
        if asks("disableEviction") {
            warnings.push("disruption budgets are passed over".to_owned());
        }
        Ok(Foreseen {
            description: "cordon the node and take its pods off it".to_owned(),
            affected: 1,
            warnings,
            rollback: node::back_from_cordon(&found, asked),
            basis: node::basis(&found),
            ..Foreseen::default()
        })
    }

    fn shows(&self, target: Option<&Value>, asked: &Asked, basis: &Basis) -> Shows {
        match target.map(node::read) {
            // A node that is not cordoned was not drained. Whether all pods are gone cannot be seen from it.
            Some(Ok(found))
                if node::basis(&found) == *basis
                    && node::cordoned_by(&found) == Some(&asked.on_behalf_of) =>
            {
                Shows::Nothing
            }
            _ => Shows::No,
        }
    }

    fn act<'a>(&'a self, acting: &'a Acting) -> BoxFuture<'a, Acted> {
        Box::pin(drain(acting))
    }
}

async fn drain(acting: &Acting) -> Acted {
    let before = node::judged(acting).await?;
    let was = node::is_cordoned(&before);
    let rollback = node::back_from_cordon(&before, &acting.asked);
    acting.tell_rollback(&rollback);
    let cordoned = node::set(acting, before, node::Wanted::cordoned(true)).await?;
    let drained = take_off(acting).await;
    if drained.is_err() && cordoned && acting.asked.parameters.is("uncordonOnFailure") {
        put_back(acting).await;
    }
    let counts = drained?;
    Ok(Done {
        message: format!(
            "drained {}: {} pods evicted, {} left",
            acting.asked.target,
            counts.get("evicted").unwrap_or(&0),
            counts.get("left").unwrap_or(&0)
        ),
        before: node::in_short(was),
        after: node::in_short(true),
        rollback: Some(rollback),
        counts,
    })
}

/// Best effort, and also when the time is over: what failed is what is reported.
async fn put_back(acting: &Acting) {
    let wanted = node::Wanted {
        only_by: Some(&acting.asked.on_behalf_of),
        even_late: true,
        ..node::Wanted::cordoned(false)
    };
    if let Ok(node) = node::judged(acting).await
        && node::set(acting, node, wanted).await == Ok(true)
    {
        acting.note("uncordoned the node again");
    }
}

async fn take_off(acting: &Acting) -> Result<BTreeMap<String, u64>, Failed> {
    let grouped = chosen(acting).await?;
    for warning in grouped.warnings.iter().take(MOST_NAMES) {
        acting.note(warning.clone());
    }
    if !grouped.refused.is_empty() {
        return Err(Failed::refused(refusal(&grouped)));
    }
    let left = grouped.left;
    let evicted = grouped.evict.len() as u64;
    if acting.asked.parameters.is("disableEviction") {
        delete_all(acting, &grouped.evict).await?;
    }
    let troubles = all_gone(acting, grouped.evict).await;
    if troubles.is_empty() {
        return Ok([("evicted".to_owned(), evicted), ("left".to_owned(), left)].into());
    }
    Err(partial(acting, evicted, troubles).await)
}

/// The pods of the node, by what is to be done with them.
async fn chosen(acting: &Acting) -> Result<Grouped, Failed> {
    let pods = on_node(acting).await?;
    let daemonsets = daemonsets(acting, &pods).await?;
    let parameters = &acting.asked.parameters;
    let selection = Selection {
        ignore_daemonsets: parameters.is("ignoreDaemonsets"),
        delete_empty_dir_data: parameters.is("deleteEmptyDirData"),
        force: parameters.is("force"),
        skip_wait_seconds: parameters.integer("skipWaitForDeleteTimeoutSeconds").unwrap_or(0),
        now: acting.clock.now().as_second(),
    };
    let exists = |namespace: &str, name: &str| daemonsets.contains(&(namespace.to_owned(), name.to_owned()));
    let is_ours = |pod: &Pod| pod.labels().get(OURS.0).map(String::as_str) == Some(OURS.1);
    Ok(select(pods, selection, &exists, &is_ours))
}

async fn on_node(acting: &Acting) -> Result<Vec<Pod>, Failed> {
    let pods: Api<Pod> = Api::all(acting.client.clone());
    let mut parameters = ListParams::default()
        .fields(&format!("spec.nodeName={}", acting.asked.target.name))
        .limit(PAGE);
    if let Some(selector) = acting.asked.parameters.text("podSelector") {
        parameters = parameters.labels(selector);
    }
    let mut found = Vec::new();
    loop {
        acting.still_time("listing pods")?;
        let page = pods.list(&parameters).await;
        let page = page.map_err(|error| Failed::from_api("listing the pods of the node", &error))?;
        let next = page.metadata.continue_.clone().filter(|token| !token.is_empty());
        found.extend(page.items);
        match next {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return Ok(found),
        }
    }
}

/// Those of the DaemonSets that pods say they belong to that are there.
async fn daemonsets(acting: &Acting, pods: &[Pod]) -> Result<BTreeSet<(String, String)>, Failed> {
    let named: BTreeSet<(String, String)> = pods
        .iter()
        .flat_map(|pod| {
            let namespace = pod.namespace().unwrap_or_default();
            let owners = pod
                .owner_references()
                .iter()
                .filter(|owner| owner.kind == "DaemonSet");
            owners.map(move |owner| (namespace.clone(), owner.name.clone()))
        })
        .collect();
    let mut found = BTreeSet::new();
    for (namespace, name) in named {
        let api: Api<DaemonSet> = Api::namespaced(acting.client.clone(), &namespace);
        let doing = format!("reading DaemonSet {namespace}/{name}");
        if api
            .get_opt(&name)
            .await
            .map_err(|error| Failed::from_api(&doing, &error))?
            .is_some()
        {
            found.insert((namespace, name));
        }
    }
    Ok(found)
}

fn refusal(grouped: &Grouped) -> String {
    let groups: Vec<String> = grouped
        .refused
        .iter()
        .map(|(reason, names)| format!("cannot delete pods {reason}: {}", some(names)))
        .collect();
    format!("nothing was evicted: {}", groups.join("; "))
}

fn some(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(MOST_NAMES)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().checked_sub(MOST_NAMES) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}

/// Deletes past disruption budgets, one after the other.
async fn delete_all(acting: &Acting, pods: &[Pod]) -> Result<(), Failed> {
    for pod in pods {
        acting.still_time("deleting pods")?;
        let api = pods_of(acting, pod);
        let parameters = DeleteParams {
            dry_run: acting.dry_run,
            grace_period_seconds: grace(acting).and_then(|seconds| u32::try_from(seconds).ok()),
            preconditions: Some(kube::api::Preconditions {
                uid: pod.uid(),
                ..kube::api::Preconditions::default()
            }),
            ..DeleteParams::default()
        };
        match api.delete(&pod.name_any(), &parameters).await {
            Ok(_) => {}
            // Gone, or another one by now.
            Err(error) if matches!(code_of(&error), Some(404 | 409)) => {}
            Err(error) => return Err(Failed::from_api(&format!("deleting pod {}", called(pod)), &error)),
        }
    }
    Ok(())
}

/// Evicts the pods, and waits until each is gone. What is wrong with those that are not, by name.
async fn all_gone(acting: &Acting, pods: Vec<Pod>) -> BTreeMap<String, Failed> {
    let mut waiting = pods.into_iter();
    let mut under_way = FuturesUnordered::new();
    let mut troubles = BTreeMap::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some(pod) = waiting.next()
        {
            under_way.push(async move { (called(&pod), one_gone(acting, &pod).await) });
        }
        match under_way.next().await {
            None => return troubles,
            Some((_, Ok(()))) => {}
            Some((name, Err(failed))) => {
                troubles.insert(name, failed);
            }
        }
    }
}

async fn one_gone(acting: &Acting, pod: &Pod) -> Result<(), Failed> {
    if !acting.asked.parameters.is("disableEviction") {
        evict(acting, pod).await?;
    }
    if acting.dry_run {
        return Ok(());
    }
    loop {
        match pods_of(acting, pod).get_opt(&pod.name_any()).await {
            Ok(None) => return Ok(()),
            Ok(Some(now)) if now.uid() != pod.uid() => return Ok(()),
            Ok(Some(now)) if ends_too_long(acting, &now) => return Ok(()),
            Ok(Some(_)) => {}
            Err(error) => return Err(Failed::from_api("looking after it", &error)),
        }
        acting.pause("it was ending").await?;
    }
}

fn ends_too_long(acting: &Acting, pod: &Pod) -> bool {
    let most = acting
        .asked
        .parameters
        .integer("skipWaitForDeleteTimeoutSeconds")
        .unwrap_or(0);
    let since = pod.metadata.deletion_timestamp.as_ref();
    most > 0 && since.is_some_and(|since| acting.clock.now().as_second() - since.0.as_second() > most)
}

/// What to say when some pods are still there, with the disruption budgets that are spent.
async fn partial(acting: &Acting, chosen: u64, troubles: BTreeMap<String, Failed>) -> Failed {
    let failure = [Failure::Cancelled, Failure::Deadline]
        .into_iter()
        .find(|kind| troubles.values().any(|failed| failed.failure == *kind))
        .unwrap_or(Failure::Failed);
    let pending = troubles.len() as u64;
    let described: Vec<String> = troubles
        .iter()
        .take(MOST_NAMES)
        .map(|(name, failed)| format!("{name}: {}", failed.message))
        .collect();
    let budgets = spent_budgets(acting).await;
    let mut message = format!(
        "{} of {chosen} pods were evicted; the node stays cordoned. Still there: {}",
        chosen - pending,
        described.join("; ")
    );
    if !budgets.is_empty() {
        message.push_str(&format!(
            ". Disruption budgets that allow none: {}",
            budgets.join(", ")
        ));
    }
    Failed {
        counts: [
            ("evicted".to_owned(), chosen - pending),
            ("pending".to_owned(), pending),
        ]
        .into(),
        ..Failed::new(failure, message)
    }
}

/// Budgets that allow no disruption, as far as we may see them.
async fn spent_budgets(acting: &Acting) -> Vec<String> {
    let api: Api<PodDisruptionBudget> = Api::all(acting.client.clone());
    let Ok(found) = api.list(&ListParams::default().limit(PAGE)).await else {
        return Vec::new();
    };
    let mut names: Vec<String> = found
        .items
        .iter()
        .filter(|budget| {
            budget
                .status
                .as_ref()
                .is_some_and(|status| status.disruptions_allowed == 0)
        })
        .map(|budget| format!("{}/{}", budget.namespace().unwrap_or_default(), budget.name_any()))
        .collect();
    names.sort();
    names.truncate(MOST_NAMES);
    names
}
