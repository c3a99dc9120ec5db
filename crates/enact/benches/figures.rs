//! The figures of BENCHMARKS.md: prints ratios and counts, asserts nothing. Run it with `scripts/bench.sh`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a measurement that cannot be taken ends with a panic, and its result is printed"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use enact_core::plan::{Mode, Target};
use enact_core::principal::{Principal, PrincipalKind};
use enact_konnect::load::{Environment, LoadOptions, Source, load};
use enact_konnect::observed::{Observed, ObservedObject};
use enact_konnect::plan::{PlanOptions, plan};
use enact_konnect::resources::{KINDS, portal, portal_page};
use serde_json::{Value, json};

const ENACT: &str = env!("CARGO_BIN_EXE_enact");

struct NoEnvironment;

impl Environment for NoEnvironment {
    fn get(&self, _name: &str) -> Option<String> {
        None
    }
}

fn main() {
    let only: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|word| word == name);
    if wanted("planning") {
        planning();
    }
    if wanted("startup") {
        startup();
    }
    if wanted("apply") {
        // The default, and five times as much.
        apply(10);
        apply(50);
    }
    if wanted("noop") {
        noop();
    }
}

/// Configuration of so many portals with so many pages each.
fn configuration(portals: usize, pages: usize) -> String {
    let mut text = "portals:\n".to_owned();
    for n in 0..portals {
        text.push_str(&format!(
            "  - ref: portal-{n:05}\n    name: portal-{n:05}\n    display_name: \"Portal {n}\"\n    description: \"Number {n}\"\n    labels: {{ team: docs }}\n    pages:\n"
        ));
        for p in 0..pages {
            text.push_str(&format!(
                "      - {{ ref: page-{n:05}-{p}, slug: page-{p}, title: \"Page {p}\", content: \"# Page {p} of portal {n}, with a line or two of text as pages have\" }}\n"
            ));
        }
    }
    text
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Planning without HTTP: 10,000 portals with a page each, nothing to do; against sorting and hashing the same values
/// once, which any planner must at least do.
fn planning() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portals.yaml");
    std::fs::write(&file, configuration(10_000, 1)).unwrap();
    let started = Instant::now();
    let desired = load(&[Source::Path(file)], &LoadOptions::default(), &NoEnvironment).unwrap();
    let loading = started.elapsed();
    let observed = observed_as(&desired);
    let options = PlanOptions {
        policy_digest: None,
        mode: Mode::Sync,
        generated_at: jiff::Timestamp::UNIX_EPOCH,
        author: Principal {
            id: "os:bench".to_owned(),
            kind: PrincipalKind::Person,
        },
        target: Target {
            kind: "konnect".to_owned(),
            base_url: None,
            context: None,
            organization: None,
            region: None,
        },
    };
    let mut times = Vec::new();
    for _ in 0..9 {
        let started = Instant::now();
        let made = plan(&desired, &observed, KINDS, &options).unwrap();
        times.push(started.elapsed());
        assert!(made.changes().is_empty());
    }
    println!(
        "planning, no-op, 10,000 portals and 10,000 pages: {:.1} ms (median of 9; limit 150 ms); reading the YAML of {} resources: {:.0} ms",
        median(times).as_secs_f64() * 1e3,
        desired.resources.len(),
        loading.as_secs_f64() * 1e3
    );
}

/// A world that is exactly as desired, contents known by digest.
fn observed_as(desired: &enact_konnect::desired::Desired) -> Observed {
    let mut observed = Observed::default();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for (number, resource) in desired.resources.iter().enumerate() {
        let mut object = json!({"id": format!("id-{number:06}"), "updated_at": "2026-01-01T00:00:00.000Z",
            "created_at": "2026-01-01T00:00:00.000Z", "labels": {}});
        for (name, value) in &resource.fields {
            if let enact_konnect::desired::FieldValue::Known(value) = value {
                object[*name] = value.clone();
            }
        }
        ids.insert(resource.reference.clone(), format!("id-{number:06}"));
        match &resource.parent {
            None => {
                object["labels"]["KONGCTL-namespace"] = json!("default");
                let read = ObservedObject::read(&portal::KIND, &object).unwrap();
                observed.roots.entry("portal").or_default().push(read);
            }
            Some(parent) => {
                let mut read = ObservedObject::read(&portal_page::KIND, &object).unwrap();
                read.fields.remove("content");
                observed
                    .children
                    .entry(("portal_page", ids[parent].clone()))
                    .or_default()
                    .push(read);
            }
        }
    }
    observed
}

