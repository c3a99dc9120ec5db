//! How a person may go on from a step at which the run stopped: what is offered, and what is taken.

use enact_core::change::{Change, ChangeId, Effect};
use enact_core::journal::{ChangeProgress, Choice};
use enact_core::plan::Plan;
use serde_json::Value;

use crate::spec::STEP;

/// What a stop because of a downtime over its limit names as its assumption.
pub const DOWNTIME: &str = "downtime";

/// Why a step stopped, and what may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// Was it an assumption that turned out to be broken?
    pub by_assumption: bool,
    /// Was it the downtime that took too long? That does not become shorter again.
    pub by_downtime: bool,
    /// May the step run, or run again?
    pub may_run: bool,
    /// May it be left out?
    pub may_skip: bool,
    /// What was decided about the run and is still to be carried out: nobody decides the opposite.
    pub decided: Option<Choice>,
}

impl Stop {
    /// The stop of a step that a journal tells of.
    pub fn of(
        plan: &Plan,
        change_id: &ChangeId,
        progress: Option<&ChangeProgress>,
        decided: Option<Choice>,
    ) -> Self {
        let started = progress.is_some_and(|progress| progress.partial);
        let change = plan.change(change_id);
        Self {
            by_assumption: progress.is_some_and(|progress| progress.assumption.is_some()),
            by_downtime: progress.is_some_and(|progress| is_downtime(plan, progress.assumption.as_deref())),
            may_run: change.is_none_or(|change| may_run_again(change, started)),
            may_skip: allows_skip(plan),
            decided,
        }
    }

    /// The choices that it takes, in the order in which they are offered.
    pub fn choices(self) -> Vec<Choice> {
        let all = [
            (Choice::Retry, self.may_run && !self.by_downtime),
            (Choice::Accept, self.may_run && self.by_assumption),
            (Choice::Rollback, self.decided != Some(Choice::Abort)),
            (Choice::Abort, self.decided != Some(Choice::Rollback)),
            (Choice::Skip, self.may_skip),
        ];
        all.into_iter()
            .filter_map(|(choice, taken)| taken.then_some(choice))
            .collect()
    }
}

/// May a step run once more? Not one that was started and whose `repeat` is `never`. Looking does no harm, work in
/// somebody's hands is theirs, and changes of another domain are looked for before they are made.
pub fn may_run_again(change: &Change, started: bool) -> bool {
    if !started || change.effect == Effect::Read || change.resource_type != STEP {
        return true;
    }
    let says = |key: &str| change.spec.as_ref()?.get(key)?.as_str();
    says("repeat") != Some("never") || says("kind") == Some("manual")
}

/// Is what a stop calls its assumption the limit of the downtime? Not where a plan of an earlier version has an assumption of that
/// name.
pub fn is_downtime(plan: &Plan, assumption: Option<&str>) -> bool {
    let assumptions = plan.document().and_then(|document| document.get("assumptions"));
    let mut assumptions = assumptions.and_then(Value::as_array).into_iter().flatten();
    let is_so_called = |found: &Value| found.get("id").and_then(Value::as_str) == Some(DOWNTIME);
    assumption == Some(DOWNTIME) && !assumptions.any(is_so_called)
}

fn allows_skip(plan: &Plan) -> bool {
    let said = plan
        .document()
        .and_then(|document| document.pointer("/settings/allow_skip"));
    said.and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use enact_core::change::Action;

    fn step(repeat: &str, kind: &str) -> Change {
        let mut change = Change::new(ChangeId::from("a"), Action::Run, STEP, "a", "a");
        change.effect = Effect::Write;
        change.spec = Some(serde_json::json!({ "repeat": repeat, "kind": kind }));
        change
    }

    #[test]
    fn what_was_started_runs_again_only_where_it_may() {
        assert!(!may_run_again(&step("never", "run"), true));
        assert!(may_run_again(&step("never", "run"), false));
        assert!(may_run_again(&step("safe", "run"), true));
        assert!(may_run_again(&step("keyed", "http"), true));
        assert!(may_run_again(&step("never", "manual"), true));
        let mut reads = step("never", "exec");
        reads.effect = Effect::Read;
        assert!(may_run_again(&reads, true));
    }

    #[test]
    fn only_what_is_taken_is_offered() {
        let mut stop = Stop {
            by_assumption: true,
            by_downtime: false,
            may_run: true,
            may_skip: false,
            decided: None,
        };
        use Choice::{Abort, Accept, Retry, Rollback, Skip};
        assert_eq!(stop.choices(), [Retry, Accept, Rollback, Abort]);
        stop.by_downtime = true;
        assert_eq!(stop.choices(), [Accept, Rollback, Abort]);
        stop.by_downtime = false;
        stop.by_assumption = false;
        assert_eq!(stop.choices(), [Retry, Rollback, Abort]);
        stop.may_run = false;
        stop.may_skip = true;
        assert_eq!(stop.choices(), [Rollback, Abort, Skip]);
    }
}
