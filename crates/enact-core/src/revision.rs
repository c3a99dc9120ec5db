//! Revisions: which run a plan may take over, and which of its own changes that run has done already.
//!
//! [`adoption`] is the one rule. The planner marks a plan by it; the gate computes it again ([`prove`]) and refuses a plan that
//! says anything else. Who writes the taking over down, and when, is in `enact-engine`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::canonical::Digest;
use crate::change::{Action, Adopted, Change, ChangeId, Effect};
use crate::change_progress::ChangeProgress;
use crate::change_state::ChangeState;
use crate::journal::{Entry, JournalError, RunId, RunPhase, RunState, verify_chain};
use crate::plan::{Plan, Revision};

/// A run that a plan wants to take over: the plan it ran, and its journal.
#[derive(Debug, Clone, PartialEq)]
pub struct ParentRun {
    /// The run.
    pub run_id: RunId,
    /// Its plan.
    pub plan: Plan,
    /// Its entries, oldest first.
    pub entries: Vec<Entry>,
}

/// What the gate knows of the run that a plan takes over.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Parentage {
    /// Nothing: the plan takes none over, or the run is not kept here.
    #[default]
    None,
    /// The run as it stands.
    Run(Box<ParentRun>),
    /// The run that is taken up again has taken it over when it began.
    TakenOver,
}

/// Why a plan cannot take a run over, or does not say truly what it takes over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's message says what it is")]
pub enum NotProved {
    #[error("run {run_id}, which the plan takes over, is not kept here")]
    NotHere { run_id: RunId },
    #[error("the plan adopts {change_id} without naming the run that did it")]
    NoRun { change_id: ChangeId },
    #[error("the journal of the run that the plan takes over is damaged: {0}")]
    Damaged(#[from] JournalError),
    #[error("run {run_id} is not of the plan that is revised")]
    OtherPlan { run_id: RunId },
    #[error("run {run_id} has gone on since the revision was made")]
    Moved { run_id: RunId },
    #[error("run {run_id} has been taken over by run {by}")]
    Superseded { run_id: RunId, by: RunId },
    #[error("run {run_id} has not come to an end and does not wait: it is under way, or was interrupted")]
    UnderWay { run_id: RunId },
    #[error("E_PLAN_FROZEN: run {run_id} still waits, and its plan does not allow a revision meanwhile")]
    Frozen { run_id: RunId },
    #[error("run {run_id} is being taken back")]
    TakenBack { run_id: RunId },
    #[error("{change_id} of run {run_id} is not settled: {}", of_state(.state))]
    InFlight {
        run_id: RunId,
        change_id: ChangeId,
        state: ChangeState,
    },
    #[error(
        "{change_id} of run {run_id} was made by a step of another domain, which a revision cannot adopt"
    )]
    Foreign { run_id: RunId, change_id: ChangeId },
    #[error("{change_id} was finished in run {run_id}, and the revision leaves it out")]
    LeftOut { run_id: RunId, change_id: ChangeId },
    #[error("{change_id} was finished in run {run_id}, and the revision changes it: {}", .what.join(", "))]
    Changed {
        run_id: RunId,
        change_id: ChangeId,
        what: Vec<String>,
    },
    #[error("{change_id} is new and stands before {finished}, which was finished in run {run_id}")]
    TooEarly {
        run_id: RunId,
        change_id: ChangeId,
        finished: ChangeId,
    },
    #[error("the plan does not say of {change_id} what run {run_id} proves")]
    Untrue { run_id: RunId, change_id: ChangeId },
}

fn of_state(state: &ChangeState) -> &'static str {
    match state {
        ChangeState::Started | ChangeState::Unknown => "its outcome is not known",
        ChangeState::Delegated => "it is in somebody else's hands",
        ChangeState::Undoing | ChangeState::Stuck => "it is being taken back",
        ChangeState::Pending
        | ChangeState::Done
        | ChangeState::Failed
        | ChangeState::Drifted
        | ChangeState::Skipped
        | ChangeState::Omitted
        | ChangeState::Escalated
        | ChangeState::Undone => "nothing of it is under way",
    }
}

