//! The world as a domain: looks, does, checks and takes back.

use std::time::Duration;

use enact_core::change::{Action, Change, Postcondition, Precondition};
use enact_core::journal::Mismatch;
use enact_core::reference::{Outputs, resolve};
use enact_engine::provider::{Disposition, Failure, Made, Provider, Settled};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{EffectFault, Fields, Inner, Moment, Object, Trace, UndoFault, World, id_of};

/// Counts an effect as under way until it is dropped, finished or not.
struct Running<'a>(&'a World, &'a Change);

impl<'a> Running<'a> {
    fn start(world: &'a World, change: &'a Change) -> Self {
        {
            let mut inner = world.inner();
            inner.running.insert(change.change_id.clone());
            inner.most_running = inner.most_running.max(inner.running.len());
        }
        world.note(Trace::Started(change.change_id.clone()));
        Self(world, change)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.inner().running.remove(&self.1.change_id);
        self.0.0.changed.notify_waiters();
    }
}

impl Provider for World {
    async fn preflight(&self, changes: &[&Change], outputs: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        self.note(Trace::Preflight);
        let mismatches = {
            let inner = self.inner();
            changes
                .iter()
                .flat_map(|change| inner.before(change, outputs))
                .collect()
        };
        self.meddle_at(&Moment::AfterPreflight);
        Ok(mismatches)
    }

    async fn check(&self, change: &Change, outputs: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        tokio::task::yield_now().await;
        self.meddle_at(&Moment::BeforeCheck(change.change_id.clone()));
        self.note(Trace::Checked(change.change_id.clone()));
        Ok(self.inner().before(change, outputs))
    }

    async fn apply(&self, change: &Change, outputs: &Outputs) -> Result<Made, Failure> {
        let _running = Running::start(self, change);
        self.take_time(change).await;
        if let Some(failure) = self.failure_before(change) {
            return Err(failure);
        }
        let made = self.inner().effect(change, outputs)?;
        self.note(Trace::Committed(change.change_id.clone()));
        self.take_time(change).await;
        let fault = self.inner().faults.get(&change.change_id).copied();
        match fault {
            Some(EffectFault::LoseAfter) => {
                self.inner().faults.remove(&change.change_id);
                Err(Failure::new(
                    Disposition::Look,
                    "the connection was cut after sending",
                ))
            }
            Some(EffectFault::Blind) => Err(Failure::new(Disposition::Look, "the connection was cut")),
            Some(
                EffectFault::Fail
                | EffectFault::Refuse(_)
                | EffectFault::LoseBefore(_)
                | EffectFault::AskHuman,
            )
            | None => Ok(made),
        }
    }

    async fn settle(&self, change: &Change, outputs: &Outputs, _: Timestamp) -> Result<Settled, Failure> {
        tokio::task::yield_now().await;
        self.note(Trace::Looked(change.change_id.clone()));
        let inner = self.inner();
        if inner.faults.get(&change.change_id) == Some(&EffectFault::Blind) {
            return Ok(Settled::Unknown("looking cannot tell".to_owned()));
        }
        Ok(inner.look(change, outputs))
    }

    async fn verify(&self, changes: &[&Change], outputs: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        self.meddle_at(&Moment::BeforeVerify);
        self.note(Trace::Verified);
        let inner = self.inner();
        Ok(changes
            .iter()
            .flat_map(|change| inner.after(change, outputs))
            .collect())
    }

    async fn undo(&self, change: &Change, outputs: &Outputs) -> Result<(), Failure> {
        self.note(Trace::UndoStarted(change.change_id.clone()));
        tokio::task::yield_now().await;
        let fault = self.inner().undo_faults.remove(&change.change_id);
        let again = |fault| {
            self.inner().undo_faults.insert(change.change_id.clone(), fault);
        };
        match fault {
            Some(UndoFault::Fail) => {
                again(UndoFault::Fail);
                return Err(Failure::new(Disposition::GiveUp, "it cannot be taken back"));
            }
            Some(UndoFault::Refuse(times)) if times > 0 => {
                again(UndoFault::Refuse(times - 1));
                return Err(Failure::new(
                    Disposition::Retry { after: None },
                    "too many requests",
                ));
            }
            Some(UndoFault::LoseBefore(times)) if times > 0 => {
                again(UndoFault::LoseBefore(times - 1));
                return Err(Failure::new(Disposition::Look, "the connection was cut"));
            }
            Some(UndoFault::Refuse(_) | UndoFault::LoseBefore(_) | UndoFault::LoseAfter) | None => {}
        }
        self.inner().take_back(change, outputs);
        self.note(Trace::UndoCommitted(change.change_id.clone()));
        tokio::task::yield_now().await;
        if fault == Some(UndoFault::LoseAfter) {
            return Err(Failure::new(
                Disposition::Look,
                "the connection was cut after sending",
            ));
        }
        Ok(())
    }

