//! The figures of the policy gate in BENCHMARKS.md: prints ratios, asserts nothing. Run it with `scripts/bench.sh policy`.
//! The floor is the same policies in plain regorus, in the same run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a measurement that cannot be taken ends with a panic, and its result is printed"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use enact_core::change::{Action, Change, ChangeId, Effect};
use enact_core::plan::{Metadata, Mode, Plan, PlanDraft, Target};
use enact_core::principal::{Principal, PrincipalKind};
use enact_engine::policy::PolicyEngine as _;
use enact_engine::policy::asking::InProcess;
use enact_engine::policy::bundle::{Bundle, BundleFile};
use enact_engine::policy::default;
use enact_engine::policy::input::{
    ActionActor, ActionInput, ActionMetadata, ClusterFacts, Occasion, TargetFacts, TargetResource, plan_input,
};
use enact_engine::policy::process::{Isolated, WorkerProgram};
use enact_engine::policy::rego::RegoPolicy;
use enact_engine::policy::reload::{InForce, Reloader};
use serde_json::json;

const ENACT: &str = env!("CARGO_BIN_EXE_enact");

fn main() {
    let only: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|word| word == name);
    if wanted("one") {
        one_change();
    }
    if wanted("plan") {
        whole_plan();
    }
    if wanted("reload") {
        reload_under_load();
    }
    if wanted("workers") {
        workers();
    }
    if wanted("tests") {
        thousand_tests();
    }
}

fn me() -> Principal {
    Principal {
        id: "os:bench".to_owned(),
        kind: PrincipalKind::Person,
    }
}

fn occasion() -> Occasion {
    Occasion {
        now: "2026-01-02T15:04:05Z".parse().unwrap(),
        actor: me(),
    }
}

/// A sync of so many changes: creations, updates with a few fields, and some deletions below the cap.
fn plan(changes: usize) -> Plan {
    let change = |index: usize| {
        let action = match index % 20 {
            0..=9 => Action::Create,
            _ => Action::Update,
        };
        let action = if index % (changes / 40).max(2) == 1 && changes > 1 {
            Action::Delete
        } else {
            action
        };
        let name = format!("portal-{index:05}");
        let id = ChangeId(format!("{}:portal:{name}", action.verb()));
        let mut change = Change::new(id, action, "portal", &name, &name);
        change.namespace = Some(format!("team-{}", index % 7));
        change.effect = if action == Action::Delete {
            Effect::Destroy
        } else {
            Effect::Write
        };
        change.resource_id = (action != Action::Create).then(|| format!("{index:036}"));
        let fields = json!({"name": name, "display_name": "A portal", "description": "With a line of text as they have", "labels": {"team": "docs", "owner": "ana"}});
        change.current = (action != Action::Create).then(|| fields.clone());
        change.desired = (action != Action::Delete).then_some(fields);
        if action == Action::Update {
            let old_and_new = json!({"description": {"old": "one", "new": "two"}});
            change.changed_fields = serde_json::from_value(old_and_new).unwrap();
        }
        change
    };
    PlanDraft {
        metadata: Metadata {
            generated_at: jiff::Timestamp::UNIX_EPOCH,
            generator: "enact".to_owned(),
            version: "bench".to_owned(),
            mode: Mode::Sync,
            config_hash: "sha256:0".to_owned(),
            author: me(),
            target: Target {
                kind: "konnect".to_owned(),
                base_url: None,
                context: None,
                organization: None,
                region: None,
            },
            policy_digest: None,
            revision: None,
        },
        document: Some(json!({"kind": "konnect", "observed": {"portal": changes}})),
        changes: (0..changes).map(change).collect(),
        warnings: Vec::new(),
    }
    .freeze()
    .unwrap()
}

