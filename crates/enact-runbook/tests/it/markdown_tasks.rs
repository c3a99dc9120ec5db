//! Plans in Markdown whose steps are tasks, as agents write them: what of a task is run, what is content, and what is only said.

use crate::markdown::{errors, imported, listed, plan, plan_of, report, spec};

/// The greeting of the reference, 2.6.
pub(crate) const GREETING: &str = include_str!("../samples/greeting.md");

#[test]
fn an_implementation_plan_becomes_steps_that_do_what_it_says() {
    let found = plan(GREETING);
    assert_eq!(plan_of("a.yaml", &imported(GREETING)).id(), found.id());
    let first = spec(&found, "the_greeting");
    let script = first["action"]["script"].as_str().unwrap();
    let order = [
        "cat > test.sh",
        "(\nset -e\nsh test.sh\n)\nended=$?",
        "cat > greet.sh",
        "PROGRAM\n(\nsh test.sh\n)",
        "git init",
    ];
    let places: Vec<usize> = order
        .iter()
        .map(|part| script.find(part).unwrap_or_else(|| panic!("{part}")))
        .collect();
    assert!(places.is_sorted(), "{places:?}\n{script}");
    let said = first["tasks"].as_array().unwrap();
    assert_eq!(said.len(), 6, "the titles of its steps, and why a command fails");
    assert_eq!(said[2], "Expected: FAIL, because there is no greet.sh");
    let checks = |id: &str| serde_json::to_value(&found.change(&id.into()).unwrap().postconditions).unwrap();
    assert_eq!(checks("the_greeting").as_array().unwrap().len(), 1);
    let second = checks("more_languages");
    assert_eq!(second.as_array().unwrap().len(), 3);
    assert_eq!(second[1]["spec"]["expect"]["exit_code"]["not"], 0);
    assert_eq!(
        second[2]["spec"]["expect"]["stdout"][0]["contains"],
        "¡Hola, Ana!"
    );
}

pub(crate) const AGENT_TASK: &str = "---\nverification: { run_tests: false, run_lint: false, run_typecheck: false }\n---\n\
# X Implementation Plan\n\n**Goal:** Do it\n\n### Task 1: Parse\n\n**Files:**\n- Create: `src/parse.py`\n- Modify: `src/main.py:10-20`\n- Test: `tests/test_parse.py`\n\n\
**Step 1: Write the failing test**\n\n```python\ndef test(): ...\n```\n\n**Step 2: Run it**\n\nRun: `pytest tests/test_parse.py`\nExpected: FAIL\n\n\
**Step 3: Implement**\n\n```yaml\non: ${{ github.ref }}\n```\n\nRun: `pytest`\nExpected: PASS\n\n**Step 4: Commit**\n\n```bash\ngit commit -m x\n```\n\n\
### Task 2: Build\n\nRun: `make` - Expected: clean\n\nRun:\n```bash\nmake test\n```\nExpected:\n```\n3 passed\n```\n\n\
## Acceptance criteria\n\n- [ ] It works\n";

#[test]
fn a_task_with_code_to_write_is_an_agents() {
    let found = plan(AGENT_TASK);
    let step = spec(&found, "parse");
    assert_eq!(step["kind"], "manual");
    assert_eq!(step["action"]["assignee"], "agent");
    let scope: Vec<&str> = step["action"]["write_scope"]
        .as_array()
        .unwrap()
        .iter()
        .map(|path| path.as_str().unwrap())
        .collect();
    assert_eq!(scope, ["src/parse.py", "src/main.py", "tests/test_parse.py"]);
    let told = step["action"]["instructions"].as_str().unwrap();
    assert!(
        told.starts_with("**Files:**")
            && told.contains("on: ${{ github.ref }}")
            && told.ends_with("git commit -m x\n```"),
        "{told}"
    );
    // What fails before the code is there cannot be checked when it is.
    let checks = serde_json::to_value(&found.change(&"parse".into()).unwrap().postconditions).unwrap();
    assert_eq!(checks.as_array().unwrap().len(), 1);
    assert_eq!(checks[0]["spec"]["action"]["script"], "pytest");
    let said = listed(&report(AGENT_TASK)).join("\n");
    assert!(said.contains("told and not checked"), "{said}");
    let build = spec(&found, "build");
    let script = build["action"]["script"].as_str().unwrap();
    assert!(
        script.starts_with("(\nmake\n)\nprinted=$(\nset -e\nmake test\n)\n")
            && script.contains("*'3 passed'*"),
        "{script}"
    );
    assert!(found.change(&"build".into()).unwrap().postconditions.is_empty());
    assert_eq!(plan_of("a.yaml", &imported(AGENT_TASK)).id(), found.id());
}

