//! What is counted. No label holds a name, a namespace or a message.

use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::api::{ConditionResult, KubernetesExecutionStatus, Phase};
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
    leader: Gauge<i64, AtomicI64>,
    catalog: Catalog,
}

/// What is counted of the operator's own actions.
#[derive(Debug, Clone, Default)]
struct Catalog {
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
            leader: Gauge::default(),
            catalog: Catalog::default(),
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
            "leader",
            "Is this replica the one that acts?",
            metrics.leader.clone(),
        );
        metrics.catalog.register(registry);
        metrics
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
            action: action.to_owned(),
        };
        if to == Phase::Running {
            self.active.get_or_create(&of_action).inc();
        } else if from == Phase::Running {
            self.active.get_or_create(&of_action).dec();
        }
        if to.is_final() {
            let labels = Result {
                action: action.to_owned(),
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
            action: action.to_owned(),
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
            action: action.to_owned(),
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

    /// Is this replica the one that acts?
    pub fn lead(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }
}

impl Catalog {
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
