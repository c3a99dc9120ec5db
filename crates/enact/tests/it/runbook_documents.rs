//! Documents before they are plans: Markdown in its three shapes, and `enact runbook`.

use crate::harness::{Place, repository};

const ASKING: &str = "# Why it exists\nversion: enact/v1\nkind: Plan\nname: asking\ntitle: Asking\nrisk: { level: high, worst: x }\n\
requirements:\n  - { id: R1, text: Works }\nquestions:\n  - { id: Q1, text: \"May we?\" }   # ask ana\n  - { id: Q2, text: Why?, blocking: false, default: because }\n\
steps:\n  - { id: look, title: Look around, exec: [ls], effect: read, satisfies: [R1] }\nacceptance:\n  - { id: C1, text: Works, manual: true }\n";

fn example(path: &str) -> String {
    repository().join("examples").join(path).display().to_string()
}

#[test]
fn every_example_in_markdown_passes_the_check() {
    let place = Place::new();
    let files = [
        "task-api/task-api.plan.md",
        "two-factor/two-factor.plan.md",
        "plans-by-agents/task-api.md",
        "plans-by-agents/two-factor.md",
        "plans-by-agents/users-mysql-to-postgres.md",
        "plans-by-agents/docs/plans/2026-11-20-greeting.md",
    ];
    for file in files {
        let ran = place
            .run(&["check", &example(file), "--output", "json"])
            .expect(0);
        assert_eq!(ran.json()["format"], "enact.check/v1");
    }
}

#[test]
fn an_import_is_the_same_plan_and_says_what_was_not_clear() {
    let place = Place::new();
    for (file, column) in [
        ("users-mysql-to-postgres.md", 12),
        ("docs/plans/2026-11-20-greeting.md", 3),
    ] {
        let source = example(&format!("plans-by-agents/{file}"));
        let ran = place
            .run(&["runbook", "import", &source, "-o", "out.plan.yaml"])
            .expect(0);
        assert!(
            ran.stderr
                .contains(&format!("{file}:1:{column}: the plan is called")),
            "{}",
            ran.stderr
        );
        // The time is part of a plan's id, so its other parts are compared here.
        let steps = |file: &str| {
            let json = place
                .run(&["runbook", "export", file, "--json", "--dir", "."])
                .expect(0)
                .json();
            (
                json["document"].clone(),
                json["changes"].clone(),
                json["warnings"].clone(),
            )
        };
        assert_eq!(steps(&source), steps("out.plan.yaml"));
    }
    let bad = "---\nversion: enact/v1\nkind: Plan\nname: a\ntitle: A\n---\n## Steps\n### Step 1: A\n```python\nx\n```\n";
    place.write("bad.md", bad);
    let ran = place
        .run(&["runbook", "import", "bad.md", "-o", "none.yaml"])
        .expect(3);
    assert!(
        ran.stderr.contains("bad.md:9:1") && ran.stderr.contains("1 place is not clear"),
        "{}",
        ran.stderr
    );
    assert!(!place.work().join("none.yaml").exists());
    place.run(&["runbook", "import", "none.yaml"]).expect(3);
}

#[test]
fn an_implementation_plan_runs_as_it_is_written() {
    let place = Place::new();
    let source = example("plans-by-agents/docs/plans/2026-11-20-greeting.md");
    place
        .run(&["plan", "-f", &source, "--dir", ".", "-o", "plan.json"])
        .expect(0);
    place.run(&["run", "plan.json", "--auto-approve"]).expect(0);
    let log = place.shell("git log --format=%s").expect(0);
    assert_eq!(log.stdout, "greet: speak Spanish and German\ngreet: say hello\n");
}

#[test]
fn a_new_runbook_passes_the_check_and_is_not_written_over_anything() {
    let place = Place::new();
    for (flag, name) in [("--markdown", "a.plan.md"), ("--color=never", "a.plan.yaml")] {
        place
            .run(&["runbook", "new", "move-users", flag, "-o", name])
            .expect(0);
        let ran = place.run(&["check", name, "--deny", "warnings"]).expect(0);
        assert!(ran.stderr.contains("0 errors, 0 warnings"), "{}", ran.stderr);
        place.run(&["runbook", "new", "move-users", "-o", name]).expect(3);
    }
    place.run(&["runbook", "new", "Move Users"]).expect(3);
    place.run(&["run", "a.plan.md", "--auto-approve"]).expect(0);
    assert!(place.work().join("work/note.txt").exists());
}

