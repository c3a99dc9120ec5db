//! The command line. Each command's arguments stand in its own file; this one only lists them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands;

/// Plan it whole. Have it approved. Enact exactly that. Prove it worked.
#[derive(Debug, Parser)]
#[command(
    name = "enact",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(after_help = "Examples:
  enact apply -f portals/ --konnect local     try it without an account
  enact plan -f portals/ -o plan.json         write the plan to a file
  enact apply --plan plan.json                enact exactly that
  enact runs list                             what happened")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The profile in enact.toml [env: ENACT_PROFILE]
    #[arg(
        short = 'p',
        long,
        global = true,
        value_name = "NAME",
        help_heading = "Global options"
    )]
    pub(crate) profile: Option<String>,
    /// The settings file; default: the nearest enact.toml [env: ENACT_CONFIG_FILE]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) config_file: Option<PathBuf>,
    /// Where plans, approvals and journals are kept [env: ENACT_STATE_DIR]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Colour on the terminal
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, help_heading = "Global options")]
    pub(crate) color: ColorChoice,
    /// What to log on standard error
    #[arg(long, global = true, value_enum, default_value_t = LogLevel::Warn, help_heading = "Global options")]
    pub(crate) log_level: LogLevel,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// Every request.
    Trace,
    /// Requests and decisions.
    Debug,
    /// Milestones.
    Info,
    /// What should not be.
    Warn,
    /// Failures only.
    Error,
}

impl LogLevel {
    pub(crate) fn as_filter(self) -> &'static str {
        match self {
            Self::Trace => "enact=trace,enact_konnect=trace,enact_engine=trace,enact_kube=trace",
            Self::Debug => "enact=debug,enact_konnect=debug,enact_engine=debug,enact_kube=debug",
            Self::Info => "enact=info,enact_konnect=info,enact_engine=info,enact_kube=info",
            Self::Warn => "enact=warn,enact_konnect=warn,enact_engine=warn,enact_kube=warn",
            Self::Error => "enact=error,enact_konnect=error,enact_engine=error,enact_kube=error",
        }
    }
}

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// One JSON document on standard output.
    Json,
    /// The same as YAML.
    Yaml,
}

/// The commands, in the order of the line they walk.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Plan(commands::plan::PlanArgs),
    Diff(commands::diff::DiffArgs),
    Apply(commands::apply::ApplyArgs),
    Check(commands::check::CheckArgs),
    Run(commands::run::RunArgs),
    Runbook(commands::runbook::RunbookArgs),
    Sync(commands::sync::SyncArgs),
    Delete(commands::delete::DeleteArgs),
    Adopt(commands::adopt::AdoptArgs),
    Dump(commands::dump::DumpArgs),
    Get(commands::get::GetArgs),
    Show(commands::show::ShowArgs),
    Approve(commands::approve::ApproveArgs),
    Reject(commands::reject::RejectArgs),
    Approvals(commands::approvals::ApprovalsArgs),
    Runs(commands::runs::RunsArgs),
    Resume(commands::resume::ResumeArgs),
    Confirm(commands::confirm::ConfirmArgs),
    Decide(commands::decide::DecideArgs),
    Attest(commands::attest::AttestArgs),
    Rollback(commands::rollback::RollbackArgs),
    Stop(commands::stop::StopArgs),
    Login(commands::login::LoginArgs),
    Logout(commands::login::LogoutArgs),
    Konnect(commands::konnect::KonnectArgs),
    Policy(commands::policy::PolicyArgs),
    #[cfg(feature = "kubernetes")]
    Controller(commands::controller::ControllerArgs),
    #[cfg(feature = "kubernetes")]
    Action(commands::action::ActionArgs),
    /// Be a policy process: answer questions on standard input
    #[command(hide = true)]
    PolicyWorker,
    /// Run the commands of a runbook for an engine that may crash
    #[command(hide = true)]
    Supervise,
    Schema(commands::schema::SchemaArgs),
    Completions(commands::completions::CompletionsArgs),
    Man(commands::man::ManArgs),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
