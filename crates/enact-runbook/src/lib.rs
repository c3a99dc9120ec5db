//! Runbooks for enact: a document by a person or an agent, to a plan of the kernel, and the provider that carries it out.
//!
//! Reading order: [`spec`] (the frozen form), [`process`] (how a command runs).

pub mod process;
pub mod spec;
