//! Runs checks: something looks, and what it sees is judged. A check that cannot be evaluated does not hold.

use std::time::{Duration, Instant};

use enact_core::change::Change;

use super::RunbookProvider;
use super::judge;
use super::reply::Reply;
use super::values::Known;
use crate::kinds;
use crate::spec::CheckSpec;

/// What came out of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Does it hold?
    pub holds: bool,
    /// What was seen, in words.
    pub seen: String,
}

/// Runs checks for one step, or for the whole run.
#[derive(Clone, Copy)]
pub(crate) struct Checks<'a> {
    pub(crate) provider: &'a RunbookProvider<'a>,
    pub(crate) known: &'a Known<'a>,
    pub(crate) change: Option<&'a Change>,
    /// When whoever waits for the check has waited long enough: no further item of a list is looked at then, but by a look that
    /// has not taken as long yet as the check may take.
    pub(crate) until: Option<Instant>,
}

impl Checks<'_> {
    /// The same for somebody who waits no longer than this.
    pub(crate) fn until(&self, until: Option<Instant>) -> Self {
        Self { until, ..*self }
    }

    /// Runs a check, as often as it says.
    pub(crate) async fn run(&self, check: &CheckSpec) -> Checked {
        self.run_keeping_reply(check).await.0
    }

    /// The same, with the last reply (for matchers that look at it too).
    pub(crate) async fn run_keeping_reply(&self, check: &CheckSpec) -> (Checked, Option<Reply>) {
        match &check.for_each {
            Some(list) => self.each(check, list).await,
            None => self.look(check).await,
        }
    }

    /// Looks once, and again as often as the check says.
    pub(super) async fn look(&self, check: &CheckSpec) -> (Checked, Option<Reply>) {
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
        let folder = self.provider.next_check_folder();
        let site = match self
            .provider
            .site_of_check(check, &folder, self.known, self.change)
        {
            Ok(site) => site,
            Err(why) => return (not_evaluated(&why), None),
        };
        let Some(kind) = kinds::kind(&check.kind) else {
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

pub(super) fn not_evaluated(why: &str) -> Checked {
    Checked {
        holds: false,
        seen: format!("it could not be evaluated: {why}"),
    }
}
