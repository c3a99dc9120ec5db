//! Expressions: what they mean, what they may not, and that nothing in them can hurt.

use enact_runbook::expression::{
    Datum, EvaluateError, Name, Values, evaluate_source, json_value, parse, pieces, text,
};
use enact_runbook::spec::{Part, Text};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::kit::{errors, plan, with_steps};

struct World;

impl Values for World {
    fn value(&self, name: &Name) -> Option<Datum> {
        match name {
            Name::Parameter(name) if name == "token" => Some(Datum::new(json!("hunter2"), true)),
            Name::Output { output, .. } if output == "rows" => Some(Datum::new(json!(50003), false)),
            Name::Output { output, .. } if output == "list" => Some(Datum::new(json!(["a", "b"]), false)),
            Name::State(_) => Some(Datum::new(json!("succeeded"), false)),
            Name::Parameter(_)
            | Name::Output { .. }
            | Name::Run(_)
            | Name::PlanHash
            | Name::PlanName
            | Name::Item => None,
        }
    }
}

fn value(source: &str) -> Value {
    evaluate_source(source, &World)
        .unwrap_or_else(|error| panic!("{source}: {error}"))
        .expose()
        .clone()
}

#[test]
fn operators_and_functions_mean_what_they_say() {
    for (source, expected) in [
        ("1 == 1.0", json!(true)),
        ("'a' < 'b' && !(2 >= 3)", json!(true)),
        ("true || steps.x.outputs.none", json!(true)),
        ("steps.a.outputs.rows > 50000", json!(true)),
        ("steps.a.state == 'succeeded'", json!(true)),
        ("2 in [1, 2]", json!(true)),
        ("len('äö')", json!(2)),
        (
            "contains('abc', 'b') && starts_with('abc', 'a') && ends_with('abc', 'c')",
            json!(true),
        ),
        ("matches('v1.2', '^v[0-9]')", json!(true)),
        ("lower('AB')", json!("ab")),
        ("upper(\"a\\u0062\")", json!("AB")),
        ("abs(-3)", json!(3)),
        ("int(' 42 ')", json!(42)),
        ("float('1.5')", json!(1.5)),
        ("default(steps.x.outputs.none, 'none')", json!("none")),
        ("json('{\"a\": 1}')", json!({"a": 1})),
        ("join(steps.a.outputs.list, '+')", json!("a+b")),
        ("'it''s'", json!("it's")),
    ] {
        assert_eq!(value(source), expected, "{source}");
    }
}

#[test]
fn what_does_not_fit_is_an_error_and_never_an_empty_text() {
    for source in [
        "1 < 'a'",
        "!1",
        "len(5)",
        "abs(-9223372036854775808)",
        "int('x')",
        "'a' in 'abc'",
        "steps.x.outputs.none",
        "1 == 'a'",
        "json('{')",
    ] {
        assert!(evaluate_source(source, &World).is_err(), "{source}");
    }
    assert!(matches!(
        evaluate_source("run.id", &World),
        Err(EvaluateError::Missing(_))
    ));
}

#[test]
fn a_secret_taints_everything_it_takes_part_in() {
    for source in [
        "params.token",
        "upper(secrets.token)",
        "params.token == 'x'",
        "len(params.token)",
    ] {
        let datum = evaluate_source(source, &World).unwrap();
        assert!(datum.is_secret() && datum.open().is_none(), "{source}");
        assert!(!format!("{datum:?}").contains("unter"), "{source}");
    }
    let error = evaluate_source("int(params.token)", &World).unwrap_err();
    assert!(!error.to_string().contains("hunter"));
    let template = Text::Template(vec![
        Part::Text("Bearer ".to_owned()),
        Part::Expression("params.token".to_owned()),
    ]);
    let whole = text(&template, &World).unwrap();
    assert!(whole.is_secret());
    assert_eq!(whole.expose(), &json!("Bearer hunter2"));
}

#[test]
fn one_expression_keeps_its_type_in_a_body() {
    let body =
        json!({"rows": {"template": [{"expression": "steps.a.outputs.rows"}]}, "text": "${{ not read }}"});
    let datum = json_value(&body, &World).unwrap();
    assert_eq!(datum.expose(), &json!({"rows": 50003, "text": "${{ not read }}"}));
}

fn step(rest: &str) -> String {
    with_steps(&format!(
        "  - {{ id: count, title: Count it, exec: [c], outputs: {{ rows: {{ type: integer }}, name: {{}} }} }}\n  - {{ id: use, title: Use it, {rest} }}\n  - {{ id: later, title: Later on, exec: [l], outputs: {{ x: {{}} }} }}"
    ))
    .replace(
        "requirements:",
        "parameters: { n: { type: integer, default: 7 }, s: { default: \"a; rm\" }, e: { type: enum, values: [x, y], default: x }, key: { type: secret, from: \"env:K\" } }\nrequirements:",
    )
}

