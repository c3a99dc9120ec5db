//! What departed from the plan, and how often each step was attempted.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "few facts tell of a departure; all others say nothing of one"
)]

use std::collections::BTreeSet;

use enact_core::change::{Change, ChangeId};
use enact_core::journal::{ChangeProgress, ChangeState, Choice, Entry, Fact, RunState, Subject};
use enact_core::plan::Plan;

use super::is_manual;
use crate::provider::reply::survivors_in_words;

/// The name under which a decision about what was verified at the end is given.
pub(super) const VERIFICATION: &str = "verification";

/// What departed from the plan: people's decisions, further attempts, lost answers, skips, accepted assumptions, outcomes settled by a person.
pub(super) fn deviations(plan: &Plan, state: &RunState, entries: &[Entry]) -> Vec<String> {
    let mut found = lost_answers(plan, entries);
    let mut before = RunState::default();
    let mut is_going_back = false;
    // Said before each step, with how long it has lasted by then; the last one says it all.
    let mut warning = None;
    for entry in entries {
        match &entry.fact {
            Fact::Attempted {
                change_id,
                attempt,
                error,
                partial: _,
            } => {
                found.push(format!(
                    "{change_id}: attempt {attempt} failed ({error}) and another followed"
                ));
            }
            Fact::Chosen {
                change_id,
                choice,
                by,
                reason,
                ..
            } => {
                is_going_back |= *choice == Choice::Rollback;
                let what = decided_about(change_id, &before);
                found.push(format!(
                    "{what}: {} chose to {} ({reason})",
                    by.id,
                    choice.as_str()
                ));
            }
            Fact::Resumed { back: true, by, .. } if !is_going_back => {
                is_going_back = true;
                found.push(format!("{} had it taken back", by.id));
            }
            Fact::Decided {
                change_id,
                settlement,
                by,
                reason,
                ..
            } => {
                let word = match settlement {
                    enact_core::journal::Settlement::Done => "done",
                    enact_core::journal::Settlement::NotDone => "not done",
                };
                found.push(format!("{change_id}: {} declared it {word} ({reason})", by.id));
            }
            Fact::Noted(note) => {
                found.extend(left_behind(note));
                warning = warned_of(note).or(warning);
            }
            _ => {}
        }
        // The whole journal was replayed before: each entry is one that the table allows.
        before.record(entry).unwrap_or_default();
    }
    found.extend(warning.map(ToOwned::to_owned));
    found.extend(state.preflight_mismatches.iter().map(ToString::to_string));
    for (change_id, progress) in &state.changes {
        if progress.settled && progress.attested.is_none() {
            found.push(format!(
                "{change_id}: nobody saw how it ended; a look showed that it was done"
            ));
        }
    }
    found
}

/// What a decision is about. One about what was verified at the end goes by the change that was done last.
pub(super) fn decided_about<'a>(change_id: &'a ChangeId, before: &RunState) -> &'a str {
    if before.of(change_id) == ChangeState::Done {
        VERIFICATION
    } else {
        change_id.as_str()
    }
}

/// What a run warns of and goes on all the same: a downtime over its limit where the plan says `on_overrun: warn`.
pub fn warned_of(note: &enact_core::journal::Note) -> Option<&str> {
    note.detail.get("warning")?.as_str()
}

/// Processes of a step that not even SIGKILL ended.
pub fn left_behind(note: &enact_core::journal::Note) -> Option<String> {
    let survivors = note.detail.get("survivors")?.as_array()?;
    let ids: Vec<u32> = survivors
        .iter()
        .filter_map(|id| u32::try_from(id.as_u64()?).ok())
        .collect();
    let words = survivors_in_words(&ids)?;
    Some(match &note.change_id {
        Some(change_id) => format!("{change_id}: {words}"),
        None => words,
    })
}

/// Effects of which no answer was seen, and that did not happen after all or may be had again.
fn lost_answers(plan: &Plan, entries: &[Entry]) -> Vec<String> {
    let mut found = Vec::new();
    let mut attempted: BTreeSet<&ChangeId> = BTreeSet::new();
    for entry in entries {
        match &entry.fact {
            // What is said of an attempt that failed is said of it alone.
            Fact::Attempted { change_id, .. } => {
                attempted.insert(change_id);
            }
            Fact::Intent { change_id } => {
                attempted.remove(change_id);
            }
            Fact::NotDone { change_id, partial } => {
                let by_hand = plan.change(change_id).is_some_and(is_manual);
                if attempted.remove(change_id) || by_hand {
                    continue;
                }
                let then = if *partial {
                    "it may run again without harm"
                } else {
                    "a look showed that it had not happened"
                };
                found.push(format!("{change_id}: nobody saw how it ended; {then}"));
            }
            _ => {}
        }
    }
    found
}

/// How often a step was attempted: each effect that was about to start, and each that followed an attempt which failed.
pub(super) fn attempts(change: &Change, progress: Option<&ChangeProgress>, entries: &[Entry]) -> u32 {
    let Some(progress) = progress.filter(|progress| progress.intents > 0) else {
        return 0;
    };
    if is_manual(change) {
        return attested(change, progress, entries);
    }
    let at_least = progress.attempts_failed.saturating_add(1);
    let mut attempts = 0_u32;
    let mut is_begun = false;
    // Has its answer come, and nothing been said of it since?
    let mut is_answered = false;
    for entry in entries {
        match &entry.fact {
            Fact::Intent { change_id } if *change_id == change.change_id => {
                attempts = attempts.saturating_add(1);
                is_begun = true;
                is_answered = false;
            }
            Fact::Attempted { change_id, .. } if *change_id == change.change_id => is_answered = false,
            // Whoever goes on looks at the same answer once more.
            Fact::Resumed { .. } => is_begun |= is_answered,
            Fact::Noted(note)
                if note.topic == "attempt" && note.change_id.as_ref() == Some(&change.change_id) =>
            {
                // The ones after the first follow without a new entry of what is about to start.
                attempts = attempts.saturating_add(u32::from(!is_begun));
                is_begun = false;
                is_answered = true;
            }
            _ => {}
        }
    }
    attempts.max(at_least)
}

/// How often somebody did what was delegated: each time that it was attested, and the time that is under way.
fn attested(change: &Change, progress: &ChangeProgress, entries: &[Entry]) -> u32 {
    let is_it = |entry: &&Entry| matches!(&entry.fact, Fact::Attested { subject: Subject::Change(change_id), .. } if *change_id == change.change_id);
    let times = u32::try_from(entries.iter().filter(is_it).count()).unwrap_or(u32::MAX);
    let under_way = u32::from(progress.state == ChangeState::Delegated);
    times.saturating_add(under_way).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_are_left_stand_in_the_report() {
        let note = |detail| enact_core::journal::Note {
            change_id: Some(ChangeId::from("load")),
            topic: "attempt".to_owned(),
            detail,
        };
        let left = left_behind(&note(serde_json::json!({"ended": "done", "survivors": [7]})));
        assert_eq!(
            left.as_deref(),
            Some("load: process 7 of it is still there: not even SIGKILL ended it")
        );
        assert_eq!(left_behind(&note(serde_json::json!({"ended": "done"}))), None);
    }
}
