//! What of a run is to be taken back, and in which order.

use std::collections::BTreeSet;

use crate::change::{Change, ChangeId, Effect, Undo};
use crate::plan::Plan;
use crate::run_state::{ChangeProgress, ChangeState, RunState};

/// What is to be taken back, first one first: steps that began and were not done, or whose outcome nobody knows, then
/// everything that was done, last one first. What was taken back already keeps its place. What runs however the run ends stays.
///
/// Only steps of a procedure are taken back without being done: of a resource it is looked up whether it is there.
pub fn undo_order(plan: &Plan, state: &RunState) -> Vec<ChangeId> {
    let done: BTreeSet<&ChangeId> = state.done_order.iter().collect();
    let in_part = |change: &&Change| {
        let progress = state.changes.get(&change.change_id);
        !done.contains(&change.change_id)
            && change.handling.is_some()
            && progress.is_some_and(|progress| may_have_happened(change, progress))
    };
    let changes = plan.changes();
    let always: BTreeSet<&ChangeId> = changes
        .iter()
        .filter(|change| change.handling.as_ref().is_some_and(|handling| handling.always))
        .map(|change| &change.change_id)
        .collect();
    let partial = changes
        .iter()
        .rev()
        .filter(in_part)
        .map(|change| &change.change_id);
    partial
        .chain(state.done_order.iter().rev())
        .filter(|change_id| !always.contains(change_id))
        .cloned()
        .collect()
}

fn may_have_happened(change: &Change, progress: &ChangeProgress) -> bool {
    match progress.state {
        ChangeState::Started | ChangeState::Unknown | ChangeState::Undoing | ChangeState::Stuck => true,
        ChangeState::Done | ChangeState::Undone => false,
        ChangeState::Pending
        | ChangeState::Failed
        | ChangeState::Drifted
        | ChangeState::Skipped
        | ChangeState::Omitted
        | ChangeState::Delegated
        | ChangeState::Escalated => {
            let looks_only = change.effect == Effect::Read;
            progress.partial && !looks_only && !(progress.handed_over && has_no_way_back(change))
        }
    }
}

/// Work that somebody was asked for and has said nothing about is taken back where there is a way; where there is none, it is
/// theirs to say, and in nobody's way.
fn has_no_way_back(change: &Change) -> bool {
    matches!(change.undo, None | Some(Undo::Impossible { .. }))
}
