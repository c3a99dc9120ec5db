//! Finding out by looking what became of a change whose answer was lost.

use std::time::Duration;

use enact_core::change::Change;
use enact_core::journal::Mismatch;
use enact_core::reference::Outputs;
use enact_engine::provider::{Failure, Made, Settled};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::listing::{find_by_name, list};
use crate::observe::read_one;
use crate::observed::ObservedObject;
use crate::precondition::{missed, subject, unmet};
use crate::provider::{KonnectProvider, made_of, read_failure};
use crate::request::{fields, kind_of, parent_id};
use crate::resources::Kind;

/// How often a lost creation is looked for, and how long in between at first: an object can take a moment to show.
pub(crate) const LOOKS: u32 = 5;
pub(crate) const FIRST_WAIT: Duration = Duration::from_millis(200);

/// How far the server's clock may be off after its `Date` header was taken into account (it has whole seconds).
const CLOCK_SLACK_MS: i64 = 2_000;

impl KonnectProvider<'_> {
    /// Looks for an object a lost answer may have created: ours only if owner, payload and time agree.
    pub(crate) async fn settle_create(
        &self,
        change: &Change,
        outputs: &Outputs,
        intent_at: Timestamp,
    ) -> Result<Settled, Failure> {
        let kind = kind_of(self.kinds, change)?;
        let parent = parent_id(change, outputs)?;
        let desired = fields(change.desired.as_ref(), outputs)?;
        let mut wait = FIRST_WAIT;
        for look in 1..=LOOKS {
            let found = match parent.as_deref() {
                None => find_by_name(self.client, kind, &change.resource_name)
                    .await
                    .map_err(read_failure)?,
                Some(parent_id) => {
                    let mut siblings = self.siblings(kind, parent_id).await?;
                    siblings.retain(|sibling| sibling.identity == change.resource_name);
                    siblings
                }
            };
            match found.as_slice() {
                [] if look < LOOKS => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                [] => return Ok(Settled::NotDone),
                [object] => {
                    return self
                        .is_ours(
                            kind,
                            change,
                            outputs,
                            &desired,
                            object,
                            parent.as_deref(),
                            intent_at,
                        )
                        .await;
                }
                many => {
                    return Ok(Settled::Unknown(format!(
                        "there are {} objects of this name",
                        many.len()
                    )));
                }
            }
        }
        Ok(Settled::NotDone)
    }

    /// The children of a parent; none while the parent itself does not show yet.
    pub(crate) async fn siblings(
        &self,
        kind: &'static Kind,
        parent_id: &str,
    ) -> Result<Vec<ObservedObject>, Failure> {
        match list(self.client, kind, Some(parent_id)).await {
            Err(error) if error.status() == Some(404) => Ok(Vec::new()),
            other => other.map_err(read_failure),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "everything that decides whether an object is ours, in one place"
    )]
    async fn is_ours(
        &self,
        kind: &'static Kind,
        change: &Change,
        outputs: &Outputs,
        desired: &serde_json::Map<String, Value>,
        listed: &ObservedObject,
        parent_id: Option<&str>,
        intent_at: Timestamp,
    ) -> Result<Settled, Failure> {
        let created: Option<Timestamp> = listed.created_at.parse().ok();
        let intent_ms = intent_at
            .as_millisecond()
            .saturating_add(self.client.clock_offset_ms());
        let after = created.is_some_and(|created| created.as_millisecond() + CLOCK_SLACK_MS >= intent_ms);
        if !after {
            let existing = format!("one that was created before (id {})", listed.id);
            return Ok(Settled::Drift(vec![Mismatch {
                change_id: change.change_id.clone(),
                subject: subject(&change.resource_type, &change.resource_name),
                expected: Value::Null,
                found: json!(existing),
                assumption: None,
            }]));
        }
        let live = read_one(self.client, kind, parent_id, &listed.id)
            .await
            .map_err(read_failure)?;
        let Some(live) = live else {
            return Ok(Settled::NotDone);
        };
        let differing = unmet(kind, change, desired, &live);
        if let Some((field, ..)) = differing.first() {
            let why = format!(
                "an object of this name (id {}) appeared meanwhile, but its {field} is another",
                live.id
            );
            return Ok(Settled::Unknown(why));
        }
        Ok(Settled::Done(made_of(kind, change, outputs, &live)))
    }

    pub(crate) async fn settle_update(&self, change: &Change, outputs: &Outputs) -> Result<Settled, Failure> {
        let kind = kind_of(self.kinds, change)?;
        let parent = parent_id(change, outputs)?;
        let id = change.resource_id.clone().unwrap_or_default();
        let live = read_one(self.client, kind, parent.as_deref(), &id)
            .await
            .map_err(read_failure)?;
        let desired = fields(change.desired.as_ref(), outputs)?;
        let Some(live) = live else {
            return Ok(Settled::Drift(missed(kind, change, &desired, None)));
        };
        if unmet(kind, change, &desired, &live).is_empty() {
            return Ok(Settled::Done(made_of(kind, change, outputs, &live)));
        }
        // A PATCH is one step for the server: either all its fields are there or none is.
        Ok(Settled::NotDone)
    }

    pub(crate) async fn settle_delete(&self, change: &Change, outputs: &Outputs) -> Result<Settled, Failure> {
        let kind = kind_of(self.kinds, change)?;
        let parent = parent_id(change, outputs)?;
        let id = change.resource_id.clone().unwrap_or_default();
        let live = read_one(self.client, kind, parent.as_deref(), &id)
            .await
            .map_err(read_failure)?;
        Ok(if live.is_none() {
            Settled::Done(Made::new())
        } else {
            Settled::NotDone
        })
    }
}
