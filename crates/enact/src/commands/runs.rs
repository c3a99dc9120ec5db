//! `enact runs`: what happened, from the journal; also after a kill.

use clap::{Args, Subcommand};
use enact_core::exit::ExitCode;
use enact_core::journal::{ChangeState, RunPhase, RunState};
use enact_core::report::{ChangeOutcome, RunReport};
use enact_engine::installation::Installation;
use enact_engine::store::{RunRow, find_run};
use enact_runbook::report::RunbookReport;

use super::Context;
use super::resume::plan_of;
use crate::cli::Output;
use crate::error::{CommandError, CommandResult};
use crate::state;
use crate::views;
use crate::views::report_text::{self, History};
use crate::views::run_text::{self, Ahead};
use crate::views::runbook_whole::one_line;

/// List runs and show what happened in them
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  enact runs list
  enact runs show 4be0c1
  enact runs log 4be0c1 | tail
  enact runs prune --older-than-days 90")]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    command: RunsCommand,
}

#[derive(Debug, Subcommand)]
enum RunsCommand {
    /// All runs, newest first
    List {
        /// The form of the result
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// What became of each change of a run
    Show {
        /// The run (its first digits are enough)
        run: String,
        /// The form of the result
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Every entry of a run's journal, one JSON object a line; or what one step printed
    Log {
        /// The run (its first digits are enough)
        run: String,
        /// Of a runbook: what this step printed, redacted
        #[arg(long, value_name = "STEP")]
        step: Option<String>,
        /// Which stream
        #[arg(long, value_enum, default_value_t = Stream::Merged, requires = "step")]
        stream: Stream,
    },
    /// The result of a run as a document: enact.run/v1, of a runbook enact.runbook-report/v1
    Report {
        /// The run (its first digits are enough)
        run: String,
        /// The form of the result; text and markdown are for runbooks
        #[arg(long, value_enum, default_value_t = ReportForm::Json)]
        output: ReportForm,
    },
    /// Check the hash chain of a run's journal, and the signatures of people's words in it
    Verify {
        /// The run (its first digits are enough)
        run: String,
    },
    /// What to do next about a run
    Next {
        /// The run (its first digits are enough)
        run: String,
        /// The form of the result: enact.run-next/v1
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Forget finished runs
    Prune {
        /// Those that began at least so many days ago
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36500))]
        older_than_days: u32,
    },
}

pub(crate) fn run(context: &Context, args: RunsArgs) -> CommandResult {
    let installation = state::open(&context.settings)?;
    match args.command {
        RunsCommand::List { output } => list(&installation, output),
        RunsCommand::Show { run, output } => show(context, &installation, &run, output),
        RunsCommand::Log { run, step: None, .. } => log(&installation, &run),
        RunsCommand::Log {
            run,
            step: Some(step),
            stream,
        } => step_log(context, &installation, &run, &step, stream),
        RunsCommand::Report { run, output } => report(context, &installation, &run, output),
        RunsCommand::Verify { run } => verify(context, &installation, &run),
        RunsCommand::Next { run, output } => super::runs_next::next(context, &installation, &run, output),
        RunsCommand::Prune { older_than_days } => prune(&installation, older_than_days),
    }
}

/// One line of the list.
#[derive(serde::Serialize)]
struct Listed {
    run_id: String,
    plan_id: String,
    created_at: String,
    target: String,
    state: String,
}

fn list(installation: &Installation, output: Output) -> CommandResult {
    let mut rows = Vec::new();
    for row in installation.store.runs()? {
        // One damaged journal hides no other run.
        let standing = match state::journal(installation, &row.run_id) {
            Ok((_, state)) => word(&state, &row),
            Err(_) => "damaged".to_owned(),
        };
        rows.push(Listed {
            run_id: row.run_id.to_string(),
            plan_id: row.plan_id.to_string(),
            created_at: row.created_at.to_string(),
            target: row.target.clone(),
            state: standing,
        });
    }
    if output != Output::Text {
        views::print_document(&rows, output)?;
        return Ok(ExitCode::Ok);
    }
    if rows.is_empty() {
        views::say("There are no runs yet.\n");
    }
    for row in rows {
        let plan = row
            .plan_id
            .strip_prefix("sha256:")
            .unwrap_or(&row.plan_id)
            .chars()
            .take(12)
            .collect::<String>();
        let when = row.created_at.chars().take(19).collect::<String>();
        views::print_text(&format!(
            "{}  {when}Z  {:<12}  plan {plan}  {}\n",
            row.run_id, row.state, row.target
        ))?;
    }
    Ok(ExitCode::Ok)
}

