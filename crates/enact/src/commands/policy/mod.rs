//! `enact policy`: look at, test and try policies before they judge anything.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use enact_core::diagnostic::Diagnostic;
use enact_core::exit::ExitCode;

use super::Context;
use crate::error::{CommandError, CommandResult};

mod check;
mod eval;
mod init;
mod test;

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
    Test(test::TestArgs),
}

pub(crate) fn run(context: &Context, args: &PolicyArgs) -> CommandResult {
    match &args.command {
        PolicyCommand::Check(args) => check::run(context, args),
        PolicyCommand::Eval(args) => eval::run(context, args),
        PolicyCommand::Init(args) => init::run(args),
        PolicyCommand::Test(args) => test::run(context, args),
    }
}

/// The inside of a policy process (`enact policy-worker`, hidden).
pub(crate) fn work() -> CommandResult {
    enact_engine::policy::worker::serve(std::io::stdin(), std::io::stdout())
        .map_err(|error| CommandError::failed(format!("the policy process lost its parent: {error}")))?;
    Ok(ExitCode::Ok)
}

/// The names that files of a bundle have for the person who named its directories: paths that can be opened from here.
struct Shown<'a>(Vec<(&'a Path, bool)>);

impl<'a> Shown<'a> {
    /// For a bundle that was read from these paths.
    fn new(paths: &'a [PathBuf]) -> Self {
        Self(paths.iter().map(|path| (path.as_path(), path.is_dir())).collect())
    }

    /// The path of a file of the bundle; the name itself when it is none.
    fn name(&self, file: &str) -> String {
        let found = self.0.iter().find_map(|(path, is_folder)| {
            let inner = path.join(file);
            if *is_folder {
                inner.is_file().then_some(inner)
            } else {
                path.ends_with(file).then(|| path.to_path_buf())
            }
        });
        let shown = found.map_or_else(|| file.to_owned(), |path| path.display().to_string());
        shown.trim_start_matches("./").to_owned()
    }

    /// The fault with the name of its file as it is shown.
    fn placed(&self, mut fault: Diagnostic) -> Diagnostic {
        if let Some(place) = &mut fault.place {
            place.file = self.name(&place.file);
        }
        fault
    }

    /// Policies that cannot be used, with everything that is wrong with them.
    fn unusable(&self, faults: Vec<Diagnostic>) -> CommandError {
        let count = faults.len();
        let message = format!(
            "{count} {} in the policies",
            if count == 1 { "fault" } else { "faults" }
        );
        CommandError {
            faults: faults.into_iter().map(|fault| self.placed(fault)).collect(),
            ..CommandError::invalid(message)
        }
    }
}
