//! The author's document (`version: enact/v1`, `kind: Plan`): which blocks it has, and those that are only read.
//!
//! Blocks with actions and expressions are read by [`crate::compile`], which knows what names stand for.

mod blocks;
mod parameters;
mod prose;
mod settings;

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::shown;

pub(crate) use parameters::Given;
pub use settings::{CommandSetting, ExecutionPhase, PlanningPhase, SettingsDefaults, VerificationPhase};
pub(crate) use settings::{Effective, PHASES, SETTINGS, switched_off};

use crate::reading::{Fields, Node, Reading};

/// What `version` says.
pub const VERSION: &str = "enact/v1";

/// The keys of a document.
pub(crate) const KEYS: [&str; 23] = [
    "version",
    "kind",
    "name",
    "title",
    "description",
    "labels",
    "risk",
    "settings",
    "parameters",
    "requirements",
    "questions",
    "assumptions",
    "steps",
    "finally",
    "downtime",
    "rollback",
    "acceptance",
    "verification",
    "approvals",
    "files",
    "estimate",
    "revises",
    "lint",
];

impl Reading<'_> {
    /// The document's fields when it is a runbook of this version.
    pub(crate) fn document<'n>(&mut self, node: &'n Node) -> Option<Fields<'n>> {
        let fields = self.fields(node, "a runbook", &KEYS)?;
        for (key, expected) in [("version", VERSION), ("kind", "Plan")] {
            let Some(node) = self.require(&fields, key) else {
                continue;
            };
            let found = self.plain(node, key)?;
            if found != expected {
                let fault = format!("`{key}` is {}; this version reads `{expected}`", shown(&found));
                self.fault(node.span, Diagnostic::error(fault));
                return None;
            }
        }
        Some(fields)
    }

    /// The runbook's name.
    pub(crate) fn document_name(&mut self, fields: &Fields<'_>) -> Option<String> {
        let node = self.require(fields, "name")?;
        let name = self.plain(node, "`name`")?;
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let sound =
            name.len() <= 63 && !name.starts_with('-') && !name.is_empty() && name.bytes().all(allowed);
        if !sound {
            let fault = Diagnostic::error(format!("`name`: {} cannot be a name", shown(&name)));
            self.fault(
                node.span,
                fault.detail("expected small letters, digits and `-`, 63 at most, no `-` first"),
            );
        }
        sound.then_some(name)
    }
}