    async fn settle_undo(&self, change: &Change, outputs: &Outputs) -> Result<Settled, Failure> {
        tokio::task::yield_now().await;
        self.note(Trace::Looked(change.change_id.clone()));
        // What can be done again is taken back; what is still done is not.
        Ok(match self.inner().look(change, outputs) {
            Settled::NotDone | Settled::Repeatable => Settled::Done(Made::new()),
            Settled::Done(_) => Settled::NotDone,
            other @ (Settled::Drift(_) | Settled::Failed(_) | Settled::Unknown(_)) => other,
        })
    }
}

impl World {
    /// Half of an effect's time, or until the test releases it.
    async fn take_time(&self, change: &Change) {
        let delay = self.inner().delays.get(&change.change_id).copied();
        match delay {
            Some(delay) => tokio::time::sleep(delay / 2).await,
            None => tokio::task::yield_now().await,
        }
        self.until(|world| {
            let inner = world.inner();
            !inner.held || inner.released.contains(&change.change_id)
        })
        .await;
    }

    fn failure_before(&self, change: &Change) -> Option<Failure> {
        let mut inner = self.inner();
        let fault = inner.faults.get_mut(&change.change_id)?;
        match fault {
            EffectFault::Fail => Some(Failure::new(Disposition::GiveUp, "the world says no")),
            EffectFault::AskHuman => Some(Failure::new(Disposition::AskHuman, "somebody must look")),
            EffectFault::Refuse(times) if *times > 0 => {
                *times -= 1;
                let after = Some(Duration::from_secs(3));
                Some(Failure::new(Disposition::Retry { after }, "too many requests"))
            }
            EffectFault::LoseBefore(times) if *times > 0 => {
                *times -= 1;
                Some(Failure::new(
                    Disposition::Look,
                    "the connection was cut before sending",
                ))
            }
            EffectFault::Refuse(_)
            | EffectFault::LoseBefore(_)
            | EffectFault::LoseAfter
            | EffectFault::Blind => None,
        }
    }
}

fn mismatch(change: &Change, subject: &str, expected: Value, found: Value) -> Mismatch {
    Mismatch {
        change_id: change.change_id.clone(),
        subject: format!("{} {}: {subject}", change.resource_type, change.resource_name),
        expected,
        found,
        assumption: None,
    }
}

fn as_fields(value: &Value) -> Fields {
    let object = value.as_object().cloned().unwrap_or_default();
    object.into_iter().collect()
}

fn wanted(change: &Change, outputs: &Outputs) -> Result<Fields, Failure> {
    let desired = change.desired.clone().unwrap_or(Value::Null);
    resolve(&desired, outputs)
        .map(|value| as_fields(&value))
        .map_err(|error| Failure::new(Disposition::GiveUp, error.to_string()))
}

fn id_for(change: &Change) -> String {
    change
        .resource_id
        .clone()
        .unwrap_or_else(|| id_of(&change.resource_name))
}

impl Inner {
    fn found(&self, change: &Change) -> Value {
        self.objects
            .get(&id_for(change))
            .map_or(Value::Null, |object| json!(object.fields))
    }

    fn field(&self, spec: &Value) -> Value {
        let text = |key: &str| spec.get(key).and_then(Value::as_str).unwrap_or_default();
        self.objects
            .get(text("object"))
            .and_then(|object| object.fields.get(text("field")))
            .cloned()
            .unwrap_or(Value::Null)
    }

    /// Preconditions that do not hold.
    fn before(&self, change: &Change, _outputs: &Outputs) -> Vec<Mismatch> {
        let differs = |condition: &Precondition| match condition {
            Precondition::Absent { name } => self
                .named(name)
                .map(|(id, _)| mismatch(change, "name", Value::Null, json!(id))),
            Precondition::Unchanged { .. } => {
                let (old, found) = (change.current.clone().unwrap_or_default(), self.found(change));
                (old != found).then(|| mismatch(change, "fields", old, found))
            }
            Precondition::Exists { resource_id, .. } => (!self.objects.contains_key(resource_id))
                .then(|| mismatch(change, "existence", json!(resource_id), Value::Null)),
            Precondition::Protection {
                resource_id,
                protected,
                ..
            } => {
                let found = self.objects.get(resource_id).map(|object| object.protected);
                (found != Some(*protected))
                    .then(|| mismatch(change, "protection", json!(protected), json!(found)))
            }
            Precondition::OwnedBy {
                resource_id,
                namespace,
                ..
            } => {
                let found = self
                    .objects
                    .get(resource_id)
                    .and_then(|object| object.owner.clone());
                (found != *namespace).then(|| mismatch(change, "owner", json!(namespace), json!(found)))
            }
            Precondition::Check { name, spec } => {
                let (is, found) = (spec.get("is").cloned().unwrap_or_default(), self.field(spec));
                (is != found).then(|| mismatch(change, name, is, found))
            }
            Precondition::Environment { .. } => None,
        };
        change.preconditions.iter().filter_map(differs).collect()
    }

