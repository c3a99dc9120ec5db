//! The one place that writes: intents, in order. What stands after one that failed is left undone, and decided again.

use std::borrow::Cow;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Api, Resource as _, ResourceExt as _};
use serde_json::json;

use super::{Context, Trouble, audit};
use crate::api::{
    ConditionType, FINALIZER, FailureReason, KubernetesExecution, KubernetesExecutionStatus, Phase,
};
use crate::machine::{Intent, Which};

/// What came of the intents.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    /// The phase that was written, if one was.
    pub(super) phase: Option<Phase>,
}

/// Does what is to be done.
///
/// # Errors
/// The first thing that went wrong.
pub(super) async fn carry_out(
    object: &KubernetesExecution,
    intents: Vec<Intent>,
    context: &Context,
) -> Result<Written, Trouble> {
    let mut current = object.clone();
    let mut written = Written::default();
    for intent in intents {
        match intent {
            Intent::AddFinalizer => current = finalizers(&current, true, context).await?,
            Intent::RemoveFinalizer => match finalizers(&current, false, context).await {
                Ok(object) => current = object,
                // Gone is what it should be.
                Err(Trouble::Gone) => return Ok(written),
                Err(trouble) => return Err(trouble),
            },
            Intent::Status(status) => {
                written.phase = status.phase;
                current = self::status(&current, *status, context).await?;
            }
            Intent::KeepSnapshot(secret) => keep(&secret, context).await?,
            Intent::DeleteSnapshot(name) => forget(&name, context).await?,
            Intent::CreateJob(_, job) => {
                if let Some(refused) = create(&job, context).await? {
                    return Box::pin(carry_out(&current, refuse(&current, &refused, context), context)).await;
                }
            }
            Intent::DeleteJob(name) => delete(&name, context).await?,
            Intent::LetJobGo(name, seconds) => let_go(&name, seconds, context).await?,
            Intent::Follow { job, pod } => context.followers.follow(&job, &pod, context),
            Intent::Event {
                warning,
                reason,
                note,
            } => tell(&current, warning, reason, note, context).await,
        }
    }
    Ok(written)
}

fn executions(object: &KubernetesExecution, context: &Context) -> Api<KubernetesExecution> {
    Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default())
}

/// Adds the finalizer or takes it off, if nobody else wrote in between.
async fn finalizers(
    object: &KubernetesExecution,
    held: bool,
    context: &Context,
) -> Result<KubernetesExecution, Trouble> {
    let mut names: Vec<String> = object
        .finalizers()
        .iter()
        .filter(|name| *name != FINALIZER)
        .cloned()
        .collect();
    if held {
        names.push(FINALIZER.to_owned());
    }
    let body = json!({ "metadata": {
        "resourceVersion": object.resource_version(),
        "uid": object.uid(),
        "finalizers": names,
    } });
    let patched = executions(object, context)
        .patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(body))
        .await?;
    Ok(patched)
}

/// Writes a status, if nobody else wrote in between.
async fn status(
    object: &KubernetesExecution,
    status: KubernetesExecutionStatus,
    context: &Context,
) -> Result<KubernetesExecution, Trouble> {
    let before = object.status.clone().unwrap_or_default();
    let mut whole = object.clone();
    whole.metadata.managed_fields = None;
    whole.status = Some(status.clone());
    let written = executions(object, context)
        .replace_status(&object.name_any(), &PostParams::default(), &whole)
        .await?;
    count(object, &before, &status, context);
    audit::transition(object, &before, &status);
    Ok(written)
}

/// Counts what was written, once it is.
fn count(
    object: &KubernetesExecution,
    before: &KubernetesExecutionStatus,
    after: &KubernetesExecutionStatus,
    context: &Context,
) {
    let (from, to) = (before.phase.unwrap_or_default(), after.phase.unwrap_or_default());
    let catalog = context.catalog.now();
    let action = catalog.get(&object.spec.action);
    let action = action.map_or(Cow::Borrowed("unknown"), |action| action.about().label());
    let action = action.as_ref();
    if from != to {
        context
            .metrics
            .moved(from, to, action, after.failure_reason.map(FailureReason::as_str));
    }
    let results = |status: &KubernetesExecutionStatus| status.validation_results.clone().unwrap_or_default();
    let (old, new) = (results(before), results(after));
    if old.pre_condition_results != new.pre_condition_results {
        context
            .metrics
            .conditions(Which::Before, &new.pre_condition_results);
    }
    if old.post_condition_results != new.post_condition_results {
        context
            .metrics
            .conditions(Which::After, &new.post_condition_results);
    }
    let finished = |status: &KubernetesExecutionStatus| {
        status
            .conditions
            .iter()
            .any(|condition| condition.type_ == ConditionType::JobFinished.as_str())
    };
    if finished(after) && !finished(before) {
        context.metrics.job_finished(action, after);
    }
}

