//! The second half of the line: a plan is shown, approved, admitted, run and reported. `apply`, `sync`, `delete` and
//! `adopt` differ only in the plan they bring.

use std::path::{Path, PathBuf};

use clap::Args;
use enact_core::change::Change;
use enact_core::exit::ExitCode;
use enact_core::gate::{AdmittedPlan, GateClosed};
use enact_core::journal::{RunPhase, RunState};
use enact_core::plan::{Mode, Plan, ReadError, Target};
use enact_core::report::RunReport;
use enact_core::verdict::{Finding, Outcome};
use enact_engine::installation::{Installation, OpenRun, Surroundings};
use enact_engine::runner::RunOptions;
use enact_engine::stop::StopSignal;
use enact_konnect::provider::KonnectProvider;
use enact_konnect::resources::KINDS;

pub(crate) use crate::admission::pass_gate;
use crate::admission::{Asking, approve_and_admit};
use crate::approve::Said;
use crate::cli::Output;
use crate::commands::Context;
use crate::connect::{Connection, KonnectFlags};
use crate::error::{CommandError, CommandResult};
use crate::policy::{Policies, PolicyFlags};
use crate::views::event_lines::EventLines;
use crate::views::run_text::{self, Ahead};
use crate::views::{self, plan_text, policy_text, progress::ProgressLines};
use crate::{line, signals, state};

/// The longest plan file that is read, in bytes.
const MAX_PLAN: u64 = enact_core::plan::MAX_PLAN_BYTES as u64;

/// How often a run looks at the latch.
const LATCH_BEAT: std::time::Duration = std::time::Duration::from_millis(500);

/// The most warnings about a configuration that are shown one by one.
const WARNINGS: usize = 50;

/// Flags of every command that runs a plan.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Execution")]
pub(crate) struct RunFlags {
    /// Write nothing; say for each change what was and was not checked
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask for approval
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Let --auto-approve cover taking protection off as well
    #[arg(long)]
    pub(crate) allow_unprotect: bool,
    /// Use the approval in this file, as `enact approve --out` wrote it; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) approval: Vec<PathBuf>,
    /// Fail, before anything is written, when protection blocks a change
    #[arg(long)]
    pub(crate) strict_protection: bool,
    /// When a change fails, take back what this run has done
    #[arg(long)]
    pub(crate) rollback_on_failure: bool,
    /// The form of the result on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    /// Write every event as a line of JSON to this file, or to standard output (`-`)
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) policy: PolicyFlags,
}

/// Flags of commands that can run a saved plan.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Execution")]
pub(crate) struct SavedFlags {
    /// Run this saved plan (a file, or `-`) instead of making one
    #[arg(long, value_name = "FILE", conflicts_with = "filename")]
    pub(crate) plan: Option<PathBuf>,
    /// With --plan and --dry-run: read the present state and check the plan against it
    #[arg(long, requires = "dry_run")]
    pub(crate) check_drift: bool,
}

/// Reads a saved plan and believes nothing.
pub(crate) fn read_plan(path: &Path) -> Result<Plan, CommandError> {
    use std::io::Read as _;
    let unreadable = |error: std::io::Error| {
        CommandError::invalid(format!("the plan {} cannot be read: {error}", path.display()))
            .hint("make one with: enact plan -f PATH -o FILE")
    };
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .take(MAX_PLAN + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    } else {
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(MAX_PLAN + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    }
    let refused = |error| CommandError::from(error).about(&path.display().to_string());
    let plan = Plan::parse(&bytes).map_err(refused)?;
    let steps_beside = enact_runbook::provider::is_runbook(&plan);
    let of_konnect = |change: &&Change| !(steps_beside && change.resource_type == enact_runbook::spec::STEP);
    let faults = enact_konnect::plan::unguarded(plan.changes().iter().filter(of_konnect), KINDS);
    if faults.is_empty() {
        Ok(plan)
    } else {
        Err(refused(ReadError::Faults(faults)))
    }
}

/// What a command that runs a plan was told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    /// The command's name.
    pub(crate) verb: &'a str,
    /// How to run.
    pub(crate) flags: &'a RunFlags,
    /// Which saved plan.
    pub(crate) saved: &'a SavedFlags,
    /// Has standard input been read already?
    pub(crate) stdin_taken: bool,
}

