//! The commands shown in the documents are run, and their output is compared.

use crate::harness::{Place, repository};
use crate::script;

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn check(path: &str) {
    let text = std::fs::read_to_string(repository().join(path)).unwrap();
    let script = script::of_markdown(&text);
    assert!(script.contains("$ enact"), "{path} shows no command");
    let mut place = Place::new();
    // A reader has no server: the documents name the local Konnect themselves.
    place.environment.clear();
    copy(&repository().join("examples"), &place.work().join("examples"));
    if let Err(problem) = script::run(&place, path, &script, "") {
        panic!("{problem}");
    }
}

#[test]
fn the_readme_shows_what_happens() {
    check("README.md");
}

#[test]
fn the_guide_on_apply_and_sync_shows_what_happens() {
    check("docs/guide/apply-and-sync.md");
}

#[test]
fn the_guide_on_safety_shows_what_happens() {
    check("docs/guide/safety.md");
}

#[test]
fn the_guide_from_kongctl_shows_what_happens() {
    check("docs/guide/from-kongctl.md");
}

#[test]
fn the_guide_on_configuration_shows_what_happens() {
    check("docs/guide/configuration.md");
}

#[test]
fn the_guide_on_the_local_konnect_shows_what_happens() {
    check("docs/guide/local-konnect.md");
}

#[test]
fn the_guide_on_a_first_policy_shows_what_happens() {
    check("docs/guide/first-policy.md");
}

#[test]
fn the_reference_on_policy_shows_what_happens() {
    check("docs/policy.md");
}

#[test]
fn the_guide_on_troubleshooting_shows_what_happens() {
    check("docs/guide/troubleshooting.md");
}

#[test]
fn the_page_on_the_plan_format_shows_what_happens() {
    check("docs/plan-format.md");
}

#[test]
fn the_guide_on_approving_in_ci_shows_what_happens() {
    check("docs/guide/approve-in-ci.md");
}

#[test]
fn the_guide_on_a_first_runbook_shows_what_happens() {
    check("docs/guide/first-runbook.md");
}

#[test]
fn the_guide_on_runbooks_for_agents_shows_what_happens() {
    check("docs/guide/runbooks-for-agents.md");
}
