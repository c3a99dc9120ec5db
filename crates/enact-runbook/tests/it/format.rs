//! The author's document to a plan.

use enact_core::change::{Effect, Precondition, Undo};
use enact_runbook::files::MemoryFiles;
use enact_runbook::spec::{Document, StepSpec};
use serde_json::json;

use crate::kit::{
    MAINTENANCE, MIGRATION, compiled, errors, options, plan, scripts, with_parameters, with_steps,
};

#[test]
fn the_migration_of_the_reference_compiles() {
    let compiled = compiled(MIGRATION, &options(), &scripts());
    let plan = compiled.draft.freeze().unwrap();
    assert_eq!(plan.changes().len(), 9);
    let document: Document = serde_json::from_value(plan.document().unwrap().clone()).unwrap();
    assert_eq!(document.name, "users-mysql-to-postgres");
    assert_eq!(document.files.len(), 9);
    assert_eq!(document.estimate.unwrap().likely.0, 66 * 60_000);
    let migrate = plan
        .changes()
        .iter()
        .find(|change| change.change_id.as_str() == "migrate")
        .unwrap();
    assert!(matches!(&migrate.preconditions[..], [Precondition::Check { name, .. }] if name == "A_SPACE"));
    assert!(matches!(migrate.undo, Some(Undo::Run { .. })));
    let spec: StepSpec = serde_json::from_value(migrate.spec.clone().unwrap()).unwrap();
    assert_eq!(spec.number, 6);
    assert_eq!(
        spec.action,
        json!({"argv": ["scripts/migrate.sh", "--chunk", "5000"]})
    );
    let last = plan.changes().last().unwrap();
    assert!(last.handling.as_ref().unwrap().always && last.depends_on.is_empty());
}

#[test]
fn the_maintenance_of_the_reference_compiles() {
    let options = with_parameters(&[("node", json!("w1.example")), ("kernel", json!("6.8.0-45"))]);
    let plan = compiled(MAINTENANCE, &options, &MemoryFiles::default())
        .draft
        .freeze()
        .unwrap();
    assert_eq!(plan.changes().len(), 5);
    let ready = &plan.changes()[3];
    assert_eq!(ready.effect, Effect::Read);
    assert_eq!(ready.depends_on, ["patch".into()]);
}

#[test]
fn the_smallest_runbook_compiles() {
    let plan = plan(&with_steps(
        "  - { id: hello, title: Say hello, exec: [echo, hello] }",
    ));
    assert_eq!(plan.changes().len(), 1);
}

#[test]
fn a_misspelt_key_is_named_with_its_place() {
    let text = with_steps("  - { id: hello, titel: Say hello, title: x, exec: [echo, hello] }");
    assert_eq!(
        errors(&text),
        ["8:18 unknown key `titel` in a step (did you mean `title`?)"]
    );
}

/// A document in which every mapping of the format occurs, with every key written once.
pub(crate) const EVERYTHING: &str = r#"version: enact/v1
kind: Plan
name: everything
title: Everything
description: All keys
labels: { team: a }
risk: { worst: It breaks, level: low }
settings:
  max_plan_steps: 60
  require_user_approval: true
  default_timeout: 5m
  shell: sh -eu
parameters:
  rows: { type: integer, default: 5, min: 1, max: 9, description: Rows }
  mode: { type: enum, values: [full, delta], default: full }
  word: { type: string, pattern: "^a", default: abc }
  url: { type: secret, from: "env:URL" }
requirements:
  - { id: R1, text: Fast, kind: limit, limit: { metric: downtime, max: 30m } }
  - { id: R2, text: Many, kind: volume, expect: { value: 50, tolerance: 10% } }
questions:
  - { id: Q1, text: Who?, blocking: false, default: me, answered_by: ana, answered_at: 2026-01-01T00:00:00Z }
assumptions:
  - { id: A1, text: Fresh, check: { exec: [true] }, at: [start], broken_when: [{ exit_code: 3 }], freshness: 1m }
