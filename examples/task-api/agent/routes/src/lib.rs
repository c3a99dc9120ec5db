//! A REST API for tasks, on the standard library alone.

pub mod auth;
pub mod clock;
pub mod crypto;
pub mod http;
pub mod json;
pub mod jwt;
pub mod model;
pub mod routes;
pub mod server;
pub mod store;
