//! Which failures of a run count, and because of which steps it has failed.

use std::collections::BTreeSet;

use crate::change::{Change, ChangeId};
use crate::change_state::ChangeState;
use crate::plan::Plan;
use crate::run_state::RunState;

/// Does the failure of this change count?
pub fn is_critical(change: &Change) -> bool {
    change.handling.as_ref().is_none_or(|handling| handling.critical)
}

/// The changes because of which a run has failed so far, in the plan's order: critical ones that failed, and those that may fail,
/// did, and were needed by a critical one. A decision about the failure is taken at each of them.
pub fn causes<'p>(plan: &'p Plan, state: &RunState) -> Vec<&'p ChangeId> {
    let needed = needed_in_vain(plan, state);
    let failed = |change: &&Change| state.of(&change.change_id) == ChangeState::Failed;
    let counts = |change: &&Change| is_critical(change) || needed.contains(&change.change_id);
    let changes = plan.changes().iter().filter(failed).filter(counts);
    changes.map(|change| &change.change_id).collect()
}

/// Everything that critical changes needed which were left out, also over others that were left out between.
fn needed_in_vain<'p>(plan: &'p Plan, state: &RunState) -> BTreeSet<&'p ChangeId> {
    let left_out = |change: &&Change| state.of(&change.change_id) == ChangeState::Skipped;
    let mut ahead: Vec<&Change> = plan
        .changes()
        .iter()
        .filter(left_out)
        .filter(|change| is_critical(change))
        .collect();
    let mut needed = BTreeSet::new();
    while let Some(change) = ahead.pop() {
        for change_id in &change.depends_on {
            if needed.insert(change_id) {
                ahead.extend(plan.change(change_id).filter(left_out));
            }
        }
    }
    needed
}
