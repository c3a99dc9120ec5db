//! `exec`: a program with its arguments, without a shell.

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::Body;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Acting, Kind, frozen, line, thawed, unreadable};
use crate::provider::Site;
use crate::reading::{Node, Reading, Slot};
use crate::spec::Text;

/// A command, as frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// The program and its arguments.
    pub argv: Vec<Text>,
}

pub(super) struct ExecKind;

impl Kind for ExecKind {
    fn name(&self) -> &'static str {
        "exec"
    }

    fn may_check(&self) -> bool {
        true
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Value> {
        if !is_list(node) {
            reading.expected(node, "`exec`", "a list of a program and its arguments");
            return None;
        }
        let argv = reading.templates(node, "`exec`", Slot::Argument)?;
        let Some(program) = argv.first() else {
            let fault = Diagnostic::error("`exec`: the list is empty");
            reading.fault(node.span, fault.hint("write the program and its arguments"));
            return None;
        };
        if program.as_literal() == Some("") {
            reading.fault(node.span, Diagnostic::error("`exec`: the program has no name"));
            return None;
        }
        let words: Vec<Option<&str>> = argv.iter().map(Text::as_literal).collect();
        reading.use_scripts(&words, node.span);
        frozen(&Exec { argv })
    }

    fn summary(&self, action: &Value) -> String {
        line(&self.whole(action))
    }

    fn whole(&self, action: &Value) -> String {
        thawed::<Exec>(action).map_or_else(String::new, |exec| {
            let words: Vec<String> = exec.argv.iter().map(|word| quoted(&word.shown())).collect();
            words.join(" ")
        })
    }

    fn act<'a>(&'a self, action: &'a Value, site: &'a Site<'a>) -> Acting<'a> {
        let Some(exec) = thawed::<Exec>(action) else {
            return unreadable("the action is not readable");
        };
        match exec.argv.iter().map(|word| site.open_text(word)).collect() {
            Ok(argv) => Box::pin(site.command(argv)),
            Err(why) => unreadable::<'a>(why as String),
        }
    }

    fn is_command(&self) -> bool {
        true
    }

    fn program(&self, action: &Value) -> Option<String> {
        thawed::<Exec>(action)?
            .argv
            .first()?
            .as_literal()
            .map(ToOwned::to_owned)
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"]},
            "description": "A program and its arguments, without a shell."
        })
    }
}

fn is_list(node: &Node) -> bool {
    matches!(node.body, Body::Sequence(_))
}

/// A word as a shell would need it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |next: char| next.is_ascii_alphanumeric() || "-_./:=@%+,".contains(next);
    if !word.is_empty() && (word.chars().all(plain) || word.starts_with("${{")) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
