//! Delegated steps: what the work tree looked like when the step was handed over, and what is different when it is attested.
//! The claim of whoever did the work is a claim; what counts is what the engine finds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use enact_core::canonical::Digest;
use enact_core::change::Change;
use enact_engine::provider::{Disposition, Failure, Made};
use ignore::WalkBuilder;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::folders::{make, write_durably};
use super::{RunbookProvider, Step};

/// The most files that are compared.
const MAX_FILES: usize = 200_000;

/// The largest file whose content is compared, in bytes; of larger ones size and time are.
const MAX_HASHED: u64 = 64 * 1024 * 1024;

/// The most paths that a message names.
const NAMED: usize = 20;

/// Every file of a work tree, by path, with a digest of its content. Ignored files (`.gitignore`) and `.git` are left out.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot(BTreeMap<String, String>);

impl Snapshot {
    pub(crate) fn take(root: &Path, without: &Path) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        let without = without.to_path_buf();
        let walk = WalkBuilder::new(root)
            .hidden(false)
            .require_git(false)
            .git_global(false)
            .git_exclude(false)
            .filter_entry(move |entry| {
                entry.file_name() != ".git" && entry.file_name() != ".enact" && entry.path() != without
            })
            .build();
        for entry in walk {
            let entry = entry.map_err(|error| error.to_string())?;
            if entry.file_type().is_none_or(|kind| kind.is_dir()) {
                continue;
            }
            if files.len() >= MAX_FILES {
                return Err(format!("{} has more than {MAX_FILES} files", root.display()));
            }
            let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
            files.insert(path.display().to_string(), content(entry.path())?);
        }
        Ok(Self(files))
    }

    /// Paths that are new, gone or different.
    fn changed(&self, later: &Self) -> Vec<String> {
        let mut changed: Vec<String> = later
            .0
            .iter()
            .filter(|(path, digest)| self.0.get(*path) != Some(*digest))
            .map(|(path, _)| path.clone())
            .collect();
        changed.extend(self.0.keys().filter(|path| !later.0.contains_key(*path)).cloned());
        changed.sort();
        changed
    }
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
    let bytes = std::fs::read(path).map_err(problem)?;
    Ok(format!("{}{mode}", Digest::of(&bytes)))
}

impl RunbookProvider<'_> {
    /// Hands a step over: remembers what the work tree looks like, then waits for somebody.
    pub(crate) fn hand_over(&self, change: &Change, step: &Step, folder: &Path, what: &str) -> Failure {
        let taken = self.work_tree(step).and_then(|(root, _)| {
            let snapshot = Snapshot::take(&root, &self.host.runs_dir)?;
            let bytes = serde_json::to_vec(&snapshot).map_err(|error| error.to_string())?;
            let digest = Digest::of(&bytes);
            make(folder)
                .and_then(|()| write_durably(&folder.join("before.json"), &bytes))
                .map_err(|error| error.to_string())?;
            Ok((digest, snapshot.0.len()))
        });
        match taken {
            Ok((digest, files)) => {
                let detail = json!({ "work_tree": digest.to_string(), "files": files });
                self.note(Some(&change.change_id), "handed_over", detail);
                Failure::new(Disposition::Wait, what)
            }
            Err(why) => Failure::new(
                Disposition::GiveUp,
                format!("the work tree cannot be compared, so the step is not handed over: {why}"),
            ),
        }
    }

    /// The step's work tree, and what in it the step may change.
    fn work_tree(&self, step: &Step) -> Result<(PathBuf, Option<Gitignore>), String> {
        let root = self.working_dir(step.spec.working_dir.as_deref());
        let patterns = step.spec.action.get("write_scope").and_then(Value::as_array);
        let Some(patterns) = patterns.filter(|patterns| !patterns.is_empty()) else {
            return Ok((root, None));
        };
        let mut scope = GitignoreBuilder::new(&root);
        for pattern in patterns.iter().filter_map(Value::as_str) {
            // From the work tree's top, never from somewhere inside of it.
            let anchored = format!("/{}", pattern.trim_start_matches('/'));
            scope
                .add_line(None, &anchored)
                .map_err(|error| error.to_string())?;
        }
        let scope = scope.build().map_err(|error| error.to_string())?;
        Ok((root, Some(scope)))
    }

    /// Somebody attested the step: compares the pinned files and the work tree, then runs the step's checks. What was attested
    /// while a pinned file is another is in nobody's hands but a person's.
    pub(crate) async fn accept_attestation(&self, change: &Change, step: &Step) -> Result<Made, Failure> {
        self.as_pinned().map_err(|why| {
            let message =
                format!("{why}, so nothing that was attested is accepted; put the file back as it was");
            Failure::new(Disposition::Escalate, message).in_part()
        })?;
        let folder = self.folder_of(&change.change_id, step);
        self.look_at_scope(change, step, &folder)?;
        let attested = self.with_state(|state| {
            let progress = state.changes.get(&change.change_id)?;
            progress.attested.clone()
        });
        let made: Made = attested
            .map(|attestation| attestation.evidence)
            .unwrap_or_default()
            .into_iter()
            .map(|(name, text)| (name, Value::String(text)))
            .collect();
        self.run_own_checks(change, step, &made).await?;
        if step.verify.is_empty() {
            self.note(Some(&change.change_id), "attested_not_verified", json!({}));
        }
        Ok(made)
    }

    fn look_at_scope(&self, change: &Change, step: &Step, folder: &Path) -> Result<(), Failure> {
        let escalate = |message: String| Failure::new(Disposition::Escalate, message).in_part();
        let (root, scope) = self.work_tree(step).map_err(escalate)?;
        let Some(scope) = scope else { return Ok(()) };
        let before: Snapshot = std::fs::read(folder.join("before.json"))
            .map_err(|error| error.to_string())
            .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()))
            .map_err(|why| {
                escalate(format!(
                    "what the work tree looked like before is not readable: {why}"
                ))
            })?;
        let now = Snapshot::take(&root, &self.host.runs_dir).map_err(escalate)?;
        let changed = before.changed(&now);
        let outside: Vec<&String> = changed
            .iter()
            .filter(|path| {
                !scope
                    .matched_path_or_any_parents(Path::new(path), false)
                    .is_ignore()
            })
            .collect();
        let detail = json!({ "changed": changed.len(), "outside": outside.len() });
        self.note(Some(&change.change_id), "write_scope", detail);
        if outside.is_empty() {
            return Ok(());
        }
        let named: Vec<&str> = outside.iter().take(NAMED).map(|path| path.as_str()).collect();
        Err(escalate(format!(
            "outside of the step's write scope {} changed: {}",
            if outside.len() == 1 {
                "a file was".to_owned()
            } else {
                format!("{} files were", outside.len())
            },
            named.join(", ")
        )))
    }
}
