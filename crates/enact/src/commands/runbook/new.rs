//! `enact runbook new`: a small runbook to begin with.

use std::path::PathBuf;

use clap::Args;
use enact_core::exit::ExitCode;
use enact_runbook::scaffold;

use super::{give, unreadable};
use crate::error::{CommandError, CommandResult};
use crate::views;

/// Write a small runbook to begin with; it passes `enact check`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  enact runbook new move-users -o move-users.plan.yaml
  enact runbook new move-users --markdown -o move-users.plan.md")]
pub(crate) struct NewArgs {
    /// Its name: small letters, digits and `-`
    #[arg(value_name = "NAME")]
    name: String,
    /// In Markdown instead of YAML
    #[arg(long)]
    markdown: bool,
    /// Write to this file, which must not exist, instead of standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    output_file: Option<PathBuf>,
}

pub(super) fn run(args: &NewArgs) -> CommandResult {
    let text = if args.markdown {
        scaffold::markdown(&args.name)
    } else {
        scaffold::yaml(&args.name)
    };
    let text = text.map_err(unreadable)?;
    let path = args.output_file.as_deref();
    if let Some(path) = path.filter(|path| path.symlink_metadata().is_ok()) {
        let error = CommandError::invalid(format!("{} exists already; nothing was written", path.display()));
        return Err(error.hint("name another file"));
    }
    give(path, &text)?;
    if let Some(path) = path {
        let path = path.display();
        views::say(&format!("Wrote {path}. Next: enact check {path}\n"));
    }
    Ok(ExitCode::Ok)
}
