//! Kong Konnect for enact: files and API to a plan, and the provider that carries it out.
//!
//! The line through this crate: `load` (files to [`desired::Desired`]), `observe` (API to `Observed`), `plan` (both
//! to a plan, pure), `provider` (one change to requests). What is particular to a kind stands in [`resources`].

pub mod desired;
pub mod load;
pub mod resources;
