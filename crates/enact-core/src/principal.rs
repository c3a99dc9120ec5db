//! Who acts: persons, agents and services, and what an agent may never do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What kind of actor somebody is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A human being.
    Person,
    /// An AI agent. It may plan and ask; it never approves, confirms or decides.
    Agent,
    /// A program with an identity of its own: CI, a controller.
    Service,
}

/// Somebody, as proved by the surroundings (operating system user, key), never by an argument.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// A name: `os:ana`, `key:SHA256:…`.
    pub id: String,
    /// What kind of actor.
    pub kind: PrincipalKind,
}

impl Principal {
    /// May this principal approve, confirm and decide?
    pub fn may_decide(&self) -> bool {
        self.kind != PrincipalKind::Agent
    }
}

impl std::fmt::Display for Principal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            PrincipalKind::Person => "person",
            PrincipalKind::Agent => "agent",
            PrincipalKind::Service => "service",
        };
        write!(formatter, "{} ({kind})", self.id)
    }
}

/// Which names are of one person: an operating system user and the keys they sign with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People(BTreeMap<String, String>);

impl People {
    /// From persons with all their names.
    pub fn new<'a>(persons: impl IntoIterator<Item = (&'a String, &'a Vec<String>)>) -> Self {
        let mut known = BTreeMap::new();
        for (person, names) in persons {
            for name in names {
                known.insert(name.clone(), person.clone());
            }
        }
        Self(known)
    }

    /// The person that a name stands for; the name itself where nobody said.
    pub fn person<'a>(&'a self, id: &'a str) -> &'a str {
        self.0.get(id).map_or(id, String::as_str)
    }

    /// Are these the same person, as far as can be told? `os:ana` and `ssh:ana@example` are taken for one, unless the
    /// configuration says whose names they are.
    pub fn is_same(&self, one: &str, other: &str) -> bool {
        if self.0.contains_key(one) && self.0.contains_key(other) {
            return self.person(one) == self.person(other);
        }
        self.person(one) == self.person(other) || login(one).is_some_and(|name| Some(name) == login(other))
    }
}

/// The login name in a name: `ana` of `os:ana` and of `ssh:ana@example`.
fn login(id: &str) -> Option<&str> {
    id.strip_prefix("os:")
        .or_else(|| id.strip_prefix("ssh:")?.split('@').next())
        .filter(|name| !name.is_empty())
}

/// How many different people these are, each with the marks that tell them: names and keys. Who shares a mark is the same.
pub(crate) fn different<'a>(people: impl IntoIterator<Item = BTreeSet<&'a str>>) -> usize {
    let mut groups: Vec<BTreeSet<&str>> = Vec::new();
    for mut marks in people {
        let (same, other): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| !group.is_disjoint(&marks));
        marks.extend(same.into_iter().flatten());
        groups = other;
        groups.push(marks);
    }
    groups.len()
}
