//! The figures of the Kubernetes executor in BENCHMARKS.md that need many objects: the real program, as its own process, against the
//! fake API server in this one. Prints, asserts nothing. Run it with `scripts/bench.sh executor`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a measurement that cannot be taken ends with a panic, and its result is printed"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use enact_engine::clock::{Clock as _, SystemClock};
use enact_kube::api::KubernetesExecution;
use enact_kube::catalog::Catalog;
use enact_kube::job::{NAME_ANNOTATION, Performing, REQUEST_VARIABLE, perform};
use enact_testkit::cluster::{Cluster, Ended, Listening, Started, Stuck};
use futures_util::StreamExt as _;
use k8s_openapi::api::batch::v1::Job;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;

const ENACT: &str = env!("CARGO_BIN_EXE_enact");
const SYSTEM: &str = "kubernetes-executor-system";

fn main() {
    enact_engine::http::install_tls();
    let only: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|word| word == name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        if wanted("idle") {
            idle().await;
        }
        if wanted("intake") {
            intake().await;
        }
        if wanted("many") {
            many().await;
        }
        if wanted("failover") {
            fail_over().await;
        }
    });
}

/// A cluster that other processes reach, whose time is the real one.
struct Place {
    cluster: Cluster,
    folder: TempDir,
    listening: Listening,
    living: tokio::task::JoinHandle<()>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.living.abort();
    }
}

