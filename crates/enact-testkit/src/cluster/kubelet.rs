//! Starting and ending pods: what the scheduler and the kubelets do.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::Cluster;
use super::kind::Kind;
use super::object::{has, is_ending, is_held, list, number, set, text};
use super::run::{Ended, Process, Run, Running, Started, Stuck};
use super::state::State;
use super::store::{Key, time_at};

impl Cluster {
    /// Starts pods of Jobs, and ends pods whose time is over.
    pub(super) fn run_pods(&self) {
        let (run, starting) = self.state().pods_to_start();
        for (key, pod, process) in starting {
            self.start(&run, key, pod, process);
        }
        self.state().end_pods();
    }

    /// What ends at once ends here; the rest goes on beside the test.
    fn start(&self, run: &Run, key: Key, pod: Value, process: Process) {
        let uid = text(&pod, "/metadata/uid").to_owned();
        let account = text(&pod, "/spec/serviceAccountName");
        let mut running = run(Started {
            client: self.client(if account.is_empty() { "default" } else { account }),
            stop: process.stop.clone(),
            cluster: self.clone(),
            pod,
        });
        if let Poll::Ready(ended) = running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            self.state().ended(&key, &uid, &ended);
            return;
        }
        let task = tokio::spawn(self.clone().see_through(running, key, uid.clone()));
        if let Some(process) = self.state().kubelet.running.get_mut(&uid) {
            process.task = Some(task);
        }
    }

    async fn see_through(self, running: Running, key: Key, uid: String) {
        let ended = running.await;
        {
            let mut state = self.state();
            state.ended(&key, &uid, &ended);
            // Of many that end together the first settles for all.
            if std::mem::replace(&mut state.kubelet.settles, true) {
                return;
            }
        }
        tokio::task::yield_now().await;
        self.state().kubelet.settles = false;
        self.settle();
    }
}

impl State {
    /// The pods that start now: they are marked as running.
    fn pods_to_start(&mut self) -> (Run, Vec<(Key, Value, Process)>) {
        let mut starting = Vec::new();
        for (key, pod) in self.pods() {
            let of_job = list(&pod, "/metadata/ownerReferences")
                .iter()
                .any(|owner| text(owner, "/kind") == "Job");
            let waits = text(&pod, "/status/phase") == "Pending" && !is_ending(&pod);
            if of_job
                && waits
                && let Some(pod) = self.begin(&key, &pod)
            {
                let process = Process::default();
                let shared = Process {
                    stop: process.stop.clone(),
                    task: None,
                };
                let uid = text(&pod, "/metadata/uid").to_owned();
                self.kubelet.running.insert(uid, shared);
                starting.push((key, pod, process));
            }
        }
        (Arc::clone(&self.kubelet.run), starting)
    }

    fn pods(&self) -> Vec<(Key, Arc<Value>)> {
        Kind::named("pods").map_or_else(Vec::new, |kind| self.store.all(kind, None))
    }

    /// The pod once it runs; none where it cannot start yet.
    fn begin(&mut self, key: &Key, before: &Value) -> Option<Value> {
        let mut pod = before.clone();
        let node = self
            .node_for(&pod)
            .filter(|_| self.kubelet.stuck != Some(Stuck::Unschedulable));
        let now = self.store.now_text();
        match (&node, self.kubelet.stuck) {
            (None, _) | (_, Some(Stuck::Unschedulable)) => set(
                &mut pod,
                "/status/conditions",
                json!([{
                    "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                    "message": "0 nodes are available", "lastTransitionTime": time_of(before, &now),
                }]),
            ),
            (Some(node), Some(stuck)) => {
                set(&mut pod, "/spec/nodeName", node.clone());
                if stuck != Stuck::Silent {
                    set(
                        &mut pod,
                        "/status/containerStatuses",
                        statuses(
                            before,
                            &json!({
                                "waiting": { "reason": format!("{stuck:?}"), "message": "it cannot start" },
                            }),
                        ),
                    );
                }
            }
            (Some(node), None) => {
                set(&mut pod, "/spec/nodeName", node.clone());
                let ready = json!([{ "type": "Ready", "status": "True", "lastTransitionTime": now }]);
                let running = json!({ "running": { "startedAt": now } });
                set(
                    &mut pod,
                    "/status",
                    json!({
                        "phase": "Running", "startTime": now, "conditions": ready,
                        "containerStatuses": statuses(before, &running),
                    }),
                );
            }
        }
        if pod != *before {
            pod = self.store.commit(key, Some(pod));
        }
        (text(&pod, "/status/phase") == "Running").then_some(pod)
    }

