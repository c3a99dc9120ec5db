//! `enact approvals`: what was approved and rejected here, what it counts for, and taking one's own word back.

use std::path::Path;

use clap::{Args, Subcommand};
use enact_core::approval::{Approval, ApprovalId, Decision};
use enact_core::asked::asked_by;
use enact_core::condition::step::steps_of;
use enact_core::exit::ExitCode;
use enact_core::gate::{CLOCK_SKEW, taken_back_by, term, tightened};
use enact_core::journal::Entry;
use enact_core::plan::Plan;
use enact_engine::installation::Installation;
use enact_engine::signature::{Trust, Verified, verified};
use serde::Serialize;

use super::Context;
use super::approve::{UNASKED, finish, keep};
use super::run::is_plan_file;
use super::show::find;
use super::stop::ask_runs_of;
use crate::approve::{new_id, refuse_agent};
use crate::cli::Output;
use crate::error::{CommandError, CommandResult};
use crate::term::not_kept;
use crate::views::{self, approval_text};
use crate::{carried, signing, state, trust};

/// What was approved and rejected here, and what it counts for
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  enact approvals list
  enact approvals verify approval.json
  enact approvals withdraw 33ac151a2c3d4703 --reason \"too early\"")]
pub(crate) struct ApprovalsArgs {
    #[command(subcommand)]
    command: ApprovalsCommand,
}

#[derive(Debug, Subcommand)]
enum ApprovalsCommand {
    List(ListArgs),
    Verify(VerifyArgs),
    Withdraw(WithdrawArgs),
}

