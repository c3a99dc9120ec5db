//! What is counted. No label holds a name, a namespace or a message.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::api::{ConditionResult, KubernetesExecutionStatus, Phase};
use crate::catalog::Catalog;
use crate::machine::{Which, parse_duration};

const RECONCILE: [f64; 12] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const JOB_CREATION: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
const JOB_COMPLETION: [f64; 11] = [0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0];

/// The types of conditions that are told apart; a request can name any.
const KNOWN_CONDITIONS: [&str; 8] = [
    "image_pull_secrets_valid",
    "node_selector_matches",
    "no_crashloop_pods",
    "resource_usage_acceptable",
    "deployment_exists",
    "cluster_capacity_available",
    "desired_replicas_running",
    "deployment_health_check",
];

/// Every way from one phase to another.
const TRANSITIONS: [(Phase, Phase); 7] = [
    (Phase::Pending, Phase::Validating),
    (Phase::Pending, Phase::Failed),
    (Phase::Validating, Phase::Running),
    (Phase::Validating, Phase::Completed),
    (Phase::Validating, Phase::Failed),
    (Phase::Running, Phase::Completed),
    (Phase::Running, Phase::Failed),
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPhase {
    phase: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Transition {
    from_phase: &'static str,
    to_phase: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAction {
    action: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    action: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Result {
    action: String,
    outcome: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Condition {
    kind: &'static str,
    r#type: String,
    outcome: &'static str,
}

/// The counts of one replica.
#[derive(Debug, Clone)]
pub struct Metrics {
    reconciliations: Family<OfPhase, Histogram>,
    transitions: Family<Transition, Counter>,
    creations: Family<OfAction, Histogram>,
    completions: Family<Ended, Histogram>,
    active: Family<OfAction, Gauge<i64, AtomicI64>>,
    results: Family<Result, Counter>,
    conditions: Family<Condition, Counter>,
    longest: Family<OfPhase, Gauge<f64, AtomicU64>>,
    orphans: Gauge<i64, AtomicI64>,
    leader: Gauge<i64, AtomicI64>,
    catalog: OwnActions,
}

/// What is counted of the operator's own actions.
#[derive(Debug, Clone, Default)]
struct OwnActions {
    actions: Gauge<i64, AtomicI64>,
    refused: Gauge<i64, AtomicI64>,
    errors: Counter,
}

impl Metrics {
    /// Makes the metrics and registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            reconciliations: Family::new_with_constructor(|| Histogram::new(RECONCILE)),
            transitions: Family::default(),
            creations: Family::new_with_constructor(|| Histogram::new(JOB_CREATION)),
            completions: Family::new_with_constructor(|| Histogram::new(JOB_COMPLETION)),
            active: Family::default(),
            results: Family::default(),
            conditions: Family::default(),
            longest: Family::default(),
            orphans: Gauge::default(),
            leader: Gauge::default(),
            catalog: OwnActions::default(),
        };
        registry.register(
            "kubernetes_execution_reconciliation_duration_seconds",
            "How long one pass over an execution took",
            metrics.reconciliations.clone(),
        );
        registry.register(
            "kubernetes_execution_phase_transitions",
            "Transitions that were written",
            metrics.transitions.clone(),
        );
        registry.register(
            "job_creation_duration_seconds",
            "How long creating a Job took",
            metrics.creations.clone(),
        );
        registry.register(
            "job_completion_duration_seconds",
            "How long a Job took, from the decision to run it",
            metrics.completions.clone(),
        );
        registry.register(
            "kubernetes_execution_active",
            "Executions that this replica saw start and not end",
            metrics.active.clone(),
        );
        registry.register(
            "kubernetes_execution_results",
            "Executions that ended",
            metrics.results.clone(),
        );
        registry.register(
            "condition_evaluations",
            "Conditions that were evaluated",
            metrics.conditions.clone(),
        );
        registry.register(
            "kubernetes_execution_longest_seconds",
            "How long the execution that is longest in the phase has been in it",
            metrics.longest.clone(),
        );
        registry.register(
            "kubernetes_execution_orphan_jobs",
            "Jobs whose execution is gone and that could not be deleted, at the last look",
            metrics.orphans.clone(),
        );
        registry.register(
            "leader",
            "Is this replica the one that acts?",
            metrics.leader.clone(),
        );
        metrics.begin_at_zero();
        metrics.catalog.register(registry);
        metrics
    }

    /// What did not happen yet is shown as nothing: who looks at a replica that stands by finds every name, and rates begin at zero.
    fn begin_at_zero(&self) {
        for phase in [
            Phase::Pending,
            Phase::Validating,
            Phase::Running,
            Phase::Completed,
            Phase::Failed,
        ] {
            let labels = OfPhase {
                phase: phase.as_str(),
            };
            drop(self.reconciliations.get_or_create(&labels));
        }
        for (from, to) in TRANSITIONS {
            let labels = Transition {
                from_phase: from.as_str(),
                to_phase: to.as_str(),
            };
            drop(self.transitions.get_or_create(&labels));
        }
        for action in Catalog::built_in().list() {
            let action = &action.about().name;
            let labels = OfAction {
                action: action.to_string(),
            };
            drop(self.creations.get_or_create(&labels));
            drop(self.active.get_or_create(&labels));
            for outcome in ["completed", "failed"] {
                let labels = Ended {
                    action: action.to_string(),
                    outcome,
                };
                drop(self.completions.get_or_create(&labels));
            }
        }
    }

    /// A catalog came into force, with so many actions of the operator's.
    pub fn catalog_taken(&self, actions: usize) {
        self.catalog
            .actions
            .set(i64::try_from(actions).unwrap_or(i64::MAX));
        self.catalog.refused.set(0);
    }

    /// A catalog was refused; what was in force stays.
    pub fn catalog_refused(&self) {
        self.catalog.errors.inc();
        self.catalog.refused.set(1);
    }

    /// A pass is over.
    pub fn reconciled(&self, phase: Phase, took: Duration) {
        let labels = OfPhase {
            phase: phase.as_str(),
        };
        self.reconciliations
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    /// A transition was written.
    pub fn moved(&self, from: Phase, to: Phase, action: &str, reason: Option<&'static str>) {
        let labels = Transition {
            from_phase: from.as_str(),
            to_phase: to.as_str(),
        };
        self.transitions.get_or_create(&labels).inc();
        let of_action = OfAction {
            action: action.to_string(),
        };
        if to == Phase::Running {
            self.active.get_or_create(&of_action).inc();
        } else if from == Phase::Running {
            self.active.get_or_create(&of_action).dec();
        }
        if to.is_final() {
            let labels = Result {
                action: action.to_string(),
                outcome: if to == Phase::Completed {
                    "completed"
                } else {
                    "failed"
                },
                reason: reason.unwrap_or("none"),
            };
            self.results.get_or_create(&labels).inc();
        }
    }

    /// A Job was created.
    pub fn job_created(&self, action: &str, took: Duration) {
        let labels = OfAction {
            action: action.to_string(),
        };
        self.creations.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// A Job has ended.
    pub fn job_finished(&self, action: &str, status: &KubernetesExecutionStatus) {
        let result = status.result.as_ref();
        let succeeded = result.is_some_and(|result| result.succeeded);
        let took = result
            .and_then(|result| result.duration.as_deref())
            .and_then(seconds);
        let labels = Ended {
            action: action.to_string(),
            outcome: if succeeded { "completed" } else { "failed" },
        };
        if let Some(took) = took {
            self.completions.get_or_create(&labels).observe(took);
        }
    }

    /// Conditions were looked at.
    pub fn conditions(&self, which: Which, results: &[ConditionResult]) {
        for result in results {
            let known = KNOWN_CONDITIONS.contains(&result.condition_type.as_str());
            let labels = Condition {
                kind: match which {
                    Which::Before => "pre",
                    Which::After => "post",
                },
                r#type: if known {
                    result.condition_type.clone()
                } else {
                    "other".to_owned()
                },
                outcome: match (result.evaluated, result.passed) {
                    (_, true) => "passed",
                    (true, false) => "failed",
                    (false, false) => "error",
                },
            };
            self.conditions.get_or_create(&labels).inc();
        }
    }

    /// The execution that is longest in a phase that it is to leave.
    pub fn longest(&self, phase: Phase, age: Duration) {
        let labels = OfPhase {
            phase: phase.as_str(),
        };
        self.longest.get_or_create(&labels).set(age.as_secs_f64());
    }

    /// So many Jobs are left whose execution is gone.
    pub fn orphans(&self, left: usize) {
        self.orphans.set(i64::try_from(left).unwrap_or(i64::MAX));
    }

    /// Is this replica the one that acts?
    pub fn lead(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }
}

impl OwnActions {
    fn register(&self, registry: &mut Registry) {
        registry.register(
            "custom_actions",
            "How many actions of the operator's are in force",
            self.actions.clone(),
        );
        registry.register(
            "custom_actions_refused",
            "1 while the operator's catalog has a fault and an older one is in force",
            self.refused.clone(),
        );
        registry.register(
            "custom_actions_errors",
            "Catalogs of the operator's that were refused",
            self.errors.clone(),
        );
    }
}

/// `12.3s` in seconds.
fn seconds(text: &str) -> Option<f64> {
    let plain = text.strip_suffix('s')?;
    plain
        .parse()
        .ok()
        .or_else(|| parse_duration(text).ok().map(|length| length.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_that_did_nothing_yet_shows_every_name() {
        let mut registry = Registry::default();
        Metrics::register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "kubernetes_execution_reconciliation_duration_seconds_count{phase=\"Pending\"} 0",
            "kubernetes_execution_phase_transitions_total{from_phase=\"Pending\",to_phase=\"Validating\"} 0",
            "job_creation_duration_seconds_count{action=\"ScaleDeployment\"} 0",
            "job_completion_duration_seconds_count{action=\"DrainNode\",outcome=\"failed\"} 0",
            "kubernetes_execution_active{action=\"PatchSecret\"} 0",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
