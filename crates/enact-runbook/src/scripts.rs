//! Scripts of the runbook's folder that are run: pinned, so that what is approved is what runs, or made by a step of the document,
//! which is said there. Whether they are there when the plan is made counts for the wording alone.

use std::path::Path;

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::{Span, shown};
use serde_json::Value;

use crate::files::{FileFault, join, normal_path};
use crate::programs::{Found, run_by, run_by_variable};
use crate::provider::Scope;
use crate::reading::{Node, Reading};

/// What a step makes.
#[derive(Debug)]
pub(crate) struct Made {
    /// The place of the step in the order of all.
    step: usize,
    what: What,
}

#[derive(Debug)]
enum What {
    /// A file or folder, from the runbook's folder.
    Path(String),
    /// What somebody may write, in patterns from a folder.
    Scope { folder: String, scope: Scope },
}

impl Made {
    /// A path that a step makes, with all that is below it.
    pub(crate) fn path(step: usize, path: String) -> Self {
        let what = What::Path(path);
        Self { step, what }
    }

    fn holds(&self, path: &str) -> bool {
        match &self.what {
            What::Path(made) => below(path, made).is_some(),
            What::Scope { folder, scope } => below(path, folder).is_some_and(|path| scope.allows(path)),
        }
    }
}

/// A path from a folder that it is in; that of the folder itself is empty.
fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    if folder.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix(folder)?;
    if rest.is_empty() {
        return Some(rest);
    }
    rest.strip_prefix('/')
}

impl Reading<'_> {
    /// Looks at the scripts that a command runs, by its words or its variables. What it writes is noted for whoever asks.
    pub(crate) fn use_scripts(&mut self, argv: &[Option<&str>], span: Span) {
        let variables = self.env.iter();
        let variables = variables.filter_map(|(name, variable)| Some((name, variable.as_literal()?)));
        let named: Vec<Found> = variables
            .map(|(name, value)| run_by_variable(name, value))
            .collect();
        let found = run_by(argv);
        for file in named.iter().chain([&found]).flat_map(|found| &found.run) {
            self.use_file(&file.path, file.is_sure, span);
        }
        self.written = found.written;
    }

    /// A path in the present folder of commands, from the runbook's folder, where it is inside of that.
    fn path_inside(&self, path: &str) -> Option<String> {
        let folder = self.working_dir.clone().unwrap_or_default();
        let from_folder = if path.starts_with('/') {
            path.to_owned()
        } else {
            join(&folder, path)
        };
        let inside = normal_path(&from_folder).ok();
        inside.or_else(|| self.files.found_inside(&from_folder))
    }

    /// Notes that the current step uses a file of the runbook's folder; one that is neither pinned nor made is a fault.
    fn use_file(&mut self, path: &str, is_sure: bool, span: Span) {
        let Some(path) = self.path_inside(path) else {
            return;
        };
        if self.pins.contains_key(&path) {
            self.uses.insert(path);
        } else if !self.is_made(&path) {
            self.not_pinned(&path, is_sure, span);
        }
    }

    fn not_pinned(&mut self, path: &str, is_sure: bool, span: Span) {
        let span = self.file.locate(span, path.rsplit('/').next().unwrap_or(path));
        let own = below(path, &self.base).filter(|_| self.may_be_made());
        let makes = own.map_or(String::new(), |own| {
            format!(", or say at the step that makes it: `makes: [{own}]`")
        });
        if self.files.exists(path) {
            let fault = Diagnostic::error(format!("`{path}` is run but not pinned"))
                .detail("an approval covers the content of a file only when the plan holds its digest")
                .hint(format!("add `{path}` to `files`{makes}"));
            self.finding("E_FILE_UNPINNED", span, fault);
        } else if is_sure && self.files.read(path, 0) == Err(FileFault::Missing) {
            let fault = Diagnostic::error(format!("`{path}` is run and is not there"))
                .detail("whatever is put there after the approval would be what runs")
                .hint(format!("list it under `files` once it is there{makes}"));
            self.finding("E_FILE_UNPINNED", span, fault);
        }
    }

    /// Is something made before what is read? Nothing is before the first step.
    fn may_be_made(&self) -> bool {
        self.scope.limit != Some(0) && !self.scope.ids.is_empty()
    }

    fn is_made(&self, path: &str) -> bool {
        let limit = self.scope.limit.unwrap_or(usize::MAX);
        let known = self.made.iter().filter(|made| made.step < limit);
        known.into_iter().any(|made| made.holds(path))
    }

    /// `makes`: what a step makes, from the runbook's folder.
    pub(crate) fn makes(&mut self, node: &Node, step: usize) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for item in self.list(node, "`makes`") {
            let Some(written) = self.exact(item, "`makes`") else {
                continue;
            };
            match made_path(&written) {
                Ok(path) => found.push(join(&self.base, &path)),
                Err(why) => {
                    let fault =
                        Diagnostic::error(format!("`makes`: {} is not possible here", shown(&written)));
                    self.fault(item.span, fault.detail(why).hint(MAKES));
                }
            }
        }
        found.sort();
        found.dedup();
        let made = found.iter().map(|path| Made::path(step, path.clone()));
        self.made.extend(made);
        found
    }

    /// What the action of a step makes that need not be said: what its script writes, and what whoever does it may write.
    pub(crate) fn made_by(&mut self, action: Option<&Value>, step: usize) {
        for path in std::mem::take(&mut self.written) {
            let path = self.path_inside(&path);
            self.made.extend(path.map(|path| Made::path(step, path)));
        }
        let patterns = action.and_then(|action| action.get("write_scope")?.as_array());
        let Some(patterns) = patterns.filter(|patterns| !patterns.is_empty()) else {
            return;
        };
        if let Ok(scope) = Scope::new(Path::new("/"), patterns.iter().filter_map(Value::as_str)) {
            let folder = self.working_dir.clone().unwrap_or_default();
            let what = What::Scope { folder, scope };
            self.made.push(Made { step, what });
        }
    }
}

const MAKES: &str = "name files and folders below the folder of the runbook: `makes: [.venv, install.sh]`";

fn made_path(written: &str) -> Result<String, String> {
    if written.contains(['*', '?', '[']) {
        return Err("a pattern would cover more than whoever approves can see".to_owned());
    }
    if written.split('/').any(|part| part == "..") {
        return Err("the path leads out of a folder".to_owned());
    }
    normal_path(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_holds_all_that_is_below_it() {
        let made = |path: &str| Made::path(0, path.to_owned());
        assert!(made(".venv").holds(".venv/bin/activate"));
        assert!(made("x.sh").holds("x.sh"));
        assert!(!made("x").holds("x.sh"));
        assert!(!made("a/b").holds("a"));
        let scope = Scope::new(Path::new("/"), ["src/**", "!src/keep.sh"].into_iter()).unwrap();
        let folder = "sub".to_owned();
        let what = What::Scope { folder, scope };
        let delegated = Made { step: 0, what };
        assert!(delegated.holds("sub/src/x.sh"));
        assert!(!delegated.holds("sub/src/keep.sh"));
        assert!(!delegated.holds("src/x.sh"));
    }
}