/// Proves that a plan takes over what it says, from a run that may be taken over and stands as the plan says. A plan that
/// adopts nothing and names no run needs no proof.
///
/// # Errors
/// The first thing that does not agree.
pub fn prove(plan: &Plan, parentage: &Parentage) -> Result<(), NotProved> {
    let Some(revision) = &plan.metadata().revision else {
        let adopts = plan.changes().iter().find(|change| change.adopted.is_some());
        return adopts.map_or(Ok(()), |change| {
            Err(NotProved::NoRun {
                change_id: change.change_id.clone(),
            })
        });
    };
    let run_id = revision.run_id.clone();
    let parent = match parentage {
        Parentage::TakenOver => return Ok(()),
        Parentage::None => return Err(NotProved::NotHere { run_id }),
        Parentage::Run(parent) => parent,
    };
    if parent.run_id != run_id || *parent.plan.id() != revision.plan_id {
        return Err(NotProved::OtherPlan { run_id });
    }
    if head(&parent.entries).as_ref() != Some(&revision.head) {
        let state = RunState::replay(&parent.entries)?;
        return Err(match state.superseded_by {
            Some(by) => NotProved::Superseded { run_id, by },
            None => NotProved::Moved { run_id },
        });
    }
    let proved = adoption(plan.changes(), plan.document(), parent).map_err(|mut faults| faults.remove(0))?;
    let untrue = plan
        .changes()
        .iter()
        .find(|change| change.adopted.as_ref() != proved.get(&change.change_id));
    untrue.map_or(Ok(()), |change| {
        Err(NotProved::Untrue {
            run_id,
            change_id: change.change_id.clone(),
        })
    })
}

/// The digest of the last entry.
pub fn head(entries: &[Entry]) -> Option<Digest> {
    entries.last().map(|entry| entry.digest.clone())
}

/// What a plan's metadata say of the run that it takes over.
pub fn revision_of(parent: &ParentRun) -> Option<Revision> {
    Some(Revision {
        plan_id: parent.plan.id().clone(),
        run_id: parent.run_id.clone(),
        head: head(&parent.entries)?,
    })
}

/// Which of these changes the run has done, and what is known of them.
///
/// # Errors
/// Everything that stands in the way; at least one.
pub fn adoption(
    changes: &[Change],
    document: Option<&Value>,
    parent: &ParentRun,
) -> Result<BTreeMap<ChangeId, Adopted>, Vec<NotProved>> {
    let state = may_be_taken_over(parent).map_err(|fault| vec![fault])?;
    let run_id = &parent.run_id;
    let by_id: BTreeMap<&ChangeId, &Change> =
        changes.iter().map(|change| (&change.change_id, change)).collect();
    let mut faults = Vec::new();
    let mut adopted = BTreeMap::new();
    for (done, progress) in finished(parent, &state) {
        let change_id = done.change_id.clone();
        let run_id = run_id.clone();
        let Some(change) = by_id.get(&change_id) else {
            faults.push(NotProved::LeftOut { run_id, change_id });
            continue;
        };
        let what = differences(done, change, parent.plan.document(), document);
        if done.action != Action::Run {
            faults.push(NotProved::Foreign { run_id, change_id });
        } else if what.is_empty() {
            adopted.extend(facts(&state, &change_id, progress).map(|facts| (change_id, facts)));
        } else {
            faults.push(NotProved::Changed {
                run_id,
                change_id,
                what,
            });
        }
    }
    faults.extend(too_early(changes, parent, &adopted));
    if faults.is_empty() {
        Ok(adopted)
    } else {
        Err(faults)
    }
}

/// Does it stand for a step of another domain that had nothing to change? What that relies on each run looks at itself.
fn looks_again(change: &Change) -> bool {
    let spec = change.spec.as_ref();
    change.effect == Effect::Read && spec.is_some_and(|spec| spec.pointer("/action/unchanged").is_some())
}

/// Everything that the run did and did not take back; what runs however a run ends belongs to each run, and so does what only looks
/// at another domain.
fn finished<'p>(
    parent: &'p ParentRun,
    state: &'p RunState,
) -> impl Iterator<Item = (&'p Change, &'p ChangeProgress)> {
    let always = |change: &Change| change.handling.as_ref().is_some_and(|handling| handling.always);
    parent.plan.changes().iter().filter_map(move |change| {
        let progress = state.changes.get(&change.change_id)?;
        (progress.state == ChangeState::Done && !always(change) && !looks_again(change))
            .then_some((change, progress))
    })
}

fn facts(state: &RunState, change_id: &ChangeId, progress: &ChangeProgress) -> Option<Adopted> {
    let started_at = progress.intent_at?;
    Some(Adopted {
        started_at,
        took_ms: progress.took_ms().unwrap_or(0),
        outputs: state.outputs.get(change_id).cloned().unwrap_or_default(),
    })
}