steps:
  - id: one
    title: The first
    tasks: [x]
    exec: [one]
    when: "params.rows > 1"
    effect: write
    repeat: keyed
    key: k
    probe: { exec: [probe], partial: [{ stdout: { contains: half } }] }
    estimate: { low: 1m, likely: 2m, high: 3m }
    timeout: 1m
    timeout_total: 9m
    retry: { attempts: 3, delay: 1s, backoff: 1.5, max_delay: 10s, on: [{ exit_code: 75 }] }
    assume: [A1]
    verify: [{ http: { method: GET, url: "https://a", headers: { A: b } }, expect: { status: [200] }, timeout: 1s, retry: { attempts: 2, delay: 1s } }]
    outputs: { n: { from: stdout, json: $.n, trim: true, type: integer, secret: false } }
    rollback: { exec: [undo], timeout: 1m, env: { A: b } }
    on_failure: escalate
    critical: true
    escalate_on: [{ exit_code: 255 }]
    confirm: before
    approvers: { count: 2, role: dba }
    env: { B: "${{ params.url }}" }
    working_dir: sub
    lock: db
    satisfies: [R1, R2]
    dry_run: { exec: [one, --dry-run] }
    lint: { allow: [W_NO_PROBE], reason: because }
  - { id: two, title: The second, needs: [one], checkpoint: { message: Look, evidence: ["${{ steps.one.outputs.n }}"] } }
  - { id: three, title: The third, manual: { assignee: human, instructions: Flip it, attest: [ticket], write_scope: [] } }
  - { id: four, title: The fourth, wait: { until: { exec: [ok] }, every: 5s } }
finally:
  - { id: last, title: The last, exec: [off], repeat: safe }
downtime: { from: one, to: four, limit: 30m, estimate: 5m, on_overrun: warn }
rollback: { on: [failure], mode: ask, point_of_no_return: two }
acceptance:
  - { id: C1, text: Good, satisfies: [R1], check: { compare: { left: "${{ run.downtime_ms }}", op: "<=", right: 5 } } }
  - { id: C2, text: Nice, manual: true, attest_by: oncall }
verification: { run_tests: { exec: [t] }, run_lint: false, run_typecheck: true }
approvals: { count: 2, roles: [dba], expires: 24h, max_runs: 1, window: { not_before: 2026-01-01T00:00:00Z, not_after: 2027-01-01T00:00:00Z } }
files: []
lint: { allow: [W_REQ_UNCOVERED] }
"#;

#[test]
fn every_key_of_the_format_is_read() {
    assert_eq!(errors(EVERYTHING), [] as [&str; 0]);
}

/// Keys whose names the author chooses, or that stand for a value elsewhere.
fn free(key: &str) -> bool {
    ["team", "rows", "mode", "word", "url", "n", "A", "B"].contains(&key)
}

#[test]
fn every_misspelt_key_is_named_with_its_place_and_a_suggestion() {
    let mut tried = 0;
    for (line_index, line) in EVERYTHING.lines().enumerate() {
        let characters: Vec<char> = line.chars().collect();
        for start in 0..characters.len() {
            let boundary = start == 0 || " {[".contains(characters[start - 1]);
            let key: String = characters[start..]
                .iter()
                .take_while(|next| next.is_ascii_lowercase() || **next == '_')
                .collect();
            let colon = characters.get(start + key.len()) == Some(&':');
            let spaced = characters
                .get(start + key.len() + 1)
                .is_none_or(|next| *next == ' ');
            if !boundary || !colon || !spaced || key.len() < 3 || free(&key) {
                continue;
            }
            let mut misspelt = key.clone();
            misspelt.insert(2, 'q');
            let mut lines: Vec<String> = EVERYTHING.lines().map(ToOwned::to_owned).collect();
            let changed: String = characters[..start].iter().collect::<String>()
                + &misspelt
                + &characters[start + key.len()..].iter().collect::<String>();
            lines[line_index] = changed;
            let found = errors(&lines.join("\n"));
            let place = format!("{}:{} unknown key `{misspelt}` in ", line_index + 1, start + 1);
            // Words of three letters are too short to suggest anything.
            let hint = if key.len() < 4 {
                "known here"
            } else {
                "did you mean"
            };
            let hit = found.iter().any(|fault| {
                fault.starts_with(&place) && (fault.contains(hint) || fault.contains(&format!("`{key}`")))
            });
            assert!(hit, "{misspelt} in line {}: {found:#?}", line_index + 1);
            tried += 1;
        }
    }
    assert!(tried > 120, "{tried}");
}

