//! `enact attest`: whoever did a delegated step says so; the engine compares the work tree and runs the checks.

use std::collections::BTreeMap;

use clap::Args;
use enact_core::change::{Change, ChangeId};
use enact_core::criterion::{CriterionReport, CriterionVerdict};
use enact_core::exit::ExitCode;
use enact_core::journal::{ChangeState, Fact, RunId, RunPhase, RunState, Subject};
use enact_core::plan::Plan;
use enact_core::principal::{Principal, PrincipalKind};
use enact_engine::store::find_run;

use super::Context;
use super::resume::{self, GoOn};
use crate::error::{CommandError, CommandResult};
use crate::words::{self, Seen, SignFlags, Speaker};
use crate::{state, views};

/// The most pieces of evidence, and the longest one.
const MAX_EVIDENCE: (usize, usize) = (50, 4096);

/// Say that a delegated step (or a manual criterion) is done, and go on
#[derive(Debug, Args)]
#[command(
    after_help = "For a step, the engine then compares the changed files with the step's write scope and runs its checks: your
word alone does not finish it. An agent may attest what is assigned to an agent.

Examples:
  enact attest 4be0c1 routes
  enact attest 4be0c1 dns --evidence \"ticket number=OPS-4711\"
  enact attest 4be0c1 C2"
)]
pub(crate) struct AttestArgs {
    /// The run (its first digits are enough)
    #[arg(value_name = "RUN")]
    run: String,
    /// The step or the criterion
    #[arg(value_name = "STEP|CRITERION")]
    subject: String,
    /// What you bring forward; repeatable
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true)]
    evidence: Vec<String>,
    /// Only write it down; `enact resume` goes on
    #[arg(long)]
    no_resume: bool,
    #[command(flatten)]
    sign: SignFlags,
    #[command(flatten)]
    go_on: GoOn,
}

pub(crate) async fn run(context: &Context, args: AttestArgs) -> CommandResult {
    let speaker = Speaker::of(context, &args.sign)?;
    let principal = speaker.principal.clone();
    let installation = state::open(&context.settings)?;
    let run_id = find_run(installation.store.as_ref(), &args.run)?.run_id;
    installation.refuse_superseded(&run_id)?;
    let (entries, run) = state::journal(&installation, &run_id)?;
    let plan = resume::plan_of(&installation, &run_id)?;
    let evidence = evidence(&args.evidence)?;
    let roles = speaker.roles.clone();
    let subject = subject(&plan, &run, &args.subject, &principal, &roles, &evidence)?;
    if !args.no_resume {
        resume::check_folder(context, &run_id, &plan, &run, &args.go_on)?;
    }
    if matches!(subject, Subject::Change(_)) {
        refuse_other_files(context, &run_id, &plan, &run, &args)?;
    }
    let fact = Fact::Attested {
        proof: None,
        subject,
        by: principal.clone(),
        roles,
        evidence,
    };
    let fact = speaker.sign(context, &run_id, fact)?;
    words::write_down(&installation, &run_id, &Seen::of(&entries), fact)?;
    views::say(&format!("Attested {}, by {principal}.\n", args.subject));
    if args.no_resume {
        views::say(&format!("To go on: enact resume {run_id}\n"));
        return Ok(ExitCode::Ok);
    }
    resume::go_on(context, &installation, &run_id, args.go_on).await
}

/// What the plan pins is what a step is judged with: while one of its files is another, nothing is attested, and the step stays
/// with whoever has it. Where the folder is not here, it is compared when the run goes on.
fn refuse_other_files(
    context: &Context,
    run_id: &RunId,
    plan: &Plan,
    state: &RunState,
    args: &AttestArgs,
) -> Result<(), CommandError> {
    let document = crate::runbook::read_document(plan)?;
    let named = args.go_on.dir.as_deref();
    let Ok(folder) = crate::runbook::folder_of_run(context, run_id, plan.id(), state, named) else {
        return Ok(());
    };
    enact_runbook::provider::as_pinned(&document, &folder).map_err(|why| {
        let message = format!("{why}; {} was not attested", args.subject);
        CommandError::new(ExitCode::Stale, message).hint(format!(
            "put the file back as it was, then: enact attest {run_id} {}",
            args.subject
        ))
    })
}

