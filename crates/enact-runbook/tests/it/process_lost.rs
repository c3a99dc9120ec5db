//! Engines and supervisors that die while a command runs: its outcome is found, or known to be lost.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use enact_core::secret::Secret;
use enact_engine::stop::{StopSignal, Urgency};
use enact_runbook::process::{Exit, Found, SuperviseError, Supervisor, left_running, look, wait_for_end};

use crate::supervised::{
    PATIENCE, World, is_alive, kill, program, shell, supervisor_of, wait_for_file, wait_until,
};

/// Where the engine of [`engine`] finds out what to do.
const ENGINE_FOLDER: &str = "ENACT_TEST_ENGINE_FOLDER";

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
    let mut spec = shell(&folder, &script);
    spec.secret_files
        .insert("KEY".to_owned(), Secret::new("secret".to_owned()));
    supervisor.run(&spec, &StopSignal::new()).await.ok();
}

/// Starts an engine of its own process on a script and kills it once the script has made `up`.
fn crashed_engine(folder: &Path, script: &str) {
    std::fs::write(folder.join("script"), script).unwrap();
    let mut engine: Child = Command::new(std::env::current_exe().unwrap())
        .args(["process_lost::engine", "--exact", "--ignored"])
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
    let key = attempt.join("secrets/KEY");
    assert_eq!(
        std::fs::read_to_string(&key).unwrap(),
        "secret",
        "its command still reads it"
    );
    let supervisor = supervisor_of(&attempt);
    std::fs::write(folder.path().join("go"), "").unwrap();
    let Found::Ended(outcome) = wait_for_end(&attempt, &StopSignal::new()).await else {
        panic!("it was lost");
    };
    assert_eq!(
        (outcome.exit, outcome.stdout.text().as_str()),
        (Exit::Code(7), "done\n")
    );
    assert!(!key.exists(), "the supervisor has removed it");
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
    assert!(
        attempt.join("secrets/KEY").exists(),
        "nobody is left to remove it"
    );
    assert_eq!(wait_for_end(&attempt, &StopSignal::new()).await, Found::Lost);
    assert!(!attempt.join("secrets").exists(), "the next look removes it");
    let command: u32 = std::fs::read_to_string(folder.path().join("up"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(left_running(&attempt).contains(&command));
    let left = enact_runbook::process::end_left_running(&attempt, PATIENCE).await;
    assert!(left.is_empty(), "{left:?}");
}