#[test]
fn faults_are_found_before_anything_runs() {
    for (rest, expected) in [
        (
            "exec: [a, \"${{ params.m }}\"]",
            "10:49 there is no parameter `m` (known here: `e`, `key`, `n`, `s`)",
        ),
        (
            "exec: [a, \"${{ steps.cuont.outputs.rows }}\"]",
            "10:49 there is no step `cuont` (did you mean `count`?)",
        ),
        (
            "exec: [a, \"${{ steps.count.outputs.rowz }}\"]",
            "10:49 step `count` has no output `rowz` (did you mean `rows`?)",
        ),
        (
            "exec: [a, \"${{ steps.later.outputs.x }}\"]",
            "10:49 step `later` has not run at this point (move this behind that step, or take the value from an earlier one)",
        ),
        (
            "exec: [a, \"${{ params.n == 'x' }}\"]",
            "10:49 `==` compares values of one type, found a whole number and text (convert one of them with `int(…)` or `float(…)`)",
        ),
        (
            "exec: [a, \"${{ params.n \"]",
            "10:45 `${{` has no `}}` after it (close the expression with `}}`)",
        ),
        (
            "exec: [a, \"${{ secrets.key }}\"]",
            "10:49 a secret cannot be part of an argument of a command (put it into `env` and read it from there: `$NAME`)",
        ),
        (
            "run: \"echo ${{ params.s }}\"",
            "10:47 `params.s` cannot be put into the text of a script (put it into `env` and write `\"$NAME\"`, or use `exec`)",
        ),
        (
            "run: \"echo ${{ steps.count.outputs.name }}\"",
            "10:47 `steps.count.outputs.name` cannot be put into the text of a script (put it into `env` and write `\"$NAME\"`, or use `exec`)",
        ),
        (
            "http: { url: \"https://x/${{ params.key }}\" }",
            "10:61 a secret cannot be part of a URL (put it into `env` and read it from there: `$NAME`)",
        ),
        (
            "exec: [a], when: \"params.n\"",
            "10:50 `when`: expected a condition, found a whole number",
        ),
        (
            "exec: [a], when: \"lenn(params.s) > 1\"",
            "10:51 there is no function `lenn` (did you mean `len`?)",
        ),
        (
            "exec: [a, \"${{ item }}\"]",
            "10:49 `item` has a value only inside `for_each` of a check",
        ),
    ] {
        let found = errors(&step(rest));
        let message = |fault: &str| fault.split_once(' ').map(|(_, rest)| rest.to_owned());
        assert_eq!(found.len(), 1, "{rest}: {found:?}");
        assert_eq!(message(&found[0]), message(expected), "{rest}");
        assert!(found[0].starts_with("10:"), "{rest}: {found:?}");
    }
}

#[test]
fn what_is_known_is_put_in_and_never_looked_at_again() {
    let text = step("exec: [a, \"n=${{ params.n }} ${{ steps.count.outputs.rows > params.n }}\", \"${{ params.s }}\"], when: \"${{ params.e == 'x' && steps.count.outputs.rows > 0 }}\"")
        .replace("a; rm", "${{ secrets.key }}");
    let plan = plan(&text);
    let spec = plan.changes()[1].spec.as_ref().unwrap();
    assert_eq!(
        spec["action"]["argv"],
        json!(["a", {"template": [{"text": "n=7 "}, {"expression": "steps.count.outputs.rows > 7"}]}, "${{ secrets.key }}"])
    );
    assert_eq!(spec["when"], "steps.count.outputs.rows > 0");
}

#[test]
fn what_stands_in_for_a_missing_value_waits_until_it_is_known_to_be_missing() {
    let text = step(
        "exec: [\"${{ default(steps.count.outputs.name, 'none') }}\", \"${{ len(default(steps.count.outputs.name, params.e)) }}\", \"${{ default(params.e, 'none') }}\"]",
    );
    let plan = plan(&text);
    let spec = plan.changes()[1].spec.as_ref().unwrap();
    assert_eq!(
        spec["action"]["argv"],
        json!([
            {"template": [{"expression": "default(steps.count.outputs.name, 'none')"}]},
            {"template": [{"expression": "len(default(steps.count.outputs.name, 'x'))"}]},
            "x"
        ])
    );
}

#[test]
fn safe_values_may_go_into_scripts() {
    let plan = plan(&step(
        "run: \"echo ${{ params.n }} ${{ params.e }} ${{ steps.count.outputs.rows }} ${{ run.id }}\"",
    ));
    let script = &plan.changes()[1].spec.as_ref().unwrap()["action"]["script"]["template"];
    assert_eq!(script[0], json!({"text": "echo 7 x "}));
}

