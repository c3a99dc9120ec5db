//! What is said of how Markdown was read: text that is no part of the plan, and what was read in one of several ways.

use crate::markdown::{HEAD, errors, imported, listed, plan, report, spec, with_steps};
use crate::markdown_tasks::{remarks, with_tasks};

#[test]
fn text_that_is_left_out_is_named() {
    let text = with_steps("### Step 1: A\nSome prose.\n\n#### Details\n\n> A thought\n\n```bash\nls\n```\n");
    let notes = listed(&report(&text))
        .iter()
        .filter(|said| said.starts_with("W_MARKDOWN"))
        .count();
    assert_eq!(notes, 3);
    let quiet = text.replace("version:", "lint: { allow: [W_MARKDOWN] }\nversion:");
    assert!(
        !listed(&report(&quiet))
            .iter()
            .any(|said| said.starts_with("W_MARKDOWN"))
    );
}

#[test]
fn a_page_without_a_plan_says_so() {
    assert_eq!(errors("# Notes\n\nNothing to see.\n"), ["E_DOCUMENT 1:1"]);
    assert_eq!(errors(""), ["E_DOCUMENT 1:1"]);
    assert_eq!(errors(&"> ".repeat(10_000)).len(), 1);
}

#[test]
fn a_list_where_steps_should_be_is_told_how_steps_are_written() {
    let phases = "# Move it\n\n## Phase 1: PLAN ALL\n\n### Requirements Gathered\n- Size: small\n\n### Execution Plan\n1. Copy it\n2. Check it\n";
    for text in [phases.to_owned(), with_steps("1. Copy it\n2. Check it\n")] {
        let said = listed(&report(&text)).join("\n");
        assert!(
            said.contains("`**Step 1: Title**`") && said.contains("`steps` is empty"),
            "{said}"
        );
    }
}

#[test]
fn an_id_in_another_form_is_read_as_text_and_said() {
    let text = |item: &str| {
        format!(
            "---\n{HEAD}lint: {{ allow: [W_REQ_UNCOVERED, W_NO_VERIFY, W_NO_PROBE] }}\n---\n## Requirements\n- R1: First\n- {item}\n\n\
             ## Steps\n### Step 1: Go\n```bash {{rollback=none}}\nls\n```\n\n## Acceptance criteria\n- [ ] C1: All\n```bash check\ntrue\n```\n"
        )
    };
    for item in [
        "R7 (limit): At most 5m",
        "[R7] At most",
        "R7 - At most",
        "**R7** (limit): at most",
    ] {
        let said = listed(&report(&text(item))).join("\n");
        let expected = "`R7` is read as text, not as the id of this item, which is R2";
        assert!(said.contains(expected), "{item}: {said}");
        assert!(said.contains("write `R7: text`"), "{item}: {said}");
        assert!(said.contains("10:"), "{item}: {said}");
    }
    for item in [
        "R7: At most",
        "Database: PostgreSQL",
        "S3 keeps its files",
        "R is fine",
        "RPO4 of a minute",
    ] {
        let said = listed(&report(&text(item))).join("\n");
        assert!(!said.contains("is read as text"), "{item}: {said}");
    }
}

#[test]
fn text_that_stands_in_no_section_is_said_once_a_place() {
    let text = format!(
        "---\n{HEAD}lint: {{ allow: [W_REQ_UNCOVERED, W_NO_VERIFY, W_NO_PROBE] }}\n---\n# A plan\n\nRun as deploy.\n\nAsk first.\n\n\
         - never on Fridays\n\n## Background\n\nNever run this twice.\n\n### More\n\nx\n\n## Empty\n\n## Step\n\n- a\n\n\
         ## Steps\n### Step 1: Go\n```bash {{rollback=none}}\nls\n```\n\n## Notes\n\n```bash\nrm -rf x\n```\n"
    );
    let notes: Vec<String> = listed(&report(&text))
        .into_iter()
        .filter(|line| line.starts_with("W_MARKDOWN"))
        .collect();
    assert_eq!(
        notes,
        [
            "W_MARKDOWN 16:4 `Background` is no section of a plan: nothing below it is part of the plan (sections are \
             Requirements, Questions, Assumptions, Steps, Acceptance criteria, Rollback and Verification)",
            "W_MARKDOWN 24:4 `Empty` is no section of a plan: nothing below it is part of the plan (sections are Requirements, \
             Questions, Assumptions, Steps, Acceptance criteria, Rollback and Verification)",
            "W_MARKDOWN 26:4 `Step` is no section of a plan: nothing below it is part of the plan (did you mean `Steps`?)",
            "W_MARKDOWN 36:4 `Notes` is no section of a plan: nothing below it is part of the plan (sections are Requirements, \
             Questions, Assumptions, Steps, Acceptance criteria, Rollback and Verification)",
        ]
    );
}

