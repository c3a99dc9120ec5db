//! The controller and its actions, against a fake API server.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails says so by a panic"
)]

mod crash;
mod flow;
mod refusals;
mod support;
