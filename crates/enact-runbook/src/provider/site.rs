//! Where and with what an action acts: folder, environment, values, limits. The only place from which commands and requests
//! leave.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use enact_core::secret::Secret;
use enact_engine::stop::StopSignal;
use serde_json::Value;

use super::reply::{End, Reply};
use crate::expression::{self, Datum, Values};
use crate::kinds::Kind;
use crate::process::{
    CommandSpec, KILL_GRACE, NamedLock, NamedSecret, OUTPUT, SuperviseError, Supervisor, lock, output_path,
};
use crate::spec::{Operand, Text};

/// The largest file with outputs that is read, in bytes.
pub(crate) const MAX_OUTPUT_FILE: u64 = 1024 * 1024;

/// The longest command line argument or variable, in bytes. Linux refuses longer ones.
const MAX_ARGUMENT: usize = 128 * 1024 - 1;

/// The largest file with secrets that is made for a command, in bytes.
const MAX_SECRET_FILE: usize = 1024 * 1024;

/// What one action may use.
pub struct Site<'a> {
    pub(crate) supervisor: &'a Supervisor,
    pub(crate) stop: &'a StopSignal,
    pub(crate) values: &'a dyn Values,
    /// Where relative paths start: the runbook's folder.
    pub(crate) folder: &'a Path,
    /// Where commands run.
    pub(crate) working_dir: PathBuf,
    /// The whole environment of commands, without `ENACT_OUTPUT`.
    pub(crate) env: BTreeMap<String, Secret<String>>,
    /// Contents of files, by the variables that will hold their paths.
    pub(crate) secret_files: BTreeMap<String, Secret<String>>,
    pub(crate) secrets: Vec<NamedSecret>,
    /// This attempt's own folder.
    pub(crate) attempt_dir: PathBuf,
    pub(crate) timeout: Duration,
    pub(crate) lock: Option<NamedLock>,
    /// The idempotency key that requests carry.
    pub(crate) key: Option<String>,
    /// The cluster's hands, where there are any.
    pub(crate) cluster: Option<&'a dyn crate::cluster::Cluster>,
    /// The step; empty for what belongs to none.
    pub(crate) step: String,
    /// The run; empty where nothing runs.
    pub(crate) run: String,
    /// The plan's name.
    pub(crate) plan_name: &'a str,
    /// Is a step taken back?
    pub(crate) undoing: bool,
    /// Is it only tried?
    pub(crate) rehearse: bool,
    /// Runs checks for actions that wait.
    pub(crate) checks: Option<&'a super::checks::Checks<'a>>,
}

impl Site<'_> {
    /// A text with its expressions put in, as it leaves for a process or a server.
    pub(crate) fn text(&self, text: &Text) -> Result<Secret<String>, String> {
        as_secret_text(expression::text(text, self.values))
    }

    /// The same where secrets may not be: in arguments, addresses, messages.
    pub(crate) fn open_text(&self, text: &Text) -> Result<String, String> {
        let datum = expression::text(text, self.values).map_err(|error| error.to_string())?;
        match datum.open().and_then(Value::as_str) {
            Some(text) => Ok(text.to_owned()),
            None => Err("a secret may not stand here".to_owned()),
        }
    }

    /// One side of a comparison. Secrets are not compared: both sides are shown.
    pub(crate) fn operand(&self, operand: &Operand) -> Result<Value, String> {
        let datum = expression::operand(operand, self.values).map_err(|error| error.to_string())?;
        datum
            .open()
            .cloned()
            .ok_or_else(|| "a secret cannot be compared".to_owned())
    }

    /// What an action on a cluster may use.
    pub(crate) fn of_cluster(&self) -> crate::cluster::ClusterSite<'_> {
        crate::cluster::ClusterSite {
            step: &self.step,
            run: &self.run,
            plan_name: self.plan_name,
            folder: &self.attempt_dir,
            timeout: self.timeout,
            stop: self.stop,
            undoing: self.undoing,
            rehearse: self.rehearse,
        }
    }

    /// Runs a command under the supervisor.
    pub(crate) async fn command(&self, argv: Vec<String>) -> Reply {
        if argv
            .iter()
            .any(|argument| argument.len() > MAX_ARGUMENT || argument.contains('\0'))
        {
            let why = format!("an argument is longer than {MAX_ARGUMENT} bytes or holds a NUL character");
            return Reply::bare(End::NotStarted(why));
        }
        let secret_files = match self.contents() {
            Ok(contents) => contents,
            Err(why) => return Reply::bare(End::NotStarted(why)),
        };
        let output = output_path(&self.attempt_dir);
        let mut env: BTreeMap<String, String> = self
            .env
            .iter()
            .map(|(name, value)| (name.clone(), value.expose().clone()))
            .collect();
        env.insert(OUTPUT.to_owned(), output.display().to_string());
        let spec = CommandSpec {
            argv,
            env,
            secret_files,
            secrets: self.secrets.clone(),
            working_dir: self.working_dir.clone(),
            timeout: self.timeout,
            kill_grace: KILL_GRACE,
            attempt_dir: self.attempt_dir.clone(),
            lock: self.lock.clone(),
        };
        match self.supervisor.run(&spec, self.stop).await {
            Ok(outcome) => Reply::of_command(&outcome, read_output_file(&output)),
            Err(SuperviseError::NotStarted(why)) => Reply::bare(End::NotStarted(why)),
            Err(error @ SuperviseError::Lost) => Reply::bare(End::Lost(error.to_string())),
        }
    }
}

impl Site<'_> {
    /// Acts, holding the lock. The supervisor of a command holds it itself, also when this process ends; for the rest this
    /// process does, for as long as it is at it.
    pub(crate) async fn act(&self, kind: &dyn Kind, action: &serde_json::Value) -> Reply {
        let mine = self.lock.as_ref().filter(|_| !kind.is_command());
        let held = match mine.map(lock).transpose() {
            Ok(held) => held,
            Err(why) => return Reply::bare(End::NotStarted(why.to_string())),
        };
        let reply = kind.act(action, self).await;
        drop(held);
        reply
    }

    /// The contents of secret files. Several lines end with a line break, which reading a secret takes away and programs that
    /// read keys insist on.
    fn contents(&self) -> Result<BTreeMap<String, Secret<String>>, String> {
        let mut contents = BTreeMap::new();
        for (variable, value) in &self.secret_files {
            let mut content = value.expose().clone();
            if content.len() > MAX_SECRET_FILE {
                return Err(format!(
                    "the file of the variable {variable} would be longer than {MAX_SECRET_FILE} bytes"
                ));
            }
            if content.contains('\n') && !content.ends_with('\n') {
                content.push('\n');
            }
            contents.insert(variable.clone(), Secret::new(content));
        }
        Ok(contents)
    }
}

/// The text of a datum, marked so that nobody prints it.
pub(crate) fn as_secret_text(
    datum: Result<Datum, expression::EvaluateError>,
) -> Result<Secret<String>, String> {
    let datum = datum.map_err(|error| error.to_string())?;
    match datum.expose().as_str() {
        Some(text) => Ok(Secret::new(text.to_owned())),
        None => Err("it is not a text".to_owned()),
    }
}

/// The file with outputs, when there is one that is not too long and is text.
pub(crate) fn read_output_file(path: &Path) -> Option<String> {
    crate::disk::read_text(path, MAX_OUTPUT_FILE).ok()
}
