//! `KubernetesExecution` on the wire: its types, and the definition that a cluster is given for them.

mod crd;
mod reason;
mod spec;
mod status;

pub use crd::{PLURAL, crd};
pub use reason::{ConditionType, FailureReason};
pub use spec::{
    ActionCondition, Dependency, KubernetesExecution, KubernetesExecutionSpec, TargetResource,
    WorkflowExecutionRef,
};
pub use status::{
    AuditEntry, ConditionDeadline, ConditionResult, DryRunResults, EstimatedImpact, ExecutionResult,
    KubernetesExecutionStatus, Phase, PolicyDecision, PolicyValidation, ResourceAffected, RollbackInfo,
    TargetSnapshot, ValidationResults,
};

/// The group of `KubernetesExecution`.
pub const GROUP: &str = "kubernetesexecution.kubernaut.io";

/// The version that this program speaks.
pub const VERSION: &str = "v1alpha1";

/// What holds a running object back from being deleted until its Job was stopped.
pub const FINALIZER: &str = "kubernetesexecution.kubernaut.io/kubernetesexecution-cleanup";
