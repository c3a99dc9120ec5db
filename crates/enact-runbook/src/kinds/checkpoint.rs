//! `checkpoint`: nothing but a place where the run waits for people.

use std::collections::BTreeMap;

use enact_core::change::Effect;
use enact_core::yaml::Body;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Acting, Kind, frozen, line, thawed};
use crate::provider::{End, Reply, Site};
use crate::reading::{Node, Reading, Slot};
use crate::spec::Text;

/// A checkpoint, as frozen. Who must confirm stands in the change's holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// What to consider.
    pub message: Text,
    /// What was established so far, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, Text>,
}

pub(super) struct CheckpointKind;

impl Kind for CheckpointKind {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn default_effect(&self) -> Effect {
        Effect::Read
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Value> {
        let fields = reading.fields(node, "`checkpoint`", &["message", "evidence", "approvers"])?;
        let message = match fields.get("message") {
            Some(node) => reading.told(node, "`message`", Slot::Message)?,
            None => Text::literal(""),
        };
        let evidence = fields
            .get("evidence")
            .map(|node| evidence(node, reading))
            .unwrap_or_default();
        frozen(&Checkpoint { message, evidence })
    }

    fn summary(&self, action: &Value) -> String {
        line(&self.whole(action))
    }

    fn whole(&self, action: &Value) -> String {
        let message = thawed::<Checkpoint>(action)
            .map(|found| found.message.shown())
            .unwrap_or_default();
        format!("wait for a confirmation: {message}")
    }

    /// The waiting is done by the hold before it.
    fn act<'a>(&'a self, _: &'a Value, _: &'a Site<'a>) -> Acting<'a> {
        Box::pin(std::future::ready(Reply::bare(End::Finished)))
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object", "additionalProperties": false, "patternProperties": {"^x-": true},
            "properties": {
                "message": {"type": "string"},
                "evidence": {"type": ["array", "object"]},
                "approvers": {"$ref": "#/$defs/quorum"}
            }
        })
    }
}

/// A mapping by name, or a list of expressions that are their own names.
fn evidence(node: &Node, reading: &mut Reading<'_>) -> BTreeMap<String, Text> {
    let Body::Sequence(items) = &node.body else {
        return reading.template_map(node, "`evidence`", Slot::Message);
    };
    let mut found = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let name = item
            .text()
            .and_then(name_of)
            .unwrap_or_else(|| format!("{}", index + 1));
        if let Some(text) = reading.template(item, "`evidence`", Slot::Message) {
            found.insert(name, text);
        }
    }
    found
}

/// `${{ steps.count.outputs.rows }}` is called `count.rows`.
fn name_of(text: &str) -> Option<String> {
    let inner = text.trim().strip_prefix("${{")?.strip_suffix("}}")?.trim();
    let path = inner.strip_prefix("steps.")?.replace(".outputs.", ".");
    path.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        .then_some(path)
}
