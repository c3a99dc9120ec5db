//! `kubernetes`: an action of the catalog on one object of a cluster; in checks a look at objects. The domain of clusters plans it
//! and carries it out ([`crate::cluster`]); here it is read.

mod look;

use std::collections::BTreeMap;
use std::time::Instant;

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::Body;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Acting, Kind, Use, frozen, line, thawed, unreadable};
use crate::cluster::{Aim, Cluster, Doing, Planned, Step};
use crate::provider::{End, Reply, Site};
use crate::reading::{Fields, Node, Reading, Slot};
use crate::spec::Text;

/// The name of the kind.
pub(crate) const KUBERNETES: &str = "kubernetes";

/// What only looks, and stands in checks only.
const LOOKS: [&str; 2] = ["get", "wait"];

/// What a step or check is aimed at, as frozen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its kind: `Node`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The API group and version of a kind that is not known: `example.com/v1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The plural of a kind that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plural: Option<String>,
    /// Its namespace; in checks `*` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Text>,
    /// Its name; in checks all of the kind without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// In checks: only what has these labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Text>,
}

/// An action on a cluster, as frozen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// An action of the catalog; in checks `get` or `wait`.
    pub action: String,
    /// What it is aimed at.
    pub target: Target,
    /// Its parameters. Those of a step are literal: they were known when the plan was made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Text>,
    /// The context of the kubeconfig; absent: the current one when the plan was made, which `planned` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The namespace of the `KubernetesExecution` that is made for it, where it goes through the executor of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<String>,
    /// Is it the way back that the action itself tells when it runs? What stands here was foreseen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub as_told: bool,
    /// What was found out when the plan was made; not in checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Planned>,
}

impl Kubernetes {
    /// Reads a frozen action.
    pub(crate) fn of(action: &Value) -> Option<Self> {
        thawed(action)
    }

    /// Does it only look, as checks do?
    pub(crate) fn looks(&self) -> bool {
        LOOKS.contains(&self.action.as_str())
    }

    /// What is done, when all of it is known.
    pub(crate) fn doing(&self) -> Option<Doing> {
        let literal = |text: &Option<Text>| text.as_ref().and_then(Text::as_literal).map(ToOwned::to_owned);
        let mut parameters = BTreeMap::new();
        for (name, text) in &self.parameters {
            parameters.insert(name.clone(), text.as_literal()?.to_owned());
        }
        Some(Doing {
            action: self.action.clone(),
            kind: self.target.kind.clone()?,
            namespace: literal(&self.target.namespace),
            name: literal(&self.target.name)?,
            parameters,
        })
    }

    /// The same with what was found out.
    pub(crate) fn with_plan(self, doing: Doing, planned: Planned) -> Self {
        let parameters = doing.parameters.into_iter();
        Self {
            action: doing.action,
            target: Target {
                kind: Some(doing.kind),
                namespace: doing.namespace.map(Text::Literal),
                name: Some(Text::Literal(doing.name)),
                ..Target::default()
            },
            parameters: parameters
                .map(|(name, text)| (name, Text::Literal(text)))
                .collect(),
            planned: Some(planned),
            ..self
        }
    }

    /// What it is aimed at, with everything put in.
    pub(crate) fn aim(&self, text: &dyn Fn(&Text) -> Result<String, String>) -> Result<Aim, String> {
        let put_in = |field: &Option<Text>| field.as_ref().map(text).transpose();
        Ok(Aim {
            kind: self.target.kind.clone(),
            api_version: self.target.api_version.clone(),
            plural: self.target.plural.clone(),
            namespace: put_in(&self.target.namespace)?,
            name: put_in(&self.target.name)?,
            selector: put_in(&self.target.selector)?,
        })
    }

    /// `Node worker-1`, `Deployment shop/web`.
    fn on_what(&self) -> String {
        let shown = |text: &Option<Text>| text.as_ref().map(Text::shown);
        let place = [shown(&self.target.namespace), shown(&self.target.name)];
        let place: Vec<String> = place.into_iter().flatten().collect();
        let kind = self.target.kind.as_deref().unwrap_or("object");
        if place.is_empty() {
            format!("every {kind}")
        } else {
            format!("{kind} {}", place.join("/"))
        }
    }
}

