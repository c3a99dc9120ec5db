//! What the engine and its supervisor say to each other: one JSON value a line. Both are the same program, so there is one
//! version of this.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use enact_core::secret::Secret;
use enact_engine::holder::Holder;
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use super::{CommandSpec, NamedLock, NamedSecret, secret_files};

/// To the supervisor.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    /// Run this; answered by one [`Reply`].
    Run(Box<RunRequest>),
    /// End what runs. Nothing, where nothing runs: it had just ended.
    Stop,
}

/// To the engine.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// The first line: this is a supervisor.
    Ready,
    /// The command ended.
    Ended(Box<Outcome>),
    /// The command cannot be run here, and was not: why.
    Refused(String),
}

/// A [`CommandSpec`] on the pipe, the only place that secrets pass through.
#[derive(Serialize, Deserialize)]
pub(super) struct RunRequest {
    /// Who asks. A claim of its own on the attempt does not keep it from it.
    pub(super) engine: Holder,
    pub(super) argv: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) secret_files: BTreeMap<String, String>,
    secrets: Vec<(String, String)>,
    pub(super) working_dir: PathBuf,
    pub(super) timeout: Duration,
    pub(super) kill_grace: Duration,
    pub(super) attempt_dir: PathBuf,
    pub(super) lock: Option<NamedLock>,
}

impl RunRequest {
    pub(super) fn new(spec: &CommandSpec, engine: Holder) -> Self {
        let secret = |secret: &NamedSecret| (secret.name.clone(), secret.value.expose().clone());
        let mut env = spec.env.clone();
        let mut secret_files = BTreeMap::new();
        for (variable, content) in &spec.secret_files {
            let path = secret_files::path(&spec.attempt_dir, variable);
            env.insert(variable.clone(), path.display().to_string());
            secret_files.insert(variable.clone(), content.expose().clone());
        }
        Self {
            engine,
            argv: spec.argv.clone(),
            env,
            secret_files,
            secrets: spec.secrets.iter().map(secret).collect(),
            working_dir: spec.working_dir.clone(),
            timeout: spec.timeout,
            kill_grace: spec.kill_grace,
            attempt_dir: spec.attempt_dir.clone(),
            lock: spec.lock.clone(),
        }
    }

    pub(super) fn take_secrets(&mut self) -> Vec<NamedSecret> {
        std::mem::take(&mut self.secrets)
            .into_iter()
            .map(|(name, value)| NamedSecret {
                name,
                value: Secret::new(value),
            })
            .collect()
    }
}

/// One line.
pub(super) fn to_line<T: Serialize>(message: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Lines out of pieces of any size.
#[derive(Default)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// How much of the buffer is known to hold no newline.
    searched: usize,
}

impl std::fmt::Debug for Lines {
    /// Without the lines: a request has secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Lines(…)")
    }
}

impl Lines {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next whole line, without its newline.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        let unseen = self.buffer.get(self.searched..)?;
        let Some(at) = unseen.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return None;
        };
        let rest = self.buffer.split_off(self.searched + at + 1);
        let mut line = std::mem::replace(&mut self.buffer, rest);
        line.pop();
        self.searched = 0;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_of_pieces() {
        let mut lines = Lines::default();
        assert_eq!(lines.next(), None);
        lines.push(b"on");
        assert_eq!(lines.next(), None);
        lines.push(b"e\ntwo\nth");
        assert_eq!(lines.next(), Some(b"one".to_vec()));
        assert_eq!(lines.next(), Some(b"two".to_vec()));
        assert_eq!(lines.next(), None);
        lines.push(b"ree\n");
        assert_eq!(lines.next(), Some(b"three".to_vec()));
    }
}
