//! Creating and replacing: what the server fills in, what it keeps, and what it refuses.

use serde_json::{Value, json};

use super::kind::Kind;
use super::object::{self, copy, has, is_ending, is_held, list, remove, set, text};
use super::refused::Refused;
use super::rules;
use super::store::{Key, Store};

/// Which part of an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Everything but the status.
    Main,
    /// The status and nothing else.
    Status,
}

impl Store {
    /// Creates an object as a client asks for it.
    ///
    /// # Errors
    /// As the server refuses it: 404 for a namespace that is not there, 403 in one that ends, 409 for one that
    /// exists, 400, 422.
    pub(super) fn create(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        body: &Value,
        dry: bool,
    ) -> Result<Value, Refused> {
        let mut object = body.clone();
        check_type(kind, &object)?;
        self.check_namespace(kind, namespace, &object)?;
        self.name(&mut object);
        let key = Key::new(kind, namespace, text(&object, "/metadata/name"));
        if key.name.is_empty() {
            return Err(Refused::invalid(
                kind,
                "",
                "metadata.name: Required value: name or generateName is required",
            ));
        }
        if has(&object, "/metadata/resourceVersion") {
            return Err(Refused::bad(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        if self.get(&key).is_some() {
            return Err(Refused::exists(kind, &key.name));
        }
        self.fill_in(&key, &mut object);
        rules::prepare_new(kind, &mut object);
        rules::check_new(kind, &object)?;
        Ok(if dry {
            object
        } else {
            self.commit(&key, Some(object))
        })
    }

    fn check_namespace(&self, kind: &'static Kind, namespace: &str, body: &Value) -> Result<(), Refused> {
        let said = text(body, "/metadata/namespace");
        if kind.namespaced && !said.is_empty() && said != namespace {
            return Err(Refused::bad(format!(
                "the namespace of the provided object does not match the namespace sent on the request ({said} != {namespace})"
            )));
        }
        if !kind.namespaced {
            return Ok(());
        }
        let Some(spaces) = Kind::named("namespaces") else {
            return Ok(());
        };
        let space = self.found(&Key::new(spaces, "", namespace))?;
        if is_ending(space) {
            return Err(in_ending_namespace(kind, text(body, "/metadata/name"), namespace));
        }
        Ok(())
    }

    fn name(&mut self, object: &mut Value) {
        let prefix = text(object, "/metadata/generateName").to_owned();
        if text(object, "/metadata/name").is_empty() && !prefix.is_empty() {
            let suffix = self.new_suffix();
            set(object, "/metadata/name", format!("{prefix}{suffix}"));
        }
    }

    fn fill_in(&mut self, key: &Key, object: &mut Value) {
        set(object, "/apiVersion", key.kind.api_version());
        set(object, "/kind", key.kind.name);
        if key.kind.namespaced {
            set(object, "/metadata/namespace", key.namespace.clone());
        }
        let uid = self.new_uid();
        set(object, "/metadata/uid", uid);
        set(object, "/metadata/creationTimestamp", self.now_text());
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "managedFields"] {
            remove(object, &format!("/metadata/{field}"));
        }
        if key.kind.generation {
            set(object, "/metadata/generation", 1);
        } else {
            remove(object, "/metadata/generation");
        }
    }

    /// Replaces an object, or its status, as a client asks for it.
    ///
    /// # Errors
    /// 404, 409 when the version or the uid is another, 400, 422.
    pub(super) fn replace(
        &mut self,
        key: &Key,
        body: &Value,
        part: Part,
        dry: bool,
    ) -> Result<Value, Refused> {
        check_type(key.kind, body)?;
        let old = self.found(key)?;
        if text(body, "/metadata/name") != key.name {
            return Err(Refused::bad(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                text(body, "/metadata/name"),
                key.name
            )));
        }
        if !has(body, "/metadata/resourceVersion") && !key.kind.unconditional {
            let why = "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update";
            return Err(Refused::invalid(key.kind, &key.name, why));
        }
        check_same(key, old, body)?;
        self.write(key, body.clone(), part, dry)
    }

    /// Writes an object that was replaced or patched. Nothing is written, and no version counted, where nothing
    /// changes.
    ///
    /// # Errors
    /// 422, when what may not change does.
    pub(super) fn write(&mut self, key: &Key, asked: Value, part: Part, dry: bool) -> Result<Value, Refused> {
        let old = self.found(key)?.clone();
        let mut new = match part {
            Part::Main => asked,
            Part::Status => {
                let mut new = old.clone();
                copy(&mut new, &asked, "/status");
                new
            }
        };
        keep(key.kind, &old, &mut new, part);
        rules::prepare_changed(key.kind, &mut new);
        rules::check_changed(key, &old, &new)?;
        if key.kind.generation && part == Part::Main && old.pointer("/spec") != new.pointer("/spec") {
            let generation = object::number(&old, "/metadata/generation").unwrap_or(0);
            set(&mut new, "/metadata/generation", generation + 1);
        }
        if new == old || dry {
            return Ok(new);
        }
        if is_ending(&new) && !is_held(&new) && !self.has_grace(key, &new) {
            self.commit(key, Some(new));
            return Ok(self.commit(key, None));
        }
        Ok(self.commit(key, Some(new)))
    }

    /// Does its pod's grace still run?
    fn has_grace(&self, key: &Key, object: &Value) -> bool {
        let grace = object::number(object, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
        (key.kind.plural == "pods" && grace > 0) || key.kind.plural == "namespaces"
    }
}

/// What no client changes.
fn keep(kind: &Kind, old: &Value, new: &mut Value, part: Part) {
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "generation",
        "resourceVersion",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        copy(new, old, &format!("/metadata/{field}"));
    }
    remove(new, "/metadata/managedFields");
    copy(new, old, "/apiVersion");
    copy(new, old, "/kind");
    if kind.status && part == Part::Main {
        copy(new, old, "/status");
    }
    // An empty map and none are the same to the server.
    for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
        let path = format!("/metadata/{field}");
        let empty = match new.pointer(&path) {
            Some(Value::Object(fields)) => fields.is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            Some(Value::Null) => true,
            _ => false,
        };
        if empty {
            remove(new, &path);
        }
    }
}

