//! `enact plan`: what would change, for people or as a file to approve and run later.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use enact_core::exit::ExitCode;
use enact_core::plan::{Mode, Plan};
use enact_core::verdict::Outcome;

use super::Context;
use crate::cli::Output;
use crate::connect::{KonnectFlags, connect};
use crate::error::{CommandError, CommandResult};
use crate::execute::{check_verdict, show_warnings};
use crate::line::{ConfigFlags, judged, load_files, make_plan};
use crate::policy::{Policies, PolicyFlags};
use crate::runbook::{self, RunbookFlags};
use crate::state;
use crate::views::{self, plan_text, policy_text, runbook_text};

/// What kind of plan to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanMode {
    /// Create and update.
    Apply,
    /// Create, update and delete.
    Sync,
    /// Delete what is described.
    Delete,
}

impl From<PlanMode> for Mode {
    fn from(mode: PlanMode) -> Self {
        match mode {
            PlanMode::Apply => Self::Apply,
            PlanMode::Sync => Self::Sync,
            PlanMode::Delete => Self::Delete,
        }
    }
}

/// Show what would change, and write it to a file to run later
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  enact plan -f portals/
  enact plan -f portals/ -o plan.json && enact apply --plan plan.json
  enact plan -f portals/ --mode sync --detailed-exitcode   exit code 2: changes are pending
  enact plan -f move-users.plan.yaml -o plan.json          a runbook")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    config: ConfigFlags,
    /// What kind of plan
    #[arg(long, value_enum, default_value_t = PlanMode::Apply)]
    mode: PlanMode,
    /// Write the plan to this file (readable by you only); `-`: the plan instead of its text on standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// The form of the plan on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Exit with 2 when changes are pending
    #[arg(long)]
    detailed_exitcode: bool,
    /// Fail when protection blocks a change
    #[arg(long)]
    strict_protection: bool,
    #[command(flatten)]
    runbook: RunbookFlags,
    #[command(flatten)]
    policy: PolicyFlags,
    #[command(flatten)]
    konnect: KonnectFlags,
}

pub(crate) async fn run(context: &Context, mut args: PlanArgs) -> CommandResult {
    if args.output_file.as_deref() == Some(Path::new("-")) {
        args.output_file = None;
        if args.output == Output::Text {
            args.output = Output::Json;
        }
    }
    refuse_own_input(args.output_file.as_deref(), &args.config.filename)?;
    if let [only] = args.config.filename.as_slice()
        && runbook::is_runbook_file(Path::new(only))
    {
        return plan_runbook(context, Path::new(only), &args).await;
    }
    let desired = load_files(&context.settings, &args.config)?;
    show_warnings(context, &desired.warnings);
    let mut policies = Policies::in_force(&context.settings, &args.policy)?;
    let connection = connect(&context.settings, &args.konnect).await?;
    let mode = args.mode.into();
    let plan = make_plan(&context.settings, &connection, &desired, mode, &mut policies).await?;
    let plan = judged(plan, &mut policies);
    if let Some(path) = &args.output_file {
        write_private(path, &plan.to_bytes()?)?;
    }
    match args.output {
        Output::Text => views::print_text(&text(context, &plan, args.output_file.as_deref(), &args))?,
        Output::Json => views::print(&String::from_utf8_lossy(&plan.to_bytes()?))?,
        Output::Yaml => views::print_document(&plan, Output::Yaml)?,
    }
    if !plan.changes().is_empty() {
        remember(context, &plan);
    }
    let file = args.output_file.as_deref();
    exit_code(
        &plan,
        &policies,
        file,
        args.strict_protection,
        args.detailed_exitcode,
    )
}

/// The same for a runbook: content decides.
async fn plan_runbook(context: &Context, path: &Path, args: &PlanArgs) -> CommandResult {
    let mut policies = Policies::in_force(&context.settings, &args.policy)?;
    let (plan, _) = runbook::plan(context, path, &args.runbook, &args.konnect, &mut policies).await?;
    let plan = judged(plan, &mut policies);
    if let Some(path) = &args.output_file {
        write_private(path, &plan.to_bytes()?)?;
    }
    let file = args.output_file.as_deref();
    match args.output {
        Output::Text => views::print_text(&runbook_plan_text(context, &plan, file, args)?)?,
        Output::Json => views::print(&String::from_utf8_lossy(&plan.to_bytes()?))?,
        Output::Yaml => views::print_document(&plan, Output::Yaml)?,
    }
    remember(context, &plan);
    exit_code(
        &plan,
        &policies,
        file,
        args.strict_protection,
        args.detailed_exitcode,
    )
}

