//! What is found out: each question of the machine, asked of the API server, the policies, or the other executions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use enact_core::approval::Approval;
use enact_core::plan::Plan;
use enact_core::principal::{Principal, PrincipalKind};
use enact_core::verdict::Verdict;
use enact_engine::policy::PolicyEngine as _;
use enact_engine::policy::input::{ActionInput, Occasion};
use enact_engine::policy::rego::RegoPolicy;
use enact_engine::signature::{AllowedSigners, Trust, verified};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret, ServiceAccount};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, LogParams, PostParams};
use kube::{Api, ResourceExt as _};

use super::{APPROVALS, APPROVERS, CONTROL, Context, Trouble, conditions, locks};
use crate::api::{KubernetesExecution, Phase};
use crate::catalog::{About, Catalog, Target};
use crate::client;
use crate::job::CONTAINER;
use crate::machine::{
    AccountFact, DependencyFact, Facts, Halt, Looked, Namespaces, Output, PolicyFact, Question, output_cut,
};

/// Reads others as they are known here: the cache of the watch.
pub(super) type Others<'a> = &'a (dyn Fn() -> Vec<Arc<KubernetesExecution>> + Send + Sync);

/// Finds one thing out.
///
/// # Errors
/// When the API server does not answer.
pub(super) async fn answer(
    facts: &mut Facts,
    object: &KubernetesExecution,
    question: &Question,
    others: Others<'_>,
    catalog: &Catalog,
    context: &Context,
) -> Result<(), Trouble> {
    match question {
        Question::Halt => facts.halt = Some(halt(context).await?),
        Question::Target(target) => {
            facts.target = Some(self::target(target, object, catalog, context).await?);
        }
        Question::Values { namespace, name, key } => {
            facts.values = Some(values(namespace, name, key, context).await?);
        }
        Question::Namespaces(target) => facts.namespaces = Some(namespaces(target, object, context).await?),
        Question::Policy(input, plan) => facts.policy = Some(policy(input, plan, context).await),
        Question::Approvals => facts.approvals = Some(approvals(object, context).await?),
        Question::Account(target) => facts.account = Some(account(target, object, catalog, context).await?),
        Question::Conditions(which, indices, input) => {
            let found = conditions::evaluate(object, *which, indices, input, context).await?;
            facts.conditions.insert(*which, found);
        }
        Question::Lock(target) => facts.lock = Some(lock(target, object, others, catalog, context)),
        Question::Dependencies(names) => {
            facts.dependencies = Some(dependencies(names, object, context).await?);
        }
        Question::Job(name) => facts.job = Some(jobs(context).get_opt(name).await?.map(Box::new)),
        Question::Pods(job) => facts.pods = Some(pods(job, context).await?),
        Question::Output(job) => facts.output = Some(output(job, context).await?),
        Question::Told(job) => facts.told = Some(context.followers.told(job)),
    }
    Ok(())
}

fn jobs(context: &Context) -> Api<Job> {
    Api::namespaced(context.client.clone(), &context.settings.namespace)
}

/// The switch that stops everything. One that cannot be read is a trouble, not a yes.
pub(super) async fn halt(context: &Context) -> Result<Halt, Trouble> {
    let maps: Api<ConfigMap> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let data = maps
        .get_opt(CONTROL)
        .await?
        .and_then(|map| map.data)
        .unwrap_or_default();
    let says = |key: &str| data.get(key).is_some_and(|value| value.trim() == "true");
    let reason = data
        .get("reason")
        .cloned()
        .unwrap_or_else(|| format!("halt is true in {CONTROL}"));
    Ok(Halt {
        new: says("halt").then_some(reason),
        running: says("haltRunning"),
    })
}