/// Is it the version and the object that the client means?
///
/// # Errors
/// 409.
pub(super) fn check_same(key: &Key, old: &Value, body: &Value) -> Result<(), Refused> {
    let uid = text(body, "/metadata/uid");
    if !uid.is_empty() && uid != text(old, "/metadata/uid") {
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            text(old, "/metadata/uid")
        );
        return Err(Refused::conflict(key.kind, &key.name, &why));
    }
    let version = text(body, "/metadata/resourceVersion");
    if !version.is_empty() && version != text(old, "/metadata/resourceVersion") {
        return Err(Refused::modified(key.kind, &key.name));
    }
    Ok(())
}

fn check_type(kind: &Kind, body: &Value) -> Result<(), Refused> {
    if !body.is_object() {
        return Err(Refused::bad("the object provided is unrecognized"));
    }
    let (version, name) = (text(body, "/apiVersion"), text(body, "/kind"));
    if (!version.is_empty() && version != kind.api_version()) || (!name.is_empty() && name != kind.name) {
        return Err(Refused::bad(format!(
            "{name} in version \"{version}\" cannot be handled as a {}",
            kind.name
        )));
    }
    Ok(())
}

/// What is created in a namespace that ends.
pub(super) fn in_ending_namespace(kind: &Kind, name: &str, namespace: &str) -> Refused {
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let cause = format!("namespace {namespace} is being terminated");
    Refused::forbidden(kind, name, &why).caused("NamespaceTerminating", &cause, Some("metadata.namespace"))
}

/// New finalizers on what is being deleted.
pub(super) fn adds_finalizers(old: &Value, new: &Value) -> bool {
    let had = list(old, "/metadata/finalizers");
    let has = list(new, "/metadata/finalizers");
    is_ending(old) && has.iter().any(|finalizer| !had.contains(finalizer))
}

/// The reference to an owner, as controllers write it.
pub(super) fn owned_by(owner: &Value) -> Value {
    json!([{
        "apiVersion": text(owner, "/apiVersion"),
        "kind": text(owner, "/kind"),
        "name": text(owner, "/metadata/name"),
        "uid": text(owner, "/metadata/uid"),
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}
