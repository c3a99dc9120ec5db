//! Events: what listeners are told. A listener can neither change nor slow a run.

use std::time::Duration;

use crate::change::ChangeId;
use crate::journal::Entry;

/// One thing a listener may want to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A fact that is durable.
    Recorded(Entry),
    /// Something passing, which may be lost.
    Progress(Progress),
}

/// Passing news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// All preconditions are being read.
    CheckingPreconditions {
        /// Of how many changes.
        changes: usize,
    },
    /// An attempt did not get through; another follows.
    Retrying {
        /// The change.
        change_id: ChangeId,
        /// What was seen.
        error: String,
        /// How long until then.
        after: Duration,
    },
    /// An effect's answer was lost; the world is being looked at.
    Settling {
        /// The change.
        change_id: ChangeId,
        /// What was seen instead of an answer.
        error: String,
    },
    /// The postconditions are being read.
    Verifying {
        /// Of how many changes.
        changes: usize,
    },
    /// A stop was asked for; what is under way is being finished.
    Stopping {
        /// How many effects are under way.
        running: usize,
    },
}

/// Somebody who listens. It runs apart from the run: being slow, failing or panicking has no effect on it.
pub trait Reporter: Send {
    /// Takes one event in, oldest first.
    fn report(&mut self, event: &Event);
}
