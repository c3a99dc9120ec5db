//! `for_each` of a check: how it is read, what is refused, what the digest covers.

use serde_json::{Value, json};

use crate::kit::{errors, errors_with, plan, with_parameters, with_steps};
use enact_runbook::files::MemoryFiles;

/// A runbook whose second step is verified by this check. Line 12 is the check's.
fn verified_by(check: &str) -> String {
    with_steps(&format!(
        "  - {{ id: list, title: List the nodes, effect: read, exec: [nodes], rollback: none, outputs: {{ nodes: {{ from: stdout, type: json }}, count: {{ type: integer }}, token: {{ type: json, secret: true }} }} }}\n  \
         - id: drain\n    title: Drain the nodes\n    exec: [drain]\n    rollback: none\n    env: {{ MODE: fast }}\n    verify:\n      - {check}"
    ))
    .replace(
        "steps:\n",
        "parameters:\n  names: { type: string, default: '[\"a\", \"b\"]' }\n  zone: { type: enum, values: [x, y], default: y }\nsteps:\n",
    )
}

fn frozen(check: &str) -> Value {
    let plan = plan(&verified_by(check));
    serde_json::to_value(&plan.changes()[1].postconditions[0]).unwrap()
}

#[test]
fn a_list_is_frozen_as_far_as_it_is_known() {
    for (list, expected) in [
        ("[a, 2, true]", json!(["a", 2, true])),
        (
            "[\"n-${{ params.zone }}\", \"${{ params.zone }}\"]",
            json!(["n-y", "y"]),
        ),
        ("\"${{ json(params.names) }}\"", json!(["a", "b"])),
        (
            "\"${{ steps.list.outputs.nodes }}\"",
            json!({"template": [{"expression": "steps.list.outputs.nodes"}]}),
        ),
        (
            "[a, \"${{ steps.list.outputs.count }}\"]",
            json!(["a", {"template": [{"expression": "steps.list.outputs.count"}]}]),
        ),
    ] {
        let found = frozen(&format!(
            "{{ for_each: {list}, exec: [ready, \"${{{{ item }}}}\"] }}"
        ));
        let spec = &found["spec"];
        assert_eq!(spec["for_each"], expected, "{found}");
        assert_eq!(
            spec["action"]["argv"],
            json!(["ready", {"template": [{"expression": "item"}]}])
        );
    }
}

#[test]
fn item_has_a_value_everywhere_in_its_check_and_nowhere_else() {
    let check = "{ for_each: [1, 2], run: \"ready ${{ item }}\", env: { NODE: \"${{ item }}\" }, expect: { stdout: { equals: \"${{ item }}\" }, json: { path: \"$.n\", value: \"${{ item }}\" } } }";
    assert_eq!(errors(&verified_by(check)), [""; 0]);
    let outside = verified_by(check).replace("MODE: fast", "MODE: \"${{ item }}\"");
    assert!(
        errors(&outside)[0].contains("`item` has a value only inside `for_each` of a check"),
        "{:?}",
        errors(&outside)
    );
    let after = verified_by(&format!(
        "{check}\n      - {{ exec: [ready, \"${{{{ item }}}}\"] }}"
    ));
    assert_eq!(errors(&after).len(), 1, "{:?}", errors(&after));
}

