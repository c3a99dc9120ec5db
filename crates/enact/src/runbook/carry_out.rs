//! Runs an open run of a runbook, or takes it back, and reports how it stands.

use std::collections::BTreeMap;
use std::path::PathBuf;

use enact_core::change::Milliseconds;
use enact_core::condition::Condition;
use enact_core::event::Reporter;
use enact_core::gate::AdmittedPlan;
use enact_core::journal::{RunPhase, RunState};
use enact_core::plan::{Plan, Target};
use enact_core::procedure::RollbackMode;
use enact_core::report::RunReport;
use enact_engine::installation::{Installation, OpenRun, Surroundings};
use enact_engine::runner::RunOptions;
use enact_engine::stop::StopSignal;
use enact_konnect::provider::KonnectProvider;
use enact_konnect::resources::KINDS;
use enact_runbook::process::SupervisorProgram;
use enact_runbook::provider::{Host, RunbookProvider, Secrets, document_of};
use enact_runbook::spec::Document;

use crate::cli::Output;
use crate::commands::Context;
use crate::connect::{Connection, KonnectFlags, connect_as_planned};
use crate::error::{CommandError, CommandResult};
use crate::execute::{environment_digest, watch_latch};
use crate::hands::Hands;
use crate::policy::PolicyFlags;
use crate::views::event_lines::EventLines;
use crate::views::runbook_progress::{StepLines, Told};
use crate::{line, signals, views};

/// How a run of a runbook goes.
pub(crate) struct Going {
    pub(crate) folder: PathBuf,
    pub(crate) output: Output,
    pub(crate) way: Way,
    pub(crate) konnect: KonnectFlags,
    /// The policies that actions on clusters are judged by once more.
    pub(crate) policy: PolicyFlags,
    pub(crate) ascii: bool,
    /// Where events are written as lines of JSON.
    pub(crate) events: Option<PathBuf>,
}

/// Where it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the end or to the next place where it waits.
    On {
        /// After a failure, take back what was done whatever the runbook says?
        rollback_on_failure: bool,
    },
    /// Back: what was done is taken back.
    Back {
        /// Also where the point of no return is passed?
        past_point_of_no_return: bool,
    },
}

/// Runs, or takes back, and reports how it stands then.
pub(crate) async fn carry_out(
    context: &Context,
    installation: &Installation,
    open: OpenRun,
    admitted: &AdmittedPlan,
    going: Going,
) -> CommandResult {
    let run_id = open.run_id.clone();
    let plan = admitted.plan();
    let document = limited(read_document(plan)?, admitted);
    let stop = StopSignal::new();
    let caught = signals::listen(&stop)?;
    watch_latch(context, &stop);
    let secrets = secrets(context, &document, &going, &run_id)?;
    let number = open.number();
    let host = host(context, installation, admitted, &going, number, stop.clone())?;
    let connection = konnect(context, &document, &going).await?;
    let environment = environment_digest(context);
    let konnect = connection.as_ref().map(|connection| KonnectProvider {
        client: &connection.client,
        kinds: KINDS,
        environment: &environment,
    });
    let runbook = RunbookProvider::new(plan, host, secrets)
        .map_err(|error| CommandError::from_error(enact_core::exit::ExitCode::InvalidInput, &error))?;
    let hands = Hands { runbook, konnect };
    let (_, before) = crate::state::journal(installation, &run_id)?;
    let known = Told::new(&run_id, number, plan, &document, before);
    let surroundings = surroundings(context, known, &going, stop)?;
    let run = match going.way {
        Way::On { .. } => installation.run(open, admitted, &hands, surroundings).await,
        Way::Back { .. } => installation.roll_back(open, admitted, &hands, surroundings).await,
    };
    let state = run.map_err(|error| {
        let command = match going.way {
            Way::On { .. } => "resume",
            Way::Back { .. } => "rollback",
        };
        CommandError::from(error).hint(format!(
            "the journal is whole; to go on: enact {command} {run_id}"
        ))
    })?;
    show(context, plan, &document, &run_id, &state, &going)?;
    crate::notify::send(context, installation, &run_id);
    let report = RunReport::of(Some(&run_id), plan, &state);
    Ok(match state.phase {
        RunPhase::Stopped | RunPhase::Running => caught.exit_code(),
        phase @ (RunPhase::Paused | RunPhase::Finished) => report.exit_code(phase),
    })
}

pub(crate) fn read_document(plan: &Plan) -> Result<Document, CommandError> {
    document_of(plan)
        .map_err(|error| CommandError::from_error(enact_core::exit::ExitCode::InvalidInput, &error))
}

/// Are the secrets there that stand in the environment and in files? Asked before an approval is spent and a run begins; what a
/// program prints is asked for once the gate is passed.
pub(super) fn check_secrets(
    context: &Context,
    document: &Document,
    folder: &std::path::Path,
) -> Result<(), CommandError> {
    let environment = context.settings.environment.all();
    Secrets::check(document, environment, folder).map_err(|error| {
        CommandError::invalid(error.to_string()).hint(
            "nothing was run, and no approval was spent; give the secret where the runbook says, then again",
        )
    })
}

