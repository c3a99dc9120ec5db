//! `enact decide`: a person's word on a change whose outcome looking cannot settle.

use clap::{Args, ValueEnum};
use enact_core::change::{Action, ChangeId};
use enact_core::exit::ExitCode;
use enact_core::journal::{ChangeState, Fact, Settlement};
use enact_engine::holder::Holder;
use enact_engine::store::find_run;

use super::Context;
use crate::error::{CommandError, CommandResult};
use crate::{state, views};

/// What the person knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Word {
    /// The effect did happen.
    Done,
    /// It did not happen; `resume` will do it.
    NotDone,
}

/// Say what became of a change that looking cannot settle
#[derive(Debug, Args)]
#[command(
    after_help = "For a change whose outcome is unknown, `done` says that its effect happened and `not-done` that it did not.
For a change that is stuck, `done` says that it has been taken back and `not-done` that it has not.

Example:
  enact decide 4be0c1 create:portal:harbor done --id 7f21… --reason \"seen in the console\""
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
    /// How you know
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub(crate) async fn run(context: &Context, args: DecideArgs) -> CommandResult {
    let principal = context.settings.principal();
    if !principal.may_decide() {
        let message = format!("{principal} may not decide: an agent never does");
        return Err(CommandError::new(ExitCode::NotApproved, message));
    }
    let installation = state::open(&context.settings)?;
    let run_id = find_run(installation.store.as_ref(), &args.run)?.run_id;
    let (_, run) = state::journal(&installation, &run_id)?;
    let change_id = ChangeId(args.change);
    let state = run.of(&change_id);
    if !matches!(state, ChangeState::Unknown | ChangeState::Stuck) {
        return Err(CommandError::invalid(format!(
            "change {change_id} of run {run_id} is not waiting for a decision"
        ))
        .hint(format!("enact runs show {run_id} names the changes")));
    }
    let creates = super::resume::plan_of(&installation, &run_id)?
        .change(&change_id)
        .is_some_and(|change| change.action == Action::Create);
    if state == ChangeState::Unknown && args.word == Word::Done && creates && args.id.is_none() {
        return Err(CommandError::invalid(format!(
            "what {change_id} made has an id, which others of the plan may need"
        ))
        .hint("name it with --id; `enact get` shows ids"));
    }
    let store = &installation.store;
    let now = state::now();
    let lease = store.acquire(&run_id, &Holder::this_process(), installation.lease_ttl, now)?;
    let settlement = if args.word == Word::Done {
        Settlement::Done
    } else {
        Settlement::NotDone
    };
    let fact = Fact::Decided {
        change_id: change_id.clone(),
        settlement,
        by: principal,
        reason: args.reason,
        outputs: args
            .id
            .map(|id| ("id".to_owned(), id.into()))
            .into_iter()
            .collect(),
    };
    let written = store.append(&lease, installation.lease_ttl, now, vec![fact]);
    store.release(&lease)?;
    written?;
    let command = if state == ChangeState::Stuck {
        "rollback"
    } else {
        "resume"
    };
    views::say(&format!("Written down. To go on: enact {command} {run_id}\n"));
    Ok(ExitCode::Ok)
}
