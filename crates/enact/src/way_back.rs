//! What of a run is left to be taken back, and which command goes on with it, with the flags that it needs.

use enact_core::change::{Change, Undo};
use enact_core::journal::{ChangeState, Choice, RunId, RunOutcome, RunState};
use enact_core::plan::{Mode, Plan};
use enact_core::undoing::undo_order;
use enact_core::whole::passed_point;

/// The command that goes on with a run, as it is to be typed. For as long as something of it is left to be taken back, that is
/// taking it back.
pub(crate) fn command_on(plan: &Plan, run_id: &RunId, state: &RunState) -> String {
    let flag = flags(plan, state).of_command;
    // `enact resume` carries a decision out, but does not go past the point of no return.
    let is_past = state.ending == Some(Choice::Rollback) && !flag.is_empty();
    if (goes_back(state) || is_past) && !only_lacks_its_end(plan, state) {
        format!("enact rollback {run_id}{flag}")
    } else {
        format!("enact resume {run_id}")
    }
}

/// Is it being taken back? Also where the first undo did not work, and somebody has put that right since.
pub(crate) fn goes_back(state: &RunState) -> bool {
    state.is_rolling_back() || state.outcome == Some(RunOutcome::Stuck)
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

/// The steps that run before anything is taken back, because they run however a run ends.
pub(crate) fn closing(plan: &Plan, state: &RunState) -> String {
    let is_left = |change: &&Change| {
        let always = change.handling.as_ref().is_some_and(|handling| handling.always);
        let open = matches!(
            state.of(&change.change_id),
            ChangeState::Pending | ChangeState::Escalated | ChangeState::Delegated
        );
        always && open
    };
    let left = plan.executable().into_iter().filter(is_left);
    left.map(|change| {
        let stands = state.of(&change.change_id);
        let what = if stands == ChangeState::Delegated {
            "is in somebody's hands, and is left to them"
        } else if stands == ChangeState::Escalated {
            "waits for a decision, and is left as it is"
        } else {
            "runs first, as however the run ends"
        };
        format!("- {} {}: {what}\n", change.resource_type, change.resource_name)
    })
    .collect()
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

/// What taking back needs besides, in a decision and on its own.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    /// Behind the words of a decision.
    pub(crate) of_decision: &'static str,
    /// Behind `enact rollback RUN`.
    pub(crate) of_command: &'static str,
}

/// Once the point of no return has been started, taking back needs a flag of its own.
pub(crate) fn flags(plan: &Plan, state: &RunState) -> Flags {
    if passed_point(plan, state).is_none() {
        return Flags::default();
    }
    Flags {
        of_decision: " (rollback with --past-point-of-no-return)",
        of_command: " --past-point-of-no-return",
    }
}