pub(super) struct KubernetesKind;

impl Kind for KubernetesKind {
    fn name(&self) -> &'static str {
        KUBERNETES
    }

    fn may_check(&self) -> bool {
        true
    }

    fn unfit(&self, action: &Value, used: Use) -> Option<Diagnostic> {
        let looks = Kubernetes::of(action).is_some_and(|found| found.looks());
        match (used, looks) {
            (Use::Check, true) | (Use::Step | Use::Undo, false) => None,
            (Use::Check, false) => Some(
                Diagnostic::error("a check only looks at a cluster")
                    .hint("write `action: get` or `action: wait`"),
            ),
            (Use::Step | Use::Undo, true) => {
                let hint =
                    "put it under `verify`, or make a step of it: `wait: { until: { kubernetes: … } }`";
                Some(Diagnostic::error("`get` and `wait` exist in checks only").hint(hint))
            }
        }
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Value> {
        if let Some(why) = reading.no_cluster.clone() {
            reading.fault(node.span, Diagnostic::error(why));
            return None;
        }
        let keys = ["action", "target", "params", "context", "through", "namespace"];
        let fields = reading.fields(node, "`kubernetes`", &keys)?;
        let action = reading
            .require(&fields, "action")
            .and_then(|node| reading.plain(node, "`action`"));
        let target = reading
            .require(&fields, "target")
            .and_then(|node| target(node, reading));
        let parameters = fields.get("params").map(|node| parameters(node, reading));
        let context = fields.get("context").map(|node| reading.exact(node, "`context`"));
        let executor = executor(&fields, reading);
        let found = Kubernetes {
            action: action?,
            target: target?,
            parameters: parameters.unwrap_or_else(|| Some(BTreeMap::new()))?,
            context: context.map_or(Some(None), |read| read.map(Some))?,
            executor: executor?,
            as_told: false,
            planned: None,
        };
        if found.looks() && !look::check(&found, &fields, reading) {
            return None;
        }
        frozen(&found)
    }

    fn summary(&self, action: &Value) -> String {
        line(&self.whole(action))
    }

    fn whole(&self, action: &Value) -> String {
        let Some(found) = Kubernetes::of(action) else {
            return String::new();
        };
        let mut text = format!("{} {}", found.action, found.on_what());
        if let Some(planned) = &found.planned {
            text.push_str(&format!(": {}", planned.description));
            for warning in &planned.warnings {
                text.push_str(&format!("; {warning}"));
            }
        }
        if let Some(namespace) = &found.executor {
            text.push_str(&format!(", through the executor in {namespace}"));
        }
        text
    }

    fn act<'a>(&'a self, action: &'a Value, site: &'a Site<'a>) -> Acting<'a> {
        let (Some(found), Some(cluster)) = (Kubernetes::of(action), site.cluster) else {
            return unreadable("there is no cluster here, or the action is not readable");
        };
        if found.looks() {
            return Box::pin(look::look(found, cluster, site));
        }
        Box::pin(carry_out(found, cluster, site))
    }

    fn is_success(&self, _: &Value, reply: &Reply) -> bool {
        matches!(reply.end, End::Finished | End::Status(200..=299))
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object", "required": ["action", "target"], "additionalProperties": false,
            "patternProperties": {"^x-": true},
            "properties": {
                "action": {
                    "type": "string",
                    "description": "An action of the catalog (`enact action list`) or kubectl's word for it; in checks `get` or `wait`."
                },
                "target": {"type": "object", "additionalProperties": false, "patternProperties": {"^x-": true}, "properties": {
                    "kind": {"type": "string"}, "name": {"type": "string"}, "namespace": {"type": "string"},
                    "selector": {"type": "string"}, "api_version": {"type": "string"}, "plural": {"type": "string"}
                }},
                "params": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "object", "array"]}},
                "context": {"type": "string", "description": "The context of the kubeconfig."},
                "through": {"const": "executor", "description": "Make a KubernetesExecution and wait for it."},
                "namespace": {"type": "string", "description": "The namespace of that KubernetesExecution."}
            }
        })
    }
}