#[test]
fn what_stands_behind_a_title_is_shown_with_the_step() {
    let text =
        with_tasks("### Task 1: Send\n\n- [ ] **Step 1: Send it** - only once\n\n  ```bash\n  x\n  ```\n");
    assert_eq!(
        spec(&plan(&text), "send")["tasks"],
        serde_json::json!(["**Step 1: Send it** - only once"])
    );
    let text = with_steps("**Step 1: Backup** (10 min)\n\n```bash\nx\n```\n");
    let plan = plan(&text);
    assert_eq!(plan.changes()[0].change_id.as_str(), "backup");
    assert_eq!(spec(&plan, "backup")["tasks"], serde_json::json!(["(10 min)"]));
    assert!(
        remarks(&text)
            .iter()
            .any(|said| said.starts_with("W_MARKDOWN this text is shown with the step"))
    );
}

#[test]
fn a_request_for_approval_in_a_list_is_read() {
    let head = "# Move\n\n## Phase 1: PLAN ALL\n\n### Requirements Gathered\n- All: rows\n\n### Execution Plan\n\n\
                **Step 1: Move**\n\n```bash\nx\n```\n\n### User Approval Requested\n\n";
    let quote = "> This plan has:\n> - Steps: 4\n> - Estimated time: 2 hours\n> - Estimated downtime: 15 minutes\n\
                 > - Maximum risk: clients are refused\n> - Risk level: high\n> - Colour: red\n\n";
    let verify =
        "## Phase 3: VERIFY\n\n- ✓ Rows are there\n\n  ```bash\n  test -e rows\n  ```\n- ✓ All is well\n";
    let text = format!("{head}{quote}{verify}");
    let yaml = imported(&text);
    for part in [
        "estimate: 2h",
        "estimate: 15m",
        "worst: clients are refused",
        "level: high",
        "run: \"test -e rows",
        "manual: true",
    ] {
        assert!(yaml.contains(part), "{part}\n{yaml}");
    }
    let said = remarks(&text);
    assert!(
        said.contains(&"W_MARKDOWN this says 4 steps, and the plan has 1".to_owned()),
        "{said:?}"
    );
    assert!(
        said.iter()
            .any(|said| said.contains("this line of the request is not part")),
        "{said:?}"
    );
    let alone = format!("{head}{quote}{verify}\n```bash\ntest -e all\n```\n");
    assert!(remarks(&alone).contains(&"E_AMBIGUOUS what is this a check of?".to_owned()));
}

#[test]
fn text_in_front_of_the_sections_is_the_description() {
    let own = with_steps("### Step 1: Go\n```bash\nx\n```\n");
    let text = own.replacen(
        "## Steps",
        "# A plan\n\nRun as deploy.\n\n- never on Fridays\n\n## Steps",
        1,
    );
    let described = |text: &str| plan(text).document().unwrap()["description"].clone();
    assert_eq!(described(&text), "Run as deploy.\n- never on Fridays");
    let given = text.replacen("---\n", "---\ndescription: Mine.\n", 1);
    assert_eq!(described(&given), "Mine.");
    assert!(remarks(&given).contains(
        &"W_MARKDOWN this text is not part of the plan: its description is the front matter's".to_owned()
    ));
}

#[test]
fn what_stands_before_the_first_step_and_ticks_below_one_are_said() {
    let text =
        with_steps("This is how.\n\n- First\n\n### Step 1: Go\n- [x] Look\n- [ ] Leave\n```bash\nx\n```\n");
    let said: Vec<String> = remarks(&text)
        .into_iter()
        .filter(|said| said.starts_with("W_MARKDOWN"))
        .collect();
    assert_eq!(
        said,
        [
            "W_MARKDOWN this text is shown with the step and changes nothing: what it does is its action",
            "W_MARKDOWN this text is shown with the step and changes nothing: what it does is its action",
            "W_MARKDOWN this is ticked already; ticks count for nothing",
        ]
    );
}

#[test]
fn steps_below_a_heading_that_is_not_to_run_are_asked_about() {
    let text = with_steps("#### Step 1: Go\n```bash\nx\n```\n#### Step 2: Stay\n```bash\nx\n```\n");
    let below = text.replace("## Steps", "# A plan\n\n## If it fails\n\nAsk.\n\n### Steps");
    let asked = "E_AMBIGUOUS is this step to be carried out? It stands below `If it fails`";
    let of = |text: &str| remarks(text).iter().filter(|said| *said == asked).count();
    assert_eq!(of(&below), 2);
    assert_eq!(of(&below.replace("### Steps", "## Steps")), 0);
}

#[test]
fn a_file_that_is_struck_through_is_none() {
    let files = "### Task 1: Write\n\n**Files:**\n- Create: ~~`a.py`~~\n- Create: ~~`b.py`~~ `c.py`\n\n```python\nx\n```\n";
    let found = plan(&with_tasks(files));
    let scope = &spec(&found, "write")["action"]["write_scope"];
    assert_eq!(*scope, serde_json::json!(["c.py"]));
}
