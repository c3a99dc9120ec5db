//! The keys of one mapping: distinct, and with `<<` merged in.

use std::collections::HashMap;
use std::collections::HashSet;

use crate::diagnostic::Diagnostic;

use super::parse::Fault;
use super::text::{Span, shown};
use super::tree::{Body, Entry, Node, Special};

/// Reports keys that occur more than once and keeps their first value.
pub(super) fn distinct<'t, X>(entries: Vec<Entry<'t, X>>, faults: &mut Vec<Fault>) -> Vec<Entry<'t, X>> {
    let mut first: HashMap<&str, Span> = HashMap::with_capacity(entries.len());
    let mut repeated = HashSet::new();
    for (index, entry) in entries.iter().enumerate() {
        if let Some(earlier) = first.get(&*entry.key) {
            faults.push((entry.span, duplicate(&entry.key, *earlier)));
            repeated.insert(index);
        } else {
            first.insert(&entry.key, entry.span);
        }
    }
    if repeated.is_empty() {
        return entries;
    }
    let kept = entries.into_iter().enumerate();
    kept.filter(|(index, _)| !repeated.contains(index))
        .map(|(_, entry)| entry)
        .collect()
}

fn duplicate(key: &str, earlier: Span) -> Diagnostic {
    Diagnostic::error(format!("the key {} is used twice in this mapping", shown(key)))
        .detail(format!(
            "it is first used at line {}, column {}",
            earlier.line, earlier.column
        ))
        .hint("keep one of them")
}

/// Merges what stands under `<<`: keys of the mapping itself win, then those of earlier merged mappings.
pub(super) fn merge<'t, X: Special>(
    mut entries: Vec<Entry<'t, X>>,
    faults: &mut Vec<Fault>,
) -> Vec<Entry<'t, X>> {
    let is_merge = |entry: &Entry<'_, X>| entry.plain && entry.key == "<<";
    let Some(index) = entries.iter().position(is_merge) else {
        return entries;
    };
    let merged = entries.remove(index);
    let sources = match merge_sources(merged.value) {
        Ok(sources) => sources,
        Err(found) => {
            let fault = format!("`<<` expects a mapping or a list of mappings, found {found}");
            faults.push((merged.span, Diagnostic::error(fault)));
            return entries;
        }
    };
    let mut known: HashSet<String> = entries.iter().map(|entry| entry.key.to_string()).collect();
    for entry in sources {
        if known.insert(entry.key.to_string()) {
            entries.push(entry);
        }
    }
    entries
}

fn merge_sources<X: Special>(value: Node<'_, X>) -> Result<Vec<Entry<'_, X>>, String> {
    let items = match value {
        Node {
            tag: None,
            body: Body::Sequence(items),
            ..
        } => items,
        single => vec![single],
    };
    let mut all = Vec::new();
    for item in items {
        let found = item.describe();
        let Node {
            tag: None,
            body: Body::Mapping(entries),
            ..
        } = item
        else {
            return Err(found);
        };
        all.extend(entries);
    }
    Ok(all)
}