/// Secrets are read before anything runs: one that is missing stops everything.
fn secrets(
    context: &Context,
    document: &Document,
    going: &Going,
    run_id: &enact_core::journal::RunId,
) -> Result<Secrets, CommandError> {
    let command = match going.way {
        Way::On { .. } => "resume",
        Way::Back { .. } => "rollback",
    };
    let then =
        format!("nothing was run; give the secret where the runbook says, then: enact {command} {run_id}");
    let environment = context.settings.environment.all();
    let from_commands = super::secrets::run_commands(document, environment, &going.folder)
        .map_err(|error| error.hint(then.clone()))?;
    Secrets::read(document, environment, &going.folder, &from_commands)
        .map_err(|error| CommandError::invalid(error.to_string()).hint(then))
}

fn host(
    context: &Context,
    installation: &Installation,
    admitted: &AdmittedPlan,
    going: &Going,
    run_number: u64,
    stop: StopSignal,
) -> Result<Host, CommandError> {
    let state_dir = &context.settings.state_dir;
    let state_dir = std::fs::canonicalize(state_dir).unwrap_or_else(|_| state_dir.clone());
    let (max_downtime, max_duration) = limits(admitted);
    Ok(Host {
        folder: going.folder.clone(),
        runs_dir: state_dir.join("runs"),
        locks_dir: state_dir.join("locks"),
        environment: context.settings.environment.all().clone(),
        supervisor: SupervisorProgram {
            path: std::env::current_exe()?,
            args: vec!["supervise".to_owned()],
        },
        stop,
        clock: std::sync::Arc::clone(&installation.clock),
        run_number,
        max_downtime,
        max_duration,
        cluster: super::cluster::hands(context, &going.policy),
        extra_checks: super::added::of(context, admitted, &going.folder)?,
    })
}

/// The strictest limits that approvals add, in milliseconds: on the downtime, and on the time at work.
fn limits(admitted: &AdmittedPlan) -> (Option<u64>, Option<u64>) {
    let (mut downtime, mut duration) = (None, None);
    let strictest =
        |known: Option<u64>, limit: Milliseconds| Some(known.map_or(limit.0, |known| known.min(limit.0)));
    for condition in admitted.conditions() {
        match condition {
            Condition::MaxDowntime { limit } => downtime = strictest(downtime, *limit),
            Condition::MaxDuration { limit } => duration = strictest(duration, *limit),
            Condition::CheckpointBefore { .. }
            | Condition::CheckpointAfter { .. }
            | Condition::CheckpointBetweenSteps
            | Condition::StopAfter { .. }
            | Condition::Window { .. }
            | Condition::DryRunOnly
            | Condition::SecondApprover { .. }
            | Condition::ExtraCheck { .. } => {}
        }
    }
    (downtime, duration)
}

/// The document with the limit of the downtime that holds for this run.
fn limited(mut document: Document, admitted: &AdmittedPlan) -> Document {
    if let (Some(window), (Some(limit), _)) = (&mut document.downtime, limits(admitted)) {
        let known = window.limit.map_or(limit, |known| known.0.min(limit));
        window.limit = Some(Milliseconds(known));
    }
    document
}

/// Connects to Konnect where the runbook has steps for it; another Konnect than the planned one is refused.
async fn konnect(
    context: &Context,
    document: &Document,
    going: &Going,
) -> Result<Option<Connection>, CommandError> {
    let Some(planned) = &document.konnect_target else {
        return Ok(None);
    };
    let planned: Target = serde_json::from_value(planned.clone())?;
    let connection = connect_as_planned(&context.settings, &going.konnect, &planned).await?;
    let actual = line::full_target(&context.settings, &connection).await?;
    if planned != actual {
        return Err(enact_core::gate::GateClosed::OtherTarget {
            planned: Box::new(planned),
            actual: Box::new(actual),
        }
        .into());
    }
    Ok(Some(connection))
}

fn options(document: &Document, way: Way) -> RunOptions {
    let mut rollback = document.rollback.clone();
    let mut past = false;
    match way {
        Way::On {
            rollback_on_failure: false,
        } => {}
        Way::On {
            rollback_on_failure: true,
        } => rollback.on_failure = RollbackMode::Auto,
        Way::Back {
            past_point_of_no_return,
        } => past = past_point_of_no_return,
    }
    RunOptions {
        past_point_of_no_return: past,
        ..RunOptions::of_procedure(rollback)
    }
}

fn surroundings(
    context: &Context,
    known: Told,
    going: &Going,
    stop: StopSignal,
) -> Result<Surroundings, CommandError> {
    let options = options(&known.document, going.way);
    let ascii = going.ascii || context.is_ascii();
    let mut reporters: Vec<Box<dyn Reporter>> = match going.output {
        Output::Text => vec![Box::new(StepLines::new(context.painter, ascii, known))],
        Output::Json | Output::Yaml => Vec::new(),
    };
    if let Some(path) = &going.events {
        reporters.push(Box::new(EventLines::open(path)?));
    }
    Ok(Surroundings {
        options,
        reporters,
        stop,
    })
}

fn show(
    context: &Context,
    plan: &Plan,
    document: &Document,
    run_id: &enact_core::journal::RunId,
    state: &RunState,
    going: &Going,
) -> Result<(), CommandError> {
    if going.output == Output::Text {
        views::say(&views::runbook_report::closing(
            context.painter,
            plan,
            document,
            run_id,
            state,
        ));
        return Ok(());
    }
    views::print_document(&RunReport::of(Some(run_id), plan, state), going.output)
}

/// What a secret command of a runbook printed, by parameter; see [`super::secrets`].
pub(crate) type FromCommands = BTreeMap<String, enact_core::secret::Secret<String>>;
