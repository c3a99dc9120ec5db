//! Secrets that a program prints (`exec:["pass", "show", "db"]`): asked once, before anything of the runbook runs.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use enact_core::secret::Secret;
use enact_runbook::process::environment;
use enact_runbook::provider::secret_command;
use enact_runbook::spec::Document;

use super::carry_out::FromCommands;
use crate::error::CommandError;
use crate::patience::ended_within;

/// How long such a program may take: it may ask a person for a passphrase or a touch.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long its output may stay open after it ended.
const LAST_OUTPUT: Duration = Duration::from_secs(5);

/// The longest secret, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// Runs every program that a secret comes from, while every pinned file is as it was approved.
pub(super) fn run_commands(
    document: &Document,
    environment: &BTreeMap<String, String>,
    folder: &Path,
) -> Result<FromCommands, CommandError> {
    let mut values = FromCommands::new();
    for (name, parameter) in &document.parameters {
        let Some(argv) = parameter.from.as_deref().and_then(secret_command) else {
            continue;
        };
        enact_runbook::provider::as_pinned(document, folder).map_err(|why| {
            CommandError::invalid(format!("the secret {name} is not asked for from {argv:?}: {why}"))
                .hint("put the file back as it was")
        })?;
        let value = run(&argv, environment, folder).map_err(|why| {
            CommandError::invalid(format!("the secret {name} cannot be had from {argv:?}: {why}"))
        })?;
        values.insert(name.clone(), value);
    }
    Ok(values)
}

fn run(
    argv: &[String],
    environment: &BTreeMap<String, String>,
    folder: &Path,
) -> Result<Secret<String>, String> {
    let (program, arguments) = argv.split_first().ok_or("no program is named")?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(environment::base(environment))
        .current_dir(folder)
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let output = child.stdout.take().ok_or("its output cannot be read")?;
    let (read, text) = channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let result = output.take(MAX_SECRET + 1).read_to_string(&mut text);
        // Nobody waits for it any more when it comes too late.
        let _sent = read.send(result.map(|_| text));
    });
    let ended = ended_within(&mut child, PATIENCE).map_err(|error| error.to_string())?;
    let status = ended.ok_or_else(|| format!("it took longer than {} s", PATIENCE.as_secs()))?;
    let text = text
        .recv_timeout(LAST_OUTPUT)
        .map_err(|_| "a process that it left behind holds on to its output".to_owned())?
        .map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(format!("it ended with {status}"));
    }
    if text.len() as u64 > MAX_SECRET {
        return Err(format!("it printed more than {MAX_SECRET} bytes"));
    }
    Ok(Secret::new(text.trim_end_matches(['\n', '\r']).to_owned()))
}
