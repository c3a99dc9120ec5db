//! The Job has ended, or is gone: what became of the action.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};

use super::asked::resolve;
use super::known::{Intent, JobEnd, Known, Looked, Next, Question, Then};
use super::refined::refine;
use super::starting::basis;
use super::status::{Failing, cut, fail, read_stamp, set_condition, stamp};
use crate::api::{
    ConditionType, ExecutionResult, FailureReason, KubernetesExecutionStatus, ResourceAffected,
};
use crate::catalog::{ACCOUNT_PREFIX, Shows, Target};
use crate::job::{CONTAINER, Report, read_report};

/// How long a Job is kept once its result is in the status, in seconds.
pub(super) const KEPT: i32 = 300;

pub(super) fn next(
    known: &Known<'_>,
    mut status: KubernetesExecutionStatus,
    job: &Job,
    end: &JobEnd,
) -> Next {
    let name = job.metadata.name.clone().unwrap_or_default();
    let (Some(pods), Some(output)) = (&known.facts.pods, &known.facts.output) else {
        return Next::Learn(vec![Question::Pods(name.clone()), Question::Output(name)]);
    };
    status.execution_complete_time = Some(stamp(known.now));
    let ended = last_end(pods);
    let report = ended.and_then(|ended| read_report(ended.message.as_deref().unwrap_or_default()));
    take_rollback(&mut status, report.as_ref(), output.rollback.as_deref());
    status.result = Some(result(known, &status, report.as_ref(), &output.text));
    let finished = match end {
        JobEnd::Complete => "Complete".to_owned(),
        JobEnd::Failed(reason, _) => reason.clone(),
    };
    set_condition(
        &mut status,
        known,
        ConditionType::JobFinished,
        true,
        &word(&finished),
        &format!("Job {name}: {finished}"),
    );
    match (end, &report) {
        (JobEnd::Complete, Some(report)) if report.ok => went_well(known, status, report, &name),
        (JobEnd::Complete, None) if is_custom(job) => {
            let report = succeeded();
            if let Some(result) = &mut status.result {
                result.succeeded = true;
            }
            went_well(known, status, &report, &name)
        }
        (JobEnd::Complete, Some(report)) if is_custom(job) => {
            let message = format!("its program ended well, but reports: {}", report.msg);
            failed(known, status, FailureReason::ActionFailed, &message, &name)
        }
        (JobEnd::Complete, _) => unreadable(known, status, &name),
        (JobEnd::Failed(reason, message), report) => {
            let (reason, message) = why(reason, message, report.as_ref(), ended, pods);
            if let Some(result) = &mut status.result {
                result.error_message = Some(message.clone());
            }
            failed(known, status, reason, &message, &name)
        }
    }
}

/// Does it run a program of the operator's? Its catalog may name another one by now, so the Job says it.
fn is_custom(job: &Job) -> bool {
    let pod = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let account = pod.and_then(|pod| pod.service_account_name.as_deref());
    account.is_some_and(|account| account.starts_with(ACCOUNT_PREFIX))
}

/// What is said for a program that says nothing itself: its exit code counts.
fn succeeded() -> Report {
    Report {
        v: 1,
        ok: true,
        code: "done".to_owned(),
        msg: "its program ended with exit code 0".to_owned(),
        ..Report::default()
    }
}

/// A reason must be one word for the API server.
fn word(text: &str) -> String {
    let word: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    if word.is_empty() { "Ended".to_owned() } else { word }
}

/// The end of the action's container in the newest pod that has one.
fn last_end(pods: &[Pod]) -> Option<&ContainerStateTerminated> {
    let mut sorted: Vec<&Pod> = pods.iter().collect();
    sorted.sort_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
    sorted.iter().rev().find_map(|pod| {
        let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
        let action = containers.iter().find(|container| container.name == CONTAINER)?;
        action.state.as_ref()?.terminated.as_ref()
    })
}

