//! One fact of every kind, for tests that go through all of them.

use std::collections::BTreeMap;

use enact_core::approval::ApprovalId;
use enact_core::canonical::Digest;
use enact_core::change::{Adopted, ChangeId};
use enact_core::condition::Condition;
use enact_core::criterion::{CriterionReport, CriterionVerdict};
use enact_core::journal::{Choice, Entry, Fact, Mismatch, Note, RunId, RunOutcome, Settlement, Subject};
use enact_core::plan::PlanId;
use enact_core::principal::{Principal, PrincipalKind};
use enact_core::procedure::{Hold, Moment};
use jiff::Timestamp;
use serde_json::json;

pub(crate) fn change() -> ChangeId {
    ChangeId::from("create:thing:a")
}

fn ana() -> Principal {
    Principal {
        id: "os:ana".to_owned(),
        kind: PrincipalKind::Person,
    }
}

fn mismatches() -> Vec<Mismatch> {
    vec![Mismatch {
        change_id: change(),
        subject: "thing a: size".to_owned(),
        expected: json!({"size": [1, 2.5, null, true]}),
        found: json!("größer"),
        assumption: None,
    }]
}

/// What a fact is called in the table of transitions, and the fact.
pub(crate) fn about_a_change() -> Vec<(&'static str, Fact)> {
    let change_id = change();
    let error = "it did not".to_owned();
    let decided = |settlement| Fact::Decided {
        proof: None,
        change_id: change(),
        settlement,
        by: ana(),
        reason: "looked".to_owned(),
        outputs: BTreeMap::from([("id".to_owned(), json!("1f"))]),
    };
    let outputs = BTreeMap::from([
        ("id".to_owned(), json!("1f")),
        ("big".to_owned(), json!(u64::MAX)),
    ]);
    vec![
        ("Intent", Fact::Intent { change_id: change() }),
        (
            "Done",
            Fact::Done {
                change_id: change(),
                outputs,
                settled: true,
            },
        ),
        ("NotDone", not_done(false)),
        (
            "Failed",
            Fact::Failed {
                change_id: change(),
                error: error.clone(),
                partial: true,
                take_back: true,
            },
        ),
        (
            "Drifted",
            Fact::Drifted {
                change_id: change(),
                mismatches: mismatches(),
            },
        ),
        (
            "Unknown",
            Fact::Unknown {
                change_id: change(),
                error: error.clone(),
            },
        ),
        (
            "Skipped",
            Fact::Skipped {
                change_id: change(),
                because: "b".to_owned(),
            },
        ),
        (
            "Checked",
            Fact::Checked {
                change_id: change(),
                mismatches: mismatches(),
            },
        ),
        ("UndoIntent", Fact::UndoIntent { change_id: change() }),
        ("Undone", Fact::Undone { change_id: change() }),
        ("UndoFailed", Fact::UndoFailed { change_id, error }),
        ("DecidedDone", decided(Settlement::Done)),
        ("DecidedNotDone", decided(Settlement::NotDone)),
    ]
    .into_iter()
    .chain(about_a_step())
    .collect()
}

/// The change may start again.
pub(crate) fn not_done(partial: bool) -> Fact {
    Fact::NotDone {
        change_id: change(),
        partial,
    }
}

