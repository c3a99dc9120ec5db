//! Settings: flag, then environment, then profile in `enact.toml`, then default. The only reader of environment and home.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use enact_core::principal::{Principal, PrincipalKind};
use enact_core::secret::Secret;
use serde::Deserialize;

use enact_runbook::document::SettingsDefaults;
use enact_runbook::process::environment::PRINCIPAL_KIND;

use crate::error::CommandError;
use crate::notify::Notify;

/// The settings file.
pub(crate) const FILE: &str = "enact.toml";

/// The largest settings file that is read.
const MAX_FILE: u64 = 1024 * 1024;

/// `enact.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SettingsFile {
    /// The profile to use when nobody names one.
    #[serde(default)]
    pub(crate) profile: Option<String>,
    /// Operating system users that are agents: they never approve.
    #[serde(default)]
    pub(crate) agents: Vec<String>,
    /// What judges plans.
    #[serde(default)]
    pub(crate) policy: PolicySettings,
    /// Whose approvals count, and for how much.
    #[serde(default)]
    pub(crate) approvals: ApprovalSettings,
    /// Who is told when a run waits or ends.
    #[serde(default)]
    pub(crate) notify: Vec<Notify>,
    /// Settings of runbooks, by the origin's names.
    #[serde(default, rename = "plan_execute_pattern")]
    pub(crate) runbooks: SettingsDefaults,
    /// Profiles by name.
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Profile>,
}

/// `[approvals]`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ApprovalSettings {
    /// Whose keys are known: a file as ssh-keygen(1) describes it, from where this file is.
    #[serde(default)]
    pub(crate) allowed_signers: Option<PathBuf>,
    /// The key that `enact approve` signs with, from where this file is; `~/` is the home directory.
    #[serde(default)]
    pub(crate) key: Option<PathBuf>,
    /// Whose name to sign under, where allowed-signers does not say it.
    #[serde(default)]
    pub(crate) principal: Option<String>,
    /// Names and fingerprints of keys that are agents'.
    #[serde(default)]
    pub(crate) agents: Vec<String>,
    /// Who holds which role.
    #[serde(default)]
    pub(crate) roles: BTreeMap<String, Vec<String>>,
    /// What a signature by a key proves at most, by fingerprint: `signed` or `hardware`.
    #[serde(default)]
    pub(crate) assurance: BTreeMap<String, enact_core::verdict::Assurance>,
    /// All names of one person, by person.
    #[serde(default)]
    pub(crate) people: BTreeMap<String, Vec<String>>,
}

/// `[policy]`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PolicySettings {
    /// The directory (or `.rego` file) of the policies, from where this file is.
    #[serde(default)]
    pub(crate) path: Option<PathBuf>,
    /// May `--no-policy` be used?
    #[serde(default)]
    pub(crate) allow_none: bool,
    /// A file to which every decision is appended as a line of JSON, from where this file is.
    #[serde(default)]
    pub(crate) decision_log: Option<PathBuf>,
}

/// One profile.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Profile {
    /// `local`, or the API's URL.
    #[serde(default)]
    pub(crate) base_url: Option<String>,
    /// `us`, `eu`, `au`, `me`, `in`, `sg`.
    #[serde(default)]
    pub(crate) region: Option<String>,
    /// Hosts outside of Konnect that a token may be sent to.
    #[serde(default)]
    pub(crate) allow_hosts: Vec<String>,
    /// The most requests under way at once.
    #[serde(default)]
    pub(crate) max_concurrency: Option<usize>,
    /// The OAuth client to log in as.
    #[serde(default)]
    pub(crate) login_client_id: Option<String>,
    /// Where the device login is, if not at Konnect.
    #[serde(default)]
    pub(crate) login_url: Option<String>,
}

/// Everything from outside, read once.
#[derive(Clone)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
    pub(crate) current_dir: PathBuf,
}

