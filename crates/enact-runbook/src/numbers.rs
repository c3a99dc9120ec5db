//! Numbers and titles of steps, the same wherever a plan is shown: in a listing, a graph, the progress of a run.

use enact_core::change::Change;
use serde_json::Value;

use crate::kinds::VERIFIED;
use crate::spec::{Document, Group};

/// A change as the step that it is, or is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// The step's place in the file, from 1; changes that stand for one step share it.
    pub number: u32,
    /// Its title; of one of several changes, the title of their step and what the change is.
    pub title: String,
}

/// Each change's step, in the order given.
pub fn numbered(changes: &[Change], document: &Document) -> Vec<Numbered> {
    changes
        .iter()
        .map(|change| match group_of(change, document) {
            Some(group) => Numbered {
                number: group.number,
                title: title_in(group, change),
            },
            None => Numbered {
                number: number_of(change),
                title: change.resource_name.clone(),
            },
        })
        .collect()
}

fn title_in(group: &Group, change: &Change) -> String {
    let kind = change.spec.as_ref().and_then(|spec| spec.get("kind"));
    match kind.and_then(Value::as_str) {
        Some(VERIFIED) if group.changes.len() == 1 => group.title.clone(),
        Some(VERIFIED) => format!("{}: verify", group.title),
        _ => format!(
            "{}: {} {} {}",
            group.title,
            change.action.verb(),
            change.resource_type,
            change.resource_name
        ),
    }
}

/// The step that a change is only a part of. What an included plan runs in any case is no change of the group, which has ended by
/// then, but goes by its name.
fn group_of<'d>(change: &Change, document: &'d Document) -> Option<&'d Group> {
    let is_in = |group: &&Group| group.changes.contains(&change.change_id);
    let goes_by = |group: &&Group| {
        let inner = change.change_id.as_str().strip_prefix(group.step.as_str());
        inner.is_some_and(|inner| inner.starts_with('.'))
    };
    let groups = &document.groups;
    groups.iter().find(is_in).or_else(|| groups.iter().find(goes_by))
}

fn number_of(change: &Change) -> u32 {
    let number = change.spec.as_ref().and_then(|spec| spec.get("number"));
    number
        .and_then(Value::as_u64)
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or(0)
}
