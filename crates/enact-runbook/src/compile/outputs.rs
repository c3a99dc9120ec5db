//! What a step produces.

use std::collections::BTreeMap;

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::{Span, shown};

use crate::expression::compile_regex;
use crate::kinds::MANUAL;
use crate::reading::{Fields, Node, Reading, Slot};
use crate::spec::{OutputSpec, ValueType};

const KEYS: [&str; 6] = ["from", "json", "regex", "trim", "type", "secret"];
const TYPES: [&str; 4] = ["string", "integer", "boolean", "json"];

/// Does a step of this kind leave standard output and a file of outputs?
fn prints(kind: &str) -> bool {
    !matches!(kind, "http" | "wait" | "checkpoint" | MANUAL)
}

impl Reading<'_> {
    /// `stated` is what a delegated step asks to be stated, each of which may be an output of this name.
    pub(super) fn outputs(
        &mut self,
        node: &Node,
        kind: &str,
        stated: &[&str],
    ) -> BTreeMap<String, OutputSpec> {
        let fields = self.any_fields(node, "`outputs`");
        let mut found = BTreeMap::new();
        for entry in fields.iter().flat_map(Fields::entries) {
            let name = entry.key.as_ref();
            if !self.ident_text(&entry.key, entry.span, "the name of an output") {
                continue;
            }
            let Some(output) = self.output(&entry.value, kind) else {
                continue;
            };
            if kind == MANUAL && output.from == "output" {
                self.is_stated(entry.span, name, &output, stated);
            }
            found.insert(name.to_owned(), output);
        }
        found
    }

    fn is_stated(&mut self, span: Span, name: &str, output: &OutputSpec, stated: &[&str]) {
        if !stated.contains(&name) {
            let fault = format!("nobody is asked to state {}", shown(name));
            let hint = format!("write `attest: [{name}]`, or read a file: `from: \"file:PATH\"`");
            self.fault(span, Diagnostic::error(fault).hint(hint));
        }
        if output.secret {
            let fault = format!(
                "{} cannot be secret: what is stated is in the journal",
                shown(name)
            );
            let hint = "have it written to a file: `from: \"file:PATH\"`";
            self.fault(span, Diagnostic::error(fault).hint(hint));
        }
    }

    fn output(&mut self, node: &Node, kind: &str) -> Option<OutputSpec> {
        let fields = self.fields(node, "an output", &KEYS)?;
        let from = match fields.get("from") {
            Some(node) => self.output_source(node, kind)?,
            None if kind == MANUAL || prints(kind) => "output".to_owned(),
            None => {
                self.no_source(node.span, kind, "output");
                return None;
            }
        };
        let json = fields.get("json").and_then(|node| {
            let path = self.exact(node, "`json`")?;
            self.json_path(Some(&path), node.span);
            Some(path)
        });
        let regex = fields.get("regex").and_then(|node| self.one_group(node));
        if json.is_some() && regex.is_some() {
            let fault = Diagnostic::error("an output has `json` or `regex`, not both");
            self.fault(fields.key_span("regex"), fault);
        }
        let value_type = match fields
            .get("type")
            .and_then(|node| self.choice(node, "`type`", &TYPES))
        {
            Some("integer") => ValueType::Integer,
            Some("boolean") => ValueType::Boolean,
            Some("json") => ValueType::Json,
            Some(_) | None => ValueType::String,
        };
        Some(OutputSpec {
            from,
            json,
            regex,
            trim: fields
                .get("trim")
                .and_then(|node| self.boolean(node, "`trim`"))
                .unwrap_or(true),
            value_type,
            secret: fields
                .get("secret")
                .and_then(|node| self.boolean(node, "`secret`"))
                .unwrap_or(false),
        })
    }

    fn output_source(&mut self, node: &Node, kind: &str) -> Option<String> {
        let from = self.plain(node, "`from`")?;
        self.see(&from, node.span, Slot::Value);
        let http = kind == "http";
        let sound = match from.as_str() {
            "output" => kind == MANUAL || prints(kind),
            "stdout" | "stderr" => prints(kind),
            "http.body" => http,
            other => match (other.strip_prefix("http.header:"), other.strip_prefix("file:")) {
                (Some(name), _) => http && !name.is_empty(),
                (_, Some(path)) => match crate::files::normal_path(path) {
                    Ok(_) => true,
                    Err(fault) => {
                        self.fault(node.span, Diagnostic::error(format!("`from`: {fault}")));
                        return None;
                    }
                },
                (None, None) => false,
            },
        };
        if !sound {
            self.no_source(node.span, kind, &from);
            return None;
        }
        Some(from)
    }

    fn no_source(&mut self, span: Span, kind: &str, from: &str) {
        let fault = format!("`from`: a step of kind `{kind}` has no {}", shown(from));
        let hint = match kind {
            "http" => "write `http.body` or `http.header:NAME`",
            MANUAL => "write `file:PATH`, or nothing where it is asked for under `attest`",
            _ if prints(kind) => "write `output`, `stdout`, `stderr` or `file:PATH`",
            _ => "write `file:PATH`",
        };
        self.fault(span, Diagnostic::error(fault).hint(hint));
    }

    fn one_group(&mut self, node: &Node) -> Option<String> {
        let pattern = self.exact(node, "`regex`")?;
        let fault = match compile_regex(&pattern) {
            Ok(regex) if regex.captures_len() == 2 => return Some(pattern),
            Ok(_) => "`regex`: expected one group, `(…)`, around the value".to_owned(),
            Err(error) => format!("`regex`: this is no regular expression: {error}"),
        };
        self.fault(node.span, Diagnostic::error(fault));
        None
    }
}
