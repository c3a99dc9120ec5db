//! `konnect`: the changes that a Konnect configuration needs, planned by that domain when the runbook is frozen.

use enact_core::diagnostic::Diagnostic;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, Role, frozen, thawed};
use crate::files::{join, normal_path};
use crate::reading::{Node, Reading};

/// What to plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Konnect {
    /// `apply` or `sync`.
    pub operation: String,
    /// Files and folders of configuration, from the runbook's folder.
    pub files: Vec<String>,
    /// The control plane that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<String>,
}

pub(super) struct KonnectKind;

impl Kind for KonnectKind {
    fn name(&self) -> &'static str {
        "konnect"
    }

    fn role(&self) -> Role {
        Role::SubPlan
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Value> {
        let fields = reading.fields(node, "`konnect`", &["operation", "files", "control_plane"])?;
        let operation = match fields.get("operation") {
            Some(node) => reading.choice(node, "`operation`", &["apply", "sync"])?,
            None => "apply",
        };
        let mut files = Vec::new();
        let list = reading.require(&fields, "files")?;
        let named = reading.exact_list(list, "`files`");
        if named.is_empty() {
            let fault = Diagnostic::error("`files` names nothing that Konnect could be compared with");
            reading.fault(list.span, fault.hint("name files or folders of configuration"));
        }
        for path in named {
            match normal_path(&join(&reading.base.clone(), &path)) {
                Ok(path) => files.push(path),
                Err(fault) => reading.fault(list.span, Diagnostic::error(format!("`files`: {fault}"))),
            }
        }
        if files.is_empty() {
            return None;
        }
        let control_plane = fields
            .get("control_plane")
            .and_then(|node| reading.exact(node, "`control_plane`"));
        frozen(&Konnect {
            operation: operation.to_owned(),
            files,
            control_plane,
        })
    }

    fn summary(&self, action: &Value) -> String {
        thawed::<Konnect>(action).map_or_else(String::new, |found| {
            format!("konnect {} {}", found.operation, found.files.join(" "))
        })
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object", "required": ["files"], "additionalProperties": false,
            "patternProperties": {"^x-": true},
            "properties": {
                "operation": {"enum": ["apply", "sync"], "default": "apply"},
                "files": {"type": "array", "items": {"type": "string"}},
                "control_plane": {"type": "string"}
            }
        })
    }
}