#[test]
fn what_is_written_of_a_step_stands_in_its_change() {
    let plan = plan(EVERYTHING);
    let change = &plan.changes()[0];
    let handling = change.handling.as_ref().unwrap();
    assert_eq!(
        (handling.holds[0].count, handling.holds[0].roles.as_slice()),
        (2, ["dba".to_owned()].as_slice())
    );
    let attempts = handling.attempts.unwrap();
    assert_eq!((attempts.attempts, attempts.growth_percent), (3, 150));
    let spec: StepSpec = serde_json::from_value(change.spec.clone().unwrap()).unwrap();
    assert_eq!(spec.when, None, "it is known to be true");
    assert_eq!(spec.working_dir.as_deref(), Some("sub"));
    assert_eq!(
        serde_json::to_value(&spec.env).unwrap(),
        json!({"B": {"template": [{"expression": "params.url"}]}})
    );
    assert_eq!(plan.changes()[1].effect, Effect::Read);
    assert_eq!(
        plan.changes()[1].handling.as_ref().unwrap().holds[0].message,
        "Look"
    );
    assert_eq!(
        plan.changes()[1].spec.as_ref().unwrap()["action"]["evidence"]["one.n"]["template"][0]["expression"],
        "steps.one.outputs.n"
    );
}

#[test]
fn missing_and_wrong_things_are_all_named_at_once() {
    let text = "version: enact/v1\nkind: Plan\nname: Bad Name\nsteps:\n  - { id: a, exec: [x], timeout: 5 }\n  - { id: a, title: b, run: x, exec: [y] }\n  - { id: c, title: c }\n  - { id: d, title: d, kubernetes: {} }\n";
    assert_eq!(
        errors(text),
        [
            "1:1 a runbook needs the key `title`",
            "1:1 the runbook has no requirements (say under `requirements` what it is for)",
            "1:1 the runbook has no acceptance criteria (say under `acceptance` how it shows that everything went well)",
            "3:7 `name`: `Bad Name` cannot be a name",
            "5:5 a step needs the key `title`",
            "5:34 `timeout`: `5` is no length of time (write it like `500ms`, `90s`, `10m`, `1h30m` or `7d`)",
            "6:11 the id `a` is used twice (give each its own id)",
            "6:32 a step has exactly one action, found `run` and `exec`",
            "7:5 a step has no action (add one of `run`, `exec`, `http`, `checkpoint`, `manual`, `wait`, `plan`, `konnect`, `kubernetes`)",
            "8:36 `kubernetes` needs the key `action`",
            "8:36 `kubernetes` needs the key `target`",
        ]
    );
}

#[test]
fn parameters_are_typed_bounded_and_named() {
    let text = with_steps("  - { id: a, title: Say, exec: [echo, \"${{ params.rows }}\", \"${{ params.mode }}\"] }")
        .replace("requirements:", "parameters:\n  rows: { type: integer, max: 9 }\n  mode: { type: enum, values: [full, delta] }\nrequirements:");
    let none = MemoryFiles::default();
    let given =
        |pairs: &[(&str, serde_json::Value)]| crate::kit::errors_with(&text, &with_parameters(pairs), &none);
    assert_eq!(
        given(&[("rows", json!("5")), ("mode", json!("full"))]),
        [] as [&str; 0]
    );
    assert_eq!(
        given(&[("rwos", json!("5")), ("mode", json!("ful"))]),
        [
            "- the runbook has no parameter `rwos` (did you mean `rows`?)",
            "6:3 parameter `rows` needs a value (give it with `-P rows=…`)",
            "7:3 parameter `mode`: expected one of full, delta, found `ful`",
        ]
    );
    assert_eq!(given(&[("rows", json!(10)), ("mode", json!("full"))]).len(), 1);
}

#[test]
fn the_secret_of_a_parameter_never_enters_the_plan() {
    let text = with_steps("  - { id: a, title: Say, exec: [echo], env: { K: \"${{ secrets.key }}\" } }")
        .replace(
            "requirements:",
            "parameters:\n  key: { type: secret, from: \"env:KEY\" }\nrequirements:",
        );
    let faults = crate::kit::errors_with(
        &text,
        &with_parameters(&[("key", json!("hunter2"))]),
        &MemoryFiles::default(),
    );
    assert_eq!(faults.len(), 1);
    assert!(!faults[0].contains("hunter2"));
    let options = with_parameters(&[("key", json!("file:/run/key"))]);
    let draft = compiled(&text, &options, &MemoryFiles::default()).draft;
    assert_eq!(
        draft.document.unwrap()["parameters"]["key"],
        json!({"type": "secret", "from": "file:/run/key"})
    );
}

