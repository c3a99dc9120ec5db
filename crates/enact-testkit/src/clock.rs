//! Time that moves only when told, and names that can be foreseen.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use enact_engine::clock::{Clock, IdSource};
use jiff::Timestamp;

/// The moment at which every test begins: 2026-03-01T12:00:00Z.
pub const START: i64 = 1_772_366_400_000;

/// A clock that steps by a fixed amount whenever it is read. Clones share it.
#[derive(Debug, Clone)]
pub struct StepClock {
    milliseconds: Arc<AtomicI64>,
    step: i64,
}

impl StepClock {
    /// A clock that stands still until it is told to move.
    pub fn fixed() -> Self {
        Self::stepping(0)
    }

    /// A clock that moves by `step` milliseconds with each reading.
    pub fn stepping(step: i64) -> Self {
        Self {
            milliseconds: Arc::new(AtomicI64::new(START)),
            step,
        }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.milliseconds.fetch_add(by, Ordering::SeqCst);
    }
}

impl StepClock {
    /// Somebody sets the clock: by so many milliseconds, also back.
    pub fn jump(&self, by: i64) {
        self.milliseconds.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for StepClock {
    fn now(&self) -> Timestamp {
        let now = self.milliseconds.fetch_add(self.step, Ordering::SeqCst);
        Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX)
    }
}

/// Counts: the first name ends in 1. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct CountingIds(Arc<AtomicU64>);

impl IdSource for CountingIds {
    fn new_id(&self) -> String {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        // Runs are named by the first sixteen digits, so the count stands there.
        format!("{number:016x}{number:016x}")
    }
}
