//! Runs checks: something looks, and what it sees is judged. A check that cannot be evaluated does not hold.

use std::time::{Duration, Instant};

use enact_core::change::Change;
use enact_engine::provider::{Disposition, Failure};
use enact_engine::stop::Urgency;

use super::RunbookProvider;
use super::judge;
use super::reply::{End, Reply};
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
    /// Did the run have to stop before there was an answer? Then it neither holds nor does not.
    pub stopped: bool,
}

impl Checked {
    /// An answer.
    pub(crate) fn answered(holds: bool, seen: String) -> Self {
        Self {
            holds,
            seen,
            stopped: false,
        }
    }

    /// What was seen, where there is an answer at all.
    pub(crate) fn unless_stopped(self) -> Result<Self, Failure> {
        if self.stopped {
            return Err(Failure::new(Disposition::Stopped, self.seen));
        }
        Ok(self)
    }
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
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(check.delay.0)) => {}
                    () = self.provider.host.stop.raised(Urgency::Now) => {}
                }
            }
            if self.is_to_stop() {
                return (let_go(), None);
            }
            last = self.once(check).await;
            if last.0.holds {
                break;
            }
        }
        last.0.stopped = self.is_to_stop() && last.1.as_ref().is_none_or(is_no_answer);
        last
    }

    fn is_to_stop(&self) -> bool {
        self.provider.host.stop.urgency() >= Some(Urgency::Now)
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
            Ok(()) => Checked::answered(true, reply.summary()),
            Err(unmet) => Checked::answered(false, unmet),
        };
        // What a check printed is in its verdict; its folder would only pile up.
        let _removed = std::fs::remove_dir_all(&folder);
        (checked, Some(reply))
    }
}

pub(super) fn not_evaluated(why: &str) -> Checked {
    Checked::answered(false, format!("it could not be evaluated: {why}"))
}

/// The run is to stop now, and it was not looked any more.
fn let_go() -> Checked {
    Checked {
        stopped: true,
        ..not_evaluated("the run is to stop now")
    }
}

/// Does a look that ended like this say nothing of what it looked at, when the run was to stop meanwhile?
fn is_no_answer(reply: &Reply) -> bool {
    matches!(
        reply.end,
        End::Stopped | End::Signal(_) | End::NotStarted(_) | End::Lost(_)
    )
}
