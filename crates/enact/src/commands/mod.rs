//! The commands, one file each.

use crate::cli::{Cli, Command, Global};
#[cfg(feature = "kubernetes")]
use crate::cli::{ColorChoice, LogLevel};
use crate::config::{Overrides, Settings};
use crate::error::{CommandError, CommandResult};
use crate::views::Painter;

#[cfg(feature = "kubernetes")]
pub(crate) mod action;
pub(crate) mod adopt;
pub(crate) mod apply;
pub(crate) mod approvals;
pub(crate) mod approve;
pub(crate) mod attest;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod confirm;
#[cfg(feature = "kubernetes")]
pub(crate) mod controller;
pub(crate) mod decide;
pub(crate) mod delete;
pub(crate) mod diff;
pub(crate) mod dump;
pub(crate) mod get;
pub(crate) mod konnect;
pub(crate) mod login;
pub(crate) mod man;
mod needed_approval;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod reject;
pub(crate) mod resume;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod runbook;
pub(crate) mod runs;
pub(crate) mod runs_next;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod stop;
pub(crate) mod sync;

/// What a command stands on.
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) painter: Painter,
}

impl Context {
    /// Are marks plain letters, because the locale that was chosen knows no others?
    pub(crate) fn is_ascii(&self) -> bool {
        !self.settings.environment.knows_utf8()
    }

    fn new(global: Global) -> Result<Self, CommandError> {
        let overrides = Overrides {
            profile: global.profile,
            state_dir: global.state_dir,
            config_file: global.config_file,
        };
        Ok(Self {
            settings: Settings::read(overrides)?,
            painter: Painter::of(global.color),
        })
    }
}

/// Does the command say itself where its log goes?
pub(crate) fn logs_by_itself(command: &Command) -> bool {
    #[cfg(feature = "kubernetes")]
    return matches!(command, Command::Controller(_));
    #[cfg(not(feature = "kubernetes"))]
    {
        let _ = command;
        false
    }
}

/// Runs a command.
pub(crate) fn dispatch(cli: Cli) -> CommandResult {
    let Cli { global, command } = cli;
    // These need neither settings nor state: they work in an empty container.
    if let Command::Schema(args) = &command {
        return schema::run(args);
    }
    if let Command::Completions(args) = &command {
        return completions::run(args);
    }
    if let Command::Man(args) = &command {
        return man::run(args);
    }
    if matches!(command, Command::PolicyWorker) {
        return policy::work();
    }
    #[cfg(feature = "kubernetes")]
    if let Command::Controller(args) = command {
        return controller::run(args, global.log_level, global.color);
    }
    #[cfg(feature = "kubernetes")]
    if let Command::Action(args) = &command {
        return action::run(args);
    }
    if matches!(command, Command::Supervise) {
        return Ok(supervise());
    }
    let context = Context::new(global)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(command, &context))
}

/// Before any thread or child of this process exists.
fn supervise() -> enact_core::exit::ExitCode {
    if enact_runbook::process::serve() == std::process::ExitCode::SUCCESS {
        enact_core::exit::ExitCode::Ok
    } else {
        enact_core::exit::ExitCode::Failed
    }
}

async fn run(command: Command, context: &Context) -> CommandResult {
    match command {
        Command::Plan(args) => plan::run(context, args).await,
        Command::Diff(args) => diff::run(context, args).await,
        Command::Apply(args) => apply::run(context, args).await,
        Command::Check(args) => check::run(context, args).await,
        Command::Run(args) => run::run(context, args).await,
        Command::Runbook(args) => runbook::run(context, args).await,
        Command::Sync(args) => sync::run(context, args).await,
        Command::Delete(args) => delete::run(context, args).await,
        Command::Adopt(args) => adopt::run(context, args).await,
        Command::Dump(args) => dump::run(context, args).await,
        Command::Get(args) => get::run(context, args).await,
        Command::Approve(args) => approve::run(context, &args).await,
        Command::Reject(args) => reject::run(context, &args),
        Command::Approvals(args) => approvals::run(context, &args),
        Command::Show(args) => show::run(context, &args),
        Command::Runs(args) => runs::run(context, args),
        Command::Resume(args) => resume::run(context, args).await,
        Command::Confirm(args) => confirm::run(context, args).await,
        Command::Decide(args) => decide::run(context, args).await,
        Command::Attest(args) => attest::run(context, args).await,
        Command::Rollback(args) => rollback::run(context, args).await,
        Command::Stop(args) => stop::run(context, &args),
        Command::Login(args) => login::run(context, args).await,
        Command::Logout(args) => login::logout(context, &args),
        Command::Konnect(args) => konnect::run(context, args).await,
        Command::Policy(args) => policy::run(context, &args),
        Command::PolicyWorker => policy::work(),
        #[cfg(feature = "kubernetes")]
        // It ran above already, without settings and state.
        Command::Controller(args) => controller::run(args, LogLevel::Warn, ColorChoice::Auto),
        #[cfg(feature = "kubernetes")]
        Command::Action(args) => action::run(&args),
        Command::Supervise => Ok(supervise()),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}
