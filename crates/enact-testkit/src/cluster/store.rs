//! What the cluster holds: objects as they are, and every state that they ever had.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use super::kind::Kind;
use super::object::{is_ending, list, set, text};
use super::refused::Refused;
use crate::clock::StepClock;

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its kind.
    pub kind: &'static Kind,
    /// Its namespace; empty for what has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    pub(super) fn new(kind: &'static Kind, namespace: &str, name: &str) -> Self {
        let namespace = if kind.namespaced { namespace } else { "" };
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    pub(super) fn of(kind: &'static Kind, object: &Value) -> Self {
        Self::new(
            kind,
            text(object, "/metadata/namespace"),
            text(object, "/metadata/name"),
        )
    }
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is there since.
    Added,
    /// It is another since.
    Modified,
    /// It is gone since.
    Deleted,
}

/// One change of one object.
#[derive(Debug, Clone)]
pub struct Change {
    /// Counted over the whole cluster.
    pub revision: u64,
    /// Which object.
    pub key: Key,
    /// What happened.
    pub what: What,
    /// How it was; none when it was not there.
    pub before: Option<Arc<Value>>,
    /// How it is, or was at last.
    pub object: Arc<Value>,
}

/// The first revision: a cluster is never empty.
const FIRST: u64 = 100;

/// Objects and their history, with the counters that name things.
pub(super) struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    /// Those of them that have owners, and those that are being deleted: what the collector looks at.
    owned: BTreeSet<Key>,
    ending: BTreeSet<Key>,
    history: Vec<Change>,
    revision: u64,
    counted: u64,
    /// Versions older than this are forgotten: watches and pages that begin there are told so.
    pub(super) horizon: u64,
    pub(super) clock: StepClock,
    changed: watch::Sender<u64>,
}

impl Store {
    pub(super) fn new(clock: StepClock) -> Self {
        Self {
            objects: BTreeMap::new(),
            owned: BTreeSet::new(),
            ending: BTreeSet::new(),
            history: Vec::new(),
            revision: FIRST,
            counted: 0,
            horizon: 0,
            clock,
            changed: watch::Sender::new(0),
        }
    }

