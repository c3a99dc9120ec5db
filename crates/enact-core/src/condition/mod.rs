//! Conditions of an approval: restrictions that an approver attaches. A condition only ever makes a run stricter.
//!
//! [`say`] understands a sentence, [`structured`] the form `checkpoint_before=migrate`; [`step`] finds the step that is meant.

pub mod say;
pub mod step;
pub mod structured;
mod unique;
mod words;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::{ChangeId, Milliseconds};

/// A length of time in one word: `90s`, `1h30m`. Not zero.
pub fn duration(text: &str) -> Option<Milliseconds> {
    words::duration(text)
}

/// A moment as RFC 3339 has it: `2026-11-21T22:00:00+01:00`.
pub fn moment(text: &str) -> Option<jiff::Timestamp> {
    words::moment(text)
}

/// A length of time as people write it: `1h30m`.
pub fn duration_in_words(length: Milliseconds) -> String {
    words::duration_in_words(length)
}

/// One restriction. Times and limits are merged over all approvals that count; the strictest holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// Wait for a confirmation before a change.
    CheckpointBefore {
        /// The change.
        change_id: ChangeId,
    },
    /// Wait for a confirmation after a change.
    CheckpointAfter {
        /// The change.
        change_id: ChangeId,
    },
    /// Wait for a confirmation before every change but the first.
    CheckpointBetweenSteps,
    /// Nothing after this change runs under this approval.
    StopAfter {
        /// The change.
        change_id: ChangeId,
    },
    /// Only within these times.
    Window {
        /// Not before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        not_before: Option<jiff::Timestamp>,
        /// Nothing starts from this moment on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        not_after: Option<jiff::Timestamp>,
    },
    /// The run pauses when it has worked longer than this.
    MaxDuration {
        /// The limit, without waiting for people.
        limit: Milliseconds,
    },
    /// A limit on the plan's downtime, stricter than its own.
    MaxDowntime {
        /// The limit.
        limit: Milliseconds,
    },
    /// Nothing with an effect runs.
    DryRunOnly,
    /// Somebody else confirms a change.
    SecondApprover {
        /// The change.
        change_id: ChangeId,
        /// Who: a principal's id or `role:NAME`.
        who: String,
    },
    /// A further check right before a change, typed by the domain.
    ExtraCheck {
        /// The change.
        change_id: ChangeId,
        /// The check.
        check: Value,
    },
}

impl Condition {
    /// The change it is about.
    pub fn change_id(&self) -> Option<&ChangeId> {
        match self {
            Self::CheckpointBefore { change_id }
            | Self::CheckpointAfter { change_id }
            | Self::StopAfter { change_id }
            | Self::SecondApprover { change_id, .. }
            | Self::ExtraCheck { change_id, .. } => Some(change_id),
            Self::CheckpointBetweenSteps
            | Self::Window { .. }
            | Self::MaxDuration { .. }
            | Self::MaxDowntime { .. }
            | Self::DryRunOnly => None,
        }
    }

    /// In words, with steps named as people know them: `confirm before step 6 (migrate)`.
    pub fn in_words(&self, steps: &[step::StepName]) -> String {
        let named = |change_id: &ChangeId| step::shown(change_id, steps);
        match self {
            Self::CheckpointBefore { change_id } => format!("confirm before {}", named(change_id)),
            Self::CheckpointAfter { change_id } => format!("confirm after {}", named(change_id)),
            Self::CheckpointBetweenSteps => "confirm before every step but the first".to_owned(),
            Self::StopAfter { change_id } => format!("nothing after {}", named(change_id)),
            Self::Window {
                not_before,
                not_after,
            } => window_in_words(*not_before, *not_after),
            Self::MaxDuration { limit } => format!("at most {} of work", words::duration_in_words(*limit)),
            Self::MaxDowntime { limit } => {
                format!("at most {} of downtime", words::duration_in_words(*limit))
            }
            Self::DryRunOnly => "dry run only".to_owned(),
            Self::SecondApprover { change_id, who } => {
                let who = who
                    .strip_prefix("role:")
                    .map_or(who.clone(), |role| format!("somebody with role {role}"));
                format!("{who} confirms before {}", named(change_id))
            }
            Self::ExtraCheck { change_id, check } => {
                format!("a further check before {}: {check}", named(change_id))
            }
        }
    }
}

impl std::fmt::Display for Condition {
    /// In words, with steps by their ids.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.in_words(&[]))
    }
}

fn window_in_words(not_before: Option<jiff::Timestamp>, not_after: Option<jiff::Timestamp>) -> String {
    match (not_before, not_after) {
        (Some(start), Some(end)) => format!("only between {start} and {end}"),
        (Some(start), None) => format!("not before {start}"),
        (None, Some(end)) => format!("nothing starts from {end} on"),
        (None, None) => "at any time".to_owned(),
    }
}
