//! From an answer to a decision. Pure, and closed: only an answer of exactly the promised shape can allow anything.

use enact_core::canonical::Digest;
use enact_core::change::ChangeId;
use enact_core::diagnostic::{Diagnostic, Place};
use enact_core::fault::{Fault, planted};
use enact_core::plan::PlanId;
use enact_core::verdict::{Assurance, Finding, Outcome, Requirement, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::evaluate::{Answer, Failure};
use super::explain::Places;
use super::limits::{MAX_FINDINGS, MAX_MESSAGE, MAX_ROLES};

/// What a decision is about and what it was made from.
#[derive(Debug, Clone)]
pub struct Basis {
    /// The bundle.
    pub bundle_digest: Digest,
    /// The exact bytes of the input.
    pub input_digest: Digest,
}

/// A member of an asked set that is an object.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    msg: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    change_id: Option<ChangeId>,
    #[serde(default)]
    approvals: Option<u32>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    assurance: Assurance,
    #[serde(default)]
    not_author: bool,
}

impl Member {
    fn of_text(text: &str) -> Self {
        Self {
            msg: text.to_owned(),
            code: None,
            change_id: None,
            approvals: None,
            roles: Vec::new(),
            assurance: Assurance::None,
            not_author: false,
        }
    }

    fn requirement(&self) -> Requirement {
        Requirement {
            count: self.approvals.unwrap_or(1).max(1),
            roles: self.roles.clone(),
            assurance: self.assurance,
            not_author: self.not_author,
        }
    }

    fn asks_for_approval(&self) -> bool {
        self.approvals.is_some()
            || self.not_author
            || !self.roles.is_empty()
            || self.assurance != Assurance::None
    }
}

/// The verdict on a plan. `deny`, `require_approval` and `warn` of `data.enact.plan` are sets of texts or of objects
/// `{msg, code, change_id}`; an object of `require_approval` can say `approvals`, `roles`, `assurance` and `not_author` too.
/// Anything else denies. A set that is declared and has no value denies as well.
pub fn plan_verdict(
    plan_id: PlanId,
    basis: &Basis,
    declared: &dyn Fn(&str) -> bool,
    answer: Result<Answer, Failure>,
) -> Verdict {
    let mut verdict = Verdict::allow(plan_id, basis.bundle_digest.clone());
    verdict.input_digest = Some(basis.input_digest.clone());
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => return verdict.with(of_failure(&failure)),
    };
    let places = Places::of(&answer.rules);
    for (rule, outcome) in [
        ("deny", Outcome::Deny),
        ("require_approval", Outcome::RequireApproval),
        ("warn", Outcome::Allow),
    ] {
        verdict = match answer.outputs.get(rule) {
            Some(value) => take_set(verdict, &places, rule, outcome, value),
            None if declared(rule) && !planted(Fault::UndefinedAllows) => verdict.with(finding(
                "policy.undefined",
                format!("data.enact.plan.{rule} has no value for this plan"),
            )),
            None => verdict,
        };
    }
    shorten(verdict)
}

fn take_set(
    mut verdict: Verdict,
    places: &Places<'_>,
    rule: &'static str,
    outcome: Outcome,
    value: &Value,
) -> Verdict {
    let Some(members) = value.as_array() else {
        return verdict.with(finding(
            "policy.malformed",
            format!("data.enact.plan.{rule} is {}, not a set", kind_of(value)),
        ));
    };
    for member in members {
        let location = places.of_member(rule, member);
        verdict = match read_member(member, outcome) {
            Ok(read) => {
                if outcome == Outcome::RequireApproval {
                    verdict = demand(verdict, &read, location.clone());
                }
                verdict.with(Finding {
                    rule: read.code.unwrap_or_else(|| format!("enact.plan.{rule}")),
                    outcome,
                    message: cut(&read.msg),
                    change_id: read.change_id,
                    location,
                })
            }
            Err(why) => verdict.with(Finding {
                location,
                ..finding(
                    "policy.malformed",
                    format!("a member of data.enact.plan.{rule} {why}"),
                )
            }),
        };
    }
    verdict
}

/// Adds what a member asks of the approvals. More roles than people could hold deny: comparing each with all others would
/// take for ever.
fn demand(mut verdict: Verdict, read: &Member, location: Option<String>) -> Verdict {
    let demanded = (read.roles.len() <= MAX_ROLES)
        .then(|| verdict.requirement.clone().and(&read.requirement()))
        .filter(|requirement| requirement.roles.len() <= MAX_ROLES);
    match demanded {
        Some(requirement) => {
            verdict.requirement = requirement;
            verdict
        }
        None => verdict.with(Finding {
            location,
            ..finding(
                "policy.malformed",
                format!("data.enact.plan.require_approval asks for more than {MAX_ROLES} different roles"),
            )
        }),
    }
}

