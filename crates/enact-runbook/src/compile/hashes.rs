//! Digests over what is executed: of one step, and of all.

use enact_core::canonical::Digest;
use enact_core::change::Change;
use serde_json::{Value, json};

use super::Compiler;
use crate::spec::{Document, StepSpec};

impl Compiler<'_> {
    /// Over what of a step is executed, with the content of the files that it uses. Its id, number and prose are not in it.
    pub(super) fn step_hash(&self, spec: &StepSpec, change: &Change) -> String {
        let mut executed = serde_json::to_value(spec).unwrap_or_default();
        if let Some(fields) = executed.as_object_mut() {
            for prose in ["number", "tasks", "satisfies", "step_hash"] {
                fields.remove(prose);
            }
        }
        let pins: Vec<_> = self
            .reading
            .uses
            .iter()
            .map(|path| (path, self.reading.pins.get(path)))
            .collect();
        let whole = json!({
            "spec": executed,
            "preconditions": change.preconditions,
            "postconditions": change.postconditions,
            "undo": change.undo,
            "effect": change.effect,
            "timeout": change.timeout,
            "handling": change.handling,
            "files": pins,
        });
        digest(&whole)
    }

    /// Over what is executed of the whole plan, without prose.
    pub(super) fn exec_hash(&self, document: &Document) -> Result<String, serde_json::Error> {
        let mut steps = Vec::new();
        for step in &self.steps {
            let hash = step.spec.as_ref().map(|spec| spec.step_hash.as_str());
            steps.push(json!({"id": step.id, "hash": hash}));
        }
        for group in &document.groups {
            steps.push(json!({"group": group.step, "changes": group.changes}));
        }
        let whole = json!({
            "steps": steps,
            "settings": document.settings,
            "parameters": untitled(serde_json::to_value(&document.parameters)?),
            "assumptions": untitled(serde_json::to_value(&document.assumptions)?),
            "acceptance": untitled(serde_json::to_value(&document.acceptance)?),
            "verification": document.verification,
            "downtime": document.downtime,
            "rollback": document.rollback,
            "files": document.files,
            "env": document.env,
            "environment_allowed": document.environment_allowed,
            "konnect_target": document.konnect_target,
        });
        Ok(Digest::of_canonical(&whole)?.as_str().to_owned())
    }
}

fn digest(value: &Value) -> String {
    // A value read from a document always has a canonical form.
    Digest::of_canonical(value)
        .map(|digest| digest.as_str().to_owned())
        .unwrap_or_default()
}

/// Without what only people read, in every entry of a list or mapping.
fn untitled(mut value: Value) -> Value {
    let strip = |entry: &mut Value| {
        if let Some(fields) = entry.as_object_mut() {
            for prose in ["text", "description", "satisfies"] {
                fields.remove(prose);
            }
        }
    };
    if let Some(items) = value.as_array_mut() {
        items.iter_mut().for_each(strip);
    } else if let Some(fields) = value.as_object_mut() {
        fields.values_mut().for_each(strip);
    }
    value
}
