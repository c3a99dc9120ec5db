//! The steps of a plan as people name them: by number, id or title.

use serde_json::Value;

use crate::change::{Change, ChangeId};
use crate::plan::{Mode, Plan};
use crate::whole::{changes_of, groups_in};

/// One step as people name it. A step that stands for several changes has a first and a last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepName {
    /// Its place, from 1.
    pub number: u32,
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The change before which "before this step" is.
    pub first: ChangeId,
    /// The change after which "after this step" is.
    pub last: ChangeId,
}

impl StepName {
    /// A step that is one change.
    pub fn new(number: u32, id: &str, title: &str) -> Self {
        Self {
            number,
            id: id.to_owned(),
            title: title.to_owned(),
            first: ChangeId(id.to_owned()),
            last: ChangeId(id.to_owned()),
        }
    }
}

/// Why a name means no step, or more than one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoStep {
    /// Nothing of that name.
    #[error("the plan has no step {0:?}")]
    Unknown(String),
    /// Several of that name.
    #[error("the plan has more than one step {0:?}; name it by its number or id")]
    Ambiguous(String),
    /// Quoted, and the title of one as well as the id of another.
    #[error("{name:?} is the title of {titled} and the id of {named}; name the step by its number")]
    TitleAndId {
        /// What was said.
        name: String,
        /// The step of that title.
        titled: String,
        /// The step of that id.
        named: String,
    },
}

/// The steps of a plan in the order in which they run. Of a runbook those of its file; of any other plan its changes.
pub fn steps_of(plan: &Plan) -> Vec<StepName> {
    let changes: Vec<&Change> = plan
        .execution_order()
        .iter()
        .filter_map(|change_id| plan.change(change_id))
        .collect();
    if plan.metadata().mode != Mode::Run {
        return numbered(&changes);
    }
    let groups = groups_of(plan);
    let is_grouped = |change: &Change| groups.iter().any(|(_, ids)| ids.contains(&change.change_id));
    let mut steps: Vec<StepName> = groups.iter().map(|(step, _)| step.clone()).collect();
    for (whole, ids) in &groups {
        let inside = changes.iter().filter(|change| ids.contains(&change.change_id));
        steps.extend(inside.filter_map(|change| step_inside(whole, change)));
    }
    for (place, change) in changes.iter().filter(|change| !is_grouped(change)).enumerate() {
        let place = u32::try_from(place + 1).unwrap_or(u32::MAX);
        let number = change
            .spec
            .as_ref()
            .and_then(|spec| spec.get("number"))
            .and_then(Value::as_u64);
        let number = number
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(place);
        steps.push(StepName::new(
            number,
            change.change_id.as_str(),
            &change.resource_name,
        ));
    }
    steps.sort_by_key(|step| step.number);
    steps
}

/// A step of an included plan, which listings show under an id of its own: `plan.step`. It has the number of the whole.
fn step_inside(whole: &StepName, change: &Change) -> Option<StepName> {
    let inner = change.change_id.as_str().strip_prefix(whole.id.as_str())?;
    let name = || StepName::new(whole.number, change.change_id.as_str(), &change.resource_name);
    inner.starts_with('.').then(name)
}

fn numbered(changes: &[&Change]) -> Vec<StepName> {
    let mut steps = Vec::with_capacity(changes.len());
    for (place, change) in (1_u32..).zip(changes) {
        steps.push(StepName::new(
            place,
            change.change_id.as_str(),
            &change.resource_name,
        ));
    }
    steps
}

/// Steps of a runbook that became several changes, with the ids of those.
fn groups_of(plan: &Plan) -> Vec<(StepName, Vec<ChangeId>)> {
    groups_in(plan).filter_map(group).collect()
}

fn group(value: &Value) -> Option<(StepName, Vec<ChangeId>)> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let number = u32::try_from(value.get("number")?.as_u64()?).ok()?;
    let changes = changes_of(value)?;
    let step = StepName {
        first: changes.first()?.clone(),
        last: changes.last()?.clone(),
        ..StepName::new(number, text("step")?, text("title").unwrap_or_default())
    };
    Some((step, changes))
}

/// The step of that number, id or title. Ids and titles are compared without regard to case where that is unambiguous.
///
/// # Errors
/// See [`NoStep`].
pub fn find<'a>(name: &str, steps: &'a [StepName]) -> Result<&'a StepName, NoStep> {
    let number = name.parse::<u32>().ok();
    let mut found = matching(steps, |step| step.id == name || Some(step.number) == number);
    if found.len() > 1 {
        // The steps of an included plan have its number, and it is the whole that the number means.
        let whole = found.iter().copied().filter(|step| !is_inside(step, &found));
        found = whole.collect();
    }
    if found.is_empty() {
        let folded = name.to_lowercase();
        found = matching(steps, |step| {
            step.id.to_lowercase() == folded || step.title.trim().to_lowercase() == folded.trim()
        });
    }
    match found.as_slice() {
        [step] => Ok(step),
        [] => Err(NoStep::Unknown(name.to_owned())),
        [_, ..] => Err(NoStep::Ambiguous(name.to_owned())),
    }
}

/// The step that a quoted text means: its title first, then its id, then its number.
///
/// # Errors
/// See [`NoStep`]. A title of one step that is the id of another means neither.
pub fn find_quoted<'a>(name: &str, steps: &'a [StepName]) -> Result<&'a StepName, NoStep> {
    let folded = name.trim().to_lowercase();
    let titled = matching(steps, |step| step.title.trim().to_lowercase() == folded);
    let named = matching(steps, |step| step.id.to_lowercase() == folded);
    match (titled.as_slice(), named.as_slice()) {
        ([], _) => find(name, steps),
        ([step], []) => Ok(step),
        ([step], [same]) if step.id == same.id => Ok(step),
        ([step], [other, ..]) => Err(NoStep::TitleAndId {
            name: name.to_owned(),
            titled: in_words(step),
            named: in_words(other),
        }),
        ([_, _, ..], _) => Err(NoStep::Ambiguous(name.to_owned())),
    }
}

/// Is a step part of one of the others?
fn is_inside(step: &StepName, others: &[&StepName]) -> bool {
    others.iter().any(|other| {
        let inner = step.id.strip_prefix(other.id.as_str());
        inner.is_some_and(|inner| inner.starts_with('.'))
    })
}

fn in_words(step: &StepName) -> String {
    format!("step {} ({})", step.number, step.id)
}

fn matching(steps: &[StepName], is_meant: impl Fn(&StepName) -> bool) -> Vec<&StepName> {
    steps.iter().filter(|step| is_meant(step)).collect()
}

/// A change as its step, for people: `step 6 (migrate)`; its id where no step is known.
pub fn shown(change_id: &ChangeId, steps: &[StepName]) -> String {
    let of_its_own = steps.iter().find(|step| step.id == change_id.as_str());
    let whole = || {
        steps
            .iter()
            .find(|step| step.first == *change_id || step.last == *change_id)
    };
    match of_its_own.or_else(whole) {
        Some(step) => in_words(step),
        None => format!("step {}", change_id.as_str()),
    }
}