fn evidence(given: &[String]) -> Result<BTreeMap<String, String>, CommandError> {
    let (most, longest) = MAX_EVIDENCE;
    if given.len() > most || given.iter().any(|piece| piece.len() > longest) {
        return Err(CommandError::invalid(format!(
            "evidence is at most {most} pieces of at most {longest} bytes"
        )));
    }
    given
        .iter()
        .map(|piece| match piece.split_once('=') {
            Some((name, value)) if value.trim().is_empty() => Err(CommandError::invalid(format!(
                "the evidence {:?} is empty; nothing was attested",
                name.trim()
            ))
            .hint(format!("say what there is: {}", evidence_flag(name.trim())))),
            Some((name, value)) => Ok((name.trim().to_owned(), value.to_owned())),
            None => Err(CommandError::invalid(format!("{piece:?} is not NAME=VALUE"))),
        })
        .collect::<Result<Vec<_>, _>>()
        .and_then(each_once)
}

fn each_once(pieces: Vec<(String, String)>) -> Result<BTreeMap<String, String>, CommandError> {
    let mut evidence = BTreeMap::new();
    for (name, value) in pieces {
        if let Some((twice, _)) = evidence.remove_entry(&name) {
            let message = format!("the evidence {twice:?} is given twice; nothing was attested");
            return Err(
                CommandError::invalid(message).hint("leave one away: nothing says which of them is meant")
            );
        }
        evidence.insert(name, value);
    }
    Ok(evidence)
}

/// The flag that states a piece of evidence, as it is to be typed: a shell makes nothing else of the name.
pub(super) fn evidence_flag(name: &str) -> String {
    if name.contains(['"', '$', '`', '\\', '!']) {
        return format!("--evidence '{}=…'", name.replace('\'', r"'\''"));
    }
    format!("--evidence \"{name}=…\"")
}

/// What is attested: a step that is open, or a criterion that waits. And whether this principal may.
fn subject(
    plan: &Plan,
    run: &RunState,
    name: &str,
    principal: &Principal,
    roles: &[String],
    evidence: &BTreeMap<String, String>,
) -> Result<Subject, CommandError> {
    let change_id = ChangeId::from(name);
    if let Some(change) = plan
        .change(&change_id)
        .filter(|_| run.of(&change_id) == ChangeState::Delegated)
    {
        may_attest(change, principal)?;
        all_there(change, evidence)?;
        return Ok(Subject::Change(change_id));
    }
    let waiting =
        |criterion: &CriterionReport| criterion.id == name && criterion.verdict == CriterionVerdict::Waiting;
    // Of a run that has ended nothing is judged any more.
    if run.phase != RunPhase::Finished && run.criteria.iter().any(waiting) {
        let document = crate::runbook::read_document(plan)?;
        let role = document
            .acceptance
            .iter()
            .find(|criterion| criterion.id == name)
            .and_then(|criterion| criterion.attest_by.clone());
        return criterion(name, principal, roles, role);
    }
    Err(
        CommandError::invalid(format!("nothing waits for {name} to be attested"))
            .hint("enact runs next RUN says what a run waits for"),
    )
}

/// A criterion is for a person, with the role that the plan names, where roles are known at all.
fn criterion(
    name: &str,
    principal: &Principal,
    roles: &[String],
    role: Option<String>,
) -> Result<Subject, CommandError> {
    if !principal.may_decide() {
        let message = format!("{principal} may not attest a criterion: an agent never does");
        return Err(CommandError::new(ExitCode::NotApproved, message));
    }
    match role {
        Some(role) if !roles.contains(&role) => Err(CommandError::new(
            ExitCode::NotApproved,
            format!("{name} is to be attested by {role}, and {principal} is not known to be that"),
        )
        .hint(format!("[approvals.roles] in enact.toml says who holds {role:?}"))),
        _ => Ok(Subject::Criterion(name.to_owned())),
    }
}

fn may_attest(change: &Change, principal: &Principal) -> Result<(), CommandError> {
    let assignee = change
        .spec
        .as_ref()
        .and_then(|spec| spec.pointer("/action/assignee"))
        .and_then(serde_json::Value::as_str);
    if principal.kind == PrincipalKind::Agent && assignee != Some("agent") {
        let message = format!(
            "{} is for a person; {principal} may not attest it",
            change.change_id
        );
        return Err(CommandError::new(ExitCode::NotApproved, message));
    }
    Ok(())
}

/// Everything that the step asks to be stated.
fn all_there(change: &Change, evidence: &BTreeMap<String, String>) -> Result<(), CommandError> {
    let asked = change
        .spec
        .as_ref()
        .and_then(|spec| spec.pointer("/action/attest"))
        .and_then(serde_json::Value::as_array);
    let missing: Vec<&str> = asked
        .into_iter()
        .flatten()
        .filter_map(serde_json::Value::as_str)
        .filter(|name| !evidence.contains_key(*name))
        .collect();
    match missing.first() {
        None => Ok(()),
        Some(first) => {
            Err(
                CommandError::invalid(format!("{} asks for: {}", change.change_id, missing.join(", ")))
                    .hint(format!("add {}", evidence_flag(first))),
            )
        }
    }
}
