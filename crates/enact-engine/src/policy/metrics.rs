//! The figures of a policy engine, for Prometheus: how long decisions take, how many deny, which bundle decides.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use enact_core::verdict::Outcome;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::asking::Loaded;
use super::observe::{Decided, PolicyObserver};

/// From a tenth of a millisecond to five seconds, the longest that a decision may take.
const BUCKETS: [f64; 12] = [
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 3.0, 5.0,
];

/// The most rules that are told apart. A policy can compute its codes; what is beyond is counted as `other`.
const MOST_RULES: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rule {
    /// The rule's code, or the engine's own (`policy.timeout`).
    policy: String,
    /// The catalog action, or the plan's mode.
    action: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InForceLabels {
    digest: String,
    origin: String,
}

/// Counts and times decisions.
///
/// | metric | type | labels |
/// |---|---|---|
/// | `policy_evaluation_duration_seconds` | histogram | `kind`: plan, action |
/// | `policy_denials_total` | counter | `policy` (the rule's code), `action` |
/// | `policy_evaluation_errors_total` | counter | `policy` (`policy.timeout`, …), `action` |
/// | `policy_bundle_info` | gauge, always 1 | `digest`, `origin` of the bundle in force |
/// | `policy_reload_errors_total` | counter | |
/// | `policy_bundle_stale` | gauge, 1: what is in force is not what the directory has | |
#[derive(Debug)]
pub struct PolicyMetrics {
    durations: Family<Kind, Histogram, fn() -> Histogram>,
    denials: Family<Rule, Counter>,
    errors: Family<Rule, Counter>,
    reload_errors: Counter,
    bundle: Family<InForceLabels, Gauge>,
    stale: Gauge,
    known: Mutex<BTreeSet<String>>,
}

impl PolicyMetrics {
    /// Makes the metrics and registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            denials: Family::default(),
            errors: Family::default(),
            reload_errors: Counter::default(),
            bundle: Family::default(),
            stale: Gauge::default(),
            known: Mutex::default(),
        };
        registry.register(
            "policy_evaluation_duration_seconds",
            "How long a decision took, reading its input and finding places included",
            metrics.durations.clone(),
        );
        registry.register(
            "policy_denials",
            "Decisions that a rule denied",
            metrics.denials.clone(),
        );
        registry.register(
            "policy_evaluation_errors",
            "Decisions that were denied because policy could not answer",
            metrics.errors.clone(),
        );
        registry.register(
            "policy_reload_errors",
            "New bundles that were refused; the old one stays in force",
            metrics.reload_errors.clone(),
        );
        registry.register(
            "policy_bundle_info",
            "The bundle in force",
            metrics.bundle.clone(),
        );
        registry.register(
            "policy_bundle_stale",
            "Was what the directory has refused, or is it gone?",
            metrics.stale.clone(),
        );
        metrics
    }

    /// A rule's label: its code, as long as there are not too many.
    fn label<'a>(&self, rule: &'a str) -> &'a str {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(rule) {
            return rule;
        }
        if known.len() >= MOST_RULES {
            return "other";
        }
        known.insert(rule.to_owned());
        rule
    }
}

impl PolicyObserver for PolicyMetrics {
    fn decided(&self, decided: &Decided<'_>) {
        let kind = Kind {
            kind: decided.kind.to_owned(),
        };
        self.durations
            .get_or_create(&kind)
            .observe(std::time::Duration::from_micros(decided.took_us).as_secs_f64());
        let labels = |policy: &str| Rule {
            policy: policy.to_owned(),
            action: decided.action.clone(),
        };
        if let Some(failure) = decided.failure {
            self.errors.get_or_create(&labels(failure)).inc();
        }
        let denying = decided
            .findings
            .iter()
            .filter(|finding| finding.outcome == Outcome::Deny);
        let rules: BTreeSet<&str> = denying.map(|finding| self.label(&finding.rule)).collect();
        for rule in rules {
            self.denials.get_or_create(&labels(rule)).inc();
        }
    }

    fn loaded(&self, loaded: &Loaded) {
        let labels = InForceLabels {
            digest: loaded.digest.to_string(),
            origin: loaded.origin.clone(),
        };
        self.bundle.clear();
        self.bundle.get_or_create(&labels).set(1);
        self.stale.set(0);
    }

    fn refused(&self, _: &str) {
        self.reload_errors.inc();
        self.stale.set(1);
    }
}
