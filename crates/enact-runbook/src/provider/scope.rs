//! Delegated steps: what the work tree looked like when the step was handed over, and what is different when it is attested.
//! The claim of whoever did the work is a claim; what counts is what the engine finds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use enact_core::canonical::Digest;
use enact_core::change::Change;
use enact_engine::provider::{Disposition, Failure, Made};
use serde_json::{Value, json};

use super::folders::{make, write_durably};
use super::reply::{End, Reply};
use super::work_tree::{Scope, Snapshot};
use super::{RunbookProvider, Step};
use crate::process::display_line;

/// The picture of the work tree, in the folder of the step.
const BEFORE: &str = "before.json";

/// The longest picture of a work tree that is read again, in bytes.
const MAX_SNAPSHOT: u64 = 256 * 1024 * 1024;

/// The most paths that a message names.
const NAMED: usize = 20;

impl RunbookProvider<'_> {
    /// Hands a step over: remembers what the work tree looks like, then waits for somebody. One that was in somebody's hands
    /// already keeps its first picture: what was changed since then is compared with that, whoever has it tried again.
    pub(crate) fn hand_over(&self, change: &Change, step: &Step, folder: &Path, what: &str) -> Failure {
        let was_out = self.with_state(|state| Some(state.changes.get(&change.change_id)?.partial));
        if was_out == Some(true) && folder.join(BEFORE).exists() {
            return Failure::new(Disposition::Wait, what);
        }
        let taken = self.work_tree(step).and_then(|(root, _)| {
            let snapshot = Snapshot::take(&root, &self.own_folders())?;
            let bytes = serde_json::to_vec(&snapshot).map_err(|error| error.to_string())?;
            let digest = Digest::of(&bytes);
            make(folder)
                .and_then(|()| write_durably(&folder.join(BEFORE), &bytes))
                .map_err(|error| error.to_string())?;
            Ok((digest, snapshot.len()))
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
    fn work_tree(&self, step: &Step) -> Result<(PathBuf, Option<Scope>), String> {
        let root = self.working_dir(step.spec.working_dir.as_deref());
        let patterns = step.spec.action.get("write_scope").and_then(Value::as_array);
        let Some(patterns) = patterns.filter(|patterns| !patterns.is_empty()) else {
            return Ok((root, None));
        };
        let scope = Scope::new(&root, patterns.iter().filter_map(Value::as_str))?;
        Ok((root, Some(scope)))
    }

    /// Where the tool keeps what it knows: changed by every run.
    fn own_folders(&self) -> Vec<PathBuf> {
        let runs = &self.host.runs_dir;
        runs.parent()
            .into_iter()
            .chain([runs.as_path()])
            .map(Path::to_path_buf)
            .collect()
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
        let stated = attested
            .map(|attestation| attestation.evidence)
            .unwrap_or_default();
        // As with a check that does not hold: what was attested is not so.
        let made = self
            .outputs_of_work(change, step, stated)
            .map_err(|why| self.after_failed_attempt(change, step, why))?;
        self.run_own_checks(change, step, &made).await?;
        if step.verify.is_empty() {
            self.note(Some(&change.change_id), "attested_not_verified", json!({}));
        }
        Ok(self.without_secrets(change, step, made))
    }

    /// What was stated of it, and the outputs that are declared.
    fn outputs_of_work(
        &self,
        change: &Change,
        step: &Step,
        stated: BTreeMap<String, String>,
    ) -> Result<Made, String> {
        let (declared, other): (BTreeMap<_, _>, BTreeMap<_, _>) = stated
            .into_iter()
            .partition(|(name, _)| step.spec.outputs.contains_key(name));
        let reply = Reply {
            stated: declared,
            ..Reply::bare(End::Finished)
        };
        let mut made = self.outputs_of(change, step, &reply)?;
        made.extend(other.into_iter().map(|(name, text)| (name, Value::String(text))));
        Ok(made)
    }

    fn look_at_scope(&self, change: &Change, step: &Step, folder: &Path) -> Result<(), Failure> {
        let escalate = |message: String| Failure::new(Disposition::Escalate, message).in_part();
        let (root, scope) = self.work_tree(step).map_err(escalate)?;
        let Some(scope) = scope else { return Ok(()) };
        let before: Snapshot = crate::disk::read(&folder.join(BEFORE), MAX_SNAPSHOT)
            .map_err(|error| error.to_string())
            .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()))
            .map_err(|why| {
                escalate(format!(
                    "what the work tree looked like before is not readable: {why}"
                ))
            })?;
        let now = before
            .take_as_before(&root, &self.own_folders())
            .map_err(escalate)?;
        let changed = before.changed(&now);
        let outside: Vec<&String> = changed.iter().filter(|path| !scope.allows(path)).collect();
        let detail = json!({ "changed": changed.len(), "outside": outside.len() });
        self.note(Some(&change.change_id), "write_scope", detail);
        if outside.is_empty() {
            return Ok(());
        }
        let named = outside.iter().take(NAMED);
        let named: Vec<String> = named.map(|path| display_line(path)).collect();
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
