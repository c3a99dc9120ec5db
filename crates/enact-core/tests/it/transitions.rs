//! The one table of transitions, written out: which fact may be recorded of a change in which state, and what follows.

use enact_core::journal::{ChangeState, Fact, JournalError, RunState};

use crate::facts::{about_a_change, about_the_run, chained, change, not_done};

/// Rows: where a change stands. Columns: the fact. Empty: not allowed. What is delegated or escalated here may have happened in
/// part.
const TABLE: &str = "
          | Intent  | Done | NotDone | Failed | Drifted | Unknown | Skipped | Checked | UndoIntent | Undone | UndoFailed | DecidedDone | DecidedNotDone
Pending   | Started |      |         | Failed | Drifted |         | Skipped |         |            |        |            |             |
Started   |         | Done | Pending | Failed | Drifted | Unknown |         |         |            |        |            |             |
Done      |         |      |         |        |         |         |         | Done    | Undoing    |        |            |             |
Failed    |         |      |         |        |         |         |         |         | Undoing    |        |            |             |
Drifted   |         |      |         |        |         |         |         |         |            |        |            |             |
Unknown   |         | Done | Pending |        |         | Unknown |         |         | Undoing    |        |            | Done        | Pending
Skipped   |         |      |         |        |         |         |         |         |            |        |            |             |
Omitted   |         |      |         |        |         |         |         |         |            |        |            |             |
Delegated |         |      |         |        |         |         |         |         | Undoing    |        |            |             |
Escalated |         |      |         |        |         |         |         |         | Undoing    |        |            |             |
Undoing   |         |      |         |        |         |         |         |         |            | Undone | Stuck      |             |
Undone    |         |      |         |        |         |         |         |         |            |        |            |             |
Stuck     |         |      |         |        |         |         |         |         | Undoing    |        |            | Undone      | Done
";

/// The same for the facts that only procedures have.
const PROCEDURES: &str = "
          | Attempted | Omitted | Held    | Confirmed | Delegated | Attested | Escalated | ChosenRetry | ChosenAccept | ChosenSkip | ChosenRollback | ChosenAbort | Adopted
Pending   |           | Omitted | Pending | Pending   |           |          | Escalated |             |              |            | Failed         | Failed      | Done
Started   | Started   |         |         |           | Delegated |          | Escalated |             |              |            |                |             |
Done      |           |         | Done    | Done      |           |          |           |             |              |            | Done           | Done        |
Failed    |           |         | Failed  | Failed    |           |          |           |             |              | Omitted    | Failed         | Failed      |
Drifted   |           |         | Drifted | Drifted   |           |          |           |             |              |            | Drifted        | Drifted     |
Unknown   |           |         |         |           |           |          | Escalated |             |              |            |                |             |
Skipped   |           |         | Skipped | Skipped   |           |          |           |             |              |            | Skipped        | Skipped     |
Omitted   |           |         | Omitted | Omitted   |           |          |           |             |              |            | Omitted        | Omitted     |
Delegated |           |         |         |           |           | Started  | Escalated |             |              |            | Failed         | Failed      |
Escalated |           | Omitted |         |           |           |          |           | Pending     | Pending      | Omitted    | Failed         | Failed      |
Undoing   |           |         |         |           |           |          |           |             |              |            |                |             |
Undone    |           |         |         |           |           |          |           |             |              |            |                |             |
Stuck     |           |         |         |           |           |          |           |             |              |            |                |             |
";

/// The facts that lead a change from nothing to this state.
fn way_to(state: ChangeState) -> Vec<&'static str> {
    match state {
        ChangeState::Pending => vec![],
        ChangeState::Started => vec!["Intent"],
        ChangeState::Done => vec!["Intent", "Done"],
        ChangeState::Failed => vec!["Intent", "Failed"],
        ChangeState::Drifted => vec!["Drifted"],
        ChangeState::Unknown => vec!["Intent", "Unknown"],
        ChangeState::Skipped => vec!["Skipped"],
        ChangeState::Omitted => vec!["Omitted"],
        ChangeState::Delegated => vec!["Intent", "Delegated"],
        ChangeState::Escalated => vec!["Escalated"],
        ChangeState::Undoing => vec!["Intent", "Done", "UndoIntent"],
        ChangeState::Undone => vec!["Intent", "Done", "UndoIntent", "Undone"],
        ChangeState::Stuck => vec!["Intent", "Done", "UndoIntent", "UndoFailed"],
    }
}