fn action() -> ActionInput {
    ActionInput {
        action: "ScaleDeployment".to_owned(),
        parameters: BTreeMap::from([("replicas".to_owned(), "3".to_owned())]),
        typed: BTreeMap::from([("replicas".to_owned(), json!(3))]),
        target_resource: TargetResource {
            kind: "Deployment".to_owned(),
            name: "web".to_owned(),
            namespace: Some("shop".to_owned()),
            labels: BTreeMap::new(),
        },
        claimed_labels: BTreeMap::new(),
        dry_run: false,
        metadata: ActionMetadata {
            execution_name: "x".to_owned(),
            execution_namespace: "shop".to_owned(),
        },
        cluster: ClusterFacts {
            target: TargetFacts {
                exists: true,
                replicas: Some(2),
                ..TargetFacts::default()
            },
            ..ClusterFacts::default()
        },
        actor: ActionActor::default(),
        now: "2026-01-02T15:04:05Z".to_owned(),
    }
}

fn isolated(bundle: &Bundle, most: usize) -> RegoPolicy {
    let program = WorkerProgram {
        program: ENACT.into(),
        arguments: vec!["policy-worker".into()],
    };
    let (asked, loaded) = Isolated::load(program, bundle, most).unwrap();
    RegoPolicy::new(loaded, Arc::new(asked))
}

/// Plain regorus with the same sources, prepared once.
fn floor(bundle: &Bundle) -> regorus::Engine {
    let mut engine = regorus::Engine::new();
    for file in bundle.policies() {
        engine.add_policy(file.path.clone(), file.text.clone()).unwrap();
    }
    let data = bundle.data().unwrap();
    engine
        .add_data(regorus::Value::from_json_str(&data.to_string()).unwrap())
        .unwrap();
    engine
}

fn ask_floor(engine: &mut regorus::Engine, input: &str, rules: &[&str]) {
    engine.set_input(regorus::Value::from_json_str(input).unwrap());
    for rule in rules {
        std::hint::black_box(engine.eval_rule((*rule).to_owned()).unwrap());
    }
}

/// Times of many calls: median and 99th percentile.
fn timed(rounds: usize, mut work: impl FnMut()) -> (Duration, Duration) {
    for _ in 0..rounds / 10 {
        work();
    }
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed()
        })
        .collect();
    times.sort();
    (times[rounds / 2], times[rounds * 99 / 100])
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Judging one change: a catalog action, and a plan of one change.
fn one_change() {
    let bundle = default::bundle();
    let (input, small) = (action(), plan(1));
    let document = serde_json::to_string(&input).unwrap();
    let mut plain = floor(&bundle);
    let rules = [
        "data.kubernetes_executor.safety.deny",
        "data.kubernetes_executor.safety.allow",
    ];
    let least = timed(5000, || ask_floor(&mut plain, &document, &rules));
    let (here, apart) = (RegoPolicy::built_in(), isolated(&bundle, 1));
    assert!(here.judge_action(&input).allow && apart.judge_action(&input).allow);
    println!(
        "one catalog action, plain regorus: median {:.0} µs, p99 {:.0} µs",
        micros(least.0),
        micros(least.1)
    );
    for (place, policy) in [("in this process", &here), ("in a policy process", &apart)] {
        let (median, p99) = timed(5000, || drop(std::hint::black_box(policy.judge_action(&input))));
        println!(
            "one catalog action, {place}: median {:.0} µs ({:.1} × plain), p99 {:.0} µs (limit 1000)",
            micros(median),
            median.as_secs_f64() / least.0.as_secs_f64(),
            micros(p99)
        );
        let (median, p99) = timed(2000, || {
            drop(std::hint::black_box(policy.judge(&small, &occasion())));
        });
        println!(
            "a plan of one change, {place}: median {:.0} µs, p99 {:.0} µs (limit 1000)",
            micros(median),
            micros(p99)
        );
    }
}

/// Settings with every rule of the built-in bundle on, and nothing that they object to.
const EVERYTHING_ON: &str = "
enact:
  settings:
    deletions: { max: 500, max_share: 0.5, share_from: 10 }
    delete_namespaces: [team-0, team-1, team-2, team-3, team-4, team-5, team-6]
    freeze:
      namespaces: [payments]
      windows:
        - { name: release, from: '2026-03-01T00:00:00Z', to: '2026-03-02T00:00:00Z' }
    required_labels: { portal: [team, owner] }
    protected_types: { api: [DELETE] }
    blast_radius: { changes: 20000, destroys: 1000, namespaces: 100 }
    self_approval: { forbidden: true }
";

