//! A revision: a compiled runbook laid over the run that it takes over. What that run finished is marked as adopted.

mod lost_secrets;

use std::collections::BTreeMap;

use enact_core::change::{ChangeId, Effect, Undo};
use enact_core::diagnostic::{Diagnostic, Place, Severity};
use enact_core::journal::{ChangeState, RunState};
use enact_core::plan::Warning;
use enact_core::revision::{NotProved, ParentRun, adoption, revision_of};
use serde_json::Value;

use self::lost_secrets::LostSecret;
pub(crate) use self::lost_secrets::outputs_named;
use crate::choices::may_run_again;
use crate::compile::{CheckReport, Compiled};
use crate::lint::LintFinding;
use crate::spec::Document;

/// The rule that a revision's own faults stand under.
pub const RULE: &str = "E_REVISION";

/// The rule that a run which may not be revised stands under.
pub const FROZEN: &str = "E_PLAN_FROZEN";

/// The rule of what an approver of a revision should know of the run before it.
pub const ADVICE: &str = "W_REVISION";

/// The plan that a compiled runbook says it revises, as its author wrote it.
pub fn revises(compiled: &Compiled) -> Option<String> {
    let document = compiled.draft.document.as_ref()?;
    document.get("revises")?.as_str().map(ToOwned::to_owned)
}

/// A finding about `revises` itself; the runbook cannot be frozen.
#[must_use]
pub fn refused(report: CheckReport, fault: Diagnostic) -> CheckReport {
    let place = report
        .compiled
        .as_ref()
        .and_then(|compiled| compiled.source_map.get("revises"));
    let diagnostic = match place {
        Some(place) => fault.at(place.clone()),
        None => fault,
    };
    let mut findings = report.findings;
    findings.push(LintFinding {
        rule: RULE,
        diagnostic,
    });
    CheckReport {
        findings,
        compiled: None,
    }
}

/// Marks what the parent's run finished. The report has no plan any more when something stands in the way; each reason is a
/// finding.
#[must_use]
pub fn revise(report: CheckReport, parent: &ParentRun) -> CheckReport {
    let CheckReport {
        mut findings,
        compiled,
    } = report;
    let Some(mut compiled) = compiled else {
        return CheckReport { findings, compiled };
    };
    match adoption(&compiled.draft.changes, compiled.draft.document.as_ref(), parent) {
        Err(faults) => {
            findings.extend(faults.iter().map(|fault| finding(fault, &compiled.source_map)));
            CheckReport {
                findings,
                compiled: None,
            }
        }
        Ok(mut adopted) => {
            let lost = lost_secrets::lost_secrets(&compiled, &adopted);
            if !lost.is_empty() {
                findings.extend(
                    lost.iter()
                        .map(|lost| of_lost(lost, parent, &compiled.source_map)),
                );
                return CheckReport {
                    findings,
                    compiled: None,
                };
            }
            compiled.draft.metadata.revision = revision_of(parent);
            for change in &mut compiled.draft.changes {
                change.adopted = adopted.remove(&change.change_id);
            }
            let notes = to_know(&mut compiled, parent);
            findings.extend(notes.iter().map(|note| advice(note, &compiled.source_map)));
            compiled.draft.warnings.extend(notes);
            CheckReport {
                findings,
                compiled: Some(compiled),
            }
        }
    }
}

fn finding(fault: &NotProved, map: &BTreeMap<String, Place>) -> LintFinding {
    let frozen = matches!(fault, NotProved::Frozen { .. });
    let rule = if frozen { FROZEN } else { RULE };
    let words = fault.to_string();
    let words = words.strip_prefix("E_PLAN_FROZEN: ").unwrap_or(&words);
    let mut diagnostic = Diagnostic::error(words);
    if let Some(hint) = hint(fault) {
        diagnostic = diagnostic.hint(hint);
    }
    if let Some(place) = place(about(fault), map) {
        diagnostic = diagnostic.at(place);
    }
    LintFinding { rule, diagnostic }
}

fn of_lost(lost: &LostSecret, parent: &ParentRun, map: &BTreeMap<String, Place>) -> LintFinding {
    let mut diagnostic = Diagnostic::error(lost.in_words(&parent.run_id)).hint(lost_secrets::HINT);
    if let Some(place) = place(lost.user.as_ref(), map) {
        diagnostic = diagnostic.at(place);
    }
    LintFinding {
        rule: RULE,
        diagnostic,
    }
}

/// What to do about it.
pub fn hint(fault: &NotProved) -> Option<String> {
    Some(match fault {
        NotProved::Frozen { run_id } => format!(
            "end it first: enact decide {run_id} STEP abort --reason … (enact runs next {run_id} names the step), or \
             enact rollback {run_id}; `allow_plan_revision: true` in a plan allows it from the next run on"
        ),
        NotProved::UnderWay { run_id } => {
            format!("wait for it, or stop and settle it: enact stop {run_id}, enact resume {run_id}")
        }
        NotProved::InFlight { run_id, .. } => format!("enact runs next {run_id} says how to settle it"),
        NotProved::TakenBack { run_id } => format!("take back the rest first: enact rollback {run_id}"),
        NotProved::Superseded { by, .. } => format!("revise the plan of run {by}: enact runs show {by}"),
        NotProved::Moved { .. } | NotProved::Untrue { .. } => {
            "make the plan of the revision again".to_owned()
        }
        NotProved::Changed { .. } | NotProved::LeftOut { .. } => {
            "only what has not been done can be replaced; put what corrects it into a step after it"
                .to_owned()
        }
        NotProved::TooEarly { finished, .. } => format!("put it after {finished}"),
        NotProved::Foreign { run_id, .. } => {
            format!("take the run back (enact rollback {run_id}), or plan anew without `revises`")
        }
        NotProved::NotHere { .. } => "a revision runs where the run that it takes over is kept".to_owned(),
        NotProved::NoRun { .. } | NotProved::Damaged(_) | NotProved::OtherPlan { .. } => return None,
    })
}

