//! Criteria of a whole run: acceptance, tests, limits; and what came out.

use serde::{Deserialize, Serialize};

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CriterionVerdict {
    /// It is met.
    Passed,
    /// It is not met, or could not be looked at.
    Failed,
    /// Somebody says that it is met; the engine did not look.
    Attested,
    /// Nobody looked, and nobody will: the run counts as not verified.
    NotChecked,
    /// A person has to attest it; the run waits.
    Waiting,
    /// Nothing is known to run, or the plan or the settings declined it.
    NotApplicable,
}

impl CriterionVerdict {
    /// Does it stand in the way of calling the run verified?
    pub fn is_against(self) -> bool {
        matches!(self, Self::Failed | Self::NotChecked | Self::Waiting)
    }
}

/// One criterion and what came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CriterionReport {
    /// `C1`, `tests`, `limit:downtime`.
    pub id: String,
    /// `acceptance`, `verification`, `limit`.
    pub kind: String,
    /// What it says.
    pub text: String,
    /// What came out.
    pub verdict: CriterionVerdict,
    /// What was seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Requirements it shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub satisfies: Vec<String>,
}
