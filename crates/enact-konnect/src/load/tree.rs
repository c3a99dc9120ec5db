//! The tree that a YAML text becomes: lean, borrowed from the text, every node with its place.

use std::borrow::Cow;

use serde_json::Value;

use super::scalar;
use super::text::{Span, shown};

/// A node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node<'t> {
    pub(super) span: Span,
    /// A local tag without its `!`; core tags (`!!str`) are dealt with when parsing.
    pub(super) tag: Option<Box<str>>,
    pub(super) body: Body<'t>,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body<'t> {
    /// A scalar; plain ones are typed by the core schema, all others are text.
    Scalar { text: Cow<'t, str>, plain: bool },
    /// A list.
    Sequence(Vec<Node<'t>>),
    /// A mapping with distinct keys.
    Mapping(Vec<Entry<'t>>),
    /// `!env`, read.
    Environment(Box<FromEnvironment>),
    /// `!ref`, taken apart.
    Reference(Box<Target>),
    /// Something that was already reported; nobody complains about it again.
    Faulty,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry<'t> {
    pub(super) key: Cow<'t, str>,
    /// Was the key written without quotes (only then is `<<` a merge)?
    pub(super) plain: bool,
    pub(super) span: Span,
    pub(super) value: Node<'t>,
}

/// A value read from the environment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FromEnvironment {
    /// `VAR` or `VAR#a.b`.
    pub(super) variable: String,
    pub(super) text: String,
}

/// What a `!ref` points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) reference: String,
    pub(super) field: String,
}

/// How big a subtree is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) nodes: usize,
    pub(super) bytes: usize,
    pub(super) height: usize,
}

impl<'t> Node<'t> {
    /// A node without tag.
    pub(super) fn new(span: Span, body: Body<'t>) -> Self {
        Self {
            span,
            tag: None,
            body,
        }
    }

    /// The JSON value of a scalar; `None` for everything else.
    pub(super) fn scalar(&self) -> Option<Value> {
        match &self.body {
            Body::Scalar { text, plain: true } => Some(scalar::plain_value(text)),
            Body::Scalar { text, plain: false } => Some(Value::String(text.clone().into_owned())),
            Body::Environment(value) => Some(Value::String(value.text.clone())),
            Body::Sequence(_) | Body::Mapping(_) | Body::Reference(_) | Body::Faulty => None,
        }
    }

    /// The text of a scalar that is text by its type.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.body {
            Body::Scalar { text, plain } => (!plain || is_plain_text(text)).then_some(text.as_ref()),
            Body::Environment(value) => Some(&value.text),
            Body::Sequence(_) | Body::Mapping(_) | Body::Reference(_) | Body::Faulty => None,
        }
    }

    /// Is it `null`, written out or by leaving the value away?
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.body, Body::Scalar { text, plain: true } if matches!(scalar::plain_value(text), Value::Null))
    }

    /// Was the value simply left away?
    pub(super) fn is_absent(&self) -> bool {
        matches!(&self.body, Body::Scalar { text, plain: true } if text.is_empty())
    }

    /// Has it been reported already?
    pub(super) fn is_faulty(&self) -> bool {
        matches!(self.body, Body::Faulty)
    }

    /// What it is, for "expected …, found …".
    pub(super) fn describe(&self) -> String {
        match &self.body {
            Body::Scalar { text, plain: false } => format!("text {}", shown(text)),
            Body::Scalar { text, plain: true } => describe_plain(text),
            Body::Sequence(_) => "a list".into(),
            Body::Mapping(_) => "a mapping".into(),
            Body::Environment(value) => format!("the text of `{}`", value.variable),
            Body::Reference(target) => format!("a reference to `{}`", target.reference),
            Body::Faulty => "something faulty".into(),
        }
    }

    /// How big it is.
    pub(super) fn size(&self) -> Size {
        match &self.body {
            Body::Scalar { text, .. } => leaf(text.len()),
            Body::Sequence(items) => branch(items.iter().map(|item| (0, item))),
            Body::Mapping(entries) => branch(entries.iter().map(|entry| (entry.key.len(), &entry.value))),
            Body::Environment(_) | Body::Reference(_) | Body::Faulty => leaf(0),
        }
    }

    /// The same tree with every place set to `span`: it stands where its tag stood.
    pub(super) fn relocated(self, span: Span) -> Self {
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
            leaf @ (Body::Scalar { .. } | Body::Environment(_) | Body::Reference(_) | Body::Faulty) => leaf,
        };
        Node {
            span,
            tag: None,
            body,
        }
    }

    /// The same tree, free of the text it was read from.
    pub(super) fn into_owned(self) -> Node<'static> {
        let body = match self.body {
            Body::Scalar { text, plain } => Body::Scalar {
                text: Cow::Owned(text.into_owned()),
                plain,
            },
            Body::Sequence(items) => Body::Sequence(items.into_iter().map(Node::into_owned).collect()),
            Body::Mapping(entries) => Body::Mapping(entries.into_iter().map(Entry::into_owned).collect()),
            Body::Environment(value) => Body::Environment(value),
            Body::Reference(target) => Body::Reference(target),
            Body::Faulty => Body::Faulty,
        };
        Node {
            span: self.span,
            tag: self.tag,
            body,
        }
    }

    /// The tree of a JSON value.
    pub(super) fn from_json(value: Value) -> Node<'static> {
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

impl Entry<'_> {
    fn into_owned(self) -> Entry<'static> {
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

fn branch<'a, 't: 'a>(children: impl Iterator<Item = (usize, &'a Node<'t>)>) -> Size {
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
        let node = Node::from_json(json!({"a": [1, "5", null, true]}));
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
        let node = Node::new(Span::default(), body);
        assert_eq!((node.text(), node.describe()), (None, "number .inf".to_owned()));
    }
}