/// Keeps what the way back needs. It is made once; one that is there is the same.
async fn keep(secret: &Secret, context: &Context) -> Result<(), Trouble> {
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    match secrets
        .create(&PostParams::default(), secret)
        .await
        .map_err(Trouble::from)
    {
        Ok(_) | Err(Trouble::Refused { code: 409, .. }) => Ok(()),
        Err(trouble) => Err(trouble),
    }
}

/// Takes a snapshot away, if it is there.
async fn forget(name: &str, context: &Context) -> Result<(), Trouble> {
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let done = secrets.delete(name, &DeleteParams::default()).await;
    or_gone(done)
}

/// Creates a Job. Where one of its name is there, nothing is created: whose it is, is looked at in the next pass. What the server refuses
/// for good is given back.
async fn create(job: &Job, context: &Context) -> Result<Option<String>, Trouble> {
    let jobs: Api<Job> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let started = context.clock.now();
    match jobs
        .create(&PostParams::default(), job)
        .await
        .map_err(Trouble::from)
    {
        Ok(_) => {
            let took = context.clock.now().duration_since(started);
            let catalog = context.catalog.now();
            let action = job.labels().get("kubernaut.ai/action");
            let action = action.and_then(|action| catalog.get(action));
            let action = action.map_or(Cow::Borrowed("unknown"), |action| action.about().label());
            context
                .metrics
                .job_created(&action, took.try_into().unwrap_or_default());
            Ok(None)
        }
        Err(Trouble::Refused { code: 409, .. }) => Ok(None),
        Err(Trouble::Refused { code, message }) => Ok(Some(format!("{message} ({code})"))),
        // The namespace of the executor is not there.
        Err(Trouble::Gone) => Ok(Some(format!(
            "namespace {} is not there",
            context.settings.namespace
        ))),
        Err(trouble) => Err(trouble),
    }
}

/// The execution fails because its Job was refused: nothing was done.
fn refuse(object: &KubernetesExecution, why: &str, context: &Context) -> Vec<Intent> {
    let facts = crate::machine::Facts::default();
    let catalog = context.catalog.now();
    let known = crate::machine::Known {
        object,
        facts: &facts,
        settings: &context.settings,
        catalog: &catalog,
        bundle: None,
        now: context.clock.now(),
    };
    match crate::machine::job_refused(&known, why) {
        crate::machine::Next::Do(intents, _) => intents,
        crate::machine::Next::Learn(_) => Vec::new(),
    }
}

async fn delete(name: &str, context: &Context) -> Result<(), Trouble> {
    let jobs: Api<Job> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let done = jobs.delete(name, &DeleteParams::foreground()).await;
    or_gone(done)
}

/// The Job may go: its result is in the status by now.
async fn let_go(name: &str, seconds: i32, context: &Context) -> Result<(), Trouble> {
    let jobs: Api<Job> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let body = json!({ "spec": { "ttlSecondsAfterFinished": seconds } });
    let done = jobs
        .patch(name, &PatchParams::default(), &Patch::Merge(body))
        .await;
    or_gone(done)
}

/// Tells people. An event that cannot be written changes nothing.
async fn tell(
    object: &KubernetesExecution,
    warning: bool,
    reason: &'static str,
    note: String,
    context: &Context,
) {
    let reporter = Reporter {
        controller: "kubernetes-executor".to_owned(),
        instance: Some(context.identity.clone()),
    };
    let event = Event {
        type_: if warning {
            EventType::Warning
        } else {
            EventType::Normal
        },
        reason: reason.to_owned(),
        note: Some(note),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    let recorder = Recorder::new(context.client.clone(), reporter);
    if let Err(error) = recorder.publish(&event, &object.object_ref(&())).await {
        tracing::warn!(execution = object.name_any(), reason, error = %crate::catalog::describe(&error), "an event was not written");
    }
}

/// What is gone already is as it should be.
fn or_gone<T>(done: Result<T, kube::Error>) -> Result<(), Trouble> {
    match done.map_err(Trouble::from) {
        Ok(_) | Err(Trouble::Gone) => Ok(()),
        Err(trouble) => Err(trouble),
    }
}
