//! What a file pulled in by `!file` (or a value read by `!env`) means, and taking one value out of it.

use std::borrow::Cow;
use std::path::Path;

use base64::Engine;
use enact_core::diagnostic::Diagnostic;
use serde_json::Value;

use super::budget::Limits;
use super::text::{Span, shown};
use super::tree::{Body, Node};
use enact_core::yaml;
use enact_core::yaml::suggest;

/// An interpreted file.
#[derive(Debug)]
pub(super) struct Attachment {
    /// Its tree; a single text for anything that is not YAML or JSON.
    pub(super) node: Node<'static>,
    /// Can a path be followed into it (images stay whole)?
    pub(super) structured: bool,
}

const IMAGES: &[(&str, &str)] = &[
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("svg", "image/svg+xml"),
    ("ico", "image/x-icon"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
];

/// Interprets a file's content by the ending of its name.
///
/// # Errors
/// A fault without place, when the content is not what the name promises.
pub(super) fn interpret(path: &Path, bytes: Vec<u8>, nesting: usize) -> Result<Attachment, Diagnostic> {
    let ending = path
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or("")
        .to_ascii_lowercase();
    if let Some((_, mime)) = IMAGES.iter().find(|(image, _)| *image == ending) {
        let data = base64::engine::general_purpose::STANDARD.encode(bytes);
        return Ok(whole(format!("data:{mime};base64,{data}")));
    }
    let name = path.display();
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Diagnostic::error(format!(
            "`{name}` is not UTF-8: the byte at offset {offset} does not belong"
        ))
        .hint("save the file as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let node = match ending.as_str() {
        "yaml" | "yml" => yaml(text, nesting).map_err(|fault| inside(&name.to_string(), fault))?,
        "json" => json(text).map_err(|fault| inside(&name.to_string(), fault))?,
        _ => return Ok(whole(text.to_owned())),
    };
    Ok(Attachment {
        node,
        structured: true,
    })
}

/// Parses a text as YAML (JSON included) to take a value out of it.
///
/// # Errors
/// The first fault as words, with line and column; never the content.
pub(super) fn yaml(text: &str, nesting: usize) -> Result<Node<'static>, String> {
    let mut budget = Limits::default().budget();
    let (node, faults) = yaml::parse(text, nesting, &mut budget);
    if let Some((span, fault)) = faults.into_iter().next() {
        return Err(format!("{}:{}: {}", span.line, span.column, fault.summary));
    }
    let null = || Node::from_json(Value::Null);
    Ok(node.map_or_else(null, |node| untagged(node.into_owned())))
}

fn json(text: &str) -> Result<Node<'static>, String> {
    let parsed = serde_json::from_str::<Value>(text);
    let value = parsed.map_err(|error| format!("{}:{}: not valid JSON", error.line(), error.column()))?;
    Ok(Node::from_json(value))
}

fn inside(name: &str, fault: String) -> Diagnostic {
    Diagnostic::error(format!("the file that `!file` names is faulty: {name}:{fault}"))
}

fn whole(text: String) -> Attachment {
    let body = Body::Scalar {
        text: Cow::Owned(text),
        plain: false,
    };
    Attachment {
        node: Node::new(Span::default(), body),
        structured: false,
    }
}

/// Tags in a loaded file mean nothing.
fn untagged(node: Node<'static>) -> Node<'static> {
    let span = node.span;
    node.relocated(span)
}

/// The node at a dotted path; numbers step into lists.
///
/// # Errors
/// A fault without place that names the step that leads nowhere.
pub(super) fn extract<'a>(node: &'a Node<'static>, path: &str) -> Result<&'a Node<'static>, Diagnostic> {
    let mut current = node;
    for step in path.split('.') {
        current = match &current.body {
            Body::Mapping(entries) => match entries.iter().find(|entry| entry.key == step) {
                Some(entry) => &entry.value,
                None => {
                    let keys = entries.iter().map(|entry| entry.key.as_ref()).take(20);
                    let fault = no_step(path, step);
                    return Err(fault.hint(suggest::hint(step, keys.collect::<Vec<_>>())));
                }
            },
            Body::Sequence(items) => {
                let item = step.parse::<usize>().ok().and_then(|index| items.get(index));
                item.ok_or_else(|| {
                    no_step(path, step).hint(format!("the list there has {} entries, from 0", items.len()))
                })?
            }
            Body::Scalar { .. } | Body::Special(_) | Body::Faulty => {
                return Err(no_step(path, step).hint("the value before it is a single value"));
            }
        };
    }
    Ok(current)
}

fn no_step(path: &str, step: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "the path {} leads nowhere: there is no {}",
        shown(path),
        shown(step)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, content: &[u8]) -> Result<Attachment, Diagnostic> {
        interpret(Path::new(name), content.to_vec(), 64)
    }

    #[test]
    fn the_ending_decides_what_a_file_means() {
        let text = |name: &str, content: &[u8]| read(name, content).unwrap().node.scalar().unwrap();
        assert_eq!(text("a.png", &[1, 2, 3]), "data:image/png;base64,AQID");
        assert_eq!(text("a.ICO", &[0]), "data:image/x-icon;base64,AA==");
        assert_eq!(text("a.svg", b"<svg/>"), "data:image/svg+xml;base64,PHN2Zy8+");
        assert_eq!(text("a.md", "\u{feff}# é".as_bytes()), "# é");
        assert_eq!(text("a.json", b"5"), 5);
        assert_eq!(text("a.yml", b"!env HOME"), "HOME");
    }

    #[test]
    fn faulty_files_say_where() {
        let summary = |name: &str, content: &[u8]| read(name, content).unwrap_err().summary;
        assert_eq!(
            summary("a.md", b"ab\xff"),
            "`a.md` is not UTF-8: the byte at offset 2 does not belong"
        );
        assert_eq!(
            summary("a.json", b"{\n"),
            "the file that `!file` names is faulty: a.json:2:0: not valid JSON"
        );
        assert_eq!(
            summary("a.yaml", b"a: 1\na: 2"),
            "the file that `!file` names is faulty: a.yaml:2:1: the key `a` is used twice in this mapping"
        );
    }

    #[test]
    fn a_dotted_path_steps_through_mappings_and_lists() {
        let file = read("a.yaml", b"info: {titles: [one, two]}").unwrap();
        assert_eq!(extract(&file.node, "info.titles.1").unwrap().text(), Some("two"));
        let fault = extract(&file.node, "info.titels").unwrap_err();
        assert_eq!(
            fault.summary,
            "the path `info.titels` leads nowhere: there is no `titels`"
        );
        assert_eq!(fault.hint.unwrap(), "did you mean `titles`?");
        let fault = extract(&file.node, "info.titles.2").unwrap_err();
        assert_eq!(fault.hint.unwrap(), "the list there has 2 entries, from 0");
        assert!(extract(&file.node, "info.titles.1.x").is_err());
    }
}
