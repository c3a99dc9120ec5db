//! What a work tree looks like: every file with a digest of its content. What is left out is decided when it is first looked at:
//! ignore rules and repositories that are made later hide nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use enact_core::canonical::Digest;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde::{Deserialize, Serialize};

/// The most files that are compared.
const MAX_FILES: usize = 200_000;

/// The largest file whose content is compared, in bytes; of larger ones size and time are.
const MAX_HASHED: u64 = 64 * 1024 * 1024;

/// The longest file of ignore rules that counts, in bytes; a longer one hides nothing.
const MAX_RULES: u64 = 1024 * 1024;

/// The file with a folder's ignore rules.
const RULES: &str = ".gitignore";

/// The folder of a repository's own data.
const REPOSITORY: &str = ".git";

/// What is left out of a work tree.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeftOut {
    /// The ignore rules, by the folder in which they hold.
    rules: BTreeMap<PathBuf, String>,
    /// The folders of repositories inside of the tree.
    repositories: BTreeSet<PathBuf>,
}

/// Every file of a work tree, by path, with a digest of its content.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Snapshot {
    files: BTreeMap<String, String>,
    left_out: LeftOut,
}

impl Snapshot {
    /// The tree as it is now, by the ignore rules that are in it now. `without` are the tool's own folders.
    pub(crate) fn take(root: &Path, without: &[PathBuf]) -> Result<Self, String> {
        let mut walk = Walk::new(root, without, LeftOut::default(), true);
        walk.rules_above();
        walk.folder(root, &[])?;
        Ok(walk.found)
    }

    /// The tree as it is now, by the ignore rules that held before.
    pub(crate) fn take_as_before(&self, root: &Path, without: &[PathBuf]) -> Result<Self, String> {
        let mut walk = Walk::new(root, without, self.left_out.clone(), false);
        walk.folder(root, &[])?;
        Ok(walk.found)
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// Paths that are new, gone or different.
    pub(crate) fn changed(&self, later: &Self) -> Vec<String> {
        let mut changed: Vec<String> = later
            .files
            .iter()
            .filter(|(path, digest)| self.files.get(*path) != Some(*digest))
            .map(|(path, _)| path.clone())
            .collect();
        let gone = self.files.keys().filter(|path| !later.files.contains_key(*path));
        changed.extend(gone.cloned());
        changed.sort();
        changed
    }
}

/// One walk through a tree.
struct Walk<'w> {
    root: &'w Path,
    without: &'w [PathBuf],
    found: Snapshot,
    /// Do the rules that it meets count?
    is_first: bool,
}

impl<'w> Walk<'w> {
    fn new(root: &'w Path, without: &'w [PathBuf], left_out: LeftOut, is_first: bool) -> Self {
        let files = BTreeMap::new();
        Self {
            root,
            without,
            found: Snapshot { files, left_out },
            is_first,
        }
    }

    /// The rules of the folders above, up to the top of the repository that the tree is a part of.
    fn rules_above(&mut self) {
        let mut folder = self.root;
        while !folder.join(REPOSITORY).exists() {
            let Some(above) = folder.parent() else { break };
            self.see_rules(above);
            folder = above;
        }
    }

