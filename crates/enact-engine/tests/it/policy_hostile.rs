//! Sources and data that are made to hurt: each is refused, or compiles, within a bound; none makes the compiler panic. What
//! hurts only when it is evaluated is in the tests of the binary, where the process that evaluates can be killed.

use std::time::{Duration, Instant};

use enact_core::verdict::Outcome;
use enact_engine::policy::query::Question;
use enact_testkit::scenario::calm;
use proptest::prelude::*;

use crate::policy_bench::{ask, bundle, fault_of, faults_of, judge};
use crate::support::{ensure, holds};

pub(crate) const HEAD: &str = "package enact.plan\n";

/// It is refused, in these words.
pub(crate) fn refused(what: &str, text: &str, says: &str) {
    let told = fault_of(text);
    assert!(told.contains(says), "{what}: {told:?}");
}

fn nested(open: &str, close: &str, inner: &str, depth: usize) -> String {
    format!(
        "{HEAD}deny contains x if {{\n\tx := {}{inner}{}\n}}\n",
        open.repeat(depth),
        close.repeat(depth)
    )
}

const BRACKETS: &[(&str, &str, &str)] = &[
    ("[", "]", "1"),
    ("{", "}", "1"),
    ("{\"a\": ", "}", "1"),
    ("[y | y := ", "]", "1"),
    ("{1 | ", "}", "1"),
    ("{1: 1 | ", "}", "1"),
    ("[(", ")]", "1"),
    ("count([", "])", ""),
    ("[1][", "]", "0"),
    ("[", "", ""),
    ("[{", "", ""),
    ("[\n", "]", "1"),
    ("[ # }]]\n", "]", "1"),
    ("[\"]]\\\"]\", ", "]", "1"),
    ("[`]\"]`, ", "]", "1"),
    ("[]{}[", "]", "1"),
];

#[test]
fn deep_brackets_of_every_kind_are_refused_before_the_parser_sees_them() {
    for (open, close, inner) in BRACKETS {
        for depth in [11, 30, 5000] {
            let text = nested(open, close, inner, depth);
            refused(open, &text, "brackets are nested deeper than 10");
        }
    }
}

#[test]
fn brackets_at_the_bound_are_parsed_quickly() {
    for (open, close, inner) in BRACKETS {
        let each = open.matches(['[', '{']).count() - open.matches("[]{}").count() * 2;
        let started = Instant::now();
        let faults = faults_of(&[("a.rego", &nested(open, close, inner, 9 / each.max(1)))]);
        let took = started.elapsed();
        assert!(took < Duration::from_secs(5), "{open}: {took:?} {faults:?}");
    }
    // Brackets in texts, raw texts and comments are no brackets.
    let hidden = format!(
        "{HEAD}# {0}\ndeny contains \"{0}\" if true\nwarn contains `{0}\n{0}` if true\n",
        "[".repeat(500)
    );
    assert_eq!(faults_of(&[("a.rego", &hidden)]), Vec::<String>::new());
}

#[test]
fn parentheses_and_other_chains_end() {
    let deep = |open: &str, close: &str| format!("{HEAD}x := {}1{}\n", open.repeat(300), close.repeat(300));
    for (open, close) in [
        ("(", ")"),
        ("abs(", ")"),
        ("-", ""),
        ("1 + ", ""),
        ("1 +\n", ""),
        ("not ", ""),
        ("(\n", ")\n"),
    ] {
        let told = fault_of(&deep(open, close));
        assert!(told.len() < 1000, "{open}: {told}");
    }
    let chain = format!("{HEAD}x := a{}\n", ".b".repeat(400));
    assert_ne!(fault_of(&chain), "the policy engine failed inside");
    let elses = format!(
        "{HEAD}x := 1 if {{ false }} {}\n",
        "else := 2 if { false }\n".repeat(5000)
    );
    assert_ne!(fault_of(&elses), "the policy engine failed inside");
    let withs = format!(
        "{HEAD}deny contains \"a\" if {{ true{} }}\n",
        "\n with input as 1".repeat(5000)
    );
    assert_ne!(fault_of(&withs), "the policy engine failed inside");
}

