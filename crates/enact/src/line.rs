//! The first half of the line for Konnect: load, observe, plan, judge. Every command that plans walks it here.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use enact_core::change::Change;
use enact_core::exit::ExitCode;
use enact_core::plan::{Mode, Plan, Target};
use enact_konnect::cache::DigestCache;
use enact_konnect::desired::Desired;
use enact_konnect::load::{LoadOptions, load, sources};
use enact_konnect::observe::{ObserveOptions, observe};
use enact_konnect::plan::{PlanError, PlanOptions, plan, unchanged};
use enact_konnect::resources::KINDS;

use crate::commands::run::is_plan_file;
use crate::config::Settings;
use crate::connect::Connection;
use crate::error::CommandError;
use crate::policy::Policies;
use crate::runbook::is_runbook_file;
use crate::state;

/// The most bytes of configuration read from standard input.
const MAX_STDIN: u64 = 64 * 1024 * 1024;

/// Where the configuration is.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct ConfigFlags {
    /// A YAML file, a directory of them, or `-` for standard input; repeatable
    #[arg(short = 'f', long = "filename", visible_alias = "config", value_name = "PATH")]
    pub(crate) filename: Vec<String>,
    /// Enter subdirectories too
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
    /// The directory that `!file` must stay inside; default: that of the file
    #[arg(long, value_name = "DIR")]
    pub(crate) base_dir: Option<PathBuf>,
    /// Refuse resources whose namespace nobody named
    #[arg(long, conflicts_with = "require_namespace")]
    pub(crate) require_any_namespace: bool,
    /// Refuse resources of other namespaces; repeatable
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',')]
    pub(crate) require_namespace: Vec<String>,
}

impl ConfigFlags {
    /// Is standard input among the places? Each value can be a list.
    pub(crate) fn takes_stdin(&self) -> bool {
        self.filename
            .iter()
            .flat_map(|value| value.split(','))
            .any(|name| name.trim() == "-")
    }
}

/// The process's environment, as the loader may see it.
pub(crate) struct LoaderEnvironment<'a>(pub(crate) &'a Settings);

impl enact_konnect::load::Environment for LoaderEnvironment<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.0.environment.raw(name)
    }
}

/// Does a file that is named say of itself that it is a runbook? Markdown does not say: it may be a page.
fn says_it_is_a_runbook(file: &str) -> bool {
    let path = Path::new(file);
    let is_yaml = path
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json");
    is_yaml && is_runbook_file(path)
}

