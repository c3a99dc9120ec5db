//! `enact decide`: a person's word on a change whose outcome looking cannot settle.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use enact_core::change::{Action, Change, ChangeId};
use enact_core::diagnostic::Diagnostic;
use enact_core::exit::ExitCode;
use enact_core::journal::{ChangeState, Choice, Fact, RunId, RunState, Settlement};
use enact_core::plan::Plan;
use enact_engine::installation::Installation;
use enact_engine::store::find_run;
use enact_runbook::choices::Stop;
use enact_runbook::settled_outputs::settled_outputs;
use serde_json::Value;

use super::Context;
use super::resume::GoOn;
use crate::error::{CommandError, CommandResult};
use crate::open_decisions::{decided, takes};
use crate::views::runbook_report::{after_failure, decide_with};
use crate::way_back::command_on;
use crate::words::{self, Seen, SignFlags, Speaker};
use crate::{state, views};

/// What the person knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Word {
    /// The effect did happen.
    Done,
    /// It did not happen; `resume` will do it.
    NotDone,
    /// Of an escalation: check again and run the step again.
    Retry,
    /// Of an escalation: the broken assumption does not matter for this run.
    Accept,
    /// Of an escalation, a failure or a confirmation that is asked for: take back what was done.
    Rollback,
    /// Of the same: end the run and leave everything as it is.
    Abort,
    /// Of an escalation: leave the step out; only where the runbook has `allow_skip: true`.
    Skip,
}

/// Say what became of a change that looking cannot settle
#[derive(Debug, Args)]
#[command(
    after_help = "For a change whose outcome is unknown, `done` says that its effect happened and `not-done` that it did not.
For a change that is stuck, `done` says that it has been taken back and `not-done` that it has not.
Then `enact resume` or `enact rollback` goes on, as is said.
A step that stopped because reality differs from the plan, or a failure after which you are asked, goes on with `retry`,
`accept`, `rollback`, `abort` or `skip`, as `enact runs next` offers them; the run goes on at once. A step that was started
and has `repeat: never` does not run again. An agent never decides.
To go on with another plan instead, write a runbook with `revises: PLAN_ID` and `enact run` it: steps that are done and
the same are adopted. Where the plan does not have `allow_plan_revision: true`, end the run first with `abort`.

Examples:
  enact decide 4be0c1 create:portal:harbor done --id 7f21… --reason \"seen in the console\"
  enact decide 4be0c1 count done --made rows=4711 --reason \"the log of the database says so\"
  enact decide 4be0c1 target rollback --reason \"somebody else made the table\""
)]
pub(crate) struct DecideArgs {
    /// The run (its first digits are enough)
    #[arg(value_name = "RUN")]
    run: String,
    /// The change, as `enact runs show` names it
    #[arg(value_name = "CHANGE")]
    change: String,
    /// What became of it
    #[arg(value_enum)]
    word: Word,
    /// For a CREATE that happened: the id of what it made
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// For a step that happened: an output of it that others use; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    made: Vec<String>,
    /// How you know
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// With `rollback`: also past the runbook's point of no return
    #[arg(long)]
    past_point_of_no_return: bool,
    /// Only write it down; `enact resume` goes on
    #[arg(long)]
    no_resume: bool,
    #[command(flatten)]
    sign: SignFlags,
    #[command(flatten)]
    go_on: GoOn,
}

