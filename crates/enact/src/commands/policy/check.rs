//! `enact policy check`: does it compile, does it call only what there is, is there anything doubtful.

use std::path::PathBuf;

use clap::Args;
use enact_core::exit::ExitCode;
use enact_engine::policy::bundle::Bundle;
use enact_engine::policy::syntax::RegoVersion;
use enact_engine::policy::test_run::check;

use super::super::Context;
use super::Shown;
use crate::error::CommandResult;
use crate::policy::worker_program;
use crate::views;

/// Compile policies and say what is wrong or doubtful, with places
#[derive(Debug, Args)]
#[command(
    after_help = "Unknown functions, rules that use themselves, and `deny[x] if` (which makes an object, not a set) are
found here, not when a rule is reached. Files of tests are compiled too. Exit code 3 when something is wrong.

Example:
  enact policy check policies/"
)]
pub(crate) struct CheckArgs {
    /// The directory of the policies, or one .rego file
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(context: &Context, args: &CheckArgs) -> CommandResult {
    let shown = Shown::new(std::slice::from_ref(&args.path));
    let bundle = Bundle::read(&args.path).map_err(|fault| shown.unusable(vec![fault]))?;
    let loaded = check(&worker_program()?, &bundle).map_err(|faults| shown.unusable(faults))?;
    for warning in &loaded.warnings {
        let warning = shown.placed(warning.clone());
        views::say(&views::diagnostics::render(context.painter, &warning));
    }
    let old: Vec<String> = loaded
        .versions
        .iter()
        .filter(|(_, version)| **version == RegoVersion::V0)
        .map(|(path, _)| shown.name(path))
        .collect();
    if !old.is_empty() {
        views::say(&format!("note: written in Rego v0: {}\n", old.join(", ")));
    }
    views::print_text(&format!(
        "{} files, {} rules, bundle {}\n",
        loaded.versions.len(),
        loaded.rules.len(),
        loaded.digest.short()
    ))?;
    let doubtful = args.strict && !loaded.warnings.is_empty();
    Ok(if doubtful {
        ExitCode::InvalidInput
    } else {
        ExitCode::Ok
    })
}
