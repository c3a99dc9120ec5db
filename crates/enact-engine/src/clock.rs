//! The only sources of time and identity. Tests give their own.

use jiff::Timestamp;

/// The present time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// New names.
pub trait IdSource: Send + Sync {
    /// A name nobody has used: 32 hexadecimal digits, sorted by nothing.
    fn new_id(&self) -> String;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one home of the present time"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Random ids.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this is the one home of random ids")]
    fn new_id(&self) -> String {
        uuid::Uuid::new_v4().simple().to_string()
    }
}
