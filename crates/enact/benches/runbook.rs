//! The figures of runbooks in BENCHMARKS.md: what a trivial step costs, against `sh`, make and Terraform with the same commands in the
//! same run. Prints, asserts nothing. Run it with `scripts/bench.sh runbook`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a measurement that cannot be taken ends with a panic, and its result is printed"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "which program to measure is no setting of it"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The program to measure: the one that was built for this, or the one that `ENACT_BINARY` names, such as the static one that is shipped.
static ENACT: LazyLock<String> = LazyLock::new(|| {
    std::env::var("ENACT_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_enact").to_owned())
});

fn main() {
    let only: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|word| word == name);
    if wanted("steps") {
        steps(100);
        steps(1_000);
        steps(10_000);
    }
    if wanted("peers") {
        peers();
    }
    if wanted("check") {
        check();
    }
    if wanted("start") {
        start();
    }
}

/// So many steps that do nothing.
fn runbook(steps: usize) -> String {
    let mut text = "version: enact/v1\nkind: Plan\nname: bench\ntitle: Nothing, often\nsettings: { max_plan_steps: 10000 }\n\
         requirements: [{ id: R1, text: \"Nothing happens\" }]\nsteps:\n"
        .to_owned();
    for n in 0..steps {
        writeln!(
            text,
            "  - {{ id: s{n}, title: \"Step {n}\", exec: [\"true\"], rollback: none }}"
        )
        .unwrap();
    }
    text.push_str("acceptance: [{ id: C1, text: \"It is over\", check: { exec: [\"true\"] } }]\n");
    text.push_str("verification: { run_tests: false, run_lint: false, run_typecheck: false }\n");
    text
}

/// What a command took: wall clock, processor, peak memory, and how much of that is its own and not pages of the program's file.
struct Taken {
    wall: Duration,
    cpu: Duration,
    peak_kib: u64,
    own_kib: u64,
}

/// Runs a command to its end under time(1)'s own counting, as the kernel keeps it.
fn measure(command: &mut Command) -> Taken {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = Path::new("/proc").join(child.id().to_string());
    let (mut peak_kib, mut own_kib) = (0, 0);
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        let text = std::fs::read_to_string(status.join("status")).unwrap_or_default();
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            number.unwrap_or(0)
        };
        peak_kib = peak_kib.max(of("VmHWM:"));
        own_kib = own_kib.max(of("RssAnon:"));
        std::thread::sleep(Duration::from_millis(5));
    };
    let wall = started.elapsed();
    assert!(ended.success(), "{command:?}: {ended}");
    Taken {
        wall,
        cpu: Duration::ZERO,
        peak_kib,
        own_kib,
    }
}

/// The same, with the processor time of the process and all its children from `times`.
fn measure_with_cpu(folder: &Path, program: &str, arguments: &[&str]) -> Taken {
    let script = format!(
        "\"$0\" \"$@\" > /dev/null 2>&1; times > {}",
        folder.join("times").display()
    );
    let mut command = Command::new("/bin/bash");
    command
        .args(["-c", &script, program])
        .args(arguments)
        .current_dir(folder);
    command.env("ENACT_STATE_DIR", folder.join("state"));
    let started = Instant::now();
    let ended = command.stdin(Stdio::null()).status().unwrap();
    assert!(ended.success(), "{program} {arguments:?}: {ended}");
    let wall = started.elapsed();
    let times = std::fs::read_to_string(folder.join("times")).unwrap();
    // The second line is user and system time of all children: `0m1.234s 0m0.123s`.
    let children = times.lines().nth(1).unwrap();
    let cpu = children.split_whitespace().map(seconds).sum();
    Taken {
        wall,
        cpu,
        peak_kib: 0,
        own_kib: 0,
    }
}

fn seconds(text: &str) -> Duration {
    let (minutes, seconds) = text.trim_end_matches('s').split_once('m').unwrap();
    let seconds: f64 = seconds.parse().unwrap();
    Duration::from_secs_f64(minutes.parse::<f64>().unwrap() * 60.0 + seconds)
}

fn place(steps: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bench.plan.yaml"), runbook(steps)).unwrap();
    folder
}

const RUN: [&str; 3] = ["run", "bench.plan.yaml", "--auto-approve"];

/// The whole command: read, compile, judge, admit, run with journal and sync, verify, report.
fn steps(count: usize) {
    let folder = place(count);
    let with_cpu = measure_with_cpu(folder.path(), &ENACT, &RUN);
    let folder = place(count);
    let mut command = Command::new(&*ENACT);
    command
        .args(RUN)
        .current_dir(folder.path())
        .env("ENACT_STATE_DIR", folder.path().join("state"));
    let memory = measure(&mut command);
    println!(
        "{count} steps `true`: {:.2} s ({:.2} ms a step), {:.2} s of processor ({:.2} ms a step), peak {:.0} MiB ({:.0} MiB its own)",
        with_cpu.wall.as_secs_f64(),
        with_cpu.wall.as_secs_f64() * 1e3 / count as f64,
        with_cpu.cpu.as_secs_f64(),
        with_cpu.cpu.as_secs_f64() * 1e3 / count as f64,
        memory.peak_kib as f64 / 1024.0,
        memory.own_kib as f64 / 1024.0
    );
}

