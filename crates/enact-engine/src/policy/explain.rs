//! Which rule said what. The engine answers with one set, so a copy of the policies is made in which every definition of an
//! asked set has a name of its own, and the set is put together from those. Only places come from the copy: the answer is
//! always that of the policies as they were written.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bundle::{Bundle, BundleFile};
use super::compile::Compiled;
use super::evaluate::{ask_package, to_json};
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
        for module in &compiled.modules {
            files.push(renamed(&compiled.bundle, module, query, &mut definitions));
        }
        let engine = build(compiled, &files, query, &definitions);
        Self {
            query,
            engine,
            definitions,
        }
    }

    /// What each definition says about an input; empty when the copy cannot answer.
    pub(super) fn ask(&mut self, input: regorus::Value) -> Vec<RuleAnswer> {
        let Some(engine) = &mut self.engine else {
            return Vec::new();
        };
        let Ok((package, _)) = ask_package(engine, self.query, input) else {
            return Vec::new();
        };
        let told = self.definitions.iter().map(|definition| RuleAnswer {
            rule: definition.rule.clone(),
            location: definition.location.clone(),
            values: values(&package, &definition.name),
        });
        told.collect()
    }
}

fn values(package: &regorus::Value, name: &str) -> Vec<Value> {
    let value = package
        .as_object()
        .ok()
        .and_then(|package| package.get(&regorus::Value::from(name)))
        .and_then(|value| to_json(value).ok());
    match value {
        Some(Value::Array(members)) => members,
        Some(other) => vec![other],
        None => Vec::new(),
    }
}

/// The file with a name of its own for every definition of an asked set. Lines stay where they are.
fn renamed(bundle: &Bundle, module: &Module, query: Query, definitions: &mut Vec<Definition>) -> BundleFile {
    let text = bundle.file(&module.path).map_or("", |file| file.text.as_str());
    let mut names = module.through_imports();
    if module.package.join(".") == query.package {
        for rule in module.rules.iter().filter(|rule| is_asked(rule, query)) {
            let name = format!("enact_{}_{}", rule.name.join("_"), definitions.len());
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
    matches!(rule.name.as_slice(), [name] if query.outputs.contains(&name.as_str()))
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
    for (file, module) in files.iter().zip(&compiled.modules) {
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

/// The place of the definition that gave this member to this set.
pub fn location_of(rules: &[RuleAnswer], rule: &str, member: &Value) -> Option<String> {
    let mut same = rules.iter().filter(|answer| answer.rule == rule);
    same.find(|answer| answer.values.contains(member))
        .map(|answer| answer.location.clone())
}
