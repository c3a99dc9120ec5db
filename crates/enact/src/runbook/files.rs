//! The folder of a runbook on disk. Nothing outside of it is read.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use enact_runbook::files::{FileFault, Files};

/// A folder.
pub(crate) struct DiskFiles {
    folder: PathBuf,
}

impl DiskFiles {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
        }
    }

    /// The file itself, links followed, when it is inside of the folder.
    fn inside(&self, path: &str) -> Result<PathBuf, FileFault> {
        let root =
            std::fs::canonicalize(&self.folder).map_err(|error| FileFault::Other(error.to_string()))?;
        let found = std::fs::canonicalize(root.join(path)).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                FileFault::Missing
            } else {
                FileFault::Other(error.to_string())
            }
        })?;
        if !found.starts_with(&root) {
            return Err(FileFault::Other(
                "it leads out of the runbook's folder".to_owned(),
            ));
        }
        if !found.is_file() {
            return Err(FileFault::Other("it is not a file".to_owned()));
        }
        Ok(found)
    }
}

impl Files for DiskFiles {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileFault> {
        let other = |error: std::io::Error| FileFault::Other(error.to_string());
        let file = std::fs::File::open(self.inside(path)?).map_err(other)?;
        let mut content = Vec::new();
        file.take(limit.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(other)?;
        if content.len() as u64 > limit {
            return Err(FileFault::TooLarge { limit });
        }
        Ok(content)
    }

    fn exists(&self, path: &str) -> bool {
        self.inside(path).is_ok()
    }

    fn found_inside(&self, path: &str) -> Option<String> {
        let root = std::fs::canonicalize(&self.folder).ok()?;
        let found = self.inside(path).ok()?;
        let inside = found.strip_prefix(&root).ok()?;
        inside.to_str().map(ToOwned::to_owned)
    }
}
