//! Policy: what judges a plan before anybody may approve it.

use enact_core::canonical::Digest;
use enact_core::plan::Plan;
use enact_core::verdict::{Finding, Outcome, Verdict};

/// Judges plans. An engine that cannot answer denies.
pub trait PolicyEngine {
    /// The digest of the rules in force. `admit` refuses a verdict made from others.
    fn bundle_digest(&self) -> Digest;

    /// Judges one plan.
    fn judge(&self, plan: &Plan) -> Verdict;
}

/// The rules that are always there: a plan with a write needs somebody's approval. Bundles add to it.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltinPolicy;

impl PolicyEngine for BuiltinPolicy {
    fn bundle_digest(&self) -> Digest {
        Digest::of(b"enact builtin policy 1")
    }

    fn judge(&self, plan: &Plan) -> Verdict {
        let verdict = Verdict::allow(plan.id().clone(), self.bundle_digest());
        if !plan.changes().iter().any(enact_core::change::Change::writes) {
            return verdict;
        }
        verdict.with(Finding {
            rule: "builtin.writes_need_approval".to_owned(),
            outcome: Outcome::RequireApproval,
            message: "a plan that writes needs somebody's approval".to_owned(),
            change_id: None,
            location: None,
        })
    }
}
