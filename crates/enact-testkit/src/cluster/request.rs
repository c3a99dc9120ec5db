//! A request as the API server understands it: which verb on which resource.

use axum::body::Bytes;
use axum::extract::Query;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use hyper::http::request::Parts;
use serde_json::Value;

use super::kind::Kind;
use super::refused::Refused;
use super::store::Key;

/// What a bearer token begins with; the name of the account follows.
pub(super) const TOKEN: &str = "token-of:";

/// A request that was read.
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) content_type: String,
    pub(super) accept: String,
    pub(super) agent: String,
    /// Who asks; none when the token is none of ours.
    pub(super) account: Option<String>,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn read(parts: &Parts, body: Bytes) -> Self {
        let header = |name| {
            let value = parts.headers.get(name);
            let value = value.and_then(|value: &hyper::http::HeaderValue| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let token = header(AUTHORIZATION);
        let account = token
            .strip_prefix("Bearer ")
            .and_then(|token| token.strip_prefix(TOKEN));
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: query.map(|Query(query)| query).unwrap_or_default(),
            content_type: header(CONTENT_TYPE),
            accept: header(ACCEPT),
            agent: header(USER_AGENT),
            account: account.map(ToOwned::to_owned),
            body,
        }
    }

    /// A parameter of the query; empty when it is not there.
    pub(super) fn parameter(&self, name: &str) -> &str {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self.parameter(name), "true" | "1")
    }

    pub(super) fn is_dry(&self) -> bool {
        let said = self.query.iter();
        let mut said = said.filter(|(key, _)| key == "dryRun");
        let in_body = || {
            self.method == "DELETE"
                && self
                    .json()
                    .is_ok_and(|body| super::delete::Deletion::read(&body).dry)
        };
        said.any(|(_, value)| value == "All") || in_body()
    }

    /// The body as JSON; null when there is none.
    ///
    /// # Errors
    /// 400, when it is none.
    pub(super) fn json(&self) -> Result<Value, Refused> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Refused::bad(format!("the object provided is unrecognized: {error}")))
    }

    /// Does the client want no more than the metadata?
    pub(super) fn wants_metadata(&self) -> bool {
        self.accept.contains("as=PartialObjectMetadata")
    }
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) kind: &'static Kind,
    /// None: all namespaces, or a kind that has none.
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<String>,
}

impl Place {
    /// Reads a path; none when the server has no such resource.
    pub(super) fn read(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let kind_of = |plural: &str| Kind::at(group, version, plural);
        if let ["namespaces", namespace, plural, more @ ..] = rest
            && let Some(kind) = kind_of(plural).filter(|kind| kind.namespaced)
        {
            return Self::with(kind, Some(namespace), more);
        }
        let [plural, more @ ..] = rest else { return None };
        let kind = kind_of(plural)?;
        if kind.namespaced && !more.is_empty() {
            return None;
        }
        Self::with(kind, None, more)
    }

    fn with(kind: &'static Kind, namespace: Option<&str>, more: &[&str]) -> Option<Self> {
        let (name, subresource) = match more {
            [] => (None, None),
            [name] => (Some(*name), None),
            [name, subresource] => (Some(*name), Some(*subresource)),
            _ => return None,
        };
        Some(Self {
            kind,
            namespace: namespace.map(ToOwned::to_owned),
            name: name.map(ToOwned::to_owned),
            subresource: subresource.map(ToOwned::to_owned),
        })
    }

    /// The object; none for a collection.
    pub(super) fn key(&self) -> Option<Key> {
        let namespace = self.namespace.as_deref().unwrap_or_default();
        Some(Key::new(self.kind, namespace, self.name.as_deref()?))
    }

    /// `deployments/scale`, as rights name it.
    pub(super) fn resource(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.kind.plural),
            None => self.kind.plural.to_owned(),
        }
    }

    /// The verb that a right to this must name.
    pub(super) fn verb(&self, asked: &Asked) -> &'static str {
        match (asked.method.as_str(), self.name.is_some()) {
            ("GET", true) => "get",
            ("GET", false) if asked.is("watch") => "watch",
            ("GET", false) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", true) => "delete",
            ("DELETE", false) => "deletecollection",
            _ => "unknown",
        }
    }
}
