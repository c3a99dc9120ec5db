//! What was found: files that are run, and those that are written before they are.

use crate::files::normal_path;

/// Names that end so are files, not commands.
const SCRIPTS: [&str; 9] = [".py", ".go", ".js", ".mjs", ".cjs", ".ts", ".mts", ".jsx", ".tsx"];

/// A file that is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunFile {
    /// As it is named.
    pub(crate) path: String,
    /// Is it a file for sure? Otherwise it may be the name of a command or a package, and is a file only when there is one.
    pub(crate) is_sure: bool,
}

/// What a command runs and writes, each path from the folder that it starts in.
#[derive(Debug)]
pub(crate) struct Found {
    /// What it runs, but for what it has written itself.
    pub(crate) run: Vec<RunFile>,
    /// What it writes, as far as the name is known.
    pub(crate) written: Vec<String>,
    /// Is what is looked at carried out in any case? Otherwise nothing counts as written.
    pub(super) is_certain: bool,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            run: Vec::new(),
            written: Vec::new(),
            is_certain: true,
        }
    }
}

impl Found {
    /// Notes what is run here; `None`: its folder is not known.
    pub(super) fn run(&mut self, path: Option<String>, is_sure: bool) {
        let Some(path) = path.filter(|path| !path.is_empty()) else {
            return;
        };
        if self.written.contains(&as_known(&path)) {
            return;
        }
        let is_sure = is_sure && may_be_a_name(&path);
        match self.run.iter_mut().find(|known| known.path == path) {
            Some(known) => known.is_sure |= is_sure,
            None => self.run.push(RunFile { path, is_sure }),
        }
    }

    /// Notes what is written here, where that is certain.
    pub(super) fn write(&mut self, path: Option<String>) {
        if !self.is_certain {
            return;
        }
        let path = path.map(|path| as_known(&path));
        self.written.extend(path.filter(|path| !path.is_empty()));
    }
}

/// A path in its one spelling.
fn as_known(path: &str) -> String {
    normal_path(path).unwrap_or_else(|_| path.to_owned())
}

/// `{}` stands for something else, as do `%` and `{a,b}.sh`.
fn may_be_a_name(path: &str) -> bool {
    !path.contains('{') && path.chars().any(char::is_alphanumeric)
}

/// What `uv run` and the like start by a name: surely a file, perhaps one, or (`None`) something from elsewhere.
pub(super) fn is_file_of_a_runner(word: &str) -> Option<bool> {
    let host = word.split_once('/').map_or("", |(first, _)| first);
    if word.contains([':', '@']) || (host.contains('.') && !host.starts_with('.')) {
        return None;
    }
    Some(word.starts_with("./") || SCRIPTS.iter().any(|end| word.ends_with(end)))
}
