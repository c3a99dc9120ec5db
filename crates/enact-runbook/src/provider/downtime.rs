//! The downtime: its clock starts when the first step of the window starts and stops when the last one ends. Waiting for a person
//! inside of the window counts.

use std::time::Duration;

use enact_core::journal::{ChangeProgress, ChangeState, RunState};
use enact_core::whole::began;
use jiff::Timestamp;

use crate::spec::Document;

/// How long the downtime has lasted until `now`, or lasted in all; `None` before it starts or where there is none.
pub fn length(document: &Document, state: &RunState, now: Timestamp) -> Option<Duration> {
    let window = document.downtime.as_ref()?;
    let first = state
        .changes
        .get(&began(document.wholes(), &window.from, state)?)?;
    let last = state.changes.get(&window.to).filter(|last| has_ended(last));
    let from = on_run_clock(state, first, first.first_started_ms?);
    let until = match last.and_then(|last| Some((last, last.ended_ms?))) {
        Some((last, ended)) => on_run_clock(state, last, ended),
        None => signed(state.clock.elapsed_at(now)),
    };
    Some(Duration::from_millis(
        u64::try_from(until.saturating_sub(from)).unwrap_or(0),
    ))
}

/// The last step of the window was done, also where it was taken back since, or was found not to be needed.
fn has_ended(last: &ChangeProgress) -> bool {
    let stood = last.undone_from.unwrap_or(last.state);
    matches!(stood, ChangeState::Done | ChangeState::Omitted)
}

/// A moment of a step in milliseconds since the run began. What was taken over from another run has its moments from before that:
/// a revision does not set the clock back.
fn on_run_clock(state: &RunState, progress: &ChangeProgress, moment: u64) -> i64 {
    let began = state.started_at.zip(progress.intent_at);
    let before = began
        .filter(|_| progress.adopted_from.is_some())
        .map(|(run, step)| run.as_millisecond().saturating_sub(step.as_millisecond()).max(0));
    signed(moment).saturating_sub(before.unwrap_or(0))
}

fn signed(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds).unwrap_or(i64::MAX)
}

/// Is the window open: started and not ended?
pub(crate) fn is_open(document: &Document, state: &RunState) -> bool {
    let Some(window) = &document.downtime else {
        return false;
    };
    let started = began(document.wholes(), &window.from, state).is_some();
    let ended = state.changes.get(&window.to).is_some_and(has_ended);
    started && !ended
}
