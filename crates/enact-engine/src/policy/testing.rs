//! Tests of policies, as `opa test` has them: every rule `test_…` of any package is a case. It passes exactly when it is
//! `true`; a case called `todo_test_…` is skipped and says so.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use enact_core::diagnostic::Diagnostic;
use serde::{Deserialize, Serialize};

use super::bundle::Bundle;
use super::compile::{Compiled, Scope, timer};
use super::coverage::{FileCoverage, add_unreached, gather};
use super::evaluate::{Failure, failure};
use super::limits::{MAX_PRINTED_BYTES, MAX_PRINTED_LINES};
use super::syntax::{HeadKind, Module};

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

impl TestCase {
    /// Package and name: `data.enact.plan_test.test_a_small_plan_passes`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.package, self.name)
    }
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

/// A bundle with its tests, ready to run them one by one.
#[derive(Debug)]
pub struct TestSuite {
    compiled: Compiled,
    engine: regorus::Engine,
    cases: Vec<TestCase>,
    /// What engines reached that were given up.
    reached: BTreeMap<String, FileCoverage>,
}

impl TestSuite {
    /// Compiles policies and tests together, on the caller's stack, which must be a large one.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load_here(bundle: &Bundle, coverage: bool) -> Result<Self, Vec<Diagnostic>> {
        let mut compiled = Compiled::load_here(bundle, Scope::WithTests)?;
        compiled.engine.set_enable_coverage(coverage);
        // No rule has this name: the engine gets ready and evaluates nothing, once for all of its clones.
        let _no_such_rule = compiled.engine.eval_rule("data".to_owned());
        let cases = cases(compiled.modules());
        Ok(Self {
            engine: compiled.engine.clone(),
            compiled,
            cases,
            reached: BTreeMap::new(),
        })
    }

    /// What was compiled.
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// The cases, sorted by file and place.
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
        self.engine.set_execution_timer_config(timer(limit));
        let value = self.engine.eval_rule(case.path.clone());
        let took = started.elapsed();
        let prints = bounded(self.engine.take_prints().unwrap_or_default());
        let outcome = match value {
            Ok(regorus::Value::Bool(true)) => TestOutcome::Passed,
            Ok(_) => TestOutcome::Failed,
            Err(error) => {
                self.start_afresh();
                error_of(&failure(&format!("{error:#}"), limit))
            }
        };
        Some(TestResult {
            outcome,
            took,
            prints,
        })
    }

    /// Gives up an engine that stopped halfway: what `with` replaced there can still be replaced.
    fn start_afresh(&mut self) {
        gather(&self.engine, &self.compiled, &mut self.reached);
        self.engine = self.compiled.engine.clone();
    }

    /// The lines of the policies (not of the tests) that were reached so far, and those that were not.
    pub fn coverage(&self) -> BTreeMap<String, FileCoverage> {
        let mut files = self.reached.clone();
        gather(&self.engine, &self.compiled, &mut files);
        add_unreached(&self.compiled, &mut files);
        files
    }
}

/// The first of what a test printed; how much there was beyond is said.
fn bounded(mut prints: Vec<String>) -> Vec<String> {
    let mut bytes = 0;
    let fitting = prints.iter().take(MAX_PRINTED_LINES).take_while(|line| {
        bytes += line.len();
        bytes <= MAX_PRINTED_BYTES
    });
    let kept = fitting.count();
    let left = prints.len() - kept;
    prints.truncate(kept);
    if left > 0 {
        prints.push(format!("… and {left} more"));
    }
    prints
}

