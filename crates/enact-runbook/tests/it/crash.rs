//! The crash matrix: the engine dies at every journal write, the supervisor dies under a command, both; for every kind of repetition.
//! Effects are counted: a file with one line for each time a command ran.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use enact_core::change::ChangeId;
use enact_core::gate::{AdmittedPlan, admit};
use enact_core::journal::{ChangeState, Choice, Fact, RunId, RunOutcome, RunState, Settlement};
use enact_core::plan::Plan;
use enact_engine::holder::Holder;
use enact_engine::installation::Surroundings;
use enact_engine::policy::{BuiltinPolicy, PolicyEngine as _};
use enact_engine::runner::RunOptions;
use enact_engine::stop::StopSignal;
use enact_engine::store::NewRun;
use enact_runbook::files::MemoryFiles;
use enact_runbook::provider::{Host, RunbookProvider, Secrets, document_of};
use enact_runbook::{CompileOptions, Source, compile};
use enact_testkit::crash::{Kill, Machine, Process, TTL};
use enact_testkit::fixtures::{approval, circumstances, occasion, person};
use tempfile::TempDir;

use crate::supervised::program;

pub(crate) const STEPS: [&str; 5] = ["one", "two", "three", "four", "five"];

/// What a step declares, and the least and most effects that any crash may lead to, once a person has said what became of what
/// nobody could know.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) declares: &'static str,
    pub(crate) script: &'static str,
    pub(crate) most: usize,
    /// How a step is taken back.
    pub(crate) rollback: &'static str,
}

/// The command dies with its supervisor where a file says so, once.
const DIE: &str = "if [ -e kill-$ENACT_STEP_ID ]; then rm kill-$ENACT_STEP_ID; kill -9 $PPID; sleep 5; fi";

const NOTHING: &str = "none";

const PLAIN: &str = "echo $ENACT_STEP_ID >> effects";

pub(crate) const KINDS: [Kind; 4] = [
    Kind {
        name: "safe",
        declares: "repeat: safe",
        script: PLAIN,
        most: 2,
        rollback: NOTHING,
    },
    Kind {
        name: "keyed",
        declares: "repeat: keyed",
        script: "grep -sqx \"$ENACT_IDEMPOTENCY_KEY\" keys || { echo \"$ENACT_IDEMPOTENCY_KEY\" >> keys; echo $ENACT_STEP_ID >> effects; }",
        most: 1,
        rollback: NOTHING,
    },
    Kind {
        name: "never, with a probe",
        declares: "repeat: never, probe: { exec: [grep, -sqx, STEP, effects] }",
        script: PLAIN,
        most: 1,
        rollback: NOTHING,
    },
    Kind {
        name: "never",
        declares: "repeat: never",
        script: PLAIN,
        most: 1,
        rollback: NOTHING,
    },
];

pub(crate) fn plan(kind: &Kind) -> Plan {
    let mut text = "version: enact/v1\nkind: Plan\nname: crash\ntitle: Five steps\nrequirements: [{ id: R1, text: x }]\nsteps:\n"
        .to_owned();
    for step in STEPS {
        let declares = kind.declares.replace("STEP", step);
        let rollback = kind.rollback;
        let script = format!("{}; {DIE}", kind.script)
            .replace('\\', "\\\\")
            .replace('"', "\\\"");
        text.push_str(&format!(
            "  - {{ id: {step}, title: {step}, exec: [sh, -c, \"{script}\"], rollback: {rollback}, {declares} }}\n"
        ));
    }
    text.push_str("acceptance: [{ id: C1, text: x, check: { exec: [\"true\"] } }]\n");
    let source = Source {
        name: "crash.plan.yaml".to_owned(),
        content: text.into_bytes(),
    };
    let options = CompileOptions::new(jiff::Timestamp::UNIX_EPOCH, person("ana"));
    let compiled = compile(&source, &options, &MemoryFiles::default(), None).unwrap();
    compiled.draft.freeze().unwrap()
}

fn admitted(plan: &Plan) -> AdmittedPlan {
    let mut around = circumstances();
    around.target = plan.metadata().target.clone();
    let verdict = BuiltinPolicy.judge(plan, &occasion());
    admit(plan.clone(), verdict, vec![approval(plan)], &around).unwrap()
}

pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) machine: Machine,
    admitted: AdmittedPlan,
}

impl Bench {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            machine: Machine::new(),
            admitted: admitted(plan),
        }
    }

    pub(crate) fn process(&self, kill: Kill) -> Process {
        self.machine.process(kill, Arc::new(|_| ()))
    }

    fn effects(&self) -> BTreeMap<String, usize> {
        let text = std::fs::read_to_string(self.folder.path().join("effects")).unwrap_or_default();
        let mut counts = BTreeMap::new();
        for line in text.lines() {
            *counts.entry(line.to_owned()).or_default() += 1;
        }
        counts
    }

    fn host(&self, process: &Process) -> Host {
        let folder = self.folder.path();
        Host {
            folder: folder.to_owned(),
            runs_dir: folder.join("runs"),
            locks_dir: folder.join("locks"),
            environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            supervisor: program(),
            stop: StopSignal::new(),
            clock: Arc::clone(&process.installation.clock),
            run_number: 1,
            max_downtime: None,
            max_duration: None,
            cluster: None,
            extra_checks: Vec::new(),
        }
    }

    /// One process: begins the run, or takes it up. `None`: it died.
    pub(crate) async fn live(&self, process: &Process, run_id: &mut Option<RunId>) -> Option<RunState> {
        self.go(process, run_id, false).await
    }

    /// One process that takes the run back. `None`: it died.
    pub(crate) async fn back(&self, process: &Process, run_id: &mut Option<RunId>) -> Option<RunState> {
        self.go(process, run_id, true).await
    }

    async fn go(&self, process: &Process, run_id: &mut Option<RunId>, back: bool) -> Option<RunState> {
        let by = person("ana");
        let installation = &process.installation;
        let open = match run_id {
            Some(run_id) => installation.reopen(run_id, &self.admitted, &by),
            None => installation.begin(&self.admitted, &by),
        }
        .ok()?;
        *run_id = Some(open.run_id.clone());
        let document = document_of(self.admitted.plan()).unwrap();
        let provider =
            RunbookProvider::new(self.admitted.plan(), self.host(process), Secrets::default()).unwrap();
        let surroundings = Surroundings {
            options: RunOptions::of_procedure(document.rollback),
            reporters: Vec::new(),
            stop: StopSignal::new(),
        };
        let admitted = &self.admitted;
        if back {
            return installation
                .roll_back(open, admitted, &provider, surroundings)
                .await
                .ok();
        }
        installation
            .run(open, admitted, &provider, surroundings)
            .await
            .ok()
    }

    /// A person looks at the world and says what became of what nobody could know.
    fn decide(&self, run_id: &RunId, state: &RunState) {
        let process = self.process(Kill::Never);
        let store = &process.installation.store;
        let effects = self.effects();
        for (change_id, progress) in &state.changes {
            if progress.state != ChangeState::Unknown {
                continue;
            }
            let settlement = if effects.contains_key(change_id.as_str()) {
                Settlement::Done
            } else {
                Settlement::NotDone
            };
            let fact = Fact::Decided {
                proof: None,
                change_id: change_id.clone(),
                settlement,
                by: person("ana"),
                reason: "counted".to_owned(),
                outputs: BTreeMap::new(),
            };
            let now = process.installation.clock.now();
            let lease = store.acquire(run_id, &Holder::this_process(), TTL, now).unwrap();
            store.append(&lease, TTL, now, vec![fact]).unwrap();
            store.release(&lease).unwrap();
        }
    }
}

/// What a case came to.
#[derive(Default)]
struct Tally {
    runs: usize,
    processes: usize,
    decided: usize,
    effects: BTreeMap<usize, usize>,
}