#[test]
fn a_set_inside_of_a_set_and_so_on_is_refused() {
    let lines = format!("{HEAD}x := {}", format!("{}\n", "set(".repeat(200)).repeat(1200));
    for text in [
        lines,
        format!("{HEAD}x := {}", "set( # set\n\t".repeat(9)),
        format!("{HEAD}x := {}", "set(".repeat(9)),
    ] {
        refused("set(", &text, "`set(` stands inside of itself");
    }
    let fine = format!(
        "{HEAD}x := [set(), set(), set(), set(), set(), set(), set(), set(), set(), set()]\nsettle(y) := y\n"
    );
    assert_eq!(fault_of(&fine), "");
    // A name that only ends in `set` is another name.
    let other = format!(
        "{HEAD}unset(y) := y\nz := {}1{}\n",
        "unset(".repeat(12),
        ")".repeat(12)
    );
    assert_eq!(fault_of(&other), "");
}

#[test]
fn a_nul_hides_no_rule() {
    for text in [
        format!("{HEAD}warn contains \"w\"\n\0\ndeny contains \"no\"\n"),
        format!("{HEAD}warn contains \"w\"\n# \0\ndeny contains \"no\"\n"),
        format!("{HEAD}warn contains `\0`\ndeny contains \"no\"\n"),
        format!("\0{HEAD}"),
    ] {
        refused("NUL", &text, "there is a NUL byte");
    }
    for odd in [
        "\u{1}", "\u{b}", "\u{feff}", "\u{a0}", "\u{2028}", "\r\r", "\u{85}",
    ] {
        let text = format!("{HEAD}warn contains \"w\"\n{odd}\ndeny contains \"no\"\n");
        let told = fault_of(&text);
        assert!(!told.is_empty(), "{odd:?} was taken");
    }
}

#[test]
fn unfinished_texts_and_long_files_are_refused() {
    refused("text", &format!("{HEAD}x := \"abc\n"), "");
    assert_ne!(fault_of(&format!("{HEAD}x := \"abc")), "");
    assert_ne!(fault_of(&format!("{HEAD}x := `abc")), "");
    assert_ne!(fault_of(&format!("{HEAD}x := \"\\")), "");
    let long = "a".repeat(1024 * 1024 - 100);
    refused(
        "line",
        &format!("{HEAD}x := \"{long}\"\n"),
        "maximum column width",
    );
    refused(
        "lines",
        &format!("{HEAD}{}", "x := 1\n".repeat(20_001)),
        "maximum allowed line count",
    );
    let comments = format!("{HEAD}# {}\ndeny contains \"no\"\n", "é".repeat(1000));
    assert!(fault_of(&comments).len() < 1000);
}

#[test]
fn long_chains_and_wide_sets_of_rules_are_bounded() {
    let links = |count: usize| {
        let rules: Vec<String> = (0..count).map(|at| format!("r{at} := r{}\n", at + 1)).collect();
        format!(
            "{HEAD}{}r{count} := 1\ndeny contains \"no\" if r0 == 1\n",
            rules.concat()
        )
    };
    refused("chain", &links(10_000), "rules use each other in a row");
    let functions: Vec<String> = (0..2000)
        .map(|at| format!("f{at}(x) := f{}(x)\n", at + 1))
        .collect();
    refused(
        "functions",
        &format!("{HEAD}{}f2000(x) := x\ny := f0(1)\n", functions.concat()),
        "in a row",
    );
    // The longest that is taken can also be evaluated.
    let answer = ask(&[("a.rego", &links(190))], Question::Plan, "{}").unwrap();
    assert_eq!(answer.outputs["deny"], serde_json::json!(["no"]));
}

#[test]
fn deep_and_odd_data_is_refused_without_harm() {
    let rule = ("a.rego", "package enact.plan\ndeny contains \"no\"\n");
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let objects = format!("{}1{}", "{\"a\": ".repeat(10_000), "}".repeat(10_000));
    let indented: String = (0..1200)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    let aliases: String = (1..60)
        .map(|at| format!("a{at}: &a{at} [*a{0}, *a{0}]\n", at - 1))
        .collect();
    for (path, text) in [
        ("data.json", deep.clone()),
        ("data.json", objects),
        ("data.json", "{\"a\": 1e999999}".to_owned()),
        ("data.json", "{\"a\": 1".to_owned()),
        ("data.json", "[]".to_owned()),
        ("data.json", String::new()),
        ("data.yaml", deep),
        ("data.yaml", indented),
        ("data.yaml", format!("a0: &a0 [x, x]\n{aliases}")),
        ("data.yaml", "- a".to_owned()),
    ] {
        let told = faults_of(&[rule, (path, &text)]);
        assert!(
            !told.is_empty(),
            "{path} {} was taken",
            text.chars().take(60).collect::<String>()
        );
    }
}

