//! `enact runbook import`: a plan in Markdown as YAML, with everything that was not clear.

use std::path::PathBuf;

use clap::Args;
use enact_core::diagnostic::Severity;
use enact_core::exit::ExitCode;
use enact_runbook::lint::LintFinding;

use super::{Context, give};
use crate::commands::plan::refuse_own_input;
use crate::error::{CommandError, CommandResult};
use crate::runbook::{self, RunbookFlags};
use crate::views;

/// Turn a plan in Markdown into YAML, and say what was not clear
#[derive(Debug, Args)]
#[command(
    after_help = "The YAML compiles to the same plan as the Markdown does. Three shapes are read: enact's own, plans of three phases,
and implementation plans of tasks. What could be meant otherwise is listed with its line; where it would be executed it
is an error (exit code 3), and nothing is written.

Examples:
  enact runbook import plan.md
  enact runbook import docs/plans/2026-11-20-greeting.md -o greeting.plan.yaml"
)]
pub(crate) struct ImportArgs {
    /// The Markdown file; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write to this file instead of standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    output_file: Option<PathBuf>,
}

pub(super) fn run(context: &Context, args: &ImportArgs) -> CommandResult {
    refuse_own_input(args.output_file.as_deref(), &[&args.file])?;
    let opened = runbook::open(&args.file, &RunbookFlags::default())?;
    match enact_runbook::import::import(&opened.source) {
        Ok(imported) => {
            views::say(&notes(&imported.notes));
            give(args.output_file.as_deref(), &imported.yaml)?;
            Ok(ExitCode::Ok)
        }
        Err(findings) => {
            let is_error = |finding: &&LintFinding| finding.diagnostic.severity == Severity::Error;
            let count = findings.iter().filter(is_error).count();
            let faults = findings
                .iter()
                .filter(is_error)
                .map(|finding| finding.diagnostic.clone());
            let faults = faults.collect();
            let others: Vec<LintFinding> = findings
                .iter()
                .filter(|found| !is_error(found))
                .cloned()
                .collect();
            views::say(&notes(&others));
            Err(CommandError {
                faults,
                ..CommandError::invalid(format!(
                    "{} cannot be imported: {count} {}",
                    context.painter.strong(&opened.source.name),
                    if count == 1 {
                        "place is not clear"
                    } else {
                        "places are not clear"
                    }
                ))
            })
        }
    }
}

/// One line for each: `plan.md:12:1: note`.
fn notes(findings: &[LintFinding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let place = finding.diagnostic.place.as_ref();
        let file = place.map_or("", |place| place.file.as_str());
        let at = place
            .and_then(|place| place.position)
            .map_or_else(String::new, |at| format!(":{}:{}", at.line, at.column));
        text.push_str(&format!("{file}{at}: {}\n", finding.diagnostic.summary));
    }
    text
}