impl Environment {
    /// The process's environment. Values that are not UTF-8 are left out, but for the one that lowers rights.
    pub(crate) fn read() -> Result<Self, CommandError> {
        let mut variables = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => {
                    variables.insert(name, value);
                }
                (Ok(name), Err(_)) if name == PRINCIPAL_KIND => {
                    return Err(CommandError::invalid(format!(
                        "{PRINCIPAL_KIND} is not UTF-8; nothing was done"
                    )));
                }
                (Ok(_) | Err(_), Ok(_) | Err(_)) => {}
            }
        }
        Ok(Self {
            variables,
            current_dir: std::env::current_dir()?,
        })
    }

    /// A variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Does the locale have letters beyond ASCII? Where none is chosen, terminals of today know them.
    pub(crate) fn knows_utf8(&self) -> bool {
        let names = ["LC_ALL", "LC_CTYPE", "LANG"];
        let chosen = names.into_iter().find_map(|name| self.get(name));
        chosen.is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        })
    }

    /// All variables.
    pub(crate) fn all(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// A variable as it is, empty or not.
    pub(crate) fn raw(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    /// A directory of the XDG base directory specification.
    fn xdg(&self, variable: &str, fallback: &str) -> Option<PathBuf> {
        let named = self
            .get(variable)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        named
            .or_else(|| self.home().map(|home| home.join(fallback)))
            .map(|base| base.join("enact"))
    }

    /// Where tokens are kept.
    pub(crate) fn config_dir(&self) -> Option<PathBuf> {
        self.get("ENACT_CONFIG_DIR")
            .map(PathBuf::from)
            .or_else(|| self.xdg("XDG_CONFIG_HOME", ".config"))
    }

    /// The user's own state directory, where the installation-wide latch is kept.
    pub(crate) fn user_state_dir(&self) -> Option<PathBuf> {
        self.xdg("XDG_STATE_HOME", ".local/state")
    }
}

/// What applies to every command.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) environment: Environment,
    pub(crate) profile_name: String,
    pub(crate) profile: Profile,
    pub(crate) state_dir: PathBuf,
    pub(crate) policy: PolicySettings,
    pub(crate) approvals: ApprovalSettings,
    pub(crate) notify: Vec<Notify>,
    runbooks: SettingsDefaults,
    file: Option<PathBuf>,
    pub(crate) agents: Vec<String>,
    /// Does the environment say that this process acts for an agent?
    lowered: bool,
}

/// The flags that settings start from.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) profile: Option<String>,
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) config_file: Option<PathBuf>,
}

impl Settings {
    pub(crate) fn read(overrides: Overrides) -> Result<Self, CommandError> {
        let environment = Environment::read()?;
        let named = overrides
            .config_file
            .or_else(|| environment.get("ENACT_CONFIG_FILE").map(PathBuf::from));
        let found = match named {
            Some(path) => Some(path),
            None => nearest(&environment.current_dir, FILE),
        };
        let file = found.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let asked = overrides
            .profile
            .or_else(|| environment.get("ENACT_PROFILE").map(ToOwned::to_owned))
            .or_else(|| file.profile.clone());
        let profile_name = asked.clone().unwrap_or_else(|| "default".to_owned());
        let profile = match (file.profiles.get(&profile_name), asked) {
            (Some(profile), _) => profile.clone(),
            (None, None) => Profile::default(),
            (None, Some(name)) => return Err(no_profile(&name, &file)),
        };
        let state_dir = state_dir(overrides.state_dir, &environment, found.as_deref())?;
        let lowered = lowered(&environment)?;
        let mut settings = Self {
            lowered,
            environment,
            profile_name,
            profile,
            state_dir,
            policy: file.policy,
            approvals: file.approvals,
            notify: file.notify,
            runbooks: file.runbooks,
            file: found,
            agents: file.agents,
        };
        settings.say_kind();
        Ok(settings)
    }

    /// An agent's commands are an agent's, whichever settings file they find.
    fn say_kind(&mut self) {
        if self.principal().kind == PrincipalKind::Agent {
            let (name, kind) = (PRINCIPAL_KIND.to_owned(), "agent".to_owned());
            self.environment.variables.insert(name, kind);
        }
    }

    /// The policies that the settings file names.
    pub(crate) fn policy_path(&self) -> Option<PathBuf> {
        self.beside(self.policy.path.as_deref())
    }

    /// Where decisions are logged.
    pub(crate) fn decision_log(&self) -> Option<PathBuf> {
        self.beside(self.policy.decision_log.as_deref())
    }

    /// A path of the settings file, which is meant from where that file is.
    pub(crate) fn beside(&self, path: Option<&Path>) -> Option<PathBuf> {
        let folder = self.file.as_deref().and_then(Path::parent);
        path.map(|path| folder.unwrap_or(Path::new("")).join(path))
    }

    /// Who runs this process, as the operating system knows them. The environment can only lower rights.
    pub(crate) fn principal(&self) -> Principal {
        let name = user_name();
        let kind = if self.lowered || self.agents.contains(&name) {
            PrincipalKind::Agent
        } else {
            PrincipalKind::Person
        };
        Principal {
            id: format!("os:{name}"),
            kind,
        }
    }

    /// Settings of runbooks.
    pub(crate) fn runbook_settings(&self) -> &SettingsDefaults {
        &self.runbooks
    }

