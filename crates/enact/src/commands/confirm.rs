//! `enact confirm`: a person's yes where a run waits for one, and on it goes.

use clap::Args;
use enact_core::change::ChangeId;
use enact_core::condition::step::{find, steps_of};
use enact_core::confirmation::{Confirmation, Missing};
use enact_core::exit::ExitCode;
use enact_core::journal::{Fact, RunPhase, RunState};
use enact_core::plan::Plan;
use enact_core::principal::Principal;
use enact_core::procedure::Hold;
use enact_engine::installation::Installation;
use enact_engine::store::find_run;

use super::Context;
use super::resume::{self, GoOn};
use crate::error::{CommandError, CommandResult};
use crate::open_decisions::open_hold;
use crate::words::{self, Seen, SignFlags, Speaker};
use crate::{state, views};

/// Confirm where a run waits, and go on
#[derive(Debug, Args)]
#[command(
    after_help = "A run waits before or after a step because its plan or an approval says so. An agent never confirms.

Where the owner of a key is asked for (let dana@example confirm step 6) they sign with it; the namespace is confirm@enact.
Where several people are asked for (approvers: { count: 2 }) each of them signs: a user and a key may be one person.

Examples:
  enact confirm 4be0c1
  enact confirm 4be0c1 --sign-with ~/.ssh/id_ed25519_sk
  enact confirm 4be0c1 migrate --reason \"counts checked with Dana\""
)]
pub(crate) struct ConfirmArgs {
    /// The run (its first digits are enough)
    #[arg(value_name = "RUN")]
    run: String,
    /// The step, by its id or number; default: the one the run waits at
    #[arg(value_name = "STEP")]
    step: Option<String>,
    /// What you base it on
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Only write it down; `enact resume` goes on
    #[arg(long)]
    no_resume: bool,
    #[command(flatten)]
    sign: SignFlags,
    #[command(flatten)]
    go_on: GoOn,
}

pub(crate) async fn run(context: &Context, args: ConfirmArgs) -> CommandResult {
    let speaker = Speaker::of(context, &args.sign)?;
    let principal = speaker.principal.clone();
    if !principal.may_decide() {
        let message = format!("{principal} may not confirm: an agent never does");
        return Err(CommandError::new(ExitCode::NotApproved, message));
    }
    let installation = state::open(&context.settings)?;
    let run_id = find_run(installation.store.as_ref(), &args.run)?.run_id;
    installation.refuse_superseded(&run_id)?;
    let (entries, mut run) = state::journal(&installation, &run_id)?;
    words::count(context, &installation, &run_id, &mut run)?;
    let plan = resume::plan_of(&installation, &run_id)?;
    let (change_id, hold) = waiting(&plan, &run, args.step.as_deref())
        .ok_or_else(|| not_waiting(&run_id.to_string(), &run, args.step.as_deref()))?;
    refuse_worthless(context, &hold, &speaker)?;
    refuse_again(&run, &change_id, &hold, &principal)?;
    if !args.no_resume {
        resume::check_folder(context, &run_id, &plan, &run, &args.go_on)?;
    }
    let fact = Fact::Confirmed {
        proof: None,
        change_id: change_id.clone(),
        at: hold.at,
        by: principal.clone(),
        roles: speaker.roles.clone(),
        reason: args.reason,
    };
    let fact = speaker.sign(context, &run_id, fact)?;
    words::write_down(&installation, &run_id, &Seen::of(&entries), fact)?;
    let (_, mut run) = state::journal(&installation, &run_id)?;
    words::count(context, &installation, &run_id, &mut run)?;
    let confirmed = run.changes.get(&change_id).map(|progress| &progress.confirmed);
    let missing = Missing::at(&hold, confirmed.map_or(&[][..], |words| words));
    if !missing.is_nobody() {
        return Err(more_needed(&hold, &missing));
    }
    views::say(&format!(
        "Confirmed {} {change_id}, by {principal}.\n",
        hold.at.as_str()
    ));
    if args.no_resume {
        views::say(&format!("To go on: enact resume {run_id}\n"));
        return Ok(ExitCode::Ok);
    }
    go_on(context, &installation, &run_id, args.go_on).await
}

async fn go_on(
    context: &Context,
    installation: &Installation,
    run_id: &enact_core::journal::RunId,
    flags: GoOn,
) -> CommandResult {
    resume::go_on(context, installation, run_id, flags).await
}

