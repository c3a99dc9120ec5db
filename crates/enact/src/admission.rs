//! How a plan gets through the gate: by approvals that are kept or carried here, by its own leave to do without, or by asking.

use std::path::PathBuf;

use enact_core::approval::{Approval, ApprovalId, Decision, Method};
use enact_core::asked::asked_by;
use enact_core::canonical::Digest;
use enact_core::condition::step::steps_of;
use enact_core::exit::ExitCode;
use enact_core::gate::{AdmittedPlan, Circumstances, GateClosed, Purpose, Refusal, admit};
use enact_core::journal::RunId;
use enact_core::plan::{Plan, Target};
use enact_core::revision::Parentage;
use enact_core::verdict::Verdict;
use enact_engine::installation::Installation;
use enact_engine::signature::{Verified, Worthless, verified};

use crate::approve::{Said, obtain};
use crate::commands::Context;
use crate::error::CommandError;
use crate::policy::Policies;
use crate::runbook::judged_with_added;
use crate::views::{self, approval_text, policy_text};
use crate::{carried, state, trust};

/// What is said on the command line of a command that runs a plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    /// The command's name, for the question.
    pub(crate) verb: &'a str,
    /// What stands for an answer.
    pub(crate) said: Said,
    /// Files with approvals (`--approval`).
    pub(crate) carried: &'a [PathBuf],
}

/// Gets a plan through the gate. Approvals that were given for it (`enact approve`, `--approval`) are used first; only where
/// they do not suffice, and a plain yes would, is anybody asked. Plan and approvals are kept before it returns.
pub(crate) fn approve_and_admit(
    context: &Context,
    installation: &Installation,
    plan: Plan,
    target: Target,
    policies: &mut Policies,
    asking: Asking<'_>,
) -> Result<AdmittedPlan, CommandError> {
    installation
        .store
        .save_plan(plan.id(), &plan.to_bytes()?, state::now())?;
    for file in asking.carried {
        carried::import(context, installation, &plan, file)?;
    }
    let verdict = policies.judge(&plan);
    let gate = Gate {
        context,
        installation,
        resumed: None,
        target: target.clone(),
        bundle: policies.digest(),
        purpose: Purpose::CarryOut,
    };
    let mut given = gate.records(&plan)?;
    // A yes that was given at the prompt of an earlier run is not taken for one to this run. A no is a no.
    given
        .approvals
        .retain(|record| record.decision != Decision::Approved || record.is_made_beforehand());
    let needed = match gate.ask(plan.clone(), &verdict, given.approvals.clone(), policies)? {
        Ok(admitted) => {
            policies.rest();
            say_whose(&admitted);
            return Ok(admitted);
        }
        Err(GateClosed::NotApproved { needed, refused }) => Some((needed, refused)),
        Err(GateClosed::NotAcknowledged { .. }) => None,
        Err(closed) => return Err(closed.into()),
    };
    crate::term::check_window(&plan, state::now())?;
    // What the gate could not read it has refused above.
    let asked = asked_by(&plan).map(|asked| asked.requirement).unwrap_or_default();
    if let Some((needed, refused)) = &needed
        && let Some(words) = policy_text::demands(needed, &asked)
    {
        let by_policy = verdict.requirement.is_demanding();
        return Err(explained(
            not_enough_here(&words, by_policy, &plan),
            refused,
            &given,
        ));
    }
    if let Some((_, refused)) = &needed {
        say_why_not(refused, &given);
    }
    let principal = context.settings.principal();
    let waived = asked_by(&plan).is_ok_and(|asked| asked.waived) && !verdict.asks_for_approval();
    let approval = if waived && principal.may_decide() {
        let id = ApprovalId(installation.ids.new_id().chars().take(16).collect());
        Approval {
            policy_digest: verdict.bundle_digest.clone(),
            decided_at: state::now(),
            ..Approval::yes(id, plan.id().clone(), principal, Method::Waived)
        }
    } else {
        obtain(
            &plan,
            asking.verb,
            &principal,
            &verdict.bundle_digest,
            asking.said,
            installation.ids.as_ref(),
        )?
    };
    installation.store.add_approval(&approval)?;
    pass_gate(context, installation, plan, None, target, policies)
}

