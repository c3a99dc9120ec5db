//! `plan`: the steps of another runbook, which become steps of this one.

use enact_core::diagnostic::Diagnostic;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, Role, frozen, thawed};
use crate::files::{join, normal_path};
use crate::reading::{Node, Reading};

/// Another runbook, on its way to becoming steps. Its `parameters` are bound where it is expanded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Include {
    /// Its path from the runbook's folder.
    pub file: String,
}

pub(super) struct PlanKind;

impl Kind for PlanKind {
    fn name(&self) -> &'static str {
        "plan"
    }

    fn role(&self) -> Role {
        Role::Include
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Value> {
        let fields = reading.fields(node, "`plan`", &["file", "parameters"])?;
        let node = reading.require(&fields, "file")?;
        let path = reading.exact(node, "`file`")?;
        match normal_path(&join(&reading.base.clone(), &path)) {
            Ok(file) => frozen(&Include { file }),
            Err(fault) => {
                reading.fault(node.span, Diagnostic::error(format!("`file`: {fault}")));
                None
            }
        }
    }

    fn summary(&self, action: &Value) -> String {
        thawed::<Include>(action).map_or_else(String::new, |include| format!("the steps of {}", include.file))
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object", "required": ["file"], "additionalProperties": false,
            "patternProperties": {"^x-": true},
            "properties": {"file": {"type": "string"}, "parameters": {"type": "object"}}
        })
    }
}
