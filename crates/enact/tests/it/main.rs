//! Tests of the binary: real processes, a real HTTP server, a real database.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says what went wrong by panicking, and prints what it skips"
)]

mod approvals_forged;
mod approvals_given;
mod approvals_place;
mod approvals_signed;
mod bad_disk;
mod bad_files;
mod bad_hosts;
mod bad_network;
mod bad_plans;
mod bad_state;
#[cfg(feature = "kubernetes")]
mod clusters;
#[cfg(feature = "kubernetes")]
mod clusters_example;
#[cfg(feature = "kubernetes")]
mod controller;
mod crash;
mod documents;
mod examples;
mod forged_plans;
mod full_disk;
mod harness;
#[cfg(feature = "kubernetes")]
mod job;
mod kongctl;
mod login;
mod lost_answers;
mod oauth;
mod outputs;
mod policy_checks;
mod policy_evals;
mod policy_files;
mod policy_hostile;
mod policy_tests;
mod processes;
mod prompts;
mod replies;
mod requests;
#[cfg(feature = "kubernetes")]
mod runbook_clusters;
mod runbook_documents;
#[cfg(feature = "kubernetes")]
mod runbook_executor;
mod runbooks;
mod scenarios;
mod script;
mod settings;
mod signals;

/// A test file that nobody lists here would silently not run.
#[test]
fn no_test_file_is_forgotten() {
    let main = include_str!("main.rs");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(
            module == "main" || main.contains(&format!("mod {module};")),
            "{name} is not listed in main.rs"
        );
    }
}
