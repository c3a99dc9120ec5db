//! Where a change of a run stands, and the one table of what may follow.

use serde::{Deserialize, Serialize};

use crate::journal::Choice;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Intent,
    Done,
    Adopted,
    NotDone,
    Failed,
    Drifted,
    Unknown,
    Skipped,
    Checked,
    UndoIntent,
    UndoInPart,
    Undone,
    UndoFailed,
    DecidedDone,
    DecidedNotDone,
    Attempted,
    Omitted,
    Held,
    Confirmed,
    Delegated,
    Attested,
    Escalated,
    ChosenAgain,
    ChosenSkip,
    ChosenEnd,
}

impl Step {
    pub(crate) fn of_choice(choice: Choice) -> Self {
        match choice {
            Choice::Retry | Choice::Accept => Self::ChosenAgain,
            Choice::Skip => Self::ChosenSkip,
            Choice::Rollback | Choice::Abort => Self::ChosenEnd,
        }
    }
}

/// Where one change stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// Nothing happened yet.
    Pending,
    /// Its effect may be under way.
    Started,
    /// Its effect happened.
    Done,
    /// It failed without effect.
    Failed,
    /// It was stopped by drift.
    Drifted,
    /// Nobody knows.
    Unknown,
    /// It was left out because of another.
    Skipped,
    /// It is not needed.
    Omitted,
    /// It is in somebody else's hands.
    Delegated,
    /// It waits for a person to choose how to go on.
    Escalated,
    /// Its undo may be under way.
    Undoing,
    /// It was taken back.
    Undone,
    /// Its undo failed.
    Stuck,
}

impl ChangeState {
    /// Is the change over in this run, done or not? Then what is wanted after it is wanted now.
    pub fn is_over(self) -> bool {
        matches!(
            self,
            Self::Done | Self::Failed | Self::Drifted | Self::Skipped | Self::Omitted
        )
    }

    /// May its effect have happened without our knowing?
    pub fn is_open(self) -> bool {
        matches!(self, Self::Started | Self::Unknown | Self::Undoing)
    }
}

/// The one transition table.
pub(crate) fn next_state(from: ChangeState, step: Step) -> Option<ChangeState> {
    use ChangeState as S;
    Some(match (from, step) {
        (S::Pending, Step::Intent) => S::Started,
        (S::Started | S::Unknown, Step::Done) | (S::Pending, Step::Adopted) => S::Done,
        (S::Started | S::Unknown, Step::NotDone) => S::Pending,
        (S::Pending | S::Started, Step::Failed) => S::Failed,
        (S::Pending | S::Started, Step::Drifted) => S::Drifted,
        (S::Started | S::Unknown, Step::Unknown) => S::Unknown,
        (S::Pending, Step::Skipped) => S::Skipped,
        (S::Done, Step::Checked) => S::Done,
        (S::Started, Step::Attempted) => S::Started,
        (S::Pending | S::Escalated, Step::Omitted) => S::Omitted,
        // After it: whatever became of it.
        (
            S::Pending | S::Done | S::Failed | S::Drifted | S::Skipped | S::Omitted,
            Step::Held | Step::Confirmed,
        ) => from,
        (S::Started, Step::Delegated) => S::Delegated,
        (S::Delegated, Step::Attested) => S::Started,
        (S::Pending | S::Started | S::Unknown | S::Delegated, Step::Escalated) => S::Escalated,
        (S::Escalated, Step::ChosenAgain) => S::Pending,
        (S::Escalated | S::Failed, Step::ChosenSkip) => S::Omitted,
        // Pending: instead of a confirmation that the run waits for.
        (S::Pending | S::Escalated | S::Failed | S::Delegated, Step::ChosenEnd) => S::Failed,
        // Everything was done and verification failed: the choice is about the run, and named by its last change. Or instead of a
        // confirmation after it.
        (S::Done | S::Drifted | S::Skipped | S::Omitted, Step::ChosenEnd) => from,
        // What failed or is not known may have happened in part.
        (S::Done | S::Stuck | S::Failed | S::Unknown, Step::UndoIntent | Step::UndoInPart)
        | (
            S::Pending | S::Drifted | S::Skipped | S::Omitted | S::Delegated | S::Escalated,
            Step::UndoInPart,
        ) => S::Undoing,
        (S::Undoing, Step::Undone) => S::Undone,
        (S::Undoing, Step::UndoFailed) => S::Stuck,
        (S::Unknown, Step::DecidedDone) => S::Done,
        (S::Unknown, Step::DecidedNotDone) => S::Pending,
        (S::Stuck, Step::DecidedDone) => S::Undone,
        (S::Stuck, Step::DecidedNotDone) => S::Done,
        _ => return None,
    })
}
