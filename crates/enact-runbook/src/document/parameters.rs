//! Parameters: what a runbook declares, and what it is given.

use std::collections::BTreeMap;

use enact_core::diagnostic::{Diagnostic, Place};
use enact_core::yaml::scalar::plain_value;
use enact_core::yaml::{Body, Span, shown, suggest};
use serde_json::Value;

use crate::expression::{Expression, Name, Type, Typed, compile_regex};
use crate::reading::{Binding, Fields, Node, Reading, Slot, as_given};
use crate::spec::Parameter;

const TYPES: [&str; 6] = ["string", "integer", "boolean", "enum", "ident", "secret"];
const KEYS: [&str; 9] = [
    "type",
    "default",
    "required",
    "min",
    "max",
    "pattern",
    "values",
    "from",
    "description",
];

/// A value that is given for a parameter.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    /// On the command line or in a file.
    Value(Value),
    /// By the plan that includes this one, at a place of its own.
    Bound(Binding, Place),
}

struct Declaration {
    kind: &'static str,
    default: Option<Value>,
    required: bool,
    least: Option<i64>,
    most: Option<i64>,
    pattern: Option<String>,
    values: Vec<String>,
    from: Option<String>,
    description: String,
    span: Span,
}

impl Reading<'_> {
    /// Reads the declarations, binds the values given, and puts both where they belong: names into the scope, the rest
    /// into the result. `prefix` goes before the names of an included plan's own secrets.
    pub(crate) fn parameters(
        &mut self,
        fields: &Fields<'_>,
        mut given: BTreeMap<String, Given>,
        prefix: &str,
    ) -> BTreeMap<String, Parameter> {
        let mut found = BTreeMap::new();
        let block = fields
            .get("parameters")
            .and_then(|node| self.any_fields(node, "`parameters`"));
        let mut names = Vec::new();
        for entry in block.iter().flat_map(Fields::entries) {
            names.push(entry.key.to_string());
            if !self.ident_text(&entry.key, entry.span, "the name of a parameter") {
                continue;
            }
            let declaration = self.declaration(&entry.value, entry.span);
            let value = given.remove(entry.key.as_ref());
            let Some(declaration) = declaration else {
                let unknown = Binding::unknown(&entry.key);
                self.scope.parameters.insert(entry.key.to_string(), unknown);
                continue;
            };
            if let Some(parameter) = self.bind(&entry.key, declaration, value, prefix) {
                found.insert(format!("{prefix}{}", entry.key), parameter);
            }
        }
        for (name, value) in given {
            let fault = Diagnostic::error(format!("the runbook has no parameter {}", shown(&name)));
            let hint = if names.is_empty() {
                "it declares none under `parameters`".to_owned()
            } else {
                suggest::hint(&name, names.iter().map(String::as_str))
            };
            match value {
                Given::Value(_) => self.findings.push(crate::lint::LintFinding {
                    rule: crate::reading::DOCUMENT,
                    diagnostic: fault.hint(hint),
                }),
                Given::Bound(_, place) => self.fault_at(place, fault.hint(hint)),
            }
        }
        found
    }

    fn declaration(&mut self, node: &Node, span: Span) -> Option<Declaration> {
        let fields = self.fields(node, "a parameter", &KEYS)?;
        let kind = match fields.get("type") {
            Some(node) => self.choice(node, "`type`", &TYPES)?,
            None => "string",
        };
        let only = |key: &'static str, kinds: &[&str], reading: &mut Self| {
            if fields.get(key).is_some() && !kinds.contains(&kind) {
                let fault = format!("`{key}` means nothing for a parameter of type `{kind}`");
                reading.fault(fields.key_span(key), Diagnostic::error(fault));
            }
        };
        only("min", &["integer"], self);
        only("max", &["integer"], self);
        only("pattern", &["string"], self);
        only("values", &["enum"], self);
        only("from", &["secret"], self);
        if kind == "secret" && fields.get("default").is_some() {
            self.secret_default(fields.key_span("default"));
        }
        let bound = (1 << 53) - 1;
        let default = fields.get("default").and_then(as_given);
        if let (Some(Value::String(text)), Some(node)) = (&default, fields.get("default")) {
            self.see(text, node.span, Slot::Exact);
        }
        let pattern = fields
            .get("pattern")
            .and_then(|node| self.exact(node, "`pattern`"));
        if let Some(Err(error)) = pattern.as_deref().map(compile_regex) {
            let fault = format!("`pattern`: this is no regular expression: {error}");
            self.fault(fields.key_span("pattern"), Diagnostic::error(fault));
            return None;
        }
        let values = fields
            .get("values")
            .map(|node| self.exact_list(node, "`values`"))
            .unwrap_or_default();
        if kind == "enum" && values.is_empty() {
            let fault = Diagnostic::error("a parameter of type `enum` needs `values`");
            self.fault(span, fault);
            return None;
        }
        let required = fields
            .get("required")
            .and_then(|node| self.boolean(node, "`required`"));
        Some(Declaration {
            kind,
            required: required.unwrap_or(default.is_none()),
            default,
            least: fields
                .get("min")
                .and_then(|node| self.whole(node, "`min`", -bound, bound)),
            most: fields
                .get("max")
                .and_then(|node| self.whole(node, "`max`", -bound, bound)),
            pattern,
            values,
            from: fields.get("from").and_then(|node| self.secret_source(node)),
            description: fields
                .get("description")
                .and_then(|node| self.prose(node, "`description`"))
                .unwrap_or_default(),
            span,
        })
    }

    /// A secret in the file is no secret any more, and would never be used.
    fn secret_default(&mut self, span: Span) {
        let fault = Diagnostic::error("`default` means nothing for a parameter of type `secret`")
            .detail("a secret stands in no file of a runbook, and is never taken from one")
            .hint(
                "remove it, change the secret if it is one, and say where it is read: `from: \"env:NAME\"`",
            );
        self.fault(span, fault);
    }

    /// `env:NAME`, `file:PATH`, or a mapping with one of `env`, `file`, `exec`.
    fn secret_source(&mut self, node: &Node) -> Option<String> {
        if let Body::Mapping(_) = node.body {
            let fields = self.fields(node, "`from`", &["env", "file", "exec"])?;
            return match fields.get_any(&["env", "file", "exec"])? {
                ("exec", node) => {
                    let words = self.exact_list(node, "`exec`");
                    let words: Vec<Value> = words.into_iter().map(Value::String).collect();
                    Some(format!("exec:{}", Value::Array(words)))
                }
                (key, node) => Some(format!("{key}:{}", self.exact(node, "`from`")?)),
            };
        }
        let text = self.exact(node, "`from`")?;
        if is_source(&text) {
            return Some(text);
        }
        let fault = Diagnostic::error(format!("`from`: {} is no source of a secret", shown(&text)));
        self.fault(
            node.span,
            fault.hint("write `env:NAME`, `file:PATH` or `{ exec: [program, argument] }`"),
        );
        None
    }

    fn bind(
        &mut self,
        name: &str,
        declaration: Declaration,
        given: Option<Given>,
        prefix: &str,
    ) -> Option<Parameter> {
        if let Some(Given::Value(Value::String(text))) = &given {
            // Who gives it sees it as little as who reads it.
            self.see(text, declaration.span, Slot::Exact);
        }
        if declaration.kind == "secret" {
            return self.bind_secret(name, declaration, given, prefix);
        }
        let typed = Typed::open(match declaration.kind {
            "integer" => Type::Integer,
            "boolean" => Type::Boolean,
            "enum" | "ident" => Type::Word,
            _ => Type::Text,
        });
        let value = match given {
            Some(Given::Value(value)) => Some((value, self.place(declaration.span))),
            Some(Given::Bound(binding, _)) if binding.at_fault => {
                self.name_unbound(name, typed);
                return None;
            }
            Some(Given::Bound(binding, place)) => {
                let Some(value) = binding.expression.as_literal() else {
                    self.bind_open(name, &declaration, typed, binding, place);
                    return None;
                };
                Some((value.clone(), place))
            }
            None => {
                let place = self.place(declaration.span);
                declaration.default.clone().map(|value| (value, place))
            }
        };
        let Some((value, place)) = value else {
            return self.without_value(name, &declaration, typed);
        };
        let value = match fitting(&value, &declaration) {
            Ok(value) => value,
            Err(expected) => {
                let fault = format!(
                    "parameter `{name}`: expected {expected}, found {}",
                    shown(&plain(&value))
                );
                self.fault_at(place, Diagnostic::error(fault));
                self.name_unbound(name, typed);
                return None;
            }
        };
        self.name_parameter(name, typed, value.clone());
        Some(Parameter {
            parameter_type: declaration.kind.to_owned(),
            value: Some(value),
            from: None,
            description: declaration.description,
        })
    }

    fn without_value(&mut self, name: &str, declaration: &Declaration, typed: Typed) -> Option<Parameter> {
        if declaration.required {
            self.needs_a_value(name, declaration.span);
            self.name_unbound(name, typed);
        } else {
            self.name_parameter(name, Typed::open(Type::Null), Value::Null);
        }
        None
    }

    /// Whoever runs a plan gives its parameters; those of an included one are given by the step that includes it.
    fn needs_a_value(&mut self, name: &str, span: Span) {
        let Some(step) = self.scope.included_at.clone() else {
            let fault = Diagnostic::error(format!("parameter `{name}` needs a value"));
            return self.fault(span, fault.hint(format!("give it with `-P {name}=…`")));
        };
        let file = self.place(span).file;
        let fault = Diagnostic::error(format!("parameter `{name}` of `{file}` needs a value"));
        let hint = format!("give it here: `parameters: {{ {name}: … }}`");
        self.fault_at(step, fault.hint(hint));
    }

    /// A parameter whose value is a fault already: what uses it is not at fault.
    fn name_unbound(&mut self, name: &str, typed: Typed) {
        let expression = Expression::Name(Name::Parameter(name.to_owned()), 0);
        let binding = Binding {
            at_fault: true,
            ..Binding::new(typed, expression)
        };
        self.scope.parameters.insert(name.to_owned(), binding);
    }

    fn name_parameter(&mut self, name: &str, typed: Typed, value: Value) {
        let binding = Binding::new(typed, Expression::Literal(value));
        self.scope.parameters.insert(name.to_owned(), binding);
    }

    /// Binds a parameter of an included plan to something that is known when the run is under way.
    fn bind_open(
        &mut self,
        name: &str,
        declaration: &Declaration,
        declared: Typed,
        bound: Binding,
        place: Place,
    ) {
        let Binding {
            typed: found,
            expression,
            ..
        } = bound;
        let bounded =
            declaration.least.is_some() || declaration.most.is_some() || declaration.pattern.is_some();
        let same = declared.value_type == found.value_type;
        if bounded || declaration.kind == "enum" || !same || found.secret {
            let fault = format!("parameter `{name}`: the value is only known when the run is under way");
            let detail = format!(
                "a parameter of type `{}` with its bounds is checked when the plan is frozen",
                declaration.kind
            );
            self.fault_at(place, Diagnostic::error(fault).detail(detail));
        }
        let binding = Binding::new(declared, expression);
        self.scope.parameters.insert(name.to_owned(), binding);
    }

    fn bind_secret(
        &mut self,
        name: &str,
        declaration: Declaration,
        given: Option<Given>,
        prefix: &str,
    ) -> Option<Parameter> {
        let typed = Typed {
            value_type: Type::Text,
            secret: true,
        };
        let own = Name::Parameter(format!("{prefix}{name}"));
        let mut binding = Binding::new(typed, Expression::Name(own, 0));
        let from = match given {
            None => declaration.from,
            Some(Given::Bound(bound, place)) => {
                if !bound.typed.secret && !bound.at_fault {
                    let fault = format!("parameter `{name}` is a secret; bind a secret to it");
                    self.fault_at(place, Diagnostic::error(fault));
                }
                binding.expression = bound.expression;
                self.scope.parameters.insert(name.to_owned(), binding);
                return None;
            }
            Some(Given::Value(Value::String(source))) if is_source(&source) => Some(source),
            Some(Given::Value(_)) => {
                let fault = Diagnostic::error(format!(
                    "parameter `{name}` is a secret: its value never enters a plan"
                ))
                .hint(format!(
                    "say where it is read when the step runs: `-P {name}=env:NAME`"
                ));
                self.fault(declaration.span, fault);
                self.scope.parameters.insert(name.to_owned(), binding);
                return None;
            }
        };
        self.scope.parameters.insert(name.to_owned(), binding);
        if let Some(argv) = from.as_deref().and_then(command_of) {
            // Secrets are read in the runbook's own folder.
            let outer = self.working_dir.take();
            let words: Vec<Option<&str>> = argv.iter().map(|word| Some(word.as_str())).collect();
            self.use_scripts(&words, declaration.span);
            self.working_dir = outer;
        }
        if from.is_none() {
            let fault = Diagnostic::error(format!("parameter `{name}` is a secret and needs `from`"));
            self.fault(declaration.span, fault.hint("write `from: \"env:NAME\"`"));
        }
        Some(Parameter {
            parameter_type: "secret".to_owned(),
            value: None,
            from: Some(from?),
            description: declaration.description,
        })
    }
}

