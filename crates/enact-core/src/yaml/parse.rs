//! YAML events to the tree, within bounds: depth, number of nodes, aliases, distinct keys.
//!
//! An explicit stack, no recursion: input decides the depth.

#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::diagnostic::Diagnostic;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::Value;

use self::words::{
    complex_key, span_of, span_of_offset, syntax_fault, too_deep, too_many_nodes, unknown_core_tag,
};
use super::budget::Budget;
use super::text::{Span, shown, split_lines};
use super::tree::{Body, Entry, Node, Size, Special};
use super::{mapping, scalar};

/// A fault and where in the text it is.
pub type Fault = (Span, Diagnostic);

/// The tree of a text, `None` when it holds no document, and everything wrong with it. A tree with faults is not
/// whole.
pub fn parse<'t, X: Special>(
    text: &'t str,
    nesting: usize,
    budget: &mut Budget,
) -> (Option<Node<'t, X>>, Vec<Fault>) {
    let mut builder = Builder {
        text,
        nesting,
        budget,
        stack: Vec::new(),
        root: None,
        documents: 0,
        anchors: HashMap::new(),
        faults: Vec::new(),
    };
    if let Err(fault) = builder.run() {
        builder.faults.push(fault);
    }
    (builder.root, builder.faults)
}

struct Builder<'t, 'b, X> {
    text: &'t str,
    nesting: usize,
    budget: &'b mut Budget,
    stack: Vec<Frame<'t, X>>,
    root: Option<Node<'t, X>>,
    documents: usize,
    anchors: HashMap<usize, (Node<'t, X>, Size)>,
    faults: Vec<Fault>,
}

/// A list or mapping that is not closed yet.
struct Frame<'t, X> {
    span: Span,
    tag: Option<Box<str>>,
    anchor: usize,
    content: Content<'t, X>,
}

enum Content<'t, X> {
    Sequence(Vec<Node<'t, X>>),
    Mapping {
        entries: Vec<Entry<'t, X>>,
        key: Option<Key<'t>>,
    },
}

struct Key<'t> {
    text: Cow<'t, str>,
    plain: bool,
    span: Span,
}

