//! Steps that stand for others: plans that include plans, and the changes of another domain.

use enact_core::change::{Action, Change, Parent};
use enact_core::diagnostic::Diagnostic;
use enact_core::reference::reference;
use enact_runbook::files::MemoryFiles;
use enact_runbook::{Compiled, SubPlan, SubPlanRequest, SubPlanner, check, compile};
use serde_json::json;

use crate::kit::{compiled, errors, errors_with, files, options, source, with_steps};

fn child(parameters: &str, steps: &str) -> String {
    with_steps(steps).replace(
        "requirements:",
        &format!("parameters: {{ {parameters} }}\nrequirements:"),
    )
}

#[test]
fn the_steps_of_an_included_plan_take_its_place() {
    let inner = child(
        "rows: { type: integer }, key: { type: secret, from: \"env:INNER\" }",
        "  - { id: count, title: Count it, exec: [./count.sh, \"${{ params.rows }}\"], outputs: { n: { type: integer } }, env: { K: \"${{ params.key }}\" } }\n  - { id: show, title: Show it, exec: [show, \"${{ steps.count.outputs.n }}\"] }",
    ) + "files: [count.sh]\nassumptions: [{ id: A1, text: Fine, check: { exec: [ok] } }]\n";
    let files = files(&[("sub/inner.plan.yaml", &inner), ("sub/count.sh", "x")]);
    let outer = with_steps(
        "  - { id: first, title: The first, exec: [a] }\n  - { id: inner, title: The inner, plan: { file: sub/inner.plan.yaml, parameters: { rows: 5, key: \"${{ secrets.token }}\" } }, confirm: before }\n  - { id: last, title: The last, exec: [b, \"${{ steps.inner.count.outputs.n }}\"], needs: [inner] }",
    )
    .replace("requirements:", "parameters: { token: { type: secret, from: \"env:TOKEN\" } }\nrequirements:");
    let plan = compiled(&outer, &options(), &files).draft.freeze().unwrap();
    let ids: Vec<&str> = plan
        .changes()
        .iter()
        .map(|change| change.change_id.as_str())
        .collect();
    assert_eq!(ids, ["first", "inner.count", "inner.show", "last"]);
    let count = plan.changes()[1].spec.as_ref().unwrap();
    assert_eq!(count["action"]["argv"], json!(["./count.sh", "5"]));
    assert_eq!(
        count["env"]["K"],
        json!({"template": [{"expression": "params.token"}]})
    );
    assert_eq!(count["working_dir"], "sub");
    assert_eq!(count["number"], 2);
    assert_eq!(plan.changes()[1].handling.as_ref().unwrap().holds.len(), 1);
    let show = plan.changes()[2].spec.as_ref().unwrap();
    assert_eq!(
        show["action"]["argv"][1],
        json!({"template": [{"expression": "steps.inner.count.outputs.n"}]})
    );
    assert_eq!(
        plan.changes()[3].depends_on,
        ["inner.count".into(), "inner.show".into()]
    );
    let document = plan.document().unwrap();
    assert_eq!(document["files"][0]["path"], "sub/count.sh");
    assert_eq!(document["groups"][0]["title"], "The inner");
    assert_eq!(document["groups"][0]["number"], 2);
    assert_eq!(document["assumptions"][0]["id"], "inner.A1");
    assert_eq!(document["assumptions"][0]["check"]["working_dir"], "sub");
}

#[test]
fn faults_of_an_included_plan_name_its_file() {
    let inner = child("", "  - { id: a, titel: A a, exec: [x] }");
    let files = files(&[("inner.plan.yaml", &inner)]);
    let text = with_steps("  - { id: i, title: The inner, plan: { file: inner.plan.yaml } }");
    let faults = compile(&source(&text), &options(), &files, None).unwrap_err();
    let place = faults[0].place.as_ref().unwrap();
    assert_eq!(
        (place.file.as_str(), place.position.unwrap().line),
        ("inner.plan.yaml", 9)
    );
}

