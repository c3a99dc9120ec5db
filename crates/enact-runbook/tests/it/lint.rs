//! Rules of the linter, each with a runbook that breaks it and one that keeps it.

use enact_core::diagnostic::Severity;

use crate::kit::{
    MAINTENANCE, MIGRATION, errors_with, files, options, report, scripts, source, with_parameters, with_steps,
};
use enact_runbook::check;
use serde_json::json;

fn rules(text: &str) -> Vec<&'static str> {
    report(text).findings.iter().map(|finding| finding.rule).collect()
}

fn said(text: &str, rule: &str) -> Option<String> {
    let found = report(text)
        .findings
        .into_iter()
        .find(|finding| finding.rule == rule);
    found.map(|finding| crate::kit::shown(&finding.diagnostic))
}

fn severity(text: &str, rule: &str) -> Option<Severity> {
    let found = report(text)
        .findings
        .into_iter()
        .find(|finding| finding.rule == rule);
    found.map(|finding| finding.diagnostic.severity)
}

const GOOD: &str =
    "id: a, title: Count rows, exec: [count], repeat: safe, verify: [{ exec: [look] }], rollback: none";

#[test]
fn a_good_step_has_no_findings() {
    assert_eq!(rules(&with_steps(&format!("  - {{ {GOOD} }}"))), [] as [&str; 0]);
}

#[test]
fn each_rule_of_a_single_step_is_found() {
    for (step, rule) in [
        (
            "id: a, title: Count rows, exec: [count], repeat: safe, verify: [{ exec: [look] }]",
            "W_NO_ROLLBACK",
        ),
        (
            "id: a, title: Count rows, exec: [count], verify: [{ exec: [look] }], rollback: none",
            "W_NO_PROBE",
        ),
        (
            "id: a, title: Count rows, exec: [count], repeat: safe, rollback: none",
            "W_NO_VERIFY",
        ),
        (
            "id: a, title: Deploy, exec: [count], repeat: safe, verify: [{ exec: [look] }], rollback: none",
            "W_UNDERPLAN_VAGUE",
        ),
        (
            "id: a, title: Count rows, exec: [count], retry: { attempts: 2 }, probe: { exec: [p] }, verify: [{ exec: [look] }], rollback: none",
            "E_RETRY_UNSAFE",
        ),
        (
            "id: a, title: Count rows, exec: [count], repeat: safe, on_failure: continue, verify: [{ exec: [look] }], rollback: none",
            "E_CONTINUE_CRITICAL",
        ),
        (
            "id: a, title: Count rows, exec: [count, TODO], repeat: safe, verify: [{ exec: [look] }], rollback: none",
            "E_PLACEHOLDER",
        ),
        (
            "id: a, title: Count rows TBD, exec: [count], repeat: safe, verify: [{ exec: [look] }], rollback: none",
            "W_PLACEHOLDER",
        ),
        (
            "id: a, title: Count rows, exec: [\"co\\u200Bunt\"], repeat: safe, verify: [{ exec: [look] }], rollback: none",
            "E_HIDDEN_TEXT",
        ),
        (
            "id: a, title: Count rows, run: \"rm -rf ./\\u202Ex\", repeat: safe, verify: [{ exec: [look] }], rollback: none",
            "E_HIDDEN_TEXT",
        ),
        (
            "id: a, title: Count rows, exec: [count, \"${{ steps.b.outputs.x }}\"], repeat: safe, verify: [{ exec: [look] }], rollback: none }\n  - { id: b, title: More rows, exec: [count], outputs: { x: {} }, repeat: safe, verify: [{ exec: [look] }], rollback: none",
            "E_FORWARD_REF",
        ),
        (
            "id: a, title: Write it, manual: { instructions: Write it, write_scope: [src] }, tasks: [x], verify: [{ exec: [look] }], rollback: none",
            "E_VERIFICATION_UNKNOWN",
        ),
    ] {
        assert_eq!(rules(&with_steps(&format!("  - {{ {step} }}"))), [rule], "{step}");
    }
}

