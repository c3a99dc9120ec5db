//! Commands under a real supervisor.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use enact_core::secret::Secret;
use enact_engine::stop::Urgency;
use enact_runbook::process::{
    Exit, Found, NamedLock, NamedSecret, SuperviseError, Supervisor, SupervisorProgram, lock, look,
};

use crate::supervised::{World, is_alive, shell, spec, supervisor_of, wait_for_file};

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
    let wanted = NamedLock {
        name: "the vault".to_owned(),
        path: world.path().join("db.lock"),
        taker: "step a of run 1".to_owned(),
    };
    let mut spec = shell(world.path(), "flock -n db.lock true && echo free; true");
    spec.lock = Some(wanted.clone());
    let outcome = world.run(&spec).await;
    assert_eq!(
        (outcome.exit, outcome.stdout.text().as_str()),
        (Exit::Code(0), "")
    );

    let held = lock(&wanted).unwrap();
    spec.attempt_dir = world.path().join("spool/next");
    let why = format!(
        "lock \"the vault\" is held by step a of run 1 (process {}); try again when it is free",
        std::process::id()
    );
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
