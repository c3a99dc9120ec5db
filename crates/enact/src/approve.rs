//! The yes at a prompt and `--auto-approve`: approvals like any other, of low and of no assurance. Also the digits that
//! `enact approve` asks for.

use std::io::{BufRead as _, IsTerminal as _};

use enact_core::approval::{Approval, ApprovalId, Method};
use enact_core::canonical::Digest;
use enact_core::change::Change;
use enact_core::exit::ExitCode;
use enact_core::plan::Plan;
use enact_core::principal::Principal;
use enact_engine::clock::IdSource;

use crate::error::CommandError;
use crate::{state, views};

/// The longest answer that is read.
const MAX_ANSWER: usize = 1024;

/// How many digits of a plan's id an approver types.
const DIGITS: usize = 6;

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

/// What an agent is refused that would have a failed run of a runbook taken back.
pub(crate) const TAKE_BACK: &str = "have a run taken back, not by a flag either";

/// An agent never approves, rejects or takes back. Checked before anything else.
pub(crate) fn refuse_agent(principal: &Principal, what: &str) -> Result<(), CommandError> {
    if principal.may_decide() {
        return Ok(());
    }
    Err(CommandError::new(
        ExitCode::NotApproved,
        format!("{principal} may not {what}: an agent never does"),
    )
    .hint(match what {
        "approve" => "a person runs this command, or approves the saved plan",
        _ => "a person runs this command",
    }))
}

/// What is asked for where no plan is: a yes to taking back what a run did.
pub(crate) const BACK: &str = "roll back";

/// Gets an approval of a plan from whoever runs this process, or says why there is none.
pub(crate) fn obtain(
    plan: &Plan,
    verb: &str,
    principal: &Principal,
    policy_digest: &Digest,
    said: Said,
    ids: &dyn IdSource,
) -> Result<Approval, CommandError> {
    refuse_agent(principal, if verb == BACK { BACK } else { "approve" })?;
    let unprotecting = unprotecting(plan);
    let method = if said.auto_approve {
        if !unprotecting.is_empty() && !said.allow_unprotect {
            return Err(not_covered("--auto-approve", &unprotecting));
        }
        Method::Flag
    } else {
        ask(verb, &unprotecting, said)?;
        Method::Prompt
    };
    Ok(Approval {
        acknowledged: unprotecting
            .iter()
            .map(|change| change.change_id.clone())
            .collect(),
        policy_digest: policy_digest.clone(),
        decided_at: state::now(),
        ..Approval::yes(new_id(ids), plan.id().clone(), principal.clone(), method)
    })
}

/// A new name for a record.
pub(crate) fn new_id(ids: &dyn IdSource) -> ApprovalId {
    ApprovalId(ids.new_id().chars().take(16).collect())
}

/// The changes that take protection off; each wants a yes of its own.
pub(crate) fn unprotecting(plan: &Plan) -> Vec<&Change> {
    plan.changes()
        .iter()
        .filter(|change| change.unprotects())
        .collect()
}

/// The first digits of a plan's id, by flag or typed at the terminal, and a yes to each loss of protection. Whoever types them has
/// the plan's name before them.
pub(crate) fn confirm_digits(plan: &Plan, given: Option<&str>, said: Said) -> Result<Method, CommandError> {
    let unprotecting = unprotecting(plan);
    if let Some(given) = given {
        check_digits(plan, given)?;
        if !unprotecting.is_empty() && !said.allow_unprotect {
            return Err(not_covered("--digits", &unprotecting));
        }
        return Ok(Method::Flag);
    }
    let mut answers = answers(
        said,
        "to approve it without a terminal: --digits, the first six of the plan's id",
    )?;
    let typed = answer(
        &mut answers,
        &format!("To approve, type the first {DIGITS} digits of the plan's id: "),
    )?;
    check_digits(plan, &typed)?;
    ask_unprotecting(&mut answers, &unprotecting, said, "approve")?;
    Ok(Method::Prompt)
}

fn check_digits(plan: &Plan, given: &str) -> Result<(), CommandError> {
    let id = plan.id().to_string();
    let id = id.strip_prefix("sha256:").unwrap_or(&id);
    let given = given.trim().to_lowercase();
    let given = given.strip_prefix("sha256:").unwrap_or(&given);
    if given.len() >= DIGITS && id.starts_with(given) {
        return Ok(());
    }
    Err(CommandError::new(
        ExitCode::NotApproved,
        format!("{given:?} is not how the plan's id begins; nothing was approved"),
    )
    .hint(format!(
        "at least {DIGITS} digits, as they stand after `Plan:` above"
    )))
}

fn not_covered(flag: &str, unprotecting: &[&Change]) -> CommandError {
    let names: Vec<String> = unprotecting
        .iter()
        .map(|change| format!("{} {:?}", change.resource_type, change.resource_name))
        .collect();
    let message = format!("{flag} does not cover taking protection off {}", names.join(", "));
    CommandError::new(ExitCode::NotApproved, message).hint("add --allow-unprotect, or answer at a prompt")
}

/// Asks; anything but the exact word `yes` declines.
fn ask(verb: &str, unprotecting: &[&Change], said: Said) -> Result<(), CommandError> {
    let mut answers =
        answers(said, "look at the plan first, then add --auto-approve").map_err(|refused| match verb {
            BACK => not_asked("taking it back needs somebody's yes")
                .hint("to take it back without being asked: --auto-approve"),
            _ => refused,
        })?;
    question(
        &mut answers,
        &format!("Do you want to {verb} this plan? Type 'yes' to confirm: "),
        verb,
    )?;
    ask_unprotecting(&mut answers, unprotecting, said, verb)
}

fn ask_unprotecting(
    answers: &mut dyn std::io::BufRead,
    unprotecting: &[&Change],
    said: Said,
    verb: &str,
) -> Result<(), CommandError> {
    for change in unprotecting {
        if said.allow_unprotect {
            continue;
        }
        let text = format!(
            "This takes protection off {} {:?}. Type 'yes' to confirm that too: ",
            change.resource_type, change.resource_name
        );
        question(answers, &text, verb)?;
    }
    Ok(())
}

/// Where answers come from: standard input if it is a terminal, the controlling terminal if standard input was taken.
fn answers(said: Said, otherwise: &str) -> Result<Box<dyn std::io::BufRead>, CommandError> {
    if !said.stdin_taken && std::io::stdin().is_terminal() {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    if said.stdin_taken
        && let Ok(terminal) = std::fs::File::open("/dev/tty")
    {
        return Ok(Box::new(std::io::BufReader::new(terminal)));
    }
    Err(not_asked("the plan needs approval").hint(otherwise))
}

fn not_asked(what: &str) -> CommandError {
    let message = format!("{what}, and there is no terminal to ask at");
    CommandError::new(ExitCode::NotApproved, message)
}

fn answer(answers: &mut dyn std::io::BufRead, text: &str) -> Result<String, CommandError> {
    views::say(&format!("\n{text}"));
    let mut line = Vec::new();
    let mut bounded = std::io::Read::take(answers, MAX_ANSWER as u64);
    bounded.read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(line.trim_ascii()).into_owned())
}

fn question(answers: &mut dyn std::io::BufRead, text: &str, verb: &str) -> Result<(), CommandError> {
    if answer(answers, text)? == "yes" {
        return Ok(());
    }
    Err(CommandError::new(
        ExitCode::NotApproved,
        format!("{verb} cancelled; nothing was written"),
    ))
}
