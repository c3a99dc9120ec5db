//! A REST API for tasks, on the standard library alone.

pub mod auth;
pub mod crypto;
pub mod json;
pub mod jwt;
pub mod model;
pub mod store;