/// How a run stands, in one word.
pub(super) fn word(state: &RunState, row: &RunRow) -> String {
    if let Some(outcome) = state.outcome {
        let word = serde_json::to_value(outcome).ok();
        return word
            .as_ref()
            .and_then(|word| word.as_str())
            .unwrap_or("finished")
            .replace('_', " ");
    }
    match state.phase {
        RunPhase::Stopped => "stopped",
        RunPhase::Paused => "paused",
        RunPhase::Running | RunPhase::Finished if row.is_held(state::now()) => RUNNING,
        RunPhase::Running | RunPhase::Finished => "interrupted",
    }
    .to_owned()
}

/// The word for a run that a process is at.
const RUNNING: &str = "running";

pub(super) fn report_of(
    installation: &Installation,
    prefix: &str,
) -> Result<(RunReport, RunState, RunRow), CommandError> {
    let row = find_run(installation.store.as_ref(), prefix)?;
    let (_, state) = state::journal(installation, &row.run_id)?;
    let plan = plan_of(installation, &row.run_id)?;
    Ok((RunReport::of(Some(&row.run_id), &plan, &state), state, row))
}

fn show(context: &Context, installation: &Installation, prefix: &str, output: Output) -> CommandResult {
    let (report, state, row) = report_of(installation, prefix)?;
    if output != Output::Text {
        views::print_document(&report, output)?;
        return Ok(ExitCode::Ok);
    }
    let mut text = format!(
        "Run {}: {}\nPlan {} for {}\n",
        row.run_id,
        word(&state, &row),
        row.plan_id.short(),
        row.target
    );
    let is_live = word(&state, &row) == RUNNING;
    for change in &report.changes {
        let outcome = serde_json::to_value(change.outcome)?;
        let mut outcome = outcome.as_str().unwrap_or_default().replace('_', " ");
        // Somebody is at it, who knows.
        if is_live && state.of(&change.change_id) == ChangeState::Started {
            "under way".clone_into(&mut outcome);
        }
        let verified = match (change.outcome, change.verified) {
            (ChangeOutcome::Done, true) => ", verified",
            (ChangeOutcome::Done, false) => ", not verified",
            _ => "",
        };
        text.push_str(&format!("- {}: {outcome}{verified}", change.change_id));
        if let Some(reason) = &change.reason {
            text.push_str(&format!(": {}", one_line(reason)));
        }
        text.push('\n');
        for mismatch in &change.mismatches {
            text.push_str(&format!("    {mismatch}\n"));
        }
    }
    if is_live {
        let holder = row.holder.as_ref().map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!("\nIt is under way in {holder}.\n"));
    } else {
        let plan = plan_of(installation, &row.run_id)?;
        let ahead = Ahead::of(&plan, Some(&row.run_id), &state);
        text.push_str(&run_text::closing(context.painter, &report, &ahead));
    }
    views::print_text(&text)?;
    Ok(ExitCode::Ok)
}

fn log(installation: &Installation, prefix: &str) -> CommandResult {
    let row = find_run(installation.store.as_ref(), prefix)?;
    let mut text = String::new();
    for entry in state::journal(installation, &row.run_id)?.0 {
        text.push_str(&serde_json::to_string(&entry)?);
        text.push('\n');
    }
    views::print(&text)?;
    Ok(ExitCode::Ok)
}

fn verify(context: &Context, installation: &Installation, prefix: &str) -> CommandResult {
    let row = find_run(installation.store.as_ref(), prefix)?;
    let (entries, _) = state::journal(installation, &row.run_id)?;
    installation.store.look_through()?;
    plan_of(installation, &row.run_id)?;
    views::print(&format!(
        "The journal of run {} is whole: {} entries.\n",
        row.run_id,
        entries.len()
    ))?;
    let trust = crate::trust::read(&context.settings)?;
    let worthless = enact_engine::signature::words::worthless_words(&entries, &trust);
    for word in &worthless {
        views::say(&format!("{}\n", crate::words::in_words(word)));
    }
    if !worthless.is_empty() {
        return Err(CommandError::new(
            ExitCode::NotApproved,
            format!("{} of the words in it count for nothing", worthless.len()),
        )
        .hint("whose keys count stands in the file that [approvals] allowed-signers names"));
    }
    Ok(ExitCode::Ok)
}

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ReportForm {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// The same as YAML.
    Yaml,
    /// For a wiki or a pull request.
    Markdown,
}

