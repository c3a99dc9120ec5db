//! The downtime: its clock starts when the first step of the window starts and stops when the last one ends. Waiting for a person
//! inside of the window counts.

use std::time::Duration;

use enact_core::journal::{ChangeState, RunState};
use jiff::Timestamp;

use crate::spec::Document;

/// How long the downtime has lasted until `now`, or lasted in all; `None` before it starts or where there is none.
pub fn length(document: &Document, state: &RunState, now: Timestamp) -> Option<Duration> {
    let window = document.downtime.as_ref()?;
    let from = state.changes.get(&window.from)?.started_ms?;
    let last = state.changes.get(&window.to);
    let until = last
        .filter(|progress| progress.state == ChangeState::Done)
        .and_then(|progress| progress.ended_ms)
        .unwrap_or_else(|| state.clock.elapsed_at(now));
    Some(Duration::from_millis(until.saturating_sub(from)))
}

/// Is the window open: started and not ended?
pub(crate) fn is_open(document: &Document, state: &RunState) -> bool {
    let Some(window) = &document.downtime else {
        return false;
    };
    let started = state
        .changes
        .get(&window.from)
        .is_some_and(|progress| progress.intent_at.is_some());
    started && state.of(&window.to) != ChangeState::Done
}
