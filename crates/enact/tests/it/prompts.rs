//! The prompt, through a real terminal: what counts as a yes, in which order is asked, and what a no leaves behind.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::harness::{ENACT, Place, Ran};

/// Is `script` here, which runs a command in a pseudo-terminal? Where it is not, the test says so and ends.
fn has_script() -> bool {
    let found = Command::new("script")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        println!("skipped: script is not installed (Debian: apt-get install bsdutils)");
    }
    found
}

/// Runs a line of the shell at a terminal, types answers and ends with Ctrl-D; the output is what the terminal shows.
fn at_terminal(place: &Place, line: &str, answers: &str) -> Ran {
    let template = place.command(&[]);
    let mut script = Command::new("script");
    script
        .args(["-qec", line, "/dev/null"])
        .current_dir(place.work())
        .env_clear();
    script.envs(
        template
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let folder = std::path::Path::new(ENACT).parent().unwrap();
    script
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .env("NO_COLOR", "1")
        .env("SHELL", "/bin/sh");
    let mut process = script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut typed = process.stdin.take().unwrap();
    // The terminal keeps what is typed before it is asked for; 4 is Ctrl-D.
    typed.write_all(answers.as_bytes()).unwrap();
    typed.write_all(b"\x04").unwrap();
    let output = process.wait_with_output().unwrap();
    drop(typed);
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::new(),
        stderr: String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n"),
    }
}

const ONE: &str = "portals:\n  - { ref: a, name: a }\n";

fn place() -> Place {
    let place = Place::new();
    place.write("portals.yaml", ONE);
    place
}

#[test]
fn the_word_yes_runs_the_plan() {
    if !has_script() {
        return;
    }
    let place = place();
    at_terminal(&place, "enact apply -f portals.yaml", "yes\n")
        .expect(0)
        .says(&[
            "+ create portal a",
            "Do you want to apply this plan? Type 'yes' to confirm: ",
            "Creating portal: a... ✓",
            "- Verified: 1 of 1",
        ]);
    assert_eq!(place.effects(), 1);
    // It is on record as an approval given at the prompt.
    let runs = place.run(&["runs", "list", "--output", "json"]).expect(0).json();
    assert_eq!(runs[0]["state"], "verified");
    let database = rusqlite::Connection::open(place.state().join("state.db")).unwrap();
    let approval: String = database
        .query_row("SELECT body FROM approvals", [], |row| row.get(0))
        .unwrap();
    assert!(approval.contains("\"method\":\"prompt\""), "{approval}");
}

#[test]
fn anything_but_yes_declines() {
    if !has_script() {
        return;
    }
    let place = place();
    for answer in ["y\n", "\n", "YES\n", "yes please\n", "no\n", "yes\u{0}\n", ""] {
        at_terminal(&place, "enact apply -f portals.yaml", answer)
            .expect(5)
            .says(&[
                "Do you want to apply this plan?",
                "error: apply cancelled; nothing was written",
            ]);
        assert_eq!(place.effects(), 0, "{answer:?}");
    }
    assert_eq!(place.run(&["runs", "list"]).expect(0).stdout, "");
}

#[test]
fn a_deletion_is_listed_before_anybody_is_asked() {
    if !has_script() {
        return;
    }
    let place = place();
    place
        .run(&["apply", "-f", "portals.yaml", "--auto-approve"])
        .expect(0);
    let shown = at_terminal(&place, "enact delete -f portals.yaml", "no\n").expect(5);
    let listed = shown
        .stderr
        .find("WARNING: This operation will DELETE resources:\n- portal: a");
    let asked = shown.stderr.find("Do you want to delete this plan?");
    assert!(listed.is_some() && listed < asked, "{}", shown.stderr);
    place.portal("a");
    assert_eq!(place.effects(), 1);
}

/// A place with a protected portal, and a file that takes the protection off.
fn unprotecting() -> Place {
    let place = Place::new();
    let protected =
        |flag: bool| format!("portals:\n  - {{ ref: a, name: guarded, kongctl: {{ protected: {flag} }} }}\n");
    place.write("portals.yaml", protected(true));
    place
        .run(&["apply", "-f", "portals.yaml", "--auto-approve"])
        .expect(0);
    place.write("portals.yaml", protected(false));
    place
}

