//! The tree that a YAML text becomes: lean, borrowed from the text, every node with its place.

use std::borrow::Cow;

use serde_json::Value;

use super::scalar;
use super::text::{Span, shown};

/// A node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'t, X = Plain> {
    /// Where it stands.
    pub span: Span,
    /// A local tag without its `!`; core tags (`!!str`) are dealt with when parsing.
    pub tag: Option<Box<str>>,
    /// What it holds.
    pub body: Body<'t, X>,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Body<'t, X = Plain> {
    /// A scalar; plain ones are typed by the core schema, all others are text.
    Scalar {
        /// As it was written, quotes and escapes undone.
        text: Cow<'t, str>,
        /// Was it written without quotes?
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node<'t, X>>),
    /// A mapping with distinct keys.
    Mapping(Vec<Entry<'t, X>>),
    /// What a domain's own tag stands for.
    Special(X),
    /// Something that was already reported; nobody complains about it again.
    Faulty,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<'t, X = Plain> {
    /// The key.
    pub key: Cow<'t, str>,
    /// Was the key written without quotes (only then is `<<` a merge)?
    pub plain: bool,
    /// Where the key stands.
    pub span: Span,
    /// The value.
    pub value: Node<'t, X>,
}

/// What the local tags of a domain (`!env`) become in the tree.
pub trait Special: Clone {
    /// Its text, when it is text by its type.
    fn text(&self) -> Option<&str>;
    /// What it is, for "expected …, found …".
    fn describe(&self) -> String;
}

/// A tree without anything special.
#[derive(Debug, Clone, PartialEq)]
pub enum Plain {}

impl Special for Plain {
    fn text(&self) -> Option<&str> {
        match *self {}
    }

    fn describe(&self) -> String {
        match *self {}
    }
}

/// How big a subtree is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Nodes, itself included.
    pub nodes: usize,
    /// Bytes of all scalars and keys.
    pub bytes: usize,
    /// Levels, itself included.
    pub height: usize,
}

impl<'t, X: Special> Node<'t, X> {
    /// A node without tag.
    pub fn new(span: Span, body: Body<'t, X>) -> Self {
        Self {
            span,
            tag: None,
            body,
        }
    }

    /// The JSON value of a scalar; `None` for everything else.
    pub fn scalar(&self) -> Option<Value> {
        match &self.body {
            Body::Scalar { text, plain: true } => Some(scalar::plain_value(text)),
            Body::Scalar { text, plain: false } => Some(Value::String(text.clone().into_owned())),
            Body::Special(special) => special.text().map(|text| Value::String(text.to_owned())),
            Body::Sequence(_) | Body::Mapping(_) | Body::Faulty => None,
        }
    }

    /// The text of a scalar that is text by its type.
    pub fn text(&self) -> Option<&str> {
        match &self.body {
            Body::Scalar { text, plain } => (!plain || is_plain_text(text)).then_some(text.as_ref()),
            Body::Special(special) => special.text(),
            Body::Sequence(_) | Body::Mapping(_) | Body::Faulty => None,
        }
    }

    /// Is it `null`, written out or by leaving the value away?
    pub fn is_null(&self) -> bool {
        matches!(&self.body, Body::Scalar { text, plain: true } if matches!(scalar::plain_value(text), Value::Null))
    }

    /// Was the value simply left away?
    pub fn is_absent(&self) -> bool {
        matches!(&self.body, Body::Scalar { text, plain: true } if text.is_empty())
    }

    /// Has it been reported already?
    pub fn is_faulty(&self) -> bool {
        matches!(self.body, Body::Faulty)
    }

    /// What it is, for "expected …, found …".
    pub fn describe(&self) -> String {
        match &self.body {
            Body::Scalar { text, plain: false } => format!("text {}", shown(text)),
            Body::Scalar { text, plain: true } => describe_plain(text),
            Body::Sequence(_) => "a list".into(),
            Body::Mapping(_) => "a mapping".into(),
            Body::Special(special) => special.describe(),
            Body::Faulty => "something faulty".into(),
        }
    }

    /// How big it is.
    pub fn size(&self) -> Size {
        match &self.body {
            Body::Scalar { text, .. } => leaf(text.len()),
            Body::Sequence(items) => branch(items.iter().map(|item| (0, item))),
            Body::Mapping(entries) => branch(entries.iter().map(|entry| (entry.key.len(), &entry.value))),
            Body::Special(_) | Body::Faulty => leaf(0),
        }
    }

    /// The same tree with every place set to `span`: it stands where its tag stood.
    pub fn relocated(self, span: Span) -> Self {
        let body = match self.body {
            Body::Sequence(items) => {
                Body::Sequence(items.into_iter().map(|item| item.relocated(span)).collect())
            }
            Body::Mapping(entries) => Body::Mapping(
                entries
                    .into_iter()
                    .map(|entry| Entry {
                        span,
                        value: entry.value.relocated(span),
                        ..entry
                    })
                    .collect(),
            ),
            leaf @ (Body::Scalar { .. } | Body::Special(_) | Body::Faulty) => leaf,
        };
        Node {
            span,
            tag: None,
            body,
        }
    }

    /// The same tree, free of the text it was read from.
    pub fn into_owned(self) -> Node<'static, X> {
        let body = match self.body {
            Body::Scalar { text, plain } => Body::Scalar {
                text: Cow::Owned(text.into_owned()),
                plain,
            },
            Body::Sequence(items) => Body::Sequence(items.into_iter().map(Node::into_owned).collect()),
            Body::Mapping(entries) => Body::Mapping(entries.into_iter().map(Entry::into_owned).collect()),
            Body::Special(special) => Body::Special(special),
            Body::Faulty => Body::Faulty,
        };
        Node {
            span: self.span,
            tag: self.tag,
            body,
        }
    }

    /// The tree of a JSON value.
    pub fn from_json(value: Value) -> Node<'static, X> {
        let plain = |text: String| Body::Scalar {
            text: Cow::Owned(text),
            plain: true,
        };
        let body = match value {
            Value::Null => plain(String::new()),
            Value::Bool(value) => plain(value.to_string()),
            Value::Number(value) => plain(value.to_string()),
            Value::String(text) => Body::Scalar {
                text: Cow::Owned(text),
                plain: false,
            },
            Value::Array(items) => Body::Sequence(items.into_iter().map(Node::from_json).collect()),
            Value::Object(entries) => Body::Mapping(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        key: Cow::Owned(key),
                        plain: false,
                        span: Span::default(),
                        value: Node::from_json(value),
                    })
                    .collect(),
            ),
        };
        Node::new(Span::default(), body)
    }
}

