//! A file of parameters, read by the same YAML 1.2 core rules as a runbook: `1_000` and `yes` are text in both.

use std::collections::BTreeMap;

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::{self, Body, Budget, Plain};
use serde_json::Value;

use crate::questions::value_of;
use crate::reading::{Node, SourceFile, as_given};

/// The deepest nesting of a value.
const NESTING: usize = 64;
/// The most nodes of a file, and of what its aliases stand for.
const NODES: usize = 200_000;

/// The values of a file that `--params-file` names: a mapping of names, in YAML or JSON. An empty file has none. What is no list,
/// mapping or `null` is text, as it was written: what it is says the parameter that it is for.
///
/// # Errors
/// Every fault with its place: no YAML, a name given twice, no mapping.
pub fn of_file(name: &str, text: &str) -> Result<BTreeMap<String, Value>, Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file = SourceFile::new(name.to_owned(), text.to_owned());
    let mut budget = Budget::new(text.len() as u64, NODES, NODES);
    let (root, faults) = yaml::parse::<Plain>(file.text(), NESTING, &mut budget);
    if !faults.is_empty() {
        let faults = faults.into_iter().map(|(span, fault)| fault.at(file.place(span)));
        return Err(faults.collect());
    }
    let Some(root) = root.filter(|root| !root.is_null()).map(yaml::Node::into_owned) else {
        return Ok(BTreeMap::new());
    };
    values(&root).ok_or_else(|| {
        let fault = Diagnostic::error(format!("expected a mapping of names, found {}", root.describe()));
        vec![
            fault
                .hint("one line a parameter, for example `node: worker-1`")
                .at(file.place(root.span)),
        ]
    })
}

fn values(root: &Node) -> Option<BTreeMap<String, Value>> {
    let Body::Mapping(entries) = &root.body else {
        return None;
    };
    let of = |entry: &yaml::Entry<'static>| {
        (
            entry.key.to_string(),
            as_given(&entry.value).unwrap_or_else(|| value_of(&entry.value)),
        )
    };
    Some(entries.iter().map(of).collect())
}
