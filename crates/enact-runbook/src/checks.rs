//! Checks of the author's document: an action that looks, and what it is expected to see.

use enact_core::change::Milliseconds;
use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::{Body, Span, suggest};
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::expression::compile_regex;
use crate::kinds::{KINDS, Kind, Use};
use crate::reading::{Fields, Node, Reading, Slot, one_or_more};
use crate::spec::{
    CHECK_TIMEOUT, CheckSpec, ExitExpectation, Expect, JsonExpectation, Matcher, Text, TextExpectation,
};

const OWN_KEYS: [&str; 6] = ["for_each", "expect", "timeout", "retry", "env", "working_dir"];
const JSON_OPERATORS: [&str; 14] = [
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "matches",
    "in",
    "exists",
    "absent",
    "empty",
    "absent_or",
    "all==",
    "any==",
];

/// How long between two looks.
const DELAY: Milliseconds = Milliseconds(2_000);

/// What an operator expects where a value that stands in the document can never be it. Mappings may be texts with expressions.
pub(crate) fn not_for(op: &str, value: &Value) -> Option<&'static str> {
    let fits = match op {
        "in" => value.is_array(),
        "~" => value.is_number(),
        "matches" => value.is_string(),
        "<" | "<=" | ">" | ">=" => value.is_number() || value.is_string(),
        _ => true,
    };
    if fits || value.is_object() {
        return None;
    }
    Some(match op {
        "in" => "a list",
        "~" => "a number",
        "matches" => "a regular expression",
        _ => "a number or text",
    })
}

/// The one action of a mapping.
pub(crate) struct ActionNode<'n> {
    pub(crate) kind: &'static dyn Kind,
    pub(crate) node: &'n Node,
    pub(crate) span: Span,
}

