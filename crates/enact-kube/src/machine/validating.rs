//! An execution whose request is in order: is it safe, now, on what is really there? Looked at in this order: stopped, dependencies,
//! target, foreseen, policy, conditions, account, lock. Nothing is written to the target, whatever comes out.

use std::time::Duration;

use enact_engine::policy::input::ActionInput;

use super::asked::{Resolved, Unfilled, filled, on_behalf_of, resolve};
use super::input::action_input;
use super::judging::{denied, judged};
use super::known::{Intent, Known, Looked, Namespaces, Next, Question, Then, Which};
use super::starting::{job_name, snapshot_secret};
use super::status::{Failing, Transition, fail, move_on, set_condition, spec_hash, stamp, status_of};
use super::waits::{dependencies, waits};
use crate::api::{
    ConditionType, DryRunResults, EstimatedImpact, FINALIZER, FailureReason, KubernetesExecutionStatus,
    Phase, TargetSnapshot,
};
use crate::catalog::Foreseen;

/// How long it waits for its target to be free.
const LOCK_PATIENCE: Duration = Duration::from_secs(300);

/// The label by which a namespace lets its executions reach into others.
const CROSS_NAMESPACE: &str = "enact.dev/cross-namespace";

pub(super) fn next(known: &Known<'_>) -> Next {
    let status = status_of(known);
    if let Some(refused) = unchanged(known, &status) {
        return refused;
    }
    let resolved = match resolve(known) {
        Ok(resolved) => resolved,
        Err((reason, message)) => {
            let failing = Failing {
                reason,
                message: &message,
                event: "ParametersRejected",
            };
            return fail(known, status, &failing, Vec::new());
        }
    };
    match stages(known, status, &resolved) {
        Ok(next) | Err(next) => next,
    }
}

/// The stages in order. Each either lets the next one have a look, or is the end of this pass.
fn stages(
    known: &Known<'_>,
    mut status: KubernetesExecutionStatus,
    resolved: &Resolved,
) -> Result<Next, Next> {
    not_stopped(known, &status)?;
    dependencies(known, &status)?;
    let (resolved, foreseen, input) = on_the_target(known, &mut status, resolved)?;
    let resolved = &resolved;
    judged(known, &mut status, resolved, &input)?;
    expected(known, &status, resolved, &foreseen)?;
    conditions(known, &mut status, &input)?;
    account(known, &mut status, resolved)?;
    if known.object.spec.dry_run {
        return Ok(tried(known, status, resolved, &foreseen));
    }
    free(known, &status, resolved)?;
    Ok(start(known, status, resolved, foreseen))
}

/// A spec that is not the one that was looked at first fails; so does one that is cancelled.
fn unchanged(known: &Known<'_>, status: &KubernetesExecutionStatus) -> Option<Next> {
    let failing = if known.object.spec.cancel {
        Failing {
            reason: FailureReason::Cancelled,
            message: "cancelled before anything was done",
            event: "Cancelled",
        }
    } else if status
        .spec_hash
        .as_ref()
        .is_some_and(|hash| *hash != spec_hash(&known.object.spec))
    {
        Failing {
            reason: FailureReason::SpecChanged,
            message: "its spec is not the one that was validated; nothing was done",
            event: "SpecChanged",
        }
    } else {
        return None;
    };
    Some(fail(known, status.clone(), &failing, Vec::new()))
}

fn not_stopped(known: &Known<'_>, status: &KubernetesExecutionStatus) -> Result<(), Next> {
    let Some(halt) = &known.facts.halt else {
        return Err(Next::Learn(vec![Question::Halt]));
    };
    match &halt.new {
        None => Ok(()),
        Some(reason) => {
            let message = format!("everything is stopped: {reason}");
            Err(waits(known, status, &message, Duration::from_secs(5), None))
        }
    }
}