/// Whole processes: `enact --version`, and a plan without changes, against `/bin/true` in turn.
fn startup() {
    let place = Place::new(0);
    place.write(&configuration(1, 1));
    place.enact(&["apply", "-f", "portals.yaml", "--auto-approve"]);
    place.enact(&["plan", "-f", "portals.yaml"]);
    let (mut floor, mut version, mut plan) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..21 {
        floor.push(timed(|| run(&mut Command::new("/bin/true"))));
        version.push(timed(|| {
            run(Command::new(ENACT).arg("--version").stdout(Stdio::null()))
        }));
        plan.push(timed(|| place.enact(&["plan", "-f", "portals.yaml"])));
    }
    let (floor, version, plan) = (median(floor), median(version), median(plan));
    println!(
        "startup: enact --version {:.1} ms (limit 10 ms), {:.1} × /bin/true; a warm plan without changes (2 requests) {:.1} ms (limit 50 ms and the requests)",
        version.as_secs_f64() * 1e3,
        version.as_secs_f64() / floor.as_secs_f64(),
        plan.as_secs_f64() * 1e3
    );
}

/// 1,000 new portals with 5 pages each, 20 ms latency, against the time that the counted requests alone must take.
fn apply(concurrency: u32) {
    let latency = 20_u64;
    let place = Place::new(latency);
    place.write(&configuration(1_000, 5));
    let before = place.requests();
    let started = Instant::now();
    let limit = concurrency.to_string();
    let text = place.enact(&[
        "apply",
        "-f",
        "portals.yaml",
        "--auto-approve",
        "--max-concurrency",
        &limit,
        "--log-level",
        "info",
    ]);
    let wall = started.elapsed();
    let requests = place.requests() - before;
    let ideal = Duration::from_millis(requests * latency) / concurrency;
    let commits: u64 = text
        .split("commits=")
        .nth(1)
        .and_then(|rest| rest.split(|character: char| !character.is_ascii_digit()).next())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0);
    println!(
        "apply, 1,000 portals × 5 pages, {latency} ms latency, concurrency {concurrency}: {:.1} s for {requests} requests; {:.2} × requests × latency ÷ concurrency (limit 1.25); {commits} syncs, {:.2} per change",
        wall.as_secs_f64(),
        wall.as_secs_f64() / ideal.as_secs_f64(),
        commits as f64 / 6000.0
    );
    assert!(text.contains("Verified: 6000 of 6000"), "{text}");
}

/// 10,000 portals with a page each, nothing to do, cold and warm: requests, time, peak memory.
fn noop() {
    let place = Place::new(0);
    place.write(&configuration(10_000, 1));
    place.enact(&[
        "apply",
        "-f",
        "portals.yaml",
        "--auto-approve",
        "--max-concurrency",
        "50",
    ]);
    for name in ["cold", "warm"] {
        let before = place.requests();
        let started = Instant::now();
        let mut child = place
            .command(&[
                "plan",
                "-f",
                "portals.yaml",
                "--detailed-exitcode",
                "--max-concurrency",
                "50",
            ])
            .spawn()
            .unwrap();
        let (peak, processor) = watch(&mut child);
        println!(
            "no-op plan of 10,000 portals and pages, {name}: {} requests, {:.1} s, peak memory {} MiB (limit 200 MiB), CPU {:.1} s with HTTP",
            place.requests() - before,
            started.elapsed().as_secs_f64(),
            peak / 1024,
            processor
        );
    }
}

/// Peak resident memory in KiB and processor seconds of a child, read while it runs.
fn watch(child: &mut Child) -> (u64, f64) {
    let (mut peak, mut ticks) = (0, 0.0);
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        if let (Some(user), Some(system)) = (fields.get(11), fields.get(12)) {
            let now = user.parse::<f64>().unwrap_or(0.0) + system.parse::<f64>().unwrap_or(0.0);
            ticks = f64::max(ticks, now);
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return (peak, ticks / 100.0);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn timed(work: impl FnOnce() -> String) -> Duration {
    let started = Instant::now();
    let _text = work();
    started.elapsed()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A directory with a local Konnect in another process.
struct Place {
    folder: tempfile::TempDir,
    server: Child,
    url: String,
}

impl Place {
    fn new(latency_ms: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Command::new(ENACT)
            .args([
                "konnect",
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--latency-ms",
                &latency_ms.to_string(),
                "--data",
            ])
            .arg(folder.path().join("konnect.db"))
            .env("ENACT_STATE_DIR", folder.path().join("server"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = server.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
            .unwrap()
            .to_owned();
        Self { folder, server, url }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, text: &str) {
        std::fs::write(self.path().join("portals.yaml"), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(ENACT);
        command
            .args(arguments)
            .current_dir(self.path())
            .env("ENACT_STATE_DIR", self.path().join("state"))
            .env("ENACT_KONNECT", &self.url)
            .env("ENACT_KONNECT_TOKEN", "bench")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    fn enact(&self, arguments: &[&str]) -> String {
        run(self.command(arguments).stdout(Stdio::piped()))
    }

    /// How many requests the server has had, without this one.
    fn requests(&self) -> u64 {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let client = reqwest::Client::builder()
                .no_proxy()
                .tls_certs_only(std::iter::empty())
                .build()
                .unwrap();
            let body = client
                .get(format!("{}/_enact/requests", self.url))
                .send()
                .await
                .unwrap()
                .bytes()
                .await
                .unwrap();
            let log: Value = serde_json::from_slice(&body).unwrap();
            log["total"].as_u64().unwrap()
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}
