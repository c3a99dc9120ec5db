//! Error answers of the local Konnect: `application/problem+json` as the API description's `BaseError` and
//! `BadRequestError` say. What is wrong with a field is worded by `validate` and `paging`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use serde_json::{Map, Value, json};

/// One entry of `invalid_parameters`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct InvalidParameter {
    pub(super) field: String,
    pub(super) rule: &'static str,
    pub(super) reason: String,
    pub(super) source: &'static str,
    pub(super) extra: Option<Box<(&'static str, Value)>>,
}

impl InvalidParameter {
    pub(super) fn body(field: impl Into<String>, rule: &'static str, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            rule,
            reason: reason.into(),
            source: "body",
            extra: None,
        }
    }

    pub(super) fn query(field: impl Into<String>, rule: &'static str, reason: impl Into<String>) -> Self {
        Self {
            source: "query",
            ..Self::body(field, rule, reason)
        }
    }

    /// Adds the member that the rule wants: `minimum`, `maximum`, `choices` or `dependents`.
    pub(super) fn with(mut self, member: &'static str, value: Value) -> Self {
        self.extra = Some(Box::new((member, value)));
        self
    }

    fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("field".to_owned(), json!(self.field));
        object.insert("rule".to_owned(), json!(self.rule));
        object.insert("reason".to_owned(), json!(self.reason));
        object.insert("source".to_owned(), json!(self.source));
        if let Some((member, value)) = self.extra.as_deref() {
            object.insert((*member).to_owned(), value.clone());
        }
        Value::Object(object)
    }
}

/// An error answer, before it gets its trace id.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) detail: String,
    pub(super) invalid: Vec<InvalidParameter>,
    pub(super) retry_after_seconds: Option<u64>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            invalid: Vec::new(),
            retry_after_seconds: None,
        }
    }

    pub(super) fn invalid(parameters: Vec<InvalidParameter>) -> Self {
        Self {
            invalid: parameters,
            ..Self::new(StatusCode::BAD_REQUEST, "Invalid parameters")
        }
    }

    pub(super) fn not_found(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{what} [{id}] not found"))
    }

    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    pub(super) fn into_response(self, traces: &Traces) -> Response<Body> {
        let mut object = Map::new();
        object.insert("status".to_owned(), json!(self.status.as_u16()));
        object.insert(
            "title".to_owned(),
            json!(self.status.canonical_reason().unwrap_or("Error")),
        );
        object.insert(
            "type".to_owned(),
            json!(format!("https://httpstatuses.com/{}", self.status.as_u16())),
        );
        object.insert("instance".to_owned(), json!(traces.next()));
        object.insert("detail".to_owned(), json!(self.detail));
        if self.status == StatusCode::BAD_REQUEST {
            object.insert("invalid_parameters".to_owned(), self.invalid_json());
        }
        let body = Body::from(Value::Object(object).to_string());
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/problem+json; charset=utf-8"),
        );
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
        }
        response
    }

    // The description asks for at least one entry and for no entry twice.
    fn invalid_json(&self) -> Value {
        if self.invalid.is_empty() {
            return json!([InvalidParameter::body("body", "invalid", self.detail.as_str()).to_json()]);
        }
        let mut seen = BTreeSet::new();
        let entries = self.invalid.iter().map(InvalidParameter::to_json);
        Value::Array(entries.filter(|entry| seen.insert(entry.to_string())).collect())
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        tracing::error!(%error, "the local Konnect could not use its database");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("The database refused: [{error}]"),
        )
    }
}

/// Hands out trace ids (`kong:trace:<digits>`), each once per server.
#[derive(Debug)]
pub(super) struct Traces(AtomicU64);

impl Traces {
    pub(super) fn starting_at(first: u64) -> Self {
        Self(AtomicU64::new(first))
    }

    fn next(&self) -> String {
        format!("kong:trace:{}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}