fn runbook_plan_text(
    context: &Context,
    plan: &Plan,
    file: Option<&Path>,
    args: &PlanArgs,
) -> Result<String, CommandError> {
    let document = runbook::read_document(plan)?;
    let mut text = runbook_text::approval_request(context.painter, plan, &document);
    text.push_str(&runbook::difference(context, plan)?);
    text.push_str(&findings(context, plan));
    let named = file.map_or_else(|| plan.id().short().to_owned(), |file| file.display().to_string());
    // What policy denies is not advised.
    if check_verdict(plan).is_ok() {
        let (policy, target) = (args.policy.as_arguments(), args.konnect.as_arguments());
        text.push_str(&format!(
            "\nTo approve it: enact approve {named}{policy}\nTo run it:     enact run {named}{target}{policy}\n"
        ));
    }
    Ok(text)
}

fn text(context: &Context, plan: &Plan, file: Option<&Path>, args: &PlanArgs) -> String {
    if plan.changes().is_empty() {
        let mut text = "No changes detected. Configuration matches current state.\n".to_owned();
        for warning in plan.warnings() {
            text.push_str(&format!("warning: {}\n", warning.message));
        }
        text.push_str(&findings(context, plan));
        return text;
    }
    let mut text = plan_text::render(context.painter, plan, plan_text::Detail::default());
    text.push_str(&plan_text::deletions(context.painter, plan));
    text.push_str(&findings(context, plan));
    if let Some(file) = file {
        let (file, mode) = (file.display(), plan.metadata().mode);
        let (policy, target) = (args.policy.as_arguments(), args.konnect.as_arguments());
        text.push_str(&format!(
            "\nThe plan is in {file}. To run it: enact {mode} --plan {file}{target}{policy}\n"
        ));
    }
    text
}

fn findings(context: &Context, plan: &Plan) -> String {
    plan.verdict()
        .map(|verdict| policy_text::render(context.painter, verdict))
        .unwrap_or_default()
}

/// Keeps the plan for `enact show PLAN_ID`. A state that cannot be written is no reason for a plan to fail.
fn remember(context: &Context, plan: &Plan) {
    let kept = state::open(&context.settings).and_then(|installation| {
        Ok(installation
            .store
            .save_plan(plan.id(), &plan.to_bytes()?, state::now())?)
    });
    if let Err(error) = kept {
        tracing::warn!(
            error = error.chain.join(": "),
            "the plan was not kept in the state directory"
        );
    }
}

/// A result does not go into the file that it is made from: what somebody wrote would be gone.
///
/// # Errors
/// When it is one of these files, by whatever name.
pub(crate) fn refuse_own_input<T: AsRef<Path>>(
    output: Option<&Path>,
    inputs: &[T],
) -> Result<(), CommandError> {
    let real = |path: &Path| std::fs::canonicalize(path).ok().filter(|path| path.is_file());
    let Some(target) = output.and_then(real) else {
        return Ok(());
    };
    if inputs
        .iter()
        .any(|input| real(input.as_ref()).as_ref() == Some(&target))
    {
        return Err(CommandError::invalid(format!(
            "{} is what is read here; nothing was written",
            target.display()
        ))
        .hint("name another file with -o"));
    }
    Ok(())
}

/// Writes a file that only its owner can read, in one step: a crash leaves the old file or the new one. What exists and is
/// no file (a pipe, a device) is written to; it is never replaced by a file. A link is followed.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let failed = |error: std::io::Error| {
        CommandError::failed(format!("{} cannot be written: {error}", path.display()))
    };
    if let Ok(other) = std::fs::metadata(path)
        && !other.is_file()
    {
        let written = std::fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut open| open.write_all(bytes));
        return written.map_err(failed);
    }
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let path = target.as_path();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|error| {
        // Half a file helps nobody; if even that fails there is nothing more to do.
        let _removed = std::fs::remove_file(&temporary);
        failed(error)
    })
}

fn exit_code(
    plan: &Plan,
    policies: &Policies,
    file: Option<&Path>,
    strict: bool,
    detailed: bool,
) -> CommandResult {
    if plan
        .verdict()
        .is_some_and(|verdict| verdict.outcome == Outcome::Deny)
    {
        return Err(CommandError::new(
            ExitCode::Denied,
            "policy denies this plan; nothing can run it as it is",
        )
        .hint(policies.see_more(file)));
    }
    if strict && plan.summary().blocked_count > 0 {
        return Err(CommandError::new(
            ExitCode::Denied,
            "protection blocks changes of this plan",
        ));
    }
    Ok(match (detailed, plan.is_noop(), plan.changes().is_empty()) {
        (_, true, false) => ExitCode::Denied,
        (true, false, _) => ExitCode::Pending,
        _ => ExitCode::Ok,
    })
}
