//! Secrets of a run: read when the first step needs them, never written anywhere, taken out of every output.

use std::collections::BTreeMap;
use std::path::Path;

use enact_core::secret::Secret;

use crate::process::NamedSecret;
use crate::spec::Document;

/// The largest file a secret is read from, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// Where a secret cannot be read. Never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret {name} cannot be read from {from}: {why}")]
pub struct SecretError {
    /// The parameter.
    pub name: String,
    /// `env:NAME`, `file:PATH`, `exec:[…]`.
    pub from: String,
    /// Why.
    pub why: String,
}

/// The secrets of a runbook, by parameter.
#[derive(Debug, Default, Clone)]
pub struct Secrets(BTreeMap<String, Secret<String>>);

impl Secrets {
    /// Reads every secret parameter. Those of `exec:` come in `from_commands`, which ran already.
    ///
    /// # Errors
    /// For the first that cannot be read.
    pub fn read(
        document: &Document,
        environment: &BTreeMap<String, String>,
        folder: &Path,
        from_commands: &BTreeMap<String, Secret<String>>,
    ) -> Result<Self, SecretError> {
        let mut secrets = BTreeMap::new();
        for (name, parameter) in &document.parameters {
            let Some(from) = &parameter.from else { continue };
            let value = match from_commands.get(name) {
                Some(value) => value.clone(),
                None => read_one(from, environment, folder).map_err(|why| SecretError {
                    name: name.clone(),
                    from: from.clone(),
                    why,
                })?,
            };
            secrets.insert(name.clone(), value);
        }
        Ok(Self(secrets))
    }

    /// Can those be read that stand in the environment and in files? Nothing is run for it.
    ///
    /// # Errors
    /// As [`Secrets::read`].
    pub fn check(
        document: &Document,
        environment: &BTreeMap<String, String>,
        folder: &Path,
    ) -> Result<(), SecretError> {
        let mut document = document.clone();
        let printed = |from: &String| command_of(from).is_some();
        document
            .parameters
            .retain(|_, parameter| !parameter.from.as_ref().is_some_and(printed));
        Self::read(&document, environment, folder, &BTreeMap::new()).map(drop)
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&Secret<String>> {
        self.0.get(name)
    }

    /// All of them, for redaction.
    pub fn named(&self) -> Vec<NamedSecret> {
        self.0
            .iter()
            .map(|(name, value)| NamedSecret {
                name: name.clone(),
                value: value.clone(),
            })
            .collect()
    }
}

/// The argv of a secret that a command prints: `exec:["pass", "show", "db"]`.
pub fn command_of(from: &str) -> Option<Vec<String>> {
    serde_json::from_str(from.strip_prefix("exec:")?).ok()
}

fn read_one(
    from: &str,
    environment: &BTreeMap<String, String>,
    folder: &Path,
) -> Result<Secret<String>, String> {
    if let Some(variable) = from.strip_prefix("env:") {
        let value = environment
            .get(variable)
            .ok_or_else(|| format!("the variable {variable} is not set"))?;
        return Ok(Secret::new(value.clone()));
    }
    if let Some(path) = from.strip_prefix("file:") {
        return read_file(&folder.join(path));
    }
    Err("it is none of env:NAME, file:PATH, exec:[…]".to_owned())
}

fn read_file(path: &Path) -> Result<Secret<String>, String> {
    let file = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !file.is_file() || file.len() > MAX_FILE {
        return Err(format!("it is not a file of at most {MAX_FILE} bytes"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    Ok(Secret::new(text.trim_end_matches(['\n', '\r']).to_owned()))
}
