//! `enact approve`: look at a plan and say yes to it, as a record that can be carried to where it runs.

use std::path::{Path, PathBuf};

use clap::Args;
use enact_core::approval::{Approval, Method};
use enact_core::asked::asked_by;
use enact_core::condition::step::{StepName, steps_of};
use enact_core::condition::{Condition, say, structured};
use enact_core::exit::ExitCode;
use enact_core::gate::{GateClosed, tightened};
use enact_core::plan::{Mode, Plan};
use enact_core::principal::Principal;
use enact_core::verdict::{Outcome, Requirement};
use enact_engine::signature::Trust;

use super::Context;
use super::show::find;
use crate::admission::what_is_missing;
use crate::approve::{Said, confirm_digits, new_id, refuse_agent, unprotecting};
use crate::carried;
use crate::error::{CommandError, CommandResult};
use crate::policy::{Policies, PolicyFlags};
use crate::views::{self, plan_text, policy_text, runbook_text};
use crate::{signing, state, term, trust};

/// Look at a plan and approve it, as a record that can be carried to where it runs
#[derive(Debug, Args)]
#[command(
    after_help = "Conditions only make a run stricter. In a sentence: proceed, but confirm before step 6 · stop after step 3 ·
confirm every step · not before 2026-11-21T22:00:00Z · only between TIME and TIME · by TIME · within 30m ·
at most 10m downtime · dry run only · let role dba confirm step 6. What is not understood completely is refused.

Examples:
  enact approve plan.json
  enact approve 3f9c21aa04be --say \"proceed, but confirm before step 6\"
  enact approve plan.json --sign-with ~/.ssh/id_ed25519_sk --out approval.json
  enact apply --plan plan.json --approval approval.json"
)]
pub(crate) struct ApproveArgs {
    /// The plan: a file, `-`, or the id of one that is kept here (six digits are enough)
    #[arg(value_name = "PLAN_ID|FILE")]
    plan: String,
    /// What you say, with conditions in the known words
    #[arg(long, value_name = "SENTENCE")]
    say: Option<String>,
    /// A condition in the form checkpoint_before=STEP; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    condition: Vec<String>,
    /// How long it is good, from now; default: 24h from when it counts
    #[arg(long, value_name = "DURATION")]
    expires: Option<String>,
    /// For how many runs
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    max_runs: u32,
    /// Write the record to this file too (`-`: standard output)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Sign with this SSH key: a private key, or the public one of a key that the agent holds [env: ENACT_APPROVAL_KEY]
    #[arg(long, value_name = "KEY")]
    sign_with: Option<PathBuf>,
    /// The first six digits of the plan's id, instead of typing them when asked
    #[arg(long, alias = "yes", value_name = "DIGITS")]
    digits: Option<String>,
    /// Say yes to taking protection off too
    #[arg(long)]
    allow_unprotect: bool,
    #[command(flatten)]
    policy: PolicyFlags,
}