#[test]
fn a_step_sees_its_own_outputs_only_after_it_ran() {
    let own = |key: &str| {
        let steps =
            format!("  - {{ id: a, title: A a, exec: [x], outputs: {{ n: {{ type: integer }} }}, {key} }}");
        errors(&with_steps(&steps)).len()
    };
    assert_eq!(
        own("verify: [{ compare: { left: \"${{ steps.a.outputs.n }}\", op: \"==\", right: 5 } }]"),
        0
    );
    assert_eq!(own("rollback: { exec: [undo, \"${{ steps.a.outputs.n }}\"] }"), 0);
    assert_eq!(own("env: { N: \"${{ steps.a.outputs.n }}\" }"), 1);
    assert_eq!(own("probe: { exec: [p, \"${{ steps.a.outputs.n }}\"] }"), 1);
}

#[test]
fn what_can_never_be_compared_is_seen_before_anything_runs() {
    let faults = |check: &str| errors(&step(&format!("exec: [x], verify: [{{ {check} }}]"))).join("\n");
    for (check, expected) in [
        (
            "compare: { left: a, op: in, right: abc }",
            "`op: \"in\"` expects a list as `right`",
        ),
        (
            "compare: { left: \"${{ params.n }}\", op: \"~\", right: many, tolerance: 1% }",
            "`op: \"~\"` expects a number as `right`",
        ),
        (
            "compare: { left: 5, op: matches, right: \"5\" }",
            "`op: \"matches\"` expects a regular expression as `left`",
        ),
        (
            "compare: { left: true, op: \"<\", right: 2 }",
            "`op: \"<\"` expects a number or text as `left`",
        ),
        (
            "exec: [x], expect: { json: [{ path: $.a, op: in, value: abc }] }",
            "`op: in` expects a list as its `value`",
        ),
        (
            "exec: [x], expect: { json: [{ path: $.a, op: matches, value: 5 }] }",
            "`op: matches` expects a regular expression as its `value`",
        ),
    ] {
        let found = faults(check);
        assert!(found.contains(expected), "{check}: {found:?}");
    }
    for check in [
        "compare: { left: a, op: in, right: [a, b] }",
        "compare: { left: a, op: in, right: \"${{ json(steps.count.outputs.name) }}\" }",
        "compare: { left: abc, op: matches, right: b }",
        "exec: [x], expect: { json: [{ path: $.a, op: in, value: [\"${{ params.e }}\"] }] }",
    ] {
        assert_eq!(faults(check), "", "{check}");
    }
}

#[test]
fn bounds_hold() {
    assert!(parse(&"(".repeat(5000)).is_err());
    assert!(parse(&"!".repeat(1000)).is_err());
    assert!(parse(&["1"; 2000].join("||")).is_err());
    assert!(parse(&"a".repeat(5000)).is_err());
    assert!(parse("matches('a', 'a{1000}{1000}{1000}')").is_ok());
    assert!(evaluate_source("matches('a', 'a{1000}{1000}{1000}')", &World).is_err());
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("'a'".to_owned()),
        Just("true".to_owned()),
        Just("params.x".to_owned()),
        Just("steps.a.outputs.rows".to_owned()),
        Just("run.id".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        prop_oneof![
            (
                inner.clone(),
                prop_oneof![Just("=="), Just("&&"), Just("||"), Just("in"), Just("<=")],
                inner.clone()
            )
                .prop_map(|(left, op, right)| format!("({left} {op} {right})")),
            inner.clone().prop_map(|inner| format!("!({inner})")),
            inner.clone().prop_map(|inner| format!("len({inner})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("[{a}, {b}]")),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(source in "\\PC{0,80}") {
        let _unread = parse(&source).map(|found| found.to_string());
        let _unread = pieces(&source);
        let _ = evaluate_source(&source, &World).is_ok();
    }

    #[test]
    fn no_mix_of_its_words_makes_it_panic(words in proptest::collection::vec(prop_oneof![
        Just("("), Just(")"), Just("!"), Just("=="), Just("&&"), Just("in"), Just("len"), Just(","), Just("'a"), Just("'"), Just("["), Just("]"),
        Just("params"), Just("."), Just("x"), Just("1"), Just("-2"), Just("\""), Just("${{"), Just("}}"), Just(" "),
    ], 0..40)) {
        let source = words.concat();
        let _ = evaluate_source(&source, &World).is_ok();
        let _unread = pieces(&source);
    }

    #[test]
    fn an_expression_is_written_so_that_it_reads_the_same(source in expression()) {
        let first = parse(&source).unwrap();
        let written = first.to_string();
        let second = parse(&written).unwrap_or_else(|error| panic!("{source} → {written}: {error}"));
        prop_assert_eq!(second.to_string(), written);
        prop_assert_eq!(evaluate_source(&source, &World).ok().map(|found| found.expose().clone()),
            evaluate_source(&first.to_string(), &World).ok().map(|found| found.expose().clone()));
    }
}
