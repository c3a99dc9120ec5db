//! `enact policy`: look at, test and try policies before they judge anything.

use clap::{Args, Subcommand};
use enact_core::exit::ExitCode;

use super::Context;
use crate::error::{CommandError, CommandResult};

mod check;
mod eval;
mod init;

/// Check, test and try policies
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  enact policy init policies/          write the built-in policies out, for editing
  enact policy check policies/         what is wrong or doubtful, with places
  enact policy test policies/ -v       run their tests
  enact policy eval policies/ --input plan.json --explain")]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    Check(check::CheckArgs),
    Eval(eval::EvalArgs),
    Init(init::InitArgs),
}

pub(crate) fn run(context: &Context, args: &PolicyArgs) -> CommandResult {
    match &args.command {
        PolicyCommand::Check(args) => check::run(context, args),
        PolicyCommand::Eval(args) => eval::run(context, args),
        PolicyCommand::Init(args) => init::run(args),
    }
}

/// The inside of a policy process (`enact policy-worker`, hidden).
pub(crate) fn work() -> CommandResult {
    enact_engine::policy::worker::serve(std::io::stdin(), std::io::stdout())
        .map_err(|error| CommandError::failed(format!("the policy process lost its parent: {error}")))?;
    Ok(ExitCode::Ok)
}
