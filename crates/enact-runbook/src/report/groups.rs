//! Steps that stand for others: those of an included plan, changes of another domain.

use enact_core::change::Change;
use enact_core::journal::{ChangeProgress, RunState};
use enact_core::plan::Plan;

use super::{StepReport, ended_word};
use crate::spec::Group;

/// A step that stands for others: as good as the worst of them.
pub(super) fn group_report(plan: &Plan, group: &Group, state: &RunState) -> StepReport {
    let members = plan.changes().iter().filter(|change| is_of(group, change));
    let members: Vec<&ChangeProgress> = members
        .filter_map(|change| state.changes.get(&change.change_id))
        .collect();
    let worked = worked_ms(&members);
    StepReport {
        number: group.number,
        id: group.step.clone(),
        title: group.title.clone(),
        state: ended_word(group.state(state), state, false).to_owned(),
        estimate_ms: None,
        actual_ms: worked,
        percent: None,
        attempts: u32::from(worked.is_some()),
        note: group_note(group, state),
    }
}

/// What an included plan does in any case belongs to the step that includes it as well.
fn is_of(group: &Group, change: &Change) -> bool {
    let inside = change.change_id.as_str().strip_prefix(group.step.as_str());
    group.changes.contains(&change.change_id) || inside.is_some_and(|rest| rest.starts_with('.'))
}

/// How long they were at work. What lies between them, a wait or another step, is none of it.
fn worked_ms(members: &[&ChangeProgress]) -> Option<u64> {
    members.iter().find_map(|progress| progress.took_ms())?;
    let here = |progress: &&&ChangeProgress| progress.adopted_from.is_none();
    let earlier = members.iter().map(|progress| progress.earlier_ms);
    let elsewhere = members.iter().filter(|progress| !here(progress));
    let elsewhere = elsewhere.filter_map(|progress| progress.took_ms());
    let newest = members.iter().filter(here).filter_map(|progress| {
        Some(Attended {
            from: progress.started_ms?,
            until: progress.ended_ms?,
            gone: progress.unattended_ms,
        })
    });
    let newest = together(newest.collect());
    Some(earlier.chain(elsewhere).fold(newest, u64::saturating_add))
}

/// A stretch of a run's time, in milliseconds, and how long of it nobody was at the run.
struct Attended {
    from: u64,
    until: u64,
    gone: u64,
}

impl Attended {
    fn worked(&self) -> u64 {
        self.until.saturating_sub(self.from).saturating_sub(self.gone)
    }
}

/// The length of several stretches; where some were at the same time, that counts once.
fn together(mut stretches: Vec<Attended>) -> u64 {
    stretches.sort_by_key(|stretch| stretch.from);
    let mut whole: Vec<Attended> = Vec::new();
    for stretch in stretches {
        match whole.last_mut().filter(|last| stretch.from < last.until) {
            Some(last) => {
                last.until = last.until.max(stretch.until);
                last.gone = last.gone.max(stretch.gone);
            }
            None => whole.push(stretch),
        }
    }
    whole.iter().map(Attended::worked).fold(0, u64::saturating_add)
}

/// What became of the changes that say why they stand where they do.
fn group_note(group: &Group, state: &RunState) -> Option<String> {
    let reason = |change_id| state.changes.get(change_id).and_then(ChangeProgress::reason);
    let notes: Vec<String> = group
        .changes
        .iter()
        .filter_map(|change_id| Some(format!("{change_id}: {}", reason(change_id)?)))
        .collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_at_the_same_time_counts_once() {
        let length = |stretches: &[(u64, u64, u64)]| {
            let attended = stretches.iter();
            let attended = attended.map(|&(from, until, gone)| Attended { from, until, gone });
            together(attended.collect())
        };
        for (stretches, expected) in [
            (&[][..], 0),
            (&[(1, 3, 0), (3, 4, 0)], 3),
            (&[(10, 20, 0), (1, 3, 0)], 12),
            (&[(1, 5, 0), (2, 3, 0), (4, 8, 0)], 7),
            (&[(1, 10, 4), (2, 9, 4), (10, 12, 1)], 6),
            (&[(5, 1, 9)], 0),
        ] {
            assert_eq!(length(stretches), expected, "{stretches:?}");
        }
    }
}
