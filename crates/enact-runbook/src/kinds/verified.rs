//! What verifies a step that stands for changes of another domain: does nothing itself, its checks are its postconditions.
//! Nobody writes it; `verify` of such a step becomes one.

use enact_core::change::Effect;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{Acting, Kind, Role};
use crate::provider::{End, Reply, Site};
use crate::reading::{Node, Reading};

/// The kind's name.
pub(crate) const VERIFIED: &str = "verified";

/// The action, with or without changes before it.
pub(crate) fn verifying(stands_alone: bool) -> Value {
    if stands_alone {
        json!({ "unchanged": true })
    } else {
        json!({})
    }
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
        if *action == verifying(true) {
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