#[test]
fn taking_protection_off_is_a_second_question() {
    if !has_script() {
        return;
    }
    let place = unprotecting();
    let second = "This takes protection off portal \"guarded\". Type 'yes' to confirm that too: ";
    for answers in ["yes\n", "yes\nno\n", "yes\n\n", "yes\nguarded\n"] {
        at_terminal(&place, "enact apply -f portals.yaml", answers)
            .expect(5)
            .says(&[second, "error: apply cancelled; nothing was written"]);
        assert_eq!(place.effects(), 1, "{answers:?}");
    }
    // Who declines the plan is not asked about protection.
    let declined = at_terminal(&place, "enact apply -f portals.yaml", "no\nyes\n").expect(5);
    assert!(!declined.stderr.contains(second), "{}", declined.stderr);
    let shown = at_terminal(&place, "enact apply -f portals.yaml", "yes\nyes\n").expect(0);
    let first = shown.stderr.find("Do you want to apply this plan?");
    assert!(
        first.is_some() && first < shown.stderr.find(second),
        "{}",
        shown.stderr
    );
    assert_eq!(place.effects(), 2);
}

#[test]
fn the_flag_for_protection_replaces_the_second_question() {
    if !has_script() {
        return;
    }
    let place = unprotecting();
    let shown = at_terminal(&place, "enact apply -f portals.yaml --allow-unprotect", "yes\n").expect(0);
    assert!(!shown.stderr.contains("confirm that too"), "{}", shown.stderr);
    assert_eq!(place.effects(), 2);
}

#[test]
fn auto_approve_does_not_take_protection_off() {
    let place = unprotecting();
    place
        .run(&["apply", "-f", "portals.yaml", "--auto-approve"])
        .expect(5)
        .says(&[
            "error: --auto-approve does not cover taking protection off portal \"guarded\"\n",
            "  hint: add --allow-unprotect, or answer at a prompt",
        ]);
    assert_eq!(place.effects(), 1);
}

#[test]
fn without_a_terminal_nothing_is_asked_and_nothing_done() {
    let place = place();
    let ran = place
        .shell("echo yes | enact apply -f portals.yaml")
        .expect(5)
        .says(&[
            "error: the plan needs approval, and there is no terminal to ask at\n",
            "  hint: look at the plan first, then add --auto-approve",
        ]);
    assert!(!ran.stderr.contains("Type 'yes'"), "{}", ran.stderr);
    assert_eq!(place.effects(), 0);
}

#[test]
fn configuration_from_standard_input_runs_with_auto_approve() {
    let place = place();
    place
        .shell("enact apply -f - --auto-approve < portals.yaml")
        .expect(0)
        .says(&["- Verified: 1 of 1"]);
    assert_eq!(place.effects(), 1);
    // A saved plan from a pipe, too.
    place.write("portals.yaml", "portals:\n  - { ref: b, name: b }\n");
    place
        .shell("enact plan -f portals.yaml --output json | enact apply --plan - --auto-approve")
        .expect(0);
    assert_eq!(place.effects(), 2);
}

#[test]
fn with_standard_input_taken_the_terminal_itself_is_asked() {
    if !has_script() {
        return;
    }
    let place = place();
    for line in [
        "cat portals.yaml | enact apply -f -",
        "cat portals.yaml | enact apply -f ' ,-'",
    ] {
        at_terminal(&place, line, "no\n")
            .expect(5)
            .says(&["Do you want to apply this plan?", "apply cancelled"]);
    }
    assert_eq!(place.effects(), 0);
    at_terminal(&place, "cat portals.yaml | enact apply -f -", "yes\n")
        .expect(0)
        .says(&["- Verified: 1 of 1"]);
    assert_eq!(place.effects(), 1);
}

#[test]
fn an_agent_at_a_terminal_is_not_asked() {
    if !has_script() {
        return;
    }
    let place = place();
    let shown = at_terminal(
        &place,
        "ENACT_PRINCIPAL_KIND=agent enact apply -f portals.yaml",
        "yes\n",
    )
    .expect(5)
    .says(&["(agent) may not approve: an agent never does"]);
    assert!(!shown.stderr.contains("Type 'yes'"), "{}", shown.stderr);
    assert_eq!(place.effects(), 0);
}
