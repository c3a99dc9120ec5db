//! The journal's writer: one thread that owns the lease, puts facts that arrive together into one commit, and passes
//! every durable entry on, in order, before it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use enact_core::journal::{Entry, Fact, RunId};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::stop::StopSignal;
use crate::store::{Lease, Store, StoreError};

/// The most facts in one commit.
const BATCH: usize = 512;

struct Request {
    facts: Vec<Fact>,
    answer: oneshot::Sender<Result<(), Arc<StoreError>>>,
}

/// A handle on the writer thread. Dropping it ends the thread; the lease is then given back.
pub struct Journal {
    run_id: RunId,
    requests: Option<Sender<Request>>,
    thread: Option<std::thread::JoinHandle<()>>,
    shared: Arc<Shared>,
}

struct Shared {
    lease_until: AtomicI64,
    commits: AtomicU64,
}

/// The entries as they became durable, oldest first.
pub type Entries = mpsc::UnboundedReceiver<Entry>;

impl Journal {
    /// Starts the writer. `stop` is raised when somebody asks for it through the store.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        lease: Lease,
        ttl: Duration,
        stop: StopSignal,
    ) -> Result<(Self, Entries), std::io::Error> {
        let (requests, inbox) = channel();
        let (outbox, entries) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            lease_until: AtomicI64::new(i64::MIN),
            commits: AtomicU64::new(0),
        });
        shared.extend(clock.now(), ttl);
        let run_id = lease.run_id.clone();
        let writer = Writer {
            store,
            clock,
            lease,
            ttl,
            stop,
            outbox,
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(&inbox))?;
        Ok((
            Self {
                run_id,
                requests: Some(requests),
                thread: Some(thread),
                shared,
            },
            entries,
        ))
    }

    /// Writes facts, all or none. They are durable when this returns.
    ///
    /// # Errors
    /// What the store says; after [`StoreError::LeaseLost`] no effect may be started any more.
    pub async fn record(&self, facts: Vec<Fact>) -> Result<(), Arc<StoreError>> {
        let (answer, answered) = oneshot::channel();
        let gone = || Arc::new(writer_gone());
        let requests = self.requests.as_ref().ok_or_else(gone)?;
        requests.send(Request { facts, answer }).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// The run it belongs to.
    pub fn run_id(&self) -> &RunId {
        &self.run_id
    }

    /// Does the lease still hold at this moment, by the clock? A process that slept finds out here.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        now.as_millisecond() < self.shared.lease_until.load(Ordering::SeqCst)
    }

    /// How many commits, each with its own sync, there have been.
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::SeqCst)
    }

    /// Waits for what was sent, gives the lease back and ends the thread.
    pub fn close(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the writer has already shown itself as an error on every request.
            let _ended = thread.join();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.end();
    }
}

fn writer_gone() -> StoreError {
    StoreError::NotWritable {
        path: "journal".to_owned(),
        problem: "its writer has ended".to_owned(),
    }
}

impl Shared {
    fn extend(&self, now: Timestamp, ttl: Duration) {
        let ttl = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        self.lease_until
            .store(now.as_millisecond().saturating_add(ttl), Ordering::SeqCst);
    }
}

struct Writer {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    lease: Lease,
    ttl: Duration,
    stop: StopSignal,
    outbox: mpsc::UnboundedSender<Entry>,
    shared: Arc<Shared>,
}

impl Writer {
    fn run(self, inbox: &Receiver<Request>) {
        let mut last_beat = Instant::now();
        loop {
            match inbox.recv_timeout(self.beat().saturating_sub(last_beat.elapsed())) {
                Ok(first) => self.commit(gather(first, inbox)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            // Also under load: a wish to stop must be heard while entries keep coming.
            if last_beat.elapsed() >= self.beat() {
                self.renew();
                last_beat = Instant::now();
            }
        }
        // Already lost means already somebody else's: nothing to give back.
        let _given_back = self.store.release(&self.lease);
    }

    /// A sign of life three times per lease, and often enough that `enact stop` is heard soon.
    fn beat(&self) -> Duration {
        (self.ttl / 3).min(Duration::from_millis(500))
    }

    fn commit(&self, batch: Vec<Request>) {
        let facts: Vec<Fact> = batch
            .iter()
            .flat_map(|request| request.facts.iter().cloned())
            .collect();
        let now = self.clock.now();
        let result = self.store.append(&self.lease, self.ttl, now, facts);
        match result {
            Ok(entries) => {
                self.shared.extend(now, self.ttl);
                self.shared.commits.fetch_add(1, Ordering::SeqCst);
                for entry in entries {
                    // Nobody listening is no reason not to write.
                    let _heard = self.outbox.send(entry);
                }
                for request in batch {
                    let _heard = request.answer.send(Ok(()));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for request in batch {
                    let _heard = request.answer.send(Err(Arc::clone(&error)));
                }
            }
        }
    }

    fn renew(&self) {
        let now = self.clock.now();
        match self.store.renew(&self.lease, self.ttl, now) {
            Ok(request) => {
                self.shared.extend(now, self.ttl);
                if let Some(request) = request {
                    self.stop.raise(request.urgency, &request.reason);
                }
            }
            // The next fact will meet the same error; until then no effect starts once the lease has run out.
            Err(error) => tracing::warn!(%error, "the lease could not be renewed"),
        }
    }
}

/// What else has arrived by now shares the commit.
fn gather(first: Request, inbox: &Receiver<Request>) -> Vec<Request> {
    let mut facts = first.facts.len();
    let mut batch = vec![first];
    while facts < BATCH {
        let Ok(next) = inbox.try_recv() else { break };
        facts += next.facts.len();
        batch.push(next);
    }
    batch
}