/// What is there, what would become of it, and what policy is asked about that.
fn on_the_target(
    known: &Known<'_>,
    status: &mut KubernetesExecutionStatus,
    resolved: &Resolved,
) -> Result<(Resolved, Foreseen, ActionInput), Next> {
    let target = &resolved.asked.target;
    let (Some(looked), Some(namespaces)) = (&known.facts.target, &known.facts.namespaces) else {
        return Err(Next::Learn(vec![
            Question::Target(target.clone()),
            Question::Namespaces(target.clone()),
        ]));
    };
    let results = status.validation_results.get_or_insert_default();
    results.parameter_validation = true;
    results.validation_time = Some(stamp(known.now));
    // First: whether something is there is not told to those who may not reach it.
    if let Some(message) = out_of_reach(known, resolved, namespaces) {
        return Err(denied_reach(known, status, message));
    }
    let failing = |reason, message: &str, event| {
        let failing = Failing {
            reason,
            message,
            event,
        };
        fail(known, status.clone(), &failing, Vec::new())
    };
    let object = match looked {
        Looked::Found(object) => object,
        Looked::Absent => {
            let message = format!("{target} is not there; nothing was done");
            return Err(failing(FailureReason::TargetNotFound, &message, "TargetNotFound"));
        }
        Looked::Forbidden(why) => {
            let message = format!("the controller may not look at {target}: {why}");
            return Err(failing(FailureReason::RBACNotReady, &message, "RBACNotReady"));
        }
    };
    let resolved = &match filled(known, resolved) {
        Ok(resolved) => resolved,
        Err(Unfilled::Ask(question)) => return Err(Next::Learn(vec![question])),
        Err(Unfilled::Refused(why)) => {
            let message = format!("{why}; nothing was done");
            return Err(failing(
                FailureReason::InvalidParameters,
                &message,
                "ParametersRejected",
            ));
        }
    };
    let foreseen = resolved.action.foresee(object, &resolved.asked);
    let input = action_input(known, resolved, object, namespaces, foreseen.as_ref().ok());
    if let Some(results) = &mut status.validation_results {
        results.resource_exists = true;
    }
    match foreseen {
        Ok(foreseen) => Ok((resolved.clone(), foreseen, input)),
        // Policy is asked first: what is forbidden is not told how it would fail.
        Err(why) => Err(judged(known, status, resolved, &input).err().unwrap_or_else(|| {
            let message = format!("{} cannot be done: {why}", resolved.action.about().name);
            let results = status.validation_results.get_or_insert_default();
            results.dry_run_results = Some(DryRunResults {
                performed: true,
                errors: vec![message.clone()],
                ..DryRunResults::default()
            });
            let failing = Failing {
                reason: FailureReason::InvalidParameters,
                message: &message,
                event: "DryRunFailed",
            };
            fail(known, status.clone(), &failing, Vec::new())
        })),
    }
}

/// Is the target what the request counts on?
fn expected(
    known: &Known<'_>,
    status: &KubernetesExecutionStatus,
    resolved: &Resolved,
    foreseen: &Foreseen,
) -> Result<(), Next> {
    let Some(why) = &foreseen.unexpected else {
        return Ok(());
    };
    let message = format!("{}: {why}; nothing was done", resolved.action.about().name);
    let failing = Failing {
        reason: FailureReason::TargetChanged,
        message: &message,
        event: "TargetChanged",
    };
    Err(fail(known, status.clone(), &failing, Vec::new()))
}

/// A request reaches its own namespace only, unless that namespace is labelled.
fn out_of_reach(known: &Known<'_>, resolved: &Resolved, namespaces: &Namespaces) -> Option<String> {
    let target = resolved.asked.target.namespace.as_ref()?;
    let own = known.object.metadata.namespace.as_ref()?;
    let labelled = namespaces.request_labels.get(CROSS_NAMESPACE).map(String::as_str) == Some("true");
    (target != own && !labelled).then(|| {
        format!(
            "an execution of namespace {own} may not act in {target}: namespace {own} is not labelled {CROSS_NAMESPACE}=true"
        )
    })
}

/// To those who look at the status, a rule of the executor's own is a policy like the others.
fn denied_reach(known: &Known<'_>, status: &mut KubernetesExecutionStatus, message: String) -> Next {
    status.policy_violations = vec![message.clone()];
    let failing = Failing {
        reason: FailureReason::PolicyDenied,
        message: &message,
        event: "PolicyDenied",
    };
    denied(known, status, &failing)
}

