//! Executions that are over, or being deleted: what held them back lets them go.

use std::time::Duration;

use super::known::{Intent, Known, Next, Question, Then};
use super::running::end_of;
use super::starting::snapshot_name;
use super::status::status_of;
use crate::api::{FINALIZER, Phase};

/// How long an object that is being deleted waits for its Job to be gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// One that is over: nothing is done any more but letting it go. One that has a snapshot is held for as long as it is there, because
/// nobody else takes the snapshot away.
pub(super) fn settled(known: &Known<'_>) -> Next {
    let rollback = known
        .object
        .status
        .as_ref()
        .and_then(|status| status.rollback_info.as_ref());
    let has_snapshot = rollback.is_some_and(|rollback| rollback.snapshot_ref.is_some());
    if is_held(known) && !has_snapshot {
        return let_go(known);
    }
    Next::nothing()
}

/// Takes the snapshot away, where there may be one, and lets the object go.
fn let_go(known: &Known<'_>) -> Next {
    let status = status_of(known);
    let kept = status
        .rollback_info
        .is_some_and(|rollback| rollback.snapshot_ref.is_some());
    let mut intents = Vec::new();
    // It is kept before the status says so.
    if kept || status.job_name.is_none() {
        intents.push(Intent::DeleteSnapshot(snapshot_name(known)));
    }
    intents.push(Intent::RemoveFinalizer);
    Next::Do(intents, Then::Settled)
}

/// One that is being deleted: its Job is stopped first, for so long at most.
pub(super) fn next(known: &Known<'_>) -> Next {
    if !is_held(known) {
        return Next::nothing();
    }
    let status = status_of(known);
    let (Some(Phase::Running), Some(name)) = (status.phase, status.job_name) else {
        return let_go(known);
    };
    let Some(job) = &known.facts.job else {
        return Next::Learn(vec![Question::Job(name)]);
    };
    let since = known
        .object
        .metadata
        .deletion_timestamp
        .as_ref()
        .map(|time| time.0);
    let waited = since.and_then(|since| Duration::try_from(known.now.duration_since(since)).ok());
    match job {
        Some(job) if end_of(job).is_none() && waited.is_none_or(|waited| waited < PATIENCE) => {
            if job.metadata.deletion_timestamp.is_some() {
                return Next::wait(Duration::from_secs(2));
            }
            let event = Intent::Event {
                warning: true,
                reason: "Cancelled",
                note: format!("deleted while it ran: Job {name} is stopped; it may have been done in part"),
            };
            Next::Do(
                vec![Intent::DeleteJob(name), event],
                Then::After(Duration::from_secs(2)),
            )
        }
        _ => let_go(known),
    }
}

fn is_held(known: &Known<'_>) -> bool {
    known
        .object
        .metadata
        .finalizers
        .iter()
        .flatten()
        .any(|name| name == FINALIZER)
}
