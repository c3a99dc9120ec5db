//! A REST API for tasks, on the standard library alone.

pub mod json;
pub mod model;
pub mod store;
