//! The controllers of the cluster, all together: run by the test, until nothing is left to do.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Cluster;
use super::deployments::{Pass, Speed};
use super::run::{Ended, Started, Stuck};

/// How often all controllers go over everything before they are taken to be at odds with each other.
const MOST_PASSES: u32 = 1_000;

/// A cluster that lives by itself, for as long as this is kept.
pub struct Living(JoinHandle<()>);

impl Drop for Living {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Cluster {
    /// Lets the controllers do what there is to do now: Jobs, pods, Deployments, garbage. No time passes. Must be
    /// called within tokio, because pods that do not end at once go on beside the test.
    ///
    /// # Panics
    /// When the controllers never come to an end.
    pub fn settle(&self) {
        for _ in 0..MOST_PASSES {
            let before = self.state().store.revision();
            {
                let mut state = self.state();
                state.run_jobs();
                state.run_deployments(Pass::Look);
                state.collect_garbage();
            }
            self.run_pods();
            if self.state().store.revision() == before {
                return;
            }
        }
        panic!("the controllers of the cluster do not come to an end");
    }

    /// Lets time pass, and the controllers work.
    pub fn tick(&self, time: Duration) {
        self.pass(time);
        self.state().run_deployments(Pass::Tick);
        self.settle();
    }

    /// Lets the cluster live: it ticks with every second of tokio's time, which a test pauses, and settles whenever
    /// something changes.
    pub fn live(&self) -> Living {
        let cluster = self.clone();
        Living(tokio::spawn(async move {
            let second = Duration::from_secs(1);
            let mut seconds = tokio::time::interval_at(tokio::time::Instant::now() + second, second);
            let mut heard = cluster.state().store.listen();
            loop {
                heard.borrow_and_update();
                cluster.settle();
                tokio::select! {
                    // In order, so that every run of a test is the same.
                    biased;
                    _ = seconds.tick() => cluster.tick(second),
                    changed = heard.changed() => if changed.is_err() { return },
                }
            }
        }))
    }

    /// Waits until something is so. The cluster must live, or the test must move it.
    pub async fn until(&self, mut so: impl FnMut(&Self) -> bool) {
        let mut heard = self.state().store.listen();
        loop {
            heard.borrow_and_update();
            if so(self) || heard.changed().await.is_err() {
                return;
            }
        }
    }

    /// What the pods of Jobs do from now on. Without a word they succeed at once.
    pub fn pods_run<F>(&self, run: impl Fn(Started) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Ended> + Send + 'static,
    {
        self.state().kubelet.run = Arc::new(move |started| Box::pin(run(started)));
    }

    /// Pods of Jobs do not start from now on, and why; with `None` they do.
    pub fn pods_are_stuck(&self, stuck: Option<Stuck>) {
        self.state().kubelet.stuck = stuck;
    }

    /// How long a pod that the test made takes to end once it is deleted, never longer than its grace: 2 seconds
    /// where nothing is said.
    pub fn pods_end_after(&self, seconds: i64) {
        self.state().kubelet.end_seconds = seconds;
    }

    /// How fast a Deployment is rolled out.
    pub fn rolls_out(&self, namespace: &str, name: &str, speed: Speed) {
        let mut state = self.state();
        state.rollouts.set_speed(&format!("{namespace}/{name}"), speed);
    }
}
