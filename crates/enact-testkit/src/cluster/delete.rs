//! Deleting: preconditions, grace of pods, finalizers, and what becomes of dependants.

use serde_json::{Value, json};

use super::object::{is_ending, is_held, list, number, set, text};
use super::refused::{Refused, success};
use super::store::{Key, Store, time_at, written};

/// How something is deleted.
#[derive(Debug, Clone, Default)]
pub(super) struct Deletion {
    pub(super) uid: Option<String>,
    pub(super) version: Option<String>,
    pub(super) grace: Option<i64>,
    pub(super) propagation: Option<String>,
    pub(super) dry: bool,
}

impl Deletion {
    /// As a client writes it down: `DeleteOptions`.
    pub(super) fn read(options: &Value) -> Self {
        let some = |path: &str| {
            let found = text(options, path);
            (!found.is_empty()).then(|| found.to_owned())
        };
        Self {
            uid: some("/preconditions/uid"),
            version: some("/preconditions/resourceVersion"),
            grace: number(options, "/gracePeriodSeconds"),
            propagation: some("/propagationPolicy"),
            dry: list(options, "/dryRun").contains(&json!("All")),
        }
    }
}

impl Store {
    /// Deletes an object as a client asks for it. Returns the object where it stays for a while, and a success where
    /// it is gone.
    ///
    /// # Errors
    /// 404, or 409 when the precondition does not hold.
    pub(super) fn delete(&mut self, key: &Key, how: &Deletion) -> Result<Value, Refused> {
        let old = self.found(key)?.clone();
        check(key, &old, how)?;
        let mut new = old.clone();
        hold_back(key, &mut new, how);
        let grace = grace(key, &old, how);
        let stays = is_held(&new) || grace > 0 || key.kind.plural == "namespaces";
        if how.dry {
            return Ok(if stays { new } else { gone(key, &old) });
        }
        if !stays {
            self.commit(key, None);
            return Ok(gone(key, &old));
        }
        self.mark(&mut new, grace);
        if key.kind.plural == "namespaces" {
            set(&mut new, "/status/phase", "Terminating");
        }
        Ok(if new == old {
            old
        } else {
            self.commit(key, Some(new))
        })
    }

    /// Writes down that it is being deleted. Said twice, only a shorter grace counts.
    fn mark(&self, object: &mut Value, grace: i64) {
        if is_ending(object) && grace >= number(object, "/metadata/deletionGracePeriodSeconds").unwrap_or(0) {
            return;
        }
        let mut end = self.now();
        if let Ok(later) = end.checked_add(jiff::SignedDuration::from_secs(grace)) {
            end = later;
        }
        // It does not end later than it was to end before.
        if let Some(before) = time_at(object, "/metadata/deletionTimestamp") {
            end = end.min(before);
        }
        set(object, "/metadata/deletionTimestamp", written(end));
        set(object, "/metadata/deletionGracePeriodSeconds", grace);
    }
}

fn check(key: &Key, old: &Value, how: &Deletion) -> Result<(), Refused> {
    let conflict = |what: &str, wanted: &str, is: &str| {
        let why = format!(
            "the {what} in the precondition ({wanted}) does not match the {what} in record ({is}). The object might have been deleted and then recreated"
        );
        Err(Refused::conflict(key.kind, &key.name, &why))
    };
    let uid = text(old, "/metadata/uid");
    if let Some(wanted) = how.uid.as_deref().filter(|wanted| *wanted != uid) {
        return conflict("UID", wanted, uid);
    }
    let version = text(old, "/metadata/resourceVersion");
    if let Some(wanted) = how.version.as_deref().filter(|wanted| *wanted != version) {
        return conflict("ResourceVersion", wanted, version);
    }
    Ok(())
}

/// The finalizers by which the garbage collector is told what becomes of dependants. A Job's pods are orphaned where
/// nothing is said: so the API of Jobs has it since its first version (`jobStrategy.DefaultGarbageCollectionPolicy`).
fn hold_back(key: &Key, object: &mut Value, how: &Deletion) {
    let finalizer = match (how.propagation.as_deref(), key.kind.plural) {
        (Some("Orphan"), _) | (None, "jobs") => "orphan",
        (Some("Foreground"), _) => "foregroundDeletion",
        _ => return,
    };
    let mut finalizers = list(object, "/metadata/finalizers").to_vec();
    if !finalizers.contains(&json!(finalizer)) {
        finalizers.push(json!(finalizer));
        set(object, "/metadata/finalizers", finalizers);
    }
}

/// Only pods take time to end, and only those that run somewhere.
fn grace(key: &Key, object: &Value, how: &Deletion) -> i64 {
    let finished = matches!(text(object, "/status/phase"), "Succeeded" | "Failed");
    if key.kind.plural != "pods" || finished || text(object, "/spec/nodeName").is_empty() {
        return 0;
    }
    let own = number(object, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
    how.grace.filter(|seconds| *seconds >= 0).unwrap_or(own)
}

fn gone(key: &Key, old: &Value) -> Value {
    let mut status = success();
    set(
        &mut status,
        "/details",
        json!({
            "name": key.name,
            "group": key.kind.group,
            "kind": key.kind.plural,
            "uid": text(old, "/metadata/uid"),
        }),
    );
    status
}
