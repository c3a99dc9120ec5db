//! The controller of Jobs: pods are made, counted and taken away, as the one of Kubernetes 1.33 does it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::delete::Deletion;
use super::kind::Kind;
use super::object::{has, is_ending, list, number, set, text};
use super::state::State;
use super::store::{Key, time_at};
use super::write::owned_by;

/// What is known of one Job.
#[derive(Debug, Clone, Default)]
pub(super) struct Tracked {
    /// Its pods, by uid, with their names.
    pods: BTreeMap<String, String>,
    /// Those that ended and were counted.
    counted: BTreeSet<String>,
    failed: i64,
    succeeded: i64,
    /// Why it fails, with a message.
    verdict: Option<(&'static str, String)>,
    /// The versions of it and of its pods after which nothing was left to do.
    settled: Vec<String>,
}

impl State {
    /// Looks after every Job.
    pub(super) fn run_jobs(&mut self) {
        let jobs = Kind::named("jobs").map_or_else(Vec::new, |kind| self.store.all(kind, None));
        for (key, job) in jobs {
            if finished_at(&job).is_some() {
                self.expire(&key, &job);
            } else if !is_ending(&job) && job.pointer("/spec/suspend") != Some(&Value::Bool(true)) {
                self.work(&key, &job);
            }
        }
    }

    /// Deletes a finished Job with its pods once its time is over.
    fn expire(&mut self, key: &Key, job: &Value) {
        let (Some(end), Some(ttl)) = (finished_at(job), number(job, "/spec/ttlSecondsAfterFinished")) else {
            return;
        };
        let over = end.checked_add(SignedDuration::from_secs(ttl));
        if !is_ending(job) && over.is_ok_and(|over| over <= self.store.now()) {
            let how = Deletion {
                propagation: Some("Foreground".to_owned()),
                ..Deletion::default()
            };
            // It was there a moment ago.
            let _deleted = self.store.delete(key, &how);
        }
    }

    fn work(&mut self, key: &Key, job: &Value) {
        let uid = text(job, "/metadata/uid").to_owned();
        let mut tracked = self.jobs.remove(&uid).unwrap_or_default();
        let versions = self.versions(key, job, &tracked);
        if versions == tracked.settled && !self.is_late(job) {
            self.jobs.insert(uid, tracked);
            return;
        }
        tracked.settled = versions;
        self.count(key, job, &mut tracked);
        if self.is_late(job) && tracked.verdict.is_none() {
            let message = "Job was active longer than specified deadline".to_owned();
            tracked.verdict = Some(("DeadlineExceeded", message));
        }
        let done = tracked.succeeded >= number(job, "/spec/completions").unwrap_or(1);
        if tracked.verdict.is_some() {
            self.stop_pods(key, &mut tracked);
        } else if tracked.active() == 0 && !done {
            self.make_pod(key, job, &mut tracked);
        }
        self.tell_status(key, job, &tracked, done);
        self.jobs.insert(uid, tracked);
    }

    /// Has it taken longer than it may?
    fn is_late(&self, job: &Value) -> bool {
        let most = number(job, "/spec/activeDeadlineSeconds");
        let (Some(started), Some(most)) = (time_at(job, "/status/startTime"), most) else {
            return false;
        };
        self.store.now() >= started + SignedDuration::from_secs(most)
    }

    /// The versions of a Job and of its pods, as they are.
    fn versions(&self, key: &Key, job: &Value, tracked: &Tracked) -> Vec<String> {
        let of_pods = tracked.pods.values().map(|name| {
            let pod = self.store.get(&Key::new(pods(), &key.namespace, name));
            pod.map_or("", |pod| text(pod, "/metadata/resourceVersion"))
        });
        let own = text(job, "/metadata/resourceVersion");
        std::iter::once(own).chain(of_pods).map(str::to_owned).collect()
    }

    /// Counts the pods that ended since.
    fn count(&mut self, key: &Key, job: &Value, tracked: &mut Tracked) {
        for (uid, name) in tracked.pods.clone() {
            if tracked.counted.contains(&uid) {
                continue;
            }
            let pod_key = Key::new(pods(), &key.namespace, &name);
            let there = self
                .store
                .get(&pod_key)
                .filter(|pod| text(pod, "/metadata/uid") == uid);
            let pod = match there {
                Some(pod) if !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") => continue,
                Some(pod) => Arc::new(pod.clone()),
                None => self.store.last_of(pods(), &uid),
            };
            tracked.counted.insert(uid);
            if text(&pod, "/status/phase") == "Succeeded" {
                tracked.succeeded += 1;
            } else {
                tracked.fail(job, &pod);
            }
        }
    }

    fn stop_pods(&mut self, key: &Key, tracked: &mut Tracked) {
        for (uid, name) in &tracked.pods {
            let key = Key::new(pods(), &key.namespace, name);
            let there = self.store.get(&key);
            let runs = there.is_some_and(|pod| text(pod, "/metadata/uid") == uid && !is_ending(pod));
            if runs && !tracked.counted.contains(uid) {
                // It was there a moment ago.
                let _deleted = self.store.delete(&key, &Deletion::default());
            }
        }
    }