#[test]
fn cycles_depth_and_missing_files_are_named() {
    let including = |file: &str| {
        with_steps(&format!(
            "  - {{ id: i, title: The inner, plan: {{ file: {file} }} }}"
        ))
    };
    let files = files(&[("a.yaml", &including("b.yaml")), ("b.yaml", &including("a.yaml"))]);
    let found = errors_with(&including("a.yaml"), &options(), &files);
    assert!(
        found[0].contains("`a.yaml` includes itself: `a.yaml` → `b.yaml` → `a.yaml`"),
        "{found:?}"
    );
    let chain: Vec<(String, String)> = (0..12)
        .map(|n| (format!("{n}.yaml"), including(&format!("{}.yaml", n + 1))))
        .collect();
    let chain: Vec<(&str, &str)> = chain
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let found = errors_with(&including("0.yaml"), &options(), &crate::kit::files(&chain));
    assert!(
        found[0].contains("plans include plans at most 8 deep"),
        "{found:?}"
    );
    assert!(errors(&including("no.yaml"))[0].contains("`no.yaml` cannot be included: it does not exist"));
    assert!(errors(&including("../x.yaml"))[0].contains("leads out of the runbook's folder"));
}

#[test]
fn values_known_only_later_cannot_go_where_bounds_are_checked() {
    let inner = child(
        "rows: { type: integer, max: 9 }",
        "  - { id: a, title: A a, exec: [x, \"${{ params.rows }}\"] }",
    );
    let open = child(
        "rows: { type: integer }",
        "  - { id: a, title: A a, exec: [x, \"${{ params.rows }}\"] }",
    );
    let text = with_steps(
        "  - { id: c, title: Count it, exec: [c], outputs: { n: { type: integer } } }\n  - { id: i, title: The inner, plan: { file: i.yaml, parameters: { rows: \"${{ steps.c.outputs.n }}\" } } }",
    );
    assert_eq!(
        errors_with(&text, &options(), &files(&[("i.yaml", &inner)])).len(),
        1
    );
    let plan = compiled(&text, &options(), &files(&[("i.yaml", &open)])).draft;
    let argv = &plan.changes[1].spec.as_ref().unwrap()["action"]["argv"];
    assert_eq!(
        argv[1],
        json!({"template": [{"expression": "steps.c.outputs.n"}]})
    );
}

struct Portals;

impl SubPlanner for Portals {
    fn plan(&self, request: &SubPlanRequest<'_>) -> Result<SubPlan, Vec<Diagnostic>> {
        if request.operation == "sync" {
            return Err(vec![Diagnostic::error("nothing to sync")]);
        }
        let portal = Change::new("create:portal:p".into(), Action::Create, "portal", "p", "P");
        let page = Change {
            desired: Some(
                json!({"portal_id": reference(&portal.change_id, "id"), "x": [reference(&portal.change_id, "id")]}),
            ),
            parent: Some(Parent {
                resource_type: "portal".to_owned(),
                resource_ref: "p".to_owned(),
                resource_name: "P".to_owned(),
                resource_id: None,
                change_id: Some(portal.change_id.clone()),
            }),
            depends_on: vec![portal.change_id.clone()],
            ..Change::new("create:page:q".into(), Action::Create, "page", "q", "Q")
        };
        Ok(SubPlan {
            warnings: Vec::new(),
            unchanged: Vec::new(),
            observed: None,
            target: json!({"kind": "konnect", "base_url": request.files[0]}),
            changes: vec![portal, page],
        })
    }
}

/// Compiles where the other domain is there.
fn with_portals(text: &str) -> Result<Compiled, Vec<Diagnostic>> {
    compile(&source(text), &options(), &MemoryFiles::default(), Some(&Portals))
}

