//! A supervisor's whole life: one command at a time, as the engine asks for them. It outlives the engine for as long as a
//! command runs, and no longer.

use std::io::{Stdin, Write as _};
use std::path::Path;
use std::process::ExitCode;

use enact_engine::clock::{Clock as _, SystemClock};
use enact_engine::holder::Holder;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::capture::Capture;
use super::lock::{LockError, LockGuard, lock};
use super::outcome::{Captured, Exit, Outcome};
use super::redact::Patterns;
use super::running::Running;
use super::secret_files::SecretFiles;
use super::signals::Signals;
use super::wire::{Lines, Reply, Request, RunRequest, to_line};
use super::{program, spool};

/// Reads requests from standard input and answers on standard output until standard input ends or SIGTERM comes; what runs
/// then is finished (SIGTERM: ended) first. To be called by a hidden command of the program that [`super::SupervisorProgram`]
/// names, before it starts a thread or child of its own.
pub fn serve() -> ExitCode {
    match Server::open().and_then(Server::live) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Requests as they come in.
pub(super) struct Inbox {
    pub(super) stdin: Stdin,
    /// Is the engine still there?
    pub(super) open: bool,
    lines: Lines,
}

impl Inbox {
    /// Reads once; to be called when there is something.
    pub(super) fn receive(&mut self) {
        let mut piece = [0; 16 * 1024];
        match rustix::io::read(&self.stdin, &mut piece) {
            Ok(0) => self.open = false,
            Ok(count) => self.lines.push(piece.get(..count).unwrap_or_default()),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => self.open = false,
        }
    }

    /// The next request that has come in whole. What cannot be read was not written by an engine: then there is none.
    pub(super) fn next(&mut self) -> Option<Request> {
        let line = self.lines.next()?;
        let request = serde_json::from_slice(&line).ok();
        self.open &= request.is_some();
        request
    }

    /// Is the other end of the pipe closed? What was written before that can still be read.
    fn is_hung_up(&self) -> bool {
        let mut pipe = [PollFd::new(&self.stdin, PollFlags::IN)];
        let now = Timespec::default();
        let polled = poll(&mut pipe, Some(&now));
        polled.is_err() || pipe.iter().any(|pipe| pipe.revents().contains(PollFlags::HUP))
    }
}

struct Server {
    inbox: Inbox,
    signals: Signals,
    me: Holder,
    /// SIGTERM came.
    terminated: bool,
}

/// How a request ended before its command did.
enum NotRun {
    /// Nothing can be run here: why.
    Refused(String),
    /// Nothing was run, because nobody is there any more who wants it.
    Abandoned,
}

impl From<std::io::Error> for NotRun {
    fn from(error: std::io::Error) -> Self {
        Self::Refused(error.to_string())
    }
}

impl Server {
    fn open() -> std::io::Result<Self> {
        // A session of its own: a Ctrl-C at the terminal is the engine's business. Fails only where it is one already.
        rustix::process::setsid().ok();
        #[cfg(target_os = "linux")]
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        Ok(Self {
            inbox: Inbox {
                stdin: std::io::stdin(),
                open: true,
                lines: Lines::default(),
            },
            signals: Signals::open()?,
            me: Holder::this_process(),
            terminated: false,
        })
    }

    fn live(mut self) -> std::io::Result<()> {
        answer(&Reply::Ready)?;
        while !self.terminated {
            match self.inbox.next() {
                Some(Request::Run(request)) => {
                    if !self.attend(*request) {
                        return Ok(());
                    }
                }
                // It came too late: the command had ended.
                Some(Request::Stop) => {}
                None if self.inbox.open => self.wait()?,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    fn wait(&mut self) -> std::io::Result<()> {
        let mut pipes = [
            PollFd::new(&self.inbox.stdin, PollFlags::IN),
            PollFd::new(&self.signals.terminate, PollFlags::IN),
        ];
        match poll(&mut pipes, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [stdin, terminate] = pipes.map(|pipe| !pipe.revents().is_empty());
        self.terminated |= terminate;
        if stdin {
            self.inbox.receive();
        }
        Ok(())
    }

    /// Runs one command and answers. Answers itself whether to go on.
    fn attend(&mut self, request: RunRequest) -> bool {
        let folder = request.attempt_dir.clone();
        let outcome = match self.attempt(request) {
            Ok(outcome) => outcome,
            Err(NotRun::Refused(why)) => return answer(&Reply::Refused(why)).is_ok(),
            Err(NotRun::Abandoned) => return false,
        };
        // A survivor would be taken for a process of the next command.
        let alone = outcome.survivors.is_empty();
        let told = self.inbox.open && answer(&Reply::Ended(Box::new(outcome))).is_ok();
        if !told {
            // The journal of a living engine is where an outcome becomes durable; syncing it here as well would cost each
            // command a second wait for the disk. Without an engine this file is all there is.
            spool::sync_outcome(&folder).ok();
        }
        told && alone
    }

    /// Starts the command and stays with it to its end. What it reads from secret files is gone before anybody hears of that.
    fn start(&mut self, program: &Path, request: &RunRequest, capture: Capture) -> Result<Outcome, String> {
        let files = SecretFiles::write(&request.attempt_dir, &request.secret_files)
            .map_err(|error| format!("its secrets cannot be written to files: {error}"))?;
        let child = program::start(program, request)?;
        let running = Running::new(child, capture, request);
        let outcome = running.finish(&mut self.inbox, &self.signals, &mut self.terminated);
        drop(files);
        Ok(outcome)
    }

    fn attempt(&mut self, mut request: RunRequest) -> Result<Outcome, NotRun> {
        let folder = request.attempt_dir.clone();
        let secrets = request.take_secrets();
        let patterns = Patterns::new(&secrets).map_err(NotRun::Refused)?;
        spool::make_folder(&folder)?;
        spool::check_free(&folder, &request.engine)?;
        let capture = Capture::at(&folder, &patterns);
        let held = match request.lock.as_ref().map(lock).transpose() {
            Ok(held) => held.inspect(LockGuard::share),
            Err(error) => return finish(&folder, not_started(&patterns, &with_cause(&error))),
        };
        let program = match program::find(&request) {
            Ok(program) => program,
            Err(why) => return finish(&folder, not_started(&patterns, &why)),
        };
        // Its next engine would find nothing started and start it too, or claim the attempt while we are at it.
        if self.inbox.is_hung_up() {
            return Err(NotRun::Abandoned);
        }
        spool::mark_started(&folder, &self.me, SystemClock.now(), &request.engine)?;
        let outcome = self
            .start(&program, &request, capture)
            .unwrap_or_else(|why| not_started(&patterns, &why));
        let outcome = finish(&folder, outcome);
        drop(held);
        outcome
    }
}

/// Leaves the outcome in the folder. The command has ended: where that is not possible, the engine hears of it all the same.
fn finish(folder: &Path, outcome: Outcome) -> Result<Outcome, NotRun> {
    spool::write_outcome(folder, &outcome).ok();
    Ok(outcome)
}

fn with_cause(error: &LockError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn not_started(patterns: &Patterns, why: &str) -> Outcome {
    let now = SystemClock.now();
    Outcome {
        exit: Exit::NotStarted(patterns.text(why)),
        started_at: now,
        ended_at: now,
        duration_ms: 0,
        limit_ms: None,
        stdout: Captured::default(),
        stderr: Captured::default(),
        survivors: Vec::new(),
        pipe_held: false,
    }
}

fn answer(reply: &Reply) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&to_line(reply)?)?;
    stdout.flush()
}
