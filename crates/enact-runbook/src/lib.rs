//! Runbooks for enact: a document to a plan. Arrives with its own issue.

pub mod process;
