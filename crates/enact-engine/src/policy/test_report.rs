//! What became of a run of policy tests, as a document (`enact.policy-test/v1`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use enact_core::canonical::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::coverage::FileCoverage;
use super::syntax::RegoVersion;
use super::test_run::TestRun;
use super::testing::{TestCase, TestOutcome, TestResult};

/// The format of a [`TestReport`].
pub const FORMAT: &str = "enact.policy-test/v1";

/// A run of policy tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestReport {
    /// `enact.policy-test/v1`.
    pub format: String,
    /// Where the policies came from.
    pub origin: String,
    /// The digest of the policies, their tests and their data.
    pub bundle_digest: Digest,
    /// The dialect of each file.
    pub rego_versions: BTreeMap<String, RegoVersion>,
    /// How many tests ended how.
    pub counts: TestCounts,
    /// How long the run took, in microseconds.
    pub took_us: u64,
    /// The tests that were selected, by file and line.
    pub tests: Vec<TestEntry>,
    /// Which lines were reached, when that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
}

/// How many tests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCounts {
    /// All that were selected.
    pub total: usize,
    /// Those that were `true`.
    pub passed: usize,
    /// Those that were undefined or something else.
    pub failed: usize,
    /// Those that could not be evaluated.
    pub errors: usize,
    /// Those called `todo_test_…`.
    pub skipped: usize,
}

impl TestCounts {
    /// Counts one more.
    fn count(&mut self, result: TestWord) {
        self.total += 1;
        match result {
            TestWord::Passed => self.passed += 1,
            TestWord::Failed => self.failed += 1,
            TestWord::Error => self.errors += 1,
            TestWord::Skipped => self.skipped += 1,
        }
    }

    /// Did none fail?
    pub fn is_good(&self) -> bool {
        self.failed == 0 && self.errors == 0
    }
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestWord {
    /// It was `true`.
    Passed,
    /// It was undefined or something else.
    Failed,
    /// It could not be evaluated: a rule failed, it took too long, or it cost the process.
    Error,
    /// It is called `todo_test_…` and was not run.
    Skipped,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestEntry {
    /// Its package, with `data`: `data.enact.plan_test`.
    pub package: String,
    /// Its name: `test_a_small_plan_passes`.
    pub name: String,
    /// The file it stands in.
    pub file: String,
    /// The line it begins on, from 1.
    pub line: u32,
    /// How it ended.
    pub result: TestWord,
    /// Why it could not be evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `file:line` of what could not be evaluated, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// What it printed, cut off where it is endless.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prints: Vec<String>,
}

impl TestEntry {
    /// A case and what became of it. `shown` says what a file of the bundle is called where the report is read.
    pub fn of(case: &TestCase, result: &TestResult, shown: &dyn Fn(&str) -> String) -> Self {
        let (word, message, location) = match &result.outcome {
            TestOutcome::Passed => (TestWord::Passed, None, None),
            TestOutcome::Failed => (TestWord::Failed, None, None),
            TestOutcome::Error { message, location } => (
                TestWord::Error,
                Some(message.clone()),
                location.as_deref().map(|place| shown_place(place, shown)),
            ),
            TestOutcome::Skipped => (TestWord::Skipped, None, None),
        };
        Self {
            package: case.package.clone(),
            name: case.name.clone(),
            file: shown(&case.file),
            line: case.line,
            result: word,
            message,
            location,
            took_us: micros(result.took),
            prints: result
                .prints
                .iter()
                .map(|print| shown_print(print, shown))
                .collect(),
        }
    }
}

/// `file:line` with the file's name as it is shown.
fn shown_place(place: &str, shown: &dyn Fn(&str) -> String) -> String {
    match place.rsplit_once(':') {
        Some((file, line)) => format!("{}:{line}", shown(file)),
        None => place.to_owned(),
    }
}

/// The engine begins what is printed with its place: `a_test.rego:3: text`.
fn shown_print(print: &str, shown: &dyn Fn(&str) -> String) -> String {
    match print.split_once(": ") {
        Some((place, text)) => format!("{}: {text}", shown_place(place, shown)),
        None => print.to_owned(),
    }
}

/// Which lines of the policies were reached; tests are left out. The shape is that of `opa test --coverage`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Each policy by its path.
    pub files: BTreeMap<String, CoveredFile>,
    /// How many lines were reached.
    pub covered_lines: usize,
    /// How many were not.
    pub not_covered_lines: usize,
    /// The share of lines that were reached, in percent, rounded down to two places; 100 when there are none.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub coverage: f64,
}

/// Which lines of one policy were reached.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CoveredFile {
    /// Lines that were reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covered: Vec<LineRange>,
    /// Lines that were not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_covered: Vec<LineRange>,
    /// How many lines were reached.
    pub covered_lines: usize,
    /// How many were not.
    pub not_covered_lines: usize,
    /// The share of lines that were reached, in percent, rounded down to two places; 100 when there are none.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub coverage: f64,
}

