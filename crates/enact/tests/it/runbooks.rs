//! The scenarios in `tests/runbooks/*.txt`: runbooks from their document to their report, with everything that can happen in
//! between. Adding one needs no Rust.

use std::path::{Path, PathBuf};

use crate::harness::Place;
use crate::script;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runbooks");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn every_scenario_of_a_runbook_holds() {
    let only = std::env::vars()
        .find(|(name, _)| name == "ENACT_TEST_ONLY")
        .map(|(_, value)| value);
    let mut failed = Vec::new();
    for file in files() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| !name.contains(only)) {
            println!("scenario {name}: skipped (ENACT_TEST_ONLY)");
            continue;
        }
        let place = Place::new();
        match script::run(&place, &name, &std::fs::read_to_string(&file).unwrap(), "") {
            Ok(()) => println!("scenario {name}: ok"),
            Err(problem) => failed.push(problem),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
