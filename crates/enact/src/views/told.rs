//! What a run has told of itself, for the texts of its plan that ask for it.

use enact_core::change::ChangeId;
use enact_core::journal::{Choice, Entry, Fact, RunId, RunState};
use enact_core::plan::Plan;
use enact_core::procedure::Hold;
use enact_runbook::shown::{Reader, asks_for_the_run};
use enact_runbook::spec::Document;
use jiff::Timestamp;

use crate::open_decisions::decided;

/// What lines about a run put into the texts of its plan: all that its journal has told so far.
pub(crate) struct Told {
    run_id: RunId,
    run_number: u64,
    pub(super) plan: Plan,
    pub(crate) document: Document,
    /// Kept only where a text asks for it: of many steps it is as large as the plan.
    state: Option<RunState>,
    /// What was decided about the run and is still to be carried out.
    pub(super) decided: Option<Choice>,
}

impl Told {
    /// The run as it stands before anything further happens.
    pub(crate) fn new(
        run_id: &RunId,
        run_number: u64,
        plan: &Plan,
        document: &Document,
        state: RunState,
    ) -> Self {
        Self {
            run_id: run_id.clone(),
            run_number,
            plan: plan.clone(),
            document: document.clone(),
            decided: decided(&state),
            state: asks_for_the_run(plan).then_some(state),
        }
    }

    pub(super) fn take_in(&mut self, entry: &Entry) {
        if let Fact::Chosen {
            choice: choice @ (Choice::Rollback | Choice::Abort),
            ..
        } = &entry.fact
        {
            self.decided = Some(*choice);
        }
        // The run is the engine's; what does not follow here only leaves a text as its author wrote it.
        let Some(state) = &mut self.state else {
            return;
        };
        if let Err(error) = state.record(entry) {
            tracing::debug!(%error, "an entry does not follow");
        }
    }

    pub(super) fn message(&self, change_id: &ChangeId, hold: &Hold, now: Timestamp) -> String {
        let none = RunState::default();
        let reader = Reader {
            plan: &self.plan,
            document: &self.document,
            run_id: &self.run_id,
            state: self.state.as_ref().unwrap_or(&none),
            run_number: self.run_number,
            now,
        };
        reader.message(change_id, hold)
    }
}