/// The same 1,000 commands, one after the other, by others.
fn peers() {
    const COUNT: usize = 1_000;
    let folder = place(COUNT);
    let ours = measure_with_cpu(folder.path(), &ENACT, &RUN);
    line("enact", &ours, &ours);
    let script = "/bin/true\n".repeat(COUNT);
    std::fs::write(folder.path().join("steps.sh"), script).unwrap();
    let sh = measure_with_cpu(folder.path(), "/bin/sh", &["steps.sh"]);
    line("sh", &sh, &ours);
    std::fs::write(folder.path().join("Makefile"), makefile(COUNT)).unwrap();
    if is_there("make") {
        let make = measure_with_cpu(folder.path(), "make", &["-s"]);
        line(&version("make", &["--version"]), &make, &ours);
    } else {
        println!("make: skipped, it is not installed");
    }
    terraform(COUNT, &ours);
    ansible(COUNT, &ours);
}

fn makefile(count: usize) -> String {
    let mut text = format!("all: s{}\n", count - 1);
    for n in 0..count {
        let before = if n == 0 {
            String::new()
        } else {
            format!("s{}", n - 1)
        };
        writeln!(text, ".PHONY: s{n}\ns{n}: {before}\n\t@/bin/true").unwrap();
    }
    text
}

fn terraform(count: usize, ours: &Taken) {
    if !is_there("terraform") {
        println!("terraform: skipped, it is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for n in 0..count {
        let needs = if n == 0 {
            String::new()
        } else {
            format!("  depends_on = [terraform_data.s{}]\n", n - 1)
        };
        writeln!(
            text,
            "resource \"terraform_data\" \"s{n}\" {{\n{needs}  provisioner \"local-exec\" {{\n    command = \"true\"\n  }}\n}}"
        )
        .unwrap();
    }
    std::fs::write(folder.path().join("main.tf"), text).unwrap();
    let init = Command::new("terraform")
        .args(["init", "-input=false"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    if !init.success() {
        println!("terraform: skipped, `terraform init` failed");
        return;
    }
    let taken = measure_with_cpu(
        folder.path(),
        "terraform",
        &["apply", "-auto-approve", "-input=false", "-no-color"],
    );
    line(&version("terraform", &["version"]), &taken, ours);
}

fn ansible(count: usize, ours: &Taken) {
    if !is_there("ansible-playbook") {
        println!("ansible: skipped, it is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut text = "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n".to_owned();
    for n in 0..count {
        writeln!(text, "    - name: s{n}\n      ansible.builtin.command: \"true\"").unwrap();
    }
    std::fs::write(folder.path().join("play.yml"), text).unwrap();
    let taken = measure_with_cpu(folder.path(), "ansible-playbook", &["play.yml"]);
    line(&version("ansible-playbook", &["--version"]), &taken, ours);
}

fn is_there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

fn version(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().unwrap_or(program).to_owned()
}

fn line(name: &str, taken: &Taken, ours: &Taken) {
    println!(
        "1,000 commands `true` one after the other, {name}: {:.2} s, {:.2} s of processor, {:.2} × enact",
        taken.wall.as_secs_f64(),
        taken.cpu.as_secs_f64(),
        taken.wall.as_secs_f64() / ours.wall.as_secs_f64()
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn check() {
    let folder = place(1_000);
    let times = (0..9)
        .map(|_| measure_with_cpu(folder.path(), &ENACT, &["check", "bench.plan.yaml"]).wall)
        .collect();
    println!(
        "check of 1,000 steps: {:.0} ms (median of 9; limit 100 ms)",
        median(times).as_secs_f64() * 1e3
    );
}

/// From the start of the program until the first step's command says what time it is; and the same of that command alone, which is in it.
fn start() {
    const TELL: &str = "date +%s%N > first";
    let mut times = Vec::new();
    let mut floor = Vec::new();
    for _ in 0..15 {
        let folder = tempfile::tempdir().unwrap();
        let text = runbook(1).replace("exec: [\"true\"]", &format!("exec: [sh, -c, \"{TELL}\"]"));
        std::fs::write(folder.path().join("bench.plan.yaml"), text).unwrap();
        let mut command = Command::new(&*ENACT);
        command
            .args(RUN)
            .env("ENACT_STATE_DIR", folder.path().join("state"));
        times.push(until_told(folder.path(), &mut command));
        floor.push(until_told(folder.path(), Command::new("sh").args(["-c", TELL])));
    }
    println!(
        "start to first step: {:.0} ms, of which the command itself {:.0} ms (medians of 15, with a new state directory; limit 50 ms)",
        median(times).as_secs_f64() * 1e3,
        median(floor).as_secs_f64() * 1e3
    );
}

/// How long a command takes until the time stands in the file `first`. Nothing looks on meanwhile.
fn until_told(folder: &Path, command: &mut Command) -> Duration {
    let before = std::time::UNIX_EPOCH.elapsed().unwrap();
    let ended = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(ended.success(), "{command:?}: {ended}");
    let told = std::fs::read_to_string(folder.join("first")).unwrap();
    let told = Duration::from_nanos(told.trim().parse().unwrap());
    told.saturating_sub(before)
}