/// What the action reports of the way back, or told at its beginning.
fn take_rollback(status: &mut KubernetesExecutionStatus, report: Option<&Report>, told: Option<&str>) {
    let reported = report.and_then(|report| report.rollback.as_ref());
    let reported = reported.and_then(|rollback| serde_json::to_string(rollback).ok());
    refine(status, reported.as_deref().or(told));
}

fn result(
    known: &Known<'_>,
    status: &KubernetesExecutionStatus,
    report: Option<&Report>,
    output: &str,
) -> ExecutionResult {
    let spec = &known.object.spec;
    let affected = report.filter(|report| report.ok).map(|report| ResourceAffected {
        kind: resolve(known)
            .map(|resolved| resolved.asked.target.kind)
            .unwrap_or_default(),
        namespace: resolve(known)
            .ok()
            .and_then(|resolved| resolved.asked.target.namespace),
        name: spec
            .target_resource
            .as_ref()
            .and_then(|target| target.name.clone())
            .unwrap_or_default(),
        action: spec.action.clone(),
        before: report.before.clone(),
        after: report.after.clone(),
    });
    ExecutionResult {
        succeeded: report.is_some_and(|report| report.ok),
        error_message: report
            .filter(|report| !report.ok)
            .map(|report| cut(&report.msg, 1024)),
        output: Some(super::status::output_cut(output)).filter(|output| !output.is_empty()),
        resources_affected: affected.into_iter().collect(),
        duration: took(known, status),
        retries_attempted: 0,
    }
}

fn took(known: &Known<'_>, status: &KubernetesExecutionStatus) -> Option<String> {
    let started = status.execution_start_time.as_deref().and_then(read_stamp)?;
    let length = Duration::try_from(known.now.duration_since(started)).unwrap_or(Duration::ZERO);
    Some(format!("{}.{}s", length.as_secs(), length.subsec_millis() / 100))
}

fn went_well(known: &Known<'_>, mut status: KubernetesExecutionStatus, report: &Report, job: &str) -> Next {
    super::converging::begin(known, &mut status);
    status.message = Some(cut(&report.msg, 1024));
    let event = Intent::Event {
        warning: false,
        reason: "JobFinished",
        note: cut(&report.msg, 1024),
    };
    Next::Do(
        vec![
            Intent::Status(Box::new(status)),
            Intent::LetJobGo(job.to_owned(), KEPT),
            event,
        ],
        Then::Settled,
    )
}

/// It ended well and nobody can read what it says: the target decides.
fn unreadable(known: &Known<'_>, status: KubernetesExecutionStatus, job: &str) -> Next {
    match seen(known, &status) {
        Err(next) => next,
        Ok(Shows::Yes) => {
            let report = Report {
                v: 1,
                ok: true,
                code: "done".to_owned(),
                msg: "recovered from observed state".to_owned(),
                ..Report::default()
            };
            let mut status = status;
            if let Some(result) = &mut status.result {
                result.succeeded = true;
                result.output = Some(report.msg.clone());
            }
            went_well(known, status, &report, job)
        }
        Ok(Shows::No | Shows::Nothing) => failed(
            known,
            status,
            FailureReason::ResultUnreadable,
            "its Job ended well, but what it says cannot be read and the target does not show it",
            job,
        ),
    }
}

/// What the target shows.
fn seen(known: &Known<'_>, status: &KubernetesExecutionStatus) -> Result<Shows, Next> {
    let Ok(resolved) = resolve(known) else {
        return Ok(Shows::Nothing);
    };
    let target: &Target = &resolved.asked.target;
    let object = match &known.facts.target {
        None => return Err(Next::Learn(vec![Question::Target(target.clone())])),
        Some(Looked::Found(object)) => Some(object.as_ref()),
        Some(Looked::Absent) => None,
        Some(Looked::Forbidden(_)) => return Ok(Shows::Nothing),
    };
    let basis = basis(status.target_snapshot.as_ref());
    Ok(resolved.action.shows(object, &resolved.asked, &basis))
}

