//! The conditions of all approvals that a run rests on, as what they add to the plan. They only ever add.

use std::collections::BTreeMap;
use std::time::Duration;

use enact_core::change::{Change, ChangeId};
use enact_core::condition::Condition;
use enact_core::gate::AdmittedPlan;
use enact_core::plan::Plan;
use enact_core::procedure::{Hold, Moment};
use enact_core::run_state::RunState;
use enact_core::whole::{stands_in_for, wholes};

/// What approvals add to a plan.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    holds: BTreeMap<(ChangeId, Moment), Hold>,
    /// Waits for a confirmation before every change but the first.
    between: bool,
    first: Option<ChangeId>,
    /// The changes of each step that stands for several.
    wholes: Vec<Vec<ChangeId>>,
    /// The changes after which nothing runs under these approvals.
    stop_after: Vec<ChangeId>,
    /// How long the run may be at work.
    pub(crate) max_duration: Option<Duration>,
    /// The moment from which on nothing starts.
    pub(crate) ends_at: Option<jiff::Timestamp>,
}

impl Overlay {
    pub(crate) fn of(admitted: &AdmittedPlan) -> Self {
        let mut overlay = Self {
            ends_at: admitted.ends_at(),
            first: admitted
                .plan()
                .executable()
                .first()
                .map(|change| change.change_id.clone()),
            wholes: wholes(admitted.plan()),
            ..Self::default()
        };
        for condition in admitted.conditions() {
            overlay.add(admitted, condition);
        }
        overlay
    }

    fn add(&mut self, admitted: &AdmittedPlan, condition: &Condition) {
        match condition {
            Condition::CheckpointBefore { change_id } => self.hold(change_id, Hold::at(Moment::Before)),
            Condition::CheckpointAfter { change_id } => self.hold(change_id, Hold::at(Moment::After)),
            Condition::CheckpointBetweenSteps => self.between = true,
            Condition::SecondApprover { change_id, who } => {
                let role = match who.strip_prefix("role:") {
                    Some(role) => role.to_owned(),
                    None => format!("principal:{who}"),
                };
                let hold = Hold {
                    also: vec![role],
                    not: admitted.asked_for_a_second(change_id).cloned().collect(),
                    ..Hold::at(Moment::Before)
                };
                self.hold(change_id, hold);
            }
            Condition::StopAfter { change_id } => self.stop_after.push(change_id.clone()),
            Condition::MaxDuration { limit } => {
                let limit = Duration::from_millis(limit.0);
                self.max_duration = Some(self.max_duration.map_or(limit, |known| known.min(limit)));
            }
            // The gate has looked at windows and dry runs; the rest is for the domain.
            Condition::Window { .. }
            | Condition::DryRunOnly
            | Condition::MaxDowntime { .. }
            | Condition::ExtraCheck { .. } => {}
        }
    }

    fn hold(&mut self, change_id: &ChangeId, hold: Hold) {
        let key = (change_id.clone(), hold.at);
        let merged = match self.holds.remove(&key) {
            Some(known) => merge(known, &hold),
            None => hold,
        };
        self.holds.insert(key, merged);
    }

    /// Everything that plan and approvals ask for at this place, as one hold: also what they ask for before changes that were left
    /// out and for which this one stands in.
    pub(crate) fn hold_at(
        &self,
        plan: &Plan,
        state: &RunState,
        change: &Change,
        moment: Moment,
    ) -> Option<Hold> {
        let mut holds = self.asked_at(change, moment);
        let is_first = self.first.as_ref() == Some(&change.change_id);
        if moment == Moment::Before {
            let firsts = stands_in_for(self.wholes(), &change.change_id, state);
            let firsts = firsts.iter().filter_map(|first| plan.change(first));
            holds.extend(firsts.flat_map(|first| self.asked_at(first, moment)));
            if self.between && !is_first {
                holds.push(Hold::at(moment));
            }
        }
        holds.into_iter().reduce(|one, other| merge(one, &other))
    }

    /// The changes of each step that stands for several.
    pub(crate) fn wholes(&self) -> impl Iterator<Item = &[ChangeId]> {
        self.wholes.iter().map(Vec::as_slice)
    }

    fn asked_at(&self, change: &Change, moment: Moment) -> Vec<Hold> {
        let planned = change.handling.iter().flat_map(|handling| &handling.holds);
        let planned = planned.filter(|hold| hold.at == moment);
        let added = self.holds.get(&(change.change_id.clone(), moment));
        planned.chain(added).cloned().collect()
    }

    /// Do the approvals stop the run at a place of the plan? Then it goes through the plan in order.
    pub(crate) fn names_a_place(&self) -> bool {
        self.between || !self.holds.is_empty() || !self.stop_after.is_empty()
    }

    /// Is this a change after which nothing runs?
    pub(crate) fn stops_after(&self, change: &Change) -> bool {
        self.stop_after.contains(&change.change_id)
    }
}

/// Both at once: the more people, all roles.
fn merge(mut one: Hold, other: &Hold) -> Hold {
    one.count = one.count.max(other.count);
    if one.message.is_empty() {
        one.message.clone_from(&other.message);
    }
    let roles = if one.roles.is_empty() {
        &mut one.roles
    } else {
        &mut one.also
    };
    roles.extend(other.roles.iter().cloned());
    one.also.extend(other.also.iter().cloned());
    one.also.sort();
    one.also.dedup();
    one.not.extend(other.not.iter().cloned());
    one.not.sort();
    one.not.dedup();
    one
}
