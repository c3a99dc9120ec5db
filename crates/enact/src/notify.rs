//! `[[notify]]`: tells people that something waits or ended, from the journal, at least once. What could not be sent is sent by the
//! next command that touches the run. A notification can neither change nor stop a run.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use enact_core::journal::{Entry, Fact, RunId, RunOutcome};
use enact_engine::installation::Installation;
use serde::{Deserialize, Serialize};

use crate::commands::Context;
use crate::patience::ended_within;
use crate::{state, views};

/// How long one notification may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most notifications that one command sends.
const MOST: usize = 20;

/// One `[[notify]]` of `enact.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Notify {
    /// A program with its arguments; the notification is a JSON object on its standard input.
    #[serde(default)]
    pub(crate) command: Vec<String>,
    /// An `https://` URL that the same object is posted to.
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// On what; empty: everything.
    #[serde(default)]
    pub(crate) on: Vec<Occasion>,
}

impl Notify {
    /// What can never be delivered: it is said before anything runs.
    pub(crate) fn fault(&self) -> Option<String> {
        let program = self.command.first();
        match (&self.url, program) {
            (None, None) => {
                Some("a [[notify]] has either a command or a url; this one has neither".to_owned())
            }
            (Some(_), Some(_)) => Some("a [[notify]] has either a command or a url, not both".to_owned()),
            (Some(url), None) if !is_secure(url) => {
                Some(format!("[[notify]] url: {url} is not an https:// URL"))
            }
            (None, Some(program)) if program.is_empty() => {
                Some("[[notify]] command names no program".to_owned())
            }
            (Some(_), None) | (None, Some(_)) => None,
        }
    }
}

fn is_secure(url: &str) -> bool {
    url.starts_with("https://")
}

/// What people are told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Occasion {
    /// A person has to confirm.
    Checkpoint,
    /// A person has to decide.
    Escalation,
    /// A delegated step waits.
    Delegated,
    /// The run failed, was rolled back, or was not verified.
    Failed,
    /// The outcome of a step is not known.
    Unknown,
    /// An undo failed.
    Stuck,
    /// Everything was done and verified.
    Done,
}

/// What is sent (`enact.notification/v1`).
#[derive(Debug, Serialize)]
struct Message<'a> {
    format: &'static str,
    on: Occasion,
    run_id: &'a str,
    seq: u64,
    at: String,
    text: String,
}

/// Sends what of a run's journal has not been sent yet. Failures are warnings.
pub(crate) fn send(context: &Context, installation: &Installation, run_id: &RunId) {
    if context.settings.notify.is_empty() {
        return;
    }
    let Ok((entries, _)) = state::journal(installation, run_id) else {
        return;
    };
    let mut problems = Vec::new();
    for (index, target) in context.settings.notify.iter().enumerate() {
        let mark = mark(context, run_id, index);
        let sent: u64 = std::fs::read_to_string(&mark)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0);
        let due = entries
            .iter()
            .filter(|entry| entry.seq > sent)
            .filter_map(|entry| {
                let (on, text) = occasion(entry)?;
                (target.on.is_empty() || target.on.contains(&on)).then_some((entry, on, text))
            });
        for (entry, on, text) in due.take(MOST) {
            let message = Message {
                format: "enact.notification/v1",
                on,
                run_id: &run_id.0,
                seq: entry.seq,
                at: entry.at.to_string(),
                text,
            };
            if let Err(problem) = deliver(context, target, &message) {
                problems.push(problem);
                break;
            }
            remember(&mark, entry.seq);
        }
    }
    if !problems.is_empty() {
        views::say(&not_sent(&problems));
    }
}

/// One line about all that could not be delivered; others may have been told all the same.
fn not_sent(problems: &[String]) -> String {
    let mut different: Vec<&str> = Vec::new();
    for problem in problems {
        if !different.contains(&problem.as_str()) {
            different.push(problem);
        }
    }
    let why = different.join("; ");
    format!("warning: a notification was not delivered ({why}); tried again with the next command\n")
}

fn mark(context: &Context, run_id: &RunId, index: usize) -> PathBuf {
    context
        .settings
        .state_dir
        .join("runs")
        .join(&run_id.0)
        .join(format!("notified-{index}"))
}

