//! One replica: it watches, and while it holds the Lease it acts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use k8s_openapi::api::batch::v1::Job;
use kube::api::{ListParams, ResourceExt as _};
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::utils::Backoff;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Resource as _};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use super::census::census;
use super::guard::Guard;
use super::leader::{BEAT, RENEW};
use super::{Context, Leader, Trouble, health, kept, looking, reconcile, shelf};
use crate::api::KubernetesExecution;
use crate::job::{NAME_ANNOTATION, NAMESPACE_ANNOTATION, UID_ANNOTATION, selector};
use crate::machine::Halt;

/// How a replica is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where health is served.
    pub health: SocketAddr,
    /// Where metrics are served.
    pub metrics: SocketAddr,
    /// Is the API server asked who may read the metrics?
    pub metrics_auth: bool,
    /// Is there more than one replica?
    pub elect: bool,
    /// How many executions are looked at at once.
    pub concurrency: u16,
}

/// How long writes may take to end when it stops.
const GRACE: Duration = Duration::from_secs(10);

/// The longest pause after something went wrong.
const MOST_BACKOFF: Duration = Duration::from_secs(60);

/// How often it is asked whether everything is stopped. What runs is to be stopped within five seconds.
const SWITCH: Duration = Duration::from_secs(2);

/// How often Jobs are looked at whose execution is gone.
const SWEEP: Duration = Duration::from_secs(3600);

/// Runs a replica until it is told to stop.
///
/// # Errors
/// When an address cannot be had, or a Lease that was held is lost.
pub async fn serve(
    context: Arc<Context>,
    registry: Registry,
    options: Options,
    stop: CancellationToken,
) -> Result<(), String> {
    let synced = Arc::new(AtomicBool::new(false));
    let ready = readiness(&context, &synced);
    let told = |what: &'static str| move |error: std::io::Error| format!("{what} cannot be served: {error}");
    let serving = async {
        let health = health::health(options.health, ready, stop.clone());
        let served = health::Served {
            registry: Arc::new(registry),
            guard: options
                .metrics_auth
                .then(|| Arc::new(Guard::new(context.client.clone()))),
        };
        let metrics = health::metrics(options.metrics, served, stop.clone());
        let served = tokio::try_join!(async { health.await.map_err(told("health")) }, async {
            metrics.await.map_err(told("metrics"))
        },);
        match served {
            // Told to stop. The replica is over when its work is: its lease is let go of after that.
            Ok(_) => std::future::pending().await,
            Err(why) => why,
        }
    };
    let acting = lead(&context, &options, &synced, &stop);
    let ended = tokio::select! {
        why = serving => Err(why),
        () = shelf::keep(&context) => Ok(()),
        ended = acting => ended,
    };
    stop.cancel();
    ended
}

/// Ready: the executions are known, and there are policies to ask. A replica that only stands by is ready too.
fn readiness(context: &Arc<Context>, synced: &Arc<AtomicBool>) -> health::Ready {
    let (context, synced) = (context.clone(), synced.clone());
    Arc::new(move || {
        if !synced.load(Ordering::SeqCst) {
            return Err("the executions are not known yet".to_owned());
        }
        if context.policies.now().loaded().versions.is_empty() {
            return Err("there are no policies that could be asked; everything is denied".to_owned());
        }
        Ok(())
    })
}

/// Acts while it holds the Lease. A Lease that is lost ends the process: what it may still be doing is guarded by versions and names.
async fn lead(
    context: &Arc<Context>,
    options: &Options,
    synced: &Arc<AtomicBool>,
    stop: &CancellationToken,
) -> Result<(), String> {
    // One that only looks must not keep those that act from the Lease.
    if !options.elect || context.settings.observe_only {
        context.metrics.lead(!context.settings.observe_only);
        act(context, options, synced, stop).await;
        return Ok(());
    }
    let mut leader = Leader::new(
        context.client.clone(),
        &context.settings.namespace,
        &context.identity,
    );
    if !stand_by(context, &mut leader, synced, stop).await {
        return Ok(());
    }
    context.metrics.lead(true);
    tracing::info!(identity = context.identity, "leads");
    let acting = stop.child_token();
    let lost = tokio::select! {
        () = act(context, options, synced, &acting) => false,
        lost = renew(context, &mut leader, stop) => lost,
    };
    acting.cancel();
    context.metrics.lead(false);
    if lost {
        return Err("the lease was lost; another replica leads".to_owned());
    }
    if let Err(trouble) = leader.release().await {
        tracing::warn!(%trouble, "the lease was not released; it runs out by itself");
    }
    Ok(())
}

