//! Which change may start next: pure bookkeeping over the dependencies of one plan.

use std::collections::BTreeMap;

use enact_core::change::{Change, ChangeId};
use enact_core::fault::{Fault, planted};
use enact_core::journal::ChangeState;

/// Which changes may start: those whose dependencies are done, in execution order.
pub(crate) struct Queue<'a> {
    /// By place in the execution order.
    changes: Vec<&'a Change>,
    place: BTreeMap<&'a ChangeId, usize>,
    /// How many dependencies are not done yet.
    waiting: Vec<usize>,
    dependants: Vec<Vec<usize>>,
    ready: std::collections::BTreeSet<usize>,
    /// Changes that can no longer run, with the reason.
    doomed: BTreeMap<usize, String>,
    settled: Vec<bool>,
    level: usize,
}

impl<'a> Queue<'a> {
    pub(crate) fn new(order: &[&'a Change], state: impl Fn(&Change) -> ChangeState) -> Self {
        let place: BTreeMap<&ChangeId, usize> = order
            .iter()
            .enumerate()
            .map(|(index, change)| (&change.change_id, index))
            .collect();
        let mut queue = Self {
            changes: order.to_vec(),
            waiting: vec![0; order.len()],
            dependants: vec![Vec::new(); order.len()],
            ready: std::collections::BTreeSet::new(),
            doomed: BTreeMap::new(),
            settled: vec![false; order.len()],
            level: 0,
            place,
        };
        queue.link();
        for (index, change) in order.iter().enumerate() {
            let state = state(change);
            if state != ChangeState::Pending {
                queue.settle(index, state);
            }
        }
        let free = |index: &usize| {
            queue.waiting.get(*index) == Some(&0) && queue.settled.get(*index) == Some(&false)
        };
        queue.ready = (0..order.len()).filter(free).collect();
        queue.level = queue.ready.len();
        queue
    }

    fn link(&mut self) {
        for (index, change) in self.changes.iter().enumerate() {
            for needed in change.depends_on.iter().filter_map(|id| self.place.get(id)) {
                if let Some(count) = self.waiting.get_mut(index) {
                    *count += 1;
                }
                if let Some(list) = self.dependants.get_mut(*needed) {
                    list.push(index);
                }
            }
        }
    }

    /// The next change that may start.
    pub(crate) fn next(&mut self) -> Option<&'a Change> {
        let index = loop {
            let index = self.ready.pop_first()?;
            if !self.doomed.contains_key(&index) {
                break index;
            }
        };
        self.level = self.level.saturating_sub(1);
        self.changes.get(index).copied()
    }

    /// Is there a change that may still start?
    pub(crate) fn has_more(&self) -> bool {
        self.settled.contains(&false)
    }

    /// Only for the planted fault: has everything that was free at the last barrier been started?
    pub(crate) fn starts_level(&mut self) -> bool {
        if self.level == 0 {
            self.level = self.ready.len();
            return true;
        }
        false
    }

    /// The next change that can no longer run, and why.
    pub(crate) fn next_skipped(&mut self) -> Option<(&'a Change, String)> {
        let (index, because) = self.doomed.pop_first()?;
        self.ready.remove(&index);
        self.changes.get(index).map(|change| (*change, because))
    }

    /// Takes in how a change ended.
    pub(crate) fn ended(&mut self, change: &Change, state: ChangeState) {
        if let Some(&index) = self.place.get(&change.change_id) {
            self.settle(index, state);
        }
    }

    fn settle(&mut self, index: usize, state: ChangeState) {
        if let Some(flag) = self.settled.get_mut(index) {
            *flag = true;
        }
        // On resume a change may have been doomed by one that stands before it, and have ended itself long ago.
        self.doomed.remove(&index);
        let good = matches!(state, ChangeState::Done | ChangeState::Omitted) || planted(Fault::DependantsRun);
        // A change that a stop left pending or let go while it was looked at, that waits for somebody, or that nobody can tell about
        // yet, dooms nobody: resume comes back to it.
        let open = matches!(
            state,
            ChangeState::Pending
                | ChangeState::Started
                | ChangeState::Unknown
                | ChangeState::Delegated
                | ChangeState::Escalated
        );
        let cause = self
            .changes
            .get(index)
            .map(|change| change.change_id.to_string())
            .unwrap_or_default();
        for dependant in self.dependants.get(index).cloned().unwrap_or_default() {
            if self.settled.get(dependant) != Some(&false) {
                continue;
            }
            if good {
                if let Some(count) = self.waiting.get_mut(dependant) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        self.ready.insert(dependant);
                    }
                }
            } else if !open {
                self.doomed.entry(dependant).or_insert_with(|| cause.clone());
            }
        }
    }
}
