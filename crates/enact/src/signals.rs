//! Ctrl-C and SIGTERM: the first asks for a stop at the next safe point, the second stops now.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use enact_core::exit::ExitCode;
use enact_engine::stop::StopSignal;
use tokio::signal::unix::{SignalKind, signal};

/// Which signal came, if any.
#[derive(Clone, Default)]
pub(crate) struct Caught(Arc<AtomicU8>);

impl Caught {
    /// The exit code of a run that stopped: the first signal's, or that of an interrupted run.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.0.load(Ordering::SeqCst) {
            2 => ExitCode::Terminated,
            _ => ExitCode::Interrupted,
        }
    }

    fn note(&self, which: u8) {
        // The first one counts.
        let _before = self
            .0
            .compare_exchange(0, which, Ordering::SeqCst, Ordering::SeqCst);
    }
}

/// Listens for signals as long as the runtime lives. Must be called inside one.
pub(crate) fn listen(stop: &StopSignal) -> std::io::Result<Caught> {
    let caught = Caught::default();
    for (kind, which, reason) in [
        (SignalKind::interrupt(), 1, "interrupted (Ctrl-C)"),
        (SignalKind::terminate(), 2, "terminated (SIGTERM)"),
    ] {
        let mut arrivals = signal(kind)?;
        let (stop, caught) = (stop.clone(), caught.clone());
        tokio::spawn(async move {
            while arrivals.recv().await.is_some() {
                caught.note(which);
                stop.press(reason);
            }
        });
    }
    Ok(caught)
}