/// A plan of 10,000 changes with the built-in bundle, as shipped and with every rule on.
fn whole_plan() {
    let big = plan(10_000);
    let document = plan_input(&big, &occasion()).unwrap();
    println!(
        "the input document of 10,000 changes has {:.1} MB",
        document.len() as f64 / 1e6
    );
    let shipped = default::bundle();
    let on = with_data(&shipped, EVERYTHING_ON);
    for (name, bundle) in [("as shipped", &shipped), ("every rule on", &on)] {
        let mut plain = floor(bundle);
        let rules = [
            "data.enact.plan.deny",
            "data.enact.plan.require_approval",
            "data.enact.plan.warn",
        ];
        let least = timed(5, || ask_floor(&mut plain, &document, &rules)).0;
        let (asked, loaded) = InProcess::load(bundle).unwrap();
        let here = RegoPolicy::new(loaded, Arc::new(asked));
        let verdict = here.judge(&big, &occasion());
        println!(
            "  verdict {:?}, {} findings",
            verdict.outcome,
            verdict.findings.len()
        );
        let inside = timed(5, || drop(std::hint::black_box(here.judge(&big, &occasion())))).0;
        let apart = isolated(bundle, 1);
        let outside = timed(5, || drop(std::hint::black_box(apart.judge(&big, &occasion())))).0;
        println!(
            "10,000 changes, {name}: plain regorus {:.0} ms; in this process {:.0} ms ({:.2} ×); in a policy process {:.0} ms ({:.2} ×) of which its peak memory {:.0} MiB (limits 1000 ms, 100 MiB)",
            least.as_secs_f64() * 1e3,
            inside.as_secs_f64() * 1e3,
            inside.as_secs_f64() / least.as_secs_f64(),
            outside.as_secs_f64() * 1e3,
            outside.as_secs_f64() / least.as_secs_f64(),
            peak_of_children()
        );
    }
}

fn with_data(bundle: &Bundle, data: &str) -> Bundle {
    let files = bundle.files().iter().map(|file| BundleFile {
        path: file.path.clone(),
        text: if file.is_data() {
            data.to_owned()
        } else {
            file.text.clone()
        },
    });
    Bundle::new("bench", files.collect()).unwrap()
}

/// The largest peak of resident memory among this process's children, in MiB.
fn peak_of_children() -> f64 {
    let me = std::process::id().to_string();
    let mut peak = 0.0_f64;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1).map(ToOwned::to_owned)
        };
        if field("PPid:") == Some(me.clone()) {
            let kib: f64 = field("VmHWM:").and_then(|kib| kib.parse().ok()).unwrap_or(0.0);
            peak = peak.max(kib / 1024.0);
        }
    }
    peak
}

/// Decisions of two threads while bundles come and go, against the same without.
fn reload_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = default::bundle();
    for file in bundle.files() {
        let path = folder.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.text).unwrap();
    }
    let load = |bundle: &Bundle| {
        let (asked, loaded) = InProcess::load(bundle)?;
        Ok(RegoPolicy::new(loaded, Arc::new(asked)))
    };
    let mut reloader = Reloader::new(
        folder.path(),
        Box::new(load),
        Box::new(enact_engine::policy::canaries::actions),
        Vec::new(),
    );
    reloader.look();
    let in_force = reloader.in_force();
    let quiet = decisions(&in_force, || std::thread::sleep(Duration::from_secs(3)));
    let mut reloads = 0;
    let busy = decisions(&in_force, || {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(3) {
            let text = format!("package enact.plan\nwarn contains \"{reloads}\" if false\n");
            std::fs::write(folder.path().join("plan/changing.rego"), text).unwrap();
            reloader.look();
            reloads += 1;
        }
    });
    for (name, (times, failed)) in [("without reloads", &quiet), ("with reloads", &busy)] {
        println!(
            "reload, 2 threads deciding, {name}: {} decisions, {failed} dropped, median {:.0} µs, p99 {:.0} µs, longest {:.1} ms",
            times.len(),
            micros(times[times.len() / 2]),
            micros(times[times.len() * 99 / 100]),
            times[times.len() - 1].as_secs_f64() * 1e3
        );
    }
    println!("  {reloads} bundles were put in force in 3 s, back to back, on the same 2 cores");
}

