//! Executions that are over, or being deleted: what held them back lets them go.

use std::time::Duration;

use super::known::{Intent, Known, Next, Question, Then};
use super::running::end_of;
use super::status::status_of;
use crate::api::{FINALIZER, Phase};

/// How long an object that is being deleted waits for its Job to be gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// One that is over: nothing is done any more but letting it go.
pub(super) fn settled(known: &Known<'_>) -> Next {
    if is_held(known) {
        return Next::Do(vec![Intent::RemoveFinalizer], Then::Settled);
    }
    Next::nothing()
}

/// One that is being deleted: its Job is stopped first, for so long at most.
pub(super) fn next(known: &Known<'_>) -> Next {
    if !is_held(known) {
        return Next::nothing();
    }
    let status = status_of(known);
    let let_go = Next::Do(vec![Intent::RemoveFinalizer], Then::Settled);
    let (Some(Phase::Running), Some(name)) = (status.phase, status.job_name) else {
        return let_go;
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
        _ => let_go,
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