#[test]
fn steps_run_in_the_order_of_the_file() {
    let plan = plan(&with_steps(
        "  - { id: a, title: A a, exec: [x] }\n  - { id: b, title: B b, exec: [x], critical: false, on_failure: continue }\n  - { id: c, title: C c, exec: [x] }\n  - { id: d, title: D d, exec: [x], needs: [b] }",
    ));
    let depends = |index: usize| {
        plan.changes()[index]
            .depends_on
            .iter()
            .map(|id| id.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(depends(0), [] as [&str; 0]);
    assert_eq!(depends(1), ["a"]);
    assert_eq!(
        depends(2),
        ["a"],
        "a step that may fail does not hold up the next"
    );
    assert_eq!(depends(3), ["b", "c"]);
    let order: Vec<&str> = plan.execution_order().iter().map(|id| id.as_str()).collect();
    assert_eq!(order, ["a", "b", "c", "d"]);
}

#[test]
fn needs_point_backwards() {
    let text = with_steps(
        "  - { id: a, title: A a, exec: [x], needs: [b] }\n  - { id: b, title: B b, exec: [x], needs: [aa] }",
    );
    assert_eq!(
        errors(&text),
        [
            "8:45 `needs` must point backwards; `b` comes later (steps run in the order of the file: move one of them)",
            "9:45 there is no step `aa`",
        ]
    );
}

#[test]
fn a_script_of_the_folder_must_be_pinned() {
    let files = crate::kit::files(&[("go.sh", "x"), ("lib/go.sh", "x")]);
    let faults = |step: &str| crate::kit::errors_with(&with_steps(step), &options(), &files);
    assert_eq!(
        faults("  - { id: a, title: Go on, exec: [./go.sh] }"),
        [
            "8:37 `go.sh` is run but not pinned (add `go.sh` to `files`, or say at the step that makes it: `makes: [go.sh]`)"
        ]
    );
    assert_eq!(
        faults("  - { id: a, title: Go on, exec: [bash, go.sh], working_dir: lib }").len(),
        1
    );
    assert_eq!(
        faults("  - { id: a, title: Go on, exec: [make, go.sh] }"),
        [] as [&str; 0]
    );
    let pinned = with_steps("  - { id: a, title: Go on, exec: [./go.sh] }") + "files: [./go.sh]\n";
    assert_eq!(
        crate::kit::errors_with(&pinned, &options(), &files),
        [] as [&str; 0]
    );
}

#[test]
fn the_schema_for_editors_takes_what_the_reader_takes() {
    let schema = enact_runbook::schema::runbook_schema().to_value();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for text in [EVERYTHING, MIGRATION, MAINTENANCE] {
        let value: serde_json::Value = serde_saphyr::from_str(text).unwrap();
        let faults: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{} {error}", error.instance_path()))
            .collect();
        assert_eq!(faults, [] as [&str; 0]);
    }
    let value: serde_json::Value =
        serde_saphyr::from_str(&EVERYTHING.replace("tasks: [x]", "task: [x]")).unwrap();
    assert!(!validator.is_valid(&value));
    let step = "  - { id: a, title: Do a, exec: [x]";
    let steps = |more: &str| with_steps(&format!("{step}{more} }}"));
    let whole = |more: &str| steps("") + more + "\n";
    for (text, sound) in [
        (whole("approvals: { roles: dba }"), true),
        (whole("lint: { allow: W_NO_PROBE }"), true),
        (whole("assumptions: [{ id: A1, text: 5, at: start }]"), true),
        (steps(", tasks: [5]"), true),
        (steps("").replace("Do a", "5"), true),
        (steps("").replace("Do a", "' '"), false),
        (
            whole("settings: { execution_phase: { run_tests: false } }"),
            false,
        ),
        (
            steps(", retry: { attempts: 2, backoff: linear }, repeat: safe"),
            false,
        ),
        (
            whole("parameters: { s: { type: secret, from: \"env:S\", default: x } }"),
            false,
        ),
    ] {
        let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(validator.is_valid(&value), sound, "{text}");
        assert_eq!(errors(&text).is_empty(), sound, "{text}");
    }
}

#[test]
fn the_name_of_the_downtimes_limit_is_no_assumptions() {
    let named = |id: &str| {
        let steps = "  - { id: a, title: A a, exec: [x] }".to_owned();
        errors(&format!(
            "{}assumptions: [{{ id: {id}, text: T, check: {{ exec: [x] }} }}]\n",
            with_steps(&steps)
        ))
    };
    assert_eq!(named("A1"), [] as [String; 0]);
    let found = named("downtime");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("no assumption is called `downtime`"),
        "{found:?}"
    );
}
