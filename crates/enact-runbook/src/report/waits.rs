//! Where a run waited for people, from its journal.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "waits begin and end with a few facts; all others say nothing of them"
)]

use std::collections::BTreeMap;

use enact_core::change::ChangeId;
use enact_core::journal::{Entry, Fact};
use enact_core::procedure::Moment;
use enact_core::run_clock::RunClock;

use super::WaitReport;

/// Since when, who spoke, until when, in the run's own milliseconds.
type Waited = (u64, Vec<String>, Option<u64>);

/// Waits from the journal: each begins with a hold, an escalation or a delegation and ends with people's words.
pub(super) fn waits(entries: &[Entry]) -> Vec<WaitReport> {
    let mut open: BTreeMap<(ChangeId, String), Waited> = BTreeMap::new();
    let mut order: Vec<(ChangeId, String)> = Vec::new();
    let mut clock = RunClock::default();
    for entry in entries {
        clock.pass(entry.at);
        let (key, by) = match &entry.fact {
            Fact::Held { change_id, hold, .. } => ((change_id.clone(), confirmation(hold.at)), None),
            Fact::Escalated { change_id, .. } => ((change_id.clone(), "decision".to_owned()), None),
            Fact::Delegated { change_id } => ((change_id.clone(), "attestation".to_owned()), None),
            Fact::Confirmed {
                change_id, at, by, ..
            } => ((change_id.clone(), confirmation(*at)), Some(by)),
            Fact::Chosen { change_id, by, .. } => ((change_id.clone(), "decision".to_owned()), Some(by)),
            Fact::Attested {
                subject: enact_core::journal::Subject::Change(change_id),
                by,
                ..
            } => ((change_id.clone(), "attestation".to_owned()), Some(by)),
            // Whoever was waited for when the run ended is waited for no more.
            Fact::Finished { .. } | Fact::Superseded { .. } => {
                for (_, _, until) in open.values_mut() {
                    until.get_or_insert_with(|| clock.elapsed());
                }
                continue;
            }
            _ => continue,
        };
        match by {
            None => {
                if let std::collections::btree_map::Entry::Vacant(slot) = open.entry(key) {
                    order.push(slot.key().clone());
                    slot.insert((clock.elapsed(), Vec::new(), None));
                }
            }
            Some(by) => {
                if let Some((_, people, until)) = open.get_mut(&key) {
                    people.push(by.id.clone());
                    *until = Some(clock.elapsed());
                }
            }
        }
    }
    order
        .into_iter()
        .filter_map(|key| {
            let (from, by, until) = open.remove(&key)?;
            let (step, what) = key;
            Some(WaitReport {
                step: step.to_string(),
                what,
                by,
                waited_ms: until.map(|until| until.saturating_sub(from)),
            })
        })
        .collect()
}

fn confirmation(at: Moment) -> String {
    format!("confirmation {}", at.as_str())
}