/// The step of this plan that a fault is about.
fn about(fault: &NotProved) -> Option<&ChangeId> {
    if let NotProved::Changed { change_id, .. } | NotProved::TooEarly { change_id, .. } = fault {
        Some(change_id)
    } else {
        None
    }
}

fn place(change_id: Option<&ChangeId>, map: &BTreeMap<String, Place>) -> Option<Place> {
    let of_step = change_id.and_then(|change_id| map.get(change_id.as_str()));
    of_step.or_else(|| map.get("revises")).cloned()
}

fn advice(warning: &Warning, map: &BTreeMap<String, Place>) -> LintFinding {
    let words = warning
        .message
        .strip_prefix("W_REVISION: ")
        .unwrap_or(&warning.message);
    let mut diagnostic = Diagnostic::error(words);
    diagnostic.severity = Severity::Warning;
    if let Some(place) = place(warning.change_id.as_ref(), map) {
        diagnostic = diagnostic.at(place);
    }
    LintFinding {
        rule: ADVICE,
        diagnostic,
    }
}

/// What an approver should know of the run before. The journal was replayed once already, so it can be.
fn to_know(compiled: &mut Compiled, parent: &ParentRun) -> Vec<Warning> {
    let Ok(state) = RunState::replay(&parent.entries) else {
        return Vec::new();
    };
    let mut notes = in_part(compiled, parent, &state);
    let adopts = compiled
        .draft
        .changes
        .iter()
        .any(|change| change.adopted.is_some());
    if adopts {
        notes.extend(run_in_any_case(parent, &state));
        notes.extend(not_again(compiled, parent));
    }
    for note in &mut notes {
        note.message = format!("{ADVICE}: {}", note.message);
    }
    notes
}

/// Steps that began, were not done, and may have left something behind: what becomes of that, and whether they run again.
fn in_part(compiled: &Compiled, parent: &ParentRun, state: &RunState) -> Vec<Warning> {
    let begun = parent.plan.changes().iter().filter(|change| {
        let progress = state.changes.get(&change.change_id);
        change.effect != Effect::Read
            && progress.is_some_and(|progress| progress.partial && !progress.handed_over)
    });
    begun
        .filter_map(|change| {
            let mut changes = compiled.draft.changes.iter();
            let here = changes.find(|new| new.change_id == change.change_id);
            let again = here.filter(|new| !may_run_again(new, true));
            let stays = change.undo != Some(Undo::Nothing);
            let what = match (again.is_some(), stays) {
                (true, true) => "the revision runs it again, although its `repeat` is `never`, and does not take back by itself what there is",
                (true, false) => "the revision runs it again, although its `repeat` is `never`",
                (false, true) => "the revision does not take that back by itself",
                (false, false) => return None,
            };
            Some(Warning {
                change_id: here.map(|new| new.change_id.clone()),
                message: format!(
                    "{} began in run {} and may have happened, whole or in part; {what}",
                    change.change_id, parent.run_id
                ),
            })
        })
        .collect()
}

/// Steps of `finally` that have run may have undone what is adopted.
fn run_in_any_case(parent: &ParentRun, state: &RunState) -> Option<Warning> {
    let ran: Vec<&str> = parent
        .plan
        .changes()
        .iter()
        .filter(|change| change.handling.as_ref().is_some_and(|handling| handling.always))
        .filter(|change| state.of(&change.change_id) == ChangeState::Done)
        .map(|change| change.change_id.as_str())
        .collect();
    (!ran.is_empty()).then(|| Warning {
        change_id: None,
        message: format!(
            "run {} has ended with its `finally` steps ({}): what they undid of adopted steps stays undone",
            parent.run_id,
            ran.join(", ")
        ),
    })
}

/// What had to hold before anything was done need not hold any more: the same assumption is not checked at the start again.
fn not_again(compiled: &mut Compiled, parent: &ParentRun) -> Vec<Warning> {
    let before = crate::provider::document_of(&parent.plan).ok();
    let document = compiled.draft.document.take().unwrap_or_default();
    let (Some(before), Ok(mut now)) = (before, serde_json::from_value::<Document>(document.clone())) else {
        compiled.draft.document = Some(document);
        return Vec::new();
    };
    let mut notes = Vec::new();
    for assumption in now
        .assumptions
        .iter_mut()
        .filter(|assumption| assumption.at_start)
    {
        let mut not_at_start = assumption.clone();
        not_at_start.at_start = false;
        // A parent that is a revision itself has taken it from its own start already.
        let of_revision = parent.plan.metadata().revision.is_some();
        let known = before.assumptions.contains(assumption)
            || (of_revision && before.assumptions.contains(&not_at_start));
        if known {
            assumption.at_start = false;
            notes.push(Warning {
                change_id: None,
                message: format!(
                    "assumption {} held when run {} began, and is not checked at the start again",
                    assumption.id, parent.run_id
                ),
            });
        }
    }
    compiled.draft.document = Some(serde_json::to_value(now).unwrap_or(Value::Null));
    notes
}