pub(crate) async fn run(context: &Context, args: &ApproveArgs) -> CommandResult {
    let user = context.settings.principal();
    refuse_agent(&user, "approve")?;
    let plan = find(context, &args.plan)?;
    let steps = steps_of(&plan);
    let now = state::now();
    let conditions = conditions(args, &steps, now)?;
    term::check_kept(&plan, &conditions, &steps)?;
    crate::runbook::check_added(context, &plan, &conditions)?;
    check_runs(&plan, args.max_runs)?;
    let expires_at = term::expiry(&plan, &conditions, args.expires.as_deref(), now)?;
    let trust = trust::read(&context.settings)?;
    let key = trust::key(&context.settings, args.sign_with.as_ref());
    let approver = match &key {
        Some(key) => signing::signer(&context.settings, key, &trust)?,
        None => user,
    };
    refuse_agent(&approver, "approve")?;
    term::check_second(&conditions, &approver.id, &trust::people(&context.settings)?)?;
    let policies = &mut Policies::in_force(&context.settings, &args.policy)?;
    let verdict = policies.judge(&plan);
    let verdict = crate::runbook::judged_with_added(context, &plan, verdict, conditions.iter(), policies)?;
    let plan = plan.with_verdict(verdict);
    show(context, &plan, &conditions, &steps);
    check_use(context, &plan, &approver, key.is_some())?;
    let said = Said {
        auto_approve: false,
        allow_unprotect: args.allow_unprotect,
        stdin_taken: args.plan == "-",
    };
    let method = confirm_digits(&plan, args.digits.as_deref(), said)?;
    // Commands of the plan: none runs on the word of somebody who has not said it yet.
    crate::runbook::check_at_approval(context, &plan).await?;
    let installation = state::open(&context.settings)?;
    let record = Approval {
        acknowledged: unprotecting(&plan)
            .iter()
            .map(|change| change.change_id.clone())
            .collect(),
        policy_digest: policies.digest(),
        decided_at: now,
        expires_at: Some(expires_at),
        max_runs: args.max_runs,
        conditions,
        said: args.say.clone(),
        ..Approval::yes(
            new_id(installation.ids.as_ref()),
            plan.id().clone(),
            approver,
            method,
        )
    };
    let mut record = as_limited_by(&plan, record);
    finish(&mut record, key.as_deref(), &trust)?;
    installation.store.save_plan(plan.id(), &plan.to_bytes()?, now)?;
    keep(&installation, &record, args.out.as_deref())?;
    let says_enough = say_given(&plan, &record, &steps);
    let missing = what_is_missing(context, &installation, &plan, policies);
    if let Some(missing) = missing.filter(|_| !says_enough) {
        views::say(&format!("It does not run yet: {missing}\n"));
    }
    Ok(ExitCode::Ok)
}

/// The record with the plan's own limits in it: where it is looked at without the plan, it says no more than it is worth.
fn as_limited_by(plan: &Plan, record: Approval) -> Approval {
    match asked_by(plan) {
        Ok(asked) => tightened(record, &asked),
        Err(_unreadable) => record,
    }
}

/// What was approved, and what it does not allow. True: that keeps it from running by itself.
fn say_given(plan: &Plan, limited: &Approval, steps: &[StepName]) -> bool {
    let text = views::approval_text::whose(limited, steps);
    views::say(&format!(
        "{text}\nGood for {} of plan {}.\n",
        runs(limited.max_runs),
        plan.id().short()
    ));
    let not_allowed = term::not_allowed(limited);
    for line in &not_allowed {
        views::say(&format!("{line}\n"));
    }
    !not_allowed.is_empty()
}

/// A plan can say for how many runs an approval of it is good; more is not silently made less.
fn check_runs(plan: &Plan, wanted: u32) -> Result<(), CommandError> {
    let most = enact_core::asked::asked_by(plan)
        .ok()
        .and_then(|asked| asked.max_runs);
    match most {
        Some(most) if wanted > most => Err(CommandError::invalid(format!(
            "an approval of this plan is good for {} at most; nothing was approved",
            runs(most)
        ))
        .hint(if most == 1 {
            "that is what holds where a runbook says nothing; it can say more: approvals: { max_runs: N }"
        } else {
            "the runbook says so: approvals.max_runs"
        })),
        _ => Ok(()),
    }
}

fn runs(count: u32) -> String {
    if count == 1 {
        "one run".to_owned()
    } else {
        format!("{count} runs")
    }
}

/// Signs the record, where there is a key.
pub(super) fn finish(record: &mut Approval, key: Option<&Path>, trust: &Trust) -> Result<(), CommandError> {
    match key {
        Some(key) => signing::put_signature(record, key, trust),
        None => Ok(()),
    }
}

/// Into the ledger, and into a file.
pub(super) fn keep(
    installation: &enact_engine::installation::Installation,
    record: &Approval,
    out: Option<&Path>,
) -> Result<(), CommandError> {
    installation.store.add_approval(record)?;
    out.map_or(Ok(()), |path| carried::write(path, record))
}

