//! The criteria of the whole run, after every step: type checks, lint, tests, acceptance, limits. All are judged even if one fails.

use enact_core::criterion::{CriterionReport, CriterionVerdict};
use enact_engine::provider::Failure;

use super::{RunbookProvider, downtime};
use crate::spec::{Criterion, Requirement, Verification};

impl RunbookProvider<'_> {
    pub(crate) async fn judge_criteria(&self) -> Result<Vec<CriterionReport>, Failure> {
        let mut reports = Vec::new();
        for verification in &self.document.verification {
            reports.push(self.judge_verification(verification).await?);
        }
        for criterion in &self.document.acceptance {
            reports.push(self.judge_acceptance(criterion).await?);
        }
        reports.extend(self.judge_limits());
        Ok(reports)
    }

    async fn judge_verification(&self, verification: &Verification) -> Result<CriterionReport, Failure> {
        let report = |verdict, detail: String| CriterionReport {
            id: verification.name.clone(),
            kind: "verification".to_owned(),
            text: in_words(&verification.name).to_owned(),
            verdict,
            detail,
            satisfies: Vec::new(),
        };
        Ok(match &verification.check {
            None if verification.wanted => {
                report(CriterionVerdict::NotApplicable, "no command is known".to_owned())
            }
            None if verification.declined_by_settings => {
                let setting = format!("run_{}", verification.name);
                let why = format!("enact.toml declined it (`{setting} = false`)");
                report(CriterionVerdict::NotApplicable, why)
            }
            None => report(CriterionVerdict::NotApplicable, "the plan declined it".to_owned()),
            Some(check) => {
                let checked = self.check_now(check, None, None).await.unless_stopped()?;
                report(verdict(checked.holds), checked.seen)
            }
        })
    }

    async fn judge_acceptance(&self, criterion: &Criterion) -> Result<CriterionReport, Failure> {
        let report = |verdict, detail: String| CriterionReport {
            id: criterion.id.clone(),
            kind: "acceptance".to_owned(),
            text: criterion.text.clone(),
            verdict,
            detail,
            satisfies: criterion.satisfies.clone(),
        };
        if let Some(check) = &criterion.check {
            let checked = self.check_now(check, None, None).await.unless_stopped()?;
            return Ok(report(verdict(checked.holds), checked.seen));
        }
        if !criterion.manual {
            return Ok(report(CriterionVerdict::NotChecked, "it has no check".to_owned()));
        }
        let attested = self.with_state(|state| state.attested.get(&criterion.id).cloned());
        Ok(match attested {
            Some(attestation) => report(CriterionVerdict::Attested, format!("by {}", attestation.by)),
            None => {
                let by = criterion.attest_by.as_deref().unwrap_or("a person");
                report(CriterionVerdict::Waiting, format!("{by} has to attest it"))
            }
        })
    }

    /// Limits that requirements set, the downtime's own, and those that approvals add.
    fn judge_limits(&self) -> Vec<CriterionReport> {
        let now = self.now();
        let (worked, down) = self.with_state(|state| {
            let down = downtime::length(&self.document, state, now);
            (state.worked(now), down)
        });
        let mut reports: Vec<CriterionReport> = self
            .document
            .requirements
            .iter()
            .filter_map(|requirement| limit_of(requirement, worked, down))
            .collect();
        let window = self.document.downtime.as_ref();
        let limits = window.and_then(|window| window.limit).map(|limit| limit.0);
        if let (Some(limit), Some(down)) = (limits.into_iter().chain(self.host.max_downtime).min(), down) {
            let mut report = limit_report(
                "limit:downtime",
                "The downtime stays within its limit",
                down,
                limit,
            );
            report.satisfies.clear();
            reports.push(report);
        }
        let most = self.host.max_duration;
        reports.extend(
            most.map(|limit| limit_report("limit:duration", "The run stays within its limit", worked, limit)),
        );
        reports
    }
}

fn limit_of(
    requirement: &Requirement,
    worked: std::time::Duration,
    down: Option<std::time::Duration>,
) -> Option<CriterionReport> {
    let limit = requirement.max?.0;
    let actual = match requirement.metric.as_deref()? {
        "downtime" => down?,
        "duration" => worked,
        _ => return None,
    };
    let mut report = limit_report(
        &format!("limit:{}", requirement.id),
        &requirement.text,
        actual,
        limit,
    );
    report.satisfies = vec![requirement.id.clone()];
    Some(report)
}

fn limit_report(id: &str, text: &str, actual: std::time::Duration, limit: u64) -> CriterionReport {
    let milliseconds = u64::try_from(actual.as_millis()).unwrap_or(u64::MAX);
    CriterionReport {
        id: id.to_owned(),
        kind: "limit".to_owned(),
        text: text.to_owned(),
        verdict: verdict(milliseconds <= limit),
        detail: of_limit(actual, limit),
        satisfies: Vec::new(),
    }
}

/// `2.2 s of 1.0 s`; a limit that tenths do not tell exactly, in thousandths.
fn of_limit(actual: std::time::Duration, limit: u64) -> String {
    let digits = if limit.is_multiple_of(100) { 1 } else { 3 };
    let limit = std::time::Duration::from_millis(limit).as_secs_f64();
    format!("{:.digits$} s of {limit:.digits$} s", actual.as_secs_f64())
}

fn verdict(holds: bool) -> CriterionVerdict {
    if holds {
        CriterionVerdict::Passed
    } else {
        CriterionVerdict::Failed
    }
}

fn in_words(name: &str) -> &str {
    match name {
        "typecheck" => "Type checks pass",
        "lint" => "Lint is clean",
        "tests" => "Tests pass",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_shown_as_exactly_as_it_is() {
        let took = std::time::Duration::from_millis;
        assert_eq!(of_limit(took(2249), 1000), "2.2 s of 1.0 s");
        assert_eq!(of_limit(took(70), 50), "0.070 s of 0.050 s");
    }
}
