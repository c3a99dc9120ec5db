//! A bundle: the Rego files, their tests and their data, as one value with a digest. Reading a directory is the only effect
//! here; what the files mean is decided in [`super::compile`].

use std::path::{Path, PathBuf};

use enact_core::canonical::Digest;
use enact_core::diagnostic::{Diagnostic, Place};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::limits::{MAX_BUNDLE_BYTES, MAX_FILE_BYTES, MAX_FILES, MAX_FOLDER_DEPTH};

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

    /// Reads a directory (with what is below it) or a single `.rego` file. Hidden names are left out, as are files of other
    /// kinds; links are followed, because that is how Kubernetes mounts a ConfigMap.
    ///
    /// # Errors
    /// When nothing can be read there, no Rego is there, or a bound is exceeded.
    pub fn read(path: &Path) -> Result<Self, Diagnostic> {
        let shown = path.display().to_string();
        let kind = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        let files = if kind.is_dir() {
            let mut files = Vec::new();
            read_folder(path, "", 0, &mut files)?;
            files
        } else {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            vec![BundleFile {
                path: name,
                text: read_file(path)?,
            }]
        };
        let bundle = Self::new(shown, files)?;
        if bundle.policies().next().is_none() {
            return Err(
                Diagnostic::error(format!("the policy directory {} holds no policy", bundle.origin))
                    .hint("a policy is a file whose name ends in .rego (and not in _test.rego)"),
            );
        }
        Ok(bundle)
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
        let mut root = Value::Object(Map::new());
        let mut faults = Vec::new();
        for file in self.files.iter().filter(|file| file.is_data()) {
            match parse_data(file).and_then(|value| merge(&mut root, rooted(file, value), file)) {
                Ok(()) => {}
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(root) } else { Err(faults) }
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
        return Err(too_long(&long.path, long.text.len()));
    }
    let total: usize = files.iter().map(|file| file.text.len()).sum();
    if total > MAX_BUNDLE_BYTES {
        return Err(Diagnostic::error(format!(
            "{origin} is {total} bytes long; at most {MAX_BUNDLE_BYTES} are read"
        )));
    }
    Ok(())
}

fn too_long(path: &str, bytes: usize) -> Diagnostic {
    Diagnostic::error(format!(
        "{path} is {bytes} bytes long; at most {MAX_FILE_BYTES} are read"
    ))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!(
        "the policy directory {} cannot be read: {error}",
        path.display()
    ))
    .hint("name a directory of .rego files, or write one to start from: enact policy init DIR")
}

fn read_folder(
    folder: &Path,
    below: &str,
    depth: usize,
    files: &mut Vec<BundleFile>,
) -> Result<(), Diagnostic> {
    if depth > MAX_FOLDER_DEPTH {
        return Err(Diagnostic::error(format!(
            "{} is nested deeper than {MAX_FOLDER_DEPTH} directories",
            folder.display()
        )));
    }
    let failed = |error: std::io::Error| unreadable(folder, &error);
    let mut names: Vec<std::ffi::OsString> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name());
    }
    names.sort();
    for name in names {
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let Some(name) = name.to_str() else {
            return Err(Diagnostic::error(format!(
                "the name of {} is not UTF-8 text",
                folder.join(&name).display()
            ))
            .hint("rename it, or remove it from the directory"));
        };
        let path = folder.join(name);
        let inner = if below.is_empty() {
            name.to_owned()
        } else {
            format!("{below}/{name}")
        };
        read_entry(&path, inner, depth, files)?;
        if files.len() > MAX_FILES {
            return Err(Diagnostic::error(format!(
                "{} holds more than {MAX_FILES} files",
                folder.display()
            )));
        }
    }
    Ok(())
}

fn read_entry(
    path: &Path,
    inner: String,
    depth: usize,
    files: &mut Vec<BundleFile>,
) -> Result<(), Diagnostic> {
    // Links are followed, to directories too: so Kubernetes mounts the parts of a ConfigMap whose paths have a `/`.
    let found = std::fs::metadata(path);
    if found.as_ref().is_ok_and(std::fs::Metadata::is_dir) {
        return read_folder(path, &inner, depth + 1, files);
    }
    let mut file = BundleFile {
        path: inner,
        text: String::new(),
    };
    if file.path.ends_with(".rego") || file.is_data() {
        let found = found.map_err(|error| unreadable(path, &error))?;
        if !found.is_file() {
            return Err(Diagnostic::error(format!("{} is not a file", path.display())));
        }
        file.text = read_file(path)?;
        files.push(file);
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<String, Diagnostic> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(path, &error))?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(too_long(&path.display().to_string(), bytes.len()));
    }
    String::from_utf8(bytes).map_err(|_| Diagnostic::error(format!("{} is not UTF-8 text", path.display())))
}

fn parse_data(file: &BundleFile) -> Result<Value, Diagnostic> {
    let place = || Place {
        file: file.path.clone(),
        position: None,
        excerpt: String::new(),
        length: 0,
    };
    let parsed = if file.path.ends_with(".json") {
        serde_json::from_str(&file.text).map_err(|error| error.to_string())
    } else {
        serde_saphyr::from_str(&file.text).map_err(|error| error.to_string())
    };
    let value: Value = parsed
        .map_err(|error| Diagnostic::error(format!("{} is not readable: {error}", file.path)).at(place()))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Diagnostic::error(format!("{} must hold an object", file.path)).at(place()))
    }
}

/// A document below the names of its directories.
fn rooted(file: &BundleFile, value: Value) -> Value {
    let folders: PathBuf = Path::new(&file.path)
        .parent()
        .map(Path::to_owned)
        .unwrap_or_default();
    folders.components().rev().fold(value, |inner, folder| {
        let name = folder.as_os_str().to_string_lossy().into_owned();
        Value::Object(Map::from_iter([(name, inner)]))
    })
}

fn merge(into: &mut Value, from: Value, file: &BundleFile) -> Result<(), Diagnostic> {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(there) => merge(there, value, file)?,
                    None => {
                        into.insert(key, value);
                    }
                }
            }
            Ok(())
        }
        _ => Err(Diagnostic::error(format!(
            "{} sets a value that another data document sets too",
            file.path
        ))),
    }
}