/// A change that the parent's plan did not have cannot stand before one that is done: it would run after it.
fn too_early(
    changes: &[Change],
    parent: &ParentRun,
    adopted: &BTreeMap<ChangeId, Adopted>,
) -> Option<NotProved> {
    let known: BTreeSet<&ChangeId> = parent
        .plan
        .changes()
        .iter()
        .map(|change| &change.change_id)
        .collect();
    let new = changes
        .iter()
        .position(|change| !known.contains(&change.change_id))?;
    let finished = changes
        .iter()
        .skip(new)
        .find(|change| adopted.contains_key(&change.change_id))?;
    Some(NotProved::TooEarly {
        run_id: parent.run_id.clone(),
        change_id: changes.get(new)?.change_id.clone(),
        finished: finished.change_id.clone(),
    })
}

/// The state of a run that has come to rest: it ended, or it waits and its plan allows a revision meanwhile; nothing of it is
/// in flight.
fn may_be_taken_over(parent: &ParentRun) -> Result<RunState, NotProved> {
    let run_id = parent.run_id.clone();
    verify_chain(&parent.entries)?;
    let state = RunState::replay(&parent.entries)?;
    let is_its_journal = parent.entries.iter().all(|entry| entry.run_id == run_id);
    if state.plan_id.as_ref() != Some(parent.plan.id()) || !is_its_journal {
        return Err(NotProved::OtherPlan { run_id });
    }
    if let Some(by) = state.superseded_by {
        return Err(NotProved::Superseded { run_id, by });
    }
    let in_flight = state.changes.iter().find(|(_, progress)| {
        progress.state.is_open() || matches!(progress.state, ChangeState::Delegated | ChangeState::Stuck)
    });
    if let Some((change_id, progress)) = in_flight {
        return Err(NotProved::InFlight {
            run_id,
            change_id: change_id.clone(),
            state: progress.state,
        });
    }
    if state.is_rolling_back() && finished(parent, &state).next().is_some() {
        return Err(NotProved::TakenBack { run_id });
    }
    match state.phase {
        RunPhase::Finished => Ok(state),
        RunPhase::Running => Err(NotProved::UnderWay { run_id }),
        RunPhase::Paused | RunPhase::Stopped if allows_revision(&parent.plan) => Ok(state),
        RunPhase::Paused | RunPhase::Stopped => Err(NotProved::Frozen { run_id }),
    }
}

/// Does the plan allow a revision while its run waits?
fn allows_revision(plan: &Plan) -> bool {
    let settings = plan.document().and_then(|document| document.get("settings"));
    settings.and_then(|settings| settings.get("allow_plan_revision")) == Some(&Value::Bool(true))
}

/// What of a change is executed or judged and differs, by name. Its number, title and other prose may.
pub fn differences(
    old: &Change,
    new: &Change,
    old_document: Option<&Value>,
    new_document: Option<&Value>,
) -> Vec<String> {
    let (before, after) = (work(old), work(new));
    let mut what: Vec<String> = Vec::new();
    for key in before.keys().chain(after.keys()) {
        if before.get(key) != after.get(key) && !what.contains(key) {
            what.push(key.clone());
        }
    }
    // The digest covers what the members above say too, and the content of files.
    if let Some(at) = what.iter().position(|key| key == "step_hash") {
        what.remove(at);
        if what.is_empty() {
            what.push("a file that it uses".to_owned());
        }
    }
    let part = |document: Option<&Value>, key: &str| document.and_then(|document| document.get(key)).cloned();
    for key in ["env", "environment_allowed"] {
        if part(old_document, key) != part(new_document, key) {
            what.push(format!("{key} of the whole"));
        }
    }
    let parameters = (part(old_document, "parameters"), part(new_document, "parameters"));
    let names = parameters.0.as_ref().and_then(Value::as_object);
    for name in names.into_iter().flat_map(serde_json::Map::keys) {
        let of = |parameters: &Option<Value>| {
            let parameter = parameters.as_ref().and_then(|all| all.get(name))?;
            Some((parameter.get("value").cloned(), parameter.get("from").cloned()))
        };
        let used = Value::Object(before.clone())
            .to_string()
            .contains(&format!("params.{name}"));
        if used && of(&parameters.0) != of(&parameters.1) {
            what.push(format!("parameter {name}"));
        }
    }
    what
}

/// A change without its place and its prose; the members of its `spec` stand beside the others.
fn work(change: &Change) -> serde_json::Map<String, Value> {
    const PROSE: [&str; 7] = [
        "number",
        "tasks",
        "satisfies",
        "resource_name",
        "estimate",
        "depends_on",
        "adopted",
    ];
    let Ok(Value::Object(mut members)) = serde_json::to_value(change) else {
        return serde_json::Map::new();
    };
    // The step's own action has the same name.
    if let Some(verb) = members.remove("action") {
        members.insert("verb".to_owned(), verb);
    }
    if let Some(Value::Object(spec)) = members.remove("spec") {
        members.extend(spec);
    }
    members.retain(|key, _| !PROSE.contains(&key.as_str()));
    members
}
