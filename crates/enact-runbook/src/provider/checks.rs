//! Runs checks: something looks, and what it sees is judged. A check that cannot be evaluated does not hold.

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use enact_core::change::Change;
use serde_json::Value;

use super::RunbookProvider;
use super::judge::{self, compare};
use super::reply::Reply;
use super::site::Site;
use super::values::Known;
use crate::expression;
use crate::kinds::kind as find_kind;
use crate::spec::{CheckSpec, Compare};

/// What came out of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Does it hold?
    pub holds: bool,
    /// What was seen, in words.
    pub seen: String,
}

/// Runs checks for one step, or for the whole run.
pub(crate) struct Checks<'a> {
    pub(crate) provider: &'a RunbookProvider<'a>,
    pub(crate) known: &'a Known<'a>,
    pub(crate) change: Option<&'a Change>,
    /// Where the checks' own folders are made.
    pub(crate) folder: &'a Path,
    pub(crate) number: Cell<u32>,
}

impl Checks<'_> {
    /// Runs a check, as often as it says.
    pub(crate) async fn run(&self, check: &CheckSpec) -> Checked {
        self.run_keeping_reply(check).await.0
    }

    /// The same, with the last reply (for matchers that look at it too).
    pub(crate) async fn run_keeping_reply(&self, check: &CheckSpec) -> (Checked, Option<Reply>) {
        let mut last = (not_evaluated("no attempt was made"), None);
        for attempt in 1..=check.attempts.max(1) {
            if attempt > 1 {
                tokio::time::sleep(Duration::from_millis(check.delay.0)).await;
            }
            last = self.once(check).await;
            if last.0.holds {
                break;
            }
        }
        last
    }

    async fn once(&self, check: &CheckSpec) -> (Checked, Option<Reply>) {
        let number = self.number.get() + 1;
        self.number.set(number);
        let folder = self.folder.join(format!("check-{number}"));
        let site = match self
            .provider
            .site_of_check(check, &folder, self.known, self.change)
        {
            Ok(site) => site,
            Err(why) => return (not_evaluated(&why), None),
        };
        if check.kind == "compare" {
            return (compared(check, &site), None);
        }
        let Some(kind) = find_kind(&check.kind) else {
            return (
                not_evaluated(&format!("there is no kind of check {:?}", check.kind)),
                None,
            );
        };
        let reply = kind.act(&check.action, &site).await;
        let values = site.values;
        let checked = match judge::judge(&reply, &check.expect, values) {
            Ok(()) => Checked {
                holds: true,
                seen: reply.summary(),
            },
            Err(unmet) => Checked {
                holds: false,
                seen: unmet,
            },
        };
        // What a check printed is in its verdict; its folder would only pile up.
        let _removed = std::fs::remove_dir_all(&folder);
        (checked, Some(reply))
    }
}

fn not_evaluated(why: &str) -> Checked {
    Checked {
        holds: false,
        seen: format!("it could not be evaluated: {why}"),
    }
}

fn compared(check: &CheckSpec, site: &Site<'_>) -> Checked {
    match sides(check, site) {
        Ok((compare_spec, left, right)) => {
            let words = format!("{} {} {}", shown(&left), compare_spec.op, shown(&right));
            match compare(&compare_spec.op, &left, &right, compare_spec.tolerance_ppm) {
                Ok(holds) => Checked { holds, seen: words },
                Err(why) => not_evaluated(&format!("{words}: {why}")),
            }
        }
        Err(why) => not_evaluated(&why),
    }
}

fn sides(check: &CheckSpec, site: &Site<'_>) -> Result<(Compare, Value, Value), String> {
    let spec: Compare = serde_json::from_value(check.action.clone()).map_err(|error| error.to_string())?;
    let side = |operand| {
        let datum = expression::operand(operand, site.values).map_err(|error| error.to_string())?;
        datum
            .open()
            .cloned()
            .ok_or_else(|| "a secret cannot be compared".to_owned())
    };
    let (left, right) = (side(&spec.left)?, side(&spec.right)?);
    Ok((spec, left, right))
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), judge::shown)
}