#[test]
fn what_is_no_use_is_refused() {
    let many = vec!["n"; 101].join(", ");
    let fits = vec!["n"; 100].join(", ");
    let with_item = |list: &str| format!("{{ for_each: {list}, exec: [ready, \"${{{{ item }}}}\"] }}");
    assert_eq!(errors(&verified_by(&with_item(&format!("[{fits}]")))), [""; 0]);
    for (check, expected) in [
        (
            with_item(&format!("[{many}]")),
            "`for_each`: the list has 101 items; at most 100 are looked at (let one command look at all of them)",
        ),
        (
            with_item("[]"),
            "`for_each`: the list is empty, so nothing would be looked at (name what to look at, or remove the check)",
        ),
        (
            with_item("a"),
            "`for_each`: expected a list, found text (write a list, an output of `type: json`, or `${{ json(params.NAME) }}`)",
        ),
        (
            with_item("\"${{ params.names }}\""),
            "`for_each`: expected a list, found text (write a list, an output of `type: json`, or `${{ json(params.NAME) }}`)",
        ),
        (
            with_item("{ a: 1 }"),
            "`for_each`: expected a list, found any value (write a list, an output of `type: json`, or `${{ json(params.NAME) }}`)",
        ),
        (
            with_item("\"${{ steps.list.outputs.count }}\""),
            "`for_each`: expected a list, found a whole number (write a list, an output of `type: json`, or `${{ json(params.NAME) }}`)",
        ),
        (
            with_item("\"${{ steps.list.outputs.token }}\""),
            "a secret cannot be part of the list of `for_each` (put it into `env` and read it from there: `$NAME`)",
        ),
        (
            with_item("\"${{ steps.drain.outputs.nodes }}\""),
            "step `drain` has no output `nodes` (declare it under `outputs` of `drain`)",
        ),
        (
            "{ for_each: [a, b], exec: [ready] }".to_owned(),
            "`for_each` without `item`: each look would be the same (write `${{ item }}` where the entry of the list belongs)",
        ),
        (
            "{ for_each: [a, b], run: \"ready ${{ item }}\" }".to_owned(),
            "`item` cannot be put into the text of a script (put it into `env` and write `\"$NAME\"`, or use `exec`)",
        ),
        (
            "{ for_each: [a, 1], compare: { left: \"${{ item > 2 && !item }}\", op: \"==\", right: true } }"
                .to_owned(),
            "",
        ),
        (
            "{ for_each: [a, b], compare: { left: \"${{ item > 2 }}\", op: \"==\", right: true } }"
                .to_owned(),
            "`>` compares two numbers or two texts, found text and a whole number",
        ),
    ] {
        let found = errors(&verified_by(&check));
        let messages: Vec<&str> = found
            .iter()
            .map(|fault| fault.split_once(' ').unwrap().1)
            .collect();
        let expected: Vec<&str> = Some(expected)
            .filter(|text| !text.is_empty())
            .into_iter()
            .collect();
        assert_eq!(messages, expected, "{check}");
    }
}

#[test]
fn a_probe_answers_for_the_step_as_a_whole() {
    let text = verified_by("{ exec: [ready] }").replace(
        "    env: { MODE: fast }",
        "    probe: { for_each: [a], exec: [drained, \"${{ item }}\"] }",
    );
    let found = errors(&text);
    assert!(
        found.len() == 1 && found[0].contains("a `probe` has no `for_each`"),
        "{found:?}"
    );
}

#[test]
fn a_parameter_decides_whether_there_is_a_list() {
    let text = verified_by("{ for_each: \"${{ json(params.names) }}\", exec: [ready, \"${{ item }}\"] }");
    for (names, expected) in [
        ("[\"c\"]", None),
        ("[]", Some("the list is empty")),
        ("5", Some("expected a list")),
        ("[", Some("JSON")),
    ] {
        let found = errors_with(
            &text,
            &with_parameters(&[("names", json!(names))]),
            &MemoryFiles::default(),
        );
        match expected {
            None => assert_eq!(found, [""; 0]),
            Some(part) => assert!(found.len() == 1 && found[0].contains(part), "{names}: {found:?}"),
        }
    }
}

#[test]
fn another_list_is_another_plan() {
    let of = |list: &str| {
        let text = verified_by(&format!(
            "{{ for_each: {list}, exec: [ready, \"${{{{ item }}}}\"] }}"
        ));
        let plan = plan(&text);
        let hash = plan.changes()[1].spec.as_ref().unwrap()["step_hash"].clone();
        let document = plan.document().unwrap()["exec_hash"].clone();
        (plan.id().clone(), hash, document)
    };
    let (id, step, exec) = of("[a, b]");
    assert_eq!(of("[ a,   b ]"), (id.clone(), step.clone(), exec.clone()));
    for other in ["[a, c]", "[b, a]", "[a]", "\"${{ steps.list.outputs.nodes }}\""] {
        let found = of(other);
        assert!(
            found.0 != id && found.1 != step && found.2 != exec,
            "{other} is the same plan"
        );
    }
}
