//! Reading files that commands of a plan may have made: only regular ones, and only so much of them. A pipe or a device in place
//! of a file would be read for ever, and what a file's metadata says of its length is not what there is to read.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{Error, ErrorKind, Read as _, Result};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Opens a regular file, links followed, with what is known of it.
///
/// # Errors
/// It cannot be opened, or is a folder, a pipe, a device.
pub fn open(path: &Path) -> Result<(File, Metadata)> {
    // A pipe that nobody writes to would keep `open` itself waiting.
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        return Ok((file, metadata));
    }
    Err(Error::new(ErrorKind::InvalidInput, "it is no regular file"))
}

/// All of a regular file of at most `limit` bytes.
///
/// # Errors
/// As [`open`], or it is longer.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let (file, _) = open(path)?;
    read_open(file, limit)
}

/// All of an open file of at most `limit` bytes.
///
/// # Errors
/// It cannot be read, or is longer.
pub fn read_open(file: File, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let why = format!("it is longer than {limit} bytes");
        return Err(Error::new(ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

/// The same as text.
///
/// # Errors
/// As [`read`], or it is no UTF-8.
pub fn read_text(path: &Path, limit: u64) -> Result<String> {
    String::from_utf8(read(path, limit)?)
        .map_err(|_| Error::new(ErrorKind::InvalidData, "it is no text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read_and_only_so_much_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(
            read(&path, 4).unwrap_err().to_string(),
            "it is longer than 4 bytes"
        );
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(read_text(&link, 5).unwrap(), "12345");
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for odd in [&pipe, Path::new("/dev/zero"), folder.path()] {
            assert_eq!(read(odd, 5).unwrap_err().to_string(), "it is no regular file");
        }
        // What has no length by its metadata is read up to the bound all the same.
        assert!(read(Path::new("/proc/self/stat"), 5).is_err());
        assert!(!read(Path::new("/proc/self/stat"), 4096).unwrap().is_empty());
    }
}
