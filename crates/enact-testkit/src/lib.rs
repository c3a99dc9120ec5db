//! Test support for enact: a simulated world, random plans for it, crash points, a clock that stands still.
//!
//! [`world`] behaves like an idempotent remote with faults on demand, [`scenario`] makes plans and worlds that fit
//! together, [`crash`] kills a process at a chosen write, [`fixtures`] goes through the real gate.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "test support: a fixture that cannot be made is a broken test, and must say so loudly"
)]

pub mod clock;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod crash;
pub mod fixtures;
pub mod planner;
pub mod scenario;
pub mod world;