#[test]
fn the_changes_of_another_domain_take_the_place_of_their_step() {
    let text = with_steps(
        "  - { id: before, title: The first, exec: [a] }\n  - { id: gateway, title: The gateway, konnect: { operation: apply, files: [gw] }, confirm: after }\n  - { id: after, title: The last, exec: [b] }",
    );
    let plan = with_portals(&text).unwrap().draft.freeze().unwrap();
    let ids: Vec<&str> = plan.execution_order().iter().map(|id| id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "before",
            "gateway/create:portal:p",
            "gateway/create:page:q",
            "after"
        ]
    );
    let page = &plan.changes()[2];
    assert_eq!(page.depends_on, ["gateway/create:portal:p".into()]);
    assert_eq!(
        page.parent.as_ref().unwrap().change_id,
        Some("gateway/create:portal:p".into())
    );
    let moved = reference(&"gateway/create:portal:p".into(), "id");
    assert_eq!(page.desired, Some(json!({"portal_id": moved, "x": [moved]})));
    assert_eq!(page.handling.as_ref().unwrap().holds.len(), 1);
    assert_eq!(plan.changes()[1].depends_on, ["before".into()]);
    assert_eq!(
        plan.changes()[3].depends_on,
        ["gateway/create:page:q".into(), "gateway/create:portal:p".into()]
    );
    let document = plan.document().unwrap();
    assert_eq!(
        document["konnect_target"],
        json!({"kind": "konnect", "base_url": "gw"})
    );
    assert_eq!(document["groups"][0]["number"], 2);
    assert_eq!(plan.changes()[3].spec.as_ref().unwrap()["number"], 3);
}

#[test]
fn what_another_domain_says_stands_at_the_step() {
    let text =
        with_steps("  - { id: gateway, title: The gateway, konnect: { operation: sync, files: [gw] } }");
    let faults = with_portals(&text).unwrap_err();
    assert_eq!(crate::kit::listed(&faults), "8:40 nothing to sync");
    assert!(errors(&text)[0].contains("which is not available here"));
}

