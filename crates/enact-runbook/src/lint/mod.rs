//! Rules that a runbook should keep. Names that begin with `E_` block freezing; `W_` is advice for the author and the
//! approver, which a step or the document can decline with `lint: {allow: […]}`.

use std::collections::{BTreeMap, BTreeSet};

use enact_core::diagnostic::{Diagnostic, Place};

use crate::compile::FrozenStep;
use crate::reading::SeenText;
use crate::spec::Document;

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintFinding {
    /// The rule: `E_FORWARD_REF`.
    pub rule: &'static str,
    /// What it says, and of which place.
    pub diagnostic: Diagnostic,
}

/// Rules that give advice.
pub const ADVICE: [&str; 1] = ["W_NO_ROLLBACK"];

/// What rules look at.
pub(crate) struct Subject<'a> {
    pub(crate) document: &'a Document,
    pub(crate) steps: &'a [FrozenStep],
    pub(crate) texts: &'a [SeenText],
    pub(crate) map: &'a BTreeMap<String, Place>,
    pub(crate) allowed: &'a BTreeSet<String>,
    /// The document itself.
    pub(crate) root: Place,
}

/// Everything that the rules say.
pub(crate) fn run(_: &Subject<'_>) -> Vec<LintFinding> {
    Vec::new()
}
