//! How many requests may be under way: rises slowly while all goes well, halves when the server says 429.
//!
//! Additive increase, multiplicative decrease, as TCP does it; a `Retry-After` stops everybody until then.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The bound. Shared by all requests of a client, reads and writes.
pub struct Limiter {
    most: f64,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    limit: f64,
    under_way: usize,
    closed_until: Option<Instant>,
}

/// The right to have one request under way; given back when dropped.
pub struct Permit<'a>(&'a Limiter);

impl Limiter {
    /// At most `most` at once; at least 1.
    pub fn new(most: usize) -> Self {
        let most = f64::from(u32::try_from(most.max(1)).unwrap_or(u32::MAX));
        let state = State {
            limit: most,
            under_way: 0,
            closed_until: None,
        };
        Self {
            most,
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    /// Waits for a place.
    pub async fn acquire(&self) -> Permit<'_> {
        loop {
            let changed = self.changed.notified();
            match self.try_enter() {
                Ok(permit) => return permit,
                Err(Some(until)) => tokio::time::sleep_until(until).await,
                Err(None) => changed.await,
            }
        }
    }

    fn try_enter(&self) -> Result<Permit<'_>, Option<Instant>> {
        let mut state = self.state();
        if let Some(until) = state.closed_until {
            if Instant::now() < until {
                return Err(Some(until));
            }
            state.closed_until = None;
        }
        if f64::from(u32::try_from(state.under_way).unwrap_or(u32::MAX)) + 1.0 > state.limit.max(1.0) {
            return Err(None);
        }
        state.under_way += 1;
        Ok(Permit(self))
    }

    /// A request got through.
    pub fn succeeded(&self) {
        let mut state = self.state();
        state.limit = (state.limit + 1.0 / state.limit).min(self.most);
        drop(state);
        self.changed.notify_one();
    }

    /// The server said 429. Of many such answers to one burst only the first halves the bound.
    pub fn too_many(&self, wait: Duration) {
        let mut state = self.state();
        let now = Instant::now();
        let until = now + wait;
        if state.closed_until.is_none_or(|closed| closed <= now) {
            state.limit = (state.limit / 2.0).max(1.0);
        }
        state.closed_until = Some(state.closed_until.map_or(until, |closed| closed.max(until)));
    }

    /// The present bound, for the log.
    pub fn limit(&self) -> f64 {
        self.state().limit
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.under_way = state.under_way.saturating_sub(1);
        drop(state);
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_429_halves_the_bound_once_and_closes_the_door() {
        let limiter = Limiter::new(8);
        limiter.too_many(Duration::from_secs(2));
        limiter.too_many(Duration::from_secs(2));
        assert!((limiter.limit() - 4.0).abs() < f64::EPSILON);
        let before = Instant::now();
        let permit = limiter.acquire().await;
        assert_eq!(before.elapsed(), Duration::from_secs(2));
        drop(permit);
        for _ in 0..200 {
            limiter.succeeded();
        }
        assert!((limiter.limit() - 8.0).abs() < f64::EPSILON);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_bound_are_under_way() {
        let limiter = Limiter::new(2);
        let first = limiter.acquire().await;
        let _second = limiter.acquire().await;
        let third = tokio::time::timeout(Duration::from_millis(10), limiter.acquire()).await;
        assert!(third.is_err());
        drop(first);
        assert!(
            tokio::time::timeout(Duration::from_millis(10), limiter.acquire())
                .await
                .is_ok()
        );
    }
}