#[test]
fn what_is_not_clear_in_a_task_is_an_error_too() {
    for (from, to) in [
        ("```bash\ngit", "```bash {timeout=5s}\ngit"),
        ("```bash\ngit", "```bash verify\ngit"),
        ("Run: `make`", "Run: make"),
        ("### Task 2", "### Task 3"),
        ("- Create: `src/parse.py`", "- Create: two files"),
        ("3 passed\n```", "3 passed"),
        ("```bash\ngit", "**Never run:**\n\n```bash\ngit"),
        ("```bash\ngit", "Expected output:\n\n```bash\ngit"),
        ("```bash\ngit", "or, on macOS:\n```bash\ngit"),
    ] {
        assert!(AGENT_TASK.contains(from), "{from}");
        let errors = errors(&AGENT_TASK.replacen(from, to, 1));
        assert!(
            errors.iter().any(|error| error.starts_with("E_AMBIGUOUS")),
            "{to}\n{errors:?}"
        );
    }
}

const DECLINED: &str = "---\nlint: { allow: [W_NO_ROLLBACK, W_NO_PROBE, W_NO_VERIFY, W_REQ_UNCOVERED, W_CRITERION_UNCHECKED], \
                        reason: short }\nassignee: agent\n\
                        verification: { run_tests: false, run_lint: false, run_typecheck: false }\n---\n";

/// An implementation plan with these tasks.
pub(crate) fn with_tasks(tasks: &str) -> String {
    format!(
        "{DECLINED}# Table Implementation Plan\n\n**Goal:** Move it\n\n{tasks}\n\n## Acceptance criteria\n\n- [ ] C1: Done\n"
    )
}

/// What is said of how Markdown was read, and errors, without places.
pub(crate) fn remarks(text: &str) -> Vec<String> {
    let findings = report(text).findings;
    let said = findings
        .into_iter()
        .map(|finding| format!("{} {}", finding.rule, finding.diagnostic.summary));
    let known = ["the plan is called", "the goal became"];
    said.filter(|said| !known.iter().any(|known| said.contains(known)))
        .collect()
}

