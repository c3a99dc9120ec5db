//! What a runbook must have before it can be frozen.

use std::collections::BTreeMap;

use enact_core::diagnostic::Diagnostic;

use super::{Findings, Subject};

pub(super) fn run(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let document = subject.document;
    if document.requirements.is_empty() {
        let fault = Diagnostic::error("the runbook has no requirements")
            .hint("say under `requirements` what it is for");
        findings.say("E_NO_REQUIREMENTS", subject.root.clone(), fault);
    }
    if document.acceptance.is_empty() {
        let fault = Diagnostic::error("the runbook has no acceptance criteria")
            .hint("say under `acceptance` how it shows that everything went well");
        findings.say("E_NO_ACCEPTANCE", subject.root.clone(), fault);
    }
    open_questions(subject, findings);
    let steps = subject
        .steps
        .iter()
        .filter(|step| step.top_level && !step.always)
        .count();
    let most = document.settings.max_plan_steps as usize;
    if let Some(fault) = too_many_steps(steps, most) {
        findings.say(super::TOO_MANY_STEPS, subject.root.clone(), fault);
    }
    unknown_commands(subject, findings);
}

/// A plan, included or not, has as many steps as its settings allow.
pub(crate) fn too_many_steps(steps: usize, most: usize) -> Option<Diagnostic> {
    let fault = Diagnostic::error(format!(
        "the runbook has {steps} steps; at most {most} are allowed"
    ))
    .hint("merge steps, split the runbook, or raise `settings.max_plan_steps`");
    (steps > most).then_some(fault)
}

fn open_questions(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let open = subject
        .document
        .questions
        .iter()
        .filter(|question| question.blocking && question.answer.is_none());
    // Those of one file together: answers are written into it.
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for question in open {
        let (file, _) = question.id.rsplit_once('.').unwrap_or_default();
        files.entry(file).or_default().push(&question.id);
    }
    for open in files.values() {
        let first = open.first().copied().unwrap_or_default();
        let fault = Diagnostic::error(format!("questions are open: {}", open.join(", ")))
            .detail("while a blocking question has no answer, nothing can be frozen, submitted or approved")
            .hint("write `answer` and `answered_by`, or `blocking: false` with a `default`");
        findings.say(
            "E_QUESTIONS_OPEN",
            subject.place(&format!("questions.{first}")),
            fault,
        );
    }
}

/// Where steps write files of a repository, wanted verification must be known.
fn unknown_commands(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let writes = |step: &&crate::compile::FrozenStep| {
        let scope = step
            .action
            .get("write_scope")
            .and_then(serde_json::Value::as_array);
        step.kind == "manual" && scope.is_some_and(|scope| !scope.is_empty())
    };
    let Some(step) = subject.steps.iter().find(writes) else {
        return;
    };
    let missing = subject
        .document
        .verification
        .iter()
        .filter(|found| found.wanted && found.check.is_none());
    let missing: Vec<String> = missing.map(|found| format!("`run_{}`", found.name)).collect();
    if !missing.is_empty() {
        let fault = format!(
            "step `{}` changes files, and it is not known how to verify them: {}",
            step.id,
            missing.join(", ")
        );
        let fault = Diagnostic::error(fault)
            .hint("give commands under `verification`, in the configuration, or write `false` there");
        findings.say("E_VERIFICATION_UNKNOWN", step.place.clone(), fault);
    }
}
