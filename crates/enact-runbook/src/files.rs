//! Files that a runbook names, read through a trait: compiling itself touches nothing.

use std::collections::BTreeMap;

/// The most bytes of one file that a runbook names.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// Why a file cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// There is none.
    #[error("it does not exist")]
    Missing,
    /// It is longer than asked for.
    #[error("it has more than {limit} bytes")]
    TooLarge {
        /// How many were asked for at most.
        limit: u64,
    },
    /// Anything else: a directory, no permission, a link that leads out of the folder.
    #[error("{0}")]
    Other(String),
}

/// The folder of a runbook.
pub trait Files {
    /// The content of a file by its path from the runbook's folder, `/` between its parts, without `..`.
    ///
    /// # Errors
    /// See [`FileFault`]. A link that leads out of the folder is refused.
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileFault>;

    /// Is there a file of this path?
    fn exists(&self, path: &str) -> bool;

    /// The path from the runbook's folder of a file inside of it that is named in a roundabout way: absolute, or with `..`.
    fn found_inside(&self, path: &str) -> Option<String> {
        normal_path(path).ok().filter(|path| self.exists(path))
    }
}

/// Files in memory: a runbook that comes alone has none.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles(pub BTreeMap<String, Vec<u8>>);

impl Files for MemoryFiles {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileFault> {
        let content = self.0.get(path).ok_or(FileFault::Missing)?;
        if content.len() as u64 > limit {
            return Err(FileFault::TooLarge { limit });
        }
        Ok(content.clone())
    }

    fn exists(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }
}

/// A path from the runbook's folder in its one spelling: no `.`, no `..`, not absolute.
///
/// # Errors
/// Why it cannot be one.
pub fn normal_path(path: &str) -> Result<String, String> {
    if path.starts_with('/') || path.starts_with('~') {
        return Err("expected a path inside the runbook's folder, found one from outside".to_owned());
    }
    if path.contains('\\') || path.contains('\0') {
        return Err("expected a path with `/` between its parts".to_owned());
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Err("the path leads out of the runbook's folder".to_owned());
                }
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Err("expected the path of a file".to_owned());
    }
    Ok(parts.join("/"))
}

/// A path inside a folder, both from the runbook's folder; an empty folder is that itself.
pub(crate) fn join(folder: &str, path: &str) -> String {
    if folder.is_empty() {
        path.to_owned()
    } else {
        format!("{folder}/{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_spelling_and_stays_inside() {
        assert_eq!(normal_path("./a//b/../c.sh"), Ok("a/c.sh".to_owned()));
        for outside in ["/etc/passwd", "../x", "a/../../x", "~/x", "a\\b", ".", ""] {
            assert!(normal_path(outside).is_err(), "{outside}");
        }
    }
}
