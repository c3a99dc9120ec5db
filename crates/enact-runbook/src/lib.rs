//! Runbooks for enact: a document by a person or an agent, to a plan of the kernel, and the provider that carries it out.
//!
//! Reading order: [`document`] (what the author may write), [`reading`] (how it is read), [`expression`] (what stands in
//! `${{ }}`), [`kinds`] (what steps do), [`compile`] (to the plan), [`lint`] (rules), [`schema`] (for editors), [`spec`] (the
//! frozen form), [`cluster`] (who carries out steps on clusters), [`choices`] (how a stop goes on), [`numbers`] (of steps, for people), [`provider`] (the engine's hands), [`added_check()`] (a check that an approval adds), [`report`] (what a run came to), [`revise`] (a runbook that takes a run over), [`process`] (how a command runs).

mod added_check;
pub mod advise;
mod checks;
pub mod choices;
pub mod cluster;
pub mod compile;
pub mod disk;
pub mod document;
mod each;
pub mod export;
pub mod expression;
pub mod files;
pub mod graph;
pub mod import;
pub mod kinds;
pub mod lint;
mod markdown;
pub mod numbers;
pub mod parameters;
pub mod process;
mod programs;
pub mod provider;
pub mod questions;
pub mod reading;
pub mod report;
pub mod revise;
pub mod scaffold;
pub mod schema;
mod scripts;
pub mod settled_outputs;
pub mod shown;
pub mod spec;
mod yaml_text;

pub use added_check::added_check;
pub use compile::{
    CheckReport, CompileOptions, Compiled, Source, SubPlan, SubPlanRequest, SubPlanner, check, compile,
};