#[test]
fn an_export_names_the_plan_and_is_never_an_input() {
    let place = Place::new();
    place
        .run(&["runbook", "new", "move-users", "-o", "a.plan.yaml"])
        .expect(0);
    place
        .run(&["plan", "-f", "a.plan.yaml", "-o", "plan.json"])
        .expect(0);
    let json = place.run(&["runbook", "export", "plan.json", "--json"]).expect(0);
    let id = json.json()["plan_id"].as_str().unwrap().to_owned();
    place
        .run(&["runbook", "export", "plan.json", "-o", "page.md"])
        .expect(0);
    let page = std::fs::read_to_string(place.work().join("page.md")).unwrap();
    assert!(
        page.starts_with(&format!("<!-- enact.export/v1 {id} -->\n\n# Move users\n")),
        "{page}"
    );
    assert!(page.contains("```bash\nmkdir -p work\n"), "{page}");
    for command in ["check", "run"] {
        let said = place.run(&[command, "page.md"]).expect(3).all();
        assert!(said.contains("this is an export of a plan"), "{said}");
    }
    place.run(&["runbook", "export", "nothing"]).expect(3);
}

#[test]
fn graphs_have_three_forms() {
    let place = Place::new();
    let source = example("plans-by-agents/users-mysql-to-postgres.md");
    for (form, expected) in [
        ("mermaid", "  n5 --> n6\n"),
        ("dot", "  n5 -> n6;\n"),
        ("text", "  6. Execute Migration  [after 5]\n"),
    ] {
        let ran = place
            .run(&["runbook", "graph", &source, "--format", form])
            .expect(0);
        assert!(ran.stdout.contains(expected), "{}", ran.stdout);
    }
}

#[test]
fn advice_never_fails() {
    let place = Place::new();
    place.write("a.plan.yaml", ASKING);
    place.write("broken.md", "---\n[");
    let ran = place.run(&["runbook", "advise", "a.plan.yaml"]).expect(0);
    assert!(ran.stdout.contains("Advice: explore first"), "{}", ran.stdout);
    let ran = place
        .run(&[
            "runbook",
            "advise",
            "a.plan.yaml",
            "--requirements",
            "known",
            "--output",
            "json",
        ])
        .expect(0);
    assert_eq!(ran.json()["recommendation"], "plan_and_execute_with_checkpoints");
    assert_eq!(ran.json()["rows"].as_array().unwrap().len(), 6);
    place.run(&["runbook", "advise", "broken.md"]).expect(0);
    let ran = place
        .run(&["runbook", "advise", "--steps", "one", "--stakes", "low"])
        .expect(0);
    assert!(ran.stdout.contains("do not plan"), "{}", ran.stdout);
}

#[test]
fn answers_are_written_in_place_with_who_gave_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.write("a.plan.yaml", ASKING);
    let path = place.work().join("a.plan.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    place
        .run(&["plan", "-f", "a.plan.yaml"])
        .expect(3)
        .says(&["questions are open: Q1"]);
    let ran = place.run(&["runbook", "questions", "a.plan.yaml"]).expect(0);
    assert!(
        ran.stdout.contains("Q1     open, blocks  May we?"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("until then: because"), "{}", ran.stdout);
    place
        .run(&["runbook", "questions", "a.plan.yaml", "answer", "Q9", "x"])
        .expect(3)
        .says(&["Q1, Q2"]);
    place
        .run(&["runbook", "questions", "a.plan.yaml", "answer", "Q1", " "])
        .expect(3);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), ASKING);
    place
        .run(&[
            "runbook",
            "questions",
            "a.plan.yaml",
            "answer",
            "Q1",
            "yes: on \"Sunday\"",
        ])
        .expect(0);
    let after = std::fs::read_to_string(&path).unwrap();
    let added = after.replacen(", answer: \"yes: on \\\"Sunday\\\"\", answered_by: \"os:", "|", 1);
    let (before, rest) = added.split_once('|').unwrap();
    let rest = rest.split_once(" }").unwrap().1;
    assert_eq!(format!("{before} }}{rest}"), ASKING);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
    place.run(&["check", "a.plan.yaml"]).expect(0);
    let agent = [("ENACT_PRINCIPAL_KIND", "agent")];
    place
        .run_with(
            &agent,
            &["runbook", "questions", "a.plan.yaml", "answer", "Q2", "so"],
        )
        .expect(0);
    let list = place
        .run(&["runbook", "questions", "a.plan.yaml", "list"])
        .expect(0);
    assert!(list.stdout.contains("so (agent:os:"), "{}", list.stdout);
    let json = place
        .run(&["runbook", "questions", "a.plan.yaml", "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(json["questions"][0]["answer"], "yes: on \"Sunday\"");
    let plan = place
        .run_with(&agent, &["plan", "-f", "a.plan.yaml", "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(plan["document"]["questions"][1]["self_answered"], true);
}

#[test]
fn questions_in_markdown_are_answered_where_they_stand() {
    let place = Place::new();
    let text = "---\nversion: enact/v1\nkind: Plan\nname: a\ntitle: A\n---\n## Questions\n\n- Q1: May we?\n- Q2: Why?\n";
    place.write("a.md", text);
    place
        .run(&["runbook", "questions", "a.md", "answer", "Q1", "yes"])
        .expect(0);
    let after = std::fs::read_to_string(place.work().join("a.md")).unwrap();
    assert!(
        after.contains("- Q1: May we?\n  - Answer: yes\n  - Answered by: os:"),
        "{after}"
    );
    assert!(after.ends_with("\n- Q2: Why?\n"), "{after}");
}
