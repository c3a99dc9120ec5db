//! An approval: who said yes (or no) to which plan, how they proved who they are, until when, for how many runs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::canonical::{Digest, canonical_json};
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
    /// An earlier record of the same person counts no more.
    Withdrawn,
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
    /// Nobody was asked: creating the object was the request (Kubernetes), or the plan does without (a runbook with
    /// `require_approval: false`) and no policy asks.
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
    /// Why, of a no or a withdrawal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The record that a withdrawal takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdraws: Option<ApprovalId>,
    /// The proof of a signed record. Covers everything but itself, `assurance` and `roles`, see [`Approval::signed_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

/// An SSH signature of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The fingerprint of the key, as the verifier found it: `SHA256:…`.
    pub key_id: String,
    /// The signature as `ssh-keygen -Y sign` writes it, namespace `approval@enact`.
    pub sshsig: String,
}

/// The namespace of signatures of approvals.
pub const NAMESPACE: &str = "approval@enact";

impl Approval {
    /// A plain yes of the least strength; a starting point for records.
    pub fn yes(approval_id: ApprovalId, plan_id: PlanId, approver: Principal, method: Method) -> Self {
        Self {
            approval_id,
            plan_id,
            decision: Decision::Approved,
            approver,
            method,
            assurance: method.assurance_limit(),
            roles: Vec::new(),
            acknowledged: Vec::new(),
            policy_digest: Digest::of(b""),
            decided_at: jiff::Timestamp::UNIX_EPOCH,
            not_before: None,
            expires_at: None,
            max_runs: 1,
            conditions: Vec::new(),
            said: None,
            reason: None,
            withdraws: None,
            signature: None,
        }
    }

    /// What a signature covers: the canonical JSON of the record without `signature`, `assurance` and `roles`. The last two
    /// are what the verifier says, not what the approver claims.
    ///
    /// # Errors
    /// When the record has no JSON form.
    pub fn signed_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut value = serde_json::to_value(self)?;
        if let Some(fields) = value.as_object_mut() {
            for verifiers in ["signature", "assurance", "roles"] {
                fields.remove(verifiers);
            }
        }
        canonical_json(&value)
    }

    /// Was it made beforehand (`enact approve`), as a record with an end or a signature? The yes to one run, at its prompt or
    /// by its flag, has neither.
    pub fn is_made_beforehand(&self) -> bool {
        self.method == Method::Signature || self.expires_at.is_some()
    }

    /// The strength it counts for: never more than its way of deciding can prove.
    pub fn strength(&self) -> Assurance {
        self.assurance.min(self.method.assurance_limit())
    }
}
