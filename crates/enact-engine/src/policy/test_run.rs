//! Running tests of policies, one after the other, in a process that can be killed: a test that hangs or takes all the memory
//! ends as an error, and the others still run.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use enact_core::diagnostic::Diagnostic;

use super::asking::Loaded;
use super::bundle::Bundle;
use super::coverage::FileCoverage;
use super::evaluate::Failure;
use super::limits::TEST_TIME;
use super::process::{Worker, WorkerProgram, start_loaded, start_with, unexpected};
use super::testing::{TestCase, TestResult, error_of};
use super::worker::{Reply, Request};

/// What to run, and how.
pub struct TestOptions<'a> {
    /// Which cases, by their full name: `data.enact.plan_test.test_small`.
    pub selected: &'a dyn Fn(&str) -> bool,
    /// How long each may take.
    pub limit: Duration,
    /// Find out which lines were reached?
    pub coverage: bool,
}

impl std::fmt::Debug for TestOptions<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("TestOptions")
            .field("limit", &self.limit)
            .field("coverage", &self.coverage)
            .finish_non_exhaustive()
    }
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct TestRun {
    /// What was tested.
    pub loaded: Loaded,
    /// How many tests there are, selected or not.
    pub available: usize,
    /// The selected cases with their results, in the order of files and lines.
    pub results: Vec<(TestCase, TestResult)>,
    /// The lines of each policy that were reached, when that was asked for.
    pub coverage: Option<BTreeMap<String, FileCoverage>>,
    /// How long all of it took.
    pub took: Duration,
}

/// Compiles policies with their tests, and then without, as they judge: a policy may not need what only a test declares. Says
/// what is known about the policies.
///
/// # Errors
/// Everything that is wrong with them, or that no process could be started.
pub fn check(program: &WorkerProgram, bundle: &Bundle) -> Result<Loaded, Vec<Diagnostic>> {
    let (_, with_tests, _) = load(program, bundle, false)?;
    let (_, loaded) = start_loaded(program, bundle)?;
    Ok(Loaded {
        warnings: with_tests.warnings,
        ..loaded
    })
}

/// Runs the selected tests of a bundle and tells `each` of every result as it arrives.
///
/// # Errors
/// Everything that is wrong with the bundle, or that no process could be started.
pub fn run_tests(
    program: &WorkerProgram,
    bundle: &Bundle,
    options: &TestOptions<'_>,
    each: &mut dyn FnMut(&TestCase, &TestResult),
) -> Result<TestRun, Vec<Diagnostic>> {
    let started = Instant::now();
    let (worker, loaded, cases) = load(program, bundle, options.coverage)?;
    let mut supervised = Supervised {
        program,
        bundle,
        coverage: options.coverage,
        worker: Some(worker),
        done: Vec::new(),
    };
    let available = cases.len();
    let mut results = Vec::new();
    for (index, case) in cases.into_iter().enumerate() {
        if (options.selected)(&case.full_name()) {
            let result = supervised.test(index, options.limit);
            each(&case, &result);
            results.push((case, result));
        }
    }
    let coverage = match options.coverage {
        true => Some(supervised.covered(options.limit)?),
        false => None,
    };
    Ok(TestRun {
        loaded,
        available,
        results,
        coverage,
        took: started.elapsed(),
    })
}

type LoadedTests = (Worker, Loaded, Vec<TestCase>);

fn load(program: &WorkerProgram, bundle: &Bundle, coverage: bool) -> Result<LoadedTests, Vec<Diagnostic>> {
    let request = Request::LoadTests {
        bundle: bundle.clone(),
        coverage,
    };
    match start_with(program, &request)? {
        (worker, Reply::Cases { loaded, cases }) => Ok((worker, loaded, cases)),
        (_, other) => Err(vec![Diagnostic::error(unexpected(&other).to_string())]),
    }
}

/// A process that is started again when a test has cost it.
struct Supervised<'a> {
    program: &'a WorkerProgram,
    bundle: &'a Bundle,
    coverage: bool,
    worker: Option<Worker>,
    /// The cases that ended in some process, for their coverage.
    done: Vec<usize>,
}

impl Supervised<'_> {
    fn test(&mut self, index: usize, limit: Duration) -> TestResult {
        let started = Instant::now();
        match self.try_test(index, limit) {
            Ok(result) => {
                self.done.push(index);
                result
            }
            Err(failure) => TestResult {
                outcome: error_of(&failure),
                took: started.elapsed(),
                prints: Vec::new(),
            },
        }
    }

    fn try_test(&mut self, index: usize, limit: Duration) -> Result<TestResult, Failure> {
        // It comes back only from a call that ended well.
        let mut worker = self.take(limit)?;
        let reply = worker.call(&Request::Test { index, limit }, None, limit)?;
        self.worker = Some(worker);
        if let Reply::Tested { result } = reply {
            return Ok(result);
        }
        Err(unexpected(&reply))
    }

    /// The process, or a new one.
    fn take(&mut self, limit: Duration) -> Result<Worker, Failure> {
        if let Some(worker) = self.worker.take() {
            return Ok(worker);
        }
        let (mut worker, _, _) =
            load(self.program, self.bundle, self.coverage).map_err(|faults| Failure::Lost {
                message: faults
                    .into_iter()
                    .next()
                    .map_or_else(|| "it cannot be started again".to_owned(), |fault| fault.summary),
            })?;
        if self.coverage {
            // What the tests before had reached is lost with the process that knew it.
            for index in &self.done {
                worker.call(&Request::Test { index: *index, limit }, None, limit)?;
            }
        }
        Ok(worker)
    }

    fn covered(&mut self, limit: Duration) -> Result<BTreeMap<String, FileCoverage>, Vec<Diagnostic>> {
        let asked = self
            .take(limit)
            .and_then(|mut worker| worker.call(&Request::Coverage, None, TEST_TIME));
        let why = match asked {
            Ok(Reply::Covered { files }) => return Ok(files),
            Ok(other) => unexpected(&other),
            Err(failure) => failure,
        };
        Err(vec![Diagnostic::error(format!(
            "what the tests cover cannot be found out: {why}"
        ))])
    }
}
