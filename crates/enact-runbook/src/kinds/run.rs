//! `run`: a script for a shell.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Acting, DEFAULT_SHELL, Kind, frozen, line, thawed, unreadable};
use crate::provider::Site;
use crate::reading::{Node, Reading, Slot};
use crate::spec::Text;

/// A script, as frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The shell with its arguments; the script is its last argument: `["bash", "-euo", "pipefail", "-c"]`.
    pub shell: Vec<String>,
    /// The script.
    pub script: Text,
}

pub(super) struct RunKind;

impl Kind for RunKind {
    fn name(&self) -> &'static str {
        "run"
    }

    fn may_check(&self) -> bool {
        true
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Value> {
        let script = reading.template(node, "`run`", Slot::Script)?;
        if script.as_literal().is_some_and(|script| script.trim().is_empty()) {
            reading.expected(node, "`run`", "a script");
            return None;
        }
        let text = script.shown();
        let shell = reading.shell.clone();
        let words = shell.iter().map(String::as_str).chain([text.as_str()]);
        let words: Vec<Option<&str>> = words.map(Some).collect();
        reading.use_scripts(&words, node.span);
        frozen(&Run { shell, script })
    }

    fn summary(&self, action: &Value) -> String {
        thawed::<Run>(action).map_or_else(String::new, |run| line(&run.script.shown()))
    }

    fn whole(&self, action: &Value) -> String {
        thawed::<Run>(action).map_or_else(String::new, |run| {
            let script = run.script.shown();
            let script = script.trim_end();
            if run.shell.iter().map(String::as_str).eq(DEFAULT_SHELL) {
                script.to_owned()
            } else {
                format!("{}\n{script}", run.shell.join(" "))
            }
        })
    }

    fn act<'a>(&'a self, action: &'a Value, site: &'a Site<'a>) -> Acting<'a> {
        let Some(run) = thawed::<Run>(action) else {
            return unreadable("the action is not readable");
        };
        match site.open_text(&run.script) {
            Ok(script) => {
                let mut argv = run.shell;
                argv.push(script);
                Box::pin(site.command(argv))
            }
            Err(why) => unreadable(why),
        }
    }

    fn is_command(&self) -> bool {
        true
    }

    fn program(&self, action: &Value) -> Option<String> {
        thawed::<Run>(action)?.shell.first().cloned()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "description": "A script for the shell of the settings."})
    }
}