/// load: files to what is wanted.
pub(crate) fn load_files(settings: &Settings, flags: &ConfigFlags) -> Result<Desired, CommandError> {
    if flags.filename.is_empty() {
        return Err(CommandError::invalid("no configuration is named")
            .hint("name a file or directory with -f, or a saved plan with --plan"));
    }
    let read = || {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .take(MAX_STDIN + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    if let Some(plan) = flags.filename.iter().find(|file| is_plan_file(Path::new(file))) {
        return Err(CommandError::invalid(format!("{plan} is a plan that was saved, not what to plan from"))
            .hint(format!("to look at it: enact show {plan}; to run it: enact run {plan}, or enact apply --plan {plan}")));
    }
    if let Some(runbook) = flags.filename.iter().find(|file| says_it_is_a_runbook(file)) {
        return Err(
            CommandError::invalid(format!("{runbook} is a runbook, not a configuration of Konnect")).hint(
                format!("to run it: enact run {runbook}; to plan it: enact plan -f {runbook}"),
            ),
        );
    }
    let sources = sources(&flags.filename, read).map_err(CommandError::faults)?;
    let options = LoadOptions {
        recursive: flags.recursive,
        base_dir: flags.base_dir.clone(),
        kinds: KINDS,
        require_any_namespace: flags.require_any_namespace,
        require_namespaces: flags.require_namespace.iter().cloned().collect(),
        ..LoadOptions::default()
    };
    load(&sources, &options, &LoaderEnvironment(settings)).map_err(CommandError::faults)
}

/// observe and plan: what is wanted and what is there, to a plan.
pub(crate) async fn make_plan(
    settings: &Settings,
    connection: &Connection,
    desired: &Desired,
    mode: Mode,
    policies: &mut Policies,
) -> Result<Plan, CommandError> {
    let (plan, _) = plan_and_rest(settings, connection, desired, mode, policies).await?;
    Ok(plan)
}

/// The same, with what is as it is wanted already.
pub(crate) async fn plan_and_rest(
    settings: &Settings,
    connection: &Connection,
    desired: &Desired,
    mode: Mode,
    policies: &mut Policies,
) -> Result<(Plan, Vec<Change>), CommandError> {
    let mut cache = open_cache(settings, &connection.target);
    let has_external = desired
        .resources
        .iter()
        .any(|resource| resource.external.is_some());
    let options = ObserveOptions {
        children: mode != Mode::Delete || has_external,
        deletions: mode != Mode::Apply,
        described: mode == Mode::Delete,
    };
    let observed = observe(&connection.client, KINDS, desired, options, &mut cache)
        .await
        .map_err(|error| api_error(&error))?;
    cache.save();
    let options = PlanOptions {
        mode,
        generated_at: state::now(),
        author: settings.principal(),
        target: connection.target.clone(),
        policy_digest: Some(policies.digest().to_string()),
    };
    let plan = plan(desired, &observed, KINDS, &options).map_err(|error| match error {
        PlanError::Faults(faults) => CommandError::faults(faults),
        PlanError::Freeze(error) => CommandError::from_error(ExitCode::InvalidInput, &error),
    })?;
    Ok((plan, unchanged(desired, &observed, KINDS, mode)))
}

/// judge: today's policy on a plan, stored with it.
pub(crate) fn judged(plan: Plan, policies: &mut Policies) -> Plan {
    let verdict = policies.judge(&plan);
    plan.with_verdict(verdict)
}

/// The cache of content digests of one target.
pub(crate) fn open_cache(settings: &Settings, target: &Target) -> DigestCache {
    if state::prepare(&settings.state_dir).is_err() {
        return DigestCache::in_memory();
    }
    let name = enact_core::canonical::Digest::of(target.to_string().as_bytes());
    DigestCache::open(
        settings
            .state_dir
            .join(format!("konnect-digests-{}", name.short())),
    )
}

/// The organisation behind a connection, from the cache where its token is known.
pub(crate) async fn full_target(
    settings: &Settings,
    connection: &Connection,
) -> Result<Target, CommandError> {
    let mut cache = open_cache(settings, &connection.target);
    let token = connection
        .client
        .token_digest()
        .map(|digest| digest.to_string())
        .unwrap_or_default();
    let organization = match cache.organization(&token) {
        Some(known) => known,
        None => {
            let fresh = enact_konnect::observe::read_organization(&connection.client)
                .await
                .map_err(|error| api_error(&error))?;
            cache.put_organization(&token, &fresh);
            fresh
        }
    };
    Ok(Target {
        organization: Some(organization),
        ..connection.target.clone()
    })
}

/// A failed read, with what to do.
pub(crate) fn api_error(error: &enact_konnect::client::ApiError) -> CommandError {
    let failed = CommandError::from_error(ExitCode::Failed, error);
    if matches!(error, enact_konnect::client::ApiError::Credentials(_)) {
        return failed.hint("log in again: enact login");
    }
    match error.status() {
        Some(401) => {
            failed.hint("the token is not valid or has expired: enact login, or a new ENACT_KONNECT_TOKEN")
        }
        Some(403) => failed.hint("the token lacks the right to do this; ask for a role that has it"),
        Some(429) => failed.hint("the server is busy; try again later, or with a smaller --max-concurrency"),
        _ => failed.hint("nothing was written"),
    }
}
