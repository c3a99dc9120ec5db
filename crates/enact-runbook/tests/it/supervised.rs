//! What tests of commands share: this test program again, running its own `supervise`, and what commands leave.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use enact_engine::stop::StopSignal;
use enact_runbook::process::{CommandSpec, Outcome, Supervisor, SupervisorProgram, serve};

/// Marks a call of this program that is meant: filters that match no test, so that the test harness takes them.
const AS_SUPERVISOR: &str = "as-supervisor";
/// For what takes milliseconds, on a machine that does much else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Not a test: what the supervisors of the tests run. The harness's own lines are noise to the engine.
#[test]
#[ignore = "it is a supervisor"]
fn supervise() {
    if std::env::args().any(|argument| argument == AS_SUPERVISOR) {
        serve();
    }
}

pub(crate) fn program() -> SupervisorProgram {
    let args = [
        "supervised::supervise",
        "--exact",
        "--ignored",
        "--nocapture",
        "--quiet",
        "--skip",
        AS_SUPERVISOR,
    ];
    SupervisorProgram {
        path: std::env::current_exe().unwrap(),
        args: args.map(str::to_owned).to_vec(),
    }
}

pub(crate) fn spec(folder: &Path, argv: &[&str]) -> CommandSpec {
    CommandSpec {
        argv: argv.iter().map(|part| (*part).to_owned()).collect(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        secret_files: BTreeMap::new(),
        secrets: Vec::new(),
        working_dir: folder.to_owned(),
        timeout: PATIENCE,
        kill_grace: Duration::from_secs(5),
        attempt_dir: folder.join("spool/attempt"),
        lock: None,
    }
}

pub(crate) fn shell(folder: &Path, script: &str) -> CommandSpec {
    spec(folder, &["sh", "-c", script])
}

/// A folder, a supervisor, and a command in them.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) supervisor: Supervisor,
    pub(crate) stop: StopSignal,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            supervisor: Supervisor::new(program()),
            stop: StopSignal::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn run(&self, spec: &CommandSpec) -> Outcome {
        self.supervisor.run(spec, &self.stop).await.unwrap()
    }

    pub(crate) async fn sh(&self, script: &str) -> Outcome {
        self.run(&shell(self.path(), script)).await
    }

    pub(crate) fn log(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join("spool/attempt").join(name)).unwrap()
    }

    /// The number that a command of the test wrote to a file.
    pub(crate) fn pid_in(&self, name: &str) -> u32 {
        let text = std::fs::read_to_string(self.path().join(name)).unwrap();
        text.trim().parse().unwrap()
    }
}

pub(crate) fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().starts_with(" Z"))
}

pub(crate) fn kill(pid: u32) {
    let pid = pid.to_string();
    assert!(
        Command::new("kill")
            .args(["-KILL", &pid])
            .status()
            .unwrap()
            .success()
    );
}

pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what} never came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A script's file appears whole: it is written elsewhere and renamed.
pub(crate) fn wait_for_file(path: &Path) {
    wait_until(&path.display().to_string(), || path.exists());
}

pub(crate) fn supervisor_of(attempt_dir: &Path) -> u32 {
    let mark: serde_json::Value =
        serde_json::from_slice(&std::fs::read(attempt_dir.join("started.json")).unwrap()).unwrap();
    mark["started"]["supervisor"]["pid"]
        .as_u64()
        .unwrap()
        .try_into()
        .unwrap()
}