/// The hold that the run waits at: the named step's, or the only open one.
fn waiting(plan: &Plan, run: &RunState, named: Option<&str>) -> Option<(ChangeId, Hold)> {
    // An ended run waits for nobody, however it was left.
    if run.phase == RunPhase::Finished {
        return None;
    }
    let open = |change_id: &ChangeId| {
        let hold = open_hold(run.changes.get(change_id)?)?;
        Some((change_id.clone(), hold.clone()))
    };
    match named {
        Some(name) => meant(plan, name).iter().find_map(open),
        None => plan.changes().iter().find_map(|change| open(&change.change_id)),
    }
}

/// The changes that a step's id or number stands for: the first one and the last one.
fn meant(plan: &Plan, name: &str) -> Vec<ChangeId> {
    let change_id = ChangeId::from(name);
    if plan.change(&change_id).is_some() {
        return vec![change_id];
    }
    let steps = steps_of(plan);
    let step = find(name, &steps);
    step.map_or_else(|_| Vec::new(), |step| vec![step.first.clone(), step.last.clone()])
}

fn not_waiting(run_id: &str, run: &RunState, named: Option<&str>) -> CommandError {
    let what = named.map_or("a confirmation".to_owned(), |step| {
        format!("a confirmation of {step}")
    });
    let message = match (run.phase, &run.reason) {
        (RunPhase::Paused, Some(reason)) => {
            format!("run {run_id} does not wait for {what}; it waits for {reason}")
        }
        (RunPhase::Finished, _) => match &run.superseded_by {
            Some(by) => format!("run {run_id} is at an end: run {by}, of a revision, took it over"),
            None => format!("run {run_id} has ended; it does not wait for {what}"),
        },
        (RunPhase::Running | RunPhase::Stopped | RunPhase::Paused, _) => {
            format!("run {run_id} does not wait for {what}")
        }
    };
    CommandError::invalid(message).hint(format!("enact runs next {run_id} says what it waits for"))
}

/// Would this word count for nothing, however often it is said? Then it is not written down.
fn refuse_worthless(context: &Context, hold: &Hold, speaker: &Speaker) -> Result<(), CommandError> {
    let by = &speaker.principal;
    let people = crate::trust::people(&context.settings)?;
    let counts = hold.counts(&by.id, people.person(&by.id), &speaker.roles);
    let mut wanted = hold.roles.iter().chain(&hold.also);
    let is_named = wanted.any(|role| role.strip_prefix("principal:") == Some(&by.id));
    let way = if hold.is_signed() && !speaker.signs() && !is_named {
        "confirm with your key: --sign-with KEY"
    } else if !counts {
        "who holds a role stands in the configuration, under [approvals.roles]"
    } else {
        return Ok(());
    };
    let message = format!(
        "the confirmation of {by} would count for nothing: the run needs {}",
        hold.who()
    );
    Err(CommandError::new(ExitCode::NotApproved, message).hint(format!("nothing was written down; {way}")))
}

/// Written down, and not enough yet: the run keeps waiting.
/// Each person counts once: a second yes of theirs would be written down for nothing.
fn refuse_again(
    run: &RunState,
    change_id: &ChangeId,
    hold: &Hold,
    principal: &Principal,
) -> Result<(), CommandError> {
    let confirmed = run.changes.get(change_id).map(|progress| &progress.confirmed);
    let mut words = confirmed.cloned().unwrap_or_default();
    let earlier = words
        .iter()
        .rev()
        .find(|word| word.at == hold.at && word.by == *principal);
    let Some(again) = earlier.cloned() else {
        return Ok(());
    };
    let before = Missing::at(hold, &words);
    words.push(Confirmation {
        when: state::now(),
        ..again
    });
    if Missing::at(hold, &words) != before {
        return Ok(());
    }
    let message = format!("{principal} has confirmed that already; nothing was written down");
    Err(CommandError::invalid(message).hint(format!("missing: {before}")))
}

fn more_needed(hold: &Hold, missing: &Missing) -> CommandError {
    let mut message = format!(
        "your confirmation is written down; the run needs the confirmation of {}",
        hold.who()
    );
    if hold.count > 1 {
        message.push_str(&format!("; missing: {missing}"));
    }
    CommandError::new(ExitCode::Paused, message).hint("the run goes on when the others have confirmed")
}