/// Waits for the Lease. `false` when it is to stop before it has it.
async fn stand_by(
    context: &Arc<Context>,
    leader: &mut Leader,
    synced: &Arc<AtomicBool>,
    stop: &CancellationToken,
) -> bool {
    loop {
        match leader.hold(context.clock.now()).await {
            Ok(true) => return true,
            // Whoever can read the Lease can read executions: it could take over at once.
            Ok(false) => synced.store(true, Ordering::SeqCst),
            Err(trouble) => tracing::warn!(%trouble, "the lease cannot be read"),
        }
        tokio::select! {
            () = tokio::time::sleep(BEAT) => {}
            () = stop.cancelled() => return false,
        }
    }
}

/// Renews the Lease until it is to stop (`false`) or it is lost (`true`).
async fn renew(context: &Arc<Context>, leader: &mut Leader, stop: &CancellationToken) -> bool {
    let mut renewed = tokio::time::Instant::now();
    loop {
        tokio::select! {
            () = tokio::time::sleep(BEAT) => {}
            () = stop.cancelled() => return false,
        }
        let held = tokio::time::timeout(BEAT, leader.hold(context.clock.now())).await;
        match held {
            Ok(Ok(true)) => renewed = tokio::time::Instant::now(),
            Ok(Ok(false)) => return true,
            Ok(Err(_)) | Err(_) if renewed.elapsed() >= RENEW => return true,
            Ok(Err(trouble)) => tracing::warn!(%trouble, "the lease was not renewed"),
            Err(_) => tracing::warn!("the lease was not renewed: the API server takes too long"),
        }
    }
}

/// Watches executions and their Jobs, and looks at each that changes. Ends when told to, after what is under way.
async fn act(context: &Arc<Context>, options: &Options, synced: &Arc<AtomicBool>, stop: &CancellationToken) {
    let executions: Api<KubernetesExecution> = Api::all(context.client.clone());
    let jobs: Api<Job> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let (store, writer) = reflector::store();
    let seen = watcher(executions, watcher::Config::default())
        .modify(kept::trim)
        .reflect(writer)
        .touched_objects();
    let controller = Controller::for_stream(seen, store.clone());
    let known = known(store.clone(), synced.clone());
    let shared = Arc::new(Shared {
        context: context.clone(),
        store,
        failures: std::sync::Mutex::default(),
    });
    let sweeping = sweep(context, &shared.store, stop);
    let running = controller
        .with_config(Config::default().concurrency(options.concurrency))
        .trigger_backoff(Again)
        .watches(jobs, watcher::Config::default().labels(selector()), |job| {
            of_job(&job)
        })
        .reconcile_all_on(switched(context))
        .graceful_shutdown_on(stop.clone().cancelled_owned())
        .run(pass, after, shared.clone())
        .for_each(|_| async {});
    tokio::select! {
        () = running => {}
        () = known => {}
        () = sweeping => {}
        () = census(context, &shared.store) => {}
        () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => {
            tracing::warn!("what was under way did not end in time");
        }
    }
}

/// Tells when the switch that stops everything was changed. It is asked for again and again: a watch that broke unseen would let run
/// what must not. One that cannot be read changes nothing; each pass asks for itself, and does nothing without an answer.
fn switched(context: &Arc<Context>) -> impl Stream<Item = ()> + Send + use<> {
    let context = context.clone();
    futures_util::stream::unfold(Halt::default(), move |known| {
        let context = context.clone();
        async move {
            loop {
                tokio::time::sleep(SWITCH).await;
                let Ok(Ok(now)) = tokio::time::timeout(SWITCH, looking::halt(&context)).await else {
                    continue;
                };
                if known != now {
                    return Some(((), now));
                }
            }
        }
    })
}

/// How long to wait after a watch broke: always the same short time. By default the pause is doubled with each failure of any of the
/// watches, and all of them wait for it: an outage of ten seconds left the executor deaf for a minute.
struct Again;

impl Iterator for Again {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }
}

impl Backoff for Again {
    fn reset(&mut self) {}
}

/// Says when the executions are known; never ends.
async fn known(store: Store<KubernetesExecution>, synced: Arc<AtomicBool>) {
    if store.wait_until_ready().await.is_ok() {
        synced.store(true, Ordering::SeqCst);
    }
    std::future::pending::<()>().await;
}

/// What passes share.
struct Shared {
    context: Arc<Context>,
    store: Store<KubernetesExecution>,
    failures: std::sync::Mutex<std::collections::BTreeMap<String, u32>>,
}

