//! Telling listeners, on a thread of their own: a slow, failing or panicking listener neither changes nor slows a run.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use enact_core::event::{Event, Reporter};
use enact_core::fault::{Fault, planted};

struct Message {
    event: Event,
    /// Only a planted fault asks for an answer.
    seen: Option<Sender<()>>,
}

/// Where a run puts its events. Never blocks, never fails.
pub struct Reporting {
    outbox: Option<Sender<Message>>,
    ended: Receiver<()>,
}

impl Reporting {
    /// Starts the listeners' thread.
    pub fn start(mut reporters: Vec<Box<dyn Reporter>>) -> Self {
        let (outbox, inbox) = channel::<Message>();
        let (end, ended) = channel();
        let started = std::thread::Builder::new()
            .name("reporters".to_owned())
            .spawn(move || {
                for message in inbox {
                    for reporter in &mut reporters {
                        reporter.report(&message.event);
                    }
                    if let Some(seen) = message.seen {
                        let _heard = seen.send(());
                    }
                }
                let _heard = end.send(());
            });
        if let Err(error) = started {
            tracing::warn!(%error, "no thread for the reporters: the run goes on unseen");
        }
        Self {
            outbox: Some(outbox),
            ended,
        }
    }

    /// Nobody listens.
    pub fn silent() -> Self {
        Self::start(Vec::new())
    }

    /// Passes an event on.
    pub fn tell(&self, event: Event) {
        let Some(outbox) = &self.outbox else { return };
        if planted(Fault::ReporterInline) {
            let (seen, was_seen) = channel();
            let _sent = outbox.send(Message {
                event,
                seen: Some(seen),
            });
            // The fault: the run waits. Bounded, so that the test that must catch it ends.
            let _waited = was_seen.recv_timeout(Duration::from_secs(1));
            return;
        }
        // Listeners that are gone (a panic) miss the news; the journal has it.
        let _sent = outbox.send(Message { event, seen: None });
    }

    /// Gives the listeners time to show the rest, at most `patience`. Says whether they were done.
    pub fn finish(mut self, patience: Duration) -> bool {
        self.outbox = None;
        !matches!(self.ended.recv_timeout(patience), Err(RecvTimeoutError::Timeout))
    }
}