/// List what was approved and rejected, with what each counts for
#[derive(Debug, Args)]
struct ListArgs {
    /// Only of this plan: a file, or an id (six digits are enough)
    #[arg(value_name = "PLAN")]
    plan: Option<String>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Check the chain of records and every signature; 5 when a record counts for nothing
#[derive(Debug, Args)]
struct VerifyArgs {
    /// Only of this plan (a file or an id), or the records in this file
    #[arg(value_name = "PLAN|FILE")]
    what: Option<String>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Take back what you approved or rejected yourself
#[derive(Debug, Args)]
struct WithdrawArgs {
    /// The record, as `enact approvals list` names it
    #[arg(value_name = "APPROVAL_ID")]
    approval: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Write the record to this file too (`-`: standard output)
    #[arg(long, value_name = "FILE")]
    out: Option<std::path::PathBuf>,
    /// Sign with this SSH key, where the record was signed [env: ENACT_APPROVAL_KEY]
    #[arg(long, value_name = "KEY")]
    sign_with: Option<std::path::PathBuf>,
}

pub(crate) fn run(context: &Context, args: &ApprovalsArgs) -> CommandResult {
    match &args.command {
        ApprovalsCommand::List(args) => list(context, args),
        ApprovalsCommand::Verify(args) => verify(context, args),
        ApprovalsCommand::Withdraw(args) => withdraw(context, args),
    }
}

/// One record in a document.
#[derive(Debug, Serialize)]
struct Listed {
    /// As it is kept.
    record: Approval,
    /// As it counts; absent when it counts for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts_as: Option<Approval>,
    /// Why it counts for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// The record with which whoever gave it took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_back_by: Option<ApprovalId>,
    /// How many runs it has paid for here.
    runs_spent: u32,
}

fn list(context: &Context, args: &ListArgs) -> CommandResult {
    let installation = state::open(&context.settings)?;
    let records = kept(context, &installation, args.plan.as_deref())?;
    show(context, &installation, records, Ended::Listed, args.output)?;
    Ok(ExitCode::Ok)
}

fn verify(context: &Context, args: &VerifyArgs) -> CommandResult {
    let installation = state::open(&context.settings)?;
    let file = args.what.as_deref().map(Path::new).filter(|path| path.exists());
    let (records, place) = match file.map(carried::read) {
        Some(Ok(records)) => (records, "The file"),
        // A plan's file is no approval; then the records of that plan are meant.
        Some(Err(error)) if !file.is_some_and(is_plan_file) => return Err(error),
        Some(Err(_)) | None => (
            kept(context, &installation, args.what.as_deref())?,
            "The chain of records",
        ),
    };
    let (count, is_file) = (records.len(), place == "The file");
    // Whether a chain is whole has nothing to do with what ran out since; what is named is to be used.
    let ended = match args.what {
        Some(_) => Ended::CountsForNothing,
        None => Ended::Listed,
    };
    let bad = show(context, &installation, records, ended, args.output)?;
    if args.output == Output::Text {
        let holds = if is_file { "is readable" } else { "holds" };
        views::say(&format!(
            "{place} {holds}: {count} records, {bad} of them count for nothing.\n"
        ));
    }
    Ok(if bad == 0 {
        ExitCode::Ok
    } else {
        ExitCode::NotApproved
    })
}

/// The records in the ledger, of one plan or of all.
fn kept(
    context: &Context,
    installation: &Installation,
    plan: Option<&str>,
) -> Result<Vec<Approval>, CommandError> {
    match plan {
        Some(plan) => Ok(installation.store.approvals_of(find(context, plan)?.id())?),
        None => Ok(installation.store.approvals()?),
    }
}

/// What a record whose time is over is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Listed like every other, with its end.
    Listed,
    /// Good for nothing any more.
    CountsForNothing,
}

/// Prints records and says how many of them count for nothing.
fn show(
    context: &Context,
    installation: &Installation,
    records: Vec<Approval>,
    ended: Ended,
    output: Output,
) -> Result<usize, CommandError> {
    let worth = verified(records.clone(), &trust::read(&context.settings)?, state::now());
    let mut bad = 0;
    let mut documents = Vec::new();
    for record in records {
        let plan = plan_of(installation, &record)?;
        let limited = limited(&record, plan.as_ref());
        let back = taken_back_by(&record, &worth.approvals).map(|back| back.approval_id.clone());
        let is_over = back.as_ref().filter(|_| ended == Ended::CountsForNothing);
        let why = is_over.map(|back| format!("it was taken back by record {back}"));
        let why = why.or_else(|| useless(&limited, plan.as_ref(), ended));
        let good = worth_of(&worth, &record).and_then(|good| why.map_or(Ok(good), Err));
        bad += usize::from(good.is_err());
        let runs_spent = installation.store.runs_spent(&record.approval_id, None)?;
        if output == Output::Text {
            let steps = plan.as_ref().map(steps_of).unwrap_or_default();
            let good = good.as_ref().map_err(String::as_str).copied();
            views::print_text(&approval_text::listed(&limited, &steps, runs_spent, good))?;
            if let Some(back) = &back {
                views::print_text(&format!("    TAKEN BACK by record {back}\n"))?;
            }
            continue;
        }
        documents.push(Listed {
            taken_back_by: back,
            runs_spent,
            counts_as: good.as_ref().ok().map(|good| self::limited(good, plan.as_ref())),
            problem: good.err(),
            record,
        });
    }
    if output != Output::Text {
        views::print_document(&documents, output)?;
    }
    Ok(bad)
}

/// Why a record that is in order lets nothing run all the same: what its plan cannot be held to, and its end.
fn useless(record: &Approval, plan: Option<&Plan>, ended: Ended) -> Option<String> {
    if record.decision != Decision::Approved {
        return None;
    }
    let kept = plan.and_then(|plan| not_kept(plan, &record.conditions, &steps_of(plan)));
    let end = term(record).1.filter(|end| *end <= state::now());
    let over = end.filter(|_| ended == Ended::CountsForNothing);
    kept.or_else(|| over.map(|end| format!("it was good until {end:.0}")))
}

fn worth_of<'a>(worth: &'a Verified, record: &Approval) -> Result<&'a Approval, String> {
    let id = &record.approval_id;
    if let Some(bad) = worth.worthless.iter().find(|bad| bad.approval_id == *id) {
        return Err(bad.reason.clone());
    }
    let good = worth
        .approvals
        .iter()
        .find(|good| good.approval_id == *id)
        .ok_or("it was not looked at")?;
    // Its no is heard; its yes is none.
    if good.decision == Decision::Approved && !good.approver.may_decide() {
        return Err("it was given by an agent, and an agent never approves".to_owned());
    }
    if good.decision == Decision::Approved && good.max_runs == 0 {
        return Err("it is good for no run".to_owned());
    }
    if good.decided_at > state::now() + CLOCK_SKEW {
        return Err("it is dated later than now".to_owned());
    }
    Ok(good)
}

