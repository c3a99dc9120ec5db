//! The second half of the line for runbooks: a plan is shown, approved, admitted, run and reported.

use std::path::PathBuf;

use enact_core::exit::ExitCode;
use enact_core::plan::Plan;

use super::carry_out::{Going, Way, carry_out, check_secrets, read_document};
use super::dry_run::dry_run;
use crate::admission::{Asking, approve_and_admit, check_dry_run};
use crate::approve::{Said, TAKE_BACK, refuse_agent};
use crate::cli::Output;
use crate::commands::Context;
use crate::connect::KonnectFlags;
use crate::error::CommandResult;
use crate::execute::{RunFlags, check_verdict, say_when_policy_changed};
use crate::policy::Policies;
use crate::views::{self, event_lines, policy_text, runbook_text};
use crate::{line, state};

/// What a command that runs a runbook was told.
pub(crate) struct Told<'a> {
    pub(crate) flags: &'a RunFlags,
    pub(crate) konnect: &'a KonnectFlags,
    /// Where relative paths start.
    pub(crate) folder: PathBuf,
    /// With `--dry-run`: run what only looks.
    pub(crate) read: bool,
    pub(crate) ascii: bool,
    pub(crate) stdin_taken: bool,
}

/// Runs a runbook's plan to its end or to where it waits, asking first.
pub(crate) async fn execute(
    context: &Context,
    plan: Plan,
    policies: &mut Policies,
    told: Told<'_>,
) -> CommandResult {
    let planned_by = plan.metadata().policy_digest.clone();
    let plan = line::judged(plan, policies);
    let document = read_document(&plan)?;
    if told.flags.output == Output::Text {
        views::say(&runbook_text::approval_request(context.painter, &plan, &document));
        views::say(&super::difference(context, &plan)?);
        if let Some(verdict) = plan.verdict() {
            views::say(&policy_text::render(context.painter, verdict));
        }
        say_when_policy_changed(planned_by.as_deref(), &plan);
    }
    check_verdict(&plan).map_err(|error| error.hint(policies.see_more(None)))?;
    if told.flags.dry_run {
        check_dry_run(context, &plan, policies)?;
        return dry_run(context, &plan, &document, &told).await;
    }
    event_lines::check(told.flags.events.as_deref())?;
    if told.flags.rollback_on_failure {
        refuse_agent(&context.settings.principal(), TAKE_BACK)?;
    }
    check_secrets(context, &document, &told.folder)?;
    let installation = state::open(&context.settings)?;
    let asking = Asking {
        verb: "run",
        said: Said {
            auto_approve: told.flags.auto_approve,
            allow_unprotect: told.flags.allow_unprotect,
            stdin_taken: told.stdin_taken,
        },
        carried: &told.flags.approval,
    };
    let target = plan.metadata().target.clone();
    super::remember_folder(context, plan.id(), &told.folder);
    let admitted = approve_and_admit(context, &installation, plan, target, policies, asking)?;
    // Before the approval is spent: a record from elsewhere may hold what is no check.
    super::added::of(context, &admitted, &told.folder)?;
    let target = admitted.plan().metadata().target.to_string();
    super::refuse_beside(context, &installation, &target, None)?;
    let open = installation.begin(&admitted, &context.settings.principal())?;
    let open = open.in_folder(&told.folder.to_string_lossy());
    let going = Going {
        folder: told.folder,
        output: told.flags.output,
        way: Way::On {
            rollback_on_failure: told.flags.rollback_on_failure,
        },
        konnect: told.konnect.clone(),
        policy: told.flags.policy.clone(),
        ascii: told.ascii,
        events: told.flags.events.clone(),
    };
    carry_out(context, &installation, open, &admitted, going).await
}

/// A dry run that found a contradiction.
pub(crate) const CONTRADICTED: ExitCode = ExitCode::Stale;
