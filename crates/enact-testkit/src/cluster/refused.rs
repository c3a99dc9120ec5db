//! What the server answers when it does not do what it is asked: `Status` objects with the words of the real one.

use serde_json::{Value, json};

use super::kind::Kind;
use super::object::set;

/// An answer that is an error.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refused {
    pub(super) code: u16,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) details: Value,
}

impl Refused {
    pub(super) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: Value::Null,
        }
    }

    /// The reason that goes with a status.
    pub(super) fn of_code(code: u16) -> Self {
        let (reason, message) = match code {
            400 => ("BadRequest", "the server does not understand the request"),
            401 => ("Unauthorized", "Unauthorized"),
            403 => ("Forbidden", "forbidden"),
            404 => ("NotFound", "the server could not find the requested resource"),
            409 => (
                "Conflict",
                "the object has been modified; please apply your changes to the latest version",
            ),
            410 => ("Expired", "the provided resource version is too old"),
            422 => ("Invalid", "the object is invalid"),
            429 => (
                "TooManyRequests",
                "the server has received too many requests, try again later",
            ),
            503 => (
                "ServiceUnavailable",
                "the server is currently unable to handle the request",
            ),
            504 => (
                "Timeout",
                "the request did not complete within the allotted timeout",
            ),
            _ => ("InternalError", "an error on the server"),
        };
        Self::new(code, reason, message)
    }

    fn about(mut self, kind: &Kind, name: &str) -> Self {
        self.details = json!({ "name": name, "group": kind.group, "kind": kind.plural });
        self
    }

    pub(super) fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", kind.resource());
        Self::new(404, "NotFound", message).about(kind, name)
    }

    pub(super) fn exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", kind.resource());
        Self::new(409, "AlreadyExists", message).about(kind, name)
    }

    pub(super) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            kind.resource()
        );
        Self::new(409, "Conflict", message).about(kind, name)
    }

    pub(super) fn modified(kind: &Kind, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    pub(super) fn invalid(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is invalid: {why}", named(kind));
        Self::new(422, "Invalid", message).about(kind, name)
    }

    pub(super) fn bad(why: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", why)
    }

    pub(super) fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{} is forbidden: {why}", kind.resource())
        } else {
            format!("{} \"{name}\" is forbidden: {why}", kind.resource())
        };
        Self::new(403, "Forbidden", message).about(kind, name)
    }

    pub(super) fn caused(mut self, reason: &str, message: &str, field: Option<&str>) -> Self {
        let mut cause = json!({ "reason": reason, "message": message });
        if let Some(field) = field {
            set(&mut cause, "/field", field);
        }
        set(&mut self.details, "/causes", json!([cause]));
        self
    }

    pub(super) fn after(mut self, seconds: u64) -> Self {
        set(&mut self.details, "/retryAfterSeconds", seconds);
        self
    }

    /// What is to be sent as `Retry-After`. The real server sends it only where it is not zero.
    pub(super) fn retry_after(&self) -> Option<u64> {
        let seconds = self.details.get("retryAfterSeconds").and_then(Value::as_u64);
        seconds.filter(|seconds| *seconds > 0)
    }

    /// The object that is sent.
    pub(super) fn to_value(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if !self.details.is_null() {
            set(&mut status, "/details", self.details.clone());
        }
        status
    }
}

/// `Job.batch`, as messages about contents name a kind.
fn named(kind: &Kind) -> String {
    if kind.group.is_empty() {
        kind.name.to_owned()
    } else {
        format!("{}.{}", kind.name, kind.group)
    }
}

/// What the server answers when there is nothing else to say.
pub(super) fn success() -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" })
}
