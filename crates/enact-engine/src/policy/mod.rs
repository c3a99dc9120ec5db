//! Policy: what judges a plan before anybody may approve it, and a catalog action before it runs.
//!
//! Reading order: [`bundle`] (files with a digest), [`compile`] (what is wrong with them: [`scan`], [`syntax`], [`lint`]),
//! [`evaluate`] (one question, one bounded answer), [`decision`] (from an answer to a decision, closed on every error),
//! [`rego`] (a bundle in force). [`query`] says which packages are asked and [`input`] about what; [`process`] keeps
//! policies from elsewhere in a process that can be killed, and [`reload`] puts a new bundle in force while others decide.
//! Tests of policies: [`testing`] (one case), [`test_run`] (all of them, whatever one does), [`test_report`] (what became of
//! them) and [`coverage`].

#![expect(
    clippy::result_large_err,
    reason = "a fault ends a bundle's loading, off the hot path; boxing each would only add noise"
)]

use enact_core::canonical::Digest;
use enact_core::plan::Plan;
use enact_core::verdict::{Finding, Outcome, Verdict};

use self::input::Occasion;

pub mod asking;
pub mod builtins;
pub mod bundle;
pub mod canaries;
pub mod compile;
pub mod coverage;
mod data;
pub mod decision;
pub mod default;
pub mod evaluate;
pub mod explain;
pub mod input;
pub mod limits;
pub mod lint;
pub mod metrics;
pub mod observe;
pub mod process;
pub mod query;
mod read;
pub mod rego;
pub mod reload;
pub mod scan;
pub mod syntax;
pub mod test_report;
pub mod test_run;
pub mod testing;
pub mod worker;

/// Judges plans. An engine that cannot answer denies.
pub trait PolicyEngine {
    /// The digest of the rules in force. `admit` refuses a verdict made from others.
    fn bundle_digest(&self) -> Digest;

    /// Judges one plan for one occasion.
    fn judge(&self, plan: &Plan, occasion: &Occasion) -> Verdict;
}

/// The rules that are always there: a plan with a write needs somebody's approval. Bundles add to it.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltinPolicy;

impl PolicyEngine for BuiltinPolicy {
    fn bundle_digest(&self) -> Digest {
        Digest::of(b"enact builtin policy 1")
    }

    fn judge(&self, plan: &Plan, _: &Occasion) -> Verdict {
        let verdict = Verdict::allow(plan.id().clone(), self.bundle_digest());
        if !plan.changes().iter().any(enact_core::change::Change::writes) {
            return verdict;
        }
        verdict.with(Finding {
            rule: enact_core::verdict::WRITES_NEED_APPROVAL.to_owned(),
            outcome: Outcome::RequireApproval,
            message: "a plan that writes needs somebody's approval".to_owned(),
            change_id: None,
            location: None,
        })
    }
}

/// Several sets of rules at once: the strictest answer of each part counts, so that adding one never lets more through.
pub struct Combined(pub Vec<Box<dyn PolicyEngine>>);

impl std::fmt::Debug for Combined {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Combined({})", self.bundle_digest())
    }
}

impl PolicyEngine for Combined {
    fn bundle_digest(&self) -> Digest {
        let digests: Vec<String> = self
            .0
            .iter()
            .map(|engine| engine.bundle_digest().to_string())
            .collect();
        Digest::of(digests.join("\n").as_bytes())
    }

    fn judge(&self, plan: &Plan, occasion: &Occasion) -> Verdict {
        let nothing = Verdict::allow(plan.id().clone(), self.bundle_digest());
        let verdicts = self.0.iter().map(|engine| engine.judge(plan, occasion));
        verdicts.fold(nothing, Verdict::and)
    }
}