impl<'t, X: Special> Builder<'t, '_, X> {
    fn run(&mut self) -> Result<(), Fault> {
        // The scanner takes NUL for the end of the text; the rest would vanish without a word.
        if let Some(offset) = self.text.find('\0') {
            let fault =
                Diagnostic::error("the file contains a NUL character").hint("is it a YAML text file?");
            return Err((span_of_offset(self.text, offset), fault));
        }
        let mut parser = Parser::new_from_str(self.text);
        while let Some(event) = parser.next_event() {
            let (event, marks) = event.map_err(|error| syntax_fault(self.text, &error))?;
            self.take(event, span_of(marks))?;
        }
        Ok(())
    }

    fn take(&mut self, event: Event<'t>, span: Span) -> Result<(), Fault> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => self.start_document(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Scalar(text, style, anchor, tag) => self.scalar(text, style, anchor, tag, span),
            Event::SequenceStart(anchor, tag) => {
                self.open(Content::Sequence(Vec::new()), "seq", anchor, tag, span)
            }
            Event::MappingStart(anchor, tag) => {
                let content = Content::Mapping {
                    entries: Vec::new(),
                    key: None,
                };
                self.open(content, "map", anchor, tag, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
        }
    }

    fn start_document(&mut self, span: Span) -> Result<(), Fault> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        let fault = Diagnostic::error("a second YAML document begins here")
            .detail("expected one document per file")
            .hint("move it to a file of its own, or remove the `---` line");
        Err((span, fault))
    }

    fn scalar(
        &mut self,
        text: Cow<'t, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<Cow<'t, Tag>>,
        span: Span,
    ) -> Result<(), Fault> {
        let mut plain = style == ScalarStyle::Plain;
        let tag = match tag {
            None => None,
            Some(tag) => self.scalar_tag(&tag, &text, &mut plain, span),
        };
        let body = Body::Scalar { text, plain };
        self.add(Node { span, tag, body }, anchor)
    }

    /// Applies a core tag to a scalar, or hands a local one on.
    fn scalar_tag(&mut self, tag: &Tag, text: &str, plain: &mut bool, span: Span) -> Option<Box<str>> {
        let name = match tag_name(tag) {
            TagName::Local(name) => return Some(name.into()),
            TagName::Text => "str",
            TagName::Core(name) => name,
        };
        let value = scalar::plain_value(text);
        let fits = match name {
            "str" => true,
            "null" => value == Value::Null,
            "bool" => value.is_boolean(),
            "int" => value.is_i64() || value.is_u64(),
            "float" => scalar::is_number(text),
            _ => {
                self.faults.push((span, unknown_core_tag(name)));
                return None;
            }
        };
        if !fits {
            let fault = Diagnostic::error(format!("{} is no `!!{name}`", shown(text)));
            self.faults.push((span, fault));
        }
        *plain = name != "str";
        None
    }

    fn open(
        &mut self,
        content: Content<'t, X>,
        core: &str,
        anchor: usize,
        tag: Option<Cow<'t, Tag>>,
        span: Span,
    ) -> Result<(), Fault> {
        self.refuse_complex_key(span)?;
        if self.stack.len() >= self.nesting {
            return Err((span, too_deep(self.nesting)));
        }
        let tag = match tag.as_deref().map(tag_name) {
            None | Some(TagName::Text) => None,
            Some(TagName::Core(name)) => {
                if name != core {
                    self.faults.push((span, unknown_core_tag(name)));
                }
                None
            }
            Some(TagName::Local(name)) => Some(name.into()),
        };
        self.stack.push(Frame {
            span,
            tag,
            anchor,
            content,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        let body = match frame.content {
            Content::Sequence(items) => Body::Sequence(items),
            Content::Mapping { entries, .. } => {
                let entries = mapping::distinct(entries, &mut self.faults);
                Body::Mapping(mapping::merge(entries, &mut self.faults))
            }
        };
        let node = Node {
            span: frame.span,
            tag: frame.tag,
            body,
        };
        self.add(node, frame.anchor)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Fault> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            let name = self.alias_name(span);
            let fault = Diagnostic::error(format!("`*{name}` stands inside its own anchor `&{name}`"))
                .hint("write the value out");
            return Err((span, fault));
        };
        if self.stack.len() + size.height > self.nesting {
            return Err((span, too_deep(self.nesting)));
        }
        if !self.budget.take_alias(*size) {
            let name = self.alias_name(span);
            let fault = Diagnostic::error(format!("the aliases of this file expand too far, last `*{name}`"))
                .detail(format!(
                    "the anchor `&{name}` stands for {} values each time it is used",
                    size.nodes
                ))
                .hint("use fewer aliases of large anchors");
            return Err((span, fault));
        }
        let mut node = node.clone();
        node.span = span;
        self.place(node)
    }

    /// Puts a complete node where it belongs and remembers it under its anchor.
    fn add(&mut self, node: Node<'t, X>, anchor: usize) -> Result<(), Fault> {
        if !self.budget.take_node() {
            return Err((node.span, too_many_nodes()));
        }
        if anchor > 0 {
            let size = node.size();
            if !self.budget.take_copy(size) {
                return Err((node.span, too_many_nodes()));
            }
            self.anchors.insert(anchor, (node.clone(), size));
        }
        self.place(node)
    }

    fn place(&mut self, node: Node<'t, X>) -> Result<(), Fault> {
        match self.stack.last_mut().map(|frame| &mut frame.content) {
            None => self.root = Some(node),
            Some(Content::Sequence(items)) => items.push(node),
            Some(Content::Mapping { entries, key }) => match key.take() {
                None => *key = Some(key_of(node)?),
                Some(key) => entries.push(Entry {
                    key: key.text,
                    plain: key.plain,
                    span: key.span,
                    value: node,
                }),
            },
        }
        Ok(())
    }
}

impl<X> Builder<'_, '_, X> {
    fn refuse_complex_key(&self, span: Span) -> Result<(), Fault> {
        match self.stack.last().map(|frame| &frame.content) {
            Some(Content::Mapping { key: None, .. }) => Err((span, complex_key())),
            _ => Ok(()),
        }
    }

    /// The name of the alias at a place; the events only carry a number.
    fn alias_name(&self, span: Span) -> String {
        let lines = split_lines(self.text);
        let line = lines
            .get(span.line.saturating_sub(1) as usize)
            .copied()
            .unwrap_or("");
        line.chars()
            .skip(span.column as usize)
            .take(span.length.saturating_sub(1) as usize)
            .collect()
    }
}

enum TagName<'a> {
    /// `!name`.
    Local(&'a str),
    /// `!!name`.
    Core(&'a str),
    /// A lone `!`: text, whatever it looks like.
    Text,
}

fn tag_name(tag: &Tag) -> TagName<'_> {
    if tag.is_yaml_core_schema() {
        return TagName::Core(&tag.suffix);
    }
    match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("", "!") | ("!", "") => TagName::Text,
        (_, name) => TagName::Local(name),
    }
}

fn key_of<X>(node: Node<'_, X>) -> Result<Key<'_>, Fault> {
    let span = node.span;
    if node.tag.is_some() {
        return Err((span, Diagnostic::error("a key cannot carry a tag")));
    }
    match node.body {
        Body::Scalar { text, plain: true } if text.is_empty() => {
            Err((span, Diagnostic::error("there is a `:` without a key before it")))
        }
        Body::Scalar { text, plain } => Ok(Key { text, plain, span }),
        Body::Sequence(_) | Body::Mapping(_) | Body::Special(_) | Body::Faulty => Err((span, complex_key())),
    }
}