/// Runs a plan to its end, asking first.
pub(crate) async fn execute(
    context: &Context,
    connection: &Connection,
    plan: Plan,
    policies: &mut Policies,
    told: Told<'_>,
) -> CommandResult {
    let Told {
        verb,
        flags,
        saved,
        stdin_taken,
    } = told;
    let planned_by = plan.metadata().policy_digest.clone();
    let plan = line::judged(plan, policies);
    if flags.output == Output::Text {
        introduce(context, &plan);
        say_when_policy_changed(planned_by.as_deref(), &plan);
    }
    check_verdict(&plan).map_err(|error| error.hint(policies.see_more(saved.plan.as_deref())))?;
    if flags.strict_protection && plan.summary().blocked_count > 0 {
        return Err(CommandError::new(
            ExitCode::Denied,
            "protection blocks changes of this plan; nothing was written",
        )
        .hint("take the protection off first, or leave out --strict-protection to run the other changes"));
    }
    if plan.is_noop() {
        return nothing_to_do(&plan, flags);
    }
    views::event_lines::check(flags.events.as_deref())?;
    if flags.dry_run {
        return dry_run(context, connection, &plan, flags.output, saved).await;
    }
    let installation = state::open(&context.settings)?;
    let target = line::full_target(&context.settings, connection).await?;
    let said = Said {
        auto_approve: flags.auto_approve,
        allow_unprotect: flags.allow_unprotect,
        stdin_taken,
    };
    let asking = Asking {
        verb,
        said,
        carried: &flags.approval,
    };
    let admitted = approve_and_admit(context, &installation, plan, target, policies, asking)?;
    let principal = context.settings.principal();
    let open = installation.begin(&admitted, &principal)?;
    carry_out(context, connection, &installation, open, &admitted, flags).await
}

/// What is about to happen, on standard error.
fn introduce(context: &Context, plan: &Plan) {
    let painter = context.painter;
    if plan.changes().is_empty() {
        return;
    }
    views::say(&plan_text::render(painter, plan, plan_text::Detail::default()));
    views::say(&plan_text::deletions(painter, plan));
    views::say(&plan_text::blocked(painter, plan));
    if let Some(verdict) = plan.verdict().filter(|verdict| verdict.outcome != Outcome::Deny) {
        views::say(&policy_text::render(painter, verdict));
    }
}

/// A plan stays what it is when the policies change; it is judged by those of today.
pub(crate) fn say_when_policy_changed(planned_by: Option<&str>, plan: &Plan) {
    let today = plan.verdict().map(|verdict| verdict.bundle_digest.as_str());
    if planned_by.is_some() && planned_by != today {
        views::say(
            "note: the policies are not those that the plan was made under; it was judged by those of today\n",
        );
    }
}

/// A denial ends the line before anybody is asked, with what each rule said.
pub(crate) fn check_verdict(plan: &Plan) -> Result<(), CommandError> {
    let denials = plan.verdict().into_iter().flat_map(|verdict| &verdict.findings);
    let denials: Vec<Finding> = denials
        .filter(|finding| finding.outcome == Outcome::Deny)
        .cloned()
        .collect();
    if denials.is_empty() {
        return Ok(());
    }
    Err(GateClosed::Denied { findings: denials }.into())
}

/// No change to execute: everything matches, or protection blocks all there is.
fn nothing_to_do(plan: &Plan, flags: &RunFlags) -> CommandResult {
    let report = RunReport::of(None, plan, &RunState::default());
    if flags.output == Output::Text {
        if plan.changes().is_empty() {
            views::say("No changes detected. Configuration matches current state.\n");
            for warning in plan.warnings() {
                views::say(&format!("warning: {}\n", warning.message));
            }
        } else {
            views::say("Nothing was done: every remaining change is blocked.\n");
        }
    } else {
        views::print_document(&report, flags.output)?;
    }
    Ok(if plan.changes().is_empty() {
        ExitCode::Ok
    } else {
        ExitCode::Denied
    })
}

/// Says per change what was and was not checked. Sends no request unless asked to.
async fn dry_run(
    context: &Context,
    connection: &Connection,
    plan: &Plan,
    output: Output,
    saved: &SavedFlags,
) -> CommandResult {
    let fresh = saved.plan.is_none();
    let mut drifted = Vec::new();
    if saved.check_drift {
        let environment = environment_digest(context);
        let provider = KonnectProvider {
            client: &connection.client,
            kinds: KINDS,
            environment: &environment,
        };
        let changes = plan.executable();
        drifted = enact_engine::provider::Provider::preflight(&provider, &changes, &Default::default())
            .await
            .map_err(|failure| CommandError::from_error(ExitCode::Failed, &failure))?;
    }
    let checked = match (fresh, saved.check_drift) {
        (_, true) => "its preconditions against the present state",
        (true, false) => "its preconditions, as of planning just now",
        (false, false) => {
            "its structure and digest only; no request was sent (--check-drift reads the present state)"
        }
    };
    if output == Output::Text {
        views::say("\nDry run: nothing was written.\n");
        for change in plan.executable() {
            let bad = drifted
                .iter()
                .any(|mismatch| mismatch.change_id == change.change_id);
            let word = if bad { "would be refused" } else { "would run" };
            views::say(&format!(
                "- {} {} {}: {word}; checked: {checked}; not checked: the server's own validation\n",
                change.action, change.resource_type, change.resource_name
            ));
        }
        for mismatch in &drifted {
            views::say(&format!("  {mismatch}\n"));
        }
    } else {
        let mut report = RunReport::of(None, plan, &RunState::default());
        report.error = Some(format!("dry run: nothing was written; checked: {checked}"));
        views::print_document(&report, output)?;
    }
    Ok(if drifted.is_empty() {
        ExitCode::Ok
    } else {
        ExitCode::Stale
    })
}

