//! All that the cluster knows, behind one lock: each request is carried out whole.

use std::collections::BTreeMap;

use super::Forgotten;
use super::audit::Call;
use super::deployments::Rollouts;
use super::fault::Plan;
use super::jobs::Tracked;
use super::kind::Kind;
use super::log::Logs;
use super::rights::Rights;
use super::run::Kubelet;
use super::store::Store;
use crate::clock::StepClock;

/// All that the cluster knows.
pub(super) struct State {
    pub(super) store: Store,
    pub(super) watches: Watches,
    pub(super) calls: Vec<Call>,
    pub(super) plans: Vec<Plan>,
    pub(super) rights: Rights,
    pub(super) logs: Logs,
    pub(super) kubelet: Kubelet,
    /// What the controller of Jobs knows, by uid.
    pub(super) jobs: BTreeMap<String, Tracked>,
    pub(super) rollouts: Rollouts,
    /// The revision up to which garbage was collected.
    pub(super) collected: u64,
    /// What a refused eviction is told to wait, in seconds; the real server says nothing where it is 0.
    pub(super) eviction_retry: u64,
}

impl State {
    pub(super) fn new(clock: StepClock) -> Self {
        Self {
            store: Store::new(clock),
            watches: Watches::default(),
            calls: Vec::new(),
            plans: Vec::new(),
            rights: Rights::default(),
            logs: Logs::default(),
            kubelet: Kubelet::default(),
            jobs: BTreeMap::new(),
            rollouts: Rollouts::default(),
            collected: 0,
            eviction_retry: 10,
        }
    }
}

/// What tests do to watches.
#[derive(Default)]
pub(super) struct Watches {
    cuts: BTreeMap<&'static Kind, u64>,
    held: BTreeMap<&'static Kind, u64>,
    marks: u64,
    pub(super) forgotten: Forgotten,
}

impl Watches {
    pub(super) fn cuts(&self, kind: &'static Kind) -> u64 {
        self.cuts.get(kind).copied().unwrap_or(0)
    }

    pub(super) fn cut(&mut self, kind: &'static Kind) {
        *self.cuts.entry(kind).or_default() += 1;
    }

    /// The last revision of a kind that watches may tell of, while it is held back.
    pub(super) fn held(&self, kind: &'static Kind) -> Option<u64> {
        self.held.get(kind).copied()
    }

    pub(super) fn hold(&mut self, kind: &'static Kind, revision: u64) {
        self.held.entry(kind).or_insert(revision);
    }

    pub(super) fn release(&mut self, kind: &'static Kind) {
        self.held.remove(kind);
    }

    pub(super) fn marks(&self) -> u64 {
        self.marks
    }

    pub(super) fn mark(&mut self) {
        self.marks += 1;
    }
}
