//! Where a run waited for people, from its journal.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "waits begin and end with a few facts; all others say nothing of them"
)]

use std::collections::BTreeMap;

use enact_core::change::ChangeId;
use enact_core::criterion::CriterionVerdict;
use enact_core::failure::causes;
use enact_core::journal::{Entry, Fact, RunState, Subject};
use enact_core::plan::Plan;
use enact_core::principal::Principal;
use enact_core::procedure::Moment;
use enact_core::run_clock::RunClock;
use enact_engine::RUN_DECISION;

use super::WaitReport;
use super::departures::{VERIFICATION, decided_about};

const DECISION: &str = "decision";
const ATTESTATION: &str = "attestation";

/// Waits from the journal: each begins with a question and ends with people's words.
pub(super) fn waits(plan: &Plan, entries: &[Entry]) -> Vec<WaitReport> {
    let mut waits = Waits::default();
    for entry in entries {
        waits.clock.pass(entry.at);
        waits.begin(plan, &entry.fact);
        waits.end(&entry.fact);
        // The whole journal was replayed before: each entry is one that the table allows.
        waits.state.record(entry).unwrap_or_default();
    }
    waits.reports()
}

/// Who was asked for what, about which step or criterion.
type Question = (String, String);

/// How long somebody was waited for, in the run's own milliseconds: since they were asked last, and the times before.
#[derive(Default)]
struct Waited {
    earlier: u64,
    from: u64,
    until: Option<u64>,
    people: Vec<String>,
}

impl Waited {
    fn since(from: u64) -> Self {
        Self {
            from,
            ..Self::default()
        }
    }

    fn length(&self) -> Option<u64> {
        let newest = self.until?.saturating_sub(self.from);
        Some(self.earlier.saturating_add(newest))
    }

    /// What was answered is asked again.
    fn ask_again(&mut self, now: u64) {
        if let Some(length) = self.length() {
            self.earlier = length;
            self.from = now;
            self.until = None;
        }
    }

    fn is_open(&self) -> bool {
        self.until.is_none()
    }
}

/// The questions so far. `state` is the run's before the entry that is looked at.
#[derive(Default)]
struct Waits {
    waited: BTreeMap<Question, Waited>,
    order: Vec<Question>,
    clock: RunClock,
    state: RunState,
}

impl Waits {
    fn begin(&mut self, plan: &Plan, fact: &Fact) {
        let question = match fact {
            Fact::Held { change_id, hold, .. } => about(change_id, &confirmation(hold.at)),
            Fact::Escalated { change_id, .. } => about(change_id, DECISION),
            Fact::Delegated { change_id } => about(change_id, ATTESTATION),
            Fact::Judged { criterion } if criterion.verdict == CriterionVerdict::Waiting => {
                (criterion.id.clone(), ATTESTATION.to_owned())
            }
            Fact::Paused { reason } if reason.starts_with(RUN_DECISION) => {
                (asked_about(plan, &self.state), DECISION.to_owned())
            }
            _ => return,
        };
        let now = self.clock.elapsed();
        if let Some(waited) = self.waited.get_mut(&question) {
            waited.ask_again(now);
        } else {
            self.order.push(question.clone());
            self.waited.insert(question, Waited::since(now));
        }
    }

    fn end(&mut self, fact: &Fact) {
        match fact {
            Fact::Confirmed {
                change_id, at, by, ..
            } => self.answered(&about(change_id, &confirmation(*at)), by),
            Fact::Attested {
                subject: Subject::Change(change_id),
                by,
                ..
            } => self.answered(&about(change_id, ATTESTATION), by),
            Fact::Attested {
                subject: Subject::Criterion(id),
                by,
                ..
            } => self.answered(&(id.clone(), ATTESTATION.to_owned()), by),
            Fact::Chosen { change_id, by, .. } => self.decided(change_id, by),
            // Whoever takes the run back has answered whatever it asked.
            Fact::Resumed { back: true, by, .. } => self.close(|_| true, Some(by)),
            // Whoever was waited for when the run ended is waited for no more.
            Fact::Finished { .. } | Fact::Superseded { .. } => self.close(|_| true, None),
            _ => {}
        }
    }

    fn answered(&mut self, question: &Question, by: &Principal) {
        if let Some(waited) = self.waited.get_mut(question) {
            waited.people.push(by.id.clone());
            waited.until = Some(self.clock.elapsed());
        }
    }

    /// A decision is also the answer to whatever else was asked at its step: a no to a confirmation.
    fn decided(&mut self, change_id: &ChangeId, by: &Principal) {
        let what = decided_about(change_id, &self.state).to_owned();
        let question = (what.clone(), DECISION.to_owned());
        if self.waited.get(&question).is_some_and(Waited::is_open) {
            self.answered(&question, by);
        } else {
            self.close(|about| about == what, Some(by));
        }
    }

    fn close(&mut self, is_meant: impl Fn(&str) -> bool, by: Option<&Principal>) {
        let now = self.clock.elapsed();
        let open = self
            .waited
            .iter_mut()
            .filter(|((about, _), waited)| waited.is_open() && is_meant(about));
        for (_, waited) in open {
            waited.people.extend(by.map(|by| by.id.clone()));
            waited.until = Some(now);
        }
    }

    fn reports(mut self) -> Vec<WaitReport> {
        let order = std::mem::take(&mut self.order);
        let report = |question: Question| {
            let waited = self.waited.remove(&question)?;
            let (step, what) = question;
            Some(WaitReport {
                step,
                what,
                waited_ms: waited.length(),
                by: waited.people,
            })
        };
        order.into_iter().filter_map(report).collect()
    }
}

/// What a decision about the whole run is asked about: the step that failed last, or what was verified.
fn asked_about(plan: &Plan, state: &RunState) -> String {
    let failed = causes(plan, state).into_iter().filter_map(|change_id| {
        let progress = state.changes.get(change_id)?;
        Some((progress.ended_ms, change_id))
    });
    failed
        .max_by_key(|(ended, _)| *ended)
        .map_or_else(|| VERIFICATION.to_owned(), |(_, change_id)| change_id.to_string())
}

fn about(change_id: &ChangeId, what: &str) -> Question {
    (change_id.to_string(), what.to_owned())
}

fn confirmation(at: Moment) -> String {
    format!("confirmation {}", at.as_str())
}
