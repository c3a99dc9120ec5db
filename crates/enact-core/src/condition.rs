//! Conditions of an approval: restrictions that an approver attaches. A condition only ever makes a run stricter.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::{ChangeId, Milliseconds};

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
