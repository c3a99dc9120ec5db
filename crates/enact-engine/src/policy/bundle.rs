//! A bundle: the Rego files, their tests and their data, as one value with a digest. Reading files is
//! [`super::read`]'s; what they mean is decided in [`super::compile`] and [`super::data`].

use std::path::{Path, PathBuf};

use enact_core::canonical::Digest;
use enact_core::diagnostic::Diagnostic;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::data::data;
use super::limits::{MAX_BUNDLE_BYTES, MAX_FILE_BYTES, MAX_FILES};
use super::read::{read, too_long};

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleFile {
    /// Its path below the bundle's root, with `/`: `plan/deletions.rego`.
    pub path: String,
    /// What is in it.
    pub text: String,
}

impl BundleFile {
    /// Is it Rego, and no test?
    pub fn is_policy(&self) -> bool {
        self.path.ends_with(".rego") && !self.is_test()
    }

    /// Is it a file of tests (`*_test.rego`)?
    pub fn is_test(&self) -> bool {
        self.path.ends_with("_test.rego")
    }

    /// Is it a data document (`data.json`, `data.yaml`, `data.yml`)?
    pub fn is_data(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        matches!(name, "data.json" | "data.yaml" | "data.yml")
    }
}

/// Policies as they were written. The same bytes under the same names have the same digest, wherever they came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Where it came from, for messages: a path, or `built-in`.
    pub origin: String,
    files: Vec<BundleFile>,
}

impl Bundle {
    /// A bundle from memory. Files are sorted by path.
    ///
    /// # Errors
    /// When it exceeds a bound of [`super::limits`], or when two files have one path.
    pub fn new(origin: impl Into<String>, mut files: Vec<BundleFile>) -> Result<Self, Diagnostic> {
        let origin = origin.into();
        files.sort();
        if let Some(pair) = files
            .windows(2)
            .find(|pair| matches!(pair, [a, b] if a.path == b.path))
        {
            let twice = pair.first().map_or("", |file| file.path.as_str());
            return Err(Diagnostic::error(format!(
                "two files of the bundle are called {twice}"
            )));
        }
        check_sizes(&origin, &files)?;
        Ok(Self { origin, files })
    }

    /// The bundle that is part of the program; its bounds are those of the repository.
    pub(super) fn embedded(origin: &str, mut files: Vec<BundleFile>) -> Self {
        files.sort();
        Self {
            origin: origin.to_owned(),
            files,
        }
    }

    /// Reads a directory (with what is below it) or a single `.rego` file, as [`super::read`] says.
    ///
    /// # Errors
    /// When nothing can be read there, no Rego is there, or a bound is exceeded.
    pub fn read(path: &Path) -> Result<Self, Diagnostic> {
        let bundle = Self::new(path.display().to_string(), read(path)?)?;
        if bundle.policies().next().is_none() {
            return Err(
                Diagnostic::error(format!("the policy directory {} holds no policy", bundle.origin))
                    .hint("a policy is a file whose name ends in .rego (and not in _test.rego)"),
            );
        }
        Ok(bundle)
    }

    /// Reads several directories and files into one bundle, for tests: there need be no policy among them. What is named
    /// twice counts once.
    ///
    /// # Errors
    /// As [`Bundle::read`], and when two different files have one path.
    pub fn read_several(paths: &[PathBuf]) -> Result<Self, Diagnostic> {
        let mut files = Vec::new();
        for path in paths {
            files.extend(read(path)?);
        }
        files.sort();
        files.dedup();
        let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let several = paths.len() > 1;
        Self::new(shown.join(", "), files).map_err(|fault| {
            if several {
                fault.hint("name one directory at a time, or the one above them")
            } else {
                fault
            }
        })
    }

    /// All files, sorted by path.
    pub fn files(&self) -> &[BundleFile] {
        &self.files
    }

    /// The Rego files that are no tests.
    pub fn policies(&self) -> impl Iterator<Item = &BundleFile> {
        self.files.iter().filter(|file| file.is_policy())
    }

    /// The files of tests.
    pub fn tests(&self) -> impl Iterator<Item = &BundleFile> {
        self.files.iter().filter(|file| file.is_test())
    }

    /// A file by its path.
    pub fn file(&self, path: &str) -> Option<&BundleFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The name of what is in it: over every path and every byte, tests and data included.
    pub fn digest(&self) -> Digest {
        let listed: Vec<(&str, Digest)> = self
            .files
            .iter()
            .map(|file| (file.path.as_str(), Digest::of(file.text.as_bytes())))
            .collect();
        // A list of pairs of text always has a JSON form.
        let text = serde_json::to_vec(&listed).unwrap_or_default();
        Digest::of(&text)
    }

    /// The data documents as one tree: `data.yaml` at the root, others below the names of their directories, as OPA does.
    ///
    /// # Errors
    /// Each document that cannot be read, and each value that two documents set.
    pub fn data(&self) -> Result<Value, Vec<Diagnostic>> {
        data(self.files.iter().filter(|file| file.is_data()))
    }
}

fn check_sizes(origin: &str, files: &[BundleFile]) -> Result<(), Diagnostic> {
    if files.len() > MAX_FILES {
        return Err(Diagnostic::error(format!(
            "{origin} holds {} files; at most {MAX_FILES} are read",
            files.len()
        )));
    }
    if let Some(long) = files.iter().find(|file| file.text.len() > MAX_FILE_BYTES) {
        return Err(too_long(&long.path, Some(long.text.len())));
    }
    let total: usize = files.iter().map(|file| file.text.len()).sum();
    if total > MAX_BUNDLE_BYTES {
        return Err(Diagnostic::error(format!(
            "{origin} is {total} bytes long; at most {MAX_BUNDLE_BYTES} are read"
        )));
    }
    Ok(())
}