/// What a step printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Stream {
    /// Both, in the order seen.
    Merged,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// The most earlier runs that estimates are learned from.
const HISTORY: usize = 50;

fn report(context: &Context, installation: &Installation, prefix: &str, form: ReportForm) -> CommandResult {
    let row = find_run(installation.store.as_ref(), prefix)?;
    let plan = plan_of(installation, &row.run_id)?;
    let Ok(document) = enact_runbook::provider::document_of(&plan) else {
        let (report, _, _) = report_of(installation, prefix)?;
        let output = if form == ReportForm::Yaml {
            Output::Yaml
        } else {
            Output::Json
        };
        views::print_document(&report, output)?;
        return Ok(ExitCode::Ok);
    };
    let (entries, state) = state::journal(installation, &row.run_id)?;
    let mut report = RunbookReport::of(&plan, &document, &entries, state::now())
        .map_err(|error| CommandError::from_error(ExitCode::Failed, &error))?;
    report.add_approvals(&installation.store.approvals_of(plan.id())?);
    match form {
        ReportForm::Json => views::print_document(&report, Output::Json)?,
        ReportForm::Yaml => views::print_document(&report, Output::Yaml)?,
        ReportForm::Markdown => views::print_text(&report_text::markdown(&report))?,
        ReportForm::Text => {
            let history = history(installation, &row)?;
            let result = views::runbook_report::word(&plan, &state);
            views::print_text(&report_text::text(
                context.painter,
                context.is_ascii(),
                &report,
                result,
                &history,
            ))?;
        }
    }
    Ok(ExitCode::Ok)
}

/// What earlier runs of runbooks of the same name took.
fn history(installation: &Installation, this: &RunRow) -> Result<History, CommandError> {
    let mut history = History::default();
    let rows = installation.store.runs()?;
    let others = rows
        .iter()
        .filter(|row| row.target == this.target && row.run_id != this.run_id);
    for row in others.take(HISTORY) {
        let Ok(plan) = plan_of(installation, &row.run_id) else {
            continue;
        };
        let Ok(document) = enact_runbook::provider::document_of(&plan) else {
            continue;
        };
        let Ok((entries, _)) = state::journal(installation, &row.run_id) else {
            continue;
        };
        if let Ok(report) = RunbookReport::of(&plan, &document, &entries, state::now()) {
            history.add(&report);
        }
    }
    Ok(history)
}

/// What the newest attempt at a step printed.
fn step_log(
    context: &Context,
    installation: &Installation,
    prefix: &str,
    step: &str,
    stream: Stream,
) -> CommandResult {
    let row = find_run(installation.store.as_ref(), prefix)?;
    let plan = plan_of(installation, &row.run_id)?;
    let change_id = enact_core::change::ChangeId::from(step);
    let number = plan
        .change(&change_id)
        .and_then(|change| change.spec.as_ref()?.get("number")?.as_u64())
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| CommandError::invalid(format!("run {} has no step {step}", row.run_id)))?;
    let runs = context.settings.state_dir.join("runs");
    let folder = enact_runbook::provider::step_folder(&runs, &row.run_id, number, &change_id);
    let name = match stream {
        Stream::Merged => "merged.log",
        Stream::Stdout => "stdout.log",
        Stream::Stderr => "stderr.log",
    };
    let newest = enact_runbook::provider::newest_attempt(&folder)
        .ok_or_else(|| CommandError::invalid(format!("{step} of run {} has printed nothing", row.run_id)))?;
    let read = match std::fs::read(newest.join(name)) {
        // A log is made with its first byte.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    };
    let bytes =
        read.map_err(|error| CommandError::failed(format!("{}: {error}", newest.join(name).display())))?;
    views::print_text(&enact_runbook::process::display(&bytes))?;
    Ok(ExitCode::Ok)
}

fn prune(installation: &Installation, days: u32) -> CommandResult {
    let age = jiff::SignedDuration::from_hours(i64::from(days) * 24);
    let before = state::now()
        .checked_sub(age)
        .map_err(|_| CommandError::invalid(format!("{days} days ago is before all time")))?;
    let pruned = installation.store.prune(before)?;
    views::say(&format!(
        "Forgot {pruned} finished runs that began before {before}.\n"
    ));
    Ok(ExitCode::Ok)
}
