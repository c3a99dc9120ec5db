//! `enact completions`: completion scripts for shells.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use enact_core::exit::ExitCode;

use crate::cli::Cli;
use crate::error::CommandResult;
use crate::views;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example:
  enact completions bash > ~/.local/share/bash-completion/completions/enact")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs) -> CommandResult {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "enact", &mut script);
    views::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Ok)
}