/// One case from its first process to its verified end.
async fn case(kind: &Kind, plan: &Plan, kill: Kill, supervisor_dies_at: Option<&str>, tally: &mut Tally) {
    let bench = Bench::new(plan);
    let named = format!(
        "{}, {kill:?}, supervisor dies at {supervisor_dies_at:?}",
        kind.name
    );
    if let Some(step) = supervisor_dies_at {
        std::fs::write(bench.folder.path().join(format!("kill-{step}")), "").unwrap();
    }
    let mut run_id = None;
    let mut ended = bench.live(&bench.process(kill), &mut run_id).await;
    for _ in 0..6 {
        tally.processes += 1;
        check_effects(kind, &bench, &named);
        match &ended {
            Some(state) if state.outcome == Some(RunOutcome::Verified) => break,
            Some(state) if state.outcome == Some(RunOutcome::Unknown) => {
                assert_eq!(
                    kind.declares, "repeat: never",
                    "{named}: only what says so is left to a person"
                );
                bench.decide(run_id.as_ref().unwrap(), state);
                tally.decided += 1;
            }
            Some(state) => panic!("{named}: {:?} {:?}", state.phase, state.outcome),
            None => {}
        }
        bench.machine.let_leases_expire();
        ended = bench.live(&bench.process(Kill::Never), &mut run_id).await;
    }
    let outcome = ended.as_ref().and_then(|state| state.outcome);
    assert_eq!(outcome, Some(RunOutcome::Verified), "{named}");
    let effects = bench.effects();
    for step in STEPS {
        let count = effects.get(step).copied().unwrap_or(0);
        assert!(count >= 1, "{named}: {step} never happened");
        *tally.effects.entry(count).or_default() += 1;
    }
    check_effects(kind, &bench, &named);
    check_finished_once(&bench, run_id.as_ref().unwrap(), &named);
    tally.runs += 1;
}

fn check_effects(kind: &Kind, bench: &Bench, named: &str) {
    for (step, count) in bench.effects() {
        assert!(count <= kind.most, "{named}: {step} happened {count} times");
    }
}

/// A step that is on record as done never starts again.
fn check_finished_once(bench: &Bench, run_id: &RunId, named: &str) {
    let entries = bench.machine.disk.load(run_id).unwrap();
    for step in STEPS {
        let step = ChangeId::from(step);
        let done = entries
            .iter()
            .position(|entry| matches!(&entry.fact, Fact::Done { change_id, .. } if *change_id == step));
        let started = entries
            .iter()
            .rposition(|entry| matches!(&entry.fact, Fact::Intent { change_id } if *change_id == step));
        assert!(
            done.is_none_or(|done| started < Some(done)),
            "{named}: {step} started again"
        );
    }
}

