//! Names that stand for two things, for themselves, or for nothing that is read: none of them can hide a rule.

use enact_core::verdict::Outcome;
use enact_engine::policy::bundle::Bundle;
use enact_engine::policy::query::Question;

use crate::policy_bench::{ask, bundle, faults_of, judge};
use crate::policy_hostile::{HEAD, plan, refused};

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
fn files_that_cannot_be_read_as_policies_are_not_left_out() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let rule = "package enact.plan\ndeny contains \"no\"\n";
    let read = || Bundle::read(folder.path()).map_err(|fault| fault.summary);
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
    assert!(read().unwrap_err().contains("not UTF-8"));
    std::fs::remove_file(at("d.rego")).unwrap();
    // A loop of links ends.
    symlink(".", at("loop")).unwrap();
    assert!(read().is_err());
}