#[test]
fn a_checkpoint_in_a_task_is_a_confirmation() {
    let quote = "> **Checkpoint:** a DBA confirms.\n\n";
    let fence = "```bash\nrm -f users\n```\n\n";
    let holds = |body: &str| {
        let plan = plan(&with_tasks(&format!("### Task 1: Drop it\n\n{body}")));
        let holds = &plan.changes()[0].handling.as_ref().unwrap().holds;
        holds.iter().map(|hold| hold.at.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(holds(&format!("{quote}{fence}")), ["before"]);
    assert_eq!(holds(&format!("{fence}{quote}")), ["after"]);
    let middle = with_tasks(&format!("### Task 1: Drop it\n\n{fence}{quote}{fence}"));
    assert!(
        remarks(&middle)
            .iter()
            .any(|said| said.starts_with("E_AMBIGUOUS this checkpoint stands in the middle")),
    );
}

#[test]
fn a_command_below_its_label_is_run() {
    for below in [
        "\n`cp users users.bak`",
        "\n\n`cp users users.bak`",
        "\n\n```bash\ncp users users.bak\n```",
    ] {
        let text = with_tasks(&format!("### Task 1: Back up\n\nRun:{below}\nExpected: PASS\n"));
        let plan = plan(&text);
        let action = &spec(&plan, "back_up")["action"];
        assert_eq!(action["script"], "(\ncp users users.bak\n)\n", "{below}");
    }
    let list = with_tasks("### Task 1: Back up\n\nRun:\n- `one`\n- `two`\n");
    assert_eq!(
        spec(&plan(&list), "back_up")["action"]["script"],
        "(\none\n)\n(\ntwo\n)\n"
    );
    let none = with_tasks("### Task 1: Back up\n\nRun:\n\n### Task 2: Go on\n\n```bash\nx\n```\n");
    assert!(remarks(&none).contains(&"E_AMBIGUOUS no command stands behind this".to_owned()));
}

#[test]
fn what_of_a_task_is_not_run_is_said() {
    let text = with_tasks(
        "### Task 1: Drop it\n\n**Not on Sundays.** Only with a copy.\n\n```bash\nrm -f users\n```\n\n\
         Verify: `test ! -e users`\n\n| Run | Expected |\n|---|---|\n| `x` | PASS |\n\n> Mind the users.\n",
    );
    let text_is = "W_MARKDOWN this text is shown with the step and changes nothing: what it does are `Run:` lines and blocks of `bash`";
    assert_eq!(
        remarks(&text),
        [
            text_is,
            text_is,
            text_is,
            "W_MARKDOWN this quote is shown with the step: nobody is held to it"
        ]
    );
    let shown = spec(&plan(&text), "drop_it")["tasks"].clone();
    assert_eq!(
        shown,
        serde_json::json!([
            "**Not on Sundays.** Only with a copy.",
            "Verify: `test ! -e users`",
            "| Run | Expected | |---|---| | `x` | PASS |",
            "> Mind the users."
        ])
    );
    let ticked = with_tasks("### Task 1: Send\n\n- [x] **Step 1: Send it**\n\n  ```bash\n  x\n  ```\n");
    assert_eq!(
        remarks(&ticked),
        ["W_MARKDOWN this step is ticked already; ticks count for nothing: it is carried out all the same"]
    );
}

#[test]
fn what_a_file_is_to_hold_is_never_run() {
    let files = "**Files:**\n- Create: `scripts/purge.sh`\n\n";
    let kind = |body: &str| {
        let report = report(&with_tasks(&format!("### Task 1: The helper\n\n{files}{body}\n")));
        let unclear = report
            .findings
            .iter()
            .any(|finding| finding.rule == "E_AMBIGUOUS");
        let said = listed(&report).join("\n");
        match report.compiled {
            None if unclear => "unclear".to_owned(),
            None => said,
            Some(compiled) => {
                let plan = compiled.draft.freeze().unwrap();
                spec(&plan, "the_helper")["kind"].as_str().unwrap().to_owned()
            }
        }
    };
    let fence = "```bash\nrm -rf ./archive\n```\n";
    assert_eq!(
        kind(&format!("**Step 1: Create `scripts/purge.sh`**\n\n{fence}")),
        "manual"
    );
    assert_eq!(
        kind(&format!("Write `scripts/purge.sh` like this\n\n{fence}")),
        "manual"
    );
    assert_eq!(kind(&format!("`scripts/purge.sh`:\n\n{fence}")), "manual");
    assert_eq!(
        kind(&format!("**Step 1: Write the script**\n\n{fence}")),
        "unclear"
    );
    assert_eq!(kind(fence), "unclear");
    assert_eq!(
        kind(&format!("**Step 1: Mind `scripts/purge.sh`**\n\n{fence}")),
        "unclear"
    );
    assert_eq!(kind(&format!("**Step 1: Run it**\n\n{fence}")), "run");
    let own = "```bash\nchmod +x scripts/purge.sh\n```\n";
    assert_eq!(kind(&format!("**Step 1: Make it executable**\n\n{own}")), "run");
}
