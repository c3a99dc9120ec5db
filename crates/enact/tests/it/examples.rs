//! The examples as a user runs them: real databases, real compilers, agents that work and agents that lie.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Place, Ran};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples")
        .join(name)
}

/// A place whose working directory is a copy of an example.
fn place_with(name: &str) -> Place {
    let place = Place::new();
    let copied = Command::new("cp")
        .arg("-R")
        .arg(format!("{}/.", example(name).display()))
        .arg(place.work())
        .status()
        .unwrap();
    assert!(copied.success());
    place
}

/// Plans an example and approves it in these words.
fn approved(place: &Place, file: &str, say: &str, more: &[&str]) {
    let plan = [&["plan", "-f", file, "-o", "plan.json"], more].concat();
    place.run(&plan).expect(0);
    let digits = digits(place);
    place
        .run(&["approve", "plan.json", "--digits", &digits, "--say", say])
        .expect(0);
}

fn digits(place: &Place) -> String {
    let plan: Value =
        serde_json::from_slice(&std::fs::read(place.work().join("plan.json")).unwrap()).unwrap();
    plan["plan_id"].as_str().unwrap()["sha256:".len()..][..6].to_owned()
}

/// The newest run.
fn last(place: &Place) -> String {
    let runs = place.run(&["runs", "list", "--output", "json"]).expect(0).json();
    runs[0]["run_id"].as_str().unwrap().to_owned()
}

fn report(place: &Place) -> Value {
    place.run(&["runs", "report", &last(place)]).expect(0).json()
}

/// A script of the example, with the environment of the place.
fn script(place: &Place, program: &str, arguments: &[&str]) -> String {
    let template = place.command(&[]);
    let output = Command::new(place.work().join(program))
        .args(arguments)
        .current_dir(place.work())
        .env_clear()
        .envs(
            template
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn verdicts(report: &Value, kind: &str) -> Vec<(String, String)> {
    report["criteria"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|criterion| criterion["kind"] == kind)
        .map(|criterion| {
            let text = |name: &str| criterion[name].as_str().unwrap().to_owned();
            (text("id"), text("verdict"))
        })
        .collect()
}

fn all_passed(report: &Value) {
    let verdicts = verdicts(report, "acceptance");
    assert!(!verdicts.is_empty());
    for (id, verdict) in verdicts {
        assert_eq!(verdict, "passed", "{id}");
    }
}

/// The database servers of one test, stopped when it is over.
struct Servers<'p>(&'p Place);

impl<'p> Servers<'p> {
    /// `None`: the servers' programs are not installed, which is said; where they must be, the test fails.
    fn start(place: &'p mut Place) -> Option<Self> {
        let read = |name: &str| {
            std::env::vars()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value)
        };
        let postgres = std::fs::read_dir("/usr/lib/postgresql").is_ok();
        let mariadb = ["/usr/sbin/mariadbd", "/usr/libexec/mysqld"]
            .iter()
            .any(|path| Path::new(path).exists());
        if !(postgres && mariadb) {
            assert!(
                read("ENACT_REQUIRE_DATABASES").is_none(),
                "ENACT_REQUIRE_DATABASES is set, and PostgreSQL or MariaDB is not installed"
            );
            println!(
                "skipped: PostgreSQL or MariaDB is not installed (see examples/database-migration/scripts/packages.txt)"
            );
            return None;
        }
        let urls = script(place, "scripts/servers.sh", &["start", "servers"]);
        for line in urls.lines() {
            let line = line.strip_prefix("export ").unwrap_or(line);
            if let Some((name, value)) = line.split_once('=') {
                place
                    .environment
                    .push((name.to_owned(), value.trim_matches(['\'', '"']).to_owned()));
            }
        }
        Some(Self(place))
    }

    fn tell(&self, word: &str) -> String {
        script(self.0, "scripts/servers.sh", &[word, "servers"])
    }
}

impl Drop for Servers<'_> {
    fn drop(&mut self) {
        self.tell("stop");
    }
}

