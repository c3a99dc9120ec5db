//! `enact runbook`: documents before they are plans.

mod advise;
mod export;
mod graph;
mod import;
mod new;
mod questions;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use enact_core::diagnostic::{Diagnostic, Severity};
use enact_core::plan::Plan;

use super::plan::write_private;
use super::{Context, show};
use crate::connect::KonnectFlags;
use crate::error::{CommandError, CommandResult};
use crate::policy::{Policies, PolicyFlags};
use crate::runbook::{self, RunbookFlags};
use crate::views;

/// Begin, import, export and look at runbooks
#[derive(Debug, Args)]
#[command(
    after_help = "None of these runs anything. A plan is made with `enact plan -f RUNBOOK`, and checked with `enact check`.

Examples:
  enact runbook new move-users -o move-users.plan.yaml
  enact runbook import docs/plans/2026-11-20-greeting.md
  enact runbook questions move-users.plan.yaml
  enact runbook graph move-users.plan.yaml --format mermaid"
)]
pub(crate) struct RunbookArgs {
    #[command(subcommand)]
    command: RunbookCommand,
}

#[derive(Debug, Subcommand)]
enum RunbookCommand {
    New(new::NewArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    Graph(graph::GraphArgs),
    Advise(advise::AdviseArgs),
    Questions(questions::QuestionsArgs),
}

pub(crate) async fn run(context: &Context, args: RunbookArgs) -> CommandResult {
    match args.command {
        RunbookCommand::New(args) => new::run(&args),
        RunbookCommand::Import(args) => import::run(context, &args),
        RunbookCommand::Export(args) => export::run(context, args).await,
        RunbookCommand::Graph(args) => graph::run(context, args).await,
        RunbookCommand::Advise(args) => advise::run(&args),
        RunbookCommand::Questions(args) => questions::run(context, &args),
    }
}

/// Writes a result to a file, or to standard output.
fn give(path: Option<&Path>, text: &str) -> Result<(), CommandError> {
    match path {
        Some(path) => write_private(path, text.as_bytes()),
        None => views::print_text(text),
    }
}

/// Faults of a document that cannot be read.
fn unreadable(faults: Vec<Diagnostic>) -> CommandError {
    let count = faults
        .iter()
        .filter(|fault| fault.severity == Severity::Error)
        .count();
    let message = format!(
        "{count} {} in the runbook",
        if count == 1 { "fault" } else { "faults" }
    );
    CommandError {
        faults,
        ..CommandError::invalid(message)
    }
}

/// Flags of commands that show a runbook or a plan.
#[derive(Debug, Args)]
struct WhatFlags {
    /// A runbook, a saved plan, or the id of a plan that is kept here
    #[arg(value_name = "RUNBOOK|PLAN")]
    what: String,
    #[command(flatten)]
    runbook: RunbookFlags,
    #[command(flatten)]
    konnect: KonnectFlags,
}

/// The plan that is meant: of a runbook it is made, and kept nowhere.
async fn plan_of(context: &Context, flags: &WhatFlags) -> Result<Plan, CommandError> {
    let path = PathBuf::from(&flags.what);
    if !runbook::is_runbook_file(&path) {
        return show::find(context, &flags.what);
    }
    let mut policies = Policies::in_force(&context.settings, &PolicyFlags::default())?;
    let (plan, _) = runbook::plan(context, &path, &flags.runbook, &flags.konnect, &mut policies).await?;
    Ok(plan)
}
