//! An execution that nobody looked at yet: are action and parameters in order?

use super::asked::check_request;
use super::known::{Intent, Known, Next, Then};
use super::status::{Failing, Transition, fail, move_on, set_condition, spec_hash, stamp, status_of};
use crate::api::{ConditionType, FailureReason, Phase};

pub(super) fn next(known: &Known<'_>) -> Next {
    let mut status = status_of(known);
    status.validation_start_time = Some(stamp(known.now));
    status.spec_hash = Some(spec_hash(&known.object.spec));
    match check_request(known) {
        Ok(action) => {
            status.action_version = Some(format!("v{}", action.about().version));
            set_condition(
                &mut status,
                known,
                ConditionType::ActionValidated,
                true,
                "ValidationSucceeded",
                "the action is in the catalog and its parameters are in order",
            );
            let transition = Transition {
                to: Phase::Validating,
                reason: "ActionValidated",
                message: "action and parameters are in order",
            };
            move_on(&mut status, known, &transition);
            let event = Intent::Event {
                warning: false,
                reason: "ActionValidated",
                note: format!(
                    "{} is in the catalog and its parameters are in order",
                    action.about().name
                ),
            };
            // The write itself wakes us again.
            Next::Do(vec![Intent::Status(Box::new(status)), event], Then::Settled)
        }
        Err((reason, message)) => {
            let (kind, event) = if reason == FailureReason::UnknownAction {
                (ConditionType::ActionValidationFailed, "ActionRejected")
            } else {
                (ConditionType::ParameterValidationFailed, "ParametersRejected")
            };
            set_condition(&mut status, known, kind, true, reason.as_str(), &message);
            let failing = Failing {
                reason,
                message: &message,
                event,
            };
            fail(known, status, &failing, Vec::new())
        }
    }
}
