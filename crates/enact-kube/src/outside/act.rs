//! Doing an action, and what became of one whose end nobody saw.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use enact_engine::policy::input::ActionInput;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Call, Outside, Who};
use crate::api::RollbackInfo;
use crate::catalog::{Acting, Asked, Basis, CatalogAction, Done, Failed, Failure, Foreseen, Shows, Stage};
use crate::machine::{Request, input_of, stamp};

/// How much longer than its time an action is waited for. An action looks at its time between its requests.
const ALLOWANCE: Duration = Duration::from_secs(30);

/// What of the target must be as it was planned.
#[derive(Debug, Clone, Copy)]
pub enum Held<'a> {
    /// That it is this object.
    Uid(&'a str),
    /// That it is this object and nobody changed it.
    Exactly(&'a Basis),
}

/// An action right before it is done. Nothing has been written.
pub struct Prepared {
    /// What policies are asked about it, with the target as it is now.
    pub input: ActionInput,
    /// The target as it is now.
    pub basis: Basis,
    /// The time that is written into the cluster.
    pub now: String,
    /// What would come of it.
    pub description: String,
    action: Arc<dyn CatalogAction>,
    asked: Asked,
    outside: Outside,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Prepared")
            .field("asked", &self.asked)
            .field("basis", &self.basis)
            .finish_non_exhaustive()
    }
}

/// How an action is done.
pub struct Doing {
    /// How long it may take.
    pub limit: Duration,
    /// Only try: the server checks, and nothing is written.
    pub dry_run: bool,
    /// Whether it is to stop.
    pub stop: CancellationToken,
    /// Told how to take it back, before the first write.
    pub back: Box<dyn Fn(&RollbackInfo) + Send + Sync>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// Well.
    Done(Box<Done>),
    /// Not well, and nothing was written.
    Refused(String),
    /// Not well, and something may have been written.
    Failed(String),
    /// Somebody stopped it; something may have been written.
    Stopped(String),
    /// Nobody knows: it did not come back.
    Lost(String),
}

impl Outside {
    /// Is the target what was planned for? Reads only.
    ///
    /// # Errors
    /// That it is not there, or why nobody can say; in words.
    pub async fn differs(&self, call: &Call, held: Held<'_>) -> Result<Option<(String, String)>, String> {
        let (action, asked) = self.asked(call, "", "")?;
        let Some(target) = self.look(action.about(), &call.target).await? else {
            return Ok(Some((expected(held), "it is not there".to_owned())));
        };
        let foreseen = action.foresee(&target, &asked);
        Ok(difference(
            held,
            &target,
            foreseen.ok().map(|foreseen| foreseen.basis).as_ref(),
        ))
    }

    /// Looks at the target once more, right before the action.
    ///
    /// # Errors
    /// Why it cannot be done; nothing was written.
    pub async fn prepare(&self, call: &Call, held: Held<'_>, who: &Who) -> Result<Prepared, String> {
        let now = self.clock.now();
        let stamped = stamp(now);
        let (action, asked) = self.asked(call, &who.on_behalf_of, &stamped)?;
        let about = action.about();
        let target = self
            .look(about, &call.target)
            .await?
            .ok_or_else(|| format!("{} is not there", call.target))?;
        let foreseen = action
            .foresee(&target, &asked)
            .and_then(Foreseen::if_expected)
            .map_err(|why| format!("{} cannot be done: {why}", about.name))?;
        if let Some((expected, found)) = difference(held, &target, Some(&foreseen.basis)) {
            return Err(format!(
                "{} is not what was planned for: {found}, expected {expected}",
                call.target
            ));
        }
        let input = input_of(Request {
            now,
            ..self.request(call, who, about, &asked, &target, &foreseen).await?
        });
        Ok(Prepared {
            input,
            basis: foreseen.basis,
            now: stamped,
            description: foreseen.description,
            action,
            asked,
            outside: self.clone(),
        })
    }

    /// Does the target show that an action happened whose end nobody saw? The question that the controller asks of a Job that is gone.
    ///
    /// # Errors
    /// Why nobody can say, in words.
    pub async fn shows(&self, call: &Call, basis: &Basis, who: &Who, now: &str) -> Result<Shows, String> {
        let (action, asked) = self.asked(call, &who.on_behalf_of, now)?;
        let target = self.look(action.about(), &call.target).await?;
        Ok(action.shows(target.as_ref(), &asked, basis))
    }
}

fn uid_of(target: &Value) -> &str {
    let uid = target.pointer("/metadata/uid").and_then(Value::as_str);
    uid.unwrap_or_default()
}

fn expected(held: Held<'_>) -> String {
    match held {
        Held::Uid(uid) => format!("uid {uid}"),
        Held::Exactly(basis) => described(basis),
    }
}

fn described(basis: &Basis) -> String {
    let mut text = format!("uid {}", basis.uid);
    if let Some(generation) = basis.generation {
        text.push_str(&format!(", generation {generation}"));
    }
    if let Some(version) = &basis.resource_version {
        text.push_str(&format!(", version {version}"));
    }
    text
}

/// What was expected and what is there, where these differ. Without a basis of the target only its uid is compared.
fn difference(held: Held<'_>, target: &Value, now: Option<&Basis>) -> Option<(String, String)> {
    let uid = uid_of(target);
    match (held, now) {
        (Held::Uid(wanted), _) if wanted == uid => None,
        (Held::Exactly(basis), None) if basis.uid == uid => None,
        (Held::Exactly(basis), Some(now)) if basis == now => None,
        (Held::Exactly(_), Some(now)) => Some((expected(held), described(now))),
        (held, _) => Some((expected(held), format!("uid {uid}"))),
    }
}

impl Prepared {
    /// Does it. It comes back in the time that it has, or is given up as lost.
    pub async fn act(self, doing: Doing) -> Ended {
        let own = self.asked.parameters.integer("timeout");
        let own = own
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(Duration::from_secs);
        let limit = own.map_or(doing.limit, |own| own.min(doing.limit));
        let wrote = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&wrote);
        let back = doing.back;
        let acting = Acting {
            client: self.outside.client,
            asked: self.asked,
            basis: self.basis,
            deadline: Instant::now() + limit,
            stop: doing.stop,
            tell: Box::new(move |stage| {
                if let Stage::Rollback { rollback } = stage {
                    told.store(true, Ordering::SeqCst);
                    back(rollback);
                }
            }),
            clock: self.outside.clock,
            dry_run: doing.dry_run,
        };
        let acted = tokio::time::timeout(limit + ALLOWANCE, self.action.act(&acting)).await;
        match acted {
            Ok(Ok(done)) => Ended::Done(Box::new(done)),
            Ok(Err(failed)) => not_well(&failed, wrote.load(Ordering::SeqCst)),
            Err(_) => Ended::Lost(format!(
                "{} did not come back in its time",
                self.action.about().name
            )),
        }
    }
}

/// An action tells how to take it back before it writes: one that did not, and says no, has not written.
fn not_well(failed: &Failed, wrote: bool) -> Ended {
    let message = failed.message.clone();
    match failed.failure {
        Failure::Cancelled => Ended::Stopped(message),
        Failure::Refused | Failure::TargetChanged if !wrote => Ended::Refused(message),
        Failure::Failed | Failure::Refused | Failure::Deadline | Failure::TargetChanged => {
            Ended::Failed(message)
        }
    }
}
