//! Entries: facts with a number, a time and the digest of the entry before.

use serde::{Deserialize, Serialize};

use super::{Fact, RunId};
use crate::canonical::Digest;
use crate::change::ChangeId;
use crate::change_state::ChangeState;

/// One entry of a run's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The run.
    pub run_id: RunId,
    /// Its place in the run, from 1, without gaps.
    pub seq: u64,
    /// When it was written.
    #[schemars(with = "String")]
    pub at: jiff::Timestamp,
    /// The lease under which it was written.
    pub epoch: u64,
    /// Digest of the entry before it; of nothing for the first.
    pub prev: Digest,
    /// Digest of this entry without this field.
    pub digest: Digest,
    /// What happened.
    pub fact: Fact,
}

impl Entry {
    /// The entry that follows `prev` in a run.
    ///
    /// # Errors
    /// When the fact has no JSON form.
    pub fn chain(
        run_id: &RunId,
        prev: Option<&Self>,
        at: jiff::Timestamp,
        epoch: u64,
        fact: Fact,
    ) -> Result<Self, serde_json::Error> {
        let mut entry = Self {
            run_id: run_id.clone(),
            seq: prev.map_or(1, |entry| entry.seq + 1),
            at,
            epoch,
            prev: prev.map_or_else(|| Digest::of(b""), |entry| entry.digest.clone()),
            digest: Digest::of(b""),
            fact,
        };
        entry.digest = entry.content_digest()?;
        Ok(entry)
    }

    fn content_digest(&self) -> Result<Digest, serde_json::Error> {
        let mut value = serde_json::to_value(self)?;
        if let Some(object) = value.as_object_mut() {
            object.remove("digest");
        }
        Digest::of_canonical(&value)
    }
}

/// Why entries are not a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Number, chain or digest do not agree.
    #[error("entry {seq} of run {run_id} does not follow from the entry before it: {problem}")]
    Broken {
        /// The run.
        run_id: RunId,
        /// The entry.
        seq: u64,
        /// What does not agree.
        problem: &'static str,
    },
    /// The transition table does not allow it.
    #[error("entry {seq} of run {run_id} says {step} of change {change_id}, which is {state:?}")]
    Illegal {
        /// The run.
        run_id: RunId,
        /// The entry.
        seq: u64,
        /// The change.
        change_id: ChangeId,
        /// Where it stands.
        state: ChangeState,
        /// What the entry says.
        step: String,
    },
}

/// Checks numbers, chain and digests of a run's entries, oldest first.
///
/// # Errors
/// [`JournalError::Broken`] for the first entry that does not follow.
pub fn verify_chain(entries: &[Entry]) -> Result<(), JournalError> {
    let mut prev: Option<&Entry> = None;
    for entry in entries {
        let broken = |problem| JournalError::Broken {
            run_id: entry.run_id.clone(),
            seq: entry.seq,
            problem,
        };
        if entry.seq != prev.map_or(1, |before| before.seq + 1) {
            return Err(broken("its number is not the next one"));
        }
        if entry.prev != prev.map_or_else(|| Digest::of(b""), |before| before.digest.clone()) {
            return Err(broken("it names another entry before it"));
        }
        if entry.content_digest().ok().as_ref() != Some(&entry.digest) {
            return Err(broken("its digest does not match its content"));
        }
        prev = Some(entry);
    }
    Ok(())
}
