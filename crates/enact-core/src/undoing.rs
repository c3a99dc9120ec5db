//! What of a run is to be taken back, and in which order.

use std::collections::BTreeSet;

use crate::change::{Change, ChangeId, Effect, Undo};
use crate::change_progress::ChangeProgress;
use crate::change_state::ChangeState;
use crate::plan::Plan;
use crate::run_state::RunState;

/// What is to be taken back, last one first: everything that was done, and of a procedure also steps that began and were not done,
/// or whose outcome nobody knows; of a resource it is looked up whether it is there. What was taken back already keeps its
/// place. What runs however the run ends stays.
pub fn undo_order(plan: &Plan, state: &RunState) -> Vec<ChangeId> {
    let done: BTreeSet<&ChangeId> = state.done_order.iter().collect();
    let in_part = |change: &&Change| {
        let progress = state.changes.get(&change.change_id);
        !done.contains(&change.change_id)
            && change.handling.is_some()
            && progress.is_some_and(|progress| may_have_happened(change, progress))
    };
    let begun = plan
        .changes()
        .iter()
        .filter(in_part)
        .map(|change| &change.change_id);
    let mut order: Vec<&ChangeId> = state.done_order.iter().chain(begun).collect();
    order.sort_by_key(|change_id| state.changes.get(change_id).map(|progress| progress.place));
    let always = |change_id: &&&ChangeId| {
        let handling = plan.change(change_id).and_then(|change| change.handling.as_ref());
        handling.is_some_and(|handling| handling.always)
    };
    order
        .iter()
        .rev()
        .filter(|change_id| !always(change_id))
        .map(|change_id| (*change_id).clone())
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
