//! Executions that wait where they are: for each other, and for whatever else comes.

use std::time::Duration;

use jiff::Timestamp;

use super::known::{Intent, Known, Next, Question, Then};
use super::status::{Failing, fail, read_stamp, stamp, status_of};
use crate::api::{FailureReason, KubernetesExecutionStatus, Phase};

/// How long it waits for those it depends on.
const DEPENDENCY_PATIENCE: Duration = Duration::from_secs(3600);

pub(super) fn dependencies(known: &Known<'_>, status: &KubernetesExecutionStatus) -> Result<(), Next> {
    let named: Vec<String> = known
        .object
        .spec
        .depends_on
        .iter()
        .map(|other| other.name.clone())
        .collect();
    if named.is_empty() {
        return Ok(());
    }
    let Some(found) = &known.facts.dependencies else {
        return Err(Next::Learn(vec![Question::Dependencies(named)]));
    };
    let broken = found.iter().find_map(|other| {
        if other.depends_on_us {
            Some(format!("{} depends on this one in turn", other.name))
        } else if other.phase.is_some() && !other.same_owner {
            Some(format!("{} belongs to somebody else", other.name))
        } else {
            (other.phase == Some(Phase::Failed)).then(|| format!("{} failed", other.name))
        }
    });
    if let Some(why) = broken {
        let failing = Failing {
            reason: FailureReason::DependencyFailed,
            message: &format!("what it depends on: {why}; nothing was done"),
            event: "DependencyFailed",
        };
        return Err(fail(known, status.clone(), &failing, Vec::new()));
    }
    let open: Vec<&str> = found
        .iter()
        .filter(|other| other.phase != Some(Phase::Completed))
        .map(|other| other.name.as_str())
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    let message = format!("waiting for {}", open.join(", "));
    let late = Failing {
        reason: FailureReason::DependencyFailed,
        message: &format!("what it depends on did not complete in time: {}", open.join(", ")),
        event: "DependencyFailed",
    };
    let since = status.waiting_since.as_deref().and_then(read_stamp);
    let waited = since.map_or(Duration::ZERO, |since| waited(known.now, since));
    Err(waits(
        known,
        status,
        &message,
        until_the_next_look(waited),
        Some((DEPENDENCY_PATIENCE, late)),
    ))
}

/// What is over soon is seen soon; what takes long is not asked for all the time.
fn until_the_next_look(waited: Duration) -> Duration {
    (waited / 4).clamp(Duration::from_secs(2), Duration::from_secs(15))
}

/// One that asks for an action that may be the operator's, before the operator's are known. Nobody can say yet that there is no such one.
pub fn for_the_catalog(known: &Known<'_>) -> Next {
    let again = Duration::from_secs(5);
    let status = status_of(known);
    if status.phase.unwrap_or_default() != Phase::Pending {
        return Next::wait(again);
    }
    let message = "waiting until the operator's own actions could be read";
    waits(known, &status, message, again, None)
}

/// Waits where it is; since when is written once. With a patience that is used up it fails.
pub(super) fn waits(
    known: &Known<'_>,
    status: &KubernetesExecutionStatus,
    message: &str,
    again: Duration,
    most: Option<(Duration, Failing<'_>)>,
) -> Next {
    let since = status.waiting_since.as_deref().and_then(read_stamp);
    if let (Some(since), Some((patience, late))) = (since, most)
        && waited(known.now, since) >= patience
    {
        return fail(known, status.clone(), &late, Vec::new());
    }
    if since.is_some() && status.message.as_deref() == Some(message) {
        return Next::wait(again);
    }
    let mut status = status.clone();
    status.message = Some(message.to_owned());
    status.waiting_since.get_or_insert_with(|| stamp(known.now));
    let event = Intent::Event {
        warning: false,
        reason: "Waiting",
        note: message.to_owned(),
    };
    Next::Do(vec![Intent::Status(Box::new(status)), event], Then::After(again))
}

fn waited(now: Timestamp, since: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO)
}
