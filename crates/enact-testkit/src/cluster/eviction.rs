//! `pods/eviction`: a deletion that disruption budgets have a say in (`EvictionREST` of the real server).

use std::sync::Arc;

use serde_json::{Value, json};

use super::delete::Deletion;
use super::kind::Kind;
use super::object::{is_ending, list, number, set, text, texts};
use super::refused::{Refused, success};
use super::request::Asked;
use super::server::Answer;
use super::state::State;
use super::store::Key;
use super::write::in_ending_namespace;

impl State {
    /// Evicts a pod.
    ///
    /// # Errors
    /// 404; 409 when it is another one; 403 in a namespace that ends; 429 when a budget allows none; 500 when it has
    /// several budgets.
    pub(super) fn evict(&mut self, asked: &Asked, key: &Key) -> Result<Answer, Refused> {
        if asked.method != "POST" {
            return Err(Refused::of_code(405));
        }
        let body = asked.json()?;
        let mut how = Deletion::read(body.get("deleteOptions").unwrap_or(&Value::Null));
        how.dry |= asked.is_dry();
        self.check_open(key)?;
        let pod = self.store.found(key)?.clone();
        let evicted = Ok(Answer::Json(201, success()));
        if needs_no_leave(&pod) {
            self.store.delete(key, &how)?;
            return evicted;
        }
        let budgets = self.budgets_of(&pod);
        if budgets.len() > 1 {
            let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            return Err(Refused::new(500, "", message));
        }
        // Whether the pod is the one that is meant is looked at first, so that no budget is spent on another.
        self.store.delete(
            key,
            &Deletion {
                dry: true,
                ..how.clone()
            },
        )?;
        if let Some((budget, object)) = budgets.into_iter().next() {
            self.spend(&budget, &object, &pod, how.dry)?;
        }
        if !how.dry {
            self.mark_disrupted(key);
        }
        self.store.delete(key, &how)?;
        evicted
    }

    /// An eviction is created, and nothing is created in a namespace that ends.
    fn check_open(&self, key: &Key) -> Result<(), Refused> {
        let spaces = Kind::named("namespaces").map(|kind| Key::new(kind, "", &key.namespace));
        let space = spaces.and_then(|space| self.store.get(&space));
        if space.is_some_and(is_ending) {
            return Err(in_ending_namespace(key.kind, &key.name, &key.namespace));
        }
        Ok(())
    }

    fn budgets_of(&self, pod: &Value) -> Vec<(Key, Arc<Value>)> {
        let Some(kind) = Kind::named("poddisruptionbudgets") else {
            return Vec::new();
        };
        let mut budgets = self.store.all(kind, Some(text(pod, "/metadata/namespace")));
        let labels = texts(pod, "/metadata/labels");
        budgets.retain(|(_, budget)| {
            let wanted = texts(budget, "/spec/selector/matchLabels");
            wanted
                .iter()
                .all(|(label, value)| labels.get(label) == Some(value))
        });
        budgets
    }

    /// Takes one of the disruptions that a budget allows.
    fn spend(&mut self, key: &Key, budget: &Value, pod: &Value, dry: bool) -> Result<(), Refused> {
        let of = |field: &str| number(budget, &format!("/status/{field}")).unwrap_or(0);
        let (allowed, healthy, desired) = (
            of("disruptionsAllowed"),
            of("currentHealthy"),
            of("desiredHealthy"),
        );
        let always = text(budget, "/spec/unhealthyPodEvictionPolicy") == "AlwaysAllow";
        // What is not ready protects nothing, as long as enough others do.
        if !is_ready(pod) && (always || (healthy >= desired && desired > 0)) {
            return Ok(());
        }
        if allowed <= 0 {
            let message = "Cannot evict pod as it would violate the pod's disruption budget.";
            let cause = format!(
                "The disruption budget {} needs {desired} healthy pods and has {healthy} currently",
                key.name
            );
            let refused = Refused::new(429, "TooManyRequests", message);
            let refused = refused.caused("DisruptionBudget", &cause, None);
            return Err(refused.after(self.eviction_retry));
        }
        if !dry {
            let mut budget = budget.clone();
            set(&mut budget, "/status/disruptionsAllowed", allowed - 1);
            self.store.commit(key, Some(budget));
        }
        Ok(())
    }

    fn mark_disrupted(&mut self, key: &Key) {
        let Some(mut pod) = self.store.get(key).cloned() else {
            return;
        };
        let mut conditions = list(&pod, "/status/conditions").to_vec();
        conditions.push(json!({
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting",
            "lastTransitionTime": self.store.now_text(),
        }));
        set(&mut pod, "/status/conditions", conditions);
        self.store.commit(key, Some(pod));
    }
}

/// Pods that do no work are evicted past budgets.
fn needs_no_leave(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed" | "Pending") || is_ending(pod)
}

fn is_ready(pod: &Value) -> bool {
    let mut conditions = list(pod, "/status/conditions").iter();
    conditions.any(|condition| text(condition, "/type") == "Ready" && text(condition, "/status") == "True")
}
