//! A log file that does not grow without end: its beginning, and a rolling end.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::outcome::marker;

/// How long the beginning may get, and as much for the end: 64 MiB together.
const HALF_BYTES: u64 = 32 * 1024 * 1024;

/// One log. Nothing it does fails: a full disk must not stop a command that has started, so what could not be written is
/// only noted.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    /// Made with the first byte: most commands print nothing, and a file costs more than the command.
    head: Option<File>,
    half: u64,
    head_bytes: u64,
    /// The end, written round and round in a file of its own; made when the beginning is full.
    ring: Option<Ring>,
    ends_line: bool,
    failed: bool,
}

#[derive(Debug)]
struct Ring {
    file: File,
    /// How much was ever written to it; modulo its size, where to go on.
    bytes: u64,
}

impl Log {
    /// A log that is made (0600) or emptied when there is something to write.
    pub(super) fn at(path: PathBuf) -> Self {
        Self::with_half(path, HALF_BYTES)
    }

    fn with_half(path: PathBuf, half: u64) -> Self {
        Self {
            head: None,
            path,
            half,
            head_bytes: 0,
            ring: None,
            ends_line: true,
            failed: false,
        }
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        if piece.is_empty() || self.failed {
            return;
        }
        self.failed = self.write(piece).is_err();
    }

    fn write(&mut self, piece: &[u8]) -> std::io::Result<()> {
        let room = usize::try_from(self.half - self.head_bytes).unwrap_or(usize::MAX);
        let (head, rest) = piece.split_at(piece.len().min(room));
        if let Some(last) = head.last() {
            let file = match &mut self.head {
                Some(file) => file,
                none => none.insert(create(&self.path)?),
            };
            file.write_all(head)?;
            self.head_bytes += length(head);
            self.ends_line = *last == b'\n';
        }
        if rest.is_empty() {
            return Ok(());
        }
        let ring = match &mut self.ring {
            Some(ring) => ring,
            none => none.insert(Ring {
                file: create(&ring_path(&self.path))?,
                bytes: 0,
            }),
        };
        ring.write(rest, self.half)
    }

    /// Puts the end behind the beginning. Answers whether the log lacks anything.
    pub(super) fn finish(mut self) -> bool {
        let (Some(ring), Some(head)) = (self.ring.take(), &mut self.head) else {
            return self.failed;
        };
        let left_out = ring.bytes.saturating_sub(self.half);
        let joined = ring.append_to(head, self.half, self.ends_line);
        // The end stays in its own file where it could not be joined.
        if joined.is_ok() {
            std::fs::remove_file(ring_path(&self.path)).ok();
        }
        self.failed || joined.is_err() || left_out > 0
    }
}

impl Ring {
    fn write(&mut self, mut piece: &[u8], size: u64) -> std::io::Result<()> {
        while !piece.is_empty() {
            let at = self.bytes % size;
            if at == 0 {
                self.file.rewind()?;
            }
            let room = usize::try_from(size - at).unwrap_or(usize::MAX);
            let (now, later) = piece.split_at(piece.len().min(room));
            self.file.write_all(now)?;
            self.bytes += length(now);
            piece = later;
        }
        Ok(())
    }

    fn append_to(mut self, head: &mut File, size: u64, ends_line: bool) -> std::io::Result<()> {
        let oldest = if self.bytes > size {
            head.write_all(&marker(self.bytes - size, ends_line))?;
            self.bytes % size
        } else {
            0
        };
        self.file.seek(SeekFrom::Start(oldest))?;
        std::io::copy(&mut self.file, head)?;
        self.file.rewind()?;
        std::io::copy(&mut (&self.file).take(oldest), head)?;
        Ok(())
    }
}

fn ring_path(path: &Path) -> PathBuf {
    path.with_added_extension("tail")
}

fn length(piece: &[u8]) -> u64 {
    u64::try_from(piece.len()).unwrap_or(u64::MAX)
}

fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes `0123456789…` of `bytes` bytes in pieces into a log of twice 10 bytes.
    fn logged(bytes: usize, piece: usize) -> (String, bool, usize) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let mut log = Log::with_half(path.clone(), 10);
        let text: Vec<u8> = (b'0'..=b'9').cycle().take(bytes).collect();
        for piece in text.chunks(piece) {
            log.push(piece);
        }
        let cut = log.finish();
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        (std::fs::read_to_string(path).unwrap(), cut, files)
    }

    #[test]
    fn up_to_the_limit_nothing_is_left_out() {
        for piece in [1, 3, 7, 100] {
            assert_eq!(logged(9, piece), ("012345678".to_owned(), false, 1));
            assert_eq!(logged(20, piece), ("01234567890123456789".to_owned(), false, 1));
        }
    }

    #[test]
    fn beyond_the_limit_the_beginning_and_the_end_stay() {
        for piece in [1, 3, 7, 100] {
            let text = "0123456789\n[… 17 bytes left out …]\n7890123456".to_owned();
            assert_eq!(logged(37, piece), (text, true, 1));
        }
    }

    #[test]
    fn a_full_disk_is_only_noted() {
        let mut log = Log::at(PathBuf::from("/dev/full"));
        log.push(b"x");
        log.push(b"y");
        assert!(log.finish());
    }
}
