//! The two signals a supervisor listens to, as pipes that it can poll.

use std::io::Read as _;
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGCHLD, SIGTERM};

/// Readable when a signal came.
#[derive(Debug)]
pub(super) struct Signals {
    /// SIGCHLD: a child ended.
    pub(super) child: UnixStream,
    /// SIGTERM: end what runs, and then oneself.
    pub(super) terminate: UnixStream,
}

impl Signals {
    pub(super) fn open() -> std::io::Result<Self> {
        Ok(Self {
            child: pipe_of(SIGCHLD)?,
            terminate: pipe_of(SIGTERM)?,
        })
    }
}

fn pipe_of(signal: i32) -> std::io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    signal_hook::low_level::pipe::register(signal, write)?;
    Ok(read)
}

/// Makes a pipe quiet until the next signal.
pub(super) fn hush(mut pipe: &UnixStream) {
    let mut bytes = [0; 64];
    while pipe.read(&mut bytes).is_ok_and(|count| count == bytes.len()) {}
}
