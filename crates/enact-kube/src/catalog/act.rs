//! What an action works with when it acts: the cluster as its account may see it, the time that it has, and where it tells what it
//! finds before its first write.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use enact_engine::clock::Clock;
use kube::Client;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Asked, Basis};
use crate::api::RollbackInfo;

/// A future on the heap, so that actions can be kept in one catalog.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The annotation that says which execution wrote to an object last: namespace, name and uid. Actions whose account may patch the
/// object itself leave it; a patch that somebody asked for is written as it is.
pub const LAST_EXECUTION: &str = "kubernaut.ai/last-execution";

/// How often something that is waited for is looked at.
const BEAT: Duration = Duration::from_secs(1);

/// What an action works with.
pub struct Acting {
    /// The cluster.
    pub client: Client,
    /// What is asked.
    pub asked: Asked,
    /// What of the target must be as it was when it was judged.
    pub basis: Basis,
    /// When it must be over.
    pub deadline: Instant,
    /// Whether somebody wants it to stop.
    pub stop: CancellationToken,
    /// Told before the first write how to take it back.
    pub tell: Box<dyn Fn(&Stage) + Send + Sync>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Only try: the server checks, and nothing is written.
    pub dry_run: bool,
}

/// What an action tells while it acts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// How to take back what comes now. Told before the first write.
    Rollback {
        /// The way back.
        rollback: Box<RollbackInfo>,
    },
    /// Something to know.
    Note {
        /// In words.
        message: String,
    },
}

/// How an action ended.
pub type Acted = Result<Done, Failed>;

/// What an action did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// In words.
    pub message: String,
    /// How the target was, in short.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub before: BTreeMap<String, String>,
    /// How it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub after: BTreeMap<String, String>,
    /// How to take it back, as it turned out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackInfo>,
    /// Counts: pods evicted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
}

/// Why an action failed, as its exit code tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It was tried and did not work.
    Failed,
    /// It cannot work: nothing was written.
    Refused,
    /// Somebody stopped it.
    Cancelled,
    /// It took too long.
    Deadline,
    /// The target is not the one that was judged: nothing was written.
    TargetChanged,
}

/// An action that did not end well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failed {
    /// How.
    pub failure: Failure,
    /// Why, in words.
    pub message: String,
    /// Counts: pods evicted, pods that are still there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
}

impl Failed {
    /// It was tried and did not work.
    pub fn at_trying(message: impl Into<String>) -> Self {
        Self::new(Failure::Failed, message)
    }

    /// It cannot work.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Failure::Refused, message)
    }

    /// The target is another one.
    pub fn changed(message: impl Into<String>) -> Self {
        Self::new(Failure::TargetChanged, message)
    }

    /// Of a kind.
    pub fn new(failure: Failure, message: impl Into<String>) -> Self {
        Self {
            failure,
            message: message.into(),
            counts: BTreeMap::new(),
        }
    }

    /// An answer of the API server, with what was asked of it.
    pub fn from_api(doing: &str, error: &kube::Error) -> Self {
        let failure = match code_of(error) {
            Some(403 | 404 | 405 | 415 | 422) => Failure::Refused,
            _ => Failure::Failed,
        };
        Self::new(failure, format!("{doing}: {}", describe(error)))
    }
}

/// The status code of an answer, when there was one.
pub(super) fn code_of(error: &kube::Error) -> Option<u16> {
    if let kube::Error::Api(status) = error {
        Some(status.code)
    } else {
        None
    }
}

/// What the API server says, without the Rust of it.
pub fn describe(error: &kube::Error) -> String {
    let text = if let kube::Error::Api(status) = error
        && !status.message.is_empty()
    {
        format!("{} ({})", status.message, status.code)
    } else {
        chain(error)
    };
    text.chars().take(400).collect()
}

/// An error with what caused it: `no answer: connection refused`.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

impl Acting {
    /// Waits a moment, or until it must end.
    ///
    /// # Errors
    /// When it is to stop, or the time is over; `waiting` says for what it waited.
    pub async fn pause(&self, waiting: &str) -> Result<(), Failed> {
        self.pause_for(BEAT, waiting).await
    }

    /// The same for so long.
    ///
    /// # Errors
    /// As [`Acting::pause`].
    pub async fn pause_for(&self, length: Duration, waiting: &str) -> Result<(), Failed> {
        self.still_time(waiting)?;
        let until = (Instant::now() + length).min(self.deadline);
        tokio::select! {
            () = tokio::time::sleep_until(until) => self.still_time(waiting),
            () = self.stop.cancelled() => Err(Failed::new(Failure::Cancelled, format!("stopped while {waiting}"))),
        }
    }

    /// # Errors
    /// When it is to stop, or the time is over.
    pub fn still_time(&self, doing: &str) -> Result<(), Failed> {
        if self.stop.is_cancelled() {
            return Err(Failed::new(Failure::Cancelled, format!("stopped while {doing}")));
        }
        if Instant::now() >= self.deadline {
            return Err(Failed::new(
                Failure::Deadline,
                format!("the time was over while {doing}"),
            ));
        }
        Ok(())
    }

    /// Is this the target that was judged?
    ///
    /// # Errors
    /// When it is another object of that name, or was changed since.
    pub fn same_target(
        &self,
        uid: Option<&str>,
        generation: Option<i64>,
        version: Option<&str>,
    ) -> Result<(), Failed> {
        let target = &self.asked.target;
        if uid != Some(self.basis.uid.as_str()) {
            return Err(Failed::changed(format!(
                "{target} is another object than the one that was judged (uid {}, expected {})",
                uid.unwrap_or("none"),
                self.basis.uid
            )));
        }
        if let Some(expected) = self.basis.generation
            && generation != Some(expected)
        {
            return Err(Failed::changed(format!(
                "{target} was changed since it was judged (generation {}, expected {expected})",
                generation.map_or_else(|| "none".to_owned(), |generation| generation.to_string())
            )));
        }
        if let Some(expected) = &self.basis.resource_version
            && version != Some(expected.as_str())
        {
            return Err(Failed::changed(format!(
                "{target} was changed since it was judged (version {}, expected {expected})",
                version.unwrap_or("none")
            )));
        }
        Ok(())
    }

    /// Tells how to take it back, before the first write.
    pub fn tell_rollback(&self, rollback: &RollbackInfo) {
        (self.tell)(&Stage::Rollback {
            rollback: Box::new(rollback.clone()),
        });
    }

    /// Tells something to know.
    pub fn note(&self, message: impl Into<String>) {
        (self.tell)(&Stage::Note {
            message: message.into(),
        });
    }
}
