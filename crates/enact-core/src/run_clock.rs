//! How long a run has lasted, by its journal.

use jiff::Timestamp;

/// Time as a run counts it: from each entry to the next, so that a clock that goes back between two makes that span nothing
/// and no other shorter. A clock that goes forward makes one span too long: nobody can tell that from a machine that slept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunClock {
    last: Option<Timestamp>,
    elapsed_ms: u64,
    waited_ms: u64,
    lost_ms: u64,
    waits: bool,
}

impl RunClock {
    /// Takes the moment of the next entry in. Returns for how long until then the run waited or was stopped, in milliseconds.
    pub fn pass(&mut self, at: Timestamp) -> u64 {
        let span = self.since_last(at);
        let waited = if self.waits { span } else { 0 };
        self.elapsed_ms = self.elapsed_ms.saturating_add(span);
        self.waited_ms = self.waited_ms.saturating_add(waited);
        self.last = Some(at);
        waited
    }

    /// The same where nobody was at the run since the newest entry, without that anybody had said so: its process had died.
    /// Returns how long that was, or how long it waited, in milliseconds.
    pub(crate) fn pass_unattended(&mut self, at: Timestamp) -> u64 {
        let span = self.since_last(at);
        let waited = self.pass(at);
        if self.waits {
            return waited;
        }
        self.lost_ms = self.lost_ms.saturating_add(span);
        span
    }

    /// So many milliseconds of that were work all the same.
    pub(crate) fn give_back(&mut self, milliseconds: u64) {
        self.lost_ms = self.lost_ms.saturating_sub(milliseconds);
    }

    /// From the newest entry on the run waits, or is at work again.
    pub(crate) fn set_waiting(&mut self, waits: bool) {
        self.waits = waits;
    }

    /// Milliseconds since the first entry, at the newest one.
    pub fn elapsed(&self) -> u64 {
        self.elapsed_ms
    }

    /// Milliseconds since the first entry, at some later moment.
    pub fn elapsed_at(&self, now: Timestamp) -> u64 {
        self.elapsed_ms.saturating_add(self.since_last(now))
    }

    /// Milliseconds at work until then, without the spans in which the run waited, was stopped, or had no process.
    pub fn worked_at(&self, now: Timestamp) -> u64 {
        let idle = self.waited_ms.saturating_add(self.lost_ms);
        let worked = self.elapsed_ms.saturating_sub(idle);
        if self.waits {
            worked
        } else {
            worked.saturating_add(self.since_last(now))
        }
    }

    /// Milliseconds until then in which it waited for somebody, or was stopped.
    pub fn waited_at(&self, now: Timestamp) -> u64 {
        let since = if self.waits { self.since_last(now) } else { 0 };
        self.waited_ms.saturating_add(since)
    }

    fn since_last(&self, at: Timestamp) -> u64 {
        self.last.map_or(0, |last| {
            u64::try_from(at.as_millisecond().saturating_sub(last.as_millisecond())).unwrap_or(0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn clock(moments: &[i64]) -> RunClock {
        let mut clock = RunClock::default();
        for moment in moments {
            clock.pass(at(*moment));
        }
        clock
    }

    #[test]
    fn a_clock_that_goes_back_takes_nothing_from_the_other_spans() {
        let clock = clock(&[10_000, 10_010, 6_400, 6_420]);
        assert_eq!(clock.elapsed(), 30_000);
        assert_eq!(clock.elapsed_at(at(6_425)), 35_000);
        assert_eq!(clock.elapsed_at(at(0)), 30_000, "never less than it was");
    }

    #[test]
    fn waiting_is_no_work() {
        let mut clock = clock(&[100, 110]);
        clock.set_waiting(true);
        assert_eq!(clock.worked_at(at(5_000)), 10_000);
        clock.pass(at(5_000));
        clock.set_waiting(false);
        assert_eq!(clock.worked_at(at(5_003)), 13_000);
        assert_eq!(clock.elapsed_at(at(5_003)), 4_903_000);
    }

    #[test]
    fn time_without_a_process_is_no_work() {
        let mut clock = clock(&[100, 110]);
        assert_eq!(clock.pass_unattended(at(5_000)), 4_890_000);
        assert_eq!(clock.worked_at(at(5_003)), 13_000);
        assert_eq!(clock.waited_at(at(5_003)), 0, "nor was anybody waited for");
        assert_eq!(clock.elapsed_at(at(5_003)), 4_903_000);
        clock.set_waiting(true);
        assert_eq!(
            clock.pass_unattended(at(6_000)),
            1_000_000,
            "somebody was waited for"
        );
        assert_eq!(clock.worked_at(at(6_000)), 10_000, "it is counted once");
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        let mut clock = RunClock::default();
        clock.pass(Timestamp::MIN);
        clock.pass(Timestamp::MAX);
        clock.pass(Timestamp::MIN);
        assert_eq!(clock.elapsed_at(Timestamp::MAX), 2 * clock.elapsed());
    }
}
