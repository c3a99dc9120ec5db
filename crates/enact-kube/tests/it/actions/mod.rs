//! The ten actions, each with the rights that its account has and no others.

mod deployments;
mod drain;
mod drain_filters;
mod in_a_job;
mod laws;
mod nodes;
mod objects;
mod patches;
mod pods;
mod trial;
