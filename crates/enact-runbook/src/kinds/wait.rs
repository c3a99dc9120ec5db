//! `wait`: looks again and again until a check holds. Bounded by the step's timeout.

use enact_core::change::{Effect, Milliseconds};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Acting, Kind, check_summary, check_whole, frozen, thawed, unreadable};
use crate::provider::reply::in_seconds;
use crate::provider::{End, Reply, Site};
use crate::reading::{Node, Reading};
use crate::spec::CheckSpec;

/// How long between two looks, where nothing else is said: 10 s.
pub const WAIT_EVERY: Milliseconds = Milliseconds(10_000);

/// Waiting, as frozen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// What must hold.
    pub until: CheckSpec,
    /// How long between two looks.
    pub every: Milliseconds,
}

pub(super) struct WaitKind;

impl Kind for WaitKind {
    fn name(&self) -> &'static str {
        "wait"
    }

    fn default_effect(&self) -> Effect {
        Effect::Read
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Value> {
        let fields = reading.fields(node, "`wait`", &["until", "every"])?;
        let until = reading
            .require(&fields, "until")
            .and_then(|node| reading.check(node, "`until`"));
        let every = match fields.get("every") {
            Some(node) => reading.time(node, "`every`")?,
            None => WAIT_EVERY,
        };
        frozen(&Wait { until: until?, every })
    }

    fn summary(&self, action: &Value) -> String {
        let Some(wait) = thawed::<Wait>(action) else {
            return String::new();
        };
        format!("wait until {}", check_summary(&wait.until))
    }

    fn whole(&self, action: &Value) -> String {
        thawed::<Wait>(action).map_or_else(String::new, |wait| {
            format!("wait until {}", check_whole(&wait.until))
        })
    }

    fn act<'a>(&'a self, action: &'a Value, site: &'a Site<'a>) -> Acting<'a> {
        let Some(wait) = thawed::<Wait>(action) else {
            return unreadable("the action is not readable");
        };
        Box::pin(look_until(wait, site))
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object", "required": ["until"], "additionalProperties": false,
            "patternProperties": {"^x-": true},
            "properties": {"until": {"$ref": "#/$defs/check"}, "every": {"$ref": "#/$defs/duration"}}
        })
    }
}

/// What is said of something that did not come in time.
pub(super) fn not_within(limit: std::time::Duration, seen: &str) -> String {
    format!("it did not come within {}; last seen: {seen}", in_seconds(limit))
}

/// Looks until the check holds, the time is over, or the run is to stop now.
async fn look_until(wait: Wait, site: &Site<'_>) -> Reply {
    let Some(checks) = site.checks else {
        return Reply::bare(End::NotStarted("nothing can be checked here".to_owned()));
    };
    let started = std::time::Instant::now();
    let checks = checks.until(started.checked_add(site.timeout));
    let every = std::time::Duration::from_millis(wait.every.0);
    loop {
        let checked = checks.run(&wait.until).await;
        let mut reply = Reply::bare(End::Finished);
        reply.took = started.elapsed();
        if checked.holds {
            reply.stdout = checked.seen;
            return reply;
        }
        if checked.stopped {
            reply.end = End::Stopped;
            return reply;
        }
        let left = site.timeout.saturating_sub(reply.took);
        if left.is_zero() {
            reply.end = End::Unmet(not_within(site.timeout, &checked.seen));
            return reply;
        }
        tokio::select! {
            // The last look is at the end of the time.
            () = tokio::time::sleep(every.min(left)) => {}
            () = site.stop.raised(enact_engine::stop::Urgency::Now) => {
                reply.end = End::Stopped;
                return reply;
            }
        }
    }
}
