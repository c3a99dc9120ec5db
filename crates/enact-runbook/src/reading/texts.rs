//! Texts with expressions, on their way to the frozen form.

use std::collections::BTreeMap;

use enact_core::canonical::is_exact;
use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::{Body, Span, shown};
use serde_json::{Map, Value};

use super::{DOCUMENT, EXPRESSION, Node, Reading, SeenText, is_blank};
use crate::expression::{self, Expression, Name, Piece, RunFact, Type, Typed, fold, parse, pieces, type_of};
use crate::spec::{Operand, Part, Text, Variable};

/// What a text is for. It decides which values may go into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// One argument of a command.
    Argument,
    /// The text of a script.
    Script,
    /// The address of a request.
    Url,
    /// The value of an environment variable.
    Environment,
    /// A header of a request.
    Header,
    /// The body of a request.
    Body,
    /// What a check compares with.
    Expectation,
    /// What a check looks at, one after the other.
    Items,
    /// What people read while it runs.
    Message,
    /// What somebody is told to do.
    Instructions,
    /// The idempotency key of a step: the same for all attempts at it.
    Key,
    /// A condition, anything else that is computed.
    Value,
    /// Taken as it is written: a path, a pattern, one of the values of a parameter.
    Exact,
}

impl Slot {
    fn takes_secrets(self) -> bool {
        matches!(self, Self::Environment | Self::Header | Self::Body)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Argument => "an argument of a command",
            Self::Script => "the text of a script",
            Self::Url => "a URL",
            Self::Environment => "an environment variable",
            Self::Header => "a header",
            Self::Body => "a body",
            Self::Expectation => "what a check compares with",
            Self::Items => "the list of `for_each`",
            Self::Message => "a message",
            Self::Instructions => "instructions",
            Self::Key => "a key",
            Self::Value => "a condition",
            Self::Exact => "a fixed text",
        }
    }

    /// May a carriage return stand here? Protocols and outputs have them. In what is executed nobody sees one: it would
    /// be part of a word.
    pub(crate) fn takes_returns(self) -> bool {
        matches!(
            self,
            Self::Environment | Self::Body | Self::Expectation | Self::Message | Self::Instructions
        )
    }

    /// May what looks like a space and is none stand here? Whoever reads prose takes it for one, and nobody else does.
    pub(crate) fn takes_any_space(self) -> bool {
        matches!(self, Self::Message | Self::Instructions)
    }
}