fn conditions(
    args: &ApproveArgs,
    steps: &[StepName],
    now: jiff::Timestamp,
) -> Result<Vec<Condition>, CommandError> {
    let mut conditions = Vec::new();
    if let Some(sentence) = &args.say {
        let said = say::understand(sentence, steps, now).map_err(|refused| {
            CommandError::invalid(format!("{refused}; nothing was approved")).hint(refused.hint)
        })?;
        conditions.extend(said.conditions);
    }
    for text in &args.condition {
        let condition = structured::read(text, steps)
            .map_err(|refused| CommandError::invalid(format!("{refused}; nothing was approved")))?;
        conditions.push(condition);
    }
    Ok(conditions)
}

/// A runbook that is not readable shows itself when it is run; whoever approves sees that it is not.
fn show_runbook(context: &Context, plan: &Plan) {
    match crate::runbook::read_document(plan) {
        Ok(document) => {
            views::say(&runbook_text::approval_request(context.painter, plan, &document));
            match crate::runbook::difference(context, plan) {
                Ok(difference) => views::say(&difference),
                Err(error) => views::say(&format!("warning: {}\n", error.chain.join(": "))),
            }
        }
        Err(error) => views::say(&format!("warning: {}\n", error.chain.join(": "))),
    }
}

/// The plan as whoever approves must see it, with what their words come to.
fn show(context: &Context, plan: &Plan, conditions: &[Condition], steps: &[StepName]) {
    let painter = context.painter;
    views::say(&format!(
        "Plan: {}\nBy: {}\nFor: {}\n\n",
        plan.id(),
        plan.metadata().author,
        plan.metadata().target
    ));
    if plan.metadata().mode == Mode::Run {
        show_runbook(context, plan);
    } else {
        views::say(&plan_text::render(painter, plan, plan_text::Detail::default()));
        views::say(&plan_text::deletions(painter, plan));
        views::say(&plan_text::blocked(painter, plan));
    }
    if let Some(verdict) = plan.verdict().filter(|verdict| verdict.outcome != Outcome::Deny) {
        views::say(&policy_text::render(painter, verdict));
    }
    if !conditions.is_empty() {
        views::say("\nConditions, as understood:\n");
    }
    for condition in conditions {
        let words = views::runbook_whole::one_line(&condition.in_words(steps));
        views::say(&format!("- {words}\n"));
    }
}

/// A yes that could not count is not asked for.
fn check_use(
    context: &Context,
    plan: &Plan,
    approver: &Principal,
    is_signed: bool,
) -> Result<(), CommandError> {
    let verdict = plan.verdict();
    let denials = verdict.into_iter().flat_map(|verdict| &verdict.findings);
    let denials: Vec<_> = denials
        .filter(|finding| finding.outcome == Outcome::Deny)
        .cloned()
        .collect();
    if !denials.is_empty() {
        return Err(GateClosed::Denied { findings: denials }.into());
    }
    let asked = asked_by(plan).map_err(|unreadable| CommandError::from(GateClosed::from(unreadable)))?;
    let of_policy = verdict
        .map(|verdict| verdict.requirement.clone())
        .unwrap_or_default();
    let needed: Requirement = asked.requirement.clone().and(&of_policy);
    let refused = |message: String| CommandError::new(ExitCode::NotApproved, message);
    if needed.not_author
        && trust::people(&context.settings)?.is_same(&approver.id, &plan.metadata().author.id)
    {
        return Err(refused(format!(
            "{} wrote the plan, and somebody else is asked for",
            plan.metadata().author.id
        ))
        .hint("nothing was approved"));
    }
    if let Some(words) = policy_text::demands(&needed, &asked.requirement).filter(|_| !is_signed) {
        return Err(refused(format!(
            "an approval without a signature would count for nothing: {words}"
        ))
        .hint("sign it: --sign-with KEY"));
    }
    Ok(())
}

/// A flag is not somebody at a terminal: what an unsigned record without a prompt is.
pub(super) const UNASKED: Method = Method::Flag;