fn is_source(text: &str) -> bool {
    let named = |prefix: &str| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| !rest.trim().is_empty())
    };
    named("env:") || named("file:") || command_of(text).is_some()
}

/// The program with its arguments that prints a secret: `exec:["pass", "show", "db"]`.
fn command_of(source: &str) -> Option<Vec<String>> {
    let words: Vec<String> = serde_json::from_str(source.strip_prefix("exec:")?).ok()?;
    (!words.is_empty()).then_some(words)
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// The value in the declared type. Text, which all is that somebody wrote, is read as YAML 1.2 reads a value of that type.
fn fitting(value: &Value, declaration: &Declaration) -> Result<Value, String> {
    match declaration.kind {
        "integer" => {
            let number = match value.as_str() {
                Some(text) => plain_value(text.trim()).as_i64(),
                None => value.as_i64(),
            };
            let (least, most) = (
                declaration.least.unwrap_or(-(1 << 53) + 1),
                declaration.most.unwrap_or((1 << 53) - 1),
            );
            let fits = number.filter(|number| (least..=most).contains(number));
            fits.map(Value::from)
                .ok_or_else(|| format!("a whole number from {least} to {most}"))
        }
        "boolean" => {
            let truth = value.as_str().map_or_else(|| value.clone(), plain_value);
            truth
                .as_bool()
                .map(Value::Bool)
                .ok_or_else(|| "true or false".to_owned())
        }
        "enum" => {
            let text = plain(value);
            let fits = declaration.values.contains(&text);
            fits.then_some(Value::String(text))
                .ok_or_else(|| format!("one of {}", declaration.values.join(", ")))
        }
        "ident" => {
            let text = plain(value);
            let safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            let fits = text.len() <= 253
                && text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
                && text.bytes().all(safe);
            fits.then_some(Value::String(text))
                .ok_or_else(|| "letters, digits, `_` and `-`".to_owned())
        }
        _ => {
            if value.is_array() || value.is_object() || value.is_null() {
                return Err("text".to_owned());
            }
            let text = plain(value);
            match &declaration.pattern {
                Some(pattern) if !compile_regex(pattern).is_ok_and(|regex| regex.is_match(&text)) => {
                    Err(format!("text that matches `{pattern}`"))
                }
                _ => Ok(Value::String(text)),
            }
        }
    }
}
