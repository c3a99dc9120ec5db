//! Waiting for a program of the user's: not for ever.

use std::io;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// How often a program is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How a child ended; none when it took longer than the limit, and was killed for it.
///
/// # Errors
/// When the system does not say how the child is.
pub(crate) fn ended_within(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let until = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            // It may be gone in between; it must not be left running.
            let _ended = child.kill();
            let _collected = child.wait();
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}
