//! Carries a frozen runbook out: the engine's hands for changes of type `step`.
//!
//! Reading order: [`RunbookProvider`] (what the engine asks), `attempt.rs` (one step), `site.rs` (where actions leave the process),
//! `pins.rs` (files that must be as they were approved), `judge.rs` (does a reply hold what is expected), `checks.rs`, `settle.rs`
//! (what became of a step after a crash), `scope.rs` (what a delegated step changed), `conclude.rs` (the criteria of the whole).

mod answered;
mod attempt;
mod begun;
mod checks;
mod cluster;
mod conclude;
mod downtime;
mod each;
mod folders;
mod judge;
mod leaks;
mod outputs;
mod pins;
mod preflight;
pub(crate) mod reply;
mod request;
mod scope;
mod scrub;
mod secrets;
mod settle;
mod simulate;
mod site;
mod time;
mod values;
mod work_tree;

pub(crate) use work_tree::Scope;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use enact_core::change::{Change, ChangeId, Undo};
use enact_core::criterion::CriterionReport;
use enact_core::journal::{Entry, Fact, Mismatch, Note, RunId, RunState};
use enact_core::plan::Plan;
use enact_core::procedure::Moment;
use enact_core::reference::Outputs;
use enact_core::secret::Secret;
use enact_engine::clock::Clock;
use enact_engine::provider::{Disposition, Failure, Made, Provider, Settled};
use enact_engine::stop::StopSignal;
use jiff::Timestamp;
use serde_json::{Value, json};

pub use self::checks::Checked;
pub use self::downtime::length as downtime_length;
pub use self::folders::{
    UnderWay, commands_under_way, make as make_folder, newest_attempt, step_folder, write_durably,
};
pub use self::pins::as_pinned;
pub use self::reply::{End, Reply};
pub use self::secrets::{SecretError, Secrets, command_of as secret_command};
pub use self::simulate::Simulated;
pub use self::site::Site;
pub use self::values::word as state_word;

use crate::process::{Supervisor, SupervisorProgram};
use crate::spec::{CheckSpec, Document, STEP, StepSpec, UndoSpec};

pub(crate) use self::judge::{compare, shown as quoted_text};
pub(crate) use self::outputs::value_given;
pub(crate) use self::request::{Request, send};

/// The machine a runbook runs on, as the binary hands it over.
pub struct Host {
    /// The runbook's folder: where relative paths start.
    pub folder: PathBuf,
    /// Where each run keeps what its commands print.
    pub runs_dir: PathBuf,
    /// Where named locks are.
    pub locks_dir: PathBuf,
    /// This process's environment.
    pub environment: BTreeMap<String, String>,
    /// How a supervisor is started.
    pub supervisor: SupervisorProgram,
    /// Whether to stop.
    pub stop: StopSignal,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Which run of this plan it is, from 1.
    pub run_number: u64,
    /// A limit on the downtime that an approval adds, in milliseconds.
    pub max_downtime: Option<u64>,
    /// A limit on the time at work that an approval adds, in milliseconds.
    pub max_duration: Option<u64>,
    /// A cluster's hands, for steps and checks of kind `kubernetes`.
    pub cluster: Option<Box<dyn crate::cluster::Cluster>>,
    /// Checks that approvals add, by the change before which they are run.
    pub extra_checks: Vec<(ChangeId, CheckSpec)>,
}

/// Why a plan is not a runbook that this version can carry out.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableRunbook {
    /// It has no document of a runbook.
    #[error("the plan is not a runbook")]
    NotARunbook,
    /// A part of it is not of the shape that this version knows.
    #[error("{part} of the runbook is not readable: {problem}")]
    Part {
        /// Which.
        part: String,
        /// What the parser says.
        problem: String,
    },
}

/// A step as it is executed.
pub(crate) struct Step {
    pub(crate) spec: StepSpec,
    pub(crate) verify: Vec<(String, CheckSpec)>,
    pub(crate) undo: Option<UndoSpec>,
}

impl Step {
    /// Does it produce something that nobody may see? Then nothing that it prints is shown.
    pub(crate) fn prints_secrets(&self) -> bool {
        self.spec.outputs.values().any(|output| output.secret)
    }
}