#[test]
fn users_move_from_mariadb_to_postgresql_with_a_checkpoint_before_step_6() {
    let mut place = place_with("database-migration");
    place
        .environment
        .push(("PATH".to_owned(), "/usr/sbin:/usr/bin:/sbin:/bin".to_owned()));
    let Some(servers) = Servers::start(&mut place) else {
        return;
    };
    let place = servers.0;
    approved(
        place,
        "users-mysql-to-postgres.plan.yaml",
        "Proceed, but confirm before Step 6",
        &[],
    );
    place
        .run(&["run", "plan.json"])
        .expect(9)
        .says(&["waits for a confirmation before it", "validate_source.rows=5003"]);
    place
        .run(&["confirm", &last(place)])
        .expect(0)
        .says(&["RESULT   complete"]);
    let report = report(place);
    all_passed(&report);
    assert_eq!(report["outcome"], "verified");
    assert!(
        report["requirements"]
            .as_array()
            .unwrap()
            .iter()
            .all(|requirement| requirement["shown"] == true)
    );
    assert!(report["waits"][0]["waited_ms"].as_u64().is_some());
    assert!(report["times"]["downtime_ms"].as_u64().unwrap() > 0);
    // The data is there, byte for byte, and its secrets are nowhere.
    let compared = script(place, "scripts/compare.sh", &["--checksums"]);
    assert!(compared.contains("5003"), "{compared}");
    let password = place
        .environment
        .iter()
        .find(|(name, _)| name == "PG_URL")
        .and_then(|(_, url)| {
            Some(
                url.split_once("://")?
                    .1
                    .split_once(':')?
                    .1
                    .split_once('@')?
                    .0
                    .to_owned(),
            )
        })
        .unwrap();
    let found = Command::new("grep")
        .args(["-r", "-l", &password])
        .arg(place.state())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&found.stdout),
        "",
        "a password is in the state directory"
    );

    // The import fails in the middle: everything is taken back.
    servers.tell("reset");
    let before = servers.tell("fingerprint");
    approved(place, "failing.plan.yaml", "Proceed", &[]);
    place
        .run(&["run", "plan.json"])
        .expect(7)
        .says(&["undone", "failed and rolled back"]);
    assert_eq!(
        servers.tell("fingerprint"),
        before,
        "source, target and application are as before"
    );

    // The fresh database that was assumed is not: before anything runs, and found out by a step's own output.
    servers.tell("reset");
    approved(place, "users-mysql-to-postgres.plan.yaml", "Proceed", &[]);
    servers.tell("break");
    let before = servers.tell("fingerprint");
    place
        .run(&["run", "plan.json"])
        .expect(6)
        .says(&["A_FRESH", "nothing has happened"]);
    assert_eq!(servers.tell("fingerprint"), before);
    servers.tell("reset");
    servers.tell("break-hidden");
    place
        .run(&["run", "users-mysql-to-postgres.plan.yaml", "--auto-approve"])
        .expect(9)
        .says(&["the assumption A_FRESH is broken", "already exists"]);
    place
        .run(&[
            "decide",
            &last(place),
            "target",
            "rollback",
            "--reason",
            "somebody else's table",
        ])
        .expect(7);
}