/// Runs an open run and reports how it ended.
pub(crate) async fn carry_out(
    context: &Context,
    connection: &Connection,
    installation: &Installation,
    open: OpenRun,
    admitted: &AdmittedPlan,
    flags: &RunFlags,
) -> CommandResult {
    let run_id = open.run_id.clone();
    let stop = StopSignal::new();
    let caught = signals::listen(&stop)?;
    watch_latch(context, &stop);
    let environment = environment_digest(context);
    let provider = KonnectProvider {
        client: &connection.client,
        kinds: KINDS,
        environment: &environment,
    };
    let surroundings = surroundings(
        context,
        connection,
        admitted.plan(),
        flags.rollback_on_failure,
        stop,
        flags.output,
    );
    let mut surroundings = surroundings;
    if let Some(path) = &flags.events {
        surroundings.reporters.push(Box::new(EventLines::open(path)?));
    }
    let state = installation
        .run(open, admitted, &provider, surroundings)
        .await
        .map_err(|error| {
            CommandError::from(error).hint(format!("the journal is whole; to go on: enact resume {run_id}"))
        })?;
    let report = RunReport::of(Some(&run_id), admitted.plan(), &state);
    crate::notify::send(context, installation, &run_id);
    let ahead = Ahead::of(admitted.plan(), Some(&run_id), &state);
    show_report(context, &report, &ahead, flags.output)?;
    Ok(match state.phase {
        RunPhase::Stopped | RunPhase::Running => caught.exit_code(),
        phase @ (RunPhase::Paused | RunPhase::Finished) => report.exit_code(phase),
    })
}

/// Raises the stop signal once somebody turns the latch on, whichever state directory they did it from.
pub(crate) fn watch_latch(context: &Context, stop: &StopSignal) {
    let (path, stop) = (state::latch_file(&context.settings), stop.clone());
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LATCH_BEAT).await;
            if let Some(reason) = state::latch_at(&path) {
                stop.raise(
                    enact_engine::stop::Urgency::AfterCurrent,
                    &format!("everything is stopped: {reason}"),
                );
                return;
            }
        }
    });
}

/// Prints the result: counts for people on standard error, or one document on standard output.
pub(crate) fn show_report(
    context: &Context,
    report: &RunReport,
    ahead: &Ahead,
    output: Output,
) -> Result<(), CommandError> {
    if output == Output::Text {
        views::say(&run_text::closing(context.painter, report, ahead));
        return Ok(());
    }
    views::print_document(report, output).map_err(|error| match &report.run_id {
        Some(run_id) => error.hint(format!("the run is on record: enact runs report {run_id}")),
        None => error,
    })
}

/// How many changes may be under way for so many requests. The client bounds the requests; twice as many changes keep them
/// busy while others wait for the disk. One request at a time means one change at a time.
fn changes_under_way(requests: usize) -> usize {
    if requests == 1 {
        1
    } else {
        requests.saturating_mul(2)
    }
}

/// How a run goes and who is told.
pub(crate) fn surroundings(
    context: &Context,
    connection: &Connection,
    plan: &Plan,
    roll_back_on_failure: bool,
    stop: StopSignal,
    output: Output,
) -> Surroundings {
    let concurrency = changes_under_way(connection.client.concurrency());
    let options = RunOptions::of_resources(concurrency, roll_back_on_failure);
    let reporters: Vec<Box<dyn enact_core::event::Reporter>> = match output {
        Output::Text => vec![Box::new(ProgressLines::new(context.painter, plan))],
        Output::Json | Output::Yaml => Vec::new(),
    };
    Surroundings {
        options,
        reporters,
        stop,
    }
}

/// How taking a run back goes, and who is told.
pub(crate) fn taking_back(
    context: &Context,
    connection: &Connection,
    plan: &Plan,
    stop: StopSignal,
    output: Output,
) -> Surroundings {
    let mut back = surroundings(context, connection, plan, false, stop, output);
    if output == Output::Text {
        back.reporters = vec![Box::new(ProgressLines::undoing(context.painter, plan))];
    }
    back
}

