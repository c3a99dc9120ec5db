//! Whom this machine's configuration trusts: known keys, agents, roles, and what a key proves. Read anew for every question.

use std::collections::BTreeSet;
use std::path::PathBuf;

use enact_core::principal::People;
use enact_core::verdict::Assurance;
use enact_engine::signature::{AllowedSigners, Trust};
use jiff::tz::TimeZone;

use enact_runbook::disk;

use crate::config::{FILE, Settings};
use crate::error::CommandError;

/// The largest file of known keys that is read, in bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Whom the settings trust.
pub(crate) fn read(settings: &Settings) -> Result<Trust, CommandError> {
    let configured = &settings.approvals;
    let mut agents: BTreeSet<String> = settings.agents.iter().map(|name| format!("os:{name}")).collect();
    for name in &configured.agents {
        agents.insert(full_name(name)?);
    }
    let mut trust = Trust {
        signers: signers(settings)?,
        agents,
        people: people(settings)?,
        ..Trust::default()
    };
    for (role, names) in &configured.roles {
        let names = names.iter().map(|name| full_name(name));
        trust.roles.insert(role.clone(), names.collect::<Result<_, _>>()?);
    }
    for (key, level) in &configured.assurance {
        if !key.starts_with("SHA256:") || *level < Assurance::Signed {
            let message = format!(
                "[approvals.assurance] in {FILE}: {key:?} is not a fingerprint with signed or hardware"
            );
            return Err(
                CommandError::invalid(message).hint("ssh-keygen -lf KEY.pub shows the fingerprint: SHA256:…")
            );
        }
        trust.levels.insert(key.clone(), *level);
    }
    Ok(trust)
}

/// Which names are of one person.
pub(crate) fn people(settings: &Settings) -> Result<People, CommandError> {
    let mut persons = Vec::new();
    for (person, names) in &settings.approvals.people {
        let names: Vec<String> = names
            .iter()
            .map(|name| full_name(name))
            .collect::<Result<_, _>>()?;
        persons.push((person.clone(), names));
    }
    Ok(People::new(persons.iter().map(|(person, names)| (person, names))))
}

/// A name as records have it: `dana@example` is `ssh:dana@example`.
fn full_name(name: &str) -> Result<String, CommandError> {
    if ["os:", "ssh:", "SHA256:"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
    {
        return Ok(name.to_owned());
    }
    if name.contains('@') {
        return Ok(format!("ssh:{name}"));
    }
    Err(CommandError::invalid(format!(
        "[approvals] in {FILE}: {name:?} may be a user or a key's owner"
    ))
    .hint(format!("write \"os:{name}\" or \"ssh:{name}\"")))
}

fn signers(settings: &Settings) -> Result<AllowedSigners, CommandError> {
    let Some(path) = settings.beside(settings.approvals.allowed_signers.as_deref()) else {
        return Ok(AllowedSigners::default());
    };
    let unreadable = |problem: String| {
        CommandError::invalid(format!(
            "the file of known keys {} cannot be read: {problem}",
            path.display()
        ))
        .hint(format!(
            "[approvals] allowed-signers in {FILE} names it; ssh-keygen(1) describes its form"
        ))
    };
    let text = disk::read_text(&path, MAX_FILE).map_err(|error| unreadable(error.to_string()))?;
    Ok(AllowedSigners::parse(&text, &TimeZone::system()))
}

/// The key to sign with: flag, environment, settings file.
pub(crate) fn key(settings: &Settings, flag: Option<&PathBuf>) -> Option<PathBuf> {
    let named = flag
        .cloned()
        .or_else(|| settings.environment.get("ENACT_APPROVAL_KEY").map(PathBuf::from));
    if let Some(path) = named {
        return Some(at_home(settings, path));
    }
    let configured = settings.approvals.key.clone()?;
    let path = at_home(settings, configured);
    settings.beside(Some(&path))
}

/// `~/` is the home directory; everything else stays as it is.
fn at_home(settings: &Settings, path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), settings.environment.home()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}
