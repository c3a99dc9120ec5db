//! The words of the status that programs read: why an execution failed, and the types of its conditions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $word:ident),* $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$doc])* $word),*
        }

        impl $name {
            /// Every one, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$word),*];

            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => stringify!($word)),*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// Why an execution failed (`status.failureReason`).
    FailureReason {
        /// The catalog has no such action, or it is switched off.
        UnknownAction,
        /// A parameter is missing, unknown or not what it should be; or the target is not named properly.
        InvalidParameters,
        /// The target is not there.
        TargetNotFound,
        /// The target is another one than the one that was judged.
        TargetChanged,
        /// A safety policy said no.
        PolicyDenied,
        /// A safety policy gave no answer.
        PolicyEvaluationError,
        /// There were no policies to ask.
        PolicyUnavailable,
        /// A required condition does not hold.
        PreconditionFailed,
        /// What a required condition asks about could not be found out.
        PreconditionError,
        /// The action's account does not exist or may not do it.
        RBACNotReady,
        /// The Job was refused.
        JobCreationFailed,
        /// A Job of another execution has the name.
        JobNameConflict,
        /// The image cannot be had.
        ImagePullFailed,
        /// No node takes the pod.
        PodUnschedulable,
        /// It took too long.
        DeadlineExceeded,
        /// The action failed.
        ActionFailed,
        /// The pod was evicted before it was done.
        PodEvicted,
        /// The action ended well, and nobody can read what it says.
        ResultUnreadable,
        /// The Job is gone and the target does not show that it was done.
        ExecutionLost,
        /// A required condition did not come to hold.
        PostconditionFailed,
        /// Somebody stopped it.
        Cancelled,
        /// Everything was stopped.
        EmergencyStop,
        /// Its spec is another one than the one that was judged.
        SpecChanged,
        /// Another execution had the target for too long.
        TargetLocked,
        /// An execution that it depends on failed, or depends on it.
        DependencyFailed,
        /// Nobody approved it in time.
        ApprovalMissing,
    }
}

words! {
    /// The types of `status.conditions`.
    ConditionType {
        /// The action is in the catalog and its parameters are in order.
        ActionValidated,
        /// The action is unknown.
        ActionValidationFailed,
        /// The parameters are not in order.
        ParameterValidationFailed,
        /// The policies were asked.
        PolicyEvaluated,
        /// A policy said no.
        PolicyViolation,
        /// Policy wants somebody's signed approval.
        ApprovalRequired,
        /// What must hold before holds.
        PreconditionsMet,
        /// The action's account may do it.
        RBACReady,
        /// It was tried without doing it.
        DryRunCompleted,
        /// Its Job was created.
        JobCreated,
        /// Its Job has ended.
        JobFinished,
        /// What must hold after holds.
        PostconditionsMet,
        /// It is over, and as it should be.
        Completed,
        /// It is over, and not as it should be.
        Failed,
    }
}
