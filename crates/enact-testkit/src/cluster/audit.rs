//! What was asked of the server, by whom: for tests to hold against what should have been asked.

use serde_json::Value;

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Counted from 1 over the whole cluster.
    pub number: u64,
    /// Who asked: the name of the account; empty when the token was none.
    pub account: String,
    /// The client's name for itself.
    pub agent: String,
    /// `GET`, `POST`, ….
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The parameters.
    pub query: Vec<(String, String)>,
    /// The body as JSON; null when it is none.
    pub body: Value,
    /// The verb as rights name it: `get`, `list`, `watch`, `create`, ….
    pub verb: String,
    /// The API group; empty for the core.
    pub group: String,
    /// The resource with its subresource as rights name it: `deployments/scale`.
    pub resource: String,
    /// The namespace; empty for all, and for what has none.
    pub namespace: String,
    /// The object; empty for a collection.
    pub name: String,
    /// Was it only tried?
    pub dry_run: bool,
    /// How it was answered; none while it is not, or when the connection was cut.
    pub status: Option<u16>,
    /// Was it carried out?
    pub applied: bool,
}

impl Call {
    /// Did it ask to change something, for good?
    pub fn is_write(&self) -> bool {
        matches!(self.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE")
            && !self.dry_run
            && self.group != "authorization.k8s.io"
    }

    /// `patch deployments/scale u/web`: short, for comparing whole sequences.
    pub fn in_short(&self) -> String {
        let place = [self.namespace.as_str(), self.name.as_str()];
        let place: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
        let text = format!("{} {} {}", self.verb, self.resource, place.join("/"));
        text.trim_end().to_owned()
    }
}
