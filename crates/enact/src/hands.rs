//! One provider for plans of several domains: each change goes to the hands of its domain.

use std::collections::BTreeMap;
use std::time::Duration;

use enact_core::change::{Change, Precondition};
use enact_core::criterion::CriterionReport;
use enact_core::journal::{Entry, Mismatch, Note, RunId, RunState};
use enact_core::procedure::Moment;
use enact_core::reference::Outputs;
use enact_engine::provider::{Disposition, Failure, Made, Provider, Settled};
use enact_konnect::provider::KonnectProvider;
use enact_runbook::kinds::relied_upon;
use enact_runbook::provider::RunbookProvider;
use enact_runbook::spec::STEP;
use jiff::Timestamp;
use serde_json::Value;

/// The hands of a runbook, and of Konnect where the runbook has steps for it.
pub(crate) struct Hands<'a> {
    pub(crate) runbook: RunbookProvider<'a>,
    pub(crate) konnect: Option<KonnectProvider<'a>>,
}

impl<'a> Hands<'a> {
    fn konnect(&self) -> Result<&KonnectProvider<'a>, Failure> {
        self.konnect.as_ref().ok_or_else(|| {
            Failure::new(
                Disposition::GiveUp,
                "the plan was opened without a connection to Konnect",
            )
        })
    }
}

fn is_step(change: &Change) -> bool {
    change.resource_type == STEP
}

/// What of a change Konnect is asked about: itself, or what a step relies on that has nothing to change.
fn of_konnect(change: &Change) -> Vec<Change> {
    if is_step(change) {
        return relied_upon(change);
    }
    vec![for_konnect(change)]
}

/// The same change without what only the runbook can check: its assumptions.
fn for_konnect(change: &Change) -> Change {
    let mut own = change.clone();
    own.preconditions
        .retain(|precondition| !matches!(precondition, Precondition::Check { .. }));
    own
}

impl Provider for Hands<'_> {
    fn take_up(&self, run_id: &RunId, state: &RunState) {
        self.runbook.take_up(run_id, state);
    }

    fn observe(&self, entry: &Entry) {
        self.runbook.observe(entry);
    }

    fn take_notes(&self) -> Vec<Note> {
        self.runbook.take_notes()
    }

    async fn not_needed(&self, change: &Change, outputs: &Outputs) -> Result<Option<String>, Failure> {
        if is_step(change) {
            return self.runbook.not_needed(change, outputs).await;
        }
        Ok(None)
    }

    fn time_for_more(&self, change: &Change) -> Option<Duration> {
        self.runbook.time_for_more(change)
    }

    async fn evidence(&self, change: &Change, moment: Moment) -> BTreeMap<String, Value> {
        self.runbook.evidence(change, moment).await
    }

    async fn preflight(&self, changes: &[&Change], outputs: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        let mut mismatches = self.runbook.preflight(changes, outputs).await?;
        let others: Vec<Change> = changes.iter().flat_map(|change| of_konnect(change)).collect();
        if !others.is_empty() {
            let others: Vec<&Change> = others.iter().collect();
            mismatches.extend(self.konnect()?.preflight(&others, outputs).await?);
        }
        Ok(mismatches)
    }

    async fn check(&self, change: &Change, outputs: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        // What the runbook takes for granted before a step holds for the changes of another domain too.
        let mut mismatches = self.runbook.check(change, outputs).await?;
        if !mismatches.is_empty() {
            return Ok(mismatches);
        }
        for own in of_konnect(change) {
            mismatches.extend(self.konnect()?.check(&own, outputs).await?);
        }
        Ok(mismatches)
    }

    async fn apply(&self, change: &Change, outputs: &Outputs) -> Result<Made, Failure> {
        if is_step(change) {
            return self.runbook.apply(change, outputs).await;
        }
        self.konnect()?.apply(change, outputs).await
    }

    async fn settle(
        &self,
        change: &Change,
        outputs: &Outputs,
        intent_at: Timestamp,
    ) -> Result<Settled, Failure> {
        if is_step(change) {
            return self.runbook.settle(change, outputs, intent_at).await;
        }
        self.konnect()?.settle(change, outputs, intent_at).await
    }

    async fn verify(&self, changes: &[&Change], outputs: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        let others: Vec<&Change> = changes
            .iter()
            .copied()
            .filter(|change| !is_step(change))
            .collect();
        if others.is_empty() {
            return Ok(Vec::new());
        }
        self.konnect()?.verify(&others, outputs).await
    }

    async fn undo(&self, change: &Change, outputs: &Outputs) -> Result<(), Failure> {
        if is_step(change) {
            return self.runbook.undo(change, outputs).await;
        }
        self.konnect()?.undo(change, outputs).await
    }

    async fn settle_undo(&self, change: &Change, outputs: &Outputs) -> Result<Settled, Failure> {
        if is_step(change) {
            return self.runbook.settle_undo(change, outputs).await;
        }
        self.konnect()?.settle_undo(change, outputs).await
    }

    async fn conclude(&self) -> Result<Vec<CriterionReport>, Failure> {
        self.runbook.conclude().await
    }
}
