//! `manual`: somebody else does it and attests; the engine only verifies.

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::shown;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Acting, Kind, frozen, line, thawed, unreadable};
use crate::provider::{End, Reply, Site};
use crate::reading::{Node, Reading, Slot};
use crate::spec::Text;

/// Who does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Assignee {
    /// A person.
    Human,
    /// An AI agent.
    Agent,
}

/// Work for somebody else, as frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manual {
    /// Who does it.
    pub assignee: Assignee,
    /// What to do.
    pub instructions: Text,
    /// What to state when it is done: `ticket number`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attest: Vec<String>,
    /// Paths that may change, compared with the work tree afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write_scope: Vec<String>,
}

impl Manual {
    /// Who is asked to do what, for people.
    fn asked(&self) -> String {
        let who = match self.assignee {
            Assignee::Human => "a person",
            Assignee::Agent => "an agent",
        };
        format!("by {who}: {}", self.instructions.shown())
    }
}

/// Its name.
pub(crate) const MANUAL: &str = "manual";

pub(super) struct ManualKind;

/// What is to be stated has names that can be typed: one line each, in front of the first `=`.
fn names_to_state(node: &Node, reading: &mut Reading<'_>) -> Vec<String> {
    let items = reading.list(node, "`attest`");
    let names: Vec<String> = items
        .iter()
        .filter_map(|item| reading.exact(item, "`attest`"))
        .collect();
    for name in &names {
        if name.trim() != name || name.contains('=') || name.chars().any(char::is_control) {
            let fault = Diagnostic::error(format!("`attest`: {} cannot be stated", shown(name)));
            let hint =
                "it is stated as NAME=VALUE: a name is one line, without `=` and without blanks at its ends";
            reading.fault(node.span, fault.hint(hint));
        }
    }
    names
}

impl Kind for ManualKind {
    fn name(&self) -> &'static str {
        MANUAL
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Value> {
        let fields = reading.fields(
            node,
            "`manual`",
            &["assignee", "instructions", "attest", "write_scope"],
        )?;
        let assignee = match fields.get("assignee") {
            Some(node) => match reading.choice(node, "`assignee`", &["human", "agent"])? {
                "agent" => Assignee::Agent,
                _ => Assignee::Human,
            },
            None => Assignee::Human,
        };
        let instructions = reading.require(&fields, "instructions");
        let instructions =
            instructions.and_then(|node| reading.template(node, "`instructions`", Slot::Instructions));
        let attest = fields
            .get("attest")
            .map(|node| names_to_state(node, reading))
            .unwrap_or_default();
        let scope = fields
            .get("write_scope")
            .map(|node| reading.exact_list(node, "`write_scope`"));
        frozen(&Manual {
            assignee,
            instructions: instructions?,
            attest,
            write_scope: scope.unwrap_or_default(),
        })
    }

    fn summary(&self, action: &Value) -> String {
        thawed::<Manual>(action).map_or_else(String::new, |manual| line(&manual.asked()))
    }

    fn whole(&self, action: &Value) -> String {
        thawed::<Manual>(action).map_or_else(String::new, |manual| {
            let mut lines = vec![manual.asked().trim_end().to_owned()];
            lines.extend(
                manual
                    .write_scope
                    .iter()
                    .map(|path| format!("may change: {path}")),
            );
            lines.extend(
                manual
                    .attest
                    .iter()
                    .map(|said| format!("to state when done: {said}")),
            );
            lines.join("\n")
        })
    }

    fn act<'a>(&'a self, action: &'a Value, site: &'a Site<'a>) -> Acting<'a> {
        let Some(manual) = thawed::<Manual>(action) else {
            return unreadable("the action is not readable");
        };
        match site.open_text(&manual.instructions) {
            Ok(instructions) => Box::pin(std::future::ready(Reply::bare(End::Delegated(instructions)))),
            Err(why) => unreadable(why),
        }
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object", "required": ["instructions"], "additionalProperties": false,
            "patternProperties": {"^x-": true},
            "properties": {
                "assignee": {"enum": ["human", "agent"], "default": "human"},
                "instructions": {"type": "string"},
                "attest": {"type": "array", "items": {"type": "string"}},
                "write_scope": {"type": "array", "items": {"type": "string"}}
            }
        })
    }
}
