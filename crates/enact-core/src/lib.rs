//! The vocabulary and every decision of enact, as pure functions of values.
//!
//! No I/O, no clock, no randomness: what happens here can be replayed. A reader may take the modules in this order:
//! `change` and `plan` (what is to be done), `check` and `order` (is it well formed, in which order),
//! `verdict` and `approval` (who agreed), `gate` (the one way to an `AdmittedPlan`),
//! `journal` (what happened), `event` and `report` (who is told).

pub mod diagnostic;
pub mod secret;
