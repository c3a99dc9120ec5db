//! Kong Konnect for enact: files and API to a plan, and the provider that carries it out.

#[cfg(feature = "local")]
pub mod local;
