//! Tests of runbooks: real processes, real files.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

mod bounds;
mod clusters;
mod crash;
mod crash_back;
mod crash_handing_over;
mod examples;
mod expressions;
mod for_each;
mod format;
mod freezing;
mod includes;
mod kit;
mod lint;
mod markdown;
mod markdown_said;
mod markdown_tasks;
mod process;
mod process_lost;
mod report_attempts;
mod report_times;
mod secret_files;
mod supervised;

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
