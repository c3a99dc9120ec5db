//! The effects of enact, free of any domain: stores, the run loop, resume, undo.
//!
//! Reading order: [`provider`] (what a domain gives), [`store`] (what is kept), [`journal`] (the writer of facts),
//! [`runner`] (the loop), [`rollback`] (the way back),
//! [`signature`] (what an approval is worth), [`installation`] (how a command begins, takes up and ends a run).

mod carry_out;
pub mod clock;
mod ending;
pub mod holder;
pub mod http;
pub mod installation;
pub mod journal;
mod looking;
mod overlay;
pub mod policy;
pub mod provider;
mod queue;
pub mod reporting;
pub mod retry;
pub mod rollback;
pub mod runner;
pub mod signature;
pub mod stop;
pub mod store;
mod waiting;

pub use ending::RUN_DECISION;
pub use waiting::ANOTHER_APPROVAL;
