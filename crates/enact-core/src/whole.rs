//! Steps that stand for several changes, such as an included plan: what belongs to the whole begins with the first of them that
//! runs, also where that is not the first of them all.

use serde_json::Value;

use crate::change::ChangeId;
use crate::change_progress::ChangeProgress;
use crate::change_state::ChangeState;
use crate::plan::Plan;
use crate::run_state::RunState;

/// The changes of each step of a runbook that stands for several, in their order; empty for other plans.
pub fn wholes(plan: &Plan) -> Vec<Vec<ChangeId>> {
    groups_in(plan).filter_map(changes_of).collect()
}

/// The steps of a runbook that stand for several changes, as its document has them.
pub(crate) fn groups_in(plan: &Plan) -> impl Iterator<Item = &Value> {
    let groups = plan.document().and_then(|document| document.get("groups"));
    groups.and_then(Value::as_array).into_iter().flatten()
}

/// The changes of one of them.
pub(crate) fn changes_of(group: &Value) -> Option<Vec<ChangeId>> {
    let ids = group.get("changes")?.as_array()?.iter().filter_map(Value::as_str);
    Some(ids.map(ChangeId::from).collect())
}

/// The first changes of wholes that were left out and for which this one stands in: all that stand before it in the whole were left
/// out. What is asked before those is asked before this one. Usually there are none.
pub fn stands_in_for<'w>(
    wholes: impl IntoIterator<Item = &'w [ChangeId]>,
    change_id: &ChangeId,
    state: &RunState,
) -> Vec<&'w ChangeId> {
    let left_out = |earlier: &ChangeId| state.changes.get(earlier).is_some_and(was_left_out);
    let mut firsts: Vec<&ChangeId> = wholes
        .into_iter()
        .filter_map(|whole| {
            let mut ran = whole.iter().skip_while(|earlier| left_out(earlier));
            let first = whole.first().filter(|first| *first != change_id)?;
            (ran.next() == Some(change_id)).then_some(first)
        })
        .collect();
    firsts.sort();
    firsts.dedup();
    firsts
}

/// Was it left out before anything of it happened?
fn was_left_out(progress: &ChangeProgress) -> bool {
    progress.state == ChangeState::Omitted && progress.intents == 0
}

/// The change with which something began that begins with this one: itself, or the one that stood in for it in a whole that it
/// begins. `None` while it has not begun.
pub fn began<'w>(
    wholes: impl IntoIterator<Item = &'w [ChangeId]>,
    change_id: &ChangeId,
    state: &RunState,
) -> Option<ChangeId> {
    let has_begun = |change_id: &&ChangeId| {
        let progress = state.changes.get(*change_id);
        progress.is_some_and(|progress| progress.intent_at.is_some())
    };
    if has_begun(&change_id) {
        return Some(change_id.clone());
    }
    let mut own = wholes
        .into_iter()
        .filter(|whole| whole.first() == Some(change_id));
    own.find_map(|whole| whole.iter().find(has_begun)).cloned()
}

/// The plan's point of no return, where it has been started: nothing is taken back by itself any more then.
pub fn passed_point(plan: &Plan, state: &RunState) -> Option<ChangeId> {
    let document = plan.document()?;
    let point = document.pointer("/rollback/point_of_no_return")?.as_str()?;
    let point = ChangeId::from(point);
    let wholes = wholes(plan);
    began(wholes.iter().map(Vec::as_slice), &point, state).map(|_| point)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<ChangeId> {
        names.iter().map(|name| ChangeId::from(*name)).collect()
    }

    /// A state in which changes were left out, or have begun.
    fn state(left_out: &[&str], begun: &[&str]) -> RunState {
        let mut state = RunState::default();
        for name in left_out {
            let progress = ChangeProgress::new(ChangeState::Omitted);
            state.changes.insert(ChangeId::from(*name), progress);
        }
        for name in begun {
            let mut progress = ChangeProgress::new(ChangeState::Started);
            progress.intents = 1;
            progress.intent_at = Some(jiff::Timestamp::UNIX_EPOCH);
            state.changes.insert(ChangeId::from(*name), progress);
        }
        state
    }

    #[test]
    fn the_first_that_runs_stands_in_for_those_before_it() {
        let wholes = [ids(&["p.q.a", "p.q.b", "p.c"]), ids(&["p.q.a", "p.q.b"])];
        let wholes = || wholes.iter().map(Vec::as_slice);
        let firsts = |change: &str, state: &RunState| -> Vec<String> {
            let found = stands_in_for(wholes(), &ChangeId::from(change), state);
            found.into_iter().map(ToString::to_string).collect()
        };
        let none: [&str; 0] = [];
        assert_eq!(firsts("p.q.a", &state(&[], &[])), none, "it is the first");
        assert_eq!(
            firsts("p.q.b", &state(&[], &["p.q.a"])),
            none,
            "the first one ran"
        );
        assert_eq!(
            firsts("p.q.b", &state(&["p.q.a"], &[])),
            ["p.q.a"],
            "once, though of two wholes"
        );
        assert_eq!(firsts("p.c", &state(&["p.q.a", "p.q.b"], &[])), ["p.q.a"]);
        assert_eq!(firsts("p.c", &state(&["p.q.b"], &["p.q.a"])), none);
        assert_eq!(firsts("elsewhere", &state(&["p.q.a"], &[])), none);
    }

    #[test]
    fn what_begins_with_a_whole_begins_with_the_first_of_it_that_runs() {
        let whole = ids(&["p.a", "p.b"]);
        let began = |change: &str, state: &RunState| {
            let began = began([whole.as_slice()], &ChangeId::from(change), state);
            began.map(|change_id| change_id.0)
        };
        assert_eq!(began("p.a", &state(&["p.a"], &[])), None);
        assert_eq!(began("p.a", &state(&["p.a"], &["p.b"])).as_deref(), Some("p.b"));
        assert_eq!(
            began("p.b", &state(&[], &["p.a"])),
            None,
            "it does not begin the whole"
        );
        assert_eq!(began("other", &state(&[], &["p.a"])), None);
    }
}
