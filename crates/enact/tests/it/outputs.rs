//! Machine output: exactly one document on standard output, as the published schemas say; and that every help, completion
//! and manual page is there.

use jsonschema::Validator;
use serde_json::Value;

use crate::harness::{Place, Ran};

/// The validator of a document, made from what the binary publishes.
fn schema(place: &Place, what: &str) -> Validator {
    let schema = place.run(&["schema", what]).expect(0).json();
    jsonschema::validator_for(&schema).unwrap()
}

#[track_caller]
fn assert_valid(validator: &Validator, document: &Value) {
    let faults: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(faults, [""; 0], "{document:#}");
}

/// One JSON document and one YAML document that say the same.
#[track_caller]
fn both(json: &Ran, yaml: &Ran) -> Value {
    assert_eq!(json.code, yaml.code, "{}\n{}", json.all(), yaml.all());
    let document = json.json();
    let other: Value =
        serde_saphyr::from_str(&yaml.stdout).unwrap_or_else(|error| panic!("{error}\n{}", yaml.stdout));
    assert_eq!(without_ids(&document), without_ids(&other));
    document
}

/// Without what differs from run to run.
fn without_ids(document: &Value) -> Value {
    match document {
        Value::Object(object) => object
            .iter()
            .filter(|(key, _)| {
                ![
                    "run_id",
                    "resource_id",
                    "error",
                    "reason",
                    "found",
                    "generated_at",
                    "input_digest",
                ]
                .contains(&key.as_str())
            })
            .map(|(key, value)| (key.clone(), without_ids(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_ids).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => document.clone(),
    }
}

const ONE: &str = "portals:\n  - { ref: a, name: a, description: \"yes: no # {}\\n- x\" }\n";

/// Prepares a place, runs a command in both forms (each in a place of its own) and checks the document.
#[track_caller]
fn run_document(prepare: impl Fn(&Place), arguments: &[&str], code: i32) -> Value {
    let ran = |form: &str| {
        let place = Place::new();
        place.write("portals.yaml", ONE);
        prepare(&place);
        let ran = place.run(&[arguments, &["--output", form]].concat()).expect(code);
        (place, ran)
    };
    let (place, json) = ran("json");
    let (_, yaml) = ran("yaml");
    let yaml = Ran {
        stdout: yaml.stdout.replace(&yaml_plan_id(&yaml), &json_plan_id(&json)),
        ..yaml
    };
    let document = both(&json, &yaml);
    assert_valid(&schema(&place, "run"), &document);
    assert_eq!(document["format"], "enact.run/v1");
    document
}

/// Two places are two targets, so their plans have two names.
fn json_plan_id(ran: &Ran) -> String {
    ran.json()["plan_id"].as_str().unwrap().to_owned()
}

fn yaml_plan_id(ran: &Ran) -> String {
    let line = ran
        .stdout
        .lines()
        .find(|line| line.starts_with("plan_id: "))
        .unwrap();
    line.trim_start_matches("plan_id: ")
        .trim_matches(['"', '\''])
        .to_owned()
}

const APPLY: [&str; 4] = ["apply", "-f", "portals.yaml", "--auto-approve"];

#[test]
fn a_run_that_is_verified_is_one_document() {
    let document = run_document(|_| {}, &APPLY, 0);
    assert_eq!(document["outcome"], "verified");
    assert_eq!(document["execution_result"]["success_count"], 1);
    assert_eq!(document["changes"][0]["outcome"], "done");
    assert_eq!(document["changes"][0]["verified"], true);
}

#[test]
fn a_run_that_fails_is_one_document() {
    let refuse = |place: &Place| {
        place.faults(r#"[{"match": {"method": "POST"}, "do": {"kind": "status", "status": 400}}]"#);
    };
    let document = run_document(refuse, &APPLY, 1);
    assert_eq!(document["outcome"], "failed");
    let error = &document["execution_result"]["errors"][0];
    assert_eq!(error["change_id"], "create:portal:a");
    assert!(
        error["error"].as_str().unwrap().contains("400 bad request"),
        "{error}"
    );
}

#[test]
fn a_stale_plan_is_one_document() {
    let meanwhile = |place: &Place| {
        place
            .run(&["plan", "-f", "portals.yaml", "-o", "plan.json"])
            .expect(0);
        place.call("POST", "/v3/portals", Some(serde_json::json!({"name": "a"})));
    };
    let arguments = ["apply", "--plan", "plan.json", "--auto-approve"];
    let document = run_document(meanwhile, &arguments, 6);
    assert_eq!(document["outcome"], "stale");
    assert_eq!(document["execution_result"]["success_count"], 0);
    assert_eq!(document["changes"][0]["mismatches"][0]["subject"], "portal \"a\"");
}

#[test]
fn a_plan_with_nothing_but_blocked_changes_is_one_document() {
    let protect = |place: &Place| {
        let guarded = "portals:\n  - { ref: a, name: a, kongctl: { protected: true } }\n";
        place.write("portals.yaml", guarded);
        place.run(&APPLY).expect(0);
        place.write(
            "portals.yaml",
            guarded.replace("name: a,", "name: a, description: x,"),
        );
    };
    let document = run_document(protect, &APPLY, 4);
    assert_eq!(document["execution_result"]["blocked_count"], 1);
    assert_eq!(document["changes"][0]["outcome"], "blocked");
    assert!(
        document["changes"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("is protected"),
        "{document}"
    );
}

#[test]
fn nothing_to_do_is_one_document() {
    let document = run_document(|place| drop(place.run(&APPLY).expect(0)), &APPLY, 0);
    assert_eq!(document["changes"], serde_json::json!([]));
    assert!(document.get("run_id").is_none(), "{document}");
}

#[test]
fn a_dry_run_is_one_document() {
    let document = run_document(|_| {}, &["apply", "-f", "portals.yaml", "--dry-run"], 0);
    assert!(
        document["error"]
            .as_str()
            .unwrap()
            .starts_with("dry run: nothing was written"),
        "{document}"
    );
    assert_eq!(document["changes"][0]["outcome"], "not_run");
}

#[test]
fn a_command_that_fails_before_a_run_prints_no_document() {
    let place = Place::new();
    place.write("portals.yaml", ONE);
    place.write("bad.yaml", "portals: 1\n");
    place.write("bad.json", "{");
    for (arguments, code) in [
        (vec!["apply", "-f", "bad.yaml", "--auto-approve"], 3),
        (vec!["apply", "--plan", "bad.json", "--auto-approve"], 3),
        (vec!["apply", "-f", "portals.yaml"], 5),
        (vec!["plan", "-f", "bad.yaml"], 3),
        (vec!["runs", "show", "none"], 3),
    ] {
        let ran = place
            .run(&[arguments.as_slice(), &["--output", "json"]].concat())
            .expect(code);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert!(ran.stderr.contains("error: "), "{arguments:?}: {}", ran.stderr);
    }
    assert_eq!(place.effects(), 0);
}

/// What policies are asked about is what `enact schema policy-input` says.
#[test]
fn the_documents_that_policies_see_are_as_published() {
    use enact_engine::policy::input::{Occasion, plan_input};
    let place = Place::new();
    place.write("portals.yaml", ONE);
    for mode in ["apply", "sync"] {
        let plan = place.run(&["plan", "-f", "portals.yaml", "--mode", mode, "--output", "json"]);
        let plan = enact_core::plan::Plan::parse(plan.expect(0).stdout.as_bytes()).unwrap();
        let occasion = Occasion {
            now: "2026-01-02T15:04:05Z".parse().unwrap(),
            actor: plan.metadata().author.clone(),
        };
        let input: Value = serde_json::from_str(&plan_input(&plan, &occasion).unwrap()).unwrap();
        assert_valid(&schema(&place, "policy-input"), &input);
        assert_eq!(input["clock"]["weekday"], "friday");
        assert_eq!(input["clock"]["minute_of_day"], 904);
        let mut wrong = input;
        wrong["clock"]["minute_of_day"] = serde_json::json!("904");
        assert!(!schema(&place, "policy-input").is_valid(&wrong));
    }
    let action = serde_json::json!({
        "action": "ScaleDeployment", "parameters": {"replicas": "00"}, "typed": {"replicas": 0},
        "target_resource": {"kind": "Deployment", "name": "a", "namespace": "u", "labels": {}},
        "dry_run": false, "metadata": {"execution_name": "x", "execution_namespace": "y"},
        "cluster": {"target": {"exists": true}, "namespace": {}, "node": {}},
        "actor": {"owner": {"kind": "", "name": ""}, "created_by": ""}, "now": "2026-01-02T15:04:05Z",
    });
    assert_valid(&schema(&place, "policy-input"), &action);
    let mut wrong = action;
    wrong["parameters"]["replicas"] = serde_json::json!(0);
    assert!(!schema(&place, "policy-input").is_valid(&wrong));
}

#[test]
fn a_plan_is_one_document_in_both_forms_and_in_the_file() {
    let place = Place::new();
    place.write("portals.yaml", ONE);
    let arguments = ["plan", "-f", "portals.yaml", "-o", "plan.json", "--output"];
    let json = place.run(&[arguments.as_slice(), &["json"]].concat()).expect(0);
    let file: Value =
        serde_json::from_slice(&std::fs::read(place.work().join("plan.json")).unwrap()).unwrap();
    assert_eq!(json.json(), file);
    let yaml = place.run(&[arguments.as_slice(), &["yaml"]].concat()).expect(0);
    let document = both(&json, &yaml);
    assert_valid(&schema(&place, "plan"), &document);
    assert_eq!(
        document["changes"][0]["desired"]["description"],
        "yes: no # {}\n- x"
    );
    for form in ["json", "yaml"] {
        let empty = place.run(&["plan", "-f", "portals.yaml", "--mode", "delete", "--output", form]);
        assert_eq!(empty.code, 0, "{}", empty.all());
    }
    // The schemas can say no.
    let mut wrong = document;
    wrong["changes"][0]["action"] = serde_json::json!("DESTROY");
    assert!(!schema(&place, "plan").is_valid(&wrong));
    assert!(!schema(&place, "run").is_valid(&wrong));
}

#[test]
fn journal_and_approval_match_their_schemas() {
    let place = Place::new();
    place.write("portals.yaml", ONE);
    place.run(&APPLY).expect(0);
    let runs = place.run(&["runs", "list", "--output", "json"]).expect(0).json();
    let log = place
        .run(&["runs", "log", runs[0]["run_id"].as_str().unwrap()])
        .expect(0);
    let validator = schema(&place, "entry");
    let mut entries = 0;
    for line in log.stdout.lines() {
        assert_valid(&validator, &serde_json::from_str(line).unwrap());
        entries += 1;
    }
    assert!(entries >= 5, "{}", log.stdout);
    let database = rusqlite::Connection::open(place.state().join("state.db")).unwrap();
    let approval: String = database
        .query_row("SELECT body FROM approvals", [], |row| row.get(0))
        .unwrap();
    assert_valid(
        &schema(&place, "approval"),
        &serde_json::from_str(&approval).unwrap(),
    );
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let place = Place::new();
    place.write("portals.yaml", ONE);
    let plan = |more: &[&str], environment: &[(&str, &str)]| {
        place
            .run_with(
                environment,
                &[["plan", "-f", "portals.yaml"].as_slice(), more].concat(),
            )
            .expect(0)
            .all()
            .contains('\x1b')
    };
    assert!(!plan(&[], &[]), "standard error is no terminal");
    assert!(plan(&["--color", "always"], &[]));
    assert!(
        plan(&["--color", "always"], &[("NO_COLOR", "1")]),
        "a flag goes before the environment"
    );
    assert!(!plan(&["--color", "never"], &[]));
    assert!(
        !plan(&["--color", "always", "--output", "json"], &[]),
        "a document is never painted"
    );
    let template = place.shell("NO_COLOR=1 script -qec 'enact plan -f portals.yaml' /dev/null");
    if template.code == 127 {
        println!("skipped: script is not installed");
        return;
    }
    assert!(!template.all().contains('\x1b'), "{}", template.all());
    let painted = place.shell("TERM=xterm script -qec 'enact plan -f portals.yaml' /dev/null");
    assert!(painted.all().contains("\x1b[32m+\x1b[0m"), "{}", painted.all());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::new();
    let portal = |number: usize| format!("  - {{ ref: r{number}, name: n{number} }}\n");
    place.write(
        "portals.yaml",
        format!("portals:\n{}", (0..2_000).map(portal).collect::<String>()),
    );
    // The status of enact itself, not of the last command of the pipe.
    for command in [
        "plan -f portals.yaml --output json",
        "plan -f portals.yaml --output yaml",
        "apply -f portals.yaml --dry-run --output json",
        "completions zsh",
        "schema plan",
        "man",
        "--help",
        "apply --help",
    ] {
        let ran = place.shell(&format!("{{ enact {command}; echo code $? >&2; }} | true"));
        assert!(ran.stderr.contains("code 0\n"), "{command}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{command}: {}", ran.stderr);
    }
    // A closed standard error does not stop a run either.
    place.write("portals.yaml", ONE);
    let ran = place
        .shell("enact apply -f portals.yaml --auto-approve --output json 2>&-")
        .expect(0);
    assert_eq!(ran.json()["outcome"], "verified");
    assert_eq!(place.effects(), 1);
}

#[test]
fn completions_and_manual_pages_are_there() {
    let place = Place::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = place.run(&["completions", shell]).expect(0);
        assert!(script.stdout.contains("auto-approve"), "{shell}");
        assert_eq!(script.stderr, "");
    }
    place
        .run(&["completions", "csh"])
        .expect(3)
        .says(&["invalid value 'csh'", "bash"]);
    for command in commands(&place) {
        let page = place.run(&["man", &command]).expect(0);
        assert!(page.stdout.contains(".SH NAME"), "{command}");
        assert!(page.stdout.len() > 500, "{command}");
    }
    assert!(place.run(&["man"]).expect(0).stdout.contains(".SH SUBCOMMANDS"));
    place
        .run(&["man", "none"])
        .expect(3)
        .says(&["there is no command \"none\"", "hint: "]);
}

/// The commands that `enact --help` lists.
fn commands(place: &Place) -> Vec<String> {
    let help = place.run(&["--help"]).expect(0).stdout;
    let (_, list) = help.split_once("Commands:\n").unwrap();
    list.lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .filter(|command| command != "help")
        .collect()
}

#[test]
fn every_command_shows_an_example() {
    let place = Place::new();
    let commands = commands(&place);
    assert!(commands.len() >= 20, "{commands:?}");
    for command in commands {
        let help = place.run(&[&command, "--help"]).expect(0);
        let example =
            help.stdout.contains("Example:\n  enact ") || help.stdout.contains("Examples:\n  enact ");
        assert!(example || command == "logout", "{command}:\n{}", help.stdout);
        assert_eq!(help.stderr, "");
    }
}
