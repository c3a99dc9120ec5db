//! Front matter: a `---` block of YAML at the head of a text fills other fields of the same resource.

use enact_core::diagnostic::Diagnostic;
use serde_json::Value;

use super::budget::Limits;
use super::draft::{Cell, CellValue, Draft};
use super::shape;
use super::text::{Faults, shown};
use super::tree::{Body, Entry, Node};
use crate::resources::Field;
use enact_core::yaml;
use enact_core::yaml::suggest;

/// How deep front matter may nest; its values are single ones anyway.
const NESTING: usize = 8;

/// Fills the fields that the block at the head of `field` names. The block stays in the text.
pub(super) fn fill(draft: &mut Draft, field: &'static Field, faults: &mut Faults<'_>) {
    let Some(text) = draft.known_text(field.name) else {
        return;
    };
    let at = draft.field_at(field.name);
    let block = match block(text) {
        Ok(block) => block.unwrap_or_default().to_owned(),
        Err(fault) => return faults.push(at, fault),
    };
    let entries = match entries(&block) {
        Ok(entries) => entries,
        Err(fault) => return faults.push(at, fault),
    };
    for entry in entries {
        if let Err(fault) = fill_one(draft, field, &entry) {
            faults.push(at, fault);
        }
    }
}

fn fill_one(draft: &mut Draft, source: &'static Field, entry: &Entry<'_>) -> Result<(), Diagnostic> {
    let target = source.front_matter.iter().find(|name| **name == entry.key);
    let Some(target) = target.and_then(|name| draft.kind.field(name)) else {
        return near_miss(source, &entry.key).map_or(Ok(()), Err);
    };
    let name = target.name;
    let Some(value) = entry.value.scalar().filter(|_| entry.value.tag.is_none()) else {
        let fault = format!("front matter `{name}`: expected a single value without a tag");
        return Err(Diagnostic::error(fault).hint("write the value out"));
    };
    shape::check(target, &value, &entry.value.describe()).map_err(|fault| {
        let summary = format!("front matter {}", fault.summary);
        Diagnostic { summary, ..fault }
    })?;
    match draft.fields.get(name).map(|cell| &cell.value) {
        None => {
            let span = draft.field_at(source.name).span;
            let value = CellValue::Known(value);
            draft.fields.insert(name, Cell { value, span });
            Ok(())
        }
        Some(CellValue::Faulty) => Ok(()),
        Some(CellValue::Known(set)) if *set == value => Ok(()),
        Some(set) => Err(contradiction(name, set, &value)),
    }
}

/// Other keys are for whoever renders the text; only one that looks like a typo is worth a word.
fn near_miss(source: &Field, key: &str) -> Option<Diagnostic> {
    let near = suggest::nearest(key, source.front_matter.iter().copied())?;
    let words = format!(
        "front matter of `{}` does not set anything by {}",
        source.name,
        shown(key)
    );
    Some(Diagnostic::warning(words).hint(format!("did you mean `{near}`?")))
}

fn contradiction(name: &str, set: &CellValue, front: &Value) -> Diagnostic {
    let words = |value: &Value| value.as_str().map_or_else(|| shown(&value.to_string()), shown);
    let set = match set {
        CellValue::Known(value) => words(value),
        CellValue::Unresolved(target) | CellValue::Later(target) => {
            format!("`!ref {}#{}`", target.reference, target.field)
        }
        CellValue::Faulty => "something faulty".into(),
    };
    Diagnostic::error(format!(
        "`{name}` is set to {set}, but front matter says {}",
        words(front)
    ))
    .hint("keep one of the two")
}

/// The block between two lines of `---` at the head of a text.
fn block(text: &str) -> Result<Option<&str>, Diagnostic> {
    let (head, mut rest) = next_line(text);
    if head != "---" {
        return Ok(None);
    }
    let begin = text.len() - rest.len();
    while !rest.is_empty() {
        let (line, tail) = next_line(rest);
        if line == "---" {
            return Ok(text.get(begin..text.len() - rest.len()));
        }
        rest = tail;
    }
    Err(
        Diagnostic::error("front matter begins with `---` but does not end")
            .hint("close it with a line of `---`, or begin the text with another line"),
    )
}

fn next_line(text: &str) -> (&str, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    (line.trim_end(), rest)
}

fn entries(block: &str) -> Result<Vec<Entry<'_>>, Diagnostic> {
    let mut budget = Limits::default().budget();
    let (node, found) = yaml::parse(block, NESTING, &mut budget);
    if let Some((span, fault)) = found.into_iter().next() {
        let summary = format!("front matter, line {}: {}", span.line + 1, fault.summary);
        return Err(Diagnostic { summary, ..fault });
    }
    let found = match node {
        None => return Ok(Vec::new()),
        Some(Node {
            body: Body::Mapping(entries),
            ..
        }) => return Ok(entries),
        Some(node) => node.describe(),
    };
    Err(
        Diagnostic::error(format!("front matter: expected a mapping, found {found}"))
            .hint("write lines such as `title: …`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_between_the_first_two_rules() {
        assert_eq!(
            block("---\ntitle: x\n---\n# x\n---\n").unwrap(),
            Some("title: x\n")
        );
        assert_eq!(block("---\r\ntitle: x\r\n---").unwrap(), Some("title: x\r\n"));
        assert_eq!(block("---\n---\n").unwrap(), Some(""));
        assert_eq!(block("# x\n---\n").unwrap(), None);
        assert_eq!(block("").unwrap(), None);
        assert!(block("---\ntitle: x\n").is_err());
    }
}
