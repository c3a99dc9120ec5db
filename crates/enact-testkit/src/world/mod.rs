//! A simulated world: objects that can be read and written, with every effect counted and every fault on demand.
//!
//! Clones share the world, so that it outlives the process that works on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use enact_core::change::{Action, Change, ChangeId};
use enact_core::journal::{Entry, Fact};
use serde_json::{Value, json};
use tokio::sync::Notify;

mod provider;

/// Fields by name.
pub type Fields = BTreeMap<String, Value>;

/// One object of the world.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Its name, unique in a world without double effects.
    pub name: String,
    /// What it holds.
    pub fields: Fields,
    /// Rises with each write.
    pub version: u64,
    /// Is it protected?
    pub protected: bool,
    /// Who manages it.
    pub owner: Option<String>,
    /// The change that made it: what an ownership label is in a real world.
    pub made_by: Option<ChangeId>,
}

impl Object {
    /// A managed object.
    pub fn new(name: &str, fields: Fields) -> Self {
        Self {
            name: name.to_owned(),
            fields,
            version: 1,
            protected: false,
            owner: Some("enact".to_owned()),
            made_by: None,
        }
    }
}

/// What goes wrong with one change's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectFault {
    /// It certainly did not happen, and never will.
    Fail,
    /// It certainly did not happen, this many times; then it does.
    Refuse(u32),
    /// The answer is lost before anything happened, this many times; then it does.
    LoseBefore(u32),
    /// It happens, and the answer is lost.
    LoseAfter,
    /// It happens, the answer is lost, and looking cannot tell.
    Blind,
    /// Only a person can go on.
    AskHuman,
}

/// What goes wrong with one change's undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoFault {
    /// It does not happen.
    Fail,
    /// It does not happen, this many times; then it does.
    Refuse(u32),
    /// The answer is lost before anything happened, this many times; then it does.
    LoseBefore(u32),
    /// It happens, and the answer is lost.
    LoseAfter,
}

/// When somebody else meddles with the world.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// After all preconditions were read, before the first effect.
    AfterPreflight,
    /// Right before the preconditions of this change are read again.
    BeforeCheck(ChangeId),
    /// After the last effect, before the postconditions are read.
    BeforeVerify,
}

/// What happened, in the order in which it did.
#[derive(Debug, Clone, PartialEq)]
pub enum Trace {
    /// A fact became durable.
    Durable(Fact),
    /// All preconditions were read.
    Preflight,
    /// The preconditions of one change were read.
    Checked(ChangeId),
    /// An effect started.
    Started(ChangeId),
    /// It happened.
    Committed(ChangeId),
    /// Somebody looked whether it had happened.
    Looked(ChangeId),
    /// An undo started.
    UndoStarted(ChangeId),
    /// It happened.
    UndoCommitted(ChangeId),
    /// The postconditions were read.
    Verified,
}

/// The world.
#[derive(Clone, Default)]
pub struct World(Arc<Shared>);

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    changed: Notify,
    verified: std::sync::Condvar,
}

type Watcher = Arc<dyn Fn(&Trace) + Send + Sync>;

#[derive(Default)]
struct Inner {
    watcher: Option<Watcher>,
    objects: BTreeMap<String, Object>,
    trace: Vec<Trace>,
    faults: BTreeMap<ChangeId, EffectFault>,
    undo_faults: BTreeMap<ChangeId, UndoFault>,
    delays: BTreeMap<ChangeId, Duration>,
    meddling: BTreeMap<Moment, Vec<Change>>,
    running: BTreeSet<ChangeId>,
    most_running: usize,
    /// Effects wait to be released one by one.
    held: bool,
    released: BTreeSet<ChangeId>,
}

