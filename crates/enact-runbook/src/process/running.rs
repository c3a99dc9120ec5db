//! One command, from its start until nothing of it is left: everything a supervisor waits for, in one poll.

use std::os::fd::{AsFd as _, OwnedFd};
use std::process::Child;
use std::time::{Duration, Instant};

use enact_engine::clock::{Clock as _, SystemClock};
use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::capture::Capture;
use super::kin;
use super::outcome::{Exit, Outcome};
use super::serve::Inbox;
use super::signals::{Signals, hush};
use super::spool::AFTER_KILL;
use super::wire::{Request, RunRequest};

/// How long the output may stay open after the command has ended.
const DRAIN: Duration = Duration::from_secs(2);
/// How often SIGKILL is sent: what is being killed may still be starting more.
const KILL_AGAIN: Duration = Duration::from_millis(20);
/// How often what is left in a pipe is read at the end. A survivor could fill it for ever.
const LAST_READS: usize = 64;

/// A command that has started.
pub(super) struct Running {
    command: Pid,
    capture: Capture,
    grace: Duration,
    deadline: Instant,
    started: Instant,
    started_at: Timestamp,
    exited: Option<Exited>,
    /// No child is left, adopted ones included.
    alone: bool,
    ending: Option<Ending>,
    pipe_held: bool,
}

struct Exited {
    status: WaitStatus,
    at: Instant,
    wall: Timestamp,
}

/// SIGTERM was sent.
struct Ending {
    cause: Cause,
    kill_at: Instant,
    give_up_at: Instant,
}

#[derive(Clone, Copy, PartialEq)]
enum Cause {
    Timeout,
    Asked,
    /// The command itself had ended; it left others behind.
    Leftovers,
}

impl Running {
    pub(super) fn new(mut child: Child, mut capture: Capture, request: &RunRequest) -> Self {
        capture.stdout.pipe = child.stdout.take().map(OwnedFd::from);
        capture.stderr.pipe = child.stderr.take().map(OwnedFd::from);
        let started = Instant::now();
        Self {
            command: Pid::from_child(&child),
            capture,
            grace: request.kill_grace,
            deadline: later(started, request.timeout),
            started,
            started_at: SystemClock.now(),
            exited: None,
            alone: false,
            ending: None,
            pipe_held: false,
        }
    }

    /// Waits for the end, and brings it about where time is up or somebody asks: the engine by a request, others by SIGTERM.
    pub(super) fn finish(mut self, inbox: &mut Inbox, signals: &Signals, terminated: &mut bool) -> Outcome {
        let mut asked = *terminated;
        while let Some(until) = self.advance(Instant::now(), asked) {
            asked |= self.wait(until, inbox, signals, terminated);
        }
        self.outcome()
    }

    /// Does what is due. Answers when to look again even if nothing happens; `None` when it is over.
    fn advance(&mut self, now: Instant, asked: bool) -> Option<Instant> {
        if let Some(ending) = &self.ending {
            let (kill_at, give_up_at) = (ending.kill_at, ending.give_up_at);
            if (self.exited.is_some() && self.alone) || now >= give_up_at {
                return None;
            }
            if now < kill_at {
                return Some(kill_at);
            }
            self.signal(Signal::KILL);
            let again = later(now, KILL_AGAIN);
            if let Some(ending) = &mut self.ending {
                ending.kill_at = again;
            }
            return Some(again.min(give_up_at));
        }
        let Some(exited) = &self.exited else {
            if asked {
                return Some(self.end(Cause::Asked, now));
            }
            if now >= self.deadline {
                return Some(self.end(Cause::Timeout, now));
            }
            return Some(self.deadline);
        };
        let drained_by = later(exited.at, DRAIN);
        if !self.capture.is_over() && now < drained_by {
            return Some(drained_by);
        }
        self.pipe_held = !self.capture.is_over();
        if self.alone {
            return None;
        }
        Some(self.end(Cause::Leftovers, now))
    }

    fn end(&mut self, cause: Cause, now: Instant) -> Instant {
        self.signal(Signal::TERM);
        // A stopped process takes SIGTERM when it goes on.
        self.signal(Signal::CONT);
        let kill_at = later(now, self.grace);
        self.ending = Some(Ending {
            cause,
            kill_at,
            give_up_at: later(kill_at, AFTER_KILL),
        });
        kill_at
    }

    fn signal(&self, signal: Signal) {
        // Once its leader is waited for, a group's number may be given to somebody else. Without /proc it is all there is.
        let vouched = self.exited.is_none() || cfg!(not(target_os = "linux"));
        kin::signal(vouched.then_some(self.command), signal);
    }

