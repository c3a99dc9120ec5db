//! What a plan itself asks of its approvals (a runbook's `approvals`), read from its document without believing it.

use serde::Deserialize;
use serde_json::Value;

use crate::change::Milliseconds;
use crate::plan::Plan;
use crate::verdict::{Assurance, Requirement};

/// The formats whose documents must say what they ask for begin like this.
const RUNBOOK: &str = "enact.runbook/";

/// What a plan asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// What approvals must amount to.
    pub requirement: Requirement,
    /// Does the plan do without approval? Policy may ask for one all the same.
    pub waived: bool,
    /// How long an approval is good after it was given.
    pub expires: Option<Milliseconds>,
    /// For how many runs one approval is good at most.
    pub max_runs: Option<u32>,
    /// Nothing runs before.
    pub not_before: Option<jiff::Timestamp>,
    /// Nothing starts from this moment on.
    pub not_after: Option<jiff::Timestamp>,
}

impl Asked {
    /// Does it ask for more than anybody's plain yes at any time?
    pub fn is_demanding(&self) -> bool {
        self.requirement.asks_for_more() || self.not_before.is_some() || self.not_after.is_some()
    }
}

/// The demands of a plan cannot be read; then nothing satisfies them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what the plan asks of its approvals is not readable: {0}")]
pub struct Unreadable(pub String);

/// The block as it stands in the document. A demand that this version does not know is not readable.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    count: u32,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    assurance: Assurance,
    #[serde(default)]
    not_author: bool,
    #[serde(default)]
    expires: Option<Milliseconds>,
    max_runs: u32,
    #[serde(default)]
    not_before: Option<jiff::Timestamp>,
    #[serde(default)]
    not_after: Option<jiff::Timestamp>,
}

/// Reads what a plan asks for. A plan without a document asks for nothing of its own.
///
/// # Errors
/// When the document of a runbook does not say it, or says it in a way that is not readable.
pub fn asked_by(plan: &Plan) -> Result<Asked, Unreadable> {
    let Some(document) = plan.document() else {
        return Ok(Asked::default());
    };
    let format = document.get("format").and_then(Value::as_str).unwrap_or_default();
    let block = match document.get("approvals") {
        None if !format.starts_with(RUNBOOK) => return Ok(Asked::default()),
        None => return Err(Unreadable("the document has no approvals".to_owned())),
        Some(block) => Block::deserialize(block).map_err(|error| Unreadable(error.to_string()))?,
    };
    let requirement = Requirement {
        count: block.count.max(1),
        roles: block.roles,
        assurance: block.assurance,
        not_author: block.not_author,
    };
    Ok(Asked {
        waived: waives(document)? && !requirement.is_demanding(),
        requirement,
        expires: block.expires,
        max_runs: Some(block.max_runs),
        not_before: block.not_before,
        not_after: block.not_after,
    })
}

/// `settings.require_approval: false`. Absent means true.
fn waives(document: &Value) -> Result<bool, Unreadable> {
    match document
        .get("settings")
        .and_then(|settings| settings.get("require_approval"))
    {
        None => Ok(false),
        Some(Value::Bool(required)) => Ok(!required),
        Some(other) => Err(Unreadable(format!("settings.require_approval is {other}"))),
    }
}
