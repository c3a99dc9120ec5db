//! `enact runbook export`: a plan for reading.

use std::path::PathBuf;

use clap::Args;
use enact_core::exit::ExitCode;
use enact_runbook::provider::document_of;

use super::{Context, WhatFlags, give, plan_of};
use crate::commands::plan::refuse_own_input;
use crate::error::{CommandError, CommandResult};

/// Render a plan for reading, with its id
#[derive(Debug, Args)]
#[command(
    after_help = "An export is never an input: nothing runs from it, and reading it back is refused. Of a runbook the plan is made
and not kept; `enact plan` keeps it.

Examples:
  enact runbook export 3f9c21aa04be > plan.md
  enact runbook export move-users.plan.yaml -o review.md
  enact runbook export plan.json --json"
)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    what: WhatFlags,
    /// As Markdown; this is the default
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// As the plan's own JSON
    #[arg(long)]
    json: bool,
    /// Write to this file instead of standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    output_file: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, args: ExportArgs) -> CommandResult {
    refuse_own_input(args.output_file.as_deref(), &[&args.what.what])?;
    let plan = plan_of(context, &args.what).await?;
    let text = if args.json {
        String::from_utf8_lossy(&plan.to_bytes()?).into_owned()
    } else {
        let document = document_of(&plan).map_err(|error| {
            CommandError::from_error(ExitCode::InvalidInput, &error)
                .hint("of other plans: enact show PLAN, or --json")
        })?;
        enact_runbook::export::markdown(&plan, &document)
    };
    give(args.output_file.as_deref(), &text)?;
    Ok(ExitCode::Ok)
}
