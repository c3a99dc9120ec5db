//! The tree that a YAML text becomes, with what the tags of this domain stand for.

use enact_core::yaml;

/// A node of the tree.
pub(super) type Node<'t> = yaml::Node<'t, Special>;
/// What a node holds.
pub(super) type Body<'t> = yaml::Body<'t, Special>;
/// A key with its value.
pub(super) type Entry<'t> = yaml::Entry<'t, Special>;

/// What a tag of this domain became.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Special {
    /// `!env`, read.
    Environment(Box<FromEnvironment>),
    /// `!ref`, taken apart.
    Reference(Box<Target>),
}

impl yaml::Special for Special {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Environment(value) => Some(&value.text),
            Self::Reference(_) => None,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Environment(value) => format!("the text of `{}`", value.variable),
            Self::Reference(target) => format!("a reference to `{}`", target.reference),
        }
    }
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
