//! The hands of the Konnect domain: one change to requests, and looking before, after and in doubt.
//!
//! Reads: `looking.rs`. What they mean: `precondition.rs`. What is sent: `request.rs`.

use std::collections::BTreeMap;

use enact_core::change::{Action, Change, Undo};
use enact_core::journal::Mismatch;
use enact_core::reference::Outputs;
use enact_engine::provider::{Disposition, Failure, Made, Provider, Settled};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::client::{ApiError, Call, Client};
use crate::listing::list;
use crate::observe::read_one;
use crate::observed::ObservedObject;
use crate::precondition::{broken, missed, subject, unmet};
use crate::request::{Request, RequestError, fields, kind_of, object_id, parent_id, request, undo_request};
use crate::resources::{Kind, Kinds};
use crate::settle::{FIRST_WAIT, LOOKS};

/// The Konnect provider.
pub struct KonnectProvider<'a> {
    /// The client.
    pub client: &'a Client,
    /// The kinds it manages.
    pub kinds: Kinds,
    /// The digest of an environment value as it is now, by `VAR` or `VAR#path`.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::new(error.disposition(), error.to_string())
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::new(Disposition::GiveUp, error.to_string())
    }
}

/// A read that fails has no effect to look for, and the client has tried several times already.
pub(crate) fn read_failure(error: ApiError) -> Failure {
    Failure::new(Disposition::GiveUp, error.to_string())
}

