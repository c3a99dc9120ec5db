//! One change: an effect on one resource, with what must hold before, what must hold after, and how to take it back.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::adopted::Adopted;
use crate::procedure::Handling;

/// The name of a change within its plan: `create:portal:harbor`. Stable: the same input gives the same name.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct ChangeId(pub String);

impl ChangeId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChangeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<&str> for ChangeId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// What a change does.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Action {
    /// Makes a resource.
    Create,
    /// Changes fields of a resource.
    Update,
    /// Removes a resource.
    Delete,
    /// Runs something: a runbook's step, a catalog action.
    Run,
}

impl Action {
    /// The wire word: `CREATE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Run => "RUN",
        }
    }

    /// The verb in lower case: `create`.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Run => "run",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How far the effect of a change reaches.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Only looks.
    Read,
    /// Changes something.
    #[default]
    Write,
    /// Removes something that cannot simply be put back.
    Destroy,
}

/// One field's old and new value; `null` where there was or will be none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldChange {
    /// The value that was observed.
    pub old: Value,
    /// The value that is wanted.
    pub new: Value,
}

/// A change of the protection flag. On a CREATE `old` is false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProtectionChange {
    /// Was it protected?
    pub old: bool,
    /// Will it be?
    pub new: bool,
}

/// The resource that a child belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// Its type: `portal`.
    pub resource_type: String,
    /// Its `ref` in the configuration, or its name where it has none.
    pub resource_ref: String,
    /// Its name, for people.
    pub resource_name: String,
    /// Its id, when it exists already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// The change of this plan that makes it, when it does not exist yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_id: Option<ChangeId>,
}

/// What must still be true right before the effect. Checked for the whole plan first, then again per change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Precondition {
    /// No sibling of this name exists.
    Absent {
        /// The name.
        name: String,
    },
    /// The object exists and its fields equal the change's `current`.
    Unchanged {
        /// Its version when it was observed (`updated_at`, `resourceVersion`): a hint that saves a comparison of
        /// nothing, never a reason to skip one.
        version: String,
    },
    /// The object exists, whatever else it holds.
    Exists {
        /// Its type.
        resource_type: String,
        /// Its id.
        resource_id: String,
        /// Its name, for people.
        name: String,
    },
    /// The object belongs to this namespace.
    OwnedBy {
        /// Its type.
        resource_type: String,
        /// Its id.
        resource_id: String,
        /// The namespace expected; `None`: nobody manages it.
        namespace: Option<String>,
    },
    /// The object's protection flag is as observed.
    Protection {
        /// Its type.
        resource_type: String,
        /// Its id.
        resource_id: String,
        /// The flag expected.
        protected: bool,
    },
    /// An environment variable still has the value that was frozen into the plan.
    Environment {
        /// The variable, or `VAR#path`.
        variable: String,
        /// `sha256:…` of the value.
        digest: String,
    },
    /// A check of the domain's own (an assumption of a runbook, a policy's condition).
    Check {
        /// Its name.
        name: String,
        /// What to check, typed by the domain.
        spec: Value,
    },
}

/// What must be true after the effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Postcondition {
    /// The object's fields equal the change's `desired` (the configured ones).
    Matches,
    /// The object is gone.
    Gone,
    /// A check of the domain's own.
    Check {
        /// Its name.
        name: String,
        /// What to check, typed by the domain.
        spec: Value,
    },
}

/// How a change is taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Undo {
    /// Delete what was created.
    DeleteCreated,
    /// Put the old values of the changed fields back.
    RestoreFields,
    /// Create the deleted object again from `current`; it gets a new id.
    CreateAgain,
    /// Run something, typed by the domain.
    Run {
        /// What to run.
        spec: Value,
    },
    /// There is nothing to take back.
    Nothing,
    /// Nothing can take it back.
    Impossible {
        /// Why.
        reason: String,
    },
}

impl Undo {
    /// What is run to take it back; none where something else is done, or nothing.
    pub fn spec(&self) -> Option<&Value> {
        match self {
            Self::Run { spec } => Some(spec),
            Self::DeleteCreated
            | Self::RestoreFields
            | Self::CreateAgain
            | Self::Nothing
            | Self::Impossible { .. } => None,
        }
    }
}

/// A length of time in whole milliseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Milliseconds(pub u64);

/// One effect on one resource. See DESIGN: "a runbook's step compiles to one change".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Its name within the plan.
    pub change_id: ChangeId,
    /// What it does.
    pub action: Action,
    /// The type of resource: `portal`, `step`, `KubernetesExecution`.
    pub resource_type: String,
    /// How the configuration calls the resource.
    pub resource_ref: String,
    /// How people and the remote call it.
    pub resource_name: String,
    /// Its id, for everything but a CREATE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// The namespace that owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Is it forbidden? Then it stays in the plan and is never executed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blocked: bool,
    /// Why it is blocked, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_reason: Option<String>,
    /// What was observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Value>,
    /// What is wanted. May hold references to outputs of other changes, see [`crate::reference`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<Value>,
    /// The difference, field by field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changed_fields: BTreeMap<String, FieldChange>,
    /// A change of the protection flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protection: Option<ProtectionChange>,
    /// The resource it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// What only the domain understands, typed per `resource_type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<Value>,
    /// Changes that must be done first.
    #[serde(default)]
    pub depends_on: Vec<ChangeId>,
    /// What must hold right before.
    #[serde(default)]
    pub preconditions: Vec<Precondition>,
    /// What must hold after.
    #[serde(default)]
    pub postconditions: Vec<Postcondition>,
    /// How to take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// How far it reaches.
    pub effect: Effect,
    /// Bound on one attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Milliseconds>,
    /// How long it is expected to take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Milliseconds>,
    /// How the runner treats it, when it is part of a procedure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handling: Option<Handling>,
    /// Set when the run that the plan takes over has done it already: it never runs again, and a rollback covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Adopted>,
}

impl Change {
    /// A change with nothing but its name, action, type and resource; the rest is filled in by the planner.
    pub fn new(
        change_id: ChangeId,
        action: Action,
        resource_type: &str,
        resource_ref: &str,
        name: &str,
    ) -> Self {
        Self {
            change_id,
            action,
            resource_type: resource_type.to_owned(),
            resource_ref: resource_ref.to_owned(),
            resource_name: name.to_owned(),
            resource_id: None,
            namespace: None,
            blocked: false,
            block_reason: None,
            current: None,
            desired: None,
            changed_fields: BTreeMap::new(),
            protection: None,
            parent: None,
            spec: None,
            depends_on: Vec::new(),
            preconditions: Vec::new(),
            postconditions: Vec::new(),
            undo: None,
            effect: if action == Action::Delete {
                Effect::Destroy
            } else {
                Effect::Write
            },
            timeout: None,
            estimate: None,
            handling: None,
            adopted: None,
        }
    }

    /// The same change, forbidden.
    #[must_use]
    pub fn block(mut self, reason: impl Into<String>) -> Self {
        self.blocked = true;
        self.block_reason = Some(reason.into());
        self
    }

    /// Does it take protection off?
    pub fn unprotects(&self) -> bool {
        !self.blocked
            && self
                .protection
                .is_some_and(|protection| protection.old && !protection.new)
    }

    /// Does it have an effect that needs somebody's approval?
    pub fn writes(&self) -> bool {
        !self.blocked && self.effect != Effect::Read
    }
}
