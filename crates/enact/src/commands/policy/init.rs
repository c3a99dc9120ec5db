//! `enact policy init`: write the built-in bundle out, for editing.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use enact_core::exit::ExitCode;
use enact_engine::policy::default;

use crate::error::{CommandError, CommandResult};
use crate::views;

/// Write the built-in policies and their tests to a directory
#[derive(Debug, Args)]
#[command(
    after_help = "Nothing that exists is overwritten. To put the policies in force, name them in enact.toml:

  [policy]
  path = \"policies\"

Example:
  enact policy init policies/ && enact policy test policies/"
)]
pub(crate) struct InitArgs {
    /// The directory to write to
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(crate) fn run(args: &InitArgs) -> CommandResult {
    let bundle = default::bundle();
    let existing = bundle
        .files()
        .iter()
        .map(|file| args.dir.join(&file.path))
        // A link is there even where it leads to nothing.
        .find(|path| path.symlink_metadata().is_ok());
    if let Some(path) = existing {
        return Err(
            CommandError::invalid(format!("{} exists already; nothing was written", path.display()))
                .hint("name another directory, or move the old files aside"),
        );
    }
    for file in bundle.files() {
        write(&args.dir.join(&file.path), &file.text)?;
    }
    views::say(&format!(
        "Wrote {} files to {}.\n",
        bundle.files().len(),
        args.dir.display()
    ));
    views::say("Settings are in data.yaml. To put them in force, name the directory in enact.toml:\n\n");
    views::say(&format!(
        "  [policy]\n  path = {:?}\n",
        args.dir.display().to_string()
    ));
    Ok(ExitCode::Ok)
}

fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    let failed = |error: std::io::Error| {
        CommandError::failed(format!("{} cannot be written: {error}", path.display()))
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::File::create_new(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(failed)
}
