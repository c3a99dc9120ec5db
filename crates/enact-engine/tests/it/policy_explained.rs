//! Finding out which rule said what never changes what was said, and every finding has the place of its rule.

use std::collections::BTreeSet;

use enact_engine::policy::asking::{Ask as _, InProcess};
use enact_engine::policy::bundle::Bundle;
use enact_engine::policy::compile::{Compiled, Scope};
use enact_engine::policy::evaluate::{Answer, Detail, Evaluator};
use enact_engine::policy::input::plan_input;
use enact_engine::policy::query::Question;
use enact_testkit::fixtures::occasion;
use enact_testkit::scenario::{Scenario, calm};
use proptest::prelude::*;
use serde_json::Value;

use crate::policy_bench::{ask, faults_of, judge};
use crate::policy_closed::{files, whole};
use crate::support::{ensure, holds};

fn line<'a>(bundle: &'a Bundle, location: &str) -> &'a str {
    let (path, line) = location.rsplit_once(':').unwrap();
    let text = &bundle.file(path).unwrap().text;
    text.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap()
}

/// The members of a set, put together from its definitions.
fn together(answer: &Answer, rule: &str) -> BTreeSet<String> {
    let same = answer.rules.iter().filter(|told| told.rule == rule);
    same.flat_map(|told| &told.values).map(Value::to_string).collect()
}

fn explained((scenario, rules): &(Scenario, Vec<Vec<String>>)) -> Result<(), String> {
    let bundle = whole(rules);
    let plan = scenario.plan();
    let (asked, _) = InProcess::load(&bundle).map_err(|faults| format!("{faults:?}"))?;
    let input = plan_input(&plan, &occasion()).unwrap();
    let plain = asked
        .ask(Question::Plan, input.clone(), Detail::Objections)
        .unwrap();
    let full = asked
        .ask(Question::Plan, input.clone(), Detail::EveryRule)
        .unwrap();
    let again = asked
        .ask(Question::Plan, input.clone(), Detail::Objections)
        .unwrap();
    ensure(plain == again && plain.outputs == full.outputs, || {
        format!("{plain:?} became {full:?}")
    })?;
    for (rule, value) in &full.outputs {
        let members: BTreeSet<String> = value.as_array().unwrap().iter().map(Value::to_string).collect();
        ensure(together(&full, rule) == members, || {
            format!("{rule}: {members:?} of {full:?}")
        })?;
    }
    for told in &full.rules {
        let stands = line(&bundle, &told.location);
        ensure(stands.starts_with(&format!("{} contains", told.rule)), || {
            format!("{told:?} is not at {stands}")
        })?;
    }
    for found in judge(&bundle, &plan).findings {
        let place = found
            .location
            .clone()
            .ok_or_else(|| format!("no place: {found:?}"))?;
        let stands = line(&bundle, &place);
        // A text of the message stands on the line, unless it is put together.
        let right = stands.contains(&format!("\"{}\"", found.message)) || stands.contains("sprintf");
        ensure(right, || format!("{found:?} is not from {stands}"))?;
    }
    Ok(())
}

#[test]
fn places_change_no_answer_and_are_right() {
    holds(150, &(calm(0, 4), files()), explained);
}

/// A plan, files of rules, and which file uses a rule of which.
type Spread = (Scenario, Vec<Vec<String>>, Vec<(usize, usize)>);

/// The same rules in one file and in several; some use what stands further below, or in another file.
fn spread((scenario, rules, uses): &Spread) -> Result<(), String> {
    let count = rules.len().max(1);
    let mut files = rules.clone();
    files.resize(count, Vec::new());
    for (number, (user, used)) in uses.iter().enumerate() {
        let (user, used) = (user % count, used % count);
        files[user].push(format!("deny contains \"late {number}\" if late_{number}"));
        files[used].push(format!("late_{number} if later_{number} > 0"));
        files[used].push(format!("later_{number} := count(input.plan.execution_order) + 1"));
    }
    let plan = scenario.plan();
    let said = |files: &[Vec<String>]| {
        let verdict = judge(&whole(files), &plan);
        let texts: BTreeSet<String> = verdict
            .findings
            .iter()
            .map(|found| format!("{} {}", found.rule, found.message))
            .collect();
        (verdict.outcome, verdict.requirement, texts)
    };
    let (apart, together) = (said(&files), said(&[files.concat()]));
    ensure(apart == together, || {
        format!("{apart:?} in several files, {together:?} in one")
    })?;
    let late = apart.2.iter().filter(|text| text.contains("late ")).count();
    ensure(late == uses.len(), || {
        format!("{late} of {} are said", uses.len())
    })
}

#[test]
fn how_rules_are_spread_over_files_changes_nothing() {
    let uses = prop::collection::vec((0_usize..4, 0_usize..4), 0..5);
    holds(150, &(calm(0, 4), files(), uses), spread);
}