fn remember(mark: &std::path::Path, seq: u64) {
    let written = mark
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(mark, seq.to_string()));
    if let Err(error) = written {
        tracing::warn!(%error, "a notification will be sent again");
    }
}

/// What an entry is worth telling.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "people are told of these facts; all others are for the journal"
)]
fn occasion(entry: &Entry) -> Option<(Occasion, String)> {
    Some(match &entry.fact {
        Fact::Held { change_id, hold, .. } => (
            Occasion::Checkpoint,
            format!(
                "run {} waits for a confirmation {} {change_id}",
                entry.run_id,
                hold.at.as_str()
            ),
        ),
        Fact::Escalated { change_id, error, .. } => (
            Occasion::Escalation,
            format!(
                "run {} stopped at {change_id} and needs a decision: {error}",
                entry.run_id
            ),
        ),
        Fact::Delegated { change_id } => (
            Occasion::Delegated,
            format!("run {} waits for somebody to do {change_id}", entry.run_id),
        ),
        Fact::Finished { outcome } => ended(entry, *outcome),
        _ => return None,
    })
}

fn ended(entry: &Entry, outcome: RunOutcome) -> (Occasion, String) {
    let run_id = &entry.run_id;
    match outcome {
        RunOutcome::Verified => (Occasion::Done, format!("run {run_id} is complete and verified")),
        RunOutcome::Unknown => (
            Occasion::Unknown,
            format!("the outcome of a step of run {run_id} is not known"),
        ),
        RunOutcome::Stuck => (Occasion::Stuck, format!("run {run_id} is stuck: an undo failed")),
        RunOutcome::RolledBack => (
            Occasion::Failed,
            format!("run {run_id} failed and was rolled back"),
        ),
        RunOutcome::NotVerified => (
            Occasion::Failed,
            format!("run {run_id} ran, and verification failed"),
        ),
        RunOutcome::Stale | RunOutcome::Drift => (
            Occasion::Failed,
            format!("run {run_id} met a world that is not as planned"),
        ),
        // The run that took it over tells its own story.
        RunOutcome::Superseded => (
            Occasion::Done,
            format!("run {run_id} was taken over by a revision"),
        ),
        RunOutcome::Failed => (Occasion::Failed, format!("run {run_id} failed")),
    }
}

fn deliver(context: &Context, target: &Notify, message: &Message<'_>) -> Result<(), String> {
    let body = serde_json::to_vec(message).map_err(|error| error.to_string())?;
    match (&target.url, target.command.split_first()) {
        (Some(url), None) => post(url, body),
        (None, Some((program, arguments))) => run(context, program, arguments, &body),
        _ => Err("a [[notify]] has either a command or a url".to_owned()),
    }
}

fn run(context: &Context, program: &str, arguments: &[String], body: &[u8]) -> Result<(), String> {
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(enact_runbook::process::environment::base(
            context.settings.environment.all(),
        ))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read its input may still have done its work. Programs that read lines need the last one ended.
        let _written = input.write_all(body).and_then(|()| input.write_all(b"\n"));
    }
    match ended_within(&mut child, PATIENCE).map_err(|error| error.to_string())? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("{program}: {status}")),
        None => Err(format!("{program} took longer than {} s", PATIENCE.as_secs())),
    }
}

/// Posts on a thread with a runtime of its own: the caller may be inside of one.
fn post(url: &str, body: Vec<u8>) -> Result<(), String> {
    if !is_secure(url) {
        return Err(format!("{url} is not an https:// URL"));
    }
    let url = url.to_owned();
    let posting = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let client = enact_engine::http::http_client(&url, PATIENCE, false)?;
            let request = client
                .post(&url)
                .header("content-type", "application/json")
                .body(body);
            let response = request
                .send()
                .await
                .map_err(|error| enact_engine::http::chain(&error))?;
            let status = response.status();
            if status.is_success() {
                Ok(())
            } else {
                Err(format!("status {status}"))
            }
        })
    });
    posting.join().map_err(|_| "posting broke off".to_owned())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_delivered_is_said_once() {
        let problems = ["a: gone", "b: gone", "a: gone"].map(ToOwned::to_owned);
        assert_eq!(
            not_sent(&problems),
            "warning: a notification was not delivered (a: gone; b: gone); tried again with the next command\n"
        );
    }
}