#[test]
fn advice_can_be_declined_and_errors_cannot() {
    let step = "id: a, title: Count rows, exec: [count], repeat: safe, verify: [{ exec: [look] }]";
    assert_eq!(
        rules(&with_steps(&format!(
            "  - {{ {step}, lint: {{ allow: [W_NO_ROLLBACK] }} }}"
        ))),
        [] as [&str; 0]
    );
    let whole = with_steps(&format!("  - {{ {step} }}")) + "lint: { allow: [W_NO_ROLLBACK] }\n";
    assert_eq!(rules(&whole), [] as [&str; 0]);
    let errors = with_steps(&format!("  - {{ {step}, lint: {{ allow: [E_HIDDEN_TEXT] }} }}"));
    assert_eq!(
        crate::kit::errors(&errors),
        ["8:105 `E_HIDDEN_TEXT` is an error and cannot be allowed"]
    );
    let unknown = with_steps(&format!("  - {{ {step}, lint: {{ allow: [W_NO_ROLBACK] }} }}"));
    assert!(crate::kit::errors(&unknown)[0].ends_with("(did you mean `W_NO_ROLLBACK`?)"));
}

#[test]
fn rules_of_the_whole_are_found() {
    let good = with_steps(&format!("  - {{ {GOOD} }}"));
    for (from, to, rule) in [
        (
            "requirements:",
            "questions: [{ id: Q1, text: Who? }]\nrequirements:",
            "E_QUESTIONS_OPEN",
        ),
        (
            "requirements:\n  - { id: R1, text: Works }\n",
            "requirements: []\n",
            "E_NO_REQUIREMENTS",
        ),
        (
            "title: Small",
            "title: Small\nsettings: { max_plan_steps: 0 }",
            "E_DOCUMENT",
        ),
        ("satisfies: [R1]", "satisfies: []", "W_REQ_UNCOVERED"),
        ("manual: true, ", "", "W_CRITERION_UNCHECKED"),
        (
            "requirements:",
            "assumptions: [{ id: A1, text: Fine }]\nrequirements:",
            "W_ASSUMPTION_UNCHECKED",
        ),
    ] {
        let text = good.replacen(from, to, 1);
        assert!(rules(&text).contains(&rule), "{rule}: {:?}", rules(&text));
    }
    let none = good.split("acceptance:").next().unwrap().to_owned() + "acceptance: []\n";
    assert!(rules(&none).contains(&"E_NO_ACCEPTANCE"));
    let many: String = (0..51)
        .map(|n| format!("  - {{ {} }}\n", GOOD.replace("id: a", &format!("id: a{n}"))))
        .collect();
    assert_eq!(rules(&with_steps(&many)), ["E_TOO_MANY_STEPS"]);
}

#[test]
fn estimates_are_complete_and_fit_into_the_downtime() {
    let steps = |first: &str, second: &str| {
        let step = |id: &str, estimate: &str| {
            format!(
                "  - {{ {}{estimate} }}\n",
                GOOD.replace("id: a", &format!("id: {id}"))
            )
        };
        with_steps(&(step("a", first) + &step("b", second))) + "downtime: { from: a, to: b, limit: 10m }\n"
    };
    assert_eq!(rules(&steps(", estimate: 5m", "")), ["W_NO_ESTIMATE"]);
    assert_eq!(rules(&steps(", estimate: 5m", ", estimate: 5m")), [] as [&str; 0]);
    let over = steps(", estimate: 5m", ", estimate: { low: 1m, likely: 6m, high: 9m }");
    assert_eq!(severity(&over, "W_DOWNTIME_OVER"), Some(Severity::Warning));
    let never = steps(", estimate: 8m", ", estimate: 3m");
    assert_eq!(severity(&never, "W_DOWNTIME_OVER"), Some(Severity::Error));
    assert!(
        said(&never, "W_DOWNTIME_OVER")
            .unwrap()
            .contains("even at best the downtime from `a` to `b` takes 11m, and the limit is 10m")
    );
}

