//! What verifies a step that stands for changes of another domain: does nothing itself, its checks are its postconditions.
//! Nobody writes it; `verify` of such a step becomes one.

use enact_core::change::{Change, Effect};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{Acting, Kind, Role};
use crate::provider::{End, Reply, Site};
use crate::reading::{Node, Reading};

/// The kind's name.
pub(crate) const VERIFIED: &str = "verified";

/// The member that holds what a step relies on that has nothing to change: objects of its domain, each as a change that would
/// change nothing.
const UNCHANGED: &str = "unchanged";

/// The action: with changes before it, or with the objects that are as they are wanted.
pub(crate) fn verifying(unchanged: Option<&[Change]>) -> Value {
    match unchanged {
        Some(objects) => json!({ UNCHANGED: objects }),
        None => json!({}),
    }
}

/// What a change relies on that stands for a step with nothing to change. Its domain holds each against the world before the
/// first effect, and again when the step's turn comes; what differs is told of the step's own change.
pub fn relied_upon(change: &Change) -> Vec<Change> {
    let spec = change
        .spec
        .as_ref()
        .filter(|spec| spec.get("kind") == Some(&json!(VERIFIED)));
    let objects = spec.and_then(|spec| spec.get("action")?.get(UNCHANGED)).cloned();
    let objects = objects.and_then(|objects| serde_json::from_value::<Vec<Change>>(objects).ok());
    let mut objects = objects.unwrap_or_default();
    for object in &mut objects {
        object.change_id = change.change_id.clone();
    }
    objects
}

pub(super) struct VerifiedKind;

impl Kind for VerifiedKind {
    fn name(&self) -> &'static str {
        VERIFIED
    }

    fn role(&self) -> Role {
        Role::CheckOnly
    }

    fn default_effect(&self) -> Effect {
        Effect::Read
    }

    fn read(&self, _: &Node, _: &mut Reading<'_>) -> Option<Value> {
        Some(json!({}))
    }

    fn summary(&self, action: &Value) -> String {
        if action.get(UNCHANGED).is_some() {
            return "nothing to change: what it describes is there".to_owned();
        }
        "verify what was changed".to_owned()
    }

    fn act<'a>(&'a self, _: &'a Value, _: &'a Site<'a>) -> Acting<'a> {
        Box::pin(std::future::ready(Reply::bare(End::Finished)))
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!(false)
    }
}
