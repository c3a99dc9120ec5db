//! Secrets that commands read from files: how they are written down, and that nothing of them stays.

use std::path::Path;
use std::time::Duration;

use enact_core::secret::Secret;
use enact_runbook::process::{CommandSpec, Exit, NamedSecret, SuperviseError};
use serde_json::json;

use crate::kit::{errors, plan, with_steps};
use crate::supervised::{World, kill, shell, spec, supervisor_of, wait_for_file};

const VALUE: &str = "hunter2-swordfish";

fn with_key(mut spec: CommandSpec) -> CommandSpec {
    let content = Secret::new(format!("db:5432:{VALUE}"));
    spec.secret_files.insert("KEY".to_owned(), content);
    spec.secrets.push(NamedSecret {
        name: "key".to_owned(),
        value: Secret::new(VALUE.to_owned()),
    });
    spec
}

/// Is the value in a file below this folder?
fn is_below(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_below(&path);
        }
        String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(VALUE)
    })
}

fn assert_nothing_stays(spec: &CommandSpec) {
    assert!(!spec.attempt_dir.join("secrets").exists());
    assert!(!is_below(&spec.attempt_dir));
}

#[tokio::test]
async fn a_command_reads_a_secret_from_a_file_for_itself_only() {
    let world = World::new();
    let script = "stat -c %a \"$KEY\" \"$(dirname \"$KEY\")\"; cat \"$KEY\"; cp \"$KEY\" copy";
    let spec = with_key(shell(world.path(), script));
    let outcome = world.run(&spec).await;
    assert_eq!(outcome.stdout.text(), "600\n700\ndb:5432:***key***");
    let copy = std::fs::read_to_string(world.path().join("copy")).unwrap();
    assert_eq!(copy, format!("db:5432:{VALUE}"));
    assert_nothing_stays(&spec);
}

#[tokio::test]
async fn nothing_stays_however_a_command_ends() {
    let world = World::new();
    let attempt = |name: &str, argv: &[&str]| {
        let mut spec = with_key(spec(world.path(), argv));
        spec.attempt_dir = world.path().join("spool").join(name);
        spec
    };
    let failed = attempt("failed", &["sh", "-c", "test -s \"$KEY\" && exit 3"]);
    assert_eq!(world.run(&failed).await.exit, Exit::Code(3));
    assert_nothing_stays(&failed);

    let mut late = attempt("late", &["sh", "-c", "exec sleep 1000"]);
    late.timeout = Duration::from_millis(1);
    assert_eq!(world.run(&late).await.exit, Exit::TimedOut);
    assert_nothing_stays(&late);

    std::fs::write(world.path().join("no-program"), "\0").unwrap();
    let script = "chmod +x no-program";
    assert_eq!(
        world.run(&attempt("mode", &["sh", "-c", script])).await.exit,
        Exit::Code(0)
    );
    let unable = attempt("unable", &["./no-program"]);
    assert!(matches!(world.run(&unable).await.exit, Exit::NotStarted(_)));
    assert_nothing_stays(&unable);
}

#[tokio::test]
async fn nothing_stays_when_the_supervisor_is_killed() {
    let world = World::new();
    let spec = with_key(shell(
        world.path(),
        "test -s \"$KEY\" && echo > up; exec sleep 1000",
    ));
    let killing = async {
        let up = world.path().join("up");
        tokio::task::spawn_blocking(move || wait_for_file(&up))
            .await
            .unwrap();
        assert!(is_below(&spec.attempt_dir), "it is there while the command runs");
        kill(supervisor_of(&spec.attempt_dir));
    };
    let (result, ()) = tokio::join!(world.supervisor.run(&spec, &world.stop), killing);
    assert!(matches!(result, Err(SuperviseError::Lost)));
    assert_nothing_stays(&spec);
}

fn with_env(env: &str) -> String {
    with_steps(&format!(
        "  - {{ id: copy, title: Copy it, exec: [copy], rollback: none, env: {env}, verify: [{{ exec: [look] }}] }}"
    ))
    .replace(
        "steps:\n",
        "parameters: { key: { type: secret, from: \"env:KEY\" }, host: { default: db } }\nsteps:\n",
    )
}

#[test]
fn the_plan_holds_the_reference_and_what_it_becomes() {
    let written = "{ KEY: { secret_file: \"${{ params.host }}:${{ params.key }}\" }, MODE: fast }";
    let plan = plan(&with_env(written));
    let change = &plan.changes()[0];
    let expected = json!({
        "KEY": {"secret_file": {"template": [{"text": "db:"}, {"expression": "params.key"}]}},
        "MODE": "fast",
    });
    assert_eq!(change.spec.as_ref().unwrap()["env"], expected);
    let check = serde_json::to_value(&change.postconditions[0]).unwrap();
    assert_eq!(check["spec"]["env"], expected, "checks have the step's");
    let other = crate::kit::plan(&with_env(
        "{ KEY: \"${{ params.host }}:${{ params.key }}\", MODE: fast }",
    ));
    assert_ne!(plan.id(), other.id());
}

#[test]
fn a_file_without_a_secret_and_other_forms_are_refused() {
    for (env, expected) in [
        (
            "{ KEY: { secret_file: keys/id } }",
            "`secret_file` holds no secret (write `secret_file: \"${{ params.NAME }}\"` with a parameter of `type: secret`)",
        ),
        (
            "{ KEY: { file: \"${{ params.key }}\" } }",
            "unknown key `file` in a variable",
        ),
        ("{ KEY: {} }", "a variable needs the key `secret_file`"),
        ("{ KEY: [a] }", "`env`: expected text, found a list"),
    ] {
        let found = errors(&with_env(env));
        assert!(
            found.iter().any(|fault| fault.contains(expected)),
            "{env}: {found:?}"
        );
    }
}
