//! The structured form of a condition: `checkpoint_before=migrate`. Says the same as a sentence, and `extra_check` besides.

use super::Condition;
use super::say::who;
use super::step::{NoStep, StepName, find, find_quoted};
use super::unique;
use super::words::{duration, moment};

/// Every name of the structured form with what follows it.
pub const FORMS: [(&str, &str); 12] = [
    ("checkpoint_before", "STEP"),
    ("checkpoint_after", "STEP"),
    ("checkpoint_between_steps", ""),
    ("stop_after", "STEP"),
    ("not_before", "TIME"),
    ("not_after", "TIME"),
    ("window", "TIME/TIME"),
    ("max_duration", "DURATION"),
    ("max_downtime", "DURATION"),
    ("dry_run_only", ""),
    ("second_approver", "STEP,WHO"),
    ("extra_check", "STEP,JSON"),
];

/// What a form needs, for messages.
fn needs_in_words(form: &str) -> String {
    let moment = "2026-11-21T22:00:00Z";
    match form {
        "TIME" => format!("a time like {moment}"),
        "TIME/TIME" => format!("two times, the earlier first: {moment}/2026-11-21T23:30:00Z"),
        "STEP,JSON" => "a step, a comma and a check as one JSON object in which no key stands twice: 3,{\"exec\":[\"test\",\"-e\",\"ready\"]}".to_owned(),
        form => form.to_owned(),
    }
}

/// Why a structured condition is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotACondition {
    /// No such name.
    #[error("there is no condition {name:?}; there are: {}", names())]
    Name {
        /// What was given.
        name: String,
    },
    /// A value that is missing, not readable, or too much.
    #[error("condition {name} needs {needs}, not {value:?}")]
    Value {
        /// The condition.
        name: String,
        /// What it needs.
        needs: String,
        /// What was given.
        value: String,
    },
    /// No such step.
    #[error("condition {name}: {problem}")]
    Step {
        /// The condition.
        name: String,
        /// What is wrong.
        problem: NoStep,
    },
}

fn names() -> String {
    FORMS.map(|(name, _)| name).join(", ")
}

/// Reads one condition.
///
/// # Errors
/// See [`NotACondition`].
pub fn read(text: &str, steps: &[StepName]) -> Result<Condition, NotACondition> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let (name, value) = (name.trim().replace('-', "_"), value.trim());
    let refused = || {
        let needs = FORMS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, needs)| *needs);
        match needs {
            Some("") => NotACondition::Value {
                name: name.clone(),
                needs: "no value".to_owned(),
                value: value.to_owned(),
            },
            Some(needs) => NotACondition::Value {
                name: name.clone(),
                needs: needs_in_words(needs),
                value: value.to_owned(),
            },
            None => NotACondition::Name { name: name.clone() },
        }
    };
    let step = |of: &str| {
        let of = of.trim();
        let quoted = of.strip_prefix('"').and_then(|of| of.strip_suffix('"'));
        let found = quoted.map_or_else(|| find(of, steps), |title| find_quoted(title, steps));
        found.map_err(|problem| NotACondition::Step {
            name: name.clone(),
            problem,
        })
    };
    let time = |of: &str| moment(of.trim()).ok_or_else(refused);
    let length = || duration(value).ok_or_else(refused);
    let pair = || value.split_once(',').ok_or_else(refused);
    let condition = match name.as_str() {
        "checkpoint_before" => Condition::CheckpointBefore {
            change_id: step(value)?.first.clone(),
        },
        "checkpoint_after" => Condition::CheckpointAfter {
            change_id: step(value)?.last.clone(),
        },
        "stop_after" => Condition::StopAfter {
            change_id: step(value)?.last.clone(),
        },
        "checkpoint_between_steps" if value.is_empty() => Condition::CheckpointBetweenSteps,
        "dry_run_only" if value.is_empty() => Condition::DryRunOnly,
        "not_before" => Condition::Window {
            not_before: Some(time(value)?),
            not_after: None,
        },
        "not_after" => Condition::Window {
            not_before: None,
            not_after: Some(time(value)?),
        },
        "window" => {
            let (start, end) = value.split_once('/').ok_or_else(refused)?;
            let (start, end) = (time(start)?, time(end)?);
            if end <= start {
                return Err(refused());
            }
            Condition::Window {
                not_before: Some(start),
                not_after: Some(end),
            }
        }
        "max_duration" => Condition::MaxDuration { limit: length()? },
        "max_downtime" => Condition::MaxDowntime { limit: length()? },
        "second_approver" => {
            let (of, name) = pair()?;
            Condition::SecondApprover {
                change_id: step(of)?.first.clone(),
                who: who(name.trim()).ok_or_else(refused)?,
            }
        }
        "extra_check" => {
            let (of, check) = pair()?;
            Condition::ExtraCheck {
                change_id: step(of)?.first.clone(),
                check: unique::object(check).ok_or_else(refused)?,
            }
        }
        _ => return Err(refused()),
    };
    Ok(condition)
}
