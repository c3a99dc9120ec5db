//! Runs one command of a runbook, under a supervisor process that outlives the engine: a crash of the engine loses no outcome.
//!
//! The engine keeps one [`Supervisor`] for a run and gives it one [`CommandSpec`] at a time over a pipe. The supervisor
//! ([`serve`]) leaves its marks in the attempt's spool folder: `started.json` before the command is started, `outcome.json`
//! after it ended, and the logs. After a crash of the engine [`look`] says from these what became of the attempt.
//!
//! Reading order: [`outcome`] (what comes back), [`supervisor`] (the engine's side), [`serve`](mod@serve) (the supervisor's
//! life), `running` (one command in it), `secret_files`, [`spool`] (the marks), [`redact`] (what is taken out of output).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use enact_core::secret::Secret;

mod capture;
pub mod display;
pub mod environment;
mod kin;
pub mod lock;
mod log;
pub mod outcome;
pub(crate) mod program;
pub mod redact;
mod running;
mod secret_files;
pub mod serve;
mod signals;
pub mod spool;
pub mod supervisor;
mod wire;

pub use display::{display, display_line};
pub use lock::{LockError, LockGuard, NamedLock, lock};
pub use outcome::{Captured, Exit, Outcome};
pub use serve::serve;
pub use spool::{
    Found, ask_to_end, end_left_running, left_running, look, remove_left_secrets, under_way, wait_for_end,
};
pub(crate) use spool::{OUTPUT, output_path};
pub use supervisor::{SuperviseError, Supervisor, SupervisorProgram};

/// How long a command has between SIGTERM and SIGKILL, unless its step says otherwise.
pub const KILL_GRACE: Duration = Duration::from_secs(10);

/// A value that is replaced by `***name***` wherever the command prints it.
#[derive(Debug, Clone)]
pub struct NamedSecret {
    /// What stands in its place; not secret.
    pub name: String,
    /// The value. A command gets it by its environment, where [`CommandSpec::env`] says so.
    pub value: Secret<String>,
}

/// One command, complete: it inherits nothing from the engine or the supervisor.
#[derive(Clone)]
pub struct CommandSpec {
    /// The program and its arguments. Without a `/` the program is looked up in `PATH` of `env`.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Contents of files that are there while the command runs, by the variables that hold their paths.
    pub secret_files: BTreeMap<String, Secret<String>>,
    /// What to take out of its output.
    pub secrets: Vec<NamedSecret>,
    /// Where it runs; absolute.
    pub working_dir: PathBuf,
    /// How long it may take, on the monotonic clock.
    pub timeout: Duration,
    /// How long it has between SIGTERM and SIGKILL; see [`KILL_GRACE`].
    pub kill_grace: Duration,
    /// The spool folder of this attempt; absolute. The supervisor makes it (0700, its files 0600). One attempt, one folder.
    pub attempt_dir: PathBuf,
    /// A named lock that the supervisor takes before the command starts and holds until it has ended.
    pub lock: Option<NamedLock>,
}

impl std::fmt::Debug for CommandSpec {
    /// Without the values of the environment, which may be secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CommandSpec")
            .field("argv", &self.argv)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("secret_files", &self.secret_files.keys().collect::<Vec<_>>())
            .field("secrets", &self.secrets)
            .field("working_dir", &self.working_dir)
            .field("timeout", &self.timeout)
            .field("kill_grace", &self.kill_grace)
            .field("attempt_dir", &self.attempt_dir)
            .field("lock", &self.lock)
            .finish()
    }
}
