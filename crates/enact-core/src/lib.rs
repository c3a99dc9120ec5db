//! The vocabulary and every decision of enact, as pure functions of values.
//!
//! No I/O, no clock, no randomness: what happens here can be replayed. A reader may take the modules in this order:
//! [`change`], [`procedure`] and [`plan`] (what is to be done), [`check`] and [`order`] (is it well formed, in which order),
//! [`verdict`], [`asked`], [`approval`] and [`condition`] (who must agree, who agreed, and to what exactly), [`revision`] (may it take a run over), [`gate`] (the one way to an [`gate::AdmittedPlan`]),
//! [`journal`] (what happened), [`run_state`], [`change_progress`], [`change_state`] and [`confirmation`] (what that adds up to), [`failure`] and [`undoing`] (because of what it failed, and what of it is to be taken back), [`event`] and [`report`] (who is told), [`exit`] (how a command ends).
//! [`diagnostic`] and [`yaml`] are what domains read documents with.

pub mod adopted;
pub mod approval;
pub mod asked;
pub mod canonical;
pub mod change;
pub mod change_progress;
pub mod change_state;
pub mod check;
pub mod condition;
pub mod confirmation;
pub mod criterion;
pub mod diagnostic;
pub mod event;
pub mod exit;
pub mod failure;
pub mod fault;
pub mod gate;
pub mod journal;
pub mod order;
pub mod plan;
pub mod principal;
pub mod procedure;
pub mod reference;
pub mod report;
pub mod revision;
pub mod run_clock;
pub mod run_state;
pub mod secret;
pub mod undoing;
pub mod verdict;
pub mod whole;
pub mod yaml;
