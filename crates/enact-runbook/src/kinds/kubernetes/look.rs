//! Looks at a cluster, in checks: `get` reads what is there, `wait` looks until something is as it should be.

use std::time::{Duration, Instant};

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::suggest;
use serde_json::Value;

use super::Kubernetes;
use crate::cluster::{Aim, Cluster};
use crate::kinds::wait::not_within;
use crate::provider::{End, Reply, Site};
use crate::reading::{Fields, Reading};
use crate::spec::Text;

/// How often something that is waited for is looked at.
const BEAT: Duration = Duration::from_secs(1);

/// What a look may have. Says what it may not.
pub(super) fn check(found: &Kubernetes, fields: &Fields<'_>, reading: &mut Reading<'_>) -> bool {
    let fault = if found.target.kind.is_none() {
        Some(("target", "`target` of a look needs the key `kind`".to_owned()))
    } else if found.executor.is_some() {
        Some(("through", "a look does not go through the executor".to_owned()))
    } else if found.action == "get" {
        let none = found.parameters.is_empty();
        (!none).then(|| ("params", "`get` takes no `params`".to_owned()))
    } else {
        For::of(found).err().map(|why| ("params", why))
    };
    match fault {
        None => true,
        Some((key, why)) => {
            reading.fault(fields.key_span(key), Diagnostic::error(why));
            false
        }
    }
}

/// What is waited for, as kubectl writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum For {
    Condition(String, String),
    Created,
    Deleted,
}

impl For {
    fn of(found: &Kubernetes) -> Result<Self, String> {
        let hint =
            "`wait` takes `params: { for: condition=NAME }`, `condition=NAME=STATUS`, `create` or `delete`";
        if let Some(other) = found.parameters.keys().find(|key| *key != "for") {
            let near = suggest::hint(other, ["for"]);
            return Err(format!("`wait` takes no parameter `{other}`; {near}"));
        }
        if found.target.name.is_none() {
            return Err("`wait` is for one object: `target` needs the key `name`".to_owned());
        }
        let text = found
            .parameters
            .get("for")
            .and_then(Text::as_literal)
            .ok_or(hint)?;
        let mut parts = text.split('=');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("create"), None, None, None) => Ok(Self::Created),
            (Some("delete"), None, None, None) => Ok(Self::Deleted),
            (Some("condition"), Some(name), status, None) if !name.is_empty() => Ok(Self::Condition(
                name.to_owned(),
                status.unwrap_or("True").to_owned(),
            )),
            _ => Err(hint.to_owned()),
        }
    }

    /// Did it come? If not, what is there instead.
    fn came(&self, reply: &Reply) -> Result<(), String> {
        let there = matches!(reply.end, End::Status(200));
        match self {
            Self::Created if there => Ok(()),
            Self::Created => Err("it is not there".to_owned()),
            Self::Deleted if !there => Ok(()),
            Self::Deleted => Err("it is still there".to_owned()),
            Self::Condition(..) if !there => Err("it is not there".to_owned()),
            Self::Condition(name, wanted) => {
                let object: Value = serde_json::from_str(&reply.stdout).unwrap_or_default();
                let is = condition(&object, name);
                if is.eq_ignore_ascii_case(wanted) {
                    return Ok(());
                }
                Err(format!("condition {name} is {is}"))
            }
        }
    }
}

fn condition(object: &Value, name: &str) -> String {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let found = conditions.into_iter().flatten().find(|condition| {
        let kind = condition.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case(name))
    });
    let status = found.and_then(|condition| condition.get("status")?.as_str());
    status.unwrap_or("not there").to_owned()
}

pub(super) async fn look(found: Kubernetes, cluster: &dyn Cluster, site: &Site<'_>) -> Reply {
    let aim = match found.aim(&|text| site.open_text(text)) {
        Ok(aim) => aim,
        Err(why) => return Reply::bare(End::NotStarted(why)),
    };
    let started = Instant::now();
    let mut reply = if found.action == "get" {
        let got = tokio::time::timeout(site.timeout, cluster.get(&aim, found.context.as_deref())).await;
        got.unwrap_or_else(|_| timed_out(site.timeout))
    } else {
        match For::of(&found) {
            Ok(wanted) => wait(&wanted, &aim, found.context.as_deref(), cluster, site).await,
            Err(why) => Reply::bare(End::NotStarted(why)),
        }
    };
    reply.took = started.elapsed();
    reply
}

fn timed_out(limit: Duration) -> Reply {
    Reply {
        limit: Some(limit),
        ..Reply::bare(End::TimedOut)
    }
}

/// Looks until it came, the time is over, or the run is to stop now.
async fn wait(
    wanted: &For,
    aim: &Aim,
    context: Option<&str>,
    cluster: &dyn Cluster,
    site: &Site<'_>,
) -> Reply {
    let started = Instant::now();
    loop {
        let patience = site.timeout.saturating_sub(started.elapsed()).max(BEAT);
        let got = tokio::time::timeout(patience, cluster.get(aim, context)).await;
        let mut reply = got.unwrap_or_else(|_| timed_out(patience));
        let seen = match &reply.end {
            End::Status(_) => match wanted.came(&reply) {
                Ok(()) => {
                    reply.end = End::Finished;
                    return reply;
                }
                Err(seen) => seen,
            },
            End::Exit(_)
            | End::Signal(_)
            | End::Finished
            | End::TimedOut
            | End::Stopped
            | End::Unmet(_)
            | End::Delegated(_)
            | End::NotStarted(_)
            | End::Lost(_) => reply.in_words(),
        };
        let left = site.timeout.saturating_sub(started.elapsed());
        if left.is_zero() {
            reply.end = End::Unmet(not_within(site.timeout, &seen));
            return reply;
        }
        tokio::select! {
            // The last look is at the end of the time.
            () = tokio::time::sleep(BEAT.min(left)) => {}
            () = site.stop.raised(enact_engine::stop::Urgency::Now) => {
                reply.end = End::Stopped;
                return reply;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wait_for(text: &str) -> Kubernetes {
        Kubernetes::of(&json!({
            "action": "wait", "target": { "kind": "Node", "name": "n" }, "parameters": { "for": text }
        }))
        .unwrap()
    }

    #[test]
    fn what_is_waited_for_is_written_as_kubectl_does() {
        let condition = |status: &str| For::Condition("Ready".to_owned(), status.to_owned());
        assert_eq!(For::of(&wait_for("condition=Ready")), Ok(condition("True")));
        assert_eq!(
            For::of(&wait_for("condition=Ready=False")),
            Ok(condition("False"))
        );
        assert_eq!(For::of(&wait_for("delete")), Ok(For::Deleted));
        for wrong in ["", "condition", "condition=", "delete=now", "condition=a=b=c"] {
            assert!(For::of(&wait_for(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_condition_is_met_only_when_it_is_there_with_that_status() {
        let mut reply = Reply::bare(End::Status(200));
        let wanted = For::of(&wait_for("condition=ready")).unwrap();
        reply.stdout =
            json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } }).to_string();
        assert_eq!(wanted.came(&reply), Err("condition ready is False".to_owned()));
        reply.stdout =
            json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } }).to_string();
        assert_eq!(wanted.came(&reply), Ok(()));
        reply.stdout = "{}".to_owned();
        assert!(wanted.came(&reply).is_err());
        reply.end = End::Status(404);
        assert!(wanted.came(&reply).is_err());
        assert_eq!(For::Deleted.came(&reply), Ok(()));
    }
}
