//! Commands under a real supervisor: this test program again, running its own `supervise`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use enact_core::secret::Secret;
use enact_engine::stop::{StopSignal, Urgency};
use enact_runbook::process::{
    CommandSpec, Exit, Found, NamedSecret, Outcome, SuperviseError, Supervisor, SupervisorProgram,
    left_running, lock, look, serve, wait_for_end,
};

/// Marks a call of this program that is meant: filters that match no test, so that the test harness takes them.
const AS_SUPERVISOR: &str = "as-supervisor";
/// The second is where the engine of [`engine`] finds out what to do.
const ENGINE_FOLDER: &str = "ENACT_TEST_ENGINE_FOLDER";
/// For what takes milliseconds, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

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
        "process::supervise",
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

fn spec(folder: &Path, argv: &[&str]) -> CommandSpec {
    CommandSpec {
        argv: argv.iter().map(|part| (*part).to_owned()).collect(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        secrets: Vec::new(),
        working_dir: folder.to_owned(),
        timeout: PATIENCE,
        kill_grace: Duration::from_secs(5),
        attempt_dir: folder.join("spool/attempt"),
        lock: None,
    }
}

fn shell(folder: &Path, script: &str) -> CommandSpec {
    spec(folder, &["sh", "-c", script])
}

/// A folder, a supervisor, and a command in them.
struct World {
    folder: tempfile::TempDir,
    supervisor: Supervisor,
    stop: StopSignal,
}

impl World {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            supervisor: Supervisor::new(program()),
            stop: StopSignal::new(),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn run(&self, spec: &CommandSpec) -> Outcome {
        self.supervisor.run(spec, &self.stop).await.unwrap()
    }

    async fn sh(&self, script: &str) -> Outcome {
        self.run(&shell(self.path(), script)).await
    }

    fn log(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join("spool/attempt").join(name)).unwrap()
    }

    /// The number that a command of the test wrote to a file.
    fn pid_in(&self, name: &str) -> u32 {
        let text = std::fs::read_to_string(self.path().join(name)).unwrap();
        text.trim().parse().unwrap()
    }
}

fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().starts_with(" Z"))
}

fn kill(pid: u32) {
    let pid = pid.to_string();
    assert!(
        Command::new("kill")
            .args(["-KILL", &pid])
            .status()
            .unwrap()
            .success()
    );
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what} never came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A script's file appears whole: it is written elsewhere and renamed.
fn wait_for_file(path: &Path) {
    wait_until(&path.display().to_string(), || path.exists());
}

#[tokio::test]
async fn a_code_a_signal_and_output_come_back() {
    let world = World::new();
    let outcome = world.sh("echo out; echo err >&2; exit 3").await;
    assert_eq!(outcome.exit, Exit::Code(3));
    assert_eq!(
        (outcome.stdout.text().as_str(), outcome.stderr.text().as_str()),
        ("out\n", "err\n")
    );
    assert_eq!(
        (outcome.survivors.len(), outcome.pipe_held, outcome.stdout.cut),
        (0, false, false)
    );
    assert_eq!(
        look(&world.path().join("spool/attempt"), None),
        Found::Ended(Box::new(outcome))
    );
    assert_eq!(
        (world.log("stdout.log"), world.log("stderr.log")),
        (b"out\n".to_vec(), b"err\n".to_vec())
    );

    let mut next = shell(world.path(), "kill -9 $$");
    next.attempt_dir = world.path().join("spool/next");
    assert_eq!(world.run(&next).await.exit, Exit::Signal(9));
}

#[tokio::test]
async fn a_command_has_its_own_environment_folder_and_group_and_nothing_to_read() {
    let world = World::new();
    let mut spec = shell(
        world.path(),
        "env | sort; pwd; cat; ps -o pgid=,sid= -p $$ | tr -s ' '; echo $$",
    );
    spec.env.insert("GREETING".to_owned(), "hello\nworld".to_owned());
    let outcome = world.run(&spec).await;
    let text = outcome.stdout.text();
    let lines: Vec<&str> = text.lines().collect();
    let folder = world.path().to_str().unwrap();
    assert!(
        lines.contains(&"GREETING=hello") && lines.contains(&folder),
        "{text}"
    );
    // The shell adds PWD, and some of them SHLVL and _.
    assert!(!text.contains("HOME=") && !text.contains("CARGO"), "{text}");
    let own = lines.last().unwrap();
    let ids: Vec<&str> = lines[lines.len() - 2].split_whitespace().collect();
    assert_eq!(ids[0], *own, "a group of its own");
    assert_ne!(ids[1], *own, "the supervisor's session");
}