impl Provider for KonnectProvider<'_> {
    async fn preflight(&self, changes: &[&Change], _outputs: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        let seen = self.look_at_all(changes).await.map_err(read_failure)?;
        let mut mismatches = Vec::new();
        for change in changes {
            let kind = kind_of(self.kinds, change)?;
            mismatches.extend(broken(kind, change, &seen, self.environment));
        }
        Ok(mismatches)
    }

    async fn check(&self, change: &Change, _outputs: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        let seen = self.look_at_one(change).await.map_err(read_failure)?;
        Ok(broken(
            kind_of(self.kinds, change)?,
            change,
            &seen,
            self.environment,
        ))
    }

    async fn apply(&self, change: &Change, outputs: &Outputs) -> Result<Made, Failure> {
        let kind = kind_of(self.kinds, change)?;
        let request = request(self.kinds, change, outputs)?;
        match self.send(&request).await {
            Ok(answer) => self.made(kind, change, outputs, answer.as_ref(), &request),
            Err(error) => refused(change, error),
        }
    }

    async fn settle(
        &self,
        change: &Change,
        outputs: &Outputs,
        intent_at: Timestamp,
    ) -> Result<Settled, Failure> {
        match change.action {
            Action::Create => self.settle_create(change, outputs, intent_at).await,
            Action::Update => self.settle_update(change, outputs).await,
            Action::Delete => self.settle_delete(change, outputs).await,
            Action::Run => Ok(Settled::Unknown("a Konnect resource cannot be run".to_owned())),
        }
    }

    async fn verify(&self, changes: &[&Change], outputs: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        let mut mismatches = self.missed_goals(changes, outputs).await?;
        let mut wait = FIRST_WAIT;
        for _look in 1..LOOKS {
            if mismatches.is_empty() {
                break;
            }
            // What was just written can take a moment to show everywhere; only what does not agree is read again.
            tokio::time::sleep(wait).await;
            wait *= 2;
            let again: Vec<&Change> = changes
                .iter()
                .copied()
                .filter(|change| {
                    mismatches
                        .iter()
                        .any(|mismatch| mismatch.change_id == change.change_id)
                })
                .collect();
            mismatches = self.missed_goals(&again, outputs).await?;
        }
        Ok(mismatches)
    }

    async fn undo(&self, change: &Change, outputs: &Outputs) -> Result<(), Failure> {
        let request = undo_request(self.kinds, change, outputs)?;
        if let Some(mismatch) = self.changed_after(change, outputs).await? {
            let message = format!("it was changed after this run made it, so it is left alone: {mismatch}");
            return Err(Failure::new(Disposition::GiveUp, message));
        }
        if let Some(other) = self.put_under(change, outputs).await? {
            let message = format!("somebody put {other} under it meanwhile, so it is left alone");
            return Err(Failure::new(Disposition::GiveUp, message));
        }
        match self.send(&request).await {
            Ok(_) => Ok(()),
            // What was created is gone already.
            Err(error) if error.status() == Some(404) && change.action == Action::Create => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn settle_undo(&self, change: &Change, outputs: &Outputs) -> Result<Settled, Failure> {
        let kind = kind_of(self.kinds, change)?;
        let parent = parent_id(change, outputs)?;
        let id = object_id(change, outputs).unwrap_or_default();
        let live = read_one(self.client, kind, parent.as_deref(), &id)
            .await
            .map_err(read_failure)?;
        Ok(match (change.undo.as_ref(), live) {
            (Some(Undo::DeleteCreated), None) => Settled::Done(Made::new()),
            (Some(Undo::DeleteCreated), Some(_)) => Settled::NotDone,
            (Some(Undo::RestoreFields), Some(live)) => {
                let back = |(name, field): (&String, &enact_core::change::FieldChange)| {
                    crate::observed::equals(&field.old, live.snapshot(kind).get(name).unwrap_or(&Value::Null))
                };
                if change.changed_fields.iter().all(back) {
                    Settled::Done(Made::new())
                } else {
                    Settled::NotDone
                }
            }
            (Some(Undo::CreateAgain), _) => {
                let path = &change.resource_name;
                let siblings = list(self.client, kind, parent.as_deref())
                    .await
                    .map_err(read_failure)?;
                if siblings.iter().any(|sibling| sibling.identity == *path) {
                    Settled::Done(Made::new())
                } else {
                    Settled::NotDone
                }
            }
            _ => Settled::Unknown("looking cannot tell".to_owned()),
        })
    }
}

/// A refusal of the server, as what it means for the change.
fn refused(change: &Change, error: ApiError) -> Result<Made, Failure> {
    let made_here = change
        .parent
        .as_ref()
        .is_some_and(|parent| parent.change_id.is_some());
    match (change.action, error.status()) {
        // Gone between the look and the request: what was wanted is so.
        (Action::Delete, Some(404)) => Ok(Made::new()),
        (Action::Update, Some(404)) => {
            let mut failure = Failure::from(error);
            failure.drift.push(Mismatch {
                change_id: change.change_id.clone(),
                subject: subject(&change.resource_type, &change.resource_name),
                expected: json!("it exists"),
                found: json!("it is gone"),
                assumption: None,
            });
            Err(failure)
        }
        // Somebody has the name: an earlier attempt of ours whose answer was lost, or another. A look tells.
        (Action::Create, Some(409)) => Err(Failure::new(Disposition::Look, error.to_string())),
        // Right after its parent was created the server may not know about it everywhere yet.
        (Action::Create, Some(403 | 404)) if made_here => Err(Failure::new(
            Disposition::Retry { after: None },
            error.to_string(),
        )),
        _ => Err(error.into()),
    }
}

impl KonnectProvider<'_> {
    /// What of the goals of these changes is not there, as of one look.
    async fn missed_goals(&self, changes: &[&Change], outputs: &Outputs) -> Result<Vec<Mismatch>, Failure> {
        let live = self
            .look_at_results(changes, outputs)
            .await
            .map_err(read_failure)?;
        let mut mismatches = Vec::new();
        for change in changes {
            let desired = fields(change.desired.as_ref(), outputs)?;
            let object = live.get(&change.change_id).and_then(Option::as_ref);
            mismatches.extend(missed(kind_of(self.kinds, change)?, change, &desired, object));
        }
        Ok(mismatches)
    }

    pub(crate) async fn send(&self, request: &Request) -> Result<Option<Value>, ApiError> {
        let call = Call {
            method: request.method.clone(),
            path: &request.path,
            query: &request.query,
            body: request.body.as_ref(),
        };
        self.client.send(&call).await
    }

    /// What an answer says was made. An object whose answer already shows the goal is remembered with its version, so
    /// that verification can tell from a list that nobody touched it since.
    fn made(
        &self,
        kind: &'static Kind,
        change: &Change,
        outputs: &Outputs,
        answer: Option<&Value>,
        request: &Request,
    ) -> Result<Made, Failure> {
        if change.action == Action::Delete {
            return Ok(Made::new());
        }
        let Some(object) = answer.and_then(|answer| ObservedObject::read(kind, answer)) else {
            let message = format!("{} {}: the answer holds no object", request.method, request.path);
            return Err(Failure::new(Disposition::Look, message));
        };
        Ok(made_of(kind, change, outputs, &object))
    }

    /// The first field that somebody changed after this run had set it.
    async fn changed_after(&self, change: &Change, outputs: &Outputs) -> Result<Option<Mismatch>, Failure> {
        if change.action == Action::Delete {
            return Ok(None);
        }
        let kind = kind_of(self.kinds, change)?;
        let parent = parent_id(change, outputs)?;
        let id = object_id(change, outputs).unwrap_or_default();
        let live = read_one(self.client, kind, parent.as_deref(), &id)
            .await
            .map_err(read_failure)?;
        let desired = fields(change.desired.as_ref(), outputs)?;
        match (live, change.action) {
            // A created object that is gone needs no undo.
            (None, Action::Create) => Ok(None),
            (live, _) => Ok(missed(kind, change, &desired, live.as_ref()).into_iter().next()),
        }
    }

    /// An object under one that this run created, and that would go with it. The run's own were taken back before.
    async fn put_under(&self, change: &Change, outputs: &Outputs) -> Result<Option<String>, Failure> {
        if change.action != Action::Create {
            return Ok(None);
        }
        let Some(id) = object_id(change, outputs) else {
            return Ok(None);
        };
        for kind in self.kinds.children_of(&change.resource_type) {
            if let Some(other) = self.siblings(kind, &id).await?.first() {
                return Ok(Some(subject(kind.name, &other.identity)));
            }
        }
        Ok(None)
    }

    /// The objects that changes made or changed, as they are now: by lists where that is fewer requests.
    async fn look_at_results(
        &self,
        changes: &[&Change],
        outputs: &Outputs,
    ) -> Result<BTreeMap<enact_core::change::ChangeId, Option<ObservedObject>>, ApiError> {
        let mut groups: BTreeMap<(String, Option<String>), Vec<&Change>> = BTreeMap::new();
        for change in changes {
            let parent = parent_id(change, outputs).ok().flatten();
            groups
                .entry((change.resource_type.clone(), parent))
                .or_default()
                .push(change);
        }
        let found: Vec<Vec<_>> = stream::iter(groups)
            .map(|((name, parent), group)| async move {
                let Some(kind) = self.kinds.get(&name) else {
                    return Ok(Vec::new());
                };
                self.look_at_group(kind, parent.as_deref(), &group, outputs).await
            })
            .buffer_unordered(self.client.concurrency().max(1))
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn look_at_group(
        &self,
        kind: &'static Kind,
        parent: Option<&str>,
        group: &[&Change],
        outputs: &Outputs,
    ) -> Result<Vec<(enact_core::change::ChangeId, Option<ObservedObject>)>, ApiError> {
        let by_list = group.len() >= crate::looking::LIST_FROM;
        let listed: BTreeMap<String, ObservedObject> = if by_list {
            let objects = match list(self.client, kind, parent).await {
                Err(error) if error.status() == Some(404) => Vec::new(),
                other => other?,
            };
            objects
                .into_iter()
                .map(|object| (object.id.clone(), object))
                .collect()
        } else {
            BTreeMap::new()
        };
        stream::iter(group.iter().copied())
            .map(|change| {
                let listed = &listed;
                async move {
                    let id = object_id(change, outputs).unwrap_or_default();
                    let object = match listed.get(&id) {
                        Some(object) if answers_for(kind, change, object, outputs) => {
                            Some(with_sent_texts(kind, change, object.clone(), outputs))
                        }
                        None if by_list => None,
                        Some(_) | None => read_one(self.client, kind, parent, &id).await?,
                    };
                    Ok((change.change_id.clone(), object))
                }
            })
            .buffer_unordered(self.client.concurrency().max(1))
            .try_collect()
            .await
    }
}

/// What is remembered of an object that was made or changed.
pub(crate) fn made_of(
    kind: &'static Kind,
    change: &Change,
    outputs: &Outputs,
    object: &ObservedObject,
) -> Made {
    let mut made = Made::from([("id".to_owned(), json!(object.id))]);
    let desired = fields(change.desired.as_ref(), outputs).unwrap_or_default();
    if unmet(kind, change, &desired, object).is_empty() && !object.version.is_empty() {
        made.insert("version".to_owned(), json!(object.version));
    }
    made
}

/// Can a listed object stand for a read one? Always, when the list holds every field; else only if nobody touched the
/// object since the answer to our write, which showed the goal.
fn answers_for(kind: &Kind, change: &Change, listed: &ObservedObject, outputs: &Outputs) -> bool {
    let complete = kind.fields.iter().all(|field| field.listed);
    let version = outputs
        .get(&change.change_id)
        .and_then(|made| made.get("version"))
        .and_then(Value::as_str);
    complete || change.action == Action::Delete || version == Some(listed.version.as_str())
}

/// The texts that the list does not hold, as the answer to our write showed them.
fn with_sent_texts(
    kind: &'static Kind,
    change: &Change,
    mut object: ObservedObject,
    outputs: &Outputs,
) -> ObservedObject {
    let desired = fields(change.desired.as_ref(), outputs).unwrap_or_default();
    for field in kind.fields.iter().filter(|field| !field.listed) {
        if let Some(text) = desired.get(field.name) {
            object.fields.insert(field.name, text.clone());
        }
    }
    object
}
