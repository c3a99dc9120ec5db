//! The controller: what [`crate::machine`] asks for is found out and done here, and nowhere else.
//!
//! Reading order: `reconcile.rs` (one pass over one execution), `looking.rs` (what is found out), `writing.rs` (what is written),
//! `following.rs` (what Jobs tell while they run), `shelf.rs` (the catalog in force), `conditions.rs` and `facts.rs` (conditions in Rego),
//! `locks.rs`, `leader.rs`, `metrics.rs`, `census.rs`, `health.rs` and `guard.rs`, `audit.rs` (a line of the log for each transition),
//! `kept.rs` (what is kept in memory), `serve.rs` (all of it together).

mod audit;
mod census;
mod conditions;
mod facts;
mod following;
mod guard;
mod health;
mod kept;
mod leader;
mod locks;
mod looking;
mod metrics;
mod reconcile;
mod serve;
mod shelf;
mod trouble;
mod writing;

use std::sync::Arc;

use enact_engine::clock::Clock;
use enact_engine::policy::reload::InForce;
use kube::Client;

pub use conditions::{Conditions, LoadCondition};
pub use following::Followers;
pub use leader::{LEASE_NAME, Leader};
pub use locks::Locks;
pub use looking::cluster_uid;
pub(crate) use looking::dynamic;
pub use metrics::Metrics;
pub use reconcile::reconcile;
pub use serve::{Options, serve};
pub use shelf::{CATALOG_KEY, Shelf, Shelved, look as look_at_catalog};
pub use trouble::Trouble;

use crate::machine::Settings;

/// The ConfigMap that stops everything.
pub const CONTROL: &str = "kubernetes-executor-control";

/// The ConfigMap with the operator's own actions.
pub const CATALOG: &str = "kubernetes-executor-catalog";

/// The ConfigMap with the operator's conditions.
pub const CONDITIONS: &str = "kubernetes-executor-conditions";

/// The ConfigMap with the keys of those who may approve.
pub const APPROVERS: &str = "kubernetes-executor-approvers";

/// The annotation with signed approvals, as JSON.
pub const APPROVALS: &str = "kubernaut.ai/approvals";

/// What one replica works with.
pub struct Context {
    /// The cluster.
    pub client: Client,
    /// What the operator decided.
    pub settings: Settings,
    /// The actions that may be asked for.
    pub catalog: Shelf,
    /// The policies.
    pub policies: InForce,
    /// Conditions in Rego, each in a process of its own.
    pub conditions: Conditions,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Which targets are taken.
    pub locks: Locks,
    /// The logs of running Jobs.
    pub followers: Followers,
    /// What is counted.
    pub metrics: Metrics,
    /// The name of this replica, for events and the lease.
    pub identity: String,
}