#[test]
fn what_a_step_of_another_domain_verifies_comes_behind_its_changes() {
    let text = with_steps(
        "  - { id: gateway, title: The gateway, konnect: { operation: apply, files: [gw] }, repeat: safe, confirm: after, verify: [{ exec: [look] }], env: { A: b } }\n  - { id: after, title: The last, exec: [b] }",
    );
    let plan = with_portals(&text).unwrap().draft.freeze().unwrap();
    let verified = &plan.changes()[2];
    assert_eq!(verified.change_id.as_str(), "gateway/verified");
    assert_eq!(verified.postconditions.len(), 1);
    assert_eq!(verified.handling.as_ref().unwrap().holds.len(), 1);
    assert_eq!(plan.changes()[1].handling.as_ref().unwrap().holds.len(), 0);
    assert_eq!(plan.changes()[3].depends_on.len(), 3);
    assert_eq!(
        plan.document().unwrap()["groups"][0]["changes"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let refused = with_steps(
        "  - { id: gateway, title: The gateway, konnect: { files: [gw] }, when: \"true\", repeat: never }",
    );
    let faults = with_portals(&refused).unwrap_err();
    assert_eq!(faults.len(), 2);
}

#[test]
fn a_plan_that_is_included_in_finally_runs_in_any_case() {
    let inner = with_steps(
        "  - { id: tidy, title: Tidy, exec: [tidy], repeat: safe }\n  - { id: sweep, title: Sweep, exec: [sweep], repeat: safe, needs: [tidy] }",
    ) + "finally:\n  - { id: lock, title: Lock, exec: [lock], repeat: safe }\n";
    let outer = with_steps("  - { id: first, title: The first, exec: [a] }")
        + "finally:\n  - { id: end, title: The end, plan: { file: inner.plan.yaml } }\n  - { id: last, title: The last, exec: [b], repeat: safe }\n";
    let plan = compiled(&outer, &options(), &files(&[("inner.plan.yaml", &inner)]));
    let plan = plan.draft.freeze().unwrap();
    let seen: Vec<(&str, bool, u64)> = plan
        .changes()
        .iter()
        .map(|change| {
            let number = change.spec.as_ref().unwrap()["number"].as_u64().unwrap();
            (
                change.change_id.as_str(),
                change.handling.as_ref().unwrap().always,
                number,
            )
        })
        .collect();
    let expected = [
        ("first", false, 1),
        ("end.tidy", true, 2),
        ("end.sweep", true, 2),
        ("end.lock", true, 2),
        ("last", true, 3),
    ];
    assert_eq!(seen, expected);
    let needs = |index: usize| plan.changes()[index].depends_on.clone();
    assert!(needs(1).is_empty() && needs(4).is_empty());
    assert_eq!(needs(2), ["end.tidy".into()]);
}

/// The rules that something breaks, each with its file and line, and what it says.
fn said(text: &str, files: &MemoryFiles) -> Vec<String> {
    let report = check(&source(text), &options(), files, None);
    let findings = report.findings.iter().map(|finding| {
        let place = finding.diagnostic.place.as_ref().unwrap();
        let line = place.position.map_or(0, |position| position.line);
        format!(
            "{} {}:{line} {}",
            finding.rule, place.file, finding.diagnostic.summary
        )
    });
    let asked = ["E_QUESTIONS_OPEN", "E_TOO_MANY_STEPS", "W_INCLUDED", "E_DOCUMENT"];
    findings
        .filter(|found| asked.iter().any(|rule| found.starts_with(rule)))
        .collect()
}

#[test]
fn what_holds_up_an_included_plan_holds_up_the_whole() {
    let steps = "  - { id: a, title: A a, exec: [x] }\n  - { id: b, title: B b, exec: [y] }";
    let with = |more: &str| child("", steps) + more;
    let text = with_steps("  - { id: i, title: The inner, plan: { file: sub/i.yaml } }");
    let found = |inner: &str| said(&text, &files(&[("sub/i.yaml", inner)]));
    let asks = |answer: &str| with(&format!("questions: [{{ id: Q1, text: Really{answer} }}]\n"));
    assert_eq!(
        found(&asks("")),
        ["E_QUESTIONS_OPEN sub/i.yaml:13 questions are open: i.Q1"]
    );
    assert_eq!(
        found(&with("settings: { max_plan_steps: 1 }\n")),
        ["E_TOO_MANY_STEPS sub/i.yaml:8 the runbook has 2 steps; at most 1 are allowed"]
    );
    assert_eq!(
        found(&with("risk: { worst: It burns }\n")),
        ["W_INCLUDED sub/i.yaml:13 `risk` of an included plan is not taken along"]
    );
    let answered = asks(", answer: \"yes\", answered_by: ana");
    let files = files(&[("sub/i.yaml", &answered)]);
    let plan = compiled(&text, &options(), &files).draft.freeze().unwrap();
    let question = &plan.document().unwrap()["questions"][0];
    assert_eq!(question["id"], "i.Q1");
    assert_eq!(question["self_answered"], true);
}

#[test]
fn what_an_including_plan_says_is_at_fault_in_its_own_file() {
    let inner = child(
        "key: { type: secret, from: \"env:K\" }",
        "  - { id: a, title: A a, exec: [x] }",
    );
    let files = files(&[("i.yaml", &inner)]);
    let found = |given: &str| {
        let steps =
            format!("  - {{ id: i, title: I i, plan: {{ file: i.yaml, parameters: {{ {given} }} }} }}");
        said(&with_steps(&steps), &files)
    };
    assert_eq!(
        found("nope: 1"),
        ["E_DOCUMENT a.plan.yaml:8 the runbook has no parameter `nope`"]
    );
    assert_eq!(
        found("key: plain"),
        ["E_DOCUMENT a.plan.yaml:8 parameter `key` is a secret; bind a secret to it"]
    );
}
