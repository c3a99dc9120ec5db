//! One fact of every kind, for tests that go through all of them.

use std::collections::BTreeMap;

use enact_core::approval::ApprovalId;
use enact_core::canonical::Digest;
use enact_core::change::ChangeId;
use enact_core::journal::{Entry, Fact, Mismatch, RunId, RunOutcome, Settlement};
use enact_core::plan::PlanId;
use enact_core::principal::{Principal, PrincipalKind};
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
    }]
}

/// What a fact is called in the table of transitions, and the fact.
pub(crate) fn about_a_change() -> Vec<(&'static str, Fact)> {
    let change_id = change();
    let error = "it did not".to_owned();
    let decided = |settlement| Fact::Decided {
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
        ("NotDone", Fact::NotDone { change_id: change() }),
        (
            "Failed",
            Fact::Failed {
                change_id: change(),
                error: error.clone(),
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
}

pub(crate) fn about_the_run() -> Vec<Fact> {
    let reason = "a signal".to_owned();
    vec![
        Fact::RunStarted {
            plan_id: PlanId(Digest::of(b"plan")),
            approvals: vec![ApprovalId("a".to_owned())],
            bundle_digest: Digest::of(b"bundle"),
            without_policy: false,
            by: ana(),
        },
        Fact::Resumed {
            bundle_digest: Some(Digest::of(b"bundle")),
            without_policy: true,
            by: ana(),
        },
        Fact::Preflight {
            mismatches: mismatches(),
        },
        Fact::Stopped {
            reason: reason.clone(),
        },
        Fact::Paused { reason },
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
