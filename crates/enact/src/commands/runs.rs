//! `enact runs`: what happened, from the journal; also after a kill.

use clap::{Args, Subcommand};
use enact_core::exit::ExitCode;
use enact_core::journal::{RunPhase, RunState};
use enact_core::report::{ChangeOutcome, RunReport};
use enact_engine::installation::Installation;
use enact_engine::store::{RunRow, find_run};

use super::Context;
use super::resume::plan_of;
use crate::cli::Output;
use crate::error::{CommandError, CommandResult};
use crate::state;
use crate::views::{self, run_text};

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
    /// Every entry of a run's journal, one JSON object a line
    Log {
        /// The run (its first digits are enough)
        run: String,
    },
    /// The result of a run as a document (enact.run/v1)
    Report {
        /// The run (its first digits are enough)
        run: String,
        /// The form of the result
        #[arg(long, value_enum, default_value_t = Output::Json)]
        output: Output,
    },
    /// Check the hash chain of a run's journal
    Verify {
        /// The run (its first digits are enough)
        run: String,
    },
    /// What to do next about a run
    Next {
        /// The run (its first digits are enough)
        run: String,
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
        RunsCommand::Log { run } => log(&installation, &run),
        RunsCommand::Report { run, output } => {
            let (report, _, _) = report_of(&installation, &run)?;
            views::print_document(&report, output)?;
            Ok(ExitCode::Ok)
        }
        RunsCommand::Verify { run } => verify(&installation, &run),
        RunsCommand::Next { run } => next(&installation, &run),
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
fn word(state: &RunState, row: &RunRow) -> String {
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
        RunPhase::Running | RunPhase::Finished if row.is_held(state::now()) => "running",
        RunPhase::Running | RunPhase::Finished => "interrupted",
    }
    .to_owned()
}

fn report_of(
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
    for change in &report.changes {
        let outcome = serde_json::to_value(change.outcome)?;
        let outcome = outcome.as_str().unwrap_or_default().replace('_', " ");
        let verified = match (change.outcome, change.verified) {
            (ChangeOutcome::Done, true) => ", verified",
            (ChangeOutcome::Done, false) => ", not verified",
            _ => "",
        };
        text.push_str(&format!("- {}: {outcome}{verified}", change.change_id));
        if let Some(reason) = &change.reason {
            text.push_str(&format!(": {reason}"));
        }
        text.push('\n');
        for mismatch in &change.mismatches {
            text.push_str(&format!("    {mismatch}\n"));
        }
    }
    text.push_str(&run_text::closing(context.painter, &report));
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

fn verify(installation: &Installation, prefix: &str) -> CommandResult {
    let row = find_run(installation.store.as_ref(), prefix)?;
    let (entries, _) = state::journal(installation, &row.run_id)?;
    views::print(&format!(
        "The journal of run {} is whole: {} entries.\n",
        row.run_id,
        entries.len()
    ))?;
    Ok(ExitCode::Ok)
}

fn next(installation: &Installation, prefix: &str) -> CommandResult {
    let (report, state, row) = report_of(installation, prefix)?;
    let unsettled: Vec<&str> = report
        .changes
        .iter()
        .filter(|change| matches!(change.outcome, ChangeOutcome::Unknown | ChangeOutcome::Stuck))
        .map(|change| change.change_id.as_str())
        .collect();
    let text = match (word(&state, &row).as_str(), unsettled.is_empty()) {
        ("running", _) => format!(
            "It is under way in {}.\n",
            row.holder.map(|holder| holder.to_string()).unwrap_or_default()
        ),
        ("verified", _) => "Nothing: everything was done and verified.\n".to_owned(),
        ("rolled back", _) => "Nothing: what was done was taken back. Plan again to start anew.\n".to_owned(),
        _ if state.is_rolling_back() => {
            format!(
                "It is being taken back. To take back the rest: enact rollback {}\n",
                row.run_id
            )
        }
        ("stopped" | "paused" | "interrupted", _) => format!("To go on: enact resume {}\n", row.run_id),
        (_, false) => format!(
            "Settle: {}. `enact resume {}` looks again.\n",
            unsettled.join(", "),
            row.run_id
        ),
        (_, true) => "Plan again: what was done stays done.\n".to_owned(),
    };
    views::print_text(&text)?;
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