/// The engine's hands for runbooks. For one run, from one runtime.
pub struct RunbookProvider<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) plan_hash: String,
    pub(crate) document: Document,
    pub(crate) steps: BTreeMap<ChangeId, Step>,
    pub(crate) host: Host,
    pub(crate) supervisor: Supervisor,
    pub(crate) secrets: Secrets,
    pub(crate) run: RefCell<Run>,
    pub(crate) notes: RefCell<Vec<Note>>,
    /// When an assumption was last seen to hold.
    pub(crate) held: RefCell<BTreeMap<String, Timestamp>>,
    pub(crate) pinned: RefCell<pins::Pinned>,
    /// The number of the newest look of a check; `None`: not counted yet.
    pub(crate) last_check: Cell<Option<u32>>,
    /// Secret outputs, which the journal does not hold: known to this process only.
    pub(crate) secret_outputs: RefCell<BTreeMap<(ChangeId, String), Secret<Value>>>,
}

/// What is known of the run.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) id: Option<RunId>,
    pub(crate) state: RunState,
    /// The boot in which the process before this one wrote its intents; `None`: there was none.
    pub(crate) boot_before: Option<String>,
}

/// Reads the document of a runbook plan.
///
/// # Errors
/// See [`UnreadableRunbook`].
pub fn document_of(plan: &Plan) -> Result<Document, UnreadableRunbook> {
    let document = plan.document().ok_or(UnreadableRunbook::NotARunbook)?;
    if document.get("format").and_then(Value::as_str) != Some(crate::spec::document::FORMAT) {
        return Err(UnreadableRunbook::NotARunbook);
    }
    read("the document", document)
}

/// Is it a runbook's plan?
pub fn is_runbook(plan: &Plan) -> bool {
    document_of(plan).is_ok()
}

fn read<T: serde::de::DeserializeOwned>(part: &str, value: &Value) -> Result<T, UnreadableRunbook> {
    serde_json::from_value(value.clone()).map_err(|error| UnreadableRunbook::Part {
        part: part.to_owned(),
        problem: error.to_string(),
    })
}

fn read_step(change: &Change) -> Result<Step, UnreadableRunbook> {
    let part = |what: &str| format!("{what} of step {}", change.change_id);
    let spec: StepSpec = read(&part("the spec"), change.spec.as_ref().unwrap_or(&Value::Null))?;
    if crate::kinds::kind(&spec.kind).is_none() {
        return Err(UnreadableRunbook::Part {
            part: part("the kind"),
            problem: format!("this version knows no kind {:?}", spec.kind),
        });
    }
    let mut verify = Vec::new();
    for post in &change.postconditions {
        if let enact_core::change::Postcondition::Check { name, spec } = post {
            verify.push((name.clone(), read(&part("a check"), spec)?));
        }
    }
    let undo = match change.undo.as_ref().and_then(Undo::spec) {
        Some(spec) => Some(read(&part("the rollback"), spec)?),
        None => None,
    };
    Ok(Step { spec, verify, undo })
}

impl<'a> RunbookProvider<'a> {
    /// Reads the whole plan first: what cannot be read stops everything before anything runs.
    ///
    /// # Errors
    /// See [`UnreadableRunbook`].
    pub fn new(plan: &'a Plan, host: Host, secrets: Secrets) -> Result<Self, UnreadableRunbook> {
        let document = document_of(plan)?;
        // What looks without a run is never taken up.
        folders::remove_left_secrets(&host.runs_dir.join(folders::NO_RUN));
        // Collected, not inserted one by one: the map is then built as small as it can be.
        let own = plan
            .changes()
            .iter()
            .filter(|change| change.resource_type == STEP);
        let steps = own
            .map(|change| Ok((change.change_id.clone(), read_step(change)?)))
            .collect::<Result<BTreeMap<_, _>, UnreadableRunbook>>()?;
        let secrets = secrets.with_what_is_made(plan, &document);
        Ok(Self {
            plan,
            plan_hash: plan.id().to_string(),
            document,
            steps,
            supervisor: Supervisor::new(host.supervisor.clone()),
            host,
            secrets,
            run: RefCell::new(Run::default()),
            notes: RefCell::new(Vec::new()),
            held: RefCell::new(BTreeMap::new()),
            pinned: RefCell::new(pins::Pinned::default()),
            last_check: Cell::new(None),
            secret_outputs: RefCell::new(BTreeMap::new()),
        })
    }

    /// What the run is known to have come to.
    pub(crate) fn with_state<T>(&self, look: impl FnOnce(&RunState) -> T) -> T {
        look(&self.run.borrow().state)
    }

    pub(crate) fn note(&self, change_id: Option<&ChangeId>, topic: &str, detail: Value) {
        self.notes.borrow_mut().push(Note {
            change_id: change_id.cloned(),
            topic: topic.to_owned(),
            detail,
        });
    }

