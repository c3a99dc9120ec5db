//! What a Rego source declares and uses, read from the parser's own tree: packages, rules, calls, references. The facts are
//! plain values; [`super::lint`] judges them and [`super::explain`] finds places with them.

use std::collections::BTreeSet;

use enact_core::diagnostic::{Diagnostic, Place, Position};
use serde_json::Value;

/// A dotted path: `data.enact.plan.deny` is four parts.
pub type DottedPath = Vec<String>;

/// The dialect that a file turned out to be written in.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RegoVersion {
    /// `deny[reason] { … }`.
    V0,
    /// `deny contains reason if { … }`.
    V1,
}

/// What the head of a rule makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadKind {
    /// One value: `allow if …`, `limit := 3`.
    Value,
    /// Members of a set: `deny contains x if …`.
    Set,
    /// Keys of an object: `names[x] := y if …`.
    Object,
    /// `deny[x] if …`: looks like a set, makes an object.
    ObjectByAccident,
    /// A function.
    Function,
    /// `default allow := false`.
    Default,
}

/// A stretch of a source, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// One use of a function.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its name as written.
    pub name: DottedPath,
    /// Where.
    pub at: Stretch,
}

/// One rule, as one definition of it stands in a file.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name below the package.
    pub name: DottedPath,
    /// What its head makes.
    pub kind: HeadKind,
    /// The whole definition.
    pub at: Stretch,
    /// The name in the head.
    pub name_at: Stretch,
    /// The line it starts on, from 1.
    pub line: u32,
    /// Every function it uses.
    pub calls: Vec<Call>,
    /// Every name it refers to, as far as the path is written out.
    pub references: Vec<DottedPath>,
    /// The names it declares for itself.
    pub locals: BTreeSet<String>,
    /// References that go on from a first name: that name, and where it stands.
    chains: Vec<(String, Stretch)>,
}

/// One file.
#[derive(Debug, Clone)]
pub struct Module {
    /// Its path in the bundle.
    pub path: String,
    /// Its dialect.
    pub version: RegoVersion,
    /// Its package, without `data`.
    pub package: DottedPath,
    /// Other names for paths: `import data.lib.labels as l`.
    pub imports: Vec<(String, DottedPath)>,
    /// Its rules, in the order of the file.
    pub rules: Vec<Rule>,
}

impl Module {
    /// Where references go through another name for a package (`import data.lib`, then `lib.bad`), and the full path that
    /// they mean. The engine evaluates a package that is spread over files wrongly when it is asked for as a whole, which is
    /// what a reference through an import does; a full path asks for the rule alone.
    pub fn through_imports(&self) -> Vec<(Stretch, String)> {
        let mut found = Vec::new();
        for rule in &self.rules {
            for (name, at) in rule.chains.iter().filter(|(name, _)| !rule.locals.contains(name)) {
                let import = self.imports.iter().find(|(alias, _)| alias == name);
                if let Some((_, path)) =
                    import.filter(|(_, path)| path.first().is_some_and(|root| root == "data"))
                {
                    found.push((*at, written_out(path)));
                }
            }
        }
        found
    }
}

/// A path as Rego writes it: `data.a["b-c"]`.
pub fn written_out(path: &[String]) -> String {
    path.iter()
        .enumerate()
        .fold(String::new(), |mut text, (index, part)| {
            if index == 0 {
                text.push_str(part);
            } else if is_plain(part) {
                text.push('.');
                text.push_str(part);
            } else {
                // A JSON string is a Rego string.
                text.push_str(&format!("[{}]", Value::String(part.clone())));
            }
            text
        })
}

