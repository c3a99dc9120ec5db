//! `enact man`: the manual page.

use clap::{Args, CommandFactory as _};
use enact_core::exit::ExitCode;

use crate::cli::Cli;
use crate::error::{CommandError, CommandResult};
use crate::views;

/// Print the manual page of enact, or of one command
#[derive(Debug, Args)]
#[command(after_help = "Example:
  enact man apply | man -l -")]
pub(crate) struct ManArgs {
    /// The command; default: enact itself
    command: Option<String>,
}

pub(crate) fn run(args: &ManArgs) -> CommandResult {
    let mut whole = Cli::command();
    whole.build();
    let command = match &args.command {
        None => whole,
        Some(name) => whole.find_subcommand(name).cloned().ok_or_else(|| {
            CommandError::invalid(format!("there is no command {name:?}")).hint("enact --help lists them")
        })?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    views::print(&String::from_utf8_lossy(&page))?;
    Ok(ExitCode::Ok)
}