async fn pass(object: Arc<KubernetesExecution>, shared: Arc<Shared>) -> Result<Action, Trouble> {
    if kept::is_done_with(&object) {
        shared.context.locks.release(&object.uid().unwrap_or_default());
        return Ok(Action::await_change());
    }
    // Which targets are taken is known only once all executions are.
    if shared.store.wait_until_ready().await.is_err() {
        return Ok(Action::await_change());
    }
    let store = shared.store.clone();
    let action = reconcile(&object, &move || store.state(), &shared.context).await?;
    shared.failures(|failures| failures.remove(&object.uid().unwrap_or_default()));
    Ok(action)
}

impl Shared {
    fn failures<T>(&self, change: impl FnOnce(&mut std::collections::BTreeMap<String, u32>) -> T) -> T {
        let mut failures = self
            .failures
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut failures)
    }
}

/// When to try again: at once after a conflict, later and later when the server is not there, and never before it wants.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that kube's controller asks for"
)]
fn after(object: Arc<KubernetesExecution>, trouble: &Trouble, shared: Arc<Shared>) -> Action {
    let count = shared.failures(|failures| {
        let count = failures.entry(object.uid().unwrap_or_default()).or_default();
        *count = count.saturating_add(1);
        *count
    });
    Action::requeue(match trouble {
        Trouble::Conflict => Duration::from_millis(50),
        Trouble::Passing { after, .. } => backoff(&object, count).max(after.unwrap_or_default()),
        Trouble::Refused { .. } | Trouble::Gone => {
            tracing::warn!(execution = object.name_any(), %trouble, "a pass failed");
            backoff(&object, count)
        }
    })
}

/// One second, doubled each time, up to a minute; spread by the object's own uid, so that not all come back at once.
fn backoff(object: &KubernetesExecution, count: u32) -> Duration {
    let doubled = Duration::from_secs(1) * 2_u32.saturating_pow(count.saturating_sub(1).min(6));
    let spread = object
        .uid()
        .unwrap_or_default()
        .bytes()
        .map(u64::from)
        .sum::<u64>()
        % 500;
    doubled.min(MOST_BACKOFF) + Duration::from_millis(spread)
}

/// The execution that a Job belongs to.
fn of_job(job: &Job) -> Option<ObjectRef<KubernetesExecution>> {
    let annotation = |name: &str| job.annotations().get(name).cloned();
    let name = annotation(NAME_ANNOTATION)?;
    Some(ObjectRef::new(&name).within(&annotation(NAMESPACE_ANNOTATION)?))
}

/// Deletes Jobs whose execution is gone, where the cluster does not do it: now and then, and only Jobs that have ended.
async fn sweep(context: &Arc<Context>, store: &Store<KubernetesExecution>, stop: &CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            () = stop.cancelled() => return std::future::pending().await,
        }
        if let Err(trouble) = sweep_once(context, store).await {
            tracing::warn!(%trouble, "left Jobs were not looked at");
        }
    }
}

/// One look at Jobs whose execution is gone.
pub(super) async fn sweep_once(
    context: &Arc<Context>,
    store: &Store<KubernetesExecution>,
) -> Result<usize, Trouble> {
    let jobs: Api<Job> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let found = jobs.list(&ListParams::default().labels(selector())).await?;
    let uids: std::collections::BTreeSet<String> =
        store.state().iter().filter_map(|object| object.uid()).collect();
    let gone = |job: &Job| {
        let owner = job.annotations().get(UID_ANNOTATION);
        owner.is_none_or(|uid| !uids.contains(uid))
    };
    let orphans: Vec<Job> = found.items.into_iter().filter(gone).collect();
    // Said before: what cannot be deleted is left.
    context.metrics.orphans(orphans.len());
    let mut deleted = 0;
    for job in &orphans {
        let ended = job
            .status
            .as_ref()
            .is_some_and(|status| status.active.unwrap_or(0) == 0);
        if ended && job.meta().deletion_timestamp.is_none() {
            jobs.delete(&job.name_any(), &kube::api::DeleteParams::background())
                .await?;
            deleted += 1;
        }
    }
    context.metrics.orphans(orphans.len() - deleted);
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_are_spread() {
        let mut object = KubernetesExecution::new("e", crate::api::KubernetesExecutionSpec::default());
        let pauses: Vec<u64> = (1..=10).map(|count| backoff(&object, count).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        object.metadata.uid = Some("another".to_owned());
        let spread = backoff(&object, 1) - Duration::from_secs(1);
        assert!(
            spread > Duration::ZERO && spread < Duration::from_millis(500),
            "{spread:?}"
        );
    }
}
