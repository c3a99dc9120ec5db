//! The one place of the loader that touches the file system: inputs, and what `!file` pulls in.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use enact_core::diagnostic::{Diagnostic, Place, Position};

use super::LoadOptions;
use super::attachment::{self, Attachment};
use super::budget::Budget;
use super::digest::InputDigest;
use super::source::Source;
use super::text::{Text, excerpt, split_lines};

/// Reads inputs and attachments within the bounds of the options.
pub(super) struct Files<'o> {
    options: &'o LoadOptions,
    digest: InputDigest,
    seen: HashSet<PathBuf>,
    attached: HashMap<PathBuf, Rc<Attachment>>,
}

/// What has been read, and what could not be.
#[derive(Default)]
pub(super) struct Inputs {
    pub(super) texts: Vec<Text>,
    pub(super) faults: Vec<Diagnostic>,
}

impl<'o> Files<'o> {
    pub(super) fn new(options: &'o LoadOptions) -> Self {
        Self {
            options,
            digest: InputDigest::default(),
            seen: HashSet::new(),
            attached: HashMap::new(),
        }
    }

    /// The digest over everything read so far.
    pub(super) fn digest(&self) -> String {
        self.digest.text()
    }

    /// Reads every source, in order.
    pub(super) fn inputs(&mut self, sources: &[Source], budget: &mut Budget) -> Inputs {
        let mut inputs = Inputs::default();
        for source in sources {
            match source {
                Source::Stdin(bytes) => self.stdin(bytes, budget, &mut inputs),
                Source::Path(path) => self.path(path, budget, &mut inputs),
            }
        }
        inputs
    }

    fn stdin(&mut self, bytes: &[u8], budget: &mut Budget, inputs: &mut Inputs) {
        let directory = PathBuf::from(".");
        let accepted = if bytes.len() as u64 > self.options.limits.file_bytes {
            Err(too_large("<stdin>", self.options.limits.file_bytes))
        } else {
            self.text("<stdin>", bytes.to_vec(), (directory.clone(), directory), budget)
        };
        inputs.take(accepted);
    }

    fn path(&mut self, path: &Path, budget: &mut Budget, inputs: &mut Inputs) {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return inputs.faults.push(unreadable(path, &error)),
        };
        if metadata.is_dir() {
            return self.directory(path, budget, inputs);
        }
        if !is_yaml(path) {
            let fault = Diagnostic::error(format!("`{}` is not a YAML file", path.display()))
                .detail("expected a name that ends in `.yaml` or `.yml`")
                .hint("rename it; JSON content is fine in a `.yaml` file");
            return inputs.faults.push(fault);
        }
        let base = parent(path);
        let accepted = self.file(path, &base, budget);
        inputs.take(accepted);
    }

    fn directory(&mut self, path: &Path, budget: &mut Budget, inputs: &mut Inputs) {
        let mut walk = Walk {
            recursive: self.options.recursive,
            depth: self.options.limits.directory_depth,
            files: self.options.limits.files.saturating_sub(inputs.texts.len()),
            found: Vec::new(),
            sub_directories: false,
        };
        if let Err(fault) = walk.enter(path, 0) {
            return inputs.faults.push(fault);
        }
        if walk.found.is_empty() {
            return inputs.faults.push(empty_directory(path, &walk));
        }
        for file in walk.found {
            let accepted = self.file(&file, path, budget);
            inputs.take(accepted);
        }
    }

    fn file(&mut self, path: &Path, base: &Path, budget: &mut Budget) -> Result<Text, Diagnostic> {
        let canonical = fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
        if !self.seen.insert(canonical) {
            let fault = format!("`{}` is given twice", path.display());
            return Err(Diagnostic::error(fault).hint("leave one of them out"));
        }
        let bytes = read_bounded(path, self.options.limits.file_bytes)?;
        let places = (parent(path), base.to_owned());
        self.text(&path.display().to_string(), bytes, places, budget)
    }

    fn text(
        &mut self,
        name: &str,
        bytes: Vec<u8>,
        (directory, base): (PathBuf, PathBuf),
        budget: &mut Budget,
    ) -> Result<Text, Diagnostic> {
        if !budget.take_bytes(bytes.len()) {
            return Err(
                Diagnostic::error(format!("the files are too large together, last `{name}`"))
                    .detail(format!(
                        "at most {} bytes per load",
                        self.options.limits.total_bytes
                    ))
                    .hint("split the set into several runs"),
            );
        }
        self.digest.add(name, &bytes);
        let mut body = String::from_utf8(bytes).map_err(|error| not_utf8(name, &error))?;
        if body.starts_with('\u{feff}') {
            body.remove(0);
        }
        Ok(Text {
            name: name.to_owned(),
            body,
            directory,
            base: self.options.base_dir.clone().unwrap_or(base),
        })
    }

    /// Reads what a `!file` in `text` names. A file is read once per load.
    ///
    /// # Errors
    /// A fault without place: the tag's place is the caller's to know.
    pub(super) fn attach(&mut self, text: &Text, path: &str) -> Result<Rc<Attachment>, Diagnostic> {
        let wanted = Path::new(path);
        if path.is_empty() {
            return Err(Diagnostic::error("`!file` names no file").hint("write `!file ./path`"));
        }
        if wanted.has_root() || wanted.is_absolute() {
            return Err(
                Diagnostic::error(format!("`!file` cannot take the absolute path `{path}`"))
                    .hint("write it relative to the file that contains the tag"),
            );
        }
        let joined = tidy(&text.directory.join(wanted));
        let canonical = self.inside(&joined, &text.base)?;
        if let Some(attachment) = self.attached.get(&canonical) {
            return Ok(Rc::clone(attachment));
        }
        let bytes = read_bounded(&joined, self.options.limits.file_bytes)?;
        self.digest.add(&joined.display().to_string(), &bytes);
        let nesting = self.options.limits.nesting;
        let attachment = Rc::new(attachment::interpret(&joined, bytes, nesting)?);
        self.attached.insert(canonical, Rc::clone(&attachment));
        Ok(attachment)
    }

    /// The real path, if it lies inside the base directory.
    fn inside(&self, joined: &Path, base: &Path) -> Result<PathBuf, Diagnostic> {
        let real_base = fs::canonicalize(base).map_err(|error| unreadable(base, &error))?;
        let outside = || {
            let fault = format!("`!file` leads outside the base directory: `{}`", joined.display());
            Diagnostic::error(fault)
                .detail(format!("the base directory is `{}`", base.display()))
                .hint("move the file there, or choose a wider directory with `--base-dir`")
        };
        match fs::canonicalize(joined) {
            Ok(real) if real.starts_with(&real_base) => Ok(real),
            Ok(_) => Err(outside()),
            // Whether something exists outside is not for the message to tell.
            Err(_) if leaves(joined, base) => Err(outside()),
            Err(error) => Err(unreadable(joined, &error)),
        }
    }
}

