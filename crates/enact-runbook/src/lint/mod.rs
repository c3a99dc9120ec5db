//! Rules that a runbook should keep. Names that begin with `E_` block freezing; `W_` is advice for the author and the
//! approver, which a step or the document can decline with `lint: {allow: […]}`.
//!
//! `E_FORWARD_REF`, `E_INTERPOLATION` and `E_FILE_UNPINNED` are found while reading; one file per group holds the others.

mod planning;
mod safety;
mod secrets;
mod structure;
mod text;
pub(crate) mod tracing;

use std::collections::{BTreeMap, BTreeSet};

use enact_core::diagnostic::{Diagnostic, Place, Severity};

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

/// The rule that `rollback: { on: [cancel] }` stands under.
pub(crate) const CANCEL: &str = "W_ROLLBACK_CANCEL";

/// The rule that what an included plan says, and nobody looks at, stands under.
pub(crate) const INCLUDED: &str = "W_INCLUDED";

/// The rule that what another domain says of its changes stands under.
pub(crate) const OTHER_DOMAIN: &str = "W_KONNECT";

/// The rule that secret outputs stand under which are needed after a wait.
pub(crate) const LOST_SECRET: &str = "W_SECRET_LOST";

/// The rule of the number of steps.
pub(crate) const TOO_MANY_STEPS: &str = "E_TOO_MANY_STEPS";

pub(crate) use structure::too_many_steps;

/// Is a rule about how Markdown was read, and so no part of the plan?
pub fn is_about_markdown(rule: &str) -> bool {
    [crate::markdown::NOTE, crate::markdown::MANUAL].contains(&rule)
}

/// Rules that give advice, which can be declined.
pub const ADVICE: [&str; 20] = [
    "W_NO_ROLLBACK",
    "W_NO_PROBE",
    "W_NO_VERIFY",
    "W_NO_ESTIMATE",
    "W_REQ_UNCOVERED",
    "W_CRITERION_UNCHECKED",
    "W_ASSUMPTION_UNCHECKED",
    "W_DOWNTIME_OVER",
    "W_OVERPLAN_TRIVIAL",
    "W_OVERPLAN_SAME_TARGET",
    "W_OVERPLAN_TINY",
    "W_OVERPLAN_ECHO",
    "W_UNDERPLAN_VAGUE",
    "W_PLACEHOLDER",
    CANCEL,
    LOST_SECRET,
    INCLUDED,
    OTHER_DOMAIN,
    crate::markdown::NOTE,
    crate::markdown::MANUAL,
];

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

impl Subject<'_> {
    fn place(&self, key: &str) -> Place {
        self.map.get(key).unwrap_or(&self.root).clone()
    }
}

/// Collects what rules say; advice that was declined is left out.
pub(crate) struct Findings<'a> {
    allowed: &'a BTreeSet<String>,
    list: Vec<LintFinding>,
}

impl Findings<'_> {
    fn say(&mut self, rule: &'static str, place: Place, diagnostic: Diagnostic) {
        self.list.push(LintFinding {
            rule,
            diagnostic: diagnostic.at(place),
        });
    }

    /// Advice on some steps; one of them can decline it for all.
    fn advise(&mut self, rule: &'static str, steps: &[&FrozenStep], diagnostic: Diagnostic) {
        let declined = self.allowed.contains(rule) || steps.iter().any(|step| step.allowed.contains(rule));
        if let Some(first) = steps
            .first()
            .filter(|_| !declined || diagnostic.severity == Severity::Error)
        {
            self.say(rule, first.place.clone(), diagnostic);
        }
    }

    /// Advice on the whole or an entry of it.
    fn advise_at(&mut self, rule: &'static str, place: Place, diagnostic: Diagnostic) {
        if !self.allowed.contains(rule) || diagnostic.severity == Severity::Error {
            self.say(rule, place, diagnostic);
        }
    }
}

/// Everything that the rules say.
pub(crate) fn run(subject: &Subject<'_>) -> Vec<LintFinding> {
    let mut findings = Findings {
        allowed: subject.allowed,
        list: Vec::new(),
    };
    structure::run(subject, &mut findings);
    text::run(subject.texts, subject.steps, &mut findings);
    safety::run(subject, &mut findings);
    secrets::run(subject, &mut findings);
    tracing::run(subject, &mut findings);
    planning::run(subject, &mut findings);
    findings.list
}

/// What the rules on texts say of some that stand in no document.
pub(crate) fn texts(texts: &[SeenText]) -> Vec<LintFinding> {
    let mut findings = Findings {
        allowed: &BTreeSet::new(),
        list: Vec::new(),
    };
    text::run(texts, &[], &mut findings);
    findings.list
}