pub(crate) async fn run(context: &Context, args: DecideArgs) -> CommandResult {
    let speaker = Speaker::of(context, &args.sign)?;
    let principal = speaker.principal.clone();
    if !principal.may_decide() {
        let message = format!("{principal} may not decide: an agent never does");
        return Err(CommandError::new(ExitCode::NotApproved, message));
    }
    let installation = state::open(&context.settings)?;
    let run_id = find_run(installation.store.as_ref(), &args.run)?.run_id;
    installation.refuse_superseded(&run_id)?;
    let (entries, run) = state::journal(&installation, &run_id)?;
    let name = args.change.clone();
    let change_id = named(&run, args.change);
    let state = run.of(&change_id);
    if let Some(choice) = args.word.choice() {
        none_made(&args.made)?;
        let waiting = Waiting {
            run_id,
            name,
            change_id,
            seen: Seen::of(&entries),
            run,
            choice,
            speaker,
            reason: args.reason,
        };
        return choose(
            context,
            &installation,
            waiting,
            args.past_point_of_no_return,
            args.no_resume,
            args.go_on,
        )
        .await;
    }
    if !matches!(state, ChangeState::Unknown | ChangeState::Stuck) {
        return Err(CommandError::invalid(format!(
            "change {change_id} of run {run_id} is not waiting for a decision"
        ))
        .hint(format!("enact runs show {run_id} names the changes")));
    }
    let plan = super::resume::plan_of(&installation, &run_id)?;
    let change = plan.change(&change_id);
    let creates = change.is_some_and(|change| change.action == Action::Create);
    if state == ChangeState::Unknown && args.word == Word::Done && creates && args.id.is_none() {
        return Err(CommandError::invalid(format!(
            "what {change_id} made has an id, which others of the plan may need"
        ))
        .hint("name it with --id; `enact get` shows ids"));
    }
    let happened = state == ChangeState::Unknown && args.word == Word::Done;
    let mut outputs = made(&plan, change.filter(|_| happened), &args.made)?;
    outputs.extend(args.id.map(|id| ("id".to_owned(), id.into())));
    let settlement = if args.word == Word::Done {
        Settlement::Done
    } else {
        Settlement::NotDone
    };
    let fact = Fact::Decided {
        proof: None,
        change_id: change_id.clone(),
        settlement,
        by: principal,
        reason: args.reason,
        outputs,
    };
    let fact = speaker.sign(context, &run_id, fact)?;
    words::write_down(&installation, &run_id, &Seen::of(&entries), fact)?;
    let (_, run) = state::journal(&installation, &run_id)?;
    let command = command_on(&plan, &run_id, &run);
    views::say(&format!("Written down. To go on: {command}\n"));
    Ok(ExitCode::Ok)
}

/// The outputs of a step that happened; of another one there are none to give.
fn made(
    plan: &Plan,
    happened: Option<&Change>,
    given: &[String],
) -> Result<BTreeMap<String, Value>, CommandError> {
    let Some(change) = happened else {
        return none_made(given);
    };
    let pairs = given.iter().map(|given| {
        let pair = given.split_once('=');
        let pair = pair.map(|(name, value)| (name.to_owned(), value.to_owned()));
        pair.ok_or_else(|| {
            CommandError::invalid(format!("{given:?} is not NAME=VALUE"))
                .hint("for example: --made rows=4711")
        })
    });
    let pairs = pairs.collect::<Result<Vec<_>, CommandError>>()?;
    settled_outputs(plan, change, &pairs).map_err(|fault| not_written(*fault))
}

fn none_made(given: &[String]) -> Result<BTreeMap<String, Value>, CommandError> {
    if given.is_empty() {
        return Ok(BTreeMap::new());
    }
    Err(
        CommandError::invalid("--made is for a step that is said to have happened; nothing was written down")
            .hint("leave it away: what did not happen, or was taken back, has no outputs"),
    )
}

fn not_written(fault: Diagnostic) -> CommandError {
    let error = CommandError::invalid(format!("{}; nothing was written down", fault.summary));
    fault.hint.into_iter().fold(error, CommandError::hint)
}

impl Word {
    /// The choice it stands for; `None`: it settles what became of a change.
    fn choice(self) -> Option<Choice> {
        Some(match self {
            Self::Done | Self::NotDone => return None,
            Self::Retry => Choice::Retry,
            Self::Accept => Choice::Accept,
            Self::Rollback => Choice::Rollback,
            Self::Abort => Choice::Abort,
            Self::Skip => Choice::Skip,
        })
    }
}

/// A decision about a change that waits for one.
struct Waiting {
    run_id: RunId,
    seen: Seen,
    /// As the person calls it.
    name: String,
    change_id: ChangeId,
    run: RunState,
    choice: Choice,
    speaker: Speaker,
    reason: String,
}

async fn choose(
    context: &Context,
    installation: &Installation,
    waiting: Waiting,
    past_point_of_no_return: bool,
    no_resume: bool,
    go_on: GoOn,
) -> CommandResult {
    let plan = super::resume::plan_of(installation, &waiting.run_id)?;
    may_choose(&plan, &waiting)?;
    if waiting.choice == Choice::Rollback {
        super::rollback::refuse_past_no_return(&plan, &waiting.run, past_point_of_no_return)?;
    }
    if !no_resume {
        super::resume::check_folder(context, &waiting.run_id, &plan, &waiting.run, &go_on)?;
    }
    let Waiting {
        run_id,
        name,
        change_id,
        seen,
        choice,
        speaker,
        reason,
        ..
    } = waiting;
    let by = &speaker.principal;
    let word = choice.as_str();
    let fact = Fact::Chosen {
        proof: None,
        change_id,
        choice,
        by: by.clone(),
        reason,
    };
    let fact = speaker.sign(context, &run_id, fact)?;
    words::write_down(installation, &run_id, &seen, fact)?;
    views::say(&format!("Decided {word} for {name}, by {by}.\n"));
    if no_resume {
        let (_, run) = state::journal(installation, &run_id)?;
        let command = command_on(&plan, &run_id, &run);
        views::say(&format!("To go on: {command}\n"));
        return Ok(ExitCode::Ok);
    }
    if choice == Choice::Rollback {
        let past = past_point_of_no_return;
        return super::rollback::take_back_runbook(context, installation, &run_id, go_on, past).await;
    }
    super::resume::go_on(context, installation, &run_id, go_on).await
}

