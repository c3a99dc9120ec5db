//! What policy and people say about an execution, and what follows from it.

use std::time::Duration;

use enact_core::gate::GateClosed;
use enact_engine::policy::input::ActionInput;

use super::admitting::{Admission, admitted, plan, verdict};
use super::asked::Resolved;
use super::known::{Known, Next, PolicyFact, Question};
use super::status::{Failing, fail, set_condition, stamp, violations};
use super::waits::waits;
use crate::api::{
    ConditionType, FailureReason, KubernetesExecutionStatus, PolicyDecision, PolicyValidation,
    ValidationResults,
};

/// How long an execution waits for policies that are not there.
const POLICY_PATIENCE: Duration = Duration::from_secs(120);

/// How long it waits for an approval.
const APPROVAL_PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Policy, on the action and on the plan, and whoever must approve. Asked before the execution starts, and again right before its Job.
pub(super) fn judged(
    known: &Known<'_>,
    status: &mut KubernetesExecutionStatus,
    resolved: &Resolved,
    input: &ActionInput,
) -> Result<Admission, Next> {
    let plan = plan(known, resolved).map_err(|why| {
        let failing = Failing {
            reason: FailureReason::PolicyEvaluationError,
            message: &why,
            event: "PolicyEvaluationFailed",
        };
        fail(known, status.clone(), &failing, Vec::new())
    })?;
    status.plan_id = Some(plan.id().to_string());
    let (decision, on_plan, took) = match &known.facts.policy {
        None => {
            let question = Question::Policy(Box::new(input.clone()), Box::new(plan));
            return Err(Next::Learn(vec![question, Question::Approvals]));
        }
        Some(PolicyFact::Unavailable(why)) => return Err(no_policy(known, status, why)),
        Some(PolicyFact::Decided {
            decision,
            on_plan,
            took,
        }) => (decision, on_plan, took),
    };
    record(known, status, decision, *took);
    let verdict = verdict(&plan, on_plan, decision);
    match admitted(known, plan, verdict, known.facts) {
        Ok(admission) => {
            set_condition(
                status,
                known,
                ConditionType::PolicyEvaluated,
                true,
                "Allowed",
                &decision.reason,
            );
            Ok(admission)
        }
        Err(closed) => Err(not_admitted(known, status, &closed)),
    }
}

fn record(
    known: &Known<'_>,
    status: &mut KubernetesExecutionStatus,
    decision: &enact_engine::policy::decision::ActionDecision,
    took: Duration,
) {
    let texts = violations(decision.violations.iter().map(|finding| finding.message.clone()));
    status.policy_violations.clone_from(&texts);
    status.policy_decision = Some(PolicyDecision {
        allowed: decision.allow,
        bundle_digest: decision.bundle_digest.to_string(),
        input_digest: decision.input_digest.to_string(),
        evaluated_at: stamp(known.now),
        duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    });
    let results = status
        .validation_results
        .get_or_insert_with(ValidationResults::default);
    results.policy_validation = Some(PolicyValidation {
        policy_name: "kubernetes_executor.safety".to_owned(),
        allowed: decision.allow,
        violations: texts,
    });
}

fn no_policy(known: &Known<'_>, status: &mut KubernetesExecutionStatus, why: &str) -> Next {
    set_condition(
        status,
        known,
        ConditionType::PolicyEvaluated,
        false,
        "PolicyUnavailable",
        why,
    );
    let late = Failing {
        reason: FailureReason::PolicyUnavailable,
        message: &format!("there are no policies to ask: {why}; nothing was done"),
        event: "PolicyUnavailable",
    };
    let message = format!("waiting for policies: {why}");
    waits(
        known,
        status,
        &message,
        Duration::from_secs(10),
        Some((POLICY_PATIENCE, late)),
    )
}

/// Policy objects: the violations stand in the status already.
pub(super) fn denied(
    known: &Known<'_>,
    status: &mut KubernetesExecutionStatus,
    failing: &Failing<'_>,
) -> Next {
    set_condition(
        status,
        known,
        ConditionType::PolicyViolation,
        true,
        "SafetyPolicyDenied",
        failing.message,
    );
    fail(known, status.clone(), failing, Vec::new())
}

fn not_admitted(known: &Known<'_>, status: &mut KubernetesExecutionStatus, closed: &GateClosed) -> Next {
    match closed {
        GateClosed::Denied { findings } => {
            let texts = violations(findings.iter().map(|finding| finding.message.clone()));
            let message = format!("Policy violations: {}", texts.join("; "));
            status.policy_violations = texts;
            let failed_inside = findings.iter().all(|finding| finding.rule.starts_with("policy."));
            let (reason, event) = if failed_inside {
                (FailureReason::PolicyEvaluationError, "PolicyEvaluationFailed")
            } else {
                (FailureReason::PolicyDenied, "PolicyDenied")
            };
            let failing = Failing {
                reason,
                message: &message,
                event,
            };
            denied(known, status, &failing)
        }
        GateClosed::NotApproved { .. } | GateClosed::HeldBack { .. } => {
            let message = closed.to_string();
            set_condition(
                status,
                known,
                ConditionType::ApprovalRequired,
                true,
                "ApprovalRequired",
                &message,
            );
            let late = Failing {
                reason: FailureReason::ApprovalMissing,
                message: "nobody approved it in time; nothing was done",
                event: "ApprovalMissing",
            };
            let waiting = format!(
                "waiting for an approval of plan {}",
                status.plan_id.clone().unwrap_or_default()
            );
            waits(
                known,
                status,
                &waiting,
                Duration::from_secs(30),
                Some((APPROVAL_PATIENCE, late)),
            )
        }
        GateClosed::Latched { .. } => waits(known, status, &closed.to_string(), Duration::from_secs(5), None),
        // Other policies have come into force since they were asked: they are asked again.
        GateClosed::VerdictOfOtherBundle { .. } => Next::wait(Duration::from_millis(100)),
        GateClosed::Rejected { .. }
        | GateClosed::OtherTarget { .. }
        | GateClosed::VerdictOfOtherPlan { .. }
        | GateClosed::NotProved(_)
        | GateClosed::Unreadable(_)
        | GateClosed::NotAcknowledged { .. } => {
            let message = closed.to_string();
            let failing = Failing {
                reason: FailureReason::PolicyDenied,
                message: &message,
                event: "PolicyDenied",
            };
            fail(known, status.clone(), &failing, Vec::new())
        }
    }
}