fn read_member(member: &Value, outcome: Outcome) -> Result<Member, String> {
    let read = match member {
        Value::String(text) => Member::of_text(text),
        Value::Object(_) => Member::deserialize(member).map_err(|error| format!("is not usable: {error}"))?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            return Err(format!("is {}, not a text or an object", kind_of(member)));
        }
    };
    if read.msg.trim().is_empty() {
        return Err("says nothing: its msg is empty".to_owned());
    }
    if outcome != Outcome::RequireApproval && read.asks_for_approval() {
        return Err("asks for approvals; only members of require_approval can".to_owned());
    }
    Ok(read)
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn cut(message: &str) -> String {
    message.chars().take(MAX_MESSAGE).collect()
}

fn finding(rule: &str, message: String) -> Finding {
    Finding {
        rule: rule.to_owned(),
        outcome: Outcome::Deny,
        message,
        change_id: None,
        location: None,
    }
}

/// The denial that a missing answer is.
pub fn of_failure(failure: &Failure) -> Finding {
    Finding {
        location: failure.location().map(ToOwned::to_owned),
        ..finding(
            failure.name(),
            format!("policy could not answer, which denies: {failure}"),
        )
    }
}

/// Keeps the strictest findings when there are too many; the outcome and the requirement are those of all.
fn shorten(mut verdict: Verdict) -> Verdict {
    let more = verdict.findings.len().saturating_sub(MAX_FINDINGS);
    if more > 0 {
        verdict
            .findings
            .sort_by_key(|finding| std::cmp::Reverse(finding.outcome));
        verdict.findings.truncate(MAX_FINDINGS);
        let strictest = verdict.outcome;
        verdict.findings.push(Finding {
            outcome: strictest,
            ..finding("policy.more", format!("and {more} more findings"))
        });
    }
    verdict
}

/// The decision on a catalog action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionDecision {
    /// May it run?
    pub allow: bool,
    /// What stands against it.
    pub violations: Vec<Finding>,
    /// What to know, without standing against it.
    pub warnings: Vec<Finding>,
    /// One line: `Policy violations: …` or `All policies passed`.
    pub reason: String,
    /// The bundle that decided.
    pub bundle_digest: Digest,
    /// The input that it was about.
    pub input_digest: Digest,
}

impl ActionDecision {
    /// A verdict with this decision: what stands against the action stands against the plan that holds it.
    #[must_use]
    pub fn added_to(
        &self,
        mut verdict: Verdict,
        change_id: Option<&enact_core::change::ChangeId>,
    ) -> Verdict {
        for violation in &self.violations {
            verdict = verdict.with(Finding {
                change_id: violation.change_id.clone().or_else(|| change_id.cloned()),
                ..violation.clone()
            });
        }
        if !self.allow && self.violations.is_empty() {
            verdict = verdict.with(Finding {
                rule: "kubernetes_executor.safety.allow".to_owned(),
                outcome: Outcome::Deny,
                message: self.reason.clone(),
                change_id: change_id.cloned(),
                location: None,
            });
        }
        verdict
    }
}

/// The decision on a catalog action: allowed exactly when `deny` is an empty set and `allow` is `true`.
pub fn action_decision(basis: &Basis, answer: Result<Answer, Failure>) -> ActionDecision {
    let (mut violations, mut warnings) = (Vec::new(), Vec::new());
    match answer {
        Err(failure) => violations.push(of_failure(&failure)),
        Ok(answer) => {
            violations.extend(members(&answer, "deny", Outcome::Deny));
            warnings.extend(
                answer
                    .outputs
                    .get("warn")
                    .map(|_| members(&answer, "warn", Outcome::Allow))
                    .into_iter()
                    .flatten(),
            );
            match answer.outputs.get("allow") {
                Some(Value::Bool(true)) => {}
                Some(Value::Bool(false)) if !violations.is_empty() => {}
                Some(Value::Bool(false)) => violations.push(finding(
                    "policy.not_allowed",
                    "data.kubernetes_executor.safety.allow is false".to_owned(),
                )),
                Some(other) => violations.push(finding(
                    "policy.malformed",
                    format!(
                        "data.kubernetes_executor.safety.allow is {}, not a boolean",
                        kind_of(other)
                    ),
                )),
                None if violations.is_empty() && !planted(Fault::UndefinedAllows) => {
                    violations.push(finding(
                        "policy.undefined",
                        "data.kubernetes_executor.safety.allow has no value".to_owned(),
                    ));
                }
                None => {}
            }
        }
    }
    // A malformed warning stands against it: nobody can know what it was meant to say.
    let (malformed, warnings): (Vec<_>, Vec<_>) = warnings
        .into_iter()
        .partition(|found| found.outcome == Outcome::Deny);
    violations.extend(malformed);
    violations.truncate(MAX_FINDINGS);
    ActionDecision {
        allow: violations.is_empty(),
        reason: reason(&violations),
        violations,
        warnings,
        bundle_digest: basis.bundle_digest.clone(),
        input_digest: basis.input_digest.clone(),
    }
}

