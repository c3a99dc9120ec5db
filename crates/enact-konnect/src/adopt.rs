//! Adoption: one plan with one change, that puts the namespace label on an object nobody manages.

use enact_core::change::{Action, Change, ChangeId, FieldChange, Postcondition, Precondition, Undo};
use enact_core::plan::{FreezeError, Metadata, Plan, PlanDraft};
use serde_json::json;

use crate::observed::ObservedObject;
use crate::plan::PlanOptions;
use crate::resources::Kind;

/// Why an object is not adopted.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// Another namespace owns it.
    #[error("{kind} {name:?} belongs to namespace {owner:?}")]
    Owned {
        /// The kind.
        kind: &'static str,
        /// The object's name.
        name: String,
        /// The owner.
        owner: String,
    },
    /// Not a namespace.
    #[error(
        "{namespace:?} is not a namespace: lower-case letters, digits and inner hyphens, 1 to 63 characters"
    )]
    Namespace {
        /// What was given.
        namespace: String,
    },
    /// The change does not make a plan.
    #[error(transparent)]
    Freeze(#[from] FreezeError),
}

/// Plans an adoption. Empty when the namespace owns the object already.
///
/// # Errors
/// See [`AdoptError`].
pub fn plan_adoption(
    kind: &'static Kind,
    object: &ObservedObject,
    namespace: &str,
    overwrite: bool,
    options: &PlanOptions,
) -> Result<Plan, AdoptError> {
    if !is_namespace(namespace) {
        return Err(AdoptError::Namespace {
            namespace: namespace.to_owned(),
        });
    }
    let changes = match &object.namespace {
        Some(owner) if owner == namespace => Vec::new(),
        Some(owner) if !overwrite => {
            let (kind, name, owner) = (kind.name, object.identity.clone(), owner.clone());
            return Err(AdoptError::Owned { kind, name, owner });
        }
        _ => vec![adoption(kind, object, namespace)],
    };
    let metadata = Metadata {
        generated_at: options.generated_at,
        generator: "enact".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: options.mode,
        config_hash: String::new(),
        author: options.author.clone(),
        target: options.target.clone(),
        policy_digest: options.policy_digest.clone(),
        revision: None,
    };
    Ok(PlanDraft {
        metadata,
        document: None,
        changes,
        warnings: Vec::new(),
    }
    .freeze()?)
}

fn adoption(kind: &'static Kind, object: &ObservedObject, namespace: &str) -> Change {
    let id = ChangeId(format!("adopt:{}:{}", kind.name, object.identity));
    let mut change = Change::new(id, Action::Update, kind.name, &object.identity, &object.identity);
    change.resource_id = Some(object.id.clone());
    change.namespace = Some(namespace.to_owned());
    change.current = Some(object.snapshot(kind));
    let owner = FieldChange {
        old: json!(object.namespace),
        new: json!(namespace),
    };
    change.changed_fields.insert("namespace".to_owned(), owner);
    change.preconditions = vec![
        Precondition::Unchanged {
            version: object.version.clone(),
        },
        Precondition::OwnedBy {
            resource_type: kind.name.to_owned(),
            resource_id: object.id.clone(),
            namespace: object.namespace.clone(),
        },
        Precondition::Protection {
            resource_type: kind.name.to_owned(),
            resource_id: object.id.clone(),
            protected: object.protected,
        },
    ];
    change.postconditions.push(Postcondition::Matches);
    change.undo = Some(Undo::RestoreFields);
    change
}

/// `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`, 1 to 63 characters (kongctl's rule).
pub fn is_namespace(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_follow_kongctls_rule() {
        assert!(is_namespace("a") && is_namespace("team-a--b9"));
        assert!(!is_namespace("") && !is_namespace("-a") && !is_namespace("a-") && !is_namespace("A"));
        assert!(!is_namespace(&"a".repeat(64)));
    }
}
