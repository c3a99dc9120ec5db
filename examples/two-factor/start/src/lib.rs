//! Accounts and logins, on the standard library alone.

pub mod accounts;
pub mod crypto;
