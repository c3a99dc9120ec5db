//! Accounts and logins, on the standard library alone.

pub mod accounts;
pub mod base32;
pub mod crypto;
pub mod policy;
pub mod seal;
pub mod sha1;
pub mod totp;
