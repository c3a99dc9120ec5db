//! `enact run`: a runbook from its document, or a plan that was made of one, to its end or to where it waits for people.

use std::path::{Path, PathBuf};

use clap::Args;
use enact_core::plan::Plan;

use super::{Context, show};
use crate::connect::KonnectFlags;
use crate::error::{CommandError, CommandResult};
use crate::execute::{self, RunFlags};
use crate::policy::Policies;
use crate::runbook::{self, RunbookFlags, find_folder};

/// Run a runbook: plan it whole, have it approved, execute it in order, verify
#[derive(Debug, Args)]
#[command(
    after_help = "What is run is exactly what was approved. Where the plan or an approval says so, the run waits for a
person: the process ends with exit code 9, and `enact confirm` or `enact decide` go on, also on another day.

Examples:
  enact run node-maintenance.plan.yaml -P node=worker-1
  enact run 3f9c01ab77d2                    a plan that is kept here (enact plan, enact approve)
  enact run plan.json --approval dana.json  a plan and an approval from elsewhere
  enact run deploy.plan.yaml --dry-run      what would happen, and how much of it was simulated"
)]
pub(crate) struct RunArgs {
    /// A runbook (YAML or Markdown), a saved plan, `-`, or the id of a plan that is kept here
    #[arg(value_name = "RUNBOOK|PLAN")]
    what: String,
    /// With --dry-run: run the steps that only look
    #[arg(long, requires = "dry_run")]
    read: bool,
    /// Show marks in plain letters
    #[arg(long)]
    ascii: bool,
    #[command(flatten)]
    runbook: RunbookFlags,
    #[command(flatten)]
    flags: RunFlags,
    #[command(flatten)]
    konnect: KonnectFlags,
}

pub(crate) async fn run(context: &Context, args: RunArgs) -> CommandResult {
    let policies = &mut Policies::in_force(&context.settings, &args.flags.policy)?;
    let (plan, folder) = resolve(context, &args, policies).await?;
    let told = runbook::Told {
        flags: &args.flags,
        konnect: &args.konnect,
        folder,
        read: args.read,
        ascii: args.ascii,
        stdin_taken: args.what == "-",
    };
    runbook::execute(context, plan, policies, told).await
}

/// A document, a plan file or a kept plan: content decides.
async fn resolve(
    context: &Context,
    args: &RunArgs,
    policies: &mut Policies,
) -> Result<(Plan, PathBuf), CommandError> {
    let path = Path::new(&args.what);
    if args.what == "-" || path.exists() {
        let is_plan = if args.what == "-" {
            is_plan_on_stdin()
        } else {
            is_plan_file(path)
        };
        if is_plan {
            let plan = execute::read_plan(path)?;
            let folder = find_folder(context, plan.id(), args.runbook.dir.as_deref())?;
            return Ok((plan, folder));
        }
        return runbook::plan(context, path, &args.runbook, &args.konnect, policies).await;
    }
    let plan = show::find(context, &args.what)?;
    let folder = find_folder(context, plan.id(), args.runbook.dir.as_deref())?;
    Ok((plan, folder))
}

/// Is it a plan as enact writes it?
pub(crate) fn is_plan_file(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(4096).read_to_end(&mut head));
    read.is_ok() && is_head_of_plan(&head)
}

/// The same for standard input, of which nothing is used up.
fn is_plan_on_stdin() -> bool {
    use std::io::BufRead as _;
    std::io::stdin().lock().fill_buf().is_ok_and(is_head_of_plan)
}

fn is_head_of_plan(head: &[u8]) -> bool {
    head.trim_ascii_start().starts_with(b"{") && String::from_utf8_lossy(head).contains("\"enact.plan/")
}