/// Facts that only procedures have.
fn about_a_step() -> Vec<(&'static str, Fact)> {
    let chosen = |choice| Fact::Chosen {
        proof: None,
        change_id: change(),
        choice,
        by: ana(),
        reason: "looked".to_owned(),
    };
    let hold = Hold {
        message: "rows are there".to_owned(),
        roles: vec!["dba".to_owned()],
        ..Hold::at(Moment::Before)
    };
    vec![
        (
            "Attempted",
            Fact::Attempted {
                change_id: change(),
                attempt: 1,
                error: "exit code 1".to_owned(),
                partial: false,
            },
        ),
        (
            "Omitted",
            Fact::Omitted {
                change_id: change(),
                because: "`params.x` is false".to_owned(),
            },
        ),
        (
            "Held",
            Fact::Held {
                change_id: change(),
                hold,
                evidence: BTreeMap::from([("rows".to_owned(), json!(3))]),
            },
        ),
        (
            "Confirmed",
            Fact::Confirmed {
                proof: None,
                change_id: change(),
                at: Moment::Before,
                by: ana(),
                roles: vec!["dba".to_owned()],
                reason: String::new(),
            },
        ),
        ("Delegated", Fact::Delegated { change_id: change() }),
        (
            "Attested",
            Fact::Attested {
                proof: None,
                subject: Subject::Change(change()),
                by: ana(),
                roles: Vec::new(),
                evidence: BTreeMap::new(),
            },
        ),
        (
            "Escalated",
            Fact::Escalated {
                change_id: change(),
                error: "exists".to_owned(),
                assumption: Some("A1".to_owned()),
                partial: true,
            },
        ),
        ("ChosenRetry", chosen(Choice::Retry)),
        ("ChosenAccept", chosen(Choice::Accept)),
        ("ChosenSkip", chosen(Choice::Skip)),
        ("ChosenRollback", chosen(Choice::Rollback)),
        ("ChosenAbort", chosen(Choice::Abort)),
        (
            "Adopted",
            Fact::Adopted {
                change_id: change(),
                run_id: RunId("parent".to_owned()),
                adopted: Adopted {
                    started_at: Timestamp::UNIX_EPOCH,
                    took_ms: 0,
                    outputs: BTreeMap::from([("rows".to_owned(), json!(3))]),
                },
            },
        ),
    ]
}

pub(crate) fn about_the_run() -> Vec<Fact> {
    let reason = "a signal".to_owned();
    vec![
        Fact::RunStarted {
            plan_id: PlanId(Digest::of(b"plan")),
            approvals: vec![ApprovalId("a".to_owned())],
            bundle_digest: Digest::of(b"bundle"),
            without_policy: false,
            conditions: vec![Condition::CheckpointBetweenSteps],
            folder: Some("/srv/shop".to_owned()),
            number: 2,
            by: ana(),
        },
        Fact::Resumed {
            back: true,
            bundle_digest: Some(Digest::of(b"bundle")),
            without_policy: true,
            approvals: Vec::new(),
            folder: None,
            by: ana(),
        },
        Fact::Preflight {
            mismatches: mismatches(),
        },
        Fact::Stopped {
            reason: reason.clone(),
        },
        Fact::Paused { reason },
        Fact::Attested {
            proof: None,
            subject: Subject::Criterion("C1".to_owned()),
            by: ana(),
            roles: vec!["dba".to_owned()],
            evidence: BTreeMap::from([("ticket".to_owned(), "4711".to_owned())]),
        },
        Fact::Noted(Note {
            change_id: Some(change()),
            topic: "attempt".to_owned(),
            detail: json!({"exit_code": 0}),
        }),
        Fact::Judged {
            criterion: CriterionReport {
                id: "C1".to_owned(),
                kind: "acceptance".to_owned(),
                text: "all rows".to_owned(),
                verdict: CriterionVerdict::Passed,
                detail: "3 == 3".to_owned(),
                satisfies: vec!["R1".to_owned()],
            },
        },
        Fact::Superseded {
            run_id: RunId("revision".to_owned()),
            plan_id: PlanId(Digest::of(b"plan")),
            by: ana(),
        },
        Fact::Finished {
            outcome: RunOutcome::NotVerified,
        },
    ]
}

/// Facts as the entries of one run, chained.
pub(crate) fn chained(facts: impl IntoIterator<Item = Fact>) -> Vec<Entry> {
    let run_id = RunId("run".to_owned());
    let mut entries: Vec<Entry> = Vec::new();
    for fact in facts {
        let at = Timestamp::from_nanosecond(1_772_366_400_123_456_789).unwrap();
        let entry = Entry::chain(&run_id, entries.last(), at, 1, fact).unwrap();
        entries.push(entry);
    }
    entries
}
