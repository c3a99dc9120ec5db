//! The `enact` binary: parses, dispatches, and turns the result into an exit code.

mod admission;
mod approve;
mod carried;
mod cli;
mod cluster_steps;
mod commands;
mod config;
mod connect;
mod error;
mod execute;
mod hands;
mod line;
mod notify;
mod open_decisions;
mod patience;
mod policy;
mod runbook;
mod signals;
mod signing;
mod state;
mod term;
#[cfg(feature = "kubernetes")]
mod traces;
mod trust;
mod views;
mod way_back;
mod words;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse_from(arguments()) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    if !commands::logs_by_itself(&cli.command) {
        views::start_logging(cli.global.log_level, cli.global.color);
    }
    let painter = views::Painter::of(cli.global.color);
    #[cfg(feature = "kubernetes")]
    if let Some(code) = commands::action::as_job(&cli.command) {
        return ExitCode::from(code);
    }
    match commands::dispatch(cli) {
        Ok(code) => ExitCode::from(code.number()),
        Err(error) => {
            views::failure(&painter, &error);
            ExitCode::from(error.code.number())
        }
    }
}

/// The command line. Called `manager`, as manifests for controllers have it, the program is the controller; the processes that it
/// starts of itself stay what they are.
fn arguments() -> Vec<std::ffi::OsString> {
    let mut words: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let name = words.first().map(std::path::PathBuf::from);
    let called = name.and_then(|path| path.file_name().map(ToOwned::to_owned));
    let inner = words
        .get(1)
        .is_some_and(|word| word == "policy-worker" || word == "supervise");
    if cfg!(feature = "kubernetes") && called == Some("manager".into()) && !inner {
        words.insert(1, "controller".into());
    }
    words
}

/// Help and version are results; anything else is invalid input, with our code instead of clap's.
fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe is no reason to fail differently.
    let _printed = error.print();
    let asked_for = matches!(
        error.kind(),
        clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion
    );
    if asked_for {
        return ExitCode::SUCCESS;
    }
    ExitCode::from(enact_core::exit::ExitCode::InvalidInput.number())
}
