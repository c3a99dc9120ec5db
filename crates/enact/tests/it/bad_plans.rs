//! Plan files that are damaged, edited, of another mode or out of date: refused, and nothing written.

use serde_json::json;

use crate::harness::{Place, Ran};

pub(crate) const ONE: &str = "portals:\n  - { ref: a, name: a, description: one }\n";

/// A place with a saved plan that creates one portal; what was asked for it is forgotten.
pub(crate) fn planned() -> Place {
    let place = Place::new();
    place.write("portals.yaml", ONE);
    place
        .run(&["plan", "-f", "portals.yaml", "-o", "plan.json"])
        .expect(0);
    place.reset_counts();
    place
}

pub(crate) fn plan(place: &Place) -> Vec<u8> {
    std::fs::read(place.work().join("plan.json")).unwrap()
}

/// Tries to run `bad.json`: refused as invalid input before any request, and the file stays as it is.
#[track_caller]
pub(crate) fn refused(place: &Place, said: &[&str]) -> Ran {
    let before = place.files();
    let ran = place
        .run(&["apply", "--plan", "bad.json", "--auto-approve"])
        .expect(3)
        .says(said);
    assert_eq!(ran.stdout, "");
    assert_eq!(place.requests(), [""; 0]);
    assert_eq!(place.files(), before);
    ran
}

#[test]
fn a_plan_that_is_cut_off_says_where_it_ends() {
    let place = planned();
    let whole = plan(&place);
    for part in 1..10 {
        let bytes = &whole[..whole.len() * part / 10];
        place.write("bad.json", bytes);
        let line = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        refused(
            &place,
            &[
                "error: bad.json: the plan is not readable at line ",
                &format!("at line {line}, column "),
                "EOF",
                "hint: the file is cut off there",
            ],
        );
    }
    place.write("bad.json", "");
    refused(
        &place,
        &["error: bad.json: the plan is not readable at line 1, column 0: EOF"],
    );
}

#[test]
fn a_plan_with_one_byte_changed_is_refused_unless_the_byte_means_nothing() {
    let place = planned();
    let whole = plan(&place);
    let text = String::from_utf8(whole.clone()).unwrap();
    let time = text.find("\"generated_at\": \"").unwrap() + "\"generated_at\": \"".len();
    let time = time..time + text[time..].find('"').unwrap();
    let verdict = text.find("\"verdict\": {").unwrap() + "\"verdict\": {".len()..text.len();
    let mut accepted = 0;
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        place.write("bad.json", &bytes);
        let ran = place.run(&["apply", "--plan", "bad.json", "--auto-approve"]);
        let meaningless = time.contains(&at) || verdict.contains(&at);
        match ran.code {
            3 => assert!(
                ran.stderr.starts_with("error: bad.json: "),
                "{at}: {}",
                ran.stderr
            ),
            // The first one that is accepted runs; those after it are out of date.
            0 | 6 if meaningless => accepted += 1,
            code => panic!("byte {at} changed: exit code {code}\n{}", ran.all()),
        }
        assert!(place.effects() <= 1, "{at}");
    }
    assert!(accepted > 0);
}

#[test]
fn a_plan_in_another_format_or_with_unknown_fields_is_refused() {
    let place = planned();
    let text = String::from_utf8(plan(&place)).unwrap();
    for (from, to, said) in [
        (
            "enact.plan/v1",
            "enact.plan/v2",
            "the plan has format \"enact.plan/v2\"; this version reads \"enact.plan/v1\"",
        ),
        (
            "\"warnings\": []",
            "\"warnings\": [], \"force\": true",
            "unknown field `force`",
        ),
        (
            "\"action\": \"CREATE\"",
            "\"action\": \"CREATE\", \"skip_checks\": true",
            "unknown field `skip_checks`",
        ),
        (
            "\"action\": \"CREATE\"",
            "\"action\": \"CREATE\", \"action\": \"DELETE\"",
            "duplicate field `action`",
        ),
        (
            "\"action\": \"CREATE\"",
            "\"action\": \"DESTROY\"",
            "unknown variant `DESTROY`",
        ),
        (
            "\"name\": \"a\"",
            "\"name\": \"b\"",
            "the plan's content does not match its plan_id",
        ),
        ("\n}\n", "\n}\n{", "trailing characters"),
    ] {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "{from}");
        place.write("bad.json", edited);
        refused(&place, &["error: bad.json: ", said, "  hint: "]);
    }
}

#[test]
fn what_is_no_plan_at_all_is_refused() {
    let place = planned();
    for (content, said) in [
        (
            ONE.to_owned(),
            "the plan is not readable at line 1, column 1: expected value",
        ),
        ("{}".to_owned(), "missing field `format`"),
        ("[".repeat(100_000), "the plan is not readable at line 1"),
        (
            format!(
                "{{\"format\": \"enact.plan/v1\", \"document\": {}",
                "[".repeat(100_000)
            ),
            "EOF while parsing",
        ),
        (
            format!(
                "{{\"format\": \"enact.plan/v1\", \"document\": {}{}}}",
                "[".repeat(100_000),
                "]".repeat(100_000)
            ),
            "recursion limit exceeded",
        ),
    ] {
        place.write("bad.json", content);
        let ran = refused(&place, &["error: bad.json: ", said, "  hint: "]);
        assert!(ran.stderr.len() < 1_000, "{}", ran.stderr);
    }
    place.write("bad.json", b"\x00\xff\xfe");
    refused(&place, &["error: bad.json: the plan is not readable"]);
    std::fs::remove_file(place.work().join("bad.json")).unwrap();
    refused(
        &place,
        &[
            "error: the plan bad.json cannot be read: No such file",
            "  hint: make one with",
        ],
    );
    std::fs::create_dir(place.work().join("bad.json")).unwrap();
    refused(
        &place,
        &["error: the plan bad.json cannot be read: Is a directory"],
    );
}

