//! A tree as YAML text in block style, in the order of its keys. Reading the text gives the same tree.

use enact_core::yaml::{Body, Entry, Plain, Span};
use serde_json::Value;

use crate::process::display::is_hidden;
use crate::reading::Node;

/// Words that other readers of YAML take for truth values.
const OLD_WORDS: [&str; 6] = ["yes", "no", "on", "off", "y", "n"];

/// The text of a mapping, list or scalar.
pub(crate) fn write(node: &Node) -> String {
    let mut text = String::new();
    match &node.body {
        Body::Mapping(entries) if !entries.is_empty() => mapping(entries, 0, &mut text),
        Body::Sequence(items) if !items.is_empty() => sequence(items, 0, &mut text),
        Body::Mapping(_) | Body::Sequence(_) | Body::Scalar { .. } | Body::Special(_) | Body::Faulty => {
            value(node, 0, &mut text);
        }
    }
    text
}

fn mapping(entries: &[Entry<'static, Plain>], indent: usize, text: &mut String) {
    for (index, entry) in entries.iter().enumerate() {
        // The first key of a list's item stands behind its dash.
        if index > 0 || !text.ends_with("- ") {
            text.push_str(&" ".repeat(indent));
        }
        text.push_str(&one_line(&entry.key, true));
        text.push(':');
        value(&entry.value, indent, text);
    }
}

fn sequence(items: &[Node], indent: usize, text: &mut String) {
    for item in items {
        text.push_str(&" ".repeat(indent));
        match &item.body {
            Body::Mapping(entries) if !entries.is_empty() => {
                text.push_str("- ");
                mapping(entries, indent + 2, text);
            }
            Body::Mapping(_) | Body::Sequence(_) | Body::Scalar { .. } | Body::Special(_) | Body::Faulty => {
                text.push('-');
                value(item, indent, text);
            }
        }
    }
}

/// What stands behind a `:` or a `-`, with the line break after it.
fn value(node: &Node, indent: usize, text: &mut String) {
    match &node.body {
        Body::Mapping(entries) if entries.is_empty() => text.push_str(" {}\n"),
        Body::Sequence(items) if items.is_empty() => text.push_str(" []\n"),
        Body::Mapping(entries) => {
            text.push('\n');
            mapping(entries, indent + 2, text);
        }
        Body::Sequence(items) => {
            text.push('\n');
            sequence(items, indent + 2, text);
        }
        Body::Scalar { text: said, plain } => scalar(said, *plain, indent, text),
        Body::Special(_) | Body::Faulty => text.push('\n'),
    }
}

fn scalar(said: &str, plain: bool, indent: usize, text: &mut String) {
    if plain && said.is_empty() {
        text.push('\n');
    } else if !plain && is_block(said) {
        block(said, indent + 2, text);
    } else {
        text.push(' ');
        text.push_str(&one_line(said, !plain));
        text.push('\n');
    }
}

/// Can it be written out line by line?
fn is_block(said: &str) -> bool {
    let inner = said.trim_end_matches('\n');
    inner.contains('\n')
        && !inner.starts_with('\n')
        && said
            .chars()
            .all(|next| next == '\n' || next == '\t' || is_printable(next))
}

fn is_printable(next: char) -> bool {
    // What nobody sees is written so that it is seen.
    !next.is_control() && !is_hidden(next)
}

fn block(said: &str, indent: usize, text: &mut String) {
    let inner = said.trim_end_matches('\n');
    text.push_str(" |");
    if inner.starts_with([' ', '\t']) {
        text.push('2');
    }
    let breaks = said.len() - inner.len();
    match breaks {
        0 => text.push('-'),
        1 => {}
        _ => text.push('+'),
    }
    text.push('\n');
    for line in inner.split('\n') {
        if !line.is_empty() {
            text.push_str(&" ".repeat(indent));
            text.push_str(line);
        }
        text.push('\n');
    }
    text.push_str(&"\n".repeat(breaks.saturating_sub(1)));
}

/// A scalar within one line: as it is where that means the same, otherwise quoted.
fn one_line(said: &str, is_text: bool) -> String {
    let body = Body::Scalar {
        text: said.to_owned().into(),
        plain: true,
    };
    let node = Node::new(Span::default(), body);
    let is_word = matches!(node.scalar(), Some(Value::String(_)));
    let stands = if is_text {
        node.text().is_some() && is_safe(said)
    } else {
        !is_word || is_safe(said)
    };
    if stands { said.to_owned() } else { quoted(said) }
}

fn is_safe(said: &str) -> bool {
    let first = said.chars().next().unwrap_or(' ');
    let begins =
        first.is_alphanumeric() || matches!(first, '/' | '.' | '_' | '$' | '(' | '+' | '~' | '<' | '=');
    let separates = said.contains(": ") || said.contains(" #") || said.ends_with(':') || said.ends_with(' ');
    begins
        && !separates
        && said.chars().all(is_printable)
        && !said.contains('\u{a0}')
        && !OLD_WORDS.contains(&said.to_ascii_lowercase().as_str())
}

/// In double quotes. What JSON leaves and YAML does not print is escaped.
fn quoted(said: &str) -> String {
    let mut text = String::from("\"");
    for character in said.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            other if is_printable(other) => text.push(other),
            other => text.push_str(&format!("\\U{:08X}", u32::from(other))),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use enact_core::yaml::{Budget, parse};
    use proptest::prelude::*;
    use serde_json::json;

    fn read(text: &str) -> Node {
        let mut budget = Budget::new(1 << 20, 10_000, 10_000);
        let (node, faults) = parse::<Plain>(text, 64, &mut budget);
        assert!(faults.is_empty(), "{faults:?} in\n{text}");
        node.unwrap().into_owned()
    }

    fn comes_back(value: &Value) {
        let text = write(&Node::from_json(value.clone()));
        assert_eq!(&crate::questions::value_of(&read(&text)), value, "{text}");
    }

    #[test]
    fn texts_of_every_shape_come_back() {
        for text in [
            "",
            " ",
            "a",
            "a b",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "true",
            "null",
            "12",
            "1.5",
            "0x1f",
            ".inf",
            "yes",
            "~",
            "a\nb",
            "a\nb\n",
            "a\nb\n\n\n",
            "\na",
            " a\n b",
            "\ta\nb",
            "a \nb  ",
            "a\r\nb",
            "\u{85}",
            "\u{7f}x\ny",
            "'a'",
            "\"a\"",
            "{a}",
            "[a]",
            "@a",
            "`a`",
            "%a",
            "a:",
            "---",
            "...",
            "?",
            "? a",
            "| a",
            "> a",
            "!a",
            "&a",
            "*a",
            "é ✓",
            "a\u{200b}b",
            "\u{feff}",
            "\n",
            "\n\n",
            "a\n\nb",
            "${{ params.x }}",
            "a\n---\nb\n",
            "2h",
            "<a",
        ] {
            comes_back(&json!({ "key": text, "list": [text, [text]], text: {"x": text} }));
        }
    }

    #[test]
    fn it_looks_as_a_person_would_write_it() {
        let value = json!({"a": [{"id": "x", "run": "ls\npwd\n"}, []], "b": true, "c": {}});
        let expected = "a:\n  - id: x\n    run: |\n      ls\n      pwd\n  - []\nb: true\nc: {}\n";
        assert_eq!(write(&Node::from_json(value)), expected);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "\\PC{0,20}|[ -~\\n\\t]{0,40}|(?s).{0,10}") {
            prop_assume!(!text.contains('\0'));
            comes_back(&json!({ "key": [text.clone()], "x": { "y": text } }));
        }
    }
}