/// A dry run looks, and needs no approval for that. Where everything is stopped nothing starts all the same, and a plan that
/// somebody has rejected is not tried.
///
/// # Errors
/// The latch, and a no that was given here.
pub(crate) fn check_dry_run(
    context: &Context,
    plan: &Plan,
    policies: &mut Policies,
) -> Result<(), CommandError> {
    if let Some(reason) = state::latched(&context.settings) {
        return Err(GateClosed::Latched { reason }.into());
    }
    let installation = state::open(&context.settings)?;
    let verdict = policies.judge(plan);
    let gate = Gate {
        context,
        installation: &installation,
        resumed: None,
        target: plan.metadata().target.clone(),
        bundle: policies.digest(),
        purpose: Purpose::CarryOut,
    };
    let approvals = gate.records(plan)?.approvals;
    let by_agent = !context.settings.principal().may_decide();
    match gate.ask(plan.clone(), &verdict, approvals, policies)? {
        Err(closed @ GateClosed::Rejected { .. }) => Err(closed.into()),
        // A command of the agent's own making would run, which nobody has agreed to.
        Err(GateClosed::NotApproved { .. }) if by_agent => Err(CommandError::new(
            ExitCode::NotApproved,
            "an agent's dry run starts commands of the plan, and nobody has approved it",
        )
        .hint(
            "a person runs this command, or approves the plan; `enact check` and `enact plan` start nothing",
        )),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// What keeps a plan from running although somebody has just approved it: somebody else's no, or that more people are needed.
pub(crate) fn what_is_missing(
    context: &Context,
    installation: &Installation,
    plan: &Plan,
    policies: &mut Policies,
) -> Option<String> {
    let closed = closed_by_people(context, installation, plan, None, policies)?;
    (!matches!(closed, GateClosed::HeldBack { .. })).then(|| closed.to_string())
}

/// Why the gate would stay closed for want of people's words, or by one: no approval counts any more, somebody said no, or
/// only under a condition that does not hold now.
pub(crate) fn closed_by_people(
    context: &Context,
    installation: &Installation,
    plan: &Plan,
    resumed: Option<&RunId>,
    policies: &mut Policies,
) -> Option<GateClosed> {
    let verdict = policies.judge(plan);
    let gate = Gate {
        context,
        installation,
        resumed,
        target: plan.metadata().target.clone(),
        bundle: policies.digest(),
        purpose: Purpose::CarryOut,
    };
    let given = gate.records(plan).ok()?;
    let asked = gate.ask(plan.clone(), &verdict, given.approvals, policies);
    asked.ok()?.err().filter(|closed| {
        matches!(
            closed,
            GateClosed::Rejected { .. } | GateClosed::NotApproved { .. } | GateClosed::HeldBack { .. }
        )
    })
}

/// Through the gate with today's policy and every approval of the plan that is kept here. The approvals that `resumed` has
/// spent are not spent a second time by it.
pub(crate) fn pass_gate(
    context: &Context,
    installation: &Installation,
    plan: Plan,
    resumed: Option<&RunId>,
    target: Target,
    policies: &mut Policies,
) -> Result<AdmittedPlan, CommandError> {
    pass_gate_for(
        Purpose::CarryOut,
        context,
        installation,
        plan,
        resumed,
        target,
        policies,
    )
}

/// Through the gate to take a run back: today's policy may still deny it, approvals are not asked for again. Whoever calls
/// has asked a person.
pub(crate) fn pass_gate_back(
    context: &Context,
    installation: &Installation,
    plan: Plan,
    run_id: &RunId,
    target: Target,
    policies: &mut Policies,
) -> Result<AdmittedPlan, CommandError> {
    pass_gate_for(
        Purpose::TakeBack,
        context,
        installation,
        plan,
        Some(run_id),
        target,
        policies,
    )
}

fn pass_gate_for(
    purpose: Purpose,
    context: &Context,
    installation: &Installation,
    plan: Plan,
    resumed: Option<&RunId>,
    target: Target,
    policies: &mut Policies,
) -> Result<AdmittedPlan, CommandError> {
    let verdict = policies.judge(&plan);
    // The digest is read again after the judgement: a verdict of a bundle that is not in force any more is refused.
    let gate = Gate {
        context,
        installation,
        resumed,
        target,
        bundle: policies.digest(),
        purpose,
    };
    let records = gate.records(&plan)?;
    let name = plan.id().short().to_owned();
    let over = resumed.and_then(|run_id| window_over(&plan, run_id));
    let asked = gate.ask(plan, &verdict, records.approvals.clone(), policies)?;
    policies.rest();
    asked.map_err(|closed| {
        let error = match &closed {
            GateClosed::NotApproved { refused, .. } => {
                let refused = refused.clone();
                let mut error = explained(closed.into(), &refused, &records);
                error.chain.extend(gate.taken_back(&records));
                match over {
                    Some(hint) => error.hinting_only(hint),
                    None => error.naming_plan(&name, resumed),
                }
            }
            GateClosed::Latched { .. }
            | GateClosed::OtherTarget { .. }
            | GateClosed::VerdictOfOtherPlan { .. }
            | GateClosed::VerdictOfOtherBundle { .. }
            | GateClosed::NotProved(_)
            | GateClosed::Denied { .. }
            | GateClosed::Unreadable(_)
            | GateClosed::Rejected { .. }
            | GateClosed::HeldBack { .. }
            | GateClosed::NotAcknowledged { .. } => closed.into(),
        };
        if resumed.is_some() {
            error.after_effects()
        } else {
            error
        }
    })
}

/// What there is to do about a run whose plan has a window of its own that is over: no approval lets it go on.
fn window_over(plan: &Plan, run_id: &RunId) -> Option<String> {
    let end = asked_by(plan)
        .ok()?
        .not_after
        .filter(|end| *end <= state::now())?;
    Some(format!(
        "the plan's own window ended at {end:.0}, and no approval lets it go on any more: enact runs next {run_id} says what there is to do"
    ))
}

/// The gate of this installation, for one question.
struct Gate<'a> {
    context: &'a Context,
    installation: &'a Installation,
    resumed: Option<&'a RunId>,
    target: Target,
    bundle: Digest,
    purpose: Purpose,
}

impl Gate<'_> {
    /// All records about the plan that are kept here, each for what it is worth.
    fn records(&self, plan: &Plan) -> Result<Verified, CommandError> {
        let records = self.installation.store.approvals_of(plan.id())?;
        Ok(verified(
            records,
            &trust::read(&self.context.settings)?,
            state::now(),
        ))
    }

    /// Approvals that the resumed run has spent, and that whoever gave them has taken back since.
    fn taken_back(&self, records: &Verified) -> Vec<String> {
        let journal = self
            .resumed
            .map(|run_id| state::journal(self.installation, run_id));
        let Some(Ok((_, run))) = journal else {
            return Vec::new();
        };
        let withdrawn = records.approvals.iter().filter_map(|record| {
            let id = record.withdraws.as_ref()?;
            let of_run = run.approvals.contains(id);
            of_run.then(|| format!("approval {id}, which the run began with, was taken back"))
        });
        withdrawn.collect()
    }

    /// The run that the plan takes over, as it stands now. A run that is taken up again took it over when it began.
    fn parentage(&self, plan: &Plan) -> Result<Parentage, CommandError> {
        match &plan.metadata().revision {
            None => Ok(Parentage::None),
            Some(_) if self.resumed.is_some() => Ok(Parentage::TakenOver),
            Some(revision) => crate::runbook::parent(self.installation, revision),
        }
    }

    /// Asks the gate. Where approvals add checks, policy has its say about those too, and the gate is asked once more.
    fn ask(
        &self,
        plan: Plan,
        verdict: &Verdict,
        approvals: Vec<Approval>,
        policies: &mut Policies,
    ) -> Result<Result<AdmittedPlan, GateClosed>, CommandError> {
        let mut circumstances = Circumstances {
            now: state::now(),
            bundle_digest: self.bundle.clone(),
            target: self.target.clone(),
            runs_spent: std::collections::BTreeMap::new(),
            asked_by_plan: None,
            people: trust::people(&self.context.settings)?,
            latched: state::latched(&self.context.settings),
            // Whoever started a run stands for it; an agent may go on with it.
            by_agent: self.resumed.is_none() && !self.context.settings.principal().may_decide(),
            parentage: self.parentage(&plan)?,
            purpose: self.purpose,
        };
        for record in &approvals {
            let spent = self
                .installation
                .store
                .runs_spent(&record.approval_id, self.resumed)?;
            circumstances.runs_spent.insert(record.approval_id.clone(), spent);
        }
        let admitted = match admit(plan, verdict.clone(), approvals.clone(), &circumstances) {
            Ok(admitted) => admitted,
            Err(closed) => return Ok(Err(closed)),
        };
        let (plan, conditions) = (admitted.plan(), admitted.conditions());
        let judged = judged_with_added(self.context, plan, verdict.clone(), conditions, policies)?;
        if judged == *verdict {
            return Ok(Ok(admitted));
        }
        Ok(admit(plan.clone(), judged, approvals, &circumstances))
    }
}

