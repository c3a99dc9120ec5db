//! Policies from the disk. What looks like a policy and cannot be read is a fault, never left out: a rule that is missing
//! would let more through.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use enact_core::diagnostic::Diagnostic;

use super::bundle::BundleFile;
use super::limits::{MAX_FILE_BYTES, MAX_FILES, MAX_FOLDER_DEPTH};

/// Reads a directory with what is below it, or one file. Hidden names are left out, as are files of other kinds. Links are
/// followed, because that is how Kubernetes mounts a ConfigMap (`a.rego` → `..data/a.rego`, `plan` → `..data/plan`).
///
/// # Errors
/// When something cannot be read, is no text, links to nothing or in a circle, or exceeds a bound of [`super::limits`].
pub(super) fn read(path: &Path) -> Result<Vec<BundleFile>, Diagnostic> {
    let kind = std::fs::metadata(path).map_err(|error| {
        Diagnostic::error(format!(
            "the policy directory {} cannot be read: {error}",
            path.display()
        ))
        .hint("name a directory of .rego files, or write one to start from: enact policy init DIR")
    })?;
    let mut files = Vec::new();
    if kind.is_dir() {
        let above = vec![(kind.dev(), kind.ino())];
        read_folder(path, "", &above, &mut files)?;
    } else if kind.is_file() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        files.push(BundleFile {
            path: name.into_owned(),
            text: read_file(path)?,
        });
    } else {
        return Err(no_file(path));
    }
    Ok(files)
}

/// `above` are the directories on the way here, to notice a link that leads back to one of them.
fn read_folder(
    folder: &Path,
    below: &str,
    above: &[(u64, u64)],
    files: &mut Vec<BundleFile>,
) -> Result<(), Diagnostic> {
    if above.len() > MAX_FOLDER_DEPTH + 1 {
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
        let path = folder.join(&name);
        let Some(name) = name.to_str() else {
            refuse_unnamed(&path)?;
            continue;
        };
        let inner = if below.is_empty() {
            name.to_owned()
        } else {
            format!("{below}/{name}")
        };
        read_entry(&path, inner, above, files)?;
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
    above: &[(u64, u64)],
    files: &mut Vec<BundleFile>,
) -> Result<(), Diagnostic> {
    let kind = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if kind.is_dir() {
        let here = (kind.dev(), kind.ino());
        if above.contains(&here) {
            return Err(
                Diagnostic::error(format!("{} leads back to a directory above it", path.display()))
                    .hint("remove the link"),
            );
        }
        let above: Vec<(u64, u64)> = above.iter().copied().chain([here]).collect();
        return read_folder(path, &inner, &above, files);
    }
    let mut file = BundleFile {
        path: inner,
        text: String::new(),
    };
    if !file.path.ends_with(".rego") && !file.is_data() {
        return Ok(());
    }
    if !kind.is_file() {
        return Err(no_file(path));
    }
    file.text = read_file(path)?;
    files.push(file);
    Ok(())
}

/// A name that is no text cannot be a path of a bundle. That matters where it names a policy or a directory.
fn refuse_unnamed(path: &Path) -> Result<(), Diagnostic> {
    let matters = path.is_dir() || path.extension().is_some_and(|extension| extension == "rego");
    if matters {
        return Err(
            Diagnostic::error(format!("the name {} is not UTF-8 text", path.display())).hint("rename it"),
        );
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
        return Err(too_long(&path.display().to_string(), None));
    }
    String::from_utf8(bytes).map_err(|error| not_text(path, &error))
}

fn not_text(path: &Path, error: &std::string::FromUtf8Error) -> Diagnostic {
    let valid = error.as_bytes().get(..error.utf8_error().valid_up_to());
    let line = valid
        .unwrap_or_default()
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1;
    Diagnostic::error(format!("{} is not UTF-8 text (line {line})", path.display()))
        .hint("save it as UTF-8, without other encodings in comments or texts")
}

fn no_file(path: &Path) -> Diagnostic {
    Diagnostic::error(format!("{} is neither a file nor a directory", path.display()))
        .hint("policies are read again and again, so a pipe or a device cannot hold them")
}

/// A file of so many bytes, or of more than may be read.
pub(super) fn too_long(path: &str, bytes: Option<usize>) -> Diagnostic {
    let length = bytes.map_or_else(|| "too".to_owned(), |bytes| format!("{bytes} bytes"));
    Diagnostic::error(format!(
        "{path} is {length} long; at most {MAX_FILE_BYTES} bytes are read"
    ))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|kind| kind.is_symlink());
    if is_link && error.kind() == std::io::ErrorKind::NotFound {
        return Diagnostic::error(format!("{} is a link to nothing", path.display()))
            .hint("mend the link or remove it; a policy that is missing is not left out");
    }
    Diagnostic::error(format!("{} cannot be read: {error}", path.display()))
        .hint("a policy that cannot be read is not left out")
}
