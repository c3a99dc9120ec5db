//! What policy said about a plan.

use serde::{Deserialize, Serialize};

use crate::canonical::Digest;
use crate::change::ChangeId;
use crate::plan::PlanId;

/// The answer, from the loosest to the strictest; merging takes the strictest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing against it.
    Allow,
    /// Somebody must approve, under [`Requirement`].
    RequireApproval,
    /// It must not run.
    Deny,
}

/// How strongly an approver proved who they are, from nothing upwards.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// A flag on a command line.
    #[default]
    None,
    /// A word typed at a prompt by an operating system user.
    Low,
    /// A signature by a known key.
    Signed,
    /// A signature by a key that needs a touch.
    Hardware,
}

/// What approvals must amount to. The default asks for one, of any strength, by anybody but an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// How many different people.
    pub count: u32,
    /// Roles of which each must be held by one of them.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The least strength of proof.
    #[serde(default)]
    pub assurance: Assurance,
    /// Must it be somebody other than the plan's author?
    #[serde(default)]
    pub not_author: bool,
}

impl Default for Requirement {
    fn default() -> Self {
        Self {
            count: 1,
            roles: Vec::new(),
            assurance: Assurance::None,
            not_author: false,
        }
    }
}

impl Requirement {
    /// Both requirements at once: the stricter of each part.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.count = self.count.max(other.count);
        self.assurance = self.assurance.max(other.assurance);
        self.not_author |= other.not_author;
        for role in &other.roles {
            if !self.roles.contains(role) {
                self.roles.push(role.clone());
            }
        }
        self.roles.sort();
        self
    }

    /// Does it ask for something that a plain yes of one person has not?
    pub fn asks_for_more(&self) -> bool {
        self.count > 1 || !self.roles.is_empty() || self.assurance > Assurance::None || self.not_author
    }

    /// Does it ask for more than anybody's plain yes? Then a prompt or a flag does not satisfy it.
    pub fn is_demanding(&self) -> bool {
        *self != Self::default()
    }
}

/// The rule of the finding that says that policy was switched off.
pub const NO_POLICY: &str = "policy.none";

/// The rule that says that writing at all needs somebody's approval.
pub const WRITES_NEED_APPROVAL: &str = "builtin.writes_need_approval";

/// One thing a rule said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The rule: `deletions.too_many`.
    pub rule: String,
    /// What it demands: allow (a mere warning), an approval, or denial.
    pub outcome: Outcome,
    /// What it said.
    pub message: String,
    /// The change it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_id: Option<ChangeId>,
    /// Where the rule stands: `policies/deletions.rego:12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// Policy's answer to one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The plan that was judged; the answer holds for no other.
    pub plan_id: PlanId,
    /// The answer.
    pub outcome: Outcome,
    /// What approvals must amount to.
    #[serde(default)]
    pub requirement: Requirement,
    /// What the rules said.
    pub findings: Vec<Finding>,
    /// The bundle that judged.
    pub bundle_digest: Digest,
    /// The exact document that it was asked about: the plan, who wants to run it, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_digest: Option<Digest>,
}

impl Verdict {
    /// The answer of a bundle without objections.
    pub fn allow(plan_id: PlanId, bundle_digest: Digest) -> Self {
        Self {
            plan_id,
            outcome: Outcome::Allow,
            requirement: Requirement::default(),
            findings: Vec::new(),
            bundle_digest,
            input_digest: None,
        }
    }

    /// Was it made without any policy, because somebody switched it off?
    pub fn is_without_policy(&self) -> bool {
        self.findings.iter().any(|finding| finding.rule == NO_POLICY)
    }

    /// Does a policy ask for an approval, beyond the rule that writing needs one unless the plan does without?
    pub fn asks_for_approval(&self) -> bool {
        let mut asking = self
            .findings
            .iter()
            .filter(|finding| finding.outcome == Outcome::RequireApproval)
            .peekable();
        let unexplained = self.outcome != Outcome::Allow && asking.peek().is_none();
        self.requirement.is_demanding()
            || unexplained
            || asking.any(|finding| finding.rule != WRITES_NEED_APPROVAL)
    }

    /// Adds what other policies said about the same plan; the stricter answer of each part counts.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.outcome = self.outcome.max(other.outcome);
        self.requirement = self.requirement.and(&other.requirement);
        self.findings.extend(other.findings);
        self.input_digest = self.input_digest.or(other.input_digest);
        self
    }

    /// Adds what a rule said; the answer only ever gets stricter.
    #[must_use]
    pub fn with(mut self, finding: Finding) -> Self {
        self.outcome = self.outcome.max(finding.outcome);
        self.findings.push(finding);
        self
    }
}
