//! The first line of a code block, `bash {id=migrate timeout=25m}`, and what the block is for.

use std::ops::Range;

use enact_core::yaml::{Body, Span};

use super::blocks::Fence;
use super::lines::Fragment;
use super::{Pair, Translation, pair, scalar};
use crate::kinds::KINDS;
use crate::reading::Node;

/// Languages that the shell of the settings runs.
pub(super) const SHELLS: [&str; 3] = ["bash", "sh", "shell"];

/// The first line of a code block.
#[derive(Debug, Default)]
pub(super) struct Info {
    pub(super) language: String,
    words: Vec<String>,
    pub(super) attributes: Vec<Pair>,
}

/// What a code block is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// `yaml enact`: more keys.
    Fields,
    /// `verify`: a check.
    Check,
    /// `rollback`: how it is taken back.
    Undo,
    /// A script.
    Script,
    /// The YAML of one kind of action: `http`.
    Action(&'static str),
    /// Anything else.
    Other,
}

impl Info {
    pub(super) fn role(&self) -> Role {
        let language = self.language.as_str();
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        match (language, words.as_slice()) {
            ("yaml" | "yml", ["enact"]) => Role::Fields,
            ("verify", []) | (_, ["verify"]) => Role::Check,
            ("rollback", []) | (_, ["rollback"]) => Role::Undo,
            (_, []) => self.action(),
            _ => Role::Other,
        }
    }

    fn action(&self) -> Role {
        if self.is_shell() || self.language == "run" {
            return Role::Script;
        }
        let kind = KINDS
            .iter()
            .find(|kind| kind.is_step() && kind.name() == self.language);
        kind.map_or(Role::Other, |kind| Role::Action(kind.name()))
    }

    pub(super) fn is_shell(&self) -> bool {
        SHELLS.contains(&self.language.as_str())
    }
}

