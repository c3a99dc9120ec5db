//! The scenarios in `tests/scenarios/*.txt`: adding one needs no Rust.
//!
//! They run against the local Konnect. With ENACT_TEST_KONNECT (a region or URL) and ENACT_TEST_TOKEN set, those without
//! faults run against a real organisation as well, under names with a disposable prefix.

use std::path::PathBuf;

use crate::harness::Place;
use crate::script;

fn files() -> Vec<PathBuf> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn every_scenario_holds() {
    let mut failed = Vec::new();
    for file in files() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let place = Place::new();
        match script::run(&place, &name, &std::fs::read_to_string(&file).unwrap(), "") {
            Ok(()) => println!("scenario {name}: ok"),
            Err(problem) => failed.push(problem),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn scenarios_hold_against_a_real_organisation() {
    let read = |name: &str| {
        std::env::vars()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    };
    let (Some(target), Some(token)) = (read("ENACT_TEST_KONNECT"), read("ENACT_TEST_TOKEN")) else {
        println!("skipped: ENACT_TEST_KONNECT and ENACT_TEST_TOKEN are not set");
        return;
    };
    let prefix = format!("enact-test-{}-", std::process::id());
    let mut failed = Vec::new();
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        // Requests by somebody else and faults go to the local server only.
        if text.lines().any(|line| line.starts_with("> ")) {
            continue;
        }
        let mut place = Place::new();
        place.environment = vec![
            ("ENACT_KONNECT".to_owned(), target.clone()),
            ("ENACT_KONNECT_TOKEN".to_owned(), token.clone()),
        ];
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if let Err(problem) = script::run(&place, &name, &text, &prefix) {
            failed.push(problem);
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
