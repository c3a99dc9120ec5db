//! The engine's side: keeps one supervisor process, gives it commands and waits for their outcomes.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use enact_engine::holder::Holder;
use enact_engine::stop::{StopSignal, Urgency};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::Mutex;

use super::CommandSpec;
use super::outcome::Outcome;
use super::spool::{Found, end_left_running, look};
use super::wire::{Lines, Reply, Request, RunRequest, to_line};

/// What else than answers may come from a supervisor, e.g. from a wrapper around it.
const MOST_NOISE_BYTES: usize = 64 * 1024;
/// How long it may take until its first word; a start takes milliseconds.
const START: Duration = Duration::from_secs(30);

/// How a supervisor is started: a program that calls [`super::serve`].
#[derive(Debug, Clone)]
pub struct SupervisorProgram {
    /// The program; absolute.
    pub path: PathBuf,
    /// Its arguments, e.g. those of a hidden command. Nothing secret: all can read them.
    pub args: Vec<String>,
}

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum SuperviseError {
    /// The supervisor died while the command ran. What the command did is not known; what was left of it has been ended.
    #[error("the supervisor of the command was lost, and with it how the command ended")]
    Lost,
    /// No supervisor could be started, or it cannot write to the spool folder: nothing was run.
    #[error("the command was not started: {0}")]
    NotStarted(String),
}

/// One supervisor process for a whole run, started with the first command and replaced when it is lost. To be used from one
/// runtime. Dropping it, or a future of [`Self::run`], lets go: the supervisor finishes what runs, leaves the outcome in the spool
/// folder and ends.
#[derive(Debug)]
pub struct Supervisor {
    program: SupervisorProgram,
    link: Mutex<Option<Link>>,
}

impl Supervisor {
    /// Starts nothing yet.
    pub fn new(program: SupervisorProgram) -> Self {
        Self {
            program,
            link: Mutex::new(None),
        }
    }

    /// Runs a command to its end; one at a time, others wait. When `stop` is raised to [`Urgency::Now`] the command is ended
    /// (SIGTERM, after its grace SIGKILL) and its outcome returned all the same.
    ///
    /// # Errors
    /// [`SuperviseError::NotStarted`] when nothing was run: `stop` was raised before, the attempt's folder cannot be written
    /// or has been used, no supervisor can be started. [`SuperviseError::Lost`] when something was, and how it ended is not known.
    pub async fn run(&self, spec: &CommandSpec, stop: &StopSignal) -> Result<Outcome, SuperviseError> {
        // While a command runs its link is not in here: if this future is dropped, the link goes too.
        let mut kept = self.link.lock().await;
        if stop.urgency() >= Some(Urgency::Now) {
            return Err(SuperviseError::NotStarted("the run is being stopped".to_owned()));
        }
        let request = Request::Run(Box::new(RunRequest::new(spec, Holder::this_process())));
        let request = to_line(&request).map_err(|error| SuperviseError::NotStarted(error.to_string()))?;
        let mut problem = String::new();
        // The one that is kept may have died since; a fresh one that dies as well has a reason to.
        for _ in 0..2 {
            let mut link = match kept.take() {
                Some(link) => link,
                None => Link::start(&self.program).map_err(|error| {
                    let program = self.program.path.display();
                    SuperviseError::NotStarted(format!("its supervisor {program} cannot be started: {error}"))
                })?,
            };
            match link.carry(&request, stop).await {
                Ok(Reply::Ended(outcome)) => {
                    if outcome.survivors.is_empty() {
                        *kept = Some(link);
                    }
                    return Ok(*outcome);
                }
                Ok(Reply::Refused(why)) => {
                    *kept = Some(link);
                    return Err(SuperviseError::NotStarted(why));
                }
                Ok(Reply::Ready) => "its supervisor said the unexpected".clone_into(&mut problem),
                Err(error) => problem = format!("its supervisor does not answer: {error}"),
            }
            link.put_down();
            match look(&spec.attempt_dir, None) {
                Found::NeverStarted => {}
                Found::Ended(outcome) => return Ok(*outcome),
                Found::Running | Found::Lost => {
                    end_left_running(&spec.attempt_dir, spec.kill_grace).await;
                    return Err(SuperviseError::Lost);
                }
            }
        }
        Err(SuperviseError::NotStarted(problem))
    }
}

/// A supervisor process and the pipes to it.
#[derive(Debug)]
struct Link {
    /// `None` once it has been waited for.
    child: Option<Child>,
    to: Sender,
    from: Receiver,
    lines: Lines,
    greeted: bool,
    noise: usize,
}

impl Link {
    fn start(program: &SupervisorProgram) -> std::io::Result<Self> {
        let mut child = Command::new(&program.path)
            .args(&program.args)
            .env_clear()
            // Not to stand in the way of whoever wants to unmount or remove the engine's.
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        };
        Ok(Self {
            child: Some(child),
            to: Sender::from_owned_fd(OwnedFd::from(to))?,
            from: Receiver::from_owned_fd(OwnedFd::from(from))?,
            lines: Lines::default(),
            greeted: false,
            noise: 0,
        })
    }

    /// Sends a request and waits for its answer.
    async fn carry(&mut self, request: &[u8], stop: &StopSignal) -> std::io::Result<Reply> {
        tokio::time::timeout(START, self.greeting()).await??;
        self.write(request).await?;
        tokio::select! {
            biased;
            reply = self.reply() => return reply,
            () = stop.raised(Urgency::Now) => {}
        }
        // If it has died in between, the answer says so.
        self.write(&to_line(&Request::Stop)?).await.ok();
        self.reply().await
    }

    async fn write(&self, mut bytes: &[u8]) -> std::io::Result<()> {
        while !bytes.is_empty() {
            self.to.writable().await?;
            match self.to.try_write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until it has said that it is one.
    async fn greeting(&mut self) -> std::io::Result<()> {
        while !self.greeted {
            self.greeted = matches!(self.reply().await?, Reply::Ready);
        }
        Ok(())
    }

    /// The next answer. Nothing is lost when this is dropped half-way. A line that is no answer is not worth the loss of one: a
    /// wrapper or a library printed it.
    async fn reply(&mut self) -> std::io::Result<Reply> {
        loop {
            while let Some(line) = self.lines.next() {
                match serde_json::from_slice(&line) {
                    Ok(reply) => return Ok(reply),
                    Err(_) => self.noise += line.len(),
                }
                if self.noise > MOST_NOISE_BYTES {
                    return Err(std::io::Error::other("it does not speak as a supervisor does"));
                }
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> std::io::Result<()> {
        let mut piece = [0; 16 * 1024];
        self.from.readable().await?;
        match self.from.try_read(&mut piece) {
            Ok(0) => Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.lines.push(piece.get(..count).unwrap_or_default());
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes sure that a supervisor which is lost does nothing more.
    fn put_down(mut self) {
        if let Some(mut child) = self.child.take() {
            // Either it has ended, which is as good.
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Drop for Link {
    /// Closes the pipe, which ends the supervisor after its command, and sees that no zombie stays for as long as the engine lives.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Without a thread there is a zombie until the engine ends: not worth failing for.
            std::thread::Builder::new()
                .name("supervisor-end".to_owned())
                .spawn(move || child.wait())
                .ok();
        }
    }
}