/// The digest of an environment value as it is now.
pub(crate) fn environment_digest<'a>(context: &'a Context) -> impl Fn(&str) -> Option<String> + 'a {
    |variable| enact_konnect::load::environment_digest(variable, &line::LoaderEnvironment(&context.settings))
}

/// A command that runs plans: makes or reads one of the allowed modes, then executes it.
pub(crate) async fn run_mode(
    context: &Context,
    config: &line::ConfigFlags,
    konnect: &KonnectFlags,
    flags: &RunFlags,
    saved: &SavedFlags,
    mode: Mode,
) -> CommandResult {
    let verb = mode.as_str();
    let policies = &mut Policies::in_force(&context.settings, &flags.policy)?;
    if let Some(path) = &saved.plan {
        let plan = read_plan(path)?;
        if mode == Mode::Apply && plan.metadata().mode == Mode::Run {
            return apply_runbook(context, konnect, flags, saved, plan, policies).await;
        }
        check_mode(&plan, mode, path)?;
        check_planned_target(context, konnect, &plan)?;
        let connection = crate::connect::connect(&context.settings, konnect).await?;
        let stdin_taken = path.as_os_str() == "-";
        let told = Told {
            verb,
            flags,
            saved,
            stdin_taken,
        };
        return execute(context, &connection, plan, policies, told).await;
    }
    let desired = line::load_files(&context.settings, config)?;
    show_warnings(context, &desired.warnings);
    let connection = crate::connect::connect(&context.settings, konnect).await?;
    let plan = line::make_plan(&context.settings, &connection, &desired, mode, policies).await?;
    let told = Told {
        verb,
        flags,
        saved,
        stdin_taken: config.takes_stdin(),
    };
    execute(context, &connection, plan, policies, told).await
}

/// A saved plan of a runbook: content decides.
async fn apply_runbook(
    context: &Context,
    konnect: &KonnectFlags,
    flags: &RunFlags,
    saved: &SavedFlags,
    plan: Plan,
    policies: &mut Policies,
) -> CommandResult {
    let stdin_taken = saved.plan.as_ref().is_some_and(|path| path.as_os_str() == "-");
    let told = crate::runbook::Told {
        flags,
        konnect,
        folder: crate::runbook::find_folder(context, plan.id(), None)?,
        read: false,
        ascii: false,
        stdin_taken,
    };
    crate::runbook::execute(context, plan, policies, told).await
}

/// Faults that do not stop the line.
pub(crate) fn show_warnings(context: &Context, warnings: &[enact_core::diagnostic::Diagnostic]) {
    for warning in warnings.iter().take(WARNINGS) {
        views::say(&views::diagnostics::render(context.painter, warning));
    }
    if warnings.len() > WARNINGS {
        views::say(&format!("… and {} more warnings\n", warnings.len() - WARNINGS));
    }
}

/// Which plans a command takes: `apply` also a sync plan that deletes nothing.
fn check_mode(plan: &Plan, mode: Mode, path: &Path) -> Result<(), CommandError> {
    let planned = plan.metadata().mode;
    let deletes = plan.summary().by_action.contains_key("DELETE");
    match (mode, planned) {
        (Mode::Apply, Mode::Sync) if !deletes => {
            views::say("warning: the plan was made for sync; it deletes nothing, so apply runs it\n");
            Ok(())
        }
        (Mode::Apply, Mode::Sync) => Err(CommandError::invalid(
            "apply never deletes, and this sync plan does",
        )
        .hint("run it with `enact sync --plan`, or plan again with --mode apply")),
        (wanted, planned) if wanted == planned => Ok(()),
        (wanted, Mode::Run) => Err(CommandError::invalid(format!(
            "this is the plan of a runbook, not one for {wanted}"
        ))
        .hint(format!("run it with: enact run {}", path.display()))),
        (wanted, planned) => Err(CommandError::invalid(format!(
            "this is a plan for {planned}, not for {wanted}"
        ))
        .hint(format!("run it with `enact {planned} --plan`"))),
    }
}

/// A plan for another host is refused before any request; the organisation is checked when there is a connection.
fn check_planned_target(context: &Context, konnect: &KonnectFlags, plan: &Plan) -> Result<(), CommandError> {
    let planned = plan.metadata().target.clone();
    let here = crate::connect::planned_target(&context.settings, konnect)?;
    let here = Target {
        organization: planned.organization.clone(),
        ..here
    };
    if planned == here {
        return Ok(());
    }
    Err(enact_core::gate::GateClosed::OtherTarget {
        planned: Box::new(planned),
        actual: Box::new(here),
    }
    .into())
}