pub(super) fn error_of(failure: &Failure) -> TestOutcome {
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
            if rule.kind == HeadKind::Function {
                continue;
            }
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

#[cfg(test)]
mod tests {
    use super::super::bundle::BundleFile;
    use super::super::compile::on_large_stack;
    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    fn suite(files: &[(&str, &str)], work: impl FnOnce(TestSuite) + Send) {
        let file = |(path, text): &(&str, &str)| BundleFile {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        let bundle = Bundle::new("here", files.iter().map(file).collect()).unwrap();
        on_large_stack(|| work(TestSuite::load_here(&bundle, true).unwrap())).unwrap();
    }

    const POLICY: &str = "package p\n\nlimit := data.limit\n\nbig if input.x > limit\n";

    #[test]
    fn an_error_leaves_nothing_replaced_for_the_next_test() {
        let tests = "package p_test

import data.p

test_a_stops_halfway if {
    x := split(input.none, to_number(input.x))[_] with data.limit as 1 with input as {\"x\": \"q\", \"none\": \"\"}
    x == 1
}

test_b_is_not_big if not p.big with input as {\"x\": 5}
";
        let files = [
            ("p.rego", POLICY),
            ("p_test.rego", tests),
            ("data.yaml", "limit: 10\n"),
        ];
        suite(&files, |mut suite| {
            let outcomes: Vec<TestOutcome> = (0..2)
                .map(|index| suite.run(index, LIMIT).unwrap().outcome)
                .collect();
            assert!(matches!(outcomes[0], TestOutcome::Error { .. }), "{outcomes:?}");
            assert_eq!(outcomes[1], TestOutcome::Passed);
            let lines = &suite.coverage()["p.rego"];
            assert_eq!(lines.covered, [3, 5].into());
            assert_eq!(lines.not_covered, [].into());
        });
    }

    #[test]
    fn functions_are_no_tests_and_definitions_of_one_name_are_one() {
        let tests = "package p_test

test_of(x) := x

test_a if 1 == 2

test_a if 1 == 1

todo_test_b if false
";
        suite(&[("p.rego", POLICY), ("p_test.rego", tests)], |mut suite| {
            let names: Vec<&str> = suite.cases().iter().map(|case| case.name.as_str()).collect();
            assert_eq!(names, ["test_a", "todo_test_b"]);
            assert_eq!(suite.run(0, LIMIT).unwrap().outcome, TestOutcome::Passed);
            assert_eq!(suite.run(1, LIMIT).unwrap().outcome, TestOutcome::Skipped);
            assert_eq!(suite.run(2, LIMIT), None);
        });
    }

    #[test]
    fn a_file_that_no_test_reached_counts_with_the_same_lines() {
        let tests = "package p_test\n\ntest_a if data.p.big with input as {\"x\": 11} with data.limit as 2\n";
        let other = POLICY.replace("package p", "package q");
        let old = "package r\n\ndeny[m] {\n\tm := data.none.f(input)\n}\n";
        let old = old.replace("data.none.f(input)", "input.m");
        let files = [
            ("p.rego", POLICY),
            ("q.rego", &other),
            ("r.rego", &old),
            ("p_test.rego", tests),
        ];
        suite(&files, |mut suite| {
            assert_eq!(suite.run(0, LIMIT).unwrap().outcome, TestOutcome::Passed);
            let coverage = suite.coverage();
            assert_eq!(coverage["p.rego"].covered, [3, 5].into());
            assert_eq!(coverage["q.rego"].covered, [].into());
            assert_eq!(coverage["q.rego"].not_covered, [3, 5].into());
            assert_eq!(coverage["r.rego"].not_covered, [3, 4].into());
            assert_eq!(coverage.len(), 3);
        });
    }

    #[test]
    fn only_the_first_of_endless_prints_is_kept() {
        let many = bounded(vec!["line".to_owned(); MAX_PRINTED_LINES + 5]);
        assert_eq!(many.len(), MAX_PRINTED_LINES + 1);
        assert_eq!(many.last().unwrap(), "… and 5 more");
        let long = bounded(vec!["a".to_owned(), "b".repeat(MAX_PRINTED_BYTES)]);
        assert_eq!(long, ["a", "… and 1 more"]);
    }
}
