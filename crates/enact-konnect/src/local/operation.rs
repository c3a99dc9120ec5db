//! What a resource file registers: its tables, what it seeds, and its operations as plain functions.
//!
//! A handler sees one parsed call and one open transaction and never the network; `dispatch` does the rest.

use std::fmt;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use rusqlite::Transaction;
use serde_json::Value;

use super::auth::Access;
use super::problem::Problem;

/// Everything one file of the API description adds to the server.
pub(super) struct Resource {
    /// `CREATE … IF NOT EXISTS` statements, run when the database is opened.
    pub(super) tables: &'static str,
    /// Puts in what must be there before the first request; runs on every opening.
    pub(super) seed: Option<fn(&Transaction<'_>, &Sources) -> rusqlite::Result<()>>,
    pub(super) operations: &'static [Operation],
}

/// One method on one path template.
pub(super) struct Operation {
    pub(super) method: Method,
    /// As in the API description, `/v3/portals/{portalId}`.
    pub(super) path: &'static str,
    pub(super) access: Access,
    pub(super) body: BodyRule,
    pub(super) handler: fn(&Call, &Transaction<'_>) -> Result<Reply, Problem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyRule {
    Ignored,
    Optional,
    Required,
}

/// One request, parsed.
pub(super) struct Call {
    pub(super) params: Vec<(String, String)>,
    pub(super) query: Vec<(String, String)>,
    /// `Null` when the operation takes none or it was left out.
    pub(super) body: Value,
    /// When the request was taken up, in milliseconds since 1970.
    pub(super) now_ms: i64,
    /// For how long an object created by this call stays unseen.
    pub(super) invisible_ms: i64,
    pub(super) sources: Sources,
}

impl Call {
    /// A path parameter; UUIDs are compared in lower case.
    pub(super) fn param(&self, name: &str) -> String {
        let found = self.params.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.to_ascii_lowercase())
            .unwrap_or_default()
    }

    /// The first query parameter of that name.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// From when on an object created by this call is seen.
    pub(super) fn visible_at_ms(&self) -> i64 {
        if self.invisible_ms == 0 {
            0
        } else {
            self.now_ms.saturating_add(self.invisible_ms)
        }
    }

    /// The `updated_at` of a write: later than the last one whatever the clock says.
    pub(super) fn updated_after(&self, last_ms: i64) -> i64 {
        self.now_ms.max(last_ms.saturating_add(1))
    }
}

/// What an operation answers.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Option<Value>,
    pub(super) object_id: Option<String>,
    pub(super) applied: bool,
}

impl Reply {
    pub(super) fn read(body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            body: Some(body),
            object_id: None,
            applied: false,
        }
    }

    pub(super) fn created(object_id: String, body: Value) -> Self {
        Self {
            status: StatusCode::CREATED,
            body: Some(body),
            object_id: Some(object_id),
            applied: true,
        }
    }

    pub(super) fn updated(object_id: String, body: Value, applied: bool) -> Self {
        Self {
            status: StatusCode::OK,
            body: Some(body),
            object_id: Some(object_id),
            applied,
        }
    }

    pub(super) fn deleted(object_id: String) -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            body: None,
            object_id: Some(object_id),
            applied: true,
        }
    }
}

/// Where time and ids come from; both are replaced in tests.
#[derive(Clone)]
pub struct Sources {
    /// The current time.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// A new UUID in lower case, never the same twice.
    pub new_id: Arc<dyn Fn() -> String + Send + Sync>,
}

impl Sources {
    /// The system's clock and random version 4 UUIDs.
    pub fn real() -> Self {
        Self {
            now: Arc::new(real_now),
            new_id: Arc::new(real_id),
        }
    }

    pub(super) fn now_ms(&self) -> i64 {
        (self.now)().as_millisecond()
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the local server meets the real clock"
)]
fn real_now() -> Timestamp {
    Timestamp::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the local server draws ids"
)]
fn real_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