    /// The first node that takes a pod. A cluster without nodes has one that nobody sees.
    fn node_for(&self, pod: &Value) -> Option<String> {
        let mut nodes = Kind::named("nodes")
            .into_iter()
            .flat_map(|kind| self.store.each(kind))
            .peekable();
        if nodes.peek().is_none() {
            return Some("node-0".to_owned());
        }
        let tolerates = list(pod, "/spec/tolerations")
            .iter()
            .any(|toleration| text(toleration, "/key") == "node.kubernetes.io/unschedulable");
        let refused = refused_nodes(pod);
        nodes
            .filter(|(_, node)| tolerates || node.pointer("/spec/unschedulable") != Some(&Value::Bool(true)))
            .map(|(key, _)| key.name.clone())
            .find(|name| !refused.contains(&name.as_str()))
    }

    /// Writes down how a pod ended, if it is still there.
    fn ended(&mut self, key: &Key, uid: &str, ended: &Ended) {
        // The task of it is this one: it must not be aborted here.
        if let Some(mut process) = self.kubelet.running.remove(uid) {
            process.task = None;
        }
        let Some(mut pod) = self.store.get(key).cloned() else {
            return;
        };
        if text(&pod, "/metadata/uid") != uid || text(&pod, "/status/phase") != "Running" {
            return;
        }
        self.logs.add(&key.namespace, &key.name, &ended.log);
        finish(&mut pod, ended, &self.store.now_text());
        self.store.commit(key, Some(pod));
    }

    /// Tells pods that are deleted to end, and takes those away whose time is over.
    fn end_pods(&mut self) {
        let pods = self.pods();
        for (key, pod) in &pods {
            if is_ending(pod) {
                self.end(key, pod);
            }
        }
        let alive: Vec<String> = self
            .pods()
            .iter()
            .map(|(_, pod)| text(pod, "/metadata/uid").to_owned())
            .collect();
        // Dropping a process is killing it.
        self.kubelet.running.retain(|uid, _| alive.contains(uid));
    }

    fn end(&mut self, key: &Key, pod: &Value) {
        let uid = text(pod, "/metadata/uid");
        let process = self.kubelet.running.get(uid);
        if let Some(process) = process {
            process.stop.cancel();
        }
        let grace = number(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
        // A process ends by itself, or when its grace is over; other pods take the time that the test says.
        let takes = if process.is_some() {
            grace
        } else {
            grace.min(self.kubelet.end_seconds)
        };
        let finished = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
        let left = SignedDuration::from_secs(grace - takes);
        let over =
            time_at(pod, "/metadata/deletionTimestamp").is_none_or(|end| self.store.now() + left >= end);
        if !(finished || over) {
            return;
        }
        if text(pod, "/status/phase") == "Running" {
            let mut killed = pod.clone();
            finish(&mut killed, &Ended::with(137, ""), &self.store.now_text());
            self.store.commit(key, Some(killed));
        }
        if is_held(pod) {
            // Its finalizers hold it: it goes when the last of them does, without more grace.
            let mut rest = self.store.get(key).cloned().unwrap_or_default();
            if grace > 0 {
                set(&mut rest, "/metadata/deletionGracePeriodSeconds", 0);
                self.store.commit(key, Some(rest));
            }
            return;
        }
        self.store.commit(key, None);
    }
}

fn time_of(pod: &Value, now: &str) -> String {
    let known = list(pod, "/status/conditions").first();
    let known = known.map(|condition| text(condition, "/lastTransitionTime"));
    known.filter(|time| !time.is_empty()).unwrap_or(now).to_owned()
}

fn statuses(pod: &Value, state: &Value) -> Value {
    let containers = list(pod, "/spec/containers").iter();
    let statuses = containers.map(|container| {
        json!({
            "name": text(container, "/name"), "image": text(container, "/image"), "imageID": "",
            "ready": has(state, "/running"), "started": has(state, "/running"), "restartCount": 0, "state": state,
        })
    });
    statuses.collect()
}

fn finish(pod: &mut Value, ended: &Ended, now: &str) {
    let (phase, reason) = if ended.code == 0 {
        ("Succeeded", "Completed")
    } else {
        ("Failed", "Error")
    };
    let started = match text(pod, "/status/startTime") {
        "" => now.to_owned(),
        known => known.to_owned(),
    };
    let terminated = json!({ "terminated": {
        "exitCode": ended.code,
        "reason": ended.reason.as_deref().unwrap_or(reason),
        "message": ended.message,
        "startedAt": started,
        "finishedAt": now,
    } });
    let statuses = statuses(pod, &terminated);
    set(pod, "/status/phase", phase);
    set(pod, "/status/containerStatuses", statuses);
}

/// The nodes that a pod's affinity excludes by name.
fn refused_nodes(pod: &Value) -> Vec<&str> {
    let terms =
        "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let fields = list(pod, terms)
        .iter()
        .flat_map(|term| list(term, "/matchFields"));
    let excluding = fields.filter(|field| text(field, "/operator") == "NotIn");
    let values = excluding.flat_map(|field| list(field, "/values"));
    values.filter_map(Value::as_str).collect()
}
