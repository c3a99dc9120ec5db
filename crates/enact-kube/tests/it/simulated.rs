//! Many random runs: an action of the catalog, and a controller that is killed between its calls, works on stale caches, loses requests and
//! replies, or is two at once. Each run is made of its number and nothing else.
//!
//! `ENACT_SIMULATED_RUNS` says how many, `ENACT_SIMULATED_FIRST` with which to begin.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use enact_kube::api::{KubernetesExecution, Phase};
use enact_kube::controller::{Context, Trouble, reconcile};
use enact_testkit::cluster::{Fault, Gate, When};

use crate::cases::{Case, bench, cases, effects, phases_go_on};
use crate::support::{Answers, Bench, CONTROLLER, answering};

/// How many runs there are where nothing else is said.
const USUAL: u64 = 100;

/// The most passes of one run.
const MOST_PASSES: usize = 600;

/// Numbers that look random (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most as u64).unwrap()
    }

    fn one_in(&mut self, most: usize) -> bool {
        self.below(most) == 0
    }
}

/// What happened in all runs.
#[derive(Default)]
struct Tally {
    runs: u64,
    kills: u64,
    pauses: u64,
    faults: u64,
    stale: u64,
    denied: u64,
    /// Which action, what went wrong, at which of the controller's calls.
    points: BTreeSet<(&'static str, &'static str, u64)>,
}

/// What policies do in a run.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Policy {
    Allows,
    Denies,
    /// Allows up to this pass, and denies from then on.
    Turns(usize),
}

/// Something that goes wrong at a call, as long as it has not.
enum Struck {
    /// Whoever stands at the gate is killed there.
    Killed(Gate),
    /// Whoever stands at the gate waits there while the other works.
    Paused(Gate),
    /// The call itself goes wrong.
    Fault,
}

struct Run {
    number: u64,
    dice: Dice,
    case: Case,
    policy: Policy,
    answers: Arc<Answers>,
    bench: Bench,
    leaders: Vec<Context>,
    /// How much more is to go wrong.
    troubles: usize,
    planned: Option<Struck>,
}

impl Run {
    fn new(number: u64) -> Self {
        let mut dice = Dice(number);
        let mut all = cases();
        let case = all.swap_remove(dice.below(all.len()));
        let policy = match dice.below(8) {
            0 => Policy::Denies,
            1 => Policy::Turns(dice.below(5)),
            _ => Policy::Allows,
        };
        let answers = Arc::new(Answers::default());
        let mut bench = bench();
        bench.policies = answering(&answers);
        bench.ask(case.name, &case.spec);
        // Of two at once one may have asked before the other is told no; what is told to one, it keeps to.
        let two = dice.one_in(3) && !matches!(policy, Policy::Turns(_));
        let leaders = (0..=usize::from(two)).map(|_| bench.controller()).collect();
        Self {
            number,
            troubles: dice.below(7),
            dice,
            case,
            policy,
            answers,
            bench,
            leaders,
            planned: None,
        }
    }