    /// The revision of the newest change.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Told whenever something may have happened: a change, a tick of the clock, a word of the test.
    pub(super) fn listen(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Wakes everybody who listens.
    pub(super) fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// The present time.
    pub(super) fn now(&self) -> Timestamp {
        use enact_engine::clock::Clock as _;
        self.clock.now()
    }

    /// The present time as the server writes it down.
    pub(super) fn now_text(&self) -> String {
        written(self.now())
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Value> {
        self.objects.get(key).map(AsRef::as_ref)
    }

    /// # Errors
    /// 404.
    pub(super) fn found(&self, key: &Key) -> Result<&Value, Refused> {
        self.get(key)
            .ok_or_else(|| Refused::not_found(key.kind, &key.name))
    }

    /// The objects of a kind, of one namespace or of all, by namespace and name.
    pub(super) fn all(&self, kind: &'static Kind, namespace: Option<&str>) -> Vec<(Key, Arc<Value>)> {
        let there = self.each(kind);
        there
            .filter(|(key, _)| namespace.is_none_or(|namespace| key.namespace == namespace))
            .map(|(key, object)| (key.clone(), Arc::clone(object)))
            .collect()
    }

    /// The objects of a kind where they are, by namespace and name.
    pub(super) fn each(&self, kind: &'static Kind) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        let from = Key::new(kind, "", "");
        self.objects
            .range(from..)
            .take_while(move |(key, _)| key.kind == kind)
    }

    /// The objects that have owners.
    pub(super) fn owned(&self) -> Vec<(Key, Arc<Value>)> {
        self.these(&self.owned)
    }

    /// The objects that are being deleted.
    pub(super) fn ending(&self) -> Vec<(Key, Arc<Value>)> {
        self.these(&self.ending)
    }

    fn these(&self, keys: &BTreeSet<Key>) -> Vec<(Key, Arc<Value>)> {
        let there = keys.iter().filter_map(|key| self.objects.get_key_value(key));
        there
            .map(|(key, object)| (key.clone(), Arc::clone(object)))
            .collect()
    }

    /// Did anything go, or come with owners, after a revision?
    pub(super) fn may_have_lost_owners(&self, after: u64) -> bool {
        let from = self.history.partition_point(|change| change.revision <= after);
        let mut later = self.history.get(from..).unwrap_or_default().iter();
        later.any(|change| match change.what {
            What::Deleted => true,
            What::Added | What::Modified => self.owned.contains(&change.key),
        })
    }

    /// Every object of which something is so.
    pub(super) fn whichever(&self, so: impl Fn(&Key, &Value) -> bool) -> Vec<(Key, Arc<Value>)> {
        let objects = self.objects.iter();
        objects
            .filter(|(key, object)| so(key, object))
            .map(|(key, object)| (key.clone(), Arc::clone(object)))
            .collect()
    }

    /// How an object was at last, whether it is there or gone.
    pub(super) fn last_of(&self, kind: &'static Kind, uid: &str) -> Arc<Value> {
        let mut changes = self.history.iter().rev();
        let last =
            changes.find(|change| change.key.kind == kind && text(&change.object, "/metadata/uid") == uid);
        last.map(|change| change.object.clone()).unwrap_or_default()
    }

    /// The objects of a kind as they were at a revision.
    pub(super) fn all_at(
        &self,
        revision: u64,
        kind: &'static Kind,
        namespace: Option<&str>,
    ) -> Vec<Arc<Value>> {
        let mut objects = BTreeMap::new();
        for change in self.changes(0, kind) {
            if change.revision > revision {
                break;
            }
            match change.what {
                What::Deleted => objects.remove(&change.key),
                What::Added | What::Modified => objects.insert(&change.key, &change.object),
            };
        }
        let of_namespace = objects
            .into_iter()
            .filter(|(key, _)| namespace.is_none_or(|namespace| key.namespace == namespace));
        of_namespace.map(|(_, object)| Arc::clone(object)).collect()
    }

    /// What happened to objects of a kind after a revision, in order.
    pub(super) fn changes(&self, after: u64, kind: &'static Kind) -> impl Iterator<Item = &Change> {
        let from = self.history.partition_point(|change| change.revision <= after);
        let later = self.history.get(from..).unwrap_or_default();
        later.iter().filter(move |change| change.key.kind == kind)
    }

    /// A new uid: counted, and of the form of a uid.
    pub(super) fn new_uid(&mut self) -> String {
        self.counted += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.counted)
    }

    /// Five letters and digits as the server appends them to names that it makes up.
    pub(super) fn new_suffix(&mut self) -> String {
        self.counted += 1;
        format!("x{:04x}", self.counted)
    }

    /// Writes an object down, or takes it away. Returns it with its new version.
    pub(super) fn commit(&mut self, key: &Key, object: Option<Value>) -> Value {
        self.revision += 1;
        let before = self.objects.remove(key);
        let what = match (&before, &object) {
            (_, None) => What::Deleted,
            (None, Some(_)) => What::Added,
            (Some(_), Some(_)) => What::Modified,
        };
        let last = || before.as_deref().cloned();
        let mut written = object.or_else(last).unwrap_or_default();
        set(
            &mut written,
            "/metadata/resourceVersion",
            self.revision.to_string(),
        );
        let shared = Arc::new(written.clone());
        if what != What::Deleted {
            self.objects.insert(key.clone(), Arc::clone(&shared));
        }
        let there = what != What::Deleted;
        mark(
            &mut self.owned,
            key,
            there && !list(&shared, "/metadata/ownerReferences").is_empty(),
        );
        mark(&mut self.ending, key, there && is_ending(&shared));
        self.history.push(Change {
            revision: self.revision,
            key: key.clone(),
            what,
            before,
            object: shared,
        });
        self.tell();
        written
    }
}

fn mark(among: &mut BTreeSet<Key>, key: &Key, is: bool) {
    if is {
        among.insert(key.clone());
    } else {
        among.remove(key);
    }
}

/// A time as the server writes it down.
pub(super) fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The time at a path of an object.
pub(super) fn time_at(object: &Value, path: &str) -> Option<Timestamp> {
    text(object, path).parse().ok()
}
