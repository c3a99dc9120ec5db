//! How long to wait before another attempt, and how many there are.

use std::time::Duration;

use crate::provider::Failure;

/// Bounds on attempts at one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included; at least 1.
    pub attempts: u32,
    /// Wait before the second attempt.
    pub initial: Duration,
    /// By how many per cent each further wait is of the one before it.
    pub growth_percent: u32,
    /// The longest wait, also when the remote asks for more.
    pub longest: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 6,
            initial: Duration::from_millis(500),
            growth_percent: 200,
            longest: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// What a procedure says about one change.
    pub fn of(attempts: &enact_core::procedure::Attempts) -> Self {
        Self {
            attempts: attempts.attempts,
            initial: Duration::from_millis(attempts.delay.0),
            growth_percent: attempts.growth_percent,
            longest: Duration::from_millis(attempts.longest.0),
        }
    }

    /// One attempt and no more.
    pub fn once() -> Self {
        Self {
            attempts: 1,
            ..Self::default()
        }
    }

    /// The wait after attempt number `attempt` (from 1). The remote's own word counts, within the bound; without one
    /// the wait grows. It is spread by up to a quarter by `seed`, so that many changes do not come back at once, and upwards: nobody
    /// comes back earlier than was asked for.
    pub fn wait(&self, attempt: u32, asked: Option<Duration>, seed: u64) -> Duration {
        if let Some(asked) = asked {
            return asked.min(self.longest);
        }
        let steps = attempt.saturating_sub(1).min(64);
        let grown = (0..steps).fold(self.initial, |wait, _| {
            (wait.saturating_mul(self.growth_percent) / 100).min(self.longest)
        });
        let spread = u32::try_from(seed % 256).unwrap_or(0);
        let wait = grown.min(self.longest);
        let spread = wait.saturating_mul(spread) / 1024;
        wait.saturating_add(spread).min(self.longest)
    }
}

/// The last failure where the time for all attempts ends before another could begin.
pub(crate) fn out_of_time(failure: Failure, attempts: u32) -> Failure {
    let count = match attempts {
        0 | 1 => "1 attempt".to_owned(),
        more => format!("{more} attempts"),
    };
    let message = format!(
        "{} (after {count}; the time for all of them ends before another could begin)",
        failure.message
    );
    Failure { message, ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_and_obey_the_remote() {
        let policy = RetryPolicy::default();
        let waits: Vec<u128> = (1..10)
            .map(|attempt| policy.wait(attempt, None, 0).as_millis())
            .collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]);
        assert_eq!(
            policy.wait(1, Some(Duration::from_secs(3)), 7),
            Duration::from_secs(3)
        );
        assert_eq!(
            policy.wait(1, Some(Duration::from_secs(900)), 7),
            Duration::from_secs(60)
        );
        for seed in [0, 1, 128, 255] {
            let wait = policy.wait(3, None, seed);
            assert!((2000..2500).contains(&wait.as_millis()), "{wait:?}");
            assert_eq!(policy.wait(9, None, seed), policy.longest);
        }
    }
}
