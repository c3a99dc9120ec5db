//! Secrets of a run: read when the first step needs them, never written anywhere, taken out of every output.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use enact_core::plan::Plan;
use enact_core::secret::Secret;
use serde_json::Value;

use crate::expression::{Datum, Name, Values, evaluate_source, parse};
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
pub struct Secrets {
    given: BTreeMap<String, Secret<String>>,
    /// What expressions of the plan make of them, each under the name of the parameter.
    made: Vec<NamedSecret>,
}

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
        Ok(Self {
            given: secrets,
            made: Vec::new(),
        })
    }

    /// The same with everything that expressions of the plan make of them (`upper(params.token)`), wherever it stands: a step may
    /// hand it to another one, and a server may send it back.
    pub(crate) fn with_what_is_made(mut self, plan: &Plan, document: &Document) -> Self {
        if self.given.is_empty() {
            return self;
        }
        let mut sources = BTreeSet::new();
        let parts = plan.changes().iter().map(serde_json::to_value);
        for part in parts.chain([serde_json::to_value(document)]).flatten() {
            expressions(&part, &mut sources);
        }
        for source in sources {
            let names = OfParameters {
                document,
                secrets: &self,
            };
            let Ok(Datum::Tainted(value)) = evaluate_source(&source, &names) else {
                continue;
            };
            // Numbers and truth values say little, and stand everywhere.
            let Value::String(text) = value.expose() else {
                continue;
            };
            let value = Secret::new(text.clone());
            if let Some(name) = secret_in(&source).filter(|_| !self.holds(&value)) {
                self.made.push(NamedSecret { name, value });
            }
        }
        self
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
        self.given.get(name)
    }

    /// Is this the value of one of them?
    pub fn holds(&self, value: &Secret<String>) -> bool {
        let made = self.made.iter().map(|made| &made.value);
        let mut known = self.given.values().chain(made);
        known.any(|known| known.expose() == value.expose())
    }

    /// All of them, for redaction.
    pub fn named(&self) -> Vec<NamedSecret> {
        let given = self.given.iter().map(|(name, value)| NamedSecret {
            name: name.clone(),
            value: value.clone(),
        });
        given.chain(self.made.iter().cloned()).collect()
    }
}

/// What parameters alone say.
struct OfParameters<'a> {
    document: &'a Document,
    secrets: &'a Secrets,
}

impl Values for OfParameters<'_> {
    fn value(&self, name: &Name) -> Option<Datum> {
        let Name::Parameter(name) = name else {
            return None;
        };
        if let Some(secret) = self.secrets.get(name) {
            return Some(Datum::new(Value::from(secret.expose().as_str()), true));
        }
        let parameter = self.document.parameters.get(name)?;
        parameter.value.clone().map(Datum::Open)
    }
}

/// Every expression of the frozen form below a value.
fn expressions(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        Value::Object(fields) => {
            for (key, item) in fields {
                match item.as_str().filter(|_| key == "expression") {
                    Some(source) => {
                        found.insert(source.to_owned());
                    }
                    None => expressions(item, found),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The first parameter in an expression.
fn secret_in(source: &str) -> Option<String> {
    let mut found = None;
    parse(source).ok()?.names(&mut |name, _| {
        if let Name::Parameter(name) = name {
            found.get_or_insert_with(|| name.clone());
        }
    });
    found
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
