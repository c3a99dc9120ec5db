//! A small pure planner for the simulated world: what is wanted and what is there, to a plan.

use std::collections::BTreeMap;

use enact_core::change::{Action, Change, ChangeId, FieldChange, Parent, Postcondition, Precondition, Undo};
use enact_core::plan::{Mode, Plan, PlanDraft};
use enact_core::reference::reference;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixtures::metadata;
use crate::world::{Fields, Object, World, id_of};

/// What is wanted, by name: a size, and perhaps the object it belongs to.
pub type Desired = BTreeMap<String, Wanted>;

/// One wanted object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its size.
    pub size: u8,
    /// The wanted object it belongs to.
    pub parent: Option<String>,
}

/// Plans the way from what is there to what is wanted: creations, updates, and deletions of what is managed and no
/// longer wanted. What is protected is blocked. Pure: the moment of planning goes into nothing but `generated_at`.
///
/// # Panics
/// When the plan is not well formed, which is a fault of this module.
pub fn plan_world(desired: &Desired, world: &World, generated_at: Timestamp) -> Plan {
    let there: BTreeMap<String, (String, Object)> = world
        .objects()
        .into_iter()
        .map(|(id, object)| (object.name.clone(), (id, object)))
        .collect();
    let mut changes: Vec<Change> = desired
        .iter()
        .filter_map(|(name, wanted)| create_or_update(name, wanted, &there))
        .collect();
    changes.extend(
        there
            .iter()
            .filter(|(name, (_, object))| !desired.contains_key(*name) && object.owner.is_some())
            .map(|(_, (id, object))| delete(id, object)),
    );
    let mut metadata = metadata(Mode::Sync);
    metadata.generated_at = generated_at;
    let draft = PlanDraft {
        metadata,
        document: None,
        changes,
        warnings: Vec::new(),
    };
    draft
        .freeze()
        .expect("the little planner's plans are well formed")
}

fn change_id(action: Action, name: &str) -> ChangeId {
    ChangeId(format!("{}:thing:{name}", action.verb()))
}

fn create_or_update(
    name: &str,
    wanted: &Wanted,
    there: &BTreeMap<String, (String, Object)>,
) -> Option<Change> {
    let mut fields = Fields::from([("size".to_owned(), json!(wanted.size))]);
    let mut maker = None;
    if let Some(parent) = &wanted.parent {
        let value = if there.contains_key(parent) {
            json!(id_of(parent))
        } else {
            maker = Some(change_id(Action::Create, parent));
            reference(&change_id(Action::Create, parent), "id")
        };
        fields.insert("parent".to_owned(), value);
    }
    let change = match there.get(name) {
        None => create(name, &fields),
        Some((_, object)) if object.fields == fields => return None,
        Some((id, object)) => update(id, object, &fields),
    };
    Some(match maker {
        None => change,
        Some(maker) => child_of(change, wanted.parent.as_deref().unwrap_or_default(), maker),
    })
}

fn child_of(mut change: Change, parent: &str, maker: ChangeId) -> Change {
    change.depends_on.push(maker.clone());
    change.parent = Some(Parent {
        resource_type: "thing".to_owned(),
        resource_ref: parent.to_owned(),
        resource_name: parent.to_owned(),
        resource_id: None,
        change_id: Some(maker),
    });
    change
}

fn create(name: &str, fields: &Fields) -> Change {
    let mut change = Change::new(
        change_id(Action::Create, name),
        Action::Create,
        "thing",
        name,
        name,
    );
    change.namespace = Some("enact".to_owned());
    change.desired = Some(json!(fields));
    change.preconditions = vec![Precondition::Absent {
        name: name.to_owned(),
    }];
    change.postconditions = vec![Postcondition::Matches];
    change.undo = Some(Undo::DeleteCreated);
    change
}

fn update(id: &str, object: &Object, fields: &Fields) -> Change {
    let mut change = existing(Action::Update, id, object);
    change.desired = Some(json!(fields));
    for key in object.fields.keys().chain(fields.keys()) {
        let of = |fields: &Fields| fields.get(key).cloned().unwrap_or(Value::Null);
        let (old, new) = (of(&object.fields), of(fields));
        if old != new {
            change
                .changed_fields
                .insert(key.clone(), FieldChange { old, new });
        }
    }
    change.postconditions = vec![Postcondition::Matches];
    change.undo = Some(Undo::RestoreFields);
    change
}

fn delete(id: &str, object: &Object) -> Change {
    let mut change = existing(Action::Delete, id, object);
    change.postconditions = vec![Postcondition::Gone];
    change.undo = Some(Undo::CreateAgain);
    change
}

fn existing(action: Action, id: &str, object: &Object) -> Change {
    let name = &object.name;
    let mut change = Change::new(change_id(action, name), action, "thing", name, name);
    change.resource_id = Some(id.to_owned());
    change.namespace = Some("enact".to_owned());
    change.current = Some(json!(object.fields));
    change.preconditions = vec![
        Precondition::Unchanged {
            version: object.version.to_string(),
        },
        Precondition::Protection {
            resource_type: "thing".to_owned(),
            resource_id: id.to_owned(),
            protected: object.protected,
        },
    ];
    if object.protected {
        change = change.block("it is protected");
    }
    change
}

/// What is wanted and what is there, both random over the same few names. Parents are names that come before.
pub fn wishes() -> impl Strategy<Value = (Desired, Vec<Object>)> {
    let wanted = proptest::collection::btree_map(0_u8..8, (0_u8..4, proptest::option::of(0_u8..8)), 0..8);
    let there = proptest::collection::btree_map(0_u8..8, (0_u8..4, any::<bool>(), 0_u8..4), 0..8);
    (wanted, there).prop_map(|(wanted, there)| {
        let name = |number: &u8| format!("w{number}");
        let desired = wanted
            .iter()
            .map(|(number, (size, parent))| {
                let parent = parent
                    .filter(|parent| parent < number && wanted.contains_key(parent))
                    .map(|parent| name(&parent));
                (name(number), Wanted { size: *size, parent })
            })
            .collect();
        let objects = there
            .iter()
            .map(|(number, (size, managed, protected))| {
                let mut object = Object::new(&name(number), Fields::from([("size".to_owned(), json!(size))]));
                object.owner = managed.then(|| "enact".to_owned());
                object.protected = *protected == 0;
                object
            })
            .collect();
        (desired, objects)
    })
}
