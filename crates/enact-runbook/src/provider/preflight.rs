//! What must hold before anything runs, and again right before each step: pinned files, tools, assumptions, the downtime.

use std::collections::BTreeMap;
use std::time::Duration;

use enact_core::change::{Change, Milliseconds, Precondition};
use enact_core::condition::duration_in_words;
use enact_core::journal::Mismatch;
use enact_core::whole::stands_in_for;
use enact_engine::provider::{Disposition, Failure};
use serde_json::{Value, json};

use super::{RunbookProvider, downtime};
use crate::choices::{DOWNTIME, may_run_again};
use crate::files::{join, normal_path};
use crate::kinds;
use crate::process::program::find_program;
use crate::spec::{Assumption, Text, Variable};

/// A length of time, to the millisecond.
fn in_words(length: Duration) -> String {
    duration_in_words(Milliseconds(
        u64::try_from(length.as_millis()).unwrap_or(u64::MAX),
    ))
}

/// The most outputs that are put before a person who has to confirm.
const EVIDENCE: usize = 30;

impl RunbookProvider<'_> {
    /// Everything in one pass; nothing has run when something does not agree.
    pub(crate) async fn look_at_everything(&self, changes: &[&Change]) -> Result<Vec<Mismatch>, Failure> {
        let Some(first) = changes.first() else {
            return Ok(Vec::new());
        };
        let mut mismatches = self.changed_files(first);
        let may_be_asked = mismatches.is_empty();
        mismatches.extend(self.missing_tools(changes));
        mismatches.extend(self.other_targets(changes).await?);
        // Once something was done, what had to hold at the start need not hold any more. No check is asked whose files changed.
        if may_be_asked && !self.with_state(|state| state.wrote(self.plan)) {
            for assumption in self
                .document
                .assumptions
                .iter()
                .filter(|assumption| assumption.at_start)
            {
                mismatches.extend(self.look_at(assumption, first).await?);
            }
        }
        Ok(mismatches)
    }

    /// Right before a step: what does not agree. When the downtime has become too long, a person has to decide.
    pub(crate) async fn look_before(&self, change: &Change) -> Result<Vec<Mismatch>, Failure> {
        self.refuse_again(change)?;
        let mut mismatches = self.changed_files(change);
        if !mismatches.is_empty() {
            return Ok(mismatches);
        }
        mismatches.extend(self.look_as(change, change).await?);
        for first in self.left_out_before(change) {
            mismatches.extend(self.look_as(first, change).await?);
        }
        mismatches.extend(self.other_target(change).await?);
        // What ends the downtime is not kept from doing so by its length.
        let closes = change.handling.as_ref().is_some_and(|handling| handling.always);
        match self.overrun() {
            Some(failure) if !closes && self.with_state(|state| state.wrote(self.plan)) => Err(failure),
            _ => Ok(mismatches),
        }
    }

    /// The changes that were left out and for which this one stands in.
    fn left_out_before(&self, change: &Change) -> Vec<&Change> {
        let firsts = self.with_state(|state| stands_in_for(self.document.wholes(), &change.change_id, state));
        firsts
            .iter()
            .filter_map(|first| self.plan.change(first))
            .collect()
    }

    /// What is to be looked at before a change, for one that is about to start: the same, or one that stands in for it.
    async fn look_as(&self, asked: &Change, change: &Change) -> Result<Vec<Mismatch>, Failure> {
        let mut mismatches = Vec::new();
        for assumption in self.assumptions_of(asked) {
            mismatches.extend(self.look_at(assumption, change).await?);
        }
        let added = self.host.extra_checks.iter();
        for (_, check) in added.filter(|(change_id, _)| *change_id == asked.change_id) {
            let checked = self.check_now(check, Some(change), None).await;
            let checked = checked.unless_stopped()?;
            if !checked.holds {
                let subject = "a check that the approval adds";
                mismatches.push(mismatch(change, subject, "holds", &checked.seen));
            }
        }
        Ok(mismatches)
    }

    /// Whatever a person chose: what may not be repeated and was started is not run again.
    fn refuse_again(&self, change: &Change) -> Result<(), Failure> {
        let started = self.with_state(|state| {
            let progress = state.changes.get(&change.change_id);
            progress.is_some_and(|progress| progress.partial)
        });
        if may_run_again(change, started) {
            return Ok(());
        }
        let message = "it was started before, and its `repeat` is `never`: it is not run again";
        Err(Failure::new(Disposition::Escalate, message).in_part())
    }

    fn assumptions_of<'s>(&'s self, change: &'s Change) -> impl Iterator<Item = &'s Assumption> {
        let names = change
            .preconditions
            .iter()
            .filter_map(|precondition| match precondition {
                Precondition::Check { name, .. } => Some(name.as_str()),
                Precondition::Absent { .. }
                | Precondition::Unchanged { .. }
                | Precondition::Exists { .. }
                | Precondition::OwnedBy { .. }
                | Precondition::Protection { .. }
                | Precondition::Environment { .. } => None,
            });
        names.filter_map(|name| self.document.assumptions.iter().find(|known| known.id == name))
    }

    /// Checks an assumption, unless a person waived it or it was seen to hold a short while ago.
    async fn look_at(&self, assumption: &Assumption, change: &Change) -> Result<Option<Mismatch>, Failure> {
        let Some(check) = &assumption.check else {
            return Ok(None);
        };
        if self.with_state(|state| state.waived.contains(&assumption.id)) {
            return Ok(None);
        }
        if let (Some(freshness), Some(seen)) = (assumption.freshness, self.held.borrow().get(&assumption.id))
        {
            let age = self.now().as_millisecond().saturating_sub(seen.as_millisecond());
            if u64::try_from(age).is_ok_and(|age| age <= freshness.0) {
                return Ok(None);
            }
        }
        let checked = self.check_now(check, None, None).await.unless_stopped()?;
        let detail = json!({ "id": assumption.id, "holds": checked.holds, "seen": checked.seen });
        self.note(None, "assumption", detail);
        if checked.holds {
            self.held.borrow_mut().insert(assumption.id.clone(), self.now());
            return Ok(None);
        }
        let subject = format!("assumption {} ({})", assumption.id, assumption.text);
        Ok(Some(Mismatch {
            assumption: Some(assumption.id.clone()),
            ..mismatch(change, &subject, "holds", &checked.seen)
        }))
    }

    /// Checks what the plan wants checked when it is approved.
    pub async fn assumptions_at_approval(&self) -> Vec<(&Assumption, super::Checked)> {
        let mut found = Vec::new();
        for assumption in self
            .document
            .assumptions
            .iter()
            .filter(|assumption| assumption.at_approve)
        {
            if let Some(check) = &assumption.check {
                found.push((assumption, self.check_now(check, None, None).await));
            }
        }
        found
    }

    /// Programs that steps name and this machine does not have.
    fn missing_tools(&self, changes: &[&Change]) -> Vec<Mismatch> {
        let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
        let mut found = Vec::new();
        for change in changes {
            let Some(step) = self.steps.get(&change.change_id) else {
                continue;
            };
            let Some(kind) = kinds::kind(&step.spec.kind) else {
                continue;
            };
            let Some(program) = kind.program(&step.spec.action) else {
                continue;
            };
            if self.is_made_by_a_step(&program, step.spec.working_dir.as_deref()) {
                continue;
            }
            let folder = self.working_dir(step.spec.working_dir.as_deref());
            let path = step
                .spec
                .env
                .get("PATH")
                .or_else(|| self.document.env.get("PATH"));
            let path = match path.map(Variable::as_literal) {
                // Put together when the step runs: nothing is known yet.
                Some(None) => continue,
                Some(Some(path)) => Some(path),
                None => self.host.environment.get("PATH").map(String::as_str),
            };
            let key = format!("{}\n{program}\n{path:?}", folder.display());
            let missing = known
                .entry(key)
                .or_insert_with(|| find_program(&program, &folder, path).err());
            if let Some(why) = missing {
                found.push(mismatch(
                    change,
                    &format!("program {program}"),
                    "an executable file",
                    why,
                ));
            }
        }
        found
    }

    /// A program of the folder that is not pinned is made by a step before the one that starts it, or there would be no plan.
    fn is_made_by_a_step(&self, program: &str, folder: Option<&str>) -> bool {
        let is_path = program.contains('/') && !program.starts_with('/');
        let path = normal_path(&join(folder.unwrap_or_default(), program));
        let is_pinned = |path: &String| self.document.files.iter().any(|file| file.path == *path);
        is_path && path.is_ok_and(|path| !is_pinned(&path))
    }

    /// Has the downtime taken longer than its limit?
    fn overrun(&self) -> Option<Failure> {
        let window = self.document.downtime.as_ref()?;
        let limits = window
            .limit
            .map(|limit| limit.0)
            .into_iter()
            .chain(self.host.max_downtime);
        let limit = Duration::from_millis(limits.min()?);
        let (open, length) = self.with_state(|state| {
            let length = downtime::length(&self.document, state, self.now());
            (
                downtime::is_open(&self.document, state),
                length.unwrap_or_default(),
            )
        });
        if !open || length <= limit || self.with_state(|state| state.waived.contains(DOWNTIME)) {
            return None;
        }
        let message = format!(
            "the downtime has lasted {}, and its limit is {}",
            in_words(length),
            in_words(limit)
        );
        match window.on_overrun.as_str() {
            "warn" => {
                self.note(None, "downtime", json!({ "warning": message }));
                None
            }
            "rollback" => {
                let mut failure = Failure::new(Disposition::GiveUp, message);
                failure.take_back = true;
                Some(failure)
            }
            _ => {
                let mut failure = Failure::new(Disposition::Escalate, message);
                failure.assumption = Some(DOWNTIME.to_owned());
                Some(failure)
            }
        }
    }

    /// What a person who has to confirm should know: what the plan puts forward here, and what the steps produced so far.
    pub(crate) fn evidence_for(&self, change: &Change) -> BTreeMap<String, Value> {
        let mut evidence = BTreeMap::new();
        let known = self.known();
        if let Some(declared) = self
            .steps
            .get(&change.change_id)
            .and_then(|step| step.spec.action.get("evidence"))
            .and_then(Value::as_object)
        {
            for (name, text) in declared {
                let text: Result<Text, _> = serde_json::from_value(text.clone());
                let value = text
                    .ok()
                    .and_then(|text| crate::expression::text(&text, &known).ok());
                let shown = value.and_then(|value| value.open().cloned());
                evidence.insert(name.clone(), shown.unwrap_or_else(|| json!("not known")));
            }
        }
        self.with_state(|state| {
            for (change_id, made) in &state.outputs {
                for (name, value) in made {
                    if evidence.len() < EVIDENCE {
                        evidence.insert(format!("{change_id}.{name}"), value.clone());
                    }
                }
            }
        });
        evidence
    }
}

pub(crate) fn mismatch(change: &Change, subject: &str, expected: &str, found: &str) -> Mismatch {
    Mismatch {
        change_id: change.change_id.clone(),
        subject: subject.to_owned(),
        expected: json!(expected),
        found: json!(found),
        assumption: None,
    }
}
