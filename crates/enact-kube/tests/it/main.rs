//! The controller and its actions, against a fake API server.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails says so by a panic"
)]

mod actions;
mod cases;
mod crash;
mod custom;
mod depending;
mod flow;
mod following;
mod refusals;
mod serving;
mod simulated;
mod support;