/// A record's plan, where that is kept here.
fn plan_of(installation: &Installation, record: &Approval) -> Result<Option<Plan>, CommandError> {
    let bytes = installation.store.load_plan(&record.plan_id.to_string())?;
    Ok(bytes.and_then(|bytes| Plan::parse(&bytes).ok()))
}

/// The record with the limits that its plan sets: what really holds.
fn limited(record: &Approval, plan: Option<&Plan>) -> Approval {
    match plan.and_then(|plan| asked_by(plan).ok()) {
        Some(asked) => tightened(record.clone(), &asked),
        None => record.clone(),
    }
}

/// What takes something back stays, and what was taken back already counts no more. Nothing is written then.
fn refuse_pointless(back: &Approval, records: &[Approval], trust: &Trust) -> Result<(), CommandError> {
    let id = &back.approval_id;
    let again = format!("to approve again: enact approve {}", back.plan_id.short());
    if back.decision == Decision::Withdrawn {
        let what = back.withdraws.as_ref().map_or("another", |id| id.0.as_str());
        let message = format!("record {id} is no approval and no rejection: it takes back {what}, and stays");
        return Err(CommandError::invalid(message).hint(again));
    }
    let worth = verified(records.to_vec(), trust, state::now());
    match taken_back_by(back, &worth.approvals) {
        Some(known) => Err(CommandError::invalid(format!(
            "record {id} was taken back already, by record {}",
            known.approval_id
        ))
        .hint(again)),
        None => Ok(()),
    }
}

fn withdraw(context: &Context, args: &WithdrawArgs) -> CommandResult {
    let user = context.settings.principal();
    refuse_agent(&user, "withdraw anything")?;
    let installation = state::open(&context.settings)?;
    let records = installation.store.approvals()?;
    let is_meant =
        |record: &&Approval| !args.approval.is_empty() && record.approval_id.0.starts_with(&args.approval);
    let found: Vec<&Approval> = records.iter().filter(is_meant).collect();
    let [back] = found.as_slice() else {
        let message = format!("{} records begin with {:?}", found.len(), args.approval);
        return Err(CommandError::invalid(message).hint("enact approvals list shows all records"));
    };
    let trust = trust::read(&context.settings)?;
    let key = trust::key(&context.settings, args.sign_with.as_ref())
        .filter(|_| back.approver.id.starts_with("ssh:"));
    let by = match &key {
        Some(key) => signing::signer(&context.settings, key, &trust)?,
        None => user,
    };
    if by.id != back.approver.id {
        let message = format!(
            "record {} is {}'s, and you are {}",
            back.approval_id, back.approver.id, by.id
        );
        return Err(CommandError::new(ExitCode::NotApproved, message)
            .hint("only whoever gave it can take it back; a signed one with the same key's signature (--sign-with KEY)"));
    }
    refuse_pointless(back, &records, &trust)?;
    let mut record = Approval {
        decision: Decision::Withdrawn,
        policy_digest: back.policy_digest.clone(),
        decided_at: state::now(),
        reason: args.reason.clone(),
        withdraws: Some(back.approval_id.clone()),
        ..Approval::yes(
            new_id(installation.ids.as_ref()),
            back.plan_id.clone(),
            by,
            UNASKED,
        )
    };
    finish(&mut record, key.as_deref(), &trust)?;
    keep(&installation, &record, args.out.as_deref())?;
    views::say(&format!("Record {} counts no more.\n", back.approval_id));
    if back.decision == Decision::Approved {
        let reason = format!(
            "approval {} was taken back by {}",
            back.approval_id, record.approver.id
        );
        let rests_on = |entries: &[Entry]| entries.iter().any(|entry| entry.fact.rests_on(&back.approval_id));
        ask_runs_of(&installation, &back.plan_id, rests_on, &reason)?;
    }
    Ok(ExitCode::Ok)
}