/// Whose word a run rests on, when nobody was asked.
fn say_whose(admitted: &AdmittedPlan) {
    let steps = steps_of(admitted.plan());
    for record in admitted.approvals() {
        let text = match admitted.set_aside_by(&record.approval_id) {
            Some(later) => approval_text::set_aside(record, later),
            None => approval_text::whose(record, &steps),
        };
        views::say(&format!("{text}\n"));
    }
}

/// A yes at the prompt or by flag never amounts to what is asked for.
fn not_enough_here(needed: &str, by_policy: bool, plan: &Plan) -> CommandError {
    let who = if by_policy { "policy" } else { "the plan" };
    let message = format!("{who} asks for more than a yes at the prompt: {needed}");
    CommandError::new(ExitCode::NotApproved, message)
        .hint("nobody was asked and nothing was written")
        .hint(format!(
            "the plan is kept; whoever may approve it: enact approve {} --sign-with KEY",
            plan.id().short()
        ))
}

/// Why the approvals that are there are not used, when somebody is asked instead.
fn say_why_not(refused: &[Refusal], records: &Verified) {
    for reason in refused.iter().filter(|reason| is_about_one(reason)) {
        views::say(&format!("note: {reason}\n"));
    }
    for record in &records.worthless {
        views::say(&format!("note: {}\n", worthless(record)));
    }
}

fn worthless(record: &Worthless) -> String {
    let Worthless {
        approval_id,
        approver,
        reason,
    } = record;
    format!("approval {approval_id} by {approver} counts for nothing: {reason}")
}

/// Is it about one record, and not about what is missing altogether?
fn is_about_one(reason: &Refusal) -> bool {
    !matches!(
        reason,
        Refusal::TooFew { .. } | Refusal::RoleMissing(_) | Refusal::TooFewWithRole { .. }
    )
}

/// With the reason why each record that is there does not count.
fn explained(mut error: CommandError, refused: &[Refusal], records: &Verified) -> CommandError {
    // The gate's own message names them already.
    if !error
        .chain
        .iter()
        .any(|text| text.starts_with("the plan is not approved"))
    {
        let reasons = refused.iter().filter(|reason| is_about_one(reason));
        error.chain.extend(reasons.map(ToString::to_string));
    }
    error.hints.extend(records.worthless.iter().map(worthless));
    error
}