#[test]
fn huge_numbers_end() {
    let huge = format!("{HEAD}deny contains \"a\" if {} > 1\n", "9".repeat(900));
    assert_ne!(fault_of(&huge), "the policy engine failed inside");
    assert_ne!(
        fault_of(&format!("{HEAD}deny contains \"a\" if 1e999999 > 1\n")),
        ""
    );
    let negative = format!("{HEAD}x := -1e-999999\ndeny contains \"a\" if x < 0\n");
    assert_ne!(fault_of(&negative), "the policy engine failed inside");
}

#[test]
fn members_of_odd_types_deny_and_keep_their_place() {
    for member in [
        "1",
        "null",
        "true",
        "[]",
        "[[\"a\"]]",
        "{}",
        "set()",
        "{\"msg\": \"\"}",
        "{\"msg\": 1}",
        "{1: 2}",
        "{[1]: 2}",
        "\"\"",
        "\" \"",
        "{\"msg\": \"a\", \"approvals\": -1}",
        "{\"msg\": \"a\", \"approvals\": 1.5}",
        "{\"msg\": \"a\", \"approvals\": 1e100}",
        "{\"msg\": \"a\", \"assurance\": \"SIGNED\"}",
        "{\"msg\": \"a\", \"roles\": \"ops\"}",
        "{\"msg\": \"a\", \"extra\": 1}",
    ] {
        for set in ["deny", "require_approval", "warn"] {
            let text = format!("{HEAD}{set} contains {member}\n");
            let verdict = judge(&bundle(&[("a.rego", &text)]), &plan());
            assert_eq!(verdict.outcome, Outcome::Deny, "{text}");
            assert_eq!(verdict.findings[0].rule, "policy.malformed", "{text}");
            assert_eq!(
                verdict.findings[0].location.as_deref(),
                Some("a.rego:2"),
                "{text}"
            );
        }
    }
}

#[test]
fn very_many_findings_and_roles_take_a_bounded_time_and_still_count() {
    let many = format!(
        "{HEAD}numbers_up contains i if some i in numbers.range(1, 60000)\nrequire_approval contains {{\"msg\": \"m\", \"roles\": [sprintf(\"%d\", [i])]}} if some i in numbers_up\n"
    );
    let verdict =
        crate::policy_bench::bounded("roles", move || judge(&bundle(&[("a.rego", &many)]), &plan()));
    assert_eq!(verdict.outcome, Outcome::Deny);
    assert!(verdict.requirement.roles.len() <= 100);
    let many = format!("{HEAD}deny contains sprintf(\"%d\", [i]) if some i in numbers.range(1, 100000)\n");
    let verdict =
        crate::policy_bench::bounded("findings", move || judge(&bundle(&[("a.rego", &many)]), &plan()));
    // Where each comes from is found by asking again, for which a busy machine may have no time left.
    assert_eq!(verdict.findings.len(), 501);
}

#[test]
fn what_is_printed_is_bounded() {
    let text = format!(
        "{HEAD}deny contains \"a\" if {{ some i in numbers.range(1, 5000); print(i, concat(\"\", [\"é\" | some j in numbers.range(1, 1)])); false }}\n"
    );
    let answer = ask(&[("a.rego", &text)], Question::Plan, "{}").unwrap();
    assert_eq!(answer.prints.len(), 1000);
}

pub(crate) fn plan() -> enact_core::plan::Plan {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    calm(2, 3).new_tree(&mut runner).unwrap().current().plan()
}

#[test]
fn brackets_and_quotes_in_any_order_are_scanned_and_parsed_quickly() {
    let piece = prop::sample::select(vec![
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        "\"",
        "`",
        "#",
        "\n",
        "\\",
        "|",
        ":",
        ",",
        ";",
        "x",
        " := ",
        " if ",
        "some ",
        "every ",
        " in ",
        "not ",
        "set(",
        "1",
        ".",
        "with input as ",
    ]);
    let text = prop::collection::vec(piece, 1..60).prop_map(|pieces| pieces.concat());
    holds(1500, &text, |text| {
        let source = format!("{HEAD}deny contains x if {{ x := {text}\n}}\n");
        let started = Instant::now();
        let told = fault_of(&source);
        ensure(!told.contains("failed inside"), || {
            format!("a panic on {source:?}")
        })?;
        ensure(started.elapsed() < Duration::from_secs(2), || {
            format!("{:?} for {source:?}", started.elapsed())
        })
    });
}
