//! `enact policy test`: what passes, what does not, and that no test can stop the others.

use serde_json::Value;

use crate::harness::{ENACT, Place, Ran, repository};

const POLICY: &str = "package p

limit := data.limit

deny contains msg if {
    input.x > limit
    msg := sprintf(\"%v is too big\", [input.x])
}

never contains 1 if {
    input.never
}
";

const TESTS: &str = "package p_test

test_small if {
    print(\"small\")
    count(data.p.deny) == 0 with input as {\"x\": 1}
}

test_wrong if {
    print(\"a <b> & \\u001b[2Jred\\u0000\")
    count(data.p.deny) == 0 with input as {\"x\": 50}
}

test_error if {
    x := to_number(input.text) with input as {\"text\": \"q\"}
    x == 1
}

todo_test_later if false
";

/// A place with policies, of which one test passes, one fails, one cannot be evaluated and one is skipped.
fn mixed() -> Place {
    let place = Place::new();
    place.write("policies/p.rego", POLICY);
    place.write("policies/p_test.rego", TESTS);
    place.write("policies/data.yaml", "limit: 10\n");
    place
}

/// A place where all tests pass.
fn good() -> Place {
    let place = mixed();
    let kept: Vec<&str> = TESTS.lines().take(6).collect();
    place.write("policies/p_test.rego", kept.join("\n") + "\n");
    place
}

/// The output with times replaced.
fn timeless(text: &str) -> String {
    let line = |line: &str| match line.rsplit_once(" (") {
        Some((before, time)) if time.ends_with("s)") => format!("{before} (T)\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn schema_errors(document: &Value) -> Vec<String> {
    let schema = Place::new().run(&["schema", "policy-test"]).expect(0).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator
        .iter_errors(document)
        .map(|error| error.to_string())
        .collect()
}

#[test]
fn what_did_not_pass_is_shown_with_its_place_and_what_it_printed() {
    let ran = mixed().run(&["policy", "test", "policies"]).expect(1);
    assert_eq!(
        timeless(&ran.stdout),
        "policies/p_test.rego:
data.p_test.test_wrong: FAIL (T)
  at policies/p_test.rego:8

    policies/p_test.rego:9: a <b> & \\u{1b}[2Jred\\u{0}

data.p_test.test_error: ERROR (T)
  could not parse string as number
  at policies/p_test.rego:14
data.p_test.todo_test_later: SKIPPED (its name begins with todo_)
--------------------------------------------------------------------------------
PASS: 1/4
FAIL: 1/4
ERROR: 1/4
SKIPPED: 1/4
"
    );
    assert_eq!(ran.stderr, "");
}

#[test]
fn all_that_pass_are_only_counted_unless_asked_for() {
    let place = good();
    let ran = place.run(&["policy", "test", "policies/"]).expect(0);
    assert_eq!(ran.stdout, "PASS: 1/1\n");
    let ran = place.run(&["policy", "test", "policies/", "-v"]).expect(0);
    assert!(
        timeless(&ran.stdout)
            .starts_with("policies/p_test.rego:\ndata.p_test.test_small: PASS (T)\n\n    policies/p_test.rego:4: small\n\n---"),
        "{}",
        ran.stdout
    );
}

#[test]
fn tests_are_selected_by_their_full_names() {
    let place = mixed();
    let run = |pattern: &str| place.run(&["policy", "test", "policies", "--run", pattern]);
    assert_eq!(run(r"^data\.p_test\.test_small$").expect(0).stdout, "PASS: 1/1\n");
    assert!(
        run("small|wrong")
            .expect(1)
            .stdout
            .ends_with("PASS: 1/2\nFAIL: 1/2\n")
    );
    run("nowhere").expect(3).says(&[
        "error: no test matches --run \"nowhere\"; there are 4 tests\n",
        "data.enact.plan_test.test_small",
    ]);
    run("te[st")
        .expect(3)
        .says(&["error: --run: \"te[st\" is no regular expression: unclosed character class"]);
}

#[test]
fn no_test_at_all_is_not_a_success() {
    let place = Place::new();
    place.write("policies/p.rego", POLICY);
    place.write("policies/data.yaml", "limit: 10\n");
    place.run(&["policy", "test", "policies"]).expect(3).says(&[
        "error: there is no test in policies\n",
        "hint: a test is a rule whose name begins with test_",
    ]);
    place.run(&["policy", "test"]).expect(3).says(&["<PATH>"]);
}

#[test]
fn the_json_document_is_as_its_schema_says() {
    let ran = mixed()
        .run(&["policy", "test", "policies", "--format", "json", "--coverage"])
        .expect(1);
    let report = ran.json();
    assert_eq!(schema_errors(&report), [""; 0]);
    assert_eq!(report["format"], "enact.policy-test/v1");
    assert_eq!(
        report["counts"],
        serde_json::json!({"total": 4, "passed": 1, "failed": 1, "errors": 1, "skipped": 1})
    );
    let test = &report["tests"][1];
    assert_eq!(test["package"], "data.p_test");
    assert_eq!(test["name"], "test_wrong");
    assert_eq!(test["file"], "policies/p_test.rego");
    assert_eq!(test["line"], 8);
    assert_eq!(test["result"], "failed");
    assert_eq!(
        test["prints"][0],
        "policies/p_test.rego:9: a <b> & \u{1b}[2Jred\0"
    );
    assert_eq!(report["tests"][2]["location"], "policies/p_test.rego:14");
    let file = &report["coverage"]["files"]["policies/p.rego"];
    assert_eq!(
        file["not_covered"],
        serde_json::json!([{"start": {"row": 10}, "end": {"row": 11}}])
    );
    assert!(report["coverage"]["files"].get("policies/p_test.rego").is_none());
}

/// The names of the elements in order; fails on what is not well-formed as far as this document goes.
fn elements(xml: &str) -> Vec<String> {
    let mut open = Vec::new();
    let mut seen = Vec::new();
    let body = xml
        .strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
        .unwrap();
    assert!(
        !body.chars().any(|letter| letter.is_control() && letter != '\n'),
        "{body}"
    );
    for piece in body.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap();
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.trim_matches('/').split(' ').next().unwrap().to_owned();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else {
            seen.push(name.clone());
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
    }
    assert_eq!(open, [""; 0]);
    seen
}

#[test]
fn the_junit_document_is_well_formed_whatever_a_test_prints() {
    let ran = mixed()
        .run(&["policy", "test", "policies", "--format", "junit"])
        .expect(1);
    let case = "testcase";
    assert_eq!(
        elements(&ran.stdout),
        [
            "testsuites",
            "testsuite",
            case,
            "system-out",
            case,
            "failure",
            "system-out",
            case,
            "error",
            case,
            "skipped"
        ]
    );
    assert!(
        ran.stdout
            .contains("tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\""),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("a &lt;b&gt; &amp; \\u{1b}[2Jred\\u{0}"),
        "{}",
        ran.stdout
    );
}

#[test]
fn coverage_names_the_lines_that_are_missing_also_of_files_without_a_test() {
    let place = good();
    place.write(
        "policies/more/q.rego",
        "package q\n\nallow if {\n    input.a\n    input.b\n}\n",
    );
    let ran = place.run(&["policy", "test", "policies", "--coverage"]).expect(0);
    assert_eq!(
        ran.stdout,
        "PASS: 1/1

Coverage:
policies/more/q.rego    0.00%  not covered: 4-5
policies/p.rego        33.33%  not covered: 5, 7, 10-11
total                  25.00%
"
    );
}

#[test]
fn the_threshold_fails_a_run_and_says_by_how_much() {
    let place = good();
    let run = |threshold: &str| place.run(&["policy", "test", "policies", "--threshold", threshold]);
    run("80")
        .expect(1)
        .says(&["error: 33.33% of the lines are covered, 46.67 less than the threshold of 80%\n"]);
    assert_eq!(run("33.3").expect(0).stderr, "");
    run("101").expect(3).says(&["between 0 and 100"]);
    run("many").expect(3).says(&["a percentage is a number"]);
    let ran = place
        .run(&[
            "policy",
            "test",
            "policies",
            "--threshold",
            "80",
            "--format",
            "json",
        ])
        .expect(1);
    assert_eq!(ran.json()["coverage"]["coverage"], 33.33);
}

const ENDLESS: &str = "package hard_test

test_a_counts_forever if {
    some a in numbers.range(1, 3000)
    some b in numbers.range(1, 3000)
    some c in numbers.range(1, 3000)
    a + b + c < 0
}

test_b_takes_all_the_memory if count(numbers.range(1, 1000000000000)) == 1

test_c_hangs_in_a_builtin if {
    many := [x | some x in numbers.range(1, 100000)]
    text := concat(\"\", [\"a\" | some x in many])
    count(split(text, \"\")) > count(numbers.range(1, 900000000))
}

test_d_still_runs if true
";

#[test]
fn a_test_that_hangs_or_takes_all_the_memory_is_an_error_and_the_others_run() {
    let place = good();
    place.write("policies/a_test.rego", ENDLESS);
    let arguments = [
        "policy",
        "test",
        "policies",
        "--timeout",
        "300ms",
        "--format",
        "json",
        "--coverage",
    ];
    let report = place.run(&arguments).expect(1).json();
    let result = |name: &str| {
        let tests = report["tests"].as_array().unwrap();
        let test = tests.iter().find(|test| test["name"] == name).unwrap();
        (
            test["result"].as_str().unwrap(),
            test["message"].as_str().unwrap_or_default(),
        )
    };
    assert_eq!(
        result("test_a_counts_forever"),
        ("error", "no answer within 300 ms")
    );
    assert_eq!(result("test_b_takes_all_the_memory").0, "error", "{report}");
    assert_eq!(result("test_c_hangs_in_a_builtin").0, "error", "{report}");
    assert_eq!(result("test_d_still_runs"), ("passed", ""));
    assert_eq!(result("test_small"), ("passed", ""));
    // What was reached before a process was lost still counts.
    assert_eq!(report["coverage"]["coverage"], 33.33);
}

#[test]
fn a_process_that_is_killed_costs_one_test() {
    let place = Place::new();
    let endless = ENDLESS
        .replace("test_b_takes", "todo_test_b")
        .replace("test_c_hangs", "todo_test_c");
    place.write("policies/a_test.rego", endless);
    let mut command = place.command(&["policy", "test", "policies", "-v", "--timeout", "1m"]);
    let child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    // The policy process is the only child of the command.
    let path = format!("/proc/{0}/task/{0}/children", child.id());
    let pid = (0..200)
        .find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let children = std::fs::read_to_string(&path).unwrap_or_default();
            children.split_whitespace().next().map(ToOwned::to_owned)
        })
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(
        std::process::Command::new("kill")
            .args(["-9", &pid])
            .status()
            .unwrap()
            .success()
    );
    let ran = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("test_a_counts_forever: ERROR"), "{stdout}");
    assert!(stdout.contains("the policy process ended: signal 9"), "{stdout}");
    assert!(stdout.contains("test_d_still_runs: PASS"), "{stdout}");
}

#[test]
fn policies_that_do_not_compile_are_shown_with_their_places() {
    let place = good();
    place.write(
        "policies/q_test.rego",
        "package q_test\n\ntest_a if {\n    startwith(\"a\", \"b\")\n}\n",
    );
    place.run(&["policy", "test", "policies"]).expect(3).says(&[
        "error: there is no function startwith\n  --> policies/q_test.rego:4:5\n",
        "did you mean `startswith`?",
        "error: 1 fault in the policies",
    ]);
}

#[test]
fn sources_of_v0_have_tests_too() {
    let place = Place::new();
    place.write(
        "p.rego",
        "package p\n\ndeny[m] {\n    input.x > 3\n    m := \"big\"\n}\n",
    );
    place.write(
        "p_test.rego",
        "package p_test\n\nimport data.p\n\ntest_a {\n    p.deny[\"big\"] with input as {\"x\": 4}\n}\n\ntest_b {\n    p.deny[\"big\"]\n}\n",
    );
    let ran = place.run(&["policy", "test", "p.rego", "p_test.rego"]).expect(1);
    assert!(ran.stdout.contains("data.p_test.test_b: FAIL"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("PASS: 1/2\nFAIL: 1/2\n"), "{}", ran.stdout);
}

#[test]
fn several_paths_are_one_bundle_and_two_files_of_one_name_are_refused() {
    let place = good();
    let ran = place.run(&[
        "policy",
        "test",
        "policies/p.rego",
        "policies/p_test.rego",
        "policies/data.yaml",
    ]);
    assert_eq!(ran.expect(0).stdout, "PASS: 1/1\n");
    let ran = place.run(&["policy", "test", "policies", "policies/p.rego"]);
    assert_eq!(ran.expect(0).stdout, "PASS: 1/1\n");
    place.write("other/p.rego", "package other\n");
    place
        .run(&["policy", "test", "policies", "other"])
        .expect(3)
        .says(&[
            "error: two files of the bundle are called p.rego\n",
            "one directory at a time",
        ]);
}

#[test]
fn a_time_that_makes_no_sense_is_refused() {
    let place = good();
    for (time, said) in [
        ("0s", "a millisecond"),
        ("soon", "such as 500ms"),
        ("3h", "an hour at most"),
    ] {
        place
            .run(&["policy", "test", "policies", "--timeout", time])
            .expect(3)
            .says(&[said]);
    }
    place
        .run(&["policy", "test", "policies", "--timeout", "1m 30s"])
        .expect(0);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = good();
    let line = format!("'{ENACT}' policy test policies -v --format json | head -c 1; echo");
    let ran: Ran = place.shell(&line);
    assert_eq!(ran.stderr, "");
}

#[test]
fn the_policies_of_this_repository_pass_their_tests() {
    let policies = repository().join("policies");
    let tests = crate::harness::contents(&policies);
    if !tests
        .keys()
        .any(|path| path.to_string_lossy().ends_with("_test.rego"))
    {
        println!("skipped: policies/ holds no tests");
        return;
    }
    let ran = Place::new()
        .run(&["policy", "test", &policies.to_string_lossy()])
        .expect(0);
    assert!(ran.stdout.starts_with("PASS: "), "{}", ran.stdout);
}