    async fn go(mut self, tally: &mut Tally) {
        let _living = self.bench.cluster.live();
        for pass in 0..MOST_PASSES {
            let denies = match self.policy {
                Policy::Allows => false,
                Policy::Denies => true,
                Policy::Turns(at) => pass >= at,
            };
            self.answers.deny.store(denies, Ordering::SeqCst);
            self.plan(tally);
            let before = (self.bench.jobs_made(), self.answers.denied.load(Ordering::SeqCst));
            self.pass(tally).await;
            let made = self.bench.jobs_made();
            assert!(
                !before.1 || made == before.0,
                "{}: a Job after a deny",
                self.named()
            );
            if self.bench.phase(self.case.name).is_final() {
                break;
            }
            let pause = [0, 50, 1000, 3000][self.dice.below(4)];
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        self.settle().await;
        self.check(tally);
    }

    fn named(&self) -> String {
        format!("run {} ({}, {:?})", self.number, self.case.name, self.policy)
    }

    /// Plans the next thing that goes wrong, if nothing is planned.
    fn plan(&mut self, tally: &mut Tally) {
        if self.planned.is_some() && self.bench.cluster.planned() == 0 {
            self.planned = None;
        }
        if self.planned.is_some() || self.troubles == 0 || self.dice.one_in(3) {
            return;
        }
        self.troubles -= 1;
        let nth = 1 + self.dice.below(10) as u64;
        let gate = Gate::new();
        let refused = |code| Fault::Refused {
            code,
            retry_after: None,
        };
        let (name, fault, planned) = match self.dice.below(9) {
            0 | 1 => (
                "killed before a call",
                Fault::HeldBefore(gate.clone()),
                Struck::Killed(gate),
            ),
            2 | 3 => (
                "killed after a call",
                Fault::HeldAfter(gate.clone()),
                Struck::Killed(gate),
            ),
            4 if self.leaders.len() == 2 => (
                "paused before a call",
                Fault::HeldBefore(gate.clone()),
                Struck::Paused(gate),
            ),
            5 if self.leaders.len() == 2 => (
                "paused after a call",
                Fault::HeldAfter(gate.clone()),
                Struck::Paused(gate),
            ),
            4 => ("lost request", Fault::LostRequest, Struck::Fault),
            5 => ("lost reply", Fault::LostReply, Struck::Fault),
            6 => ("500", refused(500), Struck::Fault),
            7 => ("409", refused(409), Struck::Fault),
            _ => (
                "500 after it was done",
                Fault::AppliedAndRefused { code: 500 },
                Struck::Fault,
            ),
        };
        let calls = self.bench.cluster.calls_of(CONTROLLER).len() as u64;
        tally.points.insert((self.case.name, name, calls + nth));
        tally.faults += u64::from(matches!(planned, Struck::Fault));
        self.bench.cluster.plan(When::nth(nth).of(CONTROLLER), fault);
        self.planned = Some(planned);
    }

    /// One pass of one of the leaders, with whatever goes wrong in it.
    async fn pass(&mut self, tally: &mut Tally) {
        let at = self.dice.below(self.leaders.len());
        let stale = self.dice.one_in(3);
        tally.stale += u64::from(stale);
        let seen = if stale {
            self.some_state()
        } else {
            self.bench.object(self.case.name)
        };
        let others = if stale {
            self.some_state()
        } else {
            self.bench.object(self.case.name)
        };
        let (Some(seen), Some(others)) = (seen, others) else {
            return;
        };
        let others = vec![Arc::new(others)];
        let gate = match &self.planned {
            Some(Struck::Killed(gate) | Struck::Paused(gate)) => gate.clone(),
            Some(Struck::Fault) | None => Gate::new(),
        };
        let cache = move || others.clone();
        let mut pass = Box::pin(reconcile(&seen, &cache, &self.leaders[at]));
        let ended: Option<Result<_, Trouble>> = tokio::select! {
            ended = &mut pass => Some(ended),
            () = gate.reached() => None,
        };
        if ended.is_none() && matches!(self.planned, Some(Struck::Paused(_))) {
            // The other works on, and the first wakes up in a world that it does not know.
            tally.pauses += 1;
            let other = &self.leaders[1 - at];
            for _ in 0..=self.dice.below(6) {
                let _passed = self.bench.pass(other, self.case.name).await;
                tokio::time::sleep(Duration::from_millis(700)).await;
            }
            gate.open();
            let _woken = pass.await;
            return;
        }
        drop(pass);
        let killed = ended.is_none();
        let failed = ended.is_some_and(|ended| ended.is_err());
        if killed || (failed && self.dice.one_in(2)) {
            tally.kills += 1;
            self.leaders[at] = self.bench.controller();
        }
        if gate.is_reached() {
            self.planned = None;
        }
    }

    /// The object as it was at some time.
    fn some_state(&mut self) -> Option<KubernetesExecution> {
        let mut states = self
            .bench
            .cluster
            .states("kubernetesexecutions", "shop", self.case.name);
        let at = self.dice.below(states.len());
        serde_json::from_value(states.swap_remove(at)).ok()
    }

    /// What is still under way may end, and late passes change nothing any more.
    async fn settle(&mut self) {
        if let Some(Struck::Killed(gate) | Struck::Paused(gate)) = self.planned.take() {
            gate.open();
        }
        let controller = self.bench.controller();
        for _ in 0..3 {
            let _passed = self.bench.pass(&controller, self.case.name).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }

    fn check(&self, tally: &mut Tally) {
        let named = self.named();
        let status = self.bench.status(self.case.name);
        let phase = status.phase.unwrap_or_default();
        assert!(phase.is_final(), "{named} does not end: {status:#?}");
        phases_go_on(&self.bench, &self.case, &named);
        let (jobs, effects) = (self.bench.jobs_made(), effects(&self.bench, &self.case));
        assert!(jobs <= 1, "{named}: {jobs} Jobs");
        assert!(effects <= self.case.writes.1, "{named}: {effects} effects");
        if phase == Phase::Completed {
            assert_eq!((jobs, effects), (1, self.case.writes.1), "{named}");
        }
        let denied = self.answers.denied.load(Ordering::SeqCst);
        tally.denied += u64::from(denied);
        match self.policy {
            Policy::Denies => {
                assert_eq!((jobs, effects, phase), (0, 0, Phase::Failed), "{named}");
                assert_eq!(status.failure_reason.unwrap().as_str(), "PolicyDenied", "{named}");
            }
            Policy::Allows => assert_eq!(phase, Phase::Completed, "{named}: {status:#?}"),
            Policy::Turns(_) if denied => assert_eq!((jobs, phase), (0, Phase::Failed), "{named}"),
            Policy::Turns(_) => assert_eq!(phase, Phase::Completed, "{named}: {status:#?}"),
        }
    }
}

fn said(name: &str) -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "how many runs there are is said from outside, by whoever runs the tests"
    )]
    let text = std::env::var(name).ok()?;
    text.parse().ok()
}

#[test]
fn whatever_goes_wrong_there_is_one_job_one_effect_and_an_end() {
    let runs = said("ENACT_SIMULATED_RUNS").unwrap_or(USUAL);
    let first = said("ENACT_SIMULATED_FIRST").unwrap_or(1);
    let mut tally = Tally::default();
    for number in first..first + runs {
        // A runtime of its own for each: nothing of one run is left in the next.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async { Run::new(number).go(&mut tally).await });
        tally.runs += 1;
    }
    assert!(tally.kills > 0 && tally.faults > 0 && tally.stale > 0 && tally.denied > 0);
    // Past the harness, which shows only what failing tests print.
    use std::io::Write as _;
    let _printed = writeln!(
        std::io::stdout(),
        "simulated: {} runs, {} kills, {} pauses of one of two leaders, {} faults, {} passes on stale caches, {} denied, {} distinct points",
        tally.runs,
        tally.kills,
        tally.pauses,
        tally.faults,
        tally.stale,
        tally.denied,
        tally.points.len()
    );
}

#[test]
fn a_run_is_made_of_its_number() {
    let calls = |number: u64| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let run = Run::new(number);
            let cluster = run.bench.cluster.clone();
            run.go(&mut Tally::default()).await;
            let calls = cluster.calls_of(CONTROLLER);
            calls.iter().map(|call| call.in_short()).collect::<Vec<String>>()
        })
    };
    for number in [1, 7, 42] {
        assert_eq!(calls(number), calls(number), "run {number}");
    }
}
