//! The controller of Deployments, without the pods: it counts them as if they came and went.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::kind::Kind;
use super::object::{is_ending, number, set, text};
use super::state::State;
use super::store::{Key, written};

/// How fast a Deployment is rolled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Speed {
    /// At once.
    #[default]
    AtOnce,
    /// So many pods with each tick of the cluster.
    PerTick(i64),
    /// New pods are made, and never get ready.
    Stuck,
    /// The controller does not look at it.
    Unseen,
}

/// The controller's memory.
#[derive(Default)]
pub(super) struct Rollouts {
    speeds: BTreeMap<String, Speed>,
    under_way: BTreeMap<String, Rollout>,
}

impl Rollouts {
    pub(super) fn set_speed(&mut self, deployment: &str, speed: Speed) {
        self.speeds.insert(deployment.to_owned(), speed);
    }
}

#[derive(Clone)]
struct Rollout {
    template: Value,
    revision: u64,
    /// Pods of the newest template.
    new: i64,
    /// Pods of older ones.
    old: i64,
    /// When it last went on.
    moved: Timestamp,
}

/// How far the controller goes in one pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// It looks, and does what needs no time.
    Look,
    /// A tick: what goes on by and by goes on.
    Tick,
}

impl State {
    /// Looks after every Deployment.
    pub(super) fn run_deployments(&mut self, pass: Pass) {
        let kind = Kind::named("deployments");
        let deployments = kind.map_or_else(Vec::new, |kind| self.store.all(kind, None));
        for (key, deployment) in deployments {
            let name = format!("{}/{}", key.namespace, key.name);
            let speed = self.rollouts.speeds.get(&name).copied().unwrap_or_default();
            if speed != Speed::Unseen && !is_ending(&deployment) {
                self.roll_out(&key, &deployment, speed, pass);
            }
        }
    }

    fn roll_out(&mut self, key: &Key, deployment: &Value, speed: Speed, pass: Pass) {
        let uid = text(deployment, "/metadata/uid").to_owned();
        let now = self.store.now();
        let known = self.rollouts.under_way.remove(&uid);
        let mut rollout = known.unwrap_or_else(|| Rollout::first(deployment, now));
        rollout.see(deployment, now);
        rollout.go_on(deployment, speed, pass, now);
        let new = rollout.told(deployment, speed, now);
        self.rollouts.under_way.insert(uid, rollout);
        if new != *deployment {
            self.store.commit(key, Some(new));
        }
    }
}

impl Rollout {
    fn first(deployment: &Value, now: Timestamp) -> Self {
        Self {
            template: template(deployment),
            revision: 1,
            new: number(deployment, "/status/updatedReplicas").unwrap_or(0),
            old: 0,
            moved: now,
        }
    }

    /// Another template makes all pods old. A paused Deployment's new template is not looked at.
    fn see(&mut self, deployment: &Value, now: Timestamp) {
        if is_paused(deployment) || self.template == template(deployment) {
            return;
        }
        self.template = template(deployment);
        self.revision += 1;
        self.old += self.new;
        self.new = 0;
        self.moved = now;
    }

    fn go_on(&mut self, deployment: &Value, speed: Speed, pass: Pass, now: Timestamp) {
        let wanted = number(deployment, "/spec/replicas").unwrap_or(1);
        let step = match (speed, pass) {
            (Speed::AtOnce, _) => i64::MAX,
            (Speed::PerTick(step), Pass::Tick) => step,
            _ => 0,
        };
        let before = (self.new, self.old);
        let way = wanted - self.new;
        self.new += way.clamp(-step, step);
        self.old -= self.old.min(step);
        if before != (self.new, self.old) {
            self.moved = now;
        }
    }

    /// The Deployment with what the controller says of it.
    fn told(&self, deployment: &Value, speed: Speed, now: Timestamp) -> Value {
        let mut new = deployment.clone();
        let wanted = number(deployment, "/spec/replicas").unwrap_or(1);
        let complete = self.new == wanted && self.old == 0;
        let most = number(deployment, "/spec/progressDeadlineSeconds").unwrap_or(600);
        let late = !complete && !is_paused(deployment) && now >= self.moved + SignedDuration::from_secs(most);
        let unready = if speed == Speed::Stuck { self.new } else { 0 };
        let counts = [
            ("replicas", self.new + self.old),
            ("updatedReplicas", self.new),
            ("readyReplicas", self.new + self.old - unready),
            ("availableReplicas", self.new + self.old - unready),
        ];
        let mut status = json!({ "observedGeneration": number(deployment, "/metadata/generation") });
        // Zeros are left out, as the real server's types have it.
        for (field, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            set(&mut status, &format!("/{field}"), count);
        }
        let (progresses, reason) = match (complete, late) {
            (true, _) => ("True", "NewReplicaSetAvailable"),
            (false, true) => ("False", "ProgressDeadlineExceeded"),
            (false, false) => ("True", "ReplicaSetUpdated"),
        };
        let since = written(self.moved);
        set(
            &mut status,
            "/conditions",
            json!([
                { "type": "Progressing", "status": progresses, "reason": reason, "message": "",
                  "lastUpdateTime": since, "lastTransitionTime": since },
            ]),
        );
        set(&mut new, "/status", status);
        let revision = "/metadata/annotations/deployment.kubernetes.io~1revision";
        set(&mut new, revision, self.revision.to_string());
        new
    }
}

fn template(deployment: &Value) -> Value {
    deployment.pointer("/spec/template").cloned().unwrap_or_default()
}

fn is_paused(deployment: &Value) -> bool {
    deployment.pointer("/spec/paused") == Some(&Value::Bool(true))
}
