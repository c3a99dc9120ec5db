//! Stopping: one flag that signals, `enact stop` and the latch set, and that the run looks at before each effect.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

/// How urgently to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Urgency {
    /// Start nothing new; let what is under way finish.
    AfterCurrent = 1,
    /// Let go of what is under way too; `resume` finds out what became of it.
    Now = 2,
}

#[derive(Default)]
struct Inner {
    level: AtomicU8,
    reason: Mutex<String>,
    changed: Notify,
}

/// The flag. Clones share it. It only ever gets more urgent.
#[derive(Clone, Default)]
pub struct StopSignal(Arc<Inner>);

impl StopSignal {
    /// A flag that is down.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the flag. The first reason stays.
    pub fn raise(&self, urgency: Urgency, reason: &str) {
        let before = self.0.level.fetch_max(urgency as u8, Ordering::SeqCst);
        if before == 0
            && let Ok(mut text) = self.0.reason.lock()
        {
            reason.clone_into(&mut text);
        }
        self.0.changed.notify_waiters();
        self.0.changed.notify_one();
    }

    /// Raises the flag once more: the second time, now.
    pub fn press(&self, reason: &str) {
        let urgency = if self.urgency().is_some() {
            Urgency::Now
        } else {
            Urgency::AfterCurrent
        };
        self.raise(urgency, reason);
    }

    /// How urgently to stop, if at all.
    pub fn urgency(&self) -> Option<Urgency> {
        match self.0.level.load(Ordering::SeqCst) {
            0 => None,
            1 => Some(Urgency::AfterCurrent),
            _ => Some(Urgency::Now),
        }
    }

    /// Why.
    pub fn reason(&self) -> String {
        self.0.reason.lock().map(|text| text.clone()).unwrap_or_default()
    }

    /// Returns once the flag is at least this urgent.
    pub async fn raised(&self, urgency: Urgency) {
        loop {
            let changed = self.0.changed.notified();
            if self.urgency() >= Some(urgency) {
                return;
            }
            changed.await;
        }
    }
}
