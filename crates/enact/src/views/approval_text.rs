//! Approvals for people: whose they are, what they prove, under which conditions.

use enact_core::approval::{Approval, ApprovalId, Decision, Method};
use enact_core::condition::step::StepName;
use enact_core::verdict::Assurance;

/// The word for a strength.
pub(crate) fn strength(assurance: Assurance) -> &'static str {
    match assurance {
        Assurance::None => "none",
        Assurance::Low => "low",
        Assurance::Signed => "signed",
        Assurance::Hardware => "hardware",
    }
}

/// The word for a decision.
pub(crate) fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Approved => "approved",
        Decision::Rejected => "rejected",
        Decision::Withdrawn => "withdrawn",
    }
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Flag => "by flag",
        Method::Prompt => "at a prompt",
        Method::Signature => "by signature",
        Method::Waived => "waived",
    }
}

/// One line that says on whose word a run rests.
pub(crate) fn whose(record: &Approval, steps: &[StepName]) -> String {
    let mut text = format!(
        "Approved by {} {} (assurance {}, approval {}",
        record.approver.id,
        method(record.method),
        strength(record.strength()),
        record.approval_id
    );
    text.push_str(&until(record));
    text.push(')');
    if !record.conditions.is_empty() {
        text.push_str(&format!(
            ", on condition: {}",
            conditions(record, steps).join("; ")
        ));
    }
    text
}

/// One line about an approval that is spent with another, and whose conditions hold nothing.
pub(crate) fn set_aside(record: &Approval, later: &ApprovalId) -> String {
    let conditions = if record.conditions.is_empty() {
        ""
    } else {
        "; its conditions do not hold this run"
    };
    format!(
        "Set aside: approval {} by {}, who gave approval {later} after it{conditions}; this run spends both",
        record.approval_id, record.approver.id
    )
}

/// From when on and until when it counts.
fn until(record: &Approval) -> String {
    let (start, end) = enact_core::gate::term(record);
    let start = start.filter(|start| *start > record.decided_at);
    let start = start.map(|start| format!(", from {start:.0}"));
    let end = end.map(|end| format!(", until {end:.0}"));
    [start, end].into_iter().flatten().collect()
}

/// The conditions in words.
pub(crate) fn conditions(record: &Approval, steps: &[StepName]) -> Vec<String> {
    record
        .conditions
        .iter()
        .map(|condition| super::runbook_whole::one_line(&condition.in_words(steps)))
        .collect()
}

/// A record (with the limits of its plan) in a listing: one line, and one for each thing to know.
pub(crate) fn listed(
    record: &Approval,
    steps: &[StepName],
    spent: u32,
    worth: Result<&Approval, &str>,
) -> String {
    let mut text = format!(
        "{}  plan {}  {} by {}, {}, {}\n",
        record.approval_id,
        record.plan_id.short(),
        decision(record.decision),
        record.approver.id,
        method(record.method),
        record.decided_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    );
    match worth {
        Ok(judged) => {
            let roles = if judged.roles.is_empty() {
                String::new()
            } else {
                format!("; roles: {}", judged.roles.join(", "))
            };
            text.push_str(&format!("    assurance {}{roles}\n", strength(judged.strength())));
        }
        Err(reason) => text.push_str(&format!("    COUNTS FOR NOTHING: {reason}\n")),
    }
    if record.decision == Decision::Approved {
        text.push_str(&format!(
            "    {spent} of {} runs spent{}\n",
            record.max_runs,
            until(record)
        ));
    }
    for condition in conditions(record, steps) {
        text.push_str(&format!("    condition: {condition}\n"));
    }
    if let Some(reason) = &record.reason {
        text.push_str(&format!("    reason: {reason}\n"));
    }
    if let Some(back) = &record.withdraws {
        text.push_str(&format!("    takes back: {back}\n"));
    }
    text
}