impl Reading<'_> {
    /// A check.
    pub fn check(&mut self, node: &Node, what: &'static str) -> Option<CheckSpec> {
        self.check_with(node, what, &[])
    }

    /// A check whose mapping may hold some more keys.
    pub(crate) fn check_with(
        &mut self,
        node: &Node,
        what: &'static str,
        more: &[&'static str],
    ) -> Option<CheckSpec> {
        let mut known: Vec<&'static str> = OWN_KEYS.iter().chain(more).copied().collect();
        let kinds = KINDS
            .iter()
            .filter(|kind| kind.may_check())
            .map(|kind| kind.name());
        known.extend(kinds);
        let fields = self.fields(node, what, &known)?;
        let action = self.one_action(&fields, &|kind| kind.may_check())?;
        let each = fields.get("for_each").map(|node| self.begin_each(node));
        let own_env = fields.get("env").map(|node| self.environment(node));
        let own_dir = fields.get("working_dir").map(|node| self.folder(node));
        let outer_env = self.env.clone();
        let outer_dir = self.working_dir.clone();
        self.env.extend(own_env.unwrap_or_default());
        if let Some(folder) = own_dir {
            self.working_dir = folder;
        }
        let spec = self.check_body(&fields, &action);
        self.env = outer_env;
        self.working_dir = outer_dir;
        match each {
            Some(list) => self.end_each(fields.key_span("for_each"), list, spec),
            None => spec,
        }
    }

    fn check_body(&mut self, fields: &Fields<'_>, action: &ActionNode<'_>) -> Option<CheckSpec> {
        let read = self.read_as(action, Use::Check);
        let expect = fields
            .get("expect")
            .map(|node| self.expect(node, action.kind.name()));
        let timeout = fields.get("timeout").map(|node| self.time(node, "`timeout`"));
        let (attempts, delay) = self.check_retry(fields);
        Some(CheckSpec {
            for_each: None,
            kind: action.kind.name().to_owned(),
            action: read?,
            expect: expect.unwrap_or_default(),
            timeout: timeout.flatten().or(self.check_timeout).unwrap_or(CHECK_TIMEOUT),
            attempts,
            delay,
            env: self.env.clone(),
            working_dir: self.working_dir.clone(),
        })
    }

    /// An action that was read, when it may be used so.
    pub(crate) fn read_as(&mut self, action: &ActionNode<'_>, used: Use) -> Option<Value> {
        let read = action.kind.read(action.node, self)?;
        if let Some(fault) = action.kind.unfit(&read, used) {
            self.fault(action.span, fault);
            return None;
        }
        Some(read)
    }

    fn check_retry(&mut self, fields: &Fields<'_>) -> (u32, Milliseconds) {
        let retry = fields.get("retry");
        let Some(retry) =
            retry.and_then(|node| self.fields(node, "`retry` of a check", &["attempts", "delay"]))
        else {
            return (1, DELAY);
        };
        let attempts = retry
            .get("attempts")
            .and_then(|node| self.count(node, "`attempts`"));
        let delay = retry.get("delay").and_then(|node| self.duration(node, "`delay`"));
        (attempts.unwrap_or(1), delay.unwrap_or(DELAY))
    }

    /// The one action key of a mapping; none or several are faults.
    pub(crate) fn one_action<'n>(
        &mut self,
        fields: &Fields<'n>,
        allowed: &dyn Fn(&dyn Kind) -> bool,
    ) -> Option<ActionNode<'n>> {
        let found: Vec<&'static dyn Kind> = KINDS
            .iter()
            .copied()
            .filter(|kind| allowed(*kind) && fields.get(kind.name()).is_some())
            .collect();
        let names = || {
            let names = KINDS
                .iter()
                .filter(|kind| allowed(**kind))
                .map(|kind| format!("`{}`", kind.name()));
            names.collect::<Vec<_>>().join(", ")
        };
        match found.as_slice() {
            [kind] => Some(ActionNode {
                kind: *kind,
                node: fields.get(kind.name())?,
                span: fields.key_span(kind.name()),
            }),
            [] => {
                let fault = Diagnostic::error(format!("{} has no action", fields.what));
                let hint = self.near_action(fields, allowed);
                self.fault(
                    fields.span,
                    fault.hint(hint.unwrap_or_else(|| format!("add one of {}", names()))),
                );
                None
            }
            [first, second, ..] => {
                let fault = format!(
                    "{} has exactly one action, found `{}` and `{}`",
                    fields.what,
                    first.name(),
                    second.name()
                );
                self.fault(fields.key_span(second.name()), Diagnostic::error(fault));
                None
            }
        }
    }

    fn near_action(&self, fields: &Fields<'_>, allowed: &dyn Fn(&dyn Kind) -> bool) -> Option<String> {
        let names: Vec<&str> = KINDS
            .iter()
            .filter(|kind| allowed(**kind))
            .map(|kind| kind.name())
            .collect();
        let near = fields
            .entries()
            .find_map(|entry| suggest::nearest(&entry.key, names.iter().copied()))?;
        Some(format!("did you mean `{near}`?"))
    }

    fn expect(&mut self, node: &Node, kind: &str) -> Expect {
        let known: &[&'static str] = match kind {
            "http" | crate::kinds::KUBERNETES => &["status", "stdout", "json", "body"],
            "compare" => &[],
            _ => &["exit_code", "stdout", "stderr", "json"],
        };
        let Some(fields) = self.fields(node, "`expect`", known) else {
            return Expect::default();
        };
        let mut stdout = fields
            .get("stdout")
            .map(|node| self.text_expectations(node, "`stdout`"))
            .unwrap_or_default();
        stdout.extend(
            fields
                .get("body")
                .map(|node| self.text_expectations(node, "`body`"))
                .unwrap_or_default(),
        );
        Expect {
            exit_code: fields.get("exit_code").and_then(|node| self.exit_code(node)),
            status: fields
                .get("status")
                .map(|node| self.statuses(node))
                .unwrap_or_default(),
            stdout,
            stderr: fields
                .get("stderr")
                .map(|node| self.text_expectations(node, "`stderr`"))
                .unwrap_or_default(),
            json: fields
                .get("json")
                .map(|node| self.json_expectations(node))
                .unwrap_or_default(),
        }
    }

    fn exit_code(&mut self, node: &Node) -> Option<ExitExpectation> {
        let code = |reading: &mut Self, node: &Node| {
            let code = reading.whole(node, "`exit_code`", -1, 255)?;
            i32::try_from(code).ok()
        };
        if let Body::Mapping(_) = node.body {
            let fields = self.fields(node, "`exit_code`", &["not"])?;
            let not = self.require(&fields, "not")?;
            return code(self, not).map(ExitExpectation::Not);
        }
        code(self, node).map(ExitExpectation::Is)
    }

    fn text_expectations(&mut self, node: &Node, what: &'static str) -> Vec<TextExpectation> {
        let Some(fields) = self.fields(node, what, &["equals", "matches", "contains", "empty"]) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        if let Some(node) = fields.get("equals") {
            found.extend(
                self.template(node, "`equals`", Slot::Expectation)
                    .map(TextExpectation::Equals),
            );
        }
        if let Some(node) = fields.get("matches") {
            found.extend(self.pattern(node, "`matches`").map(TextExpectation::Matches));
        }
        if let Some(node) = fields.get("contains") {
            found.extend(
                self.template(node, "`contains`", Slot::Expectation)
                    .map(TextExpectation::Contains),
            );
        }
        if let Some(node) = fields.get("empty") {
            found.extend(self.boolean(node, "`empty`").map(TextExpectation::Empty));
        }
        found
    }

    /// A regular expression, checked as far as it is known.
    fn pattern(&mut self, node: &Node, what: &str) -> Option<Text> {
        let text = self.template(node, what, Slot::Expectation)?;
        if let Some(Err(error)) = text.as_literal().map(compile_regex) {
            let fault = format!("{what}: this is no regular expression: {error}");
            self.fault(node.span, Diagnostic::error(fault));
            return None;
        }
        Some(text)
    }

    fn json_expectations(&mut self, node: &Node) -> Vec<JsonExpectation> {
        one_or_more(node)
            .iter()
            .filter_map(|item| self.json_expectation(item))
            .collect()
    }

    fn json_expectation(&mut self, node: &Node) -> Option<JsonExpectation> {
        let fields = self.fields(node, "an entry of `json`", &["path", "op", "value"])?;
        let path = self.require(&fields, "path").and_then(|node| {
            let path = self.template(node, "`path`", Slot::Expectation)?;
            self.json_path(path.as_literal(), node.span);
            Some(path)
        });
        let op = match fields.get("op") {
            Some(node) => self.choice(node, "`op`", &JSON_OPERATORS)?,
            None => "==",
        };
        // `value: null` is a value.
        let written = fields
            .entries()
            .find(|entry| entry.key == "value")
            .map(|entry| &entry.value);
        let value = written.map(|node| self.json(node, Slot::Expectation));
        let needs_value = !matches!(op, "exists" | "absent" | "empty");
        if needs_value != value.is_some() {
            let fault = if needs_value {
                format!("`op: {op}` needs a `value`")
            } else {
                format!("`op: {op}` takes no `value`")
            };
            self.fault(fields.key_span("op"), Diagnostic::error(fault));
            return None;
        }
        if let (true, Some(Some(Value::String(pattern)))) = (op == "matches", &value)
            && let Err(error) = compile_regex(pattern)
        {
            let fault = format!("`value`: this is no regular expression: {error}");
            self.fault(fields.key_span("value"), Diagnostic::error(fault));
        }
        let value = match value {
            Some(value) => Some(value?),
            None => None,
        };
        if let Some(expected) = value.as_ref().and_then(|value| not_for(op, value)) {
            let fault = Diagnostic::error(format!("`op: {op}` expects {expected} as its `value`"));
            self.fault(fields.key_span("value"), fault);
        }
        Some(JsonExpectation {
            path: path?,
            op: op.to_owned(),
            value,
        })
    }

    /// Checks a path into JSON when it is known.
    pub(crate) fn json_path(&mut self, path: Option<&str>, span: Span) {
        if let Some(Err(error)) = path.map(JsonPath::parse) {
            let fault = Diagnostic::error(format!("this is no path into JSON: {}", error.message()));
            self.fault(span, fault.hint("write it as RFC 9535 says: `$.items[0].name`"));
        }
    }

    /// What results say: exit codes, statuses, output.
    pub(crate) fn matchers(&mut self, node: &Node, what: &'static str) -> Vec<Matcher> {
        let items = self.list(node, what);
        items.iter().filter_map(|item| self.matcher(item, what)).collect()
    }

    fn matcher(&mut self, node: &Node, what: &'static str) -> Option<Matcher> {
        let fields = self.fields(node, what, &["exit_code", "stdout", "stderr", "status"])?;
        let matcher = Matcher {
            exit_code: fields.get("exit_code").and_then(|node| self.exit_code(node)),
            stdout: fields
                .get("stdout")
                .map(|node| self.text_expectations(node, "`stdout`"))
                .unwrap_or_default(),
            stderr: fields
                .get("stderr")
                .map(|node| self.text_expectations(node, "`stderr`"))
                .unwrap_or_default(),
            status: fields
                .get("status")
                .map(|node| self.statuses(node))
                .unwrap_or_default(),
        };
        let nothing = matcher.exit_code.is_none()
            && matcher.stdout.is_empty()
            && matcher.stderr.is_empty()
            && matcher.status.is_empty();
        if nothing {
            let fault = Diagnostic::error(format!("{what}: an entry without anything to match"));
            self.fault(
                node.span,
                fault.hint("give `exit_code`, `stdout`, `stderr` or `status`"),
            );
            return None;
        }
        Some(matcher)
    }

    /// A folder below that of the file being read; `None` is the runbook's folder itself.
    pub(crate) fn folder(&mut self, node: &Node) -> Option<String> {
        let base = self.base.clone();
        let Some(path) = self.plain(node, "`working_dir`") else {
            return (!base.is_empty()).then_some(base);
        };
        self.see(&path, node.span, Slot::Value);
        if path == "." {
            return (!base.is_empty()).then_some(base);
        }
        match crate::files::normal_path(&crate::files::join(&base, &path)) {
            Ok(path) => Some(path),
            Err(fault) => {
                self.fault(node.span, Diagnostic::error(format!("`working_dir`: {fault}")));
                None
            }
        }
    }
}