/// The origin's example of over-planning: one file in four steps.
#[test]
fn a_file_in_four_steps_is_over_planned() {
    let commands = with_steps(
        "  - { id: create, title: Create the file, exec: [touch, config.txt] }\n  - { id: fill, title: Write text to it, run: \"echo hello > config.txt\" }\n  - { id: save, title: Save the file, exec: [sync, config.txt] }\n  - { id: look, title: Check that it exists, exec: [test, -f, config.txt] }",
    );
    let found = said(&commands, "W_OVERPLAN_SAME_TARGET").unwrap();
    assert_eq!(
        found,
        "8:11 steps `create`, `fill`, `save` and `look` all work on `config.txt` (make it one meaningful step:\n- id: create\n  title: Create the file\n  run: |\n    touch config.txt\n    echo hello > config.txt\n    sync config.txt\n    test -f config.txt)"
    );
    let words = with_steps(
        "  - { id: create, title: Create file config.txt, manual: { instructions: Create it } }\n  - { id: fill, title: Write text, manual: { instructions: Type } }\n  - { id: save, title: Save file, manual: { instructions: Press save } }\n  - { id: look, title: Check that file exists, manual: { instructions: Look } }",
    );
    assert!(
        said(&words, "W_OVERPLAN_SAME_TARGET")
            .unwrap()
            .contains("`config.txt`")
    );
}

#[test]
fn trivial_commands_in_a_row_are_over_planned() {
    let step = |id: &str, command: &str| format!("  - {{ id: {id}, title: Part {id}, exec: [{command}] }}\n");
    let three = with_steps(&(step("a", "mkdir, x") + &step("b", "touch, y") + &step("c", "cp, m, n")));
    assert!(
        said(&three, "W_OVERPLAN_TRIVIAL")
            .unwrap()
            .starts_with("8:11 steps `a`, `b` and `c` are one trivial command each")
    );
    let two = with_steps(&(step("a", "mkdir, x") + &step("b", "touch, y") + &step("c", "migrate")));
    assert_eq!(said(&two, "W_OVERPLAN_TRIVIAL"), None);
    let verified = three.replace("exec: [touch, y]", "exec: [touch, y], verify: [{ exec: [ok] }]");
    assert_eq!(said(&verified, "W_OVERPLAN_TRIVIAL"), None);
}

#[test]
fn many_tiny_steps_are_over_planned() {
    let steps = |estimate: &str| {
        let steps: String = (0..6)
            .map(|n| {
                format!(
                    "  - {{ {}, estimate: {estimate} }}\n",
                    GOOD.replace("id: a", &format!("id: a{n}"))
                )
            })
            .collect();
        with_steps(&steps)
    };
    assert_eq!(rules(&steps("5s")), ["W_OVERPLAN_TINY"]);
    assert_eq!(rules(&steps("30s")), [] as [&str; 0]);
}

#[test]
fn a_step_that_only_checks_the_previous_one_is_its_verification() {
    let text = with_steps(
        "  - { id: write, title: Render the page, run: \"render > page.html\" }\n  - { id: look, title: Verify the page, exec: [grep, -q, title, page.html], effect: read }",
    );
    assert_eq!(
        said(&text, "W_OVERPLAN_ECHO").unwrap(),
        "9:11 step `look` only checks what `write` did (make it that step's check: `verify: [{ exec: … }]` with `grep -q title page.html`)"
    );
}

#[test]
fn the_samples_of_the_reference_have_no_over_planning() {
    let options_with = with_parameters(&[("node", json!("w1")), ("kernel", json!("6.8"))]);
    for (text, options) in [(MIGRATION, options()), (MAINTENANCE, options_with)] {
        let report = check(&crate::kit::source(text), &options, &scripts(), None);
        let planning = report
            .findings
            .iter()
            .filter(|finding| finding.rule.contains("PLAN_"))
            .count();
        assert_eq!(planning, 0, "{:#?}", report.findings);
        let compiled = report.compiled.unwrap();
        assert_eq!(compiled.draft.warnings.len(), compiled.warnings.len());
    }
}