impl Inputs {
    fn take(&mut self, result: Result<Text, Diagnostic>) {
        match result {
            Ok(text) => self.texts.push(text),
            Err(fault) => self.faults.push(fault),
        }
    }
}

/// A bounded walk through directories, in the order of names.
struct Walk {
    recursive: bool,
    depth: usize,
    files: usize,
    found: Vec<PathBuf>,
    sub_directories: bool,
}

impl Walk {
    fn enter(&mut self, directory: &Path, depth: usize) -> Result<(), Diagnostic> {
        if depth > self.depth {
            let fault = format!(
                "`{}` lies deeper than {} directories",
                directory.display(),
                self.depth
            );
            return Err(Diagnostic::error(fault).hint("name the deep directories with `-f` of their own"));
        }
        let read = || -> io::Result<Vec<fs::DirEntry>> { fs::read_dir(directory)?.collect() };
        let mut entries = read().map_err(|error| unreadable(directory, &error))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            self.entry(&entry, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &fs::DirEntry, depth: usize) -> Result<(), Diagnostic> {
        let path = entry.path();
        // `file_type` does not follow symbolic links, so a linked directory is never entered.
        let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
        if kind.is_dir() {
            self.sub_directories = true;
            return if self.recursive {
                self.enter(&path, depth + 1)
            } else {
                Ok(())
            };
        }
        if !is_yaml(&path) || (kind.is_symlink() && path.is_dir()) {
            return Ok(());
        }
        if self.found.len() >= self.files {
            let fault = format!("there are too many YAML files, last `{}`", path.display());
            return Err(Diagnostic::error(fault).hint("split the set into several runs"));
        }
        self.found.push(path);
        Ok(())
    }
}

fn empty_directory(path: &Path, walk: &Walk) -> Diagnostic {
    let fault = Diagnostic::error(format!("`{}` holds no YAML file", path.display()))
        .detail("expected files that end in `.yaml` or `.yml`");
    if walk.sub_directories && !walk.recursive {
        return fault.hint("it has sub-directories: read those too with `-R`");
    }
    fault.hint("name another directory with `-f`")
}

/// Reads a regular file of bounded size.
fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, Diagnostic> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    // Asked before opening: opening a pipe would wait for its writer.
    if !metadata.is_file() {
        let fault = format!("`{}` is not a regular file", path.display());
        return Err(Diagnostic::error(fault).hint("name a file"));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut bytes = Vec::new();
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(&path.display().to_string(), limit));
    }
    Ok(bytes)
}

fn too_large(name: &str, limit: u64) -> Diagnostic {
    Diagnostic::error(format!("`{name}` is larger than {limit} bytes")).hint("split it")
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    let path = path.display();
    if error.kind() == io::ErrorKind::NotFound {
        return Diagnostic::error(format!("`{path}` does not exist")).hint("check the path");
    }
    Diagnostic::error(format!("cannot read `{path}`: {error}"))
}

fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Diagnostic {
    let offset = error.utf8_error().valid_up_to();
    let before = String::from_utf8_lossy(error.as_bytes().get(..offset).unwrap_or_default());
    let lines = split_lines(&before);
    let last = lines.last().copied().unwrap_or("");
    let fault = Diagnostic::error(format!(
        "`{name}` is not UTF-8: the byte at offset {offset} does not belong"
    ));
    fault.hint("save the file as UTF-8").at(Place {
        file: name.to_owned(),
        position: Some(Position {
            line: u32::try_from(lines.len()).unwrap_or(u32::MAX),
            column: u32::try_from(last.chars().count() + 1).unwrap_or(u32::MAX),
        }),
        excerpt: excerpt(last),
        length: 1,
    })
}

fn is_yaml(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
    })
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The path as a person would write it: without `.` steps.
fn tidy(path: &Path) -> PathBuf {
    path.components()
        .filter(|component| *component != Component::CurDir)
        .collect()
}

/// Does the path leave the base by its letters alone?
fn leaves(path: &Path, base: &Path) -> bool {
    !lexical(path).starts_with(lexical(base))
}

fn lexical(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if result.file_name().is_some() => {
                result.pop();
            }
            Component::ParentDir | Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                result.push(component);
            }
        }
    }
    result
}
