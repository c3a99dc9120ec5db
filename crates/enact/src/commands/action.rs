//! `enact action`: the catalog of actions, and what runs inside of a Job.

use std::sync::Arc;

use clap::{Args, Subcommand};
use enact_core::change::Effect;
use enact_core::exit::ExitCode;
use enact_engine::clock::SystemClock;
use enact_kube::catalog::{Catalog, CatalogAction, Parameter, Stage};
use enact_kube::job::{ExitStatus, Performing, REQUEST_VARIABLE, perform};
use tokio_util::sync::CancellationToken;

use super::controller::connect;
use crate::cli::{Command, Output};
use crate::config::Environment;
use crate::error::{CommandError, CommandResult};
use crate::views;

/// The catalog of actions for clusters
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  enact action list
  enact action explain DrainNode")]
pub(crate) struct ActionArgs {
    #[command(subcommand)]
    command: ActionCommand,
}

#[derive(Debug, Subcommand)]
enum ActionCommand {
    /// Every action, with what it is aimed at
    List {
        /// The form of the result
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
    /// One action: its parameters, its rights, its time
    Explain {
        /// Its name
        name: String,
        /// The form of the result
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Inside of a Job: do what ENACT_REQUEST asks for. The exit codes are those of the Job's protocol
    #[command(hide = true)]
    Run,
}

/// Where the cluster reads the termination message.
const TERMINATION: &str = "/dev/termination-log";

/// The exit code of a Job's action; none when it is another command.
pub(crate) fn as_job(command: &Command) -> Option<u8> {
    let Command::Action(args) = command else {
        return None;
    };
    matches!(args.command, ActionCommand::Run).then(|| as_number(job()))
}

fn as_number(status: ExitStatus) -> u8 {
    status as u8
}

fn job() -> ExitStatus {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(perform_job()),
        Err(error) => refused(&error.to_string()),
    }
}

async fn perform_job() -> ExitStatus {
    let environment = Environment::read().ok();
    let Some(request) = environment
        .as_ref()
        .and_then(|environment| environment.get(REQUEST_VARIABLE))
    else {
        return refused(&format!(
            "{REQUEST_VARIABLE} is not set; this command is for the executor's Jobs"
        ));
    };
    let client = match connect(None).await {
        Ok(client) => client,
        Err(error) => return refused(&error.chain.join(": ")),
    };
    let performing = Performing {
        client,
        catalog: Catalog::built_in(),
        clock: Arc::new(SystemClock),
        stop: stop_on_terminate(),
        tell: Box::new(tell),
    };
    let performed = perform(request, performing).await;
    write_message(&performed.message);
    performed.status
}

/// A line of JSON for each stage: the controller reads the way back from it.
fn tell(stage: &Stage) {
    if let Ok(line) = serde_json::to_string(stage) {
        // Whoever reads it may be gone; the action goes on.
        let _written = views::print(&format!("{line}\n"));
    }
}

fn refused(why: &str) -> ExitStatus {
    let report = enact_kube::job::Report {
        v: 1,
        code: "refused".to_owned(),
        msg: why.to_owned(),
        ..enact_kube::job::Report::default()
    };
    write_message(&enact_kube::job::write_report(&report));
    ExitStatus::Refused
}

/// Where no kubelet has put a file for it, the last line of the log stands for it; no file is made.
fn write_message(message: &str) {
    use std::io::Write as _;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(TERMINATION);
    if file
        .and_then(|mut file| file.write_all(message.as_bytes()))
        .is_err()
    {
        let _written = views::print(&format!("{message}\n"));
    }
}

/// The cluster's wish to end the pod.
fn stop_on_terminate() -> CancellationToken {
    let stop = CancellationToken::new();
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        let stop = stop.clone();
        tokio::spawn(async move {
            terminate.recv().await;
            stop.cancel();
        });
    }
    stop
}

pub(crate) fn run(args: &ActionArgs) -> CommandResult {
    let catalog = Catalog::built_in();
    match &args.command {
        ActionCommand::List { output } => list(&catalog, *output)?,
        ActionCommand::Explain { name, output } => explain(&catalog, name, *output)?,
        ActionCommand::Run => {}
    }
    Ok(ExitCode::Ok)
}

/// An action, for programs (`enact.catalog/v1`).
#[derive(serde::Serialize)]
struct Entry {
    name: String,
    version: String,
    kind: String,
    effect: Effect,
    about: String,
    timeout_seconds: u64,
    typical_seconds: u64,
    account: String,
    parameters: Vec<Takes>,
    rights: Vec<String>,
}

#[derive(serde::Serialize)]
struct Takes {
    name: String,
    is: String,
    required: bool,
    default: Option<serde_json::Value>,
    about: String,
}

fn entry(action: &dyn CatalogAction) -> Entry {
    let about = action.about();
    let takes = |parameter: Parameter| Takes {
        is: parameter.shape.describe(),
        name: parameter.name,
        required: parameter.required,
        default: parameter.default,
        about: parameter.about,
    };
    let right = |right: &enact_kube::catalog::Right| {
        let of = if right.group.is_empty() {
            String::new()
        } else {
            format!("{}/", right.group)
        };
        format!("{of}{}: {}", right.resource, right.verbs.join(", "))
    };
    Entry {
        name: about.name.to_string(),
        version: format!("v{}", about.version),
        kind: about.kind.to_owned(),
        effect: about.effect,
        about: about.about.to_string(),
        timeout_seconds: about.timeout.as_secs(),
        typical_seconds: about.typical.as_secs(),
        account: about.account(),
        parameters: action.parameters().into_iter().map(takes).collect(),
        rights: about.rights.iter().map(right).collect(),
    }
}

fn list(catalog: &Catalog, output: Output) -> Result<(), CommandError> {
    let entries: Vec<Entry> = catalog.list().map(|action| entry(action.as_ref())).collect();
    if output != Output::Text {
        return views::print_document(&entries, output);
    }
    for entry in entries {
        views::print(&format!(
            "{:<18} {:<11} {}\n",
            entry.name, entry.kind, entry.about
        ))?;
    }
    Ok(())
}

fn explain(catalog: &Catalog, name: &str, output: Output) -> Result<(), CommandError> {
    let action = catalog
        .get(name)
        .ok_or_else(|| CommandError::invalid(catalog.unknown(name)).hint("all of them: enact action list"))?;
    let entry = entry(action.as_ref());
    if output != Output::Text {
        return views::print_document(&entry, output);
    }
    let mut text = format!("{} {}: {}\n", entry.name, entry.version, entry.about);
    text.push_str(&format!("On: a {}\n", entry.kind));
    text.push_str(&format!(
        "Time: usually {} s, at most {} s unless a request asks for more\n",
        entry.typical_seconds, entry.timeout_seconds
    ));
    text.push_str("Parameters:\n");
    for takes in &entry.parameters {
        let need = match (&takes.default, takes.required) {
            (_, true) => " (required)".to_owned(),
            (Some(default), false) => format!(" (default {default})"),
            (None, false) => String::new(),
        };
        text.push_str(&format!(
            "  {}: {}{need}; {}\n",
            takes.name, takes.is, takes.about
        ));
    }
    if entry.parameters.is_empty() {
        text.push_str("  none\n");
    }
    text.push_str(&format!("Runs as {}, which may:\n", entry.account));
    for right in &entry.rights {
        text.push_str(&format!("  {right}\n"));
    }
    views::print(&text)
}