#[test]
fn places_are_found_in_both_dialects_and_behind_odd_names() {
    let v0 = "package enact.plan\n\ndeny[reason] { reason := \"old\" }\ndeny[\"bare\"] { true }\n";
    let v1 = "package enact.plan # é deny deny\n\n# deny contains \"x\"\n\tdeny contains \"new\" if { true }\ndeny contains deny_text\ndeny_text := \"ref\"\nenact_deny_0 := \"mine\"\n";
    let answer = ask(&[("a.rego", v0), ("b.rego", v1)], Question::Plan, "{}").unwrap();
    let told: Vec<(&str, String)> = answer
        .rules
        .iter()
        .map(|told| {
            (
                told.location.as_str(),
                Value::Array(told.values.clone()).to_string(),
            )
        })
        .collect();
    let expected = [
        ("a.rego:3", "[\"old\"]"),
        ("a.rego:4", "[\"bare\"]"),
        ("b.rego:4", "[\"new\"]"),
        ("b.rego:5", "[\"ref\"]"),
    ];
    assert_eq!(told, expected.map(|(place, values)| (place, values.to_owned())));
}

#[test]
fn a_rule_finds_what_stands_below_it_in_whichever_file_it_is() {
    // The engine evaluates a package as a whole file by file, and finds no rule of a later file that is further below.
    let first = "package enact.plan\ndeny contains \"first\" if limit == 3\n";
    let middle = "package enact.plan\ndeny contains text if limit == 3\ntext := shout(word)\nword := \"middle\"\nshout(x) := x\n";
    let last = "package enact.plan\ndeny contains \"last\" if size > 2\nsize := limit\nlimit := 3\n";
    let around = "package enact\nx := 1\n";
    for [a, b, c] in [
        [first, middle, last],
        [last, middle, first],
        [middle, first, last],
        [first, last, middle],
    ] {
        let files = [("a.rego", a), ("b.rego", b), ("c.rego", c), ("d.rego", around)];
        let answer = ask(&files, Question::Plan, "{}").unwrap();
        assert_eq!(
            answer.outputs["deny"],
            serde_json::json!(["first", "last", "middle"]),
            "{a}{b}{c}"
        );
        assert_eq!(together(&answer, "deny").len(), 3);
    }
    // Where a package of several files, or one with another below it, is used as a whole, it is said.
    for using in [
        "data.enact.plan",
        "data.enact",
        "data.enact[input.x]",
        "data.outer",
    ] {
        let using = format!("package condition\nallow if count({using}) > 0\n");
        let told = faults_of(&[
            ("a.rego", first),
            ("c.rego", last),
            ("o.rego", "package outer\nx := 1\n"),
            ("p.rego", "package outer.inner\ny := z\nz := 1\n"),
            ("u.rego", &using),
        ]);
        assert!(
            told.iter().any(|fault| fault.contains("is used as a whole")),
            "{using}: {told:?}"
        );
    }
    for using in ["data.enact.plan.deny", "data.outer.inner", "data.outer.inner.y"] {
        let using = format!("package condition\nallow if count({using}) > 0\n");
        let told = faults_of(&[
            ("a.rego", first),
            ("c.rego", last),
            ("p.rego", "package outer.inner\ny := [z]\nz := 1\n"),
            ("u.rego", &using),
        ]);
        assert_eq!(told, Vec::<String>::new(), "{using}");
    }
}

#[test]
fn an_evaluator_that_failed_answers_the_next_question_as_a_new_one_does() {
    // The error comes while a `with` has another input in place.
    let text = "package enact.plan\n\
        warn contains sprintf(\"%v\", [input.x])\n\
        deny contains \"a\" if { input.bad; helper with input as {\"x\": 2, \"bad\": \"zz\"} }\n\
        deny contains \"b\" if { loop with input as {\"x\": 3, \"loop\": input.loop} }\n\
        loop if { input.loop; some i in numbers.range(1, 3000); some j in numbers.range(1, 3000); i + j == 0 }\n\
        helper if to_number(input.bad) > 0\n";
    let bundle = crate::policy_bench::bundle(&[("a.rego", text)]);
    let compiled = Compiled::load(&bundle, Scope::Policies).unwrap();
    let limit = std::time::Duration::from_millis(200);
    let mut used = Evaluator::new(compiled.clone()).within(limit);
    let good = "{\"x\": 1}";
    let fresh = Evaluator::new(compiled).ask(Question::Plan, good, Detail::EveryRule);
    assert!(fresh.is_ok(), "{fresh:?}");
    for bad in [
        "{\"x\": 1, \"bad\": \"zz\"}",
        "{\"x\": 1, \"loop\": true}",
        "{",
        "{\"x\": 1, \"bad\": \"zz\"}",
    ] {
        assert!(used.ask(Question::Plan, bad, Detail::EveryRule).is_err(), "{bad}");
        assert_eq!(
            used.ask(Question::Plan, good, Detail::EveryRule),
            fresh,
            "after {bad}"
        );
    }
}