impl Place {
    async fn new() -> Self {
        let cluster = Cluster::new();
        let ahead = SystemClock.now().as_millisecond() - cluster_now(&cluster);
        cluster.clock().jump(ahead);
        for action in Catalog::built_in().list() {
            cluster.put(&json!({ "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": { "namespace": SYSTEM, "name": action.about().account() } }));
        }
        cluster.pods_run(work);
        let folder = tempfile::tempdir().unwrap();
        write_policies(&folder.path().join("policies"));
        let listening = cluster.listen().await;
        let ticking = cluster.clone();
        let living = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                let behind = SystemClock.now().as_millisecond() - cluster_now(&ticking);
                ticking.tick(Duration::from_millis(behind.max(0) as u64));
            }
        });
        Self {
            cluster,
            folder,
            listening,
            living,
        }
    }

    /// The controller, once it is ready.
    async fn controller(&self, name: &str, elect: bool) -> Controller {
        let (health, metrics) = (free_port(), free_port());
        let kubeconfig = self.folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, self.listening.kubeconfig("kubernetes-executor")).unwrap();
        let child = Command::new(ENACT)
            .arg("controller")
            .arg(format!("--leader-elect={elect}"))
            .args(["--identity", name, "--kubeconfig"])
            .arg(&kubeconfig)
            .args(["--health-probe-bind-address", &format!("127.0.0.1:{health}")])
            .args(["--metrics-bind-address", &format!("127.0.0.1:{metrics}")])
            .arg("--policy-dir")
            .arg(self.folder.path().join("policies"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let controller = Controller(child);
        let ready = format!("http://127.0.0.1:{health}/readyz");
        for _ in 0..600 {
            let answer = reqwest::get(&ready).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return controller;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the controller does not get ready");
    }

    fn nodes(&self, count: usize) {
        for n in 0..count {
            self.cluster.put(&json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": format!("n{n}") }, "spec": {} }));
        }
    }

    fn ask(&self, name: &str, node: usize) {
        self.cluster.put(&json!({
            "apiVersion": "kubernetesexecution.kubernaut.io/v1alpha1", "kind": "KubernetesExecution",
            "metadata": { "namespace": "shop", "name": name },
            "spec": { "action": "CordonNode", "targetResource": { "kind": "Node", "name": format!("n{node}") } },
        }));
    }
}

fn cluster_now(cluster: &Cluster) -> i64 {
    cluster.clock().now().as_millisecond()
}

/// What the program does inside of a Job; it takes a little.
async fn work(started: Started) -> Ended {
    let request = started.variable(REQUEST_VARIABLE).unwrap_or_default();
    let performing = Performing {
        client: started.client.clone(),
        catalog: Catalog::built_in(),
        clock: Arc::new(SystemClock),
        stop: started.stop.clone(),
        tell: Box::new(move |stage| started.say(&serde_json::to_string(stage).unwrap())),
    };
    let performed = perform(&request, performing).await;
    Ended::with(performed.status as i32, &performed.message)
}

/// The policies that the manifests bring.
fn write_policies(folder: &Path) {
    let manifests = Command::new(ENACT)
        .args(["schema", "manifests"])
        .output()
        .unwrap();
    let text = String::from_utf8(manifests.stdout).unwrap();
    std::fs::create_dir_all(folder).unwrap();
    for document in text.split("\n---\n") {
        let object: Value = serde_saphyr::from_str(document).unwrap();
        if object["metadata"]["name"] == "kubernetes-executor-policies" {
            for (name, source) in object["data"].as_object().unwrap() {
                std::fs::write(folder.join(name), source.as_str().unwrap()).unwrap();
            }
        }
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A controller's process, until this goes.
struct Controller(Child);

impl Drop for Controller {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// Memory in MiB: all, and what is not pages of files.
struct Memory(f64, f64);

impl Controller {
    fn memory(&self) -> Memory {
        memory(self.0.id())
    }

    /// Memory of the policy processes.
    fn workers(&self) -> Vec<Memory> {
        let id = self.0.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let mut ids: Vec<u32> = children
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        // Started by other threads of it.
        for task in std::fs::read_dir(format!("/proc/{id}/task")).unwrap() {
            let path = task.unwrap().path().join("children");
            let text = std::fs::read_to_string(path).unwrap_or_default();
            ids.extend(
                text.split_whitespace()
                    .filter_map(|word| word.parse::<u32>().ok()),
            );
        }
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().map(memory).collect()
    }

    /// Processor time so far, of it and the policy processes that are over.
    fn processor(&self) -> Duration {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let after = text.rsplit(')').next().unwrap();
        let fields: Vec<&str> = after.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }

    fn print_memory(&self, when: &str) {
        let Memory(all, own) = self.memory();
        println!("controller {when}: {all:.1} MiB ({own:.1} MiB its own)");
        for Memory(all, own) in self.workers() {
            println!("  a policy process beside it: {all:.1} MiB ({own:.1} MiB its own)");
        }
    }
}

fn memory(id: u32) -> Memory {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kib: f64 = line.map_or(0.0, |line| {
            line.trim().trim_end_matches(" kB").parse().unwrap_or(0.0)
        });
        kib / 1024.0
    };
    Memory(of("VmRSS:"), of("RssAnon:"))
}

async fn idle() {
    let place = Place::new().await;
    let controller = place.controller("idle", true).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    controller.print_memory("idle (limit 25 MiB)");
    let before = controller.processor();
    tokio::time::sleep(Duration::from_secs(30)).await;
    let used = controller.processor() - before;
    println!("controller idle: {:.2} % of a core", used.as_secs_f64() / 0.3);
}

/// When each execution was asked for, first spoken of, given its Job, and over.
struct Times {
    /// How their names begin.
    of: &'static str,
    by_name: Mutex<BTreeMap<String, [Option<Instant>; 4]>>,
}

const ASKED: usize = 0;
const PICKED_UP: usize = 1;
const JOB: usize = 2;
const OVER: usize = 3;

impl Times {
    fn of(of: &'static str) -> Arc<Self> {
        let by_name = Mutex::default();
        Arc::new(Self { of, by_name })
    }

    fn note(&self, name: &str, what: usize) {
        if !name.starts_with(self.of) {
            return;
        }
        let mut times = self.by_name.lock().unwrap();
        let entry = times.entry(name.to_owned()).or_default();
        if entry[what].is_none() {
            entry[what] = Some(Instant::now());
        }
    }

    fn count(&self, what: usize) -> usize {
        self.by_name
            .lock()
            .unwrap()
            .values()
            .filter(|entry| entry[what].is_some())
            .count()
    }

    fn print(&self, from: usize, to: usize, text: &str) {
        let times = self.by_name.lock().unwrap();
        let mut spans: Vec<Duration> = times
            .values()
            .filter_map(|entry| Some(entry[to]?.saturating_duration_since(entry[from]?)))
            .collect();
        spans.sort();
        if spans.is_empty() {
            println!("{text}: nothing to measure");
            return;
        }
        let at = |part: f64| spans[((spans.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
        println!(
            "{text}: median {:.0} ms, p99 {:.0} ms, of {}",
            at(0.5),
            at(0.99),
            spans.len()
        );
    }
}

/// Watches what becomes of executions, as anybody else would see it.
fn watch(cluster: &Cluster, times: &Arc<Times>) -> [tokio::task::JoinHandle<()>; 2] {
    let client = cluster.client("watcher");
    let (executions, jobs) = (times.clone(), times.clone());
    let of_executions = watcher(
        Api::<KubernetesExecution>::all(client.clone()),
        watcher::Config::default(),
    );
    let of_jobs = watcher(Api::<Job>::namespaced(client, SYSTEM), watcher::Config::default());
    [
        tokio::spawn(of_executions.applied_objects().for_each(move |object| {
            if let Ok(object) = object
                && let Some(phase) = object.status.as_ref().and_then(|status| status.phase)
            {
                executions.note(&object.name_any(), PICKED_UP);
                if phase.is_final() {
                    executions.note(&object.name_any(), OVER);
                }
            }
            std::future::ready(())
        })),
        tokio::spawn(of_jobs.applied_objects().for_each(move |job| {
            if let Ok(job) = job
                && let Some(name) = job.annotations().get(NAME_ANNOTATION)
            {
                jobs.note(name, JOB);
            }
            std::future::ready(())
        })),
    ]
}

/// A burst of executions, and then fifty a second for twenty seconds.
async fn intake() {
    const BURST: usize = 1_000;
    let place = Place::new().await;
    place.nodes(BURST);
    let controller = place.controller("intake", false).await;
    let times = Times::of("burst-");
    let watching = watch(&place.cluster, &times);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (started, before) = (Instant::now(), controller.processor());
    for n in 0..BURST {
        let name = format!("burst-{n}");
        times.note(&name, ASKED);
        place.ask(&name, n);
    }
    while times.count(JOB) < BURST && started.elapsed() < Duration::from_secs(120) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (took, used) = (started.elapsed().as_secs_f64(), controller.processor() - before);
    println!(
        "{} executions at once: all have their Jobs after {took:.1} s, {:.0} a second (least 50), {:.1} ms of processor each",
        times.count(JOB),
        times.count(JOB) as f64 / took,
        used.as_secs_f64() * 1e3 / BURST as f64,
    );
    while times.count(OVER) < BURST && started.elapsed() < Duration::from_secs(240) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("  all over after {:.1} s", started.elapsed().as_secs_f64());
    for task in watching {
        task.abort();
    }
    drop((controller, place));
    steady().await;
}

async fn steady() {
    const COUNT: usize = 1_000;
    let place = Place::new().await;
    place.nodes(COUNT);
    let controller = place.controller("steady", false).await;
    let times = Times::of("steady-");
    let _watching = watch(&place.cluster, &times);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = controller.processor();
    let started = Instant::now();
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    for n in 0..COUNT {
        beat.tick().await;
        let name = format!("steady-{n}");
        times.note(&name, ASKED);
        place.ask(&name, n);
    }
    while times.count(OVER) < COUNT && started.elapsed() < Duration::from_secs(120) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let used = (controller.processor() - before).as_secs_f64();
    let took = started.elapsed().as_secs_f64();
    println!(
        "fifty a second for 20 s: {} over after {took:.1} s, {:.0} % of a core",
        times.count(OVER),
        used / took * 100.0
    );
    times.print(ASKED, PICKED_UP, "  pickup (limit p99 250 ms)");
    times.print(PICKED_UP, JOB, "  from pickup to its Job");
    times.print(JOB, OVER, "  from its Job to its end");
}

/// Ten thousand that are over and five hundred that run.
async fn many() {
    const OVER_COUNT: usize = 10_000;
    const RUNNING: usize = 500;
    let place = Place::new().await;
    place.nodes(RUNNING + 1);
    let controller = place.controller("many", false).await;
    place.ask("model", RUNNING);
    let over = |cluster: &Cluster| {
        let model = cluster.get("kubernetesexecutions", "shop", "model").unwrap();
        model["status"]["phase"] == "Completed"
    };
    tokio::time::timeout(Duration::from_secs(60), place.cluster.until(over))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let model = place
        .cluster
        .get("kubernetesexecutions", "shop", "model")
        .unwrap();
    let finished = |n: usize| {
        json!({ "apiVersion": model["apiVersion"], "kind": model["kind"], "spec": model["spec"], "status": model["status"],
            "metadata": { "namespace": "shop", "name": format!("over-{n}") } })
    };
    for n in 0..OVER_COUNT {
        place.cluster.put(&finished(n));
    }
    place.cluster.pods_are_stuck(Some(Stuck::Silent));
    for n in 0..RUNNING {
        place.ask(&format!("running-{n}"), n);
    }
    for _ in 0..120 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let jobs = place.cluster.all("jobs").len();
        if jobs > RUNNING {
            break;
        }
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let size = model.to_string().len();
    controller.print_memory(&format!(
        "with {OVER_COUNT} that are over ({size} bytes each) and {RUNNING} that run (limit 60 MiB)"
    ));
    drop(controller);
    let began = Instant::now();
    let again = place.controller("again", false).await;
    println!(
        "started anew with these: ready after {:.1} s",
        began.elapsed().as_secs_f64()
    );
    tokio::time::sleep(Duration::from_secs(10)).await;
    again.print_memory("started anew with these");
}

/// The leader is killed; the other takes over.
async fn fail_over() {
    let mut gaps = Vec::new();
    for round in 0..3 {
        let place = Place::new().await;
        place.nodes(400);
        let leader = place.controller("first", true).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let other = place.controller("second", true).await;
        let times = Times::of("e-");
        let _watching = watch(&place.cluster, &times);
        let asking = async {
            let mut beat = tokio::time::interval(Duration::from_millis(250));
            for n in 0..160 {
                beat.tick().await;
                let name = format!("e-{n}");
                times.note(&name, ASKED);
                place.ask(&name, n);
            }
        };
        let killing = async {
            tokio::time::sleep(Duration::from_millis(5_000 + 700 * round)).await;
            drop(leader);
            let (killed, before) = (Instant::now(), times.count(JOB));
            while times.count(JOB) <= before && killed.elapsed() < Duration::from_secs(60) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            killed.elapsed()
        };
        let (gap, ()) = tokio::join!(killing, asking);
        while times.count(OVER) < 160 && times.count(ASKED) == 160 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let jobs = place.cluster.all("jobs").len();
        println!(
            "  the leader killed: the other works after {:.1} s; {} over, {jobs} Jobs",
            gap.as_secs_f64(),
            times.count(OVER)
        );
        gaps.push(gap.as_secs_f64());
        drop(other);
    }
    println!("fail-over: {gaps:.1?} s (limit 20 s)");
}