/// How many journal writes an undisturbed run makes.
pub(crate) async fn writes(plan: &Plan) -> u64 {
    let bench = Bench::new(plan);
    let process = bench.process(Kill::Never);
    bench.live(&process, &mut None).await.unwrap();
    process.writes.load(Ordering::SeqCst)
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn matrix(kind: &Kind) {
    let plan = plan(kind);
    let mut tally = Tally::default();
    block_on(async {
        let writes = writes(&plan).await;
        assert!(
            writes >= 12,
            "two facts for each of five steps, and the run's own: {writes}"
        );
        for write in 1..=writes {
            for kill in [Kill::Before(write), Kill::After(write)] {
                case(kind, &plan, kill, None, &mut tally).await;
                case(kind, &plan, kill, Some("three"), &mut tally).await;
            }
        }
        for step in STEPS {
            case(kind, &plan, Kill::Never, Some(step), &mut tally).await;
        }
    });
    // Past the harness, which shows only what failing tests print.
    use std::io::Write as _;
    let _printed = writeln!(
        std::io::stdout(),
        "crash matrix, repeat {}: {} runs in {} processes, {} times a person decided; effects of a step (times, steps): {:?}",
        kind.name,
        tally.runs,
        tally.processes,
        tally.decided,
        tally.effects
    );
}

#[test]
fn repeatable_steps_happen_at_least_once() {
    matrix(&KINDS[0]);
}

#[test]
fn keyed_steps_happen_once_where_the_target_honours_the_key() {
    matrix(&KINDS[1]);
}

#[test]
fn probed_steps_happen_once_and_nobody_is_asked() {
    matrix(&KINDS[2]);
}

#[test]
fn unrepeatable_steps_happen_at_most_once() {
    matrix(&KINDS[3]);
}

/// The engine's process is really killed while a command runs; the supervisor finishes, and its outcome is found.
#[test]
fn an_outcome_that_came_after_the_engine_was_gone_is_taken() {
    let plan = plan(&KINDS[3]);
    block_on(async {
        let bench = Bench::new(&plan);
        let mut run_id = None;
        let process = bench.process(Kill::Never);
        let folder = bench.folder.path().to_owned();
        {
            let living = bench.live(&process, &mut run_id);
            tokio::pin!(living);
            // Dropped in the middle of the run: what a killed engine leaves behind is its supervisor with the command.
            loop {
                tokio::select! {
                    _ = &mut living => break,
                    () = tokio::time::sleep(std::time::Duration::from_millis(1)) => {
                        if has_line(&folder, "two") { break; }
                    }
                }
            }
        }
        drop(process);
        bench.machine.let_leases_expire();
        let runs = bench.machine.disk.runs().unwrap();
        let mut run_id = Some(runs[0].run_id.clone());
        let state = bench
            .live(&bench.process(Kill::Never), &mut run_id)
            .await
            .unwrap();
        assert_eq!(state.outcome, Some(RunOutcome::Verified));
        assert!(
            bench.effects().values().all(|count| *count == 1),
            "{:?}",
            bench.effects()
        );
    });
}

/// What damage to the database's log leaves behind: a journal that is whole, and shorter than what was done.
#[test]
fn a_journal_that_was_cut_does_not_lead_to_a_second_effect() {
    let plan = plan(&KINDS[0]);
    block_on(async {
        let bench = Bench::new(&plan);
        let mut run_id = None;
        bench
            .live(&bench.process(Kill::Never), &mut run_id)
            .await
            .unwrap();
        let entries = bench.machine.disk.load(run_id.as_ref().unwrap()).unwrap();
        let three = ChangeId::from("three");
        let kept = entries
            .iter()
            .map(|entry| entry.fact.clone())
            .take_while(|fact| !matches!(fact, Fact::Intent { change_id } if *change_id == three));
        let cut = Bench {
            folder: bench.folder,
            machine: Machine::new(),
            admitted: bench.admitted,
        };
        let process = cut.process(Kill::Never);
        let store = &process.installation.store;
        let now = process.installation.clock.now();
        let lease = store
            .create_run(&NewRun {
                takes_over: None,
                run_id: run_id.clone().unwrap(),
                plan_id: plan.id().clone(),
                target: "host crash".to_owned(),
                approvals: Vec::new(),
                holder: &Holder::this_process(),
                ttl: TTL,
                now,
            })
            .unwrap();
        store.append(&lease, TTL, now, kept.collect()).unwrap();
        store.release(&lease).unwrap();
        let before = cut.effects();
        let state = cut.live(&process, &mut run_id).await.unwrap();
        assert_eq!(state.of(&three), ChangeState::Escalated);
        assert_eq!(cut.effects(), before, "nothing ran a second time");
    });
}

/// A person's word that should not have been taken does not lead to a second effect either.
#[test]
fn a_choice_does_not_run_again_what_may_run_once() {
    let plan = plan(&Kind {
        name: "never",
        declares: "repeat: never, on_failure: escalate",
        script: "echo $ENACT_STEP_ID >> effects; exit 7",
        most: 1,
        rollback: NOTHING,
    });
    block_on(async {
        let bench = Bench::new(&plan);
        let one = ChangeId::from("one");
        let mut run_id = None;
        let process = bench.process(Kill::Never);
        bench.live(&process, &mut run_id).await.unwrap();
        let store = &process.installation.store;
        let now = process.installation.clock.now();
        let lease = store
            .acquire(run_id.as_ref().unwrap(), &Holder::this_process(), TTL, now)
            .unwrap();
        let again = Fact::Chosen {
            proof: None,
            change_id: one.clone(),
            choice: Choice::Retry,
            by: person("ana"),
            reason: "again".to_owned(),
        };
        store.append(&lease, TTL, now, vec![again]).unwrap();
        store.release(&lease).unwrap();
        let state = bench.live(&process, &mut run_id).await.unwrap();
        assert_eq!(state.of(&one), ChangeState::Escalated);
        let error = state.changes[&one].error.clone().unwrap();
        assert!(error.contains("it is not run again"), "{error}");
        assert_eq!(bench.effects(), BTreeMap::from([("one".to_owned(), 1)]));
    });
}

fn has_line(folder: &Path, line: &str) -> bool {
    let text = std::fs::read_to_string(folder.join("effects")).unwrap_or_default();
    text.lines().any(|found| found == line)
}