    /// Postconditions that do not hold.
    fn after(&self, change: &Change, outputs: &Outputs) -> Vec<Mismatch> {
        let differs = |condition: &Postcondition| match condition {
            Postcondition::Matches => {
                let wanted = json!(wanted(change, outputs).unwrap_or_default());
                let found = self.found(change);
                (wanted != found).then(|| mismatch(change, "fields", wanted, found))
            }
            Postcondition::Gone => self
                .named(&change.resource_name)
                .map(|(id, _)| mismatch(change, "existence", Value::Null, json!(id))),
            Postcondition::Check { name, spec } => {
                let (is, found) = (spec.get("is").cloned().unwrap_or_default(), self.field(spec));
                (is != found).then(|| mismatch(change, name, is, found))
            }
        };
        change.postconditions.iter().filter_map(differs).collect()
    }

    /// Does it. Not idempotent on purpose: a second effect leaves a second object, version or count.
    fn effect(&mut self, change: &Change, outputs: &Outputs) -> Result<Made, Failure> {
        let fields = wanted(change, outputs)?;
        let id = id_for(change);
        let gone = || Failure::new(Disposition::GiveUp, "there is no such object");
        match change.action {
            Action::Create => {
                let mut object = Object::new(&change.resource_name, fields);
                object.owner.clone_from(&change.namespace);
                object.protected = change.protection.is_some_and(|flag| flag.new);
                object.made_by = Some(change.change_id.clone());
                let id = self.add(object);
                return Ok(Made::from([("id".to_owned(), json!(id))]));
            }
            Action::Update => {
                let object = self.objects.get_mut(&id).ok_or_else(gone)?;
                object.fields = fields;
                object.version += 1;
                if let Some(flag) = change.protection {
                    object.protected = flag.new;
                }
            }
            Action::Delete => {
                self.objects.remove(&id).ok_or_else(gone)?;
            }
            Action::Run => self.count(&id, 1),
        }
        Ok(Made::from([("id".to_owned(), json!(id))]))
    }

    fn count(&mut self, id: &str, by: i64) {
        if let Some(object) = self.objects.get_mut(id) {
            let count = object.fields.get("count").and_then(Value::as_i64).unwrap_or(0);
            object.fields.insert("count".to_owned(), json!(count + by));
            object.version += 1;
        }
    }

    /// Did the effect of this change happen?
    fn look(&self, change: &Change, outputs: &Outputs) -> Settled {
        let id = id_for(change);
        let made = Made::from([("id".to_owned(), json!(id))]);
        let object = self.objects.get(&id);
        let old = change.current.as_ref().map(as_fields);
        match (change.action, object) {
            (Action::Create, Some(object)) if object.made_by.as_ref() == Some(&change.change_id) => {
                Settled::Done(made)
            }
            (Action::Create, None) | (Action::Run, None) => Settled::NotDone,
            (Action::Update, Some(object))
                if wanted(change, outputs).ok().as_ref() == Some(&object.fields) =>
            {
                Settled::Done(made)
            }
            (Action::Update | Action::Delete, Some(object)) if old.as_ref() == Some(&object.fields) => {
                Settled::NotDone
            }
            (Action::Delete, None) => Settled::Done(made),
            (Action::Run, Some(object)) if object.fields.get("count") == Some(&json!(0)) => Settled::NotDone,
            (Action::Run, Some(_)) => Settled::Done(made),
            (Action::Create | Action::Update | Action::Delete, _) => {
                Settled::Drift(vec![mismatch(change, "fields", json!(old), self.found(change))])
            }
        }
    }

    fn take_back(&mut self, change: &Change, outputs: &Outputs) {
        let id = outputs
            .get(&change.change_id)
            .and_then(|made| made.get("id"))
            .and_then(Value::as_str)
            .map_or_else(|| id_for(change), ToOwned::to_owned);
        let old = change.current.as_ref().map(as_fields).unwrap_or_default();
        match change.action {
            Action::Create => {
                self.objects.remove(&id);
            }
            Action::Update => {
                if let Some(object) = self.objects.get_mut(&id) {
                    object.fields = old;
                    object.version += 1;
                    if let Some(flag) = change.protection {
                        object.protected = flag.old;
                    }
                }
            }
            Action::Delete => {
                let mut object = Object::new(&change.resource_name, old);
                object.owner.clone_from(&change.namespace);
                self.add(object);
            }
            Action::Run => self.count(&id, -1),
        }
    }
}