impl<X: Special> Entry<'_, X> {
    fn into_owned(self) -> Entry<'static, X> {
        Entry {
            key: Cow::Owned(self.key.into_owned()),
            plain: self.plain,
            span: self.span,
            value: self.value.into_owned(),
        }
    }
}

fn is_plain_text(text: &str) -> bool {
    matches!(scalar::plain_value(text), Value::String(_)) && !scalar::is_number(text)
}

fn describe_plain(text: &str) -> String {
    if scalar::is_number(text) {
        return format!("number {text}");
    }
    match scalar::plain_value(text) {
        Value::Null => "nothing (null)".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            format!("text {}", shown(text))
        }
    }
}

fn leaf(bytes: usize) -> Size {
    Size {
        nodes: 1,
        bytes,
        height: 1,
    }
}

fn branch<'a, 't: 'a, X: Special + 'a>(children: impl Iterator<Item = (usize, &'a Node<'t, X>)>) -> Size {
    let mut total = leaf(0);
    for (key_bytes, child) in children {
        let size = child.size();
        total.nodes += size.nodes;
        total.bytes += size.bytes + key_bytes;
        total.height = total.height.max(size.height + 1);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_json_value_becomes_the_same_tree() {
        let node: Node<'_> = Node::from_json(json!({"a": [1, "5", null, true]}));
        assert_eq!(
            node.size(),
            Size {
                nodes: 6,
                bytes: 7,
                height: 3
            }
        );
        let Body::Mapping(entries) = &node.body else {
            panic!("not a mapping")
        };
        let Body::Sequence(items) = &entries[0].value.body else {
            panic!("not a list")
        };
        assert_eq!(items[0].describe(), "number 1");
        assert_eq!(items[1].describe(), "text `5`");
        assert_eq!(items[2].describe(), "nothing (null)");
        assert_eq!(items[3].describe(), "true");
        assert_eq!(items[1].text(), Some("5"));
        assert_eq!(items[0].text(), None);
    }

    #[test]
    fn infinity_is_a_number_not_text() {
        let body = Body::Scalar {
            text: ".inf".into(),
            plain: true,
        };
        let node: Node<'_> = Node::new(Span::default(), body);
        assert_eq!((node.text(), node.describe()), (None, "number .inf".to_owned()));
    }
}
