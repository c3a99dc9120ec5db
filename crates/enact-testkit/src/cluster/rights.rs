//! Who may do what: rules per account, and the reviews that answer from them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::object::text;
use super::refused::Refused;
use super::request::{Asked, Place, TOKEN};

/// The namespace of an account that is named without one.
const NAMESPACE: &str = "kubernetes-executor-system";

/// A right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The API group; empty for the core.
    pub group: String,
    /// The resource with its subresource: `deployments/scale`; or a path that is no resource: `/metrics`.
    pub resource: String,
    /// The verbs.
    pub verbs: Vec<String>,
    /// Only in this namespace; none for all.
    pub namespace: Option<String>,
}

impl Rule {
    /// A right in all namespaces.
    pub fn new(group: &str, resource: &str, verbs: &[&str]) -> Self {
        Self {
            group: group.to_owned(),
            resource: resource.to_owned(),
            verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
            namespace: None,
        }
    }

    /// The same in one namespace only.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }
}

/// What somebody wants to do.
pub(super) struct Access {
    group: String,
    resource: String,
    verb: String,
    namespace: String,
}

impl Access {
    fn of(place: &Place, asked: &Asked) -> Self {
        Self {
            group: place.kind.group.to_owned(),
            resource: place.resource(),
            verb: place.verb(asked).to_owned(),
            namespace: place.namespace.clone().unwrap_or_default(),
        }
    }

    /// As a review has it: `resourceAttributes`, or a path that is no resource.
    fn reviewed(review: &Value) -> Self {
        let path = text(review, "/spec/nonResourceAttributes/path");
        if !path.is_empty() {
            return Self {
                group: String::new(),
                resource: path.to_owned(),
                verb: text(review, "/spec/nonResourceAttributes/verb").to_owned(),
                namespace: String::new(),
            };
        }
        let field = |name: &str| text(review, &format!("/spec/resourceAttributes/{name}")).to_owned();
        let resource = match field("subresource") {
            none if none.is_empty() => field("resource"),
            subresource => format!("{}/{subresource}", field("resource")),
        };
        Self {
            group: field("group"),
            resource,
            verb: field("verb"),
            namespace: field("namespace"),
        }
    }
}

/// The rights of all accounts. An account without rules may do everything that is not denied.
#[derive(Default)]
pub(super) struct Rights {
    rules: BTreeMap<String, Vec<Rule>>,
    denied: Vec<(String, Rule)>,
}

impl Rights {
    pub(super) fn restrict(&mut self, account: &str, rules: Vec<Rule>) {
        self.rules.insert(account.to_owned(), rules);
    }

    pub(super) fn deny(&mut self, account: &str, rule: Rule) {
        self.denied.push((account.to_owned(), rule));
    }

    fn allow(&self, account: &str, access: &Access) -> bool {
        let covers = |rule: &Rule| {
            rule.group == access.group
                && rule.resource == access.resource
                && rule.verbs.contains(&access.verb)
                && rule
                    .namespace
                    .as_ref()
                    .is_none_or(|namespace| *namespace == access.namespace)
        };
        let mut denied = self.denied.iter().filter(|(who, _)| who == account);
        !denied.any(|(_, rule)| covers(rule))
            && self
                .rules
                .get(account)
                .is_none_or(|rules| rules.iter().any(covers))
    }

    /// # Errors
    /// 403, with the words of the real server.
    pub(super) fn check(&self, account: &str, asked: &Asked, place: &Place) -> Result<(), Refused> {
        let access = Access::of(place, asked);
        if self.allow(account, &access) {
            return Ok(());
        }
        let scope = match &place.namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let why = format!(
            "User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {scope}",
            user(account),
            access.verb,
            access.resource,
            access.group
        );
        let name = place.name.as_deref().unwrap_or_default();
        Err(Refused::forbidden(place.kind, name, &why))
    }

    /// Answers a review about an account.
    pub(super) fn review(&self, account: &str, review: &Value) -> Value {
        let user = text(review, "/spec/user");
        let asked_about = match user.rsplit(':').next() {
            Some(name) if !name.is_empty() => name,
            _ => account,
        };
        let allowed = self.allow(asked_about, &Access::reviewed(review));
        json!({
            "kind": text(review, "/kind"),
            "apiVersion": "authorization.k8s.io/v1",
            "metadata": { "creationTimestamp": null },
            "spec": review.get("spec"),
            "status": { "allowed": allowed, "reason": if allowed { "RBAC: allowed" } else { "" } },
        })
    }
}

/// Whose token it is.
pub(super) fn token_review(review: &Value) -> Value {
    let account = text(review, "/spec/token").strip_prefix(TOKEN);
    let status = match account {
        Some(account) => json!({ "authenticated": true, "user": {
            "username": user(account), "uid": format!("uid-of-{account}"), "groups": ["system:authenticated"],
        } }),
        None => json!({ "authenticated": false, "error": "invalid bearer token" }),
    };
    json!({
        "kind": "TokenReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": { "creationTimestamp": null },
        "spec": review.get("spec"),
        "status": status,
    })
}

/// The whole name of an account.
fn user(account: &str) -> String {
    if account.contains(':') {
        account.to_owned()
    } else {
        format!("system:serviceaccount:{NAMESPACE}:{account}")
    }
}

/// Is it a path at which reviews are asked for?
pub(super) fn is_review(path: &str) -> bool {
    let name = path.strip_prefix("/apis/authorization.k8s.io/v1/");
    matches!(name, Some("subjectaccessreviews" | "selfsubjectaccessreviews"))
}
