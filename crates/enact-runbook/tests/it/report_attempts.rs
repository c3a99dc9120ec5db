//! Attempts and lost answers in reports: what was sent three times was attempted three times, and that nobody saw an answer is
//! said.

use enact_core::change::ChangeId;
use enact_core::journal::{Entry, Fact, Note, RunId};
use enact_core::plan::Plan;
use enact_runbook::provider::document_of;
use enact_runbook::report::{RunbookReport, StepReport};
use jiff::Timestamp;
use serde_json::json;

use crate::kit;

const STEPS: &str = "  - { id: send, title: Send, exec: [a], rollback: none }";

fn plan() -> Plan {
    kit::plan(&kit::with_steps(STEPS))
}

fn send() -> ChangeId {
    ChangeId::from("send")
}

fn intent() -> Fact {
    Fact::Intent { change_id: send() }
}

/// One attempt of which the reply, or that there was none, is on record.
fn tried() -> Fact {
    Fact::Noted(Note {
        change_id: Some(send()),
        topic: "attempt".to_owned(),
        detail: json!({ "ended": "nobody saw how it ended" }),
    })
}

fn not_done(partial: bool) -> Fact {
    Fact::NotDone {
        change_id: send(),
        partial,
    }
}

fn attempted() -> Fact {
    Fact::Attempted {
        change_id: send(),
        attempt: 1,
        error: "no".to_owned(),
        partial: false,
    }
}

fn done(settled: bool) -> Fact {
    Fact::Done {
        change_id: send(),
        outputs: Default::default(),
        settled,
    }
}

fn report(facts: Vec<Fact>) -> RunbookReport {
    let plan = plan();
    let at: Timestamp = "2031-01-01T00:00:00Z".parse().unwrap();
    let mut entries: Vec<Entry> = Vec::new();
    for fact in facts {
        let entry = Entry::chain(&RunId("run".to_owned()), entries.last(), at, 1, fact).unwrap();
        entries.push(entry);
    }
    RunbookReport::of(&plan, &document_of(&plan).unwrap(), &entries, at).unwrap()
}

fn step(report: &RunbookReport) -> &StepReport {
    report.steps.iter().find(|step| step.id == "send").unwrap()
}

#[test]
fn each_time_that_it_was_sent_is_an_attempt() {
    let lost = || vec![intent(), tried(), not_done(false)];
    let report = report([lost(), lost(), vec![intent(), tried(), done(false)]].concat());
    assert_eq!(step(&report).attempts, 3);
    let said = "send: nobody saw how it ended; a look showed that it had not happened";
    assert_eq!(report.deviations, [said, said]);
}

#[test]
fn an_attempt_that_follows_a_failure_is_one_however_it_begins() {
    let again = report(vec![intent(), tried(), attempted(), tried(), done(false)]);
    assert_eq!(step(&again).attempts, 2);
    // Stopped in between.
    let stopped = vec![
        intent(),
        tried(),
        attempted(),
        not_done(false),
        intent(),
        tried(),
        done(false),
    ];
    let stopped = report(stopped);
    assert_eq!(step(&stopped).attempts, 2);
    assert_eq!(stopped.deviations.len(), 1, "{:?}", stopped.deviations);
}

#[test]
fn an_answer_that_is_looked_at_once_more_is_of_one_attempt() {
    let stopped = Fact::Stopped {
        reason: "now".to_owned(),
    };
    let found = report(vec![
        kit::started(&plan()),
        intent(),
        tried(),
        stopped,
        kit::resumed(false),
        tried(),
        done(true),
    ]);
    assert_eq!(step(&found).attempts, 1);
}

#[test]
fn what_looking_settled_is_said() {
    let found = report(vec![intent(), tried(), done(true)]);
    assert_eq!(step(&found).attempts, 1);
    assert_eq!(
        found.deviations,
        ["send: nobody saw how it ended; a look showed that it was done"]
    );
    let again = report(vec![intent(), not_done(true), intent(), tried(), done(false)]);
    assert_eq!(
        again.deviations,
        ["send: nobody saw how it ended; it may run again without harm"]
    );
}
