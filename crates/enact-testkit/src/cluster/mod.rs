//! A Kubernetes API server and the controllers of a cluster, in memory: as much of them as an executor of
//! remediations meets.
//!
//! [`Cluster`] is all of it. Clients are real ones ([`Cluster::client`]): they speak HTTP/1.1 with it, over a pipe in
//! memory, or over a socket for other processes ([`Cluster::listen`]). Time stands still until a test moves it;
//! names, uids and versions are counted. What a server fills in, keeps and refuses is in `write`, `rules`, `delete`
//! and `patch`; what goes wrong is planned with [`When`] and [`Fault`]; what was asked is in [`Call`]s, what became
//! of objects in [`Change`]s.

mod audit;
mod delete;
mod deployments;
mod eviction;
mod fault;
mod garbage;
mod handle;
mod jobs;
mod kind;
mod kubelet;
mod log;
mod object;
mod patch;
mod read;
mod refused;
mod request;
mod rights;
mod rules;
mod run;
mod scale;
mod selector;
mod server;
mod settle;
mod state;
mod store;
mod test_side;
mod watch;
mod write;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use audit::Call;
pub use deployments::Speed;
pub use fault::{Fault, Gate, When};
pub use kind::Kind;
pub use rights::Rule;
pub use run::{Ended, Running, Started, Stuck};
pub use settle::Living;
pub use store::{Change, Key, What};
pub use test_side::{Listening, kubeconfig};

use crate::clock::StepClock;
use state::State;

/// A cluster. Clones are the same one.
#[derive(Clone)]
pub struct Cluster {
    state: Arc<Mutex<State>>,
    clock: StepClock,
}

/// How a watch that begins too early is told so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forgotten {
    /// With an `ERROR` event.
    #[default]
    Event,
    /// With the status 410.
    Status,
}

impl Cluster {
    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panics while it holds the lock fails anyway; others see what there is.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
