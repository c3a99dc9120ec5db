//! Integration tests of `enact-engine`, one binary: the ten laws of the kernel, each with the planted faults that its
//! test must catch, and what stores, stops, leases and listeners promise.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy.toml allows them in test functions; here the helpers are tests as well"
)]

mod begun;
mod clock_jumps;
mod closing;
mod crash;
mod desk;
mod drift_of_steps;
mod gate_document;
mod law_01_planning;
mod law_02_admission;
mod law_03_journal_first;
mod law_05_preconditions;
mod law_06_parallel;
mod law_07_failure;
mod law_08_verified;
mod law_09_reporting;
mod law_10_tightening;
mod lease;
mod policy_answers;
mod policy_bench;
mod policy_closed;
mod policy_explained;
mod policy_fuzz;
mod policy_hostile;
mod policy_names;
mod policy_origin;
mod policy_reload;
mod procedure;
mod revisions;
mod signature_files;
mod signature_keys;
mod signature_worth;
mod sqlite;
mod stop;
mod store_damage;
mod store_suite;
mod store_twin;
mod support;
mod words;

use enact_core::fault::Fault;

/// Which law's test catches a planted fault. The match is exhaustive: a new fault must be given a test.
fn caught_by(fault: Fault) -> &'static str {
    match fault {
        Fault::TimeInDigest => "law_01_planning",
        Fault::ApprovalOfOtherPlan => "law_02_admission",
        Fault::EffectBeforeIntent => "law_03_journal_first",
        Fault::RepeatWithoutLooking => "crash",
        Fault::NoPreflight | Fault::NoCheckBeforeWrite => "law_05_preconditions",
        Fault::LevelBarrier | Fault::NoBound => "law_06_parallel",
        Fault::DependantsRun | Fault::UndoInOrder => "law_07_failure",
        Fault::MismatchHidden => "law_08_verified",
        Fault::ReporterInline => "law_09_reporting",
        Fault::DenyIgnored | Fault::UnsignedConfirms => "law_10_tightening",
        Fault::UndefinedAllows => "policy_closed",
    }
}

fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it")
}

#[test]
fn every_planted_fault_has_a_test_that_catches_it() {
    let source = include_str!("../../../enact-core/src/fault.rs");
    let (_, list) = source.split_once("pub enum Fault {").unwrap();
    let (list, _) = list.split_once('}').unwrap();
    let names: Vec<&str> = list
        .lines()
        .filter_map(|line| line.trim().strip_suffix(','))
        .filter(|name| name.chars().all(char::is_alphanumeric))
        .collect();
    assert!(names.len() >= 13, "the list of faults was not read: {names:?}");
    let main = std::fs::read_to_string(folder().join("main.rs")).unwrap();
    for name in names {
        let arm = main.lines().find(|line| {
            line.split_once("=>").is_some_and(|(faults, _)| {
                faults
                    .split('|')
                    .any(|fault| fault.trim() == format!("Fault::{name}"))
            })
        });
        let module = arm.and_then(|line| line.split('"').nth(1)).unwrap();
        let test = std::fs::read_to_string(folder().join(format!("{module}.rs"))).unwrap();
        assert!(
            test.contains(&format!("Fault::{name}")),
            "{module}.rs does not arm Fault::{name}"
        );
    }
    assert_eq!(caught_by(Fault::RepeatWithoutLooking), "crash");
}

#[test]
fn no_test_file_is_forgotten() {
    let main = std::fs::read_to_string(folder().join("main.rs")).unwrap();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            name == "main" || main.contains(&format!("mod {name};")),
            "mod {name}; is missing in main.rs"
        );
    }
}
