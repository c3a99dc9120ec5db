//! The order of execution: dependencies first, ties by place, and cycles named.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::change::{Change, ChangeId};

/// Why no order exists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Changes wait for each other. The list starts and ends with the same change.
    #[error("changes depend on each other in a cycle: {}", display_cycle(.0))]
    Cycle(Vec<ChangeId>),
    /// A change depends on one that the plan does not have.
    #[error("change {change_id} depends on {missing}, which is not in the plan")]
    Missing {
        /// The change that depends.
        change_id: ChangeId,
        /// What it names.
        missing: ChangeId,
    },
}

fn display_cycle(cycle: &[ChangeId]) -> String {
    cycle
        .iter()
        .map(ChangeId::as_str)
        .collect::<Vec<_>>()
        .join(" -> ")
}

/// An order in which every change comes after what it depends on. Among those that are free, the one that stands
/// first in `changes` comes first, so the same plan always gives the same order.
///
/// # Errors
/// [`OrderError::Missing`] or [`OrderError::Cycle`].
pub fn execution_order(changes: &[Change]) -> Result<Vec<ChangeId>, OrderError> {
    let place: BTreeMap<&ChangeId, usize> = changes
        .iter()
        .enumerate()
        .map(|(index, change)| (&change.change_id, index))
        .collect();
    let mut waiting = vec![0_usize; changes.len()];
    let mut dependants: Vec<Vec<usize>> = vec![Vec::new(); changes.len()];
    for (index, change) in changes.iter().enumerate() {
        for needed in &change.depends_on {
            let Some(&needed_index) = place.get(needed) else {
                return Err(OrderError::Missing {
                    change_id: change.change_id.clone(),
                    missing: needed.clone(),
                });
            };
            if let Some(count) = waiting.get_mut(index) {
                *count += 1;
            }
            if let Some(list) = dependants.get_mut(needed_index) {
                list.push(index);
            }
        }
    }
    let mut free: BinaryHeap<Reverse<usize>> = waiting
        .iter()
        .enumerate()
        .filter(|(_, count)| **count == 0)
        .map(|(index, _)| Reverse(index))
        .collect();
    let mut order = Vec::with_capacity(changes.len());
    while let Some(Reverse(index)) = free.pop() {
        if let Some(change) = changes.get(index) {
            order.push(change.change_id.clone());
        }
        for &dependant in dependants.get(index).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(dependant) {
                *count -= 1;
                if *count == 0 {
                    free.push(Reverse(dependant));
                }
            }
        }
    }
    if order.len() == changes.len() {
        Ok(order)
    } else {
        Err(OrderError::Cycle(find_cycle(changes, &place, &waiting)))
    }
}

/// Walks from a change that is still waiting along dependencies that are still waiting, until one repeats.
fn find_cycle(changes: &[Change], place: &BTreeMap<&ChangeId, usize>, waiting: &[usize]) -> Vec<ChangeId> {
    let stuck = |id: &ChangeId| {
        place
            .get(id)
            .and_then(|index| waiting.get(*index))
            .is_some_and(|count| *count > 0)
    };
    let Some(mut current) = changes.iter().find(|change| stuck(&change.change_id)) else {
        return Vec::new();
    };
    let mut path: Vec<ChangeId> = Vec::new();
    loop {
        if let Some(start) = path.iter().position(|id| *id == current.change_id) {
            let mut cycle = path.split_off(start);
            cycle.push(current.change_id.clone());
            return cycle;
        }
        path.push(current.change_id.clone());
        let next = current
            .depends_on
            .iter()
            .find(|id| stuck(id))
            .and_then(|id| place.get(id));
        match next.and_then(|index| changes.get(*index)) {
            Some(change) => current = change,
            None => return path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Action;
    use proptest::prelude::*;

    fn change(name: &str, needs: &[&str]) -> Change {
        let mut change = Change::new(name.into(), Action::Run, "step", name, name);
        change.depends_on = needs.iter().map(|need| ChangeId::from(*need)).collect();
        change
    }

    #[test]
    fn a_cycle_is_named_from_start_to_start() {
        let changes = [
            change("a", &[]),
            change("b", &["c", "a"]),
            change("c", &["d"]),
            change("d", &["b"]),
        ];
        let error = execution_order(&changes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "changes depend on each other in a cycle: b -> c -> d -> b"
        );
    }

    #[test]
    fn a_missing_dependency_is_named() {
        let error = execution_order(&[change("a", &["z"])]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "change a depends on z, which is not in the plan"
        );
    }

    proptest! {
        /// Dependencies point to lower numbers, so there is always an order; it must respect every edge.
        #[test]
        fn order_respects_dependencies(edges in proptest::collection::vec((1_usize..30, 0_usize..30), 0..80)) {
            let mut changes: Vec<Change> = (0..30).map(|n| change(&format!("c{n:02}"), &[])).collect();
            for (to, from) in edges {
                if from < to { changes[to].depends_on.push(ChangeId(format!("c{from:02}"))); }
            }
            changes.reverse();
            let order = execution_order(&changes).unwrap();
            prop_assert_eq!(order.len(), 30);
            for change in &changes {
                let at = |id: &ChangeId| order.iter().position(|other| other == id).unwrap();
                for needed in &change.depends_on { prop_assert!(at(needed) < at(&change.change_id)); }
            }
        }
    }
}
