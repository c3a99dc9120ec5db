//! A procedure whose steps answer as they are told, and the people around it.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use enact_core::approval::Signature;
use enact_core::change::{Action, Change, ChangeId, Undo};
use enact_core::condition::Condition;
use enact_core::criterion::CriterionReport;
use enact_core::gate::{AdmittedPlan, admit};
use enact_core::journal::{ChangeState, Choice, Fact, Mismatch, Proof, RunId, RunState};
use enact_core::plan::{Mode, Plan, PlanDraft};
use enact_core::procedure::{Handling, Moment, RollbackMode, RollbackRule};
use enact_core::reference::Outputs;
use enact_engine::holder::Holder;
use enact_engine::installation::Surroundings;
use enact_engine::policy::{BuiltinPolicy, PolicyEngine as _};
use enact_engine::provider::{Disposition, Failure, Made, Provider, Settled};
use enact_engine::runner::RunOptions;
use enact_engine::stop::StopSignal;
use enact_testkit::clock::StepClock;
use enact_testkit::crash::{Kill, Machine, Process};
use enact_testkit::fixtures::{approval, circumstances, metadata, occasion, person, start};
use jiff::Timestamp;

use crate::support::block_on;

/// What comes back, in order, by step.
pub(crate) type Answers<T> = RefCell<BTreeMap<String, VecDeque<Result<T, Failure>>>>;