impl World {
    /// A world with these objects.
    pub fn new(objects: impl IntoIterator<Item = Object>) -> Self {
        let world = Self::default();
        world.inner().objects = objects
            .into_iter()
            .map(|object| (id_of(&object.name), object))
            .collect();
        world
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Arms a fault.
    pub fn fault(&self, change_id: &ChangeId, fault: EffectFault) {
        self.inner().faults.insert(change_id.clone(), fault);
    }

    /// Arms a fault of an undo.
    pub fn undo_fault(&self, change_id: &ChangeId, fault: UndoFault) {
        self.inner().undo_faults.insert(change_id.clone(), fault);
    }

    /// Makes an effect take this long, by tokio's clock.
    pub fn delay(&self, change_id: &ChangeId, delay: Duration) {
        self.inner().delays.insert(change_id.clone(), delay);
    }

    /// Has somebody meddle with a change's object at a moment, once.
    pub fn meddle(&self, when: Moment, change: &Change) {
        self.inner()
            .meddling
            .entry(when)
            .or_default()
            .push(change.clone());
    }

    /// Has somebody meddle with a change's object now.
    pub fn meddle_now(&self, change: &Change) {
        self.inner().meddle_before(change);
    }

    /// Takes a durable entry into the trace.
    pub fn witness(&self, entry: &Entry) {
        self.note(Trace::Durable(entry.fact.clone()));
    }

    /// Shows every event to somebody right after it happened.
    pub fn watch(&self, watcher: impl Fn(&Trace) + Send + Sync + 'static) {
        self.inner().watcher = Some(Arc::new(watcher));
    }

    fn note(&self, event: Trace) {
        let watcher = {
            let mut inner = self.inner();
            inner.trace.push(event.clone());
            inner.watcher.clone()
        };
        if let Some(watcher) = watcher {
            watcher(&event);
        }
        self.0.changed.notify_waiters();
        self.0.verified.notify_all();
    }

    /// All that happened so far.
    pub fn trace(&self) -> Vec<Trace> {
        self.inner().trace.clone()
    }

    /// All objects by id, with their versions: a second effect shows.
    pub fn objects(&self) -> BTreeMap<String, Object> {
        self.inner().objects.clone()
    }

    /// What the objects hold, by name, without versions and history.
    pub fn contents(&self) -> BTreeMap<String, (Fields, bool, Option<String>)> {
        self.inner()
            .objects
            .values()
            .map(|object| {
                let held = (object.fields.clone(), object.protected, object.owner.clone());
                (object.name.clone(), held)
            })
            .collect()
    }

    /// Changes whose effect happened, as often as it did, in order.
    pub fn committed(&self) -> Vec<ChangeId> {
        self.events(|event| {
            if let Trace::Committed(change_id) = event {
                Some(change_id)
            } else {
                None
            }
        })
    }

    /// Changes whose effect started, as often as it did, in order.
    pub fn started(&self) -> Vec<ChangeId> {
        self.events(|event| {
            if let Trace::Started(change_id) = event {
                Some(change_id)
            } else {
                None
            }
        })
    }

    /// Changes whose undo started, as often as it did, in order.
    pub fn undo_started(&self) -> Vec<ChangeId> {
        self.events(|event| {
            if let Trace::UndoStarted(change_id) = event {
                Some(change_id)
            } else {
                None
            }
        })
    }

    /// Changes whose undo happened, as often as it did, in order.
    pub fn undone(&self) -> Vec<ChangeId> {
        self.events(|event| {
            if let Trace::UndoCommitted(change_id) = event {
                Some(change_id)
            } else {
                None
            }
        })
    }

    fn events(&self, pick: impl Fn(&Trace) -> Option<&ChangeId>) -> Vec<ChangeId> {
        self.inner()
            .trace
            .iter()
            .filter_map(|event| pick(event).cloned())
            .collect()
    }

    /// An effect or undo that happened more than once, if any.
    pub fn done_twice(&self) -> Option<ChangeId> {
        let twice = |list: Vec<ChangeId>| {
            let mut seen = BTreeSet::new();
            list.into_iter().find(|change_id| !seen.insert(change_id.clone()))
        };
        twice(self.committed()).or_else(|| twice(self.undone()))
    }

    /// The most effects that were under way at once.
    pub fn most_running(&self) -> usize {
        self.inner().most_running
    }

    /// Effects under way now.
    pub fn running(&self) -> BTreeSet<ChangeId> {
        self.inner().running.clone()
    }

    /// Lets effects start, and end only when released.
    pub fn hold(&self) {
        self.inner().held = true;
    }

    /// Lets one effect that is held go on.
    pub fn release(&self, change_id: &ChangeId) {
        self.inner().released.insert(change_id.clone());
        self.0.changed.notify_waiters();
    }

    /// Lets all effects go on.
    pub fn release_all(&self) {
        self.inner().held = false;
        self.0.changed.notify_waiters();
    }

    /// Returns once the world is as asked.
    pub async fn until(&self, condition: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.0.changed.notified();
            if condition(self) {
                return;
            }
            changed.await;
        }
    }

    /// Blocks the thread until something happened in the world, at most this long. Says whether it did.
    pub fn block_until(&self, patience: Duration, happened: impl Fn(&Trace) -> bool) -> bool {
        let guard = self.inner();
        let waited = self
            .0
            .verified
            .wait_timeout_while(guard, patience, |inner| !inner.trace.iter().any(&happened));
        let (_guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }

    fn meddle_at(&self, moment: &Moment) {
        let mut inner = self.inner();
        for change in inner.meddling.remove(moment).unwrap_or_default() {
            if *moment == Moment::BeforeVerify {
                inner.meddle_after(&change);
            } else {
                inner.meddle_before(&change);
            }
        }
    }
}

/// The id that an object of this name gets.
pub fn id_of(name: &str) -> String {
    format!("id:{name}")
}

impl Inner {
    fn named(&self, name: &str) -> Option<(&String, &Object)> {
        self.objects.iter().find(|(_, object)| object.name == name)
    }

    /// Adds an object; a second one of the same name gets another id.
    fn add(&mut self, object: Object) -> String {
        let mut id = id_of(&object.name);
        while self.objects.contains_key(&id) {
            id.push('\'');
        }
        self.objects.insert(id.clone(), object);
        id
    }

    /// Breaks what a change expects before its effect.
    fn meddle_before(&mut self, change: &Change) {
        match change.action {
            Action::Create => {
                let mut other = Object::new(
                    &change.resource_name,
                    Fields::from([("size".to_owned(), json!(7))]),
                );
                other.owner = None;
                self.add(other);
            }
            Action::Update | Action::Delete => self.write(change, "size", json!(999)),
            Action::Run => self.write(change, "open", json!(false)),
        }
    }

    /// Breaks what a change has made.
    fn meddle_after(&mut self, change: &Change) {
        match change.action {
            Action::Create | Action::Update => self.write(change, "size", json!(999)),
            Action::Delete => {
                self.add(Object::new(&change.resource_name, Fields::new()));
            }
            Action::Run => self.write(change, "count", json!(999)),
        }
    }

    fn write(&mut self, change: &Change, field: &str, value: Value) {
        let name = &change.resource_name;
        if let Some(object) = self.objects.values_mut().find(|object| object.name == *name) {
            object.fields.insert(field.to_owned(), value);
            object.version += 1;
        }
    }
}