fn decisions(in_force: &InForce, meanwhile: impl FnOnce()) -> (Vec<Duration>, usize) {
    let (stop, failed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let input = action();
    let mut times = std::thread::scope(|scope| {
        let deciding = || {
            let mut times = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let started = Instant::now();
                if !in_force.now().judge_action(&input).allow {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                times.push(started.elapsed());
            }
            times
        };
        let threads = [scope.spawn(deciding), scope.spawn(deciding)];
        meanwhile();
        stop.store(true, Ordering::Relaxed);
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    times.sort();
    (times, failed.into_inner())
}

/// Throughput of two policy processes against one, plans of 500 changes.
fn workers() {
    let bundle = default::bundle();
    let medium = plan(500);
    let throughput = |most: usize| {
        let policy = isolated(&bundle, most);
        drop(policy.judge(&medium, &occasion()));
        let (stop, decided) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..most {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        drop(std::hint::black_box(policy.judge(&medium, &occasion())));
                        decided.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            std::thread::sleep(Duration::from_secs(4));
            stop.store(true, Ordering::Relaxed);
        });
        decided.into_inner() as f64 / 4.0
    };
    let (one, two) = (throughput(1), throughput(2));
    println!(
        "plans of 500 changes a second: 1 policy process {one:.0}, 2 processes {two:.0}: {:.2} × (limit 1.5)",
        two / one
    );
}

/// 1,000 tests in 50 files, as a whole process; against plain regorus over the same rules, and against OPA when
/// ENACT_BENCH_OPA names it.
fn thousand_tests() {
    let folder = tempfile::tempdir().unwrap();
    for file in 0..50 {
        let mut text = format!("package bench{file}_test\nimport data.bench{file}\n");
        for test in 0..20 {
            text.push_str(&format!(
                "test_{test} if {{ count(data.bench{file}.deny) == {} with input as {{\"changes\": [{{\"action\": \"DELETE\", \"n\": {test}}}, {{\"action\": \"CREATE\", \"n\": 3}}]}} }}\n",
                usize::from(test > 5)
            ));
        }
        let rule = format!(
            "package bench{file}\ndeny contains msg if {{\n  some change in input.changes\n  change.action == \"DELETE\"\n  change.n > 5\n  msg := sprintf(\"%d\", [change.n])\n}}\n"
        );
        std::fs::write(folder.path().join(format!("r{file}.rego")), rule).unwrap();
        std::fs::write(folder.path().join(format!("r{file}_test.rego")), text).unwrap();
    }
    let whole = |program: &str, arguments: &[&str]| {
        timed(5, || {
            let status = Command::new(program)
                .args(arguments)
                .arg(folder.path())
                .stdout(Stdio::null())
                .status()
                .unwrap();
            assert!(status.success());
        })
        .0
    };
    let ours = whole(ENACT, &["policy", "test"]);
    let plain = timed(5, || plain_tests(folder.path())).0;
    println!(
        "1,000 policy tests in 50 files: {:.0} ms as a process (limit 2000); plain regorus in this process {:.0} ms ({:.1} ×)",
        ours.as_secs_f64() * 1e3,
        plain.as_secs_f64() * 1e3,
        ours.as_secs_f64() / plain.as_secs_f64()
    );
    match std::env::vars().find(|(name, _)| name == "ENACT_BENCH_OPA") {
        Some((_, opa)) => {
            let theirs = whole(&opa, &["test"]);
            println!(
                "  `opa test` on the same directory: {:.0} ms; ours is {:.2} × that",
                theirs.as_secs_f64() * 1e3,
                ours.as_secs_f64() / theirs.as_secs_f64()
            );
        }
        None => println!("  skipped: `opa test` (ENACT_BENCH_OPA names no program)"),
    }
}

fn plain_tests(folder: &Path) {
    let mut engine = regorus::Engine::new();
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        engine.add_policy(file.display().to_string(), text).unwrap();
    }
    for file in 0..50 {
        for test in 0..20 {
            let value = engine
                .eval_rule(format!("data.bench{file}_test.test_{test}"))
                .unwrap();
            assert_eq!(value, regorus::Value::from(true));
        }
    }
}