    fn make_pod(&mut self, key: &Key, job: &Value, tracked: &mut Tracked) {
        let mut pod = job.pointer("/spec/template").cloned().unwrap_or_default();
        set(&mut pod, "/metadata/generateName", format!("{}-", key.name));
        set(&mut pod, "/metadata/ownerReferences", owned_by(job));
        // Refused only where the namespace ends.
        if let Ok(made) = self.store.create(pods(), &key.namespace, &pod, false) {
            let name = text(&made, "/metadata/name").to_owned();
            tracked.pods.insert(text(&made, "/metadata/uid").to_owned(), name);
        }
    }

    fn tell_status(&mut self, key: &Key, job: &Value, tracked: &Tracked, done: bool) {
        let now = self.store.now_text();
        let mut new = job.clone();
        if !has(job, "/status/startTime") {
            set(&mut new, "/status/startTime", now.clone());
        }
        let counts = [
            ("active", tracked.active()),
            ("ready", tracked.active()),
            ("failed", tracked.failed),
            ("succeeded", tracked.succeeded),
        ];
        for (field, count) in counts {
            set(&mut new, &format!("/status/{field}"), count);
        }
        set(&mut new, "/status/uncountedTerminatedPods", json!({}));
        if let Some((reason, message)) = &tracked.verdict {
            add_condition(&mut new, "FailureTarget", reason, message, &now);
            if tracked.active() == 0 {
                add_condition(&mut new, "Failed", reason, message, &now);
            }
        } else if done {
            let message = "Reached expected number of succeeded pods";
            add_condition(
                &mut new,
                "SuccessCriteriaMet",
                "CompletionsReached",
                message,
                &now,
            );
            add_condition(&mut new, "Complete", "CompletionsReached", message, &now);
            set(&mut new, "/status/completionTime", now.clone());
        }
        if new != *job {
            self.store.commit(key, Some(new));
        }
    }
}

impl Tracked {
    fn active(&self) -> i64 {
        i64::try_from(self.pods.len() - self.counted.len()).unwrap_or(i64::MAX)
    }

    /// A pod failed: what the policy says, and the limit.
    fn fail(&mut self, job: &Value, pod: &Value) {
        let rules = list(job, "/spec/podFailurePolicy/rules").iter().enumerate();
        let rule = rules
            .into_iter()
            .find_map(|(at, rule)| Some((at, rule, why(rule, pod)?)));
        match rule {
            Some((_, rule, _)) if text(rule, "/action") == "Ignore" => return,
            Some((at, rule, why)) if text(rule, "/action") == "FailJob" => {
                self.failed += 1;
                let message = format!("{why} matching FailJob rule at index {at}");
                self.verdict.get_or_insert(("PodFailurePolicy", message));
                return;
            }
            _ => self.failed += 1,
        }
        if self.failed > number(job, "/spec/backoffLimit").unwrap_or(6) {
            let message = "Job has reached the specified backoff limit".to_owned();
            self.verdict.get_or_insert(("BackoffLimitExceeded", message));
        }
    }
}

/// Why a rule of a failure policy matches a pod; none when it does not.
fn why(rule: &Value, pod: &Value) -> Option<String> {
    let name = super::object::called(pod);
    for wanted in list(rule, "/onPodConditions") {
        let conditions = list(pod, "/status/conditions");
        let same = |field: &str, condition: &Value| text(condition, field) == text(wanted, field);
        if conditions
            .iter()
            .any(|condition| same("/type", condition) && same("/status", condition))
        {
            return Some(format!("Pod {name} has condition {}", text(wanted, "/type")));
        }
    }
    let codes = list(rule, "/onExitCodes/values");
    let container = text(rule, "/onExitCodes/containerName");
    for status in list(pod, "/status/containerStatuses") {
        let code = number(status, "/state/terminated/exitCode").unwrap_or(0);
        let named = container.is_empty() || container == text(status, "/name");
        let is_in = codes.contains(&json!(code));
        let wanted = match text(rule, "/onExitCodes/operator") {
            "In" => is_in,
            "NotIn" => !is_in,
            _ => false,
        };
        if named && wanted && code != 0 {
            let container = text(status, "/name");
            return Some(format!(
                "Container {container} for pod {name} failed with exit code {code}"
            ));
        }
    }
    None
}

fn add_condition(job: &mut Value, kind: &str, reason: &str, message: &str, now: &str) {
    let mut conditions = list(job, "/status/conditions").to_vec();
    if conditions
        .iter()
        .any(|condition| text(condition, "/type") == kind)
    {
        return;
    }
    conditions.push(json!({
        "type": kind, "status": "True", "reason": reason, "message": message,
        "lastProbeTime": now, "lastTransitionTime": now,
    }));
    set(job, "/status/conditions", conditions);
}

/// When a Job was finished, well or badly.
fn finished_at(job: &Value) -> Option<jiff::Timestamp> {
    let mut conditions = list(job, "/status/conditions").iter();
    let finished = conditions.find(|condition| {
        matches!(text(condition, "/type"), "Complete" | "Failed") && text(condition, "/status") == "True"
    })?;
    time_at(finished, "/lastTransitionTime")
}

fn pods() -> &'static Kind {
    super::test_side::kind("pods")
}