#[test]
fn whatever_runs_a_script_of_the_folder_pins_it() {
    let files = files(&[("x.sh", "x"), ("sub/t.py", "x"), ("data.csv", "x")]);
    let unpinned = |text: &str| {
        let found = check(&source(text), &options(), &files, None).findings;
        found.iter().any(|finding| finding.rule == "E_FILE_UNPINNED")
    };
    let step = |action: &str| with_steps(&format!("  - {{ id: a, title: Do a, {action} }}"));
    for action in [
        "exec: [./x.sh]",
        "exec: [bash, -e, x.sh]",
        "exec: [bash, -eu, -o, pipefail, ./x.sh]",
        "exec: [python3, -u, sub/t.py, data.csv]",
        "exec: [env, ./x.sh]",
        "exec: [sudo, ./x.sh]",
        "exec: [timeout, \"5\", ./x.sh]",
        "exec: [nice, ./x.sh]",
        "exec: [sh, -c, ./x.sh]",
        "run: ./x.sh",
        "run: \"echo a && bash x.sh\"",
        "run: . ./x.sh",
        "run: \"cd sub && python3 t.py\"",
        "exec: [look], verify: [{ run: ./x.sh }]",
        "run: \"bash <(cat x.sh)\"",
        "run: \"eval \\\"$(cat x.sh)\\\"\"",
    ] {
        assert!(unpinned(&step(action)), "{action}");
        let pinned = step(action) + "files: [x.sh, sub/t.py]\n";
        assert!(!unpinned(&pinned), "{action}");
    }
    for action in [
        "exec: [cat, data.csv, ./x.sh]",
        "exec: [python3, -m, x.sh]",
        "exec: [later.sh]",
        "run: \"cat ./x.sh > copy\"",
        "exec: [bash, -n, x.sh]",
        "exec: [./later.sh], makes: [later.sh]",
        "exec: [bin/later, now], makes: [./bin/]",
        "run: \"./build; ./x.sh\", makes: [x.sh, build]",
        "run: \"echo y > x.sh; sh x.sh\"",
        "run: \"echo y | tee -a x.sh; cd sub; ../x.sh\"",
        "exec: [npx, '@scope/later']",
        "exec: [uv, run, later]",
        "exec: [sh, '{}']",
    ] {
        assert!(!unpinned(&step(action)), "{action}");
    }
    for action in [
        "exec: [./later.sh]",
        "exec: [sh, later.sh]",
        "exec: [uv, run, later.py]",
        "exec: [./later.sh], makes: [later]",
        "run: \"sh x.sh; echo y > x.sh\"",
        "run: \"sh later.sh; echo y > later.sh\"",
    ] {
        assert!(unpinned(&step(action)), "{action}");
    }
    let top = |block: &str| step("run: look") + block;
    assert!(unpinned(&top("settings: { shell: ./x.sh }\n")));
    let secret = "parameters: { s: { type: secret, from: { exec: [./x.sh] } } }\n";
    assert!(unpinned(&top(secret)));
    assert!(!unpinned(&top(&format!("{secret}files: [x.sh]\n"))));
    let line = "parameters: { s: { type: secret, from: 'exec:[\"bash\", \"x.sh\"]' } }\n";
    assert!(unpinned(&top(line)));
}

#[test]
fn what_says_nothing_is_refused() {
    let files = enact_runbook::files::MemoryFiles::default();
    let found = |text: &str| errors_with(text, &options(), &files);
    let step = "  - { id: a, title: Do a, exec: [x] }";
    for blank in ["\"\"", "\"  \"", "\"\\u200b\""] {
        let titled = with_steps(step).replace("title: Small", &format!("title: {blank}"));
        assert!(found(&titled)[0].contains("`title` is empty"), "{blank}");
        let titled = with_steps(step).replace("Do a", blank);
        assert!(found(&titled)[0].contains("`title` is empty"), "{blank}");
        let asked = format!("questions: [{{ id: Q1, text: Really, answer: {blank} }}]\n");
        assert!(
            found(&(with_steps(step) + &asked))[0].contains("questions are open: Q1"),
            "{blank}"
        );
    }
    let secret = "parameters: { s: { type: secret, from: \"env:S\", default: hunter2 } }\n";
    let said = &found(&(with_steps(step) + secret))[0];
    assert!(
        said.contains("`default` means nothing for a parameter of type `secret`"),
        "{said}"
    );
}

#[test]
fn what_is_named_twice_is_named_once() {
    let id = |satisfies: &str| {
        let step = format!("  - {{ id: a, title: Do a, exec: [x], satisfies: {satisfies} }}");
        crate::kit::plan(&with_steps(&step)).id().clone()
    };
    assert_eq!(id("[R1, R1]"), id("[R1]"));
}