    /// Waits for output, the end of a child, a request or a signal, and takes it in. Answers whether to end the command.
    fn wait(&mut self, until: Instant, inbox: &mut Inbox, signals: &Signals, terminated: &mut bool) -> bool {
        let mut asked = false;
        for source in self.ready(until, inbox, signals) {
            match source {
                Source::Child => {
                    hush(&signals.child);
                    self.reap();
                }
                Source::Terminate => {
                    hush(&signals.terminate);
                    *terminated = true;
                    asked = true;
                }
                Source::Inbox => {
                    inbox.receive();
                    // An engine asks for nothing else before it has its answer.
                    asked |= matches!(inbox.next(), Some(Request::Stop));
                }
                Source::Stdout => self.capture.read(true, false),
                Source::Stderr => self.capture.read(false, true),
            }
        }
        asked
    }

    /// What has something for us; nothing when the time is up.
    fn ready(&self, until: Instant, inbox: &Inbox, signals: &Signals) -> Vec<Source> {
        // Output first, so that what a command printed is read before its end is seen.
        let sources = [
            self.capture
                .stdout
                .pipe
                .as_ref()
                .map(|pipe| (Source::Stdout, pipe.as_fd())),
            self.capture
                .stderr
                .pipe
                .as_ref()
                .map(|pipe| (Source::Stderr, pipe.as_fd())),
            Some((Source::Child, signals.child.as_fd())),
            Some((Source::Terminate, signals.terminate.as_fd())),
            // A pipe that has hung up would be ready for ever.
            inbox.open.then(|| (Source::Inbox, inbox.stdin.as_fd())),
        ];
        let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(sources.len());
        polled.extend(
            sources
                .iter()
                .flatten()
                .map(|(_, pipe)| PollFd::from_borrowed_fd(*pipe, PollFlags::IN)),
        );
        let timeout = Timespec::try_from(until.saturating_duration_since(Instant::now())).ok();
        // Interrupted: the signal is in its pipe, and the next poll says so.
        if poll(&mut polled, timeout.as_ref()).is_err() {
            return Vec::new();
        }
        let answers = sources.iter().flatten().zip(&polled);
        answers
            .filter(|(_, polled)| !polled.revents().is_empty())
            .map(|((source, _), _)| *source)
            .collect()
    }

    /// Takes note of every child that has ended.
    fn reap(&mut self) {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.command => {
                    self.exited = Some(Exited {
                        status,
                        at: Instant::now(),
                        wall: SystemClock.now(),
                    });
                }
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) => {
                    self.alone = false;
                    return;
                }
                Err(_) => {
                    self.alone = true;
                    return;
                }
            }
        }
    }

    fn outcome(mut self) -> Outcome {
        self.read_what_is_left();
        let over = self.exited.is_some() && self.alone;
        let survivors = if over { Vec::new() } else { kin::descendants() };
        let (ended, ended_at) = match &self.exited {
            Some(exited) => (exited.at, exited.wall),
            None => (Instant::now(), SystemClock.now()),
        };
        let exit = self.exit();
        let (stdout, stderr) = self.capture.finish();
        Outcome {
            exit,
            started_at: self.started_at,
            ended_at,
            duration_ms: milliseconds(ended - self.started),
            limit_ms: Some(milliseconds(self.deadline - self.started)),
            stdout,
            stderr,
            survivors: survivors
                .into_iter()
                .filter_map(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok())
                .collect(),
            pipe_held: self.pipe_held,
        }
    }

    fn read_what_is_left(&mut self) {
        for _ in 0..LAST_READS {
            let pipes = [&self.capture.stdout.pipe, &self.capture.stderr.pipe];
            let [stdout, stderr] = pipes.map(|pipe| pipe.as_ref().is_some_and(has_something));
            if !stdout && !stderr {
                break;
            }
            self.capture.read(stdout, stderr);
        }
        self.pipe_held |= !self.capture.is_over();
    }

    fn exit(&self) -> Exit {
        match self.ending.as_ref().map(|ending| ending.cause) {
            Some(Cause::Timeout) => return Exit::TimedOut,
            Some(Cause::Asked) => return Exit::Killed,
            Some(Cause::Leftovers) | None => {}
        }
        let status = self.exited.as_ref().map(|exited| exited.status);
        let signal = status.and_then(WaitStatus::terminating_signal);
        match (status.and_then(WaitStatus::exit_status), signal) {
            (Some(code), _) => Exit::Code(code),
            (None, Some(signal)) => Exit::Signal(signal),
            // Cannot be: without a cause the command has exited.
            (None, None) => Exit::Killed,
        }
    }
}

#[derive(Clone, Copy)]
enum Source {
    Child,
    Terminate,
    Inbox,
    Stdout,
    Stderr,
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn has_something(pipe: &OwnedFd) -> bool {
    let mut polled = [PollFd::new(pipe, PollFlags::IN)];
    poll(&mut polled, Some(&Timespec::default())).is_ok_and(|count| count > 0)
}

/// A time that is too far off to be told is never reached either.
fn later(from: Instant, by: Duration) -> Instant {
    const A_CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    from.checked_add(by.min(A_CENTURY)).unwrap_or(from)
}