/// The target, from the server itself.
async fn target(
    target: &Target,
    object: &KubernetesExecution,
    catalog: &Catalog,
    context: &Context,
) -> Result<Looked, Trouble> {
    let Some(action) = catalog.get(&object.spec.action) else {
        return Ok(Looked::Absent);
    };
    let about = action.about();
    let api = dynamic(about, target, &context.client);
    match api.get_opt(&target.name).await.map_err(Trouble::from) {
        Ok(Some(found)) => {
            let value = serde_json::to_value(&found).map_err(|error| Trouble::Refused {
                code: 500,
                message: error.to_string(),
            })?;
            Ok(Looked::Found(Box::new(value)))
        }
        Ok(None) | Err(Trouble::Gone) => Ok(Looked::Absent),
        Err(Trouble::Refused { code: 403, message }) => Ok(Looked::Forbidden(message)),
        Err(trouble) => Err(trouble),
    }
}

/// What a key of a Secret holds; or why that cannot be said. What it holds is told to nobody.
async fn values(
    namespace: &str,
    name: &str,
    key: &str,
    context: &Context,
) -> Result<Result<enact_core::secret::Secret<String>, String>, Trouble> {
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    let data = match secrets.get_opt(name).await.map_err(Trouble::from) {
        Ok(Some(secret)) => secret.data.unwrap_or_default(),
        Ok(None) | Err(Trouble::Gone) => return Ok(Err("it is not there".to_owned())),
        Err(Trouble::Refused { code: 403, message }) => return Ok(Err(message)),
        Err(trouble) => return Err(trouble),
    };
    let Some(bytes) = data.get(key) else {
        return Ok(Err(format!("it has no key {key}")));
    };
    let text = String::from_utf8(bytes.0.clone()).map(enact_core::secret::Secret::new);
    Ok(text.map_err(|_| format!("its key {key} is not text")))
}