    /// A personal access token from the environment.
    pub(crate) fn token(&self) -> Option<Secret<String>> {
        let profile: String = self.profile_name.to_uppercase().replace(['-', '.'], "_");
        let kongctl = format!("KONGCTL_{profile}_KONNECT_PAT");
        let names = [
            "ENACT_KONNECT_TOKEN",
            kongctl.as_str(),
            "KONGCTL_DEFAULT_KONNECT_PAT",
        ];
        names
            .iter()
            .find_map(|name| self.environment.get(name))
            .map(|token| Secret::new(token.trim().to_owned()))
    }

    /// The region from the environment or the profile.
    pub(crate) fn region(&self) -> Option<String> {
        let profile: String = self.profile_name.to_uppercase().replace(['-', '.'], "_");
        let kongctl = format!("KONGCTL_{profile}_KONNECT_REGION");
        let names = [
            "ENACT_KONNECT_REGION",
            kongctl.as_str(),
            "KONGCTL_DEFAULT_KONNECT_REGION",
        ];
        let named = names
            .iter()
            .find_map(|name| self.environment.get(name))
            .map(ToOwned::to_owned);
        named.or_else(|| self.profile.region.clone())
    }

    /// The file that `login` writes.
    pub(crate) fn token_file(&self) -> Result<PathBuf, CommandError> {
        let folder = self.environment.config_dir().ok_or_else(|| {
            CommandError::invalid("there is no place for the token: neither HOME nor XDG_CONFIG_HOME is set")
                .hint("set ENACT_CONFIG_DIR, or give a token in ENACT_KONNECT_TOKEN")
        })?;
        Ok(folder.join(format!("{}-konnect-token.json", self.profile_name)))
    }
}

/// Does `ENACT_PRINCIPAL_KIND` lower this process to an agent? A mistyped word must not make a person.
fn lowered(environment: &Environment) -> Result<bool, CommandError> {
    match environment.get(PRINCIPAL_KIND) {
        Some("agent") => Ok(true),
        None | Some("person") => Ok(false),
        Some(other) => Err(CommandError::invalid(format!(
            "{PRINCIPAL_KIND} is {other:?}, which is no kind of principal; nothing was done"
        ))
        .hint("known are `agent`, which lowers rights, and `person`, which is the same as leaving it out")),
    }
}

fn no_profile(name: &str, file: &SettingsFile) -> CommandError {
    let known: Vec<&str> = file.profiles.keys().map(String::as_str).collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    CommandError::invalid(format!("there is no profile {name:?} in {FILE}"))
        .hint(format!("profiles there: {known}"))
}

fn read_file(path: &Path) -> Result<SettingsFile, CommandError> {
    let shown = path.display();
    let size = std::fs::metadata(path).map(|file| file.len());
    if size.as_ref().is_ok_and(|size| *size > MAX_FILE) {
        return Err(CommandError::invalid(format!(
            "{shown} is longer than {MAX_FILE} bytes"
        )));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| CommandError::invalid(format!("{shown} cannot be read: {error}")))?;
    let invalid = |why: &dyn std::fmt::Display| {
        CommandError::invalid(format!("{shown} is not a valid settings file:\n{why}"))
    };
    let file: SettingsFile = toml::from_str(&text).map_err(|error| invalid(&error))?;
    let of_notices = || file.notify.iter().find_map(Notify::fault);
    match file.runbooks.fault().or_else(of_notices) {
        Some(fault) => Err(invalid(&fault)),
        None => Ok(file),
    }
}

/// The nearest file of that name in this directory or above.
fn nearest(from: &Path, name: &str) -> Option<PathBuf> {
    from.ancestors()
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
}

/// `.enact/` beside `enact.toml` or where one already is; the user's own state directory otherwise.
fn state_dir(
    flag: Option<PathBuf>,
    environment: &Environment,
    settings_file: Option<&Path>,
) -> Result<PathBuf, CommandError> {
    if let Some(named) = flag.or_else(|| environment.get("ENACT_STATE_DIR").map(PathBuf::from)) {
        return Ok(named);
    }
    if let Some(existing) = nearest(&environment.current_dir, ".enact").filter(|path| path.is_dir()) {
        return Ok(existing);
    }
    if let Some(folder) = settings_file.and_then(Path::parent) {
        return Ok(folder.join(".enact"));
    }
    environment.user_state_dir().ok_or_else(|| {
        CommandError::invalid("there is no place for the state: neither HOME nor XDG_STATE_HOME is set")
            .hint("name a directory with --state-dir or ENACT_STATE_DIR")
    })
}

/// The login name of this process's user id, from the password database; the number where it has none.
fn user_name() -> String {
    use std::os::unix::fs::MetadataExt as _;
    let uid = std::fs::metadata("/proc/self").map_or(0, |process| process.uid());
    let passwords = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = passwords.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)? == uid.to_string()).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| format!("uid-{uid}"))
}
