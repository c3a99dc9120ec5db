//! Known secrets in what a step produces. An output that holds one is declared secret, or its step fails: outputs are journaled
//! and shown. What a command prints and a server answers is clean of secrets already, so nothing can be read from there.

use enact_core::change::Change;
use enact_core::secret::Secret;
use enact_engine::provider::Made;

use super::attempt::shown_value;
use super::folders::{Series, attempt_folder, newest};
use super::reply::Reply;
use super::{RunbookProvider, Step, outputs};
use crate::process::NamedSecret;
use crate::process::redact::Patterns;

/// What no output may hold that is not declared secret.
pub(crate) struct Leaks {
    patterns: Patterns,
    /// By the secret's name: what stands in the place of its value.
    marks: Vec<(String, String)>,
}

impl Leaks {
    pub(crate) fn new(secrets: &[NamedSecret]) -> Result<Self, String> {
        let mark = |secret: &NamedSecret| (secret.name.clone(), format!("***{}***", secret.name));
        Ok(Self {
            patterns: Patterns::new(secrets)?,
            marks: secrets.iter().map(mark).collect(),
        })
    }

    /// The secret that a text holds in clear, in any of its forms.
    pub(crate) fn in_text(&self, text: &str) -> Option<&str> {
        let clean = self.patterns.text(text);
        if clean == text {
            return None;
        }
        let more = |mark: &String| clean.matches(mark.as_str()).count() > text.matches(mark.as_str()).count();
        let found = self.marks.iter().find(|(_, mark)| more(mark));
        Some(found.map_or("(unnamed)", |(name, _)| name))
    }

    /// The secret that was taken out of a text.
    fn taken_out_of(&self, text: &str) -> Option<&str> {
        let found = self.marks.iter().find(|(_, mark)| text.contains(mark.as_str()));
        found.map(|(name, _)| name.as_str())
    }
}

impl RunbookProvider<'_> {
    /// Every value that nobody may see: secret parameters, and secret outputs that this process knows.
    pub(crate) fn known_secrets(&self) -> Vec<NamedSecret> {
        let mut known = self.secrets.named();
        let made = self.secret_outputs.borrow();
        known.extend(made.iter().map(|((change_id, name), value)| NamedSecret {
            name: format!("{change_id}.{name}"),
            value: Secret::new(shown_value(value.expose())),
        }));
        known
    }

    /// The outputs of a step, when none holds a known secret that is not declared secret.
    pub(crate) fn outputs_of(&self, change: &Change, step: &Step, reply: &Reply) -> Result<Made, String> {
        let leaks = Leaks::new(&self.known_secrets())?;
        let working_dir = self.working_dir(step.spec.working_dir.as_deref());
        let made = outputs::read(&step.spec.outputs, reply, &working_dir, &leaks);
        let made = made.and_then(|made| refuse_secrets(step, &leaks, &made).map(|()| made));
        let wrote_secret = |text: &String| leaks.in_text(text).is_some();
        if made.is_err() && reply.output_file.as_ref().is_some_and(wrote_secret) {
            // Nobody reads it any more.
            let folder = self.folder_of(&change.change_id, step);
            let attempt = attempt_folder(&folder, Series::Attempts, newest(&folder, Series::Attempts));
            let _gone = std::fs::remove_file(crate::process::output_path(&attempt));
        }
        made
    }
}

fn refuse_secrets(step: &Step, leaks: &Leaks, made: &Made) -> Result<(), String> {
    for (name, value) in made {
        let text = shown_value(value);
        let spec = step.spec.outputs.get(name);
        let from = spec.map_or("output", |spec| spec.from.as_str());
        let is_clean = matches!(from, "stdout" | "stderr") || from.starts_with("http.");
        if let Some(secret) = leaks.taken_out_of(&text).filter(|_| is_clean) {
            return Err(format!(
                "the output {name} holds the secret {secret}, {}",
                if from.starts_with("http.") {
                    "which is taken out of what a server answers: it cannot be read from there"
                } else {
                    "which is taken out of what is printed: write it to $ENACT_OUTPUT, and declare it with `secret: true`"
                }
            ));
        }
        let is_declared = spec.is_some_and(|spec| spec.secret);
        if let Some(secret) = leaks.in_text(&text).filter(|_| !is_declared) {
            return Err(format!(
                "the output {name} holds the secret {secret}: declare it with `secret: true`"
            ));
        }
    }
    Ok(())
}