fn members(answer: &Answer, rule: &'static str, outcome: Outcome) -> Vec<Finding> {
    let places = Places::of(&answer.rules);
    let Some(value) = answer.outputs.get(rule) else {
        if planted(Fault::UndefinedAllows) {
            return Vec::new();
        }
        return vec![finding(
            "policy.undefined",
            format!("data.kubernetes_executor.safety.{rule} has no value"),
        )];
    };
    let Some(list) = value.as_array() else {
        return vec![finding(
            "policy.malformed",
            format!(
                "data.kubernetes_executor.safety.{rule} is {}, not a set",
                kind_of(value)
            ),
        )];
    };
    list.iter()
        .map(|member| match read_member(member, outcome) {
            Ok(read) => Finding {
                rule: read
                    .code
                    .unwrap_or_else(|| format!("kubernetes_executor.safety.{rule}")),
                outcome,
                message: cut(&read.msg),
                change_id: read.change_id,
                location: places.of_member(rule, member),
            },
            Err(why) => finding(
                "policy.malformed",
                format!("a member of data.kubernetes_executor.safety.{rule} {why}"),
            ),
        })
        .collect()
}

fn reason(violations: &[Finding]) -> String {
    if violations.is_empty() {
        return "All policies passed".to_owned();
    }
    let told: Vec<&str> = violations
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    cut(&format!("Policy violations: {}", told.join("; ")))
}

/// What the bundle says is wrong with itself: `faults` of `data.enact.bundle`, texts or objects `{msg, code}`. A bundle that
/// declares no such rule is not asked; one that cannot answer is not in order.
pub fn bundle_faults(answer: Result<Answer, Failure>) -> Vec<Diagnostic> {
    let answer = match answer {
        Err(failure) => {
            return vec![Diagnostic::error(format!(
                "the bundle cannot check itself: {failure}"
            ))];
        }
        Ok(answer) => answer,
    };
    let Some(members) = answer.outputs.get("faults").and_then(Value::as_array) else {
        return vec![Diagnostic::error("data.enact.bundle.faults is not a set")];
    };
    let places = Places::of(&answer.rules);
    let fault = |member| {
        let fault = match read_member(member, Outcome::Deny) {
            Ok(read) => {
                let fault = Diagnostic::error(cut(&read.msg));
                match read.code {
                    Some(code) => fault.detail(format!("rule {code}")),
                    None => fault,
                }
            }
            Err(why) => Diagnostic::error(format!("a member of data.enact.bundle.faults {why}")),
        };
        match places
            .of_member("faults", member)
            .and_then(|location| Place::of_line(&location))
        {
            Some(place) => fault.at(place),
            None => fault,
        }
    };
    members.iter().map(fault).collect()
}

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionDecision {
    /// Was there an answer?
    pub evaluated: bool,
    /// Was it the boolean `true`?
    pub passed: bool,
    /// Why not, at most 512 bytes.
    pub error: Option<String>,
    /// The bundle that decided.
    pub bundle_digest: Digest,
    /// The input that it was about.
    pub input_digest: Digest,
}

/// The decision on a condition: only the literal `true` passes.
pub fn condition_decision(basis: &Basis, answer: Result<Answer, Failure>) -> ConditionDecision {
    let allow = answer.map(|mut answer| answer.outputs.remove("allow"));
    let (evaluated, passed, why) = match allow {
        Err(failure @ Failure::Undefined { .. }) => (true, false, Some(failure.to_string())),
        Err(failure) => (false, false, Some(failure.to_string())),
        Ok(Some(Value::Bool(passed))) => (true, passed, None),
        Ok(Some(_)) => (true, false, Some("policy result is not boolean".to_owned())),
        Ok(None) => (true, false, Some("policy result is undefined".to_owned())),
    };
    ConditionDecision {
        evaluated,
        passed,
        error: why.map(|why| cut_bytes(&why, 512)),
        bundle_digest: basis.bundle_digest.clone(),
        input_digest: basis.input_digest.clone(),
    }
}

fn cut_bytes(text: &str, bytes: usize) -> String {
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned()
}
