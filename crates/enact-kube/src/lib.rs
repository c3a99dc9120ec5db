//! Kubernetes for enact: `KubernetesExecution` objects, the catalog of actions that they ask for, and the controller that carries them
//! out.
//!
//! Reading order: `client` (how the API server is asked), `api` (what is asked and what became of it), `catalog` (the ten actions), `machine` (what to do next, pure), `job` (the
//! Job that does an action), `controller` (everything that touches the cluster), `outside` (the same actions for a step of a runbook).

pub mod api;
pub mod catalog;
pub mod client;
pub mod controller;
pub mod job;
pub mod machine;
pub mod manifests;
pub mod outside;
