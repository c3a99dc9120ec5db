//! `enact policy eval`: what policies answer about one document, and what is said when there is no answer.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{Place, Ran};

const POLICY: &str = "package enact.plan

deny contains msg if {
    input.plan.summary.total_changes > 0
    msg := \"no changes today\"
}

warn contains {\"msg\": \"careful\", \"code\": \"c1\"} if input.plan

deny contains \"never\" if input.nothing
";

fn place() -> Place {
    let place = Place::new();
    place.write("policies/p.rego", POLICY);
    place.write("portals.yaml", "portals:\n  - { ref: a, name: a }\n");
    // The plan is written although a policy would deny it: it is judged here.
    place
        .run(&["plan", "-f", "portals.yaml", "-o", "plan.json"])
        .expect(0);
    place
}

fn eval(place: &Place, arguments: &[&str]) -> Ran {
    place.run(&[&["policy", "eval"], arguments].concat())
}

#[test]
fn a_plan_file_is_asked_about_with_the_present_time_and_the_person() {
    let place = place();
    let ran = eval(&place, &["policies", "--input", "plan.json"]).expect(0);
    assert_eq!(ran.stdout, "deny:\n- no changes today\nwarn:\n- careful (c1)\n");
    place.write(
        "policies/p.rego",
        "package enact.plan\n\nwarn contains sprintf(\"%v %v\", [input.actor.kind, input.clock.date]) if input.now\n",
    );
    let ran = eval(&place, &["policies", "--input", "plan.json"]).expect(0);
    let date = ran.stdout.trim_end().strip_prefix("warn:\n- person ").unwrap();
    assert!(date.parse::<jiff::civil::Date>().is_ok(), "{date}");
}

#[test]
fn every_rule_is_explained_with_its_place() {
    let ran = eval(&place(), &["policies", "--input", "plan.json", "--explain"]).expect(0);
    assert!(
        ran.stdout.ends_with(
            "\nRules:
- p.rego:3 deny: no changes today
- p.rego:8 warn: careful (c1)
- p.rego:10 deny: nothing
"
        ),
        "{}",
        ran.stdout
    );
}

#[test]
fn the_json_answer_says_which_rule_said_what() {
    let ran = eval(
        &place(),
        &["policies", "--input", "plan.json", "--output", "json"],
    )
    .expect(0);
    let answer = ran.json();
    assert_eq!(answer["outputs"]["deny"], json!(["no changes today"]));
    assert_eq!(
        answer["outputs"]["warn"],
        json!([{"msg": "careful", "code": "c1"}])
    );
    let rules = answer["rules"].as_array().unwrap();
    assert!(
        rules
            .iter()
            .any(|rule| rule["location"] == "p.rego:3" && rule["values"] == json!(["no changes today"])),
        "{answer:#}"
    );
}

#[test]
fn the_document_says_which_question_it_is_for() {
    let place = Place::new();
    place.write(
        "policies/a.rego",
        "package kubernetes_executor.safety\n\ndeny contains \"no restarts\" if input.action == \"RestartDeployment\"\n",
    );
    place.write(
        "policies/c.rego",
        "package condition\n\nallow if input.state.replicas > 2\n",
    );
    place.write("action.json", json!({"action": "RestartDeployment"}).to_string());
    place.write("condition.json", json!({"state": {"replicas": 3}}).to_string());
    let ran = eval(&place, &["policies", "--input", "action.json"]).expect(0);
    assert!(ran.stdout.contains("deny:\n- no restarts\n"), "{}", ran.stdout);
    let ran = eval(&place, &["policies", "--input", "condition.json"]).expect(0);
    assert_eq!(ran.stdout, "allow: true\n");
    // A flag can ask something else.
    eval(
        &place,
        &["policies", "--input", "action.json", "--question", "plan"],
    )
    .expect(4)
    .says(&["error: there is no answer, which denies: nothing answers at data.enact.plan\n"]);
}

#[test]
fn a_plan_file_is_never_taken_for_something_else() {
    let place = place();
    let ran = eval(
        &place,
        &["policies", "--input", "plan.json", "--question", "plan"],
    )
    .expect(0);
    assert!(ran.stdout.contains("no changes today"), "{}", ran.stdout);
    eval(
        &place,
        &["policies", "--input", "plan.json", "--question", "action"],
    )
    .expect(3)
    .says(&["error: plan.json is a plan, and can only be asked about as one"]);
}

#[test]
fn the_document_can_come_from_standard_input() {
    let place = place();
    let plan = std::fs::read(place.work().join("plan.json")).unwrap();
    let mut command = place.command(&["policy", "eval", "policies", "--input", "-"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&plan).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("no changes today")
    );
}

#[test]
fn without_a_path_the_built_in_policies_are_asked() {
    let ran = eval(&place(), &["--input", "plan.json", "--output", "json"]).expect(0);
    assert_eq!(ran.json()["outputs"]["deny"], json!([]));
}

#[test]
fn documents_that_cannot_be_used_are_refused() {
    let place = place();
    let refused = |content: &[u8], said: &[&str]| {
        place.write("bad.json", content);
        let ran = eval(&place, &["policies", "--input", "bad.json"])
            .expect(3)
            .says(said);
        assert_eq!(ran.stdout, "");
    };
    refused(b"plan: yes\n", &["error: bad.json is not readable: "]);
    refused(b"", &["error: bad.json is not readable: EOF"]);
    refused(b"\xff\xfe", &["error: bad.json cannot be read: "]);
    refused(
        b"{\"a\": 1}",
        &[
            "error: bad.json is neither a plan nor a document for policies",
            "hint: its shape: ",
        ],
    );
    refused(b"[]", &["neither a plan nor a document"]);
    let plan = std::fs::read(place.work().join("plan.json")).unwrap();
    refused(&plan[..plan.len() / 2], &["error: bad.json is not readable: EOF"]);
    let mut edited: Value = serde_json::from_slice(&plan).unwrap();
    edited["metadata"]["mode"] = json!("sync");
    refused(
        edited.to_string().as_bytes(),
        &["bad.json: ", "the file was edited after it was made"],
    );
    let deep = format!("{{\"plan\": {}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    refused(deep.as_bytes(), &["error: bad.json "]);
    eval(&place, &["policies", "--input", "none.json"])
        .expect(3)
        .says(&["error: none.json cannot be read: No such"]);
    eval(&place, &["policies", "--input", "."])
        .expect(3)
        .says(&["error: . cannot be read: Is a directory"]);
}

#[test]
fn policies_that_do_not_compile_or_fail_give_no_answer() {
    let place = place();
    place.write("policies/q.rego", "package q\n\nallow if {\n");
    eval(&place, &["policies", "--input", "plan.json"])
        .expect(3)
        .says(&["  --> policies/q.rego:", "error: 1 fault in the policies\n"]);
    place.write(
        "policies/q.rego",
        "package enact.plan\n\ndeny contains \"x\" if to_number(input.kind) == 1\n",
    );
    eval(&place, &["policies", "--input", "plan.json"])
        .expect(4)
        .says(&["error: there is no answer, which denies: ", " at q.rego:3\n"]);
}