/// What must hold before. All of them are looked at, and all of them are recorded.
fn conditions(
    known: &Known<'_>,
    status: &mut KubernetesExecutionStatus,
    input: &ActionInput,
) -> Result<(), Next> {
    let asked = &known.object.spec.pre_conditions;
    if asked.is_empty() {
        return Ok(());
    }
    let Some(facts) = known.facts.conditions.get(&Which::Before) else {
        let all = (0..asked.len()).collect();
        return Err(Next::Learn(vec![Question::Conditions(
            Which::Before,
            all,
            Box::new(input.clone()),
        )]));
    };
    let results = status.validation_results.get_or_insert_default();
    results.pre_condition_results = facts.iter().map(|fact| fact.result.clone()).collect();
    let mut broken = facts.iter().filter_map(|fact| {
        let condition = asked.get(fact.index)?;
        (condition.required && !fact.result.passed).then_some(&fact.result)
    });
    let Some(first) = broken.next() else {
        set_condition(
            status,
            known,
            ConditionType::PreconditionsMet,
            true,
            "Met",
            "what must hold before holds",
        );
        return Ok(());
    };
    let reason = if first.evaluated {
        FailureReason::PreconditionFailed
    } else {
        FailureReason::PreconditionError
    };
    let why = first
        .error_message
        .clone()
        .unwrap_or_else(|| "it does not hold".to_owned());
    let message = format!("precondition {}: {why}; nothing was done", first.condition_type);
    set_condition(
        status,
        known,
        ConditionType::PreconditionsMet,
        false,
        reason.as_str(),
        &message,
    );
    let failing = Failing {
        reason,
        message: &message,
        event: "PreconditionFailed",
    };
    Err(fail(known, status.clone(), &failing, Vec::new()))
}

/// May the account that the Job runs under do it?
fn account(
    known: &Known<'_>,
    status: &mut KubernetesExecutionStatus,
    resolved: &Resolved,
) -> Result<(), Next> {
    let Some(account) = &known.facts.account else {
        return Err(Next::Learn(vec![Question::Account(
            resolved.asked.target.clone(),
        )]));
    };
    let name = resolved.action.about().account();
    if account.lacks.is_empty() {
        let results = status.validation_results.get_or_insert_default();
        results.rbac_validation = true;
        set_condition(
            status,
            known,
            ConditionType::RBACReady,
            true,
            "Allowed",
            &format!("{name} may do it"),
        );
        return Ok(());
    }
    let message = format!(
        "the account {name} may not: {}; nothing was done",
        account.lacks.join(", ")
    );
    set_condition(
        status,
        known,
        ConditionType::RBACReady,
        false,
        "RBACNotReady",
        &message,
    );
    let failing = Failing {
        reason: FailureReason::RBACNotReady,
        message: &message,
        event: "DryRunFailed",
    };
    Err(fail(known, status.clone(), &failing, Vec::new()))
}

/// Tried, and nothing done.
fn tried(
    known: &Known<'_>,
    mut status: KubernetesExecutionStatus,
    resolved: &Resolved,
    foreseen: &Foreseen,
) -> Next {
    let message = format!(
        "dry run: {} would {}",
        resolved.action.about().name,
        foreseen.description
    );
    let results = status.validation_results.get_or_insert_default();
    results.dry_run_results = Some(DryRunResults {
        performed: true,
        success: true,
        estimated_impact: Some(EstimatedImpact {
            resources_affected: foreseen.affected,
            description: foreseen.description.clone(),
        }),
        warnings: foreseen.warnings.clone(),
        errors: Vec::new(),
    });
    status.validation_complete_time = Some(stamp(known.now));
    for kind in [ConditionType::DryRunCompleted, ConditionType::Completed] {
        set_condition(&mut status, known, kind, true, "ValidationSucceeded", &message);
    }
    let transition = Transition {
        to: Phase::Completed,
        reason: "DryRunCompleted",
        message: &message,
    };
    move_on(&mut status, known, &transition);
    let event = Intent::Event {
        warning: false,
        reason: "DryRunCompleted",
        note: message.clone(),
    };
    let mut intents = vec![Intent::Status(Box::new(status)), event];
    intents.extend(warned(known));
    Next::Do(intents, Then::Settled)
}