#[tokio::test]
async fn folders_and_files_are_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    // A log is made with its first byte.
    world.sh("echo x; echo y >&2").await;
    let folder = world.path().join("spool/attempt");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(
        names,
        [
            "merged.log",
            "outcome.json",
            "started.json",
            "stderr.log",
            "stdout.log"
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_executed_is_said_plainly() {
    let world = World::new();
    let folder = world.path();
    std::fs::write(folder.join("text"), "hello").unwrap();
    let executable = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(folder.join(name), text).unwrap();
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    executable("no-interpreter", "#!/no/such/interpreter\n");
    executable("no-program", "hello");
    let shown = folder.display();
    for (number, (argv, why)) in [
        (
            vec!["no-such-program"],
            "there is no program no-such-program in PATH (/usr/bin:/bin)".to_owned(),
        ),
        (vec!["./none"], format!("there is no program {shown}/./none")),
        (vec!["./text"], format!("{shown}/./text is not executable")),
        (vec!["/"], "/ is a directory, not a program".to_owned()),
        (vec![], "the command is empty".to_owned()),
        (
            vec!["./no-interpreter"],
            format!("{shown}/./no-interpreter cannot be executed: the interpreter it names does not exist"),
        ),
        (
            vec!["./no-program"],
            format!(
                "{shown}/./no-program cannot be executed: it is neither a program nor a script with a #! line"
            ),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut spec = spec(folder, &argv);
        spec.attempt_dir = folder.join(format!("spool/{number}"));
        assert_eq!(world.run(&spec).await.exit, Exit::NotStarted(why));
    }
    let mut spec = spec(folder, &["true"]);
    spec.working_dir = folder.join("gone");
    let why = format!("the working directory {shown}/gone does not exist or is no directory");
    assert_eq!(world.run(&spec).await.exit, Exit::NotStarted(why));
}

#[tokio::test]
async fn time_that_is_up_ends_even_what_ignores_sigterm() {
    let world = World::new();
    let mut spec = shell(
        world.path(),
        "trap '' TERM; echo on; while :; do sleep 0.01; done",
    );
    spec.timeout = Duration::from_millis(200);
    spec.kill_grace = Duration::from_millis(100);
    let outcome = world.run(&spec).await;
    assert_eq!((outcome.exit, outcome.survivors), (Exit::TimedOut, Vec::new()));
    assert_eq!(outcome.stdout.text(), "on\n");
    assert!(
        (300..5_000).contains(&outcome.duration_ms),
        "{}",
        outcome.duration_ms
    );
}

#[tokio::test]
async fn sigterm_lets_a_command_clean_up() {
    let world = World::new();
    let mut spec = shell(
        world.path(),
        "trap 'echo bye; exit 0' TERM; while :; do sleep 0.01; done",
    );
    spec.timeout = Duration::from_millis(200);
    let outcome = world.run(&spec).await;
    assert_eq!(
        (outcome.exit, outcome.stdout.text().as_str()),
        (Exit::TimedOut, "bye\n")
    );
}

/// Forks twice, in a session of its own, with none of our pipes: the old way to become a daemon.
const DAEMON: &str = "setsid sh -c 'setsid sh -c \"echo \\$\\$ > daemon.new; mv daemon.new daemon; exec sleep 1000\" &' \
                      </dev/null >/dev/null 2>&1; while [ ! -e daemon ]; do :; done";

#[tokio::test]
async fn a_daemon_does_not_outlive_a_command_that_ended() {
    let world = World::new();
    let outcome = world.sh(&format!("{DAEMON}; exit 4")).await;
    assert_eq!(
        (outcome.exit, outcome.survivors, outcome.pipe_held),
        (Exit::Code(4), Vec::new(), false)
    );
    assert!(!is_alive(world.pid_in("daemon")));
}

#[tokio::test]
async fn a_daemon_does_not_outlive_a_command_whose_time_is_up() {
    let world = World::new();
    let mut spec = shell(world.path(), &format!("{DAEMON}; sleep 1000"));
    spec.timeout = Duration::from_secs(2);
    let outcome = world.run(&spec).await;
    assert_eq!((outcome.exit, outcome.survivors), (Exit::TimedOut, Vec::new()));
    assert!(!is_alive(world.pid_in("daemon")));
}

#[tokio::test]
async fn a_background_process_that_holds_the_output_does_not_hold_the_step() {
    let world = World::new();
    let outcome = world
        .sh("echo before; sleep 1000 & echo $! > background; exit 0")
        .await;
    assert_eq!((outcome.exit, outcome.pipe_held), (Exit::Code(0), true));
    assert_eq!(outcome.stdout.text(), "before\n");
    assert!(
        outcome.duration_ms < 2_000,
        "the command's own time: {}",
        outcome.duration_ms
    );
    assert!(!is_alive(world.pid_in("background")));
}

#[tokio::test]
async fn a_command_that_closes_its_output_early_is_waited_for() {
    let world = World::new();
    let outcome = world.sh("exec >&- 2>&-; sleep 0.1; exit 6").await;
    assert_eq!((outcome.exit, outcome.pipe_held), (Exit::Code(6), false));
}

#[tokio::test]
async fn a_flood_of_output_takes_bounded_memory_and_disk() {
    let world = World::new();
    let mut spec = shell(
        world.path(),
        "yes 0123456789abcde | head -c 200000000; echo; echo last",
    );
    spec.secrets = vec![named("pw", "hunter22")];
    let outcome = world.run(&spec).await;
    assert_eq!(outcome.exit, Exit::Code(0));
    assert_eq!(outcome.stdout.bytes, 200_000_006);
    assert!(outcome.stdout.cut && outcome.stdout.text().len() < 140_000);
    assert_eq!(outcome.stdout.last_lines(1), "last");
    let log = world.log("stdout.log");
    assert!(
        log.len() < 64 * 1024 * 1024 + 100 && log.ends_with(b"\nlast\n"),
        "{}",
        log.len()
    );
    assert!(world.log("merged.log").ends_with(b"\nlast\n"));
    let peak = peak_memory_kib(supervisor_of(&spec.attempt_dir));
    assert!(peak < 64 * 1024, "{peak} KiB");
}

fn peak_memory_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn supervisor_of(attempt_dir: &Path) -> u32 {
    let mark: serde_json::Value =
        serde_json::from_slice(&std::fs::read(attempt_dir.join("started.json")).unwrap()).unwrap();
    mark["started"]["supervisor"]["pid"]
        .as_u64()
        .unwrap()
        .try_into()
        .unwrap()
}

#[tokio::test]
async fn bytes_that_are_no_text_are_kept() {
    let world = World::new();
    let outcome = world.sh("printf '\\000\\377\\033[2J\\n'").await;
    assert_eq!(outcome.stdout.head, b"\0\xff\x1b[2J\n");
    assert_eq!(world.log("stdout.log"), b"\0\xff\x1b[2J\n");
}

fn named(name: &str, value: &str) -> NamedSecret {
    NamedSecret {
        name: name.to_owned(),
        value: Secret::new(value.to_owned()),
    }
}

#[tokio::test]
async fn secrets_are_nowhere() {
    let world = World::new();
    let script =
        "printf hun; sleep 0.05; printf 'ter22\\n'; printf \"$PW\" | base64; echo \"$PW\" >&2; echo tail-$PW";
    let mut spec = shell(world.path(), script);
    spec.env.insert("PW".to_owned(), "hunter22".to_owned());
    spec.secrets = vec![named("pw", "hunter22")];
    let outcome = world.run(&spec).await;
    assert_eq!(outcome.stdout.text(), "***pw***\n***pw***\ntail-***pw***\n");
    assert_eq!(outcome.stderr.text(), "***pw***\n");
    for entry in std::fs::read_dir(&spec.attempt_dir).unwrap() {
        let text = String::from_utf8(std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
        assert!(
            !text.contains("hunter22") && !text.contains("aHVudGVyMjI"),
            "{text}"
        );
    }
    let supervisor = supervisor_of(&spec.attempt_dir);
    for file in ["environ", "cmdline"] {
        let bytes = std::fs::read(format!("/proc/{supervisor}/{file}")).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter22"));
    }
}

#[tokio::test]
async fn a_lock_is_held_while_the_command_runs_and_no_longer() {
    let world = World::new();
    let path = world.path().join("db.lock");
    let mut spec = shell(world.path(), "flock -n db.lock true && echo free; true");
    spec.lock = Some(path.clone());
    let outcome = world.run(&spec).await;
    assert_eq!(
        (outcome.exit, outcome.stdout.text().as_str()),
        (Exit::Code(0), "")
    );

    let held = lock(&path).unwrap();
    spec.attempt_dir = world.path().join("spool/next");
    let why = format!("lock {} is held", path.display());
    assert_eq!(world.run(&spec).await.exit, Exit::NotStarted(why));
    drop(held);
}

#[tokio::test]
async fn one_supervisor_serves_a_run_and_a_folder_serves_one_attempt() {
    let world = World::new();
    let mut spec = spec(world.path(), &["true"]);
    world.run(&spec).await;
    let first = supervisor_of(&spec.attempt_dir);
    let error = world.supervisor.run(&spec, &world.stop).await.unwrap_err();
    assert!(
        matches!(&error, SuperviseError::NotStarted(why) if why.contains("started before")),
        "{error}"
    );
    spec.attempt_dir = world.path().join("spool/next");
    world.run(&spec).await;
    assert_eq!(supervisor_of(&spec.attempt_dir), first);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_or_a_program_that_is_no_supervisor_starts_nothing() {
    let world = World::new();
    std::fs::write(world.path().join("file"), "").unwrap();
    let mut bad = shell(world.path(), "echo > effect");
    bad.attempt_dir = world.path().join("file/attempt");
    let error = world.supervisor.run(&bad, &world.stop).await.unwrap_err();
    assert!(matches!(error, SuperviseError::NotStarted(_)), "{error}");

    let good = shell(world.path(), "echo > effect");
    for path in ["/no/such/program", "/bin/true", "/usr/bin/yes"] {
        let supervisor = Supervisor::new(SupervisorProgram {
            path: PathBuf::from(path),
            args: Vec::new(),
        });
        let error = supervisor.run(&good, &world.stop).await.unwrap_err();
        assert!(matches!(error, SuperviseError::NotStarted(_)), "{path}: {error}");
    }
    assert!(!world.path().join("effect").exists());
}

#[tokio::test]
async fn stopping_now_ends_the_command_and_brings_its_outcome() {
    let world = World::new();
    let spec = shell(
        world.path(),
        "trap 'echo bye; exit 0' TERM; echo > up; while :; do sleep 0.01; done",
    );
    let stopping = async {
        let up = world.path().join("up");
        tokio::task::spawn_blocking(move || wait_for_file(&up))
            .await
            .unwrap();
        world.stop.raise(Urgency::AfterCurrent, "test");
        world.stop.raise(Urgency::Now, "test");
    };
    let (outcome, ()) = tokio::join!(world.run(&spec), stopping);
    assert_eq!(
        (outcome.exit, outcome.stdout.text().as_str()),
        (Exit::Killed, "bye\n")
    );

    let error = world.supervisor.run(&spec, &world.stop).await.unwrap_err();
    assert!(matches!(error, SuperviseError::NotStarted(_)), "{error}");
}

#[tokio::test]
async fn a_supervisor_that_is_killed_loses_the_outcome_and_ends_the_command() {
    let world = World::new();
    let spec = shell(world.path(), "echo $$ > up.new; mv up.new up; exec sleep 1000");
    let killing = async {
        let up = world.path().join("up");
        tokio::task::spawn_blocking(move || wait_for_file(&up))
            .await
            .unwrap();
        kill(supervisor_of(&spec.attempt_dir));
    };
    let (result, ()) = tokio::join!(world.supervisor.run(&spec, &world.stop), killing);
    assert!(matches!(result, Err(SuperviseError::Lost)));
    assert_eq!(look(&spec.attempt_dir, None), Found::Lost);
    assert!(!is_alive(world.pid_in("up")) && left_running(&spec.attempt_dir).is_empty());

    let mut next = shell(world.path(), "exit 5");
    next.attempt_dir = world.path().join("spool/next");
    assert_eq!(world.run(&next).await.exit, Exit::Code(5));
}

#[tokio::test]
async fn an_idle_supervisor_that_is_killed_is_replaced() {
    let world = World::new();
    let mut spec = shell(world.path(), "echo >> effects");
    world.run(&spec).await;
    let first = supervisor_of(&spec.attempt_dir);
    kill(first);
    spec.attempt_dir = world.path().join("spool/next");
    assert_eq!(world.run(&spec).await.exit, Exit::Code(0));
    assert_ne!(supervisor_of(&spec.attempt_dir), first);
    assert_eq!(
        std::fs::read_to_string(world.path().join("effects")).unwrap(),
        "\n\n"
    );
}

#[tokio::test]
async fn letting_go_of_a_command_leaves_its_outcome_in_the_spool() {
    let world = World::new();
    let spec = shell(
        world.path(),
        "echo > up; while [ ! -e go ]; do sleep 0.01; done; exit 8",
    );
    let up = world.path().join("up");
    let waiting = tokio::task::spawn_blocking(move || wait_for_file(&up));
    tokio::select! {
        _ = world.supervisor.run(&spec, &world.stop) => panic!("it waits for us"),
        waited = waiting => waited.unwrap(),
    }
    assert_eq!(look(&spec.attempt_dir, None), Found::Running);
    std::fs::write(world.path().join("go"), "").unwrap();
    let Found::Ended(outcome) = wait_for_end(&spec.attempt_dir, &world.stop).await else {
        panic!("it was lost");
    };
    assert_eq!(outcome.exit, Exit::Code(8));
}

/// Not a test: an engine for the tests to kill.
#[tokio::test]
#[ignore = "it is an engine"]
async fn engine() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how a test tells its other process where to work"
    )]
    let Ok(folder) = std::env::var(ENGINE_FOLDER) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let script = std::fs::read_to_string(folder.join("script")).unwrap();
    let supervisor = Supervisor::new(program());
    supervisor
        .run(&shell(&folder, &script), &StopSignal::new())
        .await
        .ok();
}

/// Starts an engine of its own process on a script and kills it once the script has made `up`.
fn crashed_engine(folder: &Path, script: &str) {
    std::fs::write(folder.join("script"), script).unwrap();
    let mut engine: Child = Command::new(std::env::current_exe().unwrap())
        .args(["process::engine", "--exact", "--ignored"])
        .env(ENGINE_FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for_file(&folder.join("up"));
    engine.kill().unwrap();
    engine.wait().unwrap();
}

#[tokio::test]
async fn a_crash_of_the_engine_loses_no_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo > up; while [ ! -e go ]; do sleep 0.01; done; echo done; exit 7";
    crashed_engine(folder.path(), script);
    let attempt = folder.path().join("spool/attempt");
    assert_eq!(look(&attempt, None), Found::Running);
    let supervisor = supervisor_of(&attempt);
    std::fs::write(folder.path().join("go"), "").unwrap();
    let Found::Ended(outcome) = wait_for_end(&attempt, &StopSignal::new()).await else {
        panic!("it was lost");
    };
    assert_eq!(
        (outcome.exit, outcome.stdout.text().as_str()),
        (Exit::Code(7), "done\n")
    );
    wait_until("the end of the supervisor", || !is_alive(supervisor));
}

#[tokio::test]
async fn a_command_that_outlived_its_engine_can_be_ended() {
    let folder = tempfile::tempdir().unwrap();
    crashed_engine(
        folder.path(),
        "trap 'echo bye; exit 0' TERM; echo > up; while :; do sleep 0.01; done",
    );
    let stop = StopSignal::new();
    stop.raise(Urgency::Now, "test");
    let Found::Ended(outcome) = wait_for_end(&folder.path().join("spool/attempt"), &stop).await else {
        panic!("it was lost");
    };
    assert_eq!(
        (outcome.exit, outcome.stdout.text().as_str()),
        (Exit::Killed, "bye\n")
    );
}

#[tokio::test]
async fn engine_and_supervisor_killed_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    crashed_engine(folder.path(), "echo $$ > up.new; mv up.new up; exec sleep 1000");
    let attempt = folder.path().join("spool/attempt");
    kill(supervisor_of(&attempt));
    assert_eq!(wait_for_end(&attempt, &StopSignal::new()).await, Found::Lost);
    let command: u32 = std::fs::read_to_string(folder.path().join("up"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(left_running(&attempt).contains(&command));
    let left = enact_runbook::process::end_left_running(&attempt, PATIENCE).await;
    assert!(left.is_empty(), "{left:?}");
}

/// What the engine pays for a command, beside what the command itself costs.
#[tokio::test]
#[ignore = "a measurement: cargo test --release -p enact-runbook --test it cost -- --ignored --nocapture"]
async fn cost_of_a_trivial_command() {
    let world = World::new();
    let mut spec = spec(world.path(), &["/bin/true"]);
    world.run(&spec).await;
    let start = Instant::now();
    for number in 0..1_000 {
        spec.attempt_dir = world.path().join(format!("spool/{number}"));
        world.run(&spec).await;
    }
    let supervised = start.elapsed() / 1_000;
    let start = Instant::now();
    for _ in 0..1_000 {
        Command::new("/bin/true").output().unwrap();
    }
    println!(
        "supervised {supervised:?}, by itself {:?}",
        start.elapsed() / 1_000
    );
}