impl Reading<'_> {
    /// A text that may hold expressions.
    pub fn template(&mut self, node: &Node, what: &str, slot: Slot) -> Option<Text> {
        let raw = self.raw(node, what)?;
        self.see(&raw, node.span, slot);
        self.freeze_text(&raw, node.span, slot)
    }

    /// The same where the text must say something.
    pub(crate) fn told(&mut self, node: &Node, what: &str, slot: Slot) -> Option<Text> {
        let text = self.template(node, what, slot)?;
        if text.as_literal().is_some_and(is_blank) {
            self.says_nothing(node, what);
        }
        Some(text)
    }

    pub(crate) fn says_nothing(&mut self, node: &Node, what: &str) {
        let fault = Diagnostic::error(format!("{what} is empty"));
        self.fault(node.span, fault.hint("give it a text, or leave the key out"));
    }

    /// A list of texts that may hold expressions.
    pub fn templates(&mut self, node: &Node, what: &str, slot: Slot) -> Option<Vec<Text>> {
        let items = self.list(node, what);
        items.iter().map(|item| self.template(item, what, slot)).collect()
    }

    /// A mapping of texts that may hold expressions.
    pub fn template_map(&mut self, node: &Node, what: &'static str, slot: Slot) -> BTreeMap<String, Text> {
        let Some(fields) = self.any_fields(node, what) else {
            return BTreeMap::new();
        };
        let mut map = BTreeMap::new();
        for entry in fields.entries() {
            if let Some(text) = self.template(&entry.value, what, slot) {
                map.insert(entry.key.to_string(), text);
            }
        }
        map
    }

    /// Environment variables.
    pub fn environment(&mut self, node: &Node) -> BTreeMap<String, Variable> {
        let Some(fields) = self.any_fields(node, "`env`") else {
            return BTreeMap::new();
        };
        let mut map = BTreeMap::new();
        for entry in fields.entries() {
            if !is_variable(&entry.key) {
                let fault = format!(
                    "{} cannot be the name of an environment variable",
                    shown(&entry.key)
                );
                let hint = "use letters, digits and `_`, and do not begin with a digit";
                self.fault(entry.span, Diagnostic::error(fault).hint(hint));
                continue;
            }
            if let Some(variable) = self.variable(&entry.value) {
                map.insert(entry.key.to_string(), variable);
            }
        }
        map
    }

    /// What a variable holds: a text, or a file with a secret.
    fn variable(&mut self, node: &Node) -> Option<Variable> {
        if !matches!(node.body, Body::Mapping(_)) {
            return self
                .template(node, "`env`", Slot::Environment)
                .map(Variable::Text);
        }
        let fields = self.fields(node, "a variable", &["secret_file"])?;
        let content = self.require(&fields, "secret_file")?;
        let before = self.secrets_seen;
        let text = self.template(content, "`secret_file`", Slot::Environment)?;
        if self.secrets_seen == before {
            let fault = Diagnostic::error("`secret_file` holds no secret")
                .detail("it is the content of a file that is made for the command and removed after it")
                .hint("write `secret_file: \"${{ params.NAME }}\"` with a parameter of `type: secret`");
            self.fault(content.span, fault);
            return None;
        }
        Some(Variable::SecretFile(text))
    }

    /// A condition or another expression that stands alone, with or without `${{ }}`. It must be of a type that `fits`.
    pub(crate) fn condition(&mut self, node: &Node, what: &str) -> Option<Expression> {
        if let Some(Value::Bool(truth)) = node.scalar() {
            return Some(Expression::Literal(Value::Bool(truth)));
        }
        let raw = self.raw(node, what)?;
        self.see(&raw, node.span, Slot::Value);
        let source = match pieces(&raw).ok()?.as_slice() {
            [Piece::Expression { source, .. }] => source.clone(),
            _ => raw,
        };
        let (expression, typed) = self.freeze_expression(&source, node.span, Slot::Value)?;
        if !matches!(typed.value_type, Type::Boolean | Type::Json) {
            let fault = format!("{what}: expected a condition, found {}", typed.value_type);
            self.fault(node.span, Diagnostic::error(fault));
            return None;
        }
        Some(expression)
    }

    /// One side of a comparison.
    pub fn operand(&mut self, node: &Node) -> Option<(Operand, Type)> {
        if !self.untagged(node) {
            return None;
        }
        if let Body::Scalar { text, .. } = &node.body
            && text.contains("${{")
        {
            let raw = text.to_string();
            self.see(&raw, node.span, Slot::Expectation);
            if let [Piece::Expression { source, .. }] = self.pieces(&raw, node.span)?.as_slice() {
                let (expression, typed) = self.freeze_expression(source, node.span, Slot::Expectation)?;
                let operand = match held(&expression) {
                    Some(value) => Operand::Value(value.clone()),
                    None => Operand::Expression(expression.to_string()),
                };
                return Some((operand, typed.value_type));
            }
            let operand = match self.freeze_text(&raw, node.span, Slot::Expectation)? {
                Text::Literal(text) => Operand::Value(Value::String(text)),
                template @ Text::Template(_) => Operand::Text(template),
            };
            return Some((operand, Type::Text));
        }
        let value = self.json(node, Slot::Expectation)?;
        let value_type = Type::of(&value);
        Some((Operand::Value(value), value_type))
    }

    /// A JSON value whose texts may hold expressions. A text that is one expression keeps the type of its value.
    pub fn json(&mut self, node: &Node, slot: Slot) -> Option<Value> {
        self.typed_json(node, slot).map(|(value, _)| value)
    }

    /// The same with its static type.
    pub(crate) fn typed_json(&mut self, node: &Node, slot: Slot) -> Option<(Value, Type)> {
        if let Body::Scalar { text, .. } = &node.body
            && text.contains("${{")
            && self.untagged(node)
        {
            return self.json_text(text, node, slot);
        }
        let value = self.plain_json(node, slot)?;
        let value_type = Type::of(&value);
        Some((value, value_type))
    }

    fn json_text(&mut self, raw: &str, node: &Node, slot: Slot) -> Option<(Value, Type)> {
        self.see(raw, node.span, slot);
        if let [Piece::Expression { source, .. }] = self.pieces(raw, node.span)?.as_slice() {
            let (expression, typed) = self.freeze_expression(source, node.span, slot)?;
            if let Some(value) = held(&expression) {
                return Some((value.clone(), typed.value_type));
            }
            let part = Part::Expression(expression.to_string());
            let value = self.written(&Text::Template(vec![part]), node)?;
            return Some((value, typed.value_type));
        }
        let text = self.freeze_text(raw, node.span, slot)?;
        Some((self.written(&text, node)?, Type::Text))
    }

    fn plain_json(&mut self, node: &Node, slot: Slot) -> Option<Value> {
        if !self.untagged(node) {
            return None;
        }
        match &node.body {
            Body::Scalar { .. } => {
                let value = node.scalar()?;
                if !is_exact(&value) {
                    let fault = format!("the number {value} is too large for a plan to hold it exactly");
                    let fault = Diagnostic::error(fault).hint(exactly(&value));
                    self.fault(node.span, fault);
                    return None;
                }
                if let Value::String(text) = &value {
                    self.see(text, node.span, slot);
                }
                Some(value)
            }
            Body::Sequence(items) => items
                .iter()
                .map(|item| self.json(item, slot))
                .collect::<Option<Vec<_>>>()
                .map(Value::Array),
            Body::Mapping(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    self.see(&entry.key, entry.span, Slot::Exact);
                    map.insert(entry.key.to_string(), self.json(&entry.value, slot)?);
                }
                let value = Value::Object(map);
                if expression::is_template(&value) {
                    let fault = "a mapping with nothing but a list under `template` cannot stand here";
                    self.fault(node.span, Diagnostic::error(fault).hint("send it as `text`"));
                    return None;
                }
                Some(value)
            }
            Body::Special(_) | Body::Faulty => None,
        }
    }

    fn written(&mut self, text: &Text, node: &Node) -> Option<Value> {
        let written = serde_json::to_value(text);
        written
            .map_err(|error| self.fault(node.span, Diagnostic::error(error.to_string())))
            .ok()
    }

    /// Remembers a text for the rules that look at all of them.
    pub(crate) fn see(&mut self, text: &str, span: Span, slot: Slot) {
        self.texts.push(SeenText {
            text: text.to_owned(),
            slot: Some(slot),
            step: self.step.clone(),
            span,
            file: self.file.clone(),
        });
    }

    fn pieces(&mut self, raw: &str, span: Span) -> Option<Vec<Piece>> {
        match pieces(raw) {
            Ok(pieces) => Some(pieces),
            Err(fault) => {
                let span = self.file.locate(span, "${{");
                self.expression_fault(fault, span, "${{");
                None
            }
        }
    }

    pub(crate) fn freeze_text(&mut self, raw: &str, span: Span, slot: Slot) -> Option<Text> {
        if !raw.contains("${{") {
            return Some(Text::Literal(raw.to_owned()));
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut sound = true;
        for piece in self.pieces(raw, span)? {
            let part = match piece {
                Piece::Text(text) => Some(Part::Text(text)),
                Piece::Expression { source, .. } => self.freeze_part(&source, span, slot),
            };
            match (part, parts.last_mut()) {
                (Some(Part::Text(text)), Some(Part::Text(before))) => before.push_str(&text),
                (Some(part), _) => parts.push(part),
                (None, _) => sound = false,
            }
        }
        if !sound {
            return None;
        }
        Some(match parts.as_slice() {
            [] => Text::Literal(String::new()),
            [Part::Text(text)] => Text::Literal(text.clone()),
            _ => Text::Template(parts),
        })
    }

    fn freeze_part(&mut self, source: &str, span: Span, slot: Slot) -> Option<Part> {
        let (expression, _) = self.freeze_expression(source, span, slot)?;
        let Some(value) = expression.as_literal() else {
            return Some(Part::Expression(expression.to_string()));
        };
        match expression::as_text(value) {
            Ok(text) => Some(Part::Text(text)),
            Err(fault) => {
                self.expression_fault(fault, span, source);
                None
            }
        }
    }

    /// Checks an expression and computes what is known of it.
    pub(crate) fn freeze_expression(
        &mut self,
        source: &str,
        span: Span,
        slot: Slot,
    ) -> Option<(Expression, Typed)> {
        if parse(source).is_ok_and(|parsed| self.scope.cannot_tell_of(&parsed)) {
            return None;
        }
        let checked = parse(source).and_then(|parsed| {
            let typed = type_of(&parsed, &self.scope)?;
            Ok((fold(parsed, &|name| self.scope.known(name))?, typed))
        });
        let (folded, typed) = match checked {
            Ok(found) => found,
            Err(fault) => {
                self.expression_fault(fault, span, source);
                return None;
            }
        };
        self.secrets_seen += usize::from(typed.secret);
        if typed.secret && !slot.takes_secrets() {
            let fault = Diagnostic::error(format!("a secret cannot be part of {}", slot.name()))
                .detail("secrets go to `env`, to headers and to bodies of requests only")
                .hint("put it into `env` and read it from there: `$NAME`");
            self.finding("E_INTERPOLATION", self.file.locate(span, source), fault);
            return None;
        }
        if let Some(name) = passing(&folded).filter(|_| slot == Slot::Key) {
            let fault = Diagnostic::error(format!(
                "`{name}` is another value for each attempt, and a key is the same for all of them"
            ));
            let hint = "leave `key` out, or make it of parameters, `run.id` and outputs of earlier steps";
            self.finding(EXPRESSION, self.file.locate(span, source), fault.hint(hint));
            return None;
        }
        if slot == Slot::Script && !typed.value_type.is_safe_in_script() {
            let fault = Diagnostic::error(format!("{} cannot be put into the text of a script", shown(source.trim())))
                .detail("only whole numbers, truth values, enums and idents can: anything else could be read as commands")
                .hint("put it into `env` and write `\"$NAME\"`, or use `exec`");
            self.finding("E_INTERPOLATION", self.file.locate(span, source), fault);
            return None;
        }
        if !matches!(folded, Expression::Literal(_)) && parse(&folded.to_string()).as_ref().is_err() {
            let fault =
                Diagnostic::error("with its parameters put in, this expression is too long or too deep");
            self.finding(EXPRESSION, self.file.locate(span, source), fault);
            return None;
        }
        Some((folded, typed))
    }

    pub(crate) fn expression_fault(&mut self, fault: expression::Fault, span: Span, source: &str) {
        let mut span = self.file.locate(span, source);
        let leading = source.chars().take_while(|next| next.is_whitespace()).count();
        let offset = fault.at.saturating_sub(leading);
        if offset > 0 && offset <= source.chars().count() && !source.trim().contains('\n') {
            let offset = u32::try_from(offset).unwrap_or(0);
            span.column = span.column.saturating_add(offset);
            span.length = span.length.saturating_sub(offset).max(1);
        }
        let mut diagnostic = Diagnostic::error(fault.message);
        if let Some(hint) = fault.hint {
            diagnostic = diagnostic.hint(hint);
        }
        let rule = fault
            .rule
            .unwrap_or(if source == "${{" { DOCUMENT } else { EXPRESSION });
        self.finding(rule, span, diagnostic);
    }
}

/// The value that an expression is known to have, where a plan can hold it: an expression keeps every digit of a whole number.
fn held(expression: &Expression) -> Option<&Value> {
    expression.as_literal().filter(|value| is_exact(value))
}

/// How a whole number of many digits is written.
pub(crate) fn exactly(number: &Value) -> String {
    match number.as_i64() {
        Some(number) => {
            format!("write it as an expression, which keeps every digit: `\"${{{{ {number} }}}}\"`")
        }
        None => "write it as text, in quotes: numbers go to 9223372036854775807".to_owned(),
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A name in an expression whose value passes as time does.
fn passing(expression: &Expression) -> Option<String> {
    let mut found = None;
    expression.names(&mut |name, _| {
        if matches!(name, Name::Run(RunFact::Elapsed | RunFact::Downtime)) {
            found.get_or_insert_with(|| name.to_string());
        }
    });
    found
}
