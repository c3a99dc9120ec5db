//! What of a run is left to be taken back, and which command goes on with it.

use enact_core::change::Undo;
use enact_core::journal::{ChangeState, RunOutcome, RunState};
use enact_core::plan::{Mode, Plan};
use enact_core::undoing::undo_order;

/// The command that goes on with a run. For as long as something of it is left to be taken back, that is taking it back.
pub(crate) fn way_on(plan: &Plan, state: &RunState) -> &'static str {
    if state.is_rolling_back() && !only_lacks_its_end(plan, state) {
        "rollback"
    } else {
        "resume"
    }
}

/// Is a run being taken back, and nothing is left of that but its end? Settled, or killed, at the very last moment.
pub(crate) fn only_lacks_its_end(plan: &Plan, state: &RunState) -> bool {
    let ended = !matches!(
        state.outcome,
        None | Some(RunOutcome::Unknown | RunOutcome::Stuck)
    );
    plan.metadata().mode == Mode::Run && state.is_rolling_back() && !ended && listing(plan, state).is_empty()
}

/// What would be taken back, last first, and what cannot be.
pub(crate) fn listing(plan: &Plan, state: &RunState) -> String {
    let mut text = String::new();
    for change_id in &undo_order(plan, state) {
        let word = match state.of(change_id) {
            ChangeState::Done => "",
            ChangeState::Failed | ChangeState::Escalated => " (it may have happened in part)",
            ChangeState::Delegated => " (in somebody's hands, who may have begun)",
            ChangeState::Started => " (begun, and looked for first)",
            ChangeState::Unknown
            | ChangeState::Pending
            | ChangeState::Drifted
            | ChangeState::Skipped
            | ChangeState::Omitted => " (begun, and nobody knows whether it happened)",
            ChangeState::Undoing => " (begun, and looked for first)",
            ChangeState::Stuck => " (stuck: settle it with `enact decide`, or mend what is in its way)",
            ChangeState::Undone => continue,
        };
        let Some(change) = plan.change(change_id) else {
            continue;
        };
        let how = match &change.undo {
            Some(Undo::DeleteCreated) => "delete what was created".to_owned(),
            Some(Undo::RestoreFields) => "put the old values back".to_owned(),
            Some(Undo::CreateAgain) => "create it again, with a new id".to_owned(),
            Some(Undo::Run { .. }) => "run its undo".to_owned(),
            Some(Undo::Nothing) => "nothing to take back".to_owned(),
            Some(Undo::Impossible { reason }) => format!("CANNOT be taken back: {reason}"),
            None => "CANNOT be taken back: the plan says of no way".to_owned(),
        };
        text.push_str(&format!(
            "- {} {}: {how}{word}\n",
            change.resource_type, change.resource_name
        ));
    }
    text
}

/// Is there anything that taking the run back would really undo? What has nothing to take back, and what cannot be, is not.
pub(crate) fn would_undo_something(plan: &Plan, state: &RunState) -> bool {
    let order = undo_order(plan, state);
    let left = order
        .iter()
        .filter(|change_id| state.of(change_id) != ChangeState::Undone);
    left.filter_map(|change_id| plan.change(change_id))
        .any(|change| match &change.undo {
            Some(Undo::DeleteCreated | Undo::RestoreFields | Undo::CreateAgain | Undo::Run { .. }) => true,
            Some(Undo::Nothing | Undo::Impossible { .. }) | None => false,
        })
}
