//! What of a run is to be taken back, and in which order.

use crate::change::{Change, ChangeId, Effect, Undo};
use crate::change_progress::ChangeProgress;
use crate::change_state::ChangeState;
use crate::plan::Plan;
use crate::run_state::RunState;

/// What is to be taken back, last one first: everything that was done, and of a procedure also steps that began and were not done,
/// or whose outcome nobody knows; of a resource it is looked up whether it is there. What was taken back already keeps its
/// place. What runs however the run ends stays.
pub fn undo_order(plan: &Plan, state: &RunState) -> Vec<ChangeId> {
    let begun = |change: &Change, progress: &ChangeProgress| {
        change.handling.is_some() && may_have_happened(change, progress)
    };
    let to_undo = |change: &&Change| {
        let progress = state.changes.get(&change.change_id);
        progress.is_some_and(|progress| progress.was_done || begun(change, progress))
    };
    let always = |change: &&Change| {
        let handling = change.handling.as_ref();
        handling.is_some_and(|handling| handling.always)
    };
    let changes = plan.changes().iter();
    let mut order: Vec<&Change> = changes.filter(to_undo).filter(|change| !always(change)).collect();
    order.sort_by_key(|change| {
        state
            .changes
            .get(&change.change_id)
            .map(|progress| progress.place)
    });
    order
        .iter()
        .rev()
        .map(|change| change.change_id.clone())
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
