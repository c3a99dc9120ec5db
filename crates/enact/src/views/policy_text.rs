//! What policy said, for people.

use enact_core::diagnostic::{Diagnostic, Place};
use enact_core::verdict::{Finding, Outcome, Requirement, Verdict};

use super::Painter;

/// The most findings that are shown one by one.
const SHOWN: usize = 20;

/// The findings of a verdict under a plan's summary: strictest first. Nothing to say gives nothing; that writes need an
/// approval goes without saying.
pub(crate) fn render(painter: Painter, verdict: &Verdict) -> String {
    let mut findings: Vec<&Finding> = verdict
        .findings
        .iter()
        .filter(|finding| finding.rule != enact_core::verdict::WRITES_NEED_APPROVAL)
        .collect();
    if findings.is_empty() {
        return String::new();
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.outcome));
    let mut text = "\nPolicy:\n".to_owned();
    for finding in findings.iter().take(SHOWN) {
        text.push_str(&line(painter, finding));
    }
    if findings.len() > SHOWN {
        text.push_str(&format!(
            "… and {} more (all of them with: --output json)\n",
            findings.len() - SHOWN
        ));
    }
    if let Some(needed) = demands(&verdict.requirement, &Requirement::default()) {
        text.push_str(&format!("Approval needed: by {needed}\n"));
    }
    text
}

fn line(painter: Painter, finding: &Finding) -> String {
    let word = match finding.outcome {
        Outcome::Deny => painter.bad("deny:"),
        Outcome::RequireApproval => painter.careful("approval:"),
        Outcome::Allow => painter.careful("warning:"),
    };
    let change = finding
        .change_id
        .as_ref()
        .map(|id| format!(", {id}"))
        .unwrap_or_default();
    let place = finding
        .location
        .as_ref()
        .map(|place| format!(" at {place}"))
        .unwrap_or_default();
    format!(
        "- {word} {}\n    ({}{place}{change})\n",
        finding.message, finding.rule
    )
}

/// What approvals must amount to, in words; `None` when anybody's plain yes will do. `asked` is what the plan alone asks for:
/// of the people that it asks for each has one of its roles.
pub(crate) fn demands(needed: &Requirement, asked: &Requirement) -> Option<String> {
    if !needed.is_demanding() {
        return None;
    }
    let mut parts = vec![match needed.count {
        0 | 1 => "one person".to_owned(),
        count => format!("{count} people"),
    }];
    if needed.not_author {
        parts.push("none of them the plan's author".to_owned());
    }
    if !asked.roles.is_empty() && asked.count > 1 {
        let how_many = if asked.count < needed.count {
            format!("{} of them", asked.count)
        } else {
            "each".to_owned()
        };
        parts.push(format!("{how_many} with role {}", asked.roles.join(" or ")));
    }
    // A number of people with one role says that it is held; with several it does not.
    let is_said = |role: &String| asked.count > 1 && asked.roles == [role.clone()];
    for role in needed.roles.iter().filter(|role| !is_said(role)) {
        parts.push(format!("one of them with role {role}"));
    }
    if needed.assurance != enact_core::verdict::Assurance::None {
        let word = serde_json::to_value(needed.assurance).ok();
        let word = word
            .as_ref()
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        parts.push(format!("with an assurance of at least {word}"));
    }
    Some(parts.join(", "))
}

/// A denial as a fault with its place, as the errors of commands show them.
pub(crate) fn as_fault(finding: &Finding) -> Diagnostic {
    let change = finding
        .change_id
        .as_ref()
        .map(|id| format!(", change {id}"))
        .unwrap_or_default();
    let fault = Diagnostic::error(finding.message.clone()).detail(format!("rule {}{change}", finding.rule));
    match finding.location.as_deref().and_then(Place::of_line) {
        Some(place) => fault.at(place),
        None => fault,
    }
}
