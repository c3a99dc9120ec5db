//! Which rule said what. The engine answers with one set, so a copy of the policies is made in which every definition of an
//! asked set has a name of its own, and the set is put together from those. Only places come from the copy: the answer is
//! always that of the policies as they were written.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bundle::{Bundle, BundleFile};
use super::compile::Compiled;
use super::evaluate::{ask_package, to_json};
use super::limits::MAX_ANSWER_BYTES;
use super::query::{ASKING_PACKAGE, Query};
use super::syntax::{HeadKind, Module, RegoVersion, Rule, replaced};

/// What one definition of a rule said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleAnswer {
    /// The rule: `deny`.
    pub rule: String,
    /// `plan/deletions.rego:12`.
    pub location: String,
    /// The members it gave to the set, or the value of the whole rule.
    pub values: Vec<Value>,
}

/// A copy of the policies in which every definition can be told apart.
#[derive(Debug)]
pub(super) struct Explained {
    query: Query,
    engine: Option<regorus::Engine>,
    definitions: Vec<Definition>,
}

#[derive(Debug)]
struct Definition {
    rule: String,
    location: String,
    /// The name in the copy: its own for a member of a set, the rule's for a whole value.
    name: String,
}

impl Explained {
    pub(super) fn new(compiled: &Compiled, query: Query) -> Self {
        let mut definitions = Vec::new();
        let mut files: Vec<BundleFile> = Vec::new();
        let prefix = unused_prefix(&compiled.bundle);
        for module in compiled.modules() {
            files.push(renamed(
                &compiled.bundle,
                module,
                query,
                &prefix,
                &mut definitions,
            ));
        }
        let engine = build(compiled, &files, query, &definitions);
        Self {
            query,
            engine,
            definitions,
        }
    }

    /// What each definition says about an input; empty when there is no copy. `None` when the copy did not answer, and
    /// is of no use any more.
    pub(super) fn ask(&mut self, limit: Duration, input: regorus::Value) -> Option<Vec<RuleAnswer>> {
        let Some(engine) = &mut self.engine else {
            return Some(Vec::new());
        };
        let query = Query { limit, ..self.query };
        let (package, _) = ask_package(engine, query, input).ok()?;
        let mut left = MAX_ANSWER_BYTES;
        let told = self.definitions.iter().map(|definition| RuleAnswer {
            rule: definition.rule.clone(),
            location: definition.location.clone(),
            values: values(&package, &definition.name, &mut left),
        });
        Some(told.collect())
    }
}

fn values(package: &regorus::Value, name: &str, left: &mut usize) -> Vec<Value> {
    let value = package
        .as_object()
        .ok()
        .and_then(|package| package.get(&regorus::Value::from(name)))
        .and_then(|value| to_json(value, left).ok());
    match value {
        Some(Value::Array(members)) => members,
        Some(other) => vec![other],
        None => Vec::new(),
    }
}

/// What no name in the bundle begins with.
fn unused_prefix(bundle: &Bundle) -> String {
    let mut prefix = "enact_".to_owned();
    while bundle.files().iter().any(|file| file.text.contains(&prefix)) {
        prefix.push('_');
    }
    prefix
}

/// The file with a name of its own for every definition of an asked set. Lines stay where they are.
fn renamed(
    bundle: &Bundle,
    module: &Module,
    query: Query,
    prefix: &str,
    definitions: &mut Vec<Definition>,
) -> BundleFile {
    let text = bundle.file(&module.path).map_or("", |file| file.text.as_str());
    let mut names = module.through_imports();
    if module.package.join(".") == query.package {
        for rule in module.rules.iter().filter(|rule| is_asked(rule, query)) {
            let name = format!("{prefix}{}_{}", rule.name.join("_"), definitions.len());
            let is_set = rule.kind == HeadKind::Set;
            if is_set {
                names.push((rule.name_at, name.clone()));
            }
            definitions.push(Definition {
                rule: rule.name.join("."),
                location: format!("{}:{}", module.path, rule.line),
                name: if is_set { name } else { rule.name.join(".") },
            });
        }
    }
    BundleFile {
        path: module.path.clone(),
        text: replaced(text, names),
    }
}

fn is_asked(rule: &Rule, query: Query) -> bool {
    let is_named = matches!(rule.name.as_slice(), [name] if query.outputs.contains(&name.as_str()));
    is_named && !matches!(rule.kind, HeadKind::Function | HeadKind::Default)
}

fn build(
    compiled: &Compiled,
    files: &[BundleFile],
    query: Query,
    definitions: &[Definition],
) -> Option<regorus::Engine> {
    let mut engine = regorus::Engine::new();
    engine.set_strict_builtin_errors(true);
    engine.set_gather_prints(true);
    for (file, module) in files.iter().zip(compiled.modules()) {
        engine.set_rego_v0(module.version == RegoVersion::V0);
        engine.add_policy(file.path.clone(), file.text.clone()).ok()?;
    }
    engine.set_rego_v0(false);
    engine
        .add_policy("(put together)".to_owned(), together(query, definitions))
        .ok()?;
    let names = definitions.iter().map(|definition| definition.name.as_str());
    let names: BTreeSet<&str> = names.collect();
    let asking = format!(
        "package {ASKING_PACKAGE}\n{}",
        query.asking_source(names.into_iter())
    );
    engine.add_policy("(asking)".to_owned(), asking).ok()?;
    engine.add_data(compiled.engine.get_data()).ok()?;
    Some(engine)
}

/// The asked sets, put together from their definitions.
fn together(query: Query, definitions: &[Definition]) -> String {
    let mut text = format!("package {}\n", query.package);
    for definition in definitions
        .iter()
        .filter(|definition| definition.name != definition.rule)
    {
        let (rule, name) = (&definition.rule, &definition.name);
        text.push_str(&format!("{rule} contains member if some member in {name}\n"));
    }
    text
}

/// The places of all members of an answer, to be looked up one by one: an answer can have very many.
#[derive(Debug)]
pub struct Places<'a>(BTreeMap<(&'a str, String), &'a str>);

impl<'a> Places<'a> {
    /// The places in what the rules said. The first definition that gave a member is its place.
    pub fn of(rules: &'a [RuleAnswer]) -> Self {
        let mut places = BTreeMap::new();
        for answer in rules {
            for member in &answer.values {
                places
                    .entry((answer.rule.as_str(), member.to_string()))
                    .or_insert(answer.location.as_str());
            }
        }
        Self(places)
    }

    /// The place of the definition that gave this member to this set.
    pub fn of_member(&self, rule: &'a str, member: &Value) -> Option<String> {
        self.0
            .get(&(rule, member.to_string()))
            .map(|place| (*place).to_owned())
    }
}
