//! Pinned files: what the plan holds the digests of. Nothing of the plan is run or relied upon while one of them has another
//! content than was approved, whichever of them a command names: a script may read another one.

use std::collections::BTreeMap;
use std::path::Path;

use enact_core::canonical::Digest;
use enact_core::change::Change;
use enact_core::journal::Mismatch;
use jiff::Timestamp;

use super::RunbookProvider;
use super::preflight::mismatch;
use crate::disk;
use crate::spec::{Document, PinnedFile};

/// The largest pinned file, in bytes.
const MAX_PINNED: u64 = 64 * 1024 * 1024;

/// A file that was changed so short a while ago is read each time: the clock of file systems is too coarse to tell two changes
/// apart that follow each other at once. In seconds.
const SETTLED: i64 = 2;

/// What a file's metadata said when its digest was last found right: it is read again only when that changed.
#[derive(Debug, Default)]
pub(crate) struct Pinned(BTreeMap<String, Stamp>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    /// The last change of the inode, in seconds and nanoseconds. Its owner cannot set it back.
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Would another change of the file show?
    fn is_settled(self, now: Timestamp) -> bool {
        now.as_second() > self.changed.0.saturating_add(SETTLED)
    }
}

impl Pinned {
    /// Whether the file is as it was pinned. An error says why it cannot be told.
    fn is_as_pinned(&mut self, path: &Path, file: &PinnedFile, now: Timestamp) -> Result<bool, String> {
        let (open, metadata) = disk::open(path).map_err(|error| error.to_string())?;
        let stamp = Stamp::of(&metadata);
        if self.0.get(&file.path) == Some(&stamp) {
            return Ok(true);
        }
        let bytes = disk::read_open(open, MAX_PINNED).map_err(|error| error.to_string())?;
        let same = Digest::of(&bytes).as_str() == file.digest;
        if same && stamp.is_settled(now) {
            self.0.insert(file.path.clone(), stamp);
        }
        Ok(same)
    }

    /// Every file that is not as it was pinned, with what is there instead.
    fn changed<'d>(
        &mut self,
        document: &'d Document,
        folder: &Path,
        now: Timestamp,
    ) -> Vec<(&'d PinnedFile, String)> {
        let mut changed = Vec::new();
        for file in &document.files {
            match self.is_as_pinned(&folder.join(&file.path), file, now) {
                Ok(true) => {}
                Ok(false) => changed.push((file, "another content".to_owned())),
                Err(why) => changed.push((file, why)),
            }
        }
        changed
    }
}

/// Are all pinned files as they were approved?
///
/// # Errors
/// In words, for the first that is not.
pub fn as_pinned(document: &Document, folder: &Path) -> Result<(), String> {
    first_in_words(&Pinned::default().changed(document, folder, Timestamp::UNIX_EPOCH))
}

fn first_in_words(changed: &[(&PinnedFile, String)]) -> Result<(), String> {
    match changed.first() {
        None => Ok(()),
        Some((file, why)) if why == "another content" => Err(format!(
            "pinned file {} has another content than was approved",
            file.path
        )),
        Some((file, why)) => Err(format!(
            "pinned file {} is not as it was approved: {why}",
            file.path
        )),
    }
}

impl RunbookProvider<'_> {
    /// Files that are not what they were when the plan was frozen.
    pub(crate) fn changed_files(&self, change: &Change) -> Vec<Mismatch> {
        self.not_as_pinned()
            .iter()
            .map(|(file, found)| mismatch(change, &format!("file {}", file.path), &file.digest, found))
            .collect()
    }

    /// The same for whatever runs: an error says which file keeps it from running.
    pub(crate) fn as_pinned(&self) -> Result<(), String> {
        first_in_words(&self.not_as_pinned())
    }

    fn not_as_pinned(&self) -> Vec<(&PinnedFile, String)> {
        let mut pinned = self.pinned.borrow_mut();
        pinned.changed(&self.document, &self.host.folder, self.now())
    }
}