/// The objects that a target is among.
pub(crate) fn dynamic(about: &About, target: &Target, client: &kube::Client) -> Api<DynamicObject> {
    let (group, version) = about
        .api_version
        .split_once('/')
        .unwrap_or(("", about.api_version));
    let kind = GroupVersionKind::gvk(group, version, about.kind);
    let resource = ApiResource::from_gvk_with_plural(&kind, about.plural);
    match &target.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

async fn namespaces(
    target: &Target,
    object: &KubernetesExecution,
    context: &Context,
) -> Result<Namespaces, Trouble> {
    let api: Api<Namespace> = Api::all(context.client.clone());
    let own = object.namespace().unwrap_or_default();
    let request = api.get_opt(&own).await?.unwrap_or_default();
    let around = match &target.namespace {
        None => Namespace::default(),
        Some(namespace) if *namespace == own => request.clone(),
        Some(namespace) => api.get_opt(namespace).await?.unwrap_or_default(),
    };
    Ok(Namespaces {
        target_labels: around.labels().clone(),
        target_annotations: around.annotations().clone(),
        request_labels: request.labels().clone(),
    })
}

/// What policies say of the action and of the plan. They block, so they are asked on a thread for that.
async fn policy(input: &ActionInput, plan: &Plan, context: &Context) -> PolicyFact {
    let policies = context.policies.now();
    if policies.loaded().versions.is_empty() {
        return PolicyFact::Unavailable("no policies could be loaded".to_owned());
    }
    let (input, plan) = (input.clone(), plan.clone());
    let occasion = Occasion {
        now: context.clock.now(),
        actor: Principal {
            id: format!("kubernetes:{}", input.actor.created_by),
            kind: PrincipalKind::Service,
        },
    };
    let started = Instant::now();
    let asked = tokio::task::spawn_blocking(move || {
        let decision = policies.judge_action(&input);
        let on_plan = judge_plan(&policies, &plan, &occasion);
        (decision, on_plan)
    });
    match asked.await {
        Ok((decision, on_plan)) => PolicyFact::Decided {
            decision: Box::new(decision),
            on_plan: Box::new(on_plan),
            took: started.elapsed(),
        },
        Err(_) => PolicyFact::Unavailable("the policy engine failed inside".to_owned()),
    }
}

/// What the policies say of the plan that the execution is. Policies for actions only say nothing about plans, and so have nothing
/// against one; they were asked about the action.
fn judge_plan(policies: &RegoPolicy, plan: &Plan, occasion: &Occasion) -> Verdict {
    let about_plans = ["deny", "require_approval", "warn"];
    if about_plans
        .iter()
        .any(|rule| policies.loaded().declares("enact.plan", rule))
    {
        return policies.judge(plan, occasion);
    }
    Verdict::allow(plan.id().clone(), policies.bundle_digest())
}

/// Approvals that stand on the object, each for what its signature proves.
async fn approvals(object: &KubernetesExecution, context: &Context) -> Result<Vec<Approval>, Trouble> {
    let Some(text) = object.annotations().get(APPROVALS) else {
        return Ok(Vec::new());
    };
    let records: Vec<Approval> = serde_json::from_str(text).unwrap_or_default();
    let maps: Api<ConfigMap> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let data = maps
        .get_opt(APPROVERS)
        .await?
        .and_then(|map| map.data)
        .unwrap_or_default();
    let now = context.clock.now();
    // Whoever may edit the object can put any record on it: only what is signed counts.
    let signed = records
        .into_iter()
        .filter(|record| record.signature.is_some())
        .collect();
    Ok(verified(signed, &trust(&data), now).approvals)
}

/// Whom the operator lets approve: `allowed_signers`, and a line of holders for each role (`role.NAME`).
fn trust(data: &BTreeMap<String, String>) -> Trust {
    let signers = data
        .get("allowed_signers")
        .map(String::as_str)
        .unwrap_or_default();
    let roles = data.iter().filter_map(|(key, value)| {
        let role = key.strip_prefix("role.")?;
        let holders = value.split_whitespace().map(ToOwned::to_owned).collect();
        Some((role.to_owned(), holders))
    });
    Trust {
        signers: AllowedSigners::parse(signers, &jiff::tz::TimeZone::UTC),
        roles: roles.collect(),
        ..Trust::default()
    }
}

/// What the action's account lacks: that it exists, and each right that the action needs on this target.
async fn account(
    target: &Target,
    object: &KubernetesExecution,
    catalog: &Catalog,
    context: &Context,
) -> Result<AccountFact, Trouble> {
    let Some(action) = catalog.get(&object.spec.action) else {
        return Ok(AccountFact::default());
    };
    let about = action.about();
    let name = about.account();
    let accounts: Api<ServiceAccount> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    if accounts.get_opt(&name).await?.is_none() {
        return Ok(AccountFact {
            lacks: vec![format!("it does not exist in {}", context.settings.namespace)],
        });
    }
    let mut lacks = lacking(about, target, context).await?;
    // A server that has just started says no to everything before it has read its roles.
    if !lacks.is_empty() && client::is_ready(&context.client).await {
        lacks = lacking(about, target, context).await?;
    }
    Ok(AccountFact { lacks })
}

/// The rights that the action needs on a target, and its account does not have.
async fn lacking(about: &About, target: &Target, context: &Context) -> Result<Vec<String>, Trouble> {
    let name = about.account();
    let asked = about
        .rights
        .iter()
        .flat_map(|right| right.verbs.iter().map(move |verb| (right, *verb)))
        // What an action can do without is not asked for.
        .filter(|(right, _)| right.resource != "poddisruptionbudgets")
        .map(|(right, verb)| may(&name, right.group, right.resource, verb, target, context));
    let answers = futures_util::future::try_join_all(asked).await?;
    Ok(answers.into_iter().flatten().collect())
}

/// What of this one right the account lacks.
async fn may(
    account: &str,
    group: &str,
    resource: &str,
    verb: &str,
    target: &Target,
    context: &Context,
) -> Result<Option<String>, Trouble> {
    let (plural, subresource) = match resource.split_once('/') {
        Some((plural, sub)) => (plural, Some(sub.to_owned())),
        None => (resource, None),
    };
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(format!(
                "system:serviceaccount:{}:{account}",
                context.settings.namespace
            )),
            groups: Some(vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{}", context.settings.namespace),
                "system:authenticated".to_owned(),
            ]),
            resource_attributes: Some(ResourceAttributes {
                group: Some(group.to_owned()),
                resource: Some(plural.to_owned()),
                subresource,
                verb: Some(verb.to_owned()),
                namespace: target.namespace.clone(),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let api: Api<SubjectAccessReview> = Api::all(context.client.clone());
    let answer = api.create(&PostParams::default(), &review).await?;
    let allowed = answer.status.is_some_and(|status| status.allowed);
    let of = if group.is_empty() {
        String::new()
    } else {
        format!("{group}/")
    };
    Ok((!allowed).then(|| format!("{verb} {of}{resource}")))
}

/// Takes the target, or says who has it.
fn lock(
    target: &Target,
    object: &KubernetesExecution,
    others: Others<'_>,
    catalog: &Catalog,
    context: &Context,
) -> Option<String> {
    let uid = object.uid().unwrap_or_default();
    let now = context.clock.now();
    let running = locks::holder(&others(), target, &uid, catalog, &context.settings, now);
    running.or_else(|| context.locks.take(target, &uid, &object.name_any()))
}

async fn dependencies(
    names: &[String],
    object: &KubernetesExecution,
    context: &Context,
) -> Result<Vec<DependencyFact>, Trouble> {
    let api: Api<KubernetesExecution> =
        Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default());
    let mut found = Vec::new();
    for name in names {
        let other = api.get_opt(name).await?;
        found.push(DependencyFact {
            name: name.clone(),
            phase: other.as_ref().map(phase_of),
            same_owner: other
                .as_ref()
                .is_some_and(|other| owners(other) == owners(object)),
            depends_on_us: depends(&api, other, &object.name_any()).await?,
        });
    }
    Ok(found)
}

fn phase_of(object: &KubernetesExecution) -> Phase {
    let status = object.status.as_ref();
    status.and_then(|status| status.phase).unwrap_or_default()
}

fn owners(object: &KubernetesExecution) -> Vec<String> {
    let mut uids: Vec<String> = object
        .owner_references()
        .iter()
        .map(|owner| owner.uid.clone())
        .collect();
    uids.sort();
    uids
}

/// Does it depend on this name, directly or by others? Looked at for 64 executions at most; more count as yes.
async fn depends(
    api: &Api<KubernetesExecution>,
    first: Option<KubernetesExecution>,
    name: &str,
) -> Result<bool, Trouble> {
    let mut waiting: Vec<KubernetesExecution> = first.into_iter().collect();
    let mut seen = std::collections::BTreeSet::new();
    while let Some(object) = waiting.pop() {
        if object.name_any() == name || seen.len() >= 64 {
            return Ok(true);
        }
        if !seen.insert(object.name_any()) {
            continue;
        }
        for other in &object.spec.depends_on {
            if other.name == name {
                return Ok(true);
            }
            waiting.extend(api.get_opt(&other.name).await?);
        }
    }
    Ok(false)
}

async fn pods(job: &str, context: &Context) -> Result<Vec<Pod>, Trouble> {
    let api: Api<Pod> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let parameters = ListParams::default().labels(&format!("job-name={job}"));
    Ok(api.list(&parameters).await?.items)
}

/// The end of what the Job printed. Logs that cannot be read are none: they decide nothing.
async fn output(job: &str, context: &Context) -> Result<Output, Trouble> {
    let api: Api<Pod> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let mut pods = pods(job, context).await?;
    pods.sort_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
    let Some(pod) = pods.last() else {
        return Ok(Output::default());
    };
    let parameters = LogParams {
        container: Some(CONTAINER.to_owned()),
        limit_bytes: Some(64 * 1024),
        ..LogParams::default()
    };
    let logged = tokio::time::timeout(Duration::from_secs(10), api.logs(&pod.name_any(), &parameters)).await;
    let text = logged.ok().and_then(Result::ok).unwrap_or_default();
    Ok(Output {
        rollback: crate::job::told_rollback(&text),
        text: output_cut(&crate::job::told_text(&text)),
    })
}

/// What names a cluster for good: the uid of its first namespace.
///
/// # Errors
/// When it cannot be read.
pub async fn cluster_uid(client: &kube::Client) -> Result<String, Trouble> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let first = namespaces.get("kube-system").await?;
    Ok(first.uid().unwrap_or_default())
}