const STATES: [ChangeState; 13] = [
    ChangeState::Pending,
    ChangeState::Started,
    ChangeState::Done,
    ChangeState::Failed,
    ChangeState::Drifted,
    ChangeState::Unknown,
    ChangeState::Skipped,
    ChangeState::Omitted,
    ChangeState::Delegated,
    ChangeState::Escalated,
    ChangeState::Undoing,
    ChangeState::Undone,
    ChangeState::Stuck,
];

fn fact(name: &str) -> Fact {
    let found = about_a_change().into_iter().find(|(other, _)| *other == name);
    found.unwrap().1
}

fn cells(line: &str) -> Vec<String> {
    line.split('|').map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn the_table_of_transitions_is_exactly_this() {
    let columns: usize = [TABLE, PROCEDURES].into_iter().map(check).sum();
    assert_eq!(columns, about_a_change().len());
}

#[test]
fn what_may_have_happened_in_part_can_be_taken_back_wherever_it_stands() {
    let cut_off = |partial: bool, then: &[&str]| {
        let begun = [fact("Intent"), not_done(partial)].into_iter();
        let facts = begun.chain(then.iter().map(|name| fact(name)));
        RunState::replay(&chained(facts.chain([fact("UndoIntent")])))
    };
    let ways: [&[&str]; 6] = [
        &[],
        &["Drifted"],
        &["Skipped"],
        &["Omitted"],
        &["Held"],
        &["Intent", "NotDone"],
    ];
    for then in ways {
        let state = cut_off(true, then).unwrap();
        assert_eq!(state.of(&change()), ChangeState::Undoing, "{then:?}");
        assert!(
            matches!(cut_off(false, then), Err(JournalError::Illegal { .. })),
            "{then:?}"
        );
    }
    // Done, taken back, or looked at by a person: nothing of it is left in part.
    for then in [
        &["Intent", "Done"][..],
        &["UndoIntent", "Undone"],
        &["Intent", "Unknown", "DecidedNotDone"],
    ] {
        let begun = [fact("Intent"), not_done(true)].into_iter();
        let facts = begun.chain(then.iter().map(|name| fact(name)));
        let state = RunState::replay(&chained(facts)).unwrap();
        assert!(!state.changes[&change()].partial, "{then:?}");
    }
}

/// Checks one table; says how many facts it has.
fn check(table: &str) -> usize {
    let mut lines = table.trim_matches('\n').lines();
    let facts = cells(lines.next().unwrap());
    let rows: Vec<Vec<String>> = lines.map(cells).collect();
    assert_eq!(rows.len(), STATES.len());
    for (row, state) in rows.iter().zip(STATES) {
        assert_eq!(row[0], format!("{state:?}"));
        for (expected, name) in row.iter().zip(&facts).skip(1) {
            let facts = way_to(state).into_iter().map(fact).chain([fact(name)]);
            let entries = chained(facts);
            let (last, before) = entries.split_last().unwrap();
            let mut live = RunState::replay(before).unwrap();
            assert_eq!(live.of(&change()), state);
            let untouched = live.clone();
            match live.record(last) {
                Ok(()) => assert_eq!(
                    format!("{:?}", live.of(&change())),
                    *expected,
                    "{state:?}, {name}"
                ),
                Err(JournalError::Illegal { state: from, .. }) => {
                    assert_eq!(expected, "", "{state:?}, {name}: refused");
                    assert_eq!(from, state);
                    assert_eq!(live, untouched, "a refused fact changes nothing");
                }
                Err(other) => assert_eq!(other.to_string(), "an illegal entry"),
            }
        }
    }
    facts.len() - 1
}

#[test]
fn facts_about_the_run_leave_every_change_where_it_stands() {
    for state in STATES {
        for of_run in about_the_run() {
            let entries = chained(way_to(state).into_iter().map(fact).chain([of_run]));
            assert_eq!(RunState::replay(&entries).unwrap().of(&change()), state);
        }
    }
}