/// Is it a name that needs no quotes?
pub fn is_plain(part: &str) -> bool {
    part.chars()
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// A text with stretches of it replaced. Stretches do not overlap; one that is not in the text is left alone.
pub fn replaced(text: &str, mut stretches: Vec<(Stretch, String)>) -> String {
    let mut text = text.to_owned();
    // From the end, so that earlier places stay right.
    stretches.sort_by_key(|(at, _)| std::cmp::Reverse(at.start));
    stretches.dedup();
    for (at, new) in stretches {
        if text.get(at.start..at.end).is_some() {
            text.replace_range(at.start..at.end, &new);
        }
    }
    text
}

/// Line and column of a byte, with the line itself.
pub fn place_at(path: &str, text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |found| found + 1);
    let rest = text.get(line_start..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Place {
        file: path.to_owned(),
        position: Some(Position {
            line: number(before.matches('\n').count() + 1),
            column: number(before.get(line_start..).unwrap_or_default().chars().count() + 1),
        }),
        excerpt: line.chars().take(200).collect(),
        length: 1,
    }
}

/// Reads the facts of one file out of the parser's tree (`Engine::get_ast_as_json` of an engine with that file alone).
///
/// # Errors
/// When the tree is not of the shape that this version of regorus writes.
pub fn module(path: &str, text: &str, version: RegoVersion, tree: &str) -> Result<Module, Diagnostic> {
    let unreadable = |what: &str| {
        Diagnostic::error(format!("{path} cannot be analysed: {what}"))
            .hint("this is a fault of enact; please report it with the file")
    };
    // The parser bounds the depth of expressions, and this runs on a stack made for it.
    let mut reader = serde_json::Deserializer::from_str(tree);
    reader.disable_recursion_limit();
    let tree: Value =
        serde::Deserialize::deserialize(&mut reader).map_err(|error| unreadable(&error.to_string()))?;
    let ast = tree.pointer("/0/ast").ok_or_else(|| unreadable("no tree"))?;
    let package = ast
        .pointer("/package/refr")
        .map(static_path)
        .ok_or_else(|| unreadable("no package"))?;
    let list = |key: &str| {
        ast.get(key)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice)
    };
    Ok(Module {
        path: path.to_owned(),
        version,
        package,
        imports: list("imports")
            .iter()
            .filter_map(|import| read_import(import, text))
            .collect(),
        rules: list("rules")
            .iter()
            .filter_map(|rule| read_rule(rule, text))
            .collect(),
    })
}

fn read_import(import: &Value, text: &str) -> Option<(String, DottedPath)> {
    let path = static_path(import.get("refr")?);
    let alias = match import.get("as") {
        Some(span) if !span.is_null() => slice(span, text)?.to_owned(),
        _ => path.last()?.clone(),
    };
    Some((alias, path))
}

fn read_rule(rule: &Value, text: &str) -> Option<Rule> {
    if let Some(default) = rule.get("Default") {
        return start_rule(default, default.get("refr")?, HeadKind::Default, text);
    }
    let spec = rule.get("Spec")?;
    let (kind, head) = spec.get("head")?.as_object()?.iter().next()?;
    let refr = head.get("refr")?;
    let kind = match kind.as_str() {
        "Set" => HeadKind::Set,
        "Func" => HeadKind::Function,
        _ if refr.get("RefBrack").is_none() => HeadKind::Value,
        _ if head.get("assign").is_none_or(Value::is_null) => HeadKind::ObjectByAccident,
        _ => HeadKind::Object,
    };
    start_rule(spec, refr, kind, text)
}

fn start_rule(node: &Value, refr: &Value, kind: HeadKind, text: &str) -> Option<Rule> {
    let span = node.get("span")?;
    let mut rule = Rule {
        name: static_path(refr),
        kind,
        at: stretch(span)?,
        name_at: stretch(root_span(refr)?)?,
        line: span
            .get("line")
            .and_then(Value::as_u64)
            .and_then(|line| u32::try_from(line).ok())?,
        calls: Vec::new(),
        references: Vec::new(),
        locals: BTreeSet::new(),
        chains: Vec::new(),
    };
    if let Some(args) = node.pointer("/head/Func/args").or_else(|| node.get("args")) {
        declare(args, &mut rule.locals);
    }
    for part in outside_of_the_name(node) {
        walk(part, text, &mut rule);
    }
    Some(rule)
}

/// Everything of a rule but its own name: what it computes and under which keys.
fn outside_of_the_name(node: &Value) -> Vec<&Value> {
    let head = node
        .get("head")
        .and_then(Value::as_object)
        .and_then(|head| head.values().next());
    let mut parts: Vec<&Value> = ["bodies", "value", "args"]
        .iter()
        .filter_map(|key| node.get(key))
        .collect();
    if let Some(head) = head {
        parts.extend(["key", "assign", "args"].iter().filter_map(|key| head.get(key)));
        parts.extend(
            head.get("refr")
                .and_then(content)
                .map(indices)
                .into_iter()
                .flatten(),
        );
    }
    parts
}

/// The node inside of `{"RefDot": {…}}`.
fn content(expression: &Value) -> Option<&Value> {
    expression.as_object()?.values().next()
}

/// What stands in the brackets of a reference, from its end to its root. The root itself, too, when it is no variable.
fn indices(reference: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut step = Some(reference);
    while let Some(node) = step {
        found.extend(node.get("index"));
        let inner = node.get("refr");
        found.extend(inner.filter(|root| {
            !["RefDot", "RefBrack", "Var"]
                .iter()
                .any(|kind| root.get(kind).is_some())
        }));
        step = inner.and_then(content);
    }
    found
}

