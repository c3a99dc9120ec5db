//! An execution that was let through: its Job is to be created, runs, or has ended.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;

use super::known::{Intent, JobEnd, Known, Next, Question, Then};
use super::refined::{refine, to_follow};
use super::status::{Failing, fail, holds, read_stamp, set_condition, spec_hash, status_of};
use super::{converging, finished, starting};
use crate::api::{ConditionType, FailureReason, KubernetesExecutionStatus};
use crate::job::{ALLOWANCE_SECONDS, UID_ANNOTATION};

/// How often a running Job is looked at even when nothing is heard of it.
const RESYNC: Duration = Duration::from_secs(30);

/// How long a pod may wait for its image.
const IMAGE_PATIENCE: Duration = Duration::from_secs(60);

/// How long a pod may wait for a node.
const NODE_PATIENCE: Duration = Duration::from_secs(120);

/// How long after its deadline a Job may fail to end before it is taken for lost.
const LATE: Duration = Duration::from_secs(60);

pub(super) fn next(known: &Known<'_>) -> Next {
    let mut status = status_of(known);
    if holds(&status, ConditionType::JobFinished) {
        return converging::next(known);
    }
    let Some(name) = status.job_name.clone() else {
        let failing = Failing {
            reason: FailureReason::ExecutionLost,
            message: "its status names no Job; whether anything was done is not known",
            event: "ExecutionLost",
        };
        return fail(known, status, &failing, Vec::new());
    };
    let (Some(job), Some(told)) = (&known.facts.job, &known.facts.told) else {
        return Next::Learn(vec![Question::Job(name.clone()), Question::Told(name)]);
    };
    refine(&mut status, told.as_deref());
    match job {
        None if holds(&status, ConditionType::JobCreated) => finished::lost(known, status),
        None if changed(known, &status) => {
            let failing = Failing {
                reason: FailureReason::SpecChanged,
                message: "its spec is not the one that was validated; nothing was done",
                event: "SpecChanged",
            };
            fail(known, status, &failing, Vec::new())
        }
        None if known.object.spec.cancel => {
            let failing = Failing {
                reason: FailureReason::Cancelled,
                message: "cancelled before anything was done",
                event: "Cancelled",
            };
            fail(known, status, &failing, Vec::new())
        }
        None => starting::create(known),
        Some(job) => with_job(known, status, job),
    }
}

fn changed(known: &Known<'_>, status: &KubernetesExecutionStatus) -> bool {
    status
        .spec_hash
        .as_ref()
        .is_some_and(|hash| *hash != spec_hash(&known.object.spec))
}

fn with_job(known: &Known<'_>, status: KubernetesExecutionStatus, job: &Job) -> Next {
    let name = job.metadata.name.clone().unwrap_or_default();
    let uid = job
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(UID_ANNOTATION));
    if uid != known.object.metadata.uid.as_ref() {
        let message = format!("a Job {name} of another execution is there; nothing was done");
        let failing = Failing {
            reason: FailureReason::JobNameConflict,
            message: &message,
            event: "JobNameConflict",
        };
        return fail(known, status, &failing, Vec::new());
    }
    if !holds(&status, ConditionType::JobCreated) {
        return created(known, status, job);
    }
    if let Some(end) = end_of(job) {
        return finished::next(known, status, job, &end);
    }
    if let Some(next) = stopped(known, &status, &name) {
        return next;
    }
    watch(known, status, job)
}

/// The Job is there: that is written down before anything else is.
fn created(known: &Known<'_>, mut status: KubernetesExecutionStatus, job: &Job) -> Next {
    let name = job.metadata.name.clone().unwrap_or_default();
    status.job_uid = job.metadata.uid.clone();
    set_condition(
        &mut status,
        known,
        ConditionType::JobCreated,
        true,
        "JobCreated",
        &format!("Job {name}"),
    );
    let event = Intent::Event {
        warning: false,
        reason: "JobCreated",
        note: format!("Job {name} runs in {}", known.settings.namespace),
    };
    Next::Do(vec![Intent::Status(Box::new(status)), event], Then::Settled)
}

/// Only these two conditions are an end; `FailureTarget` and `SuccessCriteriaMet` come before it.
pub(super) fn end_of(job: &Job) -> Option<JobEnd> {
    let conditions = job
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .filter(|condition| condition.status == "True")
        .find_map(|condition| {
            let text = |part: &Option<String>| part.clone().unwrap_or_default();
            match condition.type_.as_str() {
                "Complete" => Some(JobEnd::Complete),
                "Failed" => Some(JobEnd::Failed(text(&condition.reason), text(&condition.message))),
                _ => None,
            }
        })
}