/// The Job was created and is gone, and its end was never seen. It is never created again: it may have run.
pub(super) fn lost(known: &Known<'_>, mut status: KubernetesExecutionStatus) -> Next {
    match seen(known, &status) {
        Err(next) => next,
        Ok(Shows::Yes) => {
            let message = "recovered from observed state";
            status.execution_complete_time = Some(stamp(known.now));
            status.result = Some(ExecutionResult {
                succeeded: true,
                output: Some(message.to_owned()),
                duration: took(known, &status),
                ..ExecutionResult::default()
            });
            set_condition(
                &mut status,
                known,
                ConditionType::JobFinished,
                true,
                "Gone",
                "the Job is gone; the target shows that it was done",
            );
            super::converging::begin(known, &mut status);
            status.message = Some(message.to_owned());
            let event = Intent::Event {
                warning: true,
                reason: "RecoveredFromState",
                note: "the Job is gone; the target shows that it was done".to_owned(),
            };
            Next::Do(vec![Intent::Status(Box::new(status)), event], Then::Settled)
        }
        Ok(Shows::No | Shows::Nothing) => {
            let failing = Failing {
                reason: FailureReason::ExecutionLost,
                message: "its Job is gone, its end was not seen and the target does not show it: it may have been done in part. It is not done again",
                event: "ExecutionLost",
            };
            fail(known, status, &failing, Vec::new())
        }
    }
}

/// Why a Job failed: what the action says, what the cluster says, how the container ended.
fn why(
    job_reason: &str,
    job_message: &str,
    report: Option<&Report>,
    ended: Option<&ContainerStateTerminated>,
    pods: &[Pod],
) -> (FailureReason, String) {
    if let Some(report) = report {
        let reason = match report.code.as_str() {
            "deadline" => FailureReason::DeadlineExceeded,
            "cancelled" => FailureReason::Cancelled,
            "target_changed" => FailureReason::TargetChanged,
            _ => FailureReason::ActionFailed,
        };
        return (reason, report.msg.clone());
    }
    if job_reason == "DeadlineExceeded" {
        return (
            FailureReason::DeadlineExceeded,
            format!("its Job was ended by the cluster: {job_message}"),
        );
    }
    if pods.iter().any(is_evicted) {
        return (
            FailureReason::PodEvicted,
            "its pod was evicted before it was done: it may have been done in part".to_owned(),
        );
    }
    match ended {
        Some(ended) if ended.reason.as_deref() == Some("OOMKilled") => (
            FailureReason::ActionFailed,
            "its container needed more memory than it may have (OOMKilled)".to_owned(),
        ),
        Some(ended) => (
            FailureReason::ActionFailed,
            format!(
                "its container ended with exit code {} and without a report",
                ended.exit_code
            ),
        ),
        None => (
            FailureReason::ActionFailed,
            format!("its Job failed: {job_reason} {job_message}"),
        ),
    }
}

fn is_evicted(pod: &Pod) -> bool {
    let Some(status) = &pod.status else {
        return false;
    };
    let disrupted = status
        .conditions
        .iter()
        .flatten()
        .any(|condition| condition.type_ == "DisruptionTarget" && condition.status == "True");
    disrupted || status.reason.as_deref() == Some("Evicted")
}

fn failed(
    known: &Known<'_>,
    status: KubernetesExecutionStatus,
    reason: FailureReason,
    message: &str,
    job: &str,
) -> Next {
    let failing = Failing {
        reason,
        message,
        event: "JobFailed",
    };
    match fail(known, status, &failing, Vec::new()) {
        Next::Do(mut intents, then) => {
            // After the status: the result is taken before the Job may go.
            intents.insert(1, Intent::LetJobGo(job.to_owned(), KEPT));
            Next::Do(intents, then)
        }
        learn @ Next::Learn(_) => learn,
    }
}
