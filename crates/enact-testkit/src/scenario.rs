//! Random plans and the worlds they fit: graphs of changes with dependencies, faults and delays.

use std::time::Duration;

use enact_core::change::{Action, Change, ChangeId, FieldChange, Postcondition, Precondition, Undo};
use enact_core::plan::{Mode, Plan, PlanDraft};
use proptest::prelude::*;
use serde_json::json;

use crate::fixtures::metadata;
use crate::world::{EffectFault, Fields, Object, UndoFault, World, id_of};

/// One change of a scenario.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it does.
    pub action: Action,
    /// Places of the nodes it depends on; all lower than its own.
    pub needs: Vec<usize>,
    /// What goes wrong.
    pub fault: Option<EffectFault>,
    /// What goes wrong when it is taken back.
    pub undo_fault: Option<UndoFault>,
    /// How long its effect takes, in milliseconds.
    pub delay: u64,
}

impl Node {
    /// A change that goes well.
    pub fn new(action: Action, needs: &[usize]) -> Self {
        Self {
            action,
            needs: needs.to_vec(),
            fault: None,
            undo_fault: None,
            delay: 0,
        }
    }

    /// The same change with a fault.
    #[must_use]
    pub fn with(mut self, fault: EffectFault) -> Self {
        self.fault = Some(fault);
        self
    }
}

/// A plan to be, and how to run it.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its changes.
    pub nodes: Vec<Node>,
    /// The most effects at once.
    pub concurrency: usize,
    /// Take everything back when something fails?
    pub roll_back: bool,
}

/// The name of the object of a node.
fn name(place: usize) -> String {
    format!("n{place:02}")
}

fn fields(pairs: &[(&str, serde_json::Value)]) -> Fields {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect()
}

impl Scenario {
    /// A scenario that runs one change at a time and takes nothing back.
    pub fn new(nodes: Vec<Node>) -> Self {
        Self {
            nodes,
            concurrency: 1,
            roll_back: false,
        }
    }

    /// The id of the change at a place.
    pub fn id(&self, place: usize) -> ChangeId {
        let verb = self.nodes.get(place).map_or("none", |node| node.action.verb());
        ChangeId(format!("{verb}:thing:{}", name(place)))
    }

    /// The plan.
    ///
    /// # Panics
    /// When it is not well formed, which is a fault of this module.
    pub fn plan(&self) -> Plan {
        let changes = (0..self.nodes.len()).map(|place| self.change(place)).collect();
        let draft = PlanDraft {
            metadata: metadata(Mode::Run),
            document: None,
            changes,
            warnings: Vec::new(),
        };
        draft.freeze().expect("scenarios are well formed")
    }

    fn change(&self, place: usize) -> Change {
        let action = self.nodes.get(place).map_or(Action::Run, |node| node.action);
        let (name, id) = (name(place), id_of(&name(place)));
        let mut change = Change::new(self.id(place), action, "thing", &name, &name);
        change.namespace = Some("enact".to_owned());
        let needs = self.nodes.get(place).map(|node| node.needs.clone());
        change.depends_on = needs
            .unwrap_or_default()
            .iter()
            .map(|need| self.id(*need))
            .collect();
        match action {
            Action::Create => {
                change.desired = Some(json!({"size": place}));
                change.preconditions = vec![Precondition::Absent { name }];
                change.postconditions = vec![Postcondition::Matches];
                change.undo = Some(Undo::DeleteCreated);
            }
            Action::Update => {
                change.resource_id = Some(id);
                change.current = Some(json!({"size": 100}));
                change.desired = Some(json!({"size": 200}));
                let size = FieldChange {
                    old: json!(100),
                    new: json!(200),
                };
                change.changed_fields.insert("size".to_owned(), size);
                change.preconditions = vec![Precondition::Unchanged {
                    version: "1".to_owned(),
                }];
                change.postconditions = vec![Postcondition::Matches];
                change.undo = Some(Undo::RestoreFields);
            }
            Action::Delete => {
                change.resource_id = Some(id);
                change.current = Some(json!({"size": 100}));
                change.preconditions = vec![Precondition::Unchanged {
                    version: "1".to_owned(),
                }];
                change.postconditions = vec![Postcondition::Gone];
                change.undo = Some(Undo::CreateAgain);
            }
            Action::Run => {
                let spec = json!({"object": id, "field": "open", "is": true});
                change.preconditions = vec![Precondition::Check {
                    name: "open".to_owned(),
                    spec,
                }];
                let spec = json!({"object": id, "field": "count", "is": 1});
                change.postconditions = vec![Postcondition::Check {
                    name: "count".to_owned(),
                    spec,
                }];
                change.undo = Some(Undo::Run {
                    spec: json!("count down"),
                });
            }
        }
        change
    }

