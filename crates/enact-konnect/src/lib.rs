//! Kong Konnect for enact: files and API to a plan, and the provider that carries it out.
//!
//! The line through this crate: `load` (files to [`desired::Desired`]), `observe` (API to `Observed`), `plan` (both
//! to a plan, pure), `provider` (one change to requests). What is particular to a kind stands in [`resources`].

pub mod adopt;
pub mod auth;
pub mod cache;
pub mod client;
pub mod desired;
pub mod dump;
pub mod endpoint;
pub mod limiter;
pub mod listing;
pub mod load;
#[cfg(feature = "local")]
pub mod local;
mod looking;
pub mod observe;
pub mod observed;
pub mod plan;
mod precondition;
pub mod provider;
pub mod request;
pub mod resources;
mod settle;