/// One execution at a time has a target.
fn free(known: &Known<'_>, status: &KubernetesExecutionStatus, resolved: &Resolved) -> Result<(), Next> {
    let Some(holder) = &known.facts.lock else {
        return Err(Next::Learn(vec![Question::Lock(resolved.asked.target.clone())]));
    };
    let Some(holder) = holder else {
        return Ok(());
    };
    let message = format!("waiting for {holder}, which has {}", resolved.asked.target);
    let late = Failing {
        reason: FailureReason::TargetLocked,
        message: &format!(
            "{holder} had {} for too long; nothing was done",
            resolved.asked.target
        ),
        event: "TargetLocked",
    };
    Err(waits(
        known,
        status,
        &message,
        Duration::from_secs(15),
        Some((LOCK_PATIENCE, late)),
    ))
}

/// Everything is in order: what will be done is written down, before it is done.
fn start(
    known: &Known<'_>,
    mut status: KubernetesExecutionStatus,
    resolved: &Resolved,
    foreseen: Foreseen,
) -> Next {
    let now = stamp(known.now);
    status.validation_complete_time = Some(now.clone());
    status.execution_start_time = Some(now);
    status.job_name = Some(job_name(known.object, &known.settings.namespace));
    status.job_namespace = Some(known.settings.namespace.clone());
    status.target_snapshot = Some(TargetSnapshot {
        uid: foreseen.basis.uid.clone(),
        resource_version: foreseen.basis.resource_version.clone().unwrap_or_default(),
        generation: foreseen.basis.generation,
        labels: labels(known),
    });
    let mut intents = Vec::new();
    if !known
        .object
        .metadata
        .finalizers
        .iter()
        .flatten()
        .any(|name| name == FINALIZER)
    {
        intents.push(Intent::AddFinalizer);
    }
    let mut rollback = foreseen.rollback;
    if !foreseen.snapshot.is_empty() {
        let secret = snapshot_secret(known, &status, resolved, &foreseen.snapshot);
        rollback.snapshot_ref = secret.metadata.name.clone();
        intents.push(Intent::KeepSnapshot(Box::new(secret)));
    }
    status.rollback_info = Some(rollback);
    let message = format!("{}: {}", resolved.action.about().name, foreseen.description);
    let transition = Transition {
        to: Phase::Running,
        reason: "ExecutionStarted",
        message: &message,
    };
    move_on(&mut status, known, &transition);
    intents.push(Intent::Status(Box::new(status)));
    intents.push(Intent::Event {
        warning: false,
        reason: "ExecutionStarted",
        note: format!("{message}, on behalf of {}", on_behalf_of(known.object)),
    });
    intents.extend(warned(known));
    Next::Do(intents, Then::Settled)
}

/// Conditions before that do not hold and need not: people are told, once, when it goes on without them.
fn warned(known: &Known<'_>) -> Option<Intent> {
    let facts = known.facts.conditions.get(&Which::Before)?;
    let broken: Vec<&str> = facts
        .iter()
        .filter(|fact| !fact.result.passed)
        .map(|fact| fact.result.condition_type.as_str())
        .collect();
    (!broken.is_empty()).then(|| Intent::Event {
        warning: true,
        reason: "PreconditionWarning",
        note: format!("goes on, although this does not hold: {}", broken.join(", ")),
    })
}

/// The labels of the target as it was judged, the first 64.
fn labels(known: &Known<'_>) -> std::collections::BTreeMap<String, String> {
    let Some(Looked::Found(object)) = &known.facts.target else {
        return Default::default();
    };
    let labels = object.get("metadata").and_then(|metadata| metadata.get("labels"));
    labels
        .and_then(serde_json::Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .take(64)
        .collect()
}
