//! One simulated run, and how a law is shown to hold and its planted fault to be caught.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use enact_core::change::Change;
use enact_core::event::Reporter;
use enact_core::fault::{Fault, with_fault};
use enact_core::gate::AdmittedPlan;
use enact_core::journal::{Entry, RunId, RunState};
use enact_core::plan::{Plan, PlanDraft};
use enact_core::report::RunReport;
use enact_engine::installation::{OpenRun, Surroundings};
use enact_engine::retry::RetryPolicy;
use enact_engine::runner::{RunError, RunOptions};
use enact_engine::stop::StopSignal;
use enact_testkit::crash::{Kill, Machine, Process, Witness};
use enact_testkit::fixtures::{admitted, person};
use enact_testkit::scenario::Scenario;
use enact_testkit::world::World;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// Runs a future on this thread, on which faults are armed, with tokio's clock paused: waits take no time.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}

/// Runs a future on this thread by the real clock, and fails rather than hang.
pub(crate) fn block_on_real_time<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(async {
            tokio::time::timeout(Duration::from_secs(60), future)
                .await
                .unwrap()
        })
}

fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn search<S: Strategy>(
    cases: u32,
    strategy: &S,
    check: impl Fn(&S::Value) -> Result<(), String>,
) -> Result<(), TestError<S::Value>> {
    runner(cases).run(strategy, |case| check(&case).map_err(TestCaseError::fail))
}

/// The law holds in all these cases.
pub(crate) fn holds<S: Strategy>(cases: u32, strategy: &S, check: impl Fn(&S::Value) -> Result<(), String>)
where
    S::Value: Debug,
{
    if let Err(error) = search(cases, strategy, check) {
        panic!("the law does not hold: {error}");
    }
}

/// With the fault planted the same check, over the same cases, fails, and says so in these words.
pub(crate) fn catches<S: Strategy>(
    fault: Fault,
    says: &str,
    cases: u32,
    strategy: &S,
    check: impl Fn(&S::Value) -> Result<(), String>,
) where
    S::Value: Debug,
{
    match with_fault(fault, || search(cases, strategy, check)) {
        Err(TestError::Fail(reason, _)) => {
            let seen = reason.message();
            assert!(seen.contains(says), "{fault:?} is caught, but as: {seen}");
        }
        Err(TestError::Abort(reason)) => panic!("the search for {fault:?} was broken off: {reason}"),
        Ok(()) => panic!("{fault:?} is planted, and the law's test did not notice"),
    }
}

/// An error of a check, unless the condition holds.
pub(crate) fn ensure(condition: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(message()) }
}

/// The same plan with other changes.
pub(crate) fn refreeze(plan: &Plan, edit: impl FnOnce(&mut Vec<Change>)) -> Plan {
    let mut changes = plan.changes().to_vec();
    edit(&mut changes);
    let draft = PlanDraft {
        metadata: plan.metadata().clone(),
        document: None,
        changes,
        warnings: Vec::new(),
    };
    draft.freeze().unwrap()
}

/// A plan, the world it is for, and a machine to run it on.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) admitted: AdmittedPlan,
    pub(crate) machine: Machine,
    pub(crate) options: RunOptions,
}

/// What a run came to.
pub(crate) struct Ended {
    pub(crate) run_id: RunId,
    pub(crate) state: RunState,
    pub(crate) entries: Vec<Entry>,
    pub(crate) report: RunReport,
    pub(crate) exit_code: u8,
}

impl Bench {
    pub(crate) fn of(scenario: &Scenario) -> Self {
        Self::with_plan(scenario, &scenario.plan())
    }

    pub(crate) fn with_plan(scenario: &Scenario, plan: &Plan) -> Self {
        Self {
            world: scenario.world(),
            admitted: admitted(plan),
            machine: Machine::new(),
            options: options(scenario),
        }
    }

    pub(crate) fn plan(&self) -> &Plan {
        self.admitted.plan()
    }

    fn witness(&self) -> Witness {
        let world = self.world.clone();
        Arc::new(move |entry| world.witness(entry))
    }

    /// A new process that dies as told.
    pub(crate) fn process(&self, kill: Kill) -> Process {
        self.machine.process(kill, self.witness())
    }

    pub(crate) fn begin(&self, process: &Process) -> OpenRun {
        process
            .installation
            .begin(&self.admitted, &person("ana"))
            .unwrap()
    }

    pub(crate) fn reopen(&self, process: &Process, run_id: &RunId) -> OpenRun {
        process
            .installation
            .reopen(run_id, &self.admitted, &person("ana"))
            .unwrap()
    }

    pub(crate) async fn drive(
        &self,
        process: &Process,
        open: OpenRun,
        reporters: Vec<Box<dyn Reporter>>,
        stop: StopSignal,
    ) -> Result<RunState, RunError> {
        let surroundings = Surroundings {
            options: self.options.clone(),
            reporters,
            stop,
        };
        process
            .installation
            .run(open, &self.admitted, &self.world, surroundings)
            .await
    }

    /// A whole run without interruption.
    pub(crate) fn run(&self) -> Result<Ended, String> {
        self.run_with(Vec::new())
    }

    pub(crate) fn run_with(&self, reporters: Vec<Box<dyn Reporter>>) -> Result<Ended, String> {
        let process = self.process(Kill::Never);
        let open = self.begin(&process);
        let run_id = open.run_id.clone();
        let result = block_on(self.drive(&process, open, reporters, StopSignal::new()));
        let state = result.map_err(|error| format!("the run broke off: {error:?}"))?;
        self.ended(&run_id, state)
    }

    /// Looks at a run that is over: replaying its journal must give the state it ended in.
    pub(crate) fn ended(&self, run_id: &RunId, state: RunState) -> Result<Ended, String> {
        let entries = self
            .machine
            .disk
            .load(run_id)
            .map_err(|error| error.to_string())?;
        let replayed = RunState::replay(&entries).map_err(|error| error.to_string())?;
        ensure(replayed == state, || {
            format!("replay gives {replayed:?}, the run was in {state:?}")
        })?;
        let report = RunReport::of(Some(run_id), self.plan(), &state);
        let exit_code = report.exit_code(state.phase).number();
        Ok(Ended {
            run_id: run_id.clone(),
            state,
            entries,
            report,
            exit_code,
        })
    }
}

pub(crate) fn options(scenario: &Scenario) -> RunOptions {
    RunOptions {
        retry: RetryPolicy {
            attempts: 4,
            ..RetryPolicy::default()
        },
        ..RunOptions::of_resources(scenario.concurrency, scenario.roll_back)
    }
}