/// Answers as it is told, and keeps what was asked of it.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) applies: Answers<Made>,
    pub(crate) checks: Answers<Vec<Mismatch>>,
    /// What each look at everything finds, in order; nothing when there is no more.
    pub(crate) preflights: RefCell<VecDeque<Vec<Mismatch>>>,
    /// What a look at a step finds, where it is not that it is done.
    pub(crate) settles: RefCell<BTreeMap<String, Settled>>,
    pub(crate) undos: RefCell<BTreeMap<String, Result<(), Failure>>>,
    /// When this is asked of it (`do b`, `undo b`), somebody stops the run, once.
    pub(crate) stops_at: RefCell<Option<String>>,
    pub(crate) stop: RefCell<StopSignal>,
    pub(crate) not_needed: Vec<String>,
    pub(crate) criteria: RefCell<Vec<CriterionReport>>,
    pub(crate) seen: RefCell<Vec<String>>,
    /// What else happens while a step is done: so many milliseconds pass, or the clock is set by as many.
    pub(crate) clock: Option<(StepClock, Vec<(&'static str, i64)>)>,
}

impl Script {
    pub(crate) fn applies(self, step: &str, answers: Vec<Result<Made, Failure>>) -> Self {
        self.applies.borrow_mut().insert(step.to_owned(), answers.into());
        self
    }

    pub(crate) fn saw(&self) -> Vec<String> {
        self.seen.borrow().clone()
    }

    pub(crate) fn see(&self, what: &str, change: &Change) {
        let asked = format!("{what} {}", change.change_id);
        if self.stops_at.borrow_mut().take_if(|at| *at == asked).is_some() {
            self.stop.borrow().press("somebody pressed Ctrl-C");
        }
        self.seen.borrow_mut().push(asked);
    }
}

pub(crate) fn fails(message: &str) -> Result<Made, Failure> {
    Err(Failure::new(Disposition::GiveUp, message).in_part())
}

impl Provider for Script {
    async fn not_needed(&self, change: &Change, _: &Outputs) -> Result<Option<String>, Failure> {
        let named = self.not_needed.contains(&change.change_id.0);
        Ok(named.then(|| "its condition is false".to_owned()))
    }

    async fn preflight(&self, _: &[&Change], _: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        Ok(self.preflights.borrow_mut().pop_front().unwrap_or_default())
    }

    async fn check(&self, change: &Change, _: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        let mut checks = self.checks.borrow_mut();
        let next = checks.get_mut(&change.change_id.0).and_then(VecDeque::pop_front);
        next.unwrap_or(Ok(Vec::new()))
    }

    async fn apply(&self, change: &Change, _: &Outputs) -> Result<Made, Failure> {
        self.see("do", change);
        if let Some((clock, jumps)) = &self.clock {
            let meant = jumps.iter().filter(|(step, _)| *step == change.change_id.0);
            meant.for_each(|(_, by)| clock.jump(*by));
        }
        let mut applies = self.applies.borrow_mut();
        let next = applies.get_mut(&change.change_id.0).and_then(VecDeque::pop_front);
        next.unwrap_or(Ok(Made::new()))
    }

    async fn settle(&self, change: &Change, _: &Outputs, _: Timestamp) -> Result<Settled, Failure> {
        self.see("settle", change);
        let settles = self.settles.borrow();
        let found = settles.get(&change.change_id.0).cloned();
        Ok(found.unwrap_or(Settled::Done(Made::new())))
    }

    async fn verify(&self, _: &[&Change], _: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        Ok(Vec::new())
    }

    async fn undo(&self, change: &Change, _: &Outputs) -> Result<(), Failure> {
        self.see("undo", change);
        self.undos
            .borrow_mut()
            .remove(&change.change_id.0)
            .unwrap_or(Ok(()))
    }

    async fn settle_undo(&self, _: &Change, _: &Outputs) -> Result<Settled, Failure> {
        Ok(Settled::NotDone)
    }

    async fn conclude(&self) -> Result<Vec<CriterionReport>, Failure> {
        Ok(self.criteria.borrow().clone())
    }
}

/// A step after the one before it.
pub(crate) fn step(id: &str, after: Option<&str>) -> Change {
    let mut change = Change::new(ChangeId::from(id), Action::Run, "step", id, id);
    change.depends_on = after.map(ChangeId::from).into_iter().collect();
    change.undo = Some(Undo::Run {
        spec: serde_json::json!({}),
    });
    change.handling = Some(Handling::default());
    change
}

/// Steps `a`, `b`, `c` in a row, and `z` in any case.
pub(crate) fn four(edit: impl FnOnce(&mut Vec<Change>)) -> Plan {
    let mut last = step("z", None);
    last.handling = Some(Handling {
        always: true,
        ..Handling::default()
    });
    last.undo = Some(Undo::Nothing);
    let mut changes = vec![step("a", None), step("b", Some("a")), step("c", Some("b")), last];
    edit(&mut changes);
    let draft = PlanDraft {
        metadata: metadata(Mode::Run),
        document: None,
        changes,
        warnings: Vec::new(),
    };
    draft.freeze().unwrap()
}

pub(crate) fn handling(change: &mut Change) -> &mut Handling {
    change.handling.get_or_insert_default()
}

pub(crate) struct Desk {
    pub(crate) machine: Machine,
    pub(crate) admitted: AdmittedPlan,
    pub(crate) script: Script,
    pub(crate) options: RunOptions,
}

impl Desk {
    pub(crate) fn new(plan: &Plan, script: Script) -> Self {
        Self::under(plan, script, Vec::new())
    }

    pub(crate) fn under(plan: &Plan, script: Script, conditions: Vec<Condition>) -> Self {
        let mut record = approval(plan);
        record.conditions = conditions;
        let verdict = BuiltinPolicy.judge(plan, &occasion());
        let admitted = admit(plan.clone(), verdict, vec![record], &circumstances()).unwrap();
        Self {
            machine: Machine::new(),
            admitted,
            script,
            options: RunOptions::of_procedure(RollbackRule::default()),
        }
    }

    /// The machine's clock is set by so many milliseconds while these steps are done.
    pub(crate) fn jumping(mut self, jumps: Vec<(&'static str, i64)>) -> Self {
        self.script.clock = Some((self.machine.clock.0.clone(), jumps));
        self
    }

    pub(crate) fn rolling_back(mut self, mode: RollbackMode) -> Self {
        self.options.rollback.on_failure = mode;
        self
    }

    pub(crate) fn process(&self) -> Process {
        self.machine.process(Kill::Never, Arc::new(|_| ()))
    }

    pub(crate) fn surroundings(&self) -> Surroundings {
        Surroundings {
            options: self.options.clone(),
            reporters: Vec::new(),
            stop: StopSignal::new(),
        }
    }

    pub(crate) fn start(&self) -> (RunId, RunState) {
        let process = self.process();
        let open = process
            .installation
            .begin(&self.admitted, &person("ana"))
            .unwrap();
        let run_id = open.run_id.clone();
        let surroundings = self.surroundings();
        *self.script.stop.borrow_mut() = surroundings.stop.clone();
        let run = process
            .installation
            .run(open, &self.admitted, &self.script, surroundings);
        (run_id, block_on(run).unwrap())
    }

    pub(crate) fn roll_back(&self, run_id: &RunId) -> RunState {
        let process = self.process();
        let by = person("ana");
        let open = process.installation.reopen(run_id, &self.admitted, &by).unwrap();
        let surroundings = self.surroundings();
        *self.script.stop.borrow_mut() = surroundings.stop.clone();
        let run = process
            .installation
            .roll_back(open, &self.admitted, &self.script, surroundings);
        block_on(run).unwrap()
    }

    pub(crate) fn resume(&self, run_id: &RunId) -> RunState {
        let process = self.process();
        let open = process
            .installation
            .reopen(run_id, &self.admitted, &person("ana"))
            .unwrap();
        let run = process
            .installation
            .run(open, &self.admitted, &self.script, self.surroundings());
        block_on(run).unwrap()
    }

    /// Another process writes a person's word down.
    pub(crate) fn says(&self, run_id: &RunId, fact: Fact) {
        let process = self.process();
        let store = &process.installation.store;
        let ttl = std::time::Duration::from_secs(30);
        let now = process.installation.clock.now();
        let lease = store.acquire(run_id, &Holder::this_process(), ttl, now).unwrap();
        store.append(&lease, ttl, now, vec![fact]).unwrap();
        store.release(&lease).unwrap();
    }

    pub(crate) fn confirms(&self, run_id: &RunId, step: &str, at: Moment, who: &str, roles: &[&str]) {
        self.says(run_id, confirmed(step, at, who, roles));
    }

    /// The same, signed with a key of their own. The signature is looked at elsewhere.
    pub(crate) fn signs(&self, run_id: &RunId, step: &str, at: Moment, who: &str, roles: &[&str]) {
        let proof = Proof {
            said_at: start(),
            signature: Signature {
                key_id: format!("SHA256:{who}"),
                sshsig: String::new(),
            },
        };
        self.says(run_id, confirmed(step, at, who, roles).with_proof(proof));
    }

    pub(crate) fn chooses(&self, run_id: &RunId, step: &str, choice: Choice) {
        self.says(
            run_id,
            Fact::Chosen {
                proof: None,
                change_id: ChangeId::from(step),
                choice,
                by: person("ana"),
                reason: "looked".to_owned(),
            },
        );
    }
}

fn confirmed(step: &str, at: Moment, who: &str, roles: &[&str]) -> Fact {
    Fact::Confirmed {
        proof: None,
        change_id: ChangeId::from(step),
        at,
        by: person(who),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        reason: String::new(),
    }
}

pub(crate) fn states(state: &RunState) -> Vec<ChangeState> {
    ["a", "b", "c", "z"]
        .map(|step| state.of(&ChangeId::from(step)))
        .to_vec()
}
