//! `enact check`: everything that is to be said about a runbook before anybody is asked to approve it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use enact_core::diagnostic::Severity;
use enact_core::exit::ExitCode;

use super::Context;
use crate::connect::KonnectFlags;
use crate::error::{CommandError, CommandResult};
use crate::policy::{Policies, PolicyFlags};
use crate::runbook::{self, RunbookFlags};
use crate::views;
use crate::views::lint_report;

/// The form of the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people, each with its place.
    Text,
    /// One JSON document (enact.check/v1).
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// Whether advice fails the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// It does.
    Warnings,
}

/// Check a runbook: its form, its references, and the rules a good one keeps
#[derive(Debug, Args)]
#[command(
    after_help = "Rules that begin with E_ block planning; W_ is advice, which a step or the document declines with
`lint: { allow: [RULE] }`. Exit code 3 when there is an error.

Examples:
  enact check deploy.plan.yaml
  enact check plans/*.md --deny warnings
  enact check deploy.plan.yaml --output sarif > findings.sarif"
)]
pub(crate) struct CheckArgs {
    /// Runbooks in YAML or Markdown; `-` is standard input
    #[arg(value_name = "RUNBOOK", required = true)]
    files: Vec<PathBuf>,
    /// Fail on advice too
    #[arg(long, value_enum)]
    deny: Option<Deny>,
    /// The form of the findings
    #[arg(long, value_enum, default_value_t = Form::Text)]
    output: Form,
    #[command(flatten)]
    runbook: RunbookFlags,
    #[command(flatten)]
    konnect: KonnectFlags,
}

pub(crate) async fn run(context: &Context, args: CheckArgs) -> CommandResult {
    let policies = &mut Policies::in_force(&context.settings, &PolicyFlags::default())?;
    let mut findings = Vec::new();
    for file in &args.files {
        let opened = runbook::open(file, &args.runbook)?;
        let report = runbook::check(context, &opened, &args.runbook, &args.konnect, policies).await?;
        findings.extend(report.findings);
    }
    let count = |severity| {
        let matching = findings
            .iter()
            .filter(|finding| finding.diagnostic.severity == severity);
        matching.count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    match args.output {
        Form::Text => {
            views::print_text(&lint_report::text(context.painter, &findings))?;
            views::say(&format!(
                "{}: {}, {}\n",
                counted(args.files.len(), "runbook"),
                counted(errors, "error"),
                counted(warnings, "warning")
            ));
        }
        Form::Json => views::print_document(&lint_report::json(&findings), crate::cli::Output::Json)?,
        Form::Sarif => views::print_document(&lint_report::sarif(&findings), crate::cli::Output::Json)?,
    }
    let fails = errors > 0 || (warnings > 0 && args.deny == Some(Deny::Warnings));
    if !fails {
        return Ok(ExitCode::Ok);
    }
    Err(CommandError::invalid("the runbook is not ready to be planned")
        .hint("every finding above names its place"))
}

/// `1 warning`, `2 warnings`.
fn counted(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}
