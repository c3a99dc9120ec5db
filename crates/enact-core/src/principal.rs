//! Who acts: persons, agents and services, and what an agent may never do.

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