#[test]
fn a_release_stops_before_it_is_published_and_takes_back_what_a_person_declines() {
    let mut place = place_with("release");
    place
        .environment
        .push(("PATH".to_owned(), "/usr/bin:/bin".to_owned()));
    script(&place, "scripts/make-project.sh", &[]);
    let tags = |place: &Place| {
        let output = Command::new("git")
            .args(["-C", "work/project", "tag"])
            .current_dir(place.work())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let before = tags(&place);
    approved(&place, "release.plan.yaml", "Proceed", &[]);
    place.run(&["run", "plan.json"]).expect(9);
    assert_ne!(tags(&place), before);
    place
        .run(&["rollback", &last(&place), "--auto-approve"])
        .expect(7);
    assert_eq!(tags(&place), before, "the tag was taken back");
    place
        .run(&["run", "release.plan.yaml", "--auto-approve"])
        .expect(9);
    place.run(&["confirm", &last(&place)]).expect(0);
    all_passed(&report(&place));
    // The same version a second time is not what the plan takes for granted.
    place
        .run(&["run", "release.plan.yaml", "--auto-approve"])
        .expect(6);
}

#[test]
fn a_portal_is_launched_inside_of_a_runbook() {
    let mut place = place_with("konnect-in-runbook");
    let url = place.server.as_ref().unwrap().base_url();
    let bin = Path::new(crate::harness::ENACT)
        .parent()
        .unwrap()
        .display()
        .to_string();
    place
        .environment
        .push(("PATH".to_owned(), format!("{bin}:/usr/bin:/bin")));
    let url = format!("konnect_url={url}");
    approved(&place, "launch.plan.yaml", "Proceed", &["-P", &url]);
    place.run(&["run", "plan.json"]).expect(0);
    all_passed(&report(&place));
    assert!(
        place
            .run(&["get", "portals"])
            .expect(0)
            .all()
            .contains("harbor-launch")
    );
    place
        .run(&["run", "launch.plan.yaml", "--auto-approve", "-P", &url])
        .expect(6);
}

/// The toolchain's own programs: they need neither rustup nor its variables.
fn toolchain() -> String {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .unwrap();
    format!("{}/bin", String::from_utf8_lossy(&output.stdout).trim())
}

fn delegated(name: &str, plan: &str) -> Place {
    let mut place = place_with(name);
    place
        .environment
        .push(("PATH".to_owned(), format!("{}:/usr/bin:/bin", toolchain())));
    if place.work().join("start").is_dir() {
        // What the work begins with.
        script(&place, "/bin/cp", &["-R", "start", "login"]);
    }
    approved(&place, plan, "Proceed", &[]);
    place.run(&["run", "plan.json"]).expect(9);
    place
}

fn attest(place: &Place, step: &str) -> Ran {
    place.run_with(
        &[("ENACT_PRINCIPAL_KIND", "agent")],
        &["attest", &last(place), step],
    )
}

fn works(name: &str, plan: &str, steps: &[&str]) {
    let place = delegated(name, plan);
    for (number, step) in steps.iter().enumerate() {
        let next = place.run(&["runs", "next", &last(&place)]).expect(0);
        assert!(next.stdout.contains(&format!("({step})")), "{}", next.all());
        script(&place, "agent.sh", &[step]);
        let code = if number + 1 == steps.len() { 0 } else { 9 };
        attest(&place, step).expect(code);
    }
    all_passed(&report(&place));
}

/// Everything before `at` is done honestly; then the lie, which stops the run there.
fn lies(name: &str, plan: &str, steps: &[&str], at: &str) {
    for mode in ["nothing", "outside", "weakened"] {
        let place = delegated(name, plan);
        for step in steps.iter().take_while(|step| **step != at) {
            script(&place, "agent.sh", &[step]);
            attest(&place, step).expect(9);
        }
        script(&place, "agent-lies.sh", &[mode, at]);
        let caught = attest(&place, at);
        assert!(matches!(caught.code, 1 | 9), "{mode}: {}", caught.all());
        let report = report(&place);
        let step = report["steps"]
            .as_array()
            .unwrap()
            .iter()
            .find(|step| step["id"] == at)
            .unwrap();
        assert!(
            matches!(step["state"].as_str(), Some("failed" | "escalated")),
            "{mode}: the lie about {at} went through: {}",
            caught.all()
        );
        println!("{name}, {mode}: {}", step["note"]);
    }
}

const API: [&str; 7] = ["setup", "database", "auth", "routes", "errors", "tests", "docs"];

#[test]
fn an_agent_writes_a_service_step_by_step() {
    works("task-api", "task-api.plan.md", &API);
}

#[test]
fn an_agent_that_lies_about_the_service_is_caught() {
    lies("task-api", "task-api.plan.md", &API, "routes");
}

const TWO_FACTOR: [&str; 8] = [
    "blocks",
    "database",
    "totp",
    "enrolment",
    "login",
    "backup_codes",
    "frontend",
    "tests",
];

#[test]
fn an_agent_adds_two_factor_login_step_by_step() {
    works("two-factor", "two-factor.plan.md", &TWO_FACTOR);
}

#[test]
fn an_agent_that_lies_about_two_factor_login_is_caught() {
    lies("two-factor", "two-factor.plan.md", &TWO_FACTOR, "totp");
}