/// Lines in a row, the last one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineRange {
    /// The first.
    pub start: Row,
    /// The last.
    pub end: Row,
}

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its number, from 1.
    pub row: u32,
}

impl std::fmt::Display for LineRange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (start, end) = (self.start.row, self.end.row);
        if start == end {
            write!(formatter, "{start}")
        } else {
            write!(formatter, "{start}-{end}")
        }
    }
}

impl Coverage {
    /// The coverage of several files. `shown` says what a file is called where the report is read.
    pub fn of(files: &BTreeMap<String, FileCoverage>, shown: &dyn Fn(&str) -> String) -> Self {
        let files: BTreeMap<String, CoveredFile> = files
            .iter()
            .map(|(path, lines)| (shown(path), CoveredFile::of(lines)))
            .collect();
        let covered_lines = files.values().map(|file| file.covered_lines).sum();
        let not_covered_lines = files.values().map(|file| file.not_covered_lines).sum();
        Self {
            files,
            covered_lines,
            not_covered_lines,
            coverage: percent(covered_lines, not_covered_lines),
        }
    }

    /// Are at least so many percent of the lines reached? Decided on the lines, not on the rounded share.
    pub fn reaches(&self, threshold: f64) -> bool {
        let total = as_float(self.covered_lines + self.not_covered_lines);
        as_float(self.covered_lines) * 100.0 >= threshold * total
    }
}

impl CoveredFile {
    fn of(lines: &FileCoverage) -> Self {
        Self {
            covered: ranges(&lines.covered),
            not_covered: ranges(&lines.not_covered),
            covered_lines: lines.covered.len(),
            not_covered_lines: lines.not_covered.len(),
            coverage: percent(lines.covered.len(), lines.not_covered.len()),
        }
    }
}

impl TestReport {
    /// The report on a run. `shown` says what a file of the bundle is called where the report is read.
    pub fn of(run: &TestRun, shown: &dyn Fn(&str) -> String) -> Self {
        let tests: Vec<TestEntry> = run
            .results
            .iter()
            .map(|(case, result)| TestEntry::of(case, result, shown))
            .collect();
        let mut counts = TestCounts::default();
        tests.iter().for_each(|test| counts.count(test.result));
        Self {
            format: FORMAT.to_owned(),
            origin: run.loaded.origin.clone(),
            bundle_digest: run.loaded.digest.clone(),
            rego_versions: run
                .loaded
                .versions
                .iter()
                .map(|(path, version)| (shown(path), *version))
                .collect(),
            counts,
            took_us: micros(run.took),
            tests,
            coverage: run.coverage.as_ref().map(|files| Coverage::of(files, shown)),
        }
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

/// Numbers of lines are small: a bundle is bounded.
fn as_float(lines: usize) -> f64 {
    f64::from(u32::try_from(lines).unwrap_or(u32::MAX))
}

fn percent(covered: usize, not_covered: usize) -> f64 {
    let total = covered + not_covered;
    if total == 0 {
        return 100.0;
    }
    (as_float(covered) * 10_000.0 / as_float(total)).floor() / 100.0
}

/// Numbers in a row as one range.
fn ranges(lines: &BTreeSet<u32>) -> Vec<LineRange> {
    let mut found: Vec<LineRange> = Vec::new();
    for &row in lines {
        match found.last_mut() {
            Some(last) if last.end.row + 1 == row => last.end.row = row,
            _ => found.push(LineRange {
                start: Row { row },
                end: Row { row },
            }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str) -> String {
        format!("policies/{path}")
    }

    #[test]
    fn lines_in_a_row_are_one_range() {
        let found = ranges(&[1, 3, 4, 5, 9].into());
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["1", "3-5", "9"]);
    }

    #[test]
    fn a_share_is_never_rounded_up_and_the_threshold_looks_at_lines() {
        assert_eq!(percent(99_999, 1), 99.99);
        assert_eq!(percent(2, 1), 66.66);
        assert_eq!(percent(0, 0), 100.0);
        let lines = FileCoverage {
            covered: (1..=2).collect(),
            not_covered: [3].into(),
        };
        let coverage = Coverage::of(&[("a.rego".to_owned(), lines)].into(), &shown);
        assert!(coverage.files.contains_key("policies/a.rego"));
        assert!(coverage.reaches(66.666));
        assert!(!coverage.reaches(66.667));
        assert!(Coverage::default().reaches(100.0));
    }

    #[test]
    fn what_two_evaluations_reached_adds_up() {
        let mut lines = FileCoverage {
            covered: [1].into(),
            not_covered: [2, 3].into(),
        };
        lines.add(&FileCoverage {
            covered: [2].into(),
            not_covered: [1, 3].into(),
        });
        assert_eq!(lines.covered, [1, 2].into());
        assert_eq!(lines.not_covered, [3].into());
    }

    #[test]
    fn places_of_errors_and_prints_are_shown_like_any_other() {
        assert_eq!(shown_place("a.rego:3", &shown), "policies/a.rego:3");
        assert_eq!(shown_print("a.rego:3: b: c", &shown), "policies/a.rego:3: b: c");
    }
}
