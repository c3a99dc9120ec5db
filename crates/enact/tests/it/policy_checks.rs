//! `enact policy check` and `enact policy init`: each sort of fault with its place and a way out, and a bundle to start from.

use crate::harness::{Place, contents};

/// Checks one policy, which has exactly one fault.
#[track_caller]
fn refused(source: &str, said: &[&str]) {
    let place = Place::new();
    place.write("policies/a.rego", source);
    let ran = place.run(&["policy", "check", "policies"]).expect(3).says(said);
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr.ends_with("error: 1 fault in the policies\n"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        ran.stderr.matches("  --> policies/a.rego:").count(),
        1,
        "{}",
        ran.stderr
    );
}

#[test]
fn sound_policies_are_counted() {
    let place = Place::new();
    place.write(
        "policies/a.rego",
        "package enact.plan\n\ndeny contains \"no\" if input.no\n",
    );
    place.write("policies/a_test.rego", "package a_test\n\ntest_a if true\n");
    let ran = place.run(&["policy", "check", "policies"]).expect(0);
    assert!(
        ran.stdout.starts_with("1 files, 1 rules, bundle "),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.stderr, "");
    place.run(&["policy", "check", "policies", "--strict"]).expect(0);
    place.run(&["policy", "check", "policies/a.rego"]).expect(0);
}

#[test]
fn a_source_that_does_not_parse_is_shown_where_it_breaks() {
    refused(
        "package a\n\nallow if {\n    input.x ==\n}\n",
        &["error: ", "  --> policies/a.rego:5:1\n", "5 | }\n"],
    );
}

#[test]
fn an_unknown_function_has_a_suggestion() {
    refused(
        "package a\n\nallow if {\n    startwith(input.x, \"a\")\n}\n",
        &[
            "error: there is no function startwith\n  --> policies/a.rego:4:5\n",
            "4 |     startwith(input.x, \"a\")\n",
            "  hint: did you mean `startswith`?",
        ],
    );
}

#[test]
fn a_function_that_reaches_outside_is_refused_with_the_reason() {
    refused(
        "package a\n\nallow if http.send({\"url\": \"x\"}).status_code == 200\n",
        &[
            "error: policies cannot call http.send\n  --> policies/a.rego:3:10\n",
            "  hint: ",
        ],
    );
    refused(
        "package a\n\nlate if time.now_ns() > 5\n",
        &[
            "error: policies cannot call time.now_ns\n  --> policies/a.rego:3:9\n",
            "  hint: ",
        ],
    );
}

#[test]
fn a_rule_that_uses_itself_is_refused_with_the_circle() {
    refused(
        "package a\n\nb if c\n\nc if b\n",
        &[
            "error: a rule uses itself: a.",
            " → ",
            "  --> policies/a.rego:",
            "  hint: ",
        ],
    );
}

#[test]
fn a_set_that_is_an_object_is_refused() {
    refused(
        "package enact.plan\n\ndeny[\"no\"] if input.no\n",
        &[
            "`deny[…] if` makes an object",
            "  --> policies/a.rego:3:1\n",
            "  hint: write `deny contains",
        ],
    );
}

#[test]
fn a_variable_without_a_value_is_refused() {
    refused(
        "package a\n\nallow if nobody > 3\n",
        &["  --> policies/a.rego:3:10\n"],
    );
}

#[test]
fn nesting_that_would_take_hours_to_parse_is_refused_at_once() {
    let deep = format!("package a\n\nx := {}1{}\n", "[".repeat(60), "]".repeat(60));
    refused(
        &deep,
        &[
            "error: brackets are nested deeper than 10\n  --> policies/a.rego:3:16\n",
            "  hint: ",
        ],
    );
}

#[test]
fn data_in_the_place_of_a_rule_is_refused() {
    let place = Place::new();
    place.write("policies/a.rego", "package a\n\nlimit := 3\n");
    place.write("policies/data.yaml", "a: { limit: 4 }\n");
    place.run(&["policy", "check", "policies"]).expect(3).says(&[
        "error: the data sets `a.limit`, which is a rule\n  --> policies/a.rego:3:1\n",
        "hint: rename one of them",
    ]);
}

#[test]
fn a_test_that_does_not_compile_is_found_too() {
    let place = Place::new();
    place.write("policies/a.rego", "package a\n\nallow if input.x\n");
    place.write("policies/a_test.rego", "package a_test\n\ntest_a if {\n");
    place
        .run(&["policy", "check", "policies"])
        .expect(3)
        .says(&["  --> policies/a_test.rego:"]);
}

