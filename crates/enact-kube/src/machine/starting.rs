//! The Job of an execution: its name, what it is told, and the last look before it is created.

use std::collections::BTreeMap;
use std::time::Duration;

use enact_core::canonical::Digest;
use enact_engine::policy::input::ActionInput;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::asked::{Resolved, Unfilled, filled, on_behalf_of, resolve};
use super::input::action_input;
use super::judging::judged;
use super::known::{Intent, Known, Looked, Next, Question, Then};
use super::status::{Failing, fail, status_of};
use crate::api::{
    FailureReason, KubernetesExecution, KubernetesExecutionStatus, RollbackInfo, TargetSnapshot,
};
use crate::catalog::{Basis, VALUES};
use crate::job::{self, MOST_REQUEST, Parts, Request};

/// The Job's name: the same whenever it is asked for, and another for another execution of the same name.
pub fn job_name(object: &KubernetesExecution, namespace: &str) -> String {
    let name = object.metadata.name.clone().unwrap_or_default();
    let plain = format!("{name}-job");
    let own = object.metadata.namespace.clone().unwrap_or_default();
    if own == namespace && plain.len() <= 52 && !plain.contains('.') {
        return format!("{plain}-{}", short_digest(object, 10));
    }
    let described: String = format!("{own}-{name}")
        .replace('.', "-")
        .chars()
        .take(40)
        .collect();
    format!(
        "kex-{}-{}",
        described.trim_end_matches('-'),
        short_digest(object, 10)
    )
}

fn short_digest(object: &KubernetesExecution, length: usize) -> String {
    let uid = object.metadata.uid.clone().unwrap_or_default();
    let digest = Digest::of(uid.as_bytes()).to_string();
    digest
        .trim_start_matches("sha256:")
        .chars()
        .take(length)
        .collect()
}

/// The name of the Secret below. It depends on the execution's uid, so nobody else's can be meant by it.
pub(super) fn snapshot_name(known: &Known<'_>) -> String {
    format!("{}-before", job_name(known.object, &known.settings.namespace))
}

/// The Secret that holds what the way back needs and the status must not show; and what the Job is told, as that holds values too.
pub(super) fn snapshot_secret(
    known: &Known<'_>,
    status: &KubernetesExecutionStatus,
    resolved: &Resolved,
    values: &BTreeMap<String, String>,
) -> Secret {
    let told = serde_json::to_string(&request(known, status, resolved)).unwrap_or_default();
    let data = values
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .chain([(job::REQUEST_KEY.to_owned(), told)])
        .map(|(key, value)| (key, ByteString(value.into_bytes())));
    Secret {
        metadata: ObjectMeta {
            name: Some(snapshot_name(known)),
            namespace: Some(known.settings.namespace.clone()),
            labels: Some(
                [
                    (
                        "app.kubernetes.io/name".to_owned(),
                        "kubernetes-executor".to_owned(),
                    ),
                    ("app.kubernetes.io/component".to_owned(), "snapshot".to_owned()),
                ]
                .into(),
            ),
            annotations: Some(
                [(
                    job::UID_ANNOTATION.to_owned(),
                    known.object.metadata.uid.clone().unwrap_or_default(),
                )]
                .into(),
            ),
            ..ObjectMeta::default()
        },
        data: Some(data.collect()),
        immutable: Some(true),
        ..Secret::default()
    }
}

/// No Job yet. Stopped meanwhile? Other policies meanwhile? Then those decide, on what is there now.
pub(super) fn create(known: &Known<'_>) -> Next {
    let mut status = status_of(known);
    let resolved = match resolve(known) {
        Ok(resolved) => resolved,
        Err((reason, message)) => return failed(known, status, reason, &message, "ParametersRejected"),
    };
    let resolved = match filled(known, &resolved) {
        Ok(resolved) => resolved,
        Err(Unfilled::Ask(question)) => return Next::Learn(vec![question]),
        Err(Unfilled::Refused(why)) => {
            let message = format!("{why}; nothing was done");
            return failed(
                known,
                status,
                FailureReason::TargetChanged,
                &message,
                "TargetChanged",
            );
        }
    };
    let admission = not_stopped(known, &status)
        .and_then(|()| seen(known, &status, &resolved))
        .and_then(|input| judged(known, &mut status, &resolved, &input));
    match admission {
        Ok(admission) => build(known, status, &resolved, admission),
        Err(next) => next,
    }
}

fn not_stopped(known: &Known<'_>, status: &KubernetesExecutionStatus) -> Result<(), Next> {
    match &known.facts.halt {
        None => Err(Next::Learn(vec![Question::Halt])),
        Some(halt) if halt.new.is_none() => Ok(()),
        Some(halt) if halt.running => {
            let message = "everything was stopped; nothing was done";
            let reason = FailureReason::EmergencyStop;
            Err(failed(known, status.clone(), reason, message, "Cancelled"))
        }
        Some(_) => Err(Next::wait(Duration::from_secs(5))),
    }
}

