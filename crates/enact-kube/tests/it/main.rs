//! The controller and its actions, against a fake API server.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails says so by a panic"
)]

mod actions;
mod audit;
mod bounds;
mod cases;
mod crash;
mod custom;
mod depending;
mod details;
mod edges;
mod endings;
mod flow;
mod following;
mod monitoring;
mod refusals;
mod serving;
mod simulated;
mod support;
mod ways_back;