#[test]
fn a_policy_may_not_need_what_only_a_test_declares() {
    let place = Place::new();
    place.write("policies/a.rego", "package a\n\nallow if is_small(input.x)\n");
    place.write(
        "policies/a_test.rego",
        "package a\n\nis_small(x) if x < 3\n\ntest_a if allow with input.x as 1\n",
    );
    place.run(&["policy", "test", "policies"]).expect(0);
    place
        .run(&["policy", "check", "policies"])
        .expect(3)
        .says(&["error: there is no function is_small\n  --> policies/a.rego:3:10\n"]);
}

#[test]
fn what_a_test_replaces_with_with_is_not_used_by_it() {
    let place = Place::new();
    place.write("policies/a.rego", "package p\n\nallow if input.x\n");
    place.write("policies/b.rego", "package p\n\ndeny if input.y\n");
    place.write(
        "policies/p_test.rego",
        "package p_test\n\ntest_a if data.p.allow with input as {\"x\": 1} with data.p as {\"allow\": true}\n",
    );
    place.run(&["policy", "check", "policies"]).expect(0);
    place.write(
        "policies/p_test.rego",
        "package p_test\n\ntest_a if count(data.p) == 2 with input as {}\n",
    );
    place.run(&["policy", "check", "policies"]).expect(3).says(&[
        "error: `data.p` is used as a whole",
        "  --> policies/p_test.rego:3:",
    ]);
}

#[test]
fn every_broken_file_is_shown_in_one_go() {
    let place = Place::new();
    place.write("policies/a.rego", "package a\n\nallow if {\n");
    place.write("policies/b.rego", "package\n");
    let ran = place.run(&["policy", "check", "policies"]).expect(3);
    let ran = ran.says(&[
        "  --> policies/a.rego:",
        "  --> policies/b.rego:",
        "error: 2 faults in the policies\n",
    ]);
    assert_eq!(ran.stdout, "");
}

#[test]
fn what_nobody_asks_for_is_a_warning_and_strict_makes_it_count() {
    let place = Place::new();
    place.write(
        "policies/a.rego",
        "package enact.plan\n\ndenied contains \"no\" if input.no\n",
    );
    let warning = [
        "warning: nobody asks for `denied`\n  --> policies/a.rego:3:1\n",
        "  hint: did you mean `deny`?",
    ];
    place
        .run(&["policy", "check", "policies"])
        .expect(0)
        .says(&warning);
    place
        .run(&["policy", "check", "policies", "--strict"])
        .expect(3)
        .says(&warning);
}

#[test]
fn sources_of_v0_are_taken_and_named() {
    let place = Place::new();
    place.write("policies/a.rego", "package a\n\ndeny[m] {\n    m := \"no\"\n}\n");
    place
        .run(&["policy", "check", "policies"])
        .expect(0)
        .says(&["note: written in Rego v0: policies/a.rego\n"]);
}

#[test]
fn init_writes_a_bundle_that_is_clean_and_overwrites_nothing() {
    let place = Place::new();
    place
        .run(&["policy", "init", "rules"])
        .expect(0)
        .says(&["Wrote ", "path = \"rules\""]);
    place.run(&["policy", "check", "rules", "--strict"]).expect(0);
    let tests = contents(&place.work().join("rules"));
    if tests
        .keys()
        .any(|path| path.to_string_lossy().ends_with("_test.rego"))
    {
        place.run(&["policy", "test", "rules"]).expect(0);
    } else {
        println!("skipped: the built-in bundle has no tests");
    }
    place.write("rules/data.yaml", "# mine\n");
    let before = place.files();
    place.run(&["policy", "init", "rules"]).expect(3).says(&[
        "exists already; nothing was written",
        "hint: name another directory",
    ]);
    assert_eq!(place.files(), before);
    // One file that would be overwritten is enough to write none.
    place.write("half/data.yaml", "# mine\n");
    place.run(&["policy", "init", "half"]).expect(3);
    assert_eq!(contents(&place.work().join("half")).len(), 1);
}

#[test]
fn init_does_not_write_through_a_link_that_leads_elsewhere() {
    let place = Place::new();
    std::fs::create_dir(place.work().join("rules")).unwrap();
    std::os::unix::fs::symlink("../elsewhere.yaml", place.work().join("rules/data.yaml")).unwrap();
    let ran = place.run(&["policy", "init", "rules"]).expect(3);
    ran.says(&["rules/data.yaml exists already; nothing was written"]);
    assert!(!place.work().join("elsewhere.yaml").exists());
    assert_eq!(std::fs::read_dir(place.work().join("rules")).unwrap().count(), 1);
}
