//! At which step a run takes a person's decision, and which. Only there: a run has one open question at a time, and what nobody
//! knows the outcome of comes first.

use enact_core::change::{Change, ChangeId};
use enact_core::change_progress::ChangeProgress;
use enact_core::failure::causes;
use enact_core::journal::{ChangeState, Choice, RunOutcome, RunPhase, RunState};
use enact_core::plan::Plan;
use enact_core::procedure::{Hold, Moment};

/// Does the run take this decision at this change?
pub(crate) fn takes(plan: &Plan, run: &RunState, change_id: &ChangeId, choice: Choice) -> bool {
    let ends = matches!(choice, Choice::Rollback | Choice::Abort);
    let is_open = run.phase != RunPhase::Finished;
    // What was decided is carried out; nobody decides the opposite meanwhile.
    let is_decided = run.ending.is_some();
    if ends && decided(run).is_some_and(|known| known != choice) {
        return false;
    }
    match run.of(change_id) {
        ChangeState::Escalated => is_open,
        ChangeState::Done => ends && !is_decided && waits_after_verification(run),
        ChangeState::Failed => ends && is_open && !is_decided,
        ChangeState::Delegated => ends && is_open,
        ChangeState::Pending => {
            let waits = run.phase == RunPhase::Paused && waits_before(run, change_id);
            ends && (waits || (!is_decided && next_step(plan, run) == Some(change_id)))
        }
        ChangeState::Started
        | ChangeState::Drifted
        | ChangeState::Unknown
        | ChangeState::Skipped
        | ChangeState::Omitted
        | ChangeState::Undoing
        | ChangeState::Undone
        | ChangeState::Stuck => false,
    }
}

/// What was decided about the run and is still to be carried out.
pub(crate) fn decided(run: &RunState) -> Option<Choice> {
    run.ending.filter(|_| !is_over(run) && !run.is_rolling_back())
}

/// Has the run come to an end that nothing follows but taking it back?
fn is_over(run: &RunState) -> bool {
    !matches!(run.outcome, None | Some(RunOutcome::Unknown))
}

/// The step with which a run goes on that was stopped or waits, where it is not to end before. Whoever ends the run says so of it,
/// unless another step waits for a word, or nobody knows what became of one.
pub(crate) fn next_step<'p>(plan: &'p Plan, run: &RunState) -> Option<&'p ChangeId> {
    let stands = match run.phase {
        RunPhase::Stopped | RunPhase::Paused => true,
        RunPhase::Finished => run.outcome == Some(RunOutcome::Unknown),
        RunPhase::Running => false,
    };
    let asks_first = |change: &Change| asks_first(run.of(&change.change_id));
    let other = || {
        (run.phase == RunPhase::Paused && !causes(plan, run).is_empty())
            || plan.changes().iter().any(asks_first)
    };
    if !stands || run.is_rolling_back() || other() {
        return None;
    }
    let steps = plan.executable().into_iter();
    let mut ahead = steps.filter(|change| !change.handling.as_ref().is_some_and(|handling| handling.always));
    ahead
        .find(|change| run.of(&change.change_id) == ChangeState::Pending)
        .map(|change| &change.change_id)
}

/// Where the run waits for somebody to say what follows its failure: the steps because of which it has failed. The decision is
/// taken at each of them.
pub(crate) fn asked_after_failure<'p>(plan: &'p Plan, run: &RunState) -> Vec<&'p ChangeId> {
    if run.phase == RunPhase::Paused && run.ending.is_none() {
        causes(plan, run)
    } else {
        Vec::new()
    }
}

/// Does another question come first, of a step that stands like this, before the one whether the run goes on?
fn asks_first(state: ChangeState) -> bool {
    match state {
        // Of what was attested and not looked at, too, it is not known yet what became of it.
        ChangeState::Escalated | ChangeState::Delegated | ChangeState::Unknown | ChangeState::Started => true,
        ChangeState::Pending
        | ChangeState::Failed
        | ChangeState::Done
        | ChangeState::Drifted
        | ChangeState::Skipped
        | ChangeState::Omitted
        | ChangeState::Undoing
        | ChangeState::Undone
        | ChangeState::Stuck => false,
    }
}

/// The confirmation that is asked for at a change, where it stands: before what is to run, or after what is over.
pub(crate) fn open_hold(progress: &ChangeProgress) -> Option<&Hold> {
    let hold = progress.held.as_ref()?;
    let here = match hold.at {
        Moment::Before => progress.state == ChangeState::Pending,
        Moment::After => progress.state.is_over(),
    };
    (here && !progress.satisfies(hold)).then_some(hold)
}

fn waits_after_verification(run: &RunState) -> bool {
    let unmet = |criterion: &enact_core::criterion::CriterionReport| criterion.verdict.is_against();
    run.phase == RunPhase::Paused && run.criteria.iter().any(unmet)
}

/// Does the run wait for a confirmation before this change?
fn waits_before(run: &RunState, change_id: &ChangeId) -> bool {
    let progress = run.changes.get(change_id);
    progress
        .and_then(open_hold)
        .is_some_and(|hold| hold.at == Moment::Before)
}
