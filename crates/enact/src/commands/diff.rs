//! `enact diff`: the difference between files and what is there, or what a saved plan holds.

use std::path::PathBuf;

use clap::Args;
use enact_core::exit::ExitCode;

use super::Context;
use super::plan::PlanMode;
use crate::cli::Output;
use crate::connect::{KonnectFlags, connect};
use crate::error::CommandResult;
use crate::execute::{read_plan, show_warnings};
use crate::line::{ConfigFlags, load_files, make_plan};
use crate::policy::{Policies, PolicyFlags};
use crate::views::{self, plan_text};

/// Show the difference between the configuration and what is there
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  enact diff -f portals/ --mode sync
  enact diff --plan plan.json --full-content")]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    config: ConfigFlags,
    /// Show a saved plan instead (a file, or `-`)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["filename", "mode"])]
    plan: Option<PathBuf>,
    /// What kind of difference
    #[arg(long, value_enum, default_value_t = PlanMode::Apply)]
    mode: PlanMode,
    /// Show whole values, however long
    #[arg(long)]
    full_content: bool,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Exit with 2 when there are differences
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    konnect: KonnectFlags,
}

pub(crate) async fn run(context: &Context, args: DiffArgs) -> CommandResult {
    let plan = match &args.plan {
        Some(path) => read_plan(path)?,
        None => {
            let desired = load_files(&context.settings, &args.config)?;
            show_warnings(context, &desired.warnings);
            let connection = connect(&context.settings, &args.konnect).await?;
            let mut policies = Policies::in_force(&context.settings, &PolicyFlags::default())?;
            make_plan(
                &context.settings,
                &connection,
                &desired,
                args.mode.into(),
                &mut policies,
            )
            .await?
        }
    };
    match args.output {
        Output::Text if plan.changes().is_empty() => {
            views::print("No changes detected. Konnect is up to date.\n")?;
        }
        Output::Text => {
            let detail = plan_text::Detail {
                full: args.full_content,
            };
            views::print_text(&plan_text::headline(&plan))?;
            views::print_text(&plan_text::render(context.painter, &plan, detail))?;
        }
        Output::Json => views::print(&String::from_utf8_lossy(&plan.to_bytes()?))?,
        Output::Yaml => views::print_document(&plan, Output::Yaml)?,
    }
    let pending = args.detailed_exitcode && !plan.changes().is_empty();
    Ok(if pending { ExitCode::Pending } else { ExitCode::Ok })
}
