//! What shows each requirement: the steps that serve it and the criteria that are about it.

use enact_core::change::Change;
use enact_core::criterion::{CriterionReport, CriterionVerdict};
use enact_core::journal::{ChangeState, RunState};
use enact_core::plan::Plan;

use super::{RequirementReport, is_claim, is_judged_before, verdict_word, word_of};
use crate::spec::{Document, Requirement};

pub(super) fn requirements(plan: &Plan, document: &Document, state: &RunState) -> Vec<RequirementReport> {
    document
        .requirements
        .iter()
        .map(|requirement| {
            let mut evidence = Vec::new();
            let mut good = true;
            for change in plan.changes() {
                if serves(change, &requirement.id) {
                    let at = state.of(&change.change_id);
                    good &= matches!(at, ChangeState::Done | ChangeState::Omitted);
                    let word = match at {
                        ChangeState::Done if is_claim(change) => verdict_word(CriterionVerdict::Attested),
                        _ => word_of(change, state),
                    };
                    let word = word.replace('_', " ");
                    evidence.push(format!("step {}: {word}", change.change_id));
                }
            }
            let shows = |criterion: &&CriterionReport| criterion.satisfies.contains(&requirement.id);
            for criterion in state.criteria.iter().filter(shows) {
                good &= !criterion.verdict.is_against() && !is_judged_before(state);
                let since = if is_judged_before(state) {
                    ", before it was taken back"
                } else {
                    ""
                };
                let word = verdict_word(criterion.verdict);
                evidence.push(format!("{}: {word}{since}", criterion.id));
            }
            let open = not_judged(document, requirement, state);
            good &= open.is_empty();
            evidence.extend(open);
            RequirementReport {
                id: requirement.id.clone(),
                text: requirement.text.clone(),
                shown: good && !evidence.is_empty(),
                evidence,
            }
        })
        .collect()
}

/// Criteria of the plan that are about it and that the run did not come to.
fn not_judged(document: &Document, requirement: &Requirement, state: &RunState) -> Vec<String> {
    let yet = if state.outcome.is_some() {
        "was not judged"
    } else {
        "is not judged yet"
    };
    let is_judged = |id: &str| state.criteria.iter().any(|criterion| criterion.id == id);
    let about = document
        .acceptance
        .iter()
        .filter(|criterion| criterion.satisfies.contains(&requirement.id) && !is_judged(&criterion.id))
        .map(|criterion| format!("its criterion {} {yet}", criterion.id));
    let limit = format!("limit:{}", requirement.id);
    let own = requirement.max.filter(|_| !is_judged(&limit));
    about.chain(own.map(|_| format!("its limit {yet}"))).collect()
}

fn serves(change: &Change, requirement: &str) -> bool {
    change
        .spec
        .as_ref()
        .and_then(|spec| spec.get("satisfies"))
        .and_then(serde_json::Value::as_array)
        .is_some_and(|list| list.iter().any(|id| id == requirement))
}
