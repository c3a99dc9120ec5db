//! Secrets that a command reads from files: one private file for each, there while the command runs and no longer.
//!
//! The supervisor writes them after its mark, so that whoever finds them can tell from the mark whether they are still in
//! use; see [`super::spool::remove_left_secrets`].

use std::collections::BTreeMap;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

/// The folder of these files in that of an attempt.
pub(super) fn folder(attempt_dir: &Path) -> PathBuf {
    attempt_dir.join("secrets")
}

/// The file whose path a variable of the command holds.
pub(super) fn path(attempt_dir: &Path, variable: &str) -> PathBuf {
    folder(attempt_dir).join(variable)
}

/// Removes the files of an attempt. A folder that is not there is as good.
pub(super) fn remove(attempt_dir: &Path) {
    std::fs::remove_dir_all(folder(attempt_dir)).ok();
}

/// The files of a command that runs. They are removed with this, also where only some of them could be written.
#[derive(Debug)]
pub(super) struct SecretFiles {
    attempt_dir: Option<PathBuf>,
}

impl SecretFiles {
    /// Writes them (0600, their folder 0700), by the variables that will hold their paths.
    pub(super) fn write(attempt_dir: &Path, contents: &BTreeMap<String, String>) -> std::io::Result<Self> {
        if contents.is_empty() {
            return Ok(Self { attempt_dir: None });
        }
        DirBuilder::new().mode(0o700).create(folder(attempt_dir))?;
        let files = Self {
            attempt_dir: Some(attempt_dir.to_owned()),
        };
        for (variable, content) in contents {
            if !is_plain(variable) {
                let why = format!("{variable:?} cannot be the name of a file");
                return Err(std::io::Error::other(why));
            }
            let mut options = OpenOptions::new();
            let options = options.write(true).create_new(true).mode(0o600);
            let mut file = options.open(path(attempt_dir, variable))?;
            file.write_all(content.as_bytes())?;
        }
        Ok(files)
    }
}

impl Drop for SecretFiles {
    fn drop(&mut self) {
        if let Some(attempt_dir) = &self.attempt_dir {
            remove(attempt_dir);
        }
    }
}

/// The name of a variable comes from a plan, and must not lead out of the folder.
fn is_plain(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(only)), None) if only == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_lead_out_of_the_folder() {
        let attempt = tempfile::tempdir().unwrap();
        for name in ["../x", "a/b", "/etc/x", ".", "..", "", "a/"] {
            let contents = BTreeMap::from([
                ("A".to_owned(), "a".to_owned()),
                (name.to_owned(), "b".to_owned()),
            ]);
            assert!(SecretFiles::write(attempt.path(), &contents).is_err(), "{name}");
            assert_eq!(std::fs::read_dir(attempt.path()).unwrap().count(), 0, "{name}");
        }
    }
}
