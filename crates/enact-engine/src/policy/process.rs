//! Policies from elsewhere, kept in processes of their own. A process has an engine of its own, answers one question at a
//! time, and is killed when it takes too long; the next question starts another. What a policy can do to this process is
//! to deny.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use enact_core::diagnostic::Diagnostic;

use super::asking::{Ask, Loaded};
use super::bundle::Bundle;
use super::evaluate::{Answer, Detail, Failure};
use super::limits::{LOAD_TIME, MAX_REPLY_BYTES};
use super::query::Question;
use super::worker::{Reply, Request, read_message, write_message};

/// What reading, writing and finding places may take beyond the question's own time.
const GRACE: Duration = Duration::from_secs(3);

/// How a policy process is started: a program that calls [`super::worker::serve`].
#[derive(Debug, Clone)]
pub struct WorkerProgram {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// One policy process. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    requests: Sender<Vec<Vec<u8>>>,
    replies: Receiver<Vec<u8>>,
}

impl Worker {
    /// Starts a process: no environment, no directory of the user's, nothing but two pipes.
    pub(super) fn start(program: &WorkerProgram) -> Result<Self, Failure> {
        let lost = |error: std::io::Error| Failure::Lost {
            message: format!("it cannot be started: {error}"),
        };
        let mut child = Command::new(&program.program)
            .args(&program.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(lost)?;
        let (Some(mut to), Some(mut from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(lost(std::io::ErrorKind::BrokenPipe.into()));
        };
        // Both directions have a thread, because either pipe can be full while the process does not move.
        let (requests, waiting) = channel::<Vec<Vec<u8>>>();
        let (arrived, replies) = channel();
        let writing = move || {
            for message in waiting.iter().flatten() {
                if write_message(&mut to, &message).is_err() {
                    return;
                }
            }
        };
        let reading = move || {
            while let Ok(Some(message)) = read_message(&mut from, MAX_REPLY_BYTES) {
                if arrived.send(message).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("policy-write".to_owned())
            .spawn(writing)
            .map_err(lost)?;
        std::thread::Builder::new()
            .name("policy-read".to_owned())
            .spawn(reading)
            .map_err(lost)?;
        Ok(Self {
            child,
            requests,
            replies,
        })
    }

    /// One request, one reply. After an error the process is of no use any more.
    pub(super) fn call(
        &mut self,
        request: &Request,
        input: Option<&str>,
        limit: Duration,
    ) -> Result<Reply, Failure> {
        let header = serde_json::to_vec(request).map_err(|error| Failure::Input {
            message: error.to_string(),
        })?;
        let messages = std::iter::once(header).chain(input.map(|text| text.as_bytes().to_vec()));
        let sent = self.requests.send(messages.collect());
        let reply = match sent.map(|()| self.replies.recv_timeout(limit + GRACE)) {
            Ok(Ok(reply)) => reply,
            Ok(Err(RecvTimeoutError::Timeout)) => return Err(Failure::Timeout { limit }),
            Ok(Err(RecvTimeoutError::Disconnected)) | Err(_) => {
                return Err(Failure::Lost {
                    message: self.how_it_ended(),
                });
            }
        };
        serde_json::from_slice(&reply).map_err(|error| Failure::Lost {
            message: format!("its answer is not readable: {error}"),
        })
    }

    fn how_it_ended(&mut self) -> String {
        use std::os::unix::process::ExitStatusExt as _;
        match self.child.wait() {
            Ok(status) => match status.signal() {
                Some(6) => "it needed more memory than it may have (signal 6)".to_owned(),
                Some(11) => "it ran out of stack (signal 11)".to_owned(),
                Some(24) => "it used up its processor time (signal 24)".to_owned(),
                Some(signal) => format!("signal {signal}"),
                None => status.to_string(),
            },
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may be gone already; what counts is that it is collected.
        let _killed = self.child.kill();
        let _collected = self.child.wait();
    }
}

/// A bundle in policy processes, several at once where several ask.
#[derive(Debug)]
pub struct Isolated {
    program: WorkerProgram,
    bundle: Bundle,
    most: usize,
    state: Mutex<Idle>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Idle {
    workers: Vec<Worker>,
    busy: usize,
}

impl Isolated {
    /// Compiles a bundle in a first process. `most` processes answer at once; further callers wait.
    ///
    /// # Errors
    /// Everything that is wrong with the bundle, or that no process could be started.
    pub fn load(
        program: WorkerProgram,
        bundle: &Bundle,
        most: usize,
    ) -> Result<(Self, Loaded), Vec<Diagnostic>> {
        let (worker, loaded) = start_loaded(&program, bundle)?;
        let isolated = Self {
            program,
            bundle: bundle.clone(),
            most: most.max(1),
            state: Mutex::new(Idle {
                workers: vec![worker],
                busy: 0,
            }),
            freed: Condvar::new(),
        };
        Ok((isolated, loaded))
    }

    /// An idle process, or a new one as long as there may be more.
    fn take(&self) -> Option<Worker> {
        let mut idle = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while idle.busy >= self.most {
            idle = self.freed.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
        idle.busy += 1;
        idle.workers.pop()
    }

    fn give_back(&self, worker: Option<Worker>) {
        let mut idle = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        idle.busy -= 1;
        idle.workers.extend(worker);
        self.freed.notify_one();
    }

    fn ask_one(
        &self,
        worker: Option<Worker>,
        question: Question,
        input: &str,
        detail: Detail,
    ) -> (Option<Worker>, Result<Answer, Failure>) {
        let started = worker.map_or_else(|| self.start_again(), Ok);
        let mut worker = match started {
            Ok(worker) => worker,
            Err(failure) => return (None, Err(failure)),
        };
        let request = Request::Ask { question, detail };
        match worker.call(&request, Some(input), question.query().limit) {
            Ok(Reply::Answer { answer }) => (Some(worker), Ok(answer)),
            Ok(Reply::Failed { failure }) => (Some(worker), Err(failure)),
            Ok(other) => (None, Err(unexpected(&other))),
            Err(failure) => (None, Err(failure)),
        }
    }

    fn start_again(&self) -> Result<Worker, Failure> {
        start_loaded(&self.program, &self.bundle)
            .map(|(worker, _)| worker)
            .map_err(|faults| {
                let first = faults.into_iter().next();
                Failure::Lost {
                    message: first
                        .map_or_else(|| "it cannot be started again".to_owned(), |fault| fault.summary),
                }
            })
    }
}

impl Ask for Isolated {
    fn ask(&self, question: Question, input: String, detail: Detail) -> Result<Answer, Failure> {
        let worker = self.take();
        let (worker, answer) = self.ask_one(worker, question, &input, detail);
        self.give_back(worker);
        answer
    }
}

/// A reply that does not belong to the request.
pub(super) fn unexpected(reply: &Reply) -> Failure {
    Failure::Lost {
        message: format!(
            "it answered something else: {}",
            format!("{reply:?}").chars().take(60).collect::<String>()
        ),
    }
}

/// A new process that has loaded the policies of a bundle.
pub(super) fn start_loaded(
    program: &WorkerProgram,
    bundle: &Bundle,
) -> Result<(Worker, Loaded), Vec<Diagnostic>> {
    let request = Request::Load {
        bundle: bundle.clone(),
    };
    match start_with(program, &request)? {
        (worker, Reply::Loaded { loaded }) => Ok((worker, loaded)),
        (_, other) => Err(vec![Diagnostic::error(unexpected(&other).to_string())]),
    }
}

/// A new process and its reply to the request that loads something.
pub(super) fn start_with(
    program: &WorkerProgram,
    request: &Request,
) -> Result<(Worker, Reply), Vec<Diagnostic>> {
    let failed = |failure: Failure| vec![Diagnostic::error(failure.to_string())];
    let mut worker = Worker::start(program).map_err(failed)?;
    let reply = worker.call(request, None, LOAD_TIME).map_err(failed)?;
    if let Reply::Faults { faults } = reply {
        return Err(faults);
    }
    Ok((worker, reply))
}