/// What policy is asked about: the target as it is now.
fn seen(
    known: &Known<'_>,
    status: &KubernetesExecutionStatus,
    resolved: &Resolved,
) -> Result<ActionInput, Next> {
    let target = &resolved.asked.target;
    let (Some(looked), Some(namespaces)) = (&known.facts.target, &known.facts.namespaces) else {
        return Err(Next::Learn(vec![
            Question::Target(target.clone()),
            Question::Namespaces(target.clone()),
        ]));
    };
    let Looked::Found(object) = looked else {
        let message = format!("{target} is gone; nothing was done");
        let reason = FailureReason::TargetChanged;
        return Err(failed(known, status.clone(), reason, &message, "TargetChanged"));
    };
    // What runs checks it again right before its first write, where it is ours.
    let uid = object
        .pointer("/metadata/uid")
        .and_then(serde_json::Value::as_str);
    let judged = status
        .target_snapshot
        .as_ref()
        .map(|snapshot| snapshot.uid.as_str());
    if uid != judged {
        let message = format!("{target} is another object than the one that was judged; nothing was done");
        let reason = FailureReason::TargetChanged;
        return Err(failed(known, status.clone(), reason, &message, "TargetChanged"));
    }
    let foreseen = resolved.action.foresee(object, &resolved.asked).ok();
    // The Job gets what was read then. Other values now are not what it would do.
    let left = |rollback: &RollbackInfo| rollback.expected_current.clone();
    let judged = status.rollback_info.as_ref().and_then(left);
    if resolved.values.is_some() && foreseen.as_ref().and_then(|foreseen| left(&foreseen.rollback)) != judged
    {
        let message =
            format!("what {VALUES} names, or {target}, was changed since it was judged; nothing was done");
        let reason = FailureReason::TargetChanged;
        return Err(failed(known, status.clone(), reason, &message, "TargetChanged"));
    }
    Ok(action_input(
        known,
        resolved,
        object,
        namespaces,
        foreseen.as_ref(),
    ))
}

fn build(
    known: &Known<'_>,
    status: KubernetesExecutionStatus,
    resolved: &Resolved,
    admission: super::admitting::Admission,
) -> Next {
    let name = status.job_name.clone().unwrap_or_default();
    let request = request(known, &status, resolved);
    let rollback = status.rollback_info.as_ref();
    let secret = rollback.and_then(|rollback| rollback.snapshot_ref.clone());
    let argv = match resolved.argv() {
        Ok(argv) => argv,
        Err(why) => {
            let reason = FailureReason::InvalidParameters;
            return failed(known, status, reason, &why, "ParametersRejected");
        }
    };
    let parts = Parts {
        object: known.object,
        about: resolved.action.about(),
        request: &request,
        name: &name,
        secret: secret.as_deref(),
        settings: known.settings,
        argv: argv.as_deref(),
    };
    if serde_json::to_string(&request).map_or(usize::MAX, |text| text.len()) > MOST_REQUEST {
        let message = format!("the request is longer than {MOST_REQUEST} bytes; nothing was done");
        return failed(
            known,
            status,
            FailureReason::InvalidParameters,
            &message,
            "ParametersRejected",
        );
    }
    match job::build(&admission, &parts) {
        Ok(job) => Next::Do(
            vec![Intent::CreateJob(Box::new(admission), Box::new(job))],
            Then::After(Duration::from_millis(50)),
        ),
        Err(why) => failed(
            known,
            status,
            FailureReason::JobCreationFailed,
            &why,
            "JobCreationFailed",
        ),
    }
}

/// What the Job is told.
fn request(known: &Known<'_>, status: &KubernetesExecutionStatus, resolved: &Resolved) -> Request {
    Request {
        v: 1,
        action: resolved.action.about().name.to_string(),
        target: resolved.asked.target.clone(),
        parameters: written_parameters(known, resolved),
        basis: basis(status.target_snapshot.as_ref()),
        on_behalf_of: on_behalf_of(known.object),
        seconds: resolved.limit.as_secs().max(1),
    }
}

/// The parameters without those that name the target again.
fn written_parameters(known: &Known<'_>, resolved: &Resolved) -> BTreeMap<String, String> {
    let takes = resolved.action.parameters();
    let is_taken = |key: &str| {
        takes
            .iter()
            .any(|parameter| parameter.name == key || parameter.aliases.iter().any(|alias| alias == key))
    };
    let written = known.object.spec.parameters.iter();
    let written = written.filter(|(key, _)| is_taken(key) && key.as_str() != VALUES);
    let read = resolved
        .values
        .iter()
        .map(|values| ("patch".to_owned(), values.expose().clone()));
    let written = written.map(|(key, value)| (key.clone(), value.clone()));
    written.chain(read).collect()
}

/// What of the target must be as it was judged.
pub(super) fn basis(snapshot: Option<&TargetSnapshot>) -> Basis {
    let Some(snapshot) = snapshot else {
        return Basis::default();
    };
    Basis {
        uid: snapshot.uid.clone(),
        generation: snapshot.generation,
        resource_version: Some(snapshot.resource_version.clone()).filter(|version| !version.is_empty()),
    }
}

fn failed(
    known: &Known<'_>,
    status: KubernetesExecutionStatus,
    reason: FailureReason,
    message: &str,
    event: &'static str,
) -> Next {
    fail(
        known,
        status,
        &Failing {
            reason,
            message,
            event,
        },
        Vec::new(),
    )
}

/// The cluster does not take the Job: the execution fails, and nothing was done.
pub fn job_refused(known: &Known<'_>, why: &str) -> Next {
    let message = format!("its Job was refused: {why}; nothing was done");
    failed(
        known,
        status_of(known),
        FailureReason::JobCreationFailed,
        &message,
        "JobCreationFailed",
    )
}
