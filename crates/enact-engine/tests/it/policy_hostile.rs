//! Sources and data that are made to hurt: each is refused, or compiles, within a bound; none makes the compiler panic. What
//! hurts only when it is evaluated is in the tests of the binary, where the process that evaluates can be killed.

use std::time::{Duration, Instant};

use enact_core::verdict::Outcome;
use enact_engine::policy::bundle::Bundle;
use enact_engine::policy::query::Question;
use enact_testkit::scenario::calm;
use proptest::prelude::*;

use crate::policy_bench::{ask, bundle, fault_of, faults_of, judge};
use crate::support::{ensure, holds};

const HEAD: &str = "package enact.plan\n";

/// Both words are in the first fault.
fn refused(what: &str, text: &str, says: &str) {
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
fn recursion_is_refused_through_whatever_it_goes() {
    let cycles = [
        "f(x) := g(x)\ng(x) := f(x)\ndeny contains \"a\" if f(1)\n",
        "a := [x | x := b]\nb := {y | y := a}\n",
        "a if b with input as 1\nb if a with input as 2\n",
        "a if not b\nb if not a\n",
        "a := x if { x := [y | some y in data.enact.plan.a] }\n",
        "deny contains x if { some x in deny }\n",
        "deny contains x if { x := data.enact[input.which].deny }\n",
        "deny contains \"a\" if { some p; data[p].plan.deny }\n",
        "deny contains \"a\" if { walk(data, [p, v]); p == [] }\n",
        "deny contains \"a\" if { x := data; count(x) > 0 }\n",
        "import data.enact as e\ndeny contains \"a\" if e.plan.deny\n",
        "import data as d\ndeny contains \"a\" if d[input.x].deny\n",
        "f(x) := 1 if every y in x { f(y) }\ndeny contains \"a\" if f([])\n",
        "a[x] := y if { some x; y := a[x] }\n",
        "a := 1 if { false } else := a\n",
        "default a := 1\na := 2 if { a == 1 }\n",
        "a := object.get(data.enact, [\"plan\", \"a\"], 1)\n",
    ];
    for cycle in cycles {
        refused(cycle, &format!("{HEAD}{cycle}"), "a rule uses itself");
    }
    let across = [
        (
            "a.rego",
            "package enact.plan\nimport data.lib\ndeny contains \"a\" if lib.x\n",
        ),
        ("b.rego", "package lib\nx if count(data.enact.plan.deny) > 0\n"),
    ];
    assert!(faults_of(&across)[0].contains("a rule uses itself"));
    // Names that hide rules from the check are refused by the compiler, or have no value when they are reached.
    for hidden in [
        "deny contains \"a\" if { some data; data.enact.plan.deny }\n",
        "deny contains \"a\" if { every data in [1] { data.enact.plan.deny } }\n",
        "other(z) if { x := [y | some other in [1]; y := other]; other(z) }\ndeny contains \"a\" if other(1)\n",
        "deny contains \"a\" if { count([1]) == 2 with count as g }\ng(x) := count(x)\n",
        "deny contains \"a\" if { f(1) == 2 with f as g }\nf(x) := x\ng(x) := f(x)\n",
    ] {
        let files = [("a.rego", format!("{HEAD}{hidden}"))];
        let files = [(files[0].0, files[0].1.as_str())];
        if faults_of(&files).is_empty() {
            let answer = ask(&files, Question::Plan, "{}");
            assert!(
                answer.is_err() || answer.unwrap().outputs["deny"] == serde_json::json!([]),
                "{hidden}"
            );
        }
    }
}

#[test]
fn one_name_for_two_things_is_refused_in_either_order() {
    let deny = "package enact.plan\ndeny contains \"no\"\n";
    let others = [
        ("package enact.plan\ndeny := []\n", "elsewhere"),
        ("package enact.plan\ndeny = [] { true }\n", "elsewhere"),
        ("package enact.plan\ndefault deny := []\n", "elsewhere"),
        ("package enact.plan\ndeny(x) := []\n", "elsewhere"),
        ("package enact.plan\ndeny[\"x\"] := 1 if false\n", "stands over"),
        (
            "package enact.plan\ndeny[x] := 1 if { some x in [] }\n",
            "elsewhere",
        ),
        ("package enact.plan\ndeny.x := 1 if false\n", "stands over"),
        ("package enact.plan\ndeny.x contains 1 if false\n", "stands over"),
        ("package enact.plan.deny\nx := 1\n", "stands over"),
        ("package enact.plan.deny\nx contains 1 if false\n", "stands over"),
        ("package enact\nplan := {\"deny\": []}\n", "stands over"),
        (
            "package enact\nplan[x] := [] if { some x in [\"deny\"] }\n",
            "stands over",
        ),
        ("package enact\nplan contains 1 if false\n", "stands over"),
        ("package enact\ndefault plan := {}\n", "stands over"),
        ("package enact\nplan.deny := []\n", "elsewhere"),
    ];
    for (other, says) in others {
        for files in [
            [("a.rego", deny), ("b.rego", other)],
            [("a.rego", other), ("b.rego", deny)],
        ] {
            let told = faults_of(&files);
            assert!(
                told.iter().any(|fault| fault.contains(says)),
                "{files:?}: {told:?}"
            );
        }
    }
}

#[test]
fn data_that_covers_rules_is_refused() {
    let rule = ("a.rego", "package enact.plan\ndeny contains \"no\"\n");
    for data in [
        "{\"enact\": 5}",
        "{\"enact\": null}",
        "{\"enact\": {\"plan\": []}}",
        "{\"enact\": {\"plan\": {\"deny\": []}}}",
        "{\"enact\": {\"plan\": {\"deny\": {\"x\": 1}}}}",
        "{\"enact\": {\"plan\": {\"deny\": null}}}",
    ] {
        let told = faults_of(&[rule, ("data.json", data)]);
        assert!(
            told.iter().any(|fault| fault.contains("which is a rule")),
            "{data}: {told:?}"
        );
    }
    assert!(faults_of(&[rule, ("data.json", "{\"enact\": {\"plan\": {\"limit\": 1}}}")]).is_empty());
    assert!(!faults_of(&[rule, ("enact/plan/data.json", "{\"deny\": []}")]).is_empty());
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
fn odd_packages_are_refused_or_do_no_harm() {
    let deny = ("z.rego", "package enact.plan\ndeny contains \"no\"\n");
    let long = format!("package {}\nx := 1\n", vec!["a"; 400].join("."));
    let packages = [
        "package data\ndeny := []\n",
        "package input\ndeny := []\n",
        "package data.enact.plan\ndeny := []\n",
        "package input.plan\ndeny := []\n",
        "package a[\"b-c\"]\nx := 1\n",
        "package enact[\"\"]\nx := 1\n",
        "package enact[\"plan.deny\"]\nx := []\n",
        "package enact[\"plan\"]\nwarn contains \"w\"\n",
        "package a[\"\\u0000\"]\nx := 1\n",
        "package\nx := 1\n",
        "package \"enact\"\nx := 1\n",
        "package 1\nx := 1\n",
        "x := 1\n",
        "",
        "package a package b\n",
        long.as_str(),
    ];
    for package in packages {
        let files = [("a.rego", package), deny];
        let plan = plan();
        let verdict = judge(&bundle(&files), &plan);
        assert_eq!(verdict.outcome, Outcome::Deny, "{package}");
    }
    // A package whose name needs brackets is as good as any other.
    assert_eq!(
        faults_of(&[("a.rego", "package a[\"b-c\"]\nx := 1\n"), deny]),
        Vec::<String>::new()
    );
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
    assert_eq!(verdict.findings.len(), 501);
    assert!(verdict.findings[0].location.is_some());
}

#[test]
fn what_is_printed_is_bounded() {
    let text = format!(
        "{HEAD}deny contains \"a\" if {{ some i in numbers.range(1, 5000); print(i, concat(\"\", [\"é\" | some j in numbers.range(1, 1)])); false }}\n"
    );
    let answer = ask(&[("a.rego", &text)], Question::Plan, "{}").unwrap();
    assert_eq!(answer.prints.len(), 1000);
}

#[test]
fn files_that_cannot_be_read_as_policies_are_not_left_out() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let rule = "package enact.plan\ndeny contains \"no\"\n";
    let read = || Bundle::read(folder.path());
    // As a ConfigMap is mounted: the names are links into a hidden directory, those of directories too.
    std::fs::create_dir_all(at("..1/plan")).unwrap();
    std::fs::write(at("..1/plan/a.rego"), rule).unwrap();
    std::fs::write(at("..1/b.rego"), rule).unwrap();
    symlink("..1", at("..data")).unwrap();
    symlink("..data/plan", at("plan")).unwrap();
    symlink("..data/b.rego", at("b.rego")).unwrap();
    let paths: Vec<String> = read()
        .unwrap()
        .files()
        .iter()
        .map(|file| file.path.clone())
        .collect();
    assert_eq!(paths, ["b.rego", "plan/a.rego"]);
    // A link that leads nowhere, a directory and a name that is no text stand where rules were meant to be.
    symlink("nowhere", at("c.rego")).unwrap();
    assert!(read().is_err());
    std::fs::remove_file(at("c.rego")).unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"\xff.rego");
    std::fs::write(folder.path().join(odd), rule).unwrap();
    assert!(read().is_err());
    std::fs::remove_file(folder.path().join(odd)).unwrap();
    std::fs::write(at("d.rego"), b"package enact.plan\n# \xff\n").unwrap();
    assert!(read().unwrap_err().summary.contains("not UTF-8"));
    std::fs::remove_file(at("d.rego")).unwrap();
    // A loop of links ends.
    symlink(".", at("loop")).unwrap();
    assert!(read().is_err());
}

fn plan() -> enact_core::plan::Plan {
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
