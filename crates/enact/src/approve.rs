//! The yes at a prompt and `--auto-approve`: approvals like any other, of low and of no assurance.

use std::io::{BufRead as _, IsTerminal as _};

use enact_core::approval::{Approval, ApprovalId, Decision, Method};
use enact_core::canonical::Digest;
use enact_core::change::ChangeId;
use enact_core::exit::ExitCode;
use enact_core::plan::Plan;
use enact_core::principal::Principal;
use enact_engine::clock::IdSource;

use crate::error::CommandError;
use crate::{state, views};

/// The longest answer that is read.
const MAX_ANSWER: usize = 1024;

/// What was said on the command line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    /// `--auto-approve`.
    pub(crate) auto_approve: bool,
    /// `--allow-unprotect`.
    pub(crate) allow_unprotect: bool,
    /// Has standard input been read as configuration? Then the terminal is asked directly.
    pub(crate) stdin_taken: bool,
}

/// Gets an approval of a plan from whoever runs this process, or says why there is none.
pub(crate) fn obtain(
    plan: &Plan,
    verb: &str,
    principal: &Principal,
    policy_digest: &Digest,
    said: Said,
    ids: &dyn IdSource,
) -> Result<Approval, CommandError> {
    if !principal.may_decide() {
        return Err(CommandError::new(
            ExitCode::NotApproved,
            format!("{principal} may not approve: an agent never does"),
        )
        .hint("a person runs this command, or approves the saved plan"));
    }
    let unprotecting: Vec<&enact_core::change::Change> = plan
        .changes()
        .iter()
        .filter(|change| change.unprotects())
        .collect();
    let acknowledged: Vec<ChangeId> = unprotecting
        .iter()
        .map(|change| change.change_id.clone())
        .collect();
    let method = if said.auto_approve {
        if !unprotecting.is_empty() && !said.allow_unprotect {
            return Err(not_covered(&unprotecting));
        }
        Method::Flag
    } else {
        ask(verb, &unprotecting, said)?;
        Method::Prompt
    };
    Ok(Approval {
        approval_id: ApprovalId(ids.new_id().chars().take(16).collect()),
        plan_id: plan.id().clone(),
        decision: Decision::Approved,
        approver: principal.clone(),
        method,
        assurance: method.assurance_limit(),
        roles: Vec::new(),
        acknowledged,
        policy_digest: policy_digest.clone(),
        decided_at: state::now(),
        not_before: None,
        expires_at: None,
        max_runs: 1,
        conditions: Vec::new(),
        said: None,
    })
}

fn not_covered(unprotecting: &[&enact_core::change::Change]) -> CommandError {
    let names: Vec<String> = unprotecting
        .iter()
        .map(|change| format!("{} {:?}", change.resource_type, change.resource_name))
        .collect();
    let message = format!(
        "--auto-approve does not cover taking protection off {}",
        names.join(", ")
    );
    CommandError::new(ExitCode::NotApproved, message).hint("add --allow-unprotect, or answer at a prompt")
}

/// Asks; anything but the exact word `yes` declines.
fn ask(verb: &str, unprotecting: &[&enact_core::change::Change], said: Said) -> Result<(), CommandError> {
    let mut answers = answers(said)?;
    question(
        &mut answers,
        &format!("Do you want to {verb} this plan? Type 'yes' to confirm: "),
        verb,
    )?;
    for change in unprotecting {
        if said.allow_unprotect {
            continue;
        }
        let text = format!(
            "This takes protection off {} {:?}. Type 'yes' to confirm that too: ",
            change.resource_type, change.resource_name
        );
        question(&mut answers, &text, verb)?;
    }
    Ok(())
}

/// Where answers come from: standard input if it is a terminal, the controlling terminal if standard input was taken.
fn answers(said: Said) -> Result<Box<dyn std::io::BufRead>, CommandError> {
    if !said.stdin_taken && std::io::stdin().is_terminal() {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    if said.stdin_taken
        && let Ok(terminal) = std::fs::File::open("/dev/tty")
    {
        return Ok(Box::new(std::io::BufReader::new(terminal)));
    }
    Err(CommandError::new(
        ExitCode::NotApproved,
        "the plan needs approval, and there is no terminal to ask at",
    )
    .hint("look at the plan first, then add --auto-approve"))
}

fn question(answers: &mut dyn std::io::BufRead, text: &str, verb: &str) -> Result<(), CommandError> {
    views::say(&format!("\n{text}"));
    let mut line = Vec::new();
    let mut bounded = std::io::Read::take(answers, MAX_ANSWER as u64);
    bounded.read_until(b'\n', &mut line)?;
    if line.trim_ascii() == b"yes" {
        return Ok(());
    }
    Err(CommandError::new(
        ExitCode::NotApproved,
        format!("{verb} cancelled; nothing was written"),
    ))
}