    pub(crate) fn step(&self, change: &Change) -> Result<&Step, Failure> {
        self.steps.get(&change.change_id).ok_or_else(|| {
            let message = format!("{} is not a step of a runbook", change.change_id);
            Failure::new(Disposition::GiveUp, message)
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.host.clock.now()
    }
}

impl Provider for RunbookProvider<'_> {
    fn take_up(&self, run_id: &RunId, state: &RunState) {
        let boot_before = self.mark_boot(run_id);
        folders::remove_left_secrets(&self.host.runs_dir.join(&run_id.0));
        if let Err(error) = folders::make(&self.host.locks_dir) {
            // A step with a lock then says that it cannot be taken.
            tracing::warn!(%error, "the folder of locks cannot be made");
        }
        *self.run.borrow_mut() = Run {
            id: Some(run_id.clone()),
            state: state.clone(),
            boot_before,
        };
    }

    fn observe(&self, entry: &Entry) {
        if let Fact::Done { change_id, .. } = &entry.fact {
            self.scrub(change_id);
        }
        // The engine refuses what the table does not allow before anybody sees it.
        if let Err(error) = self.run.borrow_mut().state.record(entry) {
            tracing::warn!(%error, "an entry does not follow");
        }
    }

    fn take_notes(&self) -> Vec<Note> {
        std::mem::take(&mut self.notes.borrow_mut())
    }

    async fn not_needed(&self, change: &Change, _outputs: &Outputs) -> Result<Option<String>, Failure> {
        let step = self.step(change)?;
        let Some(when) = &step.spec.when else {
            return Ok(None);
        };
        let known = self.known();
        let value = crate::expression::evaluate_source(when, &known)
            .map_err(|error| Failure::new(Disposition::GiveUp, format!("its condition `{when}`: {error}")))?;
        match value.open() {
            Some(Value::Bool(true)) => Ok(None),
            Some(Value::Bool(false)) => Ok(Some(format!("its condition `{when}` is false"))),
            _ => Err(Failure::new(
                Disposition::GiveUp,
                format!("its condition `{when}` is neither true nor false"),
            )),
        }
    }

    fn time_for_more(&self, change: &Change) -> Option<Duration> {
        let total = self.step(change).ok()?.spec.timeout_total?;
        let spent = self.time_spent(change);
        Some(Duration::from_millis(total.0.saturating_sub(spent)))
    }

    async fn evidence(&self, change: &Change, _moment: Moment) -> BTreeMap<String, Value> {
        self.evidence_for(change)
    }

    async fn preflight(&self, changes: &[&Change], _outputs: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        self.look_at_everything(changes).await
    }

    async fn check(&self, change: &Change, _outputs: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        self.look_before(change).await
    }

    async fn apply(&self, change: &Change, _outputs: &Outputs) -> Result<Made, Failure> {
        self.attempt(change).await
    }

    async fn settle(
        &self,
        change: &Change,
        _outputs: &Outputs,
        _intent_at: Timestamp,
    ) -> Result<Settled, Failure> {
        self.what_became_of(change).await
    }

    /// A step is done only when all its checks held; whether the whole is as it should be say the criteria.
    async fn verify(&self, _changes: &[&Change], _outputs: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        Ok(Vec::new())
    }

    async fn undo(&self, change: &Change, _outputs: &Outputs) -> Result<(), Failure> {
        self.take_back(change).await
    }

    async fn settle_undo(&self, change: &Change, _outputs: &Outputs) -> Result<Settled, Failure> {
        self.what_became_of_undo(change).await
    }

    async fn conclude(&self) -> Result<Vec<CriterionReport>, Failure> {
        self.judge_criteria().await
    }
}

/// How a step ended, for the journal. What a step with secret outputs printed stays out of it.
pub(crate) fn attempt_note(reply: &Reply, prints_secrets: bool) -> Value {
    let mut detail = json!({ "ended": reply.in_words(), "took_ms": u64::try_from(reply.took.as_millis()).unwrap_or(u64::MAX) });
    if let (false, Some(fields)) = (reply.survivors.is_empty(), detail.as_object_mut()) {
        fields.insert("survivors".to_owned(), json!(reply.survivors));
    }
    let line = reply.last_line().filter(|_| !prints_secrets);
    if let (Some(line), Some(fields)) = (line, detail.as_object_mut()) {
        fields.insert(
            "last_line".to_owned(),
            json!(crate::process::display(line.as_bytes())),
        );
    }
    detail
}