fn target(node: &Node, reading: &mut Reading<'_>) -> Option<Target> {
    let keys = ["kind", "name", "namespace", "selector", "api_version", "plural"];
    let fields = reading.fields(node, "`target`", &keys)?;
    let mut plain = |key: &'static str| match fields.get(key) {
        Some(node) => reading.exact(node, &format!("`{key}`")).map(Some),
        None => Some(None),
    };
    let (kind, api_version, plural) = (plain("kind"), plain("api_version"), plain("plural"));
    let mut text = |key: &'static str| match fields.get(key) {
        Some(node) => reading
            .template(node, &format!("`{key}`"), Slot::Argument)
            .map(Some),
        None => Some(None),
    };
    let (name, namespace, selector) = (text("name"), text("namespace"), text("selector"));
    Some(Target {
        kind: kind?,
        api_version: api_version?,
        plural: plural?,
        namespace: namespace?,
        name: name?,
        selector: selector?,
    })
}

/// Parameters are texts; what is written as a mapping or list stands for its JSON.
fn parameters(node: &Node, reading: &mut Reading<'_>) -> Option<BTreeMap<String, Text>> {
    let fields = reading.any_fields(node, "`params`")?;
    let mut found = BTreeMap::new();
    for entry in fields.entries() {
        let text = match &entry.value.body {
            Body::Mapping(_) | Body::Sequence(_) => {
                let value = reading.json(&entry.value, Slot::Argument)?;
                if crate::expression::holds_template(&value) {
                    let fault = Diagnostic::error("expressions in a mapping of `params` are not possible");
                    reading.fault(entry.span, fault.hint("write the parameter as one text of JSON"));
                    return None;
                }
                Text::Literal(value.to_string())
            }
            Body::Scalar { .. } | Body::Special(_) | Body::Faulty => {
                reading.template(&entry.value, "`params`", Slot::Argument)?
            }
        };
        found.insert(entry.key.to_string(), text);
    }
    Some(found)
}

/// Where the execution is made, for a step that goes through the executor. Outer `None`: a fault.
#[expect(clippy::option_option, reason = "a fault, no executor, or one")]
fn executor(fields: &Fields<'_>, reading: &mut Reading<'_>) -> Option<Option<String>> {
    let through = fields
        .get("through")
        .map(|node| reading.choice(node, "`through`", &["executor"]));
    let namespace = fields
        .get("namespace")
        .map(|node| reading.exact(node, "`namespace`"));
    match (through, namespace) {
        (None, None) => Some(None),
        (Some(through), Some(namespace)) => through.and(namespace).map(Some),
        (Some(_), None) => {
            let fault = Diagnostic::error("`through: executor` needs the key `namespace`");
            reading.fault(
                fields.key_span("through"),
                fault.hint("name the namespace of the KubernetesExecution"),
            );
            None
        }
        (None, Some(_)) => {
            let fault = Diagnostic::error("`namespace` stands beside `through: executor` only");
            reading.fault(
                fields.key_span("namespace"),
                fault.hint("the target's own stands in `target`"),
            );
            None
        }
    }
}

async fn carry_out(found: Kubernetes, cluster: &dyn Cluster, site: &Site<'_>) -> Reply {
    let (Some(doing), Some(planned)) = (found.doing(), &found.planned) else {
        return Reply::bare(End::NotStarted("it was not planned for a cluster".to_owned()));
    };
    let started = Instant::now();
    let step = Step {
        doing: &doing,
        planned,
        executor: found.executor.as_deref(),
        as_told: found.as_told,
    };
    let mut reply = cluster.act(step, site.of_cluster()).await;
    reply.took = started.elapsed();
    reply
}