impl Translation<'_> {
    /// The language that a block of code names, in small letters; empty without one.
    pub(super) fn language(&self, fence: &Fence) -> String {
        let line = fence.info.as_ref().map_or("", |range| self.lines.slice(range));
        let word = line.split_whitespace().next().unwrap_or_default();
        word.to_ascii_lowercase()
    }

    /// Reads the first line of a code block.
    pub(super) fn info(&mut self, fence: &Fence) -> Info {
        let Some(range) = &fence.info else {
            return Info::default();
        };
        let text = self.lines.slice(range);
        let (head, attributes) = match text.find('{') {
            Some(at) => (text.get(..at).unwrap_or(""), Some(range.start + at..range.end)),
            None => (text, None),
        };
        let mut words = head.split_whitespace().map(ToOwned::to_owned);
        Info {
            language: words.next().unwrap_or_default().to_ascii_lowercase(),
            words: words.collect(),
            attributes: attributes.map_or_else(Vec::new, |range| self.attributes(&range)),
        }
    }

    /// `{key=value key="a value" key=[a, b]}`.
    fn attributes(&mut self, range: &Range<usize>) -> Vec<Pair> {
        let text = self.lines.slice(range);
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let Some(inner) = inner else {
            self.ambiguous(
                range,
                "the attributes of this block do not end",
                "close them with `}` at the end of the line",
            );
            return Vec::new();
        };
        let mut found: Vec<Pair> = Vec::new();
        let mut at = range.start + 1;
        let end = at + inner.len();
        while at < end {
            let rest = self.lines.slice(&(at..end));
            let trimmed = rest.trim_start();
            at += rest.len() - trimmed.len();
            if trimmed.is_empty() {
                break;
            }
            let key_end = trimmed.find(|next: char| next == '=' || next.is_whitespace());
            let key_length = key_end.unwrap_or(trimmed.len());
            let key = at..at + key_length;
            if key_length == 0 || !trimmed.get(key_length..).unwrap_or("").starts_with('=') {
                self.ambiguous(
                    &key,
                    "an attribute is `key=value`",
                    "write it like {id=migrate timeout=25m}",
                );
                return found;
            }
            let value_at = key.end + 1;
            let length = value_length(self.lines.slice(&(value_at..end)));
            let value = value_at..value_at + length;
            at = value.end;
            let name = self.lines.slice(&key).to_owned();
            if let Some(node) = self.attribute_value(&value) {
                let span = self.lines.span(&key);
                self.put(&mut found, pair(&name, span, node));
            }
        }
        found
    }

    fn attribute_value(&mut self, range: &Range<usize>) -> Option<Node> {
        if range.is_empty() {
            self.ambiguous(range, "an attribute without a value", "write `key=value`");
            return None;
        }
        self.yaml(&Fragment::of(&self.lines, range))
    }

    /// Adds an entry to a mapping; a key that is there already is a fault that names both places.
    pub(super) fn put(&mut self, entries: &mut Vec<Pair>, entry: Pair) {
        if let Some(earlier) = entries.iter().find(|earlier| earlier.key == entry.key) {
            let fault = enact_core::diagnostic::Diagnostic::error(format!("`{}` is given twice", entry.key));
            let detail = format!(
                "here, and at line {}, column {}",
                earlier.span.line, earlier.span.column
            );
            self.say(crate::reading::DOCUMENT, entry.span, fault.detail(detail));
            return;
        }
        entries.push(entry);
    }

    /// The code of a block as a text.
    pub(super) fn code(&self, fence: &Fence) -> Node {
        let span = fence.code.moved(
            &self.lines,
            Span {
                line: 1,
                column: 1,
                length: 0,
            },
        );
        Node::new(span, scalar(fence.code.text.clone()))
    }

    /// What a block does, as the entry of a step or check: `run: …`, or the YAML of its kind. `None`: it says so.
    pub(super) fn action(&mut self, fence: &Fence, range: &Range<usize>, info: &Info) -> Option<Pair> {
        let span = self.lines.span(range);
        if let Role::Action(kind) = info.action() {
            let node = self.yaml(&fence.code)?;
            return Some(pair(kind, span, node));
        }
        if !info.is_shell() && !matches!(info.language.as_str(), "run" | "verify" | "rollback") {
            self.ambiguous(
                range,
                format!("a block of `{}` is no command", info.language),
                "write a block of `bash`, or the keys of the step in a block `yaml enact`",
            );
            return None;
        }
        Some(pair("run", span, self.code(fence)))
    }

    /// The checks of a block: one, or a list of them in YAML.
    pub(super) fn checks(&mut self, fence: &Fence, range: &Range<usize>, info: &Info) -> Vec<Node> {
        let span = self.lines.span(range);
        if matches!(info.language.as_str(), "yaml" | "yml") {
            self.no_attributes(info, range);
            return match self.yaml(&fence.code).map(|node| (node.span, node.body)) {
                Some((_, Body::Sequence(items))) => items,
                Some((span, body)) => vec![Node::new(span, body)],
                None => Vec::new(),
            };
        }
        let Some(action) = self.action(fence, range, info) else {
            return Vec::new();
        };
        let mut entries = vec![action];
        for attribute in &info.attributes {
            self.put(&mut entries, attribute.clone());
        }
        vec![Node::new(span, Body::Mapping(entries))]
    }

    /// Where the code of a block holds keys itself, attributes on its first line are not read.
    pub(super) fn no_attributes(&mut self, info: &Info, range: &Range<usize>) {
        if !info.attributes.is_empty() {
            self.ambiguous(
                range,
                "attributes mean nothing on this block",
                "write them inside of it",
            );
        }
    }

    /// A block whose end or whose language is not clear must not be executed.
    pub(super) fn is_clear(&mut self, fence: &Fence, range: &Range<usize>) -> bool {
        if !fence.closed {
            self.ambiguous(
                range,
                "this block of code has no end",
                "close it with the mark that opens it",
            );
            return false;
        }
        if fence.info.is_none() {
            self.ambiguous(
                range,
                "this block is code only because it is indented",
                "put it between lines of ``` and name its language",
            );
            return false;
        }
        true
    }
}

/// How long a value is: quoted, in brackets, or to the next blank.
fn value_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut quote: Option<char> = None;
    for (index, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, _) if character.is_whitespace() && depth == 0 => return index,
            (None, _) => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_they_should() {
        for (text, value) in [
            ("25m x", "25m"),
            ("\"a b\" c", "\"a b\""),
            ("[R1, R2] c", "[R1, R2]"),
            ("{low: 1m, likely: 2m} c", "{low: 1m, likely: 2m}"),
            ("'it", "'it"),
        ] {
            assert_eq!(&text[..value_length(text)], value);
        }
    }
}