/// Cancelled by its spec, or everything is stopped, with what runs.
fn stopped(known: &Known<'_>, status: &KubernetesExecutionStatus, job: &str) -> Option<Next> {
    let Some(halt) = &known.facts.halt else {
        return Some(Next::Learn(vec![Question::Halt]));
    };
    let by_halt = halt.new.is_some() && halt.running;
    if !known.object.spec.cancel && !by_halt {
        return None;
    }
    let (reason, why) = if by_halt {
        (FailureReason::EmergencyStop, "everything was stopped")
    } else {
        (FailureReason::Cancelled, "cancelled")
    };
    let message = format!("{why} while it ran: it may have been done in part, see rollbackInfo");
    let failing = Failing {
        reason,
        message: &message,
        event: "Cancelled",
    };
    Some(fail(
        known,
        status.clone(),
        &failing,
        vec![Intent::DeleteJob(job.to_owned())],
    ))
}

/// It runs: is anything in its way?
fn watch(known: &Known<'_>, status: KubernetesExecutionStatus, job: &Job) -> Next {
    let name = job.metadata.name.clone().unwrap_or_default();
    let Some(pods) = &known.facts.pods else {
        return Next::Learn(vec![Question::Pods(name)]);
    };
    if let Some((reason, message)) = pods.iter().find_map(|pod| in_its_way(pod, known.now)) {
        let failing = Failing {
            reason,
            message: &message,
            event: "JobFailed",
        };
        return fail(known, status, &failing, vec![Intent::DeleteJob(name)]);
    }
    let deadline = deadline(&status, job);
    if deadline.is_some_and(|deadline| since(deadline, known.now) > LATE) {
        let message =
            "its Job did not end in time, and the cluster did not end it: it may have been done in part";
        let failing = Failing {
            reason: FailureReason::DeadlineExceeded,
            message,
            event: "JobFailed",
        };
        return fail(known, status, &failing, vec![Intent::DeleteJob(name)]);
    }
    let left = deadline.map_or(RESYNC, |deadline| {
        since(known.now, deadline) + Duration::from_secs(5)
    });
    go_on(known, status, &name, pods, left.min(RESYNC))
}

/// Nothing is in its way. What it tells of the way back is written down as soon as it is known: its pod may be gone before its end.
fn go_on(
    known: &Known<'_>,
    status: KubernetesExecutionStatus,
    job: &str,
    pods: &[Pod],
    again: Duration,
) -> Next {
    if status != status_of(known) {
        return Next::Do(vec![Intent::Status(Box::new(status))], Then::Settled);
    }
    match to_follow(known, pods) {
        None => Next::wait(again),
        Some((pod, runs_for)) => {
            let follow = Intent::Follow {
                job: job.to_owned(),
                pod,
            };
            // It is told early or not at all: looked for often at first, and less and less.
            let soon = runs_for.max(Duration::from_secs(1));
            Next::Do(vec![follow], Then::After(again.min(soon)))
        }
    }
}

/// When the cluster should have ended it.
fn deadline(status: &KubernetesExecutionStatus, job: &Job) -> Option<Timestamp> {
    let started = job
        .status
        .as_ref()
        .and_then(|status| status.start_time.as_ref())
        .map(|time| time.0)
        .or_else(|| status.execution_start_time.as_deref().and_then(read_stamp))?;
    let seconds = job.spec.as_ref().and_then(|spec| spec.active_deadline_seconds)?;
    started
        .checked_add(jiff::SignedDuration::from_secs(
            seconds.saturating_add(i64::try_from(ALLOWANCE_SECONDS).unwrap_or(30)),
        ))
        .ok()
}

/// How long it is from one moment to a later one; nothing when it is not later.
fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

/// Why a pod cannot start, once it has had time enough.
fn in_its_way(pod: &Pod, now: Timestamp) -> Option<(FailureReason, String)> {
    let created = pod.metadata.creation_timestamp.as_ref()?.0;
    let age = since(created, now);
    let status = pod.status.as_ref()?;
    let waiting = status.container_statuses.iter().flatten().find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref()?;
        let known = matches!(
            reason,
            "ImagePullBackOff"
                | "ErrImagePull"
                | "InvalidImageName"
                | "CreateContainerConfigError"
                | "CreateContainerError"
        );
        known.then(|| format!("{reason}: {}", waiting.message.clone().unwrap_or_default()))
    });
    if let Some(why) = waiting
        && age > IMAGE_PATIENCE
    {
        return Some((
            FailureReason::ImagePullFailed,
            format!("its pod cannot start: {why}; nothing was done"),
        ));
    }
    let unplaced = status.conditions.iter().flatten().find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    });
    let unplaced = unplaced.filter(|_| age > NODE_PATIENCE)?;
    let why = unplaced.message.clone().unwrap_or_default();
    Some((
        FailureReason::PodUnschedulable,
        format!("no node takes its pod: {why}; nothing was done"),
    ))
}
