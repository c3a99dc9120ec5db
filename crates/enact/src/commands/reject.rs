//! `enact reject`: say no to a plan. It will not run, whoever else agrees, until whoever said no takes it back.

use std::path::PathBuf;

use clap::Args;
use enact_core::approval::{Approval, Decision};
use enact_core::exit::ExitCode;

use super::Context;
use super::approve::{UNASKED, finish, keep};
use super::show::find;
use super::stop::ask_runs_of;
use crate::approve::{new_id, refuse_agent};
use crate::error::CommandResult;
use crate::policy::{Policies, PolicyFlags};
use crate::{signing, state, trust, views};

/// Say no to a plan: it will not run, whoever else agrees
#[derive(Debug, Args)]
#[command(
    after_help = "A run of it that is under way here stops after its current step.

Example:
  enact reject 3f9c21aa04be --reason \"not during the sale\"

To take it back: enact approvals withdraw APPROVAL_ID"
)]
pub(crate) struct RejectArgs {
    /// The plan: a file, `-`, or the id of one that is kept here (six digits are enough)
    #[arg(value_name = "PLAN_ID|FILE")]
    plan: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Write the record to this file too (`-`: standard output)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Sign with this SSH key [env: ENACT_APPROVAL_KEY]
    #[arg(long, value_name = "KEY")]
    sign_with: Option<PathBuf>,
    #[command(flatten)]
    policy: PolicyFlags,
}

pub(crate) fn run(context: &Context, args: &RejectArgs) -> CommandResult {
    let user = context.settings.principal();
    refuse_agent(&user, "reject")?;
    let plan = find(context, &args.plan)?;
    let trust = trust::read(&context.settings)?;
    let key = trust::key(&context.settings, args.sign_with.as_ref());
    let by = match &key {
        Some(key) => signing::signer(&context.settings, key, &trust)?,
        None => user,
    };
    refuse_agent(&by, "reject")?;
    let installation = state::open(&context.settings)?;
    let mut record = Approval {
        decision: Decision::Rejected,
        policy_digest: Policies::in_force(&context.settings, &args.policy)?.digest(),
        decided_at: state::now(),
        reason: args.reason.clone(),
        ..Approval::yes(new_id(installation.ids.as_ref()), plan.id().clone(), by, UNASKED)
    };
    finish(&mut record, key.as_deref(), &trust)?;
    installation
        .store
        .save_plan(plan.id(), &plan.to_bytes()?, record.decided_at)?;
    keep(&installation, &record, args.out.as_deref())?;
    views::say(&format!(
        "Plan {} is rejected by {} (record {}); it will not run.\n",
        plan.id().short(),
        record.approver.id,
        record.approval_id
    ));
    let reason = format!(
        "rejected by {} (record {})",
        record.approver.id, record.approval_id
    );
    ask_runs_of(&installation, plan.id(), |_| true, &reason)?;
    Ok(ExitCode::Ok)
}
