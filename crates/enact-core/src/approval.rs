//! An approval: who said yes (or no) to which plan, how they proved who they are, until when, for how many runs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::canonical::Digest;
use crate::change::ChangeId;
use crate::condition::Condition;
use crate::plan::PlanId;
use crate::principal::Principal;
use crate::verdict::Assurance;

/// The name of an approval.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct ApprovalId(pub String);

impl fmt::Display for ApprovalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes.
    Approved,
    /// No: the plan will not run, whoever else agrees.
    Rejected,
}

/// How the decision was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// `--auto-approve`.
    Flag,
    /// The word `yes` at a prompt.
    Prompt,
    /// A signature over the record.
    Signature,
    /// Creating the object was the request (Kubernetes); nobody was asked.
    Waived,
}

impl Method {
    /// The most that this way of deciding can prove. A record that claims more counts for this much.
    pub fn assurance_limit(self) -> Assurance {
        match self {
            Self::Flag | Self::Waived => Assurance::None,
            Self::Prompt => Assurance::Low,
            Self::Signature => Assurance::Hardware,
        }
    }
}

/// One record, bound to one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Its name.
    pub approval_id: ApprovalId,
    /// The plan it is about; it admits no other.
    pub plan_id: PlanId,
    /// Yes or no.
    pub decision: Decision,
    /// Who decided.
    pub approver: Principal,
    /// How they said it.
    pub method: Method,
    /// How strongly they proved who they are, as the verifier judged it.
    pub assurance: Assurance,
    /// Roles the verifier knows them to hold.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The second question: changes that take protection off, and to which the answer was yes too.
    #[serde(default)]
    pub acknowledged: Vec<ChangeId>,
    /// The policy bundle that the approver had seen the verdict of.
    pub policy_digest: Digest,
    /// When it was given.
    #[schemars(with = "String")]
    pub decided_at: jiff::Timestamp,
    /// Not valid before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub not_before: Option<jiff::Timestamp>,
    /// Not valid from this moment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub expires_at: Option<jiff::Timestamp>,
    /// How many runs it is good for; a resumed run is the same run.
    pub max_runs: u32,
    /// Restrictions, as understood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The sentence they were understood from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}