/// The change that a decision is about. One about a failed verification is about the whole run, and goes by its last change.
fn named(run: &RunState, name: String) -> ChangeId {
    match run.done_last() {
        Some(last) if name == "verification" => last.clone(),
        _ => ChangeId(name),
    }
}

/// Which choices there are depends on where the change stands and on the runbook.
fn may_choose(plan: &Plan, waiting: &Waiting) -> Result<(), CommandError> {
    let Waiting {
        run_id,
        change_id,
        run,
        choice,
        speaker,
        ..
    } = waiting;
    if !takes(plan, run, change_id, *choice) {
        return Err(not_asked(plan, waiting));
    }
    let document = crate::runbook::read_document(plan)?;
    let stop = Stop::of(plan, change_id, run.changes.get(change_id), decided(run));
    let taken = stop.choices();
    let remains = format!("what remains: {}", listed(&taken));
    match choice {
        Choice::Skip if !document.settings.allow_skip => Err(CommandError::new(
            ExitCode::NotApproved,
            format!("the runbook does not allow {change_id} to be skipped"),
        )
        .hint("allow_skip: true in its settings would; it needs a new plan and a new approval")),
        Choice::Accept if !stop.by_assumption => Err(CommandError::invalid(format!(
            "{change_id} did not stop because of an assumption; there is nothing to accept"
        ))
        .hint(remains)),
        Choice::Retry if stop.by_downtime => Err(CommandError::invalid(format!(
            "trying {change_id} of run {run_id} again cannot help: the downtime is over its limit and does not become shorter"
        ))
        .hint(remains)),
        Choice::Retry | Choice::Accept if !taken.contains(choice) => Err(CommandError::invalid(format!(
            "{change_id} of run {run_id} may not run again: it was started, and its `repeat` is `never`"
        ))
        .hint(remains)
        .hint("to go on in another way, plan a runbook with `revises`")),
        Choice::Accept => holds_roles(speaker, &document.approvals.roles),
        Choice::Retry | Choice::Rollback | Choice::Abort | Choice::Skip => Ok(()),
    }
}

/// The run takes no such decision at this step; where another one was made and is not carried out yet, that is why.
fn not_asked(plan: &Plan, waiting: &Waiting) -> CommandError {
    let Waiting {
        run_id,
        name,
        run,
        choice,
        ..
    } = waiting;
    let word = choice.as_str();
    let message = format!("{name} of run {run_id} does not wait for a decision to {word}");
    match decided(run) {
        Some(known) => CommandError::invalid(format!(
            "{message}: {} was decided, and is still to be carried out",
            known.as_str()
        ))
        .hint(to_carry_out(plan, waiting)),
        None => {
            let mut hints = after_failure(plan, run_id, run);
            if hints.is_empty() {
                hints.push(format!("enact runs next {run_id} says what it waits for"));
            }
            hints
                .into_iter()
                .fold(CommandError::invalid(message), CommandError::hint)
        }
    }
}

/// `rollback, abort or skip`.
fn listed(choices: &[Choice]) -> String {
    let words: Vec<&str> = choices.iter().map(|choice| choice.as_str()).collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Declaring an assumption irrelevant takes what approving takes.
fn holds_roles(speaker: &Speaker, asked: &[String]) -> Result<(), CommandError> {
    let by = &speaker.principal;
    match asked.iter().find(|role| !speaker.roles.contains(role)) {
        None => Ok(()),
        Some(role) => Err(CommandError::new(
            ExitCode::NotApproved,
            format!("accepting a broken assumption takes an approver's role ({role}), which {by} is not known to hold"),
        )
        .hint("[approvals.roles] in enact.toml says who holds it")),
    }
}

/// How what was decided is carried out: by the same word at the step that waits, or by going on.
fn to_carry_out(plan: &Plan, waiting: &Waiting) -> String {
    let Waiting {
        run_id,
        run,
        change_id,
        ..
    } = waiting;
    if run.of(change_id) == ChangeState::Escalated {
        let stop = Stop::of(plan, change_id, run.changes.get(change_id), decided(run));
        return decide_with(run_id, change_id, stop);
    }
    format!("to go on: {}", command_on(plan, run_id, run))
}
