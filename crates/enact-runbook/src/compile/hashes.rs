//! Digests over what is executed: of one step, and of all.

use std::collections::BTreeMap;

use enact_core::canonical::Digest;
use enact_core::change::{Change, ChangeId, Effect, Milliseconds, Postcondition, Precondition, Undo};
use enact_core::procedure::Handling;
use serde::Serialize;
use serde_json::{Value, json};

use super::Compiler;
use crate::spec::{Document, Estimate, StepSpec};

impl Compiler<'_> {
    /// Over what of a step is executed, with the content of the files that it uses. Its id, number and prose are not in it.
    pub(super) fn step_hash(&self, spec: &mut StepSpec, change: &Change) -> String {
        let prose = (
            std::mem::take(&mut spec.tasks),
            std::mem::take(&mut spec.satisfies),
        );
        // What was seen in a cluster is not what is executed there; it differs once an earlier step was done.
        let seen = (take_seen(&mut spec.action), change.undo.clone().map(without_seen));
        let pins = self.reading.uses.iter();
        let hash = digest(&Executed {
            spec,
            preconditions: &change.preconditions,
            postconditions: &change.postconditions,
            undo: seen.1.as_ref(),
            effect: change.effect,
            timeout: change.timeout,
            handling: change.handling.as_ref(),
            files: pins
                .map(|path| (path.as_str(), self.reading.pins.get(path)))
                .collect(),
        });
        (spec.tasks, spec.satisfies) = prose;
        put_seen(&mut spec.action, seen.0);
        hash
    }

    /// Over everything that was read. What a step executes is in it by its own hash.
    pub(super) fn config_hash(&self, document: &Value) -> Result<String, serde_json::Error> {
        let mut read = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            // Changes of another domain have no hash of their own.
            let others = if step.kind == "konnect" {
                step.changes.as_slice()
            } else {
                &[]
            };
            read.push(Read {
                id: &step.id,
                title: &step.title,
                tasks: step
                    .spec
                    .as_ref()
                    .map(|spec| spec.tasks.as_slice())
                    .unwrap_or_default(),
                satisfies: step
                    .spec
                    .as_ref()
                    .map(|spec| spec.satisfies.as_slice())
                    .unwrap_or_default(),
                estimate: step.estimate,
                depends_on: step
                    .changes
                    .first()
                    .map(|change| change.depends_on.as_slice())
                    .unwrap_or_default(),
                hash: step.spec.as_ref().map(|spec| spec.step_hash.as_str()),
                others,
            });
        }
        Ok(Digest::of_canonical(&(document, read))?.as_str().to_owned())
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

/// What of a step is executed.
#[derive(Serialize)]
struct Executed<'a> {
    spec: &'a StepSpec,
    preconditions: &'a [Precondition],
    postconditions: &'a [Postcondition],
    undo: Option<&'a Undo>,
    effect: Effect,
    timeout: Option<Milliseconds>,
    handling: Option<&'a Handling>,
    files: BTreeMap<&'a str, Option<&'a String>>,
}

/// A step as it was read.
#[derive(Serialize)]
struct Read<'a> {
    id: &'a str,
    title: &'a str,
    tasks: &'a [String],
    satisfies: &'a [String],
    estimate: Option<Estimate>,
    depends_on: &'a [ChangeId],
    hash: Option<&'a str>,
    others: &'a [Change],
}

/// Takes out of an action what was seen in a cluster, but for which object it was.
fn take_seen(action: &mut Value) -> Option<Value> {
    let seen = action.get_mut("planned")?;
    let uid = json!({ "uid": seen.get("uid") });
    Some(std::mem::replace(seen, uid))
}

fn put_seen(action: &mut Value, seen: Option<Value>) {
    if let (Some(seen), Some(place)) = (seen, action.get_mut("planned")) {
        *place = seen;
    }
}

/// A way back without what was seen. What an action itself tells when it runs is not known before.
fn without_seen(mut undo: Undo) -> Undo {
    if let Undo::Run { spec } = &mut undo
        && let Some(action) = spec.get_mut("action")
    {
        take_seen(action);
        if let Some(fields) = action
            .as_object_mut()
            .filter(|fields| fields.get("as_told") == Some(&Value::Bool(true)))
        {
            fields.remove("parameters");
        }
    }
    undo
}

fn digest(value: &Executed<'_>) -> String {
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
