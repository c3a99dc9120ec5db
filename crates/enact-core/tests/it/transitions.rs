//! The one table of transitions, written out: which fact may be recorded of a change in which state, and what follows.

use enact_core::journal::{ChangeState, Fact, JournalError, RunState};

use crate::facts::{about_a_change, about_the_run, chained, change};

/// Rows: where a change stands. Columns: the fact. Empty: not allowed.
const TABLE: &str = "
          | Intent  | Done | NotDone | Failed | Drifted | Unknown | Skipped | Checked | UndoIntent | Undone | UndoFailed | DecidedDone | DecidedNotDone
Pending   | Started |      |         | Failed | Drifted |         | Skipped |         |            |        |            |             |
Started   |         | Done | Pending | Failed | Drifted | Unknown |         |         |            |        |            |             |
Done      |         |      |         |        |         |         |         | Done    | Undoing    |        |            |             |
Failed    |         |      |         |        |         |         |         |         |            |        |            |             |
Drifted   |         |      |         |        |         |         |         |         |            |        |            |             |
Unknown   |         | Done | Pending |        |         | Unknown |         |         |            |        |            | Done        | Pending
Skipped   |         |      |         |        |         |         |         |         |            |        |            |             |
Undoing   |         |      |         |        |         |         |         |         |            | Undone | Stuck      |             |
Undone    |         |      |         |        |         |         |         |         |            |        |            |             |
Stuck     |         |      |         |        |         |         |         |         | Undoing    |        |            | Undone      | Done
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
        ChangeState::Undoing => vec!["Intent", "Done", "UndoIntent"],
        ChangeState::Undone => vec!["Intent", "Done", "UndoIntent", "Undone"],
        ChangeState::Stuck => vec!["Intent", "Done", "UndoIntent", "UndoFailed"],
    }
}

const STATES: [ChangeState; 10] = [
    ChangeState::Pending,
    ChangeState::Started,
    ChangeState::Done,
    ChangeState::Failed,
    ChangeState::Drifted,
    ChangeState::Unknown,
    ChangeState::Skipped,
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
    let mut lines = TABLE.trim_matches('\n').lines();
    let facts = cells(lines.next().unwrap());
    let rows: Vec<Vec<String>> = lines.map(cells).collect();
    assert_eq!(rows.len(), STATES.len());
    assert_eq!(facts.len() - 1, about_a_change().len());
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
                Err(other) => panic!("{other}"),
            }
        }
    }
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
