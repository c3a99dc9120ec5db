//! Secret outputs are taken out of what attempts left on disk.

use enact_core::change::ChangeId;
use enact_core::secret::Secret;

use super::RunbookProvider;
use super::attempt::shown_value;
use super::folders::{Series, attempt_folder, newest};
use crate::process::NamedSecret;
use crate::process::redact::Patterns;

/// The longest log, in bytes: its first and last 32 MiB, and what stands between them.
const MAX_LOG: u64 = 65 * 1024 * 1024;

impl RunbookProvider<'_> {
    /// Takes the secret outputs of a step out of everything that its attempts left on disk, once the step is on record as done:
    /// before that, the outcome may be needed after a crash.
    pub(crate) fn scrub(&self, change_id: &ChangeId) {
        let Some(step) = self.steps.get(change_id).filter(|step| step.prints_secrets()) else {
            return;
        };
        let secrets: Vec<NamedSecret> = self
            .secret_outputs
            .borrow()
            .iter()
            .filter(|((of, _), _)| of == change_id)
            .map(|((_, name), value)| NamedSecret {
                name: name.clone(),
                value: Secret::new(shown_value(value.expose())),
            })
            .collect();
        let folder = self.folder_of(change_id, step);
        let attempt = attempt_folder(&folder, Series::Attempts, newest(&folder, Series::Attempts));
        for name in ["outcome.json", "output"] {
            let _gone = std::fs::remove_file(attempt.join(name));
        }
        let Ok(patterns) = Patterns::new(&secrets) else {
            return;
        };
        for name in ["stdout.log", "stderr.log", "merged.log"] {
            let path = attempt.join(name);
            if let Ok(bytes) = crate::disk::read(&path, MAX_LOG) {
                let clean = patterns.text(&String::from_utf8_lossy(&bytes));
                if let Err(error) = std::fs::write(&path, clean) {
                    tracing::warn!(%error, "a log could not be cleared of secret outputs");
                }
            }
        }
    }
}