    fn see_rules(&mut self, folder: &Path) {
        if let Ok(bytes) = crate::disk::read(&folder.join(RULES), MAX_RULES) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            self.found.left_out.rules.insert(folder.to_path_buf(), text);
        }
    }

    /// A folder and all below it. `above` are the rules of the folders that it is in, the nearest last.
    fn folder(&mut self, folder: &Path, above: &[Gitignore]) -> Result<(), String> {
        let mut rules = above.to_vec();
        if folder == self.root {
            rules.extend(self.rules_of_those_above());
        }
        if self.is_first {
            self.see_rules(folder);
        }
        rules.extend(self.rules_of(folder));
        let problem = |error: std::io::Error| format!("{}: {error}", folder.display());
        for entry in std::fs::read_dir(folder).map_err(problem)? {
            let entry = entry.map_err(problem)?;
            let path = entry.path();
            let is_folder = entry.file_type().map_err(problem)?.is_dir();
            if self.is_left_out(&path, is_folder) || is_ignored(&path, is_folder, &rules) {
                continue;
            }
            if is_folder {
                self.folder(&path, &rules)?;
            } else {
                self.file(&path)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), String> {
        if self.found.files.len() >= MAX_FILES {
            return Err(format!("{} has more than {MAX_FILES} files", self.root.display()));
        }
        let name = path.strip_prefix(self.root).unwrap_or(path);
        let digest = content(path)?;
        self.found.files.insert(name.display().to_string(), digest);
        Ok(())
    }

    /// The repository's own folder, those of repositories that were in the tree from the start, and the tool's own.
    fn is_left_out(&mut self, path: &Path, is_folder: bool) -> bool {
        if self.without.iter().any(|own| own == path) {
            return true;
        }
        if path.file_name().is_none_or(|name| name != REPOSITORY) {
            return false;
        }
        if path.parent() == Some(self.root) {
            return true;
        }
        if self.is_first && is_folder {
            self.found.left_out.repositories.insert(path.to_path_buf());
        }
        self.found.left_out.repositories.contains(path)
    }

    fn rules_of_those_above(&self) -> Vec<Gitignore> {
        let mut above: Vec<&Path> = self.root.ancestors().skip(1).collect();
        above.reverse();
        above
            .into_iter()
            .filter_map(|folder| self.rules_of(folder))
            .collect()
    }

    fn rules_of(&self, folder: &Path) -> Option<Gitignore> {
        let text = self.found.left_out.rules.get(folder)?;
        let mut rules = GitignoreBuilder::new(folder);
        for line in text.lines() {
            // A line that is no pattern ignores nothing.
            if let Err(error) = rules.add_line(None, line) {
                tracing::debug!(%error, "a line of ignore rules is no pattern");
            }
        }
        rules.build().ok()
    }
}

/// The nearest rules that say something decide. Rules themselves are always looked at.
fn is_ignored(path: &Path, is_folder: bool, rules: &[Gitignore]) -> bool {
    if !is_folder && path.file_name().is_some_and(|name| name == RULES) {
        return false;
    }
    let said = rules.iter().rev().map(|rules| rules.matched(path, is_folder));
    said.into_iter()
        .find(|said| !said.is_none())
        .is_some_and(|said| said.is_ignore())
}

fn content(path: &Path) -> Result<String, String> {
    let problem = |error: std::io::Error| format!("{}: {error}", path.display());
    let file = std::fs::symlink_metadata(path).map_err(problem)?;
    if file.is_symlink() {
        let target = std::fs::read_link(path).map_err(problem)?;
        return Ok(format!("link to {}", target.display()));
    }
    if file.len() > MAX_HASHED || !file.is_file() {
        use std::os::unix::fs::MetadataExt as _;
        return Ok(format!(
            "{} bytes, {}.{}",
            file.len(),
            file.mtime(),
            file.mtime_nsec()
        ));
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if file.permissions().mode() & 0o111 == 0 {
        ""
    } else {
        " executable"
    };
    let bytes = crate::disk::read(path, MAX_HASHED).map_err(problem)?;
    Ok(format!("{}{mode}", Digest::of(&bytes)))
}

/// The paths that a delegated step may change: patterns as those of `.gitignore`, of which the last that matches a path, or a
/// folder that it is in, decides.
#[derive(Debug)]
pub(crate) struct Scope(Vec<(bool, Gitignore)>);

impl Scope {
    /// From the patterns of the plan, each from the work tree's top, never from somewhere inside of it.
    pub(crate) fn new<'p>(root: &Path, patterns: impl Iterator<Item = &'p str>) -> Result<Self, String> {
        let mut scope = Vec::new();
        for written in patterns {
            let (allows, pattern) = match written.strip_prefix('!') {
                Some(pattern) => (false, pattern),
                None => (true, written),
            };
            let mut one = GitignoreBuilder::new(root);
            one.add_line(None, &format!("/{}", pattern.trim_start_matches('/')))
                .map_err(|error| error.to_string())?;
            scope.push((allows, one.build().map_err(|error| error.to_string())?));
        }
        Ok(Self(scope))
    }

    /// May this path be changed?
    pub(crate) fn allows(&self, path: &str) -> bool {
        let path = Path::new(path);
        let last = self
            .0
            .iter()
            .rev()
            .find(|(_, pattern)| pattern.matched_path_or_any_parents(path, false).is_ignore());
        last.is_some_and(|(allows, _)| *allows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let scope = |patterns: &[&str]| Scope::new(Path::new("/w"), patterns.iter().copied()).unwrap();
        let kept = scope(&["src/**", "!src/keep.txt", "!src/secret/", "src/secret/ok"]);
        assert!(kept.allows("src/a"));
        assert!(!kept.allows("src/keep.txt"));
        assert!(!kept.allows("src/secret/a"));
        assert!(kept.allows("src/secret/ok"));
        assert!(!kept.allows("lib/src/a"));
        assert!(scope(&["!src/a", "src/**"]).allows("src/a"));
        assert!(!scope(&["!src/a"]).allows("src/b"));
    }
}
