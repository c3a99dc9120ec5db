//! Watching: what happens to the objects of a collection, line by line, until the time is over or somebody cuts it.

use std::collections::VecDeque;

use axum::body::{Body, Bytes};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::object::set;
use super::read::{metadata_of, selection};
use super::refused::Refused;
use super::request::{Asked, Place};
use super::selector::Selection;
use super::server::Cut;
use super::state::State;
use super::store::{Change, What};
use super::{Cluster, Forgotten};

/// One watch.
pub(super) struct Watching {
    cluster: Cluster,
    place: Place,
    selection: Selection,
    /// The revision up to which everything was sent.
    seen: u64,
    ends: Option<Timestamp>,
    bookmarks: bool,
    only_metadata: bool,
    /// How often watches had been cut, and bookmarks sent, when it began.
    cuts: u64,
    marked: u64,
    lines: VecDeque<Value>,
    over: bool,
    listener: watch::Receiver<u64>,
}

impl Watching {
    /// Begins one.
    ///
    /// # Errors
    /// 400 for a selector that is none, 410 for a revision that is forgotten.
    pub(super) fn begin(
        cluster: &Cluster,
        state: &State,
        place: &Place,
        asked: &Asked,
    ) -> Result<Self, Refused> {
        let from = asked.parameter("resourceVersion").parse().unwrap_or(0);
        let seconds = asked.parameter("timeoutSeconds").parse().ok();
        let ends = seconds.and_then(|seconds| {
            let length = SignedDuration::from_secs(seconds);
            state.store.now().checked_add(length).ok()
        });
        let mut watching = Self {
            cluster: cluster.clone(),
            place: place.clone(),
            selection: selection(place, asked)?,
            seen: from,
            ends,
            bookmarks: asked.is("allowWatchBookmarks"),
            only_metadata: asked.wants_metadata(),
            cuts: state.watches.cuts(place.kind),
            marked: state.watches.marks(),
            lines: VecDeque::new(),
            over: false,
            listener: state.store.listen(),
        };
        let initial = asked.is("sendInitialEvents");
        if from != 0 && from < state.store.horizon && !initial {
            let expired = expired(from, state.store.horizon);
            if state.watches.forgotten == Forgotten::Status {
                return Err(expired);
            }
            watching.lines.push_back(event("ERROR", expired.to_value()));
            watching.over = true;
        } else if from == 0 || initial {
            watching.send_all(state, initial);
        }
        Ok(watching)
    }

    /// Everything that is there, as if it came just now.
    fn send_all(&mut self, state: &State, announce_end: bool) {
        self.seen = state.store.revision();
        for (_, object) in state.store.all(self.place.kind, self.place.namespace.as_deref()) {
            if self.selection.selects(&object) {
                let line = self.line("ADDED", &object);
                self.lines.push_back(line);
            }
        }
        if announce_end {
            let mut mark = self.bookmark();
            set(
                &mut mark,
                "/object/metadata/annotations",
                json!({ "k8s.io/initial-events-end": "true" }),
            );
            self.lines.push_back(mark);
        }
    }

    /// The lines of it as a body.
    pub(super) fn into_body(self) -> Body {
        Body::from_stream(futures_util::stream::unfold(Some(self), |watching| async {
            let mut watching = watching?;
            match watching.next().await {
                Ok(Some(line)) => Some((Ok(line), Some(watching))),
                Ok(None) => None,
                Err(cut) => Some((Err(cut), None)),
            }
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Cut> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Ok(Some(Bytes::from(format!("{line}\n"))));
            }
            if self.over {
                return Ok(None);
            }
            // Marked as seen before looking, so that nothing that comes meanwhile is missed.
            self.listener.borrow_and_update();
            self.look()?;
            if self.lines.is_empty() && !self.over && self.listener.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Takes up what happened since.
    fn look(&mut self) -> Result<(), Cut> {
        let cluster = self.cluster.clone();
        let state = cluster.state();
        if state.watches.cuts(self.place.kind) != self.cuts {
            return Err(Cut);
        }
        let held = state.watches.held(self.place.kind);
        let until = held.unwrap_or(u64::MAX).min(state.store.revision());
        if until > self.seen {
            let changes = state.store.changes(self.seen, self.place.kind);
            let changes = changes.take_while(|change| change.revision <= until);
            let lines: Vec<Value> = changes.filter_map(|change| self.told(change)).collect();
            self.lines.extend(lines);
            self.seen = until;
        }
        let late = self.ends.is_some_and(|ends| state.store.now() >= ends);
        if self.bookmarks && (late || state.watches.marks() != self.marked) {
            self.marked = state.watches.marks();
            let mark = self.bookmark();
            self.lines.push_back(mark);
        }
        self.over = late;
        Ok(())
    }

    /// A change as this watch sees it: an object that begins to be selected is added, one that ceases to be is deleted.
    fn told(&self, change: &Change) -> Option<Value> {
        let elsewhere = self.place.namespace.as_ref();
        if elsewhere.is_some_and(|namespace| *namespace != change.key.namespace) {
            return None;
        }
        let before = change
            .before
            .as_ref()
            .is_some_and(|before| self.selection.selects(before));
        let after = change.what != What::Deleted && self.selection.selects(&change.object);
        match (before, after) {
            (false, false) => None,
            (false, true) => Some(self.line("ADDED", &change.object)),
            (true, true) => Some(self.line("MODIFIED", &change.object)),
            (true, false) => Some(self.line("DELETED", &change.object)),
        }
    }

    fn line(&self, what: &str, object: &Value) -> Value {
        if self.only_metadata {
            event(what, metadata_of(object))
        } else {
            event(what, object.clone())
        }
    }

    fn bookmark(&self) -> Value {
        let object = json!({
            "kind": self.place.kind.name,
            "apiVersion": self.place.kind.api_version(),
            "metadata": { "resourceVersion": self.seen.to_string(), "creationTimestamp": null },
        });
        event("BOOKMARK", object)
    }
}

fn event(what: &str, object: Value) -> Value {
    json!({ "type": what, "object": object })
}

fn expired(from: u64, horizon: u64) -> Refused {
    let message = format!("too old resource version: {from} ({horizon})");
    Refused::new(410, "Expired", message)
}