/// Goes through everything below a node and notes what it calls, uses and declares.
fn walk(node: &Value, text: &str, rule: &mut Rule) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| walk(item, text, rule)),
        Value::Object(fields) => {
            for (key, inner) in fields {
                note(key, inner, text, rule);
                if matches!(key.as_str(), "RefDot" | "RefBrack") {
                    // `data.a.b` is one path, not also `data.a` and `data`; what stands in its brackets is a term.
                    indices(inner)
                        .into_iter()
                        .for_each(|index| walk(index, text, rule));
                } else if key == "with_mods" {
                    // What `with` replaces is not used; what it puts there is.
                    replacements(inner).for_each(|value| walk(value, text, rule));
                } else {
                    walk(inner, text, rule);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What stands behind `as` in each `with`.
fn replacements(modifiers: &Value) -> impl Iterator<Item = &Value> {
    let modifiers = modifiers.as_array().into_iter().flatten();
    modifiers.filter_map(|modifier| modifier.get("as"))
}

fn note(key: &str, node: &Value, text: &str, rule: &mut Rule) {
    match key {
        "Call" => {
            if let (Some(function), Some(at)) = (node.get("fcn"), node.get("span").and_then(stretch)) {
                rule.calls.push(Call {
                    name: static_path(function),
                    at,
                });
            }
        }
        "Var" => rule.references.extend(
            node.get("value")
                .and_then(Value::as_str)
                .map(|name| vec![name.to_owned()]),
        ),
        "RefDot" | "RefBrack" => {
            let path = chain_path(key, node);
            if let (Some(root), Some(at)) = (path.first(), root_of(node)) {
                rule.chains.extend(stretch(at).map(|at| (root.clone(), at)));
            }
            rule.references.push(path);
        }
        "SomeVars" => {
            let spans = node.get("vars").and_then(Value::as_array).into_iter().flatten();
            rule.locals
                .extend(spans.filter_map(|span| slice(span, text)).map(ToOwned::to_owned));
        }
        "SomeIn" => [node.get("key"), node.get("value")]
            .into_iter()
            .flatten()
            .for_each(|declared| declare(declared, &mut rule.locals)),
        "Every" => {
            let spans = [node.get("key"), node.get("value")].into_iter().flatten();
            rule.locals
                .extend(spans.filter_map(|span| slice(span, text)).map(ToOwned::to_owned));
        }
        "AssignExpr" if node.get("op").and_then(Value::as_str) == Some("ColEq") => {
            if let Some(left) = node.get("lhs") {
                declare(left, &mut rule.locals);
            }
        }
        _ => {}
    }
}

/// Notes every variable below a node as declared.
fn declare(node: &Value, locals: &mut BTreeSet<String>) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| declare(item, locals)),
        Value::Object(fields) => {
            if let Some(name) = fields
                .get("Var")
                .and_then(|var| var.get("value"))
                .and_then(Value::as_str)
            {
                locals.insert(name.to_owned());
            }
            fields.values().for_each(|inner| declare(inner, locals));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The parts of a reference as far as they are written out: `input.plan[x].y` gives `input.plan`.
fn static_path(expression: &Value) -> DottedPath {
    let Some((kind, node)) = expression.as_object().and_then(|fields| fields.iter().next()) else {
        return Vec::new();
    };
    chain_path(kind, node)
}

fn chain_path(kind: &str, node: &Value) -> DottedPath {
    let mut parts: Vec<Option<String>> = Vec::new();
    let (mut kind, mut node) = (kind, node);
    loop {
        match kind {
            "RefDot" => parts.push(
                node.pointer("/field/1")
                    .and_then(Value::as_str)
                    .map(ToOwned::to_owned),
            ),
            "RefBrack" => parts.push(
                node.pointer("/index/String/value")
                    .and_then(Value::as_str)
                    .map(ToOwned::to_owned),
            ),
            _ => {
                parts.push(node.get("value").and_then(Value::as_str).map(ToOwned::to_owned));
                break;
            }
        }
        let inner = node
            .get("refr")
            .and_then(Value::as_object)
            .and_then(|fields| fields.iter().next());
        let Some((next, inner)) = inner else { break };
        (kind, node) = (next.as_str(), inner);
    }
    parts.into_iter().rev().map_while(|part| part).collect()
}

/// The span of the variable that a reference begins with.
fn root_span(expression: &Value) -> Option<&Value> {
    root_of(content(expression)?)
}

/// The same from the node inside of the expression.
fn root_of(mut node: &Value) -> Option<&Value> {
    while let Some(inner) = node.get("refr") {
        node = content(inner)?;
    }
    node.get("span")
}

fn stretch(span: &Value) -> Option<Stretch> {
    let number = |key: &str| {
        span.get(key)
            .and_then(Value::as_u64)
            .and_then(|at| usize::try_from(at).ok())
    };
    Some(Stretch {
        start: number("start")?,
        end: number("end")?,
    })
}

fn slice<'a>(span: &Value, text: &'a str) -> Option<&'a str> {
    let at = stretch(span)?;
    text.get(at.start..at.end)
}
