//! Does everything that is wanted have something that shows it, and does the time suffice?

use std::collections::HashSet;

use enact_core::change::{ChangeId, Milliseconds};
use enact_core::diagnostic::Diagnostic;

use super::{Findings, Subject};
use crate::compile::FrozenStep;

pub(super) fn run(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    requirements(subject, findings);
    for criterion in subject
        .document
        .acceptance
        .iter()
        .filter(|found| found.check.is_none() && !found.manual)
    {
        let note = Diagnostic::warning(format!("nothing checks criterion `{}`", criterion.id))
            .hint("add a `check`, or `manual: true` when a person attests it");
        findings.advise_at(
            "W_CRITERION_UNCHECKED",
            subject.place(&format!("acceptance.{}", criterion.id)),
            note,
        );
    }
    for assumption in subject
        .document
        .assumptions
        .iter()
        .filter(|found| found.check.is_none())
    {
        let note = Diagnostic::warning(format!("nothing checks assumption `{}`", assumption.id))
            .hint("add a `check`");
        findings.advise_at(
            "W_ASSUMPTION_UNCHECKED",
            subject.place(&format!("assumptions.{}", assumption.id)),
            note,
        );
    }
    estimates(subject, findings);
    downtime(subject, findings);
}

fn requirements(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let steps = subject
        .steps
        .iter()
        .flat_map(|step| step.satisfies.iter().map(|(id, _)| id.as_str()));
    let criteria = subject
        .document
        .acceptance
        .iter()
        .flat_map(|found| found.satisfies.iter().map(String::as_str));
    let covered: HashSet<&str> = steps.chain(criteria).collect();
    for requirement in subject
        .document
        .requirements
        .iter()
        .filter(|found| !covered.contains(found.id.as_str()))
    {
        let note =
            Diagnostic::warning(format!("nothing satisfies requirement `{}`", requirement.id)).hint(format!(
                "name it under `satisfies` of a step or a criterion: `satisfies: [{}]`",
                requirement.id
            ));
        findings.advise_at(
            "W_REQ_UNCOVERED",
            subject.place(&format!("requirements.{}", requirement.id)),
            note,
        );
    }
}

fn estimates(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    if !subject.steps.iter().any(|step| step.estimate.is_some()) {
        return;
    }
    let waits = |step: &&FrozenStep| step.kind == "checkpoint" || step.always;
    for step in subject
        .steps
        .iter()
        .filter(|step| step.estimate.is_none() && !waits(step))
    {
        let note = Diagnostic::warning(format!(
            "step `{}` has no `estimate` while others have one",
            step.id
        ))
        .hint("add one, so that the sum means something");
        findings.advise("W_NO_ESTIMATE", &[step], note);
    }
}

fn downtime(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some(downtime) = &subject.document.downtime else {
        return;
    };
    let required = subject
        .document
        .requirements
        .iter()
        .filter(|found| found.metric.as_deref() == Some("downtime"));
    let limits = required.filter_map(|found| found.max).chain(downtime.limit);
    let Some(limit) = limits.min() else {
        return;
    };
    let has = |step: &FrozenStep, id: &ChangeId| step.changes.iter().any(|change| change.change_id == *id);
    let from = subject.steps.iter().position(|step| has(step, &downtime.from));
    let to = subject.steps.iter().position(|step| has(step, &downtime.to));
    let (Some(from), Some(to)) = (from, to) else {
        return;
    };
    let window = subject.steps.get(from..=to).unwrap_or_default();
    let sum = |pick: fn(&crate::spec::Estimate) -> Milliseconds| {
        let estimates = window.iter().filter_map(|step| step.estimate.as_ref());
        estimates.fold(0_u64, |sum, estimate| sum.saturating_add(pick(estimate).0))
    };
    let (low, likely) = (sum(|estimate| estimate.low), sum(|estimate| estimate.likely));
    let Some(first) = window.first() else {
        return;
    };
    let window = format!("from `{}` to `{}`", downtime.from, downtime.to);
    if low > limit.0 {
        let fault = Diagnostic::error(format!(
            "even at best the downtime {window} takes {}, and the limit is {}",
            minutes(low),
            minutes(limit.0)
        ));
        findings.advise(
            "W_DOWNTIME_OVER",
            &[first],
            fault.hint("raise the limit, or shorten the window"),
        );
    } else if likely > limit.0 {
        let note = Diagnostic::warning(format!(
            "the downtime {window} is expected to take {}, and the limit is {}",
            minutes(likely),
            minutes(limit.0)
        ));
        findings.advise(
            "W_DOWNTIME_OVER",
            &[first],
            note.hint("raise the limit, or shorten the window"),
        );
    }
}

/// `1h30m`, `45s`.
pub(crate) fn minutes(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let shown: String = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if shown.is_empty() {
        format!("{milliseconds}ms")
    } else {
        shown
    }
}