    /// The world that the plan was made for, faults armed.
    pub fn world(&self) -> World {
        let objects = self.nodes.iter().enumerate().filter_map(|(place, node)| {
            let held = match node.action {
                Action::Create => return None,
                Action::Update | Action::Delete => fields(&[("size", json!(100))]),
                Action::Run => fields(&[("open", json!(true)), ("count", json!(0))]),
            };
            Some(Object::new(&name(place), held))
        });
        let world = World::new(objects);
        for (place, node) in self.nodes.iter().enumerate() {
            let id = self.id(place);
            if let Some(fault) = node.fault {
                world.fault(&id, fault);
            }
            if let Some(fault) = node.undo_fault {
                world.undo_fault(&id, fault);
            }
            if node.delay > 0 {
                world.delay(&id, Duration::from_millis(node.delay));
            }
        }
        world
    }

    /// Places of nodes that need this one, directly or not.
    pub fn dependants(&self, place: usize) -> Vec<usize> {
        let mut found = vec![place];
        for (other, node) in self.nodes.iter().enumerate() {
            if node.needs.iter().any(|need| found.contains(need)) && !found.contains(&other) {
                found.push(other);
            }
        }
        found.remove(0);
        found
    }
}

/// Any action.
pub fn action() -> impl Strategy<Value = Action> + Clone {
    prop_oneof![
        Just(Action::Create),
        Just(Action::Update),
        Just(Action::Delete),
        Just(Action::Run)
    ]
}

/// Any fault that ends the same way however often the process dies.
pub fn settled_fault() -> impl Strategy<Value = EffectFault> + Clone {
    prop_oneof![
        Just(EffectFault::Fail),
        (1_u32..3).prop_map(EffectFault::Refuse),
        (1_u32..3).prop_map(EffectFault::LoseBefore),
        Just(EffectFault::LoseAfter),
        Just(EffectFault::AskHuman),
    ]
}

/// Any fault of an undo.
pub fn undo_fault() -> impl Strategy<Value = UndoFault> + Clone {
    prop_oneof![
        Just(UndoFault::Fail),
        (1_u32..3).prop_map(UndoFault::Refuse),
        (1_u32..3).prop_map(UndoFault::LoseBefore),
        Just(UndoFault::LoseAfter),
    ]
}

/// Scenarios of `least` to `most` changes, in which each has a fault with the given strategy (`None` for none).
pub fn scenario(
    least: usize,
    most: usize,
    fault: impl Strategy<Value = Option<EffectFault>> + Clone,
    undo_fault: impl Strategy<Value = Option<UndoFault>> + Clone,
) -> impl Strategy<Value = Scenario> {
    let node = (action(), any::<u16>(), any::<u16>(), fault, undo_fault, 0_u64..5);
    let nodes = proptest::collection::vec(node, least..=most);
    (nodes, 1_usize..=4, any::<bool>()).prop_map(|(raw, concurrency, roll_back)| {
        let nodes = raw
            .into_iter()
            .enumerate()
            .map(|(place, (action, some, others, fault, undo_fault, delay))| Node {
                action,
                // About a quarter of all possible edges.
                needs: (0..place)
                    .filter(|need| some & others & (1 << (need % 16)) != 0)
                    .collect(),
                fault,
                undo_fault,
                delay,
            })
            .collect();
        Scenario {
            nodes,
            concurrency,
            roll_back,
        }
    })
}

/// Scenarios in which nothing goes wrong.
pub fn calm(least: usize, most: usize) -> impl Strategy<Value = Scenario> {
    scenario(least, most, Just(None), Just(None))
}
