//! Secret outputs: only the process that made one knows it. Where a run waits for somebody, that process ends.

use enact_core::diagnostic::Diagnostic;
use enact_core::procedure::Moment;

use super::{Findings, LOST_SECRET, Subject};
use crate::compile::FrozenStep;
use crate::revise::outputs_named;

pub(super) fn run(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let steps = subject.steps;
    let makers: Vec<(usize, String, String)> = steps.iter().enumerate().flat_map(made_by).collect();
    if makers.is_empty() {
        return;
    }
    whole(subject, &makers, findings);
    for (at, user) in steps.iter().enumerate() {
        let named = named_by(user);
        for (made_at, maker, output) in &makers {
            let between = steps.get(*made_at..=at).unwrap_or_default();
            let is_needed = *made_at < at && named.iter().any(|(step, name)| step == maker && name == output);
            if let Some(wait) = is_needed.then(|| first_wait(between, at - made_at)).flatten() {
                let note = lost(&format!("step `{}`", user.id), maker, output, wait);
                findings.advise(LOST_SECRET, &[user], note);
            }
        }
    }
}

/// Checks of the whole are run after everything else.
fn whole(subject: &Subject<'_>, makers: &[(usize, String, String)], findings: &mut Findings<'_>) {
    let mut named = Vec::new();
    outputs_named(
        &serde_json::to_value(subject.document).unwrap_or_default(),
        &mut named,
    );
    for (made_at, maker, output) in makers {
        let after = subject.steps.get(*made_at..).unwrap_or_default();
        let is_needed = named.iter().any(|(step, name)| step == maker && name == output);
        let wait = is_needed.then(|| first_wait(after, after.len())).flatten();
        if let (Some(wait), Some(step)) = (wait, after.first()) {
            let note = lost("a check of the whole", maker, output, wait);
            findings.advise(LOST_SECRET, &[step], note);
        }
    }
}

fn made_by((at, step): (usize, &FrozenStep)) -> impl Iterator<Item = (usize, String, String)> {
    let outputs = step.spec.iter().flat_map(|spec| &spec.outputs);
    let secret = outputs.filter(|(_, output)| output.secret);
    secret.map(move |(name, _)| (at, step.id.clone(), name.clone()))
}

fn named_by(step: &FrozenStep) -> Vec<(String, String)> {
    let mut named = Vec::new();
    outputs_named(&serde_json::to_value(&step.spec).unwrap_or_default(), &mut named);
    for change in &step.changes {
        outputs_named(&serde_json::to_value(change).unwrap_or_default(), &mut named);
    }
    named
}

/// The first of some steps at which a run waits, after the first one began and before the one at `last` ends.
fn first_wait(steps: &[FrozenStep], last: usize) -> Option<&FrozenStep> {
    let waits = |at: usize, step: &FrozenStep| {
        let held = |moment: Moment| {
            let handlings = step.changes.iter().filter_map(|change| change.handling.as_ref());
            let mut holds = handlings.flat_map(|handling| &handling.holds);
            holds.any(|hold| hold.at == moment)
        };
        let before = at > 0 && held(Moment::Before);
        let after = at < last && (held(Moment::After) || (at > 0 && step.kind == "manual"));
        before || after
    };
    let mut all = steps.iter().enumerate();
    all.find(|(at, step)| waits(*at, step)).map(|(_, step)| step)
}

fn lost(user: &str, maker: &str, output: &str, wait: &FrozenStep) -> Diagnostic {
    Diagnostic::warning(format!(
        "{user} needs the secret output `{output}` of `{maker}`, which is lost where the run waits at `{}`",
        wait.id
    ))
    .detail("secrets are not written down: the process that goes on after a wait does not know them")
    .hint("get the value anew in a step after the wait, or make it a parameter of type secret")
}