#[test]
fn a_plan_runs_once() {
    let place = planned();
    let apply = ["apply", "--plan", "plan.json", "--auto-approve"];
    place.run(&apply).expect(0);
    place.run(&apply).expect(6).says(&[
        "Stale: portal \"a\": expected nothing, found \"one of namespace default (id ",
        "Nothing was written: the world is not what the plan was based on. Plan again.",
    ]);
    assert_eq!(place.effects(), 1);
    let runs = place.run(&["runs", "list"]).expect(0);
    assert!(
        runs.stdout.contains("  stale  ") && runs.stdout.contains("  verified  "),
        "{}",
        runs.stdout
    );
}

#[test]
fn a_plan_made_before_somebody_else_came_is_stale() {
    let place = planned();
    place
        .run(&["apply", "-f", "portals.yaml", "--auto-approve"])
        .expect(0);
    place.write(
        "portals.yaml",
        "portals:\n  - { ref: a, name: a, description: two }\n  - { ref: b, name: b }\n",
    );
    place
        .run(&["plan", "-f", "portals.yaml", "-o", "plan.json"])
        .expect(0);
    let path = format!("/v3/portals/{}", place.portal("a"));
    for (edit, said) in [
        (
            json!({"description": "by hand"}),
            "portal \"a\": description: expected \"one\", found \"by hand\"",
        ),
        (
            json!({"description": "one", "name": "z"}),
            "portal \"a\": name: expected \"a\", found \"z\"",
        ),
        (
            json!({"name": "a", "labels": {"KONGCTL-protected": "true"}}),
            "portal \"a\": protected: expected false, found true",
        ),
        (
            json!({"labels": {"KONGCTL-protected": null, "KONGCTL-namespace": "theirs"}}),
            "portal \"a\": namespace: expected \"default\", found \"theirs\"",
        ),
    ] {
        let (status, answer) = place.call("PATCH", &path, Some(edit));
        assert_eq!(status, 200, "{answer}");
        let effects = place.effects();
        place
            .run(&["apply", "--plan", "plan.json", "--auto-approve"])
            .expect(6)
            .says(&["Stale: ", said]);
        assert_eq!(
            place.effects(),
            effects,
            "nothing was written, not even the portal that nobody touched"
        );
    }
    place.call("DELETE", &path, None);
    let effects = place.effects();
    place
        .run(&["apply", "--plan", "plan.json", "--auto-approve"])
        .expect(6)
        .says(&["portal \"a\": expected \"it exists\", found \"it is gone\""]);
    assert_eq!(place.effects(), effects);
}

#[test]
fn a_plan_of_another_mode_names_the_command_that_runs_it() {
    let place = planned();
    place
        .run(&["apply", "-f", "portals.yaml", "--auto-approve"])
        .expect(0);
    place
        .run(&["plan", "-f", "portals.yaml", "--mode", "delete", "-o", "bad.json"])
        .expect(0);
    place.reset_counts();
    refused(
        &place,
        &["error: this is a plan for delete, not for apply\n  hint: run it with `enact delete --plan`"],
    );
    crate::forged_plans::forge(&place, |plan| plan["metadata"]["mode"] = json!("run"));
    refused(&place, &["error: the plan is not a runbook\n"]);
    place
        .run(&["delete", "--plan", "plan.json", "--auto-approve"])
        .expect(3)
        .says(&["error: this is a plan for apply, not for delete\n"]);
    place
        .run(&["sync", "--plan", "plan.json", "--auto-approve"])
        .expect(3)
        .says(&["error: this is a plan for apply, not for sync\n"]);
    assert_eq!(place.requests(), [""; 0]);
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let place = Place::new();
    place.write(
        "portals.yaml",
        "portals:\n  - { ref: a, name: \"x\\r\\e[2K\\e[8mhidden\\u202e\" }\n",
    );
    for arguments in [
        vec!["plan", "-f", "portals.yaml", "-o", "plan.json"],
        vec!["show", "plan.json"],
        vec![
            "diff",
            "--plan",
            "plan.json",
            "--full-content",
            "--color",
            "always",
        ],
        vec!["apply", "-f", "portals.yaml", "--auto-approve"],
        vec!["get", "portals"],
        vec!["runs", "list"],
    ] {
        let ran = place.run(&arguments);
        let painted = ["\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m"];
        let plain = painted
            .iter()
            .fold(ran.all(), |text, code| text.replace(code, ""));
        let steering =
            |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
        assert!(!plain.contains(steering), "{arguments:?}: {plain:?}");
    }
}
