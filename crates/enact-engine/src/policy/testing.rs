//! Tests of policies, as `opa test` has them: every rule `test_…` of any package is a case. It passes exactly when it is
//! `true`; a case called `todo_test_…` is skipped and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use enact_core::diagnostic::Diagnostic;
use serde::{Deserialize, Serialize};

use super::bundle::Bundle;
use super::compile::{Compiled, Scope, timer};
use super::evaluate::{Failure, failure};
use super::syntax::Module;

/// One case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// Its package, with `data`: `data.enact.plan`.
    pub package: String,
    /// Its name: `test_a_small_plan_passes`.
    pub name: String,
    /// The file it stands in.
    pub file: String,
    /// The line it begins on, from 1.
    pub line: u32,
    /// Is it one that is not written yet?
    pub todo: bool,
    path: String,
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case", deny_unknown_fields)]
pub enum TestOutcome {
    /// It is `true`.
    Passed,
    /// It is undefined or something else.
    Failed,
    /// It could not be evaluated.
    Error {
        /// Why.
        message: String,
        /// `file:line`, when the engine says where.
        location: Option<String>,
    },
    /// A `todo_test_`.
    Skipped,
}

/// One case and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestResult {
    /// What became of it.
    pub outcome: TestOutcome,
    /// How long it took.
    pub took: Duration,
    /// What it printed.
    pub prints: Vec<String>,
}

/// The lines of one file that some test reached, and those that none did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileCoverage {
    /// Lines that were evaluated.
    pub covered: BTreeSet<u32>,
    /// Lines that were not.
    pub not_covered: BTreeSet<u32>,
}

/// A bundle with its tests, ready to run them one by one.
#[derive(Debug)]
pub struct TestSuite {
    compiled: Compiled,
    cases: Vec<TestCase>,
}

impl TestSuite {
    /// Compiles policies and tests together, on the caller's stack, which must be a large one.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load_here(bundle: &Bundle, coverage: bool) -> Result<Self, Vec<Diagnostic>> {
        let mut compiled = Compiled::load_here(bundle, Scope::WithTests)?;
        compiled.engine.set_enable_coverage(coverage);
        let cases = cases(&compiled.modules);
        Ok(Self { compiled, cases })
    }

    /// What was compiled.
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// The cases, sorted by package and place.
    pub fn cases(&self) -> &[TestCase] {
        &self.cases
    }

    /// Runs one case. `None` when there is no such one.
    pub fn run(&mut self, index: usize, limit: Duration) -> Option<TestResult> {
        let case = self.cases.get(index)?;
        let started = Instant::now();
        if case.todo {
            return Some(TestResult {
                outcome: TestOutcome::Skipped,
                took: Duration::ZERO,
                prints: Vec::new(),
            });
        }
        let engine = &mut self.compiled.engine;
        engine.set_execution_timer_config(timer(limit));
        let value = engine.eval_rule(case.path.clone());
        let outcome = match value {
            Ok(regorus::Value::Bool(true)) => TestOutcome::Passed,
            Ok(_) => TestOutcome::Failed,
            Err(error) => error_of(&failure(&format!("{error:#}"), limit)),
        };
        Some(TestResult {
            outcome,
            took: started.elapsed(),
            prints: engine.take_prints().unwrap_or_default(),
        })
    }

    /// The lines of the policies (not of the tests) that were reached so far.
    pub fn coverage(&self) -> BTreeMap<String, FileCoverage> {
        let Ok(report) = self.compiled.engine.get_coverage_report() else {
            return BTreeMap::new();
        };
        let files = report
            .files
            .into_iter()
            .filter(|file| !file.path.ends_with("_test.rego"));
        files
            .map(|file| {
                let lines = FileCoverage {
                    covered: file.covered,
                    not_covered: file.not_covered,
                };
                (file.path, lines)
            })
            .collect()
    }
}

fn error_of(failure: &Failure) -> TestOutcome {
    TestOutcome::Error {
        message: failure.to_string(),
        location: failure.location().map(ToOwned::to_owned),
    }
}

fn cases(modules: &[Module]) -> Vec<TestCase> {
    let mut found: BTreeMap<(String, String), TestCase> = BTreeMap::new();
    for module in modules {
        let package = dotted(&module.package);
        for rule in &module.rules {
            let [name] = rule.name.as_slice() else { continue };
            let todo = name.starts_with("todo_test_");
            if !todo && !name.starts_with("test_") {
                continue;
            }
            // Several definitions of one name are one case.
            found
                .entry((package.clone(), name.clone()))
                .or_insert_with(|| TestCase {
                    package: package.clone(),
                    name: name.clone(),
                    file: module.path.clone(),
                    line: rule.line,
                    todo,
                    path: format!("{package}.{name}"),
                });
        }
    }
    let mut cases: Vec<TestCase> = found.into_values().collect();
    cases.sort_by(|a, b| (&a.file, a.line, &a.name).cmp(&(&b.file, b.line, &b.name)));
    cases
}

/// `data.a["b-c"]`.
fn dotted(package: &[String]) -> String {
    package.iter().fold("data".to_owned(), |mut path, part| {
        let plain = part
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            && !part.starts_with(|first: char| first.is_ascii_digit());
        if plain {
            path.push_str(&format!(".{part}"));
        } else {
            path.push_str(&format!("[{part:?}]"));
        }
        path
    })
}
