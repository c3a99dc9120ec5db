//! One pass over one execution: ask what to do next, find out what that needs, do it.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::controller::Action;
use kube::{Api, ResourceExt as _};
use tracing::Instrument as _;

use super::{Context, Trouble, looking, writing};
use crate::api::{KubernetesExecution, Phase};
use crate::machine::{Facts, Known, Next, Then, for_the_catalog, next};

/// How often the machine may ask for more in one pass. It has about ten questions.
const MOST_ROUNDS: usize = 16;

/// A pass over an execution. Safe to repeat at any time: whatever it does was written down before or is guarded by the object's version.
///
/// # Errors
/// When the API server does not answer, or somebody else wrote first: the pass is repeated later.
pub async fn reconcile(
    seen: &KubernetesExecution,
    others: &(dyn Fn() -> Vec<Arc<KubernetesExecution>> + Send + Sync),
    context: &Context,
) -> Result<Action, Trouble> {
    let span = tracing::info_span!(
        "reconcile",
        execution.namespace = seen.namespace().unwrap_or_default(),
        execution.name = seen.name_any(),
        execution.uid = seen.uid().unwrap_or_default(),
        execution.phase = phase(seen).as_str(),
    );
    pass(seen, others, context).instrument(span).await
}

async fn pass(
    seen: &KubernetesExecution,
    others: &(dyn Fn() -> Vec<Arc<KubernetesExecution>> + Send + Sync),
    context: &Context,
) -> Result<Action, Trouble> {
    // What a watch brought may be old. An effect must not rest on that.
    let Some(object) = fresh(seen, context).await? else {
        let_go(seen, context);
        return Ok(Action::await_change());
    };
    let started = context.clock.now();
    let from = phase(&object);
    let decided = decide(&object, others, context).await?;
    let Next::Do(intents, then) = decided else {
        return Ok(Action::requeue(Duration::from_secs(30)));
    };
    if context.settings.observe_only {
        tracing::info!(
            execution = object.name_any(),
            intents = intents.len(),
            "would do, but only looks"
        );
        return Ok(Action::requeue(Duration::from_secs(30)));
    }
    let span = tracing::info_span!("write", intents = intents.len());
    let written = writing::carry_out(&object, intents, context)
        .instrument(span)
        .await?;
    if written.phase.is_some_and(Phase::is_final) || from.is_final() {
        let_go(&object, context);
    }
    let took = Duration::try_from(context.clock.now().duration_since(started)).unwrap_or(Duration::ZERO);
    context.metrics.reconciled(from, took);
    Ok(match then {
        Then::Settled => Action::await_change(),
        Then::After(length) => Action::requeue(length),
    })
}

/// What is kept for an execution while it is not over.
fn let_go(object: &KubernetesExecution, context: &Context) {
    context
        .locks
        .release(object.metadata.uid.as_deref().unwrap_or_default());
    let status = object.status.as_ref();
    if let Some(job) = status.and_then(|status| status.job_name.as_deref()) {
        context.followers.forget(job);
    }
}

async fn fresh(
    seen: &KubernetesExecution,
    context: &Context,
) -> Result<Option<KubernetesExecution>, Trouble> {
    let namespace = seen.namespace().unwrap_or_default();
    let api: Api<KubernetesExecution> = Api::namespaced(context.client.clone(), &namespace);
    let object = api.get_opt(&seen.name_any()).await?;
    // Another of the same name is another execution; its own events bring it.
    Ok(object.filter(|object| object.metadata.uid == seen.metadata.uid))
}

fn phase(object: &KubernetesExecution) -> Phase {
    let status = object.status.as_ref();
    status.and_then(|status| status.phase).unwrap_or_default()
}

/// Asks the machine until it knows enough.
async fn decide(
    object: &KubernetesExecution,
    others: &(dyn Fn() -> Vec<Arc<KubernetesExecution>> + Send + Sync),
    context: &Context,
) -> Result<Next, Trouble> {
    let mut facts = Facts::default();
    // One catalog for the whole pass, whatever comes into force meanwhile.
    let catalog = context.catalog.now();
    let may_be_known_later = !context.catalog.is_known() && !catalog.exists(&object.spec.action);
    for _ in 0..MOST_ROUNDS {
        let policies = context.policies.now();
        let bundle = policies.loaded().digest.clone();
        let known = Known {
            object,
            facts: &facts,
            settings: &context.settings,
            catalog: &catalog,
            bundle: Some(&bundle),
            now: context.clock.now(),
        };
        if may_be_known_later {
            return Ok(for_the_catalog(&known));
        }
        match next(&known) {
            Next::Learn(questions) => {
                let mut learned = facts.clone();
                for question in questions {
                    let span = tracing::info_span!("look", question = question.name());
                    looking::answer(&mut learned, object, &question, others, &catalog, context)
                        .instrument(span)
                        .await?;
                }
                facts = learned;
            }
            decided @ Next::Do(..) => return Ok(decided),
        }
    }
    tracing::error!(
        execution = object.name_any(),
        "asked for more than there is to know"
    );
    Ok(Next::wait(Duration::from_secs(30)))
}
