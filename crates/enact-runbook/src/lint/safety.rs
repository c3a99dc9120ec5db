//! What may go wrong when a step fails, or when nobody knows whether it did.

use enact_core::change::Effect;
use enact_core::diagnostic::Diagnostic;

use super::{Findings, Subject};
use crate::compile::{FrozenStep, Written};
use crate::spec::Repeat;

pub(super) fn run(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for step in subject.steps {
        errors(step, findings);
        if step.effect != Effect::Read && step.kind != "konnect" {
            advice(step, findings);
        }
    }
}

fn errors(step: &FrozenStep, findings: &mut Findings<'_>) {
    if step.retries && step.repeat == Repeat::Never {
        let fault = Diagnostic::error(format!("step `{}` is retried but must not be repeated", step.id))
            .detail("its `repeat` is `never`: a second attempt could do its effect twice")
            .hint("say `repeat: safe` or `repeat: keyed` when that is true, or remove `retry`");
        findings.say("E_RETRY_UNSAFE", step.place.clone(), fault);
    }
    if step.continues && step.critical {
        let fault = Diagnostic::error(format!(
            "step `{}` is critical, so the run cannot continue after its failure",
            step.id
        ))
        .hint("add `critical: false`, or choose `stop`, `escalate` or `rollback`");
        findings.say("E_CONTINUE_CRITICAL", step.place.clone(), fault);
    }
}

fn advice(step: &FrozenStep, findings: &mut Findings<'_>) {
    let id = &step.id;
    // What runs in any case is never taken back.
    if step.rollback == Written::Absent && !step.always {
        let note = Diagnostic::warning(format!("step `{id}` changes something and names no `rollback`"))
            .hint("say how it is taken back, or `rollback: none` when there is nothing to take back");
        findings.advise("W_NO_ROLLBACK", &[step], note);
    }
    // What an action on a cluster did is looked up on its target, during the step and after a crash.
    if step.kind == crate::kinds::KUBERNETES {
        return;
    }
    let probed = step.spec.as_ref().is_some_and(|spec| spec.probe.is_some());
    if step.repeat == Repeat::Never && !probed && step.kind != "manual" {
        let note = Diagnostic::warning(format!(
            "after a crash nobody can tell whether step `{id}` happened"
        ))
        .hint("add a `probe`, or `repeat: safe` when it can be repeated");
        findings.advise("W_NO_PROBE", &[step], note);
    }
    if !step.verified {
        let note = if step.kind == "manual" {
            format!("step `{id}` is attested and not verified")
        } else {
            format!("nothing shows that step `{id}` did what it should")
        };
        findings.advise(
            "W_NO_VERIFY",
            &[step],
            Diagnostic::warning(note).hint("add a check under `verify`"),
        );
    }
}
